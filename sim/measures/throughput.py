"""How many pass: arrivals, departures per day and hour, entities in the port over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sim.engine.audit import leaving_of_flow
from sim.engine.timeline import NEVER, Timeline, first_of
from sim.engine.workload import Workload, joined, picking
from sim.measures.clocks import begin_times, point_times
from sim.measures.table import ALL, Level, Tables, summed_up
from sim.scenario.procedure import PRESENCE, Clock
from sim.scenario.rosters import Calendar
from sim.scenario.steps import Steps
from sim.scenario.units import DAY, HOUR

Times = NDArray[np.int64]
Part = tuple[Times, Times, Times, Times]
"""Arrival, entry, departure and refusal of the entities of one route, `NEVER` where it does not happen."""


def presence(clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline, code: int) -> tuple[Times, Times]:
    """When each entity of a flow enters and leaves its port, `NEVER` where it does not; shape (entities,).

    That is the clock `port_dwell`; without it, arrival and the end of the route.
    """
    clock = clocks.get(PRESENCE)
    begins = begin_times(clock, workload, timeline, code) if clock is not None else None
    ends = point_times(clock.end, workload, timeline, code) if clock is not None else None
    if begins is None or ends is None:
        return workload.arrivals[code], leaving_of_flow(workload, timeline, code)
    return begins, ends[0]


def hour_of_day(calendar: Calendar, moments: Times) -> Times:
    """Hour of day (0-23) in the calendar's zone of moments in ms."""
    hours, _ = calendar.local_hours()
    return hours[moments // HOUR]


def add_throughput(tables: Tables, clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> None:
    """Arrivals, departures and presence of every flow, and of all flows of a port together."""
    parts: list[tuple[str, str, Part]] = []
    limited: set[tuple[str, str]] = set()
    for code, flow in enumerate(workload.plan.flows):
        lines = [workload.plan.resources[a.queue].queue_limit for a in flow.activities if a.queue is not None]
        if any(limit is not None for limit in lines):
            limited |= {(flow.port, flow.name), (flow.port, ALL)}
        away = workload.of_route(timeline.turned_away, code)
        part = (workload.arrivals[code], *presence(clocks, workload, timeline, code), away)
        parts.append((flow.port, flow.name, part))
    for port, subject, said in summed_up(parts, partial(_Throughput.of, calendar=workload.plan.calendar)):
        _add(tables, port, subject, said, limited=(port, subject) in limited)


@dataclass(frozen=True, slots=True)
class _Throughput:
    """What the tables say of some entities, a day."""

    arrivals: float
    turned_away: float
    departures: float
    by_hour: NDArray[np.float64]
    """Departures by hour of day, shape (24,)."""
    inside: Level
    """How many are in the port."""

    @classmethod
    def of(cls, parts: list[Part], calendar: Calendar) -> _Throughput:
        """Of all parts together."""
        arrival, entered, left, away = (joined(column, column[0]) for column in zip(*parts, strict=True))
        begin, end = calendar.window
        days = (end - begin) / DAY
        departures = left[(away == NEVER) & (left >= begin) & (left < end)]  # `NEVER` is before all moments here
        inside, until = picking(entered != NEVER), first_of([left, away], calendar.horizon)
        return cls(
            arrivals=((arrival >= begin) & (arrival < end)).sum() / days,
            turned_away=((away >= begin) & (away < end)).sum() / days,
            departures=len(departures) / days,
            by_hour=np.bincount(hour_of_day(calendar, departures), minlength=24) / days,
            inside=Level.of(Steps.counting(entered[inside], until[inside]), calendar.window),
        )


def _add(tables: Tables, port: str, subject: str, said: _Throughput, *, limited: bool) -> None:
    """Add the rows of a subject; `limited` says that some line on its way can be full."""
    if limited:
        tables.add(port, subject, "turned_away", "per day", per_day=said.turned_away)
    tables.add(port, subject, "arrivals", "per day", per_day=said.arrivals)
    tables.add(port, subject, "throughput", "per day", per_day=said.departures)
    by_hour = {f"h{hour:02d}": said.by_hour[hour] for hour in range(24)}
    tables.add(port, subject, "throughput_by_hour", "per hour", **by_hour)
    tables.add_level(port, subject, "in_port", said.inside)
