"""The entry point of the `sayso` command: puts our own folder first on the path, then starts the command line.

Our folders have plain names (`intents`, `shell`). Installed, they lie inside `sayso/`; whatever else is called so
on the path (a folder of the caller's, PYTHONPATH) must not be imported in their place.
"""

import sys
from pathlib import Path

INTERRUPTED = 130
"""As in `shell.exit_status`, which isn't loaded yet when a Ctrl-C comes this early."""


def main() -> int:
    """Run the command line; `--version` alone is answered without loading anything."""
    own = str(Path(__file__).resolve().parent.parent)
    sys.path[:] = [own, *(entry for entry in sys.path if entry not in {own, ""})]
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        from shell.version import VERSION

        sys.stdout.write(f"sayso {VERSION}\n")
        return 0
    try:
        from shell.cli import main as run

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
