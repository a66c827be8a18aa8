"""Replications until the paired difference is precise: the rule, what it asks for next, and a whole study."""

import re

import numpy as np
import pandas as pd
import pytest

import sim
from sim.report.facts import warning_values
from sim.study.precision import FEWEST, LOOK_AHEAD, next_count, precision
from tests.worlds import world

WORLD = """
    demand: {truck: {arrivals: {rate: 200 per day}}}
    stations: {desk: {capacity: 2}}
    routes: {truck: {check: {at: desk, takes: {exponential: 12 min}}}}
    clocks: {port_dwell: {from: arrival, to: check.end}}
    modes: {base: [], quick: [quicker], same: []}
    reforms:
      quicker: {title: Quicker, why: For the test., scale: {routes.truck.check.takes: 0.8}}
    replications: 10
    """


def measures(base, other):
    rows = [
        (mode, replication, "port", "all", "port_dwell", "mean", "h", value)
        for mode, values in (("base", base), ("other", other))
        for replication, value in enumerate(values)
    ]
    columns = ["mode", "replication", "port", "subject", "measure", "statistic", "unit", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_it_looks_at_the_paired_difference_not_at_the_means():
    luck = np.random.default_rng(1).normal(0, 5, 20)
    noise = np.random.default_rng(2).normal(0, 0.1, 20)
    found = precision(measures(20 + luck, 15 + luck + noise), ["base", "other"], 0.05)
    assert found.reached
    difference = -5 + noise
    half = 2.0930240544 * difference.std(ddof=1) / np.sqrt(20)  # Student t, 19 degrees of freedom
    assert found.achieved["port/other"] == pytest.approx(half / abs(difference.mean()))
    unpaired = precision(measures(20 + luck, 15 + luck[::-1]), ["base", "other"], 0.05)
    assert not unpaired.reached


def test_it_must_hold_for_several_replications_in_a_row():
    steady = np.full(FEWEST + LOOK_AHEAD - 1, 5.0)
    steady[::2] += 0.01
    assert precision(measures(np.zeros_like(steady), steady), ["base", "other"], 0.05).reached
    assert not precision(measures(np.zeros_like(steady)[:-1], steady[:-1]), ["base", "other"], 0.05).reached
    late = np.concatenate(([50.0], steady))
    assert not precision(measures(np.zeros_like(late), late), ["base", "other"], 0.05).reached


def test_it_asks_for_as_many_as_the_interval_needs_and_never_for_more_than_twice_as_many():
    luck = np.random.default_rng(3).normal(0, 1, 20)
    found = precision(measures(np.zeros(20), 5 + luck), ["base", "other"], 0.01)
    assert not found.reached
    assert next_count(20, found, 1000) == 40
    assert next_count(20, found, 30) == 30
    nearly = precision(measures(np.zeros(20), 5 + luck), ["base", "other"], found.worst * 0.9)
    assert 20 < next_count(20, nearly, 1000) <= 25


def test_a_study_adds_replications_until_it_is_precise_and_says_so(tmp_path):
    scenario = world(WORLD, duration="4 days")
    study = sim.run(scenario, ["base", "quick"], precision="20%", out=tmp_path / "results")
    assert study.manifest["precision"]["reached"]
    assert study.manifest["precision"]["achieved"]["port/quick"] <= 0.2
    assert study.replications == study.manifest["replications"] >= FEWEST + LOOK_AHEAD - 1
    again = sim.run(scenario, ["base", "quick"], replications=study.replications)
    pd.testing.assert_frame_equal(again.measures, study.measures)
    assert sim.open(tmp_path / "results").replications == study.replications


def test_a_study_that_cannot_become_precise_says_how_far_it_came():
    scenario = world(WORLD, duration="1 day")
    study = sim.run(scenario, ["base", "quick"], precision="0.1%", most_replications=16)
    assert not study.manifest["precision"]["reached"]
    assert study.replications == 16
    assert any("is not reached after 16 replications: best so far ±" in text for text in study.manifest["warnings"])


def test_modes_without_a_difference_are_known_for_certain():
    study = sim.run(world(WORLD, duration="1 day"), ["base", "same"], precision="1%")
    assert study.manifest["precision"]["achieved"] == {"port/same": 0.0}
    assert study.replications == FEWEST + LOOK_AHEAD - 1


@pytest.mark.parametrize("text", ["5", "0%", "five"])
def test_a_precision_is_a_share(text):
    with pytest.raises(sim.InputError, match="precision: expected"):
        sim.run(world(WORLD), precision=text)


@pytest.mark.parametrize(
    ("noise", "wanted", "count", "said"),
    [
        (1.0, 0.01, 20, r"1\.0% is not reached after 20 replications: best so far ±\d+\.\d% for port/other"),
        (9.0, 0.05, 20, "5.0% is not reached after 20 replications: zero lies in the interval of port/other"),
        (0.05, 0.05, 12, r"5\.0% is not reached after 12 replications: ±\d\.\d% for port/other does not last yet"),
    ],
)
def test_what_is_not_reached_is_said_with_how_far_it_came(noise, wanted, count, said):
    luck = np.random.default_rng(4).normal(0, noise, count)
    found = precision(measures(np.zeros(count), 1 + luck), ["base", "other"], wanted)
    assert not found.reached
    assert re.fullmatch(f"the precision of {said}", found.shortfall(count))
    assert warning_values(found.shortfall(count))[1]["where"] == "port/other"


def test_a_precision_needs_a_time_in_port():
    scenario = world(WORLD.replace("port_dwell", "release_time"), duration="1 day")
    with pytest.raises(sim.InputError, match="precision: needs the clock port_dwell"):
        sim.run(scenario, precision="5%")
