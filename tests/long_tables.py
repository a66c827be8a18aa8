"""Tables with the rows of many runs, as tests write them down, and what a study makes of them."""

from collections.abc import Iterator, Sequence

import pandas as pd

from sim.study import estimates as statistics_of
from sim.study.across import Lines, Values
from sim.study.estimates import Measures, Unsteady


def runs_of(table: pd.DataFrame) -> Iterator[tuple[str, int, pd.DataFrame]]:
    """Mode, replication and rows of each run, by mode as they come and by replication in their order."""
    for mode in dict.fromkeys(table["mode"]):
        for replication, rows in table[table["mode"] == mode].groupby("replication"):
            yield mode, replication, rows


def by_replication(measures: pd.DataFrame) -> Measures:
    """By mode one row a measure, one column a replication."""
    found: dict[str, Values] = {}
    for mode, replication, rows in runs_of(measures):
        found.setdefault(mode, Values()).add(replication, rows)
    return {mode: values.table() for mode, values in found.items()}


def lines(series: pd.DataFrame) -> pd.DataFrame:
    """Mean, lowest and highest of the series over all replications."""
    found: dict[str, Lines] = {}
    for mode, _, rows in runs_of(series):
        found.setdefault(mode, Lines()).add(rows)
    return pd.concat([line.table(mode) for mode, line in found.items()], ignore_index=True)


def estimates(measures: pd.DataFrame, modes: Sequence[str], unsteady: Unsteady | None = None) -> pd.DataFrame:
    """Mean and 95 % interval of every measure across replications."""
    return statistics_of.estimates(by_replication(measures), modes, unsteady)


def comparison(
    measures: pd.DataFrame, baseline: str, modes: Sequence[str], unsteady: Unsteady | None = None
) -> pd.DataFrame:
    """Paired differences of every mode to a baseline."""
    return statistics_of.comparison(by_replication(measures), baseline, modes, unsteady)
