"""The same models for salabim: a component for every truck; at the Khorgos road port one for every branch of its route.

Of the Khorgos road port salabim has all but car carriers: stations with opening hours, papers beside the vehicle,
quotas, and roads that are held from one step to another.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import salabim

from sim.engine.plan import ActivityPlan, FlowPlan
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.scenario.steps import Steps

LEFT_OUT = "car carriers (cars leave by themselves)"
"""What the model of the Khorgos road port does not have."""

Happenings = Generator[Any, Any, None]

salabim.yieldless(False)  # generators are its faster way


class Port:
    """The stations, and what is noted of every visit."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.env = salabim.Environment(trace=False)
        order = workload.by_entity
        self.work = workload.work[order].tolist()
        self.takes_place = workload.takes_place[order].tolist()
        self.priority = workload.priority[order].tolist()
        self.start, self.end = ([NEVER] * len(self.work) for _ in range(2))

    def timeline(self) -> Timeline:
        """Run to the horizon."""
        self.env.run(till=self.workload.plan.calendar.horizon)
        start, end = (self.workload.in_columns(np.array(times).astype(np.int64)) for times in (self.start, self.end))
        return Timeline(start, end, np.full(len(start), NEVER), np.full(len(self.workload.flow), NEVER))


# Six stations


class Truck(salabim.Component):
    """A truck, from the first of its visits to the last."""

    def setup(self, port: Port, stations: list[salabim.Resource], visit: int) -> None:
        self.port = port
        self.stations = stations
        self.visit = visit

    def process(self) -> Happenings:
        port, env = self.port, self.env
        for visit, station in enumerate(self.stations, self.visit):
            if port.takes_place[visit]:
                yield self.request((station, 1, port.priority[visit]))
                port.start[visit] = env.now()
                yield self.hold(port.work[visit])
                self.release(station)
            else:
                port.start[visit] = env.now()
            port.end[visit] = env.now()


class Trucks(salabim.Component):
    """Lets the trucks arrive."""

    def setup(self, port: Port, stations: list[salabim.Resource]) -> None:
        self.port = port
        self.stations = stations

    def process(self) -> Happenings:
        workload = self.port.workload
        for moment, visit in zip(workload.arrival.tolist(), workload.first_visit[:-1].tolist(), strict=True):
            yield self.hold(till=moment)
            Truck(port=self.port, stations=self.stations, visit=visit)


def six_stations(workload: Workload) -> Timeline:
    """Simulate the six stations up to the calendar's horizon."""
    port = Port(workload)
    stations = [
        salabim.Resource(workload.plan.resources[a.station].name, capacity=int(workload.capacity[a.station].values[0]))
        for a in workload.plan.flows[0].activities
    ]
    Trucks(port=port, stations=stations)
    return port.timeline()


# The Khorgos road port


class Opening(salabim.Component):
    """Opens and closes a station, or fills a quota anew, so that what is left of it is lost."""

    def setup(self, resource: salabim.Resource, steps: Steps, quota: bool) -> None:
        self.resource = resource
        self.steps = steps
        self.quota = quota

    def process(self) -> Happenings:
        for moment, capacity in zip(self.steps.times.tolist(), self.steps.values.tolist(), strict=True):
            yield self.hold(till=moment)
            if self.quota:
                self.resource.release(self.resource.claimed_quantity())
            self.resource.set_capacity(capacity)


class Branch:
    """Activities of a route one after the other, and for each those of other branches for which it waits."""

    def __init__(self) -> None:
        self.activities: list[tuple[int, ActivityPlan, list[int]]] = []

    @property
    def last(self) -> int:
        """The number of the last activity so far."""
        return self.activities[-1][0]


def branches(flow: FlowPlan) -> list[Branch]:
    """Split a route where it forks: an activity goes on with the first branch that it can prolong."""
    found: list[Branch] = []
    for number, plan in enumerate(flow.activities):
        branch = next((branch for branch in found if branch.last in plan.before), None)
        others = [other for other in plan.before if branch is None or other != branch.last]
        if branch is None:
            branch = Branch()
            found.append(branch)
        branch.activities.append((number, plan, others))
    return found


class Vehicle:
    """What the branches of one vehicle know of each other."""

    def __init__(self, first_visit: int, awaited: set[int]) -> None:
        self.first_visit = first_visit
        self.done = {number: salabim.State() for number in awaited}
        self.holder: dict[int, Going] = {}


class Going(salabim.Component):
    """A vehicle, or its papers, on one branch of the route."""

    def setup(self, port: KhorgosRoad, vehicle: Vehicle, branch: Branch) -> None:
        self.port = port
        self.vehicle = vehicle
        self.branch = branch

    def process(self) -> Happenings:
        port, vehicle, env = self.port, self.vehicle, self.env
        for number, plan, others in self.branch.activities:
            visit = vehicle.first_visit + number
            if others:
                yield self.wait(*(vehicle.done[other] for other in others), all=True)
            takes_place = port.takes_place[visit]
            if takes_place and plan.queue is not None:
                yield self.request(*((port.resources[code], n, port.priority[visit]) for code, n in plan.needs))
                vehicle.holder[number] = self
            port.start[visit] = env.now()
            if port.work[visit]:
                yield self.hold(port.work[visit])
            if takes_place and plan.station is not None:
                self.release((port.resources[plan.station], plan.amount))
            port.end[visit] = env.now()
            for code, amount, seized_at in plan.gives_back:
                if seized_at in vehicle.holder:
                    vehicle.holder[seized_at].release((port.resources[code], amount))
            if number in vehicle.done:
                vehicle.done[number].set()
        if self.claimed_resources():  # which salabim would release at the end of the process
            yield self.passivate()


class Vehicles(salabim.Component):
    """Lets the vehicles of all flows arrive."""

    def setup(self, port: KhorgosRoad) -> None:
        self.port = port

    def process(self) -> Happenings:
        workload = self.port.workload
        routes = [branches(flow) for flow in workload.plan.flows]
        awaited = [
            {other for branch in route for *_, others in branch.activities for other in others} for route in routes
        ]
        columns = (workload.arrival.tolist(), workload.flow.tolist(), workload.first_visit[:-1].tolist())
        for moment, flow, first in zip(*columns, strict=True):
            yield self.hold(till=moment)
            vehicle = Vehicle(first, awaited[flow])
            for branch in routes[flow]:
                Going(port=self.port, vehicle=vehicle, branch=branch)


class KhorgosRoad(Port):
    """The port with its stations, stretches of road and quotas."""

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self.resources = []
        for rules, steps in zip(workload.plan.resources, workload.capacity, strict=True):
            resource = salabim.Resource(rules.name, capacity=0, anonymous=rules.quota)
            Opening(resource=resource, steps=steps, quota=rules.quota)
            self.resources.append(resource)
        Vehicles(port=self)


def khorgos_road(workload: Workload) -> Timeline:
    """Simulate what is written here of the Khorgos road port up to the calendar's horizon."""
    return KhorgosRoad(workload).timeline()
