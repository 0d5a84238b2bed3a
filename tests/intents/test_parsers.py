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
    "F:access_log": b"no request\n",
    "F:acl": b"user:bob:everything\n",
    "F:apache_files": b"Syntax OK\n",
    "F:apk_list": b"busybox\n",
    "F:apk_repositories": b"main community\n",
    "F:apk_search": b"jq\n",
    "F:apk_simulation": b"(1/1) Frobnicating jq\n",
    "F:apk_state": b"ERROR: unable to select packages\n",
    "F:apk_upgradable": b"musl\n",
    "F:apparmor": b"[]",
    "F:apt_depends": b"apt\n  Depends on adduser\n",
    "F:apt_held": b"E: no such\n",
    "F:apt_history": b"gibberish\n",
    "F:apt_policy": b"no colon here\n",
    "F:apt_rdepends": b"hello\n",
    "F:apt_repositories": b"one\ttwo\n",
    "F:apt_simulation": b"Inst\n",
    "F:apt_state": b"E: Unable to locate package\n",
    "F:apt_upgradable": b"E: broken packages\n",
    "F:apt_uris": b"http://a/b.deb\n",
    "F:archive_members": b"a file\n",
    "F:atq": b"a job\n",
    "F:attributes": b"immutable\n",
    "F:authorized_keys": b"ssh-rsa AAAA\n",
    "F:boot_blame": b"long a.service\n",
    "F:boots": b'[{"index": 0, "first_entry": "yesterday"}]',
    "F:borg_archives": b'{"archives": ["monday"]}',
    "F:borg_size": b'{"cache": null}',
    "F:certificates_found": b"/a.crt\nnotAfter=tomorrow\n",
    "F:chage": b"Last password change : never\n",
    "F:checksums_agree": b"not a checksum\0",
    "F:checksums_nul": b"not a checksum\0",
    "F:chrony_tracking": b"C0000201,192.0.2.1,3\n",
    "F:container_disk": b'{"Size": 1}\n',
    "F:container_image": b"[1]",
    "F:container_images": b'{"Repository": "a", "Size": "many"}\n',
    "F:container_images_going": b"[1]",
    "F:container_state": b"[1]",
    "F:container_stats": b'{"MemUsage": "much / more"}\n',
    "F:containers": b"CONTAINER ID  IMAGE\n",
    "F:containers_going": b"CONTAINER ID  IMAGE\n",
    "F:count_of_x": b"xxy",
    "F:cpuinfo": b"no colon here\n",
    "F:critical_chain": b"graphical\n",
    "F:cron": b"/etc/crontab\n",
    "F:df_available": b"Avail Mounted on\nmany /\n",
    "F:df_output": b"Filesystem\n/dev/vda ext4 many\n",
    "F:dig": b"example.org has address\n",
    "F:dmesg": b'{"journal": []}',
    "F:dnf_held": b"nginx\n",
    "F:dnf_history": b"one | two\n",
    "F:dnf_repositories": b"appstream maybe\n",
    "F:dnf_search": b"jq\n",
    "F:dnf_simulation": b"No match for argument: nosuch\n",
    "F:dnf_state": b"",
    "F:dnf_upgradable": b"no\n",
    "F:dpkg_list": b"ii\tjq\n",
    "F:du_kib": b"no tab\n",
    "F:du_nul": b"no tab\0",
    "F:du_written": b"12\tone tab\0",
    "F:dumpe2fs": b"dumpe2fs: Bad magic number\n",
    "F:duplicates": b"5 1:2 no sum\0",
    "F:duplicates_lines": b"no sum\n",
    "F:fail2ban_jail": b"Status for the jail: sshd\n",
    "F:fail2ban_jails": b"Status\n",
    "F:dnf_versions": b"jq.x86_64 1.6-1 base\n",
    "F:zypper_versions": b"<stream>",
    "F:apk_policy": b"1.7-r0:\n",
    "F:ethtool": b"no settings\n",
    "F:files_going": b"f\\0",
    "F:files_lines": b"three/fields/only\n",
    "F:files_nul": b"f\0",
    "F:findmnt": b'{"blockdevices": []}',
    "F:firewalld_zone": b"  no property\n",
    "F:firewalld_zones": b"  ports: 443/tcp\n",
    "F:first_of_two": b"directory\\0",
    "F:getent_ahosts": b"127.0.0.1\n",
    "F:getent_hosts": b"192.0.2.1\n",
    "F:git_place": b"1943d4f\0main\0",
    "F:git_refs": b"refs/heads/main\n",
    "F:git_remotes": b"origin\n",
    "F:git_standing": b"? untracked\0",
    "F:git_status": b"# branch.head main\x003 what\0",
    "F:grep_nul": b"/etc/hosts:1:text\n",
    "F:grep_numbered": b"a line\n",
    "F:group": b"adm:x:4\n",
    "F:id": b"id: nosuch: no such user\n",
    "F:iostat": b'{"hosts": []}',
    "F:ip_addresses": b"1: lo: <LOOPBACK>\n",
    "F:ip_addresses_of": b"Device does not exist\n",
    "F:ip_link_switch": b'[{"ifname": "eth0"}]',
    "F:ip_links": b'["lo"]',
    "F:ip_routes_text": b"default via 192.0.2.1\n",
    "F:ip_routes": b"default via 192.0.2.1\n",
    "F:itemized": b">f++ 2 a\n",
    "F:journal": b'{"MESSAGE": "an entry without a time"}\n',
    "F:journal_found": b'{"MESSAGE": "an entry without a time"}\n',
    "F:key_fingerprint": b"no fingerprint\n",
    "F:keyscan": b"db1 no key\n",
    "F:known_host": b"no fingerprint\n",
    "F:last": b"alice pts/0 yesterday\n",
    "F:loadavg": b"0.1 0.2\n",
    "F:lsblk": b"[]",
    "F:lscpu": b"Architecture: x86_64\n",
    "F:lshw": b'[{"class": "system"}]',
    "F:lsof": b"COMMAND PID USER\n",
    "F:lsof_processes": b"COMMAND PID USER\n",
    "F:lvm_report": b'{"lv": []}',
    "F:mdstat": b"md0 is fine\n",
    "F:meminfo": b"MemTotal: lots\n",
    "F:block_device": b"[]",
    "F:btrfs_check": b"ERROR: cannot open device\n",
    "F:e2fsck": b"Pass 1\n",
    "F:xfs_check": b"fatal error -- couldn't initialize XFS library\n",
    "F:xfs_problems": b"Phase 1 - find\nfatal error -- couldn't initialize XFS library\n",
    "F:shadow": b"anna:!\n",
    "F:ip_addresses_text": b"eth0 192.0.2.2\n",
    "F:ip_links_text": b"eth0 up\n",
    "F:e2fsck_problems": b"Pass 1\n",
    "F:fstrim": b"done\n",
    "F:lvextend": b"done\n",
    "F:modprobe": b"rmmod loop\n",
    "F:mpstat": b'{"hosts": []}',
    "F:mysql_batch": b"name\tsize\nshop\n",
    "F:name_and_summary": b"no dash here\n",
    "F:needed_names": b"error: no package\n",
    "F:needrestart": b"no colon here\n",
    "F:nft_chains": b"no table\n",
    "F:nft_element": b"table inet t {\n}\n",
    "F:nft_ruleset": b"chain without a table\n",
    "F:nft_translating": b"chain input\n",
    "F:nginx_files": b"server {}\n",
    "F:nginx_sites": b"server {}\n",
    "F:nstat": b'{"kernel": 3}',
    "F:openrc_list": b"demo started\n",
    "F:openrc_names": b" * service not found\n",
    "F:openrc_runlevels": b"nginx default\n",
    "F:openrc_status": b" * rc-service: service `nosuch' does not exist\n",
    "F:openssl_s_client": b" 0 s:CN = a\n   i:CN = b\n   v:NotBefore: soon; NotAfter: late\n",
    "F:openssl_x509": b"notAfter=soon\n",
    "F:os_release": b'NAME="unclosed\n',
    "F:owned_by": b"nobody\n",
    "F:package_description": b"no field\n",
    "F:package_files": b"relative\n",
    "F:package_verify": b"all is well\n",
    "F:pacman_history": b"no time\n",
    "F:pacman_installation": b"error: jq\n",
    "F:pacman_installation_state": b"error: jq\n",
    "F:pacman_list": b"jq\n",
    "F:pacman_removal": b"error: jq\n",
    "F:pacman_removal_state": b"error: jq\n",
    "F:pacman_search": b"    JSON\n",
    "F:pacman_upgradable": b"nano\n",
    "F:pacman_upgrade": b"error: jq\n",
    "F:passwd": b"root:x:0\n",
    "F:passwd_status": b"root X 2025-05-20\n",
    "F:pg_isready": b"accepting\n",
    "F:pgrep": b"sleep\n",
    "F:ping": b"PING\n",
    "F:place": b"d\0maybe\0",
    "F:port_probe": b"curl: option unknown\n",
    "F:prlimit": b"RESOURCE SOFT HARD UNITS\nNOFILE 1024\n",
    "F:proc_modules": b"Module Size Used by\n",
    "F:proc_mounts": b"/dev/vda /\n",
    "F:proc_stat": b"12 sleep S 1\n",
    "F:proc_status": b"no colon here\n",
    "F:proc_swaps": b"Filename\n/swapfile file many 0 -2\n",
    "F:ps_args": b"  PID USER\n1\n",
    "F:ps_forest": b"PID PPID USER COMMAND\nroot 1 sleep\n",
    "F:ps_stuck": b"PID\n1\n",
    "F:public_keys": b"no key\n",
    "F:redis_clients": b"NOAUTH Authentication required.\n",
    "F:redis_info": b"NOAUTH Authentication required.\n",
    "F:redis_replication": b"NOAUTH Authentication required.\n",
    "F:redis_slowlog": b"[[1, 2]]",
    "F:resolv_conf": b"gibberish here\n",
    "F:restic_files": b"[1]\n",
    "F:restic_forget": b'[{"remove": [1]}]',
    "F:restic_stats": b"[1]",
    "F:restic_summary": b"[1]\n",
    "F:reverse_dependencies": b"nginx.service\nFailed to list: x\n",
    "F:rpm_list": b"jq\t1.6\n",
    "F:rpm_owner": b"error: file\n",
    "F:sar_interfaces": b"Linux 6.1\n",
    "F:security_exposure": b"[1]",
    "F:service_resources": b"nonsense\n",
    "F:sestatus": b"what\n",
    "F:sfdisk": b'{"blockdevices": []}',
    "F:smartctl": b'{"smartctl": {"exit_status": 2, "messages": [{"string": "No such device"}]}}',
    "F:ss_connected": b"ESTAB 0 0 a b\n",
    "F:ss_connections": b"ESTAB 0\n",
    "F:ss_listening": b"State Recv-Q Send-Q\n",
    "F:startup_time": b"Bootup is not yet finished\n",
    "F:sudo_commands": b"[1]",
    "F:sudo_rules": b'{"User_Specs": [1]}',
    "F:sums_checked": b"a: FINE\n",
    "F:sysctl": b"no equals sign\n",
    "F:systemd_delta": b"MASKED a\n",
    "F:timers": b'[{"unit": "a.timer", "next": "soon"}]',
    "F:tracepath": b"tracepath: no\n",
    "F:tree": b"0\0d\0",
    "F:triggers": b"Triggers=a.timer\n",
    "F:ufw_active": b"ERROR: no\n",
    "F:ufw_status": b"ERROR: You need to be root\n",
    "F:unified_diff": b"--- a\n+++ b\n@@ nowhere @@\n",
    "F:unit_dependencies": b"a.service\nb.service\n",
    "F:unit_files": b"[1]",
    "F:unpacking": b"a file\n",
    "F:wc": b"many /etc/motd\n",
    "F:web_errors": b"no error\n",
    "F:who": b"alice somewhere\n",
    "F:wipefs": b'{"blockdevices": []}',
    "F:zypper_held": b"nothing\n",
    "F:zypper_history": b"one\n",
    "F:zypper_repositories": b"<stream>",
    "F:zypper_search": b"<stream>",
    "F:zypper_simulation": b"<stream>",
    "F:zypper_state": b"<?xml version='1.0'?><!DOCTYPE x []><stream/>",
    "F:zypper_upgradable": b"<stream>",
}
TAKES_ANYTHING = {
    "lines",
    "F:at_commands",
    "text",
    "F:apache_sites",
    "F:mysqladmin_ping",
    "F:openrc_crashed",
    "F:runlevel_link",
}
ROW_WITHOUT_OUTPUT = {
    "F:mysqladmin_ping",
    "F:apk_state",
    "F:apt_state",
    "F:count_of_x",
    "F:place",
    "F:apt_held",
    "F:dnf_held",
    "F:zypper_held",
    "F:pacman_installation_state",
    "F:pacman_removal_state",
    "F:runlevel_link",
    "F:openrc_status",
}
# These tools always say something; silence is a failure that the exit code doesn't tell from a declined transaction.
FAILED_WITHOUT_OUTPUT = {"F:dnf_simulation", "F:dnf_state", "F:zypper_simulation", "F:zypper_state"}


@pytest.mark.parametrize("name", [*sorted(PARSERS), "jc:uname", "jc:proc_uptime"])
def test_no_output_is_no_row(name: str) -> None:
    if name in ROW_WITHOUT_OUTPUT:
        return
    if name in FAILED_WITHOUT_OUTPUT:
        with pytest.raises(ParseError):
            parse_output(name, b"", FILE_COLUMNS)
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


OPTIONS: dict[str, dict[str, str]] = {
    "F:acl_entry": {"user": "bob"},
    "F:at_job": {"number": "7"},
    "F:attribute": {"attribute": "immutable"},
    "F:diff_brief": {"left": "/a", "right": "/ab"},
    "F:dmesg_raw": {"levels": "err"},
    "F:document": {"format": "yaml", "key": "a[].b"},
    "F:fields": {"columns": "2,1", "separator": ","},
    "F:files_between": {"since": "5"},
    "F:frequency": {"column": "1"},
    "F:lines_from": {"first": "3"},
    "F:held": {"device": "/dev/sdc1"},
    "F:lvm_volume": {"volume": "/dev/a/b", "snapshot": "c"},
    "F:log_rule": {"rule": "/a"},
    "F:proc_module": {"module": "a"},
    "F:table": {"column": "a", "over": "5"},
    "F:validity": {"path": "/a.json"},
    "F:ps_of": {"user": "alice"},
}


@given(
    name=st.sampled_from(sorted(OPTIONS)),
    output=st.binary(max_size=200) | st.text("{}[]:,&*<>-= \na1\"'#!", max_size=60).map(str.encode),
    document=st.sampled_from(["json", "yaml", "toml", "ini", "xml"]),
)
def test_any_bytes_and_options_give_rows_of_the_declared_columns_or_a_parse_error(
    name: str, output: bytes, document: str
) -> None:
    options = OPTIONS[name] | ({"format": document} if name in {"F:document", "F:validity"} else {})
    try:
        rows = parse_output(name, output, FILE_COLUMNS, options)
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


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (b"cron is running.\n", "active"),  # recorded: /etc/init.d/cron of Debian 12 by OpenRC 0.45
        (b"cron is not running ... failed!\n", "inactive"),
        (b"pg_ctl: server is running (PID: 7)\n", "active"),
        (b"pg_ctl: no server running\n", "inactive"),
        (b" * rngd: not started\n", "inactive"),
    ],
)
def test_a_script_with_words_of_its_own_is_understood(said: bytes, state: str) -> None:
    assert parse_output("F:openrc_status", said, (Column("ActiveState"),)) == [{"ActiveState": state}]


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


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("f1:7 {a}  /x", "f1:8 {a}  /y", True),
        ("f1:7 {a}  /x", "f1:8 {b}  /y", False),
        ("f1:7 {a}  /x", "f1:7 {a}  /y", False),
        ("f1:7 {a}  /x", None, False),
        ("d1:7 -  /x", "d1:8 -  /y", False),
    ],
)
def test_copies_agree_only_as_two_files_with_one_content(first: str, second: str | None, same: bool) -> None:  # noqa: FBT001 - a case
    output = "".join(f"{one.format(a='a' * 64, b='b' * 64)}\0" for one in (first, second) if one)
    assert parse_output("F:checksums_agree", output.encode(), (Column("same", "boolean"),)) == [{"same": same}]


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


TRANSACTION = (Column("action"), Column("name"), Column("old_version"), Column("new_version"))
TRANSACTION_STATE = (
    Column("changes", "integer"),
    Column("new", "list"),
    Column("newer", "list"),
    Column("gone", "list"),
)


def transactions(parser: str, output: str) -> list[tuple[Json, ...]]:
    return [tuple(row.values()) for row in parse_output(parser, output.encode(), TRANSACTION)]


def test_a_simulation_of_apt_tells_each_package_once() -> None:
    """Recorded on Debian 12, apt 2.6.1; the line that goes on after the version names what needs what."""
    output = (
        "Inst pear (1.0 Test:stable [all])\n"
        "Inst plum [1.0] (2.0 Test:stable [all])\n"
        "Conf pear (1.0 Test:stable [all])\n"
        "Conf plum (2.0 Test:stable [all])\n"
        "Remv apple [1.0-1+deb12u2] [fig:amd64 ]\n"
        "Purg quince [3:2~rc1]\n"
        "Conf medlar (1.1 Debian:12.11/stable, Debian-Security:12/stable-security [amd64])\n"
    )
    assert transactions("F:apt_simulation", output) == [
        ("install", "pear", None, "1.0"),
        ("upgrade", "plum", "1.0", "2.0"),
        ("remove", "apple", "1.0-1+deb12u2", None),
        ("purge", "quince", "3:2~rc1", None),
        ("configure", "medlar", None, "1.1"),
    ]
    assert parse_output("F:apt_state", output.encode(), TRANSACTION_STATE) == [
        {"changes": 5, "new": ["pear"], "newer": ["plum", "medlar"], "gone": ["apple", "quince"]}
    ]


DNF_TABLE = """\
Last metadata expiration check: 0:00:34 ago on Wed Nov 25 03:10:23 2026.
Dependencies resolved.
================================================================================
 Package                                             Arch     Version Repo
                                                                           Size
================================================================================
Installing:
 apple                                               noarch   1.0-1   t   5.4 k
Upgrading:
 plum                                                noarch   2.0-1   t   5.4 k
Installing dependencies:
 pear-with-a-rather-long-name-that-wraps-the-table-for-sure
                                                     noarch   1.0-1   t   5.5 k
Removing dependent packages:
 fig                                                 noarch   1.0-1   @t    0  

Transaction Summary
================================================================================
Install  2 Packages
"""  # noqa: W291 - as dnf writes it


def test_a_table_of_dnf_is_read_over_its_broken_lines() -> None:
    """Put together of what dnf 4.14 wrote on Debian 12; a name alone on its line is after dnf/cli/output.py, fmtColumns."""
    assert transactions("F:dnf_simulation", DNF_TABLE) == [
        ("install", "apple", None, "1.0-1"),
        ("upgrade", "plum", None, "2.0-1"),
        ("install", "pear-with-a-rather-long-name-that-wraps-the-table-for-sure", None, "1.0-1"),
        ("remove", "fig", "1.0-1", None),
    ]


def test_a_declined_transaction_of_dnf_is_told_from_a_failed_one() -> None:
    """Both end with exit code 1."""
    nothing = b"Package apple-1.0-1.noarch is already installed.\nDependencies resolved.\nNothing to do.\nComplete!\n"
    assert parse_output("F:dnf_simulation", nothing, TRANSACTION) == []
    with pytest.raises(ParseError, match="No match for argument"):
        parse_output("F:dnf_simulation", b"No match for argument: nosuch\n", TRANSACTION)


def test_a_summary_of_zypper_tells_old_and_new_versions() -> None:
    """The install part was recorded with zypper 1.14; the others are after its schema, xmlout.rnc."""
    output = """<?xml version='1.0'?>
<stream>
<install-summary download-size="11190" space-usage-diff="0" packages-to-change="3">
<to-install><solvable type="package" name="apple" edition="1.0-1" arch="noarch" summary="t">
<description>t</description></solvable></to-install>
<to-upgrade><solvable type="package" name="plum" edition="2.0-1" arch="noarch" edition-old="1.0-1"/></to-upgrade>
<to-remove><solvable type="package" name="fig" edition="1.0-1" arch="noarch"/></to-remove>
</install-summary>
</stream>
"""
    assert transactions("F:zypper_simulation", output) == [
        ("install", "apple", None, "1.0-1"),
        ("upgrade", "plum", "1.0-1", "2.0-1"),
        ("remove", "fig", "1.0-1", None),
    ]


def test_a_simulation_of_apk_tells_old_and_new_versions() -> None:
    """After apk-tools 2.14, src/print.c and src/commit.c, print_change."""
    output = (
        "(1/3) Installing oniguruma (6.9.9-r0)\n"
        "(2/3) Upgrading busybox (1.36.1-r28 -> 1.36.1-r29)\n"
        "(3/3) Purging jq (1.7.1-r0)\n"
        "Executing busybox-1.36.1-r29.trigger\n"
        "OK: 12 MiB in 18 packages\n"
    )
    assert transactions("F:apk_simulation", output) == [
        ("install", "oniguruma", "", "6.9.9-r0"),
        ("upgrade", "busybox", "1.36.1-r28", "1.36.1-r29"),
        ("remove", "jq", "1.7.1-r0", ""),
    ]


def test_what_rsync_would_do_tells_created_changed_and_deleted() -> None:
    """Recorded with rsync 3.2.7 on Debian 12: a newline in a name is an escape there."""
    output = (
        b"created directory /srv/d\n"
        b"cd+++++++++ 100 data/\n"
        b">f+++++++++ 4 data/new\\#012line\n"
        b">f.st...... 12 data/a\n"
        b".d...p..... 40 data/sub/\n"
        b"cL+++++++++ 1 data/l -> b\n"
        b"*deleting   0 data/gone\n"
    )
    rows = parse_output("F:itemized", output, (Column("action"), Column("size", "size"), PATH))
    assert [tuple(row.values()) for row in rows] == [
        ("create", None, "/srv/d"),
        ("create", None, "data/"),
        ("create", 4, "data/new\\#012line"),
        ("change", 12, "data/a"),
        ("change", None, "data/sub/"),
        ("create", None, "data/l -> b"),
        ("delete", None, "data/gone"),
    ]


def test_only_files_have_a_size_among_what_will_be_deleted() -> None:
    output = b"d\x004096\x00/srv/old\x00f\x0010\x00/srv/old/a\nb\x00"
    rows = parse_output("F:files_going", output, (Column("kind"), SIZE, PATH))
    assert [tuple(row.values()) for row in rows] == [("directory", None, "/srv/old"), ("file", 10, "/srv/old/a\nb")]


def test_elements_of_a_set_are_one_row_over_several_lines() -> None:
    """Recorded with nftables 1.0.6."""
    output = (
        b"table inet sayso { # handle 1\n\tset blocked { # handle 1\n\t\ttype ipv4_addr\n"
        b"\t\telements = { 10.0.0.0/8, 192.0.2.1,\n\t\t\t     192.0.2.3 }\n\t}\n\n"
        b"\tchain input { # handle 4\n\t\ttype filter hook input priority -10; policy accept;\n"
        b"\t\tip saddr @blocked drop # handle 8\n\t}\n}\n"
    )
    rows = parse_output("F:nft_ruleset", output, (Column("part"), Column("rule"), Column("handle", "integer")))
    assert [tuple(row.values()) for row in rows] == [
        ("set blocked", "type ipv4_addr", None),
        ("set blocked", "elements = { 10.0.0.0/8, 192.0.2.1, 192.0.2.3 }", None),
        ("chain input", "type filter hook input priority -10; policy accept;", None),
        ("chain input", "ip saddr @blocked drop", 8),
    ]


def test_a_process_is_read_whatever_its_name(tmp_path: Path) -> None:
    """A name may hold blanks, parentheses and a newline; the real one of this test's own child."""
    program = tmp_path / "a) (b\nc"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    columns = (Column("pid", "integer"), Column("name"), Column("stopped", "boolean"), Column("started", "integer"))
    with subprocess.Popen([program, "60"]) as child:
        try:
            stat = Path(f"/proc/{child.pid}/stat").read_bytes()
            (row,) = parse_output("F:proc_stat", stat, columns)
            started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        finally:
            child.kill()
    assert (row["pid"], row["name"], row["stopped"]) == (child.pid, "a) (b\nc", False)
    assert isinstance(row["started"], int)
    assert row["started"] >= int(started)


def test_a_process_that_ended_is_no_row() -> None:
    with subprocess.Popen(["/bin/true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        stat = Path(f"/proc/{child.pid}/stat").read_bytes()
        assert parse_output("F:proc_stat", stat, (Column("pid", "integer"),)) == []


def test_services_that_depend_on_another_are_told_without_groups() -> None:
    """Recorded on Debian 12, systemd 252, shortened."""
    output = (
        b"dbus.service\n  multi-user.target\n    graphical.target\n  avahi-daemon.service\n  avahi-daemon.service\n"
    )
    assert parse_output("F:reverse_dependencies", output, (Column("unit"),)) == [{"unit": "avahi-daemon.service"}]


def test_connections_are_read_with_their_programs() -> None:
    """Recorded with iproute2 6.1."""
    output = (
        b'0      148    198.18.1.1:22 198.18.0.1:47890 users:(("sshd",pid=51,fd=4),("sshd",pid=40,fd=4))\n'
        b"0      0      [::1]:443     [::1]:50000\n"
    )
    rows = parse_output("F:ss_connected", output, (Column("peer"), Column("local"), Column("process")))
    assert [tuple(row.values()) for row in rows] == [
        ("198.18.0.1:47890", "198.18.1.1:22", "sshd"),
        ("[::1]:50000", "[::1]:443", None),
    ]


@pytest.mark.parametrize(
    ("output", "row"),
    [
        (b"file\0/srv/a\0", {"path": "/srv/a", "in_the_way": "nothing"}),
        (b"regular file\0/srv/a\0directory\0/srv/b\0", {"path": "/srv/a", "in_the_way": "/srv/b"}),
    ],
)
def test_of_two_paths_the_first_and_what_is_in_the_way(output: bytes, row: dict[str, Json]) -> None:
    assert parse_output("F:first_of_two", output, (PATH, Column("in_the_way"))) == [row]


def test_a_branch_of_the_tree_is_told_from_a_command_that_looks_like_one() -> None:
    columns = (Column("depth", "integer"), Column("tree"))
    line = b"  PID  PPID USER  COMMAND\n   12    11 %-32s  |   \\_ x\n   13    11 %-32s | x \\_ y\n" % (
        b"root",
        b"root",
    )
    assert parse_output("F:ps_forest", line, columns) == [
        {"depth": 2, "tree": " |   \\_ x"},
        {"depth": 0, "tree": "| x \\_ y"},
    ]


def test_a_file_with_a_newline_in_its_name_stays_one_open_file() -> None:
    output = b"p7\0ccat\0\nf3\0tREG\0n/srv/two\nlines (deleted)\0\n"
    columns = (Column("pid", "integer"), PATH, Column("is_deleted", "boolean"))
    assert parse_output("F:lsof", output, columns) == [{"pid": 7, "path": "/srv/two\nlines", "is_deleted": True}]


def test_a_measure_of_several_reports_is_its_last() -> None:
    report = b'{"sysstat": {"hosts": [{"statistics": [{"disk": [{"disk_device": "a"}]}, {"disk": [{"disk_device": "b"}]}]}]}}'
    assert parse_output("F:iostat", report, (Column("device"),)) == [{"device": "b"}]
