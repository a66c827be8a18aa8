"""What is kept of the tables of runs that pass by, one after the other, so that ten thousand of them find room.

Of the measures that is one number a row and run, of the series what a chart shows of all runs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.study.estimates import KEYS

LINE = ["port", "subject", "measure", "axis", "unit"]
"""What names a line of the series."""
LINE_COLUMNS = ["mode", *LINE, "x", "mean", "low", "high"]


class RowNames:
    """The names of the rows that runs have, each once, in the order in which they first come."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self.table = pd.DataFrame(columns=self.columns)

    def __len__(self) -> int:
        return len(self.table)

    def values(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """The values of a run by the names of all runs so far; NaN where it has no such row, or no value in it."""
        named = rows[self.columns].reset_index(drop=True)
        if not len(self):
            self.table = named
        if self._is(named):
            return rows["value"].to_numpy(dtype=np.float64)
        places = pd.MultiIndex.from_frame(self.table).get_indexer(pd.MultiIndex.from_frame(named))
        new = places < 0
        places[new] = len(self) + np.arange(np.count_nonzero(new))
        self.table = pd.concat([self.table, named[new]], ignore_index=True)
        found = np.full(len(self), np.nan)
        found[places] = rows["value"]
        return found

    def _is(self, named: pd.DataFrame) -> bool:
        """Whether a run has just the same rows, as nearly every run has; this is much quicker than to look each up."""
        return len(named) == len(self) and all(named[key].equals(self.table[key]) for key in self.columns)


def grown(values: NDArray[Any], size: int, blank: float) -> NDArray[Any]:
    """The same values with blanks behind them."""
    return np.append(values, np.full(size - len(values), blank, dtype=values.dtype))


class Values:
    """The measures of the runs of a mode."""

    def __init__(self) -> None:
        self.names = RowNames(KEYS)
        self.columns: dict[int, NDArray[np.float64]] = {}
        """By replication; those of later runs may be longer."""

    def add(self, replication: int, measures: pd.DataFrame) -> None:
        """Keep the measures of a run."""
        self.columns[replication] = self.names.values(measures).copy()  # or the whole table of the run would be kept

    def table(self) -> pd.DataFrame:
        """One row a measure, one column a replication; NaN where a run has no such row, or no value in it."""
        values = np.full((len(self.names), len(self.columns)), np.nan)
        for place, column in enumerate(self.columns.values()):
            values[: len(column), place] = column
        return pd.DataFrame(
            values,
            index=pd.MultiIndex.from_frame(self.names.table),
            columns=pd.Index(list(self.columns), dtype=np.int64, name="replication"),
            copy=False,  # it would lie the other way round in memory, and sums of rows would have other last digits
        )


class Lines:
    """The series of the runs of a mode: at each point how many have a value, their sum, the lowest and the highest."""

    def __init__(self) -> None:
        self.names = RowNames([*LINE, "x"])
        self.line = np.zeros(0, dtype=np.intp)
        """By point, to which line it belongs."""
        self.runs = np.zeros(0, dtype=np.int64)
        """By line, how many runs have any value of it."""
        self.count = np.zeros(0, dtype=np.int64)
        self.sum, self.low, self.high = (np.zeros(0) for _ in range(3))

    def add(self, series: pd.DataFrame) -> NDArray[np.float64]:
        """Take the series of a run in; its values by the names of all so far."""
        values = self.names.values(series)
        if len(self.names) > len(self.count):
            self._grow()
        known = ~np.isnan(values)
        self.count += known
        self.sum[known] += values[known]
        self.low, self.high = np.fmin(self.low, values), np.fmax(self.high, values)
        self.runs += np.bincount(self.line[known], minlength=len(self.runs)) > 0
        return values

    def _grow(self) -> None:
        size = len(self.names)
        self.line = self.names.table.groupby(LINE, sort=False).ngroup().to_numpy()  # old lines keep their numbers
        self.runs = grown(self.runs, self.line.max() + 1, 0)
        self.count, self.sum = grown(self.count, size, 0), grown(self.sum, size, 0)
        self.low, self.high = grown(self.low, size, np.inf), grown(self.high, size, -np.inf)

    def table(self, mode: str) -> pd.DataFrame:
        """One row a point that any run has: mean, lowest and highest.

        There is no mean where a run that has the line lacks the point, and nothing at all where a run has a quantile
        beyond the horizon, which is infinite.
        """
        found = self.names.table.assign(mode=mode)
        beyond = np.isinf(self.low) | np.isinf(self.high)
        mean = np.divide(self.sum, self.count, out=np.full(len(found), np.nan), where=self.count > 0)
        found["mean"] = np.where(beyond | (self.count < self.runs[self.line]), np.nan, mean)
        found["low"], found["high"] = (np.where(beyond, np.nan, edge) for edge in (self.low, self.high))
        return found.loc[self.count > 0, LINE_COLUMNS].reset_index(drop=True)
