"""`sayso run INTENT key=value ...`: a match without any English, for scripts."""

from collections.abc import Sequence

from intents.errors import RequestError
from intents.grounding import default_value
from intents.intent import Intent
from intents.interpretation import Argument, Evidence, Match
from intents.types.base import ValueContext


def direct_match(intent: Intent, pairs: Sequence[str], context: ValueContext) -> Match:
    """Return the match of `key=value` pairs; a key may stand several times where several values are taken.

    Raises `RequestError` for what is no pair, unknown or missing, `ValueRejected` for a value that doesn't fit.
    """
    given: dict[str, list[str]] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or key not in intent.parameters:
            known = ", ".join(f"{name}=" for name in intent.parameters) or "none"
            raise RequestError(f"`{pair}` is no argument of `{intent.name}`.", remedy=f"Its arguments are: {known}.")
        given.setdefault(key, []).append(text)
    arguments: dict[str, Argument] = {}
    for name, parameter in intent.parameters.items():
        texts = given.get(name)
        if texts is not None:
            if len(texts) > 1 and not parameter.many:
                raise RequestError(f"`{name}` is given {len(texts)} times.", remedy="Give it once.")
            values = [parameter.type.parse(text, context) for text in texts]
            arguments[name] = Argument(values if parameter.many else values[0], Evidence("request", text=texts[0]))
        elif parameter.default is not None:
            arguments[name] = Argument(
                default_value(parameter, context), Evidence("default", text=str(parameter.default))
            )
        elif parameter.required:
            raise RequestError(f"`{intent.name}` needs `{name}`.", remedy=f"Add `{name}=VALUE`.")
    return Match(intent.name, arguments, 1.0)
