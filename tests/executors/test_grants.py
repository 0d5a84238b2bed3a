"""A grant is exact, dated and revocable; what others may have written is none."""

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from executors.grants import LONGEST, Grant, load_grants, new_grant, revoke_grant, save_grant
from executors.policy import Policy, Question, Rule, Verdict, load_policy
from intents.errors import PolicyError
from intents.intent import Risk
from intents.values import Json

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
GRANT = new_grant(
    "service.restart", {"service": "nginx.service"}, ("@web",), until=NOW + timedelta(days=2), now=NOW, created_by="ann"
)
QUESTION = Question(
    "ann", "service.restart", Risk.DISRUPTIVE, (), ("web1",), "terminal",
    arguments={"service": "nginx.service"}, at=NOW, groups={"web1": ("web",), "db1": ("db",)},
)  # fmt: skip


def verdict(
    question: Question, *, grant: Grant = GRANT, system: tuple[Rule, ...] = (), own: tuple[Rule, ...] = ()
) -> Verdict:
    return Policy(system, own, grants=(grant,)).decide(question).verdict


def test_what_is_granted_is_not_asked_about_and_the_record_can_name_it() -> None:
    decision = Policy(grants=(GRANT,)).decide(QUESTION)
    assert (decision.verdict, decision.rule) == (Verdict.ALLOW, f"grant {GRANT.id}")


@pytest.mark.parametrize(
    "question",
    [
        replace(QUESTION, intent="service.stop"),
        replace(QUESTION, arguments={"service": "redis.service"}),
        replace(QUESTION, arguments={"service": ["nginx.service", "redis.service"]}),
        replace(QUESTION, arguments={}),
        replace(QUESTION, arguments={"service": "nginx.service", "force": True}),
        replace(QUESTION, hosts=("web1", "db1")),
        replace(QUESTION, hosts=("strange",)),
        replace(QUESTION, hosts=("local",)),
        replace(QUESTION, hosts=()),
        replace(QUESTION, at=NOW + timedelta(days=2)),
        replace(QUESTION, at=NOW - timedelta(seconds=1)),
        replace(QUESTION, at=None),
        replace(QUESTION, effects=("persistence",)),
    ],
)
def test_anything_else_is_asked_about(question: Question) -> None:
    assert verdict(question) is Verdict.ASK


def test_an_argument_that_was_not_given_is_as_if_it_were_not_there() -> None:
    assert verdict(replace(QUESTION, arguments={"service": "nginx.service", "force": None})) is Verdict.ALLOW


def test_what_destroys_is_never_granted() -> None:
    assert verdict(replace(QUESTION, risk=Risk.DESTRUCTIVE)) is Verdict.CONFIRM


def test_ones_own_count_at_the_terminal_and_roots_for_scripts() -> None:
    script = replace(QUESTION, door="script")
    assert verdict(script) is Verdict.DENY
    assert verdict(script, grant=replace(GRANT, is_system=True)) is Verdict.ALLOW
    assert verdict(replace(QUESTION, door="mcp"), grant=replace(GRANT, is_system=True)) is Verdict.DENY
    for stricter in (replace(script, risk=Risk.DESTRUCTIVE), replace(script, effects=("access",))):
        assert verdict(stricter, grant=replace(GRANT, is_system=True)) is Verdict.DENY


@pytest.mark.parametrize("says", [Verdict.ASK, Verdict.CONFIRM, Verdict.TWO_PEOPLE, Verdict.DENY])
def test_a_grant_answers_the_default_and_no_rule(says: Verdict) -> None:
    for rule in (
        Rule("r", says),
        Rule("r", says, intents=("service.restart",)),
        Rule("r", says, intents=("service.*",)),
    ):
        assert verdict(QUESTION, system=(rule,)) is says
        assert verdict(QUESTION, own=(rule,)) is says
        assert verdict(QUESTION, grant=replace(GRANT, is_system=True), system=(rule,)) is says


@pytest.mark.parametrize("days", [-1, 0, 91])
def test_a_grant_has_an_end_that_is_near(days: int) -> None:
    with pytest.raises(PolicyError, match="would"):
        new_grant("a.b", {}, ("local",), until=NOW + timedelta(days=days), now=NOW, created_by="ann")
    assert new_grant("a.b", {}, ("local",), until=NOW + LONGEST, now=NOW, created_by="ann").until_utc == NOW + LONGEST


def test_a_grant_is_kept_in_a_private_file_and_read_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "grants.d"
    noted = replace(GRANT, note="while nginx leaks \u202e")
    path = save_grant(folder, noted)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "\u202e" not in path.read_text()
    assert load_grants(folder, is_system=False) == (noted,)
    assert [one.name for one in folder.iterdir()] == [path.name], "nothing half written is left"


def test_revoking_removes_it_and_says_when_it_cannot(tmp_path: Path) -> None:
    save_grant(tmp_path, GRANT)
    revoke_grant(tmp_path, GRANT)
    assert load_grants(tmp_path, is_system=False) == ()
    with pytest.raises(PolicyError, match="still in force"):
        revoke_grant(tmp_path, GRANT)


def test_an_expired_grant_is_listed_and_does_not_count(tmp_path: Path) -> None:
    save_grant(tmp_path, GRANT)
    policy = load_policy(tmp_path / "none", tmp_path / "none", as_root=False, own_grants=tmp_path)
    assert policy.grants == (GRANT,)
    assert policy.decide(replace(QUESTION, at=GRANT.until_utc)).verdict is Verdict.ASK


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "grants.d").write_text("a file where the folder should be")
    with pytest.raises(PolicyError, match="can't be written"):
        save_grant(tmp_path / "grants.d", GRANT)


CHANGES: list[tuple[dict[str, Json], str]] = [
    ({"until_utc": "2027-11-25T00:00:00+00:00"}, "longer than 90 days"),
    ({"until_utc": "2026-11-24T00:00:00+00:00"}, "end before it begins"),
    ({"until_utc": "2026-11-27"}, "without an offset"),
    ({"until_utc": "friday"}, "RFC 3339"),
    ({"until_utc": None}, "no text"),
    ({"hosts": []}, "list of names"),
    ({"hosts": "web1"}, "list of names"),
    ({"arguments": []}, "no object"),
    ({"id": "g12345678"}, "isn't called"),
    ({"id": "../x"}, "hexadecimal"),
    ({"colour": "red"}, "unknown word"),
]


@pytest.mark.parametrize(("changes", "told"), CHANGES)
def test_an_edited_grant_stops_everything(tmp_path: Path, changes: dict[str, Json], told: str) -> None:
    path = save_grant(tmp_path, GRANT)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(PolicyError, match=told) as caught:
        load_grants(tmp_path, is_system=False)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"x"'])
def test_what_is_no_grant_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "g00000000.json").write_text(text)
    with pytest.raises(PolicyError, match=r"g00000000\.json"):
        load_grants(tmp_path, is_system=False)


def test_a_grant_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = save_grant(tmp_path, GRANT)
    path.chmod(0o622)
    with pytest.raises(PolicyError, match="others may write"):
        load_grants(tmp_path, is_system=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
@pytest.mark.parametrize("is_system", [True, False])
def test_a_grant_that_somebody_else_put_there_is_refused(tmp_path: Path, is_system: bool) -> None:  # noqa: FBT001
    path = save_grant(tmp_path, GRANT)
    os.chown(path, 65534, -1)
    with pytest.raises(PolicyError, match="not owned by"):
        load_grants(tmp_path, is_system=is_system)
