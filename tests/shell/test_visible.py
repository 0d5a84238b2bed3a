"""No unsafe character gets through, and safe text stays as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shell.visible import visible

anything = some.text(some.characters(codec=None))
RANGES = ((0x202A, 0x202E), (0x2066, 0x2069), (0x200B, 0x200F), (0x2028, 0x2029), (0xE0000, 0xE007F))
NAMED = frozenset({0x061C, 0x2060, 0xFEFF, 0x7F, 0xAD, 0x180E, 0x3164, 0x115F})


def is_unsafe(character: str) -> bool:
    point = ord(character)
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or point in NAMED
        or any(low <= point <= high for low, high in RANGES)
    )


@given(text=anything)
def test_no_unsafe_character_is_left(text: str) -> None:
    assert not any(is_unsafe(character) for character in visible(text))
    kept = visible(text, keep_newlines=True)
    assert not any(is_unsafe(character) for character in kept if character not in "\n\t")


def test_every_single_character_of_unicode_is_judged() -> None:
    for point in range(0x110000):
        character = chr(point)
        shown = visible(character)
        assert not any(is_unsafe(one) for one in shown), hex(point)
        if is_unsafe(character):
            assert shown != character, hex(point)


@given(text=anything)
def test_marking_twice_changes_nothing_more(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    once = visible(text, keep_newlines=True)
    assert visible(once, keep_newlines=True) == once


@given(text=some.text(some.characters(categories=["L", "Mn", "N", "P", "S", "Zs"])))
def test_letters_marks_numbers_punctuation_and_symbols_stay(text: str) -> None:
    hidden = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0"}
    ordinary = "".join(one for one in text if one not in hidden and not 0xE0000 <= ord(one) <= 0xE0FFF)
    assert visible(ordinary) == ordinary


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x7f", "␡"),
        ("\x9b31m", "<U+009B>31m"),
        ("a\u202eb", "a<U+202E>b"),
        ("\ufeff", "<U+FEFF>"),
        ("\udce4", "<U+DCE4>"),
        ("\U000e0041", "<U+E0041>"),
        ("Grüße 日本 👍🏽", "Grüße 日本 👍🏽"),
        ("[bold]x[/bold] :smile:", "[bold]x[/bold] :smile:"),
    ],
)
def test_marks_say_which_character_it_was(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_carriage_return_never_stays() -> None:
    assert visible("safe\rrm\n", keep_newlines=True) == "safe␍rm\n"
