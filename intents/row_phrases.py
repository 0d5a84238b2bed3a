"""English for row operations: "the five largest", "more than half full", "only failed ones", "how many".

Each phrase becomes one operation of `intents.operations` with the words that it came from. A
phrase that names no column of the read is left alone, so that it shows up as not understood.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from intents.interpretation import Span, overlap
from intents.operations import (
    Aggregate,
    Columns,
    Count,
    Filter,
    FilterTest,
    Group,
    Limit,
    RowOperation,
    Sort,
    Unique,
)
from intents.types.base import Found, ValueContext
from intents.types.registry import make_type
from intents.values import Column, ColumnType
from intents.words import stem, tokens_of


@dataclass(frozen=True, slots=True)
class RowPhrase:
    """One operation and the spans of the request that say it."""

    operation: RowOperation
    spans: tuple[Span, ...]


_NUMBERS = {
    word: number
    for number, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
} | {"a dozen": 12, "a couple of": 2, "a couple": 2, "fifteen": 15, "twenty": 20, "fifty": 50, "hundred": 100}
_NUMBER = r"(?P<number>\d{1,6}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r")"

_COMPARISONS: dict[str, FilterTest] = {
    "more than": ">", "greater than": ">", "larger than": ">", "bigger than": ">", "over": ">", "above": ">",
    "exceeding": ">", "beyond": ">", "at least": ">=", "no less than": ">=", "less than": "<", "fewer than": "<",
    "smaller than": "<", "under": "<", "below": "<", "at most": "<=", "no more than": "<=", "longer than": ">",
    "shorter than": "<", "older than": "<", "newer than": ">", "since": ">=", "before": "<", "after": ">",
    "higher than": ">", "lower than": "<", "exactly": "=", ">=": ">=", "<=": "<=", ">": ">", "<": "<",
}  # fmt: skip
_COMPARISON = "|".join(re.escape(words).replace(r"\ ", r"\s+") for words in sorted(_COMPARISONS, key=len, reverse=True))
_COMPARED = re.compile(rf"(?<![\w-])(?P<comparison>{_COMPARISON})(?![\w=])\s*", re.IGNORECASE)

_BIG: tuple[ColumnType, ...] = ("size", "percentage", "number", "integer", "duration")
_SUPERLATIVES: dict[str, tuple[bool, tuple[ColumnType, ...]]] = {
    "largest": (True, _BIG), "biggest": (True, _BIG), "heaviest": (True, _BIG), "highest": (True, _BIG),
    "hungriest": (True, _BIG), "fullest": (True, ("percentage",)), "emptiest": (False, ("percentage",)),
    "busiest": (True, ("percentage", "number")), "smallest": (False, _BIG), "lowest": (False, _BIG),
    "newest": (True, ("moment",)), "latest": (True, ("moment",)), "most recent": (True, ("moment",)),
    "oldest": (False, ("moment", "duration")), "longest": (True, ("duration",)), "shortest": (False, ("duration",)),
}  # fmt: skip
_SUPERLATIVE = re.compile(
    rf"\b(?:(?:top\s+)?{_NUMBER}\s+)?(?P<word>{'|'.join(_SUPERLATIVES)})(?:\s+{_NUMBER.replace('number', 'after')}\b)?",
    re.IGNORECASE,
)
_FIRST = re.compile(
    rf"\b(?P<which>first|last|top|only)\s+{_NUMBER}\b(?!\s*(?:[%a-z]*b\b|percent|%|minute|hour|day|week|month))",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\b(?:how\s+many|count(?:\s+(?:of|up|them|how\s+many))?|(?:the\s+)?number\s+of)\b", re.IGNORECASE)
_SORTED = re.compile(
    r"\b(?:(?:sort|sorted|order|ordered|rank|ranked)(?:\s+(?:them|it|everything))?\s+by)\s+(?:the\s+|their\s+)?(?P<column>[\w-]+)"
    r"(?:\s*,?\s*(?P<way>ascending|descending|(?:biggest|largest|highest|newest|smallest|lowest|oldest)\s+first))?",
    re.IGNORECASE,
)
_GROUPED = re.compile(
    r"\b(?:per|group(?:ed)?\s+(?:them\s+)?by|(?:for|by|of|does|do|has|have|did)\s+(?:each|every)|broken\s+down\s+by)\s+(?P<column>[\w-]+)",
    re.IGNORECASE,
)
_AGGREGATED = re.compile(
    r"\b(?P<word>total|sum\s+of|sum|average|mean|maximum|minimum)\s+(?:the\s+|of\s+)?(?P<column>[\w-]+)", re.IGNORECASE
)
_UNIQUE = re.compile(r"\b(?:distinct|unique|different)\s+(?P<column>[\w-]+)", re.IGNORECASE)
_COLUMNS = re.compile(
    r"\b(?:just|only)\s+(?:show\s+)?(?:me\s+)?(?:the\s+)?(?P<columns>[\w-]+(?:(?:\s*,\s*|\s+and\s+|\s*,\s*and\s+)(?:the\s+)?[\w-]+)*)(?=\s*(?:[.,;:?!]|$|of\b|for\b|in\b|from\b|please\b|pls\b))",
    re.IGNORECASE,
)
_VALUE_FILTER = re.compile(
    r"\b(?:(?P<how>only|except(?:\s+for)?|excluding|without|not|other\s+than)\s+(?:the\s+)?)?(?P<value>[\w.-]+)",
    re.IGNORECASE,
)
_TEXT_FILTER = re.compile(
    r"\b(?:(?P<clause>whose|where|with|if)\s+(?:the\s+|a\s+)?)?(?P<column>[\w-]+)\s+(?P<test>is|equals|=|contains|containing"
    r"|starts\s+with|starting\s+with|begins\s+with|ends\s+with|ending\s+(?:with|in))\s+"
    r"(?P<value>\"[^\"]+\"|'[^']+'|[^\s,;?!]+)",
    re.IGNORECASE,
)
_TEXT_TESTS: dict[str, FilterTest] = {"contain": "contains", "start": "starts", "begin": "starts", "end": "ends"}


class RowPhraseReader:
    """Reads the row operations that a request says, for one read's columns."""

    def __init__(self, columns: Sequence[Column], *, order: Sequence[str], known_stems: frozenset[str]) -> None:
        self._columns = columns
        self._order = [name.removeprefix("-") for name in order]
        self._is_ordered_by_name = bool(order) and not order[0].startswith("-")
        """Whether the read's own order is that of a list, so that no word of the intent stands for another one."""
        self._known_stems = known_stems
        """Stems that already belong to the intent: "largest" is no operation for `file.largest`."""

    def read(self, text: str, taken: Sequence[Span], context: ValueContext) -> list[RowPhrase]:
        """Return the phrases in `text` outside the spans already `taken`, without overlaps."""
        phrases: list[RowPhrase] = []
        used = list(taken)
        readers: tuple[Callable[[str, ValueContext], Iterator[RowPhrase]], ...] = (
            self._comparisons, self._sorts, self._groups, self._aggregates, self._uniques, self._superlatives,
            self._text_filters, self._value_filters, self._column_lists, self._firsts, self._counts,
        )  # fmt: skip
        for reader in readers:
            for phrase in reader(text, context):
                if not any(overlap(span, other) for span in phrase.spans for other in used):
                    phrases.append(phrase)
                    used += phrase.spans
        return _groups_are_counted(phrases)

    # -- finding columns

    def column(self, word: str) -> Column | None:
        """Return the column that a word names, by its name, its `says`, or the parts of its name."""
        wanted = stem(word.casefold())
        for column in self._columns:
            if wanted in {stem(column.name.casefold()), *(stem(say.casefold()) for say in column.says)}:
                return column
        for column in self._columns:
            if wanted in {stem(part) for part in column.name.casefold().split("_")}:
                return column
        return None

    def _column_of_type(self, types: Sequence[ColumnType], near: Sequence[str]) -> Column | None:
        """Return the column of one of the types that the near words name, else the read's main one."""
        for word in near:
            named = self.column(word)
            if named is not None and named.type in types:
                return named
        ordered = sorted(
            self._columns, key=lambda one: self._order.index(one.name) if one.name in self._order else len(self._order)
        )
        for wanted in types:
            for column in ordered:
                if column.type == wanted:
                    return column
        return None

    # -- one reader for each kind of phrase

    def _comparisons(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        for match in _COMPARED.finditer(text):
            found = _value_at(text, match.end(), context)
            if found is None:
                continue
            value, types = found
            words = re.sub(r"\s+", " ", match["comparison"].casefold())
            test = _COMPARISONS[words]
            after = tokens_of(text[value.end :])[:2]
            before = tokens_of(text[: match.start()])[-3:]
            column = self._column_of_type(types, [token.text for token in (*after, *reversed(before))])
            if column is None:
                continue
            spans = [(match.start(), match.end("comparison")), (value.start, value.end)]
            spans += [
                (value.end + token.start, value.end + token.end)
                for token in after
                if self.column(token.text) is column or token.folded in {"percent", "of"}
            ]
            amount = value.value
            if column.type == "moment" and types[0] == "duration" and isinstance(amount, int | float):
                amount = context.now.timestamp() - amount
            elif words in {"older than", "newer than"}:
                test = ">" if words == "older than" else "<"
            yield RowPhrase(Filter(column.name, test, amount), tuple(spans))

    def _sorts(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _SORTED.finditer(text):
            column = self.column(match["column"])
            if column is None:
                continue
            way = (match["way"] or "").casefold()
            if way:
                descending = way.startswith(("desc", "big", "larg", "high", "new"))
            else:
                descending = column.type in _BIG and not _is_label(column)
            yield RowPhrase(Sort(column.name, descending), (match.span(),))

    def _groups(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _GROUPED.finditer(text):
            column = self.column(match["column"])
            if column is not None:
                yield RowPhrase(Group(column.name), (match.span(),))

    def _aggregates(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _AGGREGATED.finditer(text):
            column = self.column(match["column"])
            if column is None or column.type in {"text", "path", "list", "address", "boolean"}:
                continue
            word = match["word"].casefold()
            function = (
                "sum" if word.startswith(("total", "sum")) else "average" if word in {"average", "mean"} else word
            )
            if function in {"sum", "average", "maximum", "minimum"}:
                yield RowPhrase(Aggregate(function, column.name), (match.span(),))  # type: ignore[arg-type]  # just checked

    def _uniques(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _UNIQUE.finditer(text):
            column = self.column(match["column"])
            if column is not None:
                yield RowPhrase(Unique(column.name), (match.span(),))

    def _superlatives(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _SUPERLATIVE.finditer(text):
            word = re.sub(r"\s+", " ", match["word"].casefold())
            if stem(word) not in self._known_stems or self._is_ordered_by_name:  # else the intent itself sorts so
                descending, types = _SUPERLATIVES[word]
                after = [token.text for token in tokens_of(text[match.end() :])[:2]]
                column = self._column_of_type(types, after)
                if column is None:
                    continue
                yield RowPhrase(Sort(column.name, descending), (match.span("word"),))
            for group in ("number", "after"):
                if match[group]:
                    yield RowPhrase(Limit(_number(match[group])), (match.span(group),))

    def _firsts(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _FIRST.finditer(text):
            yield RowPhrase(Limit(_number(match["number"]), match["which"].casefold() == "last"), (match.span(),))

    def _counts(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        match = _COUNT.search(text)
        if match is not None and not {"count", "many"} & self._known_stems:
            yield RowPhrase(Count(), (match.span(),))

    def _text_filters(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _TEXT_FILTER.finditer(text):
            column = self.column(match["column"])
            if column is None or column.type not in {"text", "path", "address", "list"}:
                continue
            if match["test"].casefold() == "is" and not match["clause"]:
                continue  # "which kernel is this" asks for a value, it gives none
            test = next((test for word, test in _TEXT_TESTS.items() if match["test"].casefold().startswith(word)), "=")
            value = match["value"].strip("\"'").rstrip(".")
            yield RowPhrase(Filter(column.name, test, value), (match.span(),))  # type: ignore[arg-type]  # from _TEXT_TESTS

    def _column_lists(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _COLUMNS.finditer(text):
            words = [word for word in re.split(r"\s*,\s*|\s+", match["columns"]) if word not in {"and", "the"}]
            columns = [self.column(word) for word in words]
            if columns and all(column is not None for column in columns):
                names = tuple(column.name for column in columns if column is not None)
                yield RowPhrase(Columns(names), (match.span(),))

    def _value_filters(self, text: str, context: ValueContext) -> Iterator[RowPhrase]:
        del context
        for match in _VALUE_FILTER.finditer(text):
            for column in self._columns:
                value = next((one for one in column.values if one.casefold() == match["value"].casefold()), None)
                if value is None:
                    continue
                negative = match["how"] is not None and not match["how"].casefold().startswith("only")
                yield RowPhrase(Filter(column.name, "!=" if negative else "=", value), (match.span(),))
                break


def _groups_are_counted(phrases: list[RowPhrase]) -> list[RowPhrase]:
    """A group comes with its number of rows, so "how many" beside it asks for nothing more."""
    group = next((one for one in phrases if isinstance(one.operation, Group)), None)
    count = next((one for one in phrases if isinstance(one.operation, Count)), None)
    if group is None or count is None:
        return phrases
    counted = RowPhrase(group.operation, (*group.spans, *count.spans))
    return [counted if one is group else one for one in phrases if one is not count]


def _is_label(column: Column) -> bool:
    """Whether a number of this column only tells one thing from another: nobody looks for the largest uid first."""
    return column.type == "integer" and (
        column.name.endswith(("id", "port", "number")) or column.name in {"line", "parent"}
    )


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[re.sub(r"\s+", " ", text.casefold())]


def _value_at(text: str, start: int, context: ValueContext) -> tuple[Found, tuple[ColumnType, ...]] | None:
    """Return the typed value that begins at `start`, longest first, with the column types it fits."""
    kinds: tuple[tuple[str, tuple[ColumnType, ...]], ...] = (
        ("percentage", ("percentage",)),
        ("size", ("size",)),
        ("duration", ("duration", "moment")),
        ("moment", ("moment",)),
        ("count", ("integer", "number", "percentage")),
    )
    best: tuple[Found, tuple[ColumnType, ...]] | None = None
    for word, types in kinds:
        for found in make_type(word, {}).find(text, context):
            if found.start == start and (best is None or found.end > best[0].end):
                best = (found, types)
    return best
