from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.recorder import Recorder
from history.recording import Recording
from history.redaction import Redactor
from history.store import History


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History.open(tmp_path / "history.db") as opened:
        yield opened


def _write_whole(history: History) -> Recording:
    recording = Recording.begin(history, {"request": "restart nginx on web1", "user": "al", "door": "terminal"})
    recording.add("interpretation", {"kind": "match", "matches": [{"intent": "service.restart"}]})
    recording.add("plan", {"stages": [{"intent": "service.restart", "hosts": {"web1": [], "web2": []}}]})
    begun = recording.begin_step({"host": "web1", "intent": "service.restart"})
    recording.end_step(begun, {"host": "web1", "status": "changed", "exit_code": 0})
    recording.add("end", {"status": 0})
    return recording


def test_a_recording_is_what_the_executors_need(history: History) -> None:
    recorder: Recorder = Recording.begin(history, {"request": "x"})
    begun = recorder.begin_step({"host": "web1"})
    recorder.end_step(begun, {"status": "ok"})
    assert [event.kind for event in history.events(1)] == ["request", "step_begin", "step_end"]


def test_a_record_is_summarised(history: History) -> None:
    recording = _write_whole(history)
    (summary,) = history.records()
    assert summary.record == recording.record
    assert summary.request == "restart nginx on web1"
    assert (summary.user, summary.kind, summary.status) == ("al", "match", 0)
    assert (summary.intents, summary.hosts) == (("service.restart",), ("web1", "web2"))
    assert summary.started_utc == history.events(recording.record)[0].utc
    assert summary.is_ended


def test_a_record_that_was_cut_off_has_no_status(history: History) -> None:
    recording = Recording.begin(history, {"request": "x"})
    recording.begin_step({"host": "db1", "intent": "disk.usage"})
    (summary,) = history.records()
    assert summary.status is None
    assert not summary.is_ended
    assert (summary.kind, summary.user) == (None, None)
    assert (summary.intents, summary.hosts) == (("disk.usage",), ("db1",))


def test_a_question_without_a_plan_names_its_intents(history: History) -> None:
    recording = Recording.begin(history, {"request": "restart it"})
    recording.add(
        "interpretation", {"kind": "question", "matches": [{"intent": "service.restart"}], "question": "What?"}
    )
    (summary,) = history.records()
    assert (summary.kind, summary.intents, summary.hosts) == ("question", ("service.restart",), ())


def test_records_are_listed_newest_or_oldest_first_up_to_a_limit(history: History) -> None:
    for word in ("one", "two", "three"):
        Recording.begin(history, {"request": word})
    assert [summary.request for summary in history.records(limit=2)] == ["three", "two"]
    assert [summary.request for summary in history.records(limit=2, newest_first=False)] == ["one", "two"]


def test_a_request_in_the_middle_begins_no_record(history: History) -> None:
    recording = Recording.begin(history, {"request": "one"})
    recording.add("request", {"request": "one, said better"})
    assert [summary.request for summary in history.records()] == ["one"]


def test_a_step_without_its_end_is_unfinished(history: History) -> None:
    recording = Recording.begin(history, {"request": "x"})
    first = recording.begin_step({"host": "web1"})
    second = recording.begin_step({"host": "web2"})
    third = recording.begin_step({"host": "web3"})
    recording.end_step(second, {"status": "ok", "begun": first})
    assert [event.number for event in history.unfinished()] == [first, third]


def test_long_output_is_cut_after_redaction_and_keeps_its_size(history: History) -> None:
    recording = Recording.begin(history, {"request": "x"}, redactor=Redactor(["sesame"]))
    begun = recording.begin_step({"host": "web1"})
    recording.end_step(begun, {"stdout": "a" * (64 * 1024 - 3) + "sesame" + "b" * 1000, "stderr": "short"})
    outcome = history.events(recording.record)[-1].payload
    cut = outcome["stdout"]
    assert isinstance(cut, dict)
    assert cut["cut_text"] == "a" * (64 * 1024 - 3) + "[re"
    assert cut["size_bytes"] == 64 * 1024 - 3 + len("[redacted]") + 1000
    assert outcome["stderr"] == "short"


def test_a_secret_of_the_request_is_gone_from_what_quotes_it(history: History) -> None:
    recording = Recording.begin(history, {"request": "change the password of anna to correcthorse"})
    recording.add("interpretation", {"kind": "question", "question": 'I understood all but "correcthorse".'})
    assert "correcthorse" not in repr([event.payload for event in history.events(1)])
    assert "anna" in repr([event.payload for event in history.events(1)])
