"""Hosts are recognised by real names only; where a request is for is never guessed."""

from collections.abc import Sequence

import pytest

from intents.targets import LOCAL, find_target


class Fleet:
    def names(self, kind: str) -> Sequence[str]:
        return {"host": ("web1", "web2", "db.example"), "hostgroup": ("web", "databases")}.get(kind, ())


@pytest.mark.parametrize(
    ("text", "hosts", "said"),
    [
        ("show disk usage on web1", ("web1",), "on web1"),
        ("disk usage on web1 and db.example", ("web1", "db.example"), "on web1 and db.example"),
        ("uptime on all web servers", ("web",), "on all web servers"),
        ("uptime on the databases", ("databases",), "on the databases"),
        ("load on all hosts please", ("all",), "on all hosts"),
        ("who is logged in on this machine", (LOCAL,), "on this machine"),
        ("restart nginx @web2", ("web2",), "@web2"),
    ],
)
def test_a_host_phrase_is_found_with_its_words(text: str, hosts: tuple[str, ...], said: str) -> None:
    phrase, spans = find_target(text, Fleet())
    assert phrase is not None
    assert phrase.hosts == hosts
    ((start, end),) = spans
    assert text[start:end] == said


@pytest.mark.parametrize(
    "text", ["restart nginx on moon", "files on /var", "listening on port 443", "turn on the light"]
)
def test_what_is_no_host_is_left_in_the_sentence(text: str) -> None:
    assert find_target(text, Fleet()) == (None, ())


def test_a_list_ends_at_the_first_word_that_is_no_host() -> None:
    phrase, spans = find_target("uptime on web1 and moon", Fleet())
    assert phrase is not None
    assert phrase.hosts == ("web1",)
    assert "moon" not in "uptime on web1 and moon"[spans[0][0] : spans[0][1]]
