"""Clocks read off a timeline: when each entity passes two points of its route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload, joined, picking
from sim.measures.table import Tables, summed_up
from sim.scenario.procedure import PRESENCE, Clock
from sim.scenario.units import HOUR

Times = NDArray[np.int64]

POINTS = np.arange(1, 100) / 100
STRETCHES = 240
"""Points of a line over the time of arrival, at most."""
TABLED = np.array([0.5, 0.9, 0.95])
"""Those of them that stand in the tables."""
ROUNDING = 1e-9
"""Of an entity: what sums of probabilities may be off."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One clock of the measured entities of one flow."""

    begin: Times
    """In ms, `NEVER` where it has not begun by the horizon; shape (measured entities,)."""
    end: Times
    """In ms, `NEVER` where it has not ended."""
    hours: NDArray[np.float64]
    """Hours of all that have begun; who has not ended counts with the time until the horizon, a lower bound. What has
    ended before it begins, as a release before the arrival, took no time."""
    finished: NDArray[np.bool_]
    """Which of `hours` have ended."""

    @property
    def unfinished(self) -> int:
        """Entities whose clock has not ended, begun or not."""
        return int((self.end == NEVER).sum())


def measured(workload: Workload, timeline: Timeline, code: int) -> NDArray[np.bool_]:
    """Which entities of a route arrive in the measured window and are not turned away, in order of arrival."""
    begin, end = workload.plan.calendar.window
    arrival = workload.arrivals[code]
    return (arrival >= begin) & (arrival < end) & (workload.of_route(timeline.turned_away, code) == NEVER)


def point_times(
    points: tuple[str, ...], workload: Workload, timeline: Timeline, code: int
) -> tuple[Times, int | None] | None:
    """When each entity of a flow passes the first of the points that its route has, and at which activity.

    Returns:
        Times in ms, shape (entities of the flow,), and the activity's number (None for `arrival`); None if the route
        has none of the points.
    """
    flow = workload.plan.flows[code]
    for point in points:
        name, _, moment = point.partition(".")
        if name == "arrival":
            return workload.arrivals[code], None
        number = flow.code(name)
        if number is not None:
            if moment == "ready":
                return timeline.ready(workload, code, number), number
            return workload.column(getattr(timeline, moment), code, number), number
    return None


def quantiles(
    hours: NDArray[np.float64], finished: NDArray[np.bool_], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quantiles of durations of which some are only known to be longer than what has been seen of them.

    From the product-limit estimate of Kaplan and Meier (1958, doi:10.1080/01621459.1958.10501452). It stands for as
    many entities as there are: the mass of an unfinished one goes to those that took longer. Between two times the
    quantile is linear over the mass of one entity, as NumPy has it; so with nobody unfinished these are NumPy's
    quantiles, and with somebody unfinished they are never below those of the durations seen.

    Args:
        hours: Durations, or what has been seen of them by the horizon.
        finished: Which of them are whole.
        points: Probabilities.

    Returns:
        One value a point: infinite where the estimate does not get there, that is where the quantile lies beyond the
        horizon, and NaN of nobody.
    """
    if not len(hours):
        return np.full(len(points), np.nan)
    if finished.all():
        return np.quantile(np.sort(hours), points)  # without order NumPy looks for each of many points anew
    if not finished.any():
        return np.full(len(points), np.inf)
    times, probabilities = _product_limit(hours, finished)
    reached = len(hours) * probabilities
    begun = np.concatenate(([0.0], reached[:-1]))
    steps = reached > begun
    ranks = np.maximum.accumulate(np.column_stack((begun[steps], reached[steps] - 1)).ravel())
    wanted = points * (len(hours) - 1)
    found = np.interp(wanted, ranks, np.repeat(times[steps], 2))
    return np.where(wanted > ranks[-1] + ROUNDING, np.inf, found)


def _product_limit(
    hours: NDArray[np.float64], finished: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every duration of which somebody has finished, ascending, and the estimated share of those that take no longer.

    With somebody unfinished it is that of `scipy.stats.ecdf` to the bit, whose package takes half a second to import.
    """
    times, censored = np.sort(hours[finished]), np.sort(hours[~finished])
    first = np.flatnonzero(np.diff(times, prepend=-np.inf))
    ended = np.diff(first, append=len(times))
    at_risk = len(times) - first + len(censored) - np.searchsorted(censored, times[first])
    longer = np.cumprod((at_risk - ended) / at_risk, dtype=np.float64)
    return times[first], 1 - longer


def begin_times(clock: Clock, workload: Workload, timeline: Timeline, code: int) -> Times | None:
    """When a clock begins for each entity of a flow, `NEVER` where it does not; None if the route has no such point."""
    begins = point_times(clock.begin, workload, timeline, code)
    if begins is None:
        return None
    limits = point_times(clock.not_before, workload, timeline, code) if clock.not_before is not None else None
    if limits is None:
        return begins[0]
    return np.where((begins[0] == NEVER) | (limits[0] == NEVER), NEVER, np.maximum(begins[0], limits[0]))


def read_clock(
    clock: Clock, workload: Workload, timeline: Timeline, code: int, *, chosen: NDArray[np.bool_] | None = None
) -> Reading | None:
    """Read a clock for some entities of a flow, by default the measured ones.

    Returns:
        None if the flow's route does not have the points.
    """
    begins = begin_times(clock, workload, timeline, code)
    ends = point_times(clock.end, workload, timeline, code)
    if begins is None or ends is None:
        return None
    mask = picking(measured(workload, timeline, code) if chosen is None else chosen)
    begin, end = begins[mask], ends[0][mask]
    begun = begin != NEVER
    finished = end[begun] != NEVER
    until = np.where(finished, end[begun], workload.plan.calendar.horizon)
    return Reading(begin, end, np.maximum(until - begin[begun], 0) / HOUR, finished)


def add_clocks(tables: Tables, clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> None:
    """Every clock of every flow, and of all flows of a port together."""
    for name, clock in sorted(clocks.items()):
        read = [(flow, read_clock(clock, workload, timeline, code)) for code, flow in enumerate(workload.plan.flows)]
        parts = [(flow.port, flow.name, reading) for flow, reading in read if reading is not None]
        for port, subject, said in summed_up(parts, partial(_Summary.of, clock=clock)):
            _add(tables, port, subject, name, said)


def add_course(tables: Tables, clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> None:
    """Time in port by the time of arrival, from the beginning to the end of the window, for advice on the warm-up.

    Two lines a flow: mean and number of those who arrive in a stretch of whole hours, as short as leaves at most
    `STRETCHES` of them, so that a long run needs no more room than a short one.
    """
    clock = clocks.get(PRESENCE)
    if clock is None:
        return
    end = workload.plan.calendar.window[1]
    length = HOUR * -(-end // (HOUR * STRETCHES))
    edges = np.arange(0, end + length, length)
    by_flow: dict[tuple[str, str], list[tuple[Times, NDArray[np.float64]]]] = {}
    for code, flow in enumerate(workload.plan.flows):
        arrival = workload.arrivals[code]
        chosen = (arrival < end) & (workload.of_route(timeline.turned_away, code) == NEVER)
        reading = read_clock(clock, workload, timeline, code, chosen=chosen)
        if reading is not None:
            begun = arrival[chosen][reading.begin != NEVER]
            by_flow.setdefault((flow.port, flow.name), []).append((begun, reading.hours))
    for (port, subject), parts in by_flow.items():
        arrival = joined([begun for begun, _ in parts], parts[0][0])
        hours = joined([spent for _, spent in parts], parts[0][1])
        counts, _ = np.histogram(arrival, edges)
        sums, _ = np.histogram(arrival, edges, weights=hours)
        means = np.divide(sums, counts, where=counts > 0, out=np.full(len(counts), np.nan))
        x = edges[:-1] / HOUR
        tables.add_series(port, subject, PRESENCE, axis="arrival", x=x, unit="h", values=means)
        tables.add_series(port, subject, "arrivals", axis="arrival", x=x, unit="entities", values=counts.astype(float))


@dataclass(frozen=True, slots=True)
class _Summary:
    """What the tables say of a clock."""

    mean: float
    sd: float
    line: NDArray[np.float64]
    """The quantiles at `POINTS`; NaN of nobody."""
    within: float | None
    """The share that ends within the clock's target, None if it has none."""
    unfinished: int
    count: int

    @classmethod
    def of(cls, readings: list[Reading], clock: Clock) -> _Summary:
        """Of all readings together."""
        hours = joined([reading.hours for reading in readings], readings[0].hours)
        finished = joined([reading.finished for reading in readings], readings[0].finished)
        count = sum(len(reading.begin) for reading in readings)
        within = None
        if clock.target is not None:
            within = (finished & (hours <= clock.target / HOUR)).sum() / count if count else np.nan
        return cls(
            mean=hours.mean() if len(hours) else np.nan,
            sd=hours.std(ddof=1) if len(hours) > 1 else np.nan,
            line=quantiles(hours, finished, POINTS),
            within=within,
            unfinished=sum(reading.unfinished for reading in readings),
            count=count,
        )


def _add(tables: Tables, port: str, subject: str, name: str, said: _Summary) -> None:
    p50, p90, p95 = said.line[np.searchsorted(POINTS, TABLED)]
    tables.add(port, subject, name, "h", mean=said.mean, sd=said.sd, p50=p50, p90=p90, p95=p95)
    if said.within is not None:
        tables.add(port, subject, name, "share", within_target=said.within)
    tables.add(port, subject, name, "entities", unfinished=said.unfinished, count=said.count)
    if not np.isnan(said.mean):
        tables.add_series(port, subject, name, axis="probability", x=POINTS, unit="h", values=said.line)
