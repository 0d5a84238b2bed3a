import hashlib
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from history.canonical import Json, canonical
from history.cutting import LONGEST_BYTES, cut_long


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(1, 60))
def test_a_text_within_the_limit_is_kept_and_a_longer_one_keeps_size_and_hash(text: str, limit: int) -> None:
    encoded = text.encode()
    cut = cut_long(text, limit_bytes=limit)
    if len(encoded) <= limit:
        assert cut == text
        return
    assert isinstance(cut, dict)
    assert encoded.startswith(cut["cut_text"].encode())
    assert limit - 4 < len(cut["cut_text"].encode()) <= limit
    assert cut["size_bytes"] == len(encoded)
    assert cut["sha256"] == hashlib.sha256(encoded).hexdigest()


def test_output_just_above_64_kib_is_cut_wherever_it_stands() -> None:
    kept = "x" * LONGEST_BYTES
    value = cast("Any", cut_long({"stdout": kept + "y", "deep": [{"stderr": kept}]}))
    assert value["stdout"]["cut_text"] == kept
    assert value["stdout"]["size_bytes"] == LONGEST_BYTES + 1
    assert value["deep"] == [{"stderr": kept}]


def test_many_rows_are_cut_at_a_row_with_the_count_and_hash_of_all() -> None:
    rows: Json = [{"number": number, "line": "é" * 50} for number in range(2000)]
    value = cast("Any", cut_long({"rows": rows}))["rows"]
    assert value["row_count"] == 2000
    assert value["cut_rows"] == cast("Any", rows)[: len(value["cut_rows"])]
    assert (
        len(canonical(value["cut_rows"]))
        <= LONGEST_BYTES
        < len(canonical(cast("Any", rows)[: len(value["cut_rows"]) + 1]))
    )
    assert value["size_bytes"] == len(canonical(rows))
    assert value["sha256"] == hashlib.sha256(canonical(rows)).hexdigest()
