"""Clocks against times worked out by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from sim.measures.clocks import POINTS, TABLED, _product_limit, quantiles, read_clock
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
    assert values["p50"] == pytest.approx((50 + 70) / 2 / 60)
    assert values["p95"] == np.inf


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


# Quantiles with entities that are unfinished at the horizon


def test_quantiles_with_unfinished_entities_worked_by_hand():
    """Durations 1, 2+, 3, 4+, 5 (+ is unfinished). Left after 1 h: 4/5; after 3 h: 4/5 x 2/3 = 8/15; after 5 h: none.

    So of 5 entities 1 stands at 1 h, 4/3 at 3 h and 8/3 at 5 h: ranks 0 to 0, 1 to 4/3, 7/3 to 4, linear between.
    """
    hours, finished = np.array([1.0, 2, 3, 4, 5]), np.array([True, False, True, False, True])
    points = np.array([0, 0.125, 0.25, 1 / 3, 0.5, 0.75, 1])
    found = quantiles(hours, finished, points)
    assert found == pytest.approx([1, 2, 3, 3, 3 + 2 * (2 - 4 / 3), 5, 5])


def test_a_quantile_that_the_estimate_does_not_reach_lies_beyond_the_horizon():
    """Half of the four have ended, after 1 and 2 h: ranks 0 and 1 are known, what is above 1/3 is not."""
    hours, finished = np.array([1.0, 2, 9, 9]), np.array([True, True, False, False])
    assert quantiles(hours, finished, np.array([0, 1 / 6, 1 / 3, 0.34, 0.5, 1])) == pytest.approx(
        [1, 1.5, 2, np.inf, np.inf, np.inf]
    )
    assert np.isinf(quantiles(hours, np.zeros(4, dtype=bool), np.array([0.0, 0.5]))).all()


def durations(rng, count, ties):
    hours = rng.exponential(1, count)
    hours = np.ceil(hours * 3) if ties else hours
    return hours, rng.random(count) < rng.random()


@pytest.mark.parametrize("ties", [False, True])
def test_quantiles_are_those_of_kaplan_and_meier(ties):
    """Against the estimate as SciPy has it: it has reached a rank's first entity there and is not beyond its last."""
    rng = np.random.default_rng(1)
    reached = 0
    for count in rng.integers(1, 60, 200):
        hours, finished = durations(rng, count, ties)
        if not finished.any():
            continue
        curve = ecdf(CensoredData.right_censored(hours, ~finished)).cdf
        found = quantiles(hours, finished, POINTS)
        known = np.isfinite(found)
        low, high = (POINTS[known] * (count - 1) + add for add in (0, 1))
        assert (curve.evaluate(found[known]) * count >= low - 1e-9).all()
        assert (curve.evaluate(found[known] - 1e-9) * count <= high + 1e-9).all()
        assert ((POINTS[~known] * (count - 1) + 1) > curve.probabilities[-1] * count).all()
        reached += known.sum()
    assert reached > 5_000


@pytest.mark.parametrize("ties", [False, True])
def test_the_estimate_behind_them_is_that_of_scipy_to_the_bit(ties):
    rng = np.random.default_rng(2)
    for count in rng.integers(2, 60, 200):
        hours, finished = durations(rng, count, ties)
        finished[0] = False
        curve = ecdf(CensoredData.right_censored(hours, ~finished)).cdf
        times, shares = _product_limit(hours, finished)
        steps = np.isin(curve.quantiles, hours[finished])  # SciPy also has the durations of the unfinished
        np.testing.assert_array_equal(times, curve.quantiles[steps])
        np.testing.assert_array_equal(shares, curve.probabilities[steps])


def test_quantiles_with_nobody_unfinished_are_those_of_numpy():
    hours = np.random.default_rng(1).exponential(1, 77)
    assert (quantiles(hours, np.ones(77, dtype=bool), POINTS) == np.quantile(hours, POINTS)).all()
    late = np.append(hours, 100.0)  # one unfinished behind all others moves nothing below it
    some = np.append(np.ones(77, dtype=bool), False)
    known = 77 * POINTS <= 76
    assert quantiles(late, some, POINTS)[known] == pytest.approx(np.quantile(late, POINTS)[known])
    assert np.isinf(quantiles(late, some, POINTS)[~known]).all()


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40))
def test_quantiles_are_never_below_those_of_what_has_been_seen(pairs):
    hours, finished = (np.array(column) for column in zip(*pairs, strict=True))
    assert (quantiles(hours.astype(float), finished, POINTS) >= np.quantile(hours, POINTS) - 1e-9).all()


ENDLESS = """
demand: {truck: {arrivals: {rate: 4000 per day}}}
routes: {truck: {drive: {takes: {exponential: 10 h}}}}
clocks: {port_dwell: {from: arrival, to: drive.end}}
"""


def test_quantiles_of_a_world_that_ends_at_once_are_those_of_the_distribution():
    """Nobody waits, so a drive has nothing to do with the horizon, and the estimate is consistent."""
    short = Measured(ENDLESS, duration="36 h")
    reading = read_clock(short.clocks["port_dwell"], short.workload, short.timeline, 0)
    assert 0.2 < 1 - reading.finished.mean() < 0.35
    values = short.values("truck", "port_dwell")
    for statistic, share in (("p50", 0.5), ("p90", 0.1)):
        truth = -10 * np.log(share)
        # Greenwood's error of the estimate, over the density, is below twice that without unfinished entities: a third
        # came early enough.
        error = 2 * np.sqrt((1 - share) / share / 6000) * 10
        assert values[statistic] == pytest.approx(truth, abs=4 * error)
        assert np.quantile(reading.hours, 1 - share) < truth - 4 * error
    assert values["mean"] == pytest.approx(reading.hours.mean())


def test_an_overloaded_run_reports_higher_quantiles_than_what_has_been_seen_of_it():
    """And none above those that come out when the world goes on, for its queue grows and hides the worst."""
    text = OVERLOADED.replace("RATE", "200 per day")
    short, long = (Measured(text, duration="5 days", cool_down=rest) for rest in ("0 s", "9 days"))
    reading = read_clock(short.clocks["port_dwell"], short.workload, short.timeline, 0)
    seen = np.quantile(reading.hours, TABLED)
    estimated, truth = (
        [run.values("truck", "port_dwell")[name] for name in ("p50", "p90", "p95")] for run in (short, long)
    )
    assert long.values("truck", "port_dwell")["unfinished"] == 0
    assert (estimated > 1.02 * seen).all()
    assert (np.abs(np.subtract(estimated, truth)) < np.abs(seen - truth)).all()


def test_waiting_for_a_station_that_has_not_ended_counts_the_same_way():
    """One desk, 30 min each: waits of 0, 20, 40 min have ended by minute 65; that of the fourth, 60 min, has not."""
    waiting = Measured(DESK, duration="65 min").values("desk", "waiting_time")
    assert waiting["mean"] == pytest.approx((0 + 20 + 40 + 35) / 4 / 60)
    assert waiting["p95"] == pytest.approx(40 / 60)  # and 39.25 of what has been seen
