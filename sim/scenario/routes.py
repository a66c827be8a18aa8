"""What follows from a route's precedence: order, ancestors, and which activity gives back what another one seized."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import product
from math import prod
from typing import Any

from sim.scenario.demand import Flow
from sim.scenario.fields import Cases, Conditions, Outcome
from sim.scenario.procedure import Activity, OutcomeShares, Route


def activity_order(route: Route) -> list[str]:
    """The activities so that each stands behind all of its `after`, otherwise by name, whatever the order of the file.

    Activities on or behind a circle are left out.
    """
    waiting = {name: sum(before in route for before in activity.after) for name, activity in route.items()}
    followers: dict[str, list[str]] = {name: [] for name in route}
    for name, activity in route.items():
        for before in activity.after:
            if before in route:
                followers[before].append(name)
    ready = [name for name, count in waiting.items() if not count]
    heapify(ready)
    order: list[str] = []
    while ready:
        name = heappop(ready)
        order.append(name)
        for follower in followers[name]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heappush(ready, follower)
    return order


def ancestors(route: Route) -> dict[str, set[str]]:
    """For every activity all that must have ended before it is ready."""
    before: dict[str, set[str]] = {}
    for name in activity_order(route):
        after = [other for other in route[name].after if other in before]
        before[name] = set(after).union(*(before[other] for other in after))
    return before


@dataclass(frozen=True, slots=True, order=True)
class Hold:
    """A resource taken by one activity and given back by a later one; None where nothing gives it back."""

    resource: str
    seized_at: str
    amount: int
    released_at: str | None


def holds(route: Route) -> list[Hold]:
    """Every hold of a route. Each is given back by the first activity behind it that releases the resource."""
    before = ancestors(route)
    found: list[Hold] = []
    for name, activity in route.items():
        for resource, amount in activity.seizes.items():
            behind = [
                other
                for other, candidate in route.items()
                if resource in candidate.releases and (other == name or name in before.get(other, ()))
            ]
            first = [other for other in behind if not any(earlier in before.get(other, ()) for earlier in behind)]
            found.append(Hold(resource, name, amount, first[0] if len(first) == 1 else None))
    return sorted(found, key=lambda hold: (hold.resource, hold.seized_at))


def resources_of(activity: Activity) -> dict[str, int]:
    """What an activity needs to start: units of its station and of what it seizes."""
    needs = dict(activity.seizes)
    if activity.at is not None:
        needs[activity.at] = needs.get(activity.at, 0) + activity.amount
    return needs


def queue_of(activity: Activity) -> str | None:
    """The resource in whose line an activity waits: its station, or the first by name of what it seizes, or needs."""
    return activity.at if activity.at is not None else min(activity.seizes or activity.needs, default=None)


def conditions_of(activity: Activity) -> Iterator[tuple[tuple[str | int, ...], Conditions]]:
    """Every condition in an activity with its trail."""
    if activity.only is not None:
        yield ("only",), activity.only
    fields: list[tuple[tuple[str | int, ...], Cases[Any] | None]] = [
        (("takes",), activity.takes),
        (("share",), activity.share),
        (("priority",), activity.priority),
        *((("draws", variable), cases) for variable, cases in activity.draws.items()),
        *((("detects", violation), cases) for violation, cases in activity.detects.items()),
    ]
    for trail, cases in fields:
        for index, case in enumerate(cases.cases if cases is not None else ()):
            if case.only is not None:
                yield (*trail, "cases", index, "only"), case.only


def found(violation: str) -> str:
    """The variable that says whether a hidden violation has been found."""
    return f"{violation}_found"


def drawn_tables(activity: Activity, flow: Flow) -> dict[str, OutcomeShares]:
    """What an activity draws, by shares or by a risk score, as shares of outcomes."""
    targets = {
        variable: targeting.cases(flow.attributes[targeting.of].share or 0.0)
        for variable, targeting in activity.targets.items()
    }
    return {**activity.draws, **targets}


def outcomes(flow: Flow, route: Route) -> dict[str, tuple[Outcome, ...]]:
    """Every variable of a flow, attributes and what its activities draw or find, with its outcomes in order of name."""
    known: dict[str, set[Outcome]] = {name: set(attribute.outcomes()) for name, attribute in flow.attributes.items()}
    for activity in route.values():
        for variable, cases in activity.draws.items():
            known.setdefault(variable, set()).update(outcome for case in cases.cases for outcome in case.use)
        for variable, targeting in activity.targets.items():
            known.setdefault(variable, set()).update({targeting.picks, *targeting.others})
        for violation in activity.detects:
            known.setdefault(found(violation), set()).update({True, False})
    return {variable: tuple(sorted(values, key=str)) for variable, values in sorted(known.items())}


def decided_at(route: Route) -> dict[str, set[str]]:
    """For every variable that is not an attribute the activities that decide it."""
    where: dict[str, set[str]] = {}
    for name, activity in route.items():
        for variable in (*activity.draws, *activity.targets, *(found(violation) for violation in activity.detects)):
            where.setdefault(variable, set()).add(name)
    return where


def holds_true(only: Mapping[str, tuple[Outcome, ...]] | None, world: Mapping[str, Outcome]) -> bool:
    """Whether conditions hold for one combination of outcomes; a variable that was not drawn matches nothing."""
    return only is None or all(variable in world and world[variable] in wanted for variable, wanted in only.items())


def first_case(cases: Cases[Any], world: Mapping[str, Outcome]) -> Any:
    """The value of the first case that holds."""
    return next(case.use for case in cases.cases if holds_true(case.only, world))


World = dict[str, Outcome]
"""One combination of attributes and of what has been drawn and found."""


def worlds(flow: Flow, route: Route) -> Iterator[tuple[float, World]]:
    """Every combination of attributes and decided outcomes with its probability.

    A draw is left out only where `only` forbids its activity; the `share` of a drawing activity is not looked at.
    """
    attributes = sorted(flow.attributes.items())
    order = activity_order(route)
    for combination in product(*(attribute.outcomes().items() for _, attribute in attributes)):
        world = {name: outcome for (name, _), (outcome, _) in zip(attributes, combination, strict=True)}
        branches = [(prod(share for _, share in combination), world)]
        for name in order:
            branches = [
                (chance * share, behind)
                for chance, here in branches
                for share, behind in _behind(route[name], flow, here)
            ]
        yield from branches


def _behind(activity: Activity, flow: Flow, world: World) -> list[tuple[float, World]]:
    """What a world can be when an activity is behind it, each with its probability."""
    branches = [(1.0, world)]
    if not holds_true(activity.only, world):
        return branches
    for variable, cases in sorted(drawn_tables(activity, flow).items()):
        branches = [
            (chance * share, {**here, variable: outcome})
            for chance, here in branches
            for outcome, share in first_case(cases, here).items()
            if share > 0
        ]
    for violation, chances in sorted(activity.detects.items()):
        variable = found(violation)
        shares = [(chance, here, _chance_found(here, violation, chances)) for chance, here in branches]
        branches = [(chance * share, {**here, variable: True}) for chance, here, share in shares if share > 0]
        branches += [(chance * (1 - share), {**here, variable: False}) for chance, here, share in shares if share < 1]
    return branches


def _chance_found(world: World, violation: str, cases: Cases[float]) -> float:
    if world.get(found(violation)):
        return 1.0
    return float(first_case(cases, world)) if world[violation] else 0.0


def expected_work(flow: Flow, route: Route) -> dict[str, tuple[float, float]]:
    """For every activity the probability that it takes place and the expected work in ms, 0 where it does not."""
    totals = dict.fromkeys(route, (0.0, 0.0))
    for probability, world in worlds(flow, route):
        for name, activity in route.items():
            if not holds_true(activity.only, world):
                continue
            share = first_case(activity.share, world) if activity.share is not None else 1.0
            work = first_case(activity.takes, world).mean if activity.takes is not None else 0.0
            chance, total = totals[name]
            totals[name] = (chance + probability * share, total + probability * share * work)
    return totals
