"""What each type reads in a request: the value, and the stretch it stands on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from intents.errors import ValueRejected
from intents.types.base import ValueContext
from intents.types.registry import TYPE_WORDS, make_type
from intents.types.words import Secret
from intents.values import Json

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=BERLIN)  # a Tuesday


class Names:
    """Live names from a mapping."""

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self._known = known

    def names(self, kind: str) -> Sequence[str]:
        return self._known.get(kind, ())


LIVE = Names(
    {
        "unit": ["nginx.service", "postgresql.service", "ssh.service", "ssh.socket", "web1.service", "-.mount"],
        "user": ["root", "alice", "-rf", "bob"],
        "group": ["www-data", "users"],
        "mount": ["/", "/home", "/var/lib"],
        "interface": ["lo", "eth0"],
        "host": ["web1", "web2", "staging-db"],
        "package": ["nginx", "htop"],
    }
)
CONTEXT = ValueContext(now=NOW, directory="/srv/app", home="/home/alice", names=LIVE)
NAMELESS = ValueContext(now=NOW, directory="/srv/app", home="/home/alice")


def at(*parts: int) -> int:
    year, month, day, hour, minute = (*parts, 0, 0)[:5]
    return int(datetime(year, month, day, hour, minute, tzinfo=BERLIN).timestamp())


FOUND: list[tuple[str, str, list[tuple[str, Json]]]] = [
    ("size", "files over 2 GB and under 1.5 GiB", [("2 GB", 2 * 10**9), ("1.5 GiB", 3 << 29)]),
    ("size", "500M, two gigabytes, 64K or half a gig.", [
        ("500M", 500 << 20), ("two gigabytes", 2 * 10**9), ("64K", 65536), ("half a gig", 1 << 29)]),
    ("size", "keep 5 of web1 in a b", []),
    ("duration", "wait 5m, then two hours, an hour or 30 days", [
        ("5m", 300), ("two hours", 7200), ("an hour", 3600), ("30 days", 2592000)]),
    ("duration", "for 1h30m or 2 days and 3 hours, not 30M", [("1h30m", 5400), ("2 days and 3 hours", 183600)]),
    ("duration", "half a minute, 250ms", [("half a minute", 30), ("250ms", 0.25)]),
    ("count", "show the last 10 lines, five of them, a dozen", [("10", 10), ("five", 5), ("a dozen", 12)]),
    ("count", "web1 10.0.0.1 5 GB 80% 10 minutes twenty five minutes 14:00 2026-11-20 v2", []),
    ("count", "twenty-five or 1,000.", [("twenty-five", 25), ("1,000", 1000)]),
    ("percentage", "above 80%, 90 percent, half or three quarters full", [
        ("80%", 80.0), ("90 percent", 90.0), ("half", 50.0), ("three quarters", 75.0)]),
    ("percentage", "in half an hour, 500%", []),
    ("port", "open port 8080 for 3 minutes", [("8080", 8080)]),
    ("port", "show 10 lines of ports 80, 443 and 8443", [("80", 80), ("443", 443), ("8443", 8443)]),
    ("port", "allow https and 5432/tcp", [("https", 443), ("5432", 5432)]),
    ("port", "port 70000", []),
    ("pid", "kill pid 4711 in 5 minutes", [("4711", 4711)]),
    ("protocol", "allow UDP on 53", [("UDP", "udp")]),
    ("signal", "kill it with SIGHUP, TERM or signal 9", [("SIGHUP", "HUP"), ("TERM", "TERM"), ("9", "KILL")]),
    ("address", "ping 10.0.0.1. allow fe80::1, 10.0.0.0/8 and 999.1.1.1 at 14:00", [
        ("10.0.0.1", "10.0.0.1"), ("fe80::1", "fe80::1"), ("10.0.0.0/8", "10.0.0.0/8")]),
    ("url", "get HTTPS://Example.org/A?b=c, not http://u:p@x.org/", [
        ("HTTPS://Example.org/A?b=c", "https://example.org/A?b=c")]),
    ("mode", "make it 644 or 0755 or u+x,go-w", [("644", "0644"), ("0755", "0755")]),
    ("boolean", "turn it off on web1 and enabled", [("off", False), ("enabled", True)]),
    ("boolean", "switch it on.", [("on", True)]),
    ("text", "append 'don“t panic' and \"it's\" don't", [("'don“t panic'", "don“t panic"), ('"it\'s"', "it's")]),
    ("regex", "lines like '^a+b' or '(a+)+'", [("'^a+b'", "^a+b")]),
    ("glob", "delete *.log and '*.conf' please?", [("*.log", "*.log"), ("'*.conf'", "*.conf")]),
    ("path", "what is in /etc/nginx/? and ~/x, ./y or ../z", [
        ("/etc/nginx/", "/etc/nginx"), ("~/x", "/home/alice/x"), ("./y", "/srv/app/y"), ("../z", "/srv/z")]),
    ("path", "show app.conf, 'my notes.txt' and \"/tmp/a b\".", [
        ("app.conf", "/srv/app/app.conf"), ("'my notes.txt'", "/srv/app/my notes.txt"), ('"/tmp/a b"', "/tmp/a b")]),
    ("path", "list this folder or here, logs/web", [
        ("this folder", "/srv/app"), ("here", "/srv/app"), ("logs/web", "/srv/app/logs/web")]),
    ("path", "example.com https://x.org/y 10.0.0.0/8 8080/tcp nginx.service and/or", []),
    ("mount", "how full is /home, not /opt", [("/home", "/home")]),
    ("device", "copy sda1,nvme0n1p2 and /dev/data/www to sdb or md0, not sad, 'dm' or /etc/fstab", [
        ("sda1", "/dev/sda1"), ("nvme0n1p2", "/dev/nvme0n1p2"), ("/dev/data/www", "/dev/data/www"),
        ("sdb", "/dev/sdb"), ("md0", "/dev/md0")]),
    ("name:unit", "restart nginx, ssh.socket and postgress", [
        ("nginx", "nginx.service"), ("ssh.socket", "ssh.socket"), ("postgress", "postgresql.service")]),
    ("name:unit", "restart ngnix but not web2", [("ngnix", "nginx.service")]),
    ("user", "who is alice or ailce", [("alice", "alice"), ("ailce", "alice")]),
    ("user", "delete -rf", []),
    ("host", "on web1,web2 and staging-web", [("web1", "web1"), ("web2", "web2")]),
    ("name:user", "add alice", []),
    ("secret", "set it to 'hunter2'", []),
]  # fmt: skip


@pytest.mark.parametrize(("word", "request_text", "expected"), FOUND)
def test_values_are_found_where_they_stand(word: str, request_text: str, expected: list[tuple[str, Json]]) -> None:
    found = make_type(word, {}).find(request_text, CONTEXT)
    assert [(request_text[one.start : one.end], one.value) for one in found] == expected


MOMENTS = [
    ("yesterday", at(2026, 11, 23)),
    ("yesterday 3pm", at(2026, 11, 23, 15)),
    ("yesterday at 15:30", at(2026, 11, 23, 15, 30)),
    ("today", at(2026, 11, 24)),
    ("monday", at(2026, 11, 23)),
    ("tuesday", at(2026, 11, 17)),
    ("2 hours ago", at(2026, 11, 24, 8, 30)),
    ("last 30 minutes", at(2026, 11, 24, 10, 0)),
    ("past hour", at(2026, 11, 24, 9, 30)),
    ("30 days ago", int(NOW.timestamp()) - 30 * 86400),
    ("last week", int(NOW.timestamp()) - 7 * 86400),
    ("this week", at(2026, 11, 23)),
    ("2026-11-20", at(2026, 11, 20)),
    ("2026-11-20 14:00", at(2026, 11, 20, 14)),
    ("2026-11-20T13:00:00Z", at(2026, 11, 20, 14)),
    ("20 November", at(2026, 11, 20)),
    ("Dec 24", at(2025, 12, 24)),
    ("9am", at(2026, 11, 24, 9)),
    ("3pm", at(2026, 11, 23, 15)),
    ("noon yesterday", at(2026, 11, 23, 12)),
]


@pytest.mark.parametrize(("phrase", "expected"), MOMENTS)
def test_moments_are_read_against_the_clock_in_its_zone(phrase: str, expected: int) -> None:
    moment = make_type("moment", {})
    request_text = f"errors since {phrase}, please"
    found = moment.find(request_text, CONTEXT)
    assert [(request_text[one.start : one.end], one.value) for one in found] == [(phrase, expected)]
    assert moment.parse(f"since {phrase}", CONTEXT) == expected


def test_a_day_begins_at_local_midnight_also_when_the_clocks_change() -> None:
    after_change = ValueContext(now=datetime(2026, 10, 26, 8, tzinfo=BERLIN), directory="/", home="/")
    assert make_type("moment", {}).parse("yesterday", after_change) == at(2026, 10, 25)
    assert at(2026, 10, 26) - at(2026, 10, 25) == 25 * 3600


def test_an_age_is_a_moment_in_the_past() -> None:
    text = "delete logs older than 30 days"
    (found,) = make_type("moment", {}).find(text, CONTEXT)
    assert (text[found.start : found.end], found.value) == ("30 days", int(NOW.timestamp()) - 30 * 86400)


@pytest.mark.parametrize("text", ["2026-02-30", "25:00", "13pm", "99999999 days ago", "1960-01-01", ""])
def test_moments_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(ValueRejected):
        make_type("moment", {}).parse(text, CONTEXT)


RENDERED: list[tuple[str, Json, str | None, str]] = [
    ("moment", at(2026, 11, 20, 14), "rfc3339", "2026-11-20T13:00:00Z"),
    ("moment", 1_700_000_000, "epoch", "1700000000"),
    ("size", 2 << 30, None, "2147483648"),
    ("size", (2 << 30) + 1, "mib", "2049"),
    ("duration", 90, "minutes", "2"),
    ("duration", 0.25, None, "0.25"),
    ("boolean", True, None, "true"),
    ("boolean", False, "yes_no", "no"),
    ("boolean", True, "on_off", "on"),
    ("boolean", False, "one_zero", "0"),
    ("path", "/etc/hosts", "parent", "/etc"),
    ("path", "/etc/hosts", "basename", "hosts"),
    ("percentage", 80.0, None, "80"),
]


@pytest.mark.parametrize(("word", "value", "form", "expected"), RENDERED)
def test_values_are_written_in_the_form_asked_for(word: str, value: Json, form: str | None, expected: str) -> None:
    assert make_type(word, {}).render(value, form) == expected


@pytest.mark.parametrize(
    ("word", "value", "expected"),
    [
        ("size", 2 << 30, "2.0 GiB"),
        ("size", 512, "512 B"),
        ("duration", 300, "5 min"),
        ("duration", 183600, "2 days 3 h"),
        ("percentage", 12.5, "12.5%"),
        ("path", "/tmp/a\nb\u202e", r"/tmp/a\nb\u202e"),
        ("secret", "hunter2", "***"),
    ],
)
def test_values_are_shown_for_people(word: str, value: Json, expected: str) -> None:
    assert make_type(word, {}).show(value) == expected


CHECKED_OUT: list[tuple[str, Json]] = [
    ("count", True), ("count", "5"), ("count", -1), ("size", 1.5), ("size", 1 << 63), ("duration", 300.0),
    ("duration", -1), ("duration", float("nan")), ("duration", float("inf")), ("percentage", 101), ("port", 0),
    ("port", 65536), ("moment", -1), ("moment", 10**15), ("path", "etc/hosts"), ("path", "/etc/../hosts"), ("path", "/a\0"),
    ("path", "/a/"), ("path", "//a"), ("mode", "644"), ("mode", "-w"), ("mode", "0888"), ("address", "010.0.0.1"),
    ("address", "FE80::1"), ("address", "fe80::1%$(x)"), ("url", "https://u:p@example.org/"), ("url", "file:///etc/passwd"),
    ("url", "https://example.org/a b"), ("url", "https://-x.org/"), ("text", "a\nb"), ("text", "a\0"), ("text", 5),
    ("name:unit", "-.mount"), ("name:unit", "a b.service"), ("name:unit", "../x.service"), ("user", "-rf"),
    ("user", "123"), ("user", "a" * 33), ("interface", "a" * 16), ("interface", "eth0/x"), ("name:sysctl", "kernel/../../etc"),
    ("name:image", "Nginx"), ("name:timezone", "../etc/passwd"), ("name:timer", "x.service"), ("name:hostname", "a..b"),
    ("name:hostname", "a" * 64), ("package", "-y"), ("package", "./x.deb"), ("package", "a=1"), ("regex", ""), ("secret", ""),
    ("signal", "SIGHUP"), ("protocol", "TCP"), ("boolean", 1), ("glob", "a\0"), ("text", "\ud800"), ("path", "/\ud800"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "value"), CHECKED_OUT)
def test_a_value_that_is_not_canonical_is_neither_accepted_nor_written(word: str, value: Json) -> None:
    kind = make_type(word, {})
    with pytest.raises(ValueRejected):
        kind.check(value)
    with pytest.raises(ValueRejected):
        kind.render(value)


def test_undecodable_file_names_are_paths() -> None:
    name = b"/tmp/\xff".decode(errors="surrogateescape")
    assert make_type("path", {}).render(name) == name
    assert make_type("path", {}).show(name) == r"/tmp/\udcff"


def test_a_basename_that_looks_like_an_option_is_refused() -> None:
    with pytest.raises(ValueRejected):
        make_type("path", {}).render("/tmp/-rf", "basename")


def test_a_secret_is_only_revealed_on_purpose() -> None:
    secret = make_type("secret", {})
    assert isinstance(secret, Secret)
    with pytest.raises(ValueRejected) as refused:
        secret.render("hunter2")
    assert "hunter2" not in str(refused.value)
    assert secret.reveal("hunter2") == "hunter2"


@pytest.mark.parametrize("pattern", [
    "(a+)+", "(a|b)*", "((a*)b)+", r"(a)\1", "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?P<x>a)(?P=x)", "(?(1)a|b)", "a**",
    "a++", "(?>a)", "[", "(", ")", "[[a]]", "[a--b]", "a*b*c*d*e*", "a{1001}", "x" * 513, "(?i:a)", "a(?i)", "(a{2}){3}",
])  # fmt: skip
def test_patterns_that_may_run_away_are_refused(pattern: str) -> None:
    with pytest.raises(ValueRejected):
        make_type("regex", {}).parse(pattern, CONTEXT)


@pytest.mark.parametrize(
    "pattern", ["^error: .*$", "(foo|bar)?", "(?i)fail(ed|ure)", "[^]a-z]+", r"\d{1,3}\.", "(ab)+", "-v"]
)
def test_plain_patterns_are_accepted(pattern: str) -> None:
    assert make_type("regex", {}).parse(pattern, CONTEXT) == pattern


def test_a_choice_is_said_in_one_word_and_written_in_another() -> None:
    kind = make_type("choice", {"choices": {"file": "f", "symbolic_link": "l"}})
    text = "only Files and symbolic links"
    assert [(text[one.start : one.end], one.value) for one in kind.find(text, CONTEXT)] == [
        ("Files", "file"), ("symbolic links", "symbolic_link")]  # fmt: skip
    assert kind.render("symbolic_link") == "l"
    with pytest.raises(ValueRejected, match="file, symbolic_link"):
        kind.parse("door", CONTEXT)


@pytest.mark.parametrize("choices", [{}, [], [True], {"up": "-u"}, None, "file", [""]])
def test_choices_that_make_no_sense_are_refused(choices: Json) -> None:
    with pytest.raises(ValueRejected):
        make_type("choice", {"choices": choices})


def test_a_count_keeps_its_bounds() -> None:
    kind = make_type("count", {"min": 1, "max": 10, "choices": None})
    assert kind.parse("ten", CONTEXT) == 10
    with pytest.raises(ValueRejected):
        kind.parse("11", CONTEXT)


@pytest.mark.parametrize("word", ["user", "group", "name:user", "name:group"])
@pytest.mark.parametrize("name", ["a:rwx", "a,b", "a b", "a\nb", "a=b", "a/b"])
def test_what_may_be_followed_in_a_word_holds_no_mark_that_would_end_it(word: str, name: str) -> None:
    kind = make_type(word, {})
    assert kind.embeddable
    with pytest.raises(ValueRejected):
        kind.check(name)


def test_only_multiline_text_has_lines() -> None:
    assert make_type("text", {"multiline": True}).parse("a\nb", CONTEXT) == "a\nb"


def test_an_unknown_type_or_option_is_named_with_the_closest() -> None:
    with pytest.raises(ValueRejected, match="duration"):
        make_type("durations", {})
    with pytest.raises(ValueRejected, match="multiline"):
        make_type("size", {"multiline": True})


def test_types_with_equal_options_are_equal() -> None:
    assert make_type("count", {"max": 5}) == make_type("count", {"max": 5})
    assert make_type("count", {"max": 5}) != make_type("count", {"max": 6})
    assert all(make_type(word, {}).name == word for word in TYPE_WORDS if word != "choice")
