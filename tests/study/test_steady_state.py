"""No interval where there is no steady state: which subjects that are, and what the tables say of them."""

import numpy as np
import pytest

import sim
from sim.study.steady_state import unsteady
from tests.worlds import document, read, world

# The gate can do 24 trucks a day. Vans only hold it for a moment; buses have a gate of their own; trains another port.
WORLD = """
replications: 3
demand:
  truck: {arrivals: {rate: RATE per day}}
  van: {arrivals: {rate: 1 per day}}
  bus: {arrivals: {rate: 10 per day}}
  train: {arrivals: {rate: 5 per day}, port: other}
stations: {gate: {}, side: {}, track: {port: other}}
routes:
  truck: {pass: {at: gate, takes: 1 h}}
  van: {park: {takes: 1 h}, hold: {after: park, seizes: {gate: 1}, takes: 0 s}, go: {after: hold, releases: gate}}
  bus: {pass: {at: side, takes: {exponential: 1 h}}}
  train: {stop: {at: track, takes: {exponential: 1 h}}}
clocks: {port_dwell: {from: arrival, to: [pass.end, go.end, stop.end]}}
modes: {slow: [], fast: [quick]}
reforms: {quick: {title: Quick, why: A test., scale: {routes.truck.pass.takes: 0.5}}}
"""
JAMMED = {("port", "gate"), ("port", "truck"), ("port", "van"), ("port", "all")}


@pytest.mark.parametrize(("rate", "expected"), [(23, set()), (24, JAMMED), (30, JAMMED)])
def test_at_or_above_capacity_a_station_and_who_needs_it_have_no_steady_state(rate, expected):
    scenario = world(WORLD.replace("RATE", str(rate)))
    assert unsteady(scenario, "slow") == expected
    assert unsteady(scenario, "fast") == set()


def test_a_quota_can_be_offered_too_much_too():
    text = """
    demand: {truck: {arrivals: {rate: 10 per day}}, car: {arrivals: {rate: 5 per day}}}
    quotas: {admission: {port: port, amount: 10 per day, zone: UTC, unused: lost}}
    routes: {truck: {cross: {needs: {admission: 1}, takes: 1 min}}, car: {cross: {takes: 1 min}}}
    """
    assert unsteady(world(text), "base") == {("port", "admission"), ("port", "truck"), ("port", "all")}


def test_the_tables_have_no_interval_without_steady_state(tmp_path):
    scenario = read(document(WORLD.replace("RATE", "30"), duration="4 days"))
    study = sim.run(scenario, out=tmp_path / "results")
    for opened in (study, sim.open(tmp_path / "results")):
        table = opened.estimates.set_index(["mode", "port", "subject", "measure", "statistic"])
        compared = opened.comparison.set_index(["port", "subject", "measure", "statistic"])
        for port, subject in (*sorted(JAMMED), ("port", "bus"), ("other", "train"), ("other", "all"), ("port", "side")):
            key = (port, subject, "waiting_time" if subject in ("gate", "side") else "port_dwell", "mean")
            slow, fast, change = table.loc[("slow", *key)], table.loc[("fast", *key)], compared.loc[key]
            steady = (port, subject) not in JAMMED
            assert fast["steady"]
            assert fast["ci_low"] < fast["mean"] < fast["ci_high"]
            for row in (slow, change):
                assert row["steady"] == steady
                assert np.isnan([row["ci_low"], row["ci_high"]]).all() != steady
            assert np.isfinite([slow["mean"], change["difference"]]).all()
        arrivals = table.loc[("slow", "port", "truck", "arrivals", "per_day")]
        assert arrivals["steady"]
        assert arrivals["ci_low"] < arrivals["ci_high"]
