"""A sentence that asks never becomes a change, and a typed shell line is no sentence."""

import pytest

from intents.errors import RequestError
from intents.speech import MAXIMUM_LENGTH, check_request, clauses_of, is_asking, is_shell_line


@pytest.mark.parametrize(
    "text",
    [
        "how do I restart nginx",
        "would it help to restart nginx?",
        "which users could be deleted",
        "should I reboot the box",
        "what happens if I stop postgres",
        "hey, is it safe to delete /tmp/x",
        "can nginx be restarted?",
        "could you tell me how to stop it",
        "restart nginx?",
    ],
)
def test_asking(text: str) -> None:
    assert is_asking(text)


@pytest.mark.parametrize(
    "text",
    [
        "restart nginx",
        "could you please restart nginx",
        "would you mind restarting nginx",
        "please stop redis now",
        "i want you to lock the account of bob",
        "can you delete /tmp/old.log",
    ],
)
def test_ordering(text: str) -> None:
    assert not is_asking(text)


@pytest.mark.parametrize(
    "text",
    [
        "cat /etc/passwd | grep root",
        "./run.sh",
        "rm -rf /tmp/a && reboot",
        "echo hi > /tmp/a",
        "kill $(pidof nginx)",
        "sudo dd if=/dev/zero | tee a",
        "for i in a; do ls; done",
    ],
)
def test_shell_lines(text: str) -> None:
    assert is_shell_line(text)


@pytest.mark.parametrize(
    "text",
    [
        "find big files in /tmp",
        "kill process 812",
        "who is logged in",
        "free memory?",
        "show /etc/hosts",
        "df -h /var",
        "sudo systemctl restart nginx",
    ],
)
def test_sentences_that_only_begin_like_a_command(text: str) -> None:
    assert not is_shell_line(text)


@pytest.mark.parametrize("text", ["", "   \n", "a\0b", "x" * (MAXIMUM_LENGTH + 1), "caf\udce9"])
def test_what_is_no_request_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_request(text)
    assert caught.value.remedy


def test_steps_are_split_outside_quotes_only() -> None:
    assert [clause for _, clause in clauses_of("stop nginx; start redis")] == ["stop nginx", "start redis"]
    assert len(clauses_of('add the line "a; then b" to /tmp/x')) == 1
