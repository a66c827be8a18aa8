"""Theory near capacity and over many seeds, peers over many customers: `make nightly`."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from sim.verify import formulas
from sim.verify.peers import agreement
from sim.verify.theory import SEED, Case, cases, findings

pytestmark = pytest.mark.nightly

SEEDS = range(SEED, SEED + 20)
REPLICATIONS = 10
PER_MINUTE = 1 / (24 * 60)


def days(load: float) -> int:
    """Length of a replication: its variance grows as the inverse square of the free capacity."""
    return round(0.45 / (1 - load) ** 2)


def one_line(name: str, length: int, load: float, *, servers: int, takes: str, wait: float) -> Case:
    """A line in front of servers, one minute of work on average."""
    return Case(
        f"{name}, load {load}",
        f"{name}, load {load}",
        f"{length} days",
        "demand:\n"
        "  truck: {entity: truck, port: port, direction: export, "
        f"arrivals: {{rate: {1440 * load * servers:g} per day}}}}\n"
        f"procedure:\n  stations: {{desk: {{port: port, capacity: {servers}}}}}\n"
        f"  routes: {{truck: {{serve: {{at: desk, takes: {takes}}}}}}}\n",
        {("desk", "waiting_time", "mean"): wait / 60},
    )


def single(load: float) -> Case:
    wait = formulas.mean_wait(load, 1.0)
    return one_line("M/M/1", days(load), load, servers=1, takes="{exponential: 1 min}", wait=wait)


def several(load: float) -> Case:
    wait = formulas.mean_wait(3 * load, 1.0, 3)
    return one_line("M/M/3", days(load) // 2, load, servers=3, takes="{exponential: 1 min}", wait=wait)


def general(load: float) -> Case:
    wait = formulas.mean_wait_general(load, 1.0, 0.75**2)
    return one_line("M/G/1", days(load), load, servers=1, takes="{lognormal: {mean: 1 min, sd: 45 s}}", wait=wait)


def priorities(load: float) -> Case:
    first, second = formulas.priority_waits((0.4 * load, 0.6 * load), 1.0)
    flow = "{{entity: truck, port: port, direction: export, arrivals: {{rate: {:g} per day}}}}"
    return Case(
        f"priorities, load {load}",
        f"Two classes at load {load}",
        f"{2 * days(load)} days",
        f"demand:\n  urgent: {flow.format(576 * load)}\n  usual: {flow.format(864 * load)}\n"
        "procedure:\n  stations: {desk: {port: port, capacity: 1}}\n"
        "  routes:\n    urgent: {serve: {at: desk, takes: {exponential: 1 min}, priority: 1}}\n"
        "    usual: {serve: {at: desk, takes: {exponential: 1 min}, priority: 2}}\n",
        {("usual", "dwell", "mean"): (second + 1) / 60, ("urgent", "dwell", "mean"): (first + 1) / 60},
    )


@pytest.mark.parametrize("load", [0.8, 0.9])
@pytest.mark.parametrize("make", [single, several, general, priorities], ids=lambda make: make.__name__)
def test_theory_near_capacity(make: Callable[[float], Case], load: float):
    """Twenty studies of ten replications: together as precise as theory is asked for, and each with honest errors."""
    case = make(load)
    studies = [findings(case, seed) for seed in SEEDS]
    for quantity in zip(*studies, strict=True):
        theory = quantity[0].theory
        values = np.array([finding.simulated for finding in quantity])
        error = values.std(ddof=1) / np.sqrt(len(values))
        half_width = stats.t.ppf(0.975, len(values) - 1) * error / theory
        z = (values.mean() - theory) / error
        print(f"{case.name}: {quantity[0].quantity} {theory:.5g} {values.mean():.5g} ±{half_width:.2%} z {z:+.2f}")
        assert abs(z) < 4
        assert half_width < 0.02
        # A study's z has the distribution of Student. Means of a heavily loaded line are skewed, hence the wide margin.
        assert np.abs([finding.z for finding in quantity]).max() < stats.t.ppf(1 - 1e-5, REPLICATIONS - 1)


def test_differences_from_theory_are_those_of_chance():
    """A number of each case of `smartport verify`, shortened, for twenty seeds: z as Student says, not merely small."""
    found = []
    for case in cases():
        quantity = next(iter(case.expected))
        short = Case(case.name, case.title, "10 days", case.world, {quantity: case.expected[quantity]})
        found += [findings(short, seed)[0].z for seed in SEEDS]
    z = np.array(found)
    test = stats.kstest(z, stats.t(REPLICATIONS - 1).cdf)
    within = np.mean(np.abs(z) < stats.t.ppf(0.975, REPLICATIONS - 1))
    print(f"{len(z)} z: mean {z.mean():+.2f}, sd {z.std(ddof=1):.2f}, {within:.1%} within 95 %, KS p {test.pvalue:.2f}")
    assert test.pvalue > 1e-3
    assert stats.binomtest(int((np.abs(z) >= stats.t.ppf(0.975, REPLICATIONS - 1)).sum()), len(z), 0.05).pvalue > 1e-3


@pytest.mark.parametrize("servers", [1, 4, 16])
@pytest.mark.parametrize("peer", ["Kiefer-Wolfowitz", "Ciw"])
def test_every_one_of_many_starts_is_equal_to_that_of_another_program(peer: str, servers: int):
    found = agreement(peer, servers=servers, days=100)
    print(found.cells)
    assert found.customers > 200_000
    assert (found.differing, found.largest) == (0, 0)
