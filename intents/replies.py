"""What is said where a request doesn't become a match: questions, menus and declines, each with its reason."""

from collections.abc import Sequence

from intents.intent import Intent, Parameter
from intents.interpretation import Candidate, Choice, Decline, Interpretation, Question
from intents.types.base import ValueContext
from intents.words import Token

TOLD = 8
"""How many candidates an interpretation names."""
_OFFERED = 3
"""How many operations a menu has."""
_SUGGESTED = 5
"""How many values a question suggests."""


def not_accounted_for(request: str, intent: Intent, words: Sequence[Token]) -> Interpretation:
    """Ask about words that the operation doesn't account for."""
    said = ", ".join(f'"{token.text}"' for token in words)
    question = Question(
        f"I understood `{intent.name}` ({small(intent.summary)}), but not {said}. Say it without, or in other words.",
        intent=intent.name,
    )
    return Interpretation(request, 0.0, question=question, stage="a word of the request is not accounted for")


def conditional(request: str, intent: Intent, words: str, chance: float) -> Interpretation:
    """Ask about an order that seems to hold a condition, exception, place or time."""
    question = Question(
        f"I understood `{intent.name}` ({small(intent.summary)}), but the order seems to hold more"
        f" than that ({words}), and I can't keep it. Say the order alone, when it is to be done.",
        intent=intent.name,
    )
    return Interpretation(request, 0.0, question=question, stage=f"a condition is likely ({chance:.2f})")


def asked_about(request: str, intent: Intent) -> Interpretation:
    """Say that a sentence which only asks changes nothing."""
    question = Question(
        f"You asked about it, so nothing is changed. To {small(intent.summary)}, say it as an order.",
        choices=(Choice(intent.summary, intent=intent.name),),
    )
    return Interpretation(request, 0.0, question=question, stage="a sentence that asks never becomes a change")


def menu(request: str, intents: Sequence[Intent], stage: str) -> Interpretation:
    """Ask which of a few operations is meant."""
    choices = tuple(Choice(intent.summary, intent=intent.name) for intent in intents[:_OFFERED])
    return Interpretation(request, 0.0, question=Question("Which of these do you mean?", choices), stage=stage)


def which(
    request: str,
    intent: Intent,
    parameter: Parameter,
    context: ValueContext,
    *,
    unknown: str | None,
    confidence: float,
) -> Interpretation:
    """Ask for the value of a parameter; `unknown` is a word that may have been meant as one."""
    hint = f" ({parameter.description})" if parameter.description else ""
    told = f' "{unknown}" is none that I know here.' if unknown is not None else ""
    question = Question(
        f"To {small(intent.summary)}: which {parameter.name.replace('_', ' ')}{hint}?{told}",
        choices=tuple(Choice(name, value=name) for name in parameter.type.complete("", context)[:_SUGGESTED]),
        intent=intent.name,
        parameter=parameter.name,
    )
    return Interpretation(request, confidence, question=question, stage=f"`{parameter.name}` is not in the request")


def declined(request: str, nearest: Sequence[tuple[Intent, float]], reason: str, *, stage: str) -> Interpretation:
    """Decline, and name the nearest operations (each with how likely it is)."""
    choices = tuple(Choice(intent.summary, intent=intent.name) for intent, _ in nearest[:_OFFERED])
    candidates = tuple(Candidate(intent.name, chance, "") for intent, chance in nearest[:TOLD])
    confidence = nearest[0][1] if nearest else 0.0
    return Interpretation(request, confidence, decline=Decline(reason, choices), candidates=candidates, stage=stage)


def small(summary: str) -> str:
    """Return an intent's summary as it stands inside a sentence."""
    return summary[:1].lower() + summary[1:].rstrip(".")
