"""Random worlds with all mechanisms of the border at once: rides, several flows of carriers, full lines, adoption."""

from __future__ import annotations

from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from sim.errors import InputError
from sim.scenario.scenario import Scenario
from tests.worlds import (
    START,
    World,
    _cases,
    _clock,
    _documents,
    _few,
    _flows,
    _hold,
    _maybe,
    _share,
    _work,
    at_minutes,
    read,
)


@st.composite
def busy_worlds(draw: st.DrawFn) -> Scenario:
    """A world in which everything happens beside each other; one that the checks refuse is rejected."""
    said = draw(_border_documents())
    try:
        scenario = read(said)
        scenario.under("base")
    except InputError:
        reject()
    return World(scenario.name, scenario.root, scenario.definition, scenario.library)


@st.composite
def _border_documents(draw: st.DrawFn) -> dict[str, Any]:
    said = draw(_documents())
    procedure = said["procedure"]
    stations, routes = procedure["stations"], procedure["routes"]
    places = [name for name in sorted(stations) if name.startswith("station")]
    rosters = sorted(procedure["rosters"])
    quotas = {f"quota_{number}": draw(_quotas(rosters)) for number in range(draw(_few))}
    procedure["quotas"] = quotas
    if draw(st.integers(0, 2)):
        _add_rows(draw, said, places)
    if draw(st.integers(0, 3)):
        _add_carriers(draw, said, places)
    for activity in [activity for route in routes.values() for activity in route.values()]:
        waits = activity.keys() & {"ride", "load", "awaits"}
        if quotas and not waits and draw(st.integers(0, 3)) == 0:
            name = draw(st.sampled_from(sorted(quotas)))
            most = min(int(str(quotas[name]["amount"]).split()[0]), 2)
            activity["needs"] = {name: draw(st.integers(1, most))}
    struck = st.lists(st.sampled_from([*sorted(stations), *sorted(quotas)]), min_size=1, max_size=2, unique=True)
    said["disruptions"] = {f"storm_{n}": {"stations": draw(struck), **draw(_storms())} for n in range(draw(_few))}
    adopted = [draw(_reforms(said, name)) for name in ("early", "joint")[: draw(_few)]]
    said["reforms"] = {name: reform for reform in adopted for name, reform in reform.items()}
    said["modes"] = {"base": [f"{name} at {draw(_share)}" for name in said["reforms"]]}
    return said


@st.composite
def _quotas(draw: st.DrawFn, rosters: list[str]) -> dict[str, Any]:
    period = draw(st.sampled_from(["hour", "day", "hour"]))
    return {
        "port": draw(st.sampled_from(["east", "west"])),
        "amount": f"{draw(st.integers(1, 4))} per {period}",
        "zone": draw(st.sampled_from(["UTC", "Etc/GMT-1", "Asia/Kolkata"])),
        "unused": draw(st.sampled_from(["lost", "kept"])),
        **draw(_maybe(st.just({"2025-06-03": f"5 per {period}"}), "changes")),
        **(draw(_maybe(st.sampled_from(rosters), "roster")) if rosters and period == "hour" else {}),
    }


@st.composite
def _storms(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(st.integers(0, 150))
    dates = [f"{START} {_clock(start)}..{START} {_clock(start + draw(st.integers(1, 90)))}"]
    when = st.sampled_from(
        [
            {"dates": dates, "zone": draw(st.sampled_from(["UTC", "Etc/GMT-1"]))},
            {"between": {"exponential": "40 min"}, "lasts": {"empirical": {"values": ["0 min", "5 min", "30 min"]}}},
            {"between": "10 min", "lasts": "10 min"},
        ]
    )
    left = st.sampled_from([{}, {"leaves": "50%"}, {"takes_out": 1}])
    return {**draw(when), **draw(left)}


def _add_rows(draw: st.DrawFn, said: dict[str, Any], places: list[str]) -> None:
    """Lanes at which whoever finds the line full is turned away, and flows that do one thing after the other."""
    procedure = said["procedure"]
    lanes = ["lane_0", "lane_1"][: draw(st.integers(1, 2))]
    for lane in [*lanes, "yard"]:
        procedure["stations"][lane] = {
            "port": "east",
            "capacity": draw(st.integers(1, 2)),
            **draw(st.sampled_from([{"queue_limit": 0}, {"queue_limit": 1}, {"queue_limit": 2}, {}])),
        }
    for flow in ["row_0", "row_1"][: draw(st.integers(1, 2))]:
        crowd = st.sampled_from([{"every": "3 min"}, at_minutes(0, 0, 1, 1, 2, 5, 5, 6), at_minutes(3, 3, 3, 4)])
        said["demand"][flow] = draw(_flows()) | {"arrivals": draw(crowd)}
        names = [f"r{number}" for number in range(draw(st.integers(1, 4)))]
        route: dict[str, Any] = {}
        for name, before in zip(names, [[], *([one] for one in names)], strict=False):
            activity = {"after": before, "takes": draw(_work), **draw(_maybe(st.sampled_from([*lanes, *places]), "at"))}
            activity |= draw(_maybe(_cases({"aeo": True}, st.integers(-1, 1)), "priority"))
            route[name] = activity | draw(_maybe(st.just({"cargo": "ore"}), "only"))
        if draw(st.booleans()):
            _hold(draw, route, "yard", 1)
        procedure["routes"][flow] = route


def _add_carriers(draw: st.DrawFn, said: dict[str, Any], places: list[str]) -> None:
    """Flows whose entities carry those of others, who wait for them or arrive aboard."""
    demand, routes = said["demand"], said["procedure"]["routes"]
    rides = ["ride_a", "ride_b"][: draw(st.integers(1, 2))]
    for number in range(draw(st.integers(1, 2))):
        flow = draw(st.sampled_from(["goods", "wagons"])) + f"_{number}"
        demand[flow] = draw(_flows())
        routes[flow] = {
            "come": {"takes": draw(_work), **draw(_maybe(st.sampled_from(places), "at"))},
            **draw(_riding(draw(st.sampled_from(rides)), "come", places)),
        }
    met = sorted({activity["ride"] for route in routes.values() for activity in route.values() if "ride" in activity})
    for number in range(draw(st.integers(1, 2))):
        flow = draw(st.sampled_from(["train", "aircraft"])) + f"_{number}"
        demand[flow] = draw(_flows())
        aboard = draw(st.sampled_from([None, "boxes", *met]))
        if aboard is not None:
            riders = st.sampled_from([{"riders": 1}, {"riders": 3}, {"least": 1, "most": 4}])
            box = draw(st.sampled_from(["box", "van"])) + f"_{number}"
            demand[box] = draw(_flows()) | {"arrivals": {"aboard": {"flow": flow, **draw(riders)}}}
            routes[box] = draw(_riding(aboard, None, places))
        loaded = met if number == 0 else draw(st.sets(st.sampled_from(met)))
        routes[flow] = draw(_carrying(sorted(loaded), aboard, places))


@st.composite
def _riding(draw: st.DrawFn, ride: str, after: str | None, places: list[str]) -> dict[str, Any]:
    """To be carried, and then what carriers may wait for."""
    board: dict[str, Any] = {"after": [after] if after else [], "ride": ride}
    board |= draw(_maybe(_cases({"aeo": True}, st.integers(-1, 1)), "priority"))
    if draw(st.integers(0, 4)) == 0:
        board["only"] = {"cargo": "ore"}
    lift = {"after": "board", "takes": draw(_work), **draw(_maybe(st.sampled_from(places), "at"))}
    lift |= draw(_maybe(st.just({"aeo": False}), "only"))
    return {"board": board, "lift": lift, "store": {"after": "lift", "takes": draw(_work)}}


@st.composite
def _carrying(draw: st.DrawFn, loaded: list[str], aboard: str | None, places: list[str]) -> dict[str, Any]:
    """For each ride load, drive, unload and wait, one ride after the other or side by side."""
    work = {"takes": draw(_work), **draw(_maybe(st.sampled_from(places), "at"))}
    route: dict[str, Any] = {"pull_in": work} if draw(st.booleans()) or not (loaded or aboard) else {}
    before = list(route)
    for ride in [*loaded, *([aboard] if aboard is not None and aboard not in loaded else [])]:
        unload: dict[str, Any] = {"unload": ride, "takes": draw(_work), **draw(_maybe(st.sampled_from(places), "at"))}
        if ride in loaded:
            load: dict[str, Any] = {"ride": ride, "up_to": draw(_cases({"aeo": True}, st.integers(0, 4)))}
            load |= draw(_maybe(_cases({"aeo": True}, st.integers(0, 4)), "at_least"))
            load |= draw(_maybe(_cases({"cargo": "ore"}, _work), "waits"))
            route[f"load_{ride}"] = {"after": before, "load": load, "takes": draw(_work)}
            route[f"load_{ride}"] |= draw(_maybe(_cases({"aeo": True}, st.integers(-1, 1)), "priority"))
            route[f"drive_{ride}"] = {"after": f"load_{ride}", "takes": draw(_work)}
            unload["after"] = f"drive_{ride}"
        else:
            unload["after"] = before
        if draw(st.integers(0, 5)) == 0:
            unload["only"] = {"cargo": "ore"}
        route[f"unload_{ride}"] = unload
        for what in sorted(draw(st.sets(st.sampled_from(["lift", "store"])))):
            route[f"wait_{ride}_{what}"] = {"after": f"unload_{ride}", "awaits": {"ride": ride, "activity": what}}
        if draw(st.booleans()):
            before = list(route)[-1:]
    return route


@st.composite
def _reforms(draw: st.DrawFn, said: dict[str, Any], name: str) -> dict[str, Any]:
    """A reform of one activity of one route."""
    routes = said["procedure"]["routes"]
    flow = draw(st.sampled_from(sorted(routes)))
    activity = draw(st.sampled_from(sorted(routes[flow])))
    address = f"routes.{flow}.{activity}"
    rules = routes[flow][activity]
    edits: list[dict[str, Any]] = [{"add": {f"routes.{flow}.stamp_{name}": {"after": activity, "takes": "1 min"}}}]
    if flow.startswith(("flow", "row")):
        edits.append({"set": {f"{address}.after": []}})
        edits += [{"remove": [address]}] * (len(routes[flow]) > 2)
    edits += [{"set": {f"{address}.priority": -2}}] * ("priority" in rules)
    edits += [{"set": {f"{address}.takes": "2 min"}}] * ("takes" in rules)
    edits += [{"scale": {f"{address}.takes": 0.5}}] * isinstance(rules.get("takes"), str)
    return {name: {"title": name, "why": "For the test.", **draw(st.sampled_from(edits))}}
