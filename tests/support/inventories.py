"""What Ansible itself says of an inventory, and the same of ours, in one shape."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from executors.inventory import Inventory
from executors.inventory_data import Vaulted
from intents.values import Json

BINARIES = Path(sys.executable).parent
HAS_ANSIBLE = (BINARIES / "ansible-inventory").exists()
WHY_NOT = "ansible-core isn't installed beside Python"


def write_tree(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below `folder`, path -> text; nobody else may write them, a text beginning with `#!` may run."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o700 if text.startswith("#!") else 0o600)


def ansible(folder: Path, program: str, *words: str) -> str:
    """Run a program of Ansible in `folder` with nothing of the account's configuration; return what it prints."""
    environment = {
        "PATH": f"{BINARIES}:/usr/bin:/bin",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible-tmp"),
    }
    done = subprocess.run(
        [str(BINARIES / program), *words], env=environment, capture_output=True, check=False, cwd=folder, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Unable to parse" not in done.stderr, done.stderr
    return done.stdout


def listed_by_ansible(folder: Path, sources: Sequence[str]) -> dict[str, Json]:
    """Return the groups (members and children of each) and the variables of each host as `ansible-inventory` has them."""
    words = [word for source in sources for word in ("-i", str(folder / source))]
    told = json.loads(ansible(folder, "ansible-inventory", *words, "--list"))
    meta = told.pop("_meta")
    return {"groups": told, "hostvars": meta["hostvars"]}


def listed_by_sayso(inventory: Inventory) -> dict[str, Json]:
    """Return the same of ours; a group with nothing in it is left out there, too."""
    groups: dict[str, Json] = {}
    for name, group in inventory._data.groups.items():
        parts: dict[str, Json] = {}
        if group.hosts and name != "all":
            parts["hosts"] = list(group.hosts)
        if group.children:
            parts["children"] = list(group.children)
        if parts:
            groups[name] = parts
    hostvars: dict[str, Json] = {}
    for host in inventory.host_names():
        variables = {name: one.value for name, one in inventory.variables(host).items()}
        if variables:
            hostvars[host] = json.loads(json.dumps(variables, default=_encoded))
    return {"groups": groups, "hostvars": hostvars}


def without_marks(value: Json) -> Json:
    """`{"__ansible_unsafe": text}` is plain text to us, which evaluate nothing."""
    if isinstance(value, dict):
        if set(value) == {"__ansible_unsafe"}:
            text: Json = value["__ansible_unsafe"]
            return text
        return {name: without_marks(one) for name, one in value.items()}
    return [without_marks(one) for one in value] if isinstance(value, list) else value


def _encoded(value: object) -> Json:
    if isinstance(value, Vaulted):
        return {"__ansible_vault": value.text}
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return str(isoformat())
    raise TypeError(repr(value))


def hosts_by_pattern(folder: Path, source: str, patterns: Sequence[str]) -> dict[str, list[str]]:
    """Return pattern -> hosts, sorted, as `ansible-playbook --list-hosts` lists them for one play of each pattern."""
    plays = [
        {"hosts": pattern, "gather_facts": False, "name": f"play {number}"} for number, pattern in enumerate(patterns)
    ]
    (folder / "plays.json").write_text(json.dumps(plays), encoding="utf-8")
    told = ansible(folder, "ansible-playbook", "-i", str(folder / source), "--list-hosts", str(folder / "plays.json"))
    found: list[list[str]] = []
    for line in told.splitlines():
        if line.startswith("  play #"):
            found.append([])
        elif line.startswith("      "):
            found[-1].append(line.strip())
    return dict(zip(patterns, map(sorted, found), strict=True))
