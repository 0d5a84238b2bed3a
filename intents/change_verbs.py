"""The verbs by which changes are ordered: left over, no read may ignore them."""

from collections.abc import Mapping

from intents.intent import Intent
from intents.reading import own_words
from intents.words import stem, tokens_of

_PHRASAL = frozenset({"back"})
"""First words of verbs in two words ("back up") that no name of an operation begins with."""


def change_verbs(catalogue: Mapping[str, Intent]) -> frozenset[str]:
    """Return the stems of the verbs by which changes are ordered.

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
    return frozenset((first - read) | {stem(verb) for verb in verbs - named} | _PHRASAL)
