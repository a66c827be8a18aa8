"""The timeline as a table: one row a visit that takes place, blanks where something did not happen."""

import pandas as pd

from tests.worlds import MINUTE, simulated, world

TEXT = """
demand: {truck: [20, 0], car: [5]}
stations: {desk: {}}
routes:
  truck:
    check: {at: desk, takes: 30 min}
    scan: {after: check, share: 0%}
    leave: {after: scan, takes: 5 min}
  car: {wash: {takes: 1 min}}
"""


def frame(text=TEXT, **calendar):
    workload, timeline = simulated(world(text, **calendar))
    return timeline.frame(workload)


def test_the_table():
    table = frame(duration="40 min")
    rows = [tuple(None if pd.isna(value) else value for value in row) for row in table.itertuples(index=False)]
    times = [(None if time is None else time / MINUTE for time in row[4:]) for row in rows]
    assert list(table.columns) == ["flow", "entity", "activity", "station", "ready_ms", "start_ms", "end_ms"]
    assert [(*row[:4], *time) for row, time in zip(rows, times, strict=True)] == [
        ("car", 0, "wash", None, 5, 5, 6),
        ("truck", 0, "check", "desk", 0, 0, 30),
        ("truck", 0, "leave", None, 30, 30, 35),
        ("truck", 1, "check", "desk", 20, 30, None),
        ("truck", 1, "leave", None, None, None, None),
    ]


def test_times_are_whole_numbers():
    table = frame()
    assert {str(table[key].dtype) for key in ("ready_ms", "start_ms", "end_ms")} == {"Int64"}


def test_a_table_of_nobody_has_its_columns():
    table = frame("demand: {truck: {arrivals: {rate: 0 per day}}}\nroutes: {truck: {check: {takes: 1 min}}}")
    assert list(table.columns) == list(frame().columns)
    assert table.empty
    assert table.dtypes["ready_ms"] == frame().dtypes["ready_ms"]


def test_entities_are_numbered_as_in_every_other_mode():
    """By their place in the cohort, not by when they come: a late train keeps its number."""
    text = """
    demand: {train: {arrivals: {timetable: ["12:00", "12:01"], late: {uniform: [0 min, 60 min]}}}}
    routes: {train: {receive: {takes: 1 min}}}
    """
    table = frame(text, duration="20 days")
    planned = table["entity"] // 2 * 1440 + 720 + table["entity"] % 2
    late = table["ready_ms"] / MINUTE - planned
    assert late.between(0, 60).all()
    assert not table["entity"].is_monotonic_increasing
