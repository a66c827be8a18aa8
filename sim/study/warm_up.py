"""Whether the warm-up is long enough: MSER-5 on the time in port by time of arrival, over all replications.

A port begins empty. The marginal standard error rule (White 1997, doi:10.1177/003754979706900601; on batches of five it
is called MSER-5) cuts as much from the beginning as makes the standard error of the mean of the rest least: a biased
beginning spreads the values, a cut leaves fewer of them. Where it wants more than half, the series has not settled, and
there is nothing to advise.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.measures.clocks import PRESENCE
from sim.scenario.units import DAY, HOUR

BATCH = 5
"""Entities of each replication in a batch, on average at least."""
LAST = 5
"""Batches at the end with which nothing is cut: the error of so few of them is small by chance."""
FEWEST = 10
"""Batches below which nothing is said."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What MSER-5 says of the flows of a mode."""

    longest: int | None
    """The longest cut of any flow that settles, from the beginning, in ms; None if there is none."""
    flow: str | None
    """Whose it is."""
    unsettled: tuple[str, ...]
    """Flows of which it would cut more than half, or that have no steady state by their load."""
    too_few: tuple[str, ...]
    """Flows with too few entities to say anything."""

    @property
    def advised(self) -> int | None:
        """The longest cut in whole days, below a day in whole hours, in ms."""
        if self.longest is None:
            return None
        unit = DAY if self.longest > DAY else HOUR
        return -(-self.longest // unit) * unit


def mser(batches: NDArray[np.float64]) -> int:
    """How many batches to cut from the beginning so that the standard error of the mean of the rest is least."""
    left = len(batches) - np.arange(len(batches))
    centred = batches - batches.mean()
    sums, squares = (np.cumsum(each[::-1])[::-1] for each in (centred, centred**2))
    error = (squares - sums**2 / left) / left**2
    return int(np.argmin(error[: max(1, len(batches) - LAST + 1)]))


def warm_up(series: pd.DataFrame, mode: str, unsteady: Collection[tuple[str, str]]) -> WarmUp:
    """Look at every flow of a mode.

    Args:
        series: The series of all runs, of which those over the time of arrival are read.
        mode: Which mode.
        unsteady: Ports and flows without steady state by their load.
    """
    lines = series[(series["axis"] == "arrival") & (series["mode"] == mode)]
    cuts: dict[str, int] = {}
    unsettled, too_few = [], []
    for (port, flow), rows in lines.groupby(["port", "subject"], sort=False):
        begins, batches = _batches(rows)
        if (port, flow) in unsteady:
            unsettled.append(flow)
        elif len(batches) < FEWEST:
            too_few.append(flow)
        elif 2 * (cut := mser(batches)) > len(batches):
            unsettled.append(flow)
        else:
            cuts[flow] = round(begins[cut] * HOUR)
    longest = max(cuts, key=lambda flow: cuts[flow], default=None)
    return WarmUp(cuts[longest] if longest is not None else None, longest, tuple(unsettled), tuple(too_few))


def _batches(rows: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Begin in hours and mean of batches of entities that arrive one after the other, all replications together."""
    mean, count = (
        rows[rows["measure"] == measure].set_index(["replication", "x"])["value"] for measure in (PRESENCE, "arrivals")
    )
    stretches = pd.DataFrame({"count": count, "sum": (mean * count).fillna(0)}).groupby(level="x", sort=True).sum()
    least = BATCH * rows["replication"].nunique()
    number = (stretches["count"].cumsum().shift(fill_value=0) // least).to_numpy()
    found = (
        stretches.assign(begin=stretches.index).groupby(number).agg({"begin": "first", "count": "sum", "sum": "sum"})
    )
    found = found[found["count"] >= least]
    return found["begin"].to_numpy(dtype=np.float64), (found["sum"] / found["count"]).to_numpy()
