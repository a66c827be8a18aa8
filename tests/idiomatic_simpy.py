"""The second opinion: the same system in the ordinary style of SimPy, a process for every entity and every activity.

It takes the same workload as the engine and nothing else of it, and keeps the same rule for one instant by its own
means: work ends, capacities change, entities arrive, and only when SimPy has nothing more urgent to do at this moment,
carriers load and waiting requests are granted in the order of (priority, ready, visit), and lines that are too long are
cut. Requests wait in line, all that one needs is taken at once, and the head of a line blocks those behind it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
import simpy

from sim.engine.plan import ActivityPlan, FlowPlan, Resource
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.scenario.steps import Steps

Happenings = Generator[simpy.Event, Any, None]
Rank = tuple[int, int, int]
LAST = 9
"""Priority of an event behind everything else at its instant; SimPy's own are 0 and 1."""


class TurnedAwayError(Exception):
    """The line was full."""


class Station:
    """A counted resource and the line in front of it."""

    def __init__(self, port: Port, rules: Resource) -> None:
        self.port = port
        self.rules = rules
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
        """A process that opens and closes; a quota is filled anew in each period, or gets more if it keeps the rest."""
        before = 0
        for moment, capacity in zip(roster.times.tolist(), roster.values.tolist(), strict=True):
            yield self.port.env.timeout(moment - self.port.env.now)
            if self.rules.kept:
                self.change(capacity)
            elif self.rules.quota:
                self.free = 0
                self.change(capacity)
            else:
                self.change(capacity - before)
            before = capacity

    def shorten(self) -> None:
        """Turn away those at the end of a line that is too long."""
        while self.rules.queue_limit is not None and len(self.line) > self.rules.queue_limit:
            last = max(self.line, key=lambda waiting: waiting[0])
            self.line.remove(last)
            heapify(self.line)
            last[1].fail(TurnedAwayError())


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


class Boarding(simpy.Event):
    """Wish of a rider to be taken aboard; its value is the carrier."""

    def __init__(self, ride: Ride, rank: Rank, entity: int) -> None:
        super().__init__(ride.port.env)
        self.entity = entity
        ride.riders.append((rank, self))
        ride.port.meet_at(ride)


class Loading(simpy.Event):
    """Wish of a carrier to load riders."""

    def __init__(self, ride: Ride, rank: Rank, carrier: Carrier, *, least: int, most: int, patience: int) -> None:
        super().__init__(ride.port.env)
        self.carrier = carrier
        self.least = least
        self.most = most
        self.patient = True
        ride.carriers.append((rank, self))
        ride.port.meet_at(ride)
        if patience != NEVER:
            ride.port.env.process(self.lose_patience(ride, patience))

    def lose_patience(self, ride: Ride, patience: int) -> Happenings:
        """A process that ends the waiting."""
        yield self.env.timeout(patience)
        self.patient = False
        ride.port.meet_at(ride)


class Ride:
    """Where riders and carriers meet: a line of each."""

    def __init__(self, port: Port, code: int) -> None:
        self.port = port
        self.code = code
        self.riders: list[tuple[Rank, Boarding]] = []
        self.carriers: list[tuple[Rank, Loading]] = []

    def match(self) -> None:
        """Let those carriers load that have enough riders or waited enough, one after the other."""
        self.riders.sort(key=lambda waiting: waiting[0])
        self.carriers.sort(key=lambda waiting: waiting[0])
        while loading := self.next_one():
            aboard, self.riders = self.riders[: loading.most], self.riders[loading.most :]
            for _, boarding in aboard:
                loading.carrier.riders[self.code].append(boarding.entity)
                boarding.succeed(loading.carrier)
            self.carriers = [waiting for waiting in self.carriers if waiting[1] is not loading]
            loading.succeed()

    def next_one(self) -> Loading | None:
        """The first carrier if there are enough riders for it, otherwise the first that waits no longer."""
        for place, (_, loading) in enumerate(self.carriers):
            if not loading.patient or (place == 0 and len(self.riders) >= loading.least):
                return loading
        return None


class Carrier:
    """What riders know of the entity that they are aboard of."""

    def __init__(self, port: Port, entity: int) -> None:
        self.entity = entity
        self.riders: list[list[int]] = [[] for _ in port.rides]
        self.unloaded = [simpy.Event(port.env) for _ in port.rides]


@dataclass(frozen=True, slots=True)
class Entity:
    """What an entity knows of itself."""

    number: int
    first_visit: int
    seizes: list[list[tuple[int, int]]]
    """For each of its activities the resources that it holds from there on, and how many units."""
    holds: dict[tuple[int, int], int]
    """Units of a resource since an activity."""


class Port:
    """All stations and rides, and somebody who grants requests at the end of every instant."""

    def __init__(self, workload: Workload) -> None:
        self.env = simpy.Environment()
        self.workload = workload
        self.horizon = workload.plan.calendar.horizon
        self.to_look_at: set[Station] = set()
        self.to_meet_at: set[Ride] = set()
        self.stations = [Station(self, resource) for resource in workload.plan.resources]
        self.rides = [Ride(self, code) for code in range(len(workload.plan.rides))]
        for flow in workload.plan.flows:
            for activity in flow.activities:
                for resource, _ in activity.needs:
                    self.stations[resource].wanted_by.add(self.stations[activity.queue])
        order = workload.by_entity
        self.work = workload.work[order].tolist()
        self.takes_place = workload.takes_place[order].tolist()
        self.priority = workload.priority[order].tolist()
        self.first_visit = workload.first_visit.tolist()
        self.brought_by = workload.carrier.tolist()
        rules = workload.loads
        columns = (rules.least.tolist(), rules.most.tolist(), rules.patience.tolist())
        places = np.argsort(order)[rules.visit].tolist()
        self.load_rules = dict(zip(places, zip(*columns, strict=True), strict=True))
        self.start, self.end, self.aboard_of = ([NEVER] * len(self.work) for _ in range(3))
        self.turned_away = [NEVER] * len(workload.flow)
        self.carriers: dict[int, Carrier] = {}
        self.behind: dict[int, simpy.Event] = {}
        for entity, carrier in enumerate(self.brought_by):
            if carrier != NEVER:
                self.seat(entity, carrier)

    def seat(self, entity: int, carrier: int) -> None:
        """Somebody is aboard from the beginning."""
        for number, activity in enumerate(self.route_of(entity).activities):
            first = activity.ride is not None and not activity.before
            if first and self.takes_place[self.first_visit[entity] + number]:
                self.carrier(carrier).riders[activity.ride].append(entity)

    def route_of(self, entity: int) -> FlowPlan:
        """The route of an entity."""
        return self.workload.plan.flows[int(self.workload.flow[entity])]

    def carrier(self, entity: int) -> Carrier:
        """An entity as a carrier."""
        if entity not in self.carriers:
            self.carriers[entity] = Carrier(self, entity)
        return self.carriers[entity]

    def is_behind(self, entity: int, activity: str) -> simpy.Event:
        """An event that happens when an entity has an activity behind it."""
        number = self.route_of(entity).code(activity)
        return self.behind.setdefault(self.first_visit[entity] + number, simpy.Event(self.env))

    def look_at(self, station: Station) -> None:
        """Remember that a line may move, when nothing else is left to happen now."""
        self.end_of_instant()
        self.to_look_at.add(station)

    def meet_at(self, ride: Ride) -> None:
        """Remember that riders and carriers may meet."""
        self.end_of_instant()
        self.to_meet_at.add(ride)

    def end_of_instant(self) -> None:
        """Call somebody when nothing else is left to happen now."""
        if not self.to_look_at and not self.to_meet_at:
            soon = simpy.Event(self.env)
            soon._ok, soon._value = True, None
            soon.callbacks.append(self.grant_requests)
            self.env.schedule(soon, priority=LAST)

    def grant_requests(self, _: simpy.Event) -> None:
        """Grant what can be granted, the first in rank first; then cut the lines that are too long."""
        for ride in self.to_meet_at:
            ride.match()
        self.to_meet_at.clear()
        stations = list(self.to_look_at)
        heads = [(*station.line[0], station) for station in stations if station.line]
        self.to_look_at.clear()
        heapify(heads)
        while heads:
            _, request, station = heappop(heads)
            if request.can_be_granted():
                heappop(station.line)
                request.grant()
                if station.line:
                    heappush(heads, (*station.line[0], station))
        for station in stations:
            station.shorten()

    def arrivals(self, code: int, flow: FlowPlan) -> Happenings:
        """A process that lets the entities of a flow arrive."""
        entities = np.flatnonzero(self.workload.flow == code)
        seizes: list[list[tuple[int, int]]] = [[] for _ in flow.activities]
        for activity in flow.activities:
            for resource, units, seized_at in activity.gives_back:
                seizes[seized_at].append((resource, units))
        for moment, entity in zip(self.workload.arrival[entities].tolist(), entities.tolist(), strict=True):
            yield self.env.timeout(moment - self.env.now)
            self.env.process(self.entity(flow, Entity(entity, self.first_visit[entity], seizes, {})))

    def entity(self, flow: FlowPlan, entity: Entity) -> Happenings:
        """A process for an entity: it sends its activities on their way."""
        done: list[simpy.Process] = []
        for number, activity in enumerate(flow.activities):
            before = [done[other] for other in activity.before]
            done.append(self.env.process(self.activity(activity, entity, number, before)))
        yield simpy.AllOf(self.env, done)

    def activity(self, activity: ActivityPlan, entity: Entity, number: int, before: list[simpy.Process]) -> Happenings:
        """A process for one activity of one entity."""
        yield simpy.AllOf(self.env, before)
        visit = entity.first_visit + number
        if not self.takes_place[visit]:
            self.start[visit] = self.env.now
        elif activity.queue is not None:
            yield from self.work_in_turn(activity, entity, number)
        elif activity.ride is not None:
            yield from self.ride(activity, entity, visit)
        else:
            yield from self.carry(activity, entity, visit)
        self.end[visit] = self.env.now
        if activity.unloads is not None:
            self.carrier(entity.number).unloaded[activity.unloads].succeed()
        for resource, _, seized_at in activity.gives_back:
            if (resource, seized_at) in entity.holds:
                self.stations[resource].change(entity.holds.pop((resource, seized_at)))
        if activity.awaited:
            self.is_behind(entity.number, activity.name).succeed()

    def work_in_turn(self, activity: ActivityPlan, entity: Entity, number: int) -> Happenings:
        """Stand in line, take what is needed, and work; or be turned away and do nothing any more."""
        visit = entity.first_visit + number
        needs = [(self.stations[resource], units) for resource, units in activity.needs]
        try:
            yield Request(self.stations[activity.queue], needs, (self.priority[visit], self.env.now, visit))
        except TurnedAwayError:
            self.turned_away[entity.number] = self.env.now
            for (resource, _), units in entity.holds.items():
                self.stations[resource].change(units)
            yield self.env.event()
        for resource, units in entity.seizes[number]:
            entity.holds[resource, number] = units
        self.start[visit] = self.env.now
        yield self.env.timeout(self.work[visit])
        if activity.station is not None:
            self.stations[activity.station].change(activity.amount)

    def ride(self, activity: ActivityPlan, entity: Entity, visit: int) -> Happenings:
        """Wait for a carrier, or be aboard already, until it unloads."""
        if self.brought_by[entity.number] != NEVER and not activity.before:
            carrier = self.carrier(self.brought_by[entity.number])
        else:
            rank = (self.priority[visit], self.env.now, visit)
            carrier = yield Boarding(self.rides[activity.ride], rank, entity.number)
        self.start[visit] = self.env.now
        self.aboard_of[visit] = carrier.entity
        yield carrier.unloaded[activity.ride]

    def carry(self, activity: ActivityPlan, entity: Entity, visit: int) -> Happenings:
        """Work without a station; before it, wait for riders or for what riders do."""
        if activity.loads is not None:
            least, most, patience = self.load_rules[visit]
            rank = (self.priority[visit], self.env.now, visit)
            carrier = self.carrier(entity.number)
            yield Loading(self.rides[activity.loads], rank, carrier, least=least, most=most, patience=patience)
        if activity.rules.awaits is not None:
            ride = self.workload.plan.rides.index(activity.rules.awaits.ride)
            riders = self.carrier(entity.number).riders[ride]
            done = 0
            while done < len(riders):
                done = len(riders)
                yield simpy.AllOf(self.env, [self.is_behind(rider, activity.rules.awaits.activity) for rider in riders])
        self.start[visit] = self.env.now
        yield self.env.timeout(self.work[visit])


def run(workload: Workload) -> Timeline:
    """Simulate a workload up to its calendar's horizon."""
    port = Port(workload)
    for steps, station in zip(workload.capacity, port.stations, strict=True):
        port.env.process(station.follow(steps))
    for code, flow in enumerate(workload.plan.flows):
        port.env.process(port.arrivals(code, flow))
    port.env.run(until=port.horizon)
    times = (port.start, port.end, port.aboard_of)
    columns = (workload.in_columns(np.array(column, dtype=np.int64)) for column in times)
    return Timeline(*columns, np.array(port.turned_away, dtype=np.int64))
