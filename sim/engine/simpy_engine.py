"""The reference engine, on SimPy's environment: one scheduled event for each piece of work, no process per entity.

The rule for one instant: what ends, ends; then capacities change and quotas are filled; then who arrives, arrives;
activities without work or resources happen at once. Only when nothing of that is left for this instant, carriers take
riders aboard and waiting visits start, in the order of (priority, ready, entity, activity), where entities are numbered
by arrival. Then every line that is longer than its limit is cut to it, from the last on; who is turned away gives back
what it holds. Work of zero length ends at the same instant, and the rule begins again, as long as anything happens.

Riders and carriers stand in two lines for each ride. The first carrier loads as soon as there are `at_least` so many
riders; a carrier whose patience is over loads even if it is not the first. It takes the first riders, as many as fit.
Who arrives aboard a carrier is aboard from the carrier's arrival on.

What makes it fast, and why it may be done so:

- Visits are numbered entity by entity here, which is the order in which equals start: one number stands for both.
- SimPy's list of events holds (moment, priority, number, event), and the number only has to tell entries apart. Here it
  is that of a visit, so one event for each activity does for all its visits, and none is made when work begins.
- A line is looked at only where somebody has come to the head of a queue, or something that its visits need is free
  again. Nobody else could start when it was last looked at, and no more is free since.
- Visits become ready in the order of time, so who comes goes to the end of a queue, or close to it.
- Who comes to an empty queue where less than he needs is free waits without a look at the line.
- What is known of each visit stands in arrays of machine numbers; a list of such numbers takes five times the memory.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from simpy import Environment, Event
from simpy.events import NORMAL, URGENT, EventPriority

from sim.engine.plan import ActivityPlan
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload

WORK_ENDS = NORMAL
CAPACITY_CHANGES = EventPriority(2)
ARRIVALS = EventPriority(3)
PATIENCE_ENDS = EventPriority(4)
"""Priorities of events at one instant; the first is that of SimPy's own timeouts."""

PASSED_THROUGH = -1
"""Stands for the work of a visit that does not take place."""


def run(workload: Workload) -> Timeline:
    """Simulate a workload up to its calendar's horizon."""
    return _Run(workload).timeline()


class _Happening(Event):
    """Anything that happens and is not the end of work."""

    def __init__(self, env: Environment, then: Callable[[int, int], None]) -> None:
        super().__init__(env)
        self.then = then
        """Called with its number in the list of events and the moment."""


class _Activity(Event):
    """An activity of a route; as an event, the end of work there, of the visit whose number is in the list of events.

    Other visits of the same entity are given as steps: how much higher their numbers are.
    """

    __slots__ = (
        "awaited",
        "behind",
        "gives_back",
        "line",
        "meets",
        "needs",
        "plan",
        "predecessors",
        "station",
        "takes",
    )

    def __init__(self, run: _Run, plan: ActivityPlan, number: int) -> None:
        super().__init__(run)
        resources = run.resources
        self.plan = plan
        self.line = run.lines[plan.queue] if plan.queue is not None else None
        self.needs = tuple((resources[code], amount) for code, amount in plan.needs)
        self.takes = self.needs[0][1] if self.needs else 0
        """The amount of what it needs, if that is one thing only."""
        self.gives_back = tuple((resources[code], amount, seized - number) for code, amount, seized in plan.gives_back)
        """Resource, amount and step to the seizing visit, of what was held from there on."""
        self.station = resources[plan.station] if plan.station is not None else None
        self.predecessors = len(plan.before)
        self.behind: tuple[tuple[int, _Activity], ...] = ()
        """Steps to the visits that wait for this one, and their activities."""
        self.awaited = tuple((awaited, riding - number) for awaited, riding in plan.awaited)
        self.meets = bool(plan.awaited) or any(
            role is not None for role in (plan.ride, plan.loads, plan.unloads, plan.awaits)
        )
        """Whether it has to do with carriers and riders."""


Place = tuple[int, int, _Activity]
"""Ready, visit: a place in a queue; and the activity."""

RankedPlace = tuple[int, int, int, _Activity]
"""Priority, ready, visit: a place in a line; and the activity."""


@dataclass(slots=True, eq=False)
class _Resource:
    """What is free of a resource."""

    woken: list[_Line]
    """Where its lines are noted when somebody may start; the same list for all of them."""
    free: int = 0
    lines: tuple[_Line, ...] = ()
    """Where somebody may wait for it."""


@dataclass(slots=True, eq=False)
class _Line:
    """Those who wait for a resource."""

    woken: list[_Line]
    """Where it is noted when somebody may start."""
    queues: list[deque[Place]]
    """One for each priority."""
    limit: int | None
    resource: _Resource
    """What all need who wait here and nobody else; if they need more or compete, or there is a limit, one that is never
    short."""

    def head(self) -> tuple[int, int, int, _Activity, _Line] | None:
        """Priority, ready, visit and activity of the first, and the line; None if nobody waits."""
        for rank, queue in enumerate(self.queues):
            if queue:
                return (rank, *queue[0], self)
        return None

    def cut(self, limit: int) -> Iterator[int]:
        """Take out the visits beyond a limit, from the last on."""
        for _ in range(sum(map(len, self.queues)) - limit):
            yield next(queue for queue in reversed(self.queues) if queue).pop()[1]


class _Change(NamedTuple):
    """A change of what is free of a resource."""

    at: int
    resource: _Resource
    by: int
    replaces: bool
    """Whether nothing is left of what was free before."""


class _Run(Environment):
    """The state of one run: work, resources and lines.

    It uses SimPy's clock `_now` and list of events `_queue`, which are not documented, because `schedule` numbers what
    it schedules by itself and `step` does not tell the number; a test holds that they are what we take them for.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        plan = workload.plan
        self.workload = workload
        not_yet = array("q", [NEVER])
        self.start = not_yet * len(workload.work)
        self.turned_away = not_yet * len(workload.flow)
        work = np.where(workload.takes_place, workload.work, PASSED_THROUGH)
        self.work = _numbers(work[workload.by_entity])
        levels = np.unique(workload.priority)
        rank = np.searchsorted(levels, workload.priority).astype("H")
        self.rank = _numbers(rank[workload.by_entity], "H")
        self.flow = _numbers(workload.flow)
        self.first_visit = _numbers(workload.first_visit)
        self.arrivals = _numbers(workload.arrival)
        self.arrival = _Happening(self, self.on_arrival)

        self.woken: list[_Line] = []
        """Lines that have a resource for themselves and where somebody may start at this instant."""
        self.woken_others: list[_Line] = []
        """The same of all other lines."""
        self.resources = [_Resource(self.woken_others) for _ in plan.resources]
        plenty = _Resource(self.woken_others, sys.maxsize)
        self.lines = {
            code: _Line(self.woken_others, [deque() for _ in levels], plan.resources[code].queue_limit, plenty)
            for code in sorted({a.queue for flow in plan.flows for a in flow.activities if a.queue is not None})
        }
        self.routes = [[_Activity(self, a, number) for number, a in enumerate(flow.activities)] for flow in plan.flows]
        for route in self.routes:
            for number, activity in enumerate(route):
                activity.behind = tuple((other - number, route[other]) for other in activity.plan.behind)
        self.roots = [[(n, a) for n, a in enumerate(route) if not a.predecessors] for route in self.routes]
        self.find_competitors()
        self.changes = self.all_changes()
        self.change = _Happening(self, self.on_change)
        self.open_predecessors: dict[int, int] = {}
        """Of visits with several of which some have ended."""
        self.rides = _Rides(self)

    def find_competitors(self) -> None:
        """Find out where a resource may be waited for, and which lines have a resource for themselves."""
        waiting = [(a.line, a.needs) for route in self.routes for a in route if a.line is not None]
        for line, needs in waiting:
            for resource, _ in needs:
                if line not in resource.lines:
                    resource.lines += (line,)
        for line in self.lines.values():
            needed = {resource for other, needs in waiting if other is line for resource, _ in needs}
            if line.limit is None and len(needed) == 1 and len((resource := needed.pop()).lines) == 1:
                line.resource = resource
                line.woken = resource.woken = self.woken

    def all_changes(self) -> list[_Change]:
        """All changes of capacity and all periods of quotas, in the order of time."""
        plans, capacities = self.workload.plan.resources, self.workload.capacity
        changes = []
        for resource, plan, steps in zip(self.resources, plans, capacities, strict=True):
            by = steps.values if plan.quota else np.diff(steps.values, prepend=0)
            replaces = plan.quota and not plan.kept
            changes += [
                _Change(moment, resource, change, replaces)
                for moment, change in zip(steps.times.tolist(), by.tolist(), strict=True)
            ]
        return sorted(changes, key=lambda change: change.at)

    def timeline(self) -> Timeline:
        """Run to the horizon."""
        horizon = self.workload.plan.calendar.horizon
        self.expect_change(0)
        self.expect_arrival(0)
        self.simulate(horizon)
        start = self.workload.in_columns(np.frombuffer(self.start, dtype=np.int64))
        carrier = self.workload.in_columns(np.frombuffer(self.rides.carrier, dtype=np.int32))
        end = start + self.workload.work
        end[start == NEVER] = NEVER
        for visit, moment in self.rides.ends.items():
            end[self.workload.by_entity[visit]] = moment
        end[end >= horizon] = NEVER
        return Timeline(start, end, carrier, np.frombuffer(self.turned_away, dtype=np.int64))

    def simulate(self, horizon: int) -> None:
        """Let everything happen, instant by instant, by the rule."""
        self.schedule(Event(self), URGENT, horizon)
        events: list[Any] = self._queue
        woken, woken_others = self.woken, self.woken_others
        rides, loading = self.rides, self.rides.woken
        work, start = self.work, self.start
        while True:
            now, priority, number, event = heappop(events)
            if now >= horizon:
                break
            self._now = now
            if priority == WORK_ENDS:
                if (station := event.station) is not None:
                    station.free += event.plan.amount
                    station.woken.extend(station.lines)
                self.leave(event, number, now)
            else:
                event.then(number, now)
            # Whatever else is due at this instant comes first, also what the last turn of this loop has begun.
            while (woken or woken_others or loading) and events[0][0] != now:
                if loading:
                    rides.take_aboard(now)
                # Written out, since a call for each line would take the whole run some percent longer.
                for line in woken:
                    resource = line.resource
                    for queue in line.queues:
                        while queue and resource.free >= queue[0][2].takes:
                            _, visit, activity = queue.popleft()
                            resource.free -= activity.takes
                            start[visit] = now
                            heappush(events, (now + work[visit], WORK_ENDS, visit, activity))
                        if queue:
                            break
                woken.clear()
                if woken_others:
                    self.start_others(now)

    # What happens by itself

    def expect_change(self, number: int) -> None:
        """Schedule the next change; the list of events stays short."""
        if number < len(self.changes):
            heappush(self._queue, (self.changes[number].at, CAPACITY_CHANGES, number, self.change))

    def on_change(self, number: int, _: int) -> None:
        """A station opens, closes or changes its shift, or a period of a quota begins. What is at work goes on."""
        change = self.changes[number]
        resource = change.resource
        resource.free = change.by if change.replaces else resource.free + change.by
        if change.by > 0:
            resource.woken.extend(resource.lines)
        self.expect_change(number + 1)

    def expect_arrival(self, entity: int) -> None:
        """Schedule the next arrival."""
        if entity < len(self.arrivals):
            heappush(self._queue, (self.arrivals[entity], ARRIVALS, entity, self.arrival))

    def on_arrival(self, entity: int, now: int) -> None:
        """An entity arrives: its first activities are ready."""
        first = self.first_visit[entity]
        for step, activity in self.roots[self.flow[entity]]:
            self.make_ready(activity, first + step, now)
        self.expect_arrival(entity + 1)

    def make_ready(self, activity: _Activity, visit: int, now: int) -> None:
        """All predecessors have ended: wait in line, begin, or pass through."""
        work = self.work[visit]
        line = activity.line
        if work == PASSED_THROUGH:
            self.start[visit] = now
            self.leave(activity, visit, now)
        elif line is not None:
            queue = line.queues[self.rank[visit]]
            place = (now, visit, activity)
            if not queue:
                queue.append(place)
                if line.resource.free >= activity.takes:
                    line.woken.append(line)
            elif place < queue[-1]:
                insort(queue, place)  # before those of this instant who have a higher number
                line.woken.append(line)
            else:
                queue.append(place)
                if line.limit is not None:
                    line.woken.append(line)
        elif not (activity.meets and self.rides.meet(activity, visit, now)):
            self.start[visit] = now
            if work:
                heappush(self._queue, (now + work, WORK_ENDS, visit, activity))
            else:
                self.leave(activity, visit, now)

    def leave(self, activity: _Activity, visit: int, now: int) -> None:
        """An activity is behind an entity: give back what it held and tell the activities that wait for it."""
        for resource, amount, step in activity.gives_back:
            if self.work[visit + step] != PASSED_THROUGH:
                resource.free += amount
                resource.woken.extend(resource.lines)
        if activity.meets:
            self.rides.part(activity, visit, now)
        for step, follower in activity.behind:
            if follower.predecessors == 1 or self.was_last(follower, visit + step):
                self.make_ready(follower, visit + step, now)

    def was_last(self, activity: _Activity, visit: int) -> bool:
        """Whether the predecessor that has just ended was the last of several."""
        left = self.open_predecessors.pop(visit, activity.predecessors) - 1
        if left:
            self.open_predecessors[visit] = left
        return not left

    # Starting

    def start_others(self, now: int) -> None:
        """Start who can where lines compete or several things are needed; then cut the lines that are too long."""
        lines = dict.fromkeys(self.woken_others)
        self.woken_others.clear()
        heads = [head for line in lines if (head := line.head()) is not None]
        heapify(heads)
        while heads:
            rank, _, visit, activity, line = heappop(heads)
            if _are_free(activity.needs):
                for resource, amount in activity.needs:
                    resource.free -= amount
                line.queues[rank].popleft()
                self.begin(activity, visit, now)
                if (head := line.head()) is not None:
                    heappush(heads, head)
        for line in lines:
            if line.limit is not None:
                for visit in line.cut(line.limit):
                    self.turn_away(self.entity_of(visit), now)

    def begin(self, activity: _Activity, visit: int, now: int) -> None:
        """Begin work. What takes no time ends when all who could start at this instant have started."""
        self.start[visit] = now
        heappush(self._queue, (now + self.work[visit], WORK_ENDS, visit, activity))

    def turn_away(self, entity: int, now: int) -> None:
        """Let an entity leave the model and give back what it holds; it does one thing at a time and rides nowhere."""
        self.turned_away[entity] = now
        for visit, activity in enumerate(self.routes[self.flow[entity]], self.first_visit[entity]):
            if self.start[visit] == NEVER:
                for resource, amount, step in activity.gives_back:
                    if self.work[visit + step] != PASSED_THROUGH and self.start[visit + step] != NEVER:
                        resource.free += amount
                        resource.woken.extend(resource.lines)

    def entity_of(self, visit: int) -> int:
        """Whose visit it is."""
        return bisect_right(self.first_visit, visit) - 1


class _Rides:
    """The carriers and riders of a run."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        workload = run.workload
        plan = workload.plan
        self.brought_by = _numbers(workload.carrier)
        self.carrier = array("i", [NEVER]) * len(workload.work)
        self.riders: list[list[RankedPlace]] = [[] for _ in plan.rides]
        self.carriers: list[list[RankedPlace]] = [[] for _ in plan.rides]
        table = workload.loads
        number = np.zeros(len(workload.work), dtype=np.int64)
        number[workload.by_entity] = np.arange(len(number))
        self.load_rules = dict(
            zip(
                number[table.visit].tolist(),
                zip(table.least.tolist(), table.most.tolist(), table.patience.tolist(), strict=True),
                strict=True,
            )
        )
        self.woken: set[int] = set()
        """Rides at which a carrier may begin to load at this instant."""
        self.aboard: dict[tuple[int, int], list[tuple[_Activity, int]]] = {}
        self.unloaded: set[tuple[int, int]] = set()
        self.ends: dict[int, int] = {}
        """When the visits of riders end, `NEVER` while they are aboard; all other visits end when their work does."""
        self.overdue: list[list[RankedPlace]] = [[] for _ in plan.rides]
        """Loading visits whose patience is over; some of them have begun."""
        self.brought = _brought(workload)
        """Riders of an entity's ride."""
        self.ride_awaited = [ride for ride, _ in plan.awaited]
        self.through: dict[tuple[int, int], int] = {}
        """Those of them who have an awaited activity behind them."""
        self.patient: dict[tuple[int, int], list[tuple[_Activity, int]]] = {}
        """The visits at which an entity waits for all of them."""

    def meet(self, activity: _Activity, visit: int, now: int) -> bool:
        """Wait for a carrier, for riders, or for what riders do; False if there is nothing to wait for."""
        run, plan = self.run, activity.plan
        entity = run.entity_of(visit)
        place = (run.rank[visit], now, visit, activity)
        if plan.ride is not None:
            brought_by = self.brought_by[entity] if not activity.predecessors else NEVER
            if brought_by == NEVER:
                heappush(self.riders[plan.ride], place)
                self.woken.add(plan.ride)
            else:
                self.come_aboard(activity, visit, (brought_by, plan.ride), now)
            return True
        if plan.loads is not None:
            heappush(self.carriers[plan.loads], place)
            self.woken.add(plan.loads)
            patience = self.load_rules[visit][2]
            if patience != NEVER:
                run.schedule(_Happening(run, partial(self.on_patience, plan.loads, place)), PATIENCE_ENDS, patience)
            return True
        if plan.awaits is not None and not self.are_through(entity, plan.awaits):
            self.patient.setdefault((entity, plan.awaits), []).append((activity, visit))
            return True
        return False

    def come_aboard(self, activity: _Activity, visit: int, ride: tuple[int, int], now: int) -> None:
        """Be aboard for a carrier's ride from its arrival on, or go on if it has unloaded already."""
        self.run.start[visit] = now
        self.carrier[visit], _ = ride
        if ride in self.unloaded:
            self.run.leave(activity, visit, now)
        else:
            self.ends[visit] = NEVER
            self.aboard.setdefault(ride, []).append((activity, visit))

    def on_patience(self, ride: int, place: RankedPlace, *_: int) -> None:
        """A carrier waits no longer for more riders."""
        if self.run.start[place[2]] == NEVER:
            heappush(self.overdue[ride], place)
            self.woken.add(ride)

    def are_through(self, carrier: int, awaited: int) -> bool:
        """Whether all riders that a carrier brought have an awaited activity behind them."""
        brought = self.brought.get((carrier, self.ride_awaited[awaited]), 0)
        return self.through.get((carrier, awaited), 0) == brought

    def part(self, activity: _Activity, visit: int, now: int) -> None:
        """Let riders go on when their carrier has unloaded, and a carrier when its riders are through."""
        run, ride = self.run, activity.plan.unloads
        if ride is not None:
            entity = run.entity_of(visit)
            self.unloaded.add((entity, ride))
            for riding, rider in self.aboard.pop((entity, ride), ()):
                self.ends[rider] = now
                run.leave(riding, rider, now)
        for awaited, step in activity.awaited:
            carrier = self.carrier[visit + step]
            if carrier != NEVER:
                self.through[carrier, awaited] = self.through.get((carrier, awaited), 0) + 1
                if (carrier, awaited) in self.patient and self.are_through(carrier, awaited):
                    for waiting, waiter in self.patient.pop((carrier, awaited)):
                        run.start[waiter] = now
                        run.leave(waiting, waiter, now)

    def take_aboard(self, now: int) -> None:
        """Let carriers begin to load, the first in line first, where enough riders wait or patience is at its end."""
        for ride in sorted(self.woken):
            riders, carriers, overdue = self.riders[ride], self.carriers[ride], self.overdue[ride]
            while carriers:
                place = carriers[0]
                if len(riders) >= self.load_rules[place[2]][0]:
                    heappop(carriers)
                elif overdue:
                    place = heappop(overdue)
                    if self.run.start[place[2]] != NEVER:
                        continue
                    carriers.remove(place)
                    heapify(carriers)
                else:
                    break
                _, _, visit, loading = place
                most = self.load_rules[visit][1]
                boarding = [heappop(riders) for _ in range(min(most, len(riders)))]
                self.depart_with([(riding, rider) for _, _, rider, riding in boarding], ride, visit, now)
                self.run.begin(loading, visit, now)
        self.woken.clear()

    def depart_with(self, riders: list[tuple[_Activity, int]], ride: int, visit: int, now: int) -> None:
        """Take riders aboard."""
        carrier = self.run.entity_of(visit)
        for _, rider in riders:
            self.run.start[rider] = now
            self.carrier[rider] = carrier
            self.ends[rider] = NEVER
        self.aboard.setdefault((carrier, ride), []).extend(riders)
        self.brought[carrier, ride] = self.brought.get((carrier, ride), 0) + len(riders)


def _are_free(needs: tuple[tuple[_Resource, int], ...]) -> bool:
    return all(resource.free >= amount for resource, amount in needs)


def _numbers(values: NDArray[Any], kind: str = "q") -> array[int]:
    """Values as machine numbers of a kind that NumPy and Python call the same."""
    numbers = array(kind)
    numbers.frombytes(values.astype(kind, copy=False).view(np.uint8).data)
    return numbers


def _brought(workload: Workload) -> dict[tuple[int, int], int]:
    """For every entity and ride how many arrive aboard."""
    counts: dict[tuple[int, int], int] = {}
    for code, flow in enumerate(workload.plan.flows):
        for number, activity in enumerate(flow.activities):
            if activity.ride is not None and not activity.before:
                riding = workload.column(workload.takes_place, code, number)
                carriers = workload.of_route(workload.carrier, code)[riding]
                for carrier in carriers[carriers != NEVER].tolist():
                    counts[carrier, activity.ride] = counts.get((carrier, activity.ride), 0) + 1
    return counts
