"""The reference engine, on SimPy's environment: one scheduled event for each piece of work, no process per entity.

The rule for one instant: what ends, ends; then capacities change and quotas are filled; then who arrives, arrives;
activities without work or resources happen at once. Only when nothing of that is left for this instant, carriers take
riders aboard and waiting visits start, in the order of (priority, ready, visit), where a visit's number orders entities
by arrival. Then every line that is longer than its limit is cut to it, from the last on; who is turned away gives back
what it holds. Work of zero length ends at the same instant, and the rule begins again, as long as anything happens.

Riders and carriers stand in two lines for each ride. The first carrier loads as soon as there are `at_least` so many
riders; a carrier whose patience is over loads even if it is not the first. It takes the first riders, as many as fit.
Who arrives aboard a carrier is aboard from the carrier's arrival on.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
from simpy import Environment, Event, Timeout
from simpy.events import EventPriority

from sim.engine.plan import resource_groups
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload

CAPACITY_CHANGES = EventPriority(2)
ARRIVALS = EventPriority(3)
"""Priorities of events at one instant; SimPy gives a `Timeout`, here the end of work, the priority 1."""

Key = tuple[int, int, int]
"""Priority, ready, visit: the place of a visit in a line."""


def run(workload: Workload) -> Timeline:
    """Simulate a workload up to its calendar's horizon."""
    return _Run(workload).timeline()


class _Happening(Event):
    """Something at a moment with a priority of ours; a `Timeout` has only SimPy's own."""

    def __init__(
        self,
        env: Environment,
        moment: int,
        *,
        priority: EventPriority,
        callback: Callable[[Any], object],
        value: object,
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
        starts = np.array(offsets[:-1], dtype=np.int64)
        entity = np.repeat(np.arange(len(workload.flow)), np.diff(workload.first_visit))
        local = np.arange(visits) - workload.first_visit[:-1][entity]
        self.code: list[int] = (starts[workload.flow][entity] + local).tolist()
        self.first_code: list[int] = offsets[:-1]
        self.flow: list[int] = workload.flow.tolist()
        self.first_visit: list[int] = workload.first_visit.tolist()
        self.entity: list[int] = entity.tolist()

        activities = [(number, a) for flow in plan.flows for number, a in enumerate(flow.activities)]
        self.needs = [a.needs for _, a in activities]
        self.queue_of = [a.queue for _, a in activities]
        self.station = [(a.station, a.amount) if a.station is not None else None for _, a in activities]
        self.gives_back = [tuple((r, amount, seized - n) for r, amount, seized in a.gives_back) for n, a in activities]
        self.behind = [tuple(other - n for other in a.behind) for n, a in activities]
        self.ride = [a.ride for _, a in activities]
        self.loads = [a.loads for _, a in activities]
        self.unloads = [a.unloads for _, a in activities]
        self.awaits = [a.awaits for _, a in activities]
        self.awaited = [tuple((ride, riding - n) for ride, riding in a.awaited) for n, a in activities]
        self.carries = [
            any(x is not None for x in (a.ride, a.loads, a.unloads, a.awaits)) or bool(a.awaited) for _, a in activities
        ]
        counts = np.array([len(a.before) for _, a in activities], dtype=np.int64)
        self.predecessors: list[int] = counts.tolist()
        self.open_predecessors: list[int] = counts[self.code].tolist() if visits else []
        self.roots = [[n for n, a in enumerate(flow.activities) if not a.before] for flow in plan.flows]

        self.free = [0] * len(plan.resources)
        self.queues: list[list[Key]] = [[] for _ in plan.resources]
        self.group_of = resource_groups(plan)
        self.members: dict[int, list[int]] = {}
        for queue in sorted({a.queue for _, a in activities if a.queue is not None}):
            self.members.setdefault(self.group_of[queue], []).append(queue)
        self.limited: dict[int, list[tuple[list[Key], int]]] = {}
        for member, resource in enumerate(plan.resources):
            if resource.queue_limit is not None:
                line = (self.queues[member], resource.queue_limit)
                self.limited.setdefault(self.group_of[member], []).append(line)
        self.woken: set[int] = set()
        self.turned_away = [NEVER] * len(self.flow)
        self.when_ended = [self.on_end]

        self.brought_by: list[int] = workload.carrier.tolist()
        self.carrier = [NEVER] * visits
        self.riders: list[list[Key]] = [[] for _ in plan.rides]
        self.carriers: list[list[Key]] = [[] for _ in plan.rides]
        table = workload.loads
        self.load_rules = dict(
            zip(
                table.visit.tolist(),
                zip(table.least.tolist(), table.most.tolist(), table.patience.tolist(), strict=True),
                strict=True,
            )
        )
        self.woken_rides: set[int] = set()
        self.aboard: dict[tuple[int, int], list[int]] = {}
        self.unloaded: set[tuple[int, int]] = set()
        self.overdue: list[list[Key]] = [[] for _ in plan.rides]
        """Loading visits whose patience is over; some of them have begun."""
        self.brought = _brought(workload)
        """Riders of an entity's ride."""
        self.ride_awaited = [ride for ride, _ in plan.awaited]
        self.through: dict[tuple[int, int], int] = {}
        """Those of them who have an awaited activity behind them."""
        self.patient: dict[tuple[int, int], list[int]] = {}
        """The visits at which an entity waits for all of them."""

    def timeline(self) -> Timeline:
        """Run to the horizon."""
        env = self.env
        for code, (resource, steps) in enumerate(
            zip(self.workload.plan.resources, self.workload.capacity, strict=True)
        ):
            before = 0
            for moment, value in zip(steps.times.tolist(), steps.values.tolist(), strict=True):
                if resource.quota:
                    change = (code, value, resource.kept)
                    _Happening(env, moment, priority=CAPACITY_CHANGES, callback=self.on_period, value=change)
                else:
                    change = (code, value - before, True)
                    _Happening(env, moment, priority=CAPACITY_CHANGES, callback=self.on_capacity, value=change)
                before = value
        self.arrivals = iter(enumerate(self.workload.arrival.tolist()))
        self.expect_arrival()
        step, peek, horizon = env.step, env.peek, self.horizon
        now = peek()
        while now < horizon:
            step()
            # Whatever is scheduled for this instant comes first, also what the last turn of this loop has scheduled.
            while (coming := peek()) != now and (self.woken or self.woken_rides):
                if self.woken_rides:
                    self.take_aboard()
                if self.woken:
                    self.start_waiting()
            now = coming
        ready, start, end = (np.array(times, dtype=np.int64) for times in (self.ready, self.start, self.end))
        end[end >= horizon] = NEVER
        carrier = np.array(self.carrier, dtype=np.int64)
        return Timeline(ready, start, end, carrier, np.array(self.turned_away, dtype=np.int64))

    def expect_arrival(self) -> None:
        """Schedule the next arrival; the list of events stays short."""
        coming = next(self.arrivals, None)
        if coming is not None:
            _Happening(self.env, coming[1], priority=ARRIVALS, callback=self.on_arrival, value=coming)

    def on_arrival(self, event: Any) -> None:
        """An entity arrives: its first activities are ready."""
        entity, now = event.value
        first = self.first_visit[entity]
        for number in self.roots[self.flow[entity]]:
            self.make_ready(first + number, now)
        self.expect_arrival()

    def on_capacity(self, event: Any) -> None:
        """A station opens, closes or changes its shift. What is at work goes on."""
        resource, change, _ = event.value
        self.free[resource] += change
        if change > 0:
            self.woken.add(self.group_of[resource])

    def on_period(self, event: Any) -> None:
        """A period of a quota begins."""
        resource, allowed, kept = event.value
        self.free[resource] = self.free[resource] + allowed if kept else allowed
        if allowed:
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

    def on_patience(self, event: Any) -> None:
        """A carrier waits no longer for more riders."""
        ride, key = event.value
        if self.start[key[2]] == NEVER:
            heappush(self.overdue[ride], key)
            self.woken_rides.add(ride)

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
            if self.carries[code] and self.meet(visit, code, now):
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
        if self.carries[code]:
            self.part(visit, code, now)
        for step in self.behind[code]:
            follower = visit + step
            left = self.open_predecessors[follower] - 1
            self.open_predecessors[follower] = left
            if not left:
                self.make_ready(follower, now)

    def meet(self, visit: int, code: int, now: int) -> bool:
        """Wait for a carrier, for riders, or for what riders do; False if there is nothing to wait for."""
        entity = self.entity[visit]
        ride, loads, awaits = self.ride[code], self.loads[code], self.awaits[code]
        if ride is not None:
            brought_by = self.brought_by[entity] if not self.predecessors[code] else NEVER
            if brought_by == NEVER:
                heappush(self.riders[ride], (self.priority[visit], now, visit))
                self.woken_rides.add(ride)
                return True
            self.start[visit] = now
            self.carrier[visit] = brought_by
            if (brought_by, ride) in self.unloaded:
                self.end[visit] = now
                self.leave(visit, now)
            else:
                self.aboard.setdefault((brought_by, ride), []).append(visit)
            return True
        if loads is not None:
            key = (self.priority[visit], now, visit)
            heappush(self.carriers[loads], key)
            self.woken_rides.add(loads)
            patience = self.load_rules[visit][2]
            if patience != NEVER:
                _Happening(self.env, now + patience, priority=ARRIVALS, callback=self.on_patience, value=(loads, key))
            return True
        if awaits is not None and not self.are_through(entity, awaits):
            self.patient.setdefault((entity, awaits), []).append(visit)
            return True
        return False

    def are_through(self, carrier: int, awaited: int) -> bool:
        """Whether all riders that a carrier brought have an awaited activity behind them."""
        brought = self.brought.get((carrier, self.ride_awaited[awaited]), 0)
        return self.through.get((carrier, awaited), 0) == brought

    def part(self, visit: int, code: int, now: int) -> None:
        """Let riders go on when their carrier has unloaded, and a carrier when its riders are through."""
        entity = self.entity[visit]
        ride = self.unloads[code]
        if ride is not None:
            self.unloaded.add((entity, ride))
            for rider in self.aboard.pop((entity, ride), ()):
                self.end[rider] = now
                self.leave(rider, now)
        for awaited, riding in self.awaited[code]:
            carrier = self.carrier[visit + riding]
            if carrier != NEVER:
                self.through[carrier, awaited] = self.through.get((carrier, awaited), 0) + 1
                if (carrier, awaited) in self.patient and self.are_through(carrier, awaited):
                    for waiting in self.patient.pop((carrier, awaited)):
                        self.start[waiting] = self.end[waiting] = now
                        self.leave(waiting, now)

    def take_aboard(self) -> None:
        """Let carriers begin to load, the first in line first, where enough riders wait or patience is at its end."""
        now: int = self.env.now  # type: ignore[assignment]
        woken, self.woken_rides = self.woken_rides, set()
        for ride in sorted(woken):
            riders, carriers, overdue = self.riders[ride], self.carriers[ride], self.overdue[ride]
            while carriers:
                visit = carriers[0][2]
                if len(riders) >= self.load_rules[visit][0]:
                    heappop(carriers)
                elif overdue:
                    key = heappop(overdue)
                    visit = key[2]
                    if self.start[visit] != NEVER:
                        continue
                    carriers.remove(key)
                    heapify(carriers)
                else:
                    break
                most = self.load_rules[visit][1]
                self.depart_with([heappop(riders)[2] for _ in range(min(most, len(riders)))], visit, ride, now)

    def depart_with(self, riders: list[int], visit: int, ride: int, now: int) -> None:
        """Take riders aboard and load."""
        carrier = self.entity[visit]
        for rider in riders:
            self.start[rider] = now
            self.carrier[rider] = carrier
        self.aboard.setdefault((carrier, ride), []).extend(riders)
        self.brought[carrier, ride] = self.brought.get((carrier, ride), 0) + len(riders)
        self.start[visit] = now
        work = self.work[visit]
        self.end[visit] = now + work
        Timeout(self.env, work, visit).callbacks = self.when_ended  # type: ignore[assignment]

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
            else:
                heads = [(self.queues[member][0], member) for member in members if self.queues[member]]
                heapify(heads)
                while heads:
                    head, member = heappop(heads)
                    if self.begin_if_free(head[2], now):
                        queue = self.queues[member]
                        heappop(queue)
                        if queue:
                            heappush(heads, (queue[0], member))
        for group in self.limited.keys() & woken if self.limited else ():
            for queue, limit in self.limited[group]:
                if len(queue) > limit:
                    queue.sort()
                    while len(queue) > limit:
                        self.turn_away(self.entity[queue.pop()[2]], now)

    def turn_away(self, entity: int, now: int) -> None:
        """Let an entity leave the model and give back what it holds."""
        self.turned_away[entity] = now
        for visit in range(self.first_visit[entity], self.first_visit[entity + 1]):
            if self.end[visit] == NEVER:
                for held, amount, seized in self.gives_back[self.code[visit]]:
                    if self.takes_place[visit + seized] and self.start[visit + seized] != NEVER:
                        self.free[held] += amount
                        self.woken.add(self.group_of[held])

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


def _brought(workload: Workload) -> dict[tuple[int, int], int]:
    """For every entity and ride how many arrive aboard."""
    counts: dict[tuple[int, int], int] = {}
    for code, flow in enumerate(workload.plan.flows):
        for number, activity in enumerate(flow.activities):
            if activity.ride is not None and not activity.before:
                riding = workload.takes_place[workload.visits_of_flow[code][:, number]]
                carriers = workload.carrier[workload.flow == code][riding]
                for carrier in carriers[carriers != NEVER].tolist():
                    counts[carrier, activity.ride] = counts.get((carrier, activity.ride), 0) + 1
    return counts
