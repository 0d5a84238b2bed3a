"""What a secret looks like in text. Each rule is introduced by the format it finds; each runs in linear time.

Linear: every repetition is bounded or can't overlap what follows it, so no text makes a rule slow.
"""

import re
from collections.abc import Sequence

MARK = "[redacted]"
"""Stands where a secret stood."""

_WORDS = r"password|passphrase|secret|token|credentials?|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|auth[_-]?key"
"""Names whose value is a secret. `passwd` only counts before `=`: `passwd: files systemd` is a line of nsswitch.conf(5)."""

_QUOTED = r'\\{0,3}"(?:[^"\\\n]|\\[^"\n]){0,1024}\\{0,3}"' + r"|'[^'\n]{1,1024}'"
"""A quoted value, also one inside JSON that is itself quoted (`\\"...\\"`)."""

_NOT_MARK = r"(?!\[redacted\](?:[\s,;&\"'}\])]|$))"
"""Not before a mark that an earlier rule set, or it would take what follows it along."""

SECRET_NAME = re.compile(rf".*(?:{_WORDS}|passwd|pwd)", re.IGNORECASE | re.DOTALL)
"""The whole name of a key, an option or a setting whose value is a secret: `password`, `DB_PASSWORD`, `dbPassword`, `api-key`."""

SECRET_OPTION = re.compile(rf"--?(?:[a-z0-9]{{1,32}}-){{0,4}}(?:{_WORDS}|passwd)", re.IGNORECASE)
"""A whole word of an argument vector after which a secret comes: `--password`, `--auth-token`."""

KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
"""The lines around a private key (RFC 7468, RFC 4716's kin of OpenSSH, RFC 9580 for OpenPGP)."""

_WHOSE = r"(?:[ \t]{1,8}(?:of|for)(?:[ \t]{1,8}[\w.@-]{1,64}){1,4}?)?"
"""Between the word and its value: "the password of the user anna to ..."."""

SPOKEN: Sequence[re.Pattern[str]] = (
    # As people say it: "set the password to hunter2", "the token is 1a2b3c". A plain word after it ("the password
    # is locked") is no secret; one with a digit or a sign, or in quotes, is taken for one.
    re.compile(
        rf"((?:{_WORDS}){_WHOSE}[ \t]{{1,8}}(?:to|is|as)[ \t]{{1,8}})({_QUOTED}|(?=[A-Za-z]{{0,256}}[^\sA-Za-z.,;:!?)])\S{{1,8192}})",
        re.IGNORECASE,
    ),
    # Where a verb says that it is given, a plain word is one too: "change anna's password to correcthorse".
    re.compile(
        rf"(\b(?:set|change|reset|switch)\b[^\n]{{0,64}}?(?:{_WORDS}){_WHOSE}[ \t]{{1,8}}to[ \t]{{1,8}}){_NOT_MARK}(\S{{1,8192}})",
        re.IGNORECASE,
    ),
)
"""How a secret is told in a sentence: what leads to it, and the secret."""

RULES: Sequence[tuple[re.Pattern[str], str]] = (
    # crypt(5) hashes as in shadow(5), htpasswd and PHC strings: $id$[options$]salt$hash
    (re.compile(r"\$(?:[1567]|2[abxy]?|y|gy|apr1|sha1|md5|argon2(?:id|i|d)|scrypt)\$[./A-Za-z0-9$,=+-]{8,1024}"), MARK),
    # AWS access key identifiers: a four-letter prefix and 16 characters (IAM user guide, "Unique identifiers")
    (re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"), MARK),
    # GitHub ("About authentication to GitHub": ghp_, gho_, ghu_, ghs_, ghr_, github_pat_)
    (re.compile(r"(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{16,255}"), MARK),
    # GitLab ("Token overview": glpat-, gldt-, glrt- and others)
    (re.compile(r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|sbt)-[A-Za-z0-9_=.-]{16,512}"), MARK),
    # Slack tokens (xoxb-, xoxp- and others; xapp-) and incoming webhooks
    (re.compile(r"(?:xox[a-z]{1,2}|xapp)-[A-Za-z0-9.-]{10,512}"), MARK),
    (re.compile(r"(hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]{10,256}"), rf"\1{MARK}"),
    # JSON Web Tokens (RFC 7519): base64url parts with dots between; the first begins with {" in base64
    # (a run of base64url is only ever looked at from its first character on: from each `eyJ` on would be quadratic)
    (
        re.compile(r"(?<![A-Za-z0-9_-])((?:(?!eyJ)[A-Za-z0-9_-])*+)eyJ[A-Za-z0-9_-]{5,}+(?:\.[A-Za-z0-9_-]*+){2,4}"),
        rf"\1{MARK}",
    ),
    # A password in a URL (RFC 3986: userinfo before the last @ of the authority)
    (re.compile(r"(://[^\s/:@?#]{0,256}:)[^\s/]{1,1024}(?=@)"), rf"\1{MARK}"),
    # HTTP (RFC 9110, 11.6.2): Authorization: scheme credentials; and the scheme Bearer (RFC 6750) wherever it stands
    (
        re.compile(
            r"(authorization[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?(?:[a-z0-9-]{2,32}[ \t]{1,8})?)[^\s\"']{1,8192}",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
    (re.compile(r"\b(bearer[ \t]{1,8})[A-Za-z0-9._~+/=-]{8,8192}", re.IGNORECASE), rf"\1{MARK}"),
    # HTTP cookies (RFC 6265): the whole line
    (re.compile(r"((?:set-)?cookie:[ \t]{0,8})[^\s\"'][^\r\n\"']{0,8192}", re.IGNORECASE), rf"\1{MARK}"),
    # name = value, name: value, "name": "value"; a quoted value to its closing quote, a bare one to the next blank
    (
        re.compile(
            rf"((?:{_WORDS})\\{{0,3}}[\"']?[ \t]{{0,8}}(?::=|=>|[:=])[ \t]{{0,8}}|(?:passwd|pwd)[ \t]{{0,8}}=[ \t]{{0,8}})"
            rf"{_NOT_MARK}(?:{_QUOTED}|(?![\[{{](?:\s|$))\S{{1,8192}})",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
    # --password value (also --db-password, --auth-token), and sshpass -p value
    (
        re.compile(
            rf"((?<![\w-])--(?:[a-z0-9]{{1,32}}-){{0,4}}(?:{_WORDS}|passwd)[ \t]{{1,8}}|\bsshpass[ \t]{{1,8}}-p[ \t]{{0,8}})"
            rf"(?:{_QUOTED}|[^\s-]\S{{0,8191}})",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
    *((pattern, rf"\1{MARK}") for pattern in SPOKEN),
)
