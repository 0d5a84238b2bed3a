"""Which rule of a firewall lets a port in, and which only looks like it."""

import pytest

from intents.parsers import ParseError, parse_output
from intents.values import Column

COLUMNS = (Column("active", "boolean"), Column("allowed", "boolean"))
UFW = b"""Status: active

To                         Action      From
--                         ------      ----
443/tcp                    ALLOW       Anywhere                  # shop
53/udp                     ALLOW       10.0.0.0/8
23/tcp                     DENY        Anywhere
22                         ALLOW       Anywhere
25/tcp                     ALLOW OUT   Anywhere
8080/tcp (v6)              ALLOW       Anywhere (v6)
"""


@pytest.mark.parametrize(
    ("port", "protocol", "allowed"),
    [
        ("443", "tcp", True),
        ("443", "udp", False),
        ("53", "udp", False),  # for some addresses only
        ("23", "tcp", False),  # denied
        ("22", "tcp", False),  # a rule for both transports, which the inverse would not find
        ("25", "tcp", False),  # outwards
        ("8080", "tcp", False),  # IPv6 only
        ("44", "tcp", False),
    ],
)
def test_only_a_rule_of_ufw_for_this_port_and_everybody_counts(port: str, protocol: str, *, allowed: bool) -> None:
    rows = parse_output("F:ufw_port", UFW, COLUMNS, {"port": port, "protocol": protocol})

    assert rows == [{"active": True, "allowed": allowed}]


def test_ufw_that_is_switched_off_allows_nothing_by_itself() -> None:
    rows = parse_output("F:ufw_port", b"Status: inactive\n", COLUMNS, {"port": "22", "protocol": "tcp"})

    assert rows == [{"active": False, "allowed": False}]


def test_a_range_of_firewalld_is_no_rule_of_the_port() -> None:
    said = b"443/tcp 8000-8010/tcp\n"

    assert parse_output("F:firewalld_port", said, COLUMNS, {"port": "8005", "protocol": "tcp"})[0]["allowed"] is False
    assert parse_output("F:firewalld_port", said, COLUMNS, {"port": "443", "protocol": "tcp"})[0]["allowed"] is True
    assert parse_output("F:firewalld_port", b"\n", COLUMNS, {"port": "443", "protocol": "tcp"})[0]["allowed"] is False


@pytest.mark.parametrize("parser", ["F:ufw_port", "F:firewalld_port"])
def test_what_is_no_answer_of_a_firewall_is_refused(parser: str) -> None:
    with pytest.raises(ParseError, match=parser):
        parse_output(parser, b"ERROR: You need to be root\n", COLUMNS, {"port": "22", "protocol": "tcp"})
