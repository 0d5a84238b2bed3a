"""What is sure becomes a match with evidence; what isn't is asked or declined; no word is dropped."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from intents.catalogue import Catalogue
from intents.errors import RequestError
from intents.intent import Intent
from intents.interpretation import Interpretation
from intents.interpreter import Answer, Interpreter
from intents.mapped_text import MappedText
from intents.operations import Count, Filter, Limit, Sort
from intents.tagging import OUTSIDE, WordTag
from intents.targets import find_target
from intents.types.base import ValueContext
from tests.support.judges import AsScored, ScriptedJudge, SomeNames

CATALOGUE = Catalogue.load()
NAMES = SomeNames()
CONTEXT = ValueContext(datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "/srv", "/root", NAMES)
FACTS = {"init": "systemd", "userland": "gnu", "packages": "apt", "os_id": "debian"}


def interpret(
    text: str, scores: Mapping[str, float] | str, answer: Answer | None = None, *, tags: Sequence[WordTag] = ()
) -> Interpretation:
    probabilities = {scores: 0.95} if isinstance(scores, str) else scores
    target, spans = find_target(text, NAMES)
    return Interpreter(CATALOGUE, ScriptedJudge(probabilities, tags), decider=AsScored()).interpret(
        text, CONTEXT, facts=FACTS, target=target, target_spans=spans, answer=answer
    )


def said(reading: Interpretation, parameter: str) -> tuple[object, str | None]:
    """Return the argument's value and the words of the request that its span covers."""
    argument = reading.matches[0].arguments[parameter]
    span = argument.evidence.span
    return argument.value, reading.request[span[0] : span[1]] if span else None


@pytest.mark.parametrize(
    ("text", "intent", "values"),
    [
        ("restart nginx", "service.restart", {"service": ("nginx.service", "nginx")}),
        ("please could you bounce the postgresql daemon", "service.restart", {"service": ("postgresql.service", "postgresql")}),
        ("last 20 lines of /var/log/dpkg.log", "file.tail", {"lines": (20, "20"), "path": ("/var/log/dpkg.log", "/var/log/dpkg.log")}),
        ("copy /etc/hosts to /tmp/hosts.bak", "file.copy", {"source": ("/etc/hosts", "/etc/hosts"), "target": ("/tmp/hosts.bak", "/tmp/hosts.bak")}),
        ('add the line "a = 1" to app.conf', "file.append_line", {"line": ("a = 1", '"a = 1"'), "path": ("/srv/app.conf", "app.conf")}),
        ("what listens on port 8080", "process.by_port", {"port": (8080, "8080")}),
        ("lock the account of bob", "user.lock", {"user": ("bob", "bob")}),
    ],
)  # fmt: skip
def test_arguments_are_found_with_the_words_they_come_from(
    text: str, intent: str, values: Mapping[str, tuple[object, str]]
) -> None:
    reading = interpret(text, intent)
    assert [match.intent for match in reading.matches] == [intent], reading
    for parameter, expected in values.items():
        assert said(reading, parameter) == expected


@pytest.mark.parametrize(
    ("text", "intent", "operation"),
    [
        ("which filesystems are more than half full", "disk.usage", Filter("used_percent", ">", 50.0)),
        ("filesystems over 80% full", "disk.usage", Filter("used_percent", ">", 80.0)),
        ("how many units failed", "service.failed", Count()),
        ("disk usage, top 3", "disk.usage", Limit(3)),
        ("file systems sorted by size", "disk.usage", Sort("size", descending=True)),
    ],
)
def test_row_operations_are_read_from_the_words(text: str, intent: str, operation: object) -> None:
    reading = interpret(text, intent)
    assert reading.matches, reading
    assert operation in reading.matches[0].operations
    assert reading.ignored == ()


@pytest.mark.parametrize(
    "text",
    [
        "restart nginx unless it is primary",
        "restart nginx on moon",
        "restart nginx but not today",
        "restart nginx tomorrow",
        "restart nginx if the load is low",
        "restart everything except nginx",
        "don't restart nginx",
        "never restart nginx",
        "restart nginx gently",
        "restart nginx without sudo",
    ],
)
def test_a_word_left_over_turns_a_change_into_a_question(text: str) -> None:
    reading = interpret(text, "service.restart")
    assert reading.kind == "question"
    assert reading.question is not None
    assert reading.question.text


@pytest.mark.parametrize(
    "text", ["how do I restart nginx", "would it help to restart nginx?", "should I restart nginx", "restart nginx?"]
)
def test_a_sentence_that_asks_never_becomes_a_change(text: str) -> None:
    assert interpret(text, "service.restart").kind == "question"


def test_a_read_says_which_word_it_ignored() -> None:
    reading = interpret("how full are the disks buddy boy", "disk.usage")
    assert reading.kind == "match"
    assert reading.ignored == ("boy",)


@pytest.mark.parametrize(
    "text", ["show the disks except /boot", "show the disks and delete them", "disk usage unless it rains"]
)
def test_a_read_drops_no_condition_and_no_order(text: str) -> None:
    assert interpret(text, "disk.usage").kind == "question"


def test_a_missing_argument_is_asked_and_the_answer_is_evidence() -> None:
    reading = interpret("restart the service", "service.restart")
    assert reading.question is not None
    assert (reading.question.intent, reading.question.parameter) == ("service.restart", "service")
    answered = interpret("restart the service", "service.restart", Answer("service.restart", {"service": "nginx"}))
    argument = answered.matches[0].arguments["service"]
    assert (argument.value, argument.evidence.source) == ("nginx.service", "answer")


def test_a_name_that_does_not_exist_is_never_taken() -> None:
    reading = interpret("restart frobnicator", "service.restart")
    assert reading.kind == "question"


def test_a_misspelt_name_is_shown_as_corrected() -> None:
    evidence = interpret("restart postgresq", "service.restart").matches[0].arguments["service"].evidence
    assert evidence.note


def test_a_middling_score_asks_with_a_menu_and_a_low_one_declines() -> None:
    menu = interpret("show it", {"disk.usage": 0.3, "disk.inodes": 0.25})
    assert menu.question is not None
    assert [choice.intent for choice in menu.question.choices] == ["disk.usage", "disk.inodes"]
    assert interpret("sing a song", {"disk.usage": 0.03}).kind == "decline"


def test_a_change_needs_more_confidence_than_a_read() -> None:
    assert interpret("how full are the disks", {"disk.usage": 0.75}).kind == "match"
    assert interpret("restart nginx", {"service.restart": 0.75}).kind == "question"


def test_a_line_for_a_shell_is_declined_by_name() -> None:
    reading = interpret("rm /tmp/x && reboot", "file.delete")
    assert reading.decline is not None
    assert "line for a shell" in reading.decline.reason


def test_a_plain_command_is_read_like_any_request() -> None:
    reading = interpret("sudo systemctl restart nginx", "service.restart")
    assert [match.intent for match in reading.matches] == ["service.restart"]
    assert reading.matches[0].arguments["service"].value == "nginx.service"


def test_an_option_that_nothing_stands_for_is_told_of_a_read_and_asked_about_of_a_change() -> None:
    assert interpret("df -h", "disk.usage").ignored == ("-h",)
    assert interpret("rm -rf /tmp/x", "file.delete").kind == "question"


def unconditional(text: str) -> Sequence[WordTag]:
    """Return tags that take no word for a value, nor for a condition."""
    return [WordTag(span, {OUTSIDE: 0.99}) for span in MappedText.of(text).words()]


def test_everyday_words_that_tell_why_do_not_make_a_question_where_the_model_sees_no_condition() -> None:
    why = "the old disk is full, delete /tmp/x, my boss is annoying"
    seen, blind = (interpret(why, {"file.delete": 0.98}, tags=tags) for tags in (unconditional(why), ()))
    assert [match.intent for match in seen.matches] == ["file.delete"]
    assert seen.ignored, "they are named"
    assert blind.kind == "question"


def test_a_rare_word_in_a_change_is_asked_about_but_where_all_is_very_sure() -> None:
    text = "delete /tmp/x xylophone"
    sure, unsure = (interpret(text, {"file.delete": chance}, tags=unconditional(text)) for chance in (0.9999, 0.9))
    assert sure.ignored == ("xylophone",)
    assert unsure.kind == "question"
    assert interpret(text, {"file.delete": 0.9999}).kind == "question", "nobody looked for conditions"


@pytest.mark.parametrize("word", ["tomorrow", "never", "unless", "friday", "web7"])
def test_a_condition_a_time_and_a_value_in_a_change_are_asked_about_however_sure_all_is(word: str) -> None:
    text = f"delete /tmp/x {word}"
    assert interpret(text, {"file.delete": 0.9999}, tags=unconditional(text)).kind == "question"


def test_a_second_order_in_a_sentence_is_never_taken_for_a_word_of_the_first() -> None:
    text = "pull the image redis and start a container from it"
    assert interpret(text, {"container.pull": 0.9999}, tags=unconditional(text)).kind == "question"


def test_a_story_before_a_wish_is_no_step() -> None:
    text = "the fan is roaring like a lion; which processes take the most cpu?"
    reading = interpret(text, {"process.top_cpu": 0.99})
    assert [match.intent for match in reading.matches] == ["process.top_cpu"]


class Prefers:
    """A second judge that prefers one operation; keeps what it was asked."""

    def __init__(self, intent: str) -> None:
        self._intent = intent
        self.asked: list[list[str]] = []

    def log_likelihoods(self, request: str, intents: Sequence[Intent]) -> Sequence[float]:
        self.asked.append([intent.name for intent in intents])
        return [0.0 if intent.name == self._intent else -40.0 for intent in intents]


def with_second(text: str, scores: Mapping[str, float], second: Prefers) -> Interpretation:
    return Interpreter(CATALOGUE, ScriptedJudge(scores), second=second, decider=AsScored()).interpret(
        text, CONTEXT, facts=FACTS
    )


def test_a_second_judge_decides_between_what_is_close_and_nothing_else() -> None:
    second = Prefers("disk.inodes")
    reading = with_second("how full is it", {"disk.usage": 0.45, "disk.inodes": 0.45}, second)
    assert [match.intent for match in reading.matches] == ["disk.inodes"]
    assert [set(names) for names in second.asked] == [{"disk.usage", "disk.inodes"}]


def test_a_second_judge_is_not_asked_where_the_first_is_sure_or_sees_nothing() -> None:
    second = Prefers("disk.inodes")
    with_second("how full are the disks", {"disk.usage": 0.97, "disk.inodes": 0.02}, second)
    with_second("sing a song", {"disk.usage": 0.03, "disk.inodes": 0.03}, second)
    assert second.asked == []


def test_steps_in_order_are_matches_in_order_with_spans_of_the_whole_request() -> None:
    text = "restart nginx and then restart cron"
    reading = interpret(text, "service.restart")
    assert [match.arguments["service"].value for match in reading.matches] == ["nginx.service", "cron.service"]
    span = reading.matches[1].arguments["service"].evidence.span
    assert span is not None
    assert text[span[0] : span[1]] == "cron"


def test_one_step_that_is_not_clear_stops_them_all() -> None:
    assert interpret("restart nginx and then restart frobnicator", "service.restart").kind == "question"


def test_the_target_is_no_part_of_what_the_model_reads() -> None:
    judge = ScriptedJudge({"disk.usage": 0.9})
    text = "disk usage on web1"
    target, spans = find_target(text, NAMES)
    reading = Interpreter(CATALOGUE, judge, decider=AsScored()).interpret(
        text, CONTEXT, facts=FACTS, target=target, target_spans=spans
    )
    assert judge.asked == ["disk usage"]
    assert reading.target is not None
    assert reading.target.hosts == ("web1",)


def test_an_empty_request_is_refused() -> None:
    with pytest.raises(RequestError):
        interpret("  ", "disk.usage")


def test_the_same_request_has_the_same_interpretation() -> None:
    first, second = (
        interpret("last 20 lines of /var/log/x.log", "file.tail"),
        interpret("last 20 lines of /var/log/x.log", "file.tail"),
    )
    assert first.matches == second.matches
