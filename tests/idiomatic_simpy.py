"""The second opinion: the same system in the ordinary style of SimPy, a process for every entity and every activity.

It takes the same workload as the engine and nothing else of it, and keeps the same rule for one instant by its own
means: work ends, capacities change, entities arrive, and only when SimPy has nothing more urgent to do at this moment,
waiting requests are granted in the order of (priority, ready, visit). Requests wait in line, all that one needs is taken
at once, and the head of a line blocks those behind it.
"""

from __future__ import annotations

from collections.abc import Generator
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
import simpy

from sim.engine.plan import ActivityPlan, FlowPlan
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.scenario.steps import Steps

Happenings = Generator[simpy.Event, Any, None]
Rank = tuple[int, int, int]
LAST = 9
"""Priority of an event behind everything else at its instant; SimPy's own are 0 and 1."""


class Station:
    """A counted resource and the line in front of it."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.free = 0
        self.line: list[tuple[Rank, Request]] = []
        self.wanted_by: set[Station] = set()
        """Stations in whose lines somebody may wait for units of this one."""

    def change(self, units: int) -> None:
        """Put units back, or take some away when a shift ends; those at work go on, so `free` may fall below zero."""
        self.free += units
        if units > 0:
            for station in self.wanted_by:
                self.port.look_at(station)

    def follow(self, roster: Steps) -> Happenings:
        """A process that opens and closes."""
        before = 0
        for moment, capacity in zip(roster.times.tolist(), roster.values.tolist(), strict=True):
            yield self.port.env.timeout(moment - self.port.env.now)
            self.change(capacity - before)
            before = capacity


class Request(simpy.Event):
    """Wish for units of one or several stations at once, in the line of one of them."""

    def __init__(self, station: Station, needs: list[tuple[Station, int]], rank: Rank) -> None:
        super().__init__(station.port.env)
        self.needs = needs
        heappush(station.line, (rank, self))
        station.port.look_at(station)

    def can_be_granted(self) -> bool:
        """Whether everything is free."""
        return all(station.free >= units for station, units in self.needs)

    def grant(self) -> None:
        """Take everything."""
        for station, units in self.needs:
            station.free -= units
        self.succeed()


class Port:
    """All stations, and somebody who grants requests at the end of every instant."""

    def __init__(self, workload: Workload) -> None:
        self.env = simpy.Environment()
        self.workload = workload
        self.horizon = workload.plan.calendar.horizon
        self.lines_to_look_at: set[Station] = set()
        self.stations = [Station(self) for _ in workload.plan.resources]
        for flow in workload.plan.flows:
            for activity in flow.activities:
                for resource, _ in activity.needs:
                    self.stations[resource].wanted_by.add(self.stations[activity.queue])
        self.work = workload.work.tolist()
        self.takes_place = workload.takes_place.tolist()
        self.priority = workload.priority.tolist()
        self.ready, self.start, self.end = ([NEVER] * len(self.work) for _ in range(3))

    def look_at(self, station: Station) -> None:
        """Remember that a line may move, when nothing else is left to happen now."""
        if not self.lines_to_look_at:
            soon = simpy.Event(self.env)
            soon._ok, soon._value = True, None
            soon.callbacks.append(self.grant_requests)
            self.env.schedule(soon, priority=LAST)
        self.lines_to_look_at.add(station)

    def grant_requests(self, _: simpy.Event) -> None:
        """Grant what can be granted, the first in rank first."""
        heads = [(*station.line[0], station) for station in self.lines_to_look_at if station.line]
        self.lines_to_look_at.clear()
        heapify(heads)
        while heads:
            _, request, station = heappop(heads)
            if request.can_be_granted():
                heappop(station.line)
                request.grant()
                if station.line:
                    heappush(heads, (*station.line[0], station))

    def arrivals(self, code: int, flow: FlowPlan) -> Happenings:
        """A process that lets the entities of a flow arrive."""
        mine = self.workload.flow == code
        arrivals = zip(self.workload.arrival[mine].tolist(), self.workload.first_visit[:-1][mine].tolist(), strict=True)
        for moment, first in arrivals:
            yield self.env.timeout(moment - self.env.now)
            self.env.process(self.entity(flow, first))

    def entity(self, flow: FlowPlan, first: int) -> Happenings:
        """A process for an entity: it sends its activities on their way."""
        done: list[simpy.Process] = []
        for number, activity in enumerate(flow.activities):
            before = [done[other] for other in activity.before]
            done.append(self.env.process(self.activity(activity, first, first + number, before)))
        yield simpy.AllOf(self.env, done)

    def activity(self, activity: ActivityPlan, first: int, visit: int, before: list[simpy.Process]) -> Happenings:
        """A process for one activity of one entity."""
        env = self.env
        yield simpy.AllOf(env, before)
        self.ready[visit] = env.now
        if self.takes_place[visit]:
            if activity.queue is not None:
                needs = [(self.stations[resource], units) for resource, units in activity.needs]
                yield Request(self.stations[activity.queue], needs, (self.priority[visit], env.now, visit))
            self.start[visit] = env.now
            yield env.timeout(self.work[visit])
            if activity.station is not None:
                self.stations[activity.station].change(activity.amount)
        else:
            self.start[visit] = env.now
        self.end[visit] = env.now
        for resource, units, seized_at in activity.gives_back:
            if self.takes_place[first + seized_at]:
                self.stations[resource].change(units)


def run(workload: Workload) -> Timeline:
    """Simulate a workload up to its calendar's horizon."""
    port = Port(workload)
    for steps, station in zip(workload.capacity, port.stations, strict=True):
        port.env.process(station.follow(steps))
    for code, flow in enumerate(workload.plan.flows):
        port.env.process(port.arrivals(code, flow))
    port.env.run(until=port.horizon)
    nobody = [NEVER] * len(port.work), [NEVER] * len(workload.flow)
    return Timeline(*(np.array(times, dtype=np.int64) for times in (port.ready, port.start, port.end, *nobody)))
