"""`sayso approve FILE`: a second person looks at somebody else's plan, and signs it."""

import argparse
import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from executors.plan import Effect, Plan
from executors.policy import Decision, Verdict
from history.errors import HistoryError
from intents.errors import PlanError, RequestError
from intents.intent import Risk
from intents.values import Json
from shell.command_json import write_json
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.history_commands import HistoryFaultError
from shell.journal import Journal, open_journal
from shell.person import object_of
from shell.places import settings_of
from shell.plan_files import SavedPlan, account_of, original_uid, read_foreign_plan_file, write_new_file
from shell.render_lines import print_line
from shell.render_plan import render_plan
from shell.response import Approval, Response
from shell.second_person import (
    APPROVERS,
    ApproverKey,
    approval_bytes,
    read_approvers,
    require_other_account,
    require_other_keys,
    sign_approval,
    signer_of,
)
from shell.ssh_signature import fingerprint
from shell.terminal import Terminal
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

SUFFIX = ".approval"
"""What the name of an approval's file ends with, after that of the plan's."""


@dataclass(frozen=True, slots=True)
class _Approver:
    """Who approves here: the account that logged in, whatever sudo has made of it since, and the listed keys."""

    user: str
    original_uid: int
    listed: tuple[ApproverKey, ...]


def run_approve(
    words: Sequence[str],
    environment: Environment,
    options: argparse.Namespace,
    *,
    approvers: Path = APPROVERS,
    owner: int = 0,
) -> ExitStatus:
    """Show the plan of a file, ask at the terminal, and write the signed approval beside it.

    `approvers` is the list of who may, written by `owner`. Raises `RequestError` and `PlanError`, among them for
    an approver who isn't listed or made the plan, and where there is no terminal to ask at.
    """
    if len(words) != 1:
        raise RequestError("`sayso approve` needs one file.", remedy="Name the plan file that you were given.")
    path = Path(environment.directory, words[0])
    target = path.with_name(path.name + SUFFIX)
    now = datetime.now(UTC)
    saved = read_foreign_plan_file(path, now=now)
    approver = _approver(environment, read_approvers(approvers, owner=owner))
    _require_may_approve(saved, approver, target)
    try:
        journal = open_journal(settings_of(environment, options).history, None)
        try:
            status = _record(journal, saved, approver, environment, options.key, target)
        finally:
            journal.close()
    except HistoryError as error:
        raise HistoryFaultError(f"{error.message} Without a record nothing is approved.", remedy=error.remedy) from None
    if options.json:
        write_json(environment, "approve", _told(saved, approver, target if status is ExitStatus.DONE else None))
    return status


def _told(saved: SavedPlan, approver: _Approver, approval: Path | None) -> dict[str, Json]:
    return {
        "plan": str(saved.path),
        "id": saved.plan.id,
        "hash": saved.plan.hash,
        "requested_by": saved.requested_by.user,
        "approver": approver.user,
        "is_approved": approval is not None,
        "approval": None if approval is None else str(approval),
    }


def _approver(environment: Environment, listed: tuple[ApproverKey, ...]) -> _Approver:
    uid = original_uid(environment.uid, environment.variables)
    return _Approver(account_of(uid), uid, listed)


def _require_may_approve(saved: SavedPlan, approver: _Approver, target: Path) -> None:
    """Refuse before anybody reads a plan in vain."""
    if not any(key.user == approver.user for key in approver.listed):
        raise PlanError(
            f"{approver.user} is not on the list of approvers.", remedy="root can add an account with its key."
        )
    require_other_account(saved.requested_by, approver.user, approver.original_uid)
    require_other_keys(saved.requested_by, approver.user, approver.listed)
    if saved.plan.is_empty or not saved.plan.is_change:
        raise PlanError(f"The plan in {saved.path} changes nothing.", remedy="It needs nobody's approval.")
    if target.exists():
        raise RequestError(f"{target} is there already.", remedy="Remove it to approve the plan again.")


def _record(
    journal: Journal, saved: SavedPlan, approver: _Approver, environment: Environment, key: str | None, target: Path
) -> ExitStatus:
    """Have it all in the approver's own history: the plan that was shown, and the yes before it leaves the machine."""
    request = f"approve {saved.path}"
    journal.begin(request, door="terminal", user=approver.user, directory=environment.directory)
    decision = Decision(Verdict.ASK, f"approve: a second person for the plan of {saved.requested_by.user}")
    journal.add_plan(saved.plan, decision)
    response = Response(request, ExitStatus.REFUSED, plan=saved.plan, decision=decision.word, rule=decision.rule)
    try:
        approval = _ask_and_sign(journal, saved, approver, environment, key, target)
        if approval is not None:
            response = Response(request, ExitStatus.DONE, plan=saved.plan, rule=decision.rule, approval=approval)
    finally:
        journal.end(response)
    return response.status


def _ask_and_sign(
    journal: Journal, saved: SavedPlan, approver: _Approver, environment: Environment, key: str | None, target: Path
) -> Approval | None:
    _, messages = environment.consoles()
    _show(saved, messages)
    with _open_terminal() as terminal:
        is_approved = (
            terminal.ask_typed(object_of(saved.plan))
            if _needs_typing(saved.plan)
            else terminal.ask_yes_no(f"Approve it as {approver.user}?")
        )
    if not is_approved:
        print_line(messages, "Not approved; nothing was signed.")
        return None
    key_file = Path(environment.directory, key) if key is not None else None
    with signer_of(
        approver.user, approver.listed, key_file=key_file, home=Path(environment.home), passphrase=_ask_passphrase
    ) as signer:
        signed = sign_approval(
            saved, signer, user=approver.user, original_uid=approver.original_uid, now=datetime.now(UTC)
        )
    approval = Approval(approver.user, "terminal", signed.statement.at_utc)
    journal.add_approval(approval)
    write_new_file(target, approval_bytes(signed), mode=0o644)
    print_line(messages, f"Approved with the key {fingerprint(signer.blob)}: {target}")
    print_line(
        messages,
        f"{saved.requested_by.user} applies it with: sayso apply FILE --approval {target}",
    )
    return approval


def _open_terminal() -> Terminal:
    terminal = Terminal.open()
    if terminal is None:
        raise PlanError("There is no terminal to ask at, so nothing was approved.", remedy="Run it in a terminal.")
    return terminal


def _needs_typing(plan: Plan) -> bool:
    """Whether a mere yes is too little: something is destroyed, or the diff leaves something out."""
    return plan.risk is Risk.DESTRUCTIVE or any(
        one.is_summary and one.effect is not Effect.ALREADY_SO
        for stage in plan.stages
        for steps in stage.hosts.values()
        for one in steps
    )


def _show(saved: SavedPlan, console: "Console") -> None:
    """Who asked for what, and the plan as it is in the file, rendered anew."""
    who = saved.requested_by
    by_name = f"{who.user} (uid {who.uid})"
    account = by_name if who.uid == who.original_uid else f"{account_of(who.original_uid)} as {by_name}"
    print_line(console, f"{account} on {who.host}", lead="Requested by: ", style="bold")
    print_line(console, saved.plan.request, lead="Request: ")
    print_line(
        console,
        f"made {saved.created_utc:%Y-%m-%d %H:%M:%S} UTC, can be applied until {saved.expires_utc:%Y-%m-%d %H:%M:%S} UTC",
        lead="Plan: ",
    )
    render_plan(saved.plan, console)


def _ask_passphrase(question: str) -> str | None:
    """Ask at the terminal device, without showing what is typed; None for an empty one and for end of input."""
    try:
        return getpass.getpass(f"{visible(question)} ") or None
    except EOFError:
        return None
