"""How live names decide which thing a word means, and what they may never do."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from intents.errors import ValueRejected
from intents.types.base import ValueContext
from intents.types.canonical import CanonicalType
from intents.types.registry import make_type


class Names:
    """Live names from a mapping."""

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self._known = known

    def names(self, kind: str) -> Sequence[str]:
        return self._known.get(kind, ())


def context(**known: Sequence[str]) -> ValueContext:
    return ValueContext(now=datetime(2026, 11, 24, tzinfo=UTC), directory="/", home="/root", names=Names(known))


def test_a_correction_says_from_what() -> None:
    unit = make_type("name:unit", {})
    assert isinstance(unit, CanonicalType)
    found = unit.resolve("postgress", context(unit=["postgresql.service"]))
    assert (found.value, found.note) == ("postgresql.service", 'corrected from "postgress"')
    assert unit.find("restart postgress", context(unit=["postgresql.service"]))[0].note == 'corrected from "postgress"'


def test_an_exact_name_carries_no_note() -> None:
    (found,) = make_type("name:unit", {}).find("restart nginx.", context(unit=["nginx.service"]))
    assert (found.value, found.note, found.start, found.end) == ("nginx.service", None, 8, 13)


def test_two_likely_names_are_a_question_for_the_person() -> None:
    live = context(unit=["postfix.service", "postgresql.service"])
    assert make_type("name:unit", {}).find("restart post", live) == []
    with pytest.raises(ValueRejected, match=r"postfix\.service, postgresql\.service"):
        make_type("name:unit", {}).parse("post", live)


@pytest.mark.parametrize(
    ("said", "live"), [("web2", "web1"), ("staging-web", "staging-db"), ("db-10", "db-1"), ("webserver2", "webserver1")]
)
def test_names_of_different_things_are_never_taken_for_one_another(said: str, live: str) -> None:
    assert make_type("host", {}).find(f"on {said}", context(host=[live])) == []
    with pytest.raises(ValueRejected, match=live):
        make_type("host", {}).parse(said, context(host=[live]))


@pytest.mark.parametrize("word", ["name:unit", "user", "group", "interface", "host", "mount"])
def test_what_must_exist_is_refused_with_the_closest_name(word: str) -> None:
    known = {"unit": ["zulu.service"], "mount": ["/zulu"]}
    kind = word.removeprefix("name:")
    with pytest.raises(ValueRejected, match="zulu"):
        make_type(word, {}).parse("/abc" if word == "mount" else "abc", context(**{kind: known.get(kind, ["zulu"])}))


@pytest.mark.parametrize("kind", ["package", "process", "container", "image", "module", "hostname", "database"])
def test_what_may_be_absent_is_accepted_by_its_pattern(kind: str) -> None:
    word = kind if kind in ("package", "process") else f"name:{kind}"
    assert make_type(word, {}).parse("abc", context(**{kind: ["zulu"]})) == "abc"


def test_without_live_names_the_pattern_alone_decides() -> None:
    assert make_type("name:unit", {}).parse("nginx", context()) == "nginx.service"
    assert make_type("name:timer", {}).parse("logrotate", context()) == "logrotate.timer"
    assert make_type("user", {}).parse("carol", context()) == "carol"
    with pytest.raises(ValueRejected):
        make_type("user", {}).parse("-rf", context())


def test_the_name_of_a_new_account_is_not_corrected_to_an_old_one() -> None:
    live = context(user=["alice"], group=["users"])
    assert make_type("name:user", {}).parse("alicf", live) == "alicf"
    assert make_type("name:group", {}).parse("userss", live) == "userss"


def test_a_live_name_that_breaks_the_pattern_is_as_good_as_absent() -> None:
    live = context(user=["-rf", "a b", "$(reboot)", "alice"])
    assert make_type("user", {}).complete("", live) == ("alice",)
    for hostile in ("-rf", "a b", "$(reboot)"):
        assert make_type("user", {}).find(f"delete {hostile}", live) == []
        with pytest.raises(ValueRejected):
            make_type("user", {}).parse(hostile, live)


def test_openrc_services_have_no_suffix() -> None:
    assert make_type("name:unit", {}).parse("nginx", context(unit=["nginx", "sshd"])) == "nginx"
    assert make_type("name:unit", {}).parse("ngnix", context(unit=["nginx", "sshd"])) == "nginx"


def test_names_with_a_shape_are_found_without_live_names() -> None:
    text = "set net.ipv4.ip_forward, Europe/Berlin, nginx.service and eth0"
    for word, expected in [
        ("name:sysctl", "net.ipv4.ip_forward"),
        ("name:timezone", "Europe/Berlin"),
        ("name:unit", "nginx.service"),
        ("interface", "eth0"),
    ]:
        assert [found.value for found in make_type(word, {}).find(text, context())] == [expected]


def test_live_names_complete_what_is_typed() -> None:
    assert make_type("name:unit", {}).complete("ng", context(unit=["nginx.service", "ssh.service"])) == (
        "nginx.service",
    )
