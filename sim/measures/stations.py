"""Stations and pools: waiting and service of visits, utilisation, length of the queue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.engine.audit import Comers, Use
from sim.engine.timeline import NEVER, Timeline, first_of
from sim.engine.workload import Workload, picking
from sim.measures.clocks import measured, quantiles
from sim.measures.table import Level, Tables
from sim.scenario.steps import Steps
from sim.scenario.units import DAY, HOUR

Times = NDArray[np.int64]


def add_stations(tables: Tables, workload: Workload, timeline: Timeline, uses: list[Use]) -> None:
    """Every station and pool that somebody uses."""
    plan = workload.plan
    window, horizon = plan.calendar.window, plan.calendar.horizon
    counts = [measured(workload, timeline, code) for code in range(len(plan.flows))]
    for number, (resource, line, use) in enumerate(zip(plan.resources, plan.lines, uses, strict=True)):
        comers = Comers.of(workload, timeline, line)
        ready, start, end = comers.ready(), comers.values(timeline.start), comers.values(timeline.end)
        taken, returned, amount = use
        if not len(ready) and not (taken != NEVER).any():
            continue
        until, _ = comers.until()
        counted = picking(comers.of_entities(counts))
        waiting = (until - ready)[counted] / HOUR
        (p95,) = quantiles(waiting, start[counted] != NEVER, np.array([0.95]))
        served = (end - start)[counted][picking(end[counted] != NEVER)] / HOUR
        tables.add(
            resource.port,
            resource.name,
            "waiting_time",
            "h",
            mean=waiting.mean() if len(waiting) else np.nan,
            p95=p95,
        )
        tables.add(resource.port, resource.name, "service_time", "h", mean=served.mean() if len(served) else np.nan)
        per_day = ((start >= window[0]) & (start < window[1])).sum() / ((window[1] - window[0]) / DAY)
        tables.add(resource.port, resource.name, "visits", "per day", per_day=per_day)
        if resource.quota:
            share = _used(workload.capacity[number], taken, amount, window)
        else:
            begin, back = (np.clip(first_of([times], horizon), *window) for times in (taken, returned))
            busy = (amount * (back - begin)).sum()
            opened = workload.capacity[number].integral(np.array(window))
            share = busy / (opened[1] - opened[0]) if opened[1] > opened[0] else np.nan
        tables.add(resource.port, resource.name, "utilisation", "share", mean=share)
        waits = until > ready  # who starts at once is in no queue
        queue = Level.of(Steps.counting(ready[waits], until[waits]), window)
        tables.add_level(resource.port, resource.name, "queue_length", queue)


def _used(steps: Steps, taken: Times, amount: Times, window: tuple[int, int]) -> float:
    """What is used of a quota over what its periods allow, of those that begin in the window."""
    periods = (steps.times >= window[0]) & (steps.times < window[1])
    allowed = int(steps.values[periods].sum())
    used = int(amount[(taken >= window[0]) & (taken < window[1])].sum())
    return used / allowed if allowed else float("nan")
