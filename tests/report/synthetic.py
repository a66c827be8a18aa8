"""A study made of made-up tables in the shape of real ones, for tests of charts and pages alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from sim.measures.table import MEASURE_COLUMNS, SERIES_COLUMNS
from sim.scenario.costs import PriceLevel
from sim.scenario.demand import Flow
from sim.scenario.disruptions import Disruption
from sim.scenario.fields import Text
from sim.scenario.procedure import Procedure
from sim.scenario.rosters import Calendar
from sim.study.estimates import Measures
from tests import long_tables
from tests.long_tables import comparison, estimates

# Hours by phase and kind (queueing, closed, service) of each flow under each mode.
TIMES: dict[str, dict[str, dict[str, tuple[float, float, float]]]] = {
    "khorgos_road_general_export": {
        "traditional": {
            "gate": (9.1, 6.2, 0.1),
            "documents": (4.0, 3.0, 2.2),
            "inspection": (3.0, 1.4, 1.2),
            "border": (11.0, 7.5, 0.3),
            "storage": (0.0, 0.0, 2.0),
        },
        "smart": {"gate": (0.4, 0.0, 0.05), "inspection": (0.8, 0.0, 1.0), "border": (1.2, 0.0, 0.2)},
    },
    "khorgos_road_export_cars": {
        "traditional": {"gate": (5.0, 8.0, 0.1), "documents": (4.0, 6.0, 1.0), "border": (3.0, 4.0, 0.4)},
        "smart": {"gate": (0.2, 0.0, 0.05), "border": (2.6, 0.0, 0.2)},
    },
    "khorgos_road_fresh_produce": {
        "traditional": {"gate": (0.6, 1.0, 0.1), "quarantine": (1.0, 2.0, 1.5), "border": (0.5, 0.0, 0.2)},
        "smart": {"gate": (0.1, 0.0, 0.05), "quarantine": (0.2, 0.0, 0.4), "border": (0.2, 0.0, 0.1)},
    },
    "alashankou_rail_grain": {
        "traditional": {"handling": (40.0, 0.0, 9.0), "quarantine": (60.0, 20.0, 120.0)},
        "smart": {"handling": (2.0, 0.0, 8.0), "documents": (0.5, 0.0, 0.5)},
    },
    "alashankou_rail_westbound": {
        "traditional": {"documents": (1.5, 1.0, 1.2), "handling": (3.0, 0.0, 2.5), "border": (1.0, 0.0, 1.2)},
        "smart": {"documents": (0.2, 0.0, 0.4), "handling": (2.0, 0.0, 2.4), "border": (0.5, 0.0, 0.6)},
    },
}
TITLES = {
    "khorgos_road_general_export": ("General cargo, export", "一般货物出口"),
    "khorgos_road_export_cars": ("Export cars <new & used>, self-driven or on carriers", "商品车出口（自驾与运载）"),
    "khorgos_road_fresh_produce": ("Fresh produce", "果蔬"),
    "alashankou_rail_grain": ("Grain trains", "粮食专列"),
    "alashankou_rail_westbound": ("China-Europe container trains, westbound", "中欧班列（西行）"),
}
STATIONS = {
    "khorgos_road_entry_gate": ("Entry gate", "入场卡口", 4, None, "port_operator"),
    "khorgos_road_customs_desk": ("Customs document desk", "海关审单窗口", 6, "khorgos_road_office", "customs"),
    "khorgos_road_scanner": (
        "Large vehicle scanner (H986) in the central yard",
        "集中查验场H986大型集装箱检查设备",
        2,
        "day",
        "customs",
    ),
    "khorgos_road_border_booth": ("Border inspection booth", "边检验证台", 3, "day", "border_inspection"),
    "alashankou_rail_cranes": ("Transshipment cranes", "换装龙门吊", 4, None, "railway"),
    "alashankou_rail_laboratory": ("Quarantine laboratory", "检疫实验室", 2, "khorgos_road_office", "customs"),
}
SMART_ONLY = ("khorgos_road_smart_lane", ("Smart gate lane", "智能卡口通道", 2, None, "customs"))
ROUTES = {
    "khorgos_road_general_export": {"gate_in": 0, "document_review": 1, "scan": 2, "border_check": 3},
    "khorgos_road_export_cars": {"gate_in": 0, "document_review": 1, "border_check": 3},
    "khorgos_road_fresh_produce": {"gate_in": 0, "border_check": 3},
    "alashankou_rail_grain": {"transload": 4, "laboratory": 5},
    "alashankou_rail_westbound": {"transload": 4},
}
ACTIVITY_OF = {
    "gate": "gate_in",
    "documents": "document_review",
    "inspection": "scan",
    "border": "border_check",
    "storage": "store",
    "quarantine": "laboratory",
    "handling": "transload",
}
PORTS = {
    "khorgos_road": ("Khorgos road port", "霍尔果斯公路口岸"),
    "alashankou_rail": ("Alashankou rail port", "阿拉山口铁路口岸"),
}


@dataclass(eq=False)
class Study:
    """The part of a study that reports read."""

    scenario: Any
    modes: list[str]
    replications: int
    measures: pd.DataFrame
    series: pd.DataFrame
    estimates: pd.DataFrame
    comparison: pd.DataFrame
    parameters: pd.DataFrame
    edits: pd.DataFrame
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def by_replication(self) -> Measures:
        """The measures as they are now, one column a replication."""
        return long_tables.by_replication(self.measures)

    @property
    def lines(self) -> pd.DataFrame:
        """The series as they are now, over all replications."""
        return long_tables.lines(self.series)


def title(pair: tuple[str, str]) -> Text:
    """Make a title."""
    return Text(en=pair[0], zh=pair[1])


def _scenario(flows: list[str], modes: list[str]) -> Any:
    demand = {
        key: Flow.model_validate(
            {
                "title": {"en": TITLES[key][0], "zh": TITLES[key][1]},
                "entity": "train" if "rail" in key else "truck",
                "port": port_of(key),
                "direction": "export",
                "arrivals": {"rate": "300 per day"},
            }
        )
        for key in flows
    }
    names = list(STATIONS)

    def procedure(smart: bool) -> Procedure:
        stations = dict([*STATIONS.items(), *([SMART_ONLY] if smart else [])])
        return Procedure.model_validate(
            {
                "rosters": {
                    "day": {"zone": "Asia/Shanghai", "open": ["10:00-14:00", "15:30-20:00"]},
                    "khorgos_road_office": {
                        "zone": "Asia/Shanghai",
                        "open": ["10:00-18:30"],
                        "days": ["mon", "tue", "wed", "thu", "fri"],
                    },
                },
                "stations": {
                    key: {
                        "title": {"en": row[0], "zh": row[1]},
                        "port": port_of(key),
                        "capacity": row[2],
                        "agency": row[4],
                        **({"roster": row[3]} if row[3] and not (smart and row[3] == "day") else {}),
                    }
                    for key, row in stations.items()
                },
                "routes": {
                    flow: {key: {"at": names[index], "takes": "5 min"} for key, index in ROUTES[flow].items()}
                    for flow in flows
                },
                "clocks": {
                    "port_dwell": {
                        "title": {"en": "Time in port", "zh": "在港停留时间"},
                        "from": ["gate_in.ready", "arrival"],
                        "to": ["border_check.end", "transload.end"],
                        "target": "6 h",
                    }
                },
            }
        )

    scenario = SimpleNamespace(
        title=title(("Three ports <test> & more", "三个口岸")),
        name="test",
        demand=demand,
        procedure=procedure(smart=False),
        ports={key: title(pair) for key, pair in PORTS.items()},
        modes=list(modes),
        calendar=Calendar.model_validate(
            {
                "start": "2025-06-02",
                "zone": "Asia/Shanghai",
                "warm_up": "3 days",
                "duration": "14 days",
                "cool_down": "7 days",
            }
        ),
        library={
            "advance_declaration": SimpleNamespace(
                name="advance_declaration",
                reform=SimpleNamespace(
                    title=title(("Advance declaration", "提前申报")),
                    why=title(("The declaration is made while the goods are on the road.", "货物尚在途中即可申报。")),
                    grade="official",
                    sources=("https://example.org/reform",),
                ),
            )
        },
        definition=SimpleNamespace(
            seed=20250602,
            description=title(("Made-up figures.", "虚构数据。")),
            disruptions={
                "closure": Disruption.model_validate(
                    {
                        "title": {"en": "Closure by the neighbour", "zh": "邻国闭关"},
                        "stations": "khorgos_road_border_booth",
                        "leaves": "50%",
                        "dates": ["2025-06-09..2025-06-11"],
                    }
                )
            },
            prices=PriceLevel.model_validate({"date": "2025-06-30", "note": "1 USD = 7.17 CNY"}),
        ),
    )
    scenario.under = lambda mode: SimpleNamespace(procedure=procedure(smart=mode != "traditional"))
    return scenario


def port_of(name: str) -> str:
    """Port of a flow or station."""
    return "alashankou_rail" if "rail" in name else "khorgos_road"


@dataclass
class Tables:
    """Rows of measures and series."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    points: list[tuple[object, ...]] = field(default_factory=list)
    run: tuple[str, int] = ("", 0)

    def of(self, mode: str, replication: int) -> Tables:
        """Add to the rows of one run from here on."""
        self.run = (mode, replication)
        return self

    def add(self, subject: str, measure: str, unit: str, *, port: str = "", **statistics: float) -> None:
        """Add measures, one a statistic."""
        for statistic, value in statistics.items():
            self.rows.append((*self.run, port or port_of(subject), subject, measure, statistic, unit, value))

    def add_points(self, subject: str, measure: str, axis: str, unit: str, points: dict[float, float]) -> None:
        """Add a series."""
        for x, value in points.items():
            self.points.append((*self.run, port_of(subject), subject, measure, axis, x, unit, value))


def _add_flow(
    run: Tables, flow: str, phases: dict[str, tuple[float, float, float]], *, stretch: float, noise: float
) -> float:
    total = 0.0
    for phase, kinds in phases.items():
        for kind, hours in zip(("queueing", "closed", "service"), kinds, strict=True):
            value = hours * stretch * (noise if kind != "service" else 1)
            total += value
            run.add(f"{flow}/{phase}", f"{kind}_by_phase", "h", mean=value)
            run.add(f"{flow}/{ACTIVITY_OF[phase]}", f"{kind}_by_activity", "h", mean=value)
    for clock, factor in {"port_dwell": 1.0, "release_time": 0.8}.items():
        hours = total * factor
        run.add(flow, clock, "h", mean=hours, sd=hours * 0.3, p50=hours * 0.95, p90=hours * 1.4, p95=hours * 1.6)
    run.add(flow, "port_dwell", "share", within_target=0.97 if total < 6 else 0.02)
    run.add(flow, "port_dwell", "entities", unfinished=30.0 if "grain" in flow else 0.0, count=4200.0)
    for kind, index in {"queueing": 0, "closed": 1, "service": 2}.items():
        value = sum(kinds[index] for kinds in phases.values()) * stretch * (noise if kind != "service" else 1)
        run.add(f"{flow}/customs", f"{kind}_by_agency", "h", mean=value)
    run.add(flow, "throughput", "per day", per_day=300 * noise)
    normal = NormalDist()
    quantiles = {share / 100: total * 0.95 * math.exp(0.45 * normal.inv_cdf(share / 100)) for share in range(1, 100)}
    run.add_points(flow, "port_dwell", "probability", "h", quantiles)
    return total


def _add_port(run: Tables, port: str, totals: list[float], *, busy_hours: range) -> None:
    mean = sum(totals) / len(totals)
    run.add("all", "port_dwell", "h", port=port, mean=mean, p50=mean * 0.95, p95=mean * 1.6)
    run.add("all", "throughput", "per day", port=port, per_day=300.0 * len(totals))
    by_hour = {f"h{hour:02d}": 300.0 / len(busy_hours) * (hour in busy_hours) for hour in range(24)}
    run.add("all", "throughput_by_hour", "per hour", port=port, **by_hour)


def _add_outcomes(run: Tables, like: str, *, noise: float) -> None:
    """Risk, money, staff and a disruption of the road port; the rail port has none of them."""
    flow, smart = "khorgos_road_general_export", like == "smart"
    inspected, detection, present = (0.08, 0.72, 90.0) if smart else (0.31, 0.35, 90.0)
    subject = f"{flow}/illicit"
    run.add(subject, "inspected", "share", mean=inspected * noise)
    run.add(subject, "detection", "share", mean=detection * noise)
    run.add(subject, "hit_rate", "share", mean=0.4 * noise if smart else 0.04)
    found = present * detection * noise
    run.add(subject, "violations", "entities", present=present, found=found, missed=present - found)
    run.add(subject, "delay_of_innocent", "h", mean=0.1 * noise if smart else 2.2 * noise, mean_of_inspected=3.0)
    amounts = {"time": 900.0, "fees": 120.0, "fuel": 40.0} if smart else {"time": 3000.0, "fees": 420.0, "fuel": 310.0}
    for kind, amount in amounts.items():
        run.add(flow, f"cost_of_{kind}", "CNY", mean=amount * noise)
    for bearer, kind in {"trader": "time", "state": "fees", "carrier": "fuel"}.items():
        run.add(f"{flow}/{bearer}", "cost", "CNY", mean=amounts[kind] * noise)
    run.add(flow, "cost", "CNY", mean=sum(amounts.values()) * noise)
    run.add(flow, "co2", "kg", mean=amounts["fuel"] * 0.3 * noise)
    run.add("khorgos_road_scanner", "staff_hours", "h per day", per_day=72.0 if smart else 36.0)
    run.add("khorgos_road_scanner", "staff_cost", "CNY per day", per_day=3240.0 if smart else 1620.0)
    run.add("closure", "strikes", "entities", port="khorgos_road", count=1.0)
    run.add("closure", "backlog", "entities", port="khorgos_road", peak=(40 if smart else 310) * noise)
    run.add("closure", "backlog", "h", port="khorgos_road", cleared=9 * noise if smart else math.nan, closed=72.0)


def _add_stations(run: Tables, port: str, like: str, *, luck: np.random.Generator, noise: float) -> None:
    for number, station in enumerate([*STATIONS, *([SMART_ONLY[0]] if like == "smart" else [])]):
        if port_of(station) != port:
            continue
        busy = (0.96 - 0.11 * number if like == "traditional" else 0.7 - 0.09 * number) * noise
        queue = (80 if like == "traditional" else 3) / (1 + number) * noise
        run.add(station, "utilisation", "share", mean=busy)
        run.add(station, "waiting_time", "h", mean=queue / 12, p95=queue / 4)
        run.add(station, "service_time", "h", mean=0.2)
        run.add(station, "visits", "per day", per_day=290.0 * noise)
        run.add(station, "queue_length", "entities", mean=queue, p95=queue * 2.4, max=queue * 4)
        waves = {
            float(hour): queue * (1.1 + math.sin(hour / 12 * math.pi)) * (1 + 0.15 * float(luck.random()))
            for hour in range(14 * 24)
        }
        run.add_points(station, "queue_length", "hour", "entities", waves)


def make_study(
    *,
    modes: tuple[str, ...] = ("traditional", "smart"),
    replications: int = 10,
    flows: tuple[str, ...] = tuple(TIMES),
    overload: bool = True,
) -> Study:
    """Make a study; modes other than the two standard ones lie between them."""
    scenario = _scenario(list(flows), list(modes))
    tables = Tables()
    road = "khorgos_road_general_export" in flows
    for place, mode in enumerate(modes):
        like = mode if mode in ("traditional", "smart") else "smart"
        stretch = 1.0 if mode in ("traditional", "smart") else 1.5 + place
        for replication in range(replications):
            luck = np.random.default_rng([7, replication])
            noise = 1 + 0.06 * luck.standard_normal()
            run = tables.of(mode, replication)
            totals = {flow: _add_flow(run, flow, TIMES[flow][like], stretch=stretch, noise=noise) for flow in flows}
            for port in PORTS:
                inside = [total for flow, total in totals.items() if port_of(flow) == port]
                if inside:
                    _add_port(run, port, inside, busy_hours=range(10, 20) if like == "traditional" else range(8, 24))
                    _add_stations(run, port, like, luck=luck, noise=noise)
            if road:
                _add_outcomes(run, like, noise=noise)
    measures = pd.DataFrame(tables.rows, columns=list(MEASURE_COLUMNS))
    series = pd.DataFrame(tables.points, columns=list(SERIES_COLUMNS))
    warnings = []
    if overload and "alashankou_rail_grain" in flows and "traditional" in modes:
        warnings.append(
            "traditional: alashankou_rail_laboratory is offered 18.0 unit-hours of work a day and has 17.0: its queue "
            "grows by about 2 a day; there is no steady state, all times depend on the duration"
        )
    return Study(
        scenario=scenario,
        modes=list(modes),
        replications=replications,
        measures=measures,
        series=series,
        estimates=estimates(measures, modes),
        comparison=comparison(measures, modes[0], modes),
        parameters=_parameters(modes, flows),
        edits=_edits(modes),
        manifest={
            "warnings": warnings,
            "scenario_hash": "9f2c1f0e" * 8,
            "seed": 20250602,
            "replications": replications,
            "modes": list(modes),
            "versions": {"smartport": "0.1.0", "numpy": "2.4.6"},
            "audit": {
                mode: {"runs": replications, "arrived": 9, "left": 8, "inside": 1, "passed": True} for mode in modes
            },
            "command": "smartport run scenarios/test.yaml --replications 10 --seed 20250602",
        },
    )


def _parameters(modes: tuple[str, ...], flows: tuple[str, ...]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []

    def add(address: str, port: str, values: tuple[str, str], *, grade: str, source: str = "", note: str = "") -> None:
        row: dict[str, Any] = {"address": address, "port": port}
        for mode in modes:
            row[mode] = values[0] if mode == "traditional" else values[1]
            row[f"grade_{mode}"], row[f"source_{mode}"], row[f"note_{mode}"] = grade, source, note
        rows.append(row)

    for flow in flows:
        arrivals = ("300 per day", "300 per day")
        source = "https://example.org/a?b=1&c=2"
        add(f"demand.{flow}.arrivals.rate", port_of(flow), arrivals, grade="official", source=source)
        for activity in ROUTES[flow]:
            note = "no source gives a time; chosen so that the published total comes out <see the research>"
            value = ("triangular: [1 min, 2 min, 6 min]",) * 2
            add(f"routes.{flow}.{activity}.takes", port_of(flow), value, grade="assumption", note=note)
    for station in STATIONS:
        where = f"stations.{station}.capacity"
        if "gate" in station:
            source = "http://example.org/long/" + "path-segment-" * 8
            add(where, port_of(station), ("4", "8"), grade="press", source=source)
        else:
            add(where, port_of(station), ("4", "4"), grade="assumption", note="general knowledge")
    add(
        f"stations.{SMART_ONLY[0]}.capacity", "khorgos_road", ("", "2"), grade="benchmark", source="javascript:alert(1)"
    )
    hours = ("10:00-14:00, 15:30-20:00",) * 2
    add("rosters.day", "", hours, grade="survey", source="Interview of 2024-05-01; https://example.org/b")
    add("rosters.khorgos_road_office", "", ("10:00-18:30 mon-fri",) * 2, grade="assumption", note="office hours")
    return pd.DataFrame(rows)


def _edits(modes: tuple[str, ...]) -> pd.DataFrame:
    columns = ["mode", "port", "reform", "address", "old", "new", "adoption"]
    rows = []
    for mode in modes:
        if mode != "traditional":
            review = "routes.khorgos_road_general_export.document_review.after"
            rows.append((mode, "khorgos_road", "advance_declaration", review, "[gate_in]", "[]", 0.35))
            rows += [
                (mode, "khorgos_road", "round_the_clock", f"stations.{station}.roster", "day", "-", 1.0)
                for station in ("khorgos_road_scanner", "khorgos_road_border_booth")
            ]
    return pd.DataFrame(rows, columns=columns)
