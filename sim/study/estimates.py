"""Across replications: means with Student-t intervals, and paired differences between modes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KEYS = ["port", "subject", "measure", "statistic", "unit"]
ESTIMATE_COLUMNS = ["mode", *KEYS, "n", "mean", "ci_low", "ci_high", "steady"]
COMPARISON_COLUMNS = [
    "baseline", "mode", *KEYS, "baseline_mean", "mode_mean", "difference", "ci_low", "ci_high", "relative",
    "variance_reduction", "steady",
]  # fmt: skip
CONFIDENCE = 0.95
Measures = Mapping[str, pd.DataFrame]
"""By mode the measures of its runs: a row each, named by `KEYS`, and a column a replication."""
Unsteady = Mapping[str, Collection[tuple[str, str]]]
"""By mode the ports and subjects without steady state; see `sim.study.steady_state`."""


def half_width(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half of the 95 % interval of each row's mean; NaN for fewer than two values, or where one is infinite.

    Args:
        values: Shape (rows, replications), NaN where there is no value.
    """
    from scipy.special import stdtrit  # 0.1 s that `--help` need not pay

    n = np.sum(~np.isnan(values), axis=1)
    result = np.full(len(values), np.nan)
    enough = (n > 1) & ~np.isinf(values).any(axis=1)
    spread = np.nanstd(values[enough], axis=1, ddof=1)
    result[enough] = stdtrit(n[enough] - 1, 0.5 + CONFIDENCE / 2) * spread / np.sqrt(n[enough])
    return result


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    n = np.sum(~np.isnan(values), axis=1)
    return np.where(n > 0, np.nansum(values, axis=1) / np.maximum(n, 1), np.nan)


def _steady(keys: pd.DataFrame, unsteady: Collection[tuple[str, str]]) -> NDArray[np.bool_]:
    """Which rows have a steady state; how many come is decided by the demand alone and always has one."""
    arrivals = ((keys["measure"] == "arrivals") | (keys["statistic"] == "count")).to_numpy()
    subjects = keys["subject"].str.partition("/")[0]
    known = np.array([row not in unsteady for row in zip(keys["port"], subjects, strict=True)], dtype=np.bool_)
    return arrivals | known


def estimates(measures: Measures, modes: Sequence[str], unsteady: Unsteady | None = None) -> pd.DataFrame:
    """Mean and 95 % interval of every measure across replications, of those that have a value.

    A quantile that lies beyond the horizon in some replication is infinite, and so is its mean.

    Args:
        measures: Those of all runs.
        modes: Which modes, in this order.
        unsteady: What has no steady state, and therefore no interval.

    Returns:
        A table with `ESTIMATE_COLUMNS`; intervals are blank for a single replication and without steady state.
    """
    parts = [pd.DataFrame(columns=ESTIMATE_COLUMNS)]
    for mode in modes:
        values = measures[mode].to_numpy()
        table = measures[mode].index.to_frame(index=False)
        steady = _steady(table, (unsteady or {}).get(mode, ()))
        mean, half = _means(values), np.where(steady, half_width(values), np.nan)
        table.insert(0, "mode", mode)
        n = np.sum(~np.isnan(values), axis=1)
        parts.append(table.assign(n=n, mean=mean, ci_low=mean - half, ci_high=mean + half, steady=steady))
    return pd.concat(parts[1:], ignore_index=True)[ESTIMATE_COLUMNS] if len(parts) > 1 else parts[0]


def comparison(
    measures: Measures, baseline: str, modes: Sequence[str], unsteady: Unsteady | None = None
) -> pd.DataFrame:
    """Paired differences of every mode to a baseline, replication by replication.

    `variance_reduction` says how many times the variance of the difference would be larger had the modes not shared
    their luck; it is blank where there is nothing to reduce. `relative` is the difference over the baseline's mean.
    Where a quantile lies beyond the horizon in some replication, its mean is infinite and its difference not known.
    Where one of the modes has no steady state, there is no interval.

    Returns:
        A table with `COMPARISON_COLUMNS`, of the measures that both modes have.
    """
    base = measures[baseline]
    parts = []
    for mode in modes:
        if mode == baseline:
            continue
        other = measures[mode]
        shared = base.index[base.index.isin(other.index)]
        one, two = base.loc[shared].to_numpy(), other.loc[shared].to_numpy()
        replications = min(one.shape[1], two.shape[1])
        one, two = one[:, :replications], two[:, :replications]
        both = ~(np.isnan(one) | np.isnan(two))
        one, two = np.where(both, one, np.nan), np.where(both, two, np.nan)
        beyond = np.isinf(one).any(axis=1) | np.isinf(two).any(axis=1)
        difference = np.full(one.shape, np.nan)
        difference[~beyond] = two[~beyond] - one[~beyond]
        table = shared.to_frame(index=False)
        steady = _steady(table, {subject for each in (baseline, mode) for subject in (unsteady or {}).get(each, ())})
        mean, half = _means(difference), np.where(steady, half_width(difference), np.nan)
        variance = _variance(difference)
        with np.errstate(divide="ignore", invalid="ignore"):
            reduction = np.where(variance > 0, (_variance(one) + _variance(two)) / variance, np.nan)
            base_mean = _means(one)
            relative = np.where(base_mean != 0, mean / base_mean, np.nan)
        table.insert(0, "mode", mode)
        table.insert(0, "baseline", baseline)
        parts.append(
            table.assign(
                baseline_mean=base_mean,
                mode_mean=_means(two),
                difference=mean,
                ci_low=mean - half,
                ci_high=mean + half,
                relative=relative,
                variance_reduction=reduction,
                steady=steady,
            )
        )
    return (
        pd.concat(parts, ignore_index=True)[COMPARISON_COLUMNS] if parts else pd.DataFrame(columns=COMPARISON_COLUMNS)
    )


def _variance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    n = np.sum(~np.isnan(values), axis=1)
    result = np.full(len(values), np.nan)
    enough = (n > 1) & ~np.isinf(values).any(axis=1)
    result[enough] = np.nanvar(values[enough], axis=1, ddof=1)
    return result
