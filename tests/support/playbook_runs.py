"""What tests of playbooks on hosts ask of a response."""

from executors.plan import Effect, PlannedStep
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session


def dry_run(session: Session, intent: str, pairs: list[str], *, on: str = "ops") -> PlannedStep:
    """Return the one step that a dry run plans."""
    response = session.run_intent(intent, pairs, Options(on=on, dry_run=True))
    assert response.status is ExitStatus.DONE, response.fault
    assert response.plan is not None
    (planned,) = response.plan.stages[0].hosts[on]
    return planned


def apply(session: Session, intent: str, pairs: list[str], *, on: str = "ops") -> Response:
    """Apply an intent, which must change something, and return the response."""
    response = session.run_intent(intent, pairs, Options(on=on))
    assert response.status is ExitStatus.DONE, (response.fault, response.outcomes)
    assert [outcome.status for outcome in response.outcomes[on]] == ["changed"]
    return response


def assert_already_so(session: Session, intent: str, pairs: list[str], *, on: str = "ops") -> None:
    """Assert that a dry run finds nothing to do."""
    planned = dry_run(session, intent, pairs, on=on)
    assert planned.effect is Effect.ALREADY_SO, (planned.effect, planned.reason, planned.diff)
