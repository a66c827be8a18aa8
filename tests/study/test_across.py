"""What is kept of runs that pass by: the same as if all of their rows were there, in memory that hardly grows."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import sim
from sim.scenario.loading import load
from sim.study import executor, store
from sim.study.across import Lines, RowNames
from sim.study.runs import mode_job, perform
from sim.study.warm_up import Stretches
from tests.long_tables import by_replication, lines, runs_of
from tests.study.test_study import small
from tests.worlds import write

# The same as from all rows at once


def random_runs(seed, runs=9):
    """Series of two ports of which some lines, points and values are missing in some runs, and some are infinite."""
    luck = np.random.default_rng(seed)
    rows = [
        ("base", replication, port, flow, measure, axis, float(x), "h", value)
        for replication in range(runs)
        for port, flow in (("rail", "train"), ("road", "truck"), ("road", "car"))
        for measure, axis in (("port_dwell", "arrival"), ("arrivals", "arrival"), ("port_dwell", "probability"))
        if luck.random() < 0.9
        for x in range(6)
        if luck.random() < 0.9
        for value in [
            luck.choice([np.nan, np.inf if axis != "arrival" else 0.0, luck.lognormal()], p=[0.1, 0.02, 0.88])
        ]
    ]
    columns = ["mode", "replication", "port", "subject", "measure", "axis", "x", "unit", "value"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize("seed", range(8))
def test_lines_are_those_of_a_pivot_of_all_rows(seed):
    series = random_runs(seed)
    found = lines(series).set_index(["port", "subject", "measure", "axis"]).sort_index()
    names = 0
    for name, rows in series.groupby(["port", "subject", "measure", "axis"]):
        wide = rows.pivot_table(index="x", columns="replication", values="value")
        expected = pd.DataFrame(
            {"mean": wide.mean(axis=1, skipna=False), "low": wide.min(axis=1), "high": wide.max(axis=1)}
        )
        expected[np.isinf(wide).any(axis=1)] = np.nan
        line = found.loc[[name]].set_index("x").sort_index()[["mean", "low", "high"]]
        pd.testing.assert_frame_equal(line, expected, check_exact=False, rtol=1e-14)
        names += 1
    assert names == 9


@pytest.mark.parametrize("seed", range(8))
def test_stretches_are_those_of_all_rows(seed):
    series = random_runs(seed)
    series = series[series["axis"] == "arrival"]
    kept = Lines()
    stretches = Stretches(kept.names)
    for _, _, rows in runs_of(series):
        stretches.add(kept.add(rows))
    wide = series.set_index(["port", "subject", "replication", "x", "measure"])["value"].unstack("measure")  # noqa: PD010
    wide = wide.dropna(subset="arrivals")
    wide["sum"] = (wide["port_dwell"] * wide["arrivals"]).fillna(0)
    flows = 0
    for flow, runs, rows in stretches.of_flows():
        here = wide.loc[flow]
        assert runs == here.index.get_level_values("replication").nunique()
        expected = here.groupby(level="x")[["arrivals", "sum"]].sum()
        assert rows["x"].tolist() == expected.index.tolist()
        np.testing.assert_allclose(rows["count"], expected["arrivals"], rtol=1e-15)
        np.testing.assert_allclose(rows["sum"], expected["sum"], rtol=1e-15)
        flows += 1
    assert flows == 3


def test_a_compensated_sum_keeps_what_each_run_adds():
    names = RowNames(["port", "subject", "measure", "axis", "unit", "x"])
    row = pd.DataFrame({"port": "port", "subject": "truck", "axis": "arrival", "unit": "h", "x": [0.0, 0.0]})
    row["measure"] = ["arrivals", "port_dwell"]
    stretches = Stretches(names)
    for hours in (1e16, *[1.0] * 10_000):
        stretches.add(names.values(row.assign(value=[1.0, hours])))
    ((_, runs, rows),) = stretches.of_flows()
    assert runs == 10_001
    assert rows["sum"].item() == 1e16 + 10_000


def test_rows_that_only_some_runs_have_stand_in_the_order_in_which_they_come():
    runs = [["a", "b"], ["b", "c"], ["a", "b", "c"], ["a", "b"]]
    rows = [
        ("base", replication, "port", subject, "queue", "mean", "h", 10.0 * replication + place)
        for replication, subjects in enumerate(runs)
        for place, subject in enumerate(subjects)
    ]
    names = ["mode", "replication", "port", "subject", "measure", "statistic", "unit", "value"]
    table = by_replication(pd.DataFrame(rows, columns=names))["base"]
    assert table.index.get_level_values("subject").tolist() == ["a", "b", "c"]
    assert table.columns.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(table, [[0, np.nan, 20, 30], [1, 10, 21, 31], [np.nan, 11, 22, np.nan]])


@pytest.mark.parametrize("size", [7, 1000, 2500, 40_000])
def test_a_table_that_grows_has_the_bytes_of_one_that_is_written_at_once(size, tmp_path, monkeypatch):
    """Row groups of 1000 rows instead of a million, and parts that do not fit into them."""
    monkeypatch.setattr(store, "ROW_GROUP", 1000)
    luck = np.random.default_rng(1)
    table = pd.DataFrame({"name": luck.choice(["a", "b"], size), "number": luck.integers(9, size=size)})
    table["value"] = np.where(luck.random(size) < 0.1, np.nan, luck.random(size))
    with store.growing_parquet(tmp_path / "parts.parquet") as parquet, store.growing_csv(tmp_path / "parts.csv") as csv:
        for begin in range(0, size, 299):
            parquet(table[begin : begin + 299])
            csv(table[begin : begin + 299])
    table.to_parquet(tmp_path / "whole.parquet", index=False, compression="zstd", row_group_size=1000)
    store.write_csv(tmp_path / "whole.csv", table)
    for kind in ("parquet", "csv"):
        assert (tmp_path / f"parts.{kind}").read_bytes() == (tmp_path / f"whole.{kind}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 4


def test_the_runs_of_a_table_are_read_one_after_the_other(tmp_path):
    """Runs of very different length, some of more rows than are read at a time."""
    lengths = {("one", 0): 3, ("one", 1): 150_000, ("two", 0): 1, ("two", 1): 70_000, ("two", 2): 2}
    parts = [
        pd.DataFrame({"mode": mode, "replication": replication, "value": np.arange(length) + 0.5})
        for (mode, replication), length in lengths.items()
    ]
    store.write_parquet(tmp_path / "table.parquet", pd.concat(parts, ignore_index=True))
    found = list(store.runs_of(tmp_path / "table.parquet"))
    assert [(mode, replication) for mode, replication, _ in found] == list(lengths)
    for (_, _, rows), part in zip(found, parts, strict=True):
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), part)


# Memory


@pytest.fixture
def many(tmp_path, monkeypatch):
    """Make a study of as many runs as wanted, which all have the numbers of the first."""
    scenario = load(write(small(), tmp_path))
    first = perform(mode_job(scenario, "smart"), 0)

    def alike(_, replication, *, keep_timeline=False):  # noqa: ARG001  # as perform has it
        measures, series = (table.assign(replication=replication) for table in (first.measures, first.series))
        return replace(first, replication=replication, measures=measures, series=series)

    monkeypatch.setattr(executor, "perform", alike)
    return lambda count, folder: sim.run(scenario, ["smart"], replications=count, out=folder)


def peak(work):
    """The most memory that Python, NumPy and Arrow have at a time while something is done."""
    pool = pa.default_memory_pool()
    counting = pa.proxy_memory_pool(pool)
    pa.set_memory_pool(counting)
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] + counting.max_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(pool)


def test_the_memory_of_a_study_hardly_grows_with_its_runs(many, tmp_path, monkeypatch):
    """What grows is one number a measure and run, and what intervals need of it: a small part of the rows of a run.

    Row groups and what is read at a time are small, so that they are full in both studies.
    """
    monkeypatch.setattr(store, "ROW_GROUP", 10_000)
    monkeypatch.setattr(store, "BATCH", 5_000)
    many(4, tmp_path / "first")  # what is loaded only once
    few, more = (peak(lambda count=count: many(count, tmp_path / str(count))) for count in (40, 320))
    study = sim.open(tmp_path / "40")
    rows = sum(table.memory_usage(deep=True).sum() for table in (study.measures, study.series))
    assert more - few < 7 * rows / 4  # the rows of 280 runs are seven times those of 40
    few, more = (peak(lambda count=count: sim.open(tmp_path / str(count)).lines) for count in (40, 320))
    assert more - few < 7 * rows / 4
