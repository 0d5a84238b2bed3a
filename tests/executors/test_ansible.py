"""Playbooks with real Ansible: on this machine, over a real sshd, and events as they were recorded."""

import json
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from executors.ansible import _ssh_variables, apply_playbook, check_playbook
from executors.ansible_events import Report
from executors.ansible_leftovers import FOLDER_PREFIX, in_use, remove_abandoned
from executors.applying import apply_plan
from executors.local import LocalTransport
from executors.plan import Effect, Plan, PlaybookStep
from executors.planning import make_plan
from executors.policy import Policy
from executors.run import Run, Watcher
from executors.ssh import SshTransport
from executors.ssh_config import HostAddress
from executors.state import Target
from executors.transport import Cancel, Login
from intents.catalogue import Catalogue
from intents.errors import StepError, TargetError, UnreachableError
from intents.interpretation import Argument, Evidence, Match
from intents.values import Json
from playbooks.library import Playbook, find_playbook
from tests.support.host_slots import wait_for
from tests.support.sshd import MISSING, free_port, running_sshd

NOTE = """
- name: Write a note
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the note
      ansible.builtin.copy:
        dest: "{{ folder }}/note"
        content: "{{ said }}\\ncaller: {{ lookup('ansible.builtin.env', 'SECRET_OF_THE_CALLER') }}.\\n"
        mode: "0600"
"""
BREAKS = """
- name: Do something that fails
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the note
      ansible.builtin.copy: {dest: "{{ folder }}/note", content: "{{ said }}", mode: "0600"}
    - name: Ask for what isn't there
      ansible.builtin.command: {argv: [ls, /nowhere/at/all]}
      changed_when: false
"""
SLEEPS = """
- name: Take long
  hosts: all
  gather_facts: false
  tasks:
    - name: Sleep
      ansible.builtin.command: {argv: [sleep, "{{ said }}"]}
"""
HIDES = """
- name: Write a secret and hold still
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the note
      ansible.builtin.copy: {dest: "{{ folder }}/note", content: "{{ said }}", mode: "0600"}
      no_log: true
    - name: Hold still
      ansible.builtin.wait_for: {path: "{{ folder }}/go", timeout: 60, sleep: 1}
"""
META = """
summary: For tests
variables:
  folder: {required: true, description: Where the note goes}
  said: {required: false, default: nothing, description: What the note says}
"""
PACK = """
note.write:
  summary: Write a note
  risk: reversible
  interrupt: wait
  parameters:
    folder: {type: path, required: true}
    said: {type: text, required: true}
  examples: ["note {said} in {folder}", "write the note {said} to {folder}", "put a note {said} in {folder}", "leave {said} in {folder}"]
  near_misses: [{text: read the note, intent: null}, {text: take a note, intent: null}]
  playbook: {name: note, variables: {folder: "{folder}", said: "{said}"}}
  undo: {impossible: it is a test}
"""


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[Mapping[str, Json]] = []
        self.ended: list[Mapping[str, Json]] = []

    def begin_step(self, step: Mapping[str, Json]) -> int:
        self.begun.append(step)
        return len(self.begun)

    def end_step(self, begun: int, outcome: Mapping[str, Json]) -> None:
        self.ended.append(outcome)


class Listener(Watcher):
    """Keeps the tasks that it is told of."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def task(self, host: str, line: str) -> None:
        self.told.append((host, line))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where runs make their folders; nothing may be left in it. Short, because a socket's path is."""
    with tempfile.TemporaryDirectory(prefix="sayso-test-") as name:
        monkeypatch.setattr("executors.ansible._memory_folder", lambda: name)
        yield Path(name)
        assert list(Path(name).iterdir()) == []


@pytest.fixture(autouse=True)
def library(tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Playbooks of the tests' own, and a caller's environment full of traps."""
    for name, text in (("note", NOTE), ("breaks", BREAKS), ("sleeps", SLEEPS), ("hides", HIDES)):
        folder = tmp_path / "library" / name
        folder.mkdir(parents=True)
        (folder / "playbook.yml").write_text(text)
        (folder / "meta.yml").write_text(META)
    monkeypatch.setattr("playbooks.library.PLAYBOOKS", tmp_path / "library")
    for name, value in {
        "SECRET_OF_THE_CALLER": "hunter2",
        "ANSIBLE_CONFIG": "/nowhere/ansible.cfg.exe",
        "ANSIBLE_CALLBACK_PLUGINS": "/nowhere",
        "ANSIBLE_STDOUT_CALLBACK": "minimal",
        "AWX_LIB_DIRECTORY": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def here() -> Target:
    transport = LocalTransport(directory="/")
    return Target("local", transport, {}, transport.login())


def step_of(name: str, *, timeout_s: float = 60.0, **variables: str) -> tuple[Playbook, PlaybookStep]:
    playbook = find_playbook(name)
    return playbook, PlaybookStep(name, tuple(variables.items()), playbook.sha256, timeout_s=timeout_s)


def test_a_playbook_goes_the_whole_road_and_then_there_is_nothing_left_to_do(tmp_path: Path, here: Target) -> None:
    packs, folder, said = tmp_path / "packs" / "note", tmp_path / "notes", "{{ 7 * 7 }} 'it' \"is\" {% raw %} ü"
    packs.mkdir(parents=True)
    folder.mkdir()
    (packs / "note.yml").write_text(PACK)
    catalogue, recorder = Catalogue.load(packs=packs.parent), Recorder()
    evidence = Evidence("answer")
    match = Match("note.write", {"folder": Argument(str(folder), evidence), "said": Argument(said, evidence)}, 1.0)

    def plan() -> Plan:
        return make_plan("note", [match], catalogue, [here], host_evidence=evidence, now=datetime.now(UTC))

    listener = Listener()
    run = Run(catalogue, {"local": here}, Policy(), recorder, "tester", "terminal", is_approved=True, watcher=listener)
    first = plan()
    (planned,) = first.stages[0].hosts["local"]
    assert planned.effect is Effect.WILL_CHANGE
    assert planned.reason == "Write the note"
    assert planned.cannot_undo == "it is a test"
    # The caller's environment isn't there, and the value is not a template.
    assert planned.diff == f"--- /dev/null\n+++ {folder}/note\n@@ -0,0 +1,2 @@\n+{said}\n+caller: .\n"
    assert not (folder / "note").exists()
    (outcome,) = apply_plan(first, run)["local"]
    assert outcome.status == "changed", outcome.message
    assert (folder / "note").read_text() == f"{said}\ncaller: .\n"
    assert listener.told == [("local", "changed: Write the note")]
    assert recorder.begun[0]["playbook"] == {
        "name": "note",
        "variables": {"folder": str(folder), "said": said},
        "sha256": find_playbook("note").sha256,
    }
    assert recorder.ended[0]["status"] == "changed"
    # The plan is used up: what it was made from has changed, so it can't be applied again.
    (again,) = apply_plan(first, run)["local"]
    assert again.status == "refused"
    assert "has changed since" in again.message
    assert len(recorder.begun) == 1
    assert plan().is_empty


@pytest.mark.parametrize(
    "said", ["", "yes", "null", "007", "12:30", "1e3", "[1]", "{a: 1}", "~", "ü\u2028é", "a: b # c", "!x"]
)
def test_a_value_stays_the_text_that_it_is(said: str, tmp_path: Path, here: Target) -> None:
    assert apply_playbook(*step_of("note", folder=str(tmp_path), said=said), here).status == "changed"
    assert (tmp_path / "note").read_text() == f"{said}\ncaller: .\n"


def test_what_a_dry_run_leaves_out_cannot_be_known_and_a_failed_task_is_named(tmp_path: Path, here: Target) -> None:
    playbook, step = step_of("breaks", folder=str(tmp_path))
    result = check_playbook(playbook, step, here)
    assert result.effect is Effect.CANNOT_KNOW
    assert result.reasons == ('a dry run leaves out the task "Ask for what isn\'t there"',)
    assert f"+++ {tmp_path}/note" in result.diff
    outcome = apply_playbook(playbook, step, here)
    assert outcome.status == "failed"
    assert outcome.exit_code == 2
    assert "Ask for what isn't there" in outcome.message
    assert "/nowhere/at/all" in outcome.message


def test_a_playbook_that_takes_too_long_is_ended_and_its_outcome_is_unknown(tmp_path: Path, here: Target) -> None:
    playbook, step = step_of("sleeps", timeout_s=1.0, folder=str(tmp_path), said="30")
    outcome = apply_playbook(playbook, step, here)
    assert outcome.status == "unknown"
    assert "didn't end within 1 seconds" in outcome.message
    assert outcome.duration_s < 15


def test_a_cancel_ends_every_process_of_the_run(tmp_path: Path, here: Target) -> None:
    seconds = f"1000.{secrets.randbelow(10**9):09}"
    playbook, step = step_of("sleeps", folder=str(tmp_path), said=seconds)
    cancel, gone = Cancel(), f"sleep\0{seconds}\0".encode()

    def cancel_once_it_sleeps() -> None:
        while gone not in _command_lines() and not cancel.wait(0.05):
            continue
        cancel.set()

    watcher = threading.Thread(target=cancel_once_it_sleeps)
    watcher.start()
    outcome = apply_playbook(playbook, replace(step, interrupt="kill"), here, cancel=cancel)
    cancel.set()
    watcher.join()
    assert outcome.status == "unknown"
    assert "was stopped" in outcome.message
    assert gone not in _command_lines()


def test_a_value_that_no_log_hides_stands_in_one_private_file_alone_and_then_nowhere(
    tmp_path: Path, runs: Path, here: Target
) -> None:
    secret = f"hush-{secrets.token_hex(12)}"
    playbook, step = step_of("hides", folder=str(tmp_path), said=secret)
    lines: list[str] = []
    with ThreadPoolExecutor() as pool:
        running = pool.submit(apply_playbook, playbook, step, here, on_task=lines.append)
        wait_for("the note", lambda: (tmp_path / "note").exists() or running.done(), within_s=100.0)
        kept = [path for path in runs.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        (mode,) = {path.stat().st_mode & 0o777 for path in kept}
        shown = [one for one in (*_command_lines(), *_environments()) if secret.encode() in one]
        (tmp_path / "go").touch()
        outcome = running.result()
    assert [path.name for path in kept] == ["extravars"]
    assert mode == 0o600
    assert shown == []
    assert outcome.status == "changed", outcome
    assert lines == ["run: Write the note", "ok: Hold still"]
    assert secret not in repr(outcome)
    planned = check_playbook(*step_of("hides", folder=str(tmp_path), said=f"{secret}-"), here)
    assert secret not in planned.diff + "".join(planned.reasons)


def test_a_cancel_that_is_already_set_starts_nothing(tmp_path: Path, here: Target) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(StepError, match="was stopped"):
        check_playbook(*step_of("note", folder=str(tmp_path)), here, cancel=cancel)


@pytest.mark.sshd
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_host_is_reached_over_ssh_with_its_key_checked(tmp_path: Path, runs: Path) -> None:
    with running_sshd(tmp_path / "sshd") as server:
        odd = tmp_path / 'with space, "quotes" & 100%h'
        shutil.copytree(server.directory, odd)
        address = server.address_with(
            identity_files=(str(odd / "login_key"),), known_hosts_files=("/nowhere", str(odd / "known_hosts"))
        )
        transport = SshTransport(address)
        target = Target("web[1:3]", transport, {}, transport.login(), address)
        outcome = apply_playbook(*step_of("note", folder=str(tmp_path), said="over ssh"), target)
        transport.close()
        assert outcome.status == "changed", outcome.message
        assert (tmp_path / "note").read_text() == "over ssh\ncaller: .\n"
        masters = [line for line in _command_lines() if b"[mux]" in line and str(runs).encode() in line]
        assert masters == []


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").iterdir():  # not `glob("*/cmdline")`, which fails when a process ends meanwhile
        with suppress(OSError):
            yield (path / "cmdline").read_bytes()


def _environments() -> Iterator[bytes]:
    for path in Path("/proc").iterdir():
        with suppress(OSError):
            yield (path / "environ").read_bytes()


def test_what_a_killed_run_has_left_is_removed_once_it_is_old_and_nobody_uses_it(tmp_path: Path) -> None:
    old, fresh, used = (tmp_path / f"{FOLDER_PREFIX}{name}" for name in ("old", "fresh", "used"))
    for folder in (old, fresh, used):
        (folder / "env").mkdir(parents=True)
    (tmp_path / f"{FOLDER_PREFIX}link").symlink_to(fresh)
    (tmp_path / "another's").mkdir()
    for folder in (old, used, tmp_path / "another's"):
        os.utime(folder, (0, 0))
    with in_use(used):
        remove_abandoned(tmp_path)
    left = {path.name.removeprefix(FOLDER_PREFIX) for path in tmp_path.iterdir()}
    assert {"fresh", "used", "link", "another's"} <= left
    assert "old" not in left


def at(address: HostAddress) -> Target:
    return Target("web1", LocalTransport(), {}, Login(1000, "tester", "/", "/"), address)


def test_a_host_that_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    address = HostAddress("web1", "127.0.0.1", free_port(), "tester", (), (), 2.0)
    with pytest.raises(UnreachableError, match="Connection refused") as caught:
        apply_playbook(*step_of("note", folder=str(tmp_path)), at(address))
    assert caught.value.host == "web1"


@pytest.mark.sshd
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_host_whose_key_nobody_knows_is_not_talked_to(tmp_path: Path) -> None:
    with (
        running_sshd(tmp_path / "sshd") as server,
        pytest.raises(TargetError, match="host key of web1 isn't") as caught,
    ):
        apply_playbook(*step_of("note", folder=str(tmp_path)), at(server.address_with(known_hosts_files=())))
    assert not isinstance(caught.value, UnreachableError)
    assert not (tmp_path / "note").exists()


def test_without_ansible_core_one_sentence_says_what_to_install(
    tmp_path: Path, here: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executors.ansible.SEARCH_PATH", str(tmp_path))
    with pytest.raises(StepError, match="needs ansible-core") as caught:
        check_playbook(*step_of("note", folder=str(tmp_path)), here)
    assert caught.value.remedy == "pip install 'sayso[ansible]'"


def test_a_playbook_step_knows_the_files_that_it_was_planned_from(library: Path) -> None:
    before = find_playbook("note").sha256
    shutil.copy(library / "library" / "breaks" / "playbook.yml", library / "library" / "note" / "playbook.yml")
    assert find_playbook("note").sha256 != before


def test_a_folder_too_long_for_a_socket_only_costs_the_shared_connection(tmp_path: Path) -> None:
    address = HostAddress("web1", "192.0.2.1", 22, "tester", (), (), 2.0)
    assert "ControlMaster=auto" in str(_ssh_variables(address, Path("/dev/shm/sayso-12345678/control")))
    assert "ControlMaster=no" in str(_ssh_variables(address, tmp_path / ("x" * 100)))


# -- events, as ansible-core 2.19 and ansible-runner 2.4.3 gave them (shortened)


def report_of(*events: Mapping[str, Any]) -> Report:
    report = Report()
    for event in events:
        report.add(event)
    return report


def event(kind: str, result: Mapping[str, Any] | None = None, **details: object) -> dict[str, Any]:
    data = {"task": "A task", "task_action": "ansible.builtin.copy", "res": result, **details}
    return {"event": kind, "stdout": "", "event_data": data}


def stats(*, changed: int = 0, failures: int = 0) -> dict[str, Any]:
    data = {"processed": {"target": 1}, "changed": {"target": changed} if changed else {}}
    return {"event": "playbook_on_stats", "event_data": data | {"failures": {"target": failures} if failures else {}}}


def test_a_line_in_a_file_shows_only_what_is_around_it() -> None:
    before = "".join(f"line {number}\n" for number in range(1, 40))
    headers = {"before_header": "/etc/ssh/sshd_config (content)", "after_header": "/etc/ssh/sshd_config (content)"}
    attributes = {key: value.replace("content", "file attributes") for key, value in headers.items()}
    diff = [{"before": before, "after": before.replace("line 20\n", "MaxAuthTries 4\n"), **headers}, attributes]
    report = report_of(event("runner_on_ok", {"changed": True, "diff": diff}), stats(changed=1))
    assert report.diff.startswith("--- /etc/ssh/sshd_config\n+++ /etc/ssh/sshd_config\n@@ -17,7 +17,7 @@\n line 17\n")
    assert "-line 20\n+MaxAuthTries 4\n" in report.diff
    assert "line 16" not in report.diff


def test_a_changed_mode_is_a_state_and_an_unchanged_file_is_no_diff() -> None:
    same = {"before": {"path": "/etc/app.conf"}, "after": {"path": "/etc/app.conf"}}
    mode = {"before": {"path": "/etc/b", "mode": "0644"}, "after": {"path": "/etc/b", "mode": "0600"}}
    report = report_of(
        event("runner_on_ok", {"changed": False, "diff": same}), event("runner_on_ok", {"changed": True, "diff": mode})
    )
    assert report.diff == "--- /etc/b\n+++ /etc/b\n-mode: 0644\n+mode: 0600\n"


def test_each_item_of_a_loop_shows_its_own_diff() -> None:
    items = [
        {"changed": True, "diff": {"before": {"path": f"/srv/{name}", "state": "absent"}, "after": {"path": f"/srv/{name}", "state": "directory"}}}
        for name in ("a", "b")
    ]  # fmt: skip
    report = report_of(event("runner_on_ok", {"changed": True, "results": items}))
    assert report.changed == ["A task"]
    assert report.diff.count("+state: directory\n") == 2


def test_a_template_names_its_destination_and_not_a_temporary_file() -> None:
    told = {"before": "", "after": "x\n", "after_header": "/tmp/ansible-local-1/tmpab12/x.j2"}
    result = {"changed": True, "diff": [told], "invocation": {"module_args": {"dest": "/etc/x"}}}
    assert report_of(event("runner_on_ok", result)).diff == "--- /dev/null\n+++ /etc/x\n@@ -0,0 +1 @@\n+x\n"


def test_a_task_that_hides_its_result_still_counts_as_a_change() -> None:
    hidden = event("runner_on_ok", {"censored": "the output has been hidden"})
    assert report_of(hidden, stats(changed=1)).has_changed
    assert not report_of(hidden, stats()).has_changed
    assert "hidden" in report_of(hidden).diff


@pytest.mark.parametrize(
    ("action", "is_left_out"),
    [
        ("ansible.builtin.command", True),
        ("ansible.legacy.shell", True),
        ("raw", True),
        ("community.general.make", True),
        ("ansible.builtin.systemd_service", False),
        ("ansible.builtin.debug", False),
    ],
)
def test_only_the_action_tells_a_task_that_a_dry_run_leaves_out(action: str, *, is_left_out: bool) -> None:
    report = report_of(event("runner_on_skipped", task_action=action, resolved_action=action))
    assert bool(report.left_out) is is_left_out


@pytest.mark.parametrize(
    ("told", "is_left_out"),
    [
        ({"false_condition": "name is defined", "skip_reason": "Conditional result was False"}, False),
        ({"false_condition": "file.stat.exists or not ansible_check_mode"}, True),
        ({"skipped_reason": "No items in the list"}, False),
        ({"msg": "Command would have run if not in check mode"}, True),
    ],
)
def test_what_a_skipped_task_prints_tells_whether_it_would_be_run(
    told: Mapping[str, Any], *, is_left_out: bool
) -> None:
    skipped = event("runner_on_skipped", resolved_action="ansible.builtin.command")
    skipped["stdout"] = f"\x1b[0;36mskipping: [target] => {json.dumps(told)}\x1b[0m"
    assert bool(report_of(skipped).left_out) is is_left_out


def test_the_items_of_a_loop_tell_for_themselves() -> None:
    command: dict[str, Any] = {"resolved_action": "ansible.builtin.command"}
    left = event("runner_item_on_skipped", {"msg": "Command would have run if not in check mode"}, **command)
    not_meant = event("runner_item_on_skipped", {"false_condition": "item == 'a'"}, **command)
    end = event("runner_on_skipped", **command) | {"stdout": 'skipping: [target] => {"msg": "All items skipped"}'}
    assert report_of(left, left, end).left_out == ["A task"]
    assert report_of(not_meant, end).left_out == []
    guarded = event("runner_item_on_skipped", {"false_condition": "not ansible_check_mode"})
    assert report_of(guarded, end).left_out == ["A task"]


def test_each_task_is_told_with_its_end() -> None:
    report = report_of(
        event("runner_on_ok", {"changed": True}, task="One"),
        event("runner_on_ok", {"changed": False}, task="Two"),
        event("runner_on_ok", {"censored": "hidden"}, task="Three"),
        event("runner_on_failed", {"msg": "no"}, task="Four"),
    )
    assert report.told == [("One", "changed"), ("Two", "ok"), ("Three", "run"), ("Four", "failed")]


def test_a_failure_that_was_taken_care_of_is_none() -> None:
    failed = event("runner_on_failed", {"msg": "no", "rc": 1}, ignore_errors=True)
    assert not report_of(failed, stats()).has_failed
    assert report_of(failed, stats(failures=1)).has_failed


def test_a_run_that_touched_no_host_is_no_success() -> None:
    nobody = {"event": "playbook_on_stats", "event_data": {"processed": {}, "changed": {}, "failures": {}}}
    assert report_of(nobody).has_failed
    assert report_of().has_failed
