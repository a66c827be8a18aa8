"""The charts of a study: one function a chart, all drawn from its tables.

Every function takes a study and a port and returns matplotlib Axes. Without `ax` it lays out a whole figure, with a
panel for each flow or station where that is clearer, and returns the first panel; `ax.figure` has all of it. With `ax`
it draws on these axes alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from sim.report import facts, style, texts
from sim.report.facts import ALL, DWELL, KINDS, Difference, Names, OpeningHours, PortFacts
from sim.report.style import HEADER, INK, MARGIN, MUTED, SIZE, SMALL, TINY, WIDTH
from sim.study.store import write_bytes
from sim.study.workers import in_workers

if TYPE_CHECKING:
    from sim.study.study import Study

Chart = Callable[..., Axes]

# Hours that people think in; where too many of them fall on an axis, the second row is used.
_HOUR_TICKS = (0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 24, 48, 120, 240, 480, 1000, 2000, 5000)
_FEW_HOUR_TICKS = (0.02, 0.1, 0.5, 1, 5, 24, 120, 480, 2000)
_LEAST_HOURS = 0.02
_TARGET_LINE: dict[str, Any] = {"color": MUTED, "linewidth": 0.9, "linestyle": (0, (1, 2)), "zorder": 1}
_BESIDE: dict[str, Any] = {"textcoords": "offset points"}

WORTH_WORKERS = 40
"""From so many charts on they are drawn side by side; before, workers take longer to begin than they save."""


def dwell_distribution(
    study: Study,
    port: str,
    *,
    flow: str | None = None,
    clock: str = DWELL,
    lang: str = "en",
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Axes:
    """Draw the cumulative share of entities against a clock's hours, a line a mode and a panel a flow.

    The axis is logarithmic, because days under one mode stand beside minutes under another. The line is the mean across
    replications at each probability, the band goes from the lowest to the highest replication; the mark is the median.
    """
    with style.drawing(lang):
        found, names = facts.port_facts(study, port), facts.names(study, lang)
        flows = [flow] if flow else found.flows or [ALL]
        if ax is not None:
            _distribution(ax, found, names, flow=flow or ALL, clock=clock)
            ax.set_xlabel(texts.word("axis_clock_hours_log", lang, clock=names.clock(clock)))
            style.clear_y_label(ax, texts.word("axis_share_left", lang))
            ax.legend(handles=_mode_lines(found), labels=[names.mode(mode) for mode in found.modes], loc="lower right")
            return ax
        columns = min(2, len(flows))
        rows = math.ceil(len(flows) / columns)
        tall, gap = (1.5, 0.34) if len(flows) > 2 else (1.9, 0.34)
        height = HEADER + 0.3 + rows * (tall + gap) + 0.38
        subtitle = texts.word("chart_dwell", lang, clock=names.clock(clock), count=study.replications)
        page = style.sheet(figure, height, _title(names, port, "dwell_distribution"), subtitle)
        keys = [*_mode_keys(found, names), (_median_key(), texts.word("median", lang))]
        target = _target(found, clock)
        if target is not None:
            keys.append((Line2D([], [], **_TARGET_LINE), texts.word("target", lang, value=f"{target:g}")))
        page.legend(MARGIN, HEADER + 0.12, keys)
        left, between, right = 0.58, 0.34, 0.24
        wide = (WIDTH - left - right - between * (columns - 1)) / columns
        limits = _log_limits([quantile for key in flows for quantile in found.quantiles(key, clock).values()])
        panels: list[Axes] = []
        for place, key in enumerate(flows):
            row, column = divmod(place, columns)
            box = (left + column * (wide + between), HEADER + 0.3 + gap + row * (tall + gap), wide, tall)
            panel = page.panel(*box)
            _distribution(panel, found, names, flow=key, clock=clock, limits=limits)
            panel.set_title(texts.shorten(names.flow(key), SIZE, wide * 0.95))
            last = place + columns >= len(flows)
            if last:
                panel.set_xlabel(texts.word("axis_clock_hours_log", lang, clock=names.clock(clock)))
            panel.tick_params(labelbottom=last, labelleft=column == 0)
            if column == 0:
                style.clear_y_label(panel, texts.word("axis_share_left", lang))
            panels.append(panel)
        return panels[0]


def _distribution(
    ax: Axes,
    found: PortFacts,
    names: Names,
    *,
    flow: str,
    clock: str,
    limits: tuple[float, float] | None = None,
) -> None:
    quantiles = found.quantiles(flow, clock)
    if not any(len(table) for table in quantiles.values()):
        style.say_nothing(ax, texts.word("nothing_measured", names.lang))
        return
    low, high = limits or _log_limits(list(quantiles.values()))
    medians = {mode: float(table["mean"].get(0.5, math.nan)) for mode, table in quantiles.items() if len(table)}
    for mode, look in style.mode_styles(found.modes).items():
        table = quantiles[mode].clip(lower=low)
        if not len(table):
            continue
        share = table.index.to_numpy() * 100
        if (table["high"] > table["low"]).any():
            ax.fill_betweenx(
                share, table["low"], table["high"], color=look.color, alpha=0.16, linewidth=0, zorder=look.zorder - 1
            )
        ax.plot(table["mean"], share, color=look.color, linestyle=look.dash, zorder=look.zorder, gid=f"mode:{mode}")
        median = medians[mode]
        if math.isfinite(median):
            ax.plot(
                [max(median, low)],
                [50],
                marker=look.marker,
                color=look.color,
                markerfacecolor=look.face,
                ms=5.5,
                zorder=5,
                ls="none",
            )
    # The lowest median is written to the left of its line, the others to the right, so that they do not meet.
    ranked = sorted((median, mode) for mode, median in medians.items() if math.isfinite(median))
    for place, (median, mode) in enumerate(ranked):
        room = math.log(max(median, low) / low) / math.log(high / low)
        to_left = place == 0 and len(ranked) > 1 and room > 0.15
        ax.annotate(
            f"{texts.number(median, texts.decimals_for(median))}",
            (max(median, low), 50),
            xytext=(-7 if to_left else 7, 4 if to_left else -9),
            textcoords="offset points",
            ha="right" if to_left else "left",
            size=SMALL,
            color=style.mode_styles(found.modes)[mode].color,
            weight="bold",
            zorder=6,
        )
    unsteady = [mode for mode in medians if found.overloads(mode, flow)]
    if unsteady:
        modes = names.several([names.mode(mode) for mode in unsteady])
        text = texts.word("no_steady_state_in", names.lang, modes=modes)
        ax.text(0.02, 0.97, text, transform=ax.transAxes, size=TINY, color=MUTED, ha="left", va="top")
    target = _target(found, clock)
    if target is not None and low < target < high:
        ax.axvline(target, **_TARGET_LINE)
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ticks = [tick for tick in _HOUR_TICKS if low <= tick <= high]
    if len(ticks) > 10:
        ticks = [tick for tick in _FEW_HOUR_TICKS if low <= tick <= high]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_ylim(0, 100)
    ax.yaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))


def _log_limits(tables: Sequence[Any]) -> tuple[float, float]:
    values = [value for table in tables for value in table["mean"].tolist() if math.isfinite(value)]
    low = max(min((value for value in values if value > 0), default=0.1), _LEAST_HOURS)
    high = max([*values, low * 10])
    below = max((tick for tick in _HOUR_TICKS if tick <= low), default=low)
    above = min((tick for tick in _HOUR_TICKS if tick >= high), default=high)
    return below, above


def time_by_phase(
    study: Study,
    port: str,
    *,
    flow: str | None = None,
    lang: str = "en",
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Axes:
    """Draw where the time in port goes: a stacked bar a mode and a panel a flow, in order of the phases.

    Within each phase stand queueing, waiting while closed, and work. The bar's length is the mean of the clock
    `port_dwell`. Panels have their own scales unless `ax` is given.
    """
    with style.drawing(lang):
        found, names = facts.port_facts(study, port), facts.names(study, lang)
        flows = [flow] if flow else found.flows
        rows = {key: _phase_rows(found, [key]) for key in flows}
        rows = {key: value for key, value in rows.items() if value}
        if ax is not None:
            together = [row for value in rows.values() for row in value]
            _stacked(ax, names, together, room=WIDTH - 2, name_flows=len(rows) > 1)
            ax.set_xlabel(texts.word("axis_clock_hours", lang, clock=names.clock(DWELL)))
            handles = [style.part_key(style.KIND_STYLES[kind]) for kind in KINDS]
            ax.legend(
                handles=handles, labels=[texts.name(texts.SHORT_KINDS, kind, lang) for kind in KINDS], loc="lower right"
            )
            return ax
        bar, above, below = 0.36, 0.42, 0.22
        tall = [len(value) * bar for value in rows.values()] or [0.8]
        height = HEADER + 0.26 + sum(tall) + len(tall) * (above + below) + 0.26
        subtitle = texts.word("chart_phases", lang, clock=names.clock(DWELL))
        page = style.sheet(figure, height, _title(names, port, "time_by_phase"), subtitle)
        page.legend(
            MARGIN,
            HEADER + 0.12,
            [(style.part_key(style.KIND_STYLES[kind]), texts.name(texts.KINDS, kind, lang)) for kind in KINDS],
        )
        left, right = _room_for_modes(found), 0.62
        top = HEADER + 0.26
        panels = []
        for (key, value), size in zip(rows.items(), tall, strict=False):
            panel = page.panel(left, top + above, WIDTH - left - right, size)
            _stacked(panel, names, value, room=WIDTH - left - right)
            page.write(MARGIN, top + 0.26, texts.shorten(names.flow(key), SIZE, WIDTH - 0.3), size=SIZE, weight="bold")
            top += above + size + below
            panels.append(panel)
        if not panels:
            panels.append(page.panel(left, top, WIDTH - left - right, 0.8))
            style.say_nothing(panels[0], texts.word("nothing_measured", lang))
        panels[-1].set_xlabel(texts.word("axis_clock_hours", lang, clock=names.clock(DWELL)))
        return panels[0]


def _phase_rows(found: PortFacts, flows: Sequence[str]) -> list[tuple[str, str, dict[str, dict[str, float]]]]:
    rows = ((flow, mode, found.parts(mode, flow)) for flow in flows for mode in found.modes)
    return [row for row in rows if row[2]]


def _stacked(
    ax: Axes,
    names: Names,
    rows: Sequence[tuple[str, str, dict[str, dict[str, float]]]],
    *,
    room: float,
    name_flows: bool = False,
) -> None:
    if not rows:
        style.say_nothing(ax, texts.word("nothing_measured", names.lang))
        return
    longest = max(sum(sum(kinds.values()) for kinds in parts.values()) for _, _, parts in rows)
    per_inch = longest / room
    for place, (flow, mode, parts) in enumerate(rows):
        drawn = left = 0.0
        unnamed: list[tuple[float, str]] = []
        for phase, kinds in parts.items():
            begin = left
            for kind in KINDS:
                hours = kinds.get(kind, 0.0)
                if hours <= 0:
                    continue
                look = style.KIND_STYLES[kind]
                bars = ax.barh(
                    place, hours, 0.52, left, facecolor=look.face, edgecolor=look.edge, hatch=look.hatch, linewidth=0
                )
                bars[0].set_gid(f"{flow}/{mode}/{phase}/{kind}")
                left += hours
            if (begin - drawn) / per_inch > 0.04:
                drawn = begin
                ax.plot([begin, begin], [place - 0.32, place + 0.32], color="white", linewidth=1.6, zorder=3)
            text = names.phase(phase)
            if texts.widest(_phase_pair(phase), TINY) + 0.06 <= (left - begin) / per_inch:
                ax.text((begin + left) / 2, place - 0.31, text, size=TINY, color=MUTED, ha="center", va="bottom")
            else:
                unnamed.append((left - begin, phase))
        decimals = texts.decimals_for(left)
        total = texts.number(left, decimals)
        # Phases too short for a name above them are listed behind a short bar, the longest first.
        listed = sorted((item for item in unnamed if item[0] >= 0.5 * 10**-decimals), key=lambda item: -item[0])
        aside = ""
        free = (longest - left) / per_inch - texts.width(total, SMALL) - 0.25
        for hours, phase in listed:
            figure = texts.number(hours, decimals)
            free -= texts.widest(_phase_pair(phase), TINY) + texts.width(f" {figure}  ·  ", TINY)
            if free < 0:
                break
            aside += f"{'  ·  ' if aside else ''}{names.phase(phase)} {figure}"
        if aside:
            ax.annotate(
                aside,
                (left, place),
                xytext=(5 + texts.width(total, SMALL) * 72 + 9, 0),
                **_BESIDE,
                va="center",
                size=TINY,
                color=MUTED,
            )
        ax.annotate(
            total,
            (left, place),
            xytext=(5, 0),
            **_BESIDE,
            va="center",
            size=SMALL,
            weight="bold",
            color=INK,
        )
    ax.set_ylim(len(rows) - 0.6, -0.75)
    ax.set_xlim(0, longest * 1.0001)
    ax.set_yticks(range(len(rows)))
    ax.set_yticklabels(
        [f"{names.flow(flow)}, {names.mode(mode)}" if name_flows else names.mode(mode) for flow, mode, _ in rows]
    )
    for label in ax.get_yticklabels():
        label.set_color(INK)
    ax.grid(False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _phase_pair(phase: str) -> tuple[str, str]:
    return texts.PHASES.get(phase, (phase, phase))


def throughput_by_hour(
    study: Study,
    port: str,
    *,
    flow: str = ALL,
    lang: str = "en",
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Axes:
    """Draw departures by hour of day, a line a mode, above bands that say when which stations are open.

    The hours are those of the calendar's zone. A band is paler on hours that are open on some days of the week only.
    """
    with style.drawing(lang):
        found, names = facts.port_facts(study, port), facts.names(study, lang)
        bands = _bands(found, names)
        entities = texts.name(texts.ENTITIES, found.entity(flow), lang)
        if ax is not None:
            _departures(ax, found, names, flow)
            _shade(ax, found, bands)
            ax.legend(handles=_mode_lines(found), labels=[names.mode(mode) for mode in found.modes], loc="upper left")
            return ax
        tall, lane = 2.1, 0.34
        height = HEADER + 0.34 + tall + 0.42 + (0.2 + lane * len(bands) if bands else 0) + 0.1
        subtitle = _upper(texts.word("chart_throughput", lang, entities=entities, count=study.replications))
        page = style.sheet(figure, height, _title(names, port, "throughput_by_hour"), subtitle)
        page.legend(MARGIN, HEADER + 0.12, _mode_keys(found, names))
        left, top = 0.58, HEADER + 0.34
        main = page.panel(left, top, WIDTH - left - 0.2, tall)
        _departures(main, found, names, flow)
        if bands:
            below = page.panel(left, top + tall + 0.6, WIDTH - left - 0.2, lane * len(bands), sharex=main)
            _lanes(below, found, bands)
            _shade(main, found, bands)
        return main


def _departures(ax: Axes, found: PortFacts, names: Names, flow: str) -> None:
    edges = np.arange(25)
    highest = 0.0
    for mode, look in style.mode_styles(found.modes).items():
        values = found.by_hour(mode, flow)
        if not any(math.isfinite(value) for value in values):
            continue
        ax.stairs(
            values,
            edges,
            color=look.color,
            linestyle=look.dash,
            linewidth=1.8,
            zorder=look.zorder,
            baseline=None,
            gid=mode,
        )
        highest = max(highest, np.nanmax(values))
    if not highest:
        ax.text(12, 0.5, texts.word("nothing_measured", names.lang), ha="center", va="center", color=MUTED)
    ax.set_ylim(0, highest * 1.12 or 1)
    ax.set_xlim(0, 24)
    ax.xaxis.set_major_locator(FixedLocator(list(range(0, 25, 2))))
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    zone = found.study.scenario.calendar.zone
    ax.set_xlabel(texts.word("axis_hour_of_day", names.lang, zone=zone))
    style.clear_y_label(ax, texts.word("axis_departures", names.lang))


Band = tuple[OpeningHours, list[str], str, list[str]]
"""Hours, the modes in which they hold (all modes: none is named), a label, and the stations."""


def _bands(found: PortFacts, names: Names, most: int = 8) -> list[Band]:
    """Group the stations that close at all by their hours in each mode; hours that agree in all modes are one band."""
    hours = {mode: found.opening_hours(mode) for mode in found.modes}
    closing = [
        station
        for station in found.stations
        if any(station in hours[mode] and not hours[mode][station].always for mode in found.modes)
    ]
    groups: dict[tuple[OpeningHours, tuple[str, ...]], list[str]] = {}
    for station in closing:
        known = {mode: hours[mode][station] for mode in found.modes if station in hours[mode]}
        for opening in dict.fromkeys(known.values()):
            modes = tuple(mode for mode in known if known[mode] == opening)
            everywhere = len(set(known.values())) == 1
            groups.setdefault((opening, () if everywhere else modes), []).append(station)
    bands: list[Band] = []
    for (opening, modes), stations in groups.items():
        text = opening.text(names.lang)
        if modes:
            text = f"{names.several([names.mode(mode) for mode in modes])}, {text}"
        label = texts.word(
            "open_at", names.lang, hours=text, stations=names.several([names.station(key) for key in stations], 3)
        )
        bands.append((opening, list(modes), label, stations))
    order = {mode: place for place, mode in enumerate(found.modes)}
    bands.sort(key=lambda band: ([order[mode] for mode in band[1]], -sum(band[0].quarters)))
    return bands[:most]


def _lanes(ax: Axes, found: PortFacts, bands: Sequence[Band]) -> None:
    looks = style.mode_styles(found.modes)
    room = WIDTH - 0.58 - 0.2
    for place, (opening, modes, label, _) in enumerate(bands):
        color = looks[modes[0]].color if len(modes) == 1 else style.INK
        for begin, end, share in opening.spans():
            box = Rectangle(
                (begin, place + 0.55), end - begin, 0.3, facecolor=color, alpha=0.2 + 0.5 * share, linewidth=0
            )
            ax.add_patch(box)
        ax.text(0, place + 0.47, texts.shorten(label, TINY, room), size=TINY, color=INK, ha="left", va="bottom")
    ax.set_ylim(len(bands), 0)
    ax.set_yticks([])
    ax.tick_params(labelbottom=False, length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.patch.set_visible(False)


def _shade(ax: Axes, found: PortFacts, bands: Sequence[Band]) -> None:
    """Shade the hours in which the stations that close are open under the baseline; most of them, where they differ."""
    common = [band for band in bands if not band[1] or found.baseline in band[1]]
    if not common:
        return
    for begin, end, _ in max(common, key=lambda band: len(band[3]))[0].spans():
        ax.axvspan(begin, end, color=style.SHADE, linewidth=0, zorder=0)


def queue_length(
    study: Study,
    port: str,
    *,
    station: str | None = None,
    most: int = 4,
    lang: str = "en",
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Axes:
    """Draw queue lengths over the measured window, a line a mode and a panel a station, the longest queues first.

    The line is the mean across replications, the band goes from the lowest to the highest.
    """
    with style.drawing(lang):
        found, names = facts.port_facts(study, port), facts.names(study, lang)
        stations = [station] if station else found.longest_queues(most)
        if ax is not None:
            if stations:
                _queue(ax, found, names, stations[0])
                ax.set_title(names.station(stations[0]))
            else:
                style.say_nothing(ax, texts.word("no_queue", lang))
            ax.set_xlabel(texts.word("axis_date", lang))
            ax.legend(handles=_mode_lines(found), labels=[names.mode(mode) for mode in found.modes], loc="upper left")
            return ax
        tall, gap = 1.0, 0.34
        height = HEADER + 0.3 + max(len(stations), 1) * (tall + gap) + 0.5
        subtitle = texts.word("chart_queue", lang, count=study.replications)
        page = style.sheet(figure, height, _title(names, port, "queue_length"), subtitle)
        page.legend(MARGIN, HEADER + 0.12, _mode_keys(found, names))
        left = 0.68
        panels: list[Axes] = []
        for place, key in enumerate(stations):
            panel = page.panel(left, HEADER + 0.3 + gap + place * (tall + gap), WIDTH - left - 0.2, tall)
            _queue(panel, found, names, key)
            panel.set_title(texts.shorten(names.station(key), SIZE, WIDTH - left - 0.3))
            panel.tick_params(labelbottom=place == len(stations) - 1)
            panels.append(panel)
        if not panels:
            panels.append(page.panel(left, HEADER + 0.3 + gap, WIDTH - left - 0.2, tall))
            style.say_nothing(panels[0], texts.word("no_queue", lang))
        else:
            panels[-1].set_xlabel(texts.word("axis_date", lang))
        return panels[0]


def _queue(ax: Axes, found: PortFacts, names: Names, station: str) -> None:
    calendar = found.study.scenario.calendar
    hours = calendar.duration / 3_600_000
    highest = 0.0
    for mode, look in style.mode_styles(found.modes).items():
        table = found.queue(station)[mode]
        if not len(table):
            continue
        x = table.index.to_numpy(dtype=float)
        if (table["high"] > table["low"]).any():
            ax.fill_between(
                x, table["low"], table["high"], color=look.color, alpha=0.18, linewidth=0, zorder=look.zorder - 1
            )
        ax.plot(
            x,
            table["mean"],
            color=look.color,
            linestyle=look.dash,
            linewidth=1.4,
            zorder=look.zorder,
            gid=f"mode:{mode}",
        )
        highest = max(highest, float(table["high"].max()))
    ax.set_xlim(0, hours)
    ax.set_ylim(0, highest * 1.1 or 1)
    ax.yaxis.set_major_locator(MaxNLocator(3, integer=highest >= 3))
    begin = calendar.origin + timedelta(milliseconds=calendar.window[0])
    midnight = (24 - begin.hour - begin.minute / 60) % 24
    days = [midnight + 24 * day for day in range(int((hours - midnight) // 24) + 1)]
    step = max(1, math.ceil(len(days) / 8))
    days = [day for day in days[::step] if day < hours - 6 * step] or days[:1]
    ax.xaxis.set_major_locator(FixedLocator(days))
    labels = [begin + timedelta(hours=day) for day in days]
    ax.set_xticklabels([f"{facts.weekday(day.weekday(), names.lang)} {day:%m-%d}" for day in labels], ha="left")
    style.clear_y_label(ax, texts.word("axis_in_queue", names.lang))


def utilisation(
    study: Study,
    port: str,
    *,
    lang: str = "en",
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Axes:
    """Draw the utilisation of every station in every mode: busy unit-time as part of open unit-time."""
    with style.drawing(lang):
        found, names = facts.port_facts(study, port), facts.names(study, lang)
        rows = _utilisation_rows(found)
        label = texts.word("axis_utilisation", lang)
        if ax is not None:
            _utilisation(ax, found, names, rows)
            ax.set_yticks(range(len(rows)), [names.station(key) for key in rows])
            ax.set_xlabel(label)
            ax.legend(
                handles=_mode_markers(found), labels=[names.mode(mode) for mode in found.modes], loc="lower right"
            )
            return ax
        row = 0.25
        tall = max(len(rows), 2) * row
        height = HEADER + 0.42 + tall + 0.5
        subtitle = texts.word("chart_utilisation", lang, count=study.replications)
        page = style.sheet(figure, height, _title(names, port, "utilisation"), subtitle)
        keys = list(zip(_mode_markers(found), [names.mode(mode) for mode in found.modes], strict=True))
        page.legend(MARGIN, HEADER + 0.12, keys)
        left = _room_for_names([names.station(key) for key in rows])
        panel = page.panel(left, HEADER + 0.38, WIDTH - left - 0.25, tall)
        _utilisation(panel, found, names, rows)
        _row_names(panel, [names.station(key) for key in rows], left)
        panel.set_xlabel(label)
        return panel


def _utilisation_rows(found: PortFacts) -> list[str]:
    rows = {}
    for station in found.stations:
        values = [found.estimate(mode, station, "utilisation") for mode in found.modes]
        if any(value is not None and value.mean > 0 for value in values):
            rows[station] = next(value.mean for value in values if value is not None)
    return sorted(rows, key=lambda station: (-rows[station], station))


def _utilisation(ax: Axes, found: PortFacts, names: Names, rows: Sequence[str]) -> None:
    if not rows:
        style.say_nothing(ax, texts.word("nothing_measured", names.lang))
        return
    highest = 100.0
    for place, station in enumerate(rows):
        values = []
        for mode, look in style.mode_styles(found.modes).items():
            estimate = found.estimate(mode, station, "utilisation")
            if estimate is None:
                continue
            percent = estimate.mean * 100
            values.append(percent)
            if estimate.has_interval and not found.overloads(mode, station):
                ax.plot(
                    [estimate.low * 100, estimate.high * 100], [place, place], color=look.color, linewidth=1, zorder=2.5
                )
            ax.plot(
                [percent],
                [place],
                marker=look.marker,
                ms=6,
                color=look.color,
                markerfacecolor=look.face,
                zorder=look.zorder,
                ls="none",
            )
        ax.plot([min(values), max(values)], [place, place], color=style.RULE, linewidth=1.2, zorder=1.5)
        highest = max(highest, *values)
    ax.axvline(100, color=MUTED, linewidth=0.9, zorder=1)
    ax.set_xlim(0, highest * 1.03)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.spines["left"].set_visible(False)


def differences(
    study: Study,
    port: str,
    *,
    clock: str = DWELL,
    percent: bool = False,
    lang: str = "en",
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Axes:
    """Draw what changes in the mean of every flow, in hours and in percent, with paired intervals.

    With `ax` only one of them: hours, or with `percent` percent. The change in percent is the ratio of the means less
    one. Where a flow has no steady state in one of the modes, the mark is hollow and there is no interval.
    """
    with style.drawing(lang):
        found, names = facts.port_facts(study, port), facts.names(study, lang)
        rows = [
            (flow, mode, change)
            for flow in [*found.flows, *([ALL] if len(found.flows) > 1 else [])]
            for mode in found.others
            if (change := found.difference(mode, flow, clock)) is not None
        ]
        several = len(found.others) > 1
        labels = [f"{names.flow(flow)}, {names.mode(mode)}" if several else names.flow(flow) for flow, mode, _ in rows]
        clock_name = _lower(names.clock(clock))
        axes_names = [texts.word(f"axis_difference_{unit}", lang, clock=clock_name) for unit in ("hours", "percent")]
        if ax is not None:
            _forest(ax, found, names, rows, percent)
            if rows:
                ax.set_yticks(range(len(rows)), labels)
                ax.set_xlabel(axes_names[percent])
            return ax
        row = 0.36
        tall = max(len(rows), 2) * row
        height = HEADER + 0.36 + tall + 0.5
        key = "chart_differences_many" if several or not rows else "chart_differences"
        subtitle = texts.word(
            key,
            lang,
            clock=names.clock(clock),
            mode=names.mode(found.others[0]) if found.others else "",
            baseline=names.mode(found.baseline),
        )
        page = style.sheet(figure, height, _title(names, port, "differences"), subtitle)
        left = _room_for_names(labels)
        between = 0.3
        wide = (WIDTH - left - between - 0.2) / 2
        panels = [page.panel(left + place * (wide + between), HEADER + 0.3, wide, tall) for place in range(2)]
        if rows:
            page.legend(MARGIN, HEADER + 0.1, _difference_keys(found, names))
        for place, panel in enumerate(panels):
            _forest(panel, found, names, rows, percent=bool(place))
            panel.set_xlabel(axes_names[place])
        if rows:
            panels[1].set_yticks([])
            _row_names(panels[0], labels, left)
        return panels[0]


def _forest(
    ax: Axes, found: PortFacts, names: Names, rows: Sequence[tuple[str, str, Difference]], percent: bool
) -> None:
    if not rows:
        style.say_nothing(ax, texts.word("no_comparison", names.lang))
        return
    looks = style.mode_styles(found.modes)
    ends = [0.0]
    for place, (flow, mode, change) in enumerate(rows):
        if percent:
            value, low, high = (100 * part for part in (change.relative, change.relative_low, change.relative_high))
        else:
            value, low, high = change.difference, change.low, change.high
        steady = not found.overloads(mode, flow) and not found.overloads(found.baseline, flow)
        look = looks[mode]
        face = look.face if steady else "white"
        certain = steady and math.isfinite(low) and math.isfinite(high)
        if certain:
            ax.plot([low, high], [place, place], color=look.color, linewidth=1.4, zorder=3, solid_capstyle="butt")
            for end in (low, high):
                ax.plot([end, end], [place - 0.13, place + 0.13], color=look.color, linewidth=1.2, zorder=3)
        ax.plot(
            [value],
            [place],
            marker=look.marker,
            ms=5.5,
            color=look.color,
            markerfacecolor=face,
            zorder=4,
            ls="none",
            gid=flow,
        )
        text = texts.number(value, 1 if percent else texts.decimals_for(value)) + ("%" if percent else "")
        ax.annotate(
            text,
            (value, place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            va="bottom",
            size=TINY,
            color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85},
            zorder=3.5,
        )
        ends += [value, *([low, high] if certain else [])]
    span = (max(ends) - min(ends)) or 1.0
    ax.set_xlim(min(ends) - 0.16 * span, max(ends) + (0.16 if max(ends) > 0 else 0.06) * span)
    ax.axvline(0, color=INK, linewidth=0.9, zorder=1)
    ax.set_ylim(len(rows) - 0.4, -0.75)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(
        FuncFormatter(
            lambda value, _: texts.number(value, 0) if value == int(value) else f"{value:g}".replace("-", "−")
        )
    )


SECURITY_PANELS: Final = {"inspected": "axis_inspected", "missed": "axis_missed", "delay": "axis_delay"}
"""What the chart of facilitation and security shows, with the names of the axes."""


def security(
    study: Study,
    port: str,
    *,
    shows: str = "inspected",
    lang: str = "en",
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Axes:
    """Draw for every flow and violation how many are inspected, how many violations are missed, the innocents' delay.

    With `ax` only one of them: `shows` is `inspected`, `missed` or `delay`. What is missed is what is not detected.
    """
    with style.drawing(lang):
        found, names = facts.port_facts(study, port), facts.names(study, lang)
        rows = found.violations
        comma = texts.word("comma", lang)
        labels = [f"{names.flow(flow)}{comma}{names.violation(violation)}" for flow, violation in rows]
        if ax is not None:
            _risk(ax, found, names, shows)
            if rows:
                ax.set_yticks(range(len(rows)), labels)
            ax.set_xlabel(texts.word(SECURITY_PANELS[shows], lang))
            return ax
        tall = max(len(rows), 2) * 0.4
        height = HEADER + 0.36 + tall + 0.5
        subtitle = texts.word("chart_security", lang, count=study.replications)
        page = style.sheet(figure, height, _title(names, port, "security"), subtitle)
        page.legend(
            MARGIN,
            HEADER + 0.1,
            list(zip(_mode_markers(found), [names.mode(each) for each in found.modes], strict=True)),
        )
        left, between = _room_for_names(labels), 0.24
        wide = (WIDTH - left - 0.2 - between * (len(SECURITY_PANELS) - 1)) / len(SECURITY_PANELS)
        panels = []
        for place, (key, axis) in enumerate(SECURITY_PANELS.items()):
            panel = page.panel(left + place * (wide + between), HEADER + 0.3, wide, tall)
            _risk(panel, found, names, key)
            panel.set_xlabel(texts.word(axis, lang))
            if rows:
                panel.set_yticks(range(len(rows)), [""] * len(rows))
            panels.append(panel)
        if rows:
            _row_names(panels[0], labels, left)
        return panels[0]


def _risk(ax: Axes, found: PortFacts, names: Names, shows: str) -> None:
    """Draw one thing of all flows and violations, a row each, the modes a little apart."""
    if not found.violations:
        style.say_nothing(ax, texts.word("nothing_measured", names.lang))
        return
    looks = style.mode_styles(found.modes)
    highest = 0.0
    for place, (flow, violation) in enumerate(found.violations):
        subject = f"{flow}/{violation}"
        for number, mode in enumerate(found.modes):
            look = looks[mode]
            y = place + 0.26 * (number - (len(found.modes) - 1) / 2) / max(1, len(found.modes) - 1)
            reading = _risk_of(found, mode, subject, shows)
            if reading is None:
                continue
            value, low, high = reading
            steady = shows != "delay" or not found.overloads(mode, flow)
            if steady and math.isfinite(low) and math.isfinite(high):
                low, high = max(low, 0.0), high if shows == "delay" else min(high, 100.0)
                ax.plot([low, high], [y, y], color=look.color, linewidth=1.2, zorder=2.5)
                highest = max(highest, high)
            ax.plot(
                [value],
                [y],
                marker=look.marker,
                ms=5.5,
                color=look.color,
                markerfacecolor=look.face,
                zorder=look.zorder,
                ls="none",
                clip_on=False,
                gid=f"{subject}/{mode}",
            )
            highest = max(highest, value)
    ax.set_xlim(0, highest * 1.06 or 1)
    ax.set_ylim(len(found.violations) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.spines["left"].set_visible(False)


def _risk_of(found: PortFacts, mode: str, subject: str, shows: str) -> tuple[float, float, float] | None:
    """Value and interval of what a panel shows."""
    measure = {"inspected": "inspected", "missed": "detection", "delay": "delay_of_innocent"}[shows]
    estimate = found.estimate(mode, subject, measure)
    if estimate is None:
        return None
    if shows == "delay":
        return estimate.mean, estimate.low, estimate.high
    percent = (100 * estimate.mean, 100 * estimate.low, 100 * estimate.high)
    return percent if shows == "inspected" else (100 - percent[0], 100 - percent[2], 100 - percent[1])


def cost_by_bearer(
    study: Study,
    port: str,
    *,
    flow: str | None = None,
    lang: str = "en",
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Axes:
    """Draw what a passage costs and who bears it: a stacked bar a mode and a panel a flow, each with its own scale."""
    with style.drawing(lang):
        found, names = facts.port_facts(study, port), facts.names(study, lang)
        flows = [flow] if flow else found.costed
        rows = {key: _cost_rows(found, key) for key in flows}
        rows = {key: value for key, value in rows.items() if value}
        bearers = [bearer for bearer in style.BEARER_STYLES if any(bearer in found.bearers(key) for key in rows)]
        keys = [(style.part_key(style.BEARER_STYLES[bearer]), names.bearer(bearer)) for bearer in bearers]
        label = texts.word("axis_cost", lang)
        if ax is not None:
            together = [row for value in rows.values() for row in value]
            _bills(ax, names, together, name_flows=len(rows) > 1)
            ax.set_xlabel(label)
            if keys:
                ax.legend(*zip(*keys, strict=True), loc="lower right")
            return ax
        bar, above, below = 0.3, 0.36, 0.24
        tall = [len(value) * bar for value in rows.values()] or [0.6]
        height = HEADER + 0.24 + sum(tall) + len(tall) * (above + below) + 0.26
        level = study.scenario.definition.prices
        date = level.date if level is not None else texts.MISSING
        subtitle = texts.word("chart_cost", lang, count=study.replications, date=date)
        page = style.sheet(figure, height, _title(names, port, "cost_by_bearer"), subtitle)
        page.legend(MARGIN, HEADER + 0.1, keys)
        left, right = _room_for_modes(found), 0.7
        top = HEADER + 0.2
        panels = []
        for (key, value), size in zip(rows.items(), tall, strict=False):
            panel = page.panel(left, top + above, WIDTH - left - right, size)
            _bills(panel, names, value)
            page.write(MARGIN, top + 0.26, texts.shorten(names.flow(key), SIZE, WIDTH - 0.3), size=SIZE, weight="bold")
            top += above + size + below
            panels.append(panel)
        if not panels:
            panels.append(page.panel(left, top, WIDTH - left - right, 0.6))
            style.say_nothing(panels[0], texts.word("nothing_measured", lang))
        panels[-1].set_xlabel(label)
        return panels[0]


def _cost_rows(found: PortFacts, flow: str) -> list[tuple[str, str, dict[str, float]]]:
    """For each mode the mean cost of a flow by bearer."""
    rows = []
    for mode in found.modes:
        parts = {bearer: found.estimate(mode, f"{flow}/{bearer}", "cost") for bearer in found.bearers(flow)}
        amounts = {bearer: estimate.mean for bearer, estimate in parts.items() if estimate is not None}
        if amounts:
            rows.append((flow, mode, amounts))
    return rows


def _bills(
    ax: Axes, names: Names, rows: Sequence[tuple[str, str, dict[str, float]]], *, name_flows: bool = False
) -> None:
    if not rows:
        style.say_nothing(ax, texts.word("nothing_measured", names.lang))
        return
    for place, (flow, mode, amounts) in enumerate(rows):
        left = 0.0
        for bearer, amount in amounts.items():
            look = style.BEARER_STYLES[bearer]
            bars = ax.barh(
                place, amount, 0.56, left, facecolor=look.face, edgecolor=look.edge, hatch=look.hatch, linewidth=0
            )
            bars[0].set_gid(f"{flow}/{mode}/{bearer}")
            left += amount
        total = texts.number(left, texts.decimals_for(left))
        ax.annotate(total, (left, place), xytext=(5, 0), **_BESIDE, va="center", size=SMALL, weight="bold", color=INK)
    ax.set_ylim(len(rows) - 0.55, -0.55)
    ax.set_xlim(0, max(sum(amounts.values()) for _, _, amounts in rows) * 1.0001 or 1)
    ax.set_yticks(range(len(rows)))
    ax.set_yticklabels(
        [f"{names.flow(flow)}, {names.mode(mode)}" if name_flows else names.mode(mode) for flow, mode, _ in rows]
    )
    for text in ax.get_yticklabels():
        text.set_color(INK)
    ax.grid(False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: texts.number(value, 0)))


def _title(names: Names, port: str, chart: str) -> str:
    return (
        f"{names.port(port)}{'：' if names.lang == 'zh' else ': '}{_lower(texts.name(texts.CHARTS, chart, names.lang))}"
    )


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _mode_lines(found: PortFacts) -> list[Line2D]:
    return [style.line_key(look) for look in style.mode_styles(found.modes).values()]


def _mode_markers(found: PortFacts) -> list[Line2D]:
    return [style.marker_key(look) for look in style.mode_styles(found.modes).values()]


def _mode_keys(found: PortFacts, names: Names) -> list[tuple[Line2D, str]]:
    return list(zip(_mode_lines(found), [names.mode(mode) for mode in found.modes], strict=True))


def _median_key() -> Line2D:
    return Line2D([], [], color=MUTED, linestyle="None", marker="o", markerfacecolor="white", markersize=5.5)


def _difference_keys(found: PortFacts, names: Names) -> list[tuple[Line2D | list[Line2D], str]]:
    looks = style.mode_styles(found.modes)
    keys: list[tuple[Line2D | list[Line2D], str]] = []
    for mode in found.others:
        look = looks[mode]
        line = Line2D([], [], color=look.color, linewidth=1.4)
        text = texts.word("interval_of", names.lang, mode=names.mode(mode), baseline=names.mode(found.baseline))
        keys.append(([line, style.marker_key(look)], text))
    if not any(found.overloads(mode, flow) for mode in found.modes for flow in found.flows):
        return keys
    look = looks[found.others[0]]
    hollow = Line2D(
        [], [], color=look.color, linestyle="None", marker=look.marker, markerfacecolor="white", markersize=6
    )
    keys.append((hollow, texts.word("no_steady_state", names.lang)))
    return keys


def _target(found: PortFacts, clock: str) -> float | None:
    target = getattr(found.study.scenario.procedure.clocks.get(clock), "target", None)
    return None if target is None else target / 3_600_000


def _room_for_names(labels: Sequence[str]) -> float:
    """Room to the left of a panel for its rows' names, in inches."""
    longest = max((texts.width(label, SMALL) for label in labels), default=0.5)
    return min(max(longest, 0.6), 2.3) + MARGIN + 0.1


def _room_for_modes(found: PortFacts) -> float:
    """Room to the left of a panel for the names of the modes, alike in both languages, in inches."""
    longest = max(texts.widest(texts.MODES.get(mode, (mode, mode)), SMALL) for mode in found.modes)
    return min(max(MARGIN + longest + 0.1, 0.7), 1.8)


def _row_names(ax: Axes, labels: Sequence[str], left: float) -> None:
    """Write rows' names beside a panel, in two lines where one does not do."""
    ax.set_yticks(range(len(labels)), [""] * len(labels))
    for place, label in enumerate(labels):
        lines = texts.wrap(label, SMALL, left - MARGIN - 0.06)
        for line, offset in zip(lines, (0.0,) if len(lines) == 1 else (4.4, -4.4), strict=True):
            ax.annotate(
                line,
                (0, place),
                xycoords=("axes fraction", "data"),
                xytext=(-5, offset),
                textcoords="offset points",
                ha="right",
                va="center",
                size=SMALL if len(lines) == 1 else TINY,
                color=INK,
                annotation_clip=False,
            )


CHARTS: Final[dict[str, Chart]] = {
    "dwell_distribution": dwell_distribution,
    "time_by_phase": time_by_phase,
    "throughput_by_hour": throughput_by_hour,
    "queue_length": queue_length,
    "utilisation": utilisation,
    "differences": differences,
    "security": security,
    "cost_by_bearer": cost_by_bearer,
}


def charts_of(found: PortFacts) -> list[str]:
    """The charts for which a port has anything to draw: those of risk and money only if these were measured."""
    without = {"security": not found.violations, "cost_by_bearer": not found.costed}
    return [chart for chart in CHARTS if not without.get(chart, False)]


def draw(chart: str, study: Study, port: str, lang: str) -> Figure:
    """Draw a chart on a figure of its own, apart from pyplot's."""
    figure = Figure()
    CHARTS[chart](study, port, lang=lang, figure=figure)
    return figure


class Drawings:
    """The charts of a study in one language, each drawn once for its files and for the page."""

    def __init__(self, study: Study, lang: str) -> None:
        self.study = study
        self.lang = texts.language(lang)
        self._sources: dict[tuple[str, str], str] = {}
        self._pictures: dict[tuple[str, str], bytes] = {}

    def source(self, port: str, chart: str) -> str:
        """The source of a chart, of which `style.svg` makes files and parts of pages."""
        if (port, chart) not in self._sources:
            with style.drawing(self.lang):
                self._sources[port, chart] = style.source(draw(chart, self.study, port, self.lang))
        return self._sources[port, chart]

    def picture(self, port: str, chart: str) -> bytes:
        """A chart as PNG, in English where the machine has no font with Chinese characters; its source is kept too."""
        if (port, chart) not in self._pictures:
            with style.drawing(self.lang):
                figure = draw(chart, self.study, port, self.lang)
                shown = figure if self.lang == _picture_language(self.lang) else draw(chart, self.study, port, "en")
                self._pictures[port, chart] = style.png(shown)
                self._sources[port, chart] = style.source(figure)
        return self._pictures[port, chart]

    def add(self, drawn: _Drawn) -> None:
        """Keep what was drawn elsewhere."""
        chart = drawn.task.port, drawn.task.chart
        self._sources[chart] = drawn.source
        if drawn.picture is not None:
            self._pictures[chart] = drawn.picture


def _picture_language(lang: str) -> str:
    return "en" if lang == "zh" and style.chinese_font() is None else lang


def drawings_of(
    study: Study, languages: Sequence[str], *, workers: int = 1, progress: Callable[[int, int], object] | None = None
) -> dict[str, Drawings]:
    """Draw all charts of a study in some languages, with pictures in the first.

    Args:
        study: The study. Workers read it from its folder, if it has one.
        languages: `en` or `zh`.
        workers: Processes, used where it pays; they never change a drawing.
        progress: Called with the charts drawn and those to draw.

    Raises:
        RunError: If a worker dies.
    """
    found = {lang: Drawings(study, lang) for lang in languages}
    tasks = [
        _Task(lang, port, chart, with_picture=lang == languages[0])
        for port in facts.ports(study)
        for chart in charts_of(facts.port_facts(study, port))
        for lang in languages
    ]
    if workers > 1 and study.folder is not None and len(tasks) >= WORTH_WORKERS:
        drawing: Iterable[_Drawn] = in_workers(_draw_there, str(study.folder), tasks, workers)
    else:
        drawing = (_draw(found[task.lang], task) for task in tasks)
    for done, drawn in enumerate(drawing, 1):
        found[drawn.task.lang].add(drawn)
        if progress is not None:
            progress(done, len(tasks))
    return found


class _Task(NamedTuple):
    lang: str
    port: str
    chart: str
    with_picture: bool


class _Drawn(NamedTuple):
    task: _Task
    source: str
    picture: bytes | None


def _draw(drawings: Drawings, task: _Task) -> _Drawn:
    picture = drawings.picture(task.port, task.chart) if task.with_picture else None
    return _Drawn(task, drawings.source(task.port, task.chart), picture)


def _draw_there(folder: str, task: _Task) -> _Drawn:
    return _draw(Drawings(_opened(folder), task.lang), task)


@cache
def _opened(folder: str) -> Study:
    from sim.study.study import open_study

    return open_study(folder)


def write_charts(study: Study, folder: Path | str, lang: str = "en", *, drawings: Drawings | None = None) -> list[Path]:
    """Write every chart of every port as SVG and PNG, `PORT.CHART.svg`; return the files.

    A PNG in Chinese needs a font with Chinese characters. Where the machine has none, PNGs are written in English, with
    one warning; SVGs keep their text and are shown with the reader's fonts.

    Args:
        study: The study.
        folder: Where the files are written.
        lang: `en` or `zh`.
        drawings: Its charts in this language, if others show them too.
    """
    drawings = drawings if drawings is not None else Drawings(study, lang)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if _picture_language(lang) != lang:
        warnings.warn("no font with Chinese characters is installed: PNG charts are written in English", stacklevel=2)
    written: list[Path] = []
    for port in facts.ports(study):
        for chart in charts_of(facts.port_facts(study, port)):
            picture = drawings.picture(port, chart)
            label = _title(facts.names(study, lang), port, chart)
            drawing = style.svg(drawings.source(port, chart), label=label)
            for suffix, content in ((".svg", drawing.encode()), (".png", picture)):
                path = folder / f"{port}.{chart}{suffix}"
                write_bytes(path, content)
                written.append(path)
    return written
