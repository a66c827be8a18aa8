"""What a disruption leaves behind: the peak of the backlog and the time until it is gone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.engine.timeline import NEVER, Timeline, first_of
from sim.engine.workload import Workload
from sim.measures.table import Tables
from sim.measures.throughput import presence
from sim.scenario.procedure import Clock
from sim.scenario.steps import Steps
from sim.scenario.units import DAY, HOUR

Times = NDArray[np.int64]


def add_backlogs(tables: Tables, clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> None:
    """For every disruption and every port that it strikes.

    The number in the port is compared with the most that was there in the day before the disruption, without the
    backlog of an earlier strike; a strike within such a backlog is compared with what the earlier one was. `peak` is by
    how much it is exceeded at the worst moment up to the next strike or the horizon; `cleared` the hours from the end
    of the disruption until the number is back, blank if it never is; both are means of the strikes that begin in the
    window.
    """
    plan = workload.plan
    struck = {plan.resources[code].port for disruption in plan.disruptions for code in disruption.resources}
    inside = _inside(struck, clocks, workload, timeline)
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
            backlogs = _backlogs(inside[port], strikes, plan.calendar.horizon)
            found = [backlogs[index] for index in chosen]
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


def _inside(ports: set[str], clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> dict[str, Steps]:
    """The number of entities in each of some ports over time, of those that have a flow."""
    horizon = workload.plan.calendar.horizon
    parts: dict[str, list[tuple[Times, Times]]] = {}
    for code, flow in enumerate(workload.plan.flows):
        if flow.port not in ports:
            continue
        entered, left = presence(clocks, workload, timeline, code)
        away = workload.of_route(timeline.turned_away, code)
        until = first_of([left, away], horizon)
        there = entered != NEVER
        parts.setdefault(flow.port, []).append((entered[there], until[there]))
    return {
        port: Steps.counting(*(np.concatenate(column) for column in zip(*found, strict=True)))
        for port, found in parts.items()
    }


def _backlogs(inside: Steps, strikes: tuple[tuple[int, int], ...], horizon: int) -> list[tuple[float, float | None]]:
    """For every strike the peak above the usual number, and the hours until it is gone."""
    found: list[tuple[float, float | None]] = []
    usual, since = 0, 0
    for (begin, end), (until, _) in zip(strikes, [*strikes[1:], (horizon, horizon)], strict=True):
        if since < begin or not found:
            usual = int(inside.within(max(0, begin - DAY, since), max(begin, 1)).values.max())
        peak = max(0, int(inside.within(begin, max(until, begin + 1)).values.max()) - usual)
        moments = np.concatenate(([end], inside.times[inside.times > end]))
        back = moments[(moments < horizon) & (inside.at(moments) <= usual)]
        since = int(back[0]) if len(back) else horizon
        found.append((float(peak), (since - end) / HOUR if len(back) else None))
    return found
