"""The same models for Ciw: a node for every station, the route and the durations of every customer given beforehand.

Of the Khorgos road port Ciw has stations with opening hours, and the way of each vehicle from one to the next.
"""

from __future__ import annotations

from typing import Any

import ciw
import numpy as np

from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.scenario.steps import Steps

LEFT_OUT = (
    "papers beside the vehicle (what runs side by side runs one after the other), quotas, stretches of road that are "
    "held from one step to another, car carriers"
)
"""What the model of the Khorgos road port does not have."""
GONE = -1
"""Ciw's number of the node behind all others."""


def six_stations(workload: Workload) -> Timeline:
    """Simulate the six stations up to the calendar's horizon; the trucks arrive at the first."""
    activities = workload.plan.flows[0].activities
    servers = [int(workload.capacity[activity.station].values[0]) for activity in activities]
    takes_place = workload.takes_place[workload.by_entity].tolist()
    routes = [
        [(first + number, number + 1) for number in range(len(activities)) if takes_place[first + number]]
        for first in workload.first_visit[:-1].tolist()
    ]
    return _simulated(workload, servers, routes)


def khorgos_road(workload: Workload) -> Timeline:
    """Simulate what Ciw has of the Khorgos road port; vehicles arrive at a node where nobody has to wait.

    At this node also everything happens that has no station.
    """
    servers = [float("inf"), *(_servers(steps, workload.plan.calendar.horizon) for steps in workload.capacity)]
    nodes = [
        [1 if activity.station is None else activity.station + 2 for activity in flow.activities]
        for flow in workload.plan.flows
    ]
    takes_place = workload.takes_place[workload.by_entity].tolist()
    routes = [
        [(NEVER, 1), *((visit, node) for visit, node in enumerate(nodes[flow], first) if takes_place[visit])]
        for flow, first in zip(workload.flow.tolist(), workload.first_visit[:-1].tolist(), strict=True)
    ]
    return _simulated(workload, servers, routes)


def _servers(steps: Steps, horizon: int) -> Any:
    """Servers over time; Ciw begins again behind the last shift, which ends with the simulation."""
    times, values = steps.times.tolist(), steps.values.tolist()
    if times[0] > 0:
        times, values = [0, *times], [0, *values]
    if len(times) == 1:
        return values[0]
    return ciw.Schedule(values, [*times[1:], horizon + 1])


class _Given(ciw.dists.Distribution):
    """The duration that is given for the visit at which a customer is."""

    def __init__(self, work: list[float], routes: list[list[tuple[int, int]]]) -> None:
        self.work = work
        self.routes = routes

    def sample(self, t: float | None = None, ind: Any = None) -> float:  # noqa: ARG002  # the signature is Ciw's
        visit, _ = self.routes[ind.id_number - 1][len(ind.data_records)]
        return self.work[visit] if visit != NEVER else 0.0


def _simulated(workload: Workload, servers: list[Any], routes: list[list[tuple[int, int]]]) -> Timeline:
    """Let customers of one class for each priority arrive at the first node; Ciw numbers them from 1 as they come."""
    order = workload.by_entity
    first = order[workload.first_visit[:-1]]
    rank = np.unique(workload.priority[first], return_inverse=True)[1]
    classes = {f"class {number}": number for number in range(int(rank.max()) + 1)}
    service = _Given(workload.work[order].astype(float).tolist(), routes)

    def onward(customer: Any, _: ciw.Simulation) -> list[int]:
        return [node for _, node in routes[customer.id_number - 1][1:]]

    gaps = {name: np.diff(workload.arrival[rank == number], prepend=0) for name, number in classes.items()}
    elsewhere = [None] * (len(servers) - 1)
    network = ciw.create_network(
        arrival_distributions={
            name: [ciw.dists.Sequential([*gap.astype(float).tolist(), float("inf")]), *elsewhere]
            for name, gap in gaps.items()
        },
        service_distributions={name: [service] * len(servers) for name in classes},
        number_of_servers=servers,
        priority_classes=classes,
        routing={name: ciw.routing.ProcessBased(onward) for name in classes},
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(workload.plan.calendar.horizon)
    start, end = (np.full(len(workload.work), NEVER) for _ in range(2))
    for customer in simulation.get_all_individuals():
        visits = [visit for visit, _ in routes[customer.id_number - 1]]
        for visit, record in zip(visits, customer.data_records, strict=False):
            if visit != NEVER:
                start[visit], end[visit] = record.service_start_date, record.service_end_date
        if customer.node != GONE and customer.service_start_date is not False:
            visit = visits[len(customer.data_records)]
            if visit != NEVER:
                start[visit] = customer.service_start_date
    nobody = np.full(len(workload.flow), NEVER)
    start, end = (workload.in_columns(times) for times in (start, end))
    return Timeline(start, end, np.full(len(start), NEVER), nobody)
