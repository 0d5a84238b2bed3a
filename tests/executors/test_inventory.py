"""Inventories as data: what they say, what patterns mean, and what in them is refused."""

import getpass
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from executors.inventory import Inventory
from executors.inventory_arguments import parse_arguments
from executors.inventory_names import expand_range
from executors.inventory_sources import TrustState
from executors.ssh_config import HostAddress, SshConfig
from intents.errors import TargetError
from tests.support.inventories import listed_by_ansible, listed_by_sayso, write_tree

ANSIBLE = shutil.which("ansible-inventory", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")

INI = """\
# people write comments
lonely ansible_host=192.0.2.9
localhost ansible_connection=local

; and so
[web]
web[1:3].example ansible_port=2200
[db]
db-a ansible_host=192.0.2.10 ansible_user='data base' # the primary
db-b:2222

[shop:children]
web
db

[shop:vars]
ansible_user = shopper
ansible_ssh_private_key_file = ~/keys/shop
unrelated = {{ lookup('pipe', 'id') }}
[all:vars]
ansible_user=everybody
ansible_port=22
"""

YAML = """\
all:
  vars: {ansible_user: everybody, secret: !vault "$ANSIBLE_VAULT;1.1"}
  hosts: {lonely: {ansible_host: 192.0.2.9}}
  children:
    shop:
      vars: {ansible_user: shopper}
      children:
        web:
          hosts:
            web[1:3].example: {ansible_port: 2200}
        db: {hosts: {db-a: {ansible_user: dba}}}
"""


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def _load(tmp_path: Path, text: str, *, name: str = "hosts", ssh_config: str = "") -> Inventory:
    config = _written(tmp_path / "ssh_config", ssh_config)
    return Inventory.load([_written(tmp_path / name, text)], [config])


def _one(inventory: Inventory, name: str) -> HostAddress:
    (address,) = inventory.resolve(name)
    return address


def _names(inventory: Inventory, pattern: str) -> list[str]:
    return [address.name for address in inventory.resolve(pattern)]


def test_an_ini_inventory_lists_its_hosts_and_groups(tmp_path: Path) -> None:
    inventory = _load(tmp_path, INI)
    assert inventory.host_names() == (
        "lonely", "localhost", "web1.example", "web2.example", "web3.example", "db-a", "db-b",
    )  # fmt: skip
    assert inventory.group_names() == ("all", "web", "db", "shop")


def test_variables_of_the_host_win_over_inner_groups_over_outer_ones(tmp_path: Path) -> None:
    inventory = _load(tmp_path, INI)
    primary, replica, web, lonely = (_one(inventory, name) for name in ("db-a", "db-b", "web1.example", "lonely"))
    assert (primary.user, primary.hostname, primary.port) == ("data base", "192.0.2.10", 22)
    assert (replica.user, replica.hostname, replica.port) == ("shopper", "db-b", 2222)
    assert (web.user, web.port) == ("shopper", 2200)
    assert web.identity_files == (str(Path("~/keys/shop").expanduser()),)
    assert (lonely.user, lonely.identity_files) == ("everybody", ())


def test_an_inner_group_wins_whatever_its_name(tmp_path: Path) -> None:
    inventory = _load(
        tmp_path, "[aa]\none\n[zz:children]\naa\n[aa:vars]\nansible_user=inner\n[zz:vars]\nansible_user=outer\n"
    )
    assert _one(inventory, "one").user == "inner"


@pytest.mark.parametrize("name", ["hosts.yml", "hosts.yaml"])
def test_a_yaml_inventory_says_the_same(tmp_path: Path, name: str) -> None:
    inventory = _load(tmp_path, YAML, name=name)
    assert inventory.group_names() == ("all", "shop", "web", "db")
    assert [(one.name, one.user, one.port) for one in inventory.resolve("shop")] == [
        ("web1.example", "shopper", 2200),
        ("web2.example", "shopper", 2200),
        ("web3.example", "shopper", 2200),
        ("db-a", "dba", 22),
    ]
    assert _one(inventory, "lonely").user == "everybody"


@pytest.mark.skipif(ANSIBLE is None, reason="ansible-inventory isn't installed")
@pytest.mark.parametrize(("name", "text"), [("hosts", INI), ("hosts.yml", YAML.replace("!vault", ""))])
def test_ansible_reads_the_same(tmp_path: Path, name: str, text: str) -> None:
    inventory = _load(tmp_path, text, name=name)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    told = subprocess.run(
        [str(ANSIBLE), "-i", str(tmp_path / name), "--list"],
        env=environment,
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    theirs = json.loads(told.stdout)["_meta"]["hostvars"]
    assert sorted(theirs) == sorted(inventory.host_names())
    for address in inventory.resolve("all"):
        variables = theirs[address.name]
        assert address.hostname == variables.get("ansible_host", address.name)
        assert (address.user, address.port) == (variables["ansible_user"], int(variables.get("ansible_port", 22)))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("web1.example", ["web1.example"]),
        ("db", ["db-a", "db-b"]),
        ("shop,!web", ["db-a", "db-b"]),
        ("!shop", ["lonely", "localhost"]),
        ("web*", ["web1.example", "web2.example", "web3.example"]),
        ("web[12].example", ["web1.example", "web2.example"]),
        ("db-b, db-a , db", ["db-b", "db-a"]),
        ("all,!web?.example,!localhost", ["lonely", "db-a", "db-b"]),
        ("ungrouped", ["lonely", "localhost"]),
    ],
)
def test_patterns_mean_hosts_in_order_and_once(tmp_path: Path, pattern: str, names: list[str]) -> None:
    assert _names(_load(tmp_path, INI), pattern) == names


def test_all_means_all(tmp_path: Path) -> None:
    inventory = _load(tmp_path, INI)
    assert tuple(_names(inventory, "all")) == inventory.host_names()


def test_an_unknown_name_is_refused_with_the_closest(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="No host or group is called 'db-aa'") as caught:
        _load(tmp_path, INI).resolve("db,db-aa")
    assert caught.value.remedy == "Did you mean db-a?"


@pytest.mark.parametrize("pattern", ["!nobody", "web9*", "\x1b[2J"])
def test_a_term_that_matches_nothing_is_never_silently_dropped(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(TargetError, match="is called") as caught:
        _load(tmp_path, INI).resolve(pattern)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["", " , ", "db,!db"])
def test_a_pattern_without_hosts_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(TargetError, match="means no host"):
        _load(tmp_path, INI).resolve(pattern)


@pytest.mark.parametrize(
    "variable",
    ["ansible_ssh_common_args='-o ProxyCommand=id'", "ansible_ssh_extra_args=-v", "ansible_ssh_executable=/tmp/x"],
)
def test_variables_that_can_run_programs_are_refused_for_their_hosts_only(tmp_path: Path, variable: str) -> None:
    inventory = _load(tmp_path, f"good\nbad {variable}\n")
    assert _names(inventory, "good") == ["good"]
    with pytest.raises(TargetError, match=variable.partition("=")[0]) as caught:
        inventory.resolve("bad")
    assert caught.value.host == "bad"


def test_a_running_variable_of_a_group_reaches_its_hosts(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="ansible_ssh_common_args"):
        _load(tmp_path, "[g]\none\n[g:vars]\nansible_ssh_common_args=-J jump\n").resolve("one")


@pytest.mark.parametrize("variable", ["ansible_host", "ansible_user", "ansible_port", "ansible_ssh_private_key_file"])
def test_jinja_is_never_evaluated(tmp_path: Path, variable: str) -> None:
    inventory = _load(tmp_path, f"one {variable}=\"{{{{ lookup('pipe', 'id') }}}}\"\n")
    with pytest.raises(TargetError, match="Jinja"):
        inventory.resolve("one")


def test_a_connection_that_is_not_ssh_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="docker"):
        _load(tmp_path, "one ansible_connection=docker\n").resolve("one")


def test_an_executable_inventory_is_refused_and_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    script = tmp_path / "inventory"
    script.write_text(f"#!/bin/sh\ntouch {witness}\n")
    script.chmod(0o755)
    with pytest.raises(TargetError, match="is executable") as caught:
        Inventory.load([script], [])
    assert f"sayso hosts trust {script}" in caught.value.remedy
    assert not witness.exists()


class Trusting:
    """Trusts the files that it names; the others have changed since, or nothing is known of them."""

    def __init__(self, *paths: Path, changed: Path | None = None) -> None:
        self._paths = paths
        self._changed = changed

    def state(self, path: Path) -> TrustState:
        return "trusted" if path in self._paths else "changed" if path == self._changed else "unknown"


SCRIPT = """\
#!/bin/sh
echo '{"web": {"hosts": ["w1", "w2"], "vars": {"ansible_user": "deploy"}, "children": ["inner"]}, "inner": {"hosts": ["w3"]},
"_meta": {"hostvars": {"w1": {"ansible_host": "192.0.2.1", "list": [1, 2]}, "w4": {}}}}'
"""


@pytest.mark.skipif(ANSIBLE is None, reason="ansible-inventory isn't installed")
def test_a_trusted_script_says_what_it_says_to_ansible(tmp_path: Path) -> None:
    write_tree(tmp_path, {"script": SCRIPT, "group_vars/web.yml": "ansible_port: 2200\n", "host_vars/w2.yml": "x: 1\n"})
    script = tmp_path / "script"
    inventory = Inventory.load([script], [], trust=Trusting(script))
    assert listed_by_sayso(inventory) == listed_by_ansible(tmp_path, ["script"])
    first, second = _one(inventory, "w1"), _one(inventory, "w2")
    assert first == replace(second, name="w1", hostname="192.0.2.1", given=first.given)
    assert (_one(inventory, "w3").user, _one(inventory, "w3").port) == ("deploy", 2200)


@pytest.mark.skipif(ANSIBLE is None, reason="ansible-inventory isn't installed")
def test_a_trusted_plugin_says_what_it_says_to_ansible(tmp_path: Path) -> None:
    text = "plugin: ansible.builtin.generator\nhosts: {name: 'app{{ n }}'}\nlayers: {n: [1, 2]}\n"
    write_tree(tmp_path, {"generated.yml": text.replace("'app{{ n }}'", "'app{{ n }}', parents: [{name: apps}]")})
    path = tmp_path / "generated.yml"
    with pytest.raises(TargetError, match="plugin"):
        Inventory.load([path], [])
    inventory = Inventory.load([path], [], trust=Trusting(path))
    assert listed_by_sayso(inventory) == listed_by_ansible(tmp_path, ["generated.yml"])
    assert inventory.members("apps") == ("app1", "app2")


def test_a_script_that_has_changed_is_refused_and_says_so(tmp_path: Path) -> None:
    write_tree(tmp_path, {"script": SCRIPT})
    with pytest.raises(TargetError, match="has changed since it was trusted"):
        Inventory.load([tmp_path / "script"], [], trust=Trusting(changed=tmp_path / "script"))


@pytest.mark.skipif(ANSIBLE is None, reason="ansible-inventory isn't installed")
def test_a_script_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    write_tree(tmp_path, {"script": "#!/bin/sh\necho no such account >&2\nexit 3\n"})
    with pytest.raises(TargetError, match="no such account"):
        Inventory.load([tmp_path / "script"], [], trust=Trusting(tmp_path / "script"))


def test_trusted_arguments_of_ssh_say_how_a_host_is_reached(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {"hosts": "one ansible_user=inv\n[all:vars]\nansible_ssh_common_args=-l deploy -p 2200 -o LogLevel=error\n"},
    )
    one = _one(Inventory.load([tmp_path / "hosts"], [], trust=Trusting(tmp_path / "hosts")), "one")
    assert (one.user, one.port) == ("inv", 2200)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-o ProxyCommand='ssh -W %h:%p -q ops@bastion'", {"jumps": ("ops@bastion",)}),
        ("-J a,b:22", {"jumps": ("a", "b:22")}),
        (
            "-oProxyJump=a -o 'User deploy' -i /keys/one",
            {"jumps": ("a",), "user": "deploy", "identity_files": "/keys/one"},
        ),
        ("-o StrictHostKeyChecking=no -o ControlPersist=60s -C", {}),
    ],
)
def test_arguments_of_ssh_are_followed_as_far_as_they_say_where(text: str, said: dict[str, object]) -> None:
    assert parse_arguments(text) == said


@pytest.mark.parametrize(
    "text", ["-o ProxyCommand='nc %h %p'", "-o LocalCommand=id", "-F /tmp/config", "-o", "bastion", "-D1080"]
)
def test_trusted_arguments_that_cannot_be_followed_are_refused(text: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"hosts": f'one ansible_ssh_extra_args="{text}"\n'})
    with pytest.raises(TargetError, match="can't follow"):
        Inventory.load([tmp_path / "hosts"], [], trust=Trusting(tmp_path / "hosts")).resolve("one")


def test_a_variable_that_runs_is_a_matter_of_the_file_that_it_stands_in(tmp_path: Path) -> None:
    write_tree(tmp_path, {"hosts": "[g]\none\n", "group_vars/g.yml": "ansible_ssh_common_args: -o ProxyCommand=id\n"})
    with pytest.raises(TargetError, match="ansible_ssh_common_args") as caught:
        Inventory.load([tmp_path / "hosts"], [], trust=Trusting(tmp_path / "hosts")).resolve("one")
    assert str(tmp_path / "group_vars" / "g.yml") in caught.value.message


def test_every_variable_names_its_file(tmp_path: Path) -> None:
    files = {
        "hosts": "[g]\none a=1\n[g:vars]\nb=2\n",
        "group_vars/g/x.yml": "b: 3\nc: 4\n",
        "host_vars/one.yml": "d: 5\n",
    }
    write_tree(tmp_path, files)
    found = Inventory.load([tmp_path / "hosts"], []).variables("one")
    assert {name: (one.value, str(one.source.relative_to(tmp_path))) for name, one in found.items()} == {
        "a": (1, "hosts"),
        "b": (3, "group_vars/g/x.yml"),
        "c": (4, "group_vars/g/x.yml"),
        "d": (5, "host_vars/one.yml"),
    }


def test_an_encrypted_value_hinders_only_where_it_is_needed(tmp_path: Path) -> None:
    vaulted = '!vault "$ANSIBLE_VAULT;1.1;AES256 6162"'
    write_tree(
        tmp_path,
        {
            "hosts.yml": f"g: {{hosts: {{one: {{secret: {vaulted}}}, two: {{ansible_user: {vaulted}}}}}}}\n",
            "group_vars/g.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
        },
    )
    inventory = Inventory.load([tmp_path / "hosts.yml"], [])
    assert _one(inventory, "one").hostname == "one"
    assert inventory.encrypted_files("one") == (tmp_path / "group_vars" / "g.yml",)
    with pytest.raises(TargetError, match="encrypted by ansible-vault"):
        inventory.resolve("two")


def test_a_broken_file_of_variables_hinders_its_own_host_only(tmp_path: Path) -> None:
    write_tree(tmp_path, {"hosts": "one\ntwo\n", "host_vars/two.yml": "- a list\n"})
    inventory = Inventory.load([tmp_path / "hosts"], [])
    assert _names(inventory, "one") == ["one"]
    with pytest.raises(TargetError, match=r"host_vars/two\.yml has something else than a mapping"):
        inventory.resolve("two")


@pytest.mark.parametrize("name", ["..", "../outside", "."])
def test_no_name_leads_out_of_the_folder_of_variables(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"hosts": f"[{name}]\none\n", "outside.yml": "x: 1\n", "group_vars/keep": ""})
    assert Inventory.load([tmp_path / "hosts"], []).variables("one") == {}


@pytest.mark.parametrize("text", ["[a:children]\nb\n[b:children]\na\n", "[a:children]\na\n"])
def test_groups_in_a_circle_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TargetError, match="below itself"):
        _load(tmp_path, text)


@pytest.mark.parametrize("pattern", ["web1.example[3]", "~[", "@/no/such/file", "db:&web", "web[9:]"])
def test_a_pattern_that_can_mean_nothing_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(TargetError):
        _load(tmp_path, INI).members(pattern)


def test_this_machine_is_offered_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="Did you mean local"):
        _load(tmp_path, "one\n").members("localhst")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("hosts", "{{ name }}\n", "line 1"),
        ("hosts", "one\n[g]\ntwo three\n", "line 3"),
        ("hosts", "one 'open\n", "line 1"),
        ("hosts", "[g:vars]\nalone\n", "line 2"),
        ("hosts", "-oProxyCommand=id\n", "line 1"),
        ("hosts", "web[3:1]\n", "line 1"),
        ("hosts", "web[1:9999999]\n", "more than"),
        ("hosts.yml", "- a\n- b\n", "mapping"),
        ("hosts.yml", "a: [", "not YAML"),
        ("hosts.yml", "!!python/object/apply:os.system ['id']", "not YAML"),
        ("hosts.yml", "plugin: amazon.aws.aws_ec2\n", "names the inventory plugin amazon.aws.aws_ec2"),
        ("hosts.yml", "all: {hosts: {a: }, strange: {}}\n", "strange"),
        ("hosts.yml", "all: &a {children: {b: *a}}\n", "deep"),
    ],
)
def test_what_is_no_inventory_is_refused_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        _load(tmp_path, text, name=name)


def test_a_missing_and_a_binary_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="No such file"):
        Inventory.load([tmp_path / "absent"], [])
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "binary").chmod(0o600)
    with pytest.raises(TargetError, match="UTF-8"):
        Inventory.load([tmp_path / "binary"], [])


@pytest.mark.skipif(os.geteuid() != 0, reason="the rule is for root")
def test_root_refuses_an_inventory_that_others_can_write(tmp_path: Path) -> None:
    path = _written(tmp_path / "hosts", "one\n")
    path.chmod(0o666)
    with pytest.raises(TargetError, match="written by others"):
        Inventory.load([path], [])


def test_a_folder_is_all_its_inventories_together(tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    (folder / "group_vars").mkdir(parents=True)
    _written(folder / "01-a", "[g]\none\n")
    _written(folder / "02-b.yml", "g: {hosts: {two: {}}}\n")
    _written(folder / "03-c~", "three\n")
    assert _names(Inventory.load([folder], []), "g") == ["one", "two"]


def test_hosts_of_the_ssh_configuration_are_known(tmp_path: Path) -> None:
    config = """\
Host bastion other
    HostName 192.0.2.1
    User keeper
    Port 2022
    IdentityFile /keys/bastion
    UserKnownHostsFile /known/one
Host *.example
    User pattern
Host *
    User fallback
"""
    inventory = _load(tmp_path, "web.example ansible_port=2200\n", ssh_config=config)
    assert inventory.host_names() == ("web.example", "bastion", "other")
    assert _one(inventory, "bastion") == HostAddress(
        "bastion",
        "192.0.2.1",
        2022,
        "keeper",
        ("/keys/bastion",),
        ("/known/one", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"),
        10.0,
        uses_default_identities=False,
        config_files=(str(tmp_path / "ssh_config"),),
    )
    web = _one(inventory, "web.example")
    assert (web.user, web.port, web.hostname) == ("pattern", 2200, "web.example")


def test_the_inventory_wins_over_the_ssh_configuration(tmp_path: Path) -> None:
    inventory = _load(
        tmp_path,
        "one ansible_host=192.0.2.7 ansible_user=inv\n",
        ssh_config="Host one\n HostName x\n User y\n Port 99\n",
    )
    one = _one(inventory, "one")
    assert (one.hostname, one.user, one.port) == ("192.0.2.7", "inv", 99)


def test_without_any_configuration_the_defaults_hold(tmp_path: Path) -> None:
    one = _one(_load(tmp_path, "one\n"), "one")
    home = str(Path("~").expanduser())
    assert (one.port, one.user, one.identity_files) == (22, getpass.getuser(), ())
    assert one.known_hosts_files == (
        f"{home}/.ssh/known_hosts",
        f"{home}/.ssh/known_hosts2",
        "/etc/ssh/ssh_known_hosts",
        "/etc/ssh/ssh_known_hosts2",
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('Match exec "touch {witness}"\n  User x\n', "Match exec"),
        ('Match host one !exec "touch {witness}"\n  User x\n', "Match exec"),
        ("Host one\n  ProxyCommand touch {witness}; true\n", "needs a shell"),
        ("Host one\n  ProxyJump one\n", "in a circle"),
        ("Host one\n  Port many\n", "port"),
        ("Host one\n  Port 0\n", "port"),
    ],
)
def test_a_configuration_that_would_run_something_is_refused_for_ssh(tmp_path: Path, config: str, said: str) -> None:
    witness = tmp_path / "witness"
    inventory = _load(tmp_path, "one\n", ssh_config=config.format(witness=witness))
    with pytest.raises(TargetError, match=said):
        inventory.resolve("one")
    assert not witness.exists()


def test_a_proxy_of_another_host_is_no_hindrance(tmp_path: Path) -> None:
    config = "Host far\n  ProxyJump bastion\nHost near\n  ProxyCommand none\n"
    assert _names(_load(tmp_path, "near\n", ssh_config=config), "near") == ["near"]


def test_includes_are_read_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a").write_text("Host one\n  User included\n")
    inventory = _load(tmp_path, "", ssh_config="Include conf.d/*\nUser global\nHost two\n  Port 2\n")
    assert inventory.host_names() == ("one", "two")
    assert [(address.user, address.port) for address in inventory.resolve("all")] == [("included", 22), ("global", 2)]


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Include config\n")
    with pytest.raises(TargetError, match="deeply"):
        SshConfig.load([tmp_path / "config"])


def test_the_inventory_names_the_transport_of_a_host(tmp_path: Path) -> None:
    inventory = _load(tmp_path, "one sayso_transport=openssh\ntwo\nthree sayso_transport=telnet\n")
    assert (_one(inventory, "one").transport, _one(inventory, "two").transport) == ("openssh", "paramiko")
    with pytest.raises(TargetError, match=r"transport.*telnet"):
        inventory.resolve("three")


def test_the_first_file_wins_and_its_last_block_does_not_swallow_the_second(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("Host one\n  User mine\n")
    (tmp_path / "system").write_text("User system\nPort 2200\n")
    config = SshConfig.load([tmp_path / "mine", tmp_path / "system", tmp_path / "absent"])
    one, two = config.address("one"), config.address("two")
    assert (one.user, one.port, two.user, two.port) == ("mine", 2200, "system", 2200)


@given(st.integers(0, 500), st.integers(0, 40), st.integers(1, 7), st.integers(1, 4))
def test_ranges_count_like_range_and_keep_their_width(first: int, more: int, step: int, width: int) -> None:
    begin, end = str(first).zfill(width), str(first + more).zfill(width)
    assume(len(begin) == len(end) or not begin.startswith("0") or begin == "0")
    expected = [
        f"h{number:0{len(begin)}d}.x" if begin.startswith("0") else f"h{number}.x"
        for number in range(first, first + more + 1, step)
    ]
    assert list(expand_range(f"h[{begin}:{end}:{step}].x")) == expected
