"""Parsers on what tools really write, on hostile names, on nothing, and on garbage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.parsers import PARSERS, ParseError, convert, is_known_parser, parse_output
from intents.values import Column, ColumnType, Json

PATH = Column("path", "path")
SIZE = Column("size", "size")
FILE_COLUMNS = (Column("kind"), Column("mode"), SIZE, Column("modified", "moment"), PATH)

# The form of each parser's output, broken in one place.
GARBAGE: dict[str, bytes] = {
    "kv": b"no equals sign\n",
    "json": b'{"a": ',
    "jsonl": b"{}\n[1]\n",
    "nul": b"only one field\0",
    "jc:uname": b"nonsense\n",
    "F:boots": b'[{"index": 0, "first_entry": "yesterday"}]',
    "F:chage": b"Last password change : never\n",
    "F:checksums_agree": b"not a checksum\0",
    "F:checksums_nul": b"not a checksum\0",
    "F:cpuinfo": b"no colon here\n",
    "F:df_output": b"Filesystem\n/dev/vda ext4 many\n",
    "F:du_kib": b"no tab\n",
    "F:du_nul": b"no tab\0",
    "F:files_lines": b"three/fields/only\n",
    "F:files_nul": b"f\0",
    "F:findmnt": b'{"blockdevices": []}',
    "F:getent_ahosts": b"127.0.0.1\n",
    "F:grep_nul": b"/etc/hosts:1:text\n",
    "F:id": b"id: nosuch: no such user\n",
    "F:ip_addresses": b"1: lo: <LOOPBACK>\n",
    "F:ip_links": b'["lo"]',
    "F:ip_routes": b"default via 192.0.2.1\n",
    "F:journal": b'{"MESSAGE": "an entry without a time"}\n',
    "F:loadavg": b"0.1 0.2\n",
    "F:lsblk": b"[]",
    "F:lscpu": b"Architecture: x86_64\n",
    "F:meminfo": b"MemTotal: lots\n",
    "F:openrc_list": b"demo started\n",
    "F:openrc_status": b" * rc-service: service `nosuch' does not exist\n",
    "F:os_release": b'NAME="unclosed\n',
    "F:passwd": b"root:x:0\n",
    "F:proc_mounts": b"/dev/vda /\n",
    "F:ps_args": b"  PID USER\n1\n",
    "F:ss_listening": b"State Recv-Q Send-Q\n",
    "F:who": b"alice somewhere\n",
}
TAKES_ANYTHING = {"lines", "text", "F:openrc_crashed", "F:runlevel_link"}
ROW_WITHOUT_OUTPUT = {"F:runlevel_link", "F:openrc_status"}


@pytest.mark.parametrize("name", [*sorted(PARSERS), "jc:uname", "jc:proc_uptime"])
def test_no_output_is_no_row(name: str) -> None:
    if name in ROW_WITHOUT_OUTPUT:
        return
    assert parse_output(name, b"", FILE_COLUMNS) == []


@pytest.mark.parametrize(("name", "output"), GARBAGE.items())
def test_output_of_another_form_is_an_error_that_names_the_parser(name: str, output: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse_output(name, output, FILE_COLUMNS)
    # A parser that builds on another form is named by that form.
    assert "parser `" in caught.value.message
    assert caught.value.code == "parse"
    assert caught.value.remedy


def test_every_parser_is_tried_with_garbage() -> None:
    assert set(PARSERS) - TAKES_ANYTHING == {name for name in GARBAGE if not name.startswith("jc:")}


@given(name=st.sampled_from(sorted(PARSERS)), output=st.binary(max_size=200))
def test_any_bytes_give_rows_of_the_declared_columns_or_a_parse_error(name: str, output: bytes) -> None:
    try:
        rows = parse_output(name, output, FILE_COLUMNS)
    except ParseError:
        return
    assert all(list(row) == [column.name for column in FILE_COLUMNS] for row in rows)


def test_names_with_newline_tab_and_other_bytes_survive_nul_separation() -> None:
    output = b"f\x00644\x003\x001795563010.4611359630\x00/srv/a\nb\tc\xff\x00"
    (row,) = parse_output("F:files_nul", output, FILE_COLUMNS)
    assert row == {
        "kind": "file",
        "mode": "0644",
        "size": 3,
        "modified": 1795563010.461136,
        "path": "/srv/a\nb\tc\\xff",
    }


def test_an_empty_last_field_is_not_taken_for_the_end() -> None:
    columns = (Column("name"), Column("target", "path"))
    assert parse_output("nul", b"a\0\0b\0x\0", columns) == [
        {"name": "a", "target": ""},
        {"name": "b", "target": "x"},
    ]


def test_setuid_and_sticky_modes_keep_their_fourth_digit() -> None:
    output = b"d\x001777\x004096\x001\x00/tmp\x00f\x00755\x001\x001\x00/bin/x\x00l\x0077\x001\x001\x00/x\x00"
    assert [row["mode"] for row in parse_output("F:files_nul", output, FILE_COLUMNS)] == ["1777", "0755", "0077"]


def test_a_name_with_a_newline_stays_one_where_stat_writes_lines() -> None:
    output = b"regular file/644/1/1795563010//srv/two\nlines\ndirectory/755/4096/1795563010//srv/d\n"
    assert [row["path"] for row in parse_output("F:files_lines", output, FILE_COLUMNS)] == ["/srv/two\nlines", "/srv/d"]


def test_grep_lines_may_hold_colons_and_bytes_of_any_kind() -> None:
    columns = (PATH, Column("number", "integer"), Column("text"))
    output = b"/etc/a:1\nb\x0012:key: value \xe9\n"
    assert parse_output("F:grep_nul", output, columns) == [
        {"path": "/etc/a:1\nb", "number": 12, "text": "key: value \\xe9"}
    ]


def test_df_of_busybox_without_a_mount_point_has_no_rows() -> None:
    # busybox-static 1.35.0 in a chroot: `busybox df -P /`
    output = b"Filesystem           1024-blocks    Used Available Capacity Mounted on\n"
    assert parse_output("F:df_output", output, (Column("source"),)) == []


def test_ps_of_busybox_gives_memory_in_bytes() -> None:
    # busybox 1.35.0: `busybox ps -o pid,user,rss,args`
    columns = (Column("pid", "integer"), Column("user"), Column("memory", "size"), Column("command"))
    output = b"PID   USER     RSS  COMMAND\n    1 root      17m /sbin/init splash\n    2 root        0 [kthreadd]\n"
    assert parse_output("F:ps_args", output, columns) == [
        {"pid": 1, "user": "root", "memory": 17 * 1024**2, "command": "/sbin/init splash"},
        {"pid": 2, "user": "root", "memory": 0, "command": "[kthreadd]"},
    ]


@pytest.mark.parametrize(
    ("output", "state"),
    [
        # OpenRC 0.45.2: `rc-service model-server status`, stopped and started
        (b" * status: stopped\n", "inactive"),
        (b" * status: started\n", "active"),
        (b" * status: crashed\n", "failed"),
    ],
)
def test_openrc_states_have_the_words_of_systemd(output: bytes, state: str) -> None:
    assert parse_output("F:openrc_status", output, (Column("ActiveState"),)) == [{"ActiveState": state}]


def test_openrc_list_knows_the_runlevel_of_each_service() -> None:
    # OpenRC 0.45.2: `rc-status --format ini default`
    columns = (Column("unit"), Column("active"), Column("runlevel"))
    assert parse_output("F:openrc_list", b"[default]\nmodel-server =  started \n", columns) == [
        {"unit": "model-server", "active": "active", "runlevel": "default"}
    ]


def test_journal_message_as_bytes_and_field_given_twice() -> None:
    columns = (Column("time", "moment"), Column("source"), Column("message"))
    output = (
        b'{"__REALTIME_TIMESTAMP":"1795561847758371","SYSLOG_IDENTIFIER":["app","app2"],'
        b'"MESSAGE":[104,195,164,255]}\n{"__REALTIME_TIMESTAMP":"1795561847758371","MESSAGE":null}\n'
    )
    assert parse_output("F:journal", output, columns) == [
        {"time": 1795561847.758371, "source": "app", "message": "h\u00e4\\xff"},
        {"time": 1795561847.758371, "source": None, "message": None},
    ]


def test_several_units_of_systemctl_show_are_several_rows() -> None:
    columns = (Column("Id"), Column("MemoryCurrent", "size"))
    output = b"Id=a.service\nMemoryCurrent=[not set]\n\nId=b.service\nMemoryCurrent=18446744073709551615\n"
    assert parse_output("kv", output, columns) == [
        {"Id": "a.service", "MemoryCurrent": None},
        {"Id": "b.service", "MemoryCurrent": None},
    ]


def test_value_with_an_equals_sign_is_kept_whole() -> None:
    assert parse_output("kv", b"Options=a=b=c\n", (Column("Options"),)) == [{"Options": "a=b=c"}]


def test_only_a_newline_ends_a_line() -> None:
    columns = (Column("number", "integer"), Column("text"))
    output = "a\x0cb\u2028c\r\n\nd".encode()
    assert [row["text"] for row in parse_output("lines", output, columns)] == ["a\x0cb\u2028c\r", "", "d"]


def test_copies_agree_only_when_both_are_there() -> None:
    columns = (Column("same", "boolean"),)
    one, other = b"a" * 64, b"b" * 64
    assert parse_output("F:checksums_agree", one + b"  /x\0" + one + b"  /y\0", columns) == [{"same": True}]
    assert parse_output("F:checksums_agree", one + b"  /x\0" + other + b"  /y\0", columns) == [{"same": False}]
    assert parse_output("F:checksums_agree", one + b"  /x\0", columns) == [{"same": False}]


def test_one_socket_of_several_processes_is_one_row_each() -> None:
    columns = (Column("address", "address"), Column("port", "integer"), Column("process"), Column("pid", "integer"))
    output = (
        b'tcp   LISTEN 0      511    192.0.2.1:80    0.0.0.0:*    users:(("nginx",pid=12,fd=6),("nginx",pid=11,fd=6))\n'
        b'tcp   LISTEN 0      511       [::]:80       [::]:*    users:(("a b)",pid=12,fd=7),("a b)",pid=12,fd=8))\n'
    )
    assert [tuple(row.values()) for row in parse_output("F:ss_listening", output, columns)] == [
        ("192.0.2.1", 80, "nginx", 12),
        ("192.0.2.1", 80, "nginx", 11),
        ("::", 80, "a b)", 12),
    ]


def test_newer_lscpu_nests_its_fields() -> None:
    columns = (Column("model"), Column("processors", "integer"))
    output = (
        b'{"lscpu": [{"field": "CPU(s):", "data": "8"}, {"field": "Vendor ID:", "data": "x",'
        b' "children": [{"field": "Model name:", "data": "Ryzen"}]}]}'
    )
    assert parse_output("F:lscpu", output, columns) == [{"model": "Ryzen", "processors": 8}]


def test_the_meminfo_of_this_machine_adds_up() -> None:
    columns = tuple(Column(name, "size") for name in ("total", "available", "used", "free"))
    (row,) = parse_output("F:meminfo", Path("/proc/meminfo").read_bytes(), columns)
    total, available, used = row["total"], row["available"], row["used"]
    assert isinstance(total, int)
    assert isinstance(available, int)
    assert isinstance(used, int)
    assert total == available + used
    assert total > 2**20


@pytest.mark.parametrize(
    ("value", "kind", "converted"),
    [
        ("23%", "percentage", 23),
        ("99.5%", "percentage", 99.5),
        ("-", "percentage", None),
        ("", "integer", None),
        ("-1", "integer", -1),
        (2.0, "size", 2),
        ("1024", "size", 1024),
        ("infinity", "size", None),
        ("0.03", "number", 0.03),
        ("yes", "boolean", True),
        ("off", "boolean", False),
        (False, "boolean", False),
        ("@1795561847", "moment", 1795561847),
        ("1795561876.1637776560", "moment", 1795561876.163778),
        ("Tue 2026-11-24 23:10:47 UTC", "moment", 1795561847),
        ("2026-11-24T23:10:47Z", "moment", 1795561847),
        ("2026-11-25T00:10:47+01:00", "moment", 1795561847),
        ("2026-11-24 23:10:47", "moment", 1795561847),
        ("n/a", "moment", None),
        ("rw,noatime", "list", ["rw", "noatime"]),
        ([None], "list", []),
        (["a", "b"], "text", "a, b"),
        (True, "text", "yes"),
        (None, "text", None),
    ],
)
def test_values_take_the_type_and_unit_of_their_column(value: Json, kind: ColumnType, converted: Json) -> None:
    result = convert(value, Column("x", kind))
    assert result == converted
    assert type(result) is type(converted)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("many", "integer"), ("perhaps", "boolean"), ("yesterday", "moment"), ([1], "size"), (True, "integer")],
)
def test_a_value_that_is_no_such_thing_is_an_error(value: Json, kind: ColumnType) -> None:
    with pytest.raises(ParseError, match="expected"):
        convert(value, Column("x", kind))


def test_jc_is_asked_for_one_parser_by_name() -> None:
    columns = (Column("up_time", "duration"), Column("missing"))
    assert parse_output("jc:proc_uptime", b"46901.13 46856.66\n", columns) == [{"up_time": 46901.13, "missing": None}]


@pytest.mark.parametrize("name", ["jc:no_such_parser", "jc:../x", "F:nothing", "jc:", "kv2", ""])
def test_unknown_parsers_are_known_as_such(name: str) -> None:
    assert not is_known_parser(name)


def test_jc_runs_no_code_from_the_users_home(tmp_path: Path) -> None:
    folder = tmp_path / "jc" / "jcparsers"
    folder.mkdir(parents=True)
    (folder / "uptime.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    program = (
        "from intents.parsers import parse_output; from intents.values import Column; "
        "parse_output('jc:uptime', b' 01:00:00 up 1 min,  1 user,  load average: 0.1, 0.1, 0.1', (Column('uptime'),))"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2],
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert not (tmp_path / "ran").exists()
