"""Responses of every kind, made by hand, for the tests of what shows them."""

from dataclasses import replace

from executors.plan import EditStep, Effect, Outcome, Plan, PlannedStep, RunStep, Stage
from intents.encoder import ModelIdentity
from intents.intent import Risk
from intents.interpretation import (
    Argument,
    Candidate,
    Choice,
    Decline,
    Evidence,
    Interpretation,
    Match,
    Question,
    TargetPhrase,
)
from intents.operations import Aggregate, Columns, Count, Filter, Group, Limit, Sort, Unique
from intents.values import Column, Row
from shell.exit_status import ExitStatus
from shell.response import Approval, Fault, Response

MODEL = ModelIdentity("granite-embedding", "ab" * 32)
HERE = Evidence("default", text="this machine")
RESTART = Match(
    "service.restart",
    {"service": Argument("nginx.service", Evidence("request", (8, 13), "ngnix", 'corrected from "ngnix"'))},
    0.97,
)
DISK = Match(
    "disk.usage",
    {},
    0.93,
    (Filter("used_percent", ">", 50.0), Sort("used_percent", descending=True), Limit(2)),
    (Evidence("request", (29, 48), "more than half full"),),
)
DISK_COLUMNS = (
    Column("source", "path"),
    Column("size", "size"),
    Column("used_percent", "percentage"),
    Column("mounted_on", "path"),
    Column("since", "moment"),
)
DISK_ROWS: tuple[Row, ...] = (
    {"source": "/dev/nvme0n1p2", "size": 512 << 30, "used_percent": 91.25, "mounted_on": "/", "since": 1_764_027_005},
    {
        "source": "/dev/mapper/vg-backup",
        "size": 4 << 40,
        "used_percent": 58.0,
        "mounted_on": "/srv/backup",
        "since": None,
    },
)
RESTART_STEP = PlannedStep(
    RunStep(("systemctl", "restart", "nginx.service"), as_user="root", interrupt="wait"),
    Effect.WILL_CHANGE,
    diff="--- nginx.service\n+++ nginx.service\n-MainPID: 812\n+MainPID: a new one\n",
    reason="it will be stopped and started",
    before={"ActiveState": "active", "MainPID": 812},
    cannot_undo="a restart can't be taken back",
)
EDIT_STEP = PlannedStep(
    EditStep("/etc/ssh/sshd_config", "11" * 32, b"Port 22\nPermitRootLogin no\n", validator="sshd", as_user="root"),
    Effect.WILL_CHANGE,
    diff=(
        "--- /etc/ssh/sshd_config\n+++ /etc/ssh/sshd_config\n@@ -1,2 +1,2 @@\n Port 22\n"
        "-PermitRootLogin yes # a comment that is long enough to need folding on a narrow terminal\n"
        "+PermitRootLogin no\n"
    ),
)


def plan_of(*stages: Stage, evidence: Evidence = HERE) -> Plan:
    """Return a plan of these stages."""
    return Plan("p-1", "cd" * 32, "the request", "2026-11-24T22:00:00+00:00", stages, {}, evidence)


def stage_of(match: Match, risk: Risk, *steps: PlannedStep, hosts: tuple[str, ...] = ("local",)) -> Stage:
    """Return a stage with the same steps on each host."""
    return Stage(match.intent, risk, (), match, dict.fromkeys(hosts, steps))


def read_response() -> Response:
    """Two rows of four on this machine."""
    request = "which filesystems are more than half full"
    read = PlannedStep(RunStep(("df", "-l", "-B1")), Effect.READ)
    outcome = Outcome(
        "local", "ok", exit_code=0, columns=DISK_COLUMNS, rows=DISK_ROWS, total_rows=4, operations=DISK.operations
    )
    return Response(
        request,
        ExitStatus.DONE,
        Interpretation(
            request,
            0.93,
            matches=(DISK,),
            ignored=("please",),
            candidates=(Candidate("disk.usage", 0.93, "how full are the disks"),),
            stage="one intent is far ahead",
        ),
        hosts=("local",),
        host_evidence=HERE,
        plan=plan_of(stage_of(DISK, Risk.READ, read)),
        decision="allow",
        rule="default: reads",
        outcomes={"local": (outcome,)},
        warnings=("ignored: please",),
        record=7,
        model=MODEL,
        timing_ms={"interpret": 12.5, "plan": 3.0, "apply": 8.25},
    )


def fleet_read_response() -> Response:
    """Three hosts: two answer the same, one differs, and a fourth can't be reached."""
    one = read_response()
    read = PlannedStep(RunStep(("df", "-l", "-B1")), Effect.READ)
    hosts = ("web1", "web2", "db1")
    outcome = one.outcomes["local"][0]
    outcomes = {
        "web1": (replace(outcome, host="web1"),),
        "web2": (replace(outcome, host="web2"),),
        "db1": (replace(outcome, host="db1", rows=DISK_ROWS[:1], total_rows=1),),
        "db2": (Outcome("db2", "unreachable", message="db2 does not answer on port 22. Check its network."),),
    }
    return replace(
        one,
        status=ExitStatus.UNREACHABLE,
        hosts=(*hosts, "db2"),
        host_evidence=Evidence("request", (3, 12), "all hosts"),
        plan=plan_of(stage_of(DISK, Risk.READ, read, hosts=hosts)),
        outcomes=outcomes,
        warnings=(),
    )


def text_response() -> Response:
    """A file's text, with characters that must not reach a terminal."""
    match = Match("file.show", {"path": Argument("/etc/motd", Evidence("request", (5, 14), "/etc/motd"))}, 0.99)
    outcome = Outcome(
        "local",
        "ok",
        columns=(Column("text"),),
        rows=({"text": "Welcome [bold]here[/bold] :smile:\n\tname\tvalue\x1b[31m red \u202eover\n"},),
        total_rows=1,
        is_truncated=True,
        stderr="cat: /etc/motd.d: Permission denied\n",
    )
    read = PlannedStep(RunStep(("cat", "--", "/etc/motd")), Effect.READ)
    return Response(
        "show /etc/motd",
        ExitStatus.DONE,
        Interpretation("show /etc/motd", 0.99, matches=(match,)),
        hosts=("local",),
        host_evidence=HERE,
        plan=plan_of(stage_of(match, Risk.READ, read)),
        outcomes={"local": (outcome,)},
    )


def count_response() -> Response:
    """One number."""
    one = read_response()
    outcome = Outcome(
        "local",
        "ok",
        columns=(Column("count", "integer"),),
        rows=({"count": 412},),
        total_rows=1,
        operations=(Count(),),
    )
    return replace(one, outcomes={"local": (outcome,)}, warnings=())


def nothing_response() -> Response:
    """A read without rows."""
    outcome = Outcome("local", "ok", columns=DISK_COLUMNS)
    return replace(read_response(), outcomes={"local": (outcome,)}, warnings=())


def change_plan() -> Plan:
    """A restart and an edit, on two hosts that get the same and one that is already so."""
    port = Match(
        "ssh.root_login",
        {"allowed": Argument(value=False, evidence=Evidence("default", text="no"))},
        0.9,
    )
    so = PlannedStep(RESTART_STEP.step, Effect.ALREADY_SO, reason="nginx.service was restarted a moment ago")
    unknown = PlannedStep(
        RunStep(("updatedb", "--output", "/tmp/my db"), stdin=b"abc"), Effect.CANNOT_KNOW, reason="it has no dry run"
    )
    restart = Stage(
        "service.restart",
        Risk.DISRUPTIVE,
        (),
        RESTART,
        {"web1": (RESTART_STEP,), "web2": (RESTART_STEP,), "db1": (so,)},
    )
    edit = Stage("ssh.root_login", Risk.DESTRUCTIVE, ("access",), port, {"web1": (EDIT_STEP, unknown)})
    return plan_of(restart, edit, evidence=Evidence("inventory", (21, 30), "web hosts"))


def refused_response() -> Response:
    """A change that nobody approved."""
    plan = change_plan()
    matches = tuple(stage.match for stage in plan.stages)
    return Response(
        "restart ngnix on the web hosts",
        ExitStatus.REFUSED,
        Interpretation("restart ngnix on the web hosts", 0.9, matches=matches, stage="two steps"),
        hosts=("web1", "web2", "db1"),
        host_evidence=plan.host_evidence,
        plan=plan,
        decision="confirm",
        rule="default: disruptive",
        fault=Fault("not_approved", "Not approved, so nothing was changed.", "Approve it at a terminal."),
        record=9,
    )


def empty_plan_response() -> Response:
    """A change that is already so."""
    so = PlannedStep(RESTART_STEP.step, Effect.ALREADY_SO, reason="nginx.service is already running")
    return Response(
        "start nginx",
        ExitStatus.DONE,
        Interpretation("start nginx", 0.9, matches=(RESTART,)),
        hosts=("local",),
        host_evidence=HERE,
        plan=plan_of(stage_of(RESTART, Risk.REVERSIBLE, so)),
        decision="ask",
        rule="default: reversible",
    )


def changed_response() -> Response:
    """Two changed, one failed with its output, one of which a later step was not begun."""
    refused = refused_response()
    changed = Outcome(
        "web1", "changed", exit_code=0, before={"MainPID": 812}, after={"MainPID": 990}, planned=RESTART_STEP
    )
    return replace(
        refused,
        status=ExitStatus.FAILED,
        approval=Approval("ada", "terminal", "2026-11-24T22:00:05+00:00"),
        fault=None,
        outcomes={
            "web1": (changed,),
            "web2": (
                Outcome(
                    "web2",
                    "failed",
                    message="systemctl ended with exit code 1. Look at `journalctl -u nginx`.",
                    exit_code=1,
                    stderr="Job for nginx.service failed.\nSee journalctl -xe.\n",
                    planned=RESTART_STEP,
                ),
            ),
            "db1": (Outcome("db1", "ok", message="already so: nginx.service was restarted a moment ago"),),
        },
    )


def question_response() -> Response:
    """Two readings are close."""
    question = Question(
        "Which of these do you mean?",
        (Choice("Restart a system service", "service.restart"), Choice("Restart the machine", "host.reboot")),
    )
    return Response(
        "restart it", ExitStatus.NOT_UNDERSTOOD, Interpretation("restart it", 0.5, question=question), model=MODEL
    )


def decline_response() -> Response:
    """Out of scope."""
    decline = Decline(
        "That is nothing that sayso can do [yet]\x07.", (Choice("Show the weather station's log", "log.show"),)
    )
    candidates = (Candidate("log.show", 0.21, "show the log"), Candidate("host.uptime", 0.0312, "how long is it up"))
    return Response(
        "what is the weather",
        ExitStatus.NOT_UNDERSTOOD,
        Interpretation(
            "what is the weather",
            0.12,
            decline=decline,
            candidates=candidates,
            stage="no intent is near enough",
            target=TargetPhrase(("web1",), Evidence("request", (0, 4), "web1")),
        ),
    )


def error_response() -> Response:
    """A fault before anything was interpreted."""
    return Response(
        "\udcff",
        ExitStatus.USAGE,
        fault=Fault("request", "The request is not valid text.", "Send it as UTF-8."),
    )


def odd_response() -> Response:
    """Every row operation, an undo, a deletion, and values that JSON or UTF-8 can't say."""
    operations = (Group("source"), Unique("source"), Aggregate("sum", "size"), Columns(("source",)), Count())
    match = Match(
        "disk.usage", {"path": Argument("/srv/\udce4", Evidence("answer", text="/srv/\udce4"))}, 0.8, operations
    )
    delete = PlannedStep(EditStep("/srv/\udce4", "22" * 32, None), Effect.WILL_CHANGE, diff="-\\xe4\n")
    stage = replace(stage_of(match, Risk.REVERSIBLE, delete), undo_of=41)
    outcome = Outcome(
        "local",
        "unknown",
        message="The connection was lost.",
        columns=(Column("source", "path"), Column("tags", "list")),
        rows=({"source": "/srv/\udce4", "tags": ("a", float("nan"))},),
        total_rows=1,
        before={"load": float("inf")},
        backup="/var/lib/sayso/backups/1",
        planned=delete,
    )
    return Response(
        "undo 41",
        ExitStatus.FAILED,
        Interpretation("undo 41", 1.0, matches=(match,)),
        hosts=("local",),
        host_evidence=Evidence("history", note="record 41"),
        plan=plan_of(stage),
        decision="ask",
        rule="",
        outcomes={"local": (outcome,)},
    )


EVERY_KIND = {
    "read": read_response,
    "fleet_read": fleet_read_response,
    "text": text_response,
    "count": count_response,
    "nothing": nothing_response,
    "refused": refused_response,
    "empty_plan": empty_plan_response,
    "changed": changed_response,
    "question": question_response,
    "decline": decline_response,
    "error": error_response,
    "odd": odd_response,
}
"""Name -> what makes a response of that kind."""
