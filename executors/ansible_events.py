"""What a run of ansible-runner told by its events: changes with their diffs, what was skipped, what failed.

The shape of the events: ansible-core 2.19 with ansible-runner 2.4.3, recorded.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from executors.diffs import diff_header, state_diff, unified_diff
from intents.values import Json

Event = Mapping[str, Any]
"""As ansible-runner gives it: JSON from a foreign program, so each part is looked at before it is used."""

SKIPPED_BY_CHECK_MODE = frozenset({"command", "shell", "raw", "script", "expect", "uri"})
"""Actions of ansible.builtin that a dry run leaves out (those without `supports_check_mode` that act on the host).

Whether one of them was left out, or its `when` doesn't hold, stands only in what the event prints; where
that can't be read it counts as left out.
"""
DRY_RUN_VARIABLE = "ansible_check_mode"
"""A condition that asks for it says nothing about the host: its task, whatever it is, is left out by the dry run alone."""
_OUR_COLLECTIONS = ("ansible.builtin.", "ansible.legacy.")
_SAID_LIMIT = 400
_OUTPUT_LINES = 20
_OWN_CONFIGURATION = "Using "
"""`Using /run/.../ansible.cfg as config file`: said in each run that isn't silent."""


@dataclass(slots=True)
class Report:
    """The events of one run on one host, as they came; feed it through `add`."""

    changed: list[str] = field(default_factory=list)
    """Names of the tasks that changed something, or would."""
    diffs: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Names of the tasks that a dry run can't tell anything about."""
    told: list[tuple[str, str]] = field(default_factory=list)
    """Each task that was run, in order, with how it ended: `changed`, `ok`, `failed`, or `run` where it hides that."""
    failed_task: str = ""
    failure: str = ""
    failure_exit_code: int | None = None
    unreachable: str | None = None
    """Why the host couldn't be reached; None when it could."""
    has_acted: bool = False
    """Whether a task has ended on the host, so that something may have been changed."""
    stats: Mapping[str, bool] | None = None
    """Whether a host was `processed`, `changed`, had `failures`: Ansible's own count. None: it didn't get to the end."""
    output: list[str] = field(default_factory=list)
    """The last lines that belong to no task: why a playbook couldn't even start."""

    def add(self, event: Event) -> None:
        """Take in one event."""
        told = event.get("event_data")
        details: Event = told if isinstance(told, dict) else {}
        match event.get("event"):
            case "runner_on_ok":
                self._add_ok(details)
            case "runner_on_skipped":
                self._add_skipped(details, _printed(event))
            case "runner_item_on_skipped":
                self._add_skipped_item(details)
            case "runner_on_failed":
                self._add_failed(details)
            case "runner_on_unreachable":
                self.unreachable = _message(_result(details))
                self.told.append((_task(details), "cut off"))
            case "playbook_on_stats":
                self.stats = {name: bool(details.get(name)) for name in ("processed", "changed", "failures")}
            case "verbose" | "warning" | "error" | "deprecated" | "system_warning":
                lines = [line.strip() for line in str(event.get("stdout", "")).splitlines() if line.strip()]
                lines = [line for line in lines if not line.startswith(_OWN_CONFIGURATION)]
                self.output = [*self.output, *lines][-_OUTPUT_LINES:]

    @property
    def lines(self) -> list[str]:
        """The tasks that were run, each as `changed: Set the limit`."""
        return [f"{ending}: {task}" for task, ending in self.told]

    @property
    def has_failed(self) -> bool:
        """Whether a task failed for good (no `rescue`, no `ignore_errors`), or nothing was run on the host at all."""
        return self.stats is None or self.stats["failures"] or not self.stats["processed"]

    @property
    def has_changed(self) -> bool:
        """Whether any task changed something, or would; counts those that hide what."""
        return bool(self.changed) or (self.stats is not None and self.stats["changed"])

    @property
    def diff(self) -> str:
        """The unified diffs of all files and states, one after the other."""
        return "".join(self.diffs)

    def _add_ok(self, details: Event) -> None:
        result = _result(details)
        self.has_acted = True
        if "censored" in result:
            # Whether it changed isn't in the event (no_log); the count at the end holds it.
            self.diffs.append(f"Summary: what {_task(details)!r} would show is hidden by its `no_log`\n")
            self.told.append((_task(details), "run"))
            return
        self.told.append((_task(details), "changed" if result.get("changed") is True else "ok"))
        if result.get("changed") is True:
            self.changed.append(_task(details))
        loop = result.get("results")
        for one in loop if isinstance(loop, list) else [result]:
            if isinstance(one, dict) and one.get("changed") is True:
                self.diffs += unified_diffs(one, _task(details))

    def _add_skipped(self, details: Event, printed: Event) -> None:
        if not _were_items(printed) and _is_left_out(details, printed):
            self.left_out.append(_task(details))

    def _add_skipped_item(self, details: Event) -> None:
        task = _task(details)
        if _is_left_out(details, _result(details)) and task not in self.left_out[-1:]:
            self.left_out.append(task)

    def _add_failed(self, details: Event) -> None:
        self.has_acted = True
        if details.get("ignore_errors"):
            self.told.append((_task(details), "ok"))
            return
        self.told.append((_task(details), "failed"))
        result = _result(details)
        code = result.get("rc")
        self.failed_task, self.failure = _task(details), _message(result)
        self.failure_exit_code = code if isinstance(code, int) else None


def unified_diffs(result: Event, task: str) -> list[str]:
    """Return the unified diffs of a task's result; the same text for the same change, in every run."""
    told = result.get("diff")
    entries = told if isinstance(told, list) else [told]
    return [text for entry in entries if isinstance(entry, dict) and (text := _unified(entry, result, task))]


def _unified(entry: Event, result: Event, task: str) -> str:
    subject = _subject(entry, result, task)
    if isinstance(entry.get("prepared"), str):
        return f"{diff_header(subject, subject)}{_lines(entry['prepared'])}"
    before, after = entry.get("before"), entry.get("after")
    if isinstance(before, dict) and isinstance(after, dict):
        return state_diff(_plain(before), _plain(after), subject)
    if any(key in entry for key in ("src_binary", "dst_binary", "src_larger", "dst_larger")):
        return f"{diff_header(subject, subject)}Summary: binary or long content, not shown line by line\n"
    if isinstance(before, str) and isinstance(after, str):
        # A file that isn't there yet has an empty `before` without a header.
        is_new = not before and not entry.get("before_header")
        is_gone = not after and not entry.get("after_header")
        return unified_diff(None if is_new else before.encode(), None if is_gone else after.encode(), subject)
    return ""


def _is_left_out(details: Event, skipped: Event) -> bool:
    """Whether a task was skipped because it is a dry run, rather than because it doesn't apply."""
    if "false_condition" in skipped:
        return DRY_RUN_VARIABLE in str(skipped["false_condition"])
    return _is_untellable(details)


def _is_untellable(details: Event) -> bool:
    """Whether a dry run can't tell what the task would do."""
    action = str(details.get("resolved_action") or details.get("task_action") or "")
    collection, _, name = action.rpartition(".")
    is_ours = not collection or f"{collection}." in _OUR_COLLECTIONS
    return not is_ours or name in SKIPPED_BY_CHECK_MODE


def _were_items(result: Event) -> bool:
    """Whether it was a loop: without items there is nothing to do, else each told why it was skipped by itself."""
    return result.get("msg") == "All items skipped" or result.get("skipped_reason") == "No items in the list"


def _printed(event: Event) -> Event:
    """Return the result that an event prints (`skipping: [target] => {...}`), where its data has none."""
    _, _, text = str(event.get("stdout", "")).partition(" => ")
    with suppress(ValueError):
        found = json.JSONDecoder().raw_decode(text)[0]
        return found if isinstance(found, dict) else {}
    return {}


def _subject(entry: Event, result: Event, task: str) -> str:
    """The file that a diff is about; `after_header` comes last: a template's is a temporary file with a random name."""
    before, after = entry.get("before"), entry.get("after")
    invocation = result.get("invocation")
    asked = invocation.get("module_args") if isinstance(invocation, dict) else None
    asked = asked if isinstance(asked, dict) else {}
    candidates = [
        _path_in(entry.get("before_header")),
        before.get("path") if isinstance(before, dict) else None,
        after.get("path") if isinstance(after, dict) else None,
        result.get("dest"),
        result.get("path"),
        asked.get("dest"),
        asked.get("path"),
    ]
    return next((one for one in candidates if isinstance(one, str) and one.startswith("/")), task)


def _path_in(header: object) -> str | None:
    """`/etc/motd (content)` is how lineinfile and others say it."""
    if not isinstance(header, str):
        return None
    return header.removesuffix(" (content)").removesuffix(" (file attributes)")


def _plain(state: Mapping[Any, Any]) -> dict[str, Json]:
    return {str(key): value for key, value in state.items()}


def _lines(text: str) -> str:
    return text if text.endswith("\n") or not text else f"{text}\n"


def _result(details: Event) -> Event:
    result = details.get("res")
    return result if isinstance(result, dict) else {}


def _task(details: Event) -> str:
    return str(details.get("task") or details.get("task_action") or "a task without a name")


def _message(result: Event) -> str:
    """What a failed task says; a command's own words are its last line on stderr."""
    message = str(result.get("msg") or "it doesn't say why").strip()
    spoken = [line.strip() for line in str(result.get("stderr") or "").splitlines() if line.strip()]
    if spoken and spoken[-1] not in message:
        message = f"{message}: {spoken[-1]}"
    return message[:_SAID_LIMIT]
