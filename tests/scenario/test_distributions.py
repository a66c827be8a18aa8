"""Every kind against its own cdf, its moments, and SciPy's distributions, which the package itself never uses."""

import itertools
import math
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import integrate, optimize, stats

from sim.scenario.distributions import Distribution
from sim.scenario.schema import json_schema
from sim.scenario.units import Duration, format_duration

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
GRID = 2**-10
LEAST, MOST = 2.0**-53, 1 - 2.0**-53

read = Distribution.model_validate


def lognormal(mean, sd):
    square = math.log(1 + (sd / mean) ** 2)
    return stats.lognorm(s=math.sqrt(square), scale=mean / math.sqrt(1 + (sd / mean) ** 2))


def gamma(mean, sd):
    return stats.gamma(a=(mean / sd) ** 2, scale=sd**2 / mean)


def normal(mean, sd):
    return stats.truncnorm(a=-mean / sd, b=np.inf, loc=mean, scale=sd)


CONTINUOUS = [
    ({"uniform": ["5 min", "9 min"]}, stats.uniform(5 * MINUTE, 4 * MINUTE)),
    ({"uniform": ["0 s", "1 ms"]}, stats.uniform(0, 1)),
    ({"triangular": ["1 min", "2 min", "6 min"]}, stats.triang(c=0.2, loc=MINUTE, scale=5 * MINUTE)),
    ({"triangular": ["1 min", "1 min", "6 min"]}, stats.triang(c=0, loc=MINUTE, scale=5 * MINUTE)),
    ({"triangular": ["1 min", "6 min", "6 min"]}, stats.triang(c=1, loc=MINUTE, scale=5 * MINUTE)),
    ({"exponential": "15 min"}, stats.expon(scale=15 * MINUTE)),
    ({"lognormal": {"mean": "9 h", "sd": "90 min"}}, lognormal(9 * HOUR, 90 * MINUTE)),
    ({"lognormal": {"mean": "1 h", "sd": "2 h"}}, lognormal(HOUR, 2 * HOUR)),
    ({"lognormal": {"mean": "2 ms", "sd": "3 ms"}}, lognormal(2, 3)),
    ({"gamma": {"mean": "2 h", "sd": "1 h"}}, gamma(2 * HOUR, HOUR)),
    ({"gamma": {"mean": "1 h", "sd": "2 h"}}, gamma(HOUR, 2 * HOUR)),
    ({"gamma": {"mean": "9 h", "sd": "1 min"}}, gamma(9 * HOUR, MINUTE)),
    ({"weibull": {"scale": "2 h", "shape": 1.5}}, stats.weibull_min(1.5, scale=2 * HOUR)),
    ({"weibull": {"scale": "2 h", "shape": 0.5}}, stats.weibull_min(0.5, scale=2 * HOUR)),
    ({"weibull": {"scale": "2 h", "shape": 40}}, stats.weibull_min(40, scale=2 * HOUR)),
    ({"normal": {"mean": "30 min", "sd": "5 min"}}, normal(30 * MINUTE, 5 * MINUTE)),
    ({"normal": {"mean": "30 min", "sd": "1 h"}}, normal(30 * MINUTE, HOUR)),
    ({"normal": {"mean": "0 s", "sd": "1 h"}}, normal(0, HOUR)),
]

ATOMS = {"mixture": [{"share": "10%", "of": "7 min"}, {"share": "60%", "of": "5 min"}, {"share": "30%", "of": "1 h"}]}
TWO = {"mixture": [{"share": "80%", "of": "5 min"}, {"share": "20%", "of": {"exponential": "2 h"}}]}
APART = {
    "mixture": [
        {"share": "30%", "of": {"uniform": ["1 min", "2 min"]}},
        {"share": "70%", "of": {"uniform": ["10 min", "20 min"]}},
    ]
}
SMOOTH = {
    "mixture": [
        {"share": "70%", "of": {"lognormal": {"mean": "1 h", "sd": "30 min"}}},
        {"share": "30%", "of": {"gamma": {"mean": "5 h", "sd": "2 h"}}},
    ]
}
NESTED = {"mixture": [{"share": "50%", "of": TWO}, {"share": "50%", "of": {"empirical": {"values": ["1 min", "3 h"]}}}]}
DISCRETE = [
    "15 min",
    "0 s",
    {"constant": "15 min"},
    {"empirical": {"values": ["3 min", "5 min", "3 min", "1 h"]}},
    {"empirical": {"values": ["5 min", "3 min", "4 min"], "weights": [1, 2.5, 0]}},
    ATOMS,
]
MIXED = [TWO, APART, SMOOTH, NESTED]
ALL = [*(form for form, _ in CONTINUOUS), *DISCRETE, *MIXED]


def name(value: object) -> str:
    """Name a case so that every worker of the suite gives it the same name: the oracle's own text holds its address."""
    return value.dist.name if hasattr(value, "dist") else str(value)


@pytest.mark.parametrize(("form", "oracle"), CONTINUOUS, ids=name)
def test_quantile_and_cdf_are_those_of_scipy(form, oracle):
    distribution = read(form)
    u = np.concatenate(([1e-12, 1e-9, 1e-6], np.linspace(0.001, 0.999, 999), [1 - 1e-6, 1 - 1e-9]))
    np.testing.assert_allclose(distribution.quantile(u), oracle.ppf(u), rtol=1e-9, atol=0.01)
    x = np.concatenate(([-1.0, 0.0], oracle.ppf(u), [1e10]))
    np.testing.assert_allclose(distribution.cdf(x), oracle.cdf(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("form", "oracle"), CONTINUOUS, ids=name)
def test_mean_and_variance_are_those_of_scipy(form, oracle):
    distribution = read(form)
    assert distribution.mean == pytest.approx(oracle.mean(), rel=1e-9)
    assert distribution.variance == pytest.approx(oracle.var(), rel=1e-6)


@pytest.mark.parametrize("form", ALL, ids=name)
def test_mean_and_variance_are_the_integrals_of_the_quantile(form):
    distribution = read(form)
    # Midpoints of t, with u = t**2 (3 - 2 t): dense at both ends, where the tails are.
    t = (np.arange(200_000) + 0.5) / 200_000
    weights = 6 * t * (1 - t) / t.size
    x = distribution.quantile(t**2 * (3 - 2 * t))
    mean = weights @ x
    assert mean == pytest.approx(distribution.mean, rel=2e-5, abs=GRID)
    assert weights @ (x - mean) ** 2 == pytest.approx(distribution.variance, rel=2e-4, abs=GRID)


@pytest.mark.parametrize(("form", "oracle"), CONTINUOUS, ids=name)
def test_cdf_undoes_the_quantile(form, oracle):  # noqa: ARG001 - one list for all tests
    distribution = read(form)
    u = (np.arange(100_000) + 0.5) / 100_000
    np.testing.assert_allclose(distribution.cdf(distribution.quantile(u)), u, rtol=0, atol=1e-10)


@pytest.mark.parametrize("form", ALL, ids=name)
def test_quantile_is_the_smallest_duration_that_reaches_the_probability(form):
    distribution = read(form)
    u = (np.arange(20_000) + 0.5) / 20_000
    x = distribution.quantile(u)
    assert np.all(distribution.cdf(x) >= u - 1e-10)
    # A little below it, the probability is not reached yet.
    assert np.all(distribution.cdf(x * (1 - 1e-9) - 2 * GRID) < u)


@pytest.mark.parametrize("form", [*DISCRETE[:4], ATOMS], ids=name)
def test_atoms_are_met_exactly(form):
    u = np.concatenate(([LEAST], np.linspace(0.0005, 0.9995, 1000), [MOST]))
    values = np.unique(read(form).quantile(u))
    assert np.all(values == np.round(values))
    assert values.size <= 3


@pytest.mark.parametrize("form", ALL, ids=name)
def test_sample_follows_the_cdf(form):
    distribution = read(form)
    sample = np.sort(distribution.quantile(np.random.Generator(np.random.Philox(7)).random(200_000)))
    # Kolmogorov-Smirnov at the ends of each run of equal values, so that atoms count too.
    last = np.append(np.flatnonzero(np.diff(sample)), sample.size - 1)
    distance = np.max(np.abs((last + 1) / sample.size - distribution.cdf(sample[last])))
    assert stats.kstwobign.sf(distance * math.sqrt(sample.size)) > 1e-4


@pytest.mark.parametrize("form", ALL, ids=name)
def test_extremes_are_finite_and_never_negative(form):
    u = np.array([LEAST, 2 * LEAST, 1e-12, 0.5, 1 - 1e-12, 1 - 2 * LEAST, MOST])
    with np.errstate(all="raise", under="ignore"):
        x = read(form).quantile(u)
    assert np.all(np.isfinite(x))
    assert np.all(x >= 0)
    assert np.all(np.diff(x) >= 0)


@pytest.mark.parametrize(
    "form",
    [
        {"gamma": {"mean": "9 h", "sd": "1 ms"}},
        {"gamma": {"mean": "1 ms", "sd": "365 days"}},
        {"lognormal": {"mean": "30000 days", "sd": "1 ms"}},
        {"lognormal": {"mean": "1 ms", "sd": "30000 days"}},
        {"weibull": {"scale": "30000 days", "shape": 0.1}},
        {"weibull": {"scale": "1 ms", "shape": 100}},
        {"normal": {"mean": "30000 days", "sd": "1 ms"}},
    ],
    ids=name,
)
def test_odd_parameters_are_finite_too(form):
    distribution = read(form)
    x = distribution.quantile([LEAST, 0.01, 0.5, 0.99, MOST])
    assert np.all(np.isfinite(x))
    assert np.all(np.diff(x) >= 0)
    assert np.all(np.isfinite(distribution.cdf(x)))
    assert math.isfinite(distribution.mean)
    assert distribution.variance > 0


@pytest.mark.parametrize("form", ALL, ids=name)
def test_quantile_never_falls(form):
    distribution = read(form)
    assert np.all(np.diff(distribution.quantile((np.arange(100_000) + 0.5) / 100_000)) >= 0)


@pytest.mark.parametrize("form", MIXED, ids=name)
@pytest.mark.parametrize("centre", [0.3, 0.4, 0.8, 0.999])
def test_mixture_never_falls_between_neighbouring_uniforms(form, centre):
    # So close that the durations are less than the grid apart.
    u = centre + np.arange(-2000, 2000) * 2.0**-53
    assert np.all(np.diff(read(form).quantile(u)) >= 0)


@pytest.mark.parametrize("form", ALL, ids=name)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_shape_of_the_input_is_kept(form, shape):
    distribution = read(form)
    for result in (distribution.quantile(np.full(shape, 0.5)), distribution.cdf(np.full(shape, 5.0 * MINUTE))):
        assert result.shape == shape
        assert result.dtype == np.float64


def test_one_uniform_gives_one_duration_whatever_stands_beside_it():
    u = np.random.Generator(np.random.Philox(11)).random(200)
    for form in ALL:
        distribution = read(form)
        assert np.array_equal(distribution.quantile(u), [distribution.quantile([one])[0] for one in u])


def test_empirical_is_the_generalised_inverse():
    distribution = read({"empirical": {"values": ["5 min", "1 min", "5 min", "1 h"]}})
    u = [0.01, 0.25, math.nextafter(0.25, 1), 0.5, 0.75, math.nextafter(0.75, 1), 0.99]
    assert distribution.quantile(u).tolist() == [MINUTE, MINUTE, *[5 * MINUTE] * 3, HOUR, HOUR]
    assert distribution.cdf([0, MINUTE - 1, MINUTE, 5 * MINUTE, HOUR, 1e12]).tolist() == [0, 0, 0.25, 0.75, 1, 1]
    assert distribution.mean == (MINUTE + 10 * MINUTE + HOUR) / 4


def test_weights_are_repetitions():
    u = (np.arange(1000) + 0.5) / 1000
    weighted = read({"empirical": {"values": ["5 min", "1 min", "1 h"], "weights": [3, 1, 0]}})
    leading = read({"empirical": {"values": ["1 s", "5 min", "1 min"], "weights": [0, 3, 1]}})
    repeated = read({"empirical": {"values": ["5 min", "5 min", "1 min", "5 min"]}})
    assert np.array_equal(weighted.quantile(u), repeated.quantile(u))
    assert np.array_equal(leading.quantile([LEAST, 0.3, MOST]), repeated.quantile([LEAST, 0.3, MOST]))
    assert (weighted.mean, weighted.variance) == (repeated.mean, repeated.variance)


def test_mixture_of_constants_jumps_at_its_shares():
    distribution = read({"mixture": [{"share": "75%", "of": "5 min"}, {"share": "25%", "of": "1 h"}]})
    u = [LEAST, 0.5, 0.75, math.nextafter(0.75, 1), MOST]
    assert distribution.quantile(u).tolist() == [5 * MINUTE, 5 * MINUTE, 5 * MINUTE, HOUR, HOUR]
    assert [distribution.quantile(one) for one in u] == distribution.quantile(u).tolist()
    assert distribution.mean == 0.75 * 5 * MINUTE + 0.25 * HOUR
    assert distribution.variance == pytest.approx(0.75 * 0.25 * (55 * MINUTE) ** 2)


def test_mixture_sorts_its_atoms():
    u = np.array([0.001, 0.599, 0.601, 0.699, 0.701, 0.999])
    expected = [5 * MINUTE, 5 * MINUTE, 7 * MINUTE, 7 * MINUTE, HOUR, HOUR]
    assert read(ATOMS).quantile(u).tolist() == expected


def test_atom_between_others_ends_at_the_sum_of_their_shares():
    shares = {"3 min": "50%", "1 min": "25%", "2 min": "25%"}
    distribution = read({"mixture": [{"share": share, "of": of} for of, share in shares.items()]})
    assert distribution.quantile(0.5) == 2 * MINUTE
    assert distribution.quantile(math.nextafter(0.5, 1)) == 3 * MINUTE


def test_mixture_of_an_atom_and_a_density_follows_its_closed_form():
    # Exponential below the atom, the atom over 80% of the probability, exponential above it.
    u = (np.arange(5000) + 0.5) / 5000
    start = 0.2 * -math.expm1(-5 / 120)
    below, above = -2 * HOUR * np.log1p(-np.minimum(u, start) / 0.2), -2 * HOUR * np.log((1 - np.maximum(u, 0.8)) / 0.2)
    expected = np.where(u <= start, below, np.where(u <= start + 0.8, 5 * MINUTE, above))
    np.testing.assert_allclose(read(TWO).quantile(u), expected, rtol=0, atol=2 * GRID)


def test_mixture_leaves_out_the_gap_between_its_parts():
    u = np.array([0.15, 0.3 - 1e-9, 0.3 + 1e-9, 0.65])
    expected = [1.5 * MINUTE, 2 * MINUTE, 10 * MINUTE, 15 * MINUTE]
    np.testing.assert_allclose(read(APART).quantile(u), expected, rtol=0, atol=0.02)


def test_smooth_mixture_agrees_with_a_root_finder():
    parts = ((0.7, lognormal(HOUR, HOUR / 2)), (0.3, gamma(5 * HOUR, 2 * HOUR)))
    u = np.array([0.001, 0.1, 0.5, 0.69, 0.7, 0.71, 0.9, 0.999])
    roots = [
        optimize.brentq(lambda x, one=one: sum(p * law.cdf(x) for p, law in parts) - one, 1, 1e9, xtol=1e-6)
        for one in u
    ]
    np.testing.assert_allclose(read(SMOOTH).quantile(u), roots, rtol=0, atol=2 * GRID)


def test_mixture_of_one_part_is_that_part():
    u = (np.arange(1000) + 0.5) / 1000
    part = {"lognormal": {"mean": "9 h", "sd": "90 min"}}
    single, alone = read({"mixture": [{"share": "100%", "of": part}]}), read(part)
    np.testing.assert_allclose(single.quantile(u), alone.quantile(u), rtol=0, atol=GRID)
    assert (single.mean, single.variance) == (alone.mean, alone.variance)


durations = st.integers(0, 10**9).map(format_duration)
leaves = st.one_of(
    durations,
    st.lists(st.integers(0, 10**9), min_size=2, max_size=2, unique=True).map(
        lambda ends: {"uniform": [format_duration(end) for end in sorted(ends)]}
    ),
    st.integers(1, 10**9).map(lambda mean: {"exponential": format_duration(mean)}),
    st.lists(durations, min_size=1, max_size=4).map(lambda values: {"empirical": {"values": values}}),
)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(leaves, min_size=2, max_size=3),
    st.sampled_from([(20, 30, 50), (90, 9, 1), (0, 1, 99), (33, 33, 34)]),
    st.lists(st.floats(LEAST, MOST), min_size=20, max_size=20),
)
def test_any_mixture_is_the_inverse_of_its_cdf(parts, percents, u):
    shares = [*percents[: len(parts) - 1], 100 - sum(percents[: len(parts) - 1])]
    mixture = read({"mixture": [{"share": f"{share}%", "of": of} for share, of in zip(shares, parts, strict=True)]})
    u = np.sort(u)
    x = mixture.quantile(u)
    assert np.all(np.diff(x) >= 0)
    assert np.all(mixture.cdf(x + GRID) >= u - 1e-14)
    assert np.all(mixture.cdf(x - 2 * GRID) < u + 1e-14)


@given(st.integers(1, 10**10), st.integers(1, 10**10))
def test_truncation_raises_the_mean_and_lowers_the_variance(mean, sd):
    distribution = read({"normal": {"mean": format_duration(mean), "sd": format_duration(sd)}})
    assert distribution.mean >= mean
    assert 0 < distribution.variance <= float(sd) ** 2


def test_moments_of_the_truncated_normal_are_integrals_of_its_density():
    mean, sd = 30.0 * MINUTE, 25.0 * MINUTE
    whole = integrate.quad(lambda z: math.exp(-z * z / 2), -mean / sd, 40)[0]
    first = integrate.quad(lambda z: (mean + sd * z) * math.exp(-z * z / 2), -mean / sd, 40)[0] / whole
    second = integrate.quad(lambda z: (mean + sd * z - first) ** 2 * math.exp(-z * z / 2), -mean / sd, 40)[0] / whole
    distribution = read({"normal": {"mean": "30 min", "sd": "25 min"}})
    assert distribution.mean == pytest.approx(first, rel=1e-9)
    assert distribution.variance == pytest.approx(second, rel=1e-9)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("90 min", "1 h 30 min"),
        ({"uniform": ["5 min", "9 min"]}, "uniform, 5 min to 9 min"),
        ({"triangular": ["1 min", "2 min", "6 min"]}, "triangular, 1 min to 6 min, most often 2 min"),
        ({"exponential": "15 min"}, "exponential, mean 15 min"),
        ({"lognormal": {"mean": "9 h", "sd": "90 min"}}, "lognormal, mean 9 h, sd 1 h 30 min"),
        ({"gamma": {"mean": "2 h", "sd": "1 h"}}, "gamma, mean 2 h, sd 1 h"),
        ({"weibull": {"scale": "2 h", "shape": 1.5}}, "Weibull, scale 2 h, shape 1.5"),
        ({"normal": {"mean": "30 min", "sd": "5 min"}}, "normal truncated at 0, mean 30 min, sd 5 min"),
        ({"empirical": {"values": ["5 min", "3 min"]}}, "empirical, 2 values from 3 min to 5 min"),
        ({"empirical": {"csv": "f.csv", "column": "m", "unit": "min"}}, "empirical, column m of f.csv"),
        (TWO, "mixture of 80% 5 min; 20% exponential, mean 2 h"),
    ],
    ids=name,
)
def test_text_describes_the_distribution(form, text):
    assert read(form).text == text


@pytest.mark.parametrize("form", ALL, ids=name)
def test_distribution_survives_writing_and_pickling(form):
    distribution = read(form)
    for copy in (
        read(distribution.model_dump()),
        Distribution.model_validate_json(distribution.model_dump_json()),
        pickle.loads(pickle.dumps(distribution)),  # noqa: S301 - our own bytes
        read(distribution),
    ):
        assert copy == distribution
        assert hash(copy) == hash(distribution)
        assert copy.quantile([0.3]) == distribution.quantile([0.3])


def test_short_form_is_a_constant():
    assert read("15 min") == read({"constant": "15 min"})
    assert read("15 min").model_dump() == {"constant": "15 min"}


def test_file_that_was_not_read_cannot_be_used():
    distribution = read({"empirical": {"csv": "f.csv", "column": "minutes", "unit": "min"}})
    for use in (lambda: distribution.quantile([0.5]), lambda: distribution.cdf([0.5]), lambda: distribution.mean):
        with pytest.raises(ValueError, match=r'^column "minutes" of f\.csv has not been read$'):
            use()


KINDS = "constant, uniform, triangular, exponential, lognormal, gamma, weibull, normal, empirical, mixture"
NO_UNIT = 'expected a duration with its unit, such as "15 min", found '
ABOVE_ZERO = "expected a duration above zero; work of fixed length is written as the duration alone"
ORDER = "expected the shortest duration first and a longer one last, found "
SOURCE = "expected either values, such as [3 min, 5 min], or csv with column and unit"
PARTS = "expected a list such as [{share: 80%, of: 5 min}, {share: 20%, of: {exponential: 2 h}}], found "
LOGNORMAL = {"mean": "9 h", "sd": "90 min"}

WRONG = [
    (15, (), f"{NO_UNIT}15"),
    (True, (), f"{NO_UNIT}True"),
    (None, (), f"{NO_UNIT}None"),
    (["5 min"], (), f"{NO_UNIT}['5 min']"),
    ("soon", (), 'expected a duration such as "15 min", "1 h 30 min" or "PT15M", found "soon"'),
    ({}, (), f"expected exactly one of {KINDS}; found none"),
    (
        {"uniform": ["1 s", "2 s"], "constant": "1 s"},
        (),
        f"expected exactly one of {KINDS}; found constant and uniform",
    ),
    ({"uniform": ["1 s", "2 s"], "constant": None}, (), f"expected exactly one of {KINDS}; found constant and uniform"),
    ({"exponential": None}, (), "expected the parameters of exponential, found nothing"),
    ({"lognorml": LOGNORMAL}, ("lognorml",), "Extra inputs are not permitted"),
    ({"constant": 15}, ("constant",), f"{NO_UNIT}15"),
    ({"uniform": "5 min"}, ("uniform",), 'expected a list such as [5 min, 9 min], found "5 min"'),
    ({"uniform": ["5 min"]}, ("uniform",), "expected a list such as [5 min, 9 min], found ['5 min']"),
    ({"uniform": ["9 min", "5 min"]}, ("uniform",), f"{ORDER}[9 min, 5 min]"),
    ({"uniform": ["5 min", "5 min"]}, ("uniform",), f"{ORDER}[5 min, 5 min]"),
    ({"uniform": ["5 min", 9]}, ("uniform", 1), f"{NO_UNIT}9"),
    (
        {"triangular": ["1 s", "2 s"]},
        ("triangular",),
        "expected a list such as [1 min, 2 min, 6 min], found ['1 s', '2 s']",
    ),
    ({"triangular": ["2 s", "1 s", "6 s"]}, ("triangular",), f"{ORDER}[2 s, 1 s, 6 s]"),
    ({"triangular": ["1 s", "9 s", "6 s"]}, ("triangular",), f"{ORDER}[1 s, 9 s, 6 s]"),
    ({"triangular": ["2 s", "2 s", "2 s"]}, ("triangular",), f"{ORDER}[2 s, 2 s, 2 s]"),
    ({"exponential": "0 s"}, ("exponential",), ABOVE_ZERO),
    ({"lognormal": "9 h"}, ("lognormal",), 'expected a mapping such as {mean: 9 h, sd: 90 min}, found "9 h"'),
    ({"lognormal": {"mean": "9 h"}}, ("lognormal", "sd"), "Field required"),
    ({"lognormal": LOGNORMAL | {"median": "8 h"}}, ("lognormal", "median"), "Extra inputs are not permitted"),
    ({"lognormal": LOGNORMAL | {"sd": "0 s"}}, ("lognormal", "sd"), ABOVE_ZERO),
    ({"lognormal": LOGNORMAL | {"mean": "0 s"}}, ("lognormal", "mean"), ABOVE_ZERO),
    ({"gamma": ["2 h", "1 h"]}, ("gamma",), "expected a mapping such as {mean: 2 h, sd: 1 h}, found ['2 h', '1 h']"),
    ({"gamma": {"mean": "2 h", "sd": "0 s"}}, ("gamma", "sd"), ABOVE_ZERO),
    ({"gamma": {"mean": "0 s", "sd": "1 s"}}, ("gamma", "mean"), ABOVE_ZERO),
    ({"weibull": 2}, ("weibull",), "expected a mapping such as {scale: 2 h, shape: 1.5}, found 2"),
    ({"weibull": {"scale": "0 s", "shape": 1}}, ("weibull", "scale"), ABOVE_ZERO),
    (
        {"weibull": {"scale": "2 h", "shape": 0}},
        ("weibull", "shape"),
        "expected a shape from 0.1 to 100, such as 1.5, found 0",
    ),
    (
        {"weibull": {"scale": "2 h", "shape": math.nan}},
        ("weibull", "shape"),
        "expected a shape from 0.1 to 100, such as 1.5, found nan",
    ),
    ({"weibull": {"scale": "2 h", "shape": "1.5"}}, ("weibull", "shape"), "Input should be a valid number"),
    ({"weibull": {"scale": "2 h", "shape": True}}, ("weibull", "shape"), "Input should be a valid number"),
    ({"normal": 5}, ("normal",), "expected a mapping such as {mean: 30 min, sd: 5 min}, found 5"),
    ({"normal": {"mean": "5 s", "sd": "0 s"}}, ("normal", "sd"), ABOVE_ZERO),
    ({"empirical": ["5 min"]}, ("empirical",), "expected a mapping such as {values: [3 min, 5 min]}, found ['5 min']"),
    ({"empirical": {}}, ("empirical",), SOURCE),
    ({"empirical": {"values": ["5 min"], "csv": "f.csv"}}, ("empirical",), SOURCE),
    ({"empirical": {"csv": "f.csv", "column": "m"}}, ("empirical",), SOURCE),
    ({"empirical": {"column": "m", "unit": "min"}}, ("empirical",), SOURCE),
    (
        {"empirical": {"csv": "f.csv", "column": "m", "unit": "moon"}},
        ("empirical",),
        'expected a unit of time such as "min", found "moon"',
    ),
    ({"empirical": {"values": []}}, ("empirical", "values"), "expected a list such as [3 min, 5 min], found []"),
    ({"empirical": {"values": ["5 min", 3]}}, ("empirical", "values", 1), f"{NO_UNIT}3"),
    (
        {"empirical": {"values": ["5 min"], "weights": [1, 2]}},
        ("empirical",),
        "expected one weight for each value, found 2 for 1",
    ),
    (
        {"empirical": {"values": ["5 min"], "weights": [0]}},
        ("empirical",),
        "expected at least one weight above zero, such as [2, 1]",
    ),
    (
        {"empirical": {"values": ["5 min"], "weights": [-1]}},
        ("empirical", "weights", 0),
        "expected a finite weight of zero or more, such as 2, found -1",
    ),
    (
        {"empirical": {"values": ["5 min"], "weights": [math.inf]}},
        ("empirical", "weights", 0),
        "expected a finite weight of zero or more, such as 2, found inf",
    ),
    ({"mixture": []}, ("mixture",), f"{PARTS}[]"),
    ({"mixture": "5 min"}, ("mixture",), f'{PARTS}"5 min"'),
    ({"mixture": ["5 min"]}, ("mixture", 0), 'expected a mapping such as {share: 80%, of: 5 min}, found "5 min"'),
    ({"mixture": [{"share": "90%", "of": "1 s"}]}, ("mixture",), "expected shares that sum to 100%, found 90%"),
    ({"mixture": [{"share": "60%", "of": "1 s"}] * 2}, ("mixture",), "expected shares that sum to 100%, found 120%"),
    (
        {"mixture": [{"share": 1, "of": "1 s"}]},
        ("mixture", 0, "share"),
        'expected a share with its percent sign, such as "12%", found 1',
    ),
    ({"mixture": [{"share": "100%", "of": 5}]}, ("mixture", 0, "of"), f"{NO_UNIT}5"),
    (
        {"mixture": [{"share": "100%", "of": {"uniform": ["1 s", 9]}}]},
        ("mixture", 0, "of", "uniform", 1),
        f"{NO_UNIT}9",
    ),
]


@pytest.mark.parametrize(("form", "place", "sentence"), WRONG, ids=name)
def test_wrong_form_is_refused_at_its_place_in_one_sentence(form, place, sentence):
    with pytest.raises(ValidationError) as caught:
        read(form)
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert error["msg"].removeprefix("Value error, ").startswith(sentence)


def test_all_problems_are_reported_at_once():
    with pytest.raises(ValidationError) as caught:
        read({"mixture": [{"share": "50%", "of": 5}, {"share": 0.5, "of": {"normal": {"mean": 1, "sd": "0 s"}}}]})
    places = [error["loc"][1:] for error in caught.value.errors()]
    assert places == [(0, "of"), (1, "share"), (1, "of", "normal", "mean"), (1, "of", "normal", "sd")]


def test_distribution_is_frozen():
    distribution = read("15 min")
    with pytest.raises(ValidationError, match="frozen"):
        distribution.constant = None


def test_json_schema_knows_both_forms_and_describes_each_key():
    schema = json_schema(Distribution)
    short, mapping = schema["$defs"]["Distribution"]["anyOf"]
    assert short == TypeAdapter(Duration).json_schema()
    assert list(mapping["properties"]) == KINDS.split(", ")
    assert (mapping["minProperties"], mapping["maxProperties"], mapping["additionalProperties"]) == (1, 1, False)
    objects = [mapping, *(entry for entry in schema["$defs"].values() if "properties" in entry)]
    fields = list(itertools.chain.from_iterable(entry["properties"].items() for entry in objects))
    assert len(fields) >= 25
    for key, field in fields:
        assert re.search(r"\w.*\.$", field["description"]), key
        assert not {"anyOf", "default"} & field.keys(), key


def test_import_does_not_load_scipy():
    program = "import sys, sim.scenario.distributions; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
