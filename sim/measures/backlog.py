"""What a disruption leaves behind: the peak of the backlog and the time until it is gone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.measures.table import Tables
from sim.measures.throughput import presence
from sim.scenario.procedure import Clock
from sim.scenario.steps import Steps
from sim.scenario.units import DAY, HOUR

Times = NDArray[np.int64]


def add_backlogs(tables: Tables, clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> None:
    """For every disruption and every port that it strikes.

    The number in the port is compared with the most that was there in the day before the disruption. `peak` is by how
    much it is exceeded at the worst moment up to the next strike or the horizon; `cleared` the hours from the end of
    the disruption until the number is back, blank if it never is; both are means of the strikes that begin in the
    window.
    """
    plan = workload.plan
    inside = _inside(clocks, workload, timeline)
    window = plan.calendar.window
    for disruption in plan.disruptions:
        strikes = workload.disruptions[disruption.name]
        ports = sorted({plan.resources[code].port for code in disruption.resources} & inside.keys())
        chosen = [index for index, (begin, _) in enumerate(strikes) if window[0] <= begin < window[1]]
        for port in ports:
            subject = disruption.name
            tables.add(port, subject, "strikes", "entities", count=len(chosen))
            if not chosen:
                continue
            found = [_backlog(inside[port], strikes, index, plan.calendar.horizon) for index in chosen]
            cleared = [hours for _, hours in found if hours is not None]
            tables.add(port, subject, "backlog", "entities", peak=float(np.mean([peak for peak, _ in found])))
            tables.add(
                port,
                subject,
                "backlog",
                "h",
                cleared=float(np.mean(cleared)) if len(cleared) == len(found) else float("nan"),
                closed=float(np.mean([(strikes[index][1] - strikes[index][0]) / HOUR for index in chosen])),
            )


def _inside(clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> dict[str, Steps]:
    """The number of entities in each port over time."""
    horizon = workload.plan.calendar.horizon
    parts: dict[str, list[tuple[Times, Times]]] = {}
    for code, flow in enumerate(workload.plan.flows):
        entered, left = presence(clocks, workload, timeline, code)
        away = timeline.turned_away[workload.flow == code]
        until = np.where(away != NEVER, away, np.where(left == NEVER, horizon, left))
        there = entered != NEVER
        parts.setdefault(flow.port, []).append((entered[there], until[there]))
    return {
        port: Steps.counting(*(np.concatenate(column) for column in zip(*found, strict=True)))
        for port, found in parts.items()
    }


def _backlog(
    inside: Steps, strikes: tuple[tuple[int, int], ...], index: int, horizon: int
) -> tuple[float, float | None]:
    """Peak above the usual number and hours until it is gone."""
    begin, end = strikes[index]
    until = strikes[index + 1][0] if index + 1 < len(strikes) else horizon
    usual = int(inside.within(max(0, begin - DAY), max(begin, 1))[0].max())
    peak = max(0, int(inside.within(begin, max(until, begin + 1))[0].max()) - usual)
    last = min(end, horizon)
    if int(inside.at(np.array([last]))[0]) <= usual:
        return float(peak), 0.0
    later = (inside.times > last) & (inside.values <= usual) & (inside.times < horizon)
    return float(peak), (int(inside.times[later][0]) - last) / HOUR if later.any() else None
