"""The report: one self-contained HTML page that can be read, searched and printed without network or scripts.

Here the tables of a study become the words and numbers of the page; how these look is in `report.html.j2`.
"""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd
from markupsafe import Markup

from sim.report import cells, charts, facts, outcomes, style, texts
from sim.report.advice import warm_up_sentences
from sim.report.cells import Quantity
from sim.report.facts import ALL, KINDS, NOTABLE_UNFINISHED, Difference, Names, PortFacts
from sim.report.texts import counted, decimals_for, number, word
from sim.scenario.procedure import Quota
from sim.scenario.units import DAY, HOUR, format_duration, format_share
from sim.study.store import write_text

if TYPE_CHECKING:
    from sim.study.study import Study

GRADES = tuple(texts.GRADES)
"""From the weakest to the firmest."""
LITTLE_WAITING = 0.1
"""Share of waiting below which it is not worth saying for what."""

# Said elsewhere on the page; and how long a run took, which differs between runs that are otherwise the same.
_NOT_SHOWN = ("warnings", "title", "seconds")
_ABSENT = ("", "-")
_CLOCK_STATISTICS = ("mean", "p50", "p90", "p95", "within_target", "unfinished")
_UNITS_OF_STATISTICS = {"within_target": "share", "unfinished": "entities"}
_STATION_COLUMNS = (
    ("visits", "visits", "per_day", 1.0),
    ("utilisation", "utilisation", "mean", 100.0),
    ("waiting_mean", "waiting_time", "mean", 1.0),
    ("waiting_p95", "waiting_time", "p95", 1.0),
    ("queue_mean", "queue_length", "mean", 1.0),
    ("queue_max", "queue_length", "max", 1.0),
)


def write_report(
    study: Study,
    path: Path | str,
    lang: str = "en",
    *,
    other: str | None = None,
    drawings: charts.Drawings | None = None,
) -> Path:
    """Write the report of a study as one HTML page.

    Args:
        study: The study.
        path: The file to write.
        lang: `en` or `zh`; the numbers are the same in both.
        other: Address of the same report in the other language, for a link.
        drawings: The charts of the study in this language, if others show them too.

    Returns:
        The file.
    """
    path = Path(path)
    write_text(path, render_report(study, lang, other=other, drawings=drawings))
    return path


def render_report(
    study: Study, lang: str = "en", *, other: str | None = None, drawings: charts.Drawings | None = None
) -> str:
    """Give the report of a study as HTML."""
    source = resources.files("sim.report").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    drawings = drawings if drawings is not None else charts.Drawings(study, lang)
    page = _Page(study, facts.names(study, lang), drawings)
    context = page.context()
    environment.globals.update(w=lambda key, **values: word(key, lang, **values))
    text = environment.from_string(source).render(lang=lang, other=other, **context)
    return re.sub(r"\n\s*\n+", "\n", text)


@dataclass
class _Page:
    """One report in the making: a study, names and charts in a language, and what was already numbered."""

    study: Study
    names: Names
    drawings: charts.Drawings
    sources: dict[str, int] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    @property
    def lang(self) -> str:
        return self.names.lang

    def word(self, key: str, **values: object) -> str:
        return word(key, self.lang, **values)

    def context(self) -> dict[str, Any]:
        """Everything that the template shows."""
        study, lang = self.study, self.lang
        ports = [facts.port_facts(study, port) for port in facts.ports(study)]
        parameters = self.parameters()
        shown = [self.port(found) for found in ports]
        description = study.scenario.definition.description
        warnings = [self.warning(text) for text in facts.warnings(study)]
        return {
            "title": study.scenario.title.in_language(lang),
            "description": description.in_language(lang) if description else "",
            "summary": self.summary(ports),
            "clocks": self.clock_definitions(ports),
            "intervals": self.word("intervals" if study.replications > 1 else "no_intervals"),
            "warm_up": (" " if lang == "en" else "").join(warm_up_sentences(study, lang)),
            "modes": [self.mode(mode) for mode in study.modes],
            "mode_count": len(study.modes),
            "warnings": warnings,
            "gap": " " if lang == "en" else "",
            "unsteady": any(facts.UNSTEADY in text for text in facts.warnings(study)),
            "warnings_count": counted("warnings_count", len(warnings), lang),
            "ports": shown,
            **{part: any(port[part] for port in shown) for part in ("security", "costs", "staff", "disruptions")},
            "quotas": any(station["quota"] for port in shown for station in port["stations"]),
            "kinds": [{"key": kind, "name": texts.name(texts.KINDS, kind, lang)} for kind in KINDS],
            "changes": self.changes(),
            "evidence": self.evidence(ports, parameters),
            "groups": self.groups(ports, parameters),
            "basis": [entry for found in ports for entry in self.basis(found, parameters)],
            "sources": self.source_list(),
            "audit": self.audit(),
            "manifest": list(_flat(study.manifest)),
            "commands": commands(study),
            "prices": self.prices(),
            "comparison_note": self.word(
                "comparison_note",
                mode=self.names.several([self.names.mode(mode) for mode in study.modes[1:]]) or "–",
                baseline=self.names.mode(study.modes[0]),
            ),
            "grades": {grade: texts.name(texts.GRADES, grade, lang) for grade in GRADES},
        }

    # --- what was run ------------------------------------------------------------------------------------------------

    def summary(self, ports: Sequence[PortFacts]) -> str:
        calendar, lang = self.study.scenario.calendar, self.lang
        begin = (calendar.origin + pd.Timedelta(milliseconds=calendar.window[0])).strftime("%Y-%m-%d %H:%M")
        return self.word(
            "summary",
            modes=counted("count_modes", len(self.study.modes), lang),
            ports=counted("count_ports", len(ports), lang),
            flows=counted("count_flows", sum(len(found.flows) for found in ports), lang),
            duration=_length(calendar.duration, lang),
            warm_up=_length(calendar.warm_up, lang),
            begin=begin,
            zone=calendar.zone,
            replications=counted("count_replications", self.study.replications, lang),
        )

    def clock_definitions(self, ports: Sequence[PortFacts]) -> dict[str, str]:
        """Say for each measured clock where it begins and ends in the routes of this study."""
        clocks = self.study.scenario.procedure.clocks
        routes = [route for mode in self.study.modes for route in facts.procedure(self.study, mode).routes.values()]
        return {
            key: self.word(
                "clock_definition",
                clock=self.names.clock(key),
                begin=self.points(clock.begin, routes),
                end=self.points(clock.end, routes),
            )
            for key, clock in clocks.items()
            if any(found.estimate(mode, ALL, key) for found in ports for mode in found.modes)
        }

    def points(self, points: Sequence[str], routes: Iterable[Container[str]]) -> str:
        """Name the points of a clock that count: of each route the first that it has."""
        found = set()
        for route in routes:
            found.add(next((point for point in points if point == "arrival" or point.partition(".")[0] in route), None))
        names = []
        for point in points:
            activity, _, moment = point.partition(".")
            if point in found:
                name = self.names.activity(activity)
                names.append(self.word(f"point_{moment}", activity=name) if moment else self.word("point_arrival"))
        return self.word("or").join(names)

    def mode(self, mode: str) -> dict[str, Any]:
        return cells.mode_cell(self.names, self.study.modes, mode)

    def warning(self, text: str) -> dict[str, Any]:
        """A warning of the study, with links to the stations and flows that it names."""
        words = set(re.findall(r"[a-z][a-z0-9_]*", text))
        mode = next((mode for mode in self.study.modes if text.startswith(f"{mode}:")), None)
        named = [
            {"name": self.names.station(key), "href": self.place_href(key)}
            for key in self.names.stations
            if key in words
        ]
        named += [
            {"name": self.names.flow(key), "href": f"#{self.id('basis', key)}"}
            for key in self.study.scenario.demand
            if key in words
        ]
        return {
            "text": facts.warning_text(text, self.names),
            "mode": self.names.mode(mode) if mode else "",
            "named": named,
        }

    def prices(self) -> str:
        """Say of which date the amounts of money are; nothing if there are none."""
        level = self.study.scenario.definition.prices
        return self.word("price_level", date=level.date, note=level.note) if level is not None else ""

    # --- the numbers of a port ---------------------------------------------------------------------------------------

    def port(self, found: PortFacts) -> dict[str, Any]:
        figures = {chart: self.figure(found, chart) for chart in charts.charts_of(found)}
        subjects = [*found.flows, *([ALL] if len(found.flows) > 1 and found.estimate(found.baseline, ALL) else [])]
        glance = [self.glance(found, subject) for subject in subjects]
        longest = max((row["size"] for flow in glance for row in flow["rows"]), default=0.0)
        for flow in glance:
            for row in flow["rows"]:
                row["part"] = 100 * row["size"] / longest if longest else 0
        return {
            "key": found.port,
            "name": self.names.port(found.port),
            "glance": glance,
            "card": self.card(found),
            "phases": self.parts_table(found, "phase"),
            "agencies": self.parts_table(found, "agency"),
            "phases_figure": figures.pop("time_by_phase"),
            "security_figure": figures.pop("security", None),
            "security": outcomes.security(found, self.names, self.id),
            "costs_figure": figures.pop("cost_by_bearer", None),
            "costs": outcomes.costs(found, self.names, self.id),
            "staff": outcomes.staff(found, self.names, self.place_href),
            "disruptions": outcomes.disruptions(found, self.names, self.place_href),
            "figures": list(figures.values()),
            "security_columns": [self.word(key) for key, *_ in outcomes.SECURITY_COLUMNS],
            "comparison": self.comparison(found, subjects),
            "stations": self.stations(found),
            "station_columns": [self.word(key) for key, *_ in _STATION_COLUMNS],
        }

    def figure(self, found: PortFacts, chart: str) -> dict[str, Any]:
        name = texts.name(texts.CHARTS, chart, self.lang)
        label = f"{self.names.port(found.port)}: {name}"
        key = f"chart-{found.port}-{chart.replace('_', '-')}"
        source = style.svg(self.drawings.source(found.port, chart), prefix=f"{key}-", label=label, inline=True)
        return {"key": key, "svg": Markup(source), "name": name}  # noqa: S704 - drawn by us, texts escaped by matplotlib

    def card(self, found: PortFacts) -> dict[str, Any] | None:
        subject = ALL if found.estimate(found.baseline, ALL) else next(iter(found.flows), None)
        if subject is None:
            return None
        rows = [self.mode_row(found, mode, subject) for mode in found.modes]
        rows = [row for row in rows if row["size"]]
        longest = max((row["size"] for row in rows), default=0.0)
        for row in rows:
            row["part"] = 100 * row["size"] / longest if longest else 0
        last = found.others[-1] if found.others else None
        change = found.difference(last, subject) if last else None
        steady = last is None or not (found.overloads(last, subject) or found.overloads(found.baseline, subject))
        return {
            "rows": rows,
            "percent": cells.percent(change.relative) if change else None,
            "interval": cells.interval(change.relative_low, change.relative_high, 100, 1, "%")
            if change and steady
            else None,
            "steady": steady,
            "subject": self.names.flow(subject),
            "compared": self.compared(found) if len(found.others) > 1 else None,
        }

    def compared(self, found: PortFacts) -> str:
        """Which modes the figure of a card compares."""
        mode, baseline = (self.names.mode(mode) for mode in (found.others[-1], found.baseline))
        return self.word("compared_modes", mode=mode, baseline=baseline)

    def glance(self, found: PortFacts, subject: str) -> dict[str, Any]:
        rows = [self.mode_row(found, mode, subject) for mode in found.modes]
        return {
            "key": subject,
            "name": self.names.flow(subject),
            "rows": rows,
            "href": self.subject_href(found, subject),
            "sentences": self.sentences(found, subject) if subject != ALL else [],
        }

    def subject_href(self, found: PortFacts, subject: str) -> str:
        """Link to what the figures of a flow rest on; those of all flows to the parameters of the port."""
        return f"#{self.id('basis', subject)}" if subject != ALL else f"#{self.id('evidence', found.port)}"

    def mode_row(self, found: PortFacts, mode: str, subject: str) -> dict[str, Any]:
        estimate = found.estimate(mode, subject)
        change = found.difference(mode, subject) if mode != found.baseline else None
        overloaded = bool(found.overloads(mode, subject))
        steady = not overloaded and not (change and found.overloads(found.baseline, subject))
        decimals = decimals_for(change.difference) if change else 0
        return {
            "mode": self.mode(mode),
            "size": estimate.mean if estimate else 0.0,
            "value": cells.value(estimate),
            "interval": cells.own_interval(estimate) if not overloaded else None,
            "overloaded": overloaded,
            "hours": number(change.difference, decimals) if change else None,
            "hours_interval": cells.interval(change.low, change.high, 1, decimals) if change and steady else None,
            "percent": cells.percent(change.relative) if change else None,
            "percent_interval": cells.interval(change.relative_low, change.relative_high, 100, 1, "%")
            if change and steady
            else None,
            "change_steady": steady,
        }

    def sentences(self, found: PortFacts, flow: str) -> list[str]:
        """Say in plain words what the figures of a flow say."""
        sentences: list[str] = []
        entity = texts.name(texts.EACH, found.entity(flow), self.lang)
        base = found.estimate(found.baseline, flow)
        if base is None:
            return [self.word("not_measured")]
        baseline = self.names.mode(found.baseline)
        if not found.others:
            sentences.append(self.word("sentence_one", mode=baseline, entity=entity, after=cells.value(base)))
        for mode in found.others:
            change = found.difference(mode, flow)
            if change is not None:
                sentences.append(self.change_sentence(found, flow, mode, change, entity))
        for mode in (found.baseline, *found.others[-1:]):
            sentences.extend(self.waiting_sentence(found, flow, mode))
        for mode in found.modes:
            away = found.estimate(mode, flow, "turned_away", "per_day")
            if away and away.mean:
                count = cells.value(away)
                sentences.append(self.word("sentence_turned_away", mode=self.names.mode(mode), count=count))
            stations = found.overloads(mode, flow)
            if stations:
                named = self.names.several([self.names.station(key) for key in stations])
                sentences.append(self.word("sentence_overload", mode=self.names.mode(mode), stations=named))
            share = found.unfinished(mode, flow)
            if share >= NOTABLE_UNFINISHED:
                sentences.append(
                    self.word("sentence_unfinished", mode=self.names.mode(mode), share=cells.percent(share))
                )
        return sentences

    def change_sentence(self, found: PortFacts, flow: str, mode: str, change: Difference, entity: str) -> str:
        values: dict[str, object] = {
            "baseline": self.names.mode(found.baseline),
            "mode": self.names.mode(mode),
            "entity": entity,
            "before": number(change.baseline, decimals_for(change.baseline)),
            "after": number(change.mode, decimals_for(change.mode)),
        }
        steady = not (found.overloads(mode, flow) or found.overloads(found.baseline, flow))
        if steady and not change.decided:
            return self.word("sentence_same", **values)
        values["direction"] = self.word("shorter" if change.difference < 0 else "longer")
        values["hours"] = number(abs(change.difference), decimals_for(change.difference))
        values["percent"] = cells.percent(change.relative)
        if steady and change.has_interval:
            low, high = cells.percent(change.relative_low), cells.percent(change.relative_high)
            return self.word("sentence_change_interval", **values, low=low, high=high)
        return self.word("sentence_change", **values)

    def waiting_sentence(self, found: PortFacts, flow: str, mode: str) -> list[str]:
        """Say how much of the time in port is waiting, and for which activity most."""
        parts = found.parts(mode, flow, "activity")
        waits = {key: kinds.get("queueing", 0.0) + kinds.get("closed", 0.0) for key, kinds in parts.items()}
        total = sum(sum(kinds.values()) for kinds in parts.values())
        if total <= 0:
            return []
        share = sum(waits.values()) / total
        values: dict[str, object] = {"mode": self.names.mode(mode), "share": cells.percent(share)}
        if share < LITTLE_WAITING:
            return [self.word("sentence_little_waiting", **values)]
        most = max(waits, key=lambda key: waits[key])
        hours = number(waits[most], decimals_for(waits[most]))
        return [self.word("sentence_waiting", **values, activity=self.names.activity(most, flow), hours=hours)]

    def parts_table(self, found: PortFacts, by: str) -> dict[str, Any]:
        """Hours by phase or agency: a row for each flow and mode; each cell has the total and the waiting in it."""
        rows = {(flow, mode): found.parts(mode, flow, by) for flow in found.flows for mode in found.modes}
        order = list(texts.PHASES if by == "phase" else texts.AGENCIES)
        keys = sorted(
            {key for parts in rows.values() for key in parts},
            key=lambda key: (order.index(key) if key in order else len(order), key),
        )
        name = self.names.phase if by == "phase" else self.names.agency
        return {
            "columns": [name(key) for key in keys],
            "flows": [
                {
                    "name": self.names.flow(flow),
                    "href": f"#{self.id('basis', flow)}",
                    "rows": [self.parts_row(mode, rows[flow, mode], keys) for mode in found.modes if rows[flow, mode]],
                }
                for flow in found.flows
                if any(rows[flow, mode] for mode in found.modes)
            ],
        }

    def parts_row(self, mode: str, parts: Mapping[str, Mapping[str, float]], keys: Sequence[str]) -> dict[str, Any]:
        totals = {key: sum(kinds.values()) for key, kinds in parts.items()}
        waits = {key: kinds.get("queueing", 0.0) + kinds.get("closed", 0.0) for key, kinds in parts.items()}
        total = sum(totals.values())
        # All of a row has the decimals of its total, so that a reader can add it up.
        decimals = decimals_for(total)
        return {
            "mode": self.mode(mode),
            "cells": [
                {
                    "total": number(totals.get(key), decimals),
                    "waiting": number(waits[key], decimals) if waits.get(key, 0.0) >= 0.5 * 10**-decimals else "",
                    "shade": round(waits.get(key, 0.0) / total, 3) if total else 0,
                }
                for key in keys
            ],
            "total": number(total, decimals),
            "waiting": cells.percent(sum(waits.values()) / total) if total else texts.MISSING,
        }

    def comparison(self, found: PortFacts, subjects: Sequence[str]) -> list[dict[str, Any]]:
        clocks = self.study.scenario.procedure.clocks
        measures: list[tuple[str, tuple[str, ...], str]] = [
            *((clock, _CLOCK_STATISTICS, "h") for clock in clocks),
            ("throughput", ("per_day",), "per day"),
            ("turned_away", ("per_day",), "per day"),
            ("in_port", ("mean", "max"), "entities"),
        ]
        tables = []
        for subject in subjects:
            groups = {}
            for measure, statistics, unit in measures:
                name = self.names.clock(measure) if measure in clocks else self.measure(measure)
                rows = [
                    Quantity(
                        subject,
                        measure,
                        statistic,
                        _UNITS_OF_STATISTICS.get(statistic, unit),
                        texts.name(texts.STATISTICS, statistic, self.lang),
                        subject,
                    )
                    for statistic in statistics
                ]
                groups[name] = [
                    cells.compared(found, self.names, mode, row)
                    for row in rows
                    for mode in (found.others or [found.baseline])
                ]
            if shown := cells.titled(groups):
                tables.append(
                    {"name": self.names.flow(subject), "href": self.subject_href(found, subject), "groups": shown}
                )
        return tables

    def measure(self, key: str) -> str:
        return texts.name(texts.MEASURES, key, self.lang)

    def stations(self, found: PortFacts) -> list[dict[str, Any]]:
        hours = {mode: found.opening_hours(mode) for mode in found.modes}
        rows = []
        for station in found.stations:
            things = {mode: facts.places(facts.procedure(self.study, mode)).get(station) for mode in found.modes}
            thing = next((each for each in things.values() if each is not None), None)
            modes = []
            for mode in found.modes:
                estimates = [
                    found.estimate(mode, station, measure, statistic) for _, measure, statistic, _ in _STATION_COLUMNS
                ]
                own = things[mode]
                if own is None or not any(estimates):
                    continue
                overloaded = bool(found.overloads(mode, station))
                modes.append(
                    {
                        "mode": self.mode(mode),
                        "capacity": self.capacity(own),
                        "hours": self.hours(own, hours[mode].get(station)),
                        "overloaded": overloaded,
                        "cells": [
                            cells.value(estimate, scale) + ("%" if estimate and scale == 100 else "")
                            for estimate, (*_, scale) in zip(estimates, _STATION_COLUMNS, strict=True)
                        ],
                    }
                )
            if modes:
                agency = self.names.agency(thing.agency) if thing is not None and thing.agency else ""
                rows.append(
                    {
                        "name": self.names.station(station),
                        "agency": agency,
                        "quota": isinstance(thing, Quota),
                        "href": self.place_href(station),
                        "modes": modes,
                    }
                )
        return rows

    def hours(self, place: Any, opening: facts.OpeningHours | None) -> str:
        """When a place is open; a quota without roster is not called always open."""
        if opening is None or (isinstance(place, Quota) and place.roster is None):
            return ""
        return opening.text(self.lang)

    def capacity(self, place: Any) -> str:
        """Units of a station, or what a quota allows in a period, now and from a date on."""
        if not isinstance(place, Quota):
            return str(place.capacity)
        amounts: dict[str, tuple[int, int]] = {"": place.amount}
        amounts |= {str(day): amount for day, amount in place.changes.items()}
        _, length = place.amount
        known = {DAY: "per day", HOUR: "per hour"}
        if length in known:
            period = texts.name(texts.UNITS, known[length], self.lang)
        else:
            period = self.word("per_period", length=_length(length, self.lang))
        return self.word("semicolon").join(
            self.word("allowance_from" if day else "allowance", day=day, amount=amount, period=period)
            for day, (amount, _) in amounts.items()
        )

    # --- what the modes change ---------------------------------------------------------------------------------------

    def changes(self) -> list[dict[str, Any]]:
        edits = self.study.edits
        found = []
        for mode in self.study.modes:
            mine = edits[edits["mode"] == mode].sort_values("port", kind="stable")  # a port's reforms side by side
            reforms = []
            for (port, reform), rows in mine.groupby(["port", "reform"], sort=False):
                named = self.study.scenario.library.get(str(reform))
                sources = [self.source(source) for source in (named.reform.sources if named else ())]
                reforms.append(
                    {
                        "name": self.names.reform(str(reform)),
                        "key": str(reform),
                        "port": self.names.port(str(port)),
                        "why": named.reform.why.in_language(self.lang) if named else "",
                        "adoption": self.adoption(rows),
                        "grade": named.reform.grade if named else None,
                        "sources": [source for source in sources if source],
                        "edits": self.edits(rows),
                    }
                )
            found.append({**self.mode(mode), "reforms": reforms})
        return found

    def adoption(self, rows: pd.DataFrame) -> str:
        """Say which share of the entities adopts a reform; nothing if all do."""
        share = float(rows["adoption"].iloc[0])
        return self.word("adopted_by", share=format_share(share)) if share < 1 else ""

    def edits(self, rows: pd.DataFrame) -> list[dict[str, Any]]:
        """Put the same change of several flows or stations into one row."""
        groups: dict[tuple[str, str, str, str], list[str]] = {}
        for address, old, new in zip(rows["address"], rows["old"], rows["new"], strict=True):
            section, _, rest = str(address).partition(".")
            name, _, rest = rest.partition(".")
            groups.setdefault((section, rest, _text(old), _text(new)), []).append(name)
        found = []
        for (section, rest, old, new), places in groups.items():
            title = {"routes": self.names.flow, "stations": self.names.station, "quotas": self.names.station}.get(
                section, str
            )
            addresses = {place: ".".join(part for part in (section, place, rest) if part) for place in places}
            found.append(
                {
                    "name": self.parameter_name(addresses[places[0]]) if rest else "",
                    "address": addresses[places[0]] if len(places) == 1 else f"{section}.*.{rest}".removesuffix("."),
                    "where": [
                        {"name": title(place), "href": self.parameter_href(address)}
                        for place, address in addresses.items()
                    ],
                    "old": self.word("absent") if old in _ABSENT else old,
                    "new": self.word("absent") if new in _ABSENT else new,
                }
            )
        return found

    # --- evidence ----------------------------------------------------------------------------------------------------

    def parameters(self) -> list[dict[str, Any]]:
        """Every parameter with its values and evidence; what agrees in all modes is said once."""
        found = []
        table = self.study.parameters
        for row in table.to_dict("records"):
            address = str(row["address"])
            self.id("parameter", address)
            by_mode = {
                mode: (
                    _text(row.get(mode)),
                    _text(row.get(f"grade_{mode}")) or "assumption",
                    _text(row.get(f"source_{mode}")),
                    _text(row.get(f"note_{mode}")),
                )
                for mode in self.study.modes
            }
            # A parameter that a mode does not have says nothing about evidence there.
            present = {mode: said for mode, said in by_mode.items() if said[0]}
            values = [
                {"modes": self.named_modes(modes), "text": value or self.word("absent")}
                for value, modes in _grouped({mode: said[0] for mode, said in by_mode.items()}).items()
            ]
            grounds = [
                {
                    "modes": self.named_modes(modes, list(present)),
                    "grade": grade,
                    "sources": [each for each in (self.source(part) for part in source.split("; ")) if each],
                    "note": note,
                }
                for (grade, source, note), modes in _grouped({mode: said[1:] for mode, said in present.items()}).items()
            ]
            found.append(
                {
                    "address": address,
                    "id": self.id("parameter", address),
                    "port": _text(row.get("port")),
                    "name": self.parameter_name(address),
                    "owner": _owner(address),
                    "values": values,
                    "grounds": grounds,
                    "grades": {mode: said[1] for mode, said in present.items()},
                }
            )
        return found

    def named_modes(self, modes: Sequence[str], among: Sequence[str] | None = None) -> str:
        """Name the modes for which something holds; nothing if it holds for all of them."""
        everywhere = len(modes) == len(among if among is not None else self.study.modes)
        return "" if everywhere else self.names.several([self.names.mode(mode) for mode in modes])

    def parameter_name(self, address: str) -> str:
        section, *rest = address.split(".")
        said = [texts.name(texts.PARAMETERS, part, self.lang) for part in rest[1:]]
        if section == "routes" and len(rest) >= 2:
            flow, activity, *keys = rest
            named = [texts.name(texts.PARAMETERS, key, self.lang) for key in keys[:1]]
            named += [texts.name(texts.VARIABLES, key, self.lang) for key in keys[1:]]
            return self.names.activity(activity, flow) + (self.word("colon") + " ".join(named) if named else "")
        if section == "rosters":
            return self.word("colon").join((texts.name(texts.PARAMETERS, "open", self.lang), *rest[:1]))
        if section == "clocks" and rest:
            return self.names.clock(rest[0]) + self.word("colon") + " ".join(said)
        return " ".join(said) or address

    def evidence(self, ports: Sequence[PortFacts], parameters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Count parameters by grade, in all and by port."""

        def row(name: str, href: str, chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
            counts = Counter(_weakest(parameter["grades"].values()) for parameter in chosen if parameter["grades"])
            total = sum(counts.values())
            return {
                "name": name,
                "href": href,
                "total": total,
                "counts": [counts[grade] for grade in GRADES],
                "parts": [100 * counts[grade] / total if total else 0 for grade in GRADES],
            }

        everything = row(self.word("total"), "#evidence", parameters)
        by_port = [
            row(self.names.port(found.port), f"#{self.id('evidence', found.port)}", _of_port(parameters, found.port))
            for found in ports
        ]
        shared = [parameter for parameter in parameters if parameter["port"] not in {found.port for found in ports}]
        if shared:
            by_port.append(row(self.word("shared_parameters"), "#evidence-shared", shared))
        assumptions = everything["counts"][GRADES.index("assumption")]
        return {
            "sentence": self.word("assumptions_first", assumptions=assumptions, total=everything["total"]),
            "all": everything,
            "ports": by_port,
        }

    def groups(self, ports: Sequence[PortFacts], parameters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Sort the parameters by port and then by the flow, station or roster that they belong to."""
        known = [found.port for found in ports]
        keys = [*known, *sorted({parameter["port"] for parameter in parameters} - set(known))]
        sections: dict[str, dict[str, Any]] = {}
        for port in keys:
            key = port if port in known else "shared"
            name = self.names.port(port) if port in known else self.word("shared_parameters")
            section = sections.setdefault(key, {"id": self.id("evidence", key), "name": name, "owners": {}})
            for parameter in _of_port(parameters, port):
                section["owners"].setdefault(parameter["owner"], []).append(parameter)
        order = {"flow": 0, "station": 1, "quota": 2, "roster": 3, "clock": 4}
        return [
            {
                **section,
                "owners": [
                    {
                        "id": self.id(*owner),
                        "name": self.owner_name(*owner),
                        "key": owner[1],
                        # The weakest evidence first.
                        "parameters": sorted(
                            rows, key=lambda parameter: GRADES.index(_weakest(parameter["grades"].values()))
                        ),
                    }
                    for owner, rows in sorted(section["owners"].items(), key=lambda item: order.get(item[0][0], 9))
                ],
            }
            for section in sections.values()
            if section["owners"]
        ]

    def owner_name(self, kind: str, key: str) -> str:
        if kind == "flow":
            return self.names.flow(key)
        if kind in ("station", "quota"):
            return self.names.station(key)
        if kind == "clock":
            return self.names.clock(key)
        if kind == "disruption":
            return self.names.disruption(key)
        return self.word("opening_hours") + self.word("colon") + key if kind == "roster" else key

    def place_href(self, key: str) -> str:
        """Link to the parameters of a station or quota."""
        quota = any(key in facts.procedure(self.study, mode).quotas for mode in self.study.modes)
        return f"#{self.id('quota' if quota else 'station', key)}"

    def basis(self, found: PortFacts, parameters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """For each flow list the parameters on which its figures rest: its own, its stations', and their rosters'."""
        entries = []
        for flow in found.flows:
            stations = found.stations_of(flow)
            rosters = {
                roster
                for mode in found.modes
                for station in stations
                if (place := facts.places(facts.procedure(self.study, mode)).get(station)) is not None
                and (roster := place.roster)
            }
            disruptions = {
                key
                for key, disruption in self.study.scenario.definition.disruptions.items()
                if set(disruption.stations) & set(stations)
            }
            wanted = {
                "flow": {flow},
                "station": stations,
                "quota": stations,
                "roster": rosters,
                "disruption": disruptions,
            }
            chosen: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in wanted}
            for parameter in parameters:
                kind, key = parameter["owner"]
                if key in wanted.get(kind, ()):
                    chosen[kind].append(parameter)
            everything = [parameter for rows in chosen.values() for parameter in rows]
            counts = Counter(_weakest(parameter["grades"].values()) for parameter in everything if parameter["grades"])
            entries.append(
                {
                    "id": self.id("basis", flow),
                    "name": self.names.flow(flow),
                    "port": self.names.port(found.port),
                    "counts": [(grade, counts[grade]) for grade in GRADES if counts[grade]],
                    "total": counted("count_parameters", len(everything), self.lang),
                    "items": [
                        {
                            "href": f"#{parameter['id']}",
                            "name": self.basis_name(parameter),
                            "grade": _weakest(parameter["grades"].values()),
                        }
                        for parameter in everything
                    ],
                }
            )
        return entries

    def basis_name(self, parameter: Mapping[str, Any]) -> str:
        kind, key = parameter["owner"]
        if kind in ("station", "quota", "disruption"):
            return f"{self.owner_name(kind, key)}{self.word('colon')}{parameter['name']}"
        return str(parameter["name"])

    def source(self, text: str) -> dict[str, Any] | None:
        """Number a source, the same number for the same source."""
        text = text.strip()
        if not text:
            return None
        index = self.sources.setdefault(text, len(self.sources) + 1)
        return {"number": index, "href": f"#source-{index}", "text": text}

    def source_list(self) -> list[dict[str, Any]]:
        return [
            {"number": index, "text": text, "href": text if re.match(r"https?://\S+$", text) else None}
            for text, index in self.sources.items()
        ]

    def parameter_href(self, address: str) -> str | None:
        """Link to a parameter that an edit changes: itself, or one below or above it."""
        addresses = [key.partition(":")[2] for key in self._ids if key.startswith("parameter:")]
        near = next(
            (
                each
                for each in addresses
                if each == address or each.startswith(f"{address}.") or address.startswith(f"{each}.")
            ),
            None,
        )
        return f"#{self.id('parameter', near)}" if near else None

    def id(self, kind: str, key: str) -> str:
        """Give the anchor of a thing, unique on the page."""
        known = f"{kind}:{key}"
        if known not in self._ids:
            wanted = f"{kind}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', key)}"
            taken = set(self._ids.values())
            candidate, count = wanted, 2
            while candidate in taken:
                candidate, count = f"{wanted}-{count}", count + 1
            self._ids[known] = candidate
        return self._ids[known]

    # --- audit and manifest ------------------------------------------------------------------------------------------

    def audit(self) -> dict[str, Any]:
        audit = self.study.manifest.get("audit")
        if not audit:
            return {"state": "unknown", "sentence": self.word("audit_unknown")}
        passed = all(by_mode.get("passed", False) for by_mode in audit.values())
        state = "passed" if passed else "failed"
        return {"state": state, "sentence": self.word(f"audit_{state}")}


def commands(study: Study) -> list[str]:
    """Give the commands that make the same results again: from the scenario, and from the copy beside the results."""
    manifest, calendar = study.manifest, study.scenario.calendar
    modes = "".join(f" --mode {mode}" for mode in study.modes)
    luck = f"--replications {study.replications} --seed {manifest.get('seed', study.scenario.definition.seed)}"
    duration = f'--duration "{format_duration(calendar.duration)}"'
    name = manifest.get("scenario", study.scenario.name)
    return [
        f"smartport run {shlex.quote(f'{name}.yaml')}{modes} {luck} {duration}",
        f"smartport run scenario.resolved.yaml{modes} {luck} {duration}",
    ]


def _length(milliseconds: int, lang: str) -> str:
    days, rest = divmod(milliseconds, DAY)
    if rest == 0:
        return counted("count_days", days, lang)
    hours = milliseconds / HOUR
    return counted("count_hours", int(hours) if hours == int(hours) else round(hours, 2), lang)  # type: ignore[arg-type]


def _text(value: object) -> str:
    """Text of a cell; nothing for a missing one."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA else str(value)


def _grouped(by_mode: Mapping[str, Any]) -> dict[Any, list[str]]:
    found: dict[Any, list[str]] = {}
    for mode, said in by_mode.items():
        found.setdefault(said, []).append(mode)
    return found


def _weakest(grades: Iterable[str]) -> str:
    return min(grades, key=lambda grade: GRADES.index(grade) if grade in GRADES else 0, default="assumption")


def _of_port(parameters: Sequence[Mapping[str, Any]], port: str) -> list[Mapping[str, Any]]:
    return [parameter for parameter in parameters if parameter["port"] == port]


def _owner(address: str) -> tuple[str, str]:
    """What a parameter belongs to: a flow, a station, a roster or a clock."""
    section, _, rest = address.partition(".")
    kind = "flow" if section in ("demand", "routes") else section.removesuffix("s")
    return kind, rest.partition(".")[0]


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, entry in value.items():
        if prefix == "" and key in _NOT_SHOWN:
            continue
        if isinstance(entry, Mapping):
            yield from _flat(entry, f"{prefix}{key}.")
        elif isinstance(entry, list | tuple):
            yield f"{prefix}{key}", ", ".join(str(item) for item in entry)
        else:
            yield f"{prefix}{key}", str(entry)
