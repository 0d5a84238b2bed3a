"""The typed edits of system files: what they write, that they write it once, and what they refuse."""

import pytest

from executors.edits import apply_edit, note_on_edit
from intents.errors import ValueRejected
from intents.intent import EditOperation

SSHD = b"Include /etc/ssh/sshd_config.d/*.conf\n#Port 22\nX11Forwarding yes\n\nMatch User git\n  X11Forwarding no\n"
NGINX = b"""user www;
http {
    gzip off; # why
    server {
        listen 80;
        server_name a.org;
    }
    server { listen 81; server_name b.org; location / { root /srv; } }
    upstream empty {
    }
}
"""

DONE: dict[str, tuple[EditOperation, bytes, dict[str, str], bytes]] = {
    "sshd default": ("set_directive", SSHD, {"directive": "Port", "value": "2222"},
        SSHD.replace(b"#Port 22\n", b"#Port 22\nPort 2222\n")),
    "sshd outside of Match": ("set_directive", SSHD, {"directive": "x11forwarding", "value": "no"},
        SSHD.replace(b"X11Forwarding yes", b"X11Forwarding no")),
    "sshd empty": ("set_directive", b"", {"directive": "PermitRootLogin", "value": "no"}, b"PermitRootLogin no\n"),
    "unit": ("set_unit_value", b"", {"section": "Service", "key": "Restart", "value": "always"},
        b"[Service]\nRestart=always\n"),
    "unit second": ("set_unit_value", b"[Service]\nRestart=no\n", {"section": "Unit", "key": "After", "value": "a.service"},
        b"[Service]\nRestart=no\n\n[Unit]\nAfter=a.service\n"),
    "unit list": ("set_unit_value", b"[Service]\nExecStart=/old\nNice=1\n",
        {"section": "Service", "key": "ExecStart", "value": "/new"},
        b"[Service]\nExecStart=\nExecStart=/new\nNice=1\n"),
    "variable": ("set_unit_variable", b'[Service]\nEnvironment="A=1"\nEnvironment=AB=2\n\n[Install]\nAlias=x.service\n',
        {"name": "B", "value": 'c "d" 5%'},
        b'[Service]\nEnvironment="A=1"\nEnvironment=AB=2\nEnvironment="B=c \\"d\\" 5%%"\n\n[Install]\nAlias=x.service\n'),
    "variable again": ("set_unit_variable", b"[Service]\nEnvironment=A=1\n", {"name": "A", "value": "2"},
        b'[Service]\nEnvironment="A=2"\n'),
    "variable beside another section": ("set_unit_variable", b"[Unit]\nAfter=a.service\n", {"name": "A", "value": ""},
        b'[Unit]\nAfter=a.service\n\n[Service]\nEnvironment="A="\n'),
    "service": ("write_service", b"", {"command": "/opt/run 'a b' $HOME ;", "description": "100% it", "directory": "/srv/x"},
        (b'[Unit]\nDescription=100%% it\nAfter=network.target\n\n[Service]\nExecStart=/opt/run "a b" "$$HOME" ";"\n'
        b"WorkingDirectory=/srv/x\nRestart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n")),
    "log rotation": ("write_log_rotation", b"", {"pattern": "/srv/my app/*.log", "every": "daily", "keep": "30"},
        (b'"/srv/my app/*.log" {\n\tdaily\n\trotate 30\n\tmissingok\n\tnotifempty\n\tcompress\n'
        b"\tcopytruncate\n}\n")),
    "apt source": ("write_apt_source", b"",
        {"url": "https://a.example/deb", "suite": "bookworm", "key": "/etc/apt/keyrings/a.asc", "components": "main  contrib"},
        (b"Types: deb\nURIs: https://a.example/deb\nSuites: bookworm\nComponents: main contrib\n"
        b"Signed-By: /etc/apt/keyrings/a.asc\n")),
    "apt source without components": ("write_apt_source", b"",
        {"url": "https://a.example/deb", "suite": "stable/", "key": "/etc/apt/keyrings/a.asc"},
        b"Types: deb\nURIs: https://a.example/deb\nSuites: stable/\nSigned-By: /etc/apt/keyrings/a.asc\n"),
    "rpm repository": ("write_rpm_repository", b"",
        {"name": "a", "url": "https://a.example/el9", "key": "/etc/pki/rpm-gpg/a"},
        b"[a]\nname=a\nbaseurl=https://a.example/el9\nenabled=1\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/a\n"),
    "host": ("add_host", b"127.0.0.1 localhost", {"address": "10.0.0.5", "name": "db"},
        b"127.0.0.1 localhost\n10.0.0.5\tdb\n"),
    "host of another family": ("add_host", b"10.0.0.5 db\n", {"address": "fd00::5", "name": "db"},
        b"10.0.0.5 db\nfd00::5\tdb\n"),
    "host removed": ("remove_host", b"# a\n10.0.0.5 db dbx # db\n10.0.0.6 DB\n", {"name": "db"},
        b"# a\n10.0.0.5 dbx # db\n"),
    "mount": ("add_mount", b"", {"source": "UUID=1", "mount": "/srv/a b", "kind": "ext4", "options": "ro,nofail"},
        b"UUID=1\t/srv/a\\040b\text4\tro,nofail\t0\t0\n"),
    "mount removed": ("remove_mount", b"UUID=1 /srv/ ext4 ro 0 0\n#UUID=2 /srv ext4 ro\n", {"mount": "/srv"},
        b"#UUID=2 /srv ext4 ro\n"),
    "sudo": ("allow_sudo", b"", {"user": "%ops", "program": "/usr/bin/a b", "password": "no"},
        b"%ops ALL=(root) NOPASSWD: /usr/bin/a\\ b\n"),
    "sudo revoked": ("revoke_sudo", b"a ALL=(root) /usr/bin/id\nab ALL=(root) /usr/bin/id\n",
        {"user": "a", "program": "/usr/bin/id"}, b"ab ALL=(root) /usr/bin/id\n"),
    "cron": ("add_cron_job", b"MAILTO=ops", {"command": "date +%F", "when": " 0  3 * * MON-fri", "user": "ops"},
        b"MAILTO=ops\n0 3 * * MON-fri ops date +\\%F\n"),
    "cron once a day": ("add_cron_job", b"", {"command": "a", "when": "4", "every": "@daily"}, b"0 4 * * * a\n"),
    "cron at noon": ("add_cron_job", b"", {"command": "a", "when": "12:05 PM", "every": "@daily"}, b"5 12 * * * a\n"),
    "cron of an account": ("add_cron_job", b"", {"command": "echo 5\\%", "every": "@hourly"}, b"@hourly echo 5\\%\n"),
    "nginx top": ("set_block_directive", NGINX, {"directive": "user", "value": "web  web"},
        NGINX.replace(b"user www", b"user web  web")),
    "nginx block": ("set_block_directive", NGINX, {"directive": "gzip", "value": "on", "block": "http"},
        NGINX.replace(b"gzip off", b"gzip on")),
    "nginx added": ("set_block_directive", NGINX,
        {"directive": "root", "value": "/srv/www", "block": "http > server a.org"},
        NGINX.replace(b"server_name a.org;\n", b"server_name a.org;\n        root /srv/www;\n")),
    "nginx on one line": ("set_block_directive", NGINX,
        {"directive": "root", "value": "/data", "block": "http > server b.org > location /"},
        NGINX.replace(b"root /srv;", b"root /data;")),
    "nginx in an empty block": ("set_block_directive", NGINX,
        {"directive": "zone", "value": "z 1m", "block": "http > upstream empty"},
        NGINX.replace(b"upstream empty {\n", b"upstream empty {\n        zone z 1m;\n")),
}  # fmt: skip

REFUSED: list[tuple[EditOperation, bytes, dict[str, str], str]] = [
    ("set_directive", b"", {"directive": "Match", "value": "User a"}, "no|not a setting"),
    ("set_directive", b"Port 1\nPort 2\n", {"directive": "Port", "value": "3"}, "several lines"),
    ("set_directive", b"", {"directive": "Port", "value": "1\nPermitRootLogin yes"}, "line break"),
    ("set_unit_value", b"", {"section": "Service]\n[X", "key": "A", "value": "b"}, "single words"),
    ("set_unit_value", b"", {"section": "Service", "key": "ExecStart", "value": "/a \\"}, "backslash"),
    ("set_unit_variable", b"", {"name": "A B", "value": "1"}, "name of a variable"),
    ("set_unit_variable", b"", {"name": "A", "value": "1\nExecStart=/x"}, "line break"),
    ("write_service", b"", {"command": "run", "description": "x"}, "absolute path"),
    ("write_service", b"", {"command": "+/opt/run", "description": "x"}, "absolute path"),
    ("write_service", b"", {"command": "/bin/sh -ec 'a; b'", "description": "x"}, "text for a shell"),
    ("write_service", b"", {"command": "/opt/run 'a", "description": "x"}, "can't be read"),
    ("write_service", b"", {"command": "/opt/run a\tb", "description": "x", "user": "a b"}, "account"),
    ("write_service", b"", {"command": "/opt/run 'a\tb'", "description": "x"}, "control characters"),
    ("write_service", b"", {"command": "/opt/run", "description": "x\nUser=root"}, "line break"),
    ("write_service", b"", {"command": "/opt/run", "description": "x\\"}, "backslash"),
    ("write_service", b"[Unit]\n", {"command": "/opt/run", "description": "x"}, "another one"),
    ("write_log_rotation", b"", {"pattern": "app.log", "every": "daily", "keep": "1"}, "absolute path"),
    ("write_log_rotation", b"", {"pattern": "/a/*.log {\n}", "every": "daily", "keep": "1"}, "line break"),
    ("write_log_rotation", b"", {"pattern": "/a/*.log {", "every": "daily", "keep": "1"}, "absolute path"),
    ("write_log_rotation", b"", {"pattern": "/a/../etc/*.log", "every": "daily", "keep": "1"}, "absolute path"),
    ("write_log_rotation", b"", {"pattern": "/srv/app/*", "every": "daily", "keep": "1"}, "again and again"),
    ("write_log_rotation", b"", {"pattern": "/srv/app/[a-z]*", "every": "daily", "keep": "1"}, "again and again"),
    ("write_log_rotation", b"", {"pattern": "/a/*.log", "every": "hourly", "keep": "1"}, "daily"),
    ("write_log_rotation", b"", {"pattern": "/a/*.log", "every": "daily", "keep": "0"}, "daily"),
    ("write_log_rotation", b"/b {\n}\n", {"pattern": "/a/*.log", "every": "daily", "keep": "1"}, "another one"),
    ("write_apt_source", b"", {"url": "file:/srv", "suite": "a", "key": "/k"}, "web address"),
    ("write_apt_source", b"", {"url": "https://a/\nTrusted: yes", "suite": "a", "key": "/k"}, "line break"),
    ("write_apt_source", b"", {"url": "https://a/ [trusted=yes]", "suite": "a", "key": "/k"}, "web address"),
    ("write_apt_source", b"", {"url": "https://a/", "suite": "a b", "key": "/k"}, "suite"),
    (
        "write_apt_source",
        b"",
        {"url": "https://a/", "suite": "a", "key": "/k", "components": "x\nTrusted: yes"},
        "component",
    ),
    ("write_apt_source", b"", {"url": "https://a/", "suite": "a", "key": "k.asc"}, "absolute path"),
    ("write_apt_source", b"Types: deb\n", {"url": "https://a/", "suite": "a", "key": "/k"}, "another one"),
    ("write_rpm_repository", b"", {"name": "a]", "url": "https://a/", "key": "/k"}, "name of a repository"),
    ("write_rpm_repository", b"", {"name": "a", "url": "https://a/", "key": "/k\ngpgcheck=0"}, "line break"),
    ("write_rpm_repository", b"[b]\n", {"name": "a", "url": "https://a/", "key": "/k"}, "another one"),
    ("add_host", b"10.0.0.5 db\n", {"address": "10.0.0.6", "name": "DB"}, "already"),
    ("add_host", b"", {"address": "10.0.0.6", "name": "a b"}, "name of a host"),
    ("add_host", b"", {"address": "10.0.0.6\n", "name": "a"}, "IP address"),
    ("remove_host", b"127.0.0.1 localhost\n", {"name": "LOCALHOST"}, "rely"),
    ("add_mount", b"a /srv ext4 ro 0 0\n", {"source": "b", "mount": "/srv"}, "another entry"),
    ("add_mount", b"", {"source": "b", "mount": "/srv", "options": "ro 0 0\nx"}, "line break"),
    ("add_mount", b"", {"source": "b", "mount": "/srv", "options": "ro 0"}, "no blanks"),
    ("remove_mount", b"a / ext4 ro 0 0\n", {"mount": "/"}, "may not start"),
    ("allow_sudo", b"", {"user": "ALL", "program": "/usr/bin/id"}, "one account"),
    ("allow_sudo", b"", {"user": "a", "program": "id"}, "absolute path"),
    ("allow_sudo", b"", {"user": "a ALL=(ALL) ALL\nb", "program": "/usr/bin/id"}, "one account"),
    ("add_cron_job", b"", {"command": "a"}, "not at all, or twice"),
    ("add_cron_job", b"", {"command": "a", "when": "@daily", "every": "@daily"}, "not at all, or twice"),
    ("add_cron_job", b"", {"command": "a\n* * * * * root b", "when": "@daily"}, "line break"),
    ("add_cron_job", b"", {"command": " ", "when": "@daily"}, "no command"),
    ("add_cron_job", b"", {"command": "a", "when": "0 3 * * * root"}, "6 fields"),
    ("add_cron_job", b"", {"command": "a", "when": "25", "every": "@daily"}, "no time of day"),
    ("add_cron_job", b"", {"command": "a", "when": "60 3 * * *"}, "60 is no minute"),
    ("add_cron_job", b"", {"command": "a", "when": "0 18-8 * * *"}, "backwards"),
    ("add_cron_job", b"", {"command": "a", "when": "0 */0 * * *"}, "step of nothing"),
    ("add_cron_job", b"", {"command": "a", "when": "@often"}, "none of"),
    ("set_block_directive", NGINX, {"directive": "listen", "value": "1", "block": "http > server"}, "2 blocks"),
    ("set_block_directive", NGINX, {"directive": "x", "value": "1", "block": "stream"}, "no block"),
    ("set_block_directive", NGINX, {"directive": "user", "value": "a; load_module b"}, "without"),
    ("set_block_directive", NGINX, {"directive": "user", "value": "'a"}, "without"),
    ("set_block_directive", b"http {\n", {"directive": "user", "value": "a"}, "can't be read"),
]


@pytest.mark.parametrize("name", DONE)
def test_a_typed_edit_is_made_once(name: str) -> None:
    operation, before, arguments, after = DONE[name]
    assert apply_edit(operation, before, arguments) == after
    assert apply_edit(operation, after, arguments) == after


@pytest.mark.parametrize(("operation", "before", "arguments", "why"), REFUSED)
def test_what_cannot_be_written_is_refused(
    operation: EditOperation, before: bytes, arguments: dict[str, str], why: str
) -> None:
    with pytest.raises(ValueRejected, match=why) as caught:
        apply_edit(operation, before, arguments)
    assert caught.value.remedy


def test_what_could_overrule_a_setting_of_sshd_is_said() -> None:
    given = {"directive": "X11Forwarding", "value": "yes"}
    assert note_on_edit("set_directive", SSHD, given) == (
        "line 1 includes other files, and a value there wins over this one"
    )
    without = SSHD.partition(b"\n")[2]
    assert note_on_edit("set_directive", without, given) == "line 5 has another value under `Match`"
    assert note_on_edit("set_directive", without, {"directive": "Port", "value": "22"}) == ""
