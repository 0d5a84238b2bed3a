"""Set phrases of courtesy and doubt ask for nothing, though they hold words of conditions."""

import pytest

from intents.courtesies import courtesies_in


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("if you have a moment, restart nginx", "if you have a moment"),
        ("If it is not too much trouble, erase /tmp/a", "If it is not too much trouble"),
        ("I'm not sure if the share is mounted", "I'm not sure if"),
        ("dont know which port it uses", "dont know which"),
        ("check whether cron runs", "check whether"),
        ("i can\u2019t remember what is in /tmp/a", "i can\u2019t remember what"),
        ("no rush, show the disks", "no rush"),
    ],
)
def test_a_set_phrase_is_known_as_a_whole(text: str, phrase: str) -> None:
    assert phrase in [text[start:end] for start, end in courtesies_in(text)]


@pytest.mark.parametrize(
    "text",
    [
        "restart nginx if nobody is logged in",
        "delete /tmp/a unless it is open",
        "don't restart cron",
        "not before friday",
        "stop redis when the job is done",
        "restart nginx only if it failed",
    ],
)
def test_a_condition_is_no_courtesy(text: str) -> None:
    assert courtesies_in(text) == []
