"""The audit notices every kind of contradiction, each put by hand into a sound timeline."""

from dataclasses import replace

import numpy as np
import pytest

from sim.engine.audit import audit, leaving, usage
from sim.engine.timeline import NEVER
from sim.errors import RunError
from tests.worlds import MINUTE, happened, simulated, world

TEXT = """
demand: {truck: [0, 1, 2, 70]}
rosters: {day: {open: ["00:00-01:00", "02:00-03:00"]}}
stations: {desk: {roster: day}, yard: {capacity: 2}, lane: {}}
routes:
  truck:
    check: {at: desk, takes: 10 min, seizes: yard}
    scan: {after: check, at: lane, takes: 5 min, share: 0%}
    rest: {after: scan, takes: 4 min}
    leave: {after: rest, at: lane, takes: 1 min, releases: yard}
"""
CHECK, SCAN, REST, LEAVE = range(4)


@pytest.fixture
def run():
    return simulated(world(TEXT, duration="130 min"))


def test_the_sound_timeline_is_this(run):
    """The ground for what follows: 0 is cut short nowhere, 3 is still at the desk when the world ends."""
    assert happened(*run) == [
        "truck 0 check 0 0 10",
        "truck 0 scan passed 10",
        "truck 0 rest 10 10 14",
        "truck 0 leave 14 14 15",
        "truck 1 check 1 10 20",
        "truck 1 scan passed 20",
        "truck 1 rest 20 20 24",
        "truck 1 leave 24 24 25",
        "truck 2 check 2 20 30",
        "truck 2 scan passed 30",
        "truck 2 rest 30 30 34",
        "truck 2 leave 34 34 35",
        "truck 3 check 70 120 -",
        "truck 3 scan passed -",
        "truck 3 rest - - -",
        "truck 3 leave - - -",
    ]
    audited = audit(*run)
    assert (audited.arrived, audited.left, audited.inside) == ({"truck": 4}, {"truck": 3}, {"truck": 1})
    assert audited.visits == 12
    assert audited.mean_inside == pytest.approx((15 + 24 + 33 + 60) / 130)


def assert_refused(run, sentence, **changes):
    """Change times, given as {moment: {(entity, activity): minutes}}, and expect the audit to say so."""
    workload, timeline = run
    changed = {moment: getattr(timeline, moment).copy() for moment in ("start", "end")}
    for moment, cells in changes.items():
        for (entity, activity), minutes in cells.items():
            changed[moment][workload.by_entity[workload.first_visit[entity] + activity]] = (
                NEVER if minutes is None else round(minutes * MINUTE)
            )
    with pytest.raises(RunError, match=sentence) as caught:
        audit(workload, replace(timeline, **changed))
    return str(caught.value)


def test_a_start_before_it_is_ready(run):
    assert_refused(run, "starts before it is ready", start={(1, CHECK): 0}, end={(1, CHECK): 10})


def test_a_start_without_ready(run):
    assert_refused(run, "starts before it is ready", start={(3, LEAVE): 129})


def test_an_end_before_the_start(run):
    assert_refused(run, "ends before it starts", end={(1, CHECK): 9})


def test_an_end_without_start(run):
    assert_refused(run, "ends before it starts", start={(0, REST): None})


def test_a_start_before_the_predecessor_has_ended(run):
    said = assert_refused(run, "truck.rest starts before it is ready", start={(0, REST): 9}, end={(0, REST): 13})
    assert "1 times" in said


def test_a_start_although_a_predecessor_has_not_ended(run):
    assert_refused(run, "truck.rest starts before it is ready", start={(3, REST): 129})


def test_a_rest_that_begins_late(run):
    assert_refused(run, "truck.rest needs nothing and does not start at once", start={(0, REST): 10.5})


def test_work_that_is_too_short(run):
    assert_refused(run, "does not take its time", end={(2, LEAVE): 34.5})


def test_work_that_is_too_long(run):
    assert_refused(run, "does not take its time", end={(2, LEAVE): 36})


def test_what_does_not_take_place_takes_time(run):
    assert_refused(run, "does not take place and takes time", start={(2, SCAN): 31}, end={(2, SCAN): 31})


def test_more_at_work_than_the_station_has_units(run):
    said = assert_refused(
        run,
        "lane is above its capacity",
        start={(1, LEAVE): 14},
        end={(1, LEAVE): 15},
    )
    assert "at 840000 ms" in said


def test_more_held_than_there_is(run):
    """The yard has two places. The first truck does not leave its place before the third has come."""
    assert_refused(run, "yard is above its capacity", start={(0, LEAVE): 24}, end={(0, LEAVE): 25})


def test_a_start_at_a_closed_station(run):
    said = assert_refused(run, "desk begins work at 4200000 ms, when it is closed", start={(3, CHECK): 70})
    assert "above" not in said


def test_an_entity_lost_in_the_middle_of_its_work(run):
    """Its work began long before the horizon and has no end."""
    assert_refused(run, "ends in time and has no end", end={(2, LEAVE): None})


def test_an_entity_lost_where_it_passes_through(run):
    nothing = {(2, SCAN): None, (2, REST): None, (2, LEAVE): None}
    assert_refused(run, "passes through and has no end", start=nothing, end=nothing)


def test_an_entity_lost_where_it_needs_nothing(run):
    gone = {(2, REST): None, (2, LEAVE): None}
    assert_refused(run, "needs nothing and does not start at once", start=gone, end=gone)


def test_an_entity_forgotten_in_the_line(run):
    """The third truck never starts although the desk is free from minute 20 on and again at 120."""
    gone = {(2, SCAN): None, (2, REST): None, (2, LEAVE): None}
    assert_refused(
        run,
        "the line of desk could start and is forgotten",
        start={(2, CHECK): None, (3, CHECK): None} | gone,
        end={(2, CHECK): None} | gone,
    )


def test_an_end_behind_the_horizon(run):
    assert_refused(run, "ends behind the horizon", end={(3, CHECK): 130})


def test_all_contradictions_are_told_at_once(run):
    said = assert_refused(run, "please report this", end={(0, LEAVE): 14.5, (3, CHECK): 129})
    assert said.splitlines()[1:] == [
        "- truck.check does not take its time, 1 times",
        "- truck.scan passes through and has no end, 1 times",
        "- truck.leave does not take its time, 1 times",
    ]


def test_when_each_entity_leaves(run):
    assert (leaving(*run) / MINUTE).tolist() == [15, 25, 35, NEVER / MINUTE]


def test_what_is_used_when(run):
    workload, timeline = run
    used = dict(zip([r.name for r in workload.plan.resources], usage(workload, timeline), strict=True))
    taken, returned, amount = used["yard"]
    assert (taken / MINUTE).tolist() == [0, 10, 20, 120]
    assert (returned[:3] / MINUTE).tolist() == [15, 25, 35]
    assert returned[3] == NEVER
    assert amount.tolist() == [1, 1, 1, 1]
    # Not the scans that were passed through; the last truck does not come so far.
    assert [(times / MINUTE).tolist() for times in used["lane"][:2]] == [
        [14, 24, 34, NEVER / MINUTE],
        [15, 25, 35, NEVER / MINUTE],
    ]


def test_a_world_without_anybody_passes():
    text = "demand: {truck: {arrivals: {rate: 0 per day}}}\nroutes: {truck: {check: {takes: 1 min}}}"
    audited = audit(*simulated(world(text)))
    assert (audited.arrived, audited.visits, audited.mean_inside) == ({"truck": 0}, 0, 0.0)


def test_littles_law_is_an_identity():
    """Mean number inside times the horizon is the sum of all times inside, exactly."""
    text = """
    demand: {truck: {arrivals: {rate: 300 per day}}, car: {arrivals: {every: 11 min}}}
    stations: {desk: {capacity: 3}}
    routes:
      truck: {check: {at: desk, takes: {exponential: 12 min}}}
      car: {check: {at: desk, takes: {uniform: [1 min, 9 min]}}, wash: {after: check, takes: 3 min}}
    """
    workload, timeline = simulated(world(text, duration="3 days"))
    left = leaving(workload, timeline)
    horizon = workload.plan.calendar.horizon
    times = np.where(left == NEVER, horizon, left) - workload.arrival
    assert audit(workload, timeline).mean_inside == times.sum() / horizon
