"""Which package a file belongs to, where people and dpkg name the same file differently; hostile repositories."""

import pytest

from intents.parsers import ParseError, parse_output
from intents.values import Column

OWNER = (Column("package"), Column("path", "path"))
FOUND = (
    b"diversion by dash from: /bin/sh\ndiversion by dash to: /bin/sh.distrib\n"
    b"google-cloud-cli: /usr/lib/google-cloud-sdk/lib/storage/tasks/ls\n"
    b"coreutils: /bin/ls\nlibc6:i386, libc6:amd64: /usr/share/doc/libc6/ls\n"
)


@pytest.mark.parametrize("path", ["/bin/ls", "/usr/bin/ls", "/usr//bin/../bin/ls"])
def test_a_file_below_usr_and_its_twin_below_the_root_are_one_file(path: str) -> None:
    rows = parse_output("F:dpkg_owner", FOUND, OWNER, {"path": path})

    assert rows == [{"package": "coreutils", "path": "/bin/ls"}]


def test_a_file_of_the_same_name_elsewhere_belongs_to_nobody() -> None:
    assert parse_output("F:dpkg_owner", FOUND, OWNER, {"path": "/usr/local/bin/ls"}) == []
    assert parse_output("F:dpkg_owner", b"", OWNER, {"path": "/bin/ls"}) == []


def test_a_file_of_several_packages_has_a_row_for_each() -> None:
    rows = parse_output("F:dpkg_owner", FOUND, OWNER, {"path": "/usr/share/doc/libc6/ls"})

    assert [row["package"] for row in rows] == ["libc6", "libc6"]


def test_what_is_no_answer_of_dpkg_is_refused() -> None:
    with pytest.raises(ParseError, match="F:dpkg_owner"):
        parse_output("F:dpkg_owner", b"nothing\n", OWNER, {"path": "/bin/ls"})


@pytest.mark.parametrize("parser", ["F:zypper_repositories", "F:zypper_upgradable"])
def test_xml_that_declares_entities_is_refused(parser: str) -> None:
    bomb = b'<!DOCTYPE stream [<!ENTITY a "aaaa">]><stream><repo alias="&a;"/></stream>'

    with pytest.raises(ParseError, match="document type"):
        parse_output(parser, bomb, (Column("name"),))
