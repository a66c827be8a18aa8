"""Where the time goes: waiting, closed hours and work on each entity's critical path."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from sim.measures.clocks import read_clock
from tests.measures.measured import Measured
from tests.worlds import worlds

KINDS = ("queueing", "closed", "service")

# Papers while the truck drives. The desk opens at 0:10: truck 0 is declared from 10 to 25, truck 1 from 25 to 40, and
# both wait for nothing else. So driving, which ends at 20, is never on the critical path.
BESIDE = """
demand: {truck: [0, 0]}
rosters: {day: {open: ["00:10-23:00"]}}
stations: {desk: {roster: day, agency: customs}, gate: {capacity: 2, agency: port_operator}}
routes:
  truck:
    drive: {takes: 20 min, phase: transport, agency: carrier}
    declare: {at: desk, takes: 15 min, phase: documents}
    gate_in: {after: [drive, declare], at: gate, takes: 1 min, phase: gate}
clocks: {port_dwell: {from: arrival, to: gate_in.end}}
"""


def parts(run, flow, by):
    """{name: (queueing, closed, service)} in minutes per entity, without names that have no time."""
    table = {}
    for index, kind in enumerate(KINDS):
        for subject, value in run.measures[run.measures["measure"] == f"{kind}_by_{by}"].groupby("subject")["value"]:
            owner, name = subject.split("/")
            assert len(value) == 1
            if owner == flow:
                table.setdefault(name, [0.0, 0.0, 0.0])[index] = value.iloc[0] * 60
    return {name: pytest.approx(tuple(values)) for name, values in table.items() if any(values)}


def test_only_what_held_an_entity_up_counts():
    run = Measured(BESIDE)
    assert run.values("truck", "port_dwell")["mean"] == pytest.approx((26 + 41) / 2 / 60)
    assert parts(run, "truck", "phase") == {"documents": (7.5, 10, 15), "gate": (0, 0, 1)}
    assert parts(run, "truck", "agency") == {"customs": (7.5, 10, 15), "port_operator": (0, 0, 1)}
    assert parts(run, "truck", "station") == {"desk": (7.5, 10, 15), "gate": (0, 0, 1)}
    assert parts(run, "truck", "activity") == {"declare": (7.5, 10, 15), "gate_in": (0, 0, 1)}


def test_every_name_has_its_row_also_without_time():
    """So that the tables of all replications have the same rows."""
    run = Measured(BESIDE)
    assert run.values("truck/transport", "service_by_phase") == {"mean": 0}
    assert run.values("truck/none", "queueing_by_station") == {"mean": 0}


def test_the_longer_branch_is_the_path_of_each_entity():
    """Driving takes 30 minutes: now it is what truck 0 waits for, and the desk what truck 1 waits for."""
    run = Measured(BESIDE.replace("20 min", "30 min"))
    assert run.values("truck", "port_dwell")["mean"] == pytest.approx((31 + 41) / 2 / 60)
    assert parts(run, "truck", "phase") == {"transport": (0, 0, 15), "documents": (7.5, 5, 7.5), "gate": (0, 0, 1)}


def test_time_before_the_clock_begins_does_not_count():
    """From the start of the declaration at 10 and 25."""
    run = Measured(BESIDE.replace("from: arrival", "from: declare.start"))
    assert parts(run, "truck", "phase") == {"documents": (0, 0, 15), "gate": (0, 0, 1)}


def test_time_behind_the_end_of_the_clock_does_not_count():
    run = Measured(BESIDE.replace("to: gate_in.end", "to: declare.start"))
    assert parts(run, "truck", "phase") == {"documents": (7.5, 10, 0)}


def test_waiting_for_something_seized_is_queueing_of_the_activity():
    """The yard has one place, held for 10 minutes; the crane itself is always free."""
    text = """
    demand: {box: [0, 0]}
    stations: {crane: {capacity: 2, agency: port_operator}, yard: {}}
    routes:
      box: {lift: {at: crane, takes: 1 min, seizes: yard}, rest: {after: lift, takes: 9 min, releases: yard}}
    clocks: {port_dwell: {from: arrival, to: rest.end}}
    """
    run = Measured(text)
    assert parts(run, "box", "station") == {"crane": (5, 0, 1), "none": (0, 0, 9)}
    assert parts(run, "box", "phase") == {"none": (5, 0, 10)}
    assert parts(run, "box", "agency") == {"port_operator": (5, 0, 1), "none": (0, 0, 9)}


def test_hours_in_which_the_station_is_closed_and_hours_of_queueing_are_told_apart():
    """Ready at 0:50 behind one who is served until 1:05; closed from 1:00 to 2:00: 10 minutes open, 60 closed."""
    text = """
    demand: {truck: [45, 50]}
    rosters: {day: {open: ["00:00-01:00", "02:00-03:00"]}}
    stations: {desk: {roster: day}}
    routes: {truck: {check: {at: desk, takes: 20 min}}}
    clocks: {port_dwell: {from: arrival, to: check.end}}
    """
    assert parts(Measured(text), "truck", "station") == {"desk": (10 / 2, 60 / 2, 40 / 2)}


def test_who_has_not_left_is_taken_apart_up_to_the_horizon():
    """At minute 30 truck 0 is through, truck 1 has been declared for 5 minutes of its 15."""
    run = Measured(BESIDE, duration="30 min")
    assert parts(run, "truck", "phase") == {"documents": (15 / 2, 20 / 2, 20 / 2), "gate": (0, 0, 1 / 2)}
    assert run.values("truck", "port_dwell")["mean"] == pytest.approx((26 + 30) / 2 / 60)


def test_who_waits_at_the_horizon_is_taken_apart_there():
    """At minute 20 truck 1 is still in line, its station open for 10 minutes; driving just does not end in time."""
    run = Measured(BESIDE, duration="20 min")
    assert run.values("truck", "port_dwell")["mean"] == pytest.approx(20 / 60)
    assert sum(sum(values.expected) for values in parts(run, "truck", "phase").values()) == pytest.approx(20)


def test_the_other_port_and_the_flow_without_the_clock_have_no_part():
    text = """
    demand: {truck: [0], train: [0]}
    routes: {truck: {gate_out: {takes: 10 min}}, train: {depart: {takes: 5 min}}}
    clocks: {port_dwell: {from: arrival, to: gate_out.end}}
    """
    run = Measured(text)
    assert parts(run, "truck", "activity") == {"gate_out": (0, 0, 10)}
    assert parts(run, "train", "activity") == {}


def test_without_the_clock_there_are_no_parts():
    run = Measured(BESIDE.replace("port_dwell", "other"))
    assert not run.measures["measure"].str.contains("_by_(?:phase|agency|station|activity)").any()


def assert_the_parts_are_the_whole(run):
    compared = 0
    for code, flow in enumerate(run.workload.plan.flows):
        reading = read_clock(run.clocks["port_dwell"], run.workload, run.timeline, code)
        if reading is None or not len(reading.hours) or (reading.hours < 0).any():
            continue
        mean = run.values(flow.name, "port_dwell")["mean"]
        for by in ("phase", "agency", "station", "activity"):
            names = [f"{kind}_by_{by}" for kind in KINDS]
            rows = run.measures[
                run.measures["measure"].isin(names) & run.measures["subject"].str.startswith(f"{flow.name}/")
            ]
            assert rows["value"].sum() == pytest.approx(mean, abs=1e-9)
            assert (rows["value"] >= -1e-12).all()
        assert mean == pytest.approx(np.mean(reading.hours))
        compared += 1
    return compared


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_the_parts_sum_to_the_clock_in_random_worlds(scenario):
    assert_the_parts_are_the_whole(Measured(scenario))


def test_the_parts_sum_to_the_clock_in_a_busy_port():
    text = """
    demand:
      truck: {arrivals: {rate: 300 per day}, attributes: {aeo: {share: 20%}}}
      car: {arrivals: {rate: 100 per day}}
    rosters:
      day: {open: ["08:00-20:00"]}
      night: {open: [{hours: "00:00-24:00", share: 50%}, {hours: "12:00-14:00", share: 50%}]}
    stations:
      gate: {capacity: 2, roster: day}
      desk: {capacity: 6, roster: night}
      bay: {capacity: 2}
      yard: {capacity: 60}
    routes:
      truck:
        drive: {takes: {lognormal: {mean: 3 h, sd: 1 h}}, phase: transport}
        declare:
          {at: desk, takes: {exponential: 20 min}, phase: documents,
           priority: {cases: [{only: {aeo: true}, use: -1}, {use: 0}]}}
        gate_in: {after: drive, at: gate, takes: 2 min, seizes: yard, phase: gate}
        select: {after: [gate_in, declare], draws: {channel: {red: 10%, green: 90%}}}
        inspect: {after: select, only: {channel: red}, at: bay, takes: {gamma: {mean: 1 h, sd: 30 min}}}
        gate_out: {after: inspect, at: gate, takes: 1 min, releases: yard, priority: -1, phase: gate}
      car:
        gate_in: {at: gate, takes: 1 min, phase: gate}
        papers: {after: gate_in, at: desk, takes: 10 min, phase: documents}
        wash: {after: gate_in, takes: {uniform: [0 min, 1 h]}}
        gate_out: {after: [papers, wash], at: gate, takes: 1 min, phase: gate}
    clocks: {port_dwell: {from: gate_in.ready, to: gate_out.end}}
    """
    assert assert_the_parts_are_the_whole(Measured(text, duration="6 days", warm_up="1 day", cool_down="6 h")) == 2
