"""Steps that refer to each other: "it", "them", rows that go into a later step, rows as CSV or into a file."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from intents.catalogue import Catalogue
from intents.interpretation import Argument, Evidence, Interpretation, Match, RowReference
from intents.interpreter import Interpreter
from intents.operations import Count, Export
from intents.types.base import ValueContext
from tests.support.judges import AsScored, Scores, ScriptedJudge, SomeNames

CATALOGUE = Catalogue.load()
CONTEXT = ValueContext(datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "/home/alice", "/home/alice", SomeNames())
FACTS = {"init": "systemd", "userland": "gnu", "packages": "apt", "os_id": "debian"}


class InTurn:
    """A judge that gives each clause in turn its scores; keeps what it was asked."""

    def __init__(self, *probabilities: Mapping[str, float]) -> None:
        self._judges = [ScriptedJudge(one) for one in probabilities]
        self.asked: list[str] = []

    def score(self, text: str) -> Scores:
        self.asked.append(text)
        return self._judges[len(self.asked) - 1].score(text)


def interpret(text: str, *intents: str, said_before: Sequence[Match] = ()) -> Interpretation:
    judge = InTurn(*({name: 0.9} for name in intents))
    return Interpreter(CATALOGUE, judge, decider=AsScored()).interpret(
        text, CONTEXT, facts=FACTS, said_before=said_before
    )


def test_it_is_the_argument_of_the_step_before_and_says_so() -> None:
    text = "stop nginx and then start it"
    reading = interpret(text, "service.stop", "service.start")
    argument = reading.matches[1].arguments["service"]
    assert argument.value == "nginx.service"
    assert argument.evidence.span is not None
    assert text[slice(*argument.evidence.span)] == "it"
    assert argument.evidence.note == "as in `service.stop`"


@pytest.mark.parametrize(
    "text", ["show failed services and then restart them", "which services failed and restart them"]
)
def test_them_are_the_rows_of_the_read_before(text: str) -> None:
    reading = interpret(text, "service.failed", "service.restart")
    assert reading.matches[1].references == {"service": RowReference(0, "unit")}


def test_it_is_not_several_rows() -> None:
    reading = interpret("show failed services and then restart it", "service.failed", "service.restart")
    assert reading.question is not None
    assert reading.question.parameter == "service"


@pytest.mark.parametrize(
    "text", ["show the largest files in /srv and then delete it", "list the files in /srv and delete them all"]
)
def test_what_a_read_was_asked_about_is_never_what_is_deleted(text: str) -> None:
    reading = interpret(text, "file.largest", "file.delete")
    assert all("path" not in match.arguments for match in reading.matches[1:]), "never /srv itself"


def test_the_one_row_that_was_asked_for_is_it() -> None:
    reading = interpret("first 1 of the largest files in /srv and then delete it", "file.largest", "file.delete")
    assert reading.matches[1].references == {"path": RowReference(0, "path")}


def test_a_word_beside_the_pronoun_that_nothing_accounts_for_is_asked_about() -> None:
    reading = interpret("stop nginx and then start it frobnicated", "service.stop", "service.start")
    assert reading.question is not None
    assert "frobnicated" in reading.question.text


def test_in_a_conversation_it_is_what_the_request_before_named_but_no_rows_of_it() -> None:
    said = Match("service.status", {"service": Argument("nginx.service", Evidence("request", (3, 8), "nginx"))}, 0.9)
    reading = interpret("restart it", "service.restart", said_before=[said])
    argument = reading.matches[0].arguments["service"]
    assert (argument.value, argument.evidence.source) == ("nginx.service", "conversation")
    rows = interpret("restart them", "service.restart", said_before=[Match("service.failed", {}, 0.9)])
    assert rows.question is not None


def test_without_anything_before_it_is_asked_what_is_meant() -> None:
    reading = interpret("restart it", "service.restart")
    assert reading.question is not None
    assert reading.question.parameter == "service"


def test_a_pronoun_is_judged_by_what_it_stands_for() -> None:
    judge = InTurn({"service.stop": 0.9}, {"service.start": 0.9})
    Interpreter(CATALOGUE, judge, decider=AsScored()).interpret("stop nginx and then start it", CONTEXT, facts=FACTS)
    assert "it" not in judge.asked[1].split()


def test_rows_as_csv_are_an_operation_with_its_words() -> None:
    text = "how many files are in /etc as csv"
    (match,) = interpret(text, "file.find").matches
    assert [type(one) for one in match.operations] == [Count, Export]
    assert match.operations_evidence[-1].text == "as csv"


def test_rows_into_a_file_are_a_further_step_that_is_planned() -> None:
    reading = interpret("list processes and save it to /tmp/p.json", "process.list")
    assert [match.intent for match in reading.matches] == ["process.list", "file.create"]
    assert reading.matches[1].arguments["path"].value == "/tmp/p.json"
    assert reading.matches[1].references == {"content": RowReference(0, "", "json")}


def test_a_change_has_no_rows_to_export() -> None:
    reading = interpret("restart nginx as csv", "service.restart")
    assert reading.question is not None
    assert "no rows" in reading.question.text


def test_a_comma_before_a_verb_parts_steps_where_these_follow_each_other() -> None:
    judge = InTurn({"service.stop": 0.95}, {"file.copy": 0.95}, {"service.start": 0.95})
    text = "stop nginx, copy /etc/hosts to /tmp/hosts and then start it"
    reading = Interpreter(CATALOGUE, judge, decider=AsScored()).interpret(text, CONTEXT, facts=FACTS)
    assert [match.intent for match in reading.matches] == ["service.stop", "file.copy", "service.start"]
    span = reading.matches[1].arguments["source"].evidence.span
    assert span is not None
    assert text[slice(*span)] == "/etc/hosts"


def test_showing_what_was_made_is_a_step_and_never_dropped() -> None:
    judge = InTurn({"file.copy": 0.95}, {"file.show": 0.95}, {"file.copy": 0.95})
    reading = Interpreter(CATALOGUE, judge, decider=AsScored()).interpret(
        "copy /etc/hosts to /tmp/hosts and show it", CONTEXT, facts=FACTS
    )
    assert reading.kind == "question"
