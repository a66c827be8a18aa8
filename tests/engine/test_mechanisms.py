"""Quotas, carriers, disruptions, full lines, adoption: one thing each, in worlds small enough to work out by hand."""

import numpy as np
import pytest

from sim.engine import simpy_engine
from sim.engine.audit import audit
from sim.engine.timeline import NEVER
from sim.errors import InputError
from sim.study.runs import mode_job, replay
from tests.worlds import HOUR, MINUTE, assert_engines_agree, document, read, workload_of, world


def minutes(scenario, mode=None, replication=0):
    """For each flow, entity and activity: ready, start, end in minutes; None where it did not happen."""
    workload = workload_of(scenario, mode, replication)
    timeline = assert_engines_agree(workload)
    audit(workload, timeline)
    table, ready = {}, timeline.all_ready(workload)
    for code, flow in enumerate(workload.plan.flows):
        entities = workload.cohort_index[workload.flow == code]
        for entity, visits in zip(entities.tolist(), workload.visits_of_flow(code).T, strict=True):
            for number, activity in enumerate(flow.activities):
                visit = visits[number]
                times = [ready[visit], timeline.start[visit], timeline.end[visit]]
                table[flow.name, entity, activity.name] = tuple(None if t == NEVER else t / MINUTE for t in times)
    return table, workload, timeline


def test_a_quota_lets_so_many_through_each_period_and_what_it_leaves_is_lost():
    scenario = world("""
        demand: {truck: [30, 31, 32, 150, 151, 152]}
        procedure:
          quotas: {admission: {port: port, amount: 2 per hour, zone: UTC}}
          routes: {truck: {enter: {needs: admission}}}
        """)
    table, _, _ = minutes(scenario)
    assert [table["truck", n, "enter"][1] for n in range(6)] == [30, 31, 60, 150, 151, 180]


def test_a_quota_that_is_kept_saves_up():
    scenario = world("""
        demand: {truck: [150, 151, 152, 153, 154, 155, 156]}
        procedure:
          quotas: {admission: {port: port, amount: 2 per hour, zone: UTC, unused: kept}}
          routes: {truck: {enter: {needs: admission}}}
        """)
    table, _, _ = minutes(scenario)
    assert [table["truck", n, "enter"][1] for n in range(7)] == [150, 151, 152, 153, 154, 155, 180]


def test_a_quota_of_days_begins_at_midnight_of_its_zone_and_changes_on_a_date():
    scenario = world(
        """
        demand: {truck: [10, 11, 12, 13, 14]}
        procedure:
          quotas:
            admission: {port: port, amount: 1 per day, zone: Asia/Almaty, changes: {"2025-06-04": 2 per day}}
          routes: {truck: {enter: {needs: admission}}}
        """,
        duration="5 days",
    )
    table, _, _ = minutes(scenario)
    day = 24 * 60
    almaty = day - 5 * 60  # UTC+5: the new day begins at 19:00 UTC
    assert [table["truck", n, "enter"][1] for n in range(5)] == [
        10,
        almaty,
        almaty + day,
        almaty + day,
        almaty + 2 * day,
    ]


def test_a_quota_and_a_station_are_taken_together_and_the_head_of_the_line_blocks():
    scenario = world("""
        demand: {truck: [0, 1], van: [2]}
        stations: {lane: {capacity: 2}}
        procedure:
          quotas: {admission: {port: port, amount: 1 per hour, zone: UTC}}
          routes:
            truck: {cross: {at: lane, takes: 5 min, needs: admission}}
            van: {cross: {at: lane, takes: 5 min}}
        """)
    table, _, _ = minutes(scenario)
    assert table["truck", 1, "cross"] == (1, 60, 65)
    assert table["van", 0, "cross"] == (2, 60, 65)  # stands behind the truck that has no admission


def test_riders_wait_for_a_carrier_and_go_on_when_it_unloads():
    scenario = world("""
        demand: {goods: [0, 5, 6], truck: [10, 100]}
        routes:
          goods: {board: {ride: pairing}, deliver: {after: board, takes: 1 min}}
          truck:
            load: {load: {ride: pairing, up_to: 2}, takes: 20 min}
            drive: {after: load, takes: 30 min}
            unload: {after: drive, unload: pairing, takes: 10 min}
        """)
    table, _, timeline = minutes(scenario)
    assert table["goods", 0, "board"] == (0, 10, 70)
    assert table["goods", 1, "board"] == (5, 10, 70)
    assert table["goods", 2, "board"] == (6, 100, 160)
    assert table["goods", 2, "deliver"] == (160, 160, 161)
    assert table["truck", 0, "load"] == (10, 10, 30)
    assert (timeline.carrier != NEVER).sum() == 3


def test_a_carrier_waits_for_enough_riders_or_leaves_at_the_end_of_its_patience():
    scenario = world("""
        demand: {box: [0, 50, 60, 500], train: [10, 20, 400]}
        routes:
          box: {board: {ride: train}}
          train:
            load: {load: {ride: train, up_to: 3, at_least: 2, waits: 3 h}}
            leave: {after: load, takes: 1 h, unload: train}
        """)
    table, _, _ = minutes(scenario)
    assert table["train", 0, "load"] == (10, 50, 50)
    assert table["box", 0, "board"] == (0, 50, 110)
    assert table["box", 1, "board"] == (50, 50, 110)
    assert table["train", 1, "load"] == (20, 200, 200)  # patience: one box is aboard
    assert table["box", 2, "board"] == (60, 200, 260)
    assert table["train", 2, "load"] == (400, 580, 580)
    assert table["box", 3, "board"] == (500, 580, 640)


def test_entities_arrive_aboard_and_the_carrier_waits_until_the_last_is_lifted():
    scenario = world("""
        demand:
          train: [10, 12]
          box: {arrivals: {aboard: {flow: train, riders: 3}}}
        stations: {crane: {}, track: {}}
        routes:
          train:
            receive: {seizes: track, takes: 5 min}
            open: {after: receive, unload: boxes}
            wait: {after: open, awaits: {ride: boxes, activity: lift}}
            depart: {after: wait, takes: 2 min, releases: track}
          box:
            come: {ride: boxes}
            lift: {after: come, at: crane, takes: 4 min}
        """)
    table, _, _ = minutes(scenario)
    assert [table["box", n, "come"] for n in range(3)] == [(10, 10, 15)] * 3
    assert [table["box", n, "lift"] for n in range(3)] == [(15, 15, 19), (15, 19, 23), (15, 23, 27)]
    assert table["train", 0, "wait"] == (15, 27, 27)
    assert table["train", 0, "depart"] == (27, 27, 29)
    assert table["train", 1, "receive"] == (12, 29, 34)
    assert table["box", 5, "lift"] == (34, 42, 46)
    assert table["train", 1, "depart"] == (46, 46, 48)


@pytest.mark.parametrize("carrier", ["aircraft", "train"])
def test_who_arrives_aboard_is_aboard_at_once_whatever_the_flows_are_called(carrier):
    scenario = world(f"""
        demand:
          {carrier}: [10]
          box: {{arrivals: {{aboard: {{flow: {carrier}, riders: 2}}}}}}
        stations: {{crane: {{}}}}
        routes:
          {carrier}:
            open: {{unload: boxes}}
            wait: {{after: open, awaits: {{ride: boxes, activity: lift}}}}
          box:
            come: {{ride: boxes}}
            lift: {{after: come, at: crane, takes: 4 min}}
        """)
    table, _, _ = minutes(scenario)
    assert table["box", 1, "come"] == (10, 10, 10)
    assert table[carrier, 0, "wait"] == (10, 18, 18)


def test_carriers_of_one_ride_await_different_activities_of_their_riders():
    scenario = world("""
        demand: {box: [0, 1], ship: [0], train: [1]}
        routes:
          box: {board: {ride: r}, lift: {after: board, takes: 4 min}, clear: {after: lift, takes: 5 min}}
          ship:
            load: {load: {ride: r, up_to: 1}}
            open: {after: load, unload: r}
            wait: {after: open, awaits: {ride: r, activity: clear}}
          train:
            load: {load: {ride: r, up_to: 1}}
            open: {after: load, unload: r}
            wait: {after: open, awaits: {ride: r, activity: lift}}
            turn: {after: open, awaits: {ride: r, activity: clear}}
        """)
    table, _, _ = minutes(scenario)
    assert table["ship", 0, "wait"] == (0, 9, 9)
    assert table["train", 0, "wait"] == (1, 5, 5)
    assert table["train", 0, "turn"] == (1, 10, 10)


def test_a_carrier_without_patience_passes_one_that_waits_for_more():
    scenario = world("""
        demand: {box: [0, 9], slow: [1], quick: [2]}
        routes:
          box: {board: {ride: r}}
          slow: {load: {load: {ride: r, up_to: 2, at_least: 2}}, go: {after: load, takes: 1 min, unload: r}}
          quick: {load: {load: {ride: r, up_to: 2, at_least: 2, waits: 0 s}}, go: {after: load, unload: r}}
        """)
    table, _, _ = minutes(scenario)
    assert table["quick", 0, "load"] == (2, 2, 2)
    assert table["box", 0, "board"] == (0, 2, 2)
    assert table["slow", 0, "load"] == (1, None, None)


def test_a_dated_disruption_closes_a_station_and_work_in_progress_is_finished():
    scenario = world("""
        demand: {truck: [0, 50, 70, 71]}
        stations: {crane: {capacity: 2}}
        routes: {truck: {lift: {at: crane, takes: 20 min}}}
        disruptions:
          wind: {stations: crane, dates: ["2025-06-02 01:00..2025-06-02 03:00"]}
        """)
    table, _, _ = minutes(scenario)
    assert [table["truck", n, "lift"] for n in range(4)] == [(0, 0, 20), (50, 50, 70), (70, 180, 200), (71, 180, 200)]


def test_a_disruption_can_leave_a_share_or_take_out_units_and_strikes_quotas():
    scenario = world("""
        demand: {truck: [61, 61, 61], van: [61, 61, 61]}
        stations: {crane: {capacity: 3}}
        procedure:
          quotas: {slots: {port: port, amount: 4 per hour, zone: UTC}}
          routes:
            truck: {lift: {at: crane, takes: 20 min}}
            van: {enter: {needs: slots}}
        disruptions:
          breakdown: {stations: crane, takes_out: 2, dates: ["2025-06-02 01:00..2025-06-02 09:00"]}
          neighbour: {stations: slots, leaves: 50%, dates: ["2025-06-02 00:30..2025-06-02 09:00"]}
        """)
    table, _, _ = minutes(scenario)
    assert [table["truck", n, "lift"][1] for n in range(3)] == [61, 81, 101]
    assert [table["van", n, "enter"][1] for n in range(3)] == [61, 61, 120]


def test_random_disruptions_are_the_same_in_every_mode_and_differ_between_replications():
    scenario = world(
        """
        demand: {truck: {arrivals: {rate: 100 per day}}}
        stations: {crane: {}}
        routes: {truck: {lift: {at: crane, takes: 5 min}}}
        disruptions:
          wind: {stations: crane, between: {exponential: 10 h}, lasts: {gamma: {mean: 3 h, sd: 1 h}}}
        modes: {base: [], quick: [quicker]}
        reforms:
          quicker: {title: Quicker, why: For the test., scale: {routes.truck.lift.takes: 0.5}}
        """,
        duration="20 days",
    )
    strikes = {}
    for mode in scenario.modes:
        for replication in (0, 1):
            workload, timeline = replay(mode_job(scenario, mode), replication)
            audit(workload, timeline)
            strikes[mode, replication] = workload.disruptions["wind"]
    assert strikes["base", 0] == strikes["quick", 0]
    assert strikes["base", 0] != strikes["base", 1]
    lengths = [end - begin for begin, end in strikes["base", 0]]
    assert 20 < len(lengths) < 60
    assert 2 * HOUR < np.mean(lengths) < 4 * HOUR


def test_who_finds_a_line_full_is_turned_away_and_gives_back_what_it_holds():
    scenario = world("""
        demand: {truck: [0, 1, 2, 3, 30]}
        stations: {gate: {queue_limit: 1}, yard: {capacity: 5}}
        routes:
          truck:
            enter: {seizes: yard}
            pass: {after: enter, at: gate, takes: 10 min, releases: yard}
        """)
    table, workload, timeline = minutes(scenario)
    assert [table["truck", n, "pass"] for n in range(5)] == [
        (0, 0, 10),
        (1, 10, 20),
        (2, None, None),
        (3, None, None),
        (30, 30, 40),
    ]
    assert (timeline.turned_away // MINUTE).tolist() == [-1, -1, 2, 3, -1]
    counted = audit(workload, timeline)
    assert (counted.left, counted.turned_away, counted.inside) == ({"truck": 3}, {"truck": 2}, {"truck": 0})


def test_who_is_turned_away_gives_back_nothing_that_was_not_taken():
    scenario = world("""
        demand: {truck: [0, 1, 2], van: [0, 5]}
        stations: {gate: {queue_limit: 1}, yard: {}}
        routes:
          truck:
            enter: {seizes: yard, share: 0%}
            pass: {after: enter, at: gate, takes: 10 min, releases: yard}
          van: {park: {at: yard, takes: 1 h}}
        """)
    table, _, timeline = minutes(scenario)
    assert (timeline.turned_away // MINUTE).tolist() == [-1, -1, -1, 2, -1]
    assert table["van", 1, "park"] == (5, 60, 120)


@pytest.mark.parametrize("names", [("gate", "yard"), ("yard", "gate")])
def test_lines_are_cut_at_once_whatever_the_stations_are_called(names):
    """At 6 the second truck finds the gate busy and gives back a place for which a van waits: too late for the next."""
    gate, yard = names
    scenario = world(f"""
        demand: {{truck: [0, 1], van: [4, 6]}}
        stations: {{{gate}: {{queue_limit: 0}}, {yard}: {{capacity: 2, queue_limit: 1}}}}
        routes:
          truck:
            enter: {{seizes: {yard}, takes: 5 min}}
            pass: {{after: enter, at: {gate}, takes: 1 h, releases: {yard}}}
          van: {{enter: {{at: {yard}, takes: 3 h}}}}
        """)
    table, _, timeline = minutes(scenario)
    assert table["truck", 1, "pass"] == (6, None, None)
    assert table["van", 0, "enter"] == (4, 6, 186)
    assert table["van", 1, "enter"] == (6, None, None)
    assert (timeline.turned_away // MINUTE).tolist() == [-1, 6, -1, 6]


ADOPTION = """
    demand: {truck: {arrivals: {rate: 200 per day}}}
    stations: {desk: {capacity: 2}, lane: {capacity: 1}}
    routes:
      truck:
        declare: {takes: {exponential: 10 min}}
        check: {after: declare, at: desk, takes: {exponential: 10 min}}
        leave: {after: check, at: lane, takes: 1 min}
    clocks: {port_dwell: {from: arrival, to: leave.end}}
    modes: {base: [], none: [early at 0%], some: [early at 35%], more: [early at 60%], all: [early]}
    reforms:
      early:
        title: Early
        why: For the test.
        set: {routes.truck.check.after: []}
        add: {routes.truck.stamp: {after: [declare, check], before: [leave], takes: 1 min}}
    """


def test_adoption_by_nobody_is_the_baseline_and_by_all_is_the_reform():
    scenario = world(ADOPTION, duration="10 days")
    runs = {mode: replay(mode_job(scenario, mode), 0) for mode in scenario.modes}
    frames = {mode: timeline.frame(workload) for mode, (workload, timeline) in runs.items()}
    assert frames["none"].equals(frames["base"])
    everybody = read(document(ADOPTION, duration="10 days") | {"modes": {"all": ["early at 100%"]}})
    workload, timeline = replay(mode_job(everybody, "all"), 0)
    assert timeline.frame(workload).equals(frames["all"])
    assert not frames["some"].equals(frames["base"])


def test_who_adopts_at_a_share_still_does_at_a_larger_one():
    scenario = world(ADOPTION, duration="10 days")
    adopters = {}
    for mode in ("some", "more"):
        workload, timeline = replay(mode_job(scenario, mode), 0)
        audit(workload, timeline)
        stamped = timeline.frame(workload).query("activity == 'stamp'")
        adopters[mode] = set(stamped["entity"])
        assert abs(len(adopters[mode]) / len(workload.flow) - {"some": 0.35, "more": 0.6}[mode]) < 0.05
    assert adopters["some"] < adopters["more"]


def test_a_share_can_adopt_at_all_ports_what_matches_at_one():
    scenario = world("""
        demand: {car: {port: east, arrivals: [0]}, truck: {port: west, arrivals: [0]}}
        routes: {car: {check: {takes: 5 min}}, truck: {check: {takes: 5 min}}}
        modes: {base: [early at 50%, late at 50%]}
        reforms:
          early: {title: Early, why: For the test., add: {routes.car.stamp: {after: check, takes: 1 min}}}
          late: {title: Late, why: For the test., scale: {routes.truck.check.takes: 2}}
        """)
    variants = scenario.under("base").variants
    assert {flow: sorted(map(sorted, routes)) for flow, routes in variants.items()} == {
        "car": [[], ["early"]],
        "truck": [[], ["late"]],
    }
    assert variants["car"][frozenset({"early"})].keys() == {"check", "stamp"}


def test_a_reform_that_changes_a_station_for_all_refuses_an_adoption():
    text = ADOPTION.replace("set: {", "set: {stations.desk.capacity: 3, ")
    with pytest.raises(InputError, match=r"reform early changes stations.desk.capacity for everybody"):
        world(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("demand: {a: [0]}\nroutes: {a: {x: {ride: nothing}}}", 'nobody loads the ride "nothing"'),
        ("demand: {a: [0]}\nroutes: {a: {x: {load: {ride: r, up_to: 2}}}}", "must have `unload: r`"),
        ("demand: {a: [0]}\nroutes: {a: {x: {needs: pass}}}", 'there is no quota "pass"'),
        (
            (
                "demand: {t: [0], a: {arrivals: {aboard: {flow: t, riders: 2}}}}\n"
                "routes: {a: {x: {ride: r}, y: {after: x}},"
                " t: {wait: {awaits: {ride: r, activity: y}}, out: {after: wait, unload: r}}}"
            ),
            "wait must come after the activity with `unload: r`",
        ),
        (
            "demand: {a: {arrivals: {aboard: {flow: b, riders: 2}}}}\nroutes: {a: {x: {ride: r}}}",
            'there is no flow "b"',
        ),
        ("demand: {a: {arrivals: {aboard: {flow: a, riders: 2}}}}\nroutes: {a: {x: {ride: r}}}", "a arrives on itself"),
        (
            "demand: {a: [0]}\nstations: {g: {queue_limit: 1}}\nroutes: {a: {x: {at: g}, y: {takes: 1 min}}}",
            "g can turn a away while y goes on beside x",
        ),
        (
            "demand: {a: [0]}\nroutes: {a: {x: {}}}\ndisruptions: {w: {stations: crane, dates: [2025-06-02]}}",
            'there is no station or quota "crane"',
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(text, sentence):
    with pytest.raises(InputError) as error:
        world(text)
    assert sentence in str(error.value)


def test_the_engine_is_a_function():
    scenario = world(ADOPTION, duration="3 days")
    workload, first = replay(mode_job(scenario, "some"), 0)
    second = simpy_engine.run(workload)
    assert np.array_equal(first.end, second.end)
