"""Stations and pools: waiting and service of visits, utilisation, length of the queue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.engine.audit import Use
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.measures.clocks import measured, quantiles
from sim.measures.table import Tables
from sim.scenario.steps import Steps
from sim.scenario.units import DAY, HOUR

Times = NDArray[np.int64]


def add_stations(tables: Tables, workload: Workload, timeline: Timeline, uses: list[Use]) -> None:
    """Every station and pool that somebody uses."""
    calendar = workload.plan.calendar
    window = calendar.window
    horizon = calendar.horizon
    lines = _lines(workload, timeline)
    for number, (resource, use) in enumerate(zip(workload.plan.resources, uses, strict=True)):
        ready, start, end, until, counted = lines[number]
        taken, returned, amount = use
        if not len(ready) and not len(taken):
            continue
        begun = start != NEVER
        waiting = (until - ready)[counted] / HOUR
        (p95,) = quantiles(waiting, begun[counted], np.array([0.95]))
        served = (end - start)[begun & (end != NEVER) & counted] / HOUR
        tables.add(
            resource.port,
            resource.name,
            "waiting_time",
            "h",
            mean=waiting.mean() if len(waiting) else np.nan,
            p95=p95,
        )
        tables.add(resource.port, resource.name, "service_time", "h", mean=served.mean() if len(served) else np.nan)
        starts = start[begun]
        per_day = ((starts >= window[0]) & (starts < window[1])).sum() / ((window[1] - window[0]) / DAY)
        tables.add(resource.port, resource.name, "visits", "per day", per_day=per_day)
        if resource.quota:
            share = _used(workload.capacity[number], taken, amount, window)
        else:
            busy = Steps.counting(taken, np.where(returned == NEVER, horizon, returned), amount).integral(
                np.array(window)
            )
            opened = workload.capacity[number].integral(np.array(window))
            share = (busy[1] - busy[0]) / (opened[1] - opened[0]) if opened[1] > opened[0] else np.nan
        tables.add(resource.port, resource.name, "utilisation", "share", mean=share)
        queue = Steps.counting(ready, until)
        tables.add_level(resource.port, resource.name, "queue_length", queue, window)


def _used(steps: Steps, taken: Times, amount: Times, window: tuple[int, int]) -> float:
    """What is used of a quota over what its periods allow, of those that begin in the window."""
    periods = (steps.times >= window[0]) & (steps.times < window[1])
    allowed = int(steps.values[periods].sum())
    used = int(amount[(taken >= window[0]) & (taken < window[1])].sum())
    return used / allowed if allowed else float("nan")


Line = tuple[Times, Times, Times, Times, NDArray[np.bool_]]
"""Visits in a line: ready, start, end, until when they wait, and whether their entity is measured."""


def _lines(workload: Workload, timeline: Timeline) -> list[Line]:
    """For every resource the visits that wait in its line."""
    parts: list[list[Line]] = [[] for _ in workload.plan.resources]
    for code, flow in enumerate(workload.plan.flows):
        readies, starts, ends = (workload.columns(t, code) for t in (timeline.ready, timeline.start, timeline.end))
        waits = workload.columns(workload.takes_place, code) & (readies != NEVER)
        mask = measured(workload, timeline, code)
        away = timeline.turned_away[workload.entities_of_flow[code]]
        for number, activity in enumerate(flow.activities):
            if activity.queue is None:
                continue
            there = waits[number]
            ready, start, end, refused = readies[number][there], starts[number][there], ends[number][there], away[there]
            until = np.where(start != NEVER, start, np.where(refused != NEVER, refused, workload.plan.calendar.horizon))
            parts[activity.queue].append((ready, start, end, until, mask[there]))
    empty = np.zeros(0, dtype=np.int64)
    nothing = (empty, empty, empty, empty, np.zeros(0, dtype=np.bool_))
    lines = []
    for found in parts:
        ready, start, end, until, counted = (np.concatenate(column) for column in zip(nothing, *found, strict=True))
        lines.append((ready, start, end, until, counted))
    return lines
