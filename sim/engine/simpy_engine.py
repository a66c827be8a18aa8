"""The reference engine, on SimPy's environment: one scheduled event for each piece of work, no process per entity.

The rule for one instant: what ends, ends; then capacities change; then who arrives, arrives; activities without work or
resources happen at once. Only when nothing of that is left for this instant, waiting visits start in the order of
(priority, ready, visit), where a visit's number orders entities by arrival. Work of zero length ends at the same
instant, and the rule begins again.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import numpy as np
from simpy import Environment, Event, Timeout
from simpy.events import EventPriority

from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload

CAPACITY_CHANGES = EventPriority(2)
ARRIVALS = EventPriority(3)
"""Priorities of events at one instant; SimPy gives a `Timeout`, here the end of work, the priority 1."""


def run(workload: Workload) -> Timeline:
    """Simulate a workload up to its calendar's horizon."""
    return _Run(workload).timeline()


class _Happening(Event):
    """Something at a moment with a priority of ours; a `Timeout` has only SimPy's own."""

    def __init__(
        self, env: Environment, moment: int, priority: EventPriority, callback: Callable[[Any], object], value: object
    ) -> None:
        super().__init__(env)
        self.callbacks = [callback]  # type: ignore[list-item]
        self._ok = True
        self._value = value
        env.schedule(self, priority, moment - env.now)


class _Run:
    """The state of one run in plain lists, which Python reads faster than arrays."""

    def __init__(self, workload: Workload) -> None:
        plan = workload.plan
        self.workload = workload
        self.horizon = plan.calendar.horizon
        self.env = Environment()
        visits = len(workload.work)
        self.ready = [NEVER] * visits
        self.start = [NEVER] * visits
        self.end = [NEVER] * visits
        self.work: list[int] = workload.work.tolist()
        self.takes_place: list[bool] = workload.takes_place.tolist()
        self.priority: list[int] = workload.priority.tolist()

        offsets = np.concatenate(([0], np.cumsum([len(flow.activities) for flow in plan.flows]))).tolist()
        activities = [
            (offset, number, a)
            for flow, offset in zip(plan.flows, offsets, strict=False)
            for number, a in enumerate(flow.activities)
        ]
        starts = np.array(offsets[:-1], dtype=np.int64)
        entity = np.repeat(np.arange(len(workload.flow)), np.diff(workload.first_visit))
        local = np.arange(visits) - workload.first_visit[:-1][entity]
        self.code: list[int] = (starts[workload.flow][entity] + local).tolist()
        self.needs = [a.needs for _, _, a in activities]
        self.queue_of = [a.queue for _, _, a in activities]
        self.station = [(a.station, a.amount) if a.station is not None else None for _, _, a in activities]
        self.gives_back = [
            tuple((r, amount, seized - n) for r, amount, seized in a.gives_back) for _, n, a in activities
        ]
        self.behind = [tuple(other - n for other in a.behind) for _, n, a in activities]
        self.open_predecessors = (
            np.array([len(a.before) for _, _, a in activities], dtype=np.int64)[self.code].tolist() if visits else []
        )
        self.roots = [[n for n, a in enumerate(flow.activities) if not a.before] for flow in plan.flows]

        self.free = [0] * len(plan.resources)
        self.queues: list[list[tuple[int, int, int]]] = [[] for _ in plan.resources]
        self.group_of = _groups(workload)
        self.members: dict[int, list[int]] = {}
        for queue in sorted({a.queue for _, _, a in activities if a.queue is not None}):
            self.members.setdefault(self.group_of[queue], []).append(queue)
        self.woken: set[int] = set()
        self.when_ended = [self.on_end]

    def timeline(self) -> Timeline:
        """Run to the horizon."""
        env = self.env
        for code, resource in enumerate(self.workload.plan.resources):
            before = 0
            for moment, value in zip(resource.capacity.times.tolist(), resource.capacity.values.tolist(), strict=True):
                _Happening(env, moment, CAPACITY_CHANGES, self.on_capacity, (code, value - before))
                before = value
        self.arrivals = iter(
            zip(
                self.workload.arrival.tolist(),
                self.workload.flow.tolist(),
                self.workload.first_visit.tolist(),
                strict=False,
            )
        )
        self.expect_arrival()
        step, peek, horizon = env.step, env.peek, self.horizon
        while (now := peek()) < horizon:
            while peek() == now:
                step()
            if self.woken:
                self.start_waiting()
        ready, start, end = (np.array(times, dtype=np.int64) for times in (self.ready, self.start, self.end))
        end[end >= horizon] = NEVER
        return Timeline(ready, start, end)

    def expect_arrival(self) -> None:
        """Schedule the next arrival; the list of events stays short."""
        coming = next(self.arrivals, None)
        if coming is not None:
            _Happening(self.env, coming[0], ARRIVALS, self.on_arrival, coming)

    def on_arrival(self, event: Any) -> None:
        """An entity arrives: its first activities are ready."""
        now, flow, first = event.value
        for number in self.roots[flow]:
            self.make_ready(first + number, now)
        self.expect_arrival()

    def on_capacity(self, event: Any) -> None:
        """A station opens, closes or changes its shift. What is at work goes on."""
        resource, change = event.value
        self.free[resource] += change
        if change > 0:
            self.woken.add(self.group_of[resource])

    def on_end(self, event: Any) -> None:
        """Work has ended."""
        visit = event.value
        station = self.station[self.code[visit]]
        if station is not None:
            resource, amount = station
            self.free[resource] += amount
            self.woken.add(self.group_of[resource])
        self.leave(visit, self.env.now)  # type: ignore[arg-type]

    def make_ready(self, visit: int, now: int) -> None:
        """All predecessors have ended: wait in line, begin, or pass through."""
        self.ready[visit] = now
        code = self.code[visit]
        if self.takes_place[visit]:
            queue = self.queue_of[code]
            if queue is not None:
                heappush(self.queues[queue], (self.priority[visit], now, visit))
                self.woken.add(self.group_of[queue])
                return
            self.start[visit] = now
            work = self.work[visit]
            self.end[visit] = now + work
            if work:
                Timeout(self.env, work, visit).callbacks = self.when_ended  # type: ignore[assignment]
                return
        else:
            self.start[visit] = self.end[visit] = now
        self.leave(visit, now)

    def leave(self, visit: int, now: int) -> None:
        """An activity is behind an entity: give back what it held and tell the activities that wait for it."""
        code = self.code[visit]
        for resource, amount, seized in self.gives_back[code]:
            if self.takes_place[visit + seized]:
                self.free[resource] += amount
                self.woken.add(self.group_of[resource])
        for step in self.behind[code]:
            follower = visit + step
            left = self.open_predecessors[follower] - 1
            self.open_predecessors[follower] = left
            if not left:
                self.make_ready(follower, now)

    def start_waiting(self) -> None:
        """Start everything that can start now, in the order of the rule."""
        now: int = self.env.now  # type: ignore[assignment]
        woken, self.woken = self.woken, set()
        for group in woken:
            members = self.members.get(group, ())
            if len(members) == 1:
                queue = self.queues[members[0]]
                while queue and self.begin_if_free(queue[0][2], now):
                    heappop(queue)
                continue
            waiting = [(self.queues[member][0], member) for member in members if self.queues[member]]
            while waiting:
                head, member = min(waiting)
                waiting.remove((head, member))
                if self.begin_if_free(head[2], now):
                    queue = self.queues[member]
                    heappop(queue)
                    if queue:
                        waiting.append((queue[0], member))

    def begin_if_free(self, visit: int, now: int) -> bool:
        """Begin a visit if everything it needs is free."""
        free = self.free
        needs = self.needs[self.code[visit]]
        for resource, amount in needs:
            if free[resource] < amount:
                return False
        for resource, amount in needs:
            free[resource] -= amount
        self.start[visit] = now
        work = self.work[visit]
        self.end[visit] = now + work
        Timeout(self.env, work, visit).callbacks = self.when_ended  # type: ignore[assignment]
        return True


def _groups(workload: Workload) -> list[int]:
    """For every resource the group of resources that are needed together, directly or through others.

    Lines of different groups never compete, so each group can start its visits by itself.
    """
    parent = list(range(len(workload.plan.resources)))

    def root(code: int) -> int:
        while parent[code] != code:
            code = parent[code]
        return code

    for flow in workload.plan.flows:
        for activity in flow.activities:
            for resource, _ in activity.needs[1:]:
                parent[root(resource)] = root(activity.needs[0][0])
    return [root(code) for code in range(len(parent))]
