"""Asks the hosts of changes that were cut off: what became of them, what they left, which rollbacks still wait."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from executors.guard import Leftover
from executors.guard import status as guard_status
from executors.recovery import Examination, Finding, clear_leftovers, examine
from executors.transport import Cancel
from intents.catalogue import Catalogue
from intents.errors import SaysoError
from intents.interpretation import Evidence
from shell.journal import CutOff
from shell.targets import Targets


def guards_left(hosts: Iterable[str], targets: Targets) -> list[tuple[str, Leftover]]:
    """Return the rollbacks that still wait on hosts, as far as these can be asked."""
    found: list[tuple[str, Leftover]] = []
    for host in hosts:
        with suppress(SaysoError):
            opened = targets.open([host], Evidence("history"))
            found += [(host, left) for target in opened.targets for left in guard_status(target)]
    return found


def examine_cut_off(cut_off: CutOff, targets: Targets, catalogue: Catalogue, cancel: Cancel) -> Examination:
    """Return what the host says about a change whose end nobody saw; changes nothing."""
    step = cut_off.step
    try:
        opened = targets.open([step.host], Evidence("history"))
    except SaysoError as error:
        return Examination(Finding.CANNOT_KNOW, error.message)
    if not opened.targets:
        return Examination(Finding.CANNOT_KNOW, "; ".join(error.message for error in opened.faults.values()))
    edit = cut_off.payload.get("edit")
    after = edit.get("after_sha256") if isinstance(edit, Mapping) else None
    return examine(
        step,
        catalogue.get(step.intent),
        opened.targets[0],
        edit_after=after if isinstance(after, str) else None,
        cancel=cancel,
    )


def clear_cut_off(
    cut_off: CutOff, targets: Targets, catalogue: Catalogue, *, holder: Mapping[str, str], cancel: Cancel
) -> Sequence[str]:
    """Remove the temporary files that a cut-off edit left; return their paths. Raises `SaysoError`."""
    step = cut_off.step
    opened = targets.open([step.host], Evidence("history"))
    if not opened.targets:
        return ()
    return clear_leftovers(step, catalogue.get(step.intent), opened.targets[0], holder=holder, cancel=cancel)
