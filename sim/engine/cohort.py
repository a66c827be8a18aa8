"""The entities of one replication: when they arrive, what they are, and their luck. Knows nothing of the procedure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sim.engine.streams import Uniforms, uniforms
from sim.scenario.demand import Arrivals, Flow
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


@dataclass(frozen=True, slots=True)
class Cohort:
    """All flows of one replication, ordered by name."""

    calendar: Calendar
    replication: int
    flows: tuple[FlowCohort, ...]


def sample_cohort(demand: Mapping[str, Flow], calendar: Calendar, seed: int, replication: int) -> Cohort:
    """Draw the entities of one replication."""
    flows = []
    for name, flow in sorted(demand.items()):
        arrival = arrival_times(flow.arrivals, calendar, Luck(seed, replication, name, 0))
        luck = Luck(seed, replication, name, len(arrival))
        attributes = {
            variable: chosen(luck, f"attribute/{variable}", attribute.outcomes())
            if attribute.one_of is not None
            else _true_for(luck.of(f"attribute/{variable}") < (attribute.share or 0.0))
            for variable, attribute in sorted(flow.attributes.items())
        }
        flows.append(FlowCohort(name, arrival, attributes, luck))
    return Cohort(calendar, replication, tuple(flows))


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
        begin = calendar.origin.astimezone(UTC)
        zone = ZoneInfo(calendar.zone)
        moments = [m if m.tzinfo else m.replace(tzinfo=zone) for m in arrivals.recorded.values]
        times = np.sort(
            np.array([round((m.astimezone(UTC) - begin) / timedelta(milliseconds=1)) for m in moments], dtype=np.int64)
        )
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
