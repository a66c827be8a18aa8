"""The entities of one replication: when they arrive, what they are, and their luck. Knows nothing of the procedure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from sim.engine.streams import Uniforms, uniforms
from sim.scenario.demand import Aboard, Arrivals, Flow, recorded_times
from sim.scenario.disruptions import Disruption
from sim.scenario.fields import Outcome
from sim.scenario.rosters import WEEKDAYS, Calendar
from sim.scenario.units import DAY, HOUR, MINUTE

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Luck:
    """The uniforms of the entities of one flow in one replication, by purpose."""

    seed: int
    replication: int
    flow: str
    count: int

    def of(self, purpose: str) -> Uniforms:
        """One uniform for each entity, shape (count,)."""
        return uniforms(self.seed, self.replication, f"{self.flow}/{purpose}", self.count)

    def choice(self, purpose: str, shares: Mapping[Outcome, float]) -> dict[Outcome, NDArray[np.float64]]:
        """For each outcome the time at which it wins a race; see `chosen`."""
        return {
            outcome: -np.log(self.of(f"{purpose}/{str(outcome).lower()}")) / share
            for outcome, share in shares.items()
            if share > 0
        }


@dataclass(frozen=True, slots=True)
class FlowCohort:
    """The entities of one flow in order of their index; an index means the same entity in every mode."""

    name: str
    arrival: Times
    """Arrival in ms, shape (n,)."""
    attributes: Mapping[str, NDArray[np.object_]]
    """Outcome of each attribute, shape (n,)."""
    luck: Luck
    carrier_flow: str | None = None
    """The flow whose entities brought these."""
    carrier: Times | None = None
    """For each entity the index of the carrier that brought it, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """All flows of one replication, ordered by name, and what strikes the stations."""

    calendar: Calendar
    replication: int
    flows: tuple[FlowCohort, ...]
    disruptions: Mapping[str, tuple[tuple[int, int], ...]]
    """For each disruption the stretches [begin, end) in ms."""


def sample_cohort(
    demand: Mapping[str, Flow],
    calendar: Calendar,
    seed: int,
    replication: int,
    disruptions: Mapping[str, Disruption] | None = None,
) -> Cohort:
    """Draw the entities of one replication and its disruptions."""
    arrivals: dict[str, Times] = {}
    carriers: dict[str, Times] = {}
    for name in _carriers_first(demand):
        rules = demand[name].arrivals
        luck = Luck(seed, replication, name, 0)
        if rules.aboard is None:
            arrivals[name] = arrival_times(rules, calendar, luck)
        else:
            counts = _riders(rules.aboard, luck, len(arrivals[rules.aboard.flow]))
            carriers[name] = np.repeat(np.arange(len(counts)), counts)
            arrivals[name] = arrivals[rules.aboard.flow][carriers[name]]
    flows = []
    for name, flow in sorted(demand.items()):
        arrival = arrivals[name]
        luck = Luck(seed, replication, name, len(arrival))
        attributes = {
            variable: chosen(luck, f"attribute/{variable}", attribute.outcomes())
            if attribute.one_of is not None
            else _true_for(luck.of(f"attribute/{variable}") < (attribute.share or 0.0))
            for variable, attribute in sorted(flow.attributes.items())
        }
        aboard = flow.arrivals.aboard
        flows.append(
            FlowCohort(name, arrival, attributes, luck, aboard.flow if aboard is not None else None, carriers.get(name))
        )
    strikes = {name: _strikes(name, rules, calendar, seed, replication) for name, rules in (disruptions or {}).items()}
    return Cohort(calendar, replication, tuple(flows), strikes)


def _carriers_first(demand: Mapping[str, Flow]) -> list[str]:
    """The flows so that each stands behind the flow that brings it."""
    order: list[str] = []

    def visit(name: str) -> None:
        aboard = demand[name].arrivals.aboard
        if aboard is not None and aboard.flow not in order:
            visit(aboard.flow)
        if name not in order:
            order.append(name)

    for name in sorted(demand):
        visit(name)
    return order


def _riders(aboard: Aboard, luck: Luck, carriers: int) -> Times:
    """How many each carrier brings."""
    if aboard.riders is not None:
        return np.full(carriers, aboard.riders, dtype=np.int64)
    assert aboard.least is not None
    assert aboard.most is not None
    chance = uniforms(luck.seed, luck.replication, f"{luck.flow}/riders", carriers)
    return aboard.least + np.floor(chance * (aboard.most - aboard.least + 1)).astype(np.int64)


def _strikes(
    name: str, rules: Disruption, calendar: Calendar, seed: int, replication: int
) -> tuple[tuple[int, int], ...]:
    """The stretches of a disruption up to the horizon, the same in every mode."""
    if rules.dates is not None:
        zone = rules.zone or calendar.zone
        dated = sorted(
            (calendar.milliseconds(one, zone), calendar.milliseconds(other, zone)) for one, other in rules.dates
        )
        return tuple((max(begin, 0), end) for begin, end in dated if end > 0 and begin < calendar.horizon)
    assert rules.between is not None
    assert rules.lasts is not None
    count, ends, lasts = 16, np.zeros(1), np.zeros(1)
    while ends[-1] < calendar.horizon:
        count *= 2
        between = rules.between.quantile(uniforms(seed, replication, f"disruption/{name}/between", count))
        lasts = rules.lasts.quantile(uniforms(seed, replication, f"disruption/{name}/lasts", count))
        ends = np.cumsum(between + lasts)
    begins = np.rint(ends - lasts).astype(np.int64)
    chosen = begins < calendar.horizon
    return tuple(zip(begins[chosen].tolist(), np.rint(ends).astype(np.int64)[chosen].tolist(), strict=True))


def chosen(luck: Luck, purpose: str, shares: Mapping[Outcome, float]) -> NDArray[np.object_]:
    """One outcome for each entity, with the given shares.

    Each outcome has its own uniform and runs a race: the exponential time -log(u)/share; the first wins. So the order
    in which outcomes are listed does not matter, and where one share grows and no other one does, everybody who had
    that outcome keeps it.

    Returns:
        Outcomes, shape (count,).
    """
    race = luck.choice(purpose, shares)
    outcomes = sorted(race, key=str)
    table = np.array([race[outcome] for outcome in outcomes])
    names = np.array(outcomes, dtype=object)
    return names[np.argmin(table, axis=0)] if luck.count else names[:0]


def _true_for(mask: NDArray[np.bool_]) -> NDArray[np.object_]:
    return np.where(mask, np.array(True, dtype=object), np.array(False, dtype=object))


def arrival_times(arrivals: Arrivals, calendar: Calendar, luck: Luck) -> Times:
    """Arrivals in [0, horizon) in ms, in the order of the entities' index."""
    if arrivals.rate is not None:
        times = _poisson(arrivals, calendar, luck)
    elif arrivals.every is not None:
        first = arrivals.every if arrivals.first is None else arrivals.first
        times = np.arange(first, calendar.horizon, arrivals.every, dtype=np.int64)
    elif arrivals.timetable is not None:
        times = _scheduled(arrivals, calendar, luck)
    else:
        assert arrivals.recorded is not None
        times = np.array(recorded_times(arrivals.recorded.values, calendar), dtype=np.int64)
    return times[(times >= 0) & (times < calendar.horizon)]


def _poisson(arrivals: Arrivals, calendar: Calendar, luck: Luck) -> Times:
    """Non-homogeneous Poisson arrivals, exact: unit-rate arrivals through the inverse of the cumulative rate."""
    assert arrivals.rate is not None
    hour, weekday = calendar.local_hours()
    hours = np.array(arrivals.hours or [1.0] * 24)
    days = np.array(arrivals.weekdays or [1.0] * 7)
    rate = arrivals.rate / 24 * (hours / hours.mean())[hour] * (days / days.mean())[weekday]
    edges = np.arange(len(rate) + 1, dtype=np.float64) * HOUR
    cumulative = np.concatenate(([0.0], np.cumsum(rate)))
    total = cumulative[-1]
    count = int(total + 6 * np.sqrt(total) + 20)
    passed = np.cumsum(-np.log(uniforms(luck.seed, luck.replication, f"{luck.flow}/arrival", count)))
    while passed[-1] < total:
        count *= 2
        passed = np.cumsum(-np.log(uniforms(luck.seed, luck.replication, f"{luck.flow}/arrival", count)))
    passed = passed[passed < total]
    index = np.searchsorted(cumulative, passed, side="right") - 1
    return np.floor(edges[index] + (passed - cumulative[index]) / rate[index] * HOUR).astype(np.int64)


def _scheduled(arrivals: Arrivals, calendar: Calendar, luck: Luck) -> Times:
    """Arrivals by timetable, each with its own lateness."""
    assert arrivals.timetable is not None
    days = {WEEKDAYS.index(day) for day in arrivals.days or WEEKDAYS}
    midnight = calendar.origin.replace(tzinfo=None)
    planned: list[int] = []
    for offset in range(calendar.horizon // DAY + 2):
        day = midnight + timedelta(days=offset)
        if day.weekday() in days:
            begin = calendar.milliseconds(day, calendar.zone)
            planned.extend(begin + minute * MINUTE for minute in sorted(arrivals.timetable))
    times = np.array(planned, dtype=np.int64)
    if arrivals.late is not None:
        delay = arrivals.late.quantile(uniforms(luck.seed, luck.replication, f"{luck.flow}/late", len(times)))
        times = times + np.rint(delay).astype(np.int64)
    return times - (arrivals.early or 0)
