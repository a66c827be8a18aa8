"""Whether the warm-up is long enough: MSER-5 on the time in port by time of arrival, over all replications.

A port begins empty. The marginal standard error rule (White 1997, doi:10.1177/003754979706900601; on batches of five it
is called MSER-5) cuts as much from the beginning as makes the standard error of the mean of the rest least: a biased
beginning spreads the values, a cut leaves fewer of them. Where it wants more than half, the series has not settled, and
there is nothing to advise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.scenario.procedure import PRESENCE
from sim.scenario.units import DAY, HOUR
from sim.study.across import RowNames, grown

BATCH = 5
"""Entities of each replication in a batch, on average at least."""
LAST = 5
"""Batches at the end with which nothing is cut: the error of so few of them is small by chance."""
FEWEST = 10
"""Batches below which nothing is said."""
NOWHERE = -1
"""The place behind the last one, where no run has a value."""


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


class Stretches:
    """Entities of each flow of a mode and their time in port by the time of arrival, over its runs."""

    def __init__(self, names: RowNames) -> None:
        self.names = names
        """Of the points of the series of all runs."""
        self.known = 0
        """So many of them have been looked at."""
        self.table = pd.DataFrame(columns=["port", "subject", "x", "counted", "timed"])
        """By stretch, where its two points stand among the names; the second may be `NOWHERE`."""
        self.flow = np.zeros(0, dtype=np.intp)
        """By stretch, the number of its flow."""
        self.runs = np.zeros(0, dtype=np.int64)
        """By flow, how many runs have it."""
        self.count, self.sum, self.lost = (np.zeros(0) for _ in range(3))

    def add(self, points: NDArray[np.float64]) -> None:
        """Take a run in, as its values by those names.

        The sum is compensated (Kahan): what an addition loses is made good by the next one, so that the sum of ten
        thousand runs is as precise as that of ten.
        """
        if len(self.names) > self.known:
            self._grow()
        count = points[self.table["counted"]]
        at = np.flatnonzero(~np.isnan(count))
        mean = np.append(points, np.nan)[self.table["timed"]]
        more = np.nan_to_num(mean[at] * count[at]) - self.lost[at]
        total = self.sum[at] + more
        self.lost[at] = total - self.sum[at] - more
        self.sum[at] = total
        self.count[at] += count[at]
        self.runs += np.bincount(self.flow[at], minlength=len(self.runs)) > 0

    def _grow(self) -> None:
        names = self.names.table.reset_index()
        names = names[names["axis"] == "arrival"]
        counted, timed = (
            names.loc[names["measure"] == measure, ["port", "subject", "x", "index"]].rename(columns={"index": place})
            for measure, place in (("arrivals", "counted"), (PRESENCE, "timed"))
        )
        self.known = len(self.names)
        self.table = (
            counted.merge(timed, on=["port", "subject", "x"], how="left")
            .fillna({"timed": NOWHERE})
            .astype({"timed": np.intp})
        )
        self.flow = self.table.groupby(["port", "subject"], sort=False).ngroup().to_numpy()  # old ones keep theirs
        self.runs = grown(self.runs, self.flow.max(initial=-1) + 1, 0)
        self.count, self.sum, self.lost = (
            grown(values, len(self.table), 0) for values in (self.count, self.sum, self.lost)
        )

    def of_flows(self) -> Iterator[tuple[tuple[str, str], int, pd.DataFrame]]:
        """Port and flow, how many runs have it, and a row a stretch: x, count and sum."""
        table = self.table.assign(count=self.count, sum=self.sum)
        for number, (flow, rows) in enumerate(table.groupby(["port", "subject"], sort=False)):
            yield flow, int(self.runs[number]), rows.sort_values("x")


def warm_up(stretches: Stretches, unsteady: Collection[tuple[str, str]]) -> WarmUp:
    """Look at every flow of a mode.

    Args:
        stretches: What its runs say.
        unsteady: Ports and flows without steady state by their load.
    """
    cuts: dict[str, int] = {}
    unsettled, too_few = [], []
    for (port, flow), runs, rows in stretches.of_flows():
        begins, batches = _batches(rows, BATCH * runs)
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


def _batches(stretches: pd.DataFrame, least: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Begin in hours and mean of batches of entities that arrive one after the other, all replications together."""
    number = (stretches["count"].cumsum().shift(fill_value=0) // least).to_numpy()
    found = stretches.groupby(number).agg({"x": "first", "count": "sum", "sum": "sum"})
    found = found[found["count"] >= least]
    return found["x"].to_numpy(dtype=np.float64), (found["sum"] / found["count"]).to_numpy()
