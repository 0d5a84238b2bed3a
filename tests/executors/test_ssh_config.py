"""The SSH configuration against `ssh -G`, which tells what ssh itself makes of a file."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from executors.ssh_address import hops
from executors.ssh_config import SshConfig
from executors.ssh_config_reading import USED_KEYWORDS
from intents.errors import TargetError

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's client isn't installed")

CORPUS: tuple[tuple[str, str], ...] = (
    ("nothing", ""),
    ("a plain block", "Host web1\n  HostName 192.0.2.7\n  User deploy\n  Port 2222\n"),
    ("equals signs", "Host=web1\nHostName = web.example\nPort=2200\n User =deploy\n"),
    ("comments and odd space", "# x\n\n  Host\tweb1  # which\n\tUser  deploy # who\n   #Port 9\n Port 22 \n"),
    ("keywords in any case", "hOST web1\n hostNAME web.example\n pORT 2022\n"),
    ("the first value wins", "Host web1\n User one\nHost web*\n User two\n Port 2\nHost *\n Port 3\n User three\n"),
    ("values before any block", "User early\nHost web1\n User late\n Port 2\n"),
    ("several patterns", "Host db1 web? other\n User pattern\n"),
    ("a star in the middle", "Host w*1\n User star\nHost w*2\n User other\n"),
    ("negation excludes", "Host web* !web1\n User notme\nHost * !db*\n User me\n"),
    ("negation alone matches nobody", "Host !db1\n User notme\n"),
    ("patterns tell case apart", "Host WEB1\n User upper\n"),
    ("a host name in capitals", "Host web1\n HostName WEB.Example.COM\n"),
    ("%h in HostName", "Host web1\n HostName %h.example.org\n"),
    ("%% in HostName", "Host web1\n HostName %h-%%.example\n"),
    ("several identity files", "Host web1\n IdentityFile ~/.ssh/a\nHost *\n IdentityFile ~/.ssh/b\n IdentityFile ~/.ssh/a\n"),
    ("identity files with tokens", "IdentityFile ~/.ssh/%h-%r\nIdentityFile %d/keys/%n\nIdentityFile none\n"),
    ("quoted values", 'Host "web1"\n User "de ploy"\n IdentityFile "~/a b"\n IdentityFile \'/x y/z\'\n'),
    ("escapes", 'Host web1\n IdentityFile /a\\ b/c\n User a\\"b\n'),
    ("identities only", "Host web1\n IdentitiesOnly yes\nHost *\n IdentitiesOnly no\n"),
    ("certificates", "Host web1\n CertificateFile ~/.ssh/c1\n CertificateFile ~/.ssh/c2\n"),
    ("one jump host", "Host web1\n ProxyJump bastion\n"),
    ("a chain of jump hosts", "Host web1\n ProxyJump one@a:2201,b\n"),
    ("jump host with user and port", "Host web1\n ProxyJump keeper@bastion.example:2222 # way in\n"),
    ("no jump host for one", "Host web1\n ProxyJump none\nHost *\n ProxyJump bastion\n"),
    ("a proxy before a jump host", "Host web1\n ProxyCommand nc %h %p\nHost *\n ProxyJump bastion\n"),
    ("a jump host before a proxy", "Host web1\n ProxyJump bastion\nHost *\n ProxyCommand nc %h %p\n"),
    ("no proxy before a jump host", "Host web1\n ProxyCommand none\nHost *\n ProxyJump bastion\n"),
    ("a proxy with a hash and quotes", 'Host web1\n ProxyCommand  connect -H "a b" %h:%p # kept\n'),
    ("known hosts", "Host web1\n UserKnownHostsFile /k/one /k/two\n GlobalKnownHostsFile /k/three\n"),
    ("known hosts: none, and twice", "UserKnownHostsFile none\nUserKnownHostsFile /k/one\nGlobalKnownHostsFile /k/a /k/b\n"),
    ("a host key alias", "Host web1\n HostKeyAlias cluster\n"),
    ("compression and agent", "Host web1\n Compression yes\n IdentityAgent /run/agent.sock\n"),
    ("Match all", "Match all\n User everybody\n"),
    ("Match host", "Match host web1\n User one\nMatch host db*,!db2\n Port 2\n"),
    ("Match host after HostName", "Host web1\n HostName web.example\nMatch host web.example\n User renamed\n"),
    ("Match host before HostName", "Match host web.example\n User early\nHost web1\n HostName web.example\n"),
    ("Match originalhost", "Host web1\n HostName web.example\nMatch originalhost web1 host *.example\n User both\n"),
    ("Match negated", "Match !host db1 originalhost web*\n User other\nMatch !originalhost web1\n Port 2\n"),
    ("Match user", "Host web1\n User deploy\nMatch user deploy,admin\n Port 2200\nMatch user root\n Port 1\n"),
    ("Match user without any", "Match user {user}\n Port 2201\n"),
    ("Match localuser", "Match localuser {user} host web1\n User mine\nMatch localuser nobody-here\n Port 9\n"),
    ("Match final", "Match final host web.example\n User late\nHost web1\n HostName web.example\n"),
    ("patterns at the second reading", "Host web.example\n User second\nHost web1\n HostName web.example\nMatch final all\n Port 2\n"),
    ("Match with quotes and equals", 'Match host="web1" user "{user}"\n Port 2203\n'),
    ("exec behind what doesn't hold", 'Match host other exec "false"\n User never\nHost *\n User plain\n'),
    ("include at the top", "Include {folder}/top.conf\nUser late\n"),
    ("include in a block that holds", "Host web1\n Include {folder}/bare.conf\nHost *\n Port 9\n"),
    ("include in a block that doesn't", "Host db1\n Include {folder}/bare.conf {folder}/top.conf\nHost *\n Port 9\n"),
    ("a block goes on after an include", "Host web1\n Include {folder}/top.conf\n User after\n"),
    ("include by pattern", "Include {folder}/*.conf\nPort 9\n"),
    ("include of nothing", "Include {folder}/absent-*\nPort 9\n"),
)  # fmt: skip
INCLUDED = {
    "top.conf": "Host db1\n User fromdb\nHost web*\n User fromtop\n Port 4\n",
    "bare.conf": "User bare\nPort 5\n",
}


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def _config(folder: Path, text: str) -> Path:
    for name, included in INCLUDED.items():
        _written(folder / name, included)
    user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
    return _written(folder / "config", text.replace("{folder}", str(folder)).replace("{user}", user))


def _by_ssh(config: Path, name: str) -> dict[str, list[str]]:
    """Return keyword -> values of `ssh -G`."""
    told = subprocess.run(["ssh", "-G", "-F", str(config), name], check=True, capture_output=True, text=True)
    found: dict[str, list[str]] = {}
    for line in told.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found


def _home(text: str) -> str:
    return text.replace("~", str(Path("~").expanduser()), 1) if text.startswith("~") else text


@needs_ssh
@pytest.mark.parametrize("text", [text for _, text in CORPUS], ids=[name for name, _ in CORPUS])
@pytest.mark.parametrize("name", ["web1", "db1"])
def test_every_setting_in_use_is_what_ssh_makes_of_it(tmp_path: Path, text: str, name: str) -> None:
    config = _config(tmp_path, text)
    theirs = _by_ssh(config, name)
    ours = SshConfig.load([config]).settings(name)
    for keyword in sorted(USED_KEYWORDS - {"hostname", "proxyjump", "proxycommand"}):
        if keyword not in ours:
            continue  # a default, which `address` has
        wanted = theirs.get(keyword, [])
        if keyword.endswith("knownhostsfile"):
            assert " ".join(map(_home, ours[keyword])) == (wanted or ["none"])[0], keyword
        else:
            assert list(ours[keyword]) == wanted, keyword
    jump, proxy = ours.get("proxyjump", ("none",))[0], ours.get("proxycommand", ("none",))[0]
    assert jump == theirs.get("proxyjump", ["none"])[0].replace("[", "").replace("]", "")
    assert proxy == theirs.get("proxycommand", ["none"])[0]
    for keyword in ("user", "port", "identityfile", "userknownhostsfile", "hostkeyalias", "certificatefile"):
        if keyword not in ours:
            assert theirs.get(keyword) == _by_ssh(_written(tmp_path / "empty", ""), name).get(keyword), keyword


@needs_ssh
@pytest.mark.parametrize("text", [text for _, text in CORPUS], ids=[name for name, _ in CORPUS])
def test_every_address_is_where_ssh_would_go(tmp_path: Path, text: str) -> None:
    config = _config(tmp_path, text)
    theirs = _by_ssh(config, "web1")
    address = SshConfig.load([config]).address("web1")
    assert [address.hostname] == theirs["hostname"]
    assert [address.user, str(address.port)] == [*theirs["user"], *theirs["port"]]
    assert address.has_compression == (theirs["compression"] == ["yes"])
    assert address.identities_only == (theirs["identitiesonly"] == ["yes"])
    files = [
        path for keyword in ("userknownhostsfile", "globalknownhostsfile") for path in theirs.get(keyword, ["none"])
    ]
    assert list(address.known_hosts_files) == [_home(path) for path in " ".join(files).split() if path != "none"]


@needs_ssh
def test_key_files_are_those_that_ssh_opens(tmp_path: Path) -> None:
    text = "Host web1\n HostName %h.example\n User deploy\n Port 2201\n HostKeyAlias kept\n"
    text += "".join(f" IdentityFile {path}\n" for path in ("~/.ssh/%r@%h:%p", "%d/x/%n", "${HOME}/y-%u", "/z/%i%%", "/k/%k", "/l/%l-%L"))  # fmt: skip
    config = _written(tmp_path / "config", text)
    told = subprocess.run(
        ["ssh", "-v", "-F", str(config), "-o", "ProxyCommand=true", "-o", "BatchMode=yes", "web1", "true"],
        check=False,
        capture_output=True,
        text=True,
    )
    opened = [line.split()[3] for line in told.stderr.splitlines() if line.startswith("debug1: identity file ")]
    assert list(SshConfig.load([config]).address("web1").identity_files) == [
        path for path in opened if not path.endswith("-cert")
    ]


def _address_of(folder: Path, text: str, name: str = "web1", **given: object) -> object:
    return SshConfig.load([_written(folder / "config", text)]).address(name, given=given)


def test_a_chain_of_jump_hosts_takes_each_one_from_its_own_block(tmp_path: Path) -> None:
    text = (
        "Host web1\n ProxyJump keeper@inner:2201,middle\n"
        "Host inner\n HostName 192.0.2.1\n User ignored\n ProxyJump outer\n"
        "Host middle\n Port 2202\n ProxyJump never\nHost outer\n User guard\n"
    )
    address = SshConfig.load([_written(tmp_path / "config", text)]).address("web1")
    way = [(hop.name, hop.hostname, hop.port) for hop in hops(address)]
    assert way == [
        ("outer", "outer", 22),
        ("inner", "192.0.2.1", 2201),
        ("middle", "middle", 2202),
        ("web1", "web1", 22),
    ]
    assert [hop.user for hop in hops(address)][:2] == ["guard", "keeper"]


@pytest.mark.parametrize(
    "text",
    [
        "ProxyJump bastion\n",
        "Host web1\n ProxyJump a\nHost a\n ProxyJump b\nHost b\n ProxyJump a\n",
    ],
)
def test_jump_hosts_in_a_circle_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TargetError, match="in a circle") as caught:
        _address_of(tmp_path, text)
    assert "ProxyJump none" in caught.value.remedy


@pytest.mark.parametrize("criterion", ['exec "touch {witness}"', '!exec "touch {witness}"', "localnetwork 10.0.0.0/8"])
def test_what_only_ssh_can_judge_is_refused_where_it_counts_and_never_run(tmp_path: Path, criterion: str) -> None:
    witness = tmp_path / "witness"
    match = "Match " + criterion.replace("{witness}", str(witness))
    with pytest.raises(TargetError, match=r"user of web1.*config line 2"):
        _address_of(tmp_path, f"{match}\n User maybe\n")
    known = SshConfig.load([_written(tmp_path / "config", f"Host web1\n User sure\n Port 5\n{match}\n User maybe\n")])
    assert known.address("web1").user == "sure"
    with pytest.raises(TargetError, match="Match exec"):
        known.address("db1")
    assert known.address("db1", given={"user": "told"}).user == "told"
    assert known.address("db1", given={"transport": "openssh"}).transport == "openssh"
    assert not witness.exists()


def test_what_hangs_on_an_uncertain_setting_is_uncertain(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="port"):
        _address_of(tmp_path, "Match exec true\n User maybe\nMatch user maybe\n Port 3\n", user="")
    with pytest.raises(TargetError, match="proxyjump"):
        _address_of(tmp_path, "Match exec true\n ProxyJump maybe\nHost *\n ProxyCommand none\n")


@pytest.mark.parametrize(
    ("text", "vector"),
    [
        ("ProxyCommand nc -X 5 -x proxy:1080 %h %p\n", ("nc", "-X", "5", "-x", "proxy:1080", "web1", "22")),
        ("ProxyCommand exec connect '%r at %n' %%\n", ("connect", None, "%")),
    ],
)
def test_a_proxy_command_is_a_vector(tmp_path: Path, text: str, vector: tuple[str | None, ...]) -> None:
    address = SshConfig.load([_written(tmp_path / "config", text)]).address("web1")
    wanted = tuple(f"{address.user} at web1" if word is None else word for word in vector)
    assert address.proxy_command == wanted


@pytest.mark.parametrize(
    "command", ["nc %h %p | tee log", "sh -c 'x' && y", "nc $(cat host) %p", "A=1 nc %h", "nc ~/x", "nc 'open", "nc %q"]
)
def test_a_proxy_command_for_a_shell_is_refused(tmp_path: Path, command: str) -> None:
    with pytest.raises(TargetError, match=r"needs a shell|token") as caught:
        _address_of(tmp_path, f"ProxyCommand {command}\n")
    assert "sayso_transport=openssh" in caught.value.remedy


def test_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    config = _written(tmp_path / "config", "User x\n")
    config.chmod(0o622)
    with pytest.raises(TargetError, match="may be written by others"):
        SshConfig.load([config])
    _written(tmp_path / "outer", f"Host other\n Include {config}\n")
    with pytest.raises(TargetError, match="may be written by others"):
        SshConfig.load([tmp_path / "outer"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Port many\n", "port"),
        ("Port 0\n", "port"),
        ("Match\n host x\n User y\nMatch host\n", "no argument"),
        ('User "open\n', "line 1 can't be used: a quote"),
        ("IdentityFile /x/%q\n", "token %q"),
        ("IdentityFile ${SAYSO_UNSET_HERE}/x\n", "SAYSO_UNSET_HERE"),
        ("ProxyJump a:b:c\n", r"isn't \[user@\]host"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        _address_of(tmp_path, text)


def test_the_persons_file_goes_before_the_systems(tmp_path: Path) -> None:
    own = _written(tmp_path / "own", "Host web1\n User mine\n")
    systems = _written(tmp_path / "system", "User everybody\nPort 2\n")
    address = SshConfig.load([own, tmp_path / "absent", systems]).address("web1")
    assert (address.user, address.port, address.config_files) == ("mine", 2, (str(own), str(systems)))


def test_the_agent_of_the_configuration_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_AGENT", "/run/mine")
    config = "Host a\n IdentityAgent ~/agent\nHost b\n IdentityAgent none\nHost c\n IdentityAgent $MY_AGENT\n"
    known = SshConfig.load([_written(tmp_path / "config", config)])
    found = [known.address(name).identity_agent for name in ("a", "b", "c", "d")]
    assert found == [os.path.expanduser("~/agent"), "none", "/run/mine", None]  # noqa: PTH111
