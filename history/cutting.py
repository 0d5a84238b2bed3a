"""Long output in the history: its beginning is kept, with the size and the SHA-256 of all of it."""

import hashlib
from collections.abc import Mapping, Sequence

from history.canonical import Json, canonical

LONGEST_BYTES = 64 * 1024
"""How much of one text, or of one list of rows, is kept."""


def cut_long(value: Json, *, limit_bytes: int = LONGEST_BYTES) -> Json:
    """Return `value` with every text and every list of rows above the limit cut.

    A cut text is `{"cut_text": beginning, "size_bytes": n, "sha256": hex}`; a cut list of mappings is
    `{"cut_rows": first rows, "row_count": n, "size_bytes": n, "sha256": hex}`. Size and hash are those of the
    whole: of the text as UTF-8, of the list as RFC 8785 bytes. Both are taken after redaction, for a hash of
    the original would let a short secret be guessed.

    >>> cut_long({"stdout": "abcdef"}, limit_bytes=3)["stdout"]["cut_text"]
    'abc'
    """
    if isinstance(value, str):
        return _cut_text(value, limit_bytes)
    if isinstance(value, Mapping):
        return {key: cut_long(item, limit_bytes=limit_bytes) for key, item in value.items()}
    if isinstance(value, Sequence):
        items = [cut_long(item, limit_bytes=limit_bytes) for item in value]
        is_rows = len(items) > 1 and all(isinstance(item, Mapping) for item in value)
        return _cut_rows(items, limit_bytes) if is_rows else items
    return value


def _cut_text(text: str, limit_bytes: int) -> Json:
    if len(text) * 4 <= limit_bytes:  # no character is longer than four bytes
        return text
    encoded = text.encode()
    if len(encoded) <= limit_bytes:
        return text
    kept = encoded[:limit_bytes].decode(errors="ignore")  # a character cut in two is left out
    return {"cut_text": kept, "size_bytes": len(encoded), "sha256": hashlib.sha256(encoded).hexdigest()}


def _cut_rows(rows: Sequence[Json], limit_bytes: int) -> Json:
    pieces = [canonical(row) for row in rows]
    size_bytes = sum(map(len, pieces)) + len(pieces) + 1  # commas between, brackets around
    if size_bytes <= limit_bytes:
        return rows
    kept_bytes = 1
    kept = 0
    while kept < len(pieces) and kept_bytes + len(pieces[kept]) + 1 <= limit_bytes:
        kept_bytes += len(pieces[kept]) + 1
        kept += 1
    whole = hashlib.sha256(b"[" + b",".join(pieces) + b"]").hexdigest()
    return {"cut_rows": rows[:kept], "row_count": len(rows), "size_bytes": size_bytes, "sha256": whole}
