"""Means, intervals and paired differences against SciPy and against a hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sim
from sim.study.estimates import COMPARISON_COLUMNS, ESTIMATE_COLUMNS, half_width
from tests.long_tables import comparison, estimates
from tests.worlds import document, read

BASE = [4.0, 6.0, 5.0, 9.0]
SMART = [2.0, 5.0, 3.0, 6.0]


def table(**modes):
    """Measures of one value (or of several, by subject) from its replications."""
    rows = [
        (mode, replication, "port", subject, "port_dwell", "mean", "h", value)
        for mode, values in modes.items()
        for subject, series in (values.items() if isinstance(values, dict) else [("truck", values)])
        for replication, value in enumerate(series)
        if value is not None
    ]
    return pd.DataFrame(
        rows, columns=["mode", "replication", "port", "subject", "measure", "statistic", "unit", "value"]
    )


def test_the_interval_is_that_of_student():
    (row,) = estimates(table(base=BASE), ["base"]).itertuples(index=False)
    low, high = stats.t.interval(0.95, 3, loc=np.mean(BASE), scale=stats.sem(BASE))
    assert (row.mode, row.port, row.subject, row.measure, row.statistic, row.unit) == (
        "base",
        "port",
        "truck",
        "port_dwell",
        "mean",
        "h",
    )
    assert (row.n, row.mean) == (4, 6)
    assert (row.ci_low, row.ci_high) == pytest.approx((low, high))
    # By hand: squares 4 + 0 + 1 + 9, standard error sqrt(14/3)/2, and t(0.975, 3) = 3.18245 from a printed table.
    assert row.ci_high - row.mean == pytest.approx(3.18245 * np.sqrt(14 / 3) / 2, rel=1e-5)


def test_columns_and_order():
    result = estimates(table(smart=SMART, base=BASE), ["base", "smart"])
    assert list(result.columns) == ESTIMATE_COLUMNS
    assert result["mode"].tolist() == ["base", "smart"]
    assert list(estimates(table(), []).columns) == ESTIMATE_COLUMNS


def test_one_replication_has_no_interval():
    (row,) = estimates(table(base=[4.0]), ["base"]).itertuples(index=False)
    assert (row.n, row.mean) == (1, 4)
    assert np.isnan([row.ci_low, row.ci_high]).all()


def test_a_replication_without_value_or_without_row_is_left_out_there():
    """Nobody came, so there is no mean; or the row itself is missing."""
    for missing in (np.nan, None):
        result = estimates(table(base={"truck": [4.0, missing, 8.0], "car": [1.0, 2.0, 3.0]}), ["base"])
        row = result[result["subject"] == "truck"].iloc[0]
        assert (row["n"], row["mean"]) == (2, 6)
        assert row["ci_high"] == pytest.approx(6 + stats.t.ppf(0.975, 1) * 2)


def test_no_value_at_all():
    (row,) = estimates(table(base=[np.nan, np.nan]), ["base"]).itertuples(index=False)
    assert row.n == 0
    assert np.isnan([row.mean, row.ci_low, row.ci_high]).all()


def test_intervals_hold_the_truth_as_often_as_they_say():
    """4000 studies of 8 replications of a number whose mean is known."""
    values = np.random.default_rng(1).normal(10, 3, (4000, 8))
    covered = np.abs(values.mean(axis=1) - 10) <= half_width(values)
    assert covered.mean() == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))


def test_the_difference_is_paired():
    (row,) = comparison(table(base=BASE, smart=SMART), "base", ["base", "smart"]).itertuples(index=False)
    difference = np.subtract(SMART, BASE)  # -2, -1, -2, -3
    low, high = stats.t.interval(0.95, 3, loc=-2, scale=stats.sem(difference))
    assert (row.baseline, row.mode) == ("base", "smart")
    assert (row.baseline_mean, row.mode_mean, row.difference) == (6, 4, -2)
    assert (row.ci_low, row.ci_high) == pytest.approx((low, high))
    assert row.relative == pytest.approx(-1 / 3)
    assert row.variance_reduction == pytest.approx((14 / 3 + 10 / 3) / (2 / 3))
    assert stats.ttest_rel(SMART, BASE).confidence_interval(0.95) == pytest.approx((row.ci_low, row.ci_high))


def test_the_difference_does_not_depend_on_the_order_of_rows():
    measures = table(base={"truck": BASE, "car": SMART}, smart={"truck": SMART, "car": BASE})
    one = comparison(measures, "base", ["base", "smart"]).set_index("subject")
    other = comparison(measures.iloc[::-1], "base", ["base", "smart"]).set_index("subject")
    pd.testing.assert_frame_equal(one, other.loc[one.index])


def test_the_baseline_is_not_compared_with_itself():
    result = comparison(table(base=BASE, smart=SMART, other=SMART), "smart", ["base", "smart", "other"])
    assert result["mode"].tolist() == ["base", "other"]
    assert set(result["baseline"]) == {"smart"}
    assert result["difference"].tolist() == [2, 0]


def test_only_what_both_modes_have_is_compared():
    measures = table(base={"truck": BASE, "old": BASE}, smart={"truck": SMART, "new": SMART})
    assert comparison(measures, "base", ["base", "smart"])["subject"].tolist() == ["truck"]


def test_a_pair_that_lacks_one_value_is_no_pair():
    (row,) = comparison(table(base=[4.0, 9.0, 8.0], smart=[1.0, np.nan, 7.0]), "base", ["base", "smart"]).itertuples(
        index=False
    )
    assert (row.baseline_mean, row.mode_mean, row.difference) == (6, 4, -2)
    assert row.ci_high == pytest.approx(-2 + stats.t.ppf(0.975, 1) * 1)


def test_a_quantile_beyond_the_horizon_in_one_replication_has_no_finite_mean_and_no_interval():
    measures = table(base=[4.0, np.inf, 8.0], smart=[1.0, 2.0, 7.0], jammed=[np.inf, np.inf, 9.0])
    base = estimates(measures, ["base"]).iloc[0]
    assert (base["n"], base["mean"]) == (3, np.inf)
    assert np.isnan([base["ci_low"], base["ci_high"]]).all()
    for row in comparison(measures, "base", ["base", "smart", "jammed"]).itertuples(index=False):
        assert row.baseline_mean == np.inf
        assert row.mode_mean == (10 / 3 if row.mode == "smart" else np.inf)
        assert np.isnan([row.difference, row.ci_low, row.ci_high, row.relative, row.variance_reduction]).all()


def test_what_lies_beyond_the_horizon_takes_nothing_from_the_other_rows():
    measures = table(
        base={"truck": [4.0, 6.0], "train": [1.0, np.inf]}, smart={"truck": [2.0, 3.0], "train": [1.0, 2.0]}
    )
    truck, train = comparison(measures, "base", ["base", "smart"]).itertuples(index=False)
    # Differences of -2 and -3 have the variance 1/2, without shared luck 2 + 1/2: two replications are enough to know.
    assert truck.variance_reduction == pytest.approx(5)
    assert truck.ci_high == pytest.approx(-2.5 + stats.t.ppf(0.975, 1) / 2)
    assert np.isnan(train.variance_reduction)


def test_where_nothing_differs_there_is_nothing_to_reduce():
    (row,) = comparison(table(base=BASE, same=BASE), "base", ["base", "same"]).itertuples(index=False)
    assert (row.difference, row.ci_low, row.ci_high, row.relative) == (0, 0, 0, 0)
    assert np.isnan(row.variance_reduction)


def test_there_is_no_percentage_of_nothing():
    (row,) = comparison(table(base=[0.0, 0.0], smart=[1.0, 2.0]), "base", ["base", "smart"]).itertuples(index=False)
    assert row.difference == 1.5
    assert np.isnan(row.relative)


def test_a_comparison_of_one_mode_is_empty_and_has_its_columns():
    result = comparison(table(base=BASE), "base", ["base"])
    assert list(result.columns) == COMPARISON_COLUMNS
    assert result.empty


def with_arrivals(**modes):
    """The same measures of `port_dwell` again as arrivals of a day and as a count, which no jam can reach."""
    dwell = table(**modes)
    arrivals = dwell.assign(measure="arrivals", statistic="per_day", unit="1/day")
    return pd.concat([dwell, arrivals, dwell.assign(statistic="count", unit="")], ignore_index=True)


JAMMED = {"smart": {("port", "truck")}, "base": {("other", "train")}}


def test_without_steady_state_there_is_no_interval_but_of_how_many_come():
    measures = with_arrivals(smart={"truck": SMART, "truck/hold": SMART, "train": SMART, "trucks": SMART})
    result = estimates(measures, ["smart"], JAMMED).set_index(["subject", "measure", "statistic"])
    assert result["steady"].dtype == bool
    lost = {("truck", "port_dwell", "mean"), ("truck/hold", "port_dwell", "mean")}
    assert set(result.index[~result["steady"]]) == lost
    assert set(result.index[result["ci_low"].isna()]) == lost
    assert set(result.index[result["ci_high"].isna()]) == lost
    assert (result["mean"] == 4).all()


def test_a_difference_has_no_interval_where_either_mode_has_no_steady_state():
    measures = with_arrivals(base={"truck": BASE, "train": BASE}, smart={"truck": SMART, "train": SMART})
    for modes in (["base", "smart"], ["smart", "base"]):
        result = comparison(measures, modes[0], modes, JAMMED).set_index(["subject", "measure", "statistic"])
        assert set(result.index[~result["steady"]]) == {("truck", "port_dwell", "mean")}
        assert set(result.index[result["ci_low"].isna()]) == {("truck", "port_dwell", "mean")}
        assert (abs(result["difference"]) == 2).all()
        assert (result["variance_reduction"] > 1).all()
    assert comparison(measures, "base", ["base", "smart"])["steady"].all()


def test_rows_are_numbered_through_all_modes():
    measures = table(base=BASE, smart=SMART, both=SMART)
    modes = ["base", "smart", "both"]
    assert comparison(measures, "base", modes).index.tolist() == [0, 1]
    assert estimates(measures, modes).index.tolist() == [0, 1, 2]


# What the shared luck is worth


PORT = """
replications: 25
demand: {truck: {arrivals: {rate: 130 per day}}}
stations: {desk: {}, gate: {}}
routes:
  truck:
    check: {at: desk, takes: {exponential: 10 min}}
    leave: {after: check, at: gate, takes: {uniform: [2 min, 4 min]}}
clocks: {port_dwell: {from: arrival, to: leave.end}}
modes: {traditional: [], smart: [fast_gate], tight: [fast_desk]}
reforms:
  fast_gate: {title: Faster gate, why: Off the bottleneck., scale: {routes.*.leave.takes: 0.5}}
  fast_desk: {title: Faster desk, why: At the bottleneck., scale: {routes.*.check.takes: 0.5}}
"""


def dwell(measures):
    chosen = measures[
        (measures["subject"] == "truck") & (measures["measure"] == "port_dwell") & (measures["statistic"] == "mean")
    ]
    assert len(chosen)
    return chosen


def test_shared_luck_sharpens_a_difference_off_the_bottleneck_more_than_twentyfold():
    scenario = read(document(PORT, duration="5 days"))
    study = sim.run(scenario)
    row = dwell(study.comparison).set_index("mode").loc["smart"]
    assert row["variance_reduction"] > 20
    assert row["ci_high"] < -0.5 * 3 / 60 * 0.8  # half of three minutes, and somewhat less waiting at the gate
    # The control: the second mode with luck of its own, as in a program without keyed draws.
    other = sim.run(scenario.with_values(seed=2), ["smart"])
    mixed = pd.concat([study.measures[study.measures["mode"] == "traditional"], other.measures], ignore_index=True)
    control = dwell(comparison(mixed, "traditional", ["traditional", "smart"])).iloc[0]
    assert control["variance_reduction"] < 5
    assert control["ci_low"] < 0 < control["ci_high"]  # the same effect drowns in noise
