"""The one road of every request: interpret, plan, policy, approve, apply, verify, record.

The REPL, the one-shot command, piped input and the tests all call this object; none has a road of
its own. It wires the packages together and holds what a session keeps: connections, the model, the
open history. What it returns is a value; rendering is others' work.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from executors.applying import apply_plan
from executors.become import Become
from executors.fleet_rows import across_hosts
from executors.guard import Leftover, prove_by_login
from executors.plan import LeftOut, Outcome, Plan
from executors.plan_hash import finish_plan
from executors.planning import make_plan
from executors.policy import Door, Policy, Verdict, load_policy
from executors.protected import Protected
from executors.recovery import Examination
from executors.run import GuardSettings, Prove, Run, Watcher
from executors.schedule import Schedule
from executors.scheduling import Interrupts
from executors.secrets_of_steps import secrets_wanted
from executors.state import Target
from executors.transport import Cancel
from executors.undo import DoneStep, undo_stages
from history.errors import HistoryError
from intents.catalogue import Catalogue
from intents.encoder import ModelIdentity
from intents.errors import PlanError, SaysoError, TargetError
from intents.interpretation import Argument, Evidence, Interpretation, Match, TargetPhrase
from intents.interpreter import Answer, Interpreter
from intents.model_judge import ModelJudge
from intents.targets import LOCAL, find_target
from shell.approval import Nobody, Person
from shell.consent import Asker, approve, decide
from shell.cut_offs import clear_cut_off, examine_cut_off, guards_left
from shell.direct import direct_match
from shell.exit_status import ExitStatus
from shell.explaining import explained
from shell.host_values import left_out, same_everywhere
from shell.interrupts import interrupt, signals_to
from shell.journal import CutOff, Journal, NoJournal, open_journal
from shell.named_intents import intent_called
from shell.places import Places
from shell.plan_files import SavedPlan
from shell.protected_places import protected_of
from shell.response import INTERRUPTED, Approval, Fault, Response
from shell.retry_phrase import find_retry_phrase
from shell.retrying import UNKNOWN
from shell.road import Options, Road
from shell.saved_plans import claim_plan, open_plan, require_same, save_plan, second_person_of
from shell.secrets_given import held_secrets
from shell.targets import Opened, Targets, host_patterns
from shell.undo_phrase import find_undo, without_spans

QUESTIONS_IN_A_ROW = 5
"""How often one request may be asked about before it is given up."""


class Session:
    """One person's or script's session. Use as a context manager, or call `close`."""

    def __init__(self, places: Places, *, door: Door, person: Person | None = None) -> None:
        self._places = places
        self._door: Door = door
        self._said_before: tuple[Match, ...] = ()
        """What "it" may mean in a conversation: the steps of the request before. A script has no such thing."""
        self._person = person or Nobody()
        asked = self._person if self._person.can_be_asked else None
        # One password for this machine and one for all others: nobody types thirty for thirty hosts.
        self._become = Become(
            asked,
            group_of=lambda host: LOCAL if host == LOCAL else "other hosts",
        )
        self._targets = Targets.of(places, become=self._become, prompter=asked)
        self._protected_things: Protected | None = None
        self._catalogue: Catalogue | None = None
        self._interpreter: Interpreter | None = None
        self._judge: ModelJudge | None = None
        self._journal: Journal | None = None
        self._model: ModelIdentity | None = None
        self._policy: Policy | None = None
        self.cancel = Cancel()
        self.watch: Callable[[Plan], Watcher] = lambda _plan: Watcher()
        """Asked, when a plan is about to be carried out, for what is told how it goes."""

    # -- what is loaded when first needed

    @property
    def catalogue(self) -> Catalogue:
        """The vetted intents. Raises `CatalogueError`."""
        if self._catalogue is None:
            self._catalogue = Catalogue.load(cache_directory=self._places.cache, user_packs=self._places.user_packs)
        return self._catalogue

    @property
    def interpreter(self) -> Interpreter:
        """The interpreter with its model. Raises `ModelError`."""
        if self._interpreter is None:
            from shell.judge import open_models

            models = open_models(
                self.catalogue,
                self._places.cache,
                model=self._places.model,
                trusted=self._places.trusted_models,
                corrections_folder=self._places.corrections,
            )
            self._judge, self._model = models.judge, models.identity
            self._interpreter = Interpreter(self.catalogue, models.judge, second=models.second)
        return self._interpreter

    @property
    def policy(self) -> Policy:
        """The rules in force. Raises `PolicyError`."""
        if self._policy is None:
            places = self._places
            self._policy = load_policy(
                places.system_policy,
                places.own_policy,
                as_root=places.uid == 0,
                system_grants=places.system_grants,
                own_grants=places.own_grants,
            )
        return self._policy

    @property
    def _protected(self) -> Protected:
        """What no change may take away, whatever is approved. Raises `PolicyError`."""
        if self._protected_things is None:
            self._protected_things = protected_of(self._places)
        return self._protected_things

    def close(self) -> None:
        """Close connections and history, and forget passwords."""
        self._targets.close()
        self._become.forget()
        if self._journal is not None:
            self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # -- the doors

    def handle(self, request: str, options: Options) -> Response:
        """Carry one English request as far as the options and the person let it go."""
        return self._guarded(request, options, self._english)

    def run_intent(self, name: str, pairs: Sequence[str], options: Options) -> Response:
        """Carry out one intent by name with `key=value` arguments; no English, no model."""
        return self.run_intents([(name, pairs)], options)

    def run_intents(self, operations: Sequence[tuple[str, Sequence[str]]], options: Options) -> Response:
        """Carry out intents by name, in order; `key=@column` takes the rows of the one before."""
        request = " then ".join(" ".join([name, *pairs]) for name, pairs in operations)
        return self._guarded(request, options, lambda road: self._direct(road, operations))

    def repeat(self, step: DoneStep, options: Options) -> Response:
        """Plan a step of the history anew, with the values that it had."""
        request = f"{step.intent} again on {step.host}"
        return self._guarded(request, options, lambda road: self._repeat(road, step))

    def open_hosts(self, on: str) -> tuple[Target, ...]:
        """Return the targets of `--on`, all of them. Raises `SaysoError` when one can't be reached."""
        opened = self._targets.open(host_patterns(on), Evidence("answer", text=f"--on {on}"))
        for fault in opened.faults.values():
            raise fault
        return opened.targets

    def asker_of(self, hosts: Iterable[str]) -> Asker:
        """Return who asks in this session, as the policy about these hosts sees it."""
        return Asker(self._places.user, self._door, self._targets.groups_of(hosts))

    def guards_left(self, hosts: Iterable[str]) -> list[tuple[str, Leftover]]:
        """Return the rollbacks that still wait on hosts, as far as these can be asked."""
        return guards_left(hosts, self._targets)

    def apply_file(self, path: Path, approvals: Sequence[Path], options: Options) -> Response:
        """Carry out a saved plan, once: planned again, and only if that gives the same plan."""
        return self._guarded(f"apply {path}", options, lambda road: self._apply_file(road, path, approvals))

    def save_plan(self, plan: Plan, path: Path, *, life: timedelta | None) -> SavedPlan:
        """Write a plan into a new file. Raises `RequestError`, `PlanError`."""
        return save_plan(plan, path, self._places, catalogue=self.catalogue.digest, now=_now(), life=life)

    def check_hosts(self, on: str) -> None:
        """Raise `TargetError` where `on` names no host; connects to nobody."""
        self._targets.names(host_patterns(on))

    def examine(self, cut_off: CutOff) -> Examination:
        """Return what the host says about a change whose end nobody saw; changes nothing, records nothing."""
        return examine_cut_off(cut_off, self._targets, self.catalogue, self.cancel)

    def clear_leftovers(self, cut_off: CutOff) -> Sequence[str]:
        """Remove the temporary files that a cut-off edit left; return their paths. Raises `SaysoError`."""
        holder = _holder(self._places.user, cut_off.record)
        return clear_cut_off(cut_off, self._targets, self.catalogue, holder=holder, cancel=self.cancel)

    def undo(self, record: int | None, options: Options) -> Response:
        """Take back what a record (the last change, of `options.on` if that is set, when None) did."""
        request = f"undo {record}" if record is not None else "undo"
        return self._guarded(request, options, lambda road: self._undo(road, record, options.on))

    def retry(self, record: int | None, options: Options) -> Response:
        """Plan a record again on the hosts where it didn't end well; the last of which something is left when None."""
        request = f"retry {record}" if record is not None else "retry"
        return self._guarded(request, options, lambda road: self._retry(road, record, options.on))

    def _guarded(self, request: str, options: Options, go: Callable[[Road], Response]) -> Response:
        """Every expected fault becomes a response; the record is closed whatever happens."""
        self.cancel = Cancel()  # an interrupt ends the request that it met, not those after it
        self._targets.forget_names()
        road = Road(request, options, Response(request, ExitStatus.DONE, warnings=self._places.warnings))
        road.journal = self._open_record(road)
        try:
            response = go(road)
        except SaysoError as error:
            response = road.failed(error)
        except HistoryError as error:
            response = road.failed_history(error)
        except KeyboardInterrupt:
            self.cancel.set()
            response = replace(road.response, status=ExitStatus.INTERRUPTED, fault=INTERRUPTED)
        response = replace(response, model=self._model or response.model, record=road.journal.record)
        with suppress(HistoryError):
            road.journal.end(response)
        return response

    def _open_record(self, road: Road) -> Journal:
        try:
            self._journal = open_journal(self._places.history, self._journal)
            self._journal.begin(road.request, door=self._door, user=self._places.user, directory=self._places.directory)
        except HistoryError as error:
            road.warn(f"The history can't be written, so nothing can be changed: {error}")
            return NoJournal(error)
        return self._journal

    # -- English

    def _english(self, road: Road) -> Response:
        started = time.perf_counter()
        phrase, spans = find_target(road.request, self._targets.local_names())
        undo = find_undo(without_spans(road.request, spans))
        if undo is not None and not road.options.explain:
            return self._undo(road, undo.record, ",".join(phrase.hosts) if phrase else road.options.on)
        again = find_retry_phrase(without_spans(road.request, spans))
        if again is not None and not road.options.explain:
            return self._retry(road, again.record, ",".join(phrase.hosts) if phrase else road.options.on)
        opened = self._find_targets(road, phrase)
        interpretation = self._interpret(road, opened, phrase, spans)
        road.timing("interpret", started)
        road.response = replace(road.response, interpretation=interpretation)
        road.journal.add_interpretation(interpretation)
        if road.options.explain:
            return explained(road.response, interpretation, self.catalogue, opened.targets[0].facts, judge=self._judge)
        if not interpretation.matches:
            return replace(road.response, status=ExitStatus.NOT_UNDERSTOOD)
        if self._door == "terminal":
            self._said_before = tuple(match for match in interpretation.matches if match.declared_by is None)
        if interpretation.ignored:
            road.warn("ignored: " + ", ".join(interpretation.ignored))
        if road.options.expect and [match.intent for match in interpretation.matches] != [road.options.expect]:
            understood = ", ".join(match.intent for match in interpretation.matches)
            fault = Fault(
                "expectation",
                f"Expected `{road.options.expect}`, understood `{understood}`.",
                "Reword the request, or correct --expect.",
            )
            return replace(road.response, status=ExitStatus.NOT_UNDERSTOOD, fault=fault)
        return self._go(road, opened)

    def _find_targets(self, road: Road, phrase: TargetPhrase | None) -> Opened:
        """Resolve where it is for: `--on`, else its own words, else this machine, and say which; explaining connects to nobody."""
        if road.options.on is not None:
            if phrase is not None:
                raise TargetError(
                    f'The request says "{phrase.evidence.text}" and --on says "{road.options.on}".',
                    remedy="Say where in one place only.",
                    host=road.options.on,
                )
            patterns = host_patterns(road.options.on)
            evidence = Evidence("answer", text=f"--on {road.options.on}")
        elif phrase is not None:
            patterns, evidence = list(phrase.hosts), phrase.evidence
        else:
            patterns, evidence = [LOCAL], Evidence("default", text="this machine")
        if road.options.explain:
            road.response = replace(road.response, hosts=self._targets.names(patterns), host_evidence=evidence)
            return Opened((self._targets.local(),), {}, evidence)
        return self._open_targets(road, patterns, evidence)

    def _open_targets(self, road: Road, patterns: Sequence[str], evidence: Evidence) -> Opened:
        opened = self._targets.open(patterns, evidence)
        road.unreachable(opened)
        if not opened.targets:
            raise opened.nobody(patterns)
        hosts = tuple(target.host for target in opened.targets) + tuple(opened.faults)
        road.response = replace(road.response, hosts=hosts, host_evidence=evidence)
        return opened

    def _interpret(
        self, road: Road, opened: Opened, phrase: TargetPhrase | None, spans: Sequence[tuple[int, int]]
    ) -> Interpretation:
        """Interpret, and ask while there is somebody to ask and something open."""
        first = opened.targets[0]
        context = self._targets.context(first, _now())
        answer = Answer()
        for _ in range(QUESTIONS_IN_A_ROW):
            interpretation = self.interpreter.interpret(
                road.request,
                context,
                facts=first.facts,
                target=phrase,
                target_spans=spans,
                answer=answer,
                said_before=self._said_before,
            )
            if interpretation.question is None or road.options.explain:
                return interpretation
            given = self._person.answers(interpretation.question)
            if given is None:
                return interpretation
            road.journal.add_answer(interpretation.question, given)
            answer = Answer(given.intent or answer.intent, {**(answer.values or {}), **(given.values or {})})
        return interpretation

    # -- the common part

    def _direct(self, road: Road, operations: Sequence[tuple[str, Sequence[str]]]) -> Response:
        patterns = host_patterns(road.options.on) if road.options.on else [LOCAL]
        evidence = (
            Evidence("answer", text=f"--on {road.options.on}")
            if road.options.on
            else Evidence("default", text="this machine")
        )
        named = [(intent_called(name, self.catalogue), pairs) for name, pairs in operations]
        opened = self._open_targets(road, patterns, evidence)
        context = self._targets.context(opened.targets[0], _now())
        matches = tuple(
            direct_match(intent, pairs, context, place=place) for place, (intent, pairs) in enumerate(named)
        )
        return self._with_matches(road, opened, matches, stage="named directly")

    def _repeat(self, road: Road, step: DoneStep) -> Response:
        intent = intent_called(step.intent, self.catalogue)
        evidence = Evidence("history")
        opened = self._open_targets(road, [step.host], evidence)
        match = Match(intent.name, {name: Argument(value, evidence) for name, value in step.arguments.items()}, 1.0)
        return self._with_matches(road, opened, (match,), stage="repeats a step of the history")

    def _with_matches(self, road: Road, opened: Opened, matches: tuple[Match, ...], *, stage: str) -> Response:
        interpretation = Interpretation(road.request, 1.0, matches=matches, stage=stage)
        road.response = replace(road.response, interpretation=interpretation)
        road.journal.add_interpretation(interpretation)
        return self._go(road, opened)

    def _go(self, road: Road, opened: Opened) -> Response:
        """Plan, decide, approve, apply: from a match to its outcome."""
        interpretation = road.response.interpretation
        if interpretation is None or road.options.explain:
            return road.response
        started = time.perf_counter()
        targets = [self._with_timeout(target, road.options) for target in opened.targets]
        now = _now()
        meant, elsewhere = same_everywhere(
            interpretation.matches,
            self.catalogue,
            targets,
            context_of=lambda target: self._targets.context(target, now),
            at_once=self._places.schedule.hosts_at_once,
            cancel=self.cancel,
        )
        out = [*left_out(opened.faults), *elsewhere]
        plan = self._plan(
            road.request, interpretation.matches, meant, opened.evidence, self._places.schedule, left_out=out
        )
        road.timing("plan", started)
        return self._carry_out(road, plan, targets)

    def _plan(
        self,
        request: str,
        matches: Sequence[Match],
        targets: Sequence[Target],
        evidence: Evidence,
        schedule: Schedule,
        *,
        left_out: Sequence[LeftOut] = (),
    ) -> Plan:
        return make_plan(
            request,
            matches,
            self.catalogue,
            targets,
            host_evidence=evidence,
            now=_now(),
            cancel=self.cancel,
            protected=self._protected,
            schedule=schedule,
            left_out=left_out,
        )

    def _with_timeout(self, target: Target, options: Options) -> Target:
        limit_s = options.timeout_s or self._places.timeout_s
        if limit_s is None:
            return target
        from shell.timeouts import LimitedTransport

        return replace(target, transport=LimitedTransport(target.transport, limit_s), limit_s=limit_s)

    def _carry_out(self, road: Road, plan: Plan, targets: Sequence[Target]) -> Response:
        asker = self.asker_of(target.host for target in targets)
        decision = decide(plan, self.policy, asker)
        road.leave_out(plan.left_out)
        road.response = replace(road.response, plan=plan, decision=decision.word, rule=decision.rule)
        road.journal.add_plan(plan, decision)
        if road.options.dry_run:
            return road.finished()
        if plan.is_change and isinstance(road.journal, NoJournal):
            # Also where nothing is to do: whoever asks for a change hears of it now, not when there is something.
            return road.failed_history(road.journal.error)
        if plan.is_empty:
            return road.finished()
        approval = approve(plan, decision, asker, self._person, yes=road.options.yes, second=road.second_person)
        if approval is None and decision.verdict is not Verdict.ALLOW:
            return road.refused(decision, was_asked=self._door == "terminal")
        road.response = replace(road.response, approval=approval)
        if approval is not None:
            road.journal.add_approval(approval)
        is_typed = approval is not None and approval.how == "terminal"
        is_confirmed = is_typed and decision.verdict >= Verdict.CONFIRM
        wanted, file = secrets_wanted(plan), road.options.secret_file
        with held_secrets(wanted, self._person, file, uid=self._places.uid, hosts=plan.hosts) as secrets:
            road.before_applying()
            started = time.perf_counter()
            interrupts = Interrupts()
            run = self._run(road, plan, asker, approval, targets, is_confirmed=is_confirmed)
            with signals_to(interrupts.press):
                outcomes = apply_plan(plan, replace(run, secrets=secrets), interrupts=interrupts)
            road.timing("apply", started)
        outcomes, tables = across_hosts(plan, outcomes, self.catalogue, plan.facts)
        road.response = replace(road.response, outcomes={**road.response.outcomes, **outcomes}, tables=tables)
        return road.finished(was_interrupted=interrupts.count > 0)

    def _run(
        self,
        road: Road,
        plan: Plan,
        asker: Asker,
        approval: Approval | None,
        targets: Sequence[Target],
        *,
        is_confirmed: bool,
    ) -> Run:
        holder = _holder(asker.user, road.journal.record)
        return Run(
            catalogue=self.catalogue,
            targets={target.host: target for target in targets},
            policy=self.policy,
            recorder=road.journal,
            user=asker.user,
            door=asker.door,
            is_approved=approval is not None,
            is_confirmed=is_confirmed,
            second_person=road.second_person,
            groups=asker.groups,
            holder=holder,
            protected=self._protected,
            guard=GuardSettings(self._proof_for, self._places.guard_limit_s),
            cancel=self.cancel,
            watcher=self.watch(plan),
            goes_on=self._goes_on,
        )

    def _goes_on(self, done: Mapping[str, Sequence[Outcome]], left: Sequence[str]) -> bool:
        """Ask the person between two batches; an interrupt means no."""
        try:
            with signals_to(interrupt):
                return self._person.goes_on(done, left)
        except KeyboardInterrupt:
            return False

    def _proof_for(self, target: Target, within_s: float) -> Prove | None:
        """Return how access to a target is proven: by a new login, or here by the person."""
        if target.address is not None:
            return prove_by_login(
                target.address, within_s=within_s, cancel=self.cancel, connect=self._targets.new_connection
            )
        if self._door != "terminal":
            return None
        return lambda: target.transport if self._person.confirms_access(within_s) else None

    # -- saved plans

    def _apply_file(self, road: Road, path: Path, approvals: Sequence[Path]) -> Response:
        saved = open_plan(path, self._places, now=_now())
        road.second_person = second_person_of(saved, approvals, self._places, now=_now())
        road.before_applying = lambda: claim_plan(saved, self._places, now=_now())
        plan = saved.plan
        hosts = list(dict.fromkeys(host for stage in plan.stages for host in stage.hosts))
        opened = self._open_targets(road, hosts, plan.host_evidence)
        if opened.faults:
            raise next(iter(opened.faults.values()))
        matches = tuple(stage.match for stage in plan.stages)
        interpretation = Interpretation(plan.request, 1.0, matches=matches, stage=f"the plan in {path}")
        road.response = replace(road.response, interpretation=interpretation)
        road.journal.add_interpretation(interpretation)
        targets = [self._with_timeout(target, road.options) for target in opened.targets]
        fresh = self._plan(plan.request, matches, targets, plan.host_evidence, plan.schedule)
        if fresh.left_out:
            raise PlanError(fresh.left_out[0].message, remedy="Make the plan again, and look at it.")
        require_same(plan, fresh)
        return self._carry_out(road, replace(fresh, id=plan.id), targets)

    # -- undo

    def _undo(self, road: Road, record: int | None, on: str | None, *, retry_of: int | None = None) -> Response:
        if isinstance(road.journal, NoJournal):
            return road.failed_history(road.journal.error)
        only, changes = None if on is None else frozenset(self._targets.names(host_patterns(on))), road.journal.changes
        standing = changes.last(only) if record is None else changes.of(record, only)
        number, hosts = standing.record, list(dict.fromkeys(step.host for step in standing.steps))
        evidence = Evidence("history", note=f"record {number}")
        opened = self._open_targets(road, hosts, evidence)
        if opened.faults:
            raise next(iter(opened.faults.values()))
        by_host, context = opened.by_host, self._targets.context(opened.targets[0], _now())
        with changes.explaining(standing, only, was_named=record is not None):
            stages = undo_stages(
                number, standing.steps, self.catalogue, by_host, context, self.cancel, protected=self._protected
            )
        schedule = self._places.schedule
        plan = finish_plan(
            f"undo {number}", stages, opened.targets, host_evidence=evidence, now=_now(), schedule=schedule
        )
        matches = tuple(stage.match for stage in stages)
        interpretation = Interpretation(road.request, 1.0, matches=matches, stage=f"takes back record {number}")
        road.response = replace(road.response, interpretation=interpretation)
        road.journal.add_interpretation(interpretation, retry_of=retry_of)
        return self._carry_out(road, plan, opened.targets)

    # -- retry

    def _retry(self, road: Road, record: int | None, on: str | None) -> Response:
        if isinstance(road.journal, NoJournal):
            return road.failed_history(road.journal.error)
        again = road.journal.retry_of(record)
        only = None if on is None else self._targets.names(host_patterns(on))
        hosts = [host for host in again.hosts if only is None or host in only]
        if not hosts:
            raise PlanError(f"Nothing of record {again.record} is left on {on}.", remedy="Leave --on away.")
        road.response = replace(road.response, retry_of=again.record)
        if again.undo_of is not None:
            return self._undo(road, again.undo_of, ",".join(hosts), retry_of=again.record)
        for host in hosts:
            if again.hosts[host] == UNKNOWN:
                road.warn(
                    f"What record {again.record} did on {host} isn't known; its plan is made from what is there now."
                )
        opened = self._open_targets(road, hosts, Evidence("history", note=f"left of record {again.record}"))
        interpretation = Interpretation(
            road.request, 1.0, matches=again.matches, stage=f"tries record {again.record} again"
        )
        road.response = replace(road.response, interpretation=interpretation)
        road.journal.add_interpretation(interpretation, retry_of=again.record)
        return self._go(road, opened)


def _holder(user: str, record: int | None) -> dict[str, str]:
    """Return who holds a lock, for those who wait for it."""
    return {"user": user, "host": os.uname().nodename, "record": str(record or "")}


def _now() -> datetime:
    """Return the time now in the person's own zone."""
    return datetime.now().astimezone()
