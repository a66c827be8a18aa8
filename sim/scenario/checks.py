"""Checks of a scenario as a whole: one function a check, one sentence a problem, with the culprit and the cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sim.errors import Place, Problem
from sim.scenario.addresses import suggestion
from sim.scenario.document import Node, Trail, dotted
from sim.scenario.fields import Outcome
from sim.scenario.procedure import Activity
from sim.scenario.rosters import capacity_steps
from sim.scenario.routes import (
    activity_order,
    ancestors,
    conditions_of,
    expected_work,
    holds,
    outcomes,
    queue_of,
    resources_of,
)
from sim.scenario.scenario import Definition, Scenario
from sim.scenario.units import DAY, format_duration


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
    """Flows and stations belong to ports that exist."""
    ports = context.definition.ports
    if not ports:
        return
    for section, trail in (("demand", ("demand",)), ("stations", ("procedure", "stations"))):
        items = context.definition.demand if section == "demand" else context.definition.procedure.stations
        for name, item in items.items():
            if item.port not in ports:
                yield context.problem(
                    (*trail, name, "port"), f'there is no port "{item.port}"' + suggestion(item.port, ports)
                )


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
    """Rosters that stations name exist."""
    rosters = context.definition.procedure.rosters
    for name, station in context.definition.procedure.stations.items():
        if station.roster is not None and station.roster not in rosters:
            trail = ("procedure", "stations", name, "roster")
            yield context.problem(trail, f'there is no roster "{station.roster}"' + suggestion(station.roster, rosters))


def check_stations(context: Context) -> Iterator[Problem]:
    """Stations that activities name exist."""
    stations = context.definition.procedure.stations
    for _, _, activity, trail in context.activities():
        named = [("at", activity.at)] if activity.at is not None else []
        named += [("seizes", name) for name in activity.seizes] + [("releases", name) for name in activity.releases]
        for key, name in named:
            if name not in stations:
                yield context.problem((*trail, key), f'there is no station "{name}"' + suggestion(str(name), stations))


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
        drawn: dict[str, set[str]] = {}
        for name, activity in route.items():
            for variable in activity.draws:
                drawn.setdefault(variable, set()).add(name)
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
                    if variable in drawn and name in before and not drawn[variable] & before[name]:
                        where_drawn = ", ".join(sorted(drawn[variable]))
                        sentence = (
                            f"{variable} is drawn at {where_drawn}, which does not come before {name}; mend an `after`"
                        )
                        yield context.problem(here, sentence)


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
    """Nobody needs more than there ever is; nobody waits for a station that never opens."""
    calendar = context.definition.calendar
    stations, rosters = context.definition.procedure.stations, context.definition.procedure.rosters
    most = {
        name: int(
            capacity_steps(rosters[station.roster] if station.roster else None, station.capacity, calendar).values.max()
        )
        for name, station in stations.items()
    }
    for _, name, activity, trail in context.activities():
        for resource, amount in resources_of(activity).items():
            key = "amount" if resource == activity.at else "seizes"
            if most[resource] == 0:
                yield context.problem(
                    (*trail, key), f"{resource} never opens before the end of the calendar, so {name} never begins"
                )
            elif amount > most[resource]:
                yield context.problem(
                    (*trail, key), f"needs {amount} of {resource}, which has at most {most[resource]}"
                )


def check_clocks(context: Context) -> Iterator[Problem]:
    """Every clock can be read on some route."""
    routes = context.definition.procedure.routes.values()
    for name, clock in context.definition.procedure.clocks.items():
        for key, points in (("from", clock.begin), ("to", clock.end)):
            activities = [point.partition(".")[0] for point in points]
            if not any(activity == "arrival" or activity in route for route in routes for activity in activities):
                known = sorted({activity for route in routes for activity in route})
                trail = ("procedure", "clocks", name, key)
                yield context.problem(
                    trail, f"no route has the activity {' or '.join(activities)}" + suggestion(activities[0], known)
                )


def check_deadlocks(context: Context) -> Iterator[Problem]:
    """No circle in the order in which resources are held and waited for: then somebody always goes on."""
    for first, sentence in _deadlocks(context.definition, {}):
        yield context.problem(("procedure", "stations", first), sentence)


Lines = Mapping[str, list[tuple[str, Activity]]]
"""For every line the activities that wait in it, with their names in sentences."""


def lines_of(definition: Definition) -> Lines:
    """Who waits in which line."""
    lines: dict[str, list[tuple[str, Activity]]] = {}
    for flow, route in definition.procedure.routes.items():
        for name, activity in route.items():
            if (queue := queue_of(activity)) is not None:
                lines.setdefault(queue, []).append((f"{name} of {flow}", activity))
    return lines


def _deadlocks(definition: Definition, lines: Lines) -> Iterator[tuple[str, str]]:
    """The first resource and a sentence for every circle of holding and waiting, also through those ahead in lines."""
    orders: dict[str, dict[str, str]] = {}
    for flow, route in definition.procedure.routes.items():
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
        cure = "release before the next wait, or take both at once"
        if lines:
            cure += ", or wait in another line, or ahead in it by a lower `priority`"
        yield circle[0], f"can deadlock: {reasons}; {cure}"


def _waits_for(name: str, activity: Activity, lines: Lines) -> Iterator[tuple[str, str]]:
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
)
"""Checks that names lead somewhere; the others are only meaningful when these pass."""

MEANING: tuple[Callable[[Context], Iterator[Problem]], ...] = (
    check_holds,
    check_amounts,
    check_clocks,
    check_deadlocks,
)


@dataclass(frozen=True, slots=True)
class Load:
    """Offered load of a station against its capacity, both as units busy on average over the calendar."""

    station: str
    port: str
    offered: float
    """Unit-hours of work that arrive per day."""
    open: float
    """Unit-hours of capacity per day."""
    visits: float
    """Visits per day."""

    @property
    def ratio(self) -> float:
        """Offered load over capacity; infinite for a station without capacity."""
        return self.offered / self.open if self.open else float("inf")

    @property
    def growth(self) -> float:
        """Visits by which the queue grows each day."""
        return self.visits * max(0.0, 1 - 1 / self.ratio) if self.ratio > 0 else 0.0


def station_loads(definition: Definition) -> list[Load]:
    """Offered load of every station at which work is done, from the means of arrivals, shares and durations.

    What is held over a stretch of a route (`seizes`) is not in it: that depends on how long entities wait.
    """
    procedure = definition.procedure
    hours = dict.fromkeys(procedure.stations, 0.0)
    visits = dict.fromkeys(procedure.stations, 0.0)
    for flow_name, flow in definition.demand.items():
        per_day = flow.arrivals.per_day()
        route = procedure.routes[flow_name]
        for name, (chance, work) in expected_work(flow, route).items():
            activity = route[name]
            if activity.at is not None:
                hours[activity.at] += per_day * work * activity.amount / 3_600_000
                visits[activity.at] += per_day * chance
    loads = []
    for name, station in procedure.stations.items():
        if not visits[name]:
            continue
        roster = procedure.rosters[station.roster] if station.roster else None
        steps = capacity_steps(roster, station.capacity, definition.calendar)
        horizon = definition.calendar.horizon
        per_day_open = float(steps.integral(np.array([horizon]))[0]) / horizon * 24
        loads.append(Load(name, station.port, hours[name], per_day_open, visits[name]))
    return sorted(loads, key=lambda load: -load.ratio)


def warnings(scenario: Scenario, mode: str) -> list[str]:
    """What a user should know before believing a mode: overloaded stations, and lines that can block each other."""
    definition = scenario.under(mode).definition
    overloaded = [
        f"{mode}: {load.station} is offered {load.offered:.1f} unit-hours of work a day and has {load.open:.1f}: "
        f"its queue grows by about {load.growth:.0f} a day; there is no steady state, all times depend on the duration"
        for load in station_loads(definition)
        if load.ratio >= 1
    ]
    return overloaded + [f"{mode}: {sentence}" for _, sentence in _deadlocks(definition, lines_of(definition))]


def idle_stations(scenario: Scenario) -> list[str]:
    """Stations that no activity uses in any mode."""
    used: set[str] = set()
    for mode in scenario.modes:
        for route in scenario.under(mode).procedure.routes.values():
            for activity in route.values():
                used.update(resources_of(activity), activity.releases)
    return sorted(set(scenario.procedure.stations) - used)


def calendar_text(definition: Definition) -> str:
    """What is simulated, in one line."""
    calendar = definition.calendar
    days = calendar.horizon / DAY
    lengths = (calendar.warm_up, calendar.duration, calendar.cool_down)
    warm_up, duration, cool_down = (format_duration(length) for length in lengths)
    behind = f"{cool_down} behind, {days:g} days in all"
    return f"{calendar.start} {calendar.zone}: {warm_up} warm-up, {duration} measured, {behind}"
