"""Packs are read as plain YAML, and every fault names its line."""

import pytest

from intents.errors import CatalogueError
from intents.pack_file import parse_pack


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("0644", "0644"),
        ("true", True),
        ("~", None),
        ("12", 12),
        ("'12'", "12"),
        ("1.5", 1.5),
    ],
)
def test_only_the_plain_core_of_yaml_has_meaning(text: str, value: object) -> None:
    assert parse_pack(f"key: {text}\n", "p.yml").entries["key"] == value


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a:\n  b: 1\n  b: 2\n", "p.yml:3"),
        ("a: [1, 2\nb: 3\n", "p.yml:2"),
        ("- one\n", "p.yml:1"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "p.yml:3"),
    ],
)
def test_a_fault_says_file_and_line(text: str, where: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_pack(text, "p.yml")
    assert caught.value.where == where
    assert caught.value.remedy


def test_the_line_of_a_missing_value_is_that_of_what_holds_it() -> None:
    pack = parse_pack("a:\n  b:\n    - x\n", "p.yml")
    assert pack.where(("a", "b", 0)) == "p.yml:3"
    assert pack.where(("a", "nothing", 7)) == "p.yml:1"
