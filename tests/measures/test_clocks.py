"""Clocks against times worked out by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from sim.measures.clocks import read_clock
from sim.scenario.procedure import Clock
from tests.measures.measured import Measured
from tests.worlds import worlds

# One desk, half an hour each: the trucks are 30, 50, 70 and 90 minutes in the port.
DESK = """
demand: {truck: [0, 10, 20, 30]}
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: 30 min}}}
clocks: {port_dwell: {from: arrival, to: check.end, target: 1 h}}
"""


def test_every_statistic_of_a_clock():
    assert Measured(DESK).values("truck", "port_dwell") == pytest.approx(
        {
            "mean": 1,
            "sd": np.sqrt((30**2 + 10**2 + 10**2 + 30**2) / 3) / 60,
            "p50": 1,
            "p90": 84 / 60,
            "p95": 87 / 60,
            "within_target": 0.5,
            "unfinished": 0,
            "count": 4,
        }
    )


def test_units_and_keys():
    rows = Measured(DESK).rows("truck", "port_dwell")
    assert dict(zip(rows["statistic"], rows["unit"], strict=True)) == {
        **dict.fromkeys(("mean", "sd", "p50", "p90", "p95"), "h"),
        "within_target": "share",
        "unfinished": "entities",
        "count": "entities",
    }
    assert set(rows["mode"]) == {"base"}
    assert set(rows["port"]) == {"port"}
    assert set(rows["replication"]) == {0}


def test_the_distribution_function():
    line = Measured(DESK).line("truck", "port_dwell", "probability")
    assert list(line) == pytest.approx([number / 100 for number in range(1, 100)])
    assert line[0.5] == pytest.approx(1)
    assert line[0.9] == pytest.approx(84 / 60)
    assert line[0.01] == pytest.approx((30 + 0.03 * 20) / 60)


def test_a_clock_without_target_has_no_share_within_it():
    assert "within_target" not in Measured(DESK.replace(", target: 1 h", "")).values("truck", "port_dwell")


def test_within_the_target_means_at_most():
    assert Measured(DESK.replace("1 h", "50 min")).values("truck", "port_dwell")["within_target"] == 0.5
    assert Measured(DESK.replace("1 h", "2999 s")).values("truck", "port_dwell")["within_target"] == 0.25


def test_who_has_not_left_counts_with_the_time_until_the_horizon():
    """At minute 100 the last truck is at the desk for 10 minutes and in the port for 70: not within 80."""
    values = Measured(DESK.replace("1 h", "80 min"), duration="100 min").values("truck", "port_dwell")
    assert values["mean"] == pytest.approx((30 + 50 + 70 + 70) / 4 / 60)
    assert (values["unfinished"], values["count"]) == (1, 4)
    assert values["within_target"] == pytest.approx(3 / 4)
    assert values["p95"] == pytest.approx(70 / 60)


def test_who_has_not_begun_is_counted_as_unfinished_and_not_within_the_target():
    """The clock begins at the desk; at minute 70 two trucks still wait for it."""
    text = DESK.replace("from: arrival", "from: check.start").replace("1 h", "30 min")
    values = Measured(text, duration="70 min").values("truck", "port_dwell")
    assert values["mean"] == pytest.approx((30 + 30 + 10) / 3 / 60)
    assert (values["unfinished"], values["count"]) == (2, 4)
    assert values["within_target"] == pytest.approx(2 / 4)


def test_measured_is_who_arrives_in_the_window():
    """Warm-up until minute 10, window until 30: the second and third truck, with the first still in their way."""
    values = Measured(DESK, warm_up="10 min", duration="20 min", cool_down="2 h").values("truck", "port_dwell")
    assert values["mean"] == pytest.approx((50 + 70) / 2 / 60)
    assert values["count"] == 2


def test_every_kind_of_point():
    """Truck 1 is ready at 10, starts at 30 and ends at 60."""
    points = ["arrival", "check.ready", "check.start", "check.end"]
    clocks = ", ".join(f"c{i}{j}: {{from: {points[i]}, to: {points[j]}}}" for i in range(4) for j in range(i + 1, 4))
    text = DESK.replace("port_dwell: {from: arrival, to: check.end, target: 1 h}", clocks)
    text = text.replace("{check: {at", "{drive: {takes: 5 min}, check: {after: drive, at")
    mean = {
        name: Measured(text).values("truck", name)["mean"] * 60 for name in ("c01", "c02", "c03", "c12", "c13", "c23")
    }
    assert mean == pytest.approx({"c01": 5, "c02": 35, "c03": 65, "c12": 30, "c13": 60, "c23": 30})


def test_the_first_point_that_a_route_has():
    text = """
    demand: {truck: [0], train: [0], car: [0]}
    routes:
      truck: {drive: {takes: 10 min}, gate_in: {after: drive, takes: 1 min}, gate_out: {after: gate_in, takes: 5 min}}
      train: {receive: {takes: 20 min}, depart: {after: receive, takes: 5 min}}
      car: {check: {takes: 7 min}}
    clocks:
      port_dwell: {from: [gate_in.ready, receive.ready], to: [gate_out.end, depart.end]}
      release_time: {from: [gate_in.ready, arrival], to: [gate_out.end, check.end]}
    """
    run = Measured(text)
    assert run.values("truck", "port_dwell")["mean"] == pytest.approx(6 / 60)
    assert run.values("train", "port_dwell")["mean"] == pytest.approx(25 / 60)
    assert run.values("car", "port_dwell") == {}
    assert run.values("car", "release_time")["mean"] == pytest.approx(7 / 60)
    assert run.values("train", "release_time") == {}
    assert run.values("all", "port_dwell")["mean"] == pytest.approx(31 / 2 / 60)
    assert run.values("all", "port_dwell")["count"] == 2


def test_all_is_every_entity_of_a_port_not_every_flow():
    """Three cars of 10 minutes and one truck of 50: the mean over entities is 20, over flows it would be 30."""
    text = """
    demand: {car: [0, 1, 2], truck: [0], train: {arrivals: [0], port: other}}
    routes: {car: {check: {takes: 10 min}}, truck: {check: {takes: 50 min}}, train: {check: {takes: 90 min}}}
    clocks: {port_dwell: {from: arrival, to: check.end}}
    """
    run = Measured(text)
    assert run.values("all", "port_dwell", "port")["mean"] == pytest.approx(20 / 60)
    assert run.values("all", "port_dwell", "port")["p50"] == pytest.approx(10 / 60)
    assert run.values("all", "port_dwell", "other")["mean"] == pytest.approx(1.5)


def test_passing_through_stops_a_clock_too():
    text = """
    demand: {truck: [0]}
    routes: {truck: {drive: {takes: 10 min}, scan: {after: drive, takes: 5 min, share: 0%}}}
    clocks: {port_dwell: {from: arrival, to: scan.end}}
    """
    assert Measured(text).values("truck", "port_dwell")["mean"] == pytest.approx(10 / 60)


def test_a_single_entity_has_no_spread_and_nobody_has_no_mean():
    text = DESK.replace("[0, 10, 20, 30]", "[0]")
    assert np.isnan(Measured(text).values("truck", "port_dwell")["sd"])
    values = Measured(text.replace("[0]", "{arrivals: {rate: 0 per day}}")).values("truck", "port_dwell")
    assert {statistic for statistic, value in values.items() if np.isnan(value)} == {
        "mean", "sd", "p50", "p90", "p95", "within_target",
    }  # fmt: skip
    assert (values["count"], values["unfinished"]) == (0, 0)


OVERLOADED = """
demand: {truck: {arrivals: {rate: RATE}}}
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: {exponential: 10 min}}}}
clocks: {port_dwell: {from: arrival, to: check.end, target: 1 h}}
"""


def test_an_overloaded_port_looks_worse_in_every_number():
    """The desk can do 144 trucks a day. Beyond that most have not left at the end, and none of them is dropped."""
    runs = [
        Measured(OVERLOADED.replace("RATE", f"{rate} per day"), duration="5 days").values("truck", "port_dwell")
        for rate in (100, 140, 200, 400)
    ]
    for better, worse in pairwise(runs):
        for statistic in ("mean", "p50", "p90", "p95", "unfinished"):
            assert worse[statistic] > better[statistic], statistic
        assert worse["within_target"] < better["within_target"]
    assert runs[-1]["unfinished"] / runs[-1]["count"] > 0.5
    assert runs[-1]["mean"] > 24


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_to_wait_longer_for_the_unfinished_never_makes_a_time_shorter(scenario):
    """What counts for somebody unfinished is a lower bound of what comes out when the world goes on."""
    short, long = (Measured(scenario.with_calendar(cool_down=cool_down)) for cool_down in ("0 s", "1 h"))
    for code, flow in enumerate(short.workload.plan.flows):
        clock = Clock.model_validate({"from": "arrival", "to": f"{flow.activities[-1].name}.end"})
        before, after = (read_clock(clock, run.workload, run.timeline, code) for run in (short, long))
        assert len(before.hours) == len(after.hours)
        assert (after.hours >= before.hours).all()
        assert np.array_equal(after.hours[before.finished], before.hours[before.finished])
        assert before.unfinished >= after.unfinished
