"""The engine against an ordinary SimPy model of the same system: equal to the millisecond, and much faster."""

from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.engine import simpy_engine
from sim.engine.audit import audit
from sim.engine.timeline import NEVER
from sim.scenario.loading import load
from tests import idiomatic_simpy
from tests.busy_worlds import busy_worlds
from tests.timing import best_seconds
from tests.worlds import SCENARIOS, assert_engines_agree, border_worlds, workload_of, worlds

SHIPPED = sorted(SCENARIOS.glob("*.yaml"))
SHORT = {"warm_up": "12 h", "duration": "1 day", "cool_down": "12 h"}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_both_agree_on_the_shipped_scenarios_in_every_mode(file):
    scenario = load(file).with_calendar(**SHORT)
    for mode in scenario.modes:
        workload = workload_of(scenario, mode)
        assert len(workload.work) > 500
        timeline = assert_engines_agree(workload)
        waited = (timeline.start != NEVER) & (timeline.start > timeline.all_ready(workload))
        assert waited.sum() > 5  # otherwise there was nothing to disagree about


@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(worlds())
def test_both_agree_on_random_worlds(scenario):
    workload = workload_of(scenario)
    audit(workload, assert_engines_agree(workload))


@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(border_worlds())
def test_both_agree_on_random_worlds_with_the_mechanisms_of_the_border(scenario):
    workload = workload_of(scenario)
    audit(workload, assert_engines_agree(workload))


@settings(max_examples=80, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(busy_worlds())
def test_both_agree_where_all_mechanisms_meet(scenario):
    workload = workload_of(scenario)
    audit(workload, assert_engines_agree(workload))


@pytest.mark.nightly
@pytest.mark.parametrize("kind", [worlds, border_worlds, busy_worlds], ids=lambda kind: kind.__name__)
@settings(
    max_examples=1500,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(data=st.data())
def test_both_agree_on_thousands_of_random_worlds(kind, data):
    """Others every night; the blob that a failure prints brings its world back."""
    workload = workload_of(data.draw(kind()))
    audit(workload, assert_engines_agree(workload))


def test_the_engine_is_at_least_four_times_as_fast(record_property):
    """On a shipped scenario of short lines, where the ordinary style does better than in crowded ports."""
    scenario = load(SCENARIOS / "urumqi_land_port.yaml").with_calendar(**SHORT | {"duration": "3 days"})
    workload = workload_of(scenario, "smart")
    seconds = best_seconds((simpy_engine, idiomatic_simpy), workload, rounds=8, clock=perf_counter)
    ratio = seconds[idiomatic_simpy] / seconds[simpy_engine]
    each = seconds[simpy_engine] / len(workload.work) * 1e6
    print(f"{each:.2f} µs a visit, {ratio:.1f} times as fast as the ordinary style")
    record_property("times_as_fast", ratio)
    assert ratio > 4
