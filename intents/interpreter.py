"""English to an interpretation: the model chooses among vetted intents, the request gives the values.

The model scores every intent; the best few are read against the request (arguments, operations,
leftover words), and how well a request reads weighs with the score. Sure enough: a match. Close
or incomplete: a question. Otherwise a decline that names the nearest things.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from intents.back_references import NOTHING_EARLIER, Earlier, Pronoun, linked, pronoun_in, stand_in
from intents.everyday import everyday_stems
from intents.export import ExportPhrase, export_in
from intents.intent import Intent, Risk
from intents.interpretation import (
    Argument,
    Candidate,
    Choice,
    Decline,
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
from intents.operations import Export
from intents.reading import Reading, own_words, read_as
from intents.row_phrases import RowPhrase
from intents.speech import check_request, clauses_of, is_asking, is_explanation, is_shell_line
from intents.tagging import WordTag, conditional_chance
from intents.types.base import ValueContext
from intents.words import Token, stem, tokens_of


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


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to act, when to ask. Chosen on sentences that trained nothing; see docs/accuracy.md."""

    read: float = 0.5
    change: float = 0.70
    destructive: float = 0.90
    ask: float = 0.12
    talkative: float = 0.65
    """How sure a read must be to leave more than a word or two of the request aside."""
    conditional: float = 0.3
    """How likely a change's order may hold a condition before it is asked about."""
    talkative_change: float = 0.9
    """How sure a change must be to leave everyday words aside; any other word is asked about."""

    def needed_for(self, intent: Intent) -> float:
        """Return how sure it must be that this intent is meant."""
        if intent.risk is Risk.DESTRUCTIVE:
            return self.destructive
        return self.change if intent.is_change else self.read


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


IGNORABLE_WORDS = 1
"""How many unexplained words a read may ignore (and say so) however sure it is."""
SHORTLIST = 6
"""How many candidates are read against the request."""
TOLD = 8
"""How many candidates an interpretation names."""
_MISSING, _SOFT, _HARD = 0.6, 0.7, 0.8
"""What each missing argument, unexplained word, and unexplained condition leaves of a score."""
_LOWEST_SCORE = 0.02
"""Scores below this can't win by reading well."""


class Interpreter:
    """Maps requests to interpretations. Same request, model, catalogue and context: same result."""

    def __init__(self, catalogue: Mapping[str, Intent], judge: Judge, *, thresholds: Thresholds | None = None) -> None:
        self._catalogue = catalogue
        self._judge = judge
        self._thresholds = thresholds or Thresholds()

    @cached_property
    def _change_verbs(self) -> frozenset[str]:
        return _change_verbs(self._catalogue)

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

    def _interpret(self, request: _Clause) -> Interpretation:
        text = request.whole
        if is_shell_line(text):
            return self._declined(
                text,
                self._judge.score(masked(text)).candidates,
                "This is a line for a shell. sayso doesn't run commands; say what you want to know or change.",
                stage="the request is a line for a shell",
            )
        if is_explanation(text):
            return self._declined(
                text,
                self._judge.score(masked(text)).candidates,
                "You ask for an explanation, which I can't give; say what you want to know of a machine, or change on it.",
                stage="the request asks for an explanation",
            )
        wanted = export_in(text)
        if wanted is not None:
            request = replace(request, text=text[: wanted.span[0]])
        clauses = clauses_of(request.text)
        if len(clauses) == 1 or request.answer.intent or request.answer.values:
            result = self._one(request)
        else:
            result = self._several(request, clauses)
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

    # -- one clause

    def _one(self, clause: _Clause) -> Interpretation:
        pronoun = clause.pronoun
        judged = mask(_judged(clause, pronoun))
        scores = self._judge.score(judged.text)
        tags = tuple(replace(tag, span=judged.origin(*tag.span)) for tag in scores.tags)
        taken = clause.spans if pronoun is None else (*clause.spans, pronoun.span)
        weighed: list[tuple[float, Reading]] = []
        for candidate in self._shortlist(scores, clause.answer):
            intent = self._catalogue[candidate.intent]
            operation = intent.operation_for(clause.facts)
            reading = read_as(intent, clause.text, clause.context, taken=taken, operation=operation, tags=tags)
            weighed.append((candidate.score * _fit(reading, len(self._links(clause, reading))), reading))
        weighed.sort(key=lambda pair: -pair[0])
        total = sum(weight for weight, _ in weighed)
        candidates = tuple(scores.candidates[:TOLD])
        if not weighed or total <= 0:
            return self._declined(
                clause.whole, candidates, "Nothing that I can do fits this request.", stage="no candidate"
            )
        confidence = round(1.0 if clause.answer.intent else (1.0 - scores.none) * weighed[0][0] / total, 4)
        decided = self._decide(clause, confidence, weighed, tags)
        return _moved(replace(decided, candidates=candidates, confidence=confidence), clause.offset)

    def _shortlist(self, scores: IntentScores, answer: Answer) -> list[Candidate]:
        if answer.intent is not None:
            return [Candidate(answer.intent, 1.0, "")] if answer.intent in self._catalogue else []
        return [one for one in scores.candidates[:SHORTLIST] if one.score >= _LOWEST_SCORE]

    def _decide(
        self,
        clause: _Clause,
        confidence: float,
        weighed: Sequence[tuple[float, Reading]],
        tags: Sequence[WordTag],
    ) -> Interpretation:
        best = weighed[0][1]
        intent = best.intent
        needed = self._thresholds.needed_for(intent)
        if confidence < self._thresholds.ask:
            candidates = [Candidate(reading.intent.name, weight, "") for weight, reading in weighed]
            return self._declined(
                clause.whole, candidates, "I don't know an operation for this.", stage="low confidence"
            )
        if confidence < needed:
            return self._menu(clause.whole, weighed, f"confidence {confidence:.2f} is below {needed:.2f}")
        objection = self._objection(clause, confidence, weighed, tags)
        return self._matched(clause, best, confidence) if objection is None else objection

    def _objection(
        self,
        clause: _Clause,
        confidence: float,
        weighed: Sequence[tuple[float, Reading]],
        tags: Sequence[WordTag],
    ) -> Interpretation | None:
        """Return what has to be asked although the intent is clear; None: nothing."""
        best = weighed[0][1]
        intent = best.intent
        if clause.answer.intent is None:
            if intent.is_change and is_asking(clause.text):
                return self._asked_about(clause.whole, intent)
            conditional = self._conditional(clause, best, tags) if intent.is_change else None
            if conditional is not None:
                return conditional
            if not intent.is_change and not self._may_ignore(best, confidence):
                words = ", ".join(token.text for token in best.soft)
                return self._menu(clause.whole, weighed, f"too many words are not accounted for: {words}")
        is_missing = len(best.grounding.missing) > len(self._links(clause, best))
        problem = None if is_missing and not clause.answer.values else self._leftover_question(best, confidence)
        if problem is None:
            return None
        stage = "a word of the request is not accounted for"
        return Interpretation(clause.whole, 0.0, question=problem, stage=stage)

    def _conditional(self, clause: _Clause, best: Reading, tags: Sequence[WordTag]) -> Interpretation | None:
        """A change is never planned without the condition, exception, place or time that its order holds."""
        chance = conditional_chance(tags)
        if chance < self._thresholds.conditional:
            return None
        told = sorted(sorted(tags, key=lambda tag: -tag.condition)[:3], key=lambda tag: tag.span)
        words = " ".join(clause.text[start:end] for start, end in (tag.span for tag in told))
        question = Question(
            f"I understood `{best.intent.name}` ({_small(best.intent.summary)}), but the order seems to hold more"
            f" than that ({words}), and I can't keep it. Say the order alone, when it is to be done.",
            intent=best.intent.name,
        )
        return Interpretation(clause.whole, 0.0, question=question, stage=f"a condition is likely ({chance:.2f})")

    def _may_ignore(self, reading: Reading, confidence: float) -> bool:
        """Whether a read may leave its unexplained words aside (and say so).

        Never what looks like a value (a name with digits, an address): it would have narrowed the
        answer. Plain words may be many only where the model is sure.
        """
        values = [token for token in reading.soft if not _is_plain(token) and not _is_flag(token)]
        if values:
            return False
        return len(reading.soft) <= IGNORABLE_WORDS or confidence >= self._thresholds.talkative

    def _leftover_question(self, best: Reading, confidence: float) -> Question | None:
        """A change may leave no word over but those that tell why; a read no condition, and no order of a change."""
        intent = best.intent
        words = self._unexplained(best, confidence) if intent.is_change else best.hard
        if not intent.is_change and not words:
            words = tuple(token for token in best.soft if token.stem in self._change_verbs)
        if not words:
            return None
        said = ", ".join(f'"{token.text}"' for token in words)
        return Question(
            f"I understood `{intent.name}` ({_small(intent.summary)}), but not {said}. Say it without, or in other words.",
            intent=intent.name,
        )

    def _unexplained(self, best: Reading, confidence: float) -> tuple[Token, ...]:
        """Return the leftover words of a change that must be asked about; the plan names the others."""
        if confidence < self._thresholds.talkative_change:
            return best.leftover
        everyday = everyday_stems()
        return tuple(
            token for token in best.leftover if token in best.hard or token.stem not in everyday - self._change_verbs
        )

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
            parameter = missing[0]
            hint = f" ({parameter.description})" if parameter.description else ""
            unknown = " ".join(f'"{token.text}" is none that I know here.' for token in best.soft[:1])
            question = Question(
                f"To {_small(intent.summary)}: which {parameter.name.replace('_', ' ')}{hint}? {unknown}".rstrip(),
                choices=tuple(Choice(name, value=name) for name in parameter.type.complete("", context)[:5]),
                intent=intent.name,
                parameter=parameter.name,
            )
            return Interpretation(
                text, confidence, question=question, stage=f"`{parameter.name}` is not in the request"
            )
        evidence = tuple(_said_by(phrase, clause.text) for phrase in best.phrases)
        match = Match(
            intent.name,
            arguments,
            round(confidence, 4),
            tuple(phrase.operation for phrase in best.phrases),
            evidence,
            references=references,
        )
        ignored = tuple(token.text for token in best.soft)
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

    # -- the other outcomes

    def _asked_about(self, text: str, intent: Intent) -> Interpretation:
        question = Question(
            f"You asked about it, so nothing is changed. To {_small(intent.summary)}, say it as an order.",
            choices=(Choice(intent.summary, intent=intent.name),),
        )
        return Interpretation(text, 0.0, question=question, stage="a sentence that asks never becomes a change")

    def _menu(self, text: str, weighed: Sequence[tuple[float, Reading]], stage: str) -> Interpretation:
        choices = tuple(
            Choice(reading.intent.summary, intent=reading.intent.name) for weight, reading in weighed[:3] if weight > 0
        )
        return Interpretation(text, 0.0, question=Question("Which of these do you mean?", choices), stage=stage)

    def _declined(self, text: str, candidates: Sequence[Candidate], reason: str, *, stage: str) -> Interpretation:
        nearest = tuple(
            Choice(self._catalogue[one.intent].summary, intent=one.intent)
            for one in candidates[:3]
            if one.intent in self._catalogue
        )
        confidence = candidates[0].score if candidates else 0.0
        return Interpretation(
            text, confidence, decline=Decline(reason, nearest), candidates=tuple(candidates[:TOLD]), stage=stage
        )


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


def _change_verbs(catalogue: Mapping[str, Intent]) -> frozenset[str]:
    """Return the stems by which changes are ordered: a read may not ignore them.

    Of the words with which a change's sentences begin, those that no read has; of the verbs in changes' names all
    but those in reads' names. That some read says "which services need a restart" takes nothing from that verb: what
    the read at hand accounts for itself is no leftover.
    """
    first, verbs, read, named = set[str](), set[str](), set[str](), set[str]()
    for intent in catalogue.values():
        noun, _, verb = intent.name.partition(".")
        if intent.is_change:
            first |= {token.stem for example in intent.examples for token in tokens_of(example)[:1]}
            first |= {token.stem for token in tokens_of(verb.replace("_", " "))}
            verbs.add(verb.partition("_")[0])
        else:
            read |= own_words(intent)
            named |= {noun, *verb.split("_")}
    return frozenset((first - read) | {stem(verb) for verb in verbs - named})


def _is_plain(token: Token) -> bool:
    return token.text.replace("'", "").replace("\u2019", "").isalpha()


def _is_flag(token: Token) -> bool:
    """Whether a word is an option of a typed command; what it asks for is said to be ignored."""
    return token.text.startswith("-")


def _small(summary: str) -> str:
    return summary[:1].lower() + summary[1:].rstrip(".")
