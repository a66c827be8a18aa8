"""The six stations in the ordinary style of SimPy: a process for every truck, a resource for every station.

The Khorgos road port in the same style is `tests/idiomatic_simpy.py`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.engine.plan import ActivityPlan
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload

Happenings = Generator[simpy.Event, Any, None]


class Port:
    """The stations, and what is noted of every visit."""

    def __init__(self, workload: Workload) -> None:
        self.env = simpy.Environment()
        self.activities: tuple[ActivityPlan, ...] = workload.plan.flows[0].activities
        ordered = bool(np.ptp(workload.priority))
        kind = simpy.PriorityResource if ordered else simpy.Resource
        stations = [kind(self.env, int(steps.values[0])) for steps in workload.capacity]
        self.route = [stations[activity.station] for activity in self.activities]
        self.arrival = workload.arrival.tolist()
        order = workload.by_entity
        self.work = workload.work[order].tolist()
        self.takes_place = workload.takes_place[order].tolist()
        self.priority = workload.priority[order].tolist() if ordered else None
        self.start, self.end = ([NEVER] * len(self.work) for _ in range(2))

    def arrivals(self) -> Happenings:
        """A process that lets the trucks arrive."""
        for number, moment in enumerate(self.arrival):
            yield self.env.timeout(moment - self.env.now)
            self.env.process(self.truck(number * len(self.route)))

    def truck(self, visit: int) -> Happenings:
        """A process for a truck, from the first of its visits to the last."""
        env = self.env
        for station in self.route:
            if self.takes_place[visit]:
                with station.request() if self.priority is None else station.request(self.priority[visit]) as turn:
                    yield turn
                    self.start[visit] = env.now
                    yield env.timeout(self.work[visit])
            else:
                self.start[visit] = env.now
            self.end[visit] = env.now
            visit += 1


def run(workload: Workload) -> Timeline:
    """Simulate the six stations up to the calendar's horizon."""
    port = Port(workload)
    port.env.process(port.arrivals())
    port.env.run(until=workload.plan.calendar.horizon)
    start, end = (workload.in_columns(np.array(times, dtype=np.int64)) for times in (port.start, port.end))
    return Timeline(start, end, np.full(len(start), NEVER), np.full(len(port.arrival), NEVER))
