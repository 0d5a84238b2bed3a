"""The files of an armed guard: a systemd service with its timer, or a cron entry with its script.

Both hold argument vectors. systemd reads them without a shell; where there is no systemd, cron
starts a shell, which reads words that `executors.ssh_quoting` quoted.
"""

import re
from collections.abc import Sequence

from executors.ssh_quoting import quote_for_posix_shell
from executors.transport import TRUSTED_PATH
from intents.errors import PlanError
from intents.types.visible import excerpt

UNIT_DIRECTORY = "/etc/systemd/system"
WANTS_DIRECTORY = f"{UNIT_DIRECTORY}/timers.target.wants"
CRON_DIRECTORY = "/etc/cron.d"

COMMAND_LIMIT_S = 60
"""How long one command of a rollback may take; the next one runs in any case."""

_PROGRAM = re.compile(r"/[A-Za-z0-9_+./-]+")


def unit_name(guard_id: str) -> str:
    """Return the name of a guard's units, without suffix.

    >>> unit_name("0011aabb")
    'sayso-guard-0011aabb'
    """
    return f"sayso-guard-{guard_id}"


def exec_start_line(argv: Sequence[str]) -> str:
    r"""Return the ExecStart line that runs exactly this vector, and goes on when it fails (`-`).

    systemd.service(5), "Command lines": `%` begins a specifier and `$` a variable, doubled they are
    literal; within double quotes `\` escapes itself and `"`; the program is taken as it stands.

    >>> print(exec_start_line(["/bin/cp", "a b", "50%", "$HOME", 'say "x"', "c:\\d", ";", ""]))
    ExecStart=-/bin/cp "a b" "50%%" "$$HOME" "say \"x\"" "c:\\d" ";" ""

    Raises `PlanError` for control characters (a line break would end the line) and for what isn't
    UTF-8, which systemd ignores.
    """
    program, *words = argv
    if not _PROGRAM.fullmatch(program):
        raise PlanError(f"{excerpt(program)} is no absolute path of a program.", remedy="Report this.")
    return " ".join((f"ExecStart=-{program}", *(f'"{_escaped(word)}"' for word in words)))


def _escaped(word: str) -> str:
    return _checked(word).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")


def _checked(word: str) -> str:
    try:
        word.encode()
    except UnicodeEncodeError:
        is_fine = False
    else:
        is_fine = not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", word)
    if not is_fine:
        raise PlanError(
            f"{excerpt(word)} holds characters that the rollback on the host can't be given.",
            remedy="Use a name without control characters.",
        )
    return word


def service_unit(guard_id: str, vectors: Sequence[Sequence[str]], *, timeout_program: str) -> str:
    """Return the text of the service that takes the change back and removes its guard.

    Each command has its own limit, so that one that hangs doesn't keep the next from running.
    """
    lines = [exec_start_line((timeout_program, str(COMMAND_LIMIT_S), *vector)) for vector in vectors]
    total_s = COMMAND_LIMIT_S * (len(lines) + 1)
    return "\n".join(
        (
            "[Unit]",
            f"Description=sayso lock-out guard {guard_id}: takes a change back",
            "",
            "[Service]",
            "Type=oneshot",
            f"TimeoutStartSec={total_s}",
            f"Environment=PATH={TRUSTED_PATH} LC_ALL=C.UTF-8",
            *lines,
            "",
        )
    )


def timer_unit(guard_id: str, *, limit_s: int) -> str:
    """Return the text of the timer: `limit_s` after it was armed, and again so long after each boot."""
    return "\n".join(
        (
            "[Unit]",
            f"Description=sayso lock-out guard {guard_id}: waits for a new login",
            "",
            "[Timer]",
            f"OnActiveSec={limit_s}",
            "AccuracySec=100ms",
            f"Unit={unit_name(guard_id)}.service",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        )
    )


def cron_entry(*, script: str, moment: str) -> str:
    """Return the cron.d(5) file: at `moment` (`minute hour day month`, the host's own time) and at every boot.

    >>> print(cron_entry(script="/var/lib/sayso/guard/a/rollback", moment="05 10 24 12").splitlines()[-1])
    @reboot root /bin/sh /var/lib/sayso/guard/a/rollback
    """
    if not re.fullmatch(r"[0-9]{2}( [0-9]{2}){3}", moment) or not re.fullmatch(r"[A-Za-z0-9/_-]+", script):
        raise PlanError("The host's clock gives no moment for the rollback.", remedy="Check its clock (`date`).")
    return f"{moment} * root /bin/sh {script}\n@reboot root /bin/sh {script}\n"


def rollback_script(vectors: Sequence[Sequence[str]], *, timeout_program: str) -> str:
    r"""Return the script that cron's shell reads: one quoted vector a line.

    >>> rollback_script([("/bin/rm", "-f", "--", "/etc/it's")], timeout_program="/usr/bin/timeout").splitlines()[-1]
    '/usr/bin/timeout 60 /bin/rm -f -- \'/etc/it\'"\'"\'s\''
    """
    lines = [
        quote_for_posix_shell((timeout_program, str(COMMAND_LIMIT_S), *map(_checked, vector))) for vector in vectors
    ]
    return "\n".join((f"PATH={TRUSTED_PATH} LC_ALL=C.UTF-8", "export PATH LC_ALL", *lines, ""))
