"""How many pass: arrivals, departures per day and hour, entities in the port over time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.engine.audit import leaving_of_flow
from sim.engine.timeline import NEVER, Timeline, first_of
from sim.engine.workload import Workload, picking
from sim.measures.clocks import PRESENCE, begin_times, point_times
from sim.measures.table import ALL, Level, Tables
from sim.scenario.procedure import Clock
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
        return workload.arrival[workload.entities_of_flow[code]], leaving_of_flow(workload, timeline, code)
    return begins, ends[0]


def hour_of_day(calendar: Calendar, moments: Times) -> Times:
    """Hour of day (0-23) in the calendar's zone of moments in ms."""
    hours, _ = calendar.local_hours()
    return hours[moments // HOUR]


def add_throughput(tables: Tables, clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> None:
    """Arrivals, departures and presence of every flow, and of all flows of a port together."""
    by_flow: dict[tuple[str, str], list[Part]] = {}
    by_port: dict[str, list[Part]] = {}
    limited: set[str] = set()
    for code, flow in enumerate(workload.plan.flows):
        lines = [workload.plan.resources[a.queue].queue_limit for a in flow.activities if a.queue is not None]
        if any(limit is not None for limit in lines):
            limited |= {flow.name, flow.port}
        mine = workload.entities_of_flow[code]
        part = (workload.arrival[mine], *presence(clocks, workload, timeline, code), timeline.turned_away[mine])
        by_flow.setdefault((flow.port, flow.name), []).append(part)
        by_port.setdefault(flow.port, []).append(part)
    alone: dict[str, Level] = {}
    for (port, name), parts in by_flow.items():
        level = _inside(parts, workload.plan.calendar)
        _add(tables, port, name, parts, level, calendar=workload.plan.calendar, limited=name in limited)
        if len(by_port[port]) == len(parts):  # the only flow of its port
            alone[port] = level
    for port, parts in sorted(by_port.items()):
        level = alone.get(port) or _inside(parts, workload.plan.calendar)
        _add(tables, port, ALL, parts, level, calendar=workload.plan.calendar, limited=port in limited)


def _inside(parts: list[Part], calendar: Calendar) -> Level:
    """How many are in the port."""
    _, entered, left, away = (np.concatenate(column) for column in zip(*parts, strict=True))
    inside = picking(entered != NEVER)
    until = first_of([left, away], calendar.horizon)
    return Level.of(Steps.counting(entered[inside], until[inside]), calendar.window)


def _add(
    tables: Tables, port: str, subject: str, parts: list[Part], level: Level, *, calendar: Calendar, limited: bool
) -> None:
    """Add the rows of a subject; `limited` says that some line on its way can be full."""
    arrival, _, left, away = (np.concatenate(column) for column in zip(*parts, strict=True))
    begin, end = calendar.window
    days = (end - begin) / DAY
    if limited:
        tables.add(port, subject, "turned_away", "per day", per_day=((away >= begin) & (away < end)).sum() / days)
    departures = left[(away == NEVER) & (left != NEVER) & (left >= begin) & (left < end)]
    tables.add(port, subject, "arrivals", "per day", per_day=((arrival >= begin) & (arrival < end)).sum() / days)
    tables.add(port, subject, "throughput", "per day", per_day=len(departures) / days)
    by_hour = np.bincount(hour_of_day(calendar, departures), minlength=24)
    names = {f"h{hour:02d}": by_hour[hour] / days for hour in range(24)}
    tables.add(port, subject, "throughput_by_hour", "per hour", **names)
    tables.add_level(port, subject, "in_port", level)
