"""How numbers become the text of a table's cells: as many decimals as they deserve, intervals, changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.report import style, texts
from sim.report.facts import Difference, Estimate, Names, PortFacts
from sim.report.texts import decimals_for, number


def mode_cell(names: Names, modes: Sequence[str], mode: str) -> dict[str, Any]:
    """Give the name of a mode and how it is marked."""
    look = style.mode_styles(modes)[mode]
    return {"key": mode, "name": names.mode(mode), "color": look.color, "filled": look.filled}


def value(estimate: Estimate | None, scale: float = 1.0) -> str:
    """Write a mean; that of a quantile may lie beyond the horizon."""
    if estimate is None:
        return texts.MISSING
    return texts.BEYOND if estimate.mean == math.inf else number(estimate.mean * scale, decimals(estimate.mean, scale))


def own_interval(estimate: Estimate | None, scale: float = 1.0) -> str | None:
    """Write the interval of a mean with the mean's decimals."""
    return interval(estimate.low, estimate.high, scale, decimals(estimate.mean, scale)) if estimate else None


def interval(low: float, high: float, scale: float, places: int, unit: str = "") -> str | None:
    """Write an interval; there is none to write around what never varies."""
    if not (math.isfinite(low) and math.isfinite(high)) or math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-12):
        return None
    return f"[{number(low * scale, places)}{unit}, {number(high * scale, places)}{unit}]"


def decimals(size: float, scale: float) -> int:
    """Decimals of a number; those of a percentage are always the same."""
    return 1 if scale == 100 else decimals_for(size)


def factor(times: float) -> str:
    """Write how many times."""
    return number(times, 0 if times >= 99.5 else 1)


def percent(share: float) -> str:
    """Write a share as a percentage."""
    return f"{number(share * 100, 1)}%" if math.isfinite(share) else texts.MISSING


def change(difference: Difference | None, scale: float = 1.0, *, certain: bool = True) -> dict[str, Any]:
    """Write a paired difference and its interval; without steady state there is no interval."""
    if difference is None:
        return {"value": texts.MISSING, "interval": None}
    places = decimals(difference.difference, scale)
    written = interval(difference.low, difference.high, scale, places) if certain else None
    return {"value": number(difference.difference * scale, places), "interval": written}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One statistic of a measure of a subject, as a row of a table of comparison."""

    subject: str
    measure: str
    statistic: str
    unit: str
    label: str
    """What the row is called."""
    depends_on: str
    """The flow on whose steady state it rests."""
    nothing_is_zero: bool = False
    """Whether a mode that has no such row has none of it, such as a fee that nobody asks any more."""


def compared(found: PortFacts, names: Names, mode: str, row: Quantity) -> dict[str, Any] | None:
    """Write a quantity in the baseline and a mode, and what changes; None if there is nothing to say."""
    key = (row.subject, row.measure, row.statistic)
    shown = [found.baseline] if mode == found.baseline else [found.baseline, mode]
    estimates = {each: found.estimate(each, *key) for each in shown}
    if not any(estimates.values()):
        return None
    if row.statistic == "unfinished" and not any(estimate and estimate.mean for estimate in estimates.values()):
        return None
    difference = found.difference(mode, *key) if mode != found.baseline else None
    if row.nothing_is_zero:
        estimates = {each: estimate or Estimate(0.0, 0.0, 0.0) for each, estimate in estimates.items()}
        if difference is None and mode != found.baseline:
            difference = _with_nothing(estimates[found.baseline], estimates[mode])
    steady = {each: not found.overloads(each, row.depends_on) for each in shown}
    certain = all(steady.values())
    scale = 100.0 if row.unit == "share" else 1.0
    changed = change(difference, scale, certain=certain)
    return {
        "statistic": row.label,
        "unit": texts.name(texts.UNITS, row.unit, names.lang),
        "mode": names.mode(mode),
        "values": [
            {
                "value": value(estimate, scale),
                "interval": own_interval(estimate, scale) if steady[each] else None,
                "overloaded": estimate is not None and not steady[each],
            }
            for each, estimate in estimates.items()
        ],
        "difference": changed["value"],
        "difference_interval": changed["interval"],
        # A change of a share in percent would only confuse.
        "percent": percent(difference.relative) if difference and row.unit != "share" else texts.MISSING,
        "reduction": factor(difference.variance_reduction) if difference and certain else texts.MISSING,
    }


def _with_nothing(baseline: Estimate | None, mode: Estimate | None) -> Difference | None:
    """Give the difference of two quantities of which one is zero in every replication."""
    if baseline is None or mode is None:
        return None
    if mode.mean == 0:
        low, high = -baseline.high, -baseline.low
    else:
        low, high = mode.low, mode.high
    relative = -1.0 if baseline.mean else math.nan
    return Difference(baseline.mean, mode.mean, mode.mean - baseline.mean, low, high, relative, math.nan)


def titled(rows: Mapping[str, Sequence[dict[str, Any] | None]]) -> list[dict[str, Any]]:
    """Put rows into named groups and leave out what is empty."""
    groups = ({"name": name, "rows": [row for row in some if row is not None]} for name, some in rows.items())
    return [group for group in groups if group["rows"]]
