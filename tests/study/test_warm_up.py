"""MSER-5: what it cuts of series whose beginning is biased by a known amount, and when it refuses."""

import numpy as np
import pandas as pd
import pytest

import sim
from sim.report.advice import warm_up_sentences
from sim.scenario.units import DAY, HOUR
from sim.study.across import Lines
from sim.study.estimates import half_width
from sim.study.warm_up import BATCH, FEWEST, LAST, Stretches, mser, warm_up
from tests.long_tables import runs_of
from tests.measures.measured import Measured
from tests.worlds import document, read, world

REPLICATIONS = 10


# The rule


def test_the_cut_by_hand():
    """Without the first two, ten values of 1 or 2 spread by 0.25, and 0.25/10 is less than with them or fewer."""
    assert mser(np.array([9.0, 5, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2])) == 2
    assert mser(np.ones(20)) == 0
    assert mser(np.array([3.0])) == 0


def test_the_cut_is_where_the_standard_error_is_least():
    rng = np.random.default_rng(1)
    for _ in range(50):
        values = rng.normal(size=rng.integers(LAST, 60)).cumsum()
        errors = [values[cut:].var() / len(values[cut:]) for cut in range(len(values) - LAST + 1)]
        assert errors[mser(values)] == pytest.approx(min(errors))


# Series with a known bias


def autoregressive(rng, runs, *, phi, start, length):
    """AR(1) around zero from a start far away, and the bias of the mean behind a cut."""
    noise = rng.normal(size=(length, runs))
    value, rows = np.full(runs, float(start)), np.empty((length, runs))
    for moment in range(length):
        value = phi * value + noise[moment]
        rows[moment] = value
    expected = start * phi ** np.arange(1, length + 1)
    return rows.T, behind(expected)


def queue(rng, runs, *, load, start, length):
    """Times in an M/M/1 system that begins empty or with customers inside, and the bias from many other runs."""
    many = 4000
    between = rng.exponential(1 / load, (length, runs + many))
    work = rng.exponential(1, (length, runs + many))
    inside = rng.gamma(start, 1, runs + many) if start else np.zeros(runs + many)
    rows = np.empty((length, runs + many))
    for customer in range(length):
        inside = np.maximum(inside - between[customer], 0) + work[customer]
        rows[customer] = inside
    return rows[:, :runs].T, behind(rows[:, runs:].mean(axis=1) - 1 / (1 - load))


def behind(bias):
    """The mean bias of what is left behind each cut."""
    return bias[::-1].cumsum()[::-1] / np.arange(len(bias), 0, -1)


SERIES = {
    "AR(1) from below": (autoregressive, {"phi": 0.9, "start": -60, "length": 1000}),
    "AR(1) from above": (autoregressive, {"phi": 0.9, "start": 60, "length": 1000}),
    "slow AR(1) from above": (autoregressive, {"phi": 0.99, "start": 50, "length": 5000}),
    "M/M/1 at 50 % from empty": (queue, {"load": 0.5, "start": 0, "length": 1000}),
    "M/M/1 at 80 % from empty": (queue, {"load": 0.8, "start": 0, "length": 2000}),
    "M/M/1 at 80 % from overfull": (queue, {"load": 0.8, "start": 50, "length": 2000}),
}


def judged(make, options, cases, seed=1):
    """For every case whether it was refused, and the bias left over in half-widths before and after the cut."""
    rows, bias = make(np.random.default_rng(seed), cases * REPLICATIONS, **options)
    found = []
    for runs in rows.reshape(cases, REPLICATIONS, -1):
        batches = runs.mean(axis=0)[: runs.shape[1] // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
        cut = mser(batches)
        halves = half_width(np.array([runs.mean(axis=1), runs[:, BATCH * cut :].mean(axis=1)]))
        found.append((2 * cut > len(batches), *np.abs(bias[[0, BATCH * cut]]) / halves))
    refused, before, after = np.array(found).T
    return refused.astype(bool), before, after


@pytest.mark.parametrize(
    "cases", [pytest.param(40, id="short"), pytest.param(300, id="long", marks=pytest.mark.nightly)]
)
@pytest.mark.parametrize("name", SERIES)
def test_what_is_left_is_biased_by_less_than_half_an_interval(name, cases):
    make, options = SERIES[name]
    refused, before, after = judged(make, options, cases)
    settled = after[~refused]
    print(f"{name}: {refused.mean():.0%} refused, {(settled < 1).mean():.1%} of the others below a half-width")
    assert refused.mean() < 0.25
    assert (settled < 1).mean() >= 0.9
    if name.startswith("AR(1)") or name.endswith("overfull"):
        assert (before > 1).mean() > 0.9, "without a cut the bias must show, or nothing is tested"


def test_a_series_that_does_not_settle_is_refused():
    """A queue above its capacity, and a straight line."""
    refused, *_ = judged(queue, {"load": 1.2, "start": 0, "length": 1000}, 40)
    assert refused.all()
    line = np.arange(100.0)
    assert 2 * mser(line) > len(line)


# The series that a run keeps


DESK = """
demand: {truck: [0, 10, 70, 80, 200]}
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: 30 min}}}
clocks: {port_dwell: {from: arrival, to: check.end}}
"""


def course(run):
    rows = run.series[run.series["axis"] == "arrival"]
    table = rows.pivot_table(index="x", columns="measure", values="value", dropna=False)
    return table.index.tolist(), table["arrivals"].tolist(), table["port_dwell"].tolist()


def test_the_course_of_the_time_in_port_from_the_beginning():
    """Trucks of 30, 50, 30, 50 and 30 min; the last comes behind the window, and nobody in the third hour."""
    hours, counts, means = course(Measured(DESK, warm_up="2 h", duration="1 h", cool_down="2 h"))
    assert hours == [0, 1, 2]
    assert counts == [2, 2, 0]
    assert means[:2] == pytest.approx([40 / 60, 40 / 60])
    assert np.isnan(means[2])


def test_a_long_run_keeps_no_longer_a_course_than_a_short_one():
    hours, counts, _ = course(Measured(DESK, duration="11 days"))
    assert len(hours) == 132
    assert hours[1] - hours[0] == 2
    assert counts[:2] == [4, 1]
    assert len(course(Measured(DESK, duration="1000 days"))[0]) <= 240


# Advice


def series(**flows):
    """Courses of flows: mean hours in each stretch of one hour, every one of two replications with five entities."""
    rows = [
        ("base", replication, "port", flow, measure, "arrival", float(x), unit, value)
        for flow, means in flows.items()
        for replication in (0, 1)
        for x, mean in enumerate(means)
        for measure, unit, value in (("port_dwell", "h", mean + replication), ("arrivals", "entities", 5.0))
    ]
    columns = ["mode", "replication", "port", "subject", "measure", "axis", "x", "unit", "value"]
    return pd.DataFrame(rows, columns=columns)


def judgement(table, unsteady=()):
    lines = Lines()
    stretches = Stretches(lines.names)
    for _, _, rows in runs_of(table):
        stretches.add(lines.add(rows))
    return warm_up(stretches, unsteady)


SETTLED = [1.0, 2.0] * 20


def test_the_flow_that_needs_the_longest_warm_up_decides():
    found = judgement(series(truck=[9.0, 5.0, *SETTLED], car=[9.0] * 3 + SETTLED, bus=SETTLED))
    assert (found.longest, found.flow, found.advised) == (3 * HOUR, "car", 3 * HOUR)
    assert (found.unsettled, found.too_few) == ((), ())
    late = judgement(series(truck=[9.0] * 26 + SETTLED * 2))
    assert (late.longest, late.advised) == (26 * HOUR, 2 * DAY)


def test_no_advice_where_nothing_settles_or_too_few_come():
    rising = list(np.arange(40.0))
    found = judgement(series(truck=rising, car=SETTLED, bus=SETTLED[: FEWEST - 1]), {("port", "car")})
    assert (found.longest, found.flow, found.advised) == (None, None, None)
    assert found.unsettled == ("truck", "car")
    assert found.too_few == ("bus",)


def test_stretches_with_few_entities_are_put_together_to_batches():
    """One entity every other hour in each replication: ten hours are a batch, and what is left over is none."""
    table = series(truck=[9.0] * 10 + [1.0, 7.0, 2.0, 7.0] * 30 + [5.0])
    counts = table["measure"] == "arrivals"
    table.loc[counts, "value"] = ((table["x"] % 2) == 0).astype(float)[counts]
    table.loc[~counts & (table["x"] % 2 == 1), "value"] = np.nan
    found = judgement(table)
    assert found.longest == 9 * HOUR  # the ninth hour makes the first batch whole


PORT = """
replications: 4
demand: {truck: {arrivals: {rate: RATE per day}}}
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: {exponential: 10 min}}}}
clocks: {port_dwell: {from: arrival, to: check.end}}
"""


def advice(rate, **calendar):
    study = sim.run(read(document(PORT.replace("RATE", str(rate)), **calendar)))
    return study.manifest["warm_up"]["base"], warm_up_sentences(study, "en"), warm_up_sentences(study, "zh")


def test_a_study_says_whether_its_warm_up_is_enough():
    found, english, chinese = advice(100, warm_up="4 days", duration="8 days", cool_down="1 day")
    assert found["cut_ms"] <= 4 * DAY
    hours = found["cut_ms"] // HOUR
    assert english == [f"Warm-up: MSER-5 would cut at most {hours} h (truck, base), so the warm-up of 96 h is enough."]
    assert chinese == [f"预热：MSER-5 最多截去 {hours} 小时（truck，base），96 小时的预热期足够。"]


def test_a_study_above_capacity_is_given_no_advice():
    found, english, _ = advice(160, duration="6 days")
    assert found == {"cut_ms": None, "flow": None, "advised_ms": None, "unsettled": ["truck"], "too_few": []}
    (sentence,) = english
    assert sentence.startswith("No warm-up is advised for truck (base): more than half would be cut")


def test_a_warm_up_that_is_too_short_is_said_with_the_one_to_set():
    """The desk is closed on the first day, and the backlog takes days to go."""
    text = """
    replications: 4
    demand: {truck: {arrivals: {every: 20 min}}}
    stations: {desk: {}}
    routes: {truck: {check: {at: desk, takes: {uniform: [10 min, 20 min]}}, wait: {after: check, takes: 1 min}}}
    clocks: {port_dwell: {from: arrival, to: wait.end}}
    disruptions: {storm: {stations: [desk], dates: ["2025-06-02 00:00..2025-06-03 00:00"]}}
    """
    for warm_up_text, kind in (("1 h", "more than the warm-up of 1 h; set warm_up: "), ("0 s", "there is none, and")):
        study = sim.run(world(text, warm_up=warm_up_text, duration="20 days", cool_down="1 day"))
        cut = study.manifest["warm_up"]["base"]["cut_ms"]
        assert 2 * DAY < cut < 7 * DAY
        (sentence,) = warm_up_sentences(study, "en")
        assert kind in sentence
        assert f"set warm_up: {-(-cut // DAY)} days" in sentence
