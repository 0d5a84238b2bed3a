"""Fills an intent's parameters with values that stand in the request, each with its span.

Every value is a stretch of the request that its type accepts; nothing is ever made up. Which
stretch belongs to which parameter follows from the words around it: the words by which people
introduce the parameter ("lines", "to", "owner"), and the neighbours of the slot in the intent's
example sentences.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from intents.errors import ValueRejected
from intents.intent import Intent, Parameter
from intents.interpretation import Argument, Evidence, Span, overlap
from intents.tagging import WordTag
from intents.types.base import Found, ValueContext
from intents.types.canonical import CanonicalType
from intents.values import Json
from intents.words import FUNCTION_WORDS, Token, stem, tokens_of

_SLOT = re.compile(r"\{([a-z_]+)\}")
_NEGATIONS = frozenset({"not", "no", "without", "don't", "non"})
_SAID_BEFORE, _SAID_AFTER, _NEIGHBOUR_BEFORE, _NEIGHBOUR_AFTER = 4.0, 2.5, 2.0, 1.0
_REQUIRED, _LIVE_OR_SHAPED, _PLAIN_WORD = 1.0, 3.0, 0.5
_TAGGED, _LIKELY = 6.0, 0.5
"""How much the model's tags weigh, and where they begin to speak for a stretch."""
_UNLIKELY, _SURE = 0.1, 0.6
_LISTED = re.compile(r"\s*(?:,|;|&|\+|/|\band\b|\bn\b|\bor\b|\s)*\s*")
"""What stands between the members of a list."""
_SAID_IN_WORDS = frozenset({"boolean", "choice"})
"""Types whose values are said by words of the language; the model's tags know nothing of them."""
_SMALL_LETTERS = frozenset({"user", "group"})
_EDGES = " \t\"'`.,;:!?()[]<>\u201c\u201d\u2018\u2019"
_MARKS_INSIDE = re.compile(r"[\"`\u201c\u201d]|[,;:] ")
"""A stretch with a quote or a pause in it is not one value."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """What the request gives for an intent: arguments, the spans they use, what is missing."""

    arguments: dict[str, Argument]
    spans: tuple[Span, ...]
    missing: tuple[Parameter, ...]
    rejected: tuple[str, ...] = ()
    """Why a value that stands there was not taken ("There is no user bop")."""


@dataclass(frozen=True, slots=True)
class _Proposal:
    parameter: Parameter
    found: Found
    score: float
    cue: Span | None
    """The word that introduces the value ("lines"); used with it."""
    chance: float | None = None
    """How likely it is the parameter's value, by the model's tags; None where these say nothing."""
    is_shaped: bool = True
    """Whether its form shows that it is a value; otherwise it is a plain word."""


class SlotNeighbours:
    """The words that stand next to each slot in an intent's examples."""

    def __init__(self, intent: Intent) -> None:
        self.before: dict[str, set[str]] = {}
        self.after: dict[str, set[str]] = {}
        for example in intent.examples:
            words = example.casefold().split()
            for index, word in enumerate(words):
                match = _SLOT.search(word)
                if match is None:
                    continue
                if index > 0:
                    self.before.setdefault(match[1], set()).add(words[index - 1].strip(",.:;?!"))
                if index + 1 < len(words):
                    self.after.setdefault(match[1], set()).add(words[index + 1].strip(",.:;?!"))


def ground(
    intent: Intent,
    text: str,
    context: ValueContext,
    *,
    taken: Sequence[Span],
    known_stems: frozenset[str],
    tags: Sequence[WordTag] = (),
) -> Grounding:
    """Return what `text` gives for the intent's parameters, outside the spans already `taken`.

    `known_stems` are the words that belong to the intent itself; they are taken for names only where
    the model is sure of it. `tags`: what the model says of the words.
    """
    tokens = tokens_of(text)
    tagged = _Tagged(intent, tags)
    proposals = sorted(
        _likely(list(_proposals(intent, text, tokens, context, known_stems, tagged))),
        key=lambda one: (-one.score, one.found.start),
    )
    chosen: dict[str, list[_Proposal]] = {}
    used: list[Span] = list(taken)
    for proposal in proposals:
        name = proposal.parameter.name
        span = (proposal.found.start, proposal.found.end)
        if (name in chosen and not proposal.parameter.many) or any(overlap(span, other) for other in used):
            continue
        if not _may_use(proposal) or (name in chosen and not _is_one_more(proposal, chosen[name], text)):
            continue
        chosen.setdefault(name, []).append(proposal)
        used.append(span)
    return _grounding(intent, text, context, chosen)


def _likely(proposals: Sequence[_Proposal]) -> Iterator[_Proposal]:
    """Yield the proposals without the plain words that the model takes for none, where it takes others for the value."""
    best: dict[str, float] = {}
    for one in proposals:
        best[one.parameter.name] = max(best.get(one.parameter.name, 0.0), one.chance or 0.0)
    for one in proposals:
        is_doubtful = not one.is_shaped and one.chance is not None and one.chance < _UNLIKELY
        if not (is_doubtful and best[one.parameter.name] > _SURE):
            yield one


def _is_one_more(proposal: _Proposal, others: Sequence[_Proposal], text: str) -> bool:
    """Whether a further value of a parameter that takes several is meant as one: by its form, the model, or "and"."""
    if proposal.is_shaped or proposal.chance is None or proposal.chance > _LIKELY:
        return True
    return any(
        _LISTED.fullmatch(text[min(one.found.end, proposal.found.end) : max(one.found.start, proposal.found.start)])
        for one in others
    )


def _may_use(proposal: _Proposal) -> bool:
    """An optional number or word without any cue is left to the row operations and the reader."""
    return proposal.parameter.required or proposal.cue is not None or proposal.score >= _LIVE_OR_SHAPED


def _grounding(intent: Intent, text: str, context: ValueContext, chosen: dict[str, list[_Proposal]]) -> Grounding:
    arguments: dict[str, Argument] = {}
    spans: list[Span] = []
    missing: list[Parameter] = []
    rejected: list[str] = []
    for name, parameter in intent.parameters.items():
        picked = sorted(chosen.get(name, []), key=lambda one: one.found.start)
        if picked:
            arguments[name] = _argument(parameter, text, picked)
            spans += [(one.found.start, one.found.end) for one in picked]
            spans += [one.cue for one in picked if one.cue is not None]
        elif parameter.default is not None:
            value, problem = _default(parameter, context)
            if problem:
                rejected.append(problem)
            else:
                arguments[name] = Argument(value, Evidence("default", text=str(parameter.default)))
        elif parameter.required:
            missing.append(parameter)
    return Grounding(arguments, tuple(spans), tuple(missing), tuple(rejected))


def _argument(parameter: Parameter, text: str, picked: Sequence[_Proposal]) -> Argument:
    first, last = picked[0].found, picked[-1].found
    span = (first.start, last.end)
    notes = [one.found.note for one in picked if one.found.note]
    value: Json = [one.found.value for one in picked] if parameter.many else first.value
    return Argument(value, Evidence("request", span, text[span[0] : span[1]], "; ".join(notes) or None))


def default_value(parameter: Parameter, context: ValueContext) -> Json:
    """Return the parameter's declared default in canonical form. Raises `ValueRejected`."""
    default = parameter.default
    if isinstance(default, list | tuple):
        return [parameter.type.parse(str(one), context) for one in default]
    value = parameter.type.parse(_as_text(default), context)
    return [value] if parameter.many else value


def _as_text(default: Json) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _default(parameter: Parameter, context: ValueContext) -> tuple[Json, str]:
    try:
        return default_value(parameter, context), ""
    except ValueRejected as error:
        return None, error.message


# -- proposals: every (parameter, stretch) that could go together, with a score


class _Tagged:
    """What the model says of the words, for the parameters of one intent."""

    def __init__(self, intent: Intent, tags: Sequence[WordTag]) -> None:
        self._tags = tags
        self._names = frozenset(intent.parameters)

    def chance(self, parameter: Parameter, span: Span) -> float | None:
        """Return how likely a stretch is a value of `parameter`; None where the model says nothing."""
        if parameter.type.name in _SAID_IN_WORDS:
            return None
        chances = [tag.chance(parameter.name, self._names) for tag in self._tags if overlap(tag.span, span)]
        return sum(chances) / len(chances) if chances else None

    def stretches(self, parameter: Parameter) -> Iterator[Span]:
        """Yield the longest stretches of words that are rather `parameter`'s than anything else."""
        if parameter.type.name in _SAID_IN_WORDS:
            return
        start = end = -1
        for tag in self._tags:
            if tag.chance(parameter.name, self._names) > _LIKELY:
                start = tag.span[0] if start < 0 else start
                end = tag.span[1]
            elif start >= 0:
                yield start, end
                start = -1
        if start >= 0:
            yield start, end


def _proposals(
    intent: Intent,
    text: str,
    tokens: Sequence[Token],
    context: ValueContext,
    known_stems: frozenset[str],
    tagged: _Tagged,
) -> Iterator[_Proposal]:
    neighbours = SlotNeighbours(intent)
    for parameter in intent.parameters.values():
        if parameter.type.name == "boolean":
            yield from _flag(parameter, tokens)
            continue
        stretches = list(_stretches(parameter, text, tokens, context, known_stems))
        for found, is_shaped in [*stretches, *_tagged_stretches(parameter, text, context, tagged, stretches)]:
            score, cue = _score(parameter, found, tokens, neighbours)
            score += (_LIVE_OR_SHAPED if is_shaped else _PLAIN_WORD) + (_REQUIRED if parameter.required else 0.0)
            chance = tagged.chance(parameter, (found.start, found.end))
            if chance is not None:
                score += _TAGGED * (chance - _LIKELY)
            if parameter.type.name in _SMALL_LETTERS and text[found.start : found.end] != str(found.value).casefold():
                score -= _PLAIN_WORD  # "Ambrose has gone, log ambrose out"
            yield _Proposal(parameter, found, score, cue, chance, is_shaped)


def _tagged_stretches(
    parameter: Parameter,
    text: str,
    context: ValueContext,
    tagged: _Tagged,
    known: Sequence[tuple[Found, bool]],
) -> Iterator[tuple[Found, bool]]:
    """Yield the stretches that only the model sees: a service called `cron`, a text of three words without quotes."""
    spans = {(found.start, found.end) for found, _ in known}
    for start, end in tagged.stretches(parameter):
        inner = text[start:end].strip(_EDGES)
        at = text.index(inner, start) if inner else start
        if not inner or (at, at + len(inner)) in spans or _MARKS_INSIDE.search(inner):
            continue
        try:
            yield _resolved(parameter, Token(at, at + len(inner), inner), context), False
        except ValueRejected:
            continue


def _flag(parameter: Parameter, tokens: Sequence[Token]) -> Iterator[_Proposal]:
    """A boolean is said by naming it ("recursively"), and unsaid by a negation right before."""
    said = {stem(word.casefold()) for word in (*parameter.says, parameter.name)}
    for index, token in enumerate(tokens):
        if token.stem in said:
            negated = index > 0 and tokens[index - 1].folded in _NEGATIONS
            start = tokens[index - 1].start if negated else token.start
            yield _Proposal(parameter, Found(start, token.end, not negated), _LIVE_OR_SHAPED + 1, (start, token.end))


def _stretches(
    parameter: Parameter, text: str, tokens: Sequence[Token], context: ValueContext, known_stems: frozenset[str]
) -> Iterator[tuple[Found, bool]]:
    """Yield the stretches the type finds itself, then plain words that it would accept as a name."""
    shaped = list(parameter.type.find(text, context))
    for found in shaped:
        if _takes_plain_words(parameter) and _is_own_word(found, text, tokens, known_stems):
            continue  # "list the processes": there is an account called list
        yield found, parameter.type.name != "count" or parameter.required
    if not _takes_plain_words(parameter):
        return
    for token in tokens:
        if token.folded in FUNCTION_WORDS or any(overlap((token.start, token.end), (f.start, f.end)) for f in shaped):
            continue
        if token.stem in known_stems and not _is_quoted(text, token):
            continue
        try:
            found = _resolved(parameter, token, context)
        except ValueRejected:
            continue
        yield found, False


def _resolved(parameter: Parameter, token: Token, context: ValueContext) -> Found:
    """Return the value of a plain word, with what was read into it. Raises `ValueRejected`."""
    kind = parameter.type
    if isinstance(kind, CanonicalType):
        found: Found = kind.resolve(token.text, context)
        return Found(token.start, token.end, found.value, found.note)
    return Found(token.start, token.end, kind.parse(token.text, context))


def _takes_plain_words(parameter: Parameter) -> bool:
    name = parameter.type.name
    return name.startswith("name") or name in {
        "user", "group", "package", "interface", "host", "process", "text", "regex", "mount", "glob", "mode", "signal", "pid",
    }  # fmt: skip


def _is_own_word(found: Found, text: str, tokens: Sequence[Token], known_stems: frozenset[str]) -> bool:
    """Whether a name that was found is just a word of the intent's own, or of any sentence."""
    return any(
        (token.start, token.end) == (found.start, found.end)
        and (token.stem in known_stems or token.folded in FUNCTION_WORDS)
        and not _is_quoted(text, token)
        for token in tokens
    )


def _is_quoted(text: str, token: Token) -> bool:
    return token.start > 0 and text[token.start - 1] in "\"'`"


def _score(
    parameter: Parameter, found: Found, tokens: Sequence[Token], neighbours: SlotNeighbours
) -> tuple[float, Span | None]:
    """Return how well the words around a stretch introduce the parameter, and the word that does."""
    said = {stem(word.casefold()) for word in (*parameter.says, *parameter.name.split("_"))}
    before = [token for token in tokens if token.end <= found.start][-2:]
    after = [token for token in tokens if token.start >= found.end][:1]
    score, cue = 0.0, None
    for distance, token in enumerate(reversed(before)):
        if token.stem in said:
            score += _SAID_BEFORE - distance
            cue = (token.start, token.end)
            break
    if cue is None and after and after[0].stem in said:
        score += _SAID_AFTER
        cue = (after[0].start, after[0].end)
    if before and before[-1].folded in neighbours.before.get(parameter.name, ()):
        score += _NEIGHBOUR_BEFORE
    if after and after[0].folded in neighbours.after.get(parameter.name, ()):
        score += _NEIGHBOUR_AFTER
    return score, cue
