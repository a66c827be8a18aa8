"""The audit notices what cannot be at quotas, carriers and full lines, each put by hand into a sound timeline."""

from dataclasses import replace

import numpy as np
import pytest

from sim.engine.audit import audit
from sim.engine.timeline import NEVER
from sim.errors import RunError
from tests.worlds import MINUTE, happened, simulated, world

FIELDS = ("start", "end", "carrier")


def refused(run, sentence, away=None, **changes):
    """Change times, given as {moment: {(flow, entity, activity): minutes}}, and expect the audit to say so.

    `carrier` is given as (flow, entity), `away` as {(flow, entity): minutes}.
    """
    workload, timeline = run
    first, numbers = {}, {}
    for code, flow in enumerate(workload.plan.flows):
        for entity in (workload.flow == code).nonzero()[0].tolist():
            name = (flow.name, int(workload.cohort_index[entity]))
            numbers[name] = entity
            for number, activity in enumerate(flow.activities):
                first[(*name, activity.name)] = workload.by_entity[workload.first_visit[entity] + number]
    changed = {field: getattr(timeline, field).copy() for field in FIELDS}
    for field, cells in changes.items():
        for cell, value in cells.items():
            if value is None:
                changed[field][first[cell]] = NEVER
            else:
                changed[field][first[cell]] = numbers[value] if field == "carrier" else round(value * MINUTE)
    turned_away = timeline.turned_away.copy()
    for name, value in (away or {}).items():
        turned_away[numbers[name]] = NEVER if value is None else value * MINUTE
    with pytest.raises(RunError) as caught:
        audit(workload, replace(timeline, **changed, turned_away=turned_away))
    assert sentence in str(caught.value)


QUOTA = """
demand: {truck: [0, 1, 2, 70]}
procedure:
  quotas: {admission: {port: port, amount: 1 per hour, zone: UTC}}
  routes: {truck: {enter: {needs: admission, takes: 5 min}}}
"""


def test_a_quota_exceeded_in_one_period():
    run = simulated(world(QUOTA))
    assert [line.split()[-2] for line in happened(*run)] == ["0", "60", "120", "180"]
    for minutes in (59, 119):
        cell = {("truck", 2, "enter"): minutes}
        end = {("truck", 2, "enter"): minutes + 5}
        refused(run, "admission is exceeded in the period from", start=cell, end=end)


def test_a_quota_whose_rest_is_lost_cannot_be_used_later():
    run = simulated(world(QUOTA.replace("[0, 1, 2, 70]", "[130, 131, 190]")))
    start, end = ({("truck", 1, "enter"): minutes} for minutes in (131, 136))
    refused(run, "admission is exceeded in the period from 7200000 ms (1 periods)", start=start, end=end)
    kept = QUOTA.replace("[0, 1, 2, 70]", "[130, 131, 132, 133]").replace("zone: UTC", "zone: UTC, unused: kept")
    run = simulated(world(kept))
    start, end = ({("truck", 3, "enter"): minutes} for minutes in (133, 138))
    refused(run, "admission is exceeded", start=start, end=end)


def test_a_quota_that_is_left_and_not_given_to_who_waits():
    run = simulated(world(QUOTA, duration="3 h"))
    cell = {("truck", 2, "enter"): None}
    refused(run, "the line of admission could start and is forgotten", start=cell, end=cell)


RIDE = """
demand: {box: [0, 1, 2, 30, 31], truck: [5, 6]}
routes:
  box: {board: {ride: r}, store: {after: board, takes: 1 min}}
  truck:
    load: {load: {ride: r, up_to: 2, at_least: 2, waits: 50 min}, takes: 3 min}
    drive: {after: load, takes: 10 min}
    unload: {after: drive, unload: r, takes: 2 min}
"""


@pytest.fixture
def ride():
    return simulated(world(RIDE, duration="2 h"))


def boxes(activity, *values):
    return {("box", number, activity): value for number, value in enumerate(values) if value is not ...}


def test_the_sound_ride_is_this(ride):
    """Two boxes go with the first truck, the third and the fourth with the second; the fifth stays."""
    assert happened(*ride) == [
        "box 0 board 0 5 20",
        "box 0 store 20 20 21",
        "box 1 board 1 5 20",
        "box 1 store 20 20 21",
        "box 2 board 2 30 45",
        "box 2 store 45 45 46",
        "box 3 board 30 30 45",
        "box 3 store 45 45 46",
        "box 4 board 31 - -",
        "box 4 store - - -",
        "truck 0 load 5 5 8",
        "truck 0 drive 8 8 18",
        "truck 0 unload 18 18 20",
        "truck 1 load 6 30 33",
        "truck 1 drive 33 33 43",
        "truck 1 unload 43 43 45",
    ]


def test_more_aboard_than_fit(ride):
    refused(
        ride,
        "1 visits take more aboard than fit",
        start=boxes("board", ..., ..., 5),
        end=boxes("board", ..., ..., 20) | boxes("store", ..., ..., 21),
        carrier={("box", 2, "board"): ("truck", 0)},
    )


def test_boarding_while_the_carrier_does_not_load(ride):
    refused(ride, "board without a carrier that loads", start=boxes("board", ..., 6))


def test_leaving_before_the_carrier_unloads(ride):
    refused(ride, "do not end with their carrier", end=boxes("board", 19))


def test_staying_aboard_when_the_carrier_has_unloaded(ride):
    refused(ride, "do not end with their carrier", end=boxes("board", None))


def test_boarding_one_carrier_and_leaving_another(ride):
    refused(ride, "do not end with their carrier", carrier={("box", 1, "board"): ("truck", 1)})


def test_riding_on_nobody(ride):
    refused(ride, "ride without a carrier", carrier={("box", 1, "board"): None})


def test_riding_on_an_entity_that_carries_nobody(ride):
    refused(ride, "are aboard of an entity that does not unload them", carrier={("box", 1, "board"): ("box", 0)})


def test_a_carrier_aboard_although_it_does_not_ride(ride):
    refused(ride, "are aboard although they are no rides", carrier={("truck", 1, "drive"): ("truck", 0)})


def test_loading_before_enough_have_come(ride):
    truck = {"load": (6, 9), "drive": (9, 19), "unload": (19, 21)}
    refused(
        ride,
        "load before enough riders have come",
        start={("truck", 1, name): start for name, (start, _) in truck.items()} | boxes("board", ..., ..., 6, None),
        end={("truck", 1, name): end for name, (_, end) in truck.items()} | boxes("board", ..., ..., 21, None),
        carrier={("box", 3, "board"): None},
    )


def test_a_load_that_leaves_riders_behind(ride):
    refused(
        ride,
        "leave riders behind although more would fit",
        start=boxes("board", ..., None),
        end=boxes("board", ..., None),
        carrier={("box", 1, "board"): None},
    )


def test_a_rider_that_passes_another(ride):
    """The third box and the second change their places."""
    refused(
        ride,
        "board before those in front of them",
        start=boxes("board", ..., 30, 5),
        end=boxes("board", ..., 45, 20) | boxes("store", ..., 46, 21),
        carrier={("box", 1, "board"): ("truck", 1), ("box", 2, "board"): ("truck", 0)},
    )


def test_a_carrier_whose_patience_is_over_and_forgotten(ride):
    nothing = {("truck", 1, name): None for name in ("load", "drive", "unload")} | boxes("board", ..., ..., None, None)
    refused(
        ride,
        "could load and are forgotten",
        start=nothing,
        end=nothing,
        carrier={("box", 2, "board"): None, ("box", 3, "board"): None},
    )


def test_a_carrier_that_waits_beyond_its_patience(ride):
    later = {"load": (57, 60), "drive": (60, 70), "unload": (70, 72)}
    times = {("truck", 1, name): value for name, value in later.items()}
    refused(
        ride,
        "load after their patience is over",
        start={cell: start for cell, (start, _) in times.items()} | boxes("board", ..., ..., 57, 57),
        end={cell: end for cell, (_, end) in times.items()} | boxes("board", ..., ..., 72, 72),
    )


TRAIN = """
demand: {train: [10, 90], box: {arrivals: {aboard: {flow: train, riders: 2}}}}
stations: {crane: {}}
routes:
  train:
    receive: {takes: 5 min}
    open: {after: receive, unload: r}
    wait: {after: open, awaits: {ride: r, activity: lift}}
    depart: {after: wait, takes: 2 min}
  box: {come: {ride: r}, lift: {after: come, at: crane, takes: 4 min}}
"""


@pytest.fixture
def train():
    return simulated(world(TRAIN, duration="100 min"))


def test_the_sound_train_is_this(train):
    assert [line for line in happened(*train) if " 0 " in line or "box 1" in line] == [
        "box 0 come 10 10 15",
        "box 0 lift 15 15 19",
        "box 1 come 10 10 15",
        "box 1 lift 15 19 23",
        "train 0 receive 10 10 15",
        "train 0 open 15 15 15",
        "train 0 wait 15 23 23",
        "train 0 depart 23 23 25",
    ]


@pytest.mark.parametrize("minutes", [19, 24, None])
def test_going_on_too_early_too_late_or_never(train, minutes):
    later = None if minutes is None else minutes + 2
    refused(
        train,
        "do not go on when all riders have lift behind them",
        start={("train", 0, "wait"): minutes, ("train", 0, "depart"): minutes},
        end={("train", 0, "wait"): minutes, ("train", 0, "depart"): later},
    )


def test_going_on_although_riders_are_not_through_by_the_horizon(train):
    done = {("train", 1, "wait"): 99, ("train", 1, "depart"): 99}
    sentence = "do not go on when all riders have lift behind them"
    refused(train, sentence, start=done, end={("train", 1, "wait"): 99})


def test_arriving_on_one_train_and_leaving_another(train):
    other = {("box", 0, "come"): ("train", 1)}
    refused(train, "are not aboard of the carrier that brought them", carrier=other)


def test_arriving_aboard_and_waiting_for_a_carrier(train):
    gone = {("box", 2, "come"): None, ("box", 2, "lift"): None}
    refused(train, "that arrive aboard wait for a carrier", start=gone, end=gone, carrier={("box", 2, "come"): None})


LINE = """
demand: {truck: [0, 1, 2, 3, 30]}
stations: {gate: {queue_limit: 1}, lane: {}}
routes: {truck: {pass: {at: gate, takes: 10 min}, leave: {after: pass, at: lane, takes: 1 min}}}
"""


@pytest.fixture
def line():
    return simulated(world(LINE, duration="1 h"))


def trucks(activity, *values):
    return {("truck", number, activity): value for number, value in enumerate(values) if value is not ...}


def test_the_sound_line_is_this(line):
    workload, timeline = line
    assert [text for text in happened(*line) if "pass" in text] == [
        "truck 0 pass 0 0 10",
        "truck 1 pass 1 10 20",
        "truck 2 pass 2 - -",
        "truck 3 pass 3 - -",
        "truck 4 pass 30 30 40",
    ]
    assert (timeline.turned_away // MINUTE).tolist() == [-1, -1, 2, 3, -1]
    assert audit(workload, timeline).turned_away == {"truck": 2}


def test_staying_in_a_line_that_is_full(line):
    refused(line, "the line of gate is longer than its limit", away={("truck", 2): 5})


def test_turned_away_before_the_line_is_full(line):
    gone = trucks("pass", ..., ..., ..., ..., None) | trucks("leave", ..., ..., ..., ..., None)
    sentence = "gate turns entities away before its line is full"
    refused(line, sentence, away={("truck", 4): 30}, start=gone, end=gone)


def test_turned_away_from_a_line_without_limit(line):
    gone = trucks("leave", None)
    refused(line, "lane turns 1 entities away and has no limit", away={("truck", 0): 10}, start=gone, end=gone)


def test_going_on_although_turned_away(line):
    """The third truck is turned away and passes all the same, when the gate is free."""
    start, end = trucks("pass", ..., ..., 20), trucks("pass", ..., ..., 30)
    sentence = "go on although their entity is turned away"
    refused(line, sentence, start=start, end=end)


def test_turned_away_without_standing_in_a_line(line):
    refused(line, "are turned away that do not stand in one line", away={("truck", 4): 50})


def test_at_work_although_turned_away(line):
    gone = trucks("pass", ..., ..., ..., ..., None) | trucks("leave", ..., ..., ..., ..., None)
    refused(
        line,
        "are at work although their entity is turned away",
        away={("truck", 4): 35},
        end=gone,
        start=trucks("leave", ..., ..., ..., ..., None),
    )


@pytest.mark.parametrize("text", [QUOTA, RIDE, TRAIN, LINE])
@pytest.mark.parametrize("change", [-1, 1, None])
def test_no_single_time_can_be_changed(text, change):
    """Each time of each visit, a millisecond sooner, later or lost."""
    workload, timeline = simulated(world(text, duration="100 min"))
    for field in ("start", "end", "turned_away"):
        times = getattr(timeline, field)
        for index in np.flatnonzero(times != NEVER):
            other = times.copy()
            other[index] = NEVER if change is None else other[index] + change
            with pytest.raises(RunError):
                audit(workload, replace(timeline, **{field: other}))


@pytest.mark.parametrize("text", [RIDE, TRAIN])
def test_no_rider_can_be_aboard_of_another_entity(text):
    workload, timeline = simulated(world(text, duration="100 min"))
    for index, carrier in enumerate(timeline.carrier):
        for entity in {NEVER, *range(len(workload.flow))} - {int(carrier)}:
            other = timeline.carrier.copy()
            other[index] = entity
            with pytest.raises(RunError):
                audit(workload, replace(timeline, carrier=other))


def test_one_that_waits_although_it_could_begin():
    run = simulated(world("demand: {truck: [0, 1]}\nstations: {d: {}}\nroutes: {truck: {c: {at: d, takes: 5 min}}}"))
    start, end = trucks("c", ..., 6), trucks("c", ..., 11)
    refused(run, "d begins at 360000 ms what it could have begun before (1 times)", start=start, end=end)


def test_one_that_is_served_before_those_in_front_of_it():
    run = simulated(world("demand: {truck: [0, 1, 2]}\nstations: {d: {}}\nroutes: {truck: {c: {at: d, takes: 5 min}}}"))
    swapped = {"start": trucks("c", ..., 10, 5), "end": trucks("c", ..., 15, 10)}
    refused(run, "d serves 1 visits before those in front of them", **swapped)


def test_one_that_is_served_before_those_of_lower_priority_number():
    text = """
    demand: {truck: [0, 1], bus: [2]}
    stations: {d: {}}
    routes: {truck: {c: {at: d, takes: 5 min}}, bus: {c: {at: d, takes: 5 min, priority: -1}}}
    """
    run = simulated(world(text))
    start = {("bus", 0, "c"): 10, ("truck", 1, "c"): 5}
    refused(run, "d serves 1 visits before those in front", start=start, end={cell: m + 5 for cell, m in start.items()})


ADOPTED = """
demand: {truck: [0, 0, 0, 0, 0, 0], train: [1, 2, 3]}
procedure:
  routes:
    truck: {board: {ride: trip}, leave: {after: board, takes: 1 min}}
    train: {load: {load: {ride: trip, up_to: 1}, takes: 1 min}, unload: {after: load, unload: trip, takes: 1 min}}
reforms: {quick: {title: Quick, why: A test., set: {routes.truck.leave.takes: 2 min}}}
modes: {base: [quick at 50%]}
"""


def test_riders_of_whom_a_share_adopts_a_reform_stand_in_one_line():
    """Trucks that come at one moment board by their number, whichever of the two routes they take."""
    workload, timeline = simulated(world(ADOPTED))  # the audit passes it
    assert [flow.name for flow in workload.plan.flows].count("truck") == 2
    trucks = np.concatenate(workload.entities_of_flow[-2:])
    boards = {
        int(entity): int(timeline.start[workload.by_entity[workload.first_visit[entity]]]) // MINUTE
        for entity in trucks
    }
    assert [boards[entity] for entity in sorted(boards)][:3] == [1, 2, 3]
    assert list(boards) != sorted(boards)  # so the routes do lie across the order of the line
    refused((workload, timeline), "board before those in front", start={("truck", 0, "board"): None})
