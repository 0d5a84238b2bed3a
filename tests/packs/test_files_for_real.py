"""What is told of files, on real odd ones: names with blanks, newlines and dashes, links, copies, access lists."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from executors.command_planning import predicted_state
from executors.state import as_text, run_step, unmet
from intents.parsers import ParseError
from intents.values import Json, Row
from tests.support.reads import CATALOGUE, read_for_real, run_read, with_defaults

NAMES = ("plain.txt", "two words", "new\nline", "-dash", "it's $HOME")
HOUR_S = 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of the odd names, each a byte longer and an hour older than the one before; the names again below."""
    root = tmp_path / "root"
    for place in (root, root / "below", root / ".hidden"):
        place.mkdir()
        for age, name in enumerate(NAMES):
            (place / name).write_text("x" * (age + 1))
            os.utime(place / name, (10**9 - age * HOUR_S,) * 2)
    return root


def paths(rows: list[Row]) -> list[Json]:
    return [row["path"] for row in rows]


def test_a_tree_shows_each_entry_below_its_folder(folder: Path) -> None:
    rows = read_for_real("file.tree", path=str(folder), depth=2)
    entries = [str(row["entry"]) for row in rows]
    assert entries[0] == str(folder)
    assert len(rows) == 3 + 3 * len(NAMES)
    below = entries.index("  below")
    assert sorted(entries[below + 1 : below + 1 + len(NAMES)]) == sorted(f"    {name}" for name in NAMES)
    assert len(read_for_real("file.tree", path=str(folder), depth=1)) == 3 + len(NAMES)


def test_counting_takes_no_name_for_two(folder: Path) -> None:
    assert read_for_real("file.count", path=str(folder)) == [{"count": 3 * len(NAMES)}]
    assert read_for_real("file.count", path=str(folder), kind="directory") == [{"count": 2}]
    assert read_for_real("file.count", path=str(folder), name="*.TXT", depth=1) == [{"count": 1}]


def test_what_was_changed_last_comes_with_its_time(folder: Path) -> None:
    rows = read_for_real("file.recent", path=str(folder))
    newest = max(rows, key=lambda row: float(str(row["modified"])))
    assert (newest["modified"], Path(str(newest["path"])).name) == (10**9, "plain.txt")
    assert len(rows) == 3 * len(NAMES)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": "*.TXT"}, {"plain.txt", "below/plain.txt", ".hidden/plain.txt"}),
        ({"name": "*.txt", "hidden": False}, {"plain.txt", "below/plain.txt"}),
        ({"hidden": True, "depth": 1}, {".hidden"}),
        ({"kind": "file", "exclude": "*.TXT", "depth": 1}, {"two words", "new\nline", "-dash", "it's $HOME"}),
        ({"kind": "file", "larger": 3, "hidden": False}, {"-dash", "it's $HOME", "below/-dash", "below/it's $HOME"}),
        ({"kind": "file", "before": 10**9 - 4 * HOUR_S + 1, "depth": 1}, {"it's $HOME"}),
        ({"empty": True}, set()),
        ({"kind": "file", "mode": "0600", "depth": 1}, {"plain.txt"}),
    ],
    ids=["name", "not hidden", "only hidden", "excluded", "larger", "before", "empty", "mode"],
)
def test_files_are_found_by_what_they_are(folder: Path, arguments: dict[str, Json], expected: set[str]) -> None:
    (folder / "plain.txt").chmod(0o600)
    found = paths(read_for_real("file.find", path=str(folder), **arguments))
    assert {os.path.relpath(str(path), folder) for path in found} - {"."} == expected


def test_a_search_leaves_out_what_is_excluded_and_takes_a_pattern(tmp_path: Path) -> None:
    for name in ("a.conf", "a.bak", "new\nline.conf"):
        (tmp_path / name).write_text("listen 80\nlisten x\n")
    rows = read_for_real("file.search", path=str(tmp_path), text="listen [0-9]+$", regex=True, exclude="*.bak")
    assert {(Path(str(row["path"])).name, row["number"]) for row in rows} == {("a.conf", 1), ("new\nline.conf", 1)}
    assert read_for_real("file.search", path=str(tmp_path), text="listen [0-9]+$") == []


def test_links_that_lead_nowhere_are_found_with_their_target(tmp_path: Path) -> None:
    (tmp_path / "good").symlink_to("/etc")
    (tmp_path / "bad\nlink").symlink_to("gone away")
    assert read_for_real("file.broken_links", path=str(tmp_path)) == [
        {"path": str(tmp_path / "bad\nlink"), "target": "gone away"}
    ]


def test_copies_are_found_by_content_and_one_file_under_two_names_is_none(tmp_path: Path) -> None:
    for name in ("a\nb", "c d", "-e"):
        (tmp_path / name).write_bytes(b"same" * 100)
    (tmp_path / "other").write_bytes(b"sama" * 100)
    os.link(tmp_path / "c d", tmp_path / "hard link")
    (tmp_path / "small").write_bytes(b"s")
    (tmp_path / "small too").write_bytes(b"s")
    rows = read_for_real("file.duplicates", path=str(tmp_path), larger=10)
    found = {Path(str(path)).name for path in paths(rows)}
    assert found - {"c d", "hard link"} == {"a\nb", "-e"}
    assert len(found) == 3
    assert {(row["copies"], row["size"]) for row in rows} == {(3, 400)}


def test_sums_are_checked_beside_their_list(tmp_path: Path) -> None:
    sums = []
    for name in ("good", "bad file", "gone"):
        (tmp_path / name).write_text(name)
        sums.append(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n")
    (tmp_path / "SHA256SUMS").write_text("".join(sums))
    (tmp_path / "bad file").write_text("changed")
    (tmp_path / "gone").unlink()
    rows = read_for_real("file.verify_checksums", path=str(tmp_path / "SHA256SUMS"))
    assert rows == [
        {"result": "ok", "path": "good"},
        {"result": "differs", "path": "bad file"},
        {"result": "unreadable", "path": "gone"},
    ]


def test_directories_are_compared_below_both(tmp_path: Path) -> None:
    # The left one's name begins the right one's, so that neither may be taken for the other.
    left, right = tmp_path / "a", tmp_path / "a and b"
    for side in (left, right):
        (side / "sub dir").mkdir(parents=True)
        (side / "same").write_text("same")
        (side / "sub dir" / "differs here").write_text(side.name)
    (left / "only: here").write_text("")
    (right / "sub dir" / "new").write_text("")
    (left / "kind").mkdir()
    (right / "kind").write_text("")
    rows = read_for_real("file.compare_directories", left=str(left), right=str(right))
    assert {(row["state"], row["path"]) for row in rows} == {
        ("only left", "only: here"),
        ("only right", "sub dir/new"),
        ("differs", "sub dir/differs here"),
        ("other kind", "kind"),
    }


def test_the_type_of_a_file_follows_from_its_content(folder: Path) -> None:
    (folder / "new\nline").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\3")
    asked: list[Json] = [str(folder / "new\nline"), str(folder / "plain.txt")]
    rows = read_for_real("file.type", paths=asked)
    assert paths(rows) == asked
    assert str(rows[0]["type"]).startswith("gzip")


def change(name: str, **values: Json) -> Row:
    """Make the change; return the state before. The state afterwards is the promised one."""
    intent, operation, full = CATALOGUE[name], CATALOGUE[name].operation, with_defaults(CATALOGUE[name], values)
    assert operation.state is not None
    assert operation.change is not None
    (before,) = run_read(intent, operation.state, full) or [{}]
    assert unmet(intent, operation.needs, full, before=None, now=before) == []
    argv = run_step(intent, operation.change, full, interrupt="wait").argv
    subprocess.run(argv, check=True, capture_output=True)
    (after,) = run_read(intent, operation.state, full) or [{}]
    assert unmet(intent, operation.expect, full, before=before, now=after) == []
    promised = predicted_state(intent, operation, full, before)
    if "size" not in after:
        assert {key: as_text(value) for key, value in after.items()} == {
            key: as_text(value) for key, value in promised.items()
        }
    return before


def test_an_entry_of_an_access_list_is_given_changed_and_taken(tmp_path: Path) -> None:
    path = tmp_path / "new\nfile"
    path.write_text("")

    def entries() -> set[str]:
        return {f"{row['name']}:{row['rights']}" for row in read_for_real("file.acl", path=str(path)) if row["name"]}

    words = ["read", "read-write", "read-execute", "full", "write", "execute", "write-execute", "nothing"]
    before = "none"
    for word in words:
        assert change("file.set_acl", path=str(path), user="daemon", rights=word) == {"rights": before}
        before = word
    assert entries() == {"daemon:---"}
    change("file.set_acl", path=str(path), user="daemon", rights="none")
    assert entries() == set()
    change("file.set_acl", path=str(path), user="daemon", rights="read")
    assert entries() == {"daemon:r--"}
    assert change("file.remove_acl", path=str(path), user="daemon") == {"rights": "read"}
    assert entries() == set()


def test_a_file_is_put_back_from_a_copy_and_what_it_held_is_kept(tmp_path: Path) -> None:
    file, copy = tmp_path / "file", tmp_path / "copy"
    file.write_text("broken")
    copy.write_text("good")
    change("file.restore", target=str(file), source=str(copy))
    assert (file.read_text(), (tmp_path / "file.~1~").read_text()) == ("good", "broken")


def test_touch_makes_an_empty_file(tmp_path: Path) -> None:
    change("file.touch", path=str(tmp_path / "-new"))
    assert (tmp_path / "-new").read_bytes() == b""


# -- documents


DOCUMENTS = {
    "a.json": b'{"server": {"port": 8080, "big": 12345678901234567890, "f": 1.0, "a.b": [true, null, []]}}',
    "a.yaml": b"defaults: &d {image: {tag: '1.0', pull: on}}\nweb:\n  <<: *d\n  ports: [80, 0443]\n---\nother: ~\n",
    "a.toml": b'[tool.x]\nline = 120\nwhen = 2026-01-01\n[[users]]\nname = "a"\n',
    "a.ini": b"[Service]\nExecStart=/bin/x %i\nNo\n[Service]\nType: simple\n",
    "a.xml": b'<?xml version="1.0" encoding="UTF-8"?><c a="1"><i>x</i><i>y</i></c>',
}


@pytest.mark.parametrize(
    ("intent", "name", "key", "expected"),
    [
        ("text.json_get", "a.json", ".server.port", {"server.port": "8080"}),
        ("text.json_get", "a.json", "server.big", {"server.big": "12345678901234567890"}),
        (
            "text.json_get",
            "a.json",
            '.server["a.b"]',
            {'server["a.b"][0]': "true", 'server["a.b"][1]': "null", 'server["a.b"][2]': "[]"},
        ),
        ("text.json_get", "a.json", "server.nothing", {}),
        ("text.json_get", "a.json", "server.port.deeper", {}),
        ("text.yaml_get", "a.yaml", "web.image", {"web.image.tag": "1.0", "web.image.pull": "on"}),
        ("text.yaml_get", "a.yaml", "web.ports[-1]", {"web.ports[1]": "0443"}),
        ("text.yaml_get", "a.yaml", "other", {"other": "~"}),
        ("text.config_get", "a.toml", "users[].name", {"users[0].name": "a"}),
        ("text.config_get", "a.toml", "tool", {"tool.x.line": "120", "tool.x.when": "2026-01-01"}),
        ("text.config_get", "a.ini", "Service.ExecStart", {"Service.ExecStart": "/bin/x %i"}),
        ("text.config_get", "a.xml", "c", {"c.@a": "1", "c.i[0]": "x", "c.i[1]": "y"}),
    ],
)
def test_a_value_is_found_under_its_key(
    tmp_path: Path, intent: str, name: str, key: str, expected: dict[str, str]
) -> None:
    (tmp_path / name).write_bytes(DOCUMENTS[name])
    rows = read_for_real(intent, path=str(tmp_path / name), key=key)
    assert {row["key"]: row["value"] for row in rows} == expected


def test_json_values_are_those_of_jq(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [{"b": "x y"}, {"b": "\\u00e9\\n"}, {"b": 3}], "c d": {"e": false}}')
    for key, jq in (("a[].b", ".a[].b"), ('["c d"].e', '."c d".e')):
        said = subprocess.run(["jq", "-j", f'({jq}) | tostring + "\\u0000"', path], capture_output=True, check=True)
        rows = read_for_real("text.json_get", path=str(path), key=key)
        assert "".join(f"{row['value']}\0" for row in rows).encode() == said.stdout


def test_aliases_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.yaml"
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    path.write_text("\n".join(["l0: &l0 [x, x, x]", *levels]))
    with pytest.raises(ParseError, match="more than"):
        read_for_real("text.yaml_get", path=str(path))
    path.write_text("a: &a [*a]\n")
    with pytest.raises(ParseError, match="holds itself"):
        read_for_real("text.yaml_get", path=str(path))


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_a_good_document_is_valid(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DOCUMENTS[name])
    assert [row["valid"] for row in read_for_real("text.validate", path=str(tmp_path / name))] == [True]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.json", b'{\n "a": 1,\n}', 3),
        ("a.json", b'{"a": NaN}', None),
        ("a.json", b"", 1),
        ("a.yaml", b"a: 1\n b: 2\n", 2),
        ("a.yaml", b"a: [1\n", 2),
        ("a.toml", b"a = 1\nb = \n", 2),
        ("a.ini", b"a = 1\n", 1),
        ("a.xml", b"<a>\n<b></a>", 2),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', None),
        ("a.json", b'"\n\xff"', 2),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, name: str, content: bytes, line: int | None) -> None:
    (tmp_path / name).write_bytes(content)
    (row,) = read_for_real("text.validate", path=str(tmp_path / name))
    assert (row["valid"], row["line"]) == (False, line)
    assert row["fault"]


def test_records_are_kept_by_a_column_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(b'\xef\xbb\xbfname;age\n"Bob; jr\nII";31\nann;28\nold;n/a\n')

    def names(**values: Json) -> list[str]:
        rows = read_for_real("text.table", path=str(path), separator="semicolon", **values)
        records = [row["record"] for row in rows]
        return [str(record[0]) for record in records if isinstance(record, list)]

    assert names() == ["name=Bob; jr\nII", "name=ann", "name=old"]
    assert names(column="Age", over=30) == ["name=Bob; jr\nII"]
    assert names(column="age", equals="28") == ["name=ann"]
    with pytest.raises(ParseError, match="no column"):
        names(column="size", under=3)
