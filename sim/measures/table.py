"""The tidy tables of measures: their columns, and a way to fill them row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.scenario.steps import Steps
from sim.scenario.units import HOUR

Part = TypeVar("Part")
Summary = TypeVar("Summary")

MEASURE_COLUMNS = ("mode", "replication", "port", "subject", "measure", "statistic", "unit", "value")
SERIES_COLUMNS = ("mode", "replication", "port", "subject", "measure", "axis", "x", "unit", "value")
HOURLY = 84 * 24
"""Points of a line over the window, at most."""
ALL = "all"
"""The subject that stands for all flows of a port."""


def summed_up(
    parts: Iterable[tuple[str, str, Part]], sum_up: Callable[[list[Part]], Summary]
) -> Iterator[tuple[str, str, Summary]]:
    """What is said of every flow, and of all flows of a port together; found once where a port has one flow.

    Args:
        parts: Port, flow, and what is known of one of its routes.
        sum_up: Makes one statement of several parts.

    Yields:
        Port, subject (a flow or `ALL`), statement.
    """
    by_flow: dict[tuple[str, str], list[Part]] = {}
    by_port: dict[str, list[Part]] = {}
    for port, flow, part in parts:
        by_flow.setdefault((port, flow), []).append(part)
        by_port.setdefault(port, []).append(part)
    alone: dict[str, Summary] = {}
    for (port, flow), own in by_flow.items():
        said = sum_up(own)
        if len(own) == len(by_port[port]):
            alone[port] = said
        yield port, flow, said
    for port, everything in sorted(by_port.items()):
        yield port, ALL, alone[port] if port in alone else sum_up(everything)


@dataclass(frozen=True, slots=True)
class Level:
    """A number over the measured window."""

    mean: float
    p95: float
    """What it does not exceed for 95 % of the time."""
    most: float
    hours: NDArray[np.float64]
    """Where stretches of the window begin, in hours from its begin: all hours, or where these are more than `HOURLY`
    every few hours, so that a long run needs little more room than a short one."""
    means: NDArray[np.float64]
    """The mean in each of them."""

    @classmethod
    def of(cls, steps: Steps, window: tuple[int, int]) -> Level:
        """The number that changes in steps."""
        begin, end = window
        length = -(-(end - begin) // (HOUR * HOURLY))
        edges = np.arange(begin, end + 1, length * HOUR)
        here = steps.within(begin, end)
        lengths = np.diff(here.times, append=end)
        lowest = here.values.min()
        above = here.values - lowest if lowest else here.values
        share = np.cumsum(np.bincount(above, weights=lengths)) / (end - begin)
        place = np.searchsorted(here.times, edges, side="right") - 1
        # The area up to an edge is that up to the next step, less what is between them.
        behind = here.values[place] * (here.times[place] + lengths[place] - edges)
        area = np.multiply(here.values, lengths, out=lengths)
        np.cumsum(area, out=area)
        return cls(
            mean=float(area[-1] / (end - begin)),
            p95=float(lowest + np.searchsorted(share, 0.95)),
            most=float(here.values.max()),
            hours=np.arange(len(edges) - 1, dtype=np.float64) * length,
            means=np.diff(area[place] - behind) / (length * HOUR),
        )


@dataclass(slots=True)
class Tables:
    """Rows of one run."""

    mode: str
    replication: int
    measures: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[tuple[tuple[str, str, str, str, str], NDArray[np.float64], NDArray[np.float64]]] = field(
        default_factory=list
    )
    """Port, subject, measure, axis, unit; x; values."""

    def add(self, port: str, subject: str, measure: str, unit: str, **statistics: float) -> None:
        """Add one row a statistic; NaN stands for a value that does not exist."""
        for statistic, value in statistics.items():
            self.measures.append((self.mode, self.replication, port, subject, measure, statistic, unit, float(value)))

    def add_level(self, port: str, subject: str, measure: str, level: Level) -> None:
        """Add what is said of a number over the window, and its course."""
        self.add(port, subject, measure, "entities", mean=level.mean, p95=level.p95, max=level.most)
        self.add_series(port, subject, measure, axis="hour", x=level.hours, unit="entities", values=level.means)

    def add_series(
        self,
        port: str,
        subject: str,
        measure: str,
        *,
        axis: str,
        x: NDArray[np.float64],
        unit: str,
        values: NDArray[np.float64],
    ) -> None:
        """Add one row a point."""
        self.lines.append(((port, subject, measure, axis, unit), x, values))

    def measure_frame(self) -> pd.DataFrame:
        """The measures with their fixed columns."""
        return pd.DataFrame(self.measures, columns=list(MEASURE_COLUMNS)).astype(
            {"replication": "int64", "value": "float64"}
        )

    def series_frame(self) -> pd.DataFrame:
        """The series with their fixed columns."""
        if not self.lines:
            return pd.DataFrame(columns=list(SERIES_COLUMNS))
        lengths = [len(x) for _, x, _ in self.lines]
        said = pd.DataFrame([name for name, _, _ in self.lines], columns=["port", "subject", "measure", "axis", "unit"])
        frame = said.loc[np.repeat(np.arange(len(said)), lengths)].reset_index(drop=True)
        frame["mode"], frame["replication"] = self.mode, self.replication
        frame["x"] = np.concatenate([x for _, x, _ in self.lines])
        frame["value"] = np.concatenate([values for _, _, values in self.lines])
        return frame[list(SERIES_COLUMNS)]
