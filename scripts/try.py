"""`make try`: sayso does its job for real, in view: a read, hosts, a change with its diff, the undo, the history.

Everything it keeps (history, caches, the file that it changes) lies in build/try.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.sshd import MISSING, running_sshd  # noqa: E402 - the path comes first

SAYSO = Path(sys.executable).parent / "sayso"
FOLDER = ROOT / "build" / "try"

Step = tuple[str, Sequence[str], int]


def main() -> int:
    """Run the demonstration; return 0 when every step ended as it should."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    home = FOLDER / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    scratch = FOLDER / "scratch.conf"
    scratch.write_text("# a scratch file\nvm.dirty_ratio = 20\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SAYSO_"))}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(Path.home() / ".cache")}
    with _ssh_target(home) as inventory:
        steps = [*_reading(), *_on_hosts(inventory), *_changing(scratch)]
        failed = [step for step in steps if not _run(*step, environment)]
    if failed:
        print(f"\n{len(failed)} of {len(steps)} steps did not end as they should.")
        return 1
    print(f"\nThat is sayso. Start a conversation with:\n\n  {_short(SAYSO)}\n")
    return 0


def _reading() -> list[Step]:
    return [
        ("A read. Nothing can change, so nothing is asked.", ["how full are the disks"], 0),
        ("The same rows, filtered by the sentence.", ["which filesystems are more than half full"], 0),
        ("How that was understood, from which words.", ["--explain", "which filesystems are more than half full"], 0),
    ]


def _changing(scratch: Path) -> list[Step]:
    order = f'add the line "vm.swappiness = 10" to {scratch}'
    return [
        ("A change, first as a plan: the diff, and nothing else.", ["--dry-run", order], 0),
        ("Without approval a script changes nothing (exit status 4).", [order], 4),
        ("Now it is approved. (At a terminal sayso asks; a script says --yes.)", ["--yes", order], 0),
        ("The same again: it is already so.", ["--yes", order], 0),
        ("Take it back.", ["--yes", "undo"], 0),
        ("What was asked and done.", ["history"], 0),
        ("Has anybody altered that record?", ["history", "verify"], 0),
    ]


@contextmanager
def _ssh_target(home: Path) -> Iterator[Path | None]:
    """Start a real sshd on a free loopback port, known to `home`; yield its inventory, or None without sshd."""
    if MISSING:
        print(f"(No SSH target: {MISSING}. The read over several hosts is left out.)")
        yield None
        return
    folder = FOLDER / "sshd"
    folder.mkdir()
    with running_sshd(folder) as server:
        server.trust_host_key()
        address = server.address
        (home / ".ssh" / "known_hosts").write_bytes(Path(address.known_hosts_files[0]).read_bytes())
        inventory = FOLDER / "hosts.ini"
        inventory.write_text(
            f"[web]\nweb1 ansible_host={address.hostname} ansible_port={address.port} ansible_user={address.user} "
            f"ansible_ssh_private_key_file={address.identity_files[0]}\n",
            encoding="utf-8",
        )
        yield inventory


def _on_hosts(inventory: Path | None) -> list[Step]:
    if inventory is None:
        return []
    words = ["--inventory", str(inventory), "--on", "local,web1", "which kernel is this"]
    by_name = ["--inventory", str(inventory), "how long has it been up on all web servers"]
    return [
        ("One sentence over this machine and a host, by SSH (a real sshd on a loopback port).", words, 0),
        ("The sentence itself may say where.", by_name, 0),
    ]


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
