"""Acting as another account by a real sudo and doas, in a namespace with accounts of its own."""

import base64
import secrets
import shutil
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from executors.become import TRIES, Become, Password, clear
from intents.errors import StepError
from tests.support.sshd import MISSING as NO_SSHD
from tests.support.sudo_place import MISSING, PASSWORD, in_place
from tests.support.typist import Typist

needs_place = pytest.mark.skipif(bool(MISSING), reason=MISSING)
roads = pytest.mark.parametrize(
    "sshd", [False, pytest.param(True, marks=[pytest.mark.sshd, pytest.mark.skipif(bool(NO_SSHD), reason=NO_SSHD)])]
)

ALL = "alice ALL=(ALL:ALL) ALL"
CONTENT = b"first line\n\0\xff" + PASSWORD.encode() + b"\n" + bytes(range(256)) * 2000


def run_commands(
    *commands: Sequence[str], stdin: bytes | None = None, **settings: object
) -> tuple[list[Any], list[Any]]:
    """Return the results of commands that alice runs as root, and the prompts that she saw."""
    if stdin is not None:
        settings["stdin"] = base64.b64encode(stdin).decode()
    found: dict[str, Any] = in_place("run_commands", commands=commands, **settings)  # type: ignore[arg-type]
    return found["results"], found["prompts"]


def output(result: dict[str, Any]) -> bytes:
    assert "stdout" in result, result
    return base64.b64decode(result["stdout"])


@needs_place
@roads
def test_the_password_is_asked_for_once_for_ten_commands(*, sshd: bool) -> None:
    results, prompts = run_commands(*[["id", "-u"]] * 10, passwords=[PASSWORD, "never used"], sshd=sshd)
    assert [output(result) for result in results] == [b"0\n"] * 10
    assert [result["stderr"] for result in results] == [""] * 10
    where = "web1" if sshd else "this machine"
    assert prompts == [f"[sudo] password of alice on {where}, to act as root: "]


@needs_place
@roads
@pytest.mark.parametrize("as_file", [False, True])
def test_input_arrives_exactly_behind_the_password(*, sshd: bool, as_file: bool) -> None:
    results, prompts = run_commands(["cat"], ["cat"], passwords=[PASSWORD], stdin=CONTENT, sshd=sshd, as_file=as_file)
    assert [output(result) for result in results] == [CONTENT, CONTENT]
    assert len(prompts) == 1


@needs_place
@roads
def test_a_wrong_password_with_input_is_asked_for_again_and_loses_nothing(*, sshd: bool) -> None:
    results, prompts = run_commands(["cat"], passwords=["wrong", PASSWORD], stdin=CONTENT, sshd=sshd)
    assert output(results[0]) == CONTENT
    assert len(prompts) == 2
    assert prompts[1].startswith("That was not the password.")


@needs_place
@roads
def test_three_wrong_passwords_end_it_and_none_is_kept_or_shown(*, sshd: bool) -> None:
    results, prompts = run_commands(["id"], ["id"], passwords=["wrong-1", "wrong-2", "wrong-3", PASSWORD], sshd=sshd)
    assert "didn't accept the password" in results[0]["message"]
    assert not [word for word in ("wrong-1", "wrong-2", "wrong-3") if word in results[0]["shown"]]
    assert output(results[1]).startswith(b"uid=0")
    assert len(prompts) == TRIES + 1


@needs_place
@roads
@pytest.mark.parametrize("passwords", [None, []], ids=["script", "nobody answers"])
def test_with_nobody_to_ask_it_is_refused_with_what_to_do(*, sshd: bool, passwords: list[str] | None) -> None:
    results, _ = run_commands(["id"], passwords=passwords, sshd=sshd)
    assert "runs as root" in results[0]["message"]
    assert "sudo wants a password" in results[0]["message"]
    assert "sayso policy sudoers" in results[0]["remedy"]
    assert ("sudo -v" in results[0]["remedy"]) is not sshd


@needs_place
@roads
@pytest.mark.parametrize("stdin", [None, CONTENT], ids=["no input", "input"])
def test_where_sudo_asks_nothing_the_password_reaches_nobody(*, sshd: bool, stdin: bytes | None) -> None:
    """After `id`, for which a password was given, `cat` has a rule without one: its input must hold what was meant alone."""
    rules = f"{ALL}\nalice ALL=(ALL) NOPASSWD: /usr/bin/cat"
    if sshd:
        rules = "alice ALL=(ALL) NOPASSWD: ALL"
    results, prompts = run_commands(["id", "-u"], ["cat"], rules=rules, passwords=[PASSWORD], stdin=stdin, sshd=sshd)
    assert output(results[0]) == b"0\n"
    assert output(results[1]) == (stdin or b"")
    assert len(prompts) == (0 if sshd else 1)


@needs_place
@roads
def test_the_exit_code_and_words_of_the_command_stay_its_own(*, sshd: bool) -> None:
    script = "echo out; echo 'Sorry, try again.' >&2; exit 1"
    results, _ = run_commands(["sh", "-c", script], passwords=[PASSWORD], sshd=sshd)
    assert (results[0]["exit_code"], results[0]["stderr"], output(results[0])) == (1, "Sorry, try again.\n", b"out\n")


@needs_place
@roads
def test_an_account_without_any_rule_is_told_so(*, sshd: bool) -> None:
    results, _ = run_commands(["id"], rules="", passwords=[PASSWORD], sshd=sshd)
    assert "may not use sudo" in results[0]["message"]


@needs_place
def test_a_forbidden_command_is_told_so() -> None:
    rules = "alice ALL=(root) /usr/bin/id"
    results, _ = run_commands(["id", "-u"], ["cat", "/etc/shadow"], rules=rules, passwords=[PASSWORD])
    assert output(results[0]) == b"0\n"
    assert "sudoers doesn't let this command run as root" in results[1]["message"]


@needs_place
def test_an_expired_account_is_told_so() -> None:
    results, _ = run_commands(["id"], passwords=[PASSWORD], expired=True)
    assert "expired or is locked" in results[0]["message"]


@needs_place
@pytest.mark.sshd
@pytest.mark.skipif(bool(NO_SSHD), reason=NO_SSHD)
def test_a_host_whose_sudo_demands_a_terminal_is_told_so() -> None:
    results, _ = run_commands(["id"], rules=f"Defaults requiretty\n{ALL}", passwords=[PASSWORD], sshd=True)
    assert "demands a terminal (requiretty)" in results[0]["message"]


@needs_place
@roads
def test_sudo_with_a_terminal_of_its_own_works_as_well(*, sshd: bool) -> None:
    results, _ = run_commands(["cat"], rules=f"Defaults use_pty\n{ALL}", passwords=[PASSWORD], stdin=CONTENT, sshd=sshd)
    assert output(results[0]) == CONTENT


@needs_place
@roads
@pytest.mark.parametrize("how", ["cancel", "timeout"])
@pytest.mark.parametrize("use_pty", [False, True], ids=["plain", "use_pty"])
def test_a_command_of_root_is_ended_and_the_password_is_in_no_process(*, sshd: bool, how: str, use_pty: bool) -> None:
    rules = f"Defaults use_pty\n{ALL}" if use_pty else ALL
    found: dict[str, Any] = in_place(
        "end_command", rules=rules, passwords=[PASSWORD], password=PASSWORD, how=how, seconds=long_sleep(), sshd=sshd
    )
    assert found["ending"] == ("cancelled" if how == "cancel" else "timeout")
    assert found["was_running"]
    assert not found["still_running"]
    assert not found["password_seen"]
    assert found["duration_s"] < 12


@needs_place
def test_a_command_whose_account_may_signal_nothing_is_ended_by_the_terminal() -> None:
    found: dict[str, Any] = in_place(
        "end_command",
        rules="alice ALL=(root) /usr/bin/sleep",
        passwords=[PASSWORD],
        how="timeout",
        seconds=long_sleep(),
    )
    assert found["was_running"]
    assert not found["still_running"]


def long_sleep() -> str:
    return str(3_000_000 + secrets.randbelow(1_000_000))


@needs_place
@roads
@pytest.mark.skipif(shutil.which("doas") is None, reason="doas isn't installed (opendoas)")
@pytest.mark.parametrize(
    ("doas", "said"),
    [
        ("permit nopass alice as root", None),
        ("permit alice as root", "doas wants a password"),
        ("deny alice", "doas doesn't let"),
    ],
)
def test_doas_is_used_where_there_is_no_sudo(*, sshd: bool, doas: str, said: str | None) -> None:
    results, prompts = run_commands(
        ["cat"], passwords=[PASSWORD], stdin=CONTENT, without_sudo=True, doas=doas, sshd=sshd
    )
    assert prompts == []
    if said is None:
        assert output(results[0]) == CONTENT
    else:
        assert said in results[0]["message"]


def marked(become: Become, host: str = "web1") -> tuple[Any, bytes]:
    dialogue = become.dialogue(host, "root", ("id",))
    return dialogue, dialogue.prompt.replace("%p", "alice").encode()


def test_only_the_mark_is_answered_also_when_it_comes_in_pieces() -> None:
    dialogue, mark = marked(Become(Typist("secret")))
    assert dialogue.hear(b"[sudo] password for alice: Password:") is None
    assert dialogue.hear(mark[:20]) is None
    line = dialogue.hear(mark[20:])
    assert line == b"secret\n"
    clear(line)
    assert line == bytes(7)


def test_a_second_question_that_follows_no_complaint_is_not_answered() -> None:
    dialogue, mark = marked(Become(Typist("secret", "secret")))
    assert dialogue.hear(mark) == b"secret\n"
    with pytest.raises(StepError, match="something besides the password"):
        dialogue.hear(b"\n" + mark)


def test_hosts_share_a_password_only_in_one_group() -> None:
    typist = Typist("one", "two", "three")
    become = Become(typist, group_of=lambda host: host.rstrip("0123456789"))
    answers = []
    for host in ("web1", "web2", "db1"):
        dialogue, mark = marked(become, host)
        answers.append(bytes(dialogue.hear(mark)))
        dialogue.succeeded()
    assert answers == [b"one\n", b"one\n", b"two\n"]
    dialogue, mark = marked(become, "web2")
    dialogue.hear(mark)
    assert dialogue.hear(b"Sorry, try again.\n" + mark) == b"three\n"
    dialogue, mark = marked(become, "web1")
    assert dialogue.hear(mark) == b"one\n"


def test_hosts_without_groups_share_nothing() -> None:
    become = Become(Typist("one", "two"))
    for host, line in (("web1", b"one\n"), ("web2", b"two\n")):
        dialogue, mark = marked(become, host)
        assert dialogue.hear(mark) == line


def test_threads_that_want_the_same_password_ask_once() -> None:
    typist = Typist("one", "two")
    become = Become(typist)
    lines: list[bytes] = []

    def want() -> None:
        dialogue, mark = marked(become)
        lines.append(bytes(dialogue.hear(mark)))

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines == [b"one\n"] * 8
    assert len(typist.prompts) == 1


def test_forgetting_overwrites_the_password_and_asks_again() -> None:
    become = Become(Typist("secret", "again"))
    dialogue, mark = marked(become)
    dialogue.hear(mark)
    kept = dialogue._given
    assert isinstance(kept, Password)
    assert "secret" not in repr(kept)
    become.forget()
    assert kept.line() == bytes(6) + b"\n"
    dialogue, mark = marked(become)
    assert dialogue.hear(mark) == b"again\n"


@pytest.mark.parametrize("typed", ["two\nlines", "nul\0", "x" * 2000])
def test_what_sudo_could_not_read_is_refused_unshown(typed: str) -> None:
    dialogue, mark = marked(Become(Typist(typed)))
    with pytest.raises(StepError, match="can't take this password") as caught:
        dialogue.hear(mark)
    assert typed not in str(caught.value)
