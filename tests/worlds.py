"""Tiny worlds for tests: scenarios from a few lines of YAML, their timelines as text, random ones for Hypothesis."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import reject
from hypothesis import strategies as st

from sim.engine import compiled_engine, simpy_engine
from sim.engine.audit import audit
from sim.engine.cohort import sample_cohort
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload, bind
from sim.errors import InputError
from sim.scenario.loading import load
from sim.scenario.scenario import Scenario
from sim.study.runs import mode_job
from tests import idiomatic_simpy

Engine = Callable[[Workload], Timeline]

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
START = "2025-06-02"
"""A Monday, on which every tiny world begins."""
CALENDAR = {"start": START, "zone": "UTC", "warm_up": "0 s", "duration": "1 day", "cool_down": "0 s"}
SCENARIOS = Path(__file__).parent.parent / "scenarios"


def assert_engines_agree(workload: Workload) -> Timeline:
    """Both engines and an ordinary SimPy model give the same timeline to the millisecond; return it."""
    reference = simpy_engine.run(workload)
    for other in (compiled_engine, idiomatic_simpy):
        timeline = other.run(workload)
        for moment in ("start", "end", "carrier", "turned_away"):
            np.testing.assert_array_equal(
                getattr(reference, moment), getattr(timeline, moment), err_msg=f"{moment} of {other.__name__}"
            )
    return reference


def document(text: str, **calendar: str) -> dict[str, Any]:
    """A whole scenario from the lines that matter to a test.

    `stations`, `rosters`, `routes` and `clocks` may stand at the top. A flow, or its `arrivals`, may be the list of the
    minutes at which its entities arrive. Everything else that a scenario must say is filled in: one port, one mode
    `base`, one day from a Monday in UTC without warm-up and cool-down.
    """
    said = yaml.safe_load(text)
    procedure = said.pop("procedure", {})
    for part in ("rosters", "stations", "quotas", "routes", "clocks"):
        if part in said:
            procedure[part] = said.pop(part)
    for station in procedure.setdefault("stations", {}).values():
        station.setdefault("port", "port")
        station.setdefault("capacity", 1)
    for roster in procedure.get("rosters", {}).values():
        roster.setdefault("zone", "UTC")
    demand = {name: _flow(flow) for name, flow in said.pop("demand").items()}
    return {
        "title": "A tiny world",
        "seed": 1,
        "replications": 1,
        "modes": {"base": []},
        **said,
        "calendar": {**CALENDAR, **said.get("calendar", {}), **calendar},
        "demand": demand,
        "procedure": procedure,
    }


def _flow(flow: Any) -> dict[str, Any]:
    if isinstance(flow, list):
        flow = {"arrivals": at_minutes(*flow)}
    if isinstance(flow["arrivals"], list):
        flow["arrivals"] = at_minutes(*flow["arrivals"])
    return {"entity": "truck", "port": "port", "direction": "export", **flow}


def at_minutes(*minutes: float) -> dict[str, Any]:
    """Arrivals at these minutes after the beginning."""
    begin = datetime.fromisoformat(START)
    return {"recorded": {"values": [(begin + timedelta(minutes=each)).isoformat(sep=" ") for each in minutes]}}


def read(said: dict[str, Any]) -> Scenario:
    """Load a document through a file, as a user would."""
    with tempfile.TemporaryDirectory() as folder:
        return load(write(said, Path(folder)))


def write(said: dict[str, Any], folder: Path) -> Path:
    """Write a document as a scenario file. JSON is YAML, and puts every text in quotes."""
    file = folder / "tiny.yaml"
    file.write_text(json.dumps(said, indent=1, ensure_ascii=False, default=str), encoding="utf-8")
    return file


def world(text: str, **calendar: str) -> Scenario:
    """Load a tiny world, see `document`."""
    return read(document(text, **calendar))


def workload_of(scenario: Scenario, mode: str | None = None, replication: int = 0) -> Workload:
    """Everything that one run follows from."""
    job = mode_job(scenario, mode or scenario.modes[0])
    return bind(job.plan, sample_cohort(job.demand, job.calendar, job.seed, replication, job.disruptions))


def simulated(scenario: Scenario, mode: str | None = None, replication: int = 0) -> tuple[Workload, Timeline]:
    """One run by the engine, audited."""
    workload = workload_of(scenario, mode, replication)
    timeline = simpy_engine.run(workload)
    audit(workload, timeline)
    return workload, timeline


def happened(workload: Workload, timeline: Timeline) -> list[str]:
    """Every visit as `FLOW ENTITY ACTIVITY READY START END` in minutes, in the order of flows, entities and activities.

    A dash stands for what did not happen before the horizon; `passed READY` for a visit that does not take place.
    """
    lines = []
    all_times = (timeline.all_ready(workload), timeline.start, timeline.end)
    for code, flow in enumerate(workload.plan.flows):
        entities = workload.cohort_index[workload.flow == code]
        rows = sorted(zip(entities.tolist(), workload.visits_of_flow(code).T.tolist(), strict=True))
        for entity, visits in rows:
            for activity, visit in zip(flow.activities, visits, strict=True):
                ready, start, end = (int(times[visit]) for times in all_times)
                if workload.takes_place[visit]:
                    said = f"{_minutes(ready)} {_minutes(start)} {_minutes(end)}"
                else:
                    assert ready == start == end
                    said = f"passed {_minutes(ready)}"
                lines.append(f"{flow.name} {entity} {activity.name} {said}")
    return lines


def _minutes(moment: int) -> str:
    return "-" if moment == NEVER else f"{moment / MINUTE:.10g}"


def shown(expected: str) -> list[str]:
    """The lines of a timeline that a test expects; spaces do not count."""
    return [" ".join(line.split()) for line in expected.strip().splitlines()]


# Random worlds. Minutes are whole and few, so that ties are the rule.

_minutes_text = st.integers(0, 9).map(lambda minutes: f"{minutes} min")
_work = st.one_of(
    _minutes_text,
    st.just("0 min"),
    st.just({"uniform": ["1 min", "4 min"]}),
    st.just({"exponential": "3 min"}),
    st.just({"empirical": {"values": ["0 min", "2 min", "5 min"]}}),
    st.just({"mixture": [{"share": "50%", "of": "2 min"}, {"share": "50%", "of": {"uniform": ["0 s", "90 s"]}}]}),
)
_share = st.sampled_from(["0%", "30%", "50%", "100%"])
_outcomes = st.sampled_from(
    [
        {"red": "20%", "yellow": "30%", "green": "50%"},
        {"red": "100%", "yellow": "0%", "green": "0%"},
        {"red": "40%", "yellow": "0%", "green": "60%"},
    ]
)


class World(Scenario):
    """A scenario that shows itself as the file that would say it."""

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text("\n" + yaml.dump(self.document(), sort_keys=False, width=120))


@st.composite
def worlds(draw: st.DrawFn) -> Scenario:
    """A small world of stations, rosters, routes, holds, luck; one that the checks refuse is rejected."""
    return _accepted(draw(_documents()))


@st.composite
def border_worlds(draw: st.DrawFn) -> Scenario:
    """The same with the mechanisms of the border: quotas, disruptions, adoption, full lines or riders and carriers."""
    said = draw(_documents())
    _add_quotas(draw, said["procedure"])
    if draw(st.booleans()):
        said["disruptions"] = {"storm": draw(_disruptions(sorted(said["procedure"]["stations"])))}
    if draw(st.booleans()):
        said["reforms"] = {"early": {"title": "Early", "why": "A test.", "set": {"routes.*.a0.takes": "2 min"}}}
        said["modes"] = {"base": ["early at 40%"]}
    if draw(st.booleans()):
        _add_limits(draw, said["procedure"])
    else:
        _add_rides(draw, said)
    return _accepted(said)


def _accepted(said: dict[str, Any]) -> Scenario:
    try:
        scenario = read(said)
    except InputError:
        reject()
    return World(scenario.name, scenario.root, scenario.definition, scenario.library)


def _add_quotas(draw: st.DrawFn, procedure: dict[str, Any]) -> None:
    procedure["quotas"] = {
        name: {
            "port": "east",
            "amount": draw(st.sampled_from(["2 per hour", "9 per hour", "1 per minute", "30 per day"])),
            "zone": draw(st.sampled_from(["UTC", "Etc/GMT-1"])),
            "unused": draw(st.sampled_from(["lost", "kept"])),
        }
        for name in ["admission", "slots"][: draw(_few)]
    }
    for route in procedure["routes"].values():
        for activity in route.values():
            for name in procedure["quotas"]:
                if draw(st.integers(0, 3)) == 0:
                    activity.setdefault("needs", {})[name] = 1


@st.composite
def _disruptions(draw: st.DrawFn, stations: list[str]) -> dict[str, Any]:
    start = draw(st.integers(0, 60))
    dated = {"dates": [f"{START} {_clock(start)}..{START} {_clock(start + draw(st.integers(1, 60)))}"]}
    random = {"between": {"exponential": "40 min"}, "lasts": {"uniform": ["1 min", "20 min"]}}
    return {
        "stations": draw(st.lists(st.sampled_from(stations), min_size=1, max_size=2, unique=True)),
        **draw(st.sampled_from([{}, {"leaves": "50%"}, {"takes_out": 1}])),
        **draw(st.sampled_from([dated, random])),
    }


def _add_limits(draw: st.DrawFn, procedure: dict[str, Any]) -> None:
    """Limit some lines; who can be turned away does one thing after the other."""
    for station in procedure["stations"].values():
        station.update(draw(_maybe(st.integers(0, 3), "queue_limit")))
    for route in procedure["routes"].values():
        for before, name in zip(["", *route], route, strict=False):
            route[name]["after"] = [before] if before else []


def _add_rides(draw: st.DrawFn, said: dict[str, Any]) -> None:
    """A flow of carriers, with riders that wait for them, riders that they bring, or both."""
    routes, demand = said["procedure"]["routes"], said["demand"]
    station = st.sampled_from([name for name in said["procedure"]["stations"] if name.startswith("station")])
    place = st.one_of(st.just({}), station.map(lambda name: {"at": name}))
    carrier = draw(st.sampled_from(["a_train", "train"]))  # before and behind the others by name
    waiting = sorted(draw(st.sets(st.sampled_from(sorted(routes)), max_size=2)))
    brings = not waiting or draw(st.booleans())
    demand[carrier] = draw(_flows())
    rules = {
        "ride": "trip",
        "up_to": draw(_cases({"aeo": True}, st.integers(0, 4))),
        **draw(_maybe(_cases({"aeo": True}, st.integers(0, 3)), "at_least")),
        **draw(_maybe(_cases({"aeo": False}, _work), "waits")),
    }
    route: dict[str, Any] = {"a0": {**draw(place), "takes": draw(_work)}}
    if waiting:
        route["a1"] = {"after": "a0", "load": rules, "takes": draw(_work), "priority": draw(st.integers(0, 1))}
    route["a2"] = {
        "after": list(route)[-1],
        "unload": "trip",
        **draw(place),
        "takes": draw(_work),
        "share": draw(_share),
    }
    if draw(st.booleans()):
        route["a3"] = {"after": "a2", "awaits": {"ride": "trip", "activity": "b1"}}
    if draw(st.booleans()):
        route["a4"] = {"after": "a2", "awaits": {"ride": "trip", "activity": draw(st.sampled_from(["b1", "b2"]))}}
    route["a5"] = {"after": list(route)[-1], "takes": draw(_work)}
    if draw(st.booleans()):
        route["a0"].pop("at", None)  # so that it may be ready to unload at the moment of its arrival
    if brings:
        riders = draw(st.sampled_from([{"riders": 1}, {"riders": 3}, {"least": 1, "most": 2}]))
        demand["box"] = {**draw(_flows()), "arrivals": {"aboard": {"flow": carrier, **riders}}}
        routes["box"] = {}
    for flow in [*waiting, *(["box"] if brings else [])]:
        after = draw(st.lists(st.sampled_from(list(routes[flow])), max_size=1)) if flow != "box" else []
        routes[flow]["b0"] = {
            "after": after,
            "ride": "trip",
            "share": draw(_share),
            "priority": draw(st.integers(0, 1)),
        }
        routes[flow]["b1"] = {"after": "b0", **draw(place), "takes": draw(_work)}
        routes[flow]["b2"] = {"after": "b1", **draw(place), "takes": draw(_work), "share": draw(_share)}
    routes[carrier] = route


@st.composite
def _documents(draw: st.DrawFn) -> dict[str, Any]:
    rosters = {f"roster_{number}": draw(_rosters()) for number in range(draw(st.integers(0, 2)))}
    stations = {
        name: {
            "port": draw(st.sampled_from(["east", "west"])),
            "capacity": draw(st.integers(1, 3)),
            **draw(_maybe(st.sampled_from(sorted(rosters)), "roster") if rosters else st.just({})),
        }
        for name in [*(f"station_{n}" for n in range(draw(st.integers(1, 3)))), *["pool_a", "pool_b"][: draw(_few)]]
    }
    flows = [f"flow_{number}" for number in range(draw(st.integers(1, 3)))]
    return {
        "title": "A random world",
        "seed": draw(st.integers(0, 9)),
        "replications": 1,
        "calendar": {
            "start": START,
            "zone": "UTC",
            "warm_up": draw(st.sampled_from(["0 s", "30 min"])),
            "duration": draw(st.sampled_from(["2 h", "4 h"])),
            "cool_down": draw(st.sampled_from(["0 s", "1 h", "20 h"])),
        },
        "demand": {flow: draw(_flows()) for flow in flows},
        "procedure": {
            "rosters": rosters,
            "stations": stations,
            "routes": {flow: draw(_routes(stations)) for flow in flows},
            "clocks": {
                "port_dwell": {
                    "from": ["a1.ready", "arrival"],
                    "to": ["a4.end", "a2.end", "a0.end"],
                    "target": "10 min",
                },
                "release_time": {"from": "a0.start", "to": ["a3.start", "a1.ready", "a0.end"]},
            },
        },
        "modes": {"base": []},
    }


_few = st.integers(0, 2)


def _maybe(strategy: st.SearchStrategy[Any], key: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(st.just({}), strategy.map(lambda value: {key: value}))


@st.composite
def _rosters(draw: st.DrawFn) -> dict[str, Any]:
    """Whole capacity for a while, and around it shifts of other sizes, overlaps and a closure."""
    east = draw(st.booleans())  # an hour ahead of the calendar
    begin = draw(st.integers(0, 40)) + 60 * east
    opened = [f"{_clock(begin)}-{_clock(begin + draw(st.integers(1, 120)))}"]
    for _ in range(draw(_few)):
        start = draw(st.integers(0, 150))
        hours = f"{_clock(start)}-{_clock(start + draw(st.integers(1, 60)))}"
        opened.append(draw(st.sampled_from([hours, {"hours": hours, "share": "50%"}, {"hours": hours, "capacity": 1}])))
    closed = []
    if draw(st.booleans()):
        start = draw(st.integers(0, 60))
        closed = [f"{START} {_clock(start)}..{START} {_clock(start + draw(st.integers(1, 40)))}"]
    return {
        "zone": "Etc/GMT-1" if east else "UTC",
        "open": opened,
        "closed": closed,
        "days": draw(st.sampled_from([["mon"], ["mon", "tue"]])),
    }


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@st.composite
def _flows(draw: st.DrawFn) -> dict[str, Any]:
    arrivals = draw(
        st.one_of(
            st.lists(st.integers(0, 40), min_size=1, max_size=12).map(lambda minutes: at_minutes(*minutes)),
            st.sampled_from([{"every": "3 min"}, {"every": "7 min", "first": "0 s"}, {"rate": "12 per hour"}]),
            st.just(
                {"timetable": ["00:10", "00:10", "00:30"], "late": {"uniform": ["0 min", "5 min"]}, "early": "2 min"}
            ),
        )
    )
    return {
        "entity": "truck",
        "port": draw(st.sampled_from(["east", "west"])),
        "direction": "export",
        "arrivals": arrivals,
        "attributes": {"aeo": {"share": draw(_share)}, "cargo": {"one_of": {"grain": "40%", "ore": "60%"}}},
    }


@st.composite
def _routes(draw: st.DrawFn, stations: dict[str, Any]) -> dict[str, Any]:
    names = [f"a{number}" for number in range(draw(st.integers(1, 6)))]
    route: dict[str, Any] = {}
    drawn: list[str] = []
    for number, name in enumerate(names):
        after = draw(st.lists(st.sampled_from(names[:number]), unique=True, max_size=2)) if number else []
        if number and draw(st.booleans()):
            after = [names[number - 1]]
        activity: dict[str, Any] = {"after": after}
        conditions = [{"aeo": True}, {"cargo": ["ore"]}, {"aeo": False, "cargo": ["grain", "ore"]}]
        if any(other in after for other in drawn):
            conditions += [{"channel": "red"}, {"channel": ["red", "yellow"]}]
        condition = st.sampled_from(conditions)
        if draw(st.integers(0, 3)):
            activity["at"] = draw(st.sampled_from([one for one in sorted(stations) if one.startswith("station")]))
            activity |= draw(_maybe(st.integers(1, stations[activity["at"]]["capacity"]), "amount"))
        activity |= draw(_maybe(_cases(draw(condition), _work), "takes"))
        activity |= draw(_maybe(condition, "only"))
        activity |= draw(_maybe(_cases(draw(condition), _share), "share"))
        activity |= draw(_maybe(_cases(draw(condition), st.integers(-1, 1)), "priority"))
        if not drawn and draw(st.booleans()):
            activity["draws"] = {"channel": draw(_cases(draw(st.sampled_from(conditions[:3])), _outcomes))}
            drawn.append(name)
        route[name] = activity
    for resource in sorted(stations):
        if draw(st.integers(0, 2)) == 0:
            _hold(draw, route, resource, stations[resource]["capacity"])
    return route


def _cases(only: dict[str, Any], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    cases = st.tuples(values, values).map(lambda two: {"cases": [{"only": only, "use": two[0]}, {"use": two[1]}]})
    return st.one_of(values, cases)


def _hold(draw: st.DrawFn, route: dict[str, Any], resource: str, capacity: int) -> None:
    """Let one activity seize a resource and one behind it (or itself) release it."""
    seizing = draw(st.sampled_from(list(route)))
    behind = {seizing}
    for name, activity in route.items():
        if behind & set(activity["after"]):
            behind.add(name)
    releasing = draw(st.sampled_from([name for name in route if name in behind]))
    route[seizing].setdefault("seizes", {})[resource] = draw(st.integers(1, capacity))
    route[releasing].setdefault("releases", []).append(resource)
