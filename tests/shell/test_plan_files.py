"""Plan files: whole, private, dated, used once, and refused in every other case with a sentence of its own."""

import multiprocessing
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from executors.plan import Effect, Plan
from history.canonical import canonical, parse
from intents.errors import PlanError, RequestError, SaysoError
from shell.plan_difference import difference, is_same
from shell.plan_files import (
    KEY_NAME,
    LIFE,
    LIMIT_BYTES,
    LONGEST_LIFE,
    MARK_LIFE,
    USED_PLANS,
    Requester,
    SavedPlan,
    claim,
    original_uid,
    read_foreign_plan_file,
    read_plan_file,
    write_plan_file,
)
from tests.support.plans import NOW, as_account, edit_step, plan_of, run_step

WHO = Requester("tester", os.getuid(), 1001, "controller")
PATIENCE_S = 30
NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="takes on other accounts, which only root may")


class Desk:
    """One person's folder with a state folder, and the plan files in it."""

    def __init__(self, folder: Path, who: Requester = WHO) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.who = who

    def save(self, name: str = "fix.plan", plan: Plan | None = None, *, life: timedelta = LIFE) -> Path:
        path = self.folder / name
        write_plan_file(
            path, plan or plan_of(), requester=self.who, state=self.state, catalogue="c" * 64, now=NOW, life=life
        )
        return path

    def read(self, path: Path, *, who: Requester | None = None, after: timedelta = timedelta(minutes=5)) -> SavedPlan:
        return read_plan_file(path, requester=who or self.who, state=self.state, now=NOW + after)

    def refused(self, path: Path, *, who: Requester | None = None, after: timedelta = timedelta(minutes=5)) -> str:
        with pytest.raises(PlanError) as caught:
            self.read(path, who=who, after=after)
        assert caught.value.remedy
        return caught.value.message


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_plan_comes_back_whole(desk: Desk) -> None:
    plan = plan_of(run_step("true", state={"load": 1.0, "names": ["a"]}))
    saved = desk.read(desk.save(plan=plan))
    assert saved.plan == plan
    assert (saved.requested_by, saved.created_utc, saved.expires_utc) == (WHO, NOW, NOW + LIFE)
    assert saved.catalogue == "c" * 64


def test_file_and_key_are_the_persons_alone_whatever_the_umask(desk: Desk) -> None:
    before = os.umask(0)
    try:
        path = desk.save()
    finally:
        os.umask(before)
    for one in (path, desk.state / KEY_NAME):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
    assert [one.name for one in desk.state.iterdir()] == [KEY_NAME], "nothing is left of how the key was made"


def test_an_existing_file_or_link_is_left_alone(desk: Desk) -> None:
    path = desk.save()
    content = path.read_bytes()
    with pytest.raises(RequestError, match="is there already"):
        desk.save()
    assert path.read_bytes() == content
    (desk.folder / "link").symlink_to(desk.folder / "nowhere")
    with pytest.raises(RequestError, match="is there already"):
        desk.save("link")
    assert not (desk.folder / "nowhere").exists()


@pytest.mark.parametrize("life", [timedelta(0), timedelta(seconds=-1), LONGEST_LIFE + timedelta(seconds=1)])
def test_an_unusable_life_is_refused(desk: Desk, life: timedelta) -> None:
    with pytest.raises(RequestError, match="expires after"):
        desk.save(life=life)


def test_a_full_disk_leaves_no_half_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.save("first.plan")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RequestError, match="No space left"):
        desk.save("second.plan")
    assert not (desk.folder / "second.plan").exists()


def test_a_changed_byte_anywhere_is_refused(desk: Desk) -> None:
    path = desk.save()
    body = path.read_bytes()
    for at in range(len(body)):
        for other in {body[at] ^ 1, ord("0"), ord(" ")} - {body[at]}:
            path.write_bytes(body[:at] + bytes([other]) + body[at + 1 :])
            with pytest.raises((PlanError, RequestError)):
                desk.read(path)
    for cut in (*range(0, len(body), 97), len(body) - 1):
        path.write_bytes(body[:cut])
        with pytest.raises((PlanError, RequestError)):
            desk.read(path)
    path.write_bytes(body)
    assert desk.read(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["plan"].update(request="another request"),
        lambda content: content["requested_by"].update(original_uid=0),
        lambda content: content.update(expires_utc="2036-01-01T00:00:00Z"),
        lambda content: content.update(catalogue="d" * 64),
        lambda content: content.update(mac="0" * 64),
        lambda content: content.pop("mac"),
        lambda content: content.update(surprise=1),
    ],
)
def test_a_plan_that_was_written_anew_without_the_key_is_refused(
    desk: Desk, change: Callable[[dict[str, object]], object]
) -> None:
    path = desk.save()
    content = parse(path.read_bytes())
    assert isinstance(content, dict)
    change(content)
    path.write_bytes(canonical(content) + b"\n")
    assert "altered" in desk.refused(path)


def test_another_persons_key_proves_nothing(desk: Desk) -> None:
    path = desk.save()
    (desk.state / KEY_NAME).unlink()
    assert "key is gone" in desk.refused(path)
    desk.save("other.plan")
    assert "altered" in desk.refused(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o777])
def test_a_file_that_others_may_use_is_refused(desk: Desk, mode: int) -> None:
    path = desk.save()
    path.chmod(mode)
    assert f"mode {mode:04o}, not 0600" in desk.refused(path)


def test_a_key_that_others_may_use_is_refused(desk: Desk) -> None:
    path = desk.save()
    (desk.state / KEY_NAME).chmod(0o644)
    assert "proves nothing" in desk.refused(path)
    with pytest.raises(PlanError, match="proves nothing"):
        desk.save("second.plan")


def test_what_is_no_regular_file_is_refused(desk: Desk) -> None:
    path = desk.save()
    link = desk.folder / "link"
    link.symlink_to(path)
    assert "is a link" in desk.refused(link)
    pipe = desk.folder / "pipe"
    os.mkfifo(pipe, 0o600)
    assert "no regular file" in desk.refused(pipe)
    assert "no regular file" in desk.refused(desk.folder)


def test_a_file_that_is_too_large_is_refused_without_being_read_whole(desk: Desk) -> None:
    path = desk.save()
    os.truncate(path, LIMIT_BYTES + 1)
    assert "larger than 64 MiB" in desk.refused(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"{}\n", b"[]\n", b'{"kind":"else"}\n', b"\xff\xfe", b"[" * 200_000]
)
def test_what_is_no_plan_file_is_a_matter_of_usage(desk: Desk, content: bytes) -> None:
    path = desk.folder / "other"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(RequestError, match="no plan file"):
        desk.read(path)


def test_a_missing_file_is_a_matter_of_usage(desk: Desk) -> None:
    for name in ("missing", "with\0nul"):
        with pytest.raises(RequestError, match="can't be read"):
            desk.read(desk.folder / name)


def test_a_newer_form_is_refused(desk: Desk) -> None:
    path = desk.save()
    content = parse(path.read_bytes())
    assert isinstance(content, dict)
    path.write_bytes(canonical({**content, "schema": 3}) + b"\n")
    assert "another version" in desk.refused(path)


def test_a_plan_ends_with_its_time(desk: Desk) -> None:
    path = desk.save(life=timedelta(minutes=10))
    assert desk.read(path, after=timedelta(minutes=10, microseconds=-1))
    assert "expired at 2026-03-01 12:10:00 UTC" in desk.refused(path, after=timedelta(minutes=10))


def test_a_clock_that_went_backwards_is_said(desk: Desk) -> None:
    path = desk.save()
    assert desk.read(path, after=timedelta(0))
    assert "The clock says 2026-03-01 11:59:59 UTC, before" in desk.refused(path, after=timedelta(seconds=-1))
    saved = desk.read(path)
    with pytest.raises(PlanError, match="The clock says"):
        claim(saved, state=desk.state, now=NOW - timedelta(days=1))


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        (replace(WHO, original_uid=1002), "logged in as somebody else"),
        (replace(WHO, host="elsewhere"), "made on controller, and this is elsewhere"),
    ],
)
def test_a_plan_is_its_makers_alone(desk: Desk, who: Requester, sentence: str) -> None:
    assert sentence in desk.refused(desk.save(), who=who)


@NEEDS_ROOT
def test_a_key_of_another_account_proves_nothing(desk: Desk) -> None:
    path = desk.save()
    with pytest.raises(PlanError, match="isn't a file of yours"):
        desk.read(path, who=replace(WHO, uid=4321))


@NEEDS_ROOT
def test_a_plan_is_for_the_account_that_it_was_made_as(desk: Desk) -> None:
    path = desk.save()
    os.chown(desk.state / KEY_NAME, 4321, -1)
    said = desk.refused(path, who=replace(WHO, user="other", uid=4321))
    assert "made as tester, and you are other now" in said


def test_a_plan_whose_hash_is_not_its_own_is_not_written_or_shown(desk: Desk) -> None:
    plan = plan_of(run_step("true"))
    false = replace(plan, stages=plan_of(run_step("reboot")).stages)
    with pytest.raises(PlanError, match="doesn't fit its own hash"):
        desk.save(plan=false)
    path = desk.save()
    content = parse(path.read_bytes())
    assert isinstance(content, dict)
    content["plan"]["hash"] = "0" * 64
    path.write_bytes(canonical(content) + b"\n")
    with pytest.raises(PlanError, match="doesn't fit its own hash"):
        read_foreign_plan_file(path, now=NOW)


def test_a_plan_is_handed_over_as_a_copy_that_anybody_may_read(desk: Desk) -> None:
    path = desk.save()
    copy = desk.folder / "copy"
    shutil.copyfile(path, copy)
    copy.chmod(0o644)
    (desk.state / KEY_NAME).unlink()
    assert replace(read_foreign_plan_file(copy, now=NOW), path=path) == replace(
        read_foreign_plan_file(path, now=NOW), path=path
    )
    with pytest.raises(PlanError, match="expired"):
        read_foreign_plan_file(copy, now=NOW + LIFE)


# -- used once


def test_a_plan_is_used_once(desk: Desk) -> None:
    path = desk.save()
    saved = desk.read(path)
    claim(saved, state=desk.state, now=NOW)
    assert "used before" in desk.refused(path)
    with pytest.raises(PlanError, match="used before"):
        claim(saved, state=desk.state, now=NOW)
    copy = desk.folder / "copy.plan"
    shutil.copy(path, copy)
    assert "used before" in desk.refused(copy)


def race(folder: Path, start: Barrier, results: "SimpleQueue[str]") -> None:
    desk = Desk(folder)
    saved = desk.read(folder / "fix.plan")
    start.wait(PATIENCE_S)
    try:
        claim(saved, state=desk.state, now=NOW)
    except SaysoError as error:
        results.put(error.message)
    else:
        results.put("won")


def test_of_several_processes_at_once_exactly_one_uses_a_plan(desk: Desk) -> None:
    desk.save()
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        shutil.rmtree(desk.state / USED_PLANS, ignore_errors=True)
        start, results = context.Barrier(8), context.SimpleQueue()
        racers = [context.Process(target=race, args=(desk.folder, start, results)) for _ in range(8)]
        for one in racers:
            one.start()
        said = [results.get() for _ in racers]
        for one in racers:
            one.join()
        assert said.count("won") == 1
        assert sum("used before" in one for one in said) == 7


def make_key(folder: Path, number: int, start: Barrier) -> None:
    start.wait(PATIENCE_S)
    Desk(folder).save(f"{number}.plan")


def test_processes_that_make_the_key_at_once_share_it(desk: Desk) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(6)
    makers = [context.Process(target=make_key, args=(desk.folder, number, start)) for number in range(6)]
    for one in makers:
        one.start()
    for one in makers:
        one.join()
    assert [desk.read(desk.folder / f"{number}.plan").plan.request for number in range(6)] == ["add line b"] * 6


def test_a_mark_that_cannot_be_written_stops_the_run(desk: Desk) -> None:
    saved = desk.read(desk.save())
    (desk.state / USED_PLANS).write_text("in the way")
    with pytest.raises(PlanError, match="can't be written down"):
        claim(saved, state=desk.state, now=NOW)


def test_marks_go_long_after_their_plan_expired_and_not_before(desk: Desk) -> None:
    first, second, third = (desk.read(desk.save(f"{name}.plan", plan_of())) for name in ("one", "two", "three"))
    claim(first, state=desk.state, now=NOW)
    (desk.state / USED_PLANS / "notes").write_text("what isn't a mark stays")
    late = [replace(one, expires_utc=NOW + LIFE + 2 * MARK_LIFE) for one in (second, third)]
    claim(late[0], state=desk.state, now=NOW + LIFE + MARK_LIFE)
    assert (desk.state / USED_PLANS / first.plan.id).exists()
    claim(late[1], state=desk.state, now=NOW + LIFE + MARK_LIFE + timedelta(seconds=1))
    left = {one.name for one in (desk.state / USED_PLANS).iterdir()}
    assert left == {"notes", second.plan.id, third.plan.id}


# -- real accounts


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can write, as /tmp is."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


@NEEDS_ROOT
def test_another_accounts_plan_is_refused_by_owner_and_unreadable_to_it(open_folder: Path) -> None:
    theirs = Desk(open_folder, Requester("daemon", 1, 1, "controller"))
    theirs.state = open_folder / "theirs"
    assert as_account(1, lambda: theirs.save().name) == "fix.plan"
    path = open_folder / "fix.plan"
    assert path.stat().st_uid == 1
    mine = Desk(open_folder)
    assert "belongs to daemon" in mine.refused(path)
    assert as_account(2, lambda: Desk(open_folder, Requester("bin", 2, 2, "controller")).read(path)) == (
        f"RequestError: {path} can't be read: Permission denied. Name a plan file."
    )
    assert as_account(1, lambda: theirs.read(path).plan.request) == "add line b"


@NEEDS_ROOT
def test_the_plan_of_one_administrator_is_not_anothers_though_both_are_root(desk: Desk) -> None:
    path = desk.save()
    assert "logged in as somebody else" in desk.refused(path, who=replace(WHO, original_uid=1))


def test_who_logged_in_is_the_kernels_word_then_sudos_then_the_uid(tmp_path: Path) -> None:
    login = tmp_path / "loginuid"
    login.write_text("1005")
    assert original_uid(0, {"SUDO_UID": "1001"}, login_file=login) == 1005
    login.write_text(str(2**32 - 1))
    assert original_uid(0, {"SUDO_UID": "1001"}, login_file=login) == 1001
    assert original_uid(1002, {"SUDO_UID": "1001"}, login_file=login) == 1002, "only root has it from sudo"
    assert original_uid(0, {"SUDO_UID": "x"}, login_file=login) == 0
    assert original_uid(0, {"DOAS_USER": "daemon"}, login_file=login) == 1, "doas says the name alone"
    assert original_uid(1002, {"DOAS_USER": "daemon"}, login_file=login) == 1002
    assert original_uid(0, {"DOAS_USER": "nobody-of-this-name"}, login_file=login) == 0
    assert original_uid(7, {}, login_file=tmp_path / "missing") == 7


# -- what moved


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            plan_of(run_step("true", state={"ActiveState": "active"})),
            plan_of(run_step("true", state={"ActiveState": "failed"})),
            ["this machine, step 1 (file.append_line)", "-ActiveState: active", "+ActiveState: failed"],
        ),
        (plan_of(edit_step(after=b"a\nb\n")), plan_of(edit_step(after=b"z\nb\n")), ["/etc/app.conf", "-a", "+z"]),
        (plan_of(edit_step(before="0" * 64)), plan_of(edit_step(before="1" * 64)), ["SHA-256 000000000000", "111111"]),
        (plan_of(run_step("a", "b c")), plan_of(run_step("a", "d")), ["`a 'b c'`, and is `a d`"]),
        (
            plan_of(run_step("a")),
            plan_of(run_step("a", effect=Effect.ALREADY_SO)),
            ["it was: will change; it is: already so"],
        ),
        (
            plan_of(edit_step(diff="+b\n")),
            plan_of(edit_step(diff="+b\n+c\n")),
            ["it would change something else", "++c"],
        ),
        (plan_of(host="web1"), plan_of(host="web2"), ["web1: no longer there", "web2: has come in addition"]),
        (plan_of(), plan_of(os_id="alpine"), ["the machine is another", "+os_id: alpine"]),
        (plan_of(run_step("a")), plan_of(run_step("a"), run_step("b")), ["there were 1 steps, and are 2"]),
        (plan_of(edit_step(reason="one")), plan_of(edit_step(reason="two")), ["was `one`, and is `two`"]),
    ],
)
def test_what_moved_is_said_by_host_and_step(before: Plan, after: Plan, words: list[str]) -> None:
    assert not is_same(before, after)
    said = difference(before, after)
    for one in words:
        assert one in said, said


def test_a_plan_made_again_from_the_same_state_is_the_same() -> None:
    assert is_same(plan_of(edit_step()), plan_of(edit_step()))
