"""Rosters are what a clock on the wall says: by the minute, across zones, nights, changes of the clock and closures."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.rosters import WEEKDAYS, Calendar, Roster, Shift, capacity_steps, minutes_text
from sim.scenario.steps import Steps
from sim.scenario.units import DAY, HOUR, MINUTE


def calendar(start: str = "2025-06-02", zone: str = "Asia/Shanghai", days: float = 7) -> Calendar:
    """A calendar of some days without warm-up and cool-down."""
    said = {"start": start, "zone": zone, "duration": f"{round(days * 24)} h", "cool_down": "0 s"}
    return Calendar.model_validate(said)


def roster(*opened: Any, zone: str = "Asia/Shanghai", **more: Any) -> Roster:
    """A roster from its shifts."""
    return Roster.model_validate({"zone": zone, "open": list(opened), **more})


def said(steps: Steps, when: Calendar, zone: str | None = None) -> list[str]:
    """The steps as `day hour:minute capacity` on the wall of a zone."""
    lines = []
    for moment, value in zip(steps.times.tolist(), steps.values.tolist(), strict=True):
        wall = (when.origin.astimezone(UTC) + timedelta(milliseconds=moment)).astimezone(ZoneInfo(zone or when.zone))
        lines.append(f"{wall:%d %H:%M} {value}")
    return lines


# ---------------------------------------------------------------------------------------------- one rule at a time


def test_without_roster_it_is_always_open():
    assert capacity_steps(None, 3, calendar()).values.tolist() == [3]


def test_a_day_shift_opens_and_closes_on_the_wall():
    when = calendar(days=2)
    assert said(capacity_steps(roster("10:00-20:00"), 2, when), when) == [
        *("02 00:00 0", "02 10:00 2", "02 20:00 0", "03 10:00 2", "03 20:00 0"),
    ]


def test_a_shift_that_begins_at_time_zero_and_the_whole_day():
    when = calendar(days=2)
    assert said(capacity_steps(roster("00:00-08:00"), 2, when), when) == [
        *("02 00:00 2", "02 08:00 0", "03 00:00 2", "03 08:00 0")
    ]
    assert said(capacity_steps(roster("00:00-24:00"), 2, when), when) == ["02 00:00 2"]


def test_a_night_shift_is_on_duty_when_the_calendar_begins():
    when = calendar(days=2)
    night = roster("20:00-08:00")
    assert said(capacity_steps(night, 2, when), when) == [
        *("02 00:00 2", "02 08:00 0", "02 20:00 2", "03 08:00 0", "03 20:00 2")
    ]


def test_a_night_shift_belongs_to_the_day_on_which_it_begins():
    when = calendar(days=7)
    sunday_and_monday = roster("20:00-08:00", days=["sun", "mon"])
    assert said(capacity_steps(sunday_and_monday, 2, when), when) == [
        *("02 00:00 2", "02 08:00 0", "02 20:00 2", "03 08:00 0", "08 20:00 2")
    ]


def test_days_of_a_shift_go_before_days_of_the_roster():
    when = calendar(days=7)
    mixed = roster("10:00-12:00", {"hours": "14:00-16:00", "days": ["sat"]}, days=["wed"])
    assert said(capacity_steps(mixed, 1, when), when) == [
        *("02 00:00 0", "04 10:00 1", "04 12:00 0", "07 14:00 1", "07 16:00 0")
    ]


@pytest.mark.parametrize(
    ("size", "capacity", "on_duty"),
    [
        ({}, 5, 5),
        ({"share": "50%"}, 4, 2),
        ({"share": "50%"}, 5, 3),  # a half goes up
        ({"share": "50%"}, 1, 1),
        ({"share": "10%"}, 3, 1),  # at least one
        ({"share": "10%"}, 14, 1),
        ({"share": "10%"}, 15, 2),
        ({"share": "0%"}, 3, 0),
        ({"share": "100%"}, 3, 3),
        ({"share": "29%"}, 100, 29),
        ({"capacity": 0}, 3, 0),
        ({"capacity": 2}, 3, 2),
        ({"capacity": 7}, 3, 7),
    ],
)
def test_shares_and_absolute_sizes(size: dict[str, Any], capacity: int, on_duty: int):
    shift = Shift.model_validate({"hours": "10:00-20:00", **size})
    assert shift.on_duty(capacity) == on_duty
    when = calendar(days=1)
    steps = capacity_steps(roster({"hours": "10:00-20:00", **size}), capacity, when)
    assert steps.at(np.array([12 * HOUR])).tolist() == [on_duty]


def test_shifts_that_overlap_add_up_and_those_that_touch_leave_no_gap():
    when = calendar(days=1)
    overlap = roster("08:00-16:00", {"hours": "12:00-20:00", "share": "50%"}, {"hours": "12:00-13:00", "capacity": 1})
    assert said(capacity_steps(overlap, 4, when), when) == [
        *("02 00:00 0", "02 08:00 4", "02 12:00 7", "02 13:00 6", "02 16:00 2", "02 20:00 0")
    ]
    touching = roster("08:00-12:00", "12:00-20:00")
    assert said(capacity_steps(touching, 4, when), when) == ["02 00:00 0", "02 08:00 4", "02 20:00 0"]


def test_closures_by_date_and_by_minute():
    when = calendar(days=6)
    closed = ["2025-06-03", "2025-06-04 12:00..2025-06-04 14:30", "2025-06-05..2025-06-06"]
    steps = capacity_steps(roster("10:00-20:00", closed=closed), 2, when)
    assert said(steps, when) == [
        *("02 00:00 0", "02 10:00 2", "02 20:00 0"),
        *("04 10:00 2", "04 12:00 0", "04 14:30 2", "04 20:00 0"),
        *("07 10:00 2", "07 20:00 0"),
    ]


def test_a_closure_cuts_a_night_shift_at_midnight_and_may_last_beyond_the_end():
    when = calendar(days=4)
    night = roster("20:00-08:00", closed=["2025-06-03", "2025-06-05..2025-07-31"])
    assert said(capacity_steps(night, 2, when), when) == [
        *(
            "02 00:00 2",
            "02 08:00 0",
            "02 20:00 2",
            "03 00:00 0",
            "04 00:00 2",
            "04 08:00 0",
            "04 20:00 2",
            "05 00:00 0",
        )
    ]
    assert capacity_steps(roster("00:00-24:00", closed=["2025-01-01..2026-01-01"]), 2, when).values.tolist() == [0]


def test_a_closure_in_the_zone_of_the_roster():
    when = calendar(days=2)
    almaty = roster("00:00-24:00", zone="Asia/Almaty", closed=["2025-06-03"])
    assert said(capacity_steps(almaty, 1, when), when) == ["02 00:00 1", "03 03:00 0"]


def test_a_leap_day_is_a_day():
    when = calendar("2024-02-28", days=3)
    assert said(capacity_steps(roster("10:00-20:00", days=["thu"]), 1, when), when) == [
        "28 00:00 0",
        "29 10:00 1",
        "29 20:00 0",
    ]
    steps = capacity_steps(roster("10:00-20:00", closed=["2024-02-29"]), 1, when)
    assert said(steps, when) == ["28 00:00 0", "28 10:00 1", "28 20:00 0", "01 10:00 1", "01 20:00 0"]


# ------------------------------------------------------------------------------------------------------------ zones


def test_the_neighbour_opens_by_his_own_clock():
    # In June 2025 Almaty is five hours ahead of UTC, three hours behind Shanghai.
    when = calendar(days=1)
    assert said(capacity_steps(roster("08:00-20:00", zone="Asia/Almaty"), 1, when), when) == [
        "02 00:00 0",
        "02 11:00 1",
        "02 23:00 0",
    ]


def test_almaty_moved_an_hour_in_2024():
    # Until 1 March 2024, 00:00, Almaty was six hours ahead of UTC; then it put its clocks back to five.
    when = calendar("2024-02-28", days=4)
    assert said(capacity_steps(roster("08:00-20:00", zone="Asia/Almaty"), 1, when), when) == [
        *("28 00:00 0", "28 10:00 1", "28 22:00 0", "29 10:00 1", "29 22:00 0"),
        *("01 11:00 1", "01 23:00 0", "02 11:00 1", "02 23:00 0"),
    ]
    night = capacity_steps(roster("20:00-08:00", zone="Asia/Almaty"), 1, when)
    lengths = np.diff(night.times)[night.values[:-1] == 1] / HOUR
    assert lengths.tolist() == [10, 12, 13, 12], "the night in which the clock goes back has an hour more"


@pytest.mark.parametrize(("start", "night"), [("2025-03-29", 11), ("2025-10-25", 13)], ids=["forward", "back"])
def test_summer_time_begins_and_ends_in_a_night(start: str, night: int):
    # Berlin: 30 March 2025, 02:00 to 03:00; 26 October 2025, 03:00 to 02:00.
    when = calendar(start, "Europe/Berlin", days=3)
    day_shift = capacity_steps(roster("08:00-20:00", zone="Europe/Berlin"), 1, when)
    assert [line[3:] for line in said(day_shift, when)] == ["00:00 0", *["08:00 1", "20:00 0"] * 3]
    night_shift = capacity_steps(roster("20:00-08:00", zone="Europe/Berlin"), 1, when)
    assert [line[3:] for line in said(night_shift, when)] == ["00:00 1", *["08:00 0", "20:00 1"] * 3]
    assert (np.diff(day_shift.times) / HOUR).tolist() == [8, 12, night, 12, 12, 12]
    assert np.array_equal(night_shift.times, day_shift.times)


def test_hours_that_do_not_exist_or_exist_twice():
    forward = calendar("2025-03-30", "Europe/Berlin", days=1)
    missing = capacity_steps(roster("02:30-04:00", zone="Europe/Berlin"), 1, forward)
    assert (missing.times / HOUR).tolist() == [0, 2.5, 3], "02:30 is read as 03:30; from there to 04:00 is half an hour"
    back = calendar("2025-10-26", "Europe/Berlin", days=1)
    twice = capacity_steps(roster("02:00-03:00", zone="Europe/Berlin"), 1, back)
    assert (twice.times / HOUR).tolist() == [0, 2, 4], "both hours from two to three"


def test_a_station_of_another_zone_across_its_change_of_clock():
    # Shanghai has no summer time; London's working day moves by an hour in it.
    when = calendar("2025-03-29", days=3)
    assert said(capacity_steps(roster("09:00-17:00", zone="Europe/London"), 1, when), when) == [
        *("29 00:00 1", "29 01:00 0", "29 17:00 1", "30 01:00 0", "30 16:00 1", "31 00:00 0", "31 16:00 1")
    ]


def test_local_hours_count_the_hour_that_a_day_has_too_many_or_too_few():
    for start, length in (("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-02", 24)):
        hours, weekdays = calendar(start, "Europe/Berlin", days=2).local_hours()
        assert len(hours) == 48
        first_monday = int(np.argmax(weekdays != weekdays[0]))
        assert first_monday == length
        assert hours[0] == 0
        assert hours[length] == 0


# ------------------------------------------------------------------------------------------- against brute force


ZONES = ["Asia/Shanghai", "Asia/Almaty", "Europe/Berlin", "UTC", "America/St_Johns"]
# Whole hours, but none inside of the hour that a change of clock repeats or leaves out.
edges = st.sampled_from([0, 4, 5, 6, 8, 10, 12, 13, 17, 20, 22, 23])


@st.composite
def rosters(draw: st.DrawFn) -> dict[str, Any]:
    shifts = []
    for _ in range(draw(st.integers(1, 3))):
        opens = draw(edges)
        closes = draw(edges.filter(lambda hour, opens=opens: hour not in (opens, 0)))
        shift: dict[str, Any] = {"hours": f"{opens:02d}:00-{closes:02d}:00"}
        kind = draw(st.sampled_from(["whole", "share", "capacity"]))
        if kind == "share":
            shift["share"] = draw(st.sampled_from(["0%", "20%", "50%", "75%"]))
        if kind == "capacity":
            shift["capacity"] = draw(st.integers(0, 4))
        if draw(st.booleans()):
            shift["days"] = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True))
        shifts.append(shift)
    closed = []
    for _ in range(draw(st.integers(0, 2))):
        first = date(2024, 2, 26) + timedelta(days=draw(st.integers(0, 9)))
        if draw(st.booleans()):
            closed.append(f"{first}..{first + timedelta(days=draw(st.integers(0, 2)))}")
        else:
            begin, end = draw(edges), draw(edges)
            closed.append(f"{first} {begin:02d}:00..{first + timedelta(days=1)} {end:02d}:30")
    days = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))
    return {"zone": draw(st.sampled_from(ZONES)), "open": shifts, "days": days, "closed": closed}


def on_duty(rules: Roster, capacity: int, moment: datetime) -> int:
    """Capacity at a moment, as somebody with the roster in hand reads it off the clock on the wall."""
    wall = moment.astimezone(ZoneInfo(rules.zone)).replace(tzinfo=None)
    if any(begins <= wall < ends for begins, ends in rules.closed):
        return 0
    total = 0
    for shift in rules.open:
        opens, closes = shift.hours
        for days_ago in (0, 1):
            day = wall.date() - timedelta(days=days_ago)
            minute = wall.hour * 60 + wall.minute + days_ago * 24 * 60
            if WEEKDAYS[day.weekday()] in (shift.days or rules.days) and opens <= minute < closes:
                total += shift.on_duty(capacity)
    return total


@settings(max_examples=60)
@given(
    rosters(),
    st.integers(1, 5),
    st.sampled_from(["2024-02-27", "2024-03-30", "2024-10-26", "2024-12-30"]),
    st.sampled_from(ZONES),
)
def test_every_minute_is_what_the_wall_says(rules: dict[str, Any], capacity: int, start: str, zone: str):
    when = calendar(start, zone, days=5)
    shift = date.fromisoformat(start) - date(2024, 2, 26)
    rules["closed"] = [_moved(closure, shift) for closure in rules["closed"]]
    parsed = Roster.model_validate(rules)
    steps = capacity_steps(parsed, capacity, when)
    moments = np.arange(0, when.horizon, 15 * MINUTE)
    begin = when.origin.astimezone(UTC)
    expected = [on_duty(parsed, capacity, begin + timedelta(milliseconds=int(moment))) for moment in moments]
    assert steps.at(moments).tolist() == expected
    assert steps.times[0] == 0
    assert np.all(np.diff(steps.times) > 0)
    assert np.all(np.diff(steps.values) != 0)
    assert steps.times[-1] < when.horizon


def _moved(closure: str, by: timedelta) -> str:
    """A closure some days later."""
    parts = []
    for part in closure.split(".."):
        day, _, clock = part.partition(" ")
        parts.append(f"{date.fromisoformat(day) + by}{' ' if clock else ''}{clock}")
    return "..".join(parts)


# ------------------------------------------------------------------------------------------------------------ steps


@st.composite
def steps_and_times(draw: st.DrawFn) -> tuple[Steps, list[int]]:
    times = [0, *sorted(draw(st.sets(st.integers(1, 60), max_size=8)))]
    values = draw(st.lists(st.integers(-3, 9), min_size=len(times), max_size=len(times)))
    return Steps(np.array(times), np.array(values)), [draw(st.integers(0, 70)) for _ in range(5)]


def by_hand(steps: Steps, until: int = 80) -> list[int]:
    """The value at every whole moment."""
    values = dict(zip(steps.times.tolist(), steps.values.tolist(), strict=True))
    found, value = [], 0
    for moment in range(until):
        value = values.get(moment, value)
        found.append(value)
    return found


@given(steps_and_times())
def test_steps_against_counting_moment_by_moment(drawn: tuple[Steps, list[int]]):
    steps, moments = drawn
    every = by_hand(steps)
    assert steps.at(np.array(moments)).tolist() == [every[moment] for moment in moments]
    assert steps.integral(np.array(moments)).tolist() == [sum(every[:moment]) for moment in moments]
    assert by_hand(steps.zero()) == [int(value == 0) for value in every]
    begin, end = min(moments), max(moments) + 1
    part = steps.within(begin, end)
    lengths = np.diff(part.times, append=end)
    assert np.repeat(part.values, lengths).tolist() == every[begin:end]
    assert part.times[0] == begin
    assert np.all(lengths > 0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20), st.integers(1, 4)), max_size=8))
def test_counting_open_intervals(intervals: list[tuple[int, int, int]]):
    begins = np.array([begin for begin, _, _ in intervals], dtype=np.int64)
    ends = np.array([begin + length for begin, length, _ in intervals], dtype=np.int64)
    amounts = np.array([amount for _, _, amount in intervals], dtype=np.int64)
    for weights in (None, amounts):
        steps = Steps.counting(begins, ends, weights)
        counts = [1] * len(intervals) if weights is None else weights.tolist()
        expected = [
            sum(count for begin, end, count in zip(begins, ends, counts, strict=True) if begin <= moment < end)
            for moment in range(60)
        ]
        assert by_hand(steps, 60) == expected


def test_constant_steps():
    steps = Steps.constant(4)
    assert steps.at(np.array([0, 5])).tolist() == [4, 4]
    assert steps.integral(np.array([0, 5])).tolist() == [0, 20]


# --------------------------------------------------------------------------------------------------------- calendars


def test_a_calendar_has_a_window_between_warm_up_and_cool_down():
    when = Calendar.model_validate(
        {"start": "2025-06-02", "zone": "Asia/Shanghai", "warm_up": "1 day", "duration": "2 days", "cool_down": "12 h"}
    )
    assert when.window == (DAY, 3 * DAY)
    assert when.horizon == 3 * DAY + 12 * HOUR
    assert when.milliseconds(datetime(2025, 6, 2, 1, 30), "Asia/Shanghai") == 90 * MINUTE  # noqa: DTZ001  # wall time
    assert when.milliseconds(datetime(2025, 6, 1, 22), "Asia/Almaty") == HOUR  # noqa: DTZ001  # wall time
    assert Calendar.model_validate({"start": "2025-06-02", "zone": "UTC", "duration": "1 day"}).cool_down == 3 * DAY


@pytest.mark.parametrize("hours", ["10:00-20:00", "20:00-08:00", "00:00-24:00", "23:59-00:01", "12:00-24:00"])
def test_hours_are_written_as_they_were_read(hours: str):
    assert minutes_text(Shift.model_validate(hours).hours) == hours
