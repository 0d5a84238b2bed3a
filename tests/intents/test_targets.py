"""Hosts are recognised by real names only; where a request is for is never guessed."""

from collections.abc import Sequence

import pytest

from intents.errors import TargetError
from intents.targets import LOCAL, find_target


class Fleet:
    def names(self, kind: str) -> Sequence[str]:
        return {
            "host": ("web1", "web2", "web3", "db1", "db3", "db.example"),
            "hostgroup": ("all", "web", "databases", "staging", "eu-west", "cache_nodes", "mailservers", "db"),
        }.get(kind, ())


class Nobody:
    def names(self, kind: str) -> Sequence[str]:
        return ()


@pytest.mark.parametrize(
    ("text", "hosts", "said"),
    [
        ("show disk usage on web1", ("web1",), "on web1"),
        ("is nginx running on web1?", ("web1",), "on web1"),
        ("disk usage on web1 and db.example", ("web1", "db.example"), "on web1 and db.example"),
        ("disk usage on web1, web2, and db1", ("web1", "web2", "db1"), "on web1, web2, and db1"),
        ("uptime on all web servers", ("web",), "on all web servers"),
        ("uptime on every web server", ("web",), "on every web server"),
        ("uptime on the databases", ("databases",), "on the databases"),
        ("uptime on the database servers", ("databases",), "on the database servers"),
        ("load on all hosts please", ("all",), "on all hosts"),
        ("load on all of the machines", ("all",), "on all of the machines"),
        ("load across the fleet", ("all",), "across the fleet"),
        ("who is logged in on this machine", (LOCAL,), "on this machine"),
        ("restart nginx @web2", ("web2",), "@web2"),
        ("uptime on host web1", ("web1",), "on host web1"),
        ("uptime on servers web1 and web2", ("web1", "web2"), "on servers web1 and web2"),
        ("uptime on the staging group", ("staging",), "on the staging group"),
        ("uptime on the group staging", ("staging",), "on the group staging"),
        ("restart nginx in the staging group", ("staging",), "in the staging group"),
        ("uptime on the web hosts and db1", ("web", "db1"), "on the web hosts and db1"),
        ("uptime on web1 and on the databases", ("web1", "databases"), "on web1 and on the databases"),
        ("uptime on the eu-west machines", ("eu-west",), "on the eu-west machines"),
        ("uptime on all cache nodes", ("cache_nodes",), "on all cache nodes"),
        ("uptime on all mail servers", ("mailservers",), "on all mail servers"),
        ("uptime on web*", ("web*",), "on web*"),
        ("everywhere show the load", ("all",), "everywhere"),
        ("everywhere but db3 show the load", ("all,!db3",), "everywhere but db3"),
        ("show the load everywhere except db1 and db3", ("all,!db1,!db3",), "everywhere except db1 and db3"),
        ("load on all hosts except the db servers", ("all,!db",), "on all hosts except the db servers"),
        ("load on all hosts, except for db1", ("all,!db1",), "on all hosts, except for db1"),
        ("load on the web servers other than web2", ("web,!web2",), "on the web servers other than web2"),
        ("load on the web servers but not on web2 please", ("web,!web2",), "on the web servers but not on web2"),
        ("load on all web servers in staging", ("web,&staging",), "on all web servers in staging"),
        ("load on all hosts in staging", ("all,&staging",), "on all hosts in staging"),
        ("load on hosts in the staging group", ("all,&staging",), "on hosts in the staging group"),
        ("load on all staging web servers", ("web,&staging",), "on all staging web servers"),
        (
            "reboot all web servers in staging except web3",
            ("web,&staging,!web3",),
            "all web servers in staging except web3",
        ),
        (
            "load on the web servers in staging and db1",
            ("db1", "web,&staging"),
            "on the web servers in staging and db1",
        ),
        (
            "load on the web and database servers that are in staging",
            ("web,&staging", "databases,&staging"),
            "on the web and database servers that are in staging",
        ),
        ("load on web1 and the databases except db1", ("web1,databases,!db1",), "on web1 and the databases except db1"),
        ("load everywhere in staging", ("all,&staging",), "everywhere in staging"),
    ],
)
def test_a_host_phrase_is_found_with_its_words(text: str, hosts: tuple[str, ...], said: str) -> None:
    phrase, spans = find_target(text, Fleet())
    assert phrase is not None
    assert phrase.hosts == hosts
    ((start, end),) = spans
    assert text[start:end] == said
    assert phrase.evidence.text == said


def test_a_phrase_that_is_more_than_names_says_how_it_was_read() -> None:
    phrase, _ = find_target("load on all web servers in staging except web3", Fleet())
    assert phrase is not None
    assert phrase.evidence.note == "that is web,&staging,!web3"


@pytest.mark.parametrize(
    "text",
    [
        "restart nginx on moon",
        "files on /var",
        "listening on port 443",
        "turn on the light",
        "list all hosts",
        "show all groups",
        "replace a with b everywhere in /etc/motd",
        "replace everywhere 'a' with 'b'",
        'append "on web1" to /etc/motd',
        "mail bob@web1",
        "files in staging",
        "errors of the web server",
        "show all web pages",
    ],
)
def test_what_is_no_host_is_left_in_the_sentence(text: str) -> None:
    assert find_target(text, Fleet()) == (None, ())


@pytest.mark.parametrize("text", ["replace a with b everywhere", "restart nginx on web1", "users on this host only"])
def test_without_an_inventory_no_name_is_a_host(text: str) -> None:
    phrase, _ = find_target(text, Nobody())
    assert phrase is None or phrase.hosts == (LOCAL,)


@pytest.mark.parametrize(
    "text",
    [
        "restart nginx on all kelpie boxes",
        "restart nginx on the moon servers",
        "restart nginx on every moon host",
        "uptime on host moon",
        "restart nginx everywhere except moon",
        "restart nginx on all hosts but moon",
        "restart nginx on the web servers except moon",
        "restart nginx on the web servers except web1 and moon",
        "restart nginx on all hosts except the web servers in staging",
    ],
)
def test_what_is_said_of_hosts_and_means_none_is_an_error(text: str) -> None:
    with pytest.raises(TargetError):
        find_target(text, Fleet())


def test_all_hosts_are_an_error_when_none_is_known() -> None:
    with pytest.raises(TargetError, match="none is known"):
        find_target("uptime on all servers", Nobody())


def test_a_list_ends_at_the_first_word_that_is_no_host() -> None:
    phrase, spans = find_target("uptime on web1 and moon", Fleet())
    assert phrase is not None
    assert phrase.hosts == ("web1",)
    assert "moon" not in "uptime on web1 and moon"[spans[0][0] : spans[0][1]]


def test_what_is_excepted_from_rows_is_no_host() -> None:
    phrase, _ = find_target("who is logged in on web1 except root", Fleet())
    assert phrase is not None
    assert phrase.hosts == ("web1",)
