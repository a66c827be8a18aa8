"""How many come, how many leave, how many are inside."""

import numpy as np
import pytest

from tests.measures.measured import Measured

# Inside are the trucks from minute 0 to 30, 10 to 60, 20 to 90 and 30 to 120.
DESK = """
demand: {truck: [0, 10, 20, 30]}
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: 30 min}}}
clocks: {port_dwell: {from: arrival, to: check.end}}
"""


def test_per_day_over_the_window():
    """Two hours: four arrive, three have left; who leaves at the last instant is not counted."""
    run = Measured(DESK, duration="2 h")
    assert run.values("truck", "arrivals") == {"per_day": 48}
    assert run.values("truck", "throughput") == {"per_day": 36}
    assert Measured(DESK, duration="2 h", cool_down="1 s").values("truck", "throughput") == {"per_day": 36}
    assert Measured(DESK, duration="3 h").values("truck", "throughput") == {"per_day": 32}


def test_the_window_counts_not_who_is_measured():
    """From minute 25 to 85: one arrives, those that came before leave at 30 and 60."""
    run = Measured(DESK, warm_up="25 min", duration="1 h", cool_down="1 h")
    assert run.values("truck", "arrivals") == {"per_day": 24}
    assert run.values("truck", "throughput") == {"per_day": 48}


def test_departures_by_hour_of_day():
    """At 0:30, 1:00, 1:30 and 2:00, over a window of two days."""
    values = Measured(DESK, duration="2 days").values("truck", "throughput_by_hour")
    assert list(values) == [f"h{hour:02d}" for hour in range(24)]
    assert {hour: value for hour, value in values.items() if value} == {"h00": 0.5, "h01": 1, "h02": 0.5}


def test_the_hours_are_those_of_the_calendars_zone_also_when_its_clocks_change():
    """In Berlin the night of 26 October has 25 hours: 10 hours after its midnight it is 9 o'clock."""
    text = """
    demand: {truck: {arrivals: {recorded: {values: ["2025-10-26 00:00:00"]}}}}
    routes: {truck: {check: {takes: 10 h}}}
    """
    run = Measured(text, start="2025-10-26", zone="Europe/Berlin")
    values = run.values("truck", "throughput_by_hour")
    assert {hour: value for hour, value in values.items() if value} == {"h09": 1}


def test_entities_inside_over_time():
    """1 until 10, 2 until 20, 3 until 60, 2 until 90, 1 until 120."""
    run = Measured(DESK, duration="2 h")
    assert run.values("truck", "in_port") == pytest.approx(
        {"mean": (10 + 2 * 10 + 3 * 40 + 2 * 30 + 30) / 120, "p95": 3, "max": 3}
    )
    assert run.line("truck", "in_port", "hour") == pytest.approx({0: (10 + 20 + 120) / 60, 1: (60 + 30) / 60})


def test_the_95_percent_point_is_of_time():
    """For 40 minutes three are inside, for 40 two, for 40 one: of 3 hours 22 % each, of a day 2.8 %."""
    assert Measured(DESK, duration="3 h").values("truck", "in_port")["p95"] == 3
    assert Measured(DESK, duration="24 h").values("truck", "in_port")["p95"] == 2
    assert Measured(DESK, duration="48 h").values("truck", "in_port")["p95"] == 0
    assert Measured(DESK, duration="48 h").values("truck", "in_port")["max"] == 3


def test_inside_counts_everybody_not_only_who_is_measured():
    run = Measured(DESK, warm_up="25 min", duration="10 min", cool_down="0 s")
    assert run.values("truck", "in_port") == pytest.approx({"mean": 3, "p95": 3, "max": 3})


def test_who_never_leaves_stays_inside():
    run = Measured(DESK, duration="70 min")
    assert run.values("truck", "in_port")["mean"] == pytest.approx((10 + 2 * 10 + 3 * 40 + 2 * 10) / 70)


def test_inside_begins_with_the_clock():
    text = DESK.replace("{check: {at", "{drive: {takes: 15 min}, check: {after: drive, at").replace(
        "arrival", "check.ready"
    )
    assert Measured(text, duration="3 h").values("truck", "in_port")["mean"] == pytest.approx((30 + 50 + 70 + 90) / 180)


def test_a_flow_without_the_clock_is_inside_from_arrival_to_the_end_of_its_route():
    text = """
    demand: {truck: [0], car: [0]}
    routes: {truck: {check: {takes: 30 min}}, car: {wash: {takes: 10 min}, park: {takes: 20 min}}}
    clocks: {port_dwell: {from: arrival, to: check.end}}
    """
    run = Measured(text, duration="1 h")
    assert run.values("car", "in_port")["mean"] == pytest.approx(20 / 60)
    assert run.values("all", "in_port") == pytest.approx({"mean": 50 / 60, "p95": 2, "max": 2})
    assert Measured(text.replace("clocks: {port_dwell", "clocks: {other"), duration="1 h").values("car", "in_port")[
        "mean"
    ] == pytest.approx(20 / 60)


def test_all_sums_the_flows_of_a_port():
    text = """
    demand: {truck: [0, 30], car: [0], train: {arrivals: [0, 5], port: other}}
    routes: {truck: {check: {takes: 30 min}}, car: {check: {takes: 20 min}}, train: {check: {takes: 60 min}}}
    clocks: {port_dwell: {from: arrival, to: check.end}}
    """
    run = Measured(text, duration="2 h")
    for measure in ("arrivals", "throughput", "throughput_by_hour"):
        parts = [run.values(flow, measure) for flow in ("truck", "car")]
        total = {statistic: sum(part[statistic] for part in parts) for statistic in parts[0]}
        assert run.values("all", measure, "port") == pytest.approx(total)
        assert run.values("all", measure, "other") == pytest.approx(run.values("train", measure))
    inside = [run.values(subject, "in_port", "port")["mean"] for subject in ("truck", "car", "all")]
    assert inside[2] == pytest.approx(inside[0] + inside[1])


def test_units():
    run = Measured(DESK, duration="2 h")
    for measure, unit in {
        "arrivals": "per day",
        "throughput": "per day",
        "throughput_by_hour": "per hour",
        "in_port": "entities",
    }.items():
        assert set(run.rows("truck", measure)["unit"]) == {unit}


def test_nobody():
    run = Measured(DESK.replace("[0, 10, 20, 30]", "{arrivals: {rate: 0 per day}}"), duration="2 h")
    assert run.values("truck", "throughput") == {"per_day": 0}
    assert run.values("truck", "in_port") == {"mean": 0, "p95": 0, "max": 0}
    assert not any(np.isnan(value) for value in run.values("truck", "throughput_by_hour").values())
