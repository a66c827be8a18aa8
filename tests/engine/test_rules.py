"""One rule of the engine at a time, in worlds so small that the whole timeline can be worked out by hand.

Minutes everywhere. Both engines and the second opinion have to give these answers.
"""

import pytest

from sim.engine import compiled_engine, simpy_engine
from sim.engine.audit import audit
from sim.errors import InputError
from tests import idiomatic_simpy
from tests.worlds import happened, shown, workload_of, world


@pytest.fixture(params=[simpy_engine, compiled_engine, idiomatic_simpy], ids=["simpy", "compiled", "second_opinion"])
def assert_happens(request):
    def check(text, expected, **calendar):
        workload = workload_of(world(text, **calendar))
        timeline = request.param.run(workload)
        assert happened(workload, timeline) == shown(expected)
        audit(workload, timeline)

    return check


def test_who_comes_first_goes_first(assert_happens):
    assert_happens(
        """
        demand: {truck: [0, 1, 20]}
        stations: {desk: {}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        """
        truck 0 check 0 0 10
        truck 1 check 1 10 20
        truck 2 check 20 20 30
        """,
    )


def test_a_station_serves_as_many_as_it_has_units(assert_happens):
    assert_happens(
        """
        demand: {truck: [0, 1, 2, 3]}
        stations: {desk: {capacity: 2}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        """
        truck 0 check 0 0 10
        truck 1 check 1 1 11
        truck 2 check 2 10 20
        truck 3 check 3 11 21
        """,
    )


def test_the_lower_priority_number_goes_first_and_nobody_is_interrupted(assert_happens):
    assert_happens(
        """
        demand: {urgent: [2], usual: [0, 1]}
        stations: {desk: {}}
        routes:
          usual: {check: {at: desk, takes: 10 min}}
          urgent: {check: {at: desk, takes: 5 min, priority: -1}}
        """,
        """
        urgent 0 check 2 10 15
        usual 0 check 0 0 10
        usual 1 check 1 15 25
        """,
    )


def test_within_a_priority_the_longest_ready_goes_first(assert_happens):
    assert_happens(
        """
        demand: {first: [3], second: [2], third: [0]}
        stations: {desk: {}}
        routes:
          first: {check: {at: desk, takes: 10 min, priority: 1}}
          second: {check: {at: desk, takes: 10 min, priority: 1}}
          third: {check: {at: desk, takes: 10 min, priority: 1}}
        """,
        """
        first 0 check 3 20 30
        second 0 check 2 10 20
        third 0 check 0 0 10
        """,
    )


def test_of_those_ready_at_once_the_entity_that_arrived_first_goes_first(assert_happens):
    """Both are ready at 30; the van arrived at 0, the car at 5 although its flow comes first by name."""
    assert_happens(
        """
        demand: {car: [5], van: [0]}
        stations: {desk: {}}
        routes:
          car: {drive: {takes: 25 min}, check: {after: drive, at: desk, takes: 10 min}}
          van: {drive: {takes: 30 min}, check: {after: drive, at: desk, takes: 10 min}}
        """,
        """
        car 0 drive 5 5 30
        car 0 check 30 40 50
        van 0 drive 0 0 30
        van 0 check 30 30 40
        """,
    )


def test_those_that_arrive_and_are_ready_at_once_go_by_flow_then_by_entity_then_by_activity(assert_happens):
    assert_happens(
        """
        demand: {van: [0, 0], car: [0, 0]}
        stations: {desk: {}}
        routes:
          van: {check_b: {at: desk, takes: 1 min}, check_a: {at: desk, takes: 2 min}}
          car: {check: {at: desk, takes: 4 min}}
        """,
        """
        car 0 check 0 0 4
        car 1 check 0 4 8
        van 0 check_a 0 8 10
        van 0 check_b 0 10 11
        van 1 check_a 0 11 13
        van 1 check_b 0 13 14
        """,
    )


def test_a_unit_given_back_and_an_arrival_at_one_instant_meet(assert_happens):
    """At 10 the desk is free again before the second arrives: it does not wait."""
    assert_happens(
        """
        demand: {truck: [0, 10]}
        stations: {desk: {}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        """
        truck 0 check 0 0 10
        truck 1 check 10 10 20
        """,
    )


def test_an_arrival_with_priority_at_the_instant_of_an_end_goes_before_who_waited(assert_happens):
    """The start is decided only when all of the instant has happened."""
    assert_happens(
        """
        demand: {urgent: [10], usual: [0, 1]}
        stations: {desk: {}}
        routes:
          urgent: {check: {at: desk, takes: 5 min, priority: -1}}
          usual: {check: {at: desk, takes: 10 min}}
        """,
        """
        urgent 0 check 10 10 15
        usual 0 check 0 0 10
        usual 1 check 1 15 25
        """,
    )


def test_a_chain_without_work_at_one_instant_is_in_line_before_anybody_starts(assert_happens):
    """The urgent one walks through three activities of no length at minute 10 and still goes first."""
    assert_happens(
        """
        demand: {urgent: [10], usual: [0, 1]}
        stations: {desk: {}}
        routes:
          urgent:
            a: {}
            b: {after: a, takes: 0 min}
            c: {after: b}
            check: {after: c, at: desk, takes: 5 min, priority: -1}
          usual: {check: {at: desk, takes: 10 min}}
        """,
        """
        urgent 0 a 10 10 10
        urgent 0 b 10 10 10
        urgent 0 c 10 10 10
        urgent 0 check 10 10 15
        usual 0 check 0 0 10
        usual 1 check 1 15 25
        """,
    )


def test_work_without_length_at_a_station_takes_a_unit_and_gives_it_back_at_once(assert_happens):
    """All pass at minute 0; the van has the better priority at the gate and is the first at the desk."""
    assert_happens(
        """
        demand: {car: [0, 0], van: [0]}
        stations: {gate: {}, desk: {}}
        routes:
          car: {enter: {at: gate, priority: 1}, check: {after: enter, at: desk, takes: 3 min}}
          van: {enter: {at: gate}, check: {after: enter, at: desk, takes: 3 min}}
        """,
        """
        car 0 enter 0 0 0
        car 0 check 0 3 6
        car 1 enter 0 0 0
        car 1 check 0 6 9
        van 0 enter 0 0 0
        van 0 check 0 0 3
        """,
    )


def test_after_work_without_length_the_rule_begins_again(assert_happens):
    """At minute 0 the desk starts the usual truck in the first round; the urgent one leaves the gate in the second."""
    assert_happens(
        """
        demand: {urgent: [0], usual: [0]}
        stations: {gate: {}, desk: {}}
        routes:
          urgent: {enter: {at: gate}, check: {after: enter, at: desk, takes: 3 min, priority: -1}}
          usual: {check: {at: desk, takes: 3 min}}
        """,
        """
        urgent 0 enter 0 0 0
        urgent 0 check 0 3 6
        usual 0 check 0 0 3
        """,
    )


def test_work_in_progress_at_closing_time_is_finished_and_nothing_else_starts(assert_happens):
    assert_happens(
        """
        demand: {truck: [55, 56, 57]}
        rosters: {day: {open: ["00:00-01:00", "02:00-03:00"]}}
        stations: {desk: {roster: day}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        """
        truck 0 check 55 55 65
        truck 1 check 56 120 130
        truck 2 check 57 130 140
        """,
    )


def test_who_is_ready_at_the_instant_of_closing_does_not_start(assert_happens):
    assert_happens(
        """
        demand: {truck: [60]}
        rosters: {day: {open: ["00:00-01:00", "02:00-03:00"]}}
        stations: {desk: {roster: day}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        "truck 0 check 60 120 130",
    )


def test_who_arrives_at_the_instant_of_opening_starts_and_those_from_before_go_first(assert_happens):
    assert_happens(
        """
        demand: {car: [120], van: [110, 130]}
        rosters: {day: {open: ["02:00-03:00"]}}
        stations: {desk: {capacity: 2, roster: day}}
        routes:
          car: {check: {at: desk, takes: 10 min}}
          van: {check: {at: desk, takes: 20 min}}
        """,
        """
        car 0 check 120 120 130
        van 0 check 110 120 140
        van 1 check 130 130 150
        """,
    )


def test_opening_starts_as_many_as_there_are_units_in_order(assert_happens):
    assert_happens(
        """
        demand: {truck: [3, 1, 2, 4]}
        rosters: {day: {open: ["01:00-02:00"]}}
        stations: {desk: {capacity: 2, roster: day}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        """
        truck 0 check 1 60 70
        truck 1 check 2 60 70
        truck 2 check 3 70 80
        truck 3 check 4 70 80
        """,
    )


def test_shifts_change_the_number_of_units(assert_happens):
    """Two units until 1:00, one until 2:00, three behind that; both that are at work at 1:00 go on."""
    assert_happens(
        """
        demand: {truck: [50, 50, 61, 62, 63, 64]}
        rosters:
          shifts: {open: [{hours: "00:00-01:00", share: 50%}, {hours: "01:00-02:00", capacity: 1}, "02:00-03:00"]}
        stations: {desk: {capacity: 3, roster: shifts}}
        routes: {truck: {check: {at: desk, takes: 40 min}}}
        """,
        """
        truck 0 check 50 50 90
        truck 1 check 50 50 90
        truck 2 check 61 90 130
        truck 3 check 62 120 160
        truck 4 check 63 120 160
        truck 5 check 64 130 170
        """,
    )


def test_a_unit_that_comes_back_after_its_shift_is_gone_serves_nobody(assert_happens):
    """Two units go down to one while both work: the first to end goes home, the second takes the next truck."""
    assert_happens(
        """
        demand: {fast: [55], slow: [50, 58]}
        rosters: {shifts: {open: ["00:00-01:00", {hours: "01:00-04:00", capacity: 1}]}}
        stations: {desk: {capacity: 2, roster: shifts}}
        routes:
          fast: {check: {at: desk, takes: 10 min}}
          slow: {check: {at: desk, takes: 20 min}}
        """,
        """
        fast 0 check 55 55 65
        slow 0 check 50 50 70
        slow 1 check 58 70 90
        """,
    )


def test_overlapping_shifts_add_up_and_closures_shut_them(assert_happens):
    assert_happens(
        """
        demand: {truck: [0, 0, 0, 0]}
        rosters:
          day:
            open: [{hours: "00:00-02:00", capacity: 1}, {hours: "00:30-01:00", capacity: 2}]
            closed: ["2025-06-02 00:35..2025-06-02 01:15"]
        stations: {desk: {capacity: 3, roster: day}}
        routes: {truck: {check: {at: desk, takes: 30 min}}}
        """,
        """
        truck 0 check 0 0 30
        truck 1 check 0 30 60
        truck 2 check 0 30 60
        truck 3 check 0 30 60
        """,
    )


def test_hours_are_those_of_the_rosters_own_zone(assert_happens):
    """The neighbour's clock is an hour ahead (Etc/GMT-1), so its 2:00 is our 1:00; on Tuesday it stays shut."""
    assert_happens(
        """
        demand: {truck: [0, 119]}
        rosters: {neighbour: {zone: Etc/GMT-1, open: ["02:00-03:00"], closed: ["2025-06-03"]}}
        stations: {booth: {roster: neighbour}}
        routes: {truck: {check: {at: booth, takes: 70 min}}}
        """,
        """
        truck 0 check 0 60 130
        truck 1 check 119 2940 3010
        """,
        duration="3 days",
    )


def test_a_day_off_is_waited_out(assert_happens):
    assert_happens(
        """
        demand: {truck: [30, 90]}
        rosters: {office: {open: ["00:00-01:00"], days: [mon, wed]}}
        stations: {desk: {roster: office}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        """
        truck 0 check 30 30 40
        truck 1 check 90 2880 2890
        """,
        duration="3 days",
    )


def test_a_night_shift_goes_past_midnight_of_its_last_day(assert_happens):
    """The shift of Monday runs from 23:00 to 1:00 on Tuesday; Tuesday has none."""
    assert_happens(
        """
        demand: {truck: [1380, 1435, 1499, 1500]}
        rosters: {night: {open: ["23:00-01:00"], days: [mon, thu]}}
        stations: {desk: {roster: night}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        """
        truck 0 check 1380 1380 1390
        truck 1 check 1435 1435 1445
        truck 2 check 1499 1499 1509
        truck 3 check 1500 5700 5710
        """,
        duration="4 days",
    )


def test_a_batch_at_midnight_is_worked_off_in_order_across_the_change_of_shift(assert_happens):
    """Five declarations come at midnight, when the evening shift of two hands over to the night shift of one."""
    assert_happens(
        """
        demand: {parcel: [1435, 1440, 1440, 1440, 1440, 1440]}
        rosters:
          shifts: {open: [{hours: "12:00-00:00"}, {hours: "00:00-12:00", capacity: 1}]}
        stations: {desk: {capacity: 2, roster: shifts}}
        routes: {parcel: {check: {at: desk, takes: 10 min}}}
        """,
        """
        parcel 0 check 1435 1435 1445
        parcel 1 check 1440 1445 1455
        parcel 2 check 1440 1455 1465
        parcel 3 check 1440 1465 1475
        parcel 4 check 1440 1475 1485
        parcel 5 check 1440 1485 1495
        """,
        duration="2 days",
    )


def test_what_is_seized_is_held_until_it_is_released(assert_happens):
    """One place in the yard: the second truck enters when the first has left by the exit gate."""
    assert_happens(
        """
        demand: {truck: [0, 1]}
        stations: {yard: {}, entry: {capacity: 9}, exit: {capacity: 9}, desk: {capacity: 9}}
        routes:
          truck:
            gate_in: {at: entry, takes: 1 min, seizes: yard}
            check: {after: gate_in, at: desk, takes: 10 min}
            gate_out: {after: check, at: exit, takes: 1 min, releases: yard}
        """,
        """
        truck 0 gate_in 0 0 1
        truck 0 check 1 1 11
        truck 0 gate_out 11 11 12
        truck 1 gate_in 1 12 13
        truck 1 check 13 13 23
        truck 1 gate_out 23 23 24
        """,
    )


def test_everything_that_a_start_needs_is_taken_at_once_or_not_at_all(assert_happens):
    """The lift needs crane and crew. While the crew is away, the crane is not kept for it: the move goes first."""
    assert_happens(
        """
        demand: {box: [1], crew_job: [0], move: [2]}
        stations: {crane: {}, crew: {}, yard: {}}
        routes:
          box: {lift: {at: yard, takes: 5 min, seizes: [crane, crew], releases: [crane, crew]}}
          crew_job: {job: {at: crew, takes: 10 min}}
          move: {drive: {at: crane, takes: 20 min}}
        """,
        """
        box 0 lift 1 22 27
        crew_job 0 job 0 0 10
        move 0 drive 2 2 22
        """,
    )


def test_the_head_of_a_line_blocks_those_behind_it(assert_happens):
    """The second in line could start (it needs one of two units), but stands behind one that needs both."""
    assert_happens(
        """
        demand: {first: [0], second: [1], third: [2]}
        stations: {crane: {capacity: 2}}
        routes:
          first: {lift: {at: crane, takes: 10 min}}
          second: {lift: {at: crane, amount: 2, takes: 5 min}}
          third: {lift: {at: crane, takes: 1 min}}
        """,
        """
        first 0 lift 0 0 10
        second 0 lift 1 10 15
        third 0 lift 2 15 16
        """,
    )


def test_a_gate_for_both_directions_that_would_block_itself_is_refused():
    """The second truck would wait for the yard at the head of the line in which the first wants out."""
    with pytest.raises(
        InputError, match=r"can deadlock: truck holds yard .* while gate_out stands in the line of gate"
    ):
        world(
            """
            demand: {truck: [0, 1]}
            stations: {yard: {}, gate: {capacity: 9}}
            routes:
              truck:
                gate_in: {at: gate, takes: 1 min, seizes: yard}
                check: {after: gate_in, takes: 10 min}
                gate_out: {after: check, at: gate, takes: 1 min, releases: yard}
            """
        )


def test_who_leaves_with_priority_does_not_stand_behind_who_wants_to_enter(assert_happens):
    assert_happens(
        """
        demand: {truck: [0, 1]}
        stations: {yard: {}, gate: {}}
        routes:
          truck:
            gate_in: {at: gate, takes: 1 min, seizes: yard}
            check: {after: gate_in, takes: 10 min}
            gate_out: {after: check, at: gate, takes: 1 min, releases: yard, priority: -1}
        """,
        """
        truck 0 gate_in 0 0 1
        truck 0 check 1 1 11
        truck 0 gate_out 11 11 12
        truck 1 gate_in 1 12 13
        truck 1 check 13 13 23
        truck 1 gate_out 23 23 24
        """,
    )


def test_a_blocked_line_does_not_block_other_lines(assert_happens):
    """The truck at the gate waits for the yard; the one at the desk passes, though both lines share the yard."""
    assert_happens(
        """
        demand: {a: [0], b: [1], c: [2]}
        stations: {gate: {}, desk: {}, yard: {capacity: 2}}
        routes:
          a: {enter: {at: gate, takes: 10 min, seizes: yard, releases: yard}}
          b: {enter: {at: gate, takes: 1 min, seizes: {yard: 2}, releases: yard}}
          c: {enter: {at: desk, takes: 3 min, seizes: yard, releases: yard}}
        """,
        """
        a 0 enter 0 0 10
        b 0 enter 1 10 11
        c 0 enter 2 2 5
        """,
    )


def test_of_two_lines_that_want_the_same_unit_the_longer_ready_gets_it(assert_happens):
    assert_happens(
        """
        demand: {a: [0], b: [2], c: [1]}
        stations: {gate: {}, desk: {}, yard: {}}
        routes:
          a: {rest: {takes: 10 min, seizes: yard, releases: yard}}
          b: {enter: {at: desk, takes: 1 min, seizes: yard, releases: yard}}
          c: {enter: {at: gate, takes: 1 min, seizes: yard, releases: yard}}
        """,
        """
        a 0 rest 0 0 10
        b 0 enter 2 11 12
        c 0 enter 1 10 11
        """,
    )


def test_without_a_station_it_waits_in_the_line_of_the_first_resource_by_name(assert_happens):
    """b waits for truck and dock in the line of the dock, so c, ready later, does not overtake it there."""
    assert_happens(
        """
        demand: {a: [0], b: [1], c: [2]}
        stations: {dock: {}, truck: {}}
        routes:
          a: {load: {takes: 10 min, seizes: truck, releases: truck}}
          b: {load: {takes: 5 min, seizes: [truck, dock], releases: [truck, dock]}}
          c: {load: {takes: 1 min, seizes: dock, releases: dock}}
        """,
        """
        a 0 load 0 0 10
        b 0 load 1 10 15
        c 0 load 2 15 16
        """,
    )


def test_an_amount_takes_so_many_units(assert_happens):
    assert_happens(
        """
        demand: {block: [0, 0], wagon: [0, 0]}
        stations: {track: {capacity: 5}}
        routes:
          block: {unload: {at: track, amount: 3, takes: 10 min}}
          wagon: {unload: {at: track, takes: 4 min, priority: 1}}
        """,
        """
        block 0 unload 0 0 10
        block 1 unload 0 10 20
        wagon 0 unload 0 10 14
        wagon 1 unload 0 10 14
        """,
    )


def test_a_station_that_is_also_seized_counts_both(assert_happens):
    """The check takes one desk for its own length and seizes another one until the end of filing."""
    assert_happens(
        """
        demand: {truck: [0, 1]}
        stations: {desk: {capacity: 2}}
        routes:
          truck:
            check: {at: desk, takes: 10 min, seizes: desk}
            file: {after: check, takes: 5 min, releases: desk}
        """,
        """
        truck 0 check 0 0 10
        truck 0 file 10 10 15
        truck 1 check 1 15 25
        truck 1 file 25 25 30
        """,
    )


def test_an_activity_that_does_not_take_place_is_passed_through_at_once(assert_happens):
    """The scanner never opens before the horizon for anybody; who is not selected does not even queue for it."""
    assert_happens(
        """
        demand: {truck: [0, 5]}
        stations: {scanner: {}, desk: {}}
        routes:
          truck:
            scan: {at: scanner, takes: 9 min, share: 0%}
            check: {after: scan, at: desk, takes: 10 min}
        """,
        """
        truck 0 scan passed 0
        truck 0 check 0 0 10
        truck 1 scan passed 5
        truck 1 check 5 10 20
        """,
    )


def test_an_activity_that_is_passed_through_still_releases(assert_happens):
    assert_happens(
        """
        demand: {truck: [0, 1]}
        stations: {yard: {}, desk: {}}
        routes:
          truck:
            enter: {seizes: yard, takes: 10 min}
            check: {after: enter, at: desk, takes: 5 min, share: 0%, releases: yard}
        """,
        """
        truck 0 enter 0 0 10
        truck 0 check passed 10
        truck 1 enter 1 10 20
        truck 1 check passed 20
        """,
    )


def test_what_was_not_seized_is_not_released(assert_happens):
    """The first does not enter the yard, so its leaving gives no place to the third."""
    assert_happens(
        """
        demand: {car: [0], truck: [1, 2]}
        stations: {yard: {}}
        routes:
          car:
            enter: {seizes: yard, takes: 1 min, share: 0%}
            leave: {after: enter, takes: 4 min, releases: yard}
          truck:
            enter: {seizes: yard, takes: 10 min}
            leave: {after: enter, releases: yard}
        """,
        """
        car 0 enter passed 0
        car 0 leave 0 0 4
        truck 0 enter 1 1 11
        truck 0 leave 11 11 11
        truck 1 enter 2 11 21
        truck 1 leave 21 21 21
        """,
    )


def test_branches_run_beside_each_other_and_a_join_waits_for_the_last(assert_happens):
    """Papers while the truck drives; at the second truck the papers are late because the desk is busy."""
    assert_happens(
        """
        demand: {truck: [0, 0]}
        stations: {desk: {}, gate: {}}
        routes:
          truck:
            drive: {takes: 20 min}
            declare: {at: desk, takes: 15 min}
            gate_in: {after: [drive, declare], at: gate, takes: 1 min}
        """,
        """
        truck 0 declare 0 0 15
        truck 0 drive 0 0 20
        truck 0 gate_in 20 20 21
        truck 1 declare 0 15 30
        truck 1 drive 0 0 20
        truck 1 gate_in 30 30 31
        """,
    )


def test_an_entity_can_wait_in_two_lines_at_once(assert_happens):
    assert_happens(
        """
        demand: {truck: [0, 0]}
        stations: {desk: {}, scanner: {}}
        routes:
          truck:
            papers: {at: desk, takes: 5 min}
            scan: {at: scanner, takes: 7 min}
            leave: {after: [papers, scan], takes: 1 min}
        """,
        """
        truck 0 papers 0 0 5
        truck 0 scan 0 0 7
        truck 0 leave 7 7 8
        truck 1 papers 0 5 10
        truck 1 scan 0 7 14
        truck 1 leave 14 14 15
        """,
    )


def test_conditions_draws_and_cases_decide_what_happens_and_how_long(assert_happens):
    """Everybody is red and everybody AEO, so the outcome is certain."""
    assert_happens(
        """
        demand:
          truck: {arrivals: [0, 1], attributes: {aeo: {share: 100%}, cargo: {one_of: {ore: 0%, grain: 100%}}}}
        stations: {desk: {capacity: 2}}
        routes:
          truck:
            select:
              draws: {channel: {cases: [{only: {aeo: true}, use: {red: 100%, green: 0%}}, {use: {green: 100%}}]}}
            scan: {after: select, only: {channel: green}, at: desk, takes: 50 min}
            inspect:
              {after: select, only: {channel: [red], cargo: [ore, grain]}, at: desk,
               takes: {cases: [{only: {cargo: ore}, use: 1 min}, {only: {channel: red}, use: 2 min}, {use: 3 min}]}}
        """,
        """
        truck 0 select 0 0 0
        truck 0 inspect 0 0 2
        truck 0 scan passed 0
        truck 1 select 1 1 1
        truck 1 inspect 1 1 3
        truck 1 scan passed 1
        """,
    )


def test_a_variable_that_was_never_drawn_matches_nothing(assert_happens):
    assert_happens(
        """
        demand: {truck: [0]}
        stations: {desk: {}}
        routes:
          truck:
            select: {share: 0%, draws: {channel: {red: 100%, green: 0%}}}
            scan: {after: select, only: {channel: [red, green]}, at: desk, takes: 5 min}
        """,
        """
        truck 0 select passed 0
        truck 0 scan passed 0
        """,
    )


def test_what_has_not_happened_at_the_horizon_stays_open(assert_happens):
    """The horizon is minute 60: the second is still at work then, the others have not reached the desk."""
    assert_happens(
        """
        demand: {truck: [0, 45, 50, 59, 60]}
        stations: {desk: {}}
        routes: {truck: {drive: {takes: 10 min}, check: {after: drive, at: desk, takes: 45 min}}}
        """,
        """
        truck 0 drive 0 0 10
        truck 0 check 10 10 55
        truck 1 drive 45 45 55
        truck 1 check 55 55 -
        truck 2 drive 50 50 -
        truck 2 check - - -
        truck 3 drive 59 59 -
        truck 3 check - - -
        """,
        duration="1 h",
    )


def test_an_end_at_the_horizon_is_not_an_end(assert_happens):
    assert_happens(
        """
        demand: {truck: [50, 59]}
        stations: {desk: {}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        """
        truck 0 check 50 50 -
        truck 1 check 59 - -
        """,
        duration="1 h",
    )


def test_arrivals_go_on_behind_the_window_and_compete(assert_happens):
    """Measured is the first hour, the world goes on for another one."""
    assert_happens(
        """
        demand: {urgent: [70], usual: [50, 55]}
        stations: {desk: {}}
        routes:
          urgent: {check: {at: desk, takes: 30 min, priority: -1}}
          usual: {check: {at: desk, takes: 30 min}}
        """,
        """
        urgent 0 check 70 80 110
        usual 0 check 50 50 80
        usual 1 check 55 110 -
        """,
        duration="1 h",
        cool_down="1 h",
    )


def test_a_world_in_which_nobody_comes(assert_happens):
    assert_happens(
        """
        demand: {truck: {arrivals: {rate: 0 per day}}}
        stations: {desk: {}}
        routes: {truck: {check: {at: desk, takes: 10 min}}}
        """,
        "",
    )


def test_fractions_of_a_minute_are_whole_milliseconds(assert_happens):
    assert_happens(
        """
        demand: {truck: [0, 0]}
        stations: {desk: {}}
        routes: {truck: {check: {at: desk, takes: 90 s}}}
        """,
        """
        truck 0 check 0 0 1.5
        truck 1 check 0 1.5 3
        """,
    )
