"""What holds for every world, through the whole program: from the text of a scenario to the timeline of each mode.

Conservation, capacity, the order of lines and Little's law are held by the audit, which every world below passes.
"""

import json
import re

import pandas as pd
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.busy_worlds import busy_worlds
from tests.worlds import MINUTE, at_minutes, border_worlds, document, read, simulated

SLOW = [HealthCheck.filter_too_much, HealthCheck.too_slow]
ANY = border_worlds() | busy_worlds()


def table_of(said, mode="base"):
    """Every visit of a mode, in an order that does not depend on that of the file."""
    workload, timeline = simulated(read(said), mode)
    return timeline.frame(workload).sort_values(["flow", "entity", "activity"], ignore_index=True)


def same(one, other):
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def mapped(value, text, name=lambda key: key):
    """A document with other texts and other names of things."""
    if isinstance(value, dict):
        return {name(key): mapped(child, text, name) for key, child in value.items()}
    if isinstance(value, list):
        return [mapped(child, text, name) for child in value]
    return text(value) if isinstance(value, str) else value


def backwards(value, top=True):
    """The same mappings in the opposite order, and `after`, whose order means nothing; modes keep their order."""
    if not isinstance(value, dict):
        return value
    return {
        key: child[::-1] if key == "after" and isinstance(child, list) else backwards(child, top=False)
        for key, child in (value.items() if top else reversed(value.items()))
    }


@settings(max_examples=20, suppress_health_check=SLOW)
@given(ANY)
def test_the_order_of_lines_changes_nothing(scenario):
    said = scenario.document()
    same(table_of(said), table_of(backwards(said)))


@settings(max_examples=20, suppress_health_check=SLOW)
@given(ANY, st.sampled_from(["a_", "zz_"]))
def test_what_stations_rosters_and_quotas_are_called_changes_nothing(scenario, prefix):
    """As long as they keep their order by name: an activity without station waits in the line of the first."""
    said = scenario.document()
    procedure = said["procedure"]
    known = {name for part in ("stations", "rosters", "quotas") for name in procedure.get(part, {})}
    called = lambda text: prefix + text if text in known else text  # noqa: E731
    one, two = table_of(said), table_of(mapped(said, called, called))
    assert list(two["station"].dropna()) == [prefix + station for station in one["station"].dropna()]
    same(one.drop(columns="station"), two.drop(columns="station"))


UNITS = {
    "seconds": lambda minutes: f"{60 * minutes} s",
    "milliseconds": lambda minutes: f"{60_000 * minutes}毫秒",
    "ISO 8601": lambda minutes: f"PT{minutes}M",
    "Chinese": lambda minutes: f"{minutes}分钟",
    "decimal": lambda minutes: f"{minutes / 60:.15f} h" if minutes % 3 == 0 else f"{minutes}.000 minutes",
}


@settings(max_examples=20, suppress_health_check=SLOW)
@given(ANY, st.data())
def test_the_units_in_which_a_duration_is_written_change_nothing(scenario, data):
    said = scenario.document()

    def in_other_units(text):
        found = re.fullmatch(r"(\d+) min", text)
        return UNITS[data.draw(st.sampled_from(sorted(UNITS)))](int(found[1])) if found else text

    other = mapped(said, in_other_units)
    assume(other != said)
    same(table_of(said), table_of(other))


@settings(max_examples=20, suppress_health_check=SLOW)
@given(ANY)
def test_a_reform_without_edits_gives_the_bytes_of_the_baseline(scenario):
    said = scenario.document()
    said["reforms"] = {**said.get("reforms", {}), "nothing": {"title": "Nothing", "why": "It changes nothing."}}
    said["modes"] = {**said["modes"], "same": [*said["modes"]["base"], "nothing"]}
    frames = []
    for mode in ("base", "same"):
        workload, timeline = simulated(read(said), mode)
        frames.append(timeline.frame(workload))
    same(*frames)


LATE = 37
"""Minute at which the entity comes that the reform is about."""


@settings(max_examples=20, suppress_health_check=SLOW)
@given(ANY, st.sampled_from([{"takes": "20 min"}, {"at": None}, {"priority": -5, "takes": "3 min"}]))
def test_what_a_reform_does_to_one_entity_changes_nothing_before_it_comes(scenario, change):
    said = scenario.document()
    station = min(name for name in said["procedure"]["stations"] if name.startswith("station"))
    flow = {"entity": "truck", "port": "east", "direction": "export", "arrivals": at_minutes(LATE)}
    said["demand"]["late"] = flow
    said["procedure"]["routes"]["late"] = {"work": {"at": station, "takes": "1 min", "priority": 0}}
    edits = {"set": {f"routes.late.work.{key}": value for key, value in change.items() if value is not None}}
    edits["remove"] = [f"routes.late.work.{key}" for key, value in change.items() if value is None]
    said["reforms"] = {**said.get("reforms", {}), "change": {"title": "x", "why": "x", **edits}}
    said["modes"] = {**said["modes"], "changed": [*said["modes"]["base"], "change"]}
    base, changed = table_of(said), table_of(said, "changed")
    assert len(base) == len(changed)
    ended = base["end_ms"] < LATE * MINUTE
    same(base[ended], changed[ended])
    for moment in ("ready_ms", "start_ms"):
        begun = base[moment] < LATE * MINUTE
        same(base.loc[begun, ["entity", "activity", moment]], changed.loc[begun, ["entity", "activity", moment]])


MINUTES = st.integers(0, 9)


@st.composite
def lines_of_one_station(draw):
    """One station in front of which entities wait in the order of their arrival."""
    works = draw(st.lists(MINUTES, min_size=1, max_size=4))
    return {
        "arrivals": sorted(draw(st.lists(st.integers(0, 40), min_size=1, max_size=20))),
        "takes": draw(
            st.sampled_from(
                [{"empirical": {"values": [f"{each} min" for each in works]}}, {"exponential": "4 min"}, "5 min"]
            )
        ),
        "servers": draw(st.integers(1, 4)),
    }


def line(arrivals, takes, servers, **calendar):
    said = document("demand: {}\nstations: {desk: {}}\nroutes: {}", **calendar)
    said["procedure"]["stations"]["desk"]["capacity"] = servers
    said["demand"]["truck"] = {
        "entity": "truck",
        "port": "port",
        "direction": "export",
        "arrivals": at_minutes(*arrivals),
    }
    said["procedure"]["routes"]["truck"] = {"work": {"at": "desk", "takes": takes}}
    return said


@settings(max_examples=40)
@given(lines_of_one_station())
def test_a_server_more_at_a_single_station_delays_nobody(one):
    fewer, more = (table_of(line(**{**one, "servers": one["servers"] + extra})) for extra in (0, 1))
    assert (more["start_ms"] <= fewer["start_ms"]).all()
    assert (more["end_ms"] <= fewer["end_ms"]).all()


@settings(max_examples=40)
@given(lines_of_one_station())
def test_who_came_first_begins_first(one):
    table = table_of(line(**one)).sort_values("entity")
    assert table["ready_ms"].is_monotonic_increasing
    assert table["start_ms"].is_monotonic_increasing


@st.composite
def unrostered(draw):
    """Networks in which time stands only in arrivals and durations."""
    stations = {f"station_{number}": {"capacity": draw(st.integers(1, 2))} for number in range(draw(st.integers(1, 3)))}
    flows = [f"flow_{number}" for number in range(draw(st.integers(1, 3)))]
    routes = {}
    for flow in flows:
        names = [f"a{number}" for number in range(draw(st.integers(1, 4)))]
        routes[flow] = {
            name: {
                "after": draw(st.lists(st.sampled_from(names[:number]), unique=True, max_size=2)) if number else [],
                "at": draw(st.sampled_from(sorted(stations))),
                "takes": draw(MINUTES),
                "priority": draw(st.integers(-1, 1)),
                "share": draw(st.sampled_from(["100%", "50%"])),
            }
            for number, name in enumerate(names)
        }
    arrivals = {flow: draw(st.lists(st.integers(0, 30), min_size=1, max_size=10)) for flow in flows}
    return {"stations": stations, "routes": routes, "arrivals": arrivals}


@settings(max_examples=40)
@given(unrostered(), st.integers(2, 11))
def test_times_that_are_so_many_times_as_long_give_results_so_many_times_as_long(network, factor):
    tables = []
    for times in (1, factor):
        said = document(
            json.dumps({"demand": {}, "stations": network["stations"], "routes": {}}), duration=f"{60 * times} min"
        )
        for flow, minutes in network["arrivals"].items():
            each = {"entity": "truck", "port": "port", "direction": "export"}
            said["demand"][flow] = {**each, "arrivals": at_minutes(*(minute * times for minute in minutes))}
            said["procedure"]["routes"][flow] = {
                name: {**activity, "takes": f"{activity['takes'] * times} min"}
                for name, activity in network["routes"][flow].items()
            }
        tables.append(table_of(said))
    for moment in ("ready_ms", "start_ms", "end_ms"):
        tables[0][moment] *= factor
    same(*tables)
