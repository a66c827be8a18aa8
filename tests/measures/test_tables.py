"""The tidy tables: the same columns and types whatever happened, each value once, in a fixed order."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from sim.measures.measure import measure
from sim.measures.table import MEASURE_COLUMNS, SERIES_COLUMNS, Level, Tables
from sim.scenario.steps import Steps
from tests.measures.measured import Measured
from tests.worlds import DAY, HOUR, document, read, worlds

COLUMNS = ["mode", "replication", "port", "subject", "measure", "statistic", "unit", "value"]
NOBODY = """
demand: {truck: {arrivals: {rate: 0 per day}}}
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: 1 min}}}
clocks: {port_dwell: {from: arrival, to: check.end}}
"""


def test_the_columns():
    run = Measured(NOBODY)
    assert list(run.measures.columns) == list(MEASURE_COLUMNS) == COLUMNS
    assert list(run.series.columns) == list(SERIES_COLUMNS)


@pytest.mark.parametrize("calendar", [{}, {"duration": "30 min"}], ids=["nobody", "shorter than an hour"])
def test_columns_and_types_are_the_same_when_nothing_happens(calendar):
    busy = Measured(NOBODY.replace("{rate: 0 per day}", "{every: 5 min}"))
    empty = Measured(NOBODY, **calendar)
    assert empty.measures.dtypes.to_dict() == busy.measures.dtypes.to_dict()
    assert list(empty.series.columns) == list(busy.series.columns)
    assert len(empty.measures)


def test_tables_of_nothing_have_their_columns():
    tables = Tables("base", 0)
    assert list(tables.measure_frame().columns) == list(MEASURE_COLUMNS)
    assert list(tables.series_frame().columns) == list(SERIES_COLUMNS)
    assert tables.measure_frame().dtypes["value"] == np.float64


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_every_value_has_one_place(scenario):
    run = Measured(scenario)
    assert not run.measures.duplicated(COLUMNS[:-1]).any()
    assert not run.series.duplicated(["port", "subject", "measure", "axis", "x"]).any()
    units = run.measures.groupby(["measure", "statistic"])["unit"].nunique()
    assert (units == 1).all()
    shares = run.measures[run.measures["statistic"] == "within_target"]["value"].dropna()
    assert shares.between(0, 1).all()
    quantiles = run.measures[run.measures["measure"] == "port_dwell"].pivot_table(
        index=["port", "subject"], columns="statistic", values="value"
    )
    if {"p50", "p90", "p95"} <= set(quantiles.columns):
        some = quantiles.dropna(subset=["p50"])
        assert (some["p50"] <= some["p90"]).all()
        assert (some["p90"] <= some["p95"]).all()


def test_the_tables_carry_mode_and_replication():
    run = Measured(NOBODY)
    measures, series = measure("smart", 7, run.workload, run.timeline, clocks=run.clocks, costs={}, staff={})
    assert set(measures["mode"]) == {"smart"}
    assert set(measures["replication"]) == {7}
    assert set(series["mode"]) == {"smart"}
    assert measures.drop(columns=["mode", "replication"]).equals(run.measures.drop(columns=["mode", "replication"]))


def test_the_order_of_rows_is_that_of_names():
    said = document(
        """
        demand: {b: [0], a: [0]}
        stations: {z: {}, y: {}}
        routes: {b: {check: {at: z, takes: 1 min}}, a: {check: {at: y, takes: 1 min}}}
        clocks: {port_dwell: {from: arrival, to: check.end}, another: {from: arrival, to: check.start}}
        """
    )
    subjects = Measured(read(said)).measures["subject"].drop_duplicates().tolist()
    assert [name for name in subjects if "/" not in name] == ["a", "b", "all", "y", "z"]


def test_levels_are_weighted_by_their_time():
    """1 for two hours, 5 for an hour and 0 for a day less three hours, seen from the second hour on."""
    tables = Tables("base", 0)
    level = Steps(np.array([0, 2 * HOUR, 3 * HOUR]), np.array([1, 5, 0]))
    tables.add_level("port", "truck", "in_port", Level.of(level, (HOUR, DAY)))
    frame = tables.measure_frame().set_index("statistic")["value"]
    assert frame["mean"] == pytest.approx((1 + 5) / 23)
    assert frame["max"] == 5
    assert frame["p95"] == 1
    series = tables.series_frame()
    assert series["value"].tolist() == [1.0, 5.0] + [0.0] * 21
    assert series["x"].tolist() == list(range(23))
