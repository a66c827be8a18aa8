"""Checks of a scenario as a whole: one function a check, one sentence a problem, with the culprit and the cure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from sim.errors import Place, Problem
from sim.scenario.addresses import suggestion
from sim.scenario.demand import Flow, arrivals_per_day, recorded_times
from sim.scenario.document import Node, Trail, dotted
from sim.scenario.fields import Outcome
from sim.scenario.procedure import PRESENCE, Activity, Awaited, Procedure, Quota, Station
from sim.scenario.rosters import Calendar, Roster, allowance_steps, capacity_steps
from sim.scenario.routes import (
    activity_order,
    ancestors,
    conditions_of,
    decided_at,
    expected_work,
    holds,
    outcomes,
    queue_of,
    resources_of,
)
from sim.scenario.scenario import Definition, Scenario
from sim.scenario.steps import Steps
from sim.scenario.units import DAY, HOUR, format_duration


@dataclass(frozen=True, slots=True)
class Context:
    """A definition with the tree it was made from, to find places."""

    definition: Definition
    root: Node

    def problem(self, trail: Trail, message: str) -> Problem:
        """A problem at the deepest node that exists on a trail."""
        node = self.root
        for key in trail:
            child = node.child(key)
            if child is None:
                break
            node = child
        place: Place = node.key_place or node.place
        return Problem(place, dotted(trail), message)

    def activities(self) -> Iterator[tuple[str, str, Activity, Trail]]:
        """Flow, name, activity and trail of every activity."""
        for flow, route in self.definition.procedure.routes.items():
            for name, activity in route.items():
                yield flow, name, activity, ("procedure", "routes", flow, name)


def check(definition: Definition, root: Node) -> list[Problem]:
    """Everything wrong with a scenario that its single values do not show."""
    context = Context(definition, root)
    problems = [problem for one in NAMES for problem in one(context)]
    if not problems:
        problems = [problem for one in MEANING for problem in one(context)]
    return problems


def check_ports(context: Context) -> Iterator[Problem]:
    """Flows, stations and quotas belong to ports that exist."""
    ports = context.definition.ports
    if not ports:
        return
    procedure = context.definition.procedure
    owned: list[tuple[Trail, Mapping[str, Flow | Station | Quota]]] = [
        (("demand",), context.definition.demand),
        (("procedure", "stations"), procedure.stations),
        (("procedure", "quotas"), procedure.quotas),
    ]
    for trail, items in owned:
        for name, item in items.items():
            if item.port not in ports:
                sentence = f'there is no port "{item.port}"' + suggestion(item.port, ports)
                yield context.problem((*trail, name, "port"), sentence)


def check_routes_and_flows(context: Context) -> Iterator[Problem]:
    """Every flow has a route and every route a flow."""
    demand, routes = context.definition.demand, context.definition.procedure.routes
    for flow in demand:
        if flow not in routes:
            yield context.problem(("demand", flow), f"this flow has no route; add procedure.routes.{flow}")
    for flow in routes:
        if flow not in demand:
            yield context.problem(("procedure", "routes", flow), "this route has no flow" + suggestion(flow, demand))


def check_rosters(context: Context) -> Iterator[Problem]:
    """Rosters that stations and quotas name exist."""
    procedure = context.definition.procedure
    owners: dict[str, Mapping[str, Station | Quota]] = {"stations": procedure.stations, "quotas": procedure.quotas}
    for section, items in owners.items():
        for name, item in items.items():
            if item.roster is not None and item.roster not in procedure.rosters:
                sentence = f'there is no roster "{item.roster}"' + suggestion(item.roster, procedure.rosters)
                yield context.problem(("procedure", section, name, "roster"), sentence)


def check_stations(context: Context) -> Iterator[Problem]:
    """Stations and quotas that activities and disruptions name exist; no name is both."""
    procedure = context.definition.procedure
    for name in procedure.quotas.keys() & procedure.stations.keys():
        yield context.problem(("procedure", "quotas", name), "is the name of a station too; rename one")
    for _, _, activity, trail in context.activities():
        named = [("at", activity.at)] if activity.at is not None else []
        named += [("seizes", name) for name in activity.seizes] + [("releases", name) for name in activity.releases]
        for key, name in named:
            if name not in procedure.stations:
                sentence = f'there is no station "{name}"' + suggestion(str(name), procedure.stations)
                yield context.problem((*trail, key), sentence)
        for name in activity.needs:
            if name not in procedure.quotas:
                sentence = f'there is no quota "{name}"' + suggestion(name, procedure.quotas)
                yield context.problem((*trail, "needs"), sentence)
    known = [*procedure.stations, *procedure.quotas]
    for name, disruption in context.definition.disruptions.items():
        for station in disruption.stations:
            if station not in known:
                sentence = f'there is no station or quota "{station}"' + suggestion(station, known)
                yield context.problem(("disruptions", name, "stations"), sentence)


def check_predecessors(context: Context) -> Iterator[Problem]:
    """Activities that others come after exist in the same route."""
    for flow, name, activity, trail in context.activities():
        route = context.definition.procedure.routes[flow]
        for before in activity.after:
            if before not in route:
                known = [other for other in route if other != name]
                yield context.problem(
                    (*trail, "after"), f'this route has no activity "{before}"' + suggestion(before, known)
                )


def check_circles(context: Context) -> Iterator[Problem]:
    """No activity waits for itself."""
    for flow, route in context.definition.procedure.routes.items():
        left = sorted(set(route) - set(activity_order(route)))
        if left:
            sentence = (
                f"the activities {', '.join(left)} wait for each other in a circle and never begin; remove one `after`"
            )
            yield context.problem(("procedure", "routes", flow, left[0], "after"), sentence)


def check_variables(context: Context) -> Iterator[Problem]:
    """Conditions name attributes, or outcomes drawn earlier on the route; nothing is both."""
    for flow_name, flow in context.definition.demand.items():
        route = context.definition.procedure.routes.get(flow_name, {})
        known = outcomes(flow, route)
        before = ancestors(route)
        whole = all(other in route for activity in route.values() for other in activity.after)
        drawn = decided_at(route)
        for variable in drawn.keys() & flow.attributes.keys():
            trail = ("demand", flow_name, "attributes", variable)
            yield context.problem(
                trail, f"{variable} is an attribute and is drawn at {', '.join(sorted(drawn[variable]))}; rename one"
            )
        for name, activity in route.items():
            for where, conditions in conditions_of(activity):
                here: Trail = ("procedure", "routes", flow_name, name, *where)
                for variable, wanted in conditions.items():
                    if variable not in known:
                        yield context.problem(
                            here, f'this flow has no attribute or draw "{variable}"' + suggestion(variable, known)
                        )
                        continue
                    for outcome in wanted:
                        if outcome not in known[variable]:
                            yield context.problem(here, _never(variable, outcome, known[variable]))
                    if variable in drawn and whole and name in before and not drawn[variable] & before[name]:
                        where_drawn = ", ".join(sorted(drawn[variable]))
                        sentence = (
                            f"{variable} is drawn at {where_drawn}, which does not come before {name}; mend an `after`"
                        )
                        yield context.problem(here, sentence)


def check_violations(context: Context) -> Iterator[Problem]:
    """What is targeted or detected is an attribute with a share, and the risk score is one that can exist."""
    for flow_name, name, activity, trail in context.activities():
        flow = context.definition.demand.get(flow_name)
        attributes = flow.attributes if flow is not None else {}
        hidden = [attribute for attribute, rules in attributes.items() if rules.share is not None]
        aims = [("targets", variable, targeting.of) for variable, targeting in activity.targets.items()]
        aims += [("detects", violation, violation) for violation in activity.detects]
        for key, where, violation in aims:
            if violation not in hidden:
                sentence = f'{flow_name} has no attribute "{violation}" with a `share`' + suggestion(violation, hidden)
                yield context.problem((*trail, key, where), sentence)
            elif key == "targets":
                try:
                    activity.targets[where].picked_innocent(attributes[violation].share or 0.0)
                except ValueError as error:
                    yield context.problem((*trail, key, where), str(error))
        for variable in activity.draws.keys() & activity.targets.keys():
            yield context.problem((*trail, "targets", variable), f"{name} draws {variable} too; keep one")


def _never(variable: str, outcome: Outcome, known: tuple[Outcome, ...]) -> str:
    """The sentence for an outcome that a variable does not have."""
    if isinstance(outcome, str) and True in known:
        return f'{variable} is true or false, never the text "{outcome}"; write true or false without quotes'
    said = str(outcome).lower() if isinstance(outcome, bool) else f'"{outcome}"'
    return f"{variable} is never {said}" + suggestion(str(outcome).lower(), (str(one).lower() for one in known))


def check_holds(context: Context) -> Iterator[Problem]:
    """What is seized is given back, once, later on the route; what is released was seized."""
    for flow, route in context.definition.procedure.routes.items():
        found = holds(route)
        for hold in found:
            trail = ("procedure", "routes", flow, hold.seized_at, "seizes")
            if hold.released_at is None:
                sentence = f"no activity behind {hold.seized_at} gives {hold.resource} back (or several do); "
                sentence += f"add `releases: {hold.resource}` to one"
                yield context.problem(trail, sentence)
        given_back = {(hold.resource, hold.released_at) for hold in found}
        for name, activity in route.items():
            for resource in activity.releases:
                if (resource, name) not in given_back:
                    trail = ("procedure", "routes", flow, name, "releases")
                    yield context.problem(
                        trail, f"no activity before {name} seizes {resource} for it; remove it, or add `seizes`"
                    )


def check_amounts(context: Context) -> Iterator[Problem]:
    """Nobody needs more than there ever is; nobody waits for a station or quota that never opens."""
    calendar, procedure = context.definition.calendar, context.definition.procedure
    most = {name: int(steps.values.max()) for name, steps in _capacities(procedure, calendar).items()}
    for _, name, activity, trail in context.activities():
        for resource, amount in (resources_of(activity) | activity.needs).items():
            key = "amount" if resource == activity.at else "needs" if resource in activity.needs else "seizes"
            if most[resource] == 0:
                sentence = f"{resource} never opens before the end of the calendar, so {name} never begins"
                yield context.problem((*trail, key), sentence)
            elif amount > most[resource]:
                yield context.problem(
                    (*trail, key), f"needs {amount} of {resource}, which has at most {most[resource]}"
                )


def _capacities(procedure: Procedure, calendar: Calendar) -> dict[str, Steps]:
    """Capacity over time of every station, and what each period of every quota allows."""

    def roster(name: str | None) -> Roster | None:
        return procedure.rosters[name] if name is not None else None

    stations = {
        name: capacity_steps(roster(item.roster), item.capacity, calendar) for name, item in procedure.stations.items()
    }
    quotas = {
        name: allowance_steps(item.amount, item.changes, item.zone, roster(item.roster), calendar)
        for name, item in procedure.quotas.items()
    }
    return stations | quotas


def check_carriers_of_flows(context: Context) -> Iterator[Problem]:
    """Entities arrive on carriers that exist, begin with their ride, and the carriers unload it."""
    demand, routes = context.definition.demand, context.definition.procedure.routes
    for name, flow in demand.items():
        aboard = flow.arrivals.aboard
        if aboard is None:
            continue
        trail = ("demand", name, "arrivals", "aboard", "flow")
        if aboard.flow not in demand:
            yield context.problem(trail, f'there is no flow "{aboard.flow}"' + suggestion(aboard.flow, demand))
            continue
        seen = [name]
        bringer: str | None = aboard.flow
        while bringer in demand and bringer not in seen:
            seen.append(bringer)
            next_one = demand[bringer].arrivals.aboard
            bringer = next_one.flow if next_one is not None else None
        if bringer in seen:
            yield context.problem(trail, f"{name} arrives on itself, by way of {', '.join(sorted(seen))}; mend one")
            continue
        first = [
            activity.ride for activity in routes[name].values() if not activity.after and activity.ride is not None
        ]
        if len(first) != 1:
            sentence = "entities that arrive aboard begin their route with one `ride` that is after nothing"
            yield context.problem(("procedure", "routes", name), sentence)
        elif not any(activity.unload == first[0] for activity in routes[aboard.flow].values()):
            sentence = f"the carrier {aboard.flow} has no activity with `unload: {first[0]}`"
            yield context.problem(("procedure", "routes", aboard.flow), sentence)


def check_rides(context: Context) -> Iterator[Problem]:
    """Riders meet carriers that take them aboard and later unload; what carriers await, all their riders do."""
    demand, routes = context.definition.demand, context.definition.procedure.routes
    riding, loading = set(), set()
    for flow, name, activity, trail in context.activities():
        aboard = demand[flow].arrivals.aboard
        if activity.ride is not None:
            riding.add(activity.ride)
            if aboard is not None and not activity.after:
                loading.add(activity.ride)
        if activity.load is not None:
            loading.add(activity.load.ride)
            before = ancestors(routes[flow])
            unloads = [other for other, candidate in routes[flow].items() if candidate.unload == activity.load.ride]
            if len(unloads) != 1 or name not in before[unloads[0]]:
                sentence = f"one activity behind {name} must have `unload: {activity.load.ride}`"
                yield context.problem((*trail, "load"), sentence)
    for flow, name, activity, trail in context.activities():
        if activity.ride is not None and activity.ride not in loading:
            yield context.problem(
                (*trail, "ride"), f'nobody loads the ride "{activity.ride}"' + suggestion(activity.ride, loading)
            )
        for key, ride in (("load", activity.load.ride if activity.load else None), ("unload", activity.unload)):
            if ride is not None and ride not in riding:
                yield context.problem((*trail, key), f'nobody rides "{ride}"' + suggestion(ride, riding))
        if activity.awaits is not None:
            yield from _check_awaits(context, flow, name, activity.awaits)
        if sum(other.ride == activity.ride for other in routes[flow].values()) > 1 and activity.ride is not None:
            yield context.problem(
                (*trail, "ride"), f"{name} is the second ride {activity.ride} on this route; rename one"
            )


def _check_awaits(context: Context, carrier: str, name: str, awaited: Awaited) -> Iterator[Problem]:
    trail: Trail = ("procedure", "routes", carrier, name, "awaits")
    own = context.definition.procedure.routes[carrier]
    if not any(own[other].unload == awaited.ride for other in ancestors(own).get(name, ())):
        sentence = f"{name} must come after the activity with `unload: {awaited.ride}`, or its riders never get there"
        yield context.problem(trail, sentence)
    for flow, route in context.definition.procedure.routes.items():
        rides = [name for name, activity in route.items() if activity.ride == awaited.ride]
        if rides and (awaited.activity not in route or rides[0] not in ancestors(route)[awaited.activity]):
            sentence = f"the riders {flow} have no activity {awaited.activity} behind their ride {awaited.ride}"
            yield context.problem(trail, sentence)


def check_prices(context: Context) -> Iterator[Problem]:
    """Amounts of money have a price level."""
    definition = context.definition
    if definition.prices is not None:
        return
    priced: list[Trail] = [("demand", name, "costs") for name, flow in definition.demand.items() if flow.costs]
    priced += [(*trail, "fee") for _, _, activity, trail in context.activities() if activity.fee]
    stations = definition.procedure.stations
    priced += [("procedure", "stations", name, "staff") for name, station in stations.items() if station.staff]
    if priced:
        yield context.problem(priced[0], "amounts of money need `prices: {date: ..., note: ...}` in the scenario")


def check_queue_limits(context: Context) -> Iterator[Problem]:
    """Who can be turned away does nothing else at that time, and carries nobody."""
    stations = context.definition.procedure.stations
    for flow, name, activity, trail in context.activities():
        first = queue_of(activity)
        if first not in stations or stations[first].queue_limit is None:
            continue
        route = context.definition.procedure.routes[flow]
        before = ancestors(route)
        beside = sorted(
            other for other in route if other != name and other not in before[name] and name not in before[other]
        )
        if beside:
            sentence = (
                f"{first} can turn {flow} away while {', '.join(beside)} goes on beside {name}; put them in a row"
            )
            yield context.problem((*trail, "at"), sentence)
        if any(other.unload is not None or other.ride is not None for other in route.values()):
            sentence = f"{first} can turn {flow} away, which carries riders or rides; remove its queue_limit"
            yield context.problem((*trail, "at"), sentence)


def check_clocks(context: Context) -> Iterator[Problem]:
    """Every clock can be read on some route, and no point of a list is misspelt.

    A shared clock lists points of other scenarios too. So a point that is on no route is only refused when it is nearly
    the name of an activity that the list lacks.
    """
    routes = context.definition.procedure.routes.values()
    known = sorted({activity for route in routes for activity in route})
    clocks = context.definition.procedure.clocks
    for near in [] if PRESENCE in clocks else get_close_matches(PRESENCE, clocks, n=1, cutoff=NEARLY_THE_SAME):
        sentence = f'did you mean "{PRESENCE}"? It is the clock that says when an entity is in its port'
        yield context.problem(("procedure", "clocks", near), sentence)
    for name, clock in clocks.items():
        for key, points in (("from", clock.begin), ("to", clock.end), ("not_before", clock.not_before or ("arrival",))):
            activities = [point.partition(".")[0] for point in points]
            trail = ("procedure", "clocks", name, key)
            if not _has(known, points):
                yield context.problem(
                    trail, f"no route has the activity {' or '.join(activities)}" + suggestion(activities[0], known)
                )
                continue
            others = [activity for activity in known if activity not in activities]
            for number, activity in enumerate(activities):
                if activity != "arrival" and activity not in known:
                    for near in get_close_matches(activity, others, n=1, cutoff=NEARLY_THE_SAME):
                        sentence = f'no route has the activity {activity}; did you mean "{near}"?'
                        yield context.problem((*trail, number), sentence)


NEARLY_THE_SAME = 0.85
"""Likeness of two names from which on one is taken for a slip of the other."""


def check_deadlocks(context: Context) -> Iterator[Problem]:
    """No circle of holding and waiting, also through those ahead in a line: then somebody always goes on."""
    lines: dict[str, list[tuple[str, Activity]]] = {}
    for flow, name, activity, _ in context.activities():
        if (queue := queue_of(activity)) is not None:
            lines.setdefault(queue, []).append((f"{name} of {flow}", activity))
    orders: dict[str, dict[str, str]] = {}
    for flow, route in context.definition.procedure.routes.items():
        before = ancestors(route)
        for hold in holds(route):
            if hold.released_at is None:
                continue
            earlier = before[hold.seized_at] | {hold.seized_at}
            for name in sorted((before[hold.released_at] | {hold.released_at}) - earlier):
                for resource, text in _waits_for(name, route[name], lines):
                    held = f"{flow} holds {hold.resource} (from {hold.seized_at}) while {text}"
                    orders.setdefault(hold.resource, {}).setdefault(resource, held)
    for circle in _circles(orders):
        reasons = "; ".join(orders[one][other] for one, other in zip(circle, [*circle[1:], circle[0]], strict=True))
        cure = "release before the next wait, take both at once, or wait in another line or ahead by a lower `priority`"
        yield context.problem(("procedure", "stations", circle[0]), f"can deadlock: {reasons}; {cure}")


def _waits_for(
    name: str, activity: Activity, lines: Mapping[str, list[tuple[str, Activity]]]
) -> Iterator[tuple[str, str]]:
    """Every resource that may keep an activity waiting, and how: what it needs, and what those ahead in line need."""
    for resource in resources_of(activity):
        yield resource, f"{name} waits for {resource}"
    queue = queue_of(activity)
    for other, ahead in lines.get(queue, []) if queue is not None else []:
        if max(_priorities(activity)) < min(_priorities(ahead)):
            continue
        for resource in resources_of(ahead):
            yield resource, f"{name} stands in the line of {queue} behind {other}, which waits for {resource}"


def _priorities(activity: Activity) -> list[int]:
    return [case.use for case in activity.priority.cases] if activity.priority is not None else [0]


def _circles(orders: dict[str, dict[str, str]]) -> Iterator[list[str]]:
    """The shortest circle through each resource, each circle once."""
    seen: set[frozenset[str]] = set()
    for first in sorted(orders):
        paths = [[first]]
        visited = {first}
        while paths:
            path = paths.pop(0)
            followers = sorted(orders.get(path[-1], ()))
            if first in followers:
                if frozenset(path) not in seen:
                    seen.add(frozenset(path))
                    yield path
                break
            for follower in followers:
                if follower not in visited:
                    visited.add(follower)
                    paths.append([*path, follower])


NAMES: tuple[Callable[[Context], Iterator[Problem]], ...] = (
    check_ports,
    check_routes_and_flows,
    check_rosters,
    check_stations,
    check_predecessors,
    check_circles,
    check_variables,
    check_violations,
)
"""Checks that names lead somewhere; the others are only meaningful when these pass."""

MEANING: tuple[Callable[[Context], Iterator[Problem]], ...] = (
    check_holds,
    check_amounts,
    check_clocks,
    check_deadlocks,
    check_carriers_of_flows,
    check_rides,
    check_queue_limits,
    check_prices,
)


@dataclass(frozen=True, slots=True)
class Load:
    """Offered load of a station or quota against its capacity, both per day on average over the calendar."""

    station: str
    port: str
    offered: float
    """Work or passes that arrive per day."""
    open: float
    """Work or passes possible per day."""
    visits: float
    """Visits per day."""
    unit: str
    """What `offered` and `open` count: unit-hours of a station, passes of a quota."""

    @property
    def ratio(self) -> float:
        """Offered load over capacity; infinite for a station without capacity."""
        return self.offered / self.open if self.open else float("inf")

    @property
    def growth(self) -> float:
        """Visits by which the queue grows each day."""
        return self.visits * max(0.0, 1 - 1 / self.ratio) if self.ratio > 0 else 0.0


def station_loads(scenario: Scenario, mode: str) -> list[Load]:
    """Offered load of every station and quota, from the means of arrivals, shares and durations, highest first.

    What is held over a stretch of a route (`seizes`) is not in it: that depends on how long entities wait. Disruptions
    are not in it either.
    """
    here = scenario.under(mode)
    procedure = here.procedure
    hours = dict.fromkeys([*procedure.stations, *procedure.quotas], 0.0)
    visits = hours.copy()
    for flow_name, flow in scenario.demand.items():
        per_day = arrivals_per_day(scenario.demand, flow_name)
        for share, route in here.routes_of(flow_name):
            for name, (chance, work) in expected_work(flow, route).items():
                activity = route[name]
                if activity.at is not None:
                    hours[activity.at] += share * per_day * work * activity.amount / HOUR
                    visits[activity.at] += share * per_day * chance
                for quota, amount in activity.needs.items():
                    hours[quota] += share * per_day * chance * amount
                    visits[quota] += share * per_day * chance
    loads = []
    horizon = scenario.calendar.horizon
    for name, steps in _capacities(procedure, scenario.calendar).items():
        if not visits[name]:
            continue
        if name in procedure.quotas:
            available = float(steps.values.sum()) / horizon * DAY
            loads.append(Load(name, procedure.quotas[name].port, hours[name], available, visits[name], "passes"))
        else:
            available = float(steps.integral(np.array([horizon]))[0]) / horizon * 24
            loads.append(Load(name, procedure.stations[name].port, hours[name], available, visits[name], "unit-hours"))
    return sorted(loads, key=lambda load: (-load.ratio, load.station))


def warnings(scenario: Scenario, mode: str) -> list[str]:
    """What a user should know before believing a mode: overloaded stations, data that is left out."""
    overloaded = [
        f"{mode}: {load.station} is offered {load.offered:.1f} {load.unit} a day and has {load.open:.1f}: "
        f"its queue grows by about {load.growth:.0f} a day; there is no steady state, all times depend on the duration"
        for load in station_loads(scenario, mode)
        if load.ratio >= 1
    ]
    return overloaded + [
        f"{outside} of {len(moments)} recorded arrivals of {name} lie outside of the calendar and are left out"
        for name, flow in scenario.demand.items()
        if flow.arrivals.recorded is not None
        for moments in [recorded_times(flow.arrivals.recorded.values, scenario.calendar)]
        if (outside := sum(not 0 <= moment < scenario.calendar.horizon for moment in moments))
    ]


def flows_without_clock(scenario: Scenario, mode: str) -> dict[str, list[str]]:
    """For every clock of a mode the flows with a route on which it cannot be read."""
    here = scenario.under(mode)
    return {
        name: [
            flow
            for flow in scenario.demand
            if not all(_has(route, clock.begin) and _has(route, clock.end) for _, route in here.routes_of(flow))
        ]
        for name, clock in here.procedure.clocks.items()
    }


def _has(route: Container[str], points: tuple[str, ...]) -> bool:
    """Whether one of some points of a clock is on a route, which is given by the names of its activities."""
    activities = (point.partition(".")[0] for point in points)
    return any(activity == "arrival" or activity in route for activity in activities)


def idle_stations(scenario: Scenario) -> list[str]:
    """Stations and quotas that no activity uses in any mode."""
    used: set[str] = set()
    for mode in scenario.modes:
        here = scenario.under(mode)
        for flow in scenario.demand:
            for _, route in here.routes_of(flow):
                for activity in route.values():
                    used.update(resources_of(activity), activity.needs)
    return sorted({*scenario.procedure.stations, *scenario.procedure.quotas} - used)


def calendar_text(definition: Definition) -> str:
    """What is simulated, in one line."""
    calendar = definition.calendar
    days = calendar.horizon / DAY
    lengths = (calendar.warm_up, calendar.duration, calendar.cool_down)
    warm_up, duration, cool_down = (format_duration(length) for length in lengths)
    behind = f"{cool_down} behind, {days:g} days in all"
    return f"{calendar.start} {calendar.zone}: {warm_up} warm-up, {duration} measured, {behind}"
