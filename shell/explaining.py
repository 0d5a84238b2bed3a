"""`--explain`: how a request was understood, and the argument vectors that it stands for. Nothing of it is run."""

from collections.abc import Mapping
from dataclasses import replace

from executors.state import vectors_of
from intents.catalogue import Catalogue
from intents.interpretation import Interpretation
from intents.masking import masked
from intents.model_judge import ModelJudge
from shell.exit_status import ExitStatus
from shell.response import Response

EXPLAINED_CANDIDATES = 3


def explained(
    response: Response,
    interpretation: Interpretation,
    catalogue: Catalogue,
    facts: Mapping[str, str],
    *,
    judge: ModelJudge | None,
) -> Response:
    """Return the response with the nearest examples, and the vectors that would run on a host with these facts."""
    candidates = interpretation.candidates
    if judge is not None:
        text = masked(interpretation.request)
        candidates = tuple(
            replace(one, nearest_example=judge.nearest_example(text, catalogue[one.intent]))
            for one in candidates[:EXPLAINED_CANDIDATES]
        )
    vectors = [
        vector
        for match in interpretation.matches
        for vector in vectors_of(catalogue[match.intent], match.values(), facts)
    ]
    status = ExitStatus.DONE if interpretation.matches else ExitStatus.NOT_UNDERSTOOD
    shown = replace(interpretation, candidates=candidates)
    return replace(response, status=status, interpretation=shown, vectors=tuple(vectors))
