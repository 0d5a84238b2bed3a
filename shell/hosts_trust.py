"""Trust in inventories that make something run: by `sayso hosts trust PATH`, file by file, until one changes."""

from collections.abc import Mapping
from pathlib import Path

from executors.inventory_sources import TrustState, source_files
from intents.errors import RequestError
from shell.pins import Pins, own_content, sha256_of

SYSTEM_CONFIG = Path("/etc/sayso")
KIND = "inventories"


class HostTrust:
    """What was trusted of inventories. Files of the person's and the system's own configuration of sayso are `own`."""

    def __init__(self, config: Path, uid: int) -> None:
        """Take the configuration folder; the list is read when something is asked."""
        self._uid = uid
        self._own = (config.resolve(), SYSTEM_CONFIG)
        self._pins = Pins(config, KIND)
        self._read: Mapping[str, str] | None = None

    def state(self, path: Path) -> TrustState:
        """Return what is to be thought of the content that `path` has now.

        Raises `IntegrityError` for a list of pins that can't be read, `ForeignFileError` for a file that others may write.
        """
        path = path.resolve()
        if any(path.is_relative_to(folder) for folder in self._own):
            own_content(path, self._uid)
            return "own"
        if self._read is None:
            self._read = self._pins.read()
        pin = self._read.get(str(path))
        if pin is None:
            return "unknown"
        try:
            return "trusted" if pin == sha256_of(own_content(path, self._uid)) else "changed"
        except OSError:
            return "changed"

    def trust(self, path: Path) -> tuple[Path, ...]:
        """Pin the content of a file, or of every file in a folder; return them.

        Raises `RequestError` for a path that isn't there, `TargetError`, `ForeignFileError`.
        """
        path = path.resolve()
        if not path.exists():
            raise RequestError(f"There is no {path}.", remedy="Check the path.")
        files = source_files(path)
        try:
            self._pins.add({file.resolve(): sha256_of(own_content(file, self._uid)) for file in files})
        except OSError as error:
            raise RequestError(f"{error.filename} can't be read: {error.strerror}.", remedy="Check the path.") from None
        self._read = None
        return files

    def untrust(self, path: Path) -> tuple[str, ...]:
        """Forget what was pinned of a file or of all below a folder; return these. Raises `RequestError` for nothing."""
        path = path.resolve()
        gone = tuple(name for name in self._pins.read() if Path(name) == path or Path(name).is_relative_to(path))
        if not gone:
            raise RequestError(f"Nothing of {path} was trusted.", remedy="`sayso hosts trust` lists what is.")
        self._pins.remove(gone)
        self._read = None
        return gone

    def listed(self) -> dict[str, TrustState]:
        """Return each path that was trusted, with what is to be thought of it now."""
        return {name: self.state(Path(name)) for name in sorted(self._pins.read())}
