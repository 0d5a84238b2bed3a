"""Edits one large file and takes that back, in a process of its own whose memory can be measured.

Arguments: the edit as JSON (`folder`, `path`, `intent`, `arguments`, and `sshd`, the server's directory and port, for
SSH). Writes as JSON: `diffs` and `effects` of the two plans, `sha256s` and `modes` after each, `seconds` of each,
`peak_mb` of memory.
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import executors.file_replace
from executors.edit_planning import carry_out_edit
from executors.file_state import FileHost, read_file
from executors.local import LocalTransport
from executors.plan import EditStep, PlannedStep
from executors.ssh import SshTransport
from executors.state import Target
from executors.step_planning import plan_steps
from executors.transport import Transport
from executors.undo import DoneStep, undo_stages
from intents.catalogue import Catalogue
from intents.types.base import ValueContext
from tests.support.sshd import Sshd


def main(told: str) -> None:
    """Edit and undo."""
    given = json.loads(told)
    folder, path, values = given["folder"], given["path"], {"path": given["path"], **given["arguments"]}
    store = f"{folder}/store"
    executors.file_replace._default_backup_directory = lambda *_given, **_more: store  # not the machine's own
    transport: Transport = LocalTransport()
    if given["sshd"]:
        directory, port = given["sshd"]
        transport = SshTransport(Sshd(Path(directory), port).address)
    target = Target(transport.host, transport, {}, transport.login())
    catalogue = Catalogue.load()
    found: dict[str, Any] = {"diffs": [], "effects": [], "sha256s": [], "modes": [], "seconds": []}

    started = time.perf_counter()
    (planned,) = plan_steps(catalogue[given["intent"]], values, target, cancel=None)
    outcome = _carry_out(planned, target, found, path, started)

    started = time.perf_counter()
    done = DoneStep(
        target.host, given["intent"], values, planned.before, outcome.after, outcome.backup, path, planned.step.as_user
    )
    context = ValueContext(datetime.now(UTC), "/", target.login.home)
    (stage,) = undo_stages(1, [done], catalogue, {target.host: target}, context)
    _carry_out(stage.hosts[target.host][0], target, found, path, started)
    transport.close()
    found["peak_mb"] = _peak_mb()
    sys.stdout.write(json.dumps(found))


def _carry_out(planned: PlannedStep, target: Target, found: dict[str, Any], path: str, started: float) -> Any:  # noqa: ANN401
    assert isinstance(planned.step, EditStep)
    outcome = carry_out_edit(planned, planned.step, target, None)
    found["seconds"].append(round(time.perf_counter() - started, 2))
    found["diffs"].append(planned.diff)
    found["effects"].append(planned.effect.value)
    state = read_file(target.transport, path, allow_large=True)
    found["sha256s"].append(state.sha256)
    found["modes"].append(state.mode)
    assert FileHost(target.transport).run(("ls", "-A", path.rsplit("/", 1)[0]), doing="").stdout.count(b".sayso-") == 0
    return outcome


def _peak_mb() -> float:
    """VmHWM of proc_pid_status(5); getrusage(2) would count what the process was before it became this program."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1])
