"""What no type may let through, whatever is typed."""

import itertools
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.errors import ValueRejected
from intents.types.base import ParameterType, ValueContext
from intents.types.registry import TYPE_WORDS, make_type
from intents.values import Json

CONTEXT = ValueContext(now=datetime(2026, 11, 24, 10, 30, tzinfo=UTC), directory="/srv/app", home="/home/alice")


class LiveNames:
    """A target whose every kind of name is partly hostile."""

    def names(self, kind: str) -> list[str]:
        return ["-rf", "a b", "$(reboot)", "nginx.service", "web1", "/", "/home", "x\n", "\u202ecod"]


LIVE = ValueContext(now=CONTEXT.now, directory="/srv/app", home="/home/alice", names=LiveNames())


def kind_of(word: str) -> ParameterType:
    return make_type(word, {"choices": {"file": "f", "link": "l"}} if word == "choice" else {})


KINDS = [kind_of(word) for word in TYPE_WORDS]
_PIECES = [
    ";", "|", "&", "&&", "`id`", "$(reboot)", "${IFS}", ">", "<", "*", "?", "[a]", "{a,b}", "~", "~root", "#", "!", "\\", "'",
    '"', "\n", "\r", "\t", "\0", "\x1b[31m", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "--", "-rf", "-", "--help=x",
    "=", "%s", "%n", "\ud800", "\udcff", "\u017f", "\u212a", "\u0665", "²", "..", "/", "//", "\N{SNOWMAN}", " ", "",
]  # fmt: skip
_SEEDS = ["", "nginx", "/etc/hosts", "5", "10.0.0.1", "web1", "2 GB"]
HOSTILE = sorted({f"{seed}{piece}" for seed, piece in itertools.product(_SEEDS, _PIECES)} | {
    f"{piece}{seed}" for seed, piece in itertools.product(_SEEDS, _PIECES)} | {"9" * 5000, "a" * 10_000, "(" * 500}
)  # fmt: skip


def assert_safe(kind: ParameterType, text: str, context: ValueContext) -> None:
    """Either the text is refused, or its value is canonical and one safe argument."""
    try:
        value = kind.parse(text, context)
    except ValueRejected:
        return
    assert_canonical(kind, value)


def assert_canonical(kind: ParameterType, value: Json) -> None:
    kind.check(value)
    assert kind.show(value).isprintable()
    if kind.name == "secret":
        return
    for form in (None, *kind.formats):
        try:
            argument = kind.render(value, form)
        except ValueRejected:
            assert form == "basename"
            continue
        assert isinstance(argument, str)
        assert "\0" not in argument
        assert kind.may_start_with_dash or not argument.startswith("-")


def test_there_are_many_hostile_values() -> None:
    assert len(HOSTILE) > 300


@pytest.mark.parametrize("kind", KINDS, ids=TYPE_WORDS)
def test_hostile_text_is_refused_or_becomes_one_safe_argument(kind: ParameterType) -> None:
    for text, context in itertools.product(HOSTILE, (CONTEXT, LIVE)):
        assert_safe(kind, text, context)


@pytest.mark.parametrize("kind", KINDS, ids=TYPE_WORDS)
def test_hostile_json_is_refused_or_canonical(kind: ParameterType) -> None:
    values: list[Json] = [
        None,
        True,
        0,
        -1,
        10**400,
        10**5000,
        math.nan,
        math.inf,
        -0.5,
        [],
        {},
        ["a"],
        {"a": 1},
        *HOSTILE,
    ]
    for value in values:
        try:
            kind.check(value)
        except ValueRejected:
            continue
        assert_canonical(kind, value)


_REQUEST_WORDS = st.sampled_from([
    "restart", "nginx", "last", "5", "minutes", "ago", "2", "GB", "a", "dozen", "half", "an", "hour", "/etc", "'x y'", "port",
    "8080", "10.0.0.1", "yesterday", "3pm", "since", "monday", "80%", "u+x", "*.log", "https://a.b/", "2026-11-20", "on", "\u2018", '"',
])  # fmt: skip
_REQUESTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.one_of(_REQUEST_WORDS, st.text(max_size=4)), max_size=30).map(" ".join),
    st.lists(_REQUEST_WORDS, max_size=20).map("".join),
)


@given(_REQUESTS)
@settings(deadline=None, max_examples=150)
def test_any_request_gives_only_canonical_values_within_bounds(text: str) -> None:
    for kind, context in itertools.product(KINDS, (CONTEXT, LIVE)):
        for found in kind.find(text, context):
            assert 0 <= found.start < found.end <= len(text)
            assert_canonical(kind, found.value)


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=100)
def test_any_text_is_refused_or_becomes_one_safe_argument(text: str) -> None:
    for kind in KINDS:
        assert_safe(kind, text, CONTEXT)


@pytest.mark.parametrize(
    "unit",
    [
        "9",
        "a",
        "-",
        "'",
        " '",
        "1.",
        "1,",
        "a/",
        "/",
        "x.",
        "::",
        "5 ",
        "5m",
        "1h ",
        "two ",
        "[",
        "(",
        "*",
        "u+x,",
        "last ",
    ],
)
@pytest.mark.timeout(20)
def test_long_requests_are_scanned_quickly(unit: str) -> None:
    text = unit * (10_000 // len(unit))
    for kind in KINDS:
        kind.find(text, LIVE)
        assert_safe(kind, text, LIVE)


_CANONICAL: dict[str, st.SearchStrategy[Json]] = {
    "count": st.integers(0, 10**9),
    "size": st.integers(0, 2**53),
    "moment": st.integers(10**8, 253402300799),
    "port": st.integers(1, 65535),
    "pid": st.integers(1, 1 << 22),
    "percentage": st.integers(0, 100).map(float),
    "duration": st.integers(0, 10**9),
    "boolean": st.booleans(),
    "address": st.ip_addresses().map(str),
    "text": st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    "signal": st.sampled_from(["HUP", "TERM", "KILL"]),
}


@given(st.data(), st.sampled_from(sorted(_CANONICAL)))
@settings(deadline=None)
def test_what_is_written_is_read_back_as_the_same_value(data: st.DataObject, word: str) -> None:
    kind, value = kind_of(word), data.draw(_CANONICAL[word])
    assert kind.parse(kind.render(value), CONTEXT) == value


@given(
    st.lists(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20), max_size=5
    )
)
@settings(deadline=None)
def test_a_path_is_its_own_reading(parts: list[str]) -> None:
    path = kind_of("path")
    try:
        value = path.parse("/" + "/".join(parts), CONTEXT)
    except ValueRejected:
        return
    rendered = path.render(value)
    assert rendered.startswith("/")
    if rendered == rendered.strip():
        assert path.parse(rendered, CONTEXT) == value
