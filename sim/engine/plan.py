"""The procedure of a mode as integer codes: what an engine reads. No randomness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sim.scenario.demand import Flow
from sim.scenario.disruptions import Disruption
from sim.scenario.procedure import Activity, OutcomeShares, Procedure, Quota, Route, Station
from sim.scenario.rosters import Calendar, allowance_steps, capacity_steps
from sim.scenario.routes import activity_order, drawn_tables, holds, queue_of
from sim.scenario.steps import Steps


@dataclass(frozen=True, slots=True)
class Resource:
    """Anything counted: a station, a pool, a quota."""

    name: str
    port: str
    agency: str | None
    capacity: Steps
    """Units on duty; of a quota what each period allows, from its begin to the next."""
    quota: bool = False
    """What is taken of a quota does not come back."""
    kept: bool = False
    """Whether what a period of a quota leaves can be used later."""
    queue_limit: int | None = None
    """Who finds so many waiting is turned away."""


@dataclass(frozen=True, slots=True)
class ActivityPlan:
    """One activity of one flow in codes. Activities are numbered within their flow, resources and rides over all."""

    name: str
    phase: str | None
    agency: str | None
    station: int | None
    """Resource of its `at`."""
    queue: int | None
    """The resource in whose line it waits."""
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
    ride: int | None
    """The ride at which it waits for a carrier."""
    loads: int | None
    """The ride whose riders it takes aboard."""
    unloads: int | None
    """The ride whose riders go on when it has ended."""
    awaits: int | None
    """What it waits for: an index into `Plan.awaited`."""
    awaited: tuple[tuple[int, int], ...]
    """For carriers that wait until this activity is behind their riders: index into `Plan.awaited`, riding activity."""
    rules: Activity
    """What binds it to entities: durations, shares, conditions."""
    draws: Mapping[str, OutcomeShares]
    """What it draws, by shares or by a risk score."""


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """One route of one flow; activities in an order in which each stands behind its predecessors.

    A flow has several routes where reforms are adopted by a share of its entities.
    """

    name: str
    port: str
    adopts: frozenset[str]
    """The partly adopted reforms that its entities have adopted."""
    activities: tuple[ActivityPlan, ...]

    def code(self, activity: str) -> int | None:
        """The number of an activity, None if the route does not have it."""
        return next((code for code, plan in enumerate(self.activities) if plan.name == activity), None)


@dataclass(frozen=True, slots=True)
class DisruptionPlan:
    """Which resources a disruption strikes and what it leaves of them."""

    name: str
    resources: tuple[int, ...]
    rules: Disruption


@dataclass(frozen=True, slots=True)
class Plan:
    """A mode's procedure; resources, rides, flows and disruptions are ordered by name."""

    calendar: Calendar
    resources: tuple[Resource, ...]
    rides: tuple[str, ...]
    awaited: tuple[tuple[int, str], ...]
    """What carriers wait for: a ride, and the activity that all riders whom it brought must have behind them."""
    flows: tuple[FlowPlan, ...]
    disruptions: tuple[DisruptionPlan, ...]
    adoption: Mapping[str, Mapping[str, float]]
    """For each port the share of the entities that adopt each partly adopted reform."""

    @property
    def flow_names(self) -> list[str]:
        """Every flow once, in order."""
        return list(dict.fromkeys(flow.name for flow in self.flows))

    @property
    def lines(self) -> list[list[tuple[int, int]]]:
        """For every resource who waits in its line: the codes of route and activity."""
        found: list[list[tuple[int, int]]] = [[] for _ in self.resources]
        for code, flow in enumerate(self.flows):
            for number, activity in enumerate(flow.activities):
                if activity.queue is not None:
                    found[activity.queue].append((code, number))
        return found


Variants = Mapping[str, Mapping[frozenset[str], Route]]
"""For each flow its routes by the partly adopted reforms that they contain."""


def make_plan(
    procedure: Procedure,
    demand: Mapping[str, Flow],
    calendar: Calendar,
    *,
    disruptions: Mapping[str, Disruption] | None = None,
    variants: Variants | None = None,
    adoption: Mapping[str, Mapping[str, float]] | None = None,
) -> Plan:
    """Translate a procedure into codes.

    Args:
        procedure: Stations, quotas, rosters and routes.
        demand: The flows.
        calendar: The calendar.
        disruptions: What strikes the stations.
        variants: Routes of flows of which only a share adopts some reforms, instead of those of the procedure.
        adoption: The shares of those reforms.
    """
    resources = _resources(procedure, calendar)
    code = {resource.name: index for index, resource in enumerate(resources)}
    routes = [
        (name, adopts, route)
        for name in sorted(procedure.routes)
        for adopts, route in sorted(
            (variants or {}).get(name, {frozenset(): procedure.routes[name]}).items(), key=lambda item: sorted(item[0])
        )
    ]
    rides = sorted({ride for _, _, route in routes for activity in route.values() for ride in _rides(activity)})
    ride_code = {name: index for index, name in enumerate(rides)}
    awaited = sorted(
        {
            (ride_code[activity.awaits.ride], activity.awaits.activity)
            for _, _, route in routes
            for activity in route.values()
            if activity.awaits is not None
        }
    )
    flows = tuple(
        FlowPlan(
            name,
            demand[name].port,
            adopts,
            _activities(route, demand[name], procedure, code=code, ride_code=ride_code, awaited=awaited),
        )
        for name, adopts, route in routes
    )
    struck = tuple(
        DisruptionPlan(name, tuple(sorted(code[station] for station in rules.stations)), rules)
        for name, rules in sorted((disruptions or {}).items())
    )
    return Plan(calendar, tuple(resources), tuple(rides), tuple(awaited), flows, struck, adoption or {})


def _resources(procedure: Procedure, calendar: Calendar) -> list[Resource]:
    def one(name: str, item: Station | Quota) -> Resource:
        roster = procedure.rosters[item.roster] if item.roster is not None else None
        if isinstance(item, Station):
            steps = capacity_steps(roster, item.capacity, calendar)
            return Resource(name, item.port, item.agency, steps, queue_limit=item.queue_limit)
        steps = allowance_steps(item.amount, item.changes, item.zone, roster, calendar)
        return Resource(name, item.port, item.agency, steps, quota=True, kept=item.unused == "kept")

    items: dict[str, Station | Quota] = {**procedure.stations, **procedure.quotas}
    return [one(name, items[name]) for name in sorted(items)]


def _rides(activity: Activity) -> list[str]:
    named = [
        activity.ride,
        activity.unload,
        activity.load.ride if activity.load else None,
        activity.awaits.ride if activity.awaits else None,
    ]
    return [ride for ride in named if ride is not None]


def _activities(
    route: Route,
    flow: Flow,
    procedure: Procedure,
    *,
    code: Mapping[str, int],
    ride_code: Mapping[str, int],
    awaited: list[tuple[int, str]],
) -> tuple[ActivityPlan, ...]:
    order = activity_order(route)
    number = {name: index for index, name in enumerate(order)}
    ends: dict[str, list[tuple[int, int, int]]] = {}
    for hold in holds(route):
        assert hold.released_at is not None, "checked when the scenario was loaded"
        ends.setdefault(hold.released_at, []).append((code[hold.resource], hold.amount, number[hold.seized_at]))
    riding = {ride_code[activity.ride]: number[name] for name, activity in route.items() if activity.ride is not None}
    plans = []
    for name in order:
        activity = route[name]
        place = code[activity.at] if activity.at is not None else None
        needs = {code[resource]: amount for resource, amount in (activity.seizes | activity.needs).items()}
        line = queue_of(activity)
        if place is not None:
            needs[place] = needs.get(place, 0) + activity.amount
        plans.append(
            ActivityPlan(
                name=name,
                phase=activity.phase,
                agency=activity.agency or _agency(activity, procedure),
                station=place,
                queue=code[line] if line is not None else None,
                needs=tuple(sorted(needs.items())),
                amount=activity.amount,
                gives_back=tuple(sorted(ends.get(name, []))),
                before=tuple(sorted(number[before] for before in activity.after)),
                behind=tuple(sorted(number[other] for other in order if name in route[other].after)),
                ride=ride_code[activity.ride] if activity.ride is not None else None,
                loads=ride_code[activity.load.ride] if activity.load is not None else None,
                unloads=ride_code[activity.unload] if activity.unload is not None else None,
                awaits=(
                    awaited.index((ride_code[activity.awaits.ride], activity.awaits.activity))
                    if activity.awaits is not None
                    else None
                ),
                awaited=tuple(
                    (index, riding[ride])
                    for index, (ride, what) in enumerate(awaited)
                    if what == name and ride in riding
                ),
                rules=activity,
                draws=drawn_tables(activity, flow),
            )
        )
    return tuple(plans)


def _agency(activity: Activity, procedure: Procedure) -> str | None:
    return procedure.stations[activity.at].agency if activity.at is not None else None


def resource_groups(plan: Plan) -> list[int]:
    """For every resource the group of resources that are needed together, directly or through others.

    A group is named by one of its resources. Lines of different groups never compete, so each group can start its
    visits by itself.
    """
    parent = list(range(len(plan.resources)))

    def root(code: int) -> int:
        while parent[code] != code:
            code = parent[code]
        return code

    for flow in plan.flows:
        for activity in flow.activities:
            for resource, _ in activity.needs[1:]:
                parent[root(resource)] = root(activity.needs[0][0])
    return [root(code) for code in range(len(parent))]
