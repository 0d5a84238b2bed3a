"""Makes the plan of a request: its stages in order, each from real state and from what the ones before will lead to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from executors.follow_ups import follow_ups_of, without_declared
from executors.forecast import Forecast
from executors.outcome_status import status_of_error
from executors.path_effects import risk_with
from executors.plan import Envelope, LeftOut, Plan, PlannedStep, Stage
from executors.plan_hash import finish_plan
from executors.protected import NOTHING_MORE, Protected
from executors.schedule import Schedule
from executors.side_by_side import side_by_side
from executors.state import Target, read_rows
from executors.step_planning import plan_steps
from executors.transport import Cancel
from intents.errors import PlanError, SaysoError, ValueRejected
from intents.export import exported
from intents.intent import EffectName, Intent
from intents.interpretation import Evidence, Match, RowReference
from intents.operations import Table, apply_operations
from intents.values import Json

REFERENCED_ROWS = 100
"""How many values of an earlier stage's rows a later stage may work on."""


def make_plan(
    request: str,
    matches: Sequence[Match],
    catalogue: Mapping[str, Intent],
    targets: Sequence[Target],
    *,
    host_evidence: Evidence,
    now: datetime,
    cancel: Cancel | None = None,
    protected: Protected = NOTHING_MORE,
    schedule: Schedule | None = None,
    left_out: Sequence[LeftOut] = (),
) -> Plan:
    """Return the plan of the matches, in order, over the targets, which are asked side by side.

    Of several hosts those that can't be planned are left out, and the plan says so, after those of `left_out`; only when
    none remains is the fault of the first one raised: `StepError` or `PlanError` when the state can't be
    read or a file can't be edited, `UnreachableError` when a target of a change can't be reached.
    """
    how = schedule or Schedule()
    remaining = list(targets)
    out = list(left_out)
    while True:
        planner = _Planner(catalogue, remaining, cancel, protected, at_once=how.hosts_at_once)
        for match in without_declared(matches):
            if not planner.must_begin_again:
                planner.add(match)
        if not planner.must_begin_again:
            break
        remaining = list(planner.targets)
        out += planner.left_out
    return finish_plan(
        request,
        planner.stages,
        planner.targets,
        host_evidence=host_evidence,
        now=now,
        schedule=how,
        left_out=[*out, *planner.left_out],
    )


@dataclass(slots=True)
class _Planner:
    """The stages so far, and what they will lead to on each host."""

    catalogue: Mapping[str, Intent]
    targets: Sequence[Target]
    cancel: Cancel | None
    protected: Protected
    at_once: int
    stages: list[Stage] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Of each match of the request, the place of its stage."""
    forecasts: dict[str, Forecast] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    """The hosts that were dropped from `targets` on the way."""
    must_begin_again: bool = False
    """Whether a host was dropped of which earlier stages have steps."""

    def add(self, match: Match) -> None:
        """Plan one more match of the request, and what it declares to follow."""
        self.places.append(len(self.stages))
        stage = self._plan(match, self.targets)
        for following, targets in follow_ups_of(stage, self.catalogue, self.targets):
            if not self.must_begin_again:
                self._plan(following, targets)

    def _plan(self, match: Match, targets: Sequence[Target]) -> Stage:
        intent = self.catalogue[match.intent]
        envelope = self._envelope(match)
        hosts = self._steps_of_all(intent, match, targets, envelope)
        if match.declared_by is not None:  # its state may be another once the step before has been made
            hosts = {host: tuple(replace(one, is_predicted=True) for one in steps) for host, steps in hosts.items()}
        stage = Stage(intent.name, intent.risk, intent.effects, match, hosts, envelope=envelope)
        values = [stage.values_of(planned) for steps in hosts.values() for planned in steps] or [match.values()]
        effects = effects_in(intent, hosts)
        risk = risk_with(max(intent.risk_for(one) for one in values), effects)
        stage = replace(stage, risk=risk, effects=effects)
        self.stages.append(stage)
        return stage

    def _steps_of_all(
        self, intent: Intent, match: Match, targets: Sequence[Target], envelope: Envelope | None
    ) -> dict[str, tuple[PlannedStep, ...]]:
        """Plan one match on each host; one that can't be planned is dropped while another is left."""

        def plan(target: Target) -> tuple[PlannedStep, ...]:
            return self._steps(intent, match, target, envelope)

        found = side_by_side(plan, targets, at_once=self.at_once, cancel=self.cancel)
        faults = {target.host: one for target, one in zip(targets, found, strict=True) if isinstance(one, SaysoError)}
        if faults and len(faults) == len(self.targets):
            raise next(iter(faults.values()))
        if faults:
            self.targets = [target for target in self.targets if target.host not in faults]
            self.left_out += [LeftOut(host, status_of_error(error), str(error)) for host, error in faults.items()]
            self.must_begin_again = self.must_begin_again or bool(self.stages)
        return {target.host: one for target, one in zip(targets, found, strict=True) if not isinstance(one, SaysoError)}

    def _steps(
        self, intent: Intent, match: Match, target: Target, envelope: Envelope | None
    ) -> tuple[PlannedStep, ...]:
        if envelope is not None:
            return ()
        forecast = self.forecasts.setdefault(target.host, Forecast(target))
        if not match.references:
            return plan_steps(
                intent, match.values(), target, cancel=self.cancel, forecast=forecast, protected=self.protected
            )
        ((parameter, reference),) = match.references.items()
        found = self._referenced(reference, target)
        return plan_referenced(
            intent,
            match,
            parameter,
            found,
            target,
            cancel=self.cancel,
            forecast=forecast,
            protected=self.protected,
        )

    def _envelope(self, match: Match) -> Envelope | None:
        """Rows that come after a change are known only when it has run; all others are read now."""
        if not match.references:
            return None
        ((parameter, reference),) = match.references.items()
        source = self.places[reference.match]
        if not any(stage.risk.value for stage in self.stages[: source + 1]):
            return None
        if reference.format is not None:
            raise PlanError(
                "Rows that come after a change can't be written to a file in the same plan.",
                remedy="Ask for them again when the change is made.",
            )
        return Envelope(parameter, source, reference.column, REFERENCED_ROWS)

    def _referenced(self, reference: RowReference, target: Target) -> list[Json]:
        table = self._table(reference, target)
        if reference.format is None:
            return referenced_values(table.rows, reference.column)
        return [exported(table.rows, table.columns, reference.format)]

    def _table(self, reference: RowReference, target: Target) -> Table:
        source = self.stages[self.places[reference.match]]
        intent = self.catalogue[source.intent]
        read = intent.operation_for(target.facts).read
        if read is None:
            raise PlanError(
                f"`{source.intent}` gives no rows to go on with.", remedy="Name an operation that shows rows."
            )
        rows = read_rows(intent, read, source.match.values(), target, self.cancel)
        return apply_operations(rows, read.columns, source.match.operations, order=read.order, limit=read.limit)


def effects_in(intent: Intent, hosts: Mapping[str, Sequence[PlannedStep]]) -> tuple[EffectName, ...]:
    """Return what the steps of a stage grant or disclose, the intent's own words first."""
    return tuple(
        dict.fromkeys([*intent.effects, *(one for some in hosts.values() for step in some for one in step.effects)])
    )


def referenced_values(rows: Sequence[Mapping[str, Json]], column: str) -> list[Json]:
    """Return the values of a column, each once, in order. Raises `PlanError` where there are none or too many."""
    found = list(dict.fromkeys(row[column] for row in rows if row.get(column) is not None))
    if rows and not found:
        raise PlanError(f"The rows have no `{column}`.", remedy=f"They have: {', '.join(rows[0])}.")
    if len(found) > REFERENCED_ROWS:
        raise PlanError(
            f"{len(found)} values are more than {REFERENCED_ROWS} for one plan.", remedy="Narrow the rows down first."
        )
    return found


def plan_referenced(
    intent: Intent,
    match: Match,
    parameter: str,
    found: Sequence[Json],
    target: Target,
    *,
    cancel: Cancel | None,
    forecast: Forecast | None = None,
    protected: Protected = NOTHING_MORE,
) -> tuple[PlannedStep, ...]:
    """Return one step for each value (one for all where the parameter takes several).

    A value from a host's output is data: it must be canonical for the parameter's type. Raises `PlanError`.
    """
    is_many = intent.parameters[parameter].many
    groups: list[Json] = [list(found)] if is_many and found else list(found)
    steps: list[PlannedStep] = []
    for value in groups:
        try:
            planned = plan_steps(
                intent,
                {**match.values(), parameter: value},
                target,
                cancel=cancel,
                forecast=forecast,
                protected=protected,
            )
        except ValueRejected as error:
            raise PlanError(
                f"`{intent.name}` on {target.host} doesn't take a value of the rows: {error.message}",
                remedy="Name another column, or the value yourself.",
            ) from error
        steps += [replace(one, arguments={parameter: value}) for one in planned]
    return tuple(steps)
