"""English to an interpretation: the model chooses among vetted intents, the request gives the values.

The model scores every intent; the best few are read against the request (arguments, operations,
leftover words), and how well a request reads weighs with the score. How likely the best reading is
what was meant follows from all of that (`intents.deciding`). Sure enough: a match. Close or
incomplete: a question. Otherwise a decline that names the nearest things.
"""

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from intents.back_references import NOTHING_EARLIER, Earlier, Pronoun, linked, pronoun_in, stand_in
from intents.change_verbs import change_verbs
from intents.deciding import Decider, Scores, Signs, Thresholds, is_plain, signs_of
from intents.everyday import everyday_stems
from intents.export import ExportPhrase, export_in
from intents.intent import Intent
from intents.interpretation import (
    Argument,
    Candidate,
    Evidence,
    Interpretation,
    Match,
    Question,
    RowReference,
    Span,
    TargetPhrase,
)
from intents.mapped_text import MappedText
from intents.masking import mask, masked
from intents.narrowing import narrowing
from intents.operations import Export
from intents.reading import Reading, read_as
from intents.replies import TOLD, asked_about, conditional, declined, menu, not_accounted_for, which
from intents.row_phrases import RowPhrase
from intents.speech import (
    check_request,
    clauses_of,
    is_asking,
    is_explanation,
    is_for_each,
    is_ordered,
    is_shell_line,
    is_shown,
    is_statement,
)
from intents.tagging import WordTag, conditional_chance
from intents.types.base import ValueContext
from intents.words import Token, tokens_of


class IntentScores(Protocol):
    """The model's opinion of one request."""

    @property
    def candidates(self) -> Sequence[Candidate]:
        """Intents with their probabilities, best first."""
        ...

    @property
    def none(self) -> float:
        """The probability that the request is for no intent at all."""
        ...

    @property
    def tags(self) -> Sequence[WordTag]:
        """Which parameter each word of the text is a value of; empty where the model doesn't say."""
        ...


class Judge(Protocol):
    """The llama.cpp model with its heads, as the interpreter sees it."""

    def score(self, text: str) -> IntentScores:
        """Score `text` against every intent; deterministic."""
        ...


class Decides(Protocol):
    """How likely a reading is what was meant, by its signs."""

    def chance(self, signs: Signs, *, is_change: bool) -> float:
        """Return the chance, 0 to 1."""
        ...


class Second(Protocol):
    """A person's own generator, as the interpreter sees it: asked only where the first judge isn't sure."""

    def log_likelihoods(self, request: str, intents: Sequence[Intent]) -> Sequence[float]:
        """Return, for each intent, how likely it leads to this request (a logarithm)."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said to a question: the intent they chose, and values by parameter."""

    intent: str | None = None
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Clause:
    """One step of a request with all that it is read against."""

    whole: str
    offset: int
    text: str
    context: ValueContext
    facts: Mapping[str, str]
    spans: tuple[Span, ...]
    answer: Answer
    earlier: Earlier = NOTHING_EARLIER

    @property
    def pronoun(self) -> Pronoun | None:
        """Its word for something said before, where anything was."""
        return pronoun_in(self.text) if self.earlier.matches else None


_EXCEPTIONS = frozenset("except excluding without but only unless neither nor instead".split())
"""Words that would have narrowed what a read shows; it may not leave them aside."""
_ORDERING = re.compile(r"(?:^|[,;.:!?]|\b(?:and|then|or|also|plus|please|pls|kindly|just))\s*$", re.IGNORECASE)
"""What stands before a verb that orders something."""
SECOND_WEIGHT = 0.15
"""How much a nat of the second judge's likelihood counts; set by hand, measured in docs/accuracy.md."""
SHORTLIST = 6
"""How many candidates are read against the request."""
_MISSING, _SOFT, _HARD = 0.6, 0.7, 0.8
"""What each missing argument, unexplained word, and unexplained condition leaves of a score."""
_LOWEST_SCORE = 0.02
"""Scores below this can't win by reading well."""


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The readings of a clause, best first with their weights; what the model says of it; how sure it is of the best."""

    readings: Sequence[tuple[float, Reading]]
    candidates: tuple[Candidate, ...]
    tags: Sequence[WordTag]
    scores: Scores

    @property
    def best(self) -> Reading:
        return self.readings[0][1]

    @property
    def signs(self) -> Signs:
        return signs_of(self.best, self.scores, self.tags)


class Interpreter:
    """Maps requests to interpretations. Same request, model, catalogue and context: same result."""

    def __init__(
        self,
        catalogue: Mapping[str, Intent],
        judge: Judge,
        *,
        second: Second | None = None,
        decider: Decides | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._judge = judge
        self._second = second
        self._own_decider = decider
        self._thresholds = thresholds or Thresholds()

    @cached_property
    def _decider(self) -> Decides:
        return self._own_decider or Decider.load()

    @cached_property
    def _change_verbs(self) -> frozenset[str]:
        return change_verbs(self._catalogue)

    def interpret(
        self,
        request: str,
        context: ValueContext,
        *,
        facts: Mapping[str, str] | None = None,
        target: TargetPhrase | None = None,
        target_spans: Sequence[Span] = (),
        answer: Answer | None = None,
        said_before: Sequence[Match] = (),
    ) -> Interpretation:
        """Return what `request` means.

        `target` and `target_spans` come from `intents.targets.find_target`; `facts` choose the
        variant whose columns row operations may name; `said_before` is what "it" may mean. Raises `RequestError` for what is no request.
        """
        started = time.perf_counter()
        text = check_request(request)
        shift = request.index(text[0]) if text else 0
        spans = tuple((start - shift, end - shift) for start, end in target_spans)
        earlier = Earlier(tuple(said_before), "conversation")
        result = self._interpret(_Clause(text, 0, text, context, facts or {}, spans, answer or Answer(), earlier))
        elapsed = (time.perf_counter() - started) * 1000
        return replace(result, request=text, target=target, timing_ms={"interpret": round(elapsed, 3)})

    def signs(
        self, request: str, context: ValueContext, *, facts: Mapping[str, str] | None = None
    ) -> tuple[Reading, Signs] | None:
        """Return the best reading of a request as one step, and its signs; None where nothing comes into question.

        From these the decision is fitted (`scripts/training/decision.py`).
        """
        text = check_request(request)
        if is_shell_line(text) or is_explanation(text):
            return None
        weighed = self._weigh(_Clause(text, 0, text, context, facts or {}, (), Answer()))
        return (weighed.best, weighed.signs) if weighed.readings else None

    def _interpret(self, request: _Clause) -> Interpretation:
        text = request.whole
        if is_shell_line(text):
            return declined(
                text,
                self._nearest(self._judge.score(masked(text)).candidates),
                "This is a line for a shell. sayso doesn't run commands; say what you want to know or change.",
                stage="the request is a line for a shell",
            )
        if is_explanation(text):
            return declined(
                text,
                self._nearest(self._judge.score(masked(text)).candidates),
                "You ask for an explanation, which I can't give; say what you want to know of a machine, or change on it.",
                stage="the request asks for an explanation",
            )
        wanted = export_in(text)
        if wanted is not None:
            request = replace(request, text=text[: wanted.span[0]])
        clauses = clauses_of(request.text, self._change_verbs)
        if len(clauses) == 1 or request.answer.intent or request.answer.values:
            result = self._one(request)
        else:
            result = self._in_steps_or_one(request, clauses)
        if len(result.matches) == 1 and is_for_each(text):
            intent = self._catalogue[result.matches[0].intent]
            return not_accounted_for(text, intent, tokens_of(text)[:2])
        return result if wanted is None or not result.matches else self._exported(request, result, wanted)

    def _exported(self, request: _Clause, result: Interpretation, wanted: ExportPhrase) -> Interpretation:
        """Rows as text on the screen, or written into a file as a further step, which is planned and approved."""
        last = result.matches[-1]
        if self._catalogue[last.intent].is_change:
            question = Question(f"`{last.intent}` shows no rows that could be written as {wanted.format.upper()}.")
            return Interpretation(request.whole, 0.0, question=question, stage="only what is read can be exported")
        evidence = Evidence("request", wanted.span, request.whole[wanted.span[0] : wanted.span[1]].strip())
        if wanted.path is None:
            shown = replace(
                last,
                operations=(*last.operations, Export(wanted.format)),
                operations_evidence=(*last.operations_evidence, evidence),
            )
            return replace(result, matches=(*result.matches[:-1], shown))
        writing = self._catalogue["file.create"].parameters["path"]
        path = Argument(writing.type.parse(wanted.path, request.context), evidence)
        content = RowReference(len(result.matches) - 1, "", wanted.format)
        written = Match("file.create", {"path": path}, last.confidence, references={"content": content})
        return replace(result, matches=(*result.matches, written))

    def _several(self, request: _Clause, clauses: Sequence[tuple[int, str]]) -> Interpretation:
        """Each clause must be a match of its own; the first that isn't decides for the whole."""
        parts: list[Interpretation] = []
        for offset, text in clauses:
            inner = [(max(0, one - offset), min(len(text), other - offset)) for one, other in request.spans]
            spans = tuple(span for span in inner if span[0] < span[1])
            said = Earlier(tuple(match for part in parts for match in part.matches)) if parts else request.earlier
            part = self._one(replace(request, offset=offset, text=text, spans=spans, earlier=said))
            if not part.matches:
                return replace(part, stage=f'in the step "{text}": {part.stage}')
            parts.append(part)
        return Interpretation(
            request=request.whole,
            confidence=min(part.confidence for part in parts),
            matches=tuple(match for part in parts for match in part.matches),
            ignored=tuple(word for part in parts for word in part.ignored),
            candidates=parts[0].candidates,
            stage=f"{len(parts)} steps in order",
        )

    def _in_steps_or_one(self, request: _Clause, clauses: Sequence[tuple[int, str]]) -> Interpretation:
        """A story and the wish that it led to are one ("the fan roars; what is busy?"); so is what gives one operation twice."""
        steps = self._several(request, clauses)
        if is_ordered(request.text):
            return steps
        if is_shown(clauses[-1][1]):  # "find the big files and list them" is one read, "copy it and show it" two steps
            whole = self._one(request)
            is_read = bool(whole.matches) and not self._catalogue[whole.matches[0].intent].is_change
            return whole if is_read else steps
        operations = {match.intent for match in steps.matches}
        if len(operations) > 1 and not any(is_statement(text) for _, text in clauses):
            return steps
        whole = self._one(request)
        return whole if whole.matches or (not steps.matches and _is_nearer(whole, steps)) else steps

    # -- one clause

    def _one(self, clause: _Clause) -> Interpretation:
        weighed = self._weigh(clause)
        if not weighed.readings:
            return declined(
                clause.whole,
                self._nearest(weighed.candidates),
                "Nothing that I can do fits this request.",
                stage="no candidate",
            )
        chance = self._chance(weighed, clause.answer)
        if self._second is not None and self._is_middle(chance, weighed):
            weighed = self._judged_again(clause, weighed, self._second)
            chance = self._chance(weighed, clause.answer)
        decided = self._decide(clause, round(chance, 4), weighed)
        return _moved(replace(decided, candidates=weighed.candidates, confidence=round(chance, 4)), clause.offset)

    def _chance(self, weighed: _Weighed, answer: Answer) -> float:
        """Return how likely the best reading is what was meant; what a person chose is."""
        is_change = weighed.best.intent.is_change
        return 1.0 if answer.intent else self._decider.chance(weighed.signs, is_change=is_change)

    def _is_middle(self, chance: float, weighed: _Weighed) -> bool:
        is_sure = chance >= self._thresholds.needed_for(weighed.best.intent)
        return not is_sure and weighed.scores.confidence >= self._thresholds.ask and len(weighed.readings) > 1

    def _judged_again(self, clause: _Clause, weighed: _Weighed, second: Second) -> _Weighed:
        """Weigh the same readings with what the second judge says; it adds none, and no value."""
        likelihoods = second.log_likelihoods(clause.text, [reading.intent for _, reading in weighed.readings])
        highest = max(likelihoods)
        readings = [
            (weight * math.exp(SECOND_WEIGHT * (likelihood - highest)), reading)
            for (weight, reading), likelihood in zip(weighed.readings, likelihoods, strict=True)
        ]
        readings.sort(key=lambda pair: -pair[0])
        share = readings[0][0] / sum(weight for weight, _ in readings)
        nobody = weighed.scores.nobody
        return replace(weighed, readings=readings, scores=Scores((1.0 - nobody) * share, share, nobody))

    def _weigh(self, clause: _Clause) -> _Weighed:
        """Read the best candidates against the clause; no readings where none has any weight."""
        pronoun = clause.pronoun
        judged = mask(_judged(clause, pronoun))
        scores = self._judge.score(judged.text)
        tags = tuple(replace(tag, span=judged.origin(*tag.span)) for tag in scores.tags)
        taken = clause.spans if pronoun is None else (*clause.spans, pronoun.span)
        readings: list[tuple[float, Reading]] = []
        for candidate in self._shortlist(scores, clause.answer):
            intent = self._catalogue[candidate.intent]
            operation = intent.operation_for(clause.facts)
            reading = read_as(intent, clause.text, clause.context, taken=taken, operation=operation, tags=tags)
            readings.append((candidate.score * _fit(reading, len(self._links(clause, reading))), reading))
        readings.sort(key=lambda pair: -pair[0])
        candidates = tuple(scores.candidates[:TOLD])
        total = sum(weight for weight, _ in readings)
        if total <= 0:
            return _Weighed((), candidates, tags, Scores(0.0, 0.0, 1.0))
        share = readings[0][0] / total
        return _Weighed(readings, candidates, tags, Scores((1.0 - scores.none) * share, share, scores.none))

    def _shortlist(self, scores: IntentScores, answer: Answer) -> list[Candidate]:
        if answer.intent is not None:
            return [Candidate(answer.intent, 1.0, "")] if answer.intent in self._catalogue else []
        return [one for one in scores.candidates[:SHORTLIST] if one.score >= _LOWEST_SCORE]

    def _decide(self, clause: _Clause, chance: float, weighed: _Weighed) -> Interpretation:
        needed = self._thresholds.needed_for(weighed.best.intent)
        if weighed.scores.confidence < self._thresholds.ask and chance < needed and not clause.answer.intent:
            nearest = [(reading.intent, weight) for weight, reading in weighed.readings]
            return declined(clause.whole, nearest, "I don't know an operation for this.", stage="low confidence")
        objection = self._objection(clause, chance, weighed)
        if objection is not None:
            return objection
        if chance < needed:
            offered = [reading.intent for weight, reading in weighed.readings if weight > 0]
            return menu(clause.whole, offered, f"confidence {chance:.2f} is below {needed:.2f}")
        return self._matched(clause, weighed.best, chance)

    def _objection(self, clause: _Clause, chance: float, weighed: _Weighed) -> Interpretation | None:
        """Return what has to be asked however clear the intent is; None: nothing."""
        best = weighed.best
        intent = best.intent
        if clause.answer.intent is None and intent.is_change:
            if is_asking(clause.text):
                return asked_about(clause.whole, intent)
            likely = conditional_chance(weighed.tags)
            if likely >= self._thresholds.conditional:
                told = sorted(sorted(weighed.tags, key=lambda tag: -tag.condition)[:3], key=lambda tag: tag.span)
                told_words = " ".join(clause.text[slice(*tag.span)] for tag in told)
                return conditional(clause.whole, intent, told_words, likely)
        is_missing = len(best.grounding.missing) > len(self._links(clause, best))
        is_answered = clause.answer.intent is not None or clause.answer.values is not None
        if is_missing and not is_answered and chance >= self._thresholds.needed_for(intent):
            return None  # what is missing is asked first
        words = self._unexplained(best, clause, chance, weighed.tags)
        return not_accounted_for(clause.whole, intent, words) if words else None

    def _unexplained(self, best: Reading, clause: _Clause, chance: float, tags: Sequence[WordTag]) -> Sequence[Token]:
        """Return the words that may not be left aside.

        A read leaves no exception aside, no order of a change, and nothing that would have narrowed the answer (what looks
        like a value, a live name, a time); a change no condition, negation or time, and words that don't just tell why
        only where all is very sure.
        """
        text = clause.text
        words = {token for token in best.soft if not is_plain(token) or self._is_order(token, text)}
        words |= {token for token in best.loosely if token.start > 0 and self._is_order(token, text)}
        if not best.intent.is_change:
            words |= {token for token in best.leftover if token.folded in _EXCEPTIONS}
            words |= narrowing(best, text, clause.context)
        else:
            words |= set(best.hard)
            if chance < self._thresholds.strange or not tags:
                everyday = everyday_stems() if tags else frozenset[str]()
                words |= {token for token in best.soft if token.stem not in everyday}
        return sorted(words, key=lambda token: token.start)

    def _is_order(self, token: Token, text: str) -> bool:
        """Whether a word orders a change where it stands: "show the disks and delete them", not "what keeps it busy"."""
        return token.stem in self._change_verbs and _ORDERING.search(text[: token.start]) is not None

    def _nearest(self, candidates: Sequence[Candidate]) -> Sequence[tuple[Intent, float]]:
        known = [one for one in candidates[:TOLD] if one.intent in self._catalogue]
        return [(self._catalogue[one.intent], one.score) for one in known]

    def _matched(self, clause: _Clause, best: Reading, confidence: float) -> Interpretation:
        text, context = clause.whole, clause.context
        intent, grounding = best.intent, best.grounding
        arguments = dict(grounding.arguments)
        missing, references = [], dict[str, RowReference]()
        links = self._links(clause, best)
        for parameter in grounding.missing:
            link = links.get(parameter.name)
            if isinstance(link, RowReference):
                references[parameter.name] = link
                continue
            if link is not None:
                arguments[parameter.name] = link
                continue
            given = (clause.answer.values or {}).get(parameter.name)
            if given is None:
                missing.append(parameter)
                continue
            parsed = parameter.type.parse(given, context)
            arguments[parameter.name] = Argument([parsed] if parameter.many else parsed, Evidence("answer", text=given))
        if missing:
            unknown = best.soft[0].text if best.soft else None
            return which(text, intent, missing[0], context, unknown=unknown, confidence=confidence)
        evidence = tuple(_said_by(phrase, clause.text) for phrase in best.phrases)
        match = Match(
            intent.name,
            arguments,
            round(confidence, 4),
            tuple(phrase.operation for phrase in best.phrases),
            evidence,
            references=references,
        )
        ignored = tuple(token.text for token in best.leftover)
        return Interpretation(text, confidence, matches=(match,), ignored=ignored, stage="sure enough to act")

    def _links(self, clause: _Clause, reading: Reading) -> dict[str, Argument | RowReference]:
        """Return what the clause's pronoun gives to parameters that it names no value for; rows to one at most."""
        pronoun = clause.pronoun
        if pronoun is None:
            return {}
        found: dict[str, Argument | RowReference] = {}
        for parameter in reading.grounding.missing:
            link = linked(parameter, pronoun, clause.earlier, self._catalogue, clause.facts)
            if link is not None:
                found[parameter.name] = link
        return found if len(found) <= 1 else {}


def _judged(clause: _Clause, pronoun: Pronoun | None) -> MappedText:
    """Return the clause as it is judged: without its hosts, and with what a pronoun may stand for in its place."""
    text = MappedText.of(clause.text)
    word = stand_in(clause.earlier) if pronoun is not None else None
    if pronoun is not None and word is not None:
        # What stands behind it moves; spans of hosts before it stay, and the hosts behind it are cut out first.
        behind = [span for span in clause.spans if span[0] >= pronoun.span[1]]
        before = [span for span in clause.spans if span[1] <= pronoun.span[0]]
        return text.without(behind).replaced(*pronoun.span, word).without(before)
    kept = text.without(clause.spans)
    return kept if kept.text.strip() else text


def _fit(reading: Reading, linked_count: int) -> float:
    """Return what reading badly leaves of a candidate's score, 0 to 1."""
    missing = len(reading.grounding.missing) - linked_count
    fit: float = _MISSING**missing * _SOFT ** len(reading.soft) * _HARD ** len(reading.hard)
    return fit


def _is_nearer(whole: Interpretation, steps: Interpretation) -> bool:
    """Whether the question about the whole says more than the one about a step."""
    return whole.question is not None and whole.confidence > steps.confidence


def _said_by(phrase: RowPhrase, text: str) -> Evidence:
    """Return the stretch of the clause from the first to the last word that says a row operation."""
    span = (min(start for start, _ in phrase.spans), max(end for _, end in phrase.spans))
    return Evidence("request", span, text[span[0] : span[1]])


def _moved(interpretation: Interpretation, offset: int) -> Interpretation:
    """Return the interpretation of a clause with its spans counted in the whole request."""

    def moved(evidence: Evidence) -> Evidence:
        if evidence.span is None:
            return evidence
        return replace(evidence, span=(evidence.span[0] + offset, evidence.span[1] + offset))

    matches = tuple(
        replace(
            match,
            arguments={
                name: replace(argument, evidence=moved(argument.evidence)) for name, argument in match.arguments.items()
            },
            operations_evidence=tuple(moved(evidence) for evidence in match.operations_evidence),
        )
        for match in interpretation.matches
    )
    return replace(interpretation, matches=matches)
