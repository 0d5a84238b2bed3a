"""Set phrases around a wish that ask for nothing: "if it's not too much trouble", "I'm not sure whether".

They hold words that elsewhere are conditions and negations, so they are known as wholes.
"""

import re
from collections.abc import Sequence

from intents.interpretation import Span

_WORDS = (
    (
        r"if\s+(?:you\s+(?:can|could|would|may|please|don'?t\s+mind|have\s+(?:a\s+)?(?:time|moment|minute|sec|second)|are\s+able(?:\s+to)?|get\s+a\s+chance|want)"
        r"|(?:it(?:'s|\s+is)\s+)?(?:possible|okay|ok|alright|no\s+trouble|not\s+too\s+much\s+(?:trouble|to\s+ask|work|bother))"
        r"|i\s+(?:may|might|can|could)(?:\s+ask)?|that'?s\s+(?:ok|okay|fine|possible))"
    ),
    r"when(?:ever)?\s+you\s+(?:can|have\s+(?:a\s+)?(?:time|moment|minute|sec|second)|get\s+(?:a\s+)?(?:chance|moment|time|minute|sec))",
    r"(?:i\s*(?:'m|m|\s+am)\s+)?not\s+(?:\w+\s+)?(?:sure|certain)(?:\s+(?:if|whether|which|what|why|who|how|anymore|any\s*more))?",
    r"(?:i\s+)?(?:don'?t|do\s+not|dont)\s+(?:\w+\s+)?(?:know|remember|recall|understand)(?:\s+(?:if|whether|which|what|why|who|how|where|when))?",
    r"(?:i\s+)?(?:can'?t|cannot|can\s+not|couldn'?t)\s+(?:\w+\s+)?(?:remember|recall|tell|find|figure\s+out|say|believe|see|work\s+out)(?:\s+(?:if|whether|which|what|why|who|how|where))?",
    r"no\s+(?:idea|clue|rush|hurry|worries|problem)(?:\s+(?:if|whether|which|what|why|who|how|where))?",
    r"(?:if|whether)\s+(?:or\s+not|any(?:thing)?)",
    r"(?:want|wanted|need|like|love|curious|wonder(?:ing)?|wondered|know|see|check|sure|tell\s+me|told|ask(?:ed|s)?|find\s+out|verify|confirm|unsure|doubt)\s+(?:to\s+\w+\s+)?(?:if|whether)",
    r"(?:glad|grateful|thankful|happy|nice|great|kind|lovely|good|appreciate(?:\s+it)?)\s+if\s+(?:you|someone|we|i)\s+(?:can|could|would)",
    r"would\s+(?:you\s+)?(?:not\s+)?mind",
    r"once\s+(?:more|again)",
    r"as\s+soon\s+as\s+(?:possible|you\s+can)",
)  # fmt: skip
_COURTESY = re.compile(r"^\s*sudo(?=\s)|(?<![\w'])(?:" + "|".join(_WORDS) + r")(?![\w'])", re.IGNORECASE)
"""A `sudo` in front is no wish either: what needs root asks for it, and the plan says so."""


def courtesies_in(text: str) -> Sequence[Span]:
    """Return the spans of set phrases that ask for nothing.

    >>> [slice(*span) for span in courtesies_in("if you can, restart nginx")]
    [slice(0, 10, None)]
    """
    folded = text.replace("\u2019", "'")
    return [match.span() for match in _COURTESY.finditer(folded)]
