"""How many replications are enough: until the interval is narrow against what it is about.

What is looked at is the mean time in port of all flows of each port: with several modes its paired difference to the
first mode, with one mode the mean itself. The rule must hold for some more replications in a row (the look-ahead of
Hoad, Robinson and Davies 2010), so that a lucky narrow interval does not end the study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.measures.table import ALL
from sim.scenario.procedure import PRESENCE
from sim.study.estimates import half_width

FEWEST = 10
"""Replications before the rule is first asked."""
LOOK_AHEAD = 5
"""Replications in a row for which it must hold."""
MOST = 200
"""Replications after which a study gives up, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How narrow the intervals are, each half-width as a share of its value."""

    wanted: float
    reached: bool
    achieved: dict[str, float]
    """By port (and mode, where several are compared), at least one; infinite where zero lies in the interval."""

    @property
    def worst(self) -> float:
        """The widest."""
        return self.achieved[self.where]

    @property
    def where(self) -> str:
        """Where it is the widest."""
        return max(self.achieved, key=lambda name: self.achieved[name])

    def shortfall(self, count: int) -> str:
        """Say how far it is from what is wanted after a number of replications."""
        if self.worst <= self.wanted:
            best = f"±{self.worst:.1%} for {self.where} does not last yet"
        elif np.isfinite(self.worst):
            best = f"best so far ±{self.worst:.1%} for {self.where}"
        else:
            best = f"zero lies in the interval of {self.where}"
        return f"the precision of {self.wanted:.1%} is not reached after {count} replications: {best}"


def precision(measures: pd.DataFrame, modes: Sequence[str], wanted: float) -> Precision:
    """Say whether enough replications have been made.

    Args:
        measures: All measures so far, every mode with the same replications.
        modes: The first is the baseline.
        wanted: Largest half-width as a share of the value.
    """
    values = _values(measures, modes)
    reached = all(lasts(column, wanted) for column in values.values())
    return Precision(wanted, reached, {name: relative_half_width(column) for name, column in values.items()})


def lasts(column: NDArray[np.float64], wanted: float) -> bool:
    """Whether the interval of one value a replication is narrow enough, and was so for the last replications."""
    sizes = range(max(FEWEST, len(column) - LOOK_AHEAD + 1), len(column) + 1)
    return len(sizes) >= LOOK_AHEAD and all(relative_half_width(column[:size]) <= wanted for size in sizes)


def next_count(count: int, found: Precision, most: int) -> int:
    """How many replications to try next: as many as the interval seems to need, at most twice as many as now."""
    needed = ceil(count * (found.worst / found.wanted) ** 2) if np.isfinite(found.worst) else 2 * count
    enough = max(FEWEST + LOOK_AHEAD - 1, count + 1, min(needed, 2 * count))
    return min(enough, most)


def presence(measures: pd.DataFrame) -> pd.DataFrame:
    """The measures that are looked at."""
    return measures[
        (measures["measure"] == PRESENCE) & (measures["subject"] == ALL) & (measures["statistic"] == "mean")
    ]


def _values(measures: pd.DataFrame, modes: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """What is looked at: one value a replication."""
    chosen = presence(measures)
    table = chosen.pivot_table(index=["port", "replication"], columns="mode", values="value")
    values: dict[str, NDArray[np.float64]] = {}
    for port in sorted(set(chosen["port"])):
        here = table.loc[port]
        if len(modes) == 1:
            values[port] = here[modes[0]].to_numpy(dtype=np.float64)
        for mode in modes[1:]:
            values[f"{port}/{mode}"] = (here[mode] - here[modes[0]]).to_numpy(dtype=np.float64)
    return values


def relative_half_width(column: NDArray[np.float64]) -> float:
    """Half-width over the value; a difference of exactly zero in every replication is known for certain."""
    half, mean = float(half_width(column[None, :])[0]), abs(float(column.mean()))
    if np.isnan(half):
        return float("inf")
    if half == 0:
        return 0.0
    return half / mean if mean > half else float("inf")
