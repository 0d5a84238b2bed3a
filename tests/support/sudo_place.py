"""A private place with a real sudo: /etc of its own, an account `alice`, and one scenario run by her.

Runs as `python -m tests.support.sudo_place SCENARIO DIRECTORY` inside a mount namespace, so that this
machine's accounts and sudoers stay as they are. Needs root.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse #7 ü"
ALICE = 54321
DEFAULT_RULES = "alice ALL=(ALL:ALL) ALL"

MISSING = (
    "needs root, for accounts in a namespace of its own"
    if os.geteuid() != 0
    else ""
    if shutil.which("sudo") and shutil.which("unshare") and shutil.which("useradd")
    else "sudo isn't installed"
)
"""Why the place can't be made; empty when it can."""


def in_place(scenario: str, *, rules: str = DEFAULT_RULES, **settings: object) -> dict[str, object]:
    """Run a scenario of `tests.support.sudo_scenarios` as alice; return what it found.

    `rules` is sudoers. Further settings go to the scenario; `without_sudo` takes sudo away, and
    `doas` is doas.conf.
    """
    told = json.dumps({"rules": rules, **settings})
    with tempfile.TemporaryDirectory(prefix="sudo-place-") as directory:
        Path(directory).chmod(0o755)
        (Path(directory) / "settings.json").write_text(told)
        done = subprocess.run(
            [
                "unshare",
                "--mount",
                "--propagation",
                "private",
                sys.executable,
                "-m",
                __name__,
                scenario,
                directory,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        result = Path(directory) / "result.json"
        if not result.exists():
            raise RuntimeError(f"{scenario}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        found: dict[str, object] = json.loads(result.read_text())
        return found


def _do(*argv: str, text: str | None = None) -> None:
    subprocess.run(argv, check=True, input=text, text=True, capture_output=True)


def _mount_etc(place: Path) -> None:
    """Put a writable copy over /etc, and what sudo keeps elsewhere into memory."""
    own = place / "etc"
    own.mkdir()
    _do("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(own))
    _do("cp", "-a", "/etc/.", str(own))
    _do("mount", "--bind", str(own), "/etc")
    for directory in ("/run/sudo", "/var/lib/sudo", "/var/mail"):
        Path(directory).mkdir(parents=True, exist_ok=True)
        _do("mount", "-t", "tmpfs", "-o", "mode=711", "tmpfs", directory)


def _make_readable(path: Path) -> None:
    """Let alice pass a closed directory (root's home, when Python lies there) in this namespace only."""
    for parent in [*reversed(path.parents)]:
        if not parent.stat().st_mode & 0o001:
            kept = Path(tempfile.mkdtemp())
            _do("mount", "--rbind", str(parent), str(kept))
            _do("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(parent))
            inner = path.relative_to(parent).parts[0]
            (parent / inner).mkdir()
            _do("mount", "--rbind", str(kept / inner), str(parent / inner))


def _make_alice(place: Path, settings: Mapping[str, object]) -> Path:
    home = place / "alice"
    _do("useradd", "--uid", str(ALICE), "--home-dir", str(home), "--create-home", "--shell", "/bin/sh", "alice")
    _do("chpasswd", text=f"alice:{PASSWORD}\n")
    if settings.get("expired"):
        _do("chage", "--expiredate", "1", "alice")
    rules = Path("/etc/sudoers")
    rules.chmod(0o600)
    rules.write_text(f"Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n{settings['rules']}\n")
    rules.chmod(0o440)
    if settings.get("doas"):
        Path("/etc/doas.conf").write_text(f"{settings['doas']}\n")
        Path("/etc/doas.conf").chmod(0o400)
    if settings.get("without_sudo"):
        sudo = shutil.which("sudo")
        _do("mount", "--bind", "/dev/null", str(sudo))  # no program
    return home


def main() -> None:
    """Make the place, become alice, run the scenario, write what it found."""
    scenario, directory = sys.argv[1:]
    place = Path(directory)
    settings = json.loads((place / "settings.json").read_text())
    _mount_etc(place)
    home = _make_alice(place, settings)
    _make_readable(Path(sys.executable).resolve())
    result = place / "result.json"
    if settings.get("sshd"):
        from tests.support.sshd import running_sshd

        with running_sshd(place / "sshd") as server:
            os.chown(server.directory / "login_key", ALICE, ALICE)
            result.write_text(_run_as_alice(scenario, {**settings, "sshd": [str(server.directory), server.port]}, home))
        return
    result.write_text(_run_as_alice(scenario, settings, home))


def _run_as_alice(scenario: str, settings: Mapping[str, object], home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "tests.support.sudo_scenarios", scenario],
        input=json.dumps(settings),
        user=ALICE,
        group=ALICE,
        extra_groups=[],
        cwd=ROOT,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "USER": "alice", "LC_ALL": "C.UTF-8"},
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
        timeout=80,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{done.stdout}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
