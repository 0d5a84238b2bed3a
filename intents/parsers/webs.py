"""What nginx and Apache write: dumps of their configuration, and logs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_FILE = re.compile(r"# configuration file (?P<path>.*):\Z")
_TOKEN = re.compile(
    r"""\s+|#[^\n]*|(?P<mark>[{};])|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<word>(?:\$\{[^}]*\}|[^\s{};\\]|\\.)+)"""
)
_INCLUDED = re.compile(r"\s*(?:\(\*\)|\([0-9]+\)) (?P<path>/.*)\Z")
_VHOST = re.compile(
    r"(?:(?P<listen>\S+:\S+)|\s+port \S+ namevhost|\s+default server)\s+(?P<name>\S+) \((?P<file>.*):(?P<line>[0-9]+)\)\Z"
)
_ALIAS = re.compile(r"\s+(?:wild )?alias (?P<name>\S+)\Z")
_ACCESS = re.compile(
    r'(?P<address>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>[0-9]{3}|-) (?P<size>[0-9]+|-)'
    r'(?: "(?:[^"\\]|\\.)*" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_NGINX_ERROR = re.compile(
    r"(?P<time>[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8}) \[(?P<level>[a-z]+)\] [0-9]+#[0-9]+: (?:\*[0-9]+ )?(?P<message>.*)\Z"
)
_APACHE_ERROR = re.compile(
    r"\[(?P<time>[^\]]+)\] \[(?:[a-z0-9_]*:)?(?P<level>[a-z0-9]+)\] (?:\[pid [^\]]*\] )?(?:\[client (?P<client>[^\]]+)\] )?(?P<message>.*)\Z"
)


def _dumped_files(output: bytes) -> Iterator[tuple[str, list[str]]]:
    """Yield path and lines of each file in the output of `nginx -T`."""
    path, lines = None, list[str]()
    for line in lines_of(output):
        if match := _FILE.match(line):
            if path is not None:
                yield path, lines
            path, lines = match["path"], []
        elif path is None:
            raise unexpected("F:nginx_files", "# configuration file", line)
        else:
            lines.append(line)
    if path is not None:
        yield path, lines


def parse_nginx_files(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `nginx -T` to `path` and `lines` of each file; nginx ends each with an empty line of its own."""
    return rows_of([{"path": path, "lines": len(lines) - 1} for path, lines in _dumped_files(output)], columns)


@dataclass
class _Site:
    file: str
    depth: int
    directives: dict[str, list[list[str]]] = field(default_factory=dict)

    def first(self, *names: str) -> str | None:
        return next((" ".join(words) for name in names for words in self.directives.get(name, [])), None)

    def record(self) -> dict[str, Json]:
        return {
            "names": [name for words in self.directives.get("server_name", []) for name in words],
            "listen": [" ".join(words) for words in self.directives.get("listen", [])] or ["80"],
            "serves": self.first("root", "proxy_pass", "fastcgi_pass", "uwsgi_pass", "return"),
            "certificate": self.first("ssl_certificate"),
            "file": self.file,
        }


def parse_nginx_sites(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the `server` blocks of `nginx -T` to `names`, `listen`, `serves`, `certificate` and `file`.

    Of blocks within, only where they pass requests on counts. What another file adds to the block isn't told.
    """
    found = [site for path, lines in _dumped_files(output) for site in _sites(path, "\n".join(lines))]
    return rows_of([site.record() for site in found], columns)


def _sites(path: str, text: str) -> Iterator[_Site]:
    words: list[str] = []
    depth, site = 0, None
    for token, is_mark in _tokens(text):
        if not is_mark:
            words.append(token)
            continue
        if token == "{":  # noqa: S105 - a brace
            depth += 1
            site = _Site(path, depth) if words[:1] == ["server"] and site is None else site
        elif token == "}":  # noqa: S105 - a brace
            if site is not None and site.depth == depth:
                yield site
                site = None
            depth -= 1
        elif site is not None and words and (depth == site.depth or words[0].endswith("_pass")):
            site.directives.setdefault(words[0], []).append(words[1:])
        words = []


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Yield words and marks (`{`, `}`, `;`) of nginx's configuration; quotes are taken off, comments left out."""
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise unexpected("F:nginx_sites", "a word of a configuration", text[place : place + 40])
        place = match.end()
        if match["mark"]:
            yield match["mark"], True
        elif (
            found := next((text for text in match.group("double", "single", "word") if text is not None), None)
        ) is not None:
            yield found, False


def parse_apache_files(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apache2ctl -t -D DUMP_INCLUDES` to `path` of each file; their lines aren't told."""
    found = [match["path"] for line in lines_of(output) if (match := _INCLUDED.match(line))]
    if output.strip() and not found:
        raise unexpected("F:apache_files", "included configuration files", decode(output))
    return rows_of([{"path": path} for path in found], columns)


def parse_apache_sites(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apache2ctl -t -D DUMP_VHOSTS` to `names`, `listen` and `file` of each virtual host, each once."""
    records: dict[tuple[str, str], dict[str, Json]] = {}
    names: list[Json] = []
    listen = ""
    for line in lines_of(output):
        if line.endswith("is a NameVirtualHost"):
            listen = line.split()[0]
        elif match := _VHOST.match(line):
            listen = match["listen"] or listen
            key = (match["file"], match["line"])
            record = records.setdefault(key, {"names": [match["name"]], "listen": [listen], "file": match["file"]})
            found = record["names"]
            names = found if isinstance(found, list) else []
        elif (alias := _ALIAS.match(line)) and alias["name"] not in names:
            names.append(alias["name"])
    return rows_of(records.values(), columns)


def parse_access_log(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the combined (or common) log format of nginx and Apache. A line of another form is left out.

    Raises `ParseError` where no line has it.
    """
    records: list[dict[str, Json]] = []
    lines = [line for line in lines_of(output) if line]
    for line in lines:
        match = _ACCESS.match(line)
        if match is None:
            continue
        method, _, rest = match["request"].partition(" ")
        path, _, _ = rest.rpartition(" ")
        records.append({
            **match.groupdict(), "time": _access_time(match["time"]), "method": method, "path": path or rest,
            "user": None if match["user"] == "-" else match["user"],
        })  # fmt: skip
    if lines and not records:
        raise unexpected("F:access_log", "the combined log format", lines[0])
    return rows_of(records, columns)


def _access_time(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp())
    except ValueError:
        raise unexpected("F:access_log", "a moment such as 25/Nov/2026:06:53:44 +0000", text) from None


def parse_web_errors(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the error log of nginx or Apache; a line that continues another is added to its message."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _NGINX_ERROR.match(line) or _APACHE_ERROR.match(line)
        if match is not None:
            record: dict[str, Json] = dict(match.groupdict())
            client = re.search(r", client: ([^,]+)", match["message"])
            records.append({**record, "client": client[1] if client else record.get("client")})
        elif records:
            records[-1]["message"] = f"{records[-1]['message']}\n{line}"
        elif line:
            raise unexpected("F:web_errors", "a line of an error log", line)
    return rows_of(records, columns)
