"""A judge that says what a test wants: doubles the model where only what surrounds it is tested."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intents.deciding import Signs
from intents.interpretation import Candidate
from intents.tagging import WordTag


@dataclass(frozen=True)
class Scores:
    candidates: Sequence[Candidate]
    none: float
    tags: Sequence[WordTag] = ()


class ScriptedJudge:
    """Gives these probabilities whatever it is asked; keeps what it was asked."""

    def __init__(self, probabilities: Mapping[str, float], tags: Sequence[WordTag] = ()) -> None:
        ordered = sorted(probabilities.items(), key=lambda pair: -pair[1])
        self._scores = Scores(
            [Candidate(name, probability, "") for name, probability in ordered],
            max(0.0, 1.0 - sum(probabilities.values())),
            tags,
        )
        self.asked: list[str] = []

    def score(self, text: str) -> Scores:
        self.asked.append(text)
        return self._scores


class AsScored:
    """Takes the judge's word for how sure it is, whatever the other signs say."""

    def chance(self, signs: Signs, *, is_change: bool) -> float:
        return 1.0 / (1.0 + math.exp(-signs.confidence))


class SomeNames:
    """Live names of a small machine."""

    _NAMES: Mapping[str, Sequence[str]] = {
        "unit": ("nginx.service", "ssh.service", "cron.service", "postgresql.service"),
        "user": ("root", "alice", "bob"),
        "group": ("root", "docker"),
        "host": ("web1", "web2"),
        "hostgroup": ("web",),
    }

    def names(self, kind: str) -> Sequence[str]:
        return self._NAMES.get(kind, ())
