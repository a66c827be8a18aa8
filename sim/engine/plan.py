"""The procedure of a mode as integer codes: what an engine reads. No randomness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sim.scenario.demand import Flow
from sim.scenario.procedure import Activity, Procedure
from sim.scenario.rosters import Calendar, capacity_steps
from sim.scenario.routes import activity_order, holds
from sim.scenario.steps import Steps


@dataclass(frozen=True, slots=True)
class Resource:
    """Anything counted: a station or a pool."""

    name: str
    port: str
    agency: str | None
    capacity: Steps


@dataclass(frozen=True, slots=True)
class ActivityPlan:
    """One activity of one flow in codes. Activities are numbered within their flow, resources over all."""

    name: str
    phase: str | None
    agency: str | None
    station: int | None
    """Resource of its `at`."""
    queue: int | None
    """The line it waits in: that of its station, or of the first resource (by name) that it seizes."""
    needs: tuple[tuple[int, int], ...]
    """Resource and amount of all that must be free when it starts, ordered by resource."""
    amount: int
    """Units of its station, given back when it ends."""
    gives_back: tuple[tuple[int, int, int], ...]
    """Resource, amount and seizing activity of every hold that ends with it."""
    before: tuple[int, ...]
    """The activities that must have ended."""
    behind: tuple[int, ...]
    """The activities that wait for this one."""
    rules: Activity
    """What binds it to entities: durations, shares, conditions."""


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """The route of one flow; activities in an order in which each stands behind its predecessors."""

    name: str
    port: str
    activities: tuple[ActivityPlan, ...]

    def code(self, activity: str) -> int | None:
        """The number of an activity, None if the route does not have it."""
        return next((code for code, plan in enumerate(self.activities) if plan.name == activity), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A mode's procedure; resources and flows are ordered by name."""

    calendar: Calendar
    resources: tuple[Resource, ...]
    flows: tuple[FlowPlan, ...]


def make_plan(procedure: Procedure, demand: Mapping[str, Flow], calendar: Calendar) -> Plan:
    """Translate a procedure into codes."""
    names = sorted(procedure.stations)
    code = {name: index for index, name in enumerate(names)}
    resources = []
    for name in names:
        station = procedure.stations[name]
        roster = procedure.rosters[station.roster] if station.roster is not None else None
        resources.append(
            Resource(name, station.port, station.agency, capacity_steps(roster, station.capacity, calendar))
        )
    flows = []
    for flow_name in sorted(procedure.routes):
        route = procedure.routes[flow_name]
        order = activity_order(route)
        number = {name: index for index, name in enumerate(order)}
        ends: dict[str, list[tuple[int, int, int]]] = {}
        for hold in holds(route):
            assert hold.released_at is not None, "checked when the scenario was loaded"
            ends.setdefault(hold.released_at, []).append((code[hold.resource], hold.amount, number[hold.seized_at]))
        activities = []
        for name in order:
            activity = route[name]
            place = code[activity.at] if activity.at is not None else None
            needs = {code[resource]: amount for resource, amount in activity.seizes.items()}
            if place is not None:
                needs[place] = needs.get(place, 0) + activity.amount
            agency = activity.agency or (procedure.stations[activity.at].agency if activity.at is not None else None)
            activities.append(
                ActivityPlan(
                    name=name,
                    phase=activity.phase,
                    agency=agency,
                    station=place,
                    queue=place if place is not None else min(needs, default=None),
                    needs=tuple(sorted(needs.items())),
                    amount=activity.amount,
                    gives_back=tuple(sorted(ends.get(name, []))),
                    before=tuple(sorted(number[before] for before in activity.after)),
                    behind=tuple(sorted(number[other] for other in order if name in route[other].after)),
                    rules=activity,
                )
            )
        flows.append(FlowPlan(flow_name, demand[flow_name].port, tuple(activities)))
    return Plan(calendar, tuple(resources), tuple(flows))
