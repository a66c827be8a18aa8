"""Tables of what a passage is besides time: risk, money, staff, and what disruptions leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sim.report import cells, texts
from sim.report.cells import Quantity
from sim.report.facts import Estimate, Names, PortFacts
from sim.scenario.disruptions import Disruption
from sim.scenario.units import HOUR, format_share

Anchor = Callable[[str, str], str]
"""Gives the anchor of a thing by its kind and name."""
Link = Callable[[str], str]
"""Gives the link to a station or quota."""

SECURITY_COLUMNS = (
    ("inspected_percent", "inspected", "mean", 100.0),
    ("present", "violations", "present", 1.0),
    ("found", "violations", "found", 1.0),
    ("missed", "violations", "missed", 1.0),
    ("hit_rate_percent", "hit_rate", "mean", 100.0),
    ("detection_percent", "detection", "mean", 100.0),
    ("delay_all", "delay_of_innocent", "mean", 1.0),
    ("delay_inspected", "delay_of_innocent", "mean_of_inspected", 1.0),
)
_KINDS_OF_COST = ("cost_of_time", "cost_of_fees", "cost_of_waiting_charges", "cost_of_fuel")


def security(found: PortFacts, names: Names, anchor: Anchor) -> list[dict[str, Any]]:
    """For each flow and violation a row a mode, and a row of what changes for each mode but the baseline."""
    tables = []
    for flow, violation in found.violations:
        subject = f"{flow}/{violation}"
        rows = []
        for mode in found.modes:
            shown = []
            for _, measure, statistic, scale in SECURITY_COLUMNS:
                estimate = found.estimate(mode, subject, measure, statistic)
                steady = measure != "delay_of_innocent" or not found.overloads(mode, flow)
                shown.append(_own(estimate, scale, certain=steady))
            if any(cell["value"] != texts.MISSING for cell in shown):
                rows.append(_row(shown, mode=cells.mode_cell(names, found.modes, mode)))
        for mode in found.others:
            shown = []
            for _, measure, statistic, scale in SECURITY_COLUMNS:
                difference = found.difference(mode, subject, measure, statistic)
                unsteady = found.overloads(mode, flow) or found.overloads(found.baseline, flow)
                certain = measure != "delay_of_innocent" or not unsteady
                shown.append(cells.change(difference, scale, certain=certain))
            rows.append(_row(shown, label=_minus(found, names, mode)))
        tables.append(
            {
                "name": names.flow(flow),
                "violation": names.violation(violation),
                "href": f"#{anchor('basis', flow)}",
                "rows": rows,
            }
        )
    return tables


def _row(shown: list[dict[str, Any]], *, mode: dict[str, Any] | None = None, label: str = "") -> dict[str, Any]:
    """A row of cells of a mode, or of what has a label instead."""
    return {"mode": mode, "label": label, "cells": shown}


def costs(found: PortFacts, names: Names, anchor: Anchor) -> list[dict[str, Any]]:
    """For each flow its cost by kind and by bearer and what idling emits, in each mode, and what changes."""
    tables = []
    for flow in found.costed:

        def row(measure: str, label: str, unit: str = "CNY", *, subject: str = flow, flow: str = flow) -> list[Any]:
            quantity = Quantity(subject, measure, "mean", unit, label, flow, nothing_is_zero=True)
            return [cells.compared(found, names, mode, quantity) for mode in (found.others or [found.baseline])]

        named = {key: texts.name(texts.MEASURES, key, names.lang) for key in (*_KINDS_OF_COST, "co2")}
        groups = {
            texts.word("by_kind", names.lang): [
                *(each for kind in _KINDS_OF_COST for each in row(kind, named[kind])),
                *row("cost", texts.word("total", names.lang)),
            ],
            texts.word("by_bearer", names.lang): [
                each
                for bearer in found.bearers(flow)
                for each in row("cost", names.bearer(bearer), subject=f"{flow}/{bearer}")
            ],
            texts.word("emissions", names.lang): row("co2", named["co2"], "kg"),
        }
        tables.append({"name": names.flow(flow), "href": f"#{anchor('basis', flow)}", "groups": cells.titled(groups)})
    return tables


def staff(found: PortFacts, names: Names, link: Link) -> list[dict[str, Any]]:
    """Staff hours and their cost per day of each station and of the port, in each mode, and what changes.

    Who is on duty is decided by rosters, not by luck: every replication has the same hours, so there is no interval.
    """
    if not found.staffed:
        return []
    amounts = {
        station: {
            mode: (_staff(found, mode, station, "hours"), _staff(found, mode, station, "cost")) for mode in found.modes
        }
        for station in found.staffed
    }
    rows = [
        {"name": names.station(station), "href": link(station), "modes": _duty(found, names, by_mode)}
        for station, by_mode in amounts.items()
    ]
    if len(rows) > 1:
        total = {
            mode: (sum(each[mode][0] for each in amounts.values()), sum(each[mode][1] for each in amounts.values()))
            for mode in found.modes
        }
        rows.append({"name": texts.word("total", names.lang), "href": "", "modes": _duty(found, names, total)})
    return rows


def _duty(found: PortFacts, names: Names, by_mode: Mapping[str, tuple[float, float]]) -> list[dict[str, Any]]:
    """Hours and cost in each mode, and what changes."""
    before = by_mode[found.baseline]
    return [
        {
            "mode": cells.mode_cell(names, found.modes, mode),
            "cells": [cells.value(Estimate(amount)) for amount in amounts],
            "changes": [
                cells.value(Estimate(amount - other)) if mode != found.baseline else ""
                for amount, other in zip(amounts, before, strict=True)
            ],
        }
        for mode, amounts in by_mode.items()
    ]


def _staff(found: PortFacts, mode: str, station: str, what: str) -> float:
    """Hours or cost per day; a station that a mode does not have has nobody on duty."""
    estimate = found.estimate(mode, station, f"staff_{what}", "per_day")
    return estimate.mean if estimate else 0.0


def disruptions(found: PortFacts, names: Names, link: Link) -> list[dict[str, Any]]:
    """For each disruption of a port what it strikes and when, and in each mode its backlog and how that changes."""
    tables = []
    for key in found.disruptions:
        rule = found.study.scenario.definition.disruptions[key]
        rows = []
        for mode in found.modes:
            strikes = found.estimate(mode, key, "strikes", "count")
            if strikes is None or not strikes.mean:
                continue
            rows.append(
                {
                    "mode": cells.mode_cell(names, found.modes, mode),
                    "strikes": _own(strikes),
                    "length": _own(found.estimate(mode, key, "backlog", "closed")),
                    "peak": _own(found.estimate(mode, key, "backlog", "peak")),
                    "cleared": _cleared(found, names, mode, key),
                    "changes": [
                        cells.change(found.difference(mode, key, "backlog", each))
                        if mode != found.baseline
                        else {"value": "", "interval": None}
                        for each in ("peak", "cleared")
                    ],
                }
            )
        tables.append(
            {
                "name": names.disruption(key),
                "what": _what(found, names, rule, link),
                "when": _when(found, names, rule),
                "rows": rows,
            }
        )
    return tables


def _cleared(found: PortFacts, names: Names, mode: str, key: str) -> dict[str, Any]:
    """Hours until the backlog is gone; where some replications end before that, how many."""
    total, known = (found.replications_with(mode, key, "backlog", each) for each in ("peak", "cleared"))
    cell = _own(found.estimate(mode, key, "backlog", "cleared"))
    if known == total:
        return {**cell, "never": ""}
    said = texts.word("not_cleared_in", names.lang, count=total - known, total=total) if known else ""
    if not known:
        return {"value": "", "interval": None, "never": texts.word("not_cleared", names.lang)}
    return {"value": cell["value"], "interval": None, "never": said}


def _what(found: PortFacts, names: Names, rule: Disruption, link: Link) -> dict[str, Any]:
    """The stations and quotas of this port that a disruption strikes, and what it leaves of them."""
    procedure = found.study.scenario.procedure
    own = [key for key in rule.stations if _port_of(procedure, key) == found.port]
    left = {"share": format_share(rule.leaves or 0.0), "count": rule.takes_out}
    kind = "units" if rule.takes_out is not None else "share" if rule.leaves else "all"
    before, _, after = texts.word(f"strikes_{kind}", names.lang, stations="\0", **left).partition("\0")
    places = [{"name": names.station(key), "href": link(key)} for key in own]
    return {"before": before, "places": places, "after": after}


def _port_of(procedure: Any, key: str) -> str | None:
    place = procedure.stations.get(key) or procedure.quotas.get(key)
    return place.port if place is not None else None


def _when(found: PortFacts, names: Names, rule: Disruption) -> str:
    """When a disruption strikes: its dates with their zone, or how often and how long at random."""
    if rule.dates is not None:
        dates = [_stretch(begin, end) for begin, end in rule.dates]
        zone = rule.zone or found.study.scenario.calendar.zone
        return texts.word("disruption_dated", names.lang, dates=names.several(dates, 6), zone=zone)
    assert rule.lasts is not None
    assert rule.between is not None
    mean = {key: each.mean / HOUR for key, each in {"lasts": rule.lasts, "between": rule.between}.items()}
    said = {key: texts.number(hours, texts.decimals_for(hours)) for key, hours in mean.items()}
    return texts.word("disruption_random", names.lang, **said)


def _stretch(begin: Any, end: Any) -> str:
    """A stretch of time as a reader would write it: whole days without hours, the last day included."""
    if begin.time() == end.time() == begin.time().min:
        last = end.date().fromordinal(end.date().toordinal() - 1)
        return f"{begin:%Y-%m-%d}" if last == begin.date() else f"{begin:%Y-%m-%d}–{last:%Y-%m-%d}"
    until = f"{end:%H:%M}" if end.date() == begin.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{begin:%Y-%m-%d %H:%M}–{until}"


def _minus(found: PortFacts, names: Names, mode: str) -> str:
    if len(found.others) == 1:
        return texts.word("difference", names.lang)
    return texts.word("minus", names.lang, mode=names.mode(mode), baseline=names.mode(found.baseline))


def _own(estimate: Estimate | None, scale: float = 1.0, *, certain: bool = True) -> dict[str, Any]:
    return {
        "value": cells.value(estimate, scale),
        "interval": cells.own_interval(estimate, scale) if certain else None,
    }
