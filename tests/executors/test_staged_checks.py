"""What stands for a file that others include, and which words of a program are about the candidate."""

from pathlib import Path

import pytest

from executors.file_state import FileHost
from executors.local import LocalTransport
from executors.staged_checks import StagedCheck, fault_of, remove_staged, stage_unit
from executors.transport import Completed
from executors.web_includes import APACHE, including_instead, sources_of

DUMP = b"""# configuration file /etc/nginx/nginx.conf:
events {}
http {
    include mime.types;
    include /etc/nginx/sites-enabled/*;
}

# configuration file /etc/nginx/mime.types:
types {}

# configuration file /etc/nginx/sites-enabled/a:
server { include snippets/one.conf; }

# configuration file /etc/nginx/snippets/one.conf:
index a.html;

# configuration file /etc/nginx/sites-enabled/b:
server { listen 81; }

"""


def copies(actual: str, *, same: frozenset[str] = frozenset()) -> dict[str, str]:
    names = iter(f"/etc/nginx/.copy-{number}" for number in range(9))
    sources = sources_of(DUMP)
    made = including_instead(
        sources,
        "/etc/nginx/nginx.conf",
        actual=actual,
        same=same,
        candidate="/new",
        name_copy=lambda: next(names),
    )
    return {path: " ".join(content.decode().split()) for path, content in made.items()}


def test_a_link_that_is_included_is_replaced_by_its_candidate_in_its_place() -> None:
    made = copies("/etc/nginx/sites-available/a", same=frozenset({"/etc/nginx/sites-enabled/a"}))
    assert made == {
        "/etc/nginx/.copy-0": 'events {} http { include mime.types; include "/new"; include "/etc/nginx/sites-enabled/b"; }'
    }


def test_a_new_file_comes_where_its_name_puts_it() -> None:
    (text,) = copies("/etc/nginx/sites-enabled/aa").values()
    assert '"/etc/nginx/sites-enabled/a"; include "/new"; include "/etc/nginx/sites-enabled/b";' in text


def test_what_is_included_by_an_included_file_takes_that_one_with_it() -> None:
    made = copies("/etc/nginx/snippets/one.conf")
    assert made["/etc/nginx/.copy-0"] == 'server { include "/new"; }'
    assert 'include "/etc/nginx/.copy-0"; include "/etc/nginx/sites-enabled/b";' in made["/etc/nginx/.copy-1"]
    assert list(made)[-1] == "/etc/nginx/.copy-1", "the main file's copy is the last one"


@pytest.mark.parametrize("path", ["/etc/nginx/snippets/other.conf", "/etc/nginx/sites-enabled/.hidden"])
def test_what_nothing_includes_leads_to_no_copy(path: str) -> None:
    assert copies(path) == {}


def test_a_site_of_apache_is_replaced_where_the_main_file_includes_it() -> None:
    main = b'Listen 80\nIncludeOptional "sites-enabled/*.conf"\n# Include other.conf\n'
    names = ("/etc/apache2/sites-enabled/a.conf", "/etc/apache2/sites-enabled/b.conf")
    made = including_instead(
        {"/etc/apache2/apache2.conf": main, **dict.fromkeys(names, b"")},
        "/etc/apache2/apache2.conf",
        actual="/etc/apache2/sites-available/b.conf",
        same={names[1]},
        candidate="/new",
        name_copy=lambda: "/copy",
        syntax=APACHE,
    )
    assert made == {"/copy": b'Listen 80\nInclude "%b"\nInclude "/new"\n# Include other.conf\n' % names[0].encode()}


def test_where_the_exit_code_says_nothing_only_marked_lines_are_faults() -> None:
    check = StagedCheck(("x",), "/c", (), fault="error: /c:", counts_exit_code=False)
    absent = Completed(("x",), "exited", 1, None, b"", b"reading /c\nerror: stat of /var/log/x failed\n", 0, 0, 0.1)
    assert fault_of(check, absent) is None
    wrong = Completed(("x",), "exited", 0, None, b"", b"reading /c\nerror: /c:3 unknown option\n", 0, 0, 0.1)
    assert fault_of(check, wrong) == "error: /c:3 unknown option"


@pytest.mark.parametrize(
    ("stderr", "exit_code", "fault"),
    [
        (b"", 0, None),
        (b"old\n", 0, None),
        (b"/s/x.conf:1: Unknown key\n", 0, "/s/x.conf:1: Unknown key"),
        (b"other.service: man page lacks\n", 0, None),
        (b"old\n", 1, None),
        (b"old\nRefusing.\n", 1, "Refusing."),
    ],
)
def test_only_what_is_new_counts_against_a_candidate(stderr: bytes, exit_code: int, fault: str | None) -> None:
    check = StagedCheck(("x",), "/s/x.conf", (), frozenset({b"old"}), fault="/s/x.conf")
    completed = Completed(("x",), "exited", exit_code, None, b"", stderr, 0, len(stderr), 0.1)
    assert fault_of(check, completed) == fault


def test_a_unit_is_staged_under_its_own_name_and_taken_away_again(tmp_path: Path) -> None:
    candidate = tmp_path / ".sayso-candidate"
    candidate.write_text("[Service]\nExecStart=/bin/true\n")
    host = FileHost(LocalTransport(), None, None)
    check = stage_unit(host, str(candidate), "/etc/systemd/system/own.service")
    assert isinstance(check, StagedCheck)
    staged = Path(check.staged)
    assert (staged.name, staged.read_text()) == ("own.service", candidate.read_text())
    assert staged.parent.stat().st_mode & 0o077 == 0
    remove_staged(host, check)
    assert not staged.parent.exists()


def test_a_file_that_is_no_unit_has_no_check(tmp_path: Path) -> None:
    host = FileHost(LocalTransport(), None, None)
    assert (
        stage_unit(host, str(tmp_path), "/etc/systemd/system/readme")
        == "its name is not that of a unit or of a drop-in"
    )
