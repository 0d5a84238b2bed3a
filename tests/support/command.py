"""The real `sayso` command as a process of its own, in folders of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_INSTALLED = Path(sys.executable).parent / "sayso"
COMMAND: tuple[str, ...] = (
    (str(_INSTALLED),)
    if _INSTALLED.exists()
    else (sys.executable, "-c", "from shell.cli import main; raise SystemExit(main())")
)
"""The installed console script, or the same entry in a checkout that isn't installed."""
LIMIT_S = 60.0


@dataclass(frozen=True)
class Finished:
    """A process that has ended. What was no UTF-8 stands in the texts as lone surrogates."""

    status: int
    stdout: str
    stderr: str

    @property
    def everything(self) -> str:
        return self.stdout + self.stderr


class Sayso:
    """Runs the command with HOME and the XDG folders below `folder`; nothing of the account is touched."""

    def __init__(self, folder: Path, *, cache: Path | None = None) -> None:
        """Take the folder, and a cache that other tests share: its content follows from the packs alone."""
        self.folder = folder
        self.config = folder / "config" / "sayso"
        self.state = folder / "state" / "sayso"
        self._cache = cache or folder / "cache"
        (folder / "home").mkdir(exist_ok=True)

    @property
    def history(self) -> Path:
        """Where the history is."""
        return self.state / "history.db"

    def environment(self, variables: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables of a process: a plain environment, with `variables` on top."""
        plain = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder / "home"),
            "XDG_CONFIG_HOME": str(self.config.parent),
            "XDG_STATE_HOME": str(self.state.parent),
            "XDG_CACHE_HOME": str(self._cache),
            "XDG_RUNTIME_DIR": str(self.folder / "runtime"),
        }
        return {**plain, **(variables or {})}

    def run(
        self,
        *words: str,
        stdin: bytes = b"",
        directory: Path | None = None,
        variables: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> Finished:
        """Run one invocation to its end; `prefix` is a command that runs it (unshare, setpriv)."""
        done = subprocess.run(
            [*prefix, *COMMAND, *words],
            input=stdin,
            capture_output=True,
            cwd=directory or self.folder,
            env=self.environment(variables),
            timeout=LIMIT_S,
            check=False,
        )
        return Finished(
            done.returncode,
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"),
        )

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start one invocation; SIGINT ends it also where the tests themselves run with it ignored."""
        return subprocess.Popen(
            ["env", "--default-signal=INT", *COMMAND, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment(),
        )

    def add_pack(self, name: str, text: str) -> Path:
        """Put a pack of one's own where sayso looks for them; it isn't trusted yet."""
        path = self.config / "packs" / f"{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return path
