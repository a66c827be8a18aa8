"""Keyed luck: a uniform depends on seed, replication, purpose and entity, and on nothing else."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from sim.engine.streams import uniforms

PURPOSE = "trucks/takes/scan"


def test_the_bits_are_these():
    """Frozen: results that were published must come out again."""
    expected = [0.8949786695409979, 0.5008818956809863, 0.16289971991088958]
    assert uniforms(20250602, 0, PURPOSE, 3).tolist() == expected


def test_the_first_are_the_same_however_many_are_drawn():
    assert np.array_equal(uniforms(1, 0, PURPOSE, 1000)[:7], uniforms(1, 0, PURPOSE, 7))
    assert uniforms(1, 0, PURPOSE, 0).shape == (0,)


def test_they_are_inside_of_the_open_interval_and_uniform():
    drawn = uniforms(1, 0, PURPOSE, 1_000_000)
    assert drawn.min() > 0
    assert drawn.max() < 1
    assert stats.kstest(drawn, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.005


def test_the_smallest_and_the_largest_bits_stay_inside(monkeypatch):
    class Extremes:
        def __init__(self, sequence):
            pass

        def random_raw(self, count):
            return np.array([0, 2**64 - 1], dtype=np.uint64)[:count]

    monkeypatch.setattr("sim.engine.streams.Philox", Extremes)
    low, high = uniforms(1, 0, PURPOSE, 2)
    assert 0 < low < 1e-15
    assert 1 - 1e-15 < high < 1


KEYS = [
    (seed, replication, purpose)
    for seed in (0, 1, 2**32, 2**64 + 1)
    for replication in (0, 1, 2)
    for purpose in ("trucks/takes/scan", "trucks/takes/scan2", "trucks/share/scan", "trains/takes/scan")
]


def test_every_key_has_its_own_luck():
    streams = np.array([uniforms(*key, 2000) for key in KEYS])
    assert len(np.unique(streams)) == streams.size
    correlation = np.corrcoef(streams) - np.eye(len(KEYS))
    assert np.abs(correlation).max() < 5.5 / np.sqrt(2000)  # some 1100 pairs


def test_a_zero_at_the_end_of_a_key_is_not_lost():
    """NumPy's `default_rng([seed, 0])` equals `default_rng(seed)`; our keys must not fall into that trap."""
    trap = [np.random.default_rng(entropy).random(5).tolist() for entropy in (7, [7, 0])]
    assert trap[0] == trap[1]
    sequence = np.random.SeedSequence(7)
    plain = (np.random.Philox(sequence).random_raw(5) >> np.uint64(12)) * 2.0**-52
    for replication, other in combinations(range(4), 2):
        assert not np.isclose(uniforms(7, replication, PURPOSE, 5), uniforms(7, other, PURPOSE, 5)).any()
    assert not np.isclose(uniforms(7, 0, PURPOSE, 5), plain).any()
    assert not np.isclose(uniforms(7, 0, PURPOSE, 5), uniforms(7, 0, "", 5)).any()


@pytest.mark.parametrize("seed", [0, 20250602])
def test_first_draws_of_many_replications_are_uniform(seed):
    first = np.array([uniforms(seed, replication, PURPOSE, 2) for replication in range(4000)])
    assert stats.kstest(first[:, 0], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(first[:, 0], first[:, 1])[0, 1]) < 4 / np.sqrt(4000)
    assert abs(np.corrcoef(first[:-1, 0], first[1:, 0])[0, 1]) < 4 / np.sqrt(4000)
