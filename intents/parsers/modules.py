"""What there is to know of one kernel module: whether it is loaded, and what loading it would take."""

from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.machine import parse_proc_modules
from intents.values import Column, Json, Row

_FILE_ENDS = (".gz", ".xz", ".zst", ".ko")
"""In the order in which they stand behind a module's name, from the end (modprobe(8))."""


def parse_proc_module(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read /proc/modules to the row of the module `module` alone; no row where it isn't loaded.

    modprobe(8): `-` and `_` are the same in the name of a module; the kernel writes `_`.

    >>> loaded = b"tcp_bbr 20480 1 - Live 0x0\nnls 16384 0 - Live 0x0\n"
    >>> parse_proc_module(loaded, (Column("name"), Column("uses", "integer")), {"module": "tcp-bbr"})
    [{'name': 'tcp_bbr', 'uses': 1}]
    """
    wanted = options.get("module", "").replace("-", "_")
    every = parse_proc_modules(output, (Column("name"), *columns))
    names = [column.name for column in columns]
    return [{name: row[name] for name in names} for row in every if row["name"] == wanted]


def parse_modprobe(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `modprobe -n -v` of kmod: one row per module that would be loaded, none where all are there.

    `action` is `add`, or `run` for a command that modprobe.d(5) has in place of a module (`install`), whose words
    are then the `options`. A module that is part of the kernel is there already.

    >>> parse_modprobe(b"insmod /lib/modules/6.1/kernel/net/br_netfilter.ko debug=1\n", (Column("name"), Column("options")))
    [{'name': 'br_netfilter', 'options': 'debug=1'}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        word, _, rest = line.strip().partition(" ")
        path, _, settings = rest.partition(" ")
        if word == "insmod" and path.startswith("/"):
            records.append({"action": "add", "name": _name(path), "options": settings.strip() or None, "path": path})
        elif word == "install" and rest:
            records.append({"action": "run", "name": None, "options": rest, "path": None})
        elif word != "builtin" or not rest:
            raise unexpected("F:modprobe", "lines `insmod PATH`, `install COMMAND` or `builtin NAME`", line)
    return rows_of(records, columns)


def _name(path: str) -> str:
    name = path.rpartition("/")[2]
    for end in _FILE_ENDS:
        name = name.removesuffix(end)
    return name.replace("-", "_")
