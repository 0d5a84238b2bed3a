"""A text that was made from a request, and from where in the request each of its characters came.

Before the model reads a request, hosts are cut out, "it" is replaced by what it means, and values
by stand-ins. What the model then says of a word must be said of the request's own words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from intents.interpretation import Span


@dataclass(frozen=True, slots=True)
class MappedText:
    """`origins[i]` is the stretch of the request that the character `text[i]` stands for."""

    text: str
    origins: tuple[Span, ...]

    @classmethod
    def of(cls, request: str) -> Self:
        """Return the request itself: every character stands for itself."""
        return cls(request, tuple((index, index + 1) for index in range(len(request))))

    def replaced(self, start: int, end: int, stand_in: str) -> Self:
        """Return the text with `stand_in` in the place of `text[start:end]`, all of it standing for all of that."""
        stretch = self.origin(start, end)
        origins = (*self.origins[:start], *([stretch] * len(stand_in)), *self.origins[end:])
        return type(self)(self.text[:start] + stand_in + self.text[end:], origins)

    def without(self, spans: Iterable[Span]) -> Self:
        """Return the text without `spans`, and with one blank wherever there were several.

        >>> MappedText.of("restart nginx on web1 now").without([(14, 21)]).text
        'restart nginx now'
        """
        cut = sorted(spans)
        kept = [
            index
            for index in range(len(self.text))
            if not any(start <= index < end for start, end in cut) and not self._is_needless_blank(index, cut)
        ]
        while kept and self.text[kept[-1]].isspace():
            kept.pop()
        return type(self)("".join(self.text[index] for index in kept), tuple(self.origins[index] for index in kept))

    def origin(self, start: int, end: int) -> Span:
        """Return the stretch of the request that `text[start:end]` (not empty) stands for."""
        inside = self.origins[start:end]
        return min(one for one, _ in inside), max(other for _, other in inside)

    def words(self) -> Sequence[Span]:
        """Return the spans in `text` of the words between blanks."""
        spans, start = [], None
        for index, character in enumerate(self.text):
            if character.isspace():
                if start is not None:
                    spans.append((start, index))
                start = None
            elif start is None:
                start = index
        return [*spans, (start, len(self.text))] if start is not None else spans

    def _is_needless_blank(self, index: int, cut: Sequence[Span]) -> bool:
        """Whether a blank follows another one, or nothing, in what is kept."""
        if not self.text[index].isspace():
            return False
        before = index - 1
        while before >= 0:
            stretch = next(((start, end) for start, end in cut if start <= before < end), None)
            if stretch is None:
                return self.text[before].isspace()
            before = stretch[0] - 1
        return True
