"""`make try`: sayso does its job for real, in view: a read, hosts, a change with its diff, the undo, the history.

Everything it keeps (history, caches, the file that it changes) lies in build/try.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAYSO = Path(sys.executable).parent / "sayso"
FOLDER = ROOT / "build" / "try"
INVENTORY_VARIABLE = "SAYSO_TRY_INVENTORY"
LOOPBACK = "127.0.0.1"


def main() -> int:
    """Run the demonstration; return 0 when every step ended as it should."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    scratch = FOLDER / "scratch.conf"
    scratch.write_text("# a scratch file\nvm.dirty_ratio = 20\n", encoding="utf-8")
    environment = {
        **os.environ,
        "XDG_CONFIG_HOME": str(FOLDER / "config"),
        "XDG_STATE_HOME": str(FOLDER / "state"),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
    }
    order = f'add the line "vm.swappiness = 10" to {scratch}'
    steps: list[tuple[str, Sequence[str], int]] = [
        ("A read. Nothing can change, so nothing is asked.", ["how full are the disks"], 0),
        ("The same rows, filtered by the sentence.", ["which filesystems are more than half full"], 0),
        ("How that was understood, from which words.", ["--explain", "which filesystems are more than half full"], 0),
        *_on_hosts(),
        ("A change, first as a plan: the diff, and nothing else.", ["--dry-run", order], 0),
        ("Without approval a script changes nothing (exit status 4).", [order], 4),
        ("Now it is approved. (At a terminal sayso asks; a script says --yes.)", ["--yes", order], 0),
        ("The same again: it is already so.", ["--yes", order], 0),
        ("Take it back.", ["--yes", "undo"], 0),
        ("What was asked and done.", ["history"], 0),
        ("Has anybody altered that record?", ["history", "verify"], 0),
    ]
    failed = [step for step in steps if not _run(*step, environment)]
    if failed:
        print(f"\n{len(failed)} of {len(steps)} steps did not end as they should.")
        return 1
    print(f"\nThat is sayso. Start a conversation with:\n\n  {_short(SAYSO)}\n")
    return 0


def _on_hosts() -> list[tuple[str, Sequence[str], int]]:
    """The read over SSH, where a target is up: the hosts of a named inventory, else an sshd on this machine."""
    inventory = os.environ.get(INVENTORY_VARIABLE)
    hosts = "local,all"
    if not inventory and _loopback_answers():
        path = FOLDER / "inventory.ini"
        path.write_text(f"loopback ansible_host={LOOPBACK}\n", encoding="utf-8")
        inventory, hosts = str(path), "local,loopback"
    if not inventory:
        print(f"No SSH target is up (none in {INVENTORY_VARIABLE}, none on {LOOPBACK}): one machine has to do.")
        return []
    words = ["--inventory", inventory, "--on", hosts, "which kernel is this"]
    return [("The same sentence over several hosts, by SSH.", words, 0)]


def _loopback_answers() -> bool:
    """Whether an sshd on this machine lets us in as we are: a known host key, a key of ours, nothing asked."""
    if shutil.which("ssh") is None:
        return False
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=3", "-o", "StrictHostKeyChecking=yes"]
    done = subprocess.run(["ssh", *options, LOOPBACK, "true"], check=False, capture_output=True)
    return done.returncode == 0


def _run(title: str, words: Sequence[str], expected: int, environment: Mapping[str, str]) -> bool:
    print(f"\n=== {title}\n$ sayso {shlex.join(words)}", flush=True)
    done = subprocess.run([str(SAYSO), *words], check=False, cwd=FOLDER, env=dict(environment))
    if done.returncode != expected:
        print(f"(ended with {done.returncode}, expected {expected})")
    return done.returncode == expected


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
