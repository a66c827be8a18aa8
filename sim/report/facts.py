"""What charts and pages read from a study: the numbers of one port, looked up by name and never computed anew."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.report import texts
from sim.scenario.rosters import WEEKDAYS, capacity_steps
from sim.study.estimates import half_width

if TYPE_CHECKING:
    from sim.study.study import Study

KINDS = ("queueing", "closed", "service")
ALL = "all"
DWELL = "port_dwell"
_QUARTER = 15 * 60_000
_DAY = 24 * 60 * 60_000
UNSTEADY = "no steady state"
"""What a warning of overload says, and no other."""
# A part of the entities that is still inside at the end is worth a word from here on.
NOTABLE_UNFINISHED = 0.001


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean across replications with its 95% interval; without interval `low` and `high` are NaN."""

    mean: float
    low: float = math.nan
    high: float = math.nan
    n: int = 1

    @property
    def has_interval(self) -> bool:
        """Whether an interval is known."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True, slots=True)
class Difference:
    """Paired difference of a mode from the baseline, and the ratio of the means less one, with their 95% intervals."""

    baseline: float
    mode: float
    difference: float
    low: float
    high: float
    relative: float
    variance_reduction: float
    relative_half: float = math.nan

    @property
    def has_interval(self) -> bool:
        """Whether an interval is known."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def relative_low(self) -> float:
        """Lower end of the interval of the relative change."""
        return self.relative - self.relative_half

    @property
    def relative_high(self) -> float:
        """Upper end of the interval of the relative change."""
        return self.relative + self.relative_half

    @property
    def decided(self) -> bool:
        """Whether the interval leaves no doubt about the sign."""
        return self.difference != 0 and (not self.has_interval or self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Names:
    """Titles of what the scenario names itself, in one language."""

    scenario: Any
    lang: str
    stations: Mapping[str, Any]
    """Stations and quotas of all modes."""
    activities: Mapping[tuple[str, str], Any]
    """Activities of all modes, by flow and name."""
    reforms: Mapping[str, Any]

    def port(self, key: str) -> str:
        """Title of a port."""
        return texts.title(_get(self.scenario.ports, key), self.lang, key)

    def flow(self, key: str) -> str:
        """Title of a flow; `all` means all flows of the port."""
        if key == ALL:
            return texts.word("all_flows", self.lang)
        return texts.title(_get(self.scenario.demand, key), self.lang, key)

    def station(self, key: str) -> str:
        """Title of a station."""
        return texts.title(_get(self.stations, key), self.lang, key)

    def clock(self, key: str) -> str:
        """Title of a clock: the scenario's own before the standard one."""
        return texts.title(
            _get(self.scenario.procedure.clocks, key), self.lang, texts.name(texts.CLOCKS, key, self.lang)
        )

    def activity(self, key: str, flow: str | None = None) -> str:
        """Title of an activity, if a flow is given as its route calls it."""
        standard = texts.name(texts.ACTIVITIES, key, self.lang)
        return texts.title(self.activities.get((flow or "", key)), self.lang, standard)

    def reform(self, key: str) -> str:
        """Title of a reform."""
        return texts.title(self.reforms.get(key), self.lang, key)

    def mode(self, key: str) -> str:
        """Name of a mode."""
        return texts.name(texts.MODES, key, self.lang)

    def phase(self, key: str) -> str:
        """Name of a phase."""
        return texts.name(texts.PHASES, key, self.lang)

    def violation(self, key: str) -> str:
        """Name of a violation."""
        return texts.name(texts.VIOLATIONS, key, self.lang)

    def bearer(self, key: str) -> str:
        """Name of who bears a cost."""
        return texts.name(texts.BEARERS, key, self.lang)

    def disruption(self, key: str) -> str:
        """Title of a disruption."""
        return texts.title(self.scenario.definition.disruptions.get(key), self.lang, key)

    def agency(self, key: str) -> str:
        """Name of an agency."""
        return texts.name(texts.AGENCIES, key, self.lang)

    def several(self, names: Sequence[str], most: int = 99) -> str:
        """Join names to a list that stops after some and counts the rest."""
        shown = texts.word("comma", self.lang).join(names[:most])
        rest = len(names) - most
        return shown if rest <= 0 else texts.word("stations_and_more", self.lang, stations=shown, count=rest)


def names(study: Study, lang: str) -> Names:
    """Collect the titles of a study's scenario in a language."""
    reforms = {key: named.reform for key, named in study.scenario.library.items()}
    activities = {
        (flow, key): activity
        for mode in reversed(study.modes)
        for flow, route in procedure(study, mode).routes.items()
        for key, activity in route.items()
    }
    return Names(study.scenario, texts.language(lang), _all_stations(study), activities, reforms)


@dataclass(frozen=True)
class PortFacts:
    """The numbers of one port of a study."""

    study: Study
    port: str

    @property
    def modes(self) -> list[str]:
        """The modes that were run, the baseline first."""
        return list(self.study.modes)

    @property
    def baseline(self) -> str:
        """The mode with which the others are compared."""
        return self.modes[0]

    @property
    def others(self) -> list[str]:
        """The modes that are compared with the baseline."""
        return self.modes[1:]

    @cached_property
    def flows(self) -> list[str]:
        """The port's flows of which anything was measured, in the scenario's order."""
        measured = {subject for _, subject, measure, _ in self._estimates if measure in (DWELL, "throughput")}
        return [key for key, flow in self.study.scenario.demand.items() if flow.port == self.port and key in measured]

    @cached_property
    def stations(self) -> list[str]:
        """The port's stations with any measure, in the scenario's order."""
        measured = {
            subject
            for _, subject, measure, _ in self._estimates
            if measure in ("utilisation", "queue_length", "visits")
        }
        known = [key for key in places(self.study.scenario.procedure) if key in measured]
        return known + sorted(measured - set(known))

    @cached_property
    def _estimates(self) -> dict[tuple[str, str, str, str], Estimate]:
        table = self.study.estimates
        table = table[table["port"] == self.port]
        columns = (table[key] for key in ("mode", "subject", "measure", "statistic", "mean", "ci_low", "ci_high", "n"))
        return {
            (str(mode), str(subject), str(measure), str(statistic)): Estimate(
                float(mean), float(low), float(high), int(n)
            )
            for mode, subject, measure, statistic, mean, low, high, n in zip(*columns, strict=True)
        }

    @cached_property
    def _comparison(self) -> dict[tuple[str, str, str, str], Difference]:
        table = self.study.comparison
        table = table[(table["port"] == self.port) & (table["baseline"] == self.baseline)]
        keys = ("mode", "subject", "measure", "statistic")
        values = ("baseline_mean", "mode_mean", "difference", "ci_low", "ci_high", "relative", "variance_reduction")
        columns = [table[key] for key in (*keys, *values)]
        return {
            (str(row[0]), str(row[1]), str(row[2]), str(row[3])): Difference(*(float(value) for value in row[4:]))
            for row in zip(*columns, strict=True)
        }

    def _subjects(self, measure: str) -> list[str]:
        """What has a measure in any mode, each once."""
        return list(dict.fromkeys(subject for _, subject, each, _ in self._estimates if each == measure))

    @cached_property
    def violations(self) -> list[tuple[str, str]]:
        """The flows with the violations that some activity of theirs looks for."""
        found = [subject.partition("/") for subject in self._subjects("inspected")]
        return [(flow, violation) for flow in self.flows for each, _, violation in found if each == flow]

    @cached_property
    def costed(self) -> list[str]:
        """The flows of which costs are known."""
        known = set(self._subjects("cost"))
        return [flow for flow in self.flows if flow in known]

    def bearers(self, flow: str) -> list[str]:
        """Who bears costs of a flow in any mode."""
        known = set(self._subjects("cost"))
        return [bearer for bearer in texts.BEARERS if f"{flow}/{bearer}" in known]

    @cached_property
    def staffed(self) -> list[str]:
        """The stations whose staff is known."""
        known = set(self._subjects("staff_hours"))
        return [station for station in self.stations if station in known] + sorted(known - set(self.stations))

    @cached_property
    def disruptions(self) -> list[str]:
        """The disruptions that strike this port, in the scenario's order."""
        known = set(self._subjects("strikes"))
        return [key for key in self.study.scenario.definition.disruptions if key in known]

    def replications_with(self, mode: str, subject: str, measure: str, statistic: str) -> int:
        """In how many replications a value is known."""
        found = self._estimates.get((mode, subject, measure, statistic))
        return found.n if found is not None else 0

    def estimate(self, mode: str, subject: str, measure: str = DWELL, statistic: str = "mean") -> Estimate | None:
        """Look an estimate up; None if there is none or it is not a number. A quantile may be infinite."""
        found = self._estimates.get((mode, subject, measure, statistic))
        return found if found is not None and not math.isnan(found.mean) else None

    def difference(self, mode: str, subject: str, measure: str = DWELL, statistic: str = "mean") -> Difference | None:
        """Look a paired difference up; None if there is none or it is not a number."""
        found = self._comparison.get((mode, subject, measure, statistic))
        if found is None or not math.isfinite(found.difference):
            return None
        return replace(found, relative_half=self._relative_half(mode, subject, measure, statistic))

    def _relative_half(self, mode: str, subject: str, measure: str, statistic: str) -> float:
        """Half of the 95% interval of the ratio of two paired means, by linearisation (the delta method)."""
        one, two = (self._replications.get((each, subject, measure, statistic)) for each in (self.baseline, mode))
        if one is None or two is None:
            return math.nan
        shared = np.isfinite(one) & np.isfinite(two)
        base, other = one[shared], two[shared]
        if len(base) < 2 or not base.mean() > 0:
            return math.nan
        residual = (other - other.mean() / base.mean() * base) / base.mean()
        return float(half_width(residual[np.newaxis, :])[0])

    @cached_property
    def _replications(self) -> dict[tuple[str, str, str, str], NDArray[np.float64]]:
        """The values of single replications of the clocks' means."""
        clocks = self.study.scenario.procedure.clocks
        return {
            (mode, subject, measure, statistic): values
            for mode, table in self.study.by_replication.items()
            for (port, subject, measure, statistic, _), values in zip(table.index, table.to_numpy(), strict=True)
            if port == self.port and statistic == "mean" and measure in clocks
        }

    def parts(self, mode: str, flow: str, by: str = "phase") -> dict[str, dict[str, float]]:
        """Mean hours of a flow by phase, agency, station or activity and by kind of time; zeros are left out."""
        found: dict[str, dict[str, float]] = {}
        for kind in KINDS:
            for (row_mode, subject, measure, statistic), estimate in self._estimates.items():
                if (
                    row_mode != mode
                    or measure != f"{kind}_by_{by}"
                    or statistic != "mean"
                    or not subject.startswith(f"{flow}/")
                ):
                    continue
                if math.isfinite(estimate.mean) and estimate.mean > 0:
                    found.setdefault(subject.partition("/")[2], {})[kind] = estimate.mean
        orders = {"phase": texts.PHASES, "agency": texts.AGENCIES, "activity": texts.ACTIVITIES}
        order = list(orders.get(by, self.stations))
        rank = {key: place for place, key in enumerate(order)}
        return {key: found[key] for key in sorted(found, key=lambda key: (rank.get(key, len(rank)), key))}

    def stations_of(self, flow: str) -> list[str]:
        """Stations at which a flow is worked on or which it holds, in any mode."""
        found: dict[str, None] = {}
        for mode in self.modes:
            route = _get(procedure(self.study, mode).routes, flow) or {}
            for activity in route.values():
                found.update(dict.fromkeys(resources(activity)))
        return list(found)

    @cached_property
    def overloaded(self) -> dict[str, set[str]]:
        """By mode the stations of this port that a warning of the study calls overloaded."""
        stations = [key for key, station in _all_stations(self.study).items() if station.port == self.port]
        found: dict[str, set[str]] = {mode: set() for mode in self.modes}
        for warning in warnings(self.study):
            if UNSTEADY not in warning:
                continue
            words = set(re.findall(r"[a-z][a-z0-9_]*", warning))
            modes = [mode for mode in self.modes if mode in words] or self.modes
            for mode in modes:
                found[mode].update(words.intersection(stations))
        return found

    def overloads(self, mode: str, subject: str) -> list[str]:
        """Overloaded stations on which a flow (or `all`, or the station itself) depends in a mode."""
        stations = self.overloaded[mode]
        if subject == ALL:
            return sorted(stations)
        if subject in stations:
            return [subject]
        route = _get(procedure(self.study, mode).routes, subject) or {}
        used = {station for activity in route.values() for station in resources(activity)}
        return sorted(stations & used)

    def unfinished(self, mode: str, flow: str) -> float:
        """Share of the measured entities that had not left when the simulation ended."""
        inside, count = (self.estimate(mode, flow, DWELL, key) for key in ("unfinished", "count"))
        if inside is None or count is None or count.mean <= 0:
            return 0.0
        return inside.mean / count.mean

    def entity(self, subject: str) -> str:
        """What flows: the entity of a flow, or of all flows if they agree."""
        demand = self.study.scenario.demand
        kinds = {demand[flow].entity for flow in ([subject] if subject in demand else self.flows)}
        return kinds.pop() if len(kinds) == 1 else "entity"

    def quantiles(self, subject: str, clock: str = DWELL) -> dict[str, pd.DataFrame]:
        """By mode the clock's quantiles: index probability, columns mean, low, high across replications."""
        return _lines(self, "probability", subject, clock)

    def queue(self, station: str) -> dict[str, pd.DataFrame]:
        """By mode the queue's length: index hours of the window, columns mean, low, high across replications."""
        return _lines(self, "hour", station, "queue_length")

    @cached_property
    def lines(self) -> pd.DataFrame:
        """The port's part of the study's lines."""
        table = self.study.lines
        return table[table["port"] == self.port]

    def by_hour(self, mode: str, subject: str = ALL) -> list[float]:
        """Entities that leave per hour, for the 24 hours of the day."""
        found = [self.estimate(mode, subject, "throughput_by_hour", f"h{hour:02d}") for hour in range(24)]
        return [estimate.mean if estimate else math.nan for estimate in found]

    def longest_queues(self, most: int) -> list[str]:
        """The stations with the longest mean queues in any mode, the longest first."""
        lengths = {}
        for station in self.stations:
            found = (self.estimate(mode, station, "queue_length") for mode in self.modes)
            lengths[station] = max((estimate.mean for estimate in found if estimate), default=0.0)
        ranked = sorted(lengths, key=lambda station: (-lengths[station], station))
        return [station for station in ranked[:most] if lengths[station] >= 0.005]

    def opening_hours(self, mode: str) -> dict[str, OpeningHours]:
        """Opening hours of the port's stations in a mode."""
        place = procedure(self.study, mode)
        return {
            key: opening_hours(self.study, place, station.roster)
            for key, station in places(place).items()
            if station.port == self.port and key in self.stations
        }


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """For each quarter of an hour of the day the share of the window's days on which it is open."""

    quarters: tuple[float, ...]

    @property
    def always(self) -> bool:
        """Whether it never closes."""
        return min(self.quarters) >= 1

    def spans(self) -> list[tuple[float, float, float]]:
        """Stretches of the day in hours that are open on the same share of days, with this share."""
        found: list[tuple[float, float, float]] = []
        for quarter, share in enumerate(self.quarters):
            if share <= 0:
                continue
            begin, end = quarter / 4, (quarter + 1) / 4
            if found and found[-1][1] == begin and abs(found[-1][2] - share) < 1e-9:
                found[-1] = (found[-1][0], end, share)
            else:
                found.append((begin, end, share))
        return found

    def text(self, lang: str) -> str:
        """Hours in words, such as `10:00-14:00, 15:30-19:30`."""
        if self.always:
            return texts.word("always_open", lang)
        spans = self.spans()
        if not spans:
            return texts.word("never_open", lang)
        # Past midnight: what ends at 24:00 goes on with what begins at 0:00.
        if len(spans) > 1 and spans[0][0] == 0 and spans[-1][1] == 24:
            spans = [*spans[1:-1], (spans[-1][0], spans[0][1], spans[-1][2])]
        if len(spans) > 4:
            return texts.word("hours_vary", lang)
        hours = texts.word("comma", lang).join(f"{_clock_time(begin)}–{_clock_time(end)}" for begin, end, _ in spans)
        shares = {round(share * 7, 6) for _, _, share in spans}
        days = shares.pop() if len(shares) == 1 else 7.0
        return texts.word("on_days", lang, hours=hours, count=int(days)) if days in range(1, 7) else hours


def _clock_time(hours: float) -> str:
    return f"{int(hours):02d}:{round(hours % 1 * 60):02d}"


def opening_hours(study: Study, place: Any, roster: str | None) -> OpeningHours:
    """When a roster of a procedure is open, by quarter of an hour of the day over the measured window."""
    calendar = study.scenario.calendar
    if roster is None:
        return OpeningHours((1.0,) * 96)
    steps = capacity_steps(place.rosters[roster], 1, calendar)
    first_day = -(-calendar.window[0] // _DAY)
    last_day = max(calendar.window[1] // _DAY, first_day + 1)
    # A short window says little about the week, so at least one whole week is looked at if the calendar has one.
    last_day = max(last_day, min(first_day + 7, calendar.horizon // _DAY))
    moments = np.arange(first_day * _DAY, last_day * _DAY, _QUARTER, dtype=np.int64) + _QUARTER // 2
    is_open = (steps.at(moments) > 0).reshape(-1, 96).mean(axis=0)
    return OpeningHours(tuple(float(share) for share in is_open))


def procedure(study: Study, mode: str) -> Any:
    """The procedure in force in a mode."""
    return study.scenario.under(mode).procedure


def places(procedure: Any) -> dict[str, Any]:
    """Everything of a procedure that has a line before it: stations, pools and quotas."""
    return {**procedure.stations, **procedure.quotas}


def resources(activity: Any) -> list[str]:
    """What an activity works at, holds or uses up."""
    return [*filter(None, [activity.at]), *activity.seizes, *activity.needs]


def warnings(study: Study) -> list[str]:
    """The study's warnings, each once."""
    return list(dict.fromkeys(str(warning) for warning in study.manifest.get("warnings") or []))


def warning_values(text: str) -> tuple[str, dict[str, str]] | None:
    """Read the kind of a warning and its values back from its sentence; None for one that nobody has translated."""
    for kind, (sentence, _) in texts.WARNINGS.items():
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(sentence))
        if match := re.fullmatch(pattern, text):
            return kind, match.groupdict()
    return None


def warning_text(text: str, names: Names) -> str:
    """Say a warning in the language of some names; one of an unknown kind as the study says it, in English."""
    known = warning_values(text)
    if names.lang == "en" or known is None:
        return text
    kind, values = known
    named = {"mode": names.mode, "station": names.station, "flow": names.flow}
    said = {key: named[key](value) if key in named else value for key, value in values.items()}
    if "unit" in said:
        said["unit"] = texts.name(texts.LOAD_UNITS, said["unit"], names.lang)
    return texts.pick(texts.WARNINGS[kind], names.lang).format(**said)


def ports(study: Study) -> list[str]:
    """The ports with any measured flow, in the scenario's order."""
    measured = set(study.estimates["port"].unique())
    return [port for port in study.scenario.ports if port in measured]


@lru_cache(maxsize=16)  # every chart and page of a port reads the same ones
def port_facts(study: Study, port: str) -> PortFacts:
    """The numbers of one port of a study, worked out once for all who show them."""
    return PortFacts(study, port)


def weekday(index: int, lang: str) -> str:
    """Name of a weekday, 0 = Monday."""
    return texts.name(texts.WEEKDAYS, WEEKDAYS[index % 7], lang)


def _all_stations(study: Study) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mode in study.modes:
        found.update(places(procedure(study, mode)))
    return found


@lru_cache(maxsize=256)  # charts, in every language, show the same lines
def _lines(found: PortFacts, axis: str, subject: str, measure: str) -> dict[str, pd.DataFrame]:
    """By mode a line of the series: index x, columns mean, low, high across replications."""
    table = found.lines
    table = table[(table["axis"] == axis) & (table["subject"] == subject) & (table["measure"] == measure)]
    lines = table.set_index("x").sort_index()[["mode", "mean", "low", "high"]]
    return {mode: lines[lines["mode"] == mode].drop(columns="mode") for mode in found.modes}


def _get(mapping: Any, key: str | None) -> Any:
    return mapping.get(key) if key is not None and mapping is not None else None
