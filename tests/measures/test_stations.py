"""Stations and pools: by hand, and random worlds against a count instant by instant."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from sim.engine.timeline import NEVER
from tests.measures.measured import Measured
from tests.worlds import DAY, HOUR, worlds

# Waiting 0, 20, 40 and 60 minutes. In line is one from minute 10, from 20 two, from 60 one, from 90 nobody.
DESK = """
demand: {truck: [0, 10, 20, 30]}
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: 30 min}}}
"""


def test_a_station_by_hand():
    run = Measured(DESK, duration="3 h")
    assert run.values("desk", "waiting_time") == pytest.approx({"mean": 0.5, "p95": 57 / 60})
    assert run.values("desk", "service_time") == pytest.approx({"mean": 0.5})
    assert run.values("desk", "visits") == {"per_day": 32}
    assert run.values("desk", "utilisation") == pytest.approx({"mean": 120 / 180})
    assert run.values("desk", "queue_length") == pytest.approx({"mean": 120 / 180, "p95": 2, "max": 2})
    assert run.line("desk", "queue_length", "hour") == pytest.approx({0: 90 / 60, 1: 30 / 60, 2: 0})


def test_units_and_ports():
    run = Measured(DESK.replace("desk: {}", "desk: {port: other}"), duration="3 h")
    for measure, unit in {
        "waiting_time": "h",
        "service_time": "h",
        "visits": "per day",
        "utilisation": "share",
        "queue_length": "entities",
    }.items():
        rows = run.rows("desk", measure)
        assert set(rows["unit"]) == {unit}
        assert set(rows["port"]) == {"other"}


def test_waiting_and_service_are_of_who_is_measured_the_rest_is_of_the_window():
    """From minute 15 to 75: those that arrive in it wait 40 and 60 minutes; two start in it, the desk never rests."""
    run = Measured(DESK, warm_up="15 min", duration="1 h", cool_down="2 h")
    assert run.values("desk", "waiting_time")["mean"] == pytest.approx(50 / 60)
    assert run.values("desk", "visits") == {"per_day": 48}
    assert run.values("desk", "utilisation") == {"mean": 1}
    assert run.values("desk", "queue_length")["mean"] == pytest.approx((5 + 2 * 10 + 2 * 30 + 15) / 60)


def test_who_still_waits_at_the_horizon_counts_with_the_time_up_to_there():
    run = Measured(DESK, duration="50 min")
    assert run.values("desk", "waiting_time")["mean"] == pytest.approx((0 + 20 + 30 + 20) / 4 / 60)
    assert run.values("desk", "service_time")["mean"] == pytest.approx(0.5)
    assert run.values("desk", "utilisation") == {"mean": 1}


def test_utilisation_is_of_the_open_capacity():
    """Two units from 1:00 to 2:00 and one to 3:00: 180 unit-minutes. Three trucks take 20 minutes each, two at once."""
    text = """
    demand: {truck: [0, 0, 170]}
    rosters: {day: {open: ["01:00-02:00", {hours: "02:00-03:00", share: 50%}]}}
    stations: {desk: {capacity: 2, roster: day}}
    routes: {truck: {check: {at: desk, takes: 20 min}}}
    """
    run = Measured(text)
    # The last one works until 3:10: the ten minutes behind closing time are work, but no open capacity.
    assert run.values("desk", "utilisation")["mean"] == pytest.approx(60 / 180)
    assert run.values("desk", "waiting_time")["mean"] == pytest.approx(120 / 3 / 60)


def test_utilisation_may_be_above_one_where_work_goes_on_behind_closing_time():
    text = """
    demand: {truck: [0]}
    rosters: {day: {open: ["00:00-00:10"]}}
    stations: {desk: {roster: day}}
    routes: {truck: {check: {at: desk, takes: 30 min}}}
    """
    assert Measured(text).values("desk", "utilisation")["mean"] == pytest.approx(3)


def test_units_count_not_visits():
    text = """
    demand: {block: [0]}
    stations: {track: {capacity: 4}}
    routes: {block: {unload: {at: track, amount: 3, takes: 1 h}}}
    """
    assert Measured(text, duration="2 h").values("track", "utilisation")["mean"] == pytest.approx(3 / 8)


def test_a_pool_is_used_while_it_is_held():
    """The yard is held from 0 to 30; it has no line of its own, so nobody waits in one."""
    text = """
    demand: {truck: [0, 5]}
    stations: {gate: {}, yard: {}}
    routes:
      truck:
        gate_in: {at: gate, takes: 10 min, seizes: yard}
        park: {after: gate_in, takes: 20 min, releases: yard}
    """
    run = Measured(text, duration="1 h")
    assert run.values("yard", "utilisation") == {"mean": 1}
    assert run.values("gate", "utilisation")["mean"] == pytest.approx(20 / 60)
    assert run.values("gate", "waiting_time")["mean"] == pytest.approx(25 / 2 / 60)
    assert run.values("yard", "queue_length") == {"mean": 0, "p95": 0, "max": 0}
    assert np.isnan(run.values("yard", "waiting_time")["mean"])
    assert run.values("yard", "visits") == {"per_day": 0}


def test_a_pool_that_is_only_seized_has_its_own_line():
    text = """
    demand: {box: [0, 0]}
    stations: {trucks: {}}
    routes: {box: {pair: {takes: 10 min, seizes: trucks, releases: trucks}}}
    """
    run = Measured(text, duration="1 h")
    assert run.values("trucks", "waiting_time")["mean"] == pytest.approx(5 / 60)
    assert run.values("trucks", "visits") == {"per_day": 48}


def test_a_shared_station_counts_all_flows_and_activities():
    text = """
    demand: {truck: [0], car: [0]}
    stations: {desk: {}, idle: {}}
    routes:
      truck: {check: {at: desk, takes: 10 min}, pay: {after: check, at: desk, takes: 10 min}}
      car: {check: {at: desk, takes: 10 min}}
    """
    run = Measured(text, duration="1 h")
    assert run.values("desk", "visits") == {"per_day": 72}
    assert run.values("desk", "utilisation")["mean"] == pytest.approx(0.5)
    assert run.values("desk", "waiting_time")["mean"] == pytest.approx((0 + 10 + 0) / 3 / 60)
    assert run.values("idle", "visits") == {}


def test_what_is_passed_through_is_no_visit():
    text = """
    demand: {truck: [0]}
    stations: {desk: {}, scanner: {}}
    routes: {truck: {scan: {at: scanner, takes: 5 min, share: 0%}, check: {after: scan, at: desk, takes: 5 min}}}
    """
    run = Measured(text)
    assert run.rows("scanner", "visits").empty
    assert run.values("desk", "visits") == {"per_day": 1}


def intervals(run, resource):
    """Every wait in the line of a resource and every use of its units, as (from, to, weight), visit by visit."""
    workload, timeline = run.workload, run.timeline
    horizon = workload.plan.calendar.horizon
    waits, uses = [], []
    all_ready, all_start, all_end, takes_place = (
        values[workload.by_entity].tolist()
        for values in (timeline.all_ready(workload), timeline.start, timeline.end, workload.takes_place)
    )
    for code, first in zip(workload.flow.tolist(), workload.first_visit[:-1].tolist(), strict=True):
        activities = workload.plan.flows[code].activities
        for number, activity in enumerate(activities):
            ready, start, end = (times[first + number] for times in (all_ready, all_start, all_end))
            if not takes_place[first + number] or ready == NEVER:
                continue
            until = horizon if start == NEVER else start
            if activity.queue == resource:
                waits.append((ready, until, 1))
            if start == NEVER:
                continue
            if activity.station == resource:
                uses.append((start, horizon if end == NEVER else end, activity.amount))
            for later, releasing in enumerate(activities):
                for held, amount, seized_at in releasing.gives_back:
                    if held == resource and seized_at == number:
                        given_back = all_end[first + later]
                        uses.append((start, horizon if given_back == NEVER else given_back, amount))
    return waits, uses


def level_between(spans, begin, end):
    """(length, level) of every stretch of [begin, end) between two moments at which something changes."""
    moments = sorted({begin, end, *(m for one, two, _ in spans for m in (one, two) if begin < m < end)})
    return [
        (two - one, sum(weight for start, stop, weight in spans if start <= one < stop))
        for one, two in pairwise(moments)
    ]


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_utilisation_and_queues_are_those_of_a_count_instant_by_instant(scenario):
    run = Measured(scenario)
    begin, end = run.workload.plan.calendar.window
    for number, resource in enumerate(run.workload.plan.resources):
        waits, uses = intervals(run, number)
        if not waits and not uses:
            assert run.rows(resource.name, "utilisation").empty
            continue
        queue = level_between(waits, begin, end)
        busy = sum(length * level for length, level in level_between(uses, begin, end))
        steps = list(zip(resource.capacity.times.tolist(), resource.capacity.values.tolist(), strict=True))
        opened = 0
        for (moment, capacity), (until, _) in zip(steps, [*steps[1:], (end, 0)], strict=True):
            opened += max(0, min(until, end) - max(moment, begin)) * capacity
        share = run.values(resource.name, "utilisation")["mean"]
        assert share == pytest.approx(busy / opened) if opened else np.isnan(share)
        said = run.values(resource.name, "queue_length")
        assert said["mean"] == pytest.approx(sum(length * level for length, level in queue) / (end - begin))
        assert said["max"] == max(level for _, level in queue)
        at_most = sum(length for length, level in queue if level <= said["p95"]) / (end - begin)
        below = sum(length for length, level in queue if level < said["p95"]) / (end - begin)
        assert below < 0.95 <= at_most + 1e-12
        by_hour = run.line(resource.name, "queue_length", "hour")
        for hour, value in by_hour.items():
            since = begin + round(hour) * HOUR
            stretch = level_between(waits, since, since + HOUR)
            assert value == pytest.approx(sum(length * level for length, level in stretch) / HOUR)
        assert len(by_hour) == (end - begin) // HOUR
        starts = sum(begin <= until < end for _, until, _ in waits if until < run.workload.plan.calendar.horizon)
        assert run.values(resource.name, "visits")["per_day"] == pytest.approx(starts / ((end - begin) / DAY))
