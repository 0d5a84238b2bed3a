"""A rule about a path holds for the place that is meant, whatever link leads there: at the plan and at the step."""

from pathlib import Path

import pytest

from executors.policy_rules import Question, Rule, Verdict
from intents.intent import Risk
from shell.exit_status import ExitStatus
from shell.road import Options
from tests.support.sessions import Approver, session_in

YES = Options(yes=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A file that no rule lets anybody change, and a link to it elsewhere."""
    path = tmp_path / "ledger" / "book"
    path.parent.mkdir()
    path.write_text("1\n")
    path.chmod(0o640)
    (tmp_path / "alias.txt").symlink_to(path)
    rules = tmp_path / "policy.d"
    rules.mkdir()
    (rules / "ledger.yml").write_text(
        "ledger:\n  decision: deny\n  intents: ['file.*']\n"
        f"  arguments: {{path: ['{tmp_path}/ledger/*']}}\n  why: the ledger is the auditors'\n"
    )
    return path


@pytest.mark.parametrize("named", ["ledger/book", "alias.txt", "ledger/../ledger/book"])
def test_a_denied_file_is_denied_by_every_name(tmp_path: Path, ledger: Path, named: str) -> None:
    with session_in(tmp_path) as session:
        for words in (["mode=600"], []):
            intent = "file.set_mode" if words else "file.show"
            response = session.run_intent(intent, [f"path={tmp_path / named}", *words], YES)
            assert response.status is ExitStatus.REFUSED
            assert response.rule == "ledger"
    assert ledger.stat().st_mode & 0o777 == 0o640


def test_a_link_in_the_way_is_followed_too(tmp_path: Path, ledger: Path) -> None:
    (tmp_path / "books").symlink_to(ledger.parent)
    with session_in(tmp_path) as session:
        response = session.run_intent("file.append_line", [f"path={tmp_path / 'books' / 'book'}", "line=2"], YES)
    assert response.status is ExitStatus.REFUSED
    assert ledger.read_text() == "1\n"


def test_the_plan_says_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("x")
    (tmp_path / "alias.txt").symlink_to(tmp_path / "real.txt")
    with session_in(tmp_path) as session:
        response = session.run_intent(
            "file.set_mode", [f"path={tmp_path}/alias.txt", "mode=600"], Options(dry_run=True)
        )
    assert response.plan is not None
    (planned,) = response.plan.stages[0].hosts["local"]
    assert planned.leads_to == {f"{tmp_path}/alias.txt": f"{tmp_path}/real.txt"}


def test_a_link_that_is_turned_after_the_plan_is_refused_at_the_step(tmp_path: Path, ledger: Path) -> None:
    free = tmp_path / "free.txt"
    free.write_text("x")
    free.chmod(0o640)
    link = tmp_path / "turning.txt"
    link.symlink_to(free)

    def turn() -> None:
        link.unlink()
        link.symlink_to(ledger)

    with session_in(tmp_path, door="terminal", person=Approver(meanwhile=turn)) as session:
        response = session.run_intent("file.set_mode", [f"path={link}", "mode=600"], Options())
    assert response.status is ExitStatus.REFUSED
    (outcome,) = response.outcomes["local"]
    assert "leads elsewhere" in outcome.message
    assert ledger.stat().st_mode & 0o777 == free.stat().st_mode & 0o777 == 0o640


def test_a_link_does_not_loosen_either() -> None:
    rule = Rule("app", Verdict.ALLOW, ("file.append_line",), arguments={"path": ("/srv/app/*",)})
    plain = Question(
        "ann", "file.append_line", Risk.REVERSIBLE, (), ("local",), "script", arguments={"path": "/srv/app/a"}
    )
    led = Question(
        "ann", "file.append_line", Risk.REVERSIBLE, (), ("local",), "script", arguments={"path": "/srv/app/a"},
        leads_to={"/srv/app/a": ("/etc/motd",)},
    )  # fmt: skip
    assert rule.loosens(plain)
    assert not rule.loosens(led)
