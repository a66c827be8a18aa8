"""A study made of made-up tables in the shape of real ones, for tests of charts and pages alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from sim.scenario.demand import Flow
from sim.scenario.fields import Title
from sim.scenario.procedure import Procedure
from sim.scenario.rosters import Calendar

T_975 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 10: 2.262}
ESTIMATE_KEYS = ["mode", "port", "subject", "measure", "statistic", "unit"]
COMPARISON_COLUMNS = [
    *("baseline", "mode", "port", "subject", "measure", "statistic", "unit"),
    *("baseline_mean", "mode_mean", "difference", "ci_low", "ci_high", "relative", "variance_reduction"),
]

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
PORTS = {
    "khorgos_road": ("Khorgos road port", "霍尔果斯公路口岸"),
    "alashankou_rail": ("Alashankou rail port", "阿拉山口铁路口岸"),
}


@dataclass
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


def title(pair: tuple[str, str]) -> Title:
    """Make a title."""
    return Title(en=pair[0], zh=pair[1])


def _scenario(flows: list[str], modes: list[str]) -> Any:
    demand = {
        key: Flow.model_validate(
            {
                "title": {"en": TITLES[key][0], "zh": TITLES[key][1]},
                "entity": "train" if "rail" in key else "truck",
                "port": key.rsplit("_", 2)[0] if key.startswith("khorgos") else "alashankou_rail",
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
                        "port": "alashankou_rail" if "rail" in key else "khorgos_road",
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
                    why="The declaration is made while the goods are on the road.",
                    grade="official",
                    sources=("https://example.org/reform",),
                ),
            )
        },
        definition=SimpleNamespace(seed=20250602, description="Made-up figures."),
    )
    scenario.under = lambda mode: SimpleNamespace(procedure=procedure(smart=mode != "traditional"))
    return scenario


def make_study(
    *,
    modes: tuple[str, ...] = ("traditional", "smart"),
    replications: int = 10,
    flows: tuple[str, ...] = tuple(TIMES),
    overload: bool = True,
) -> Study:
    """Make a study; modes other than the two standard ones lie between them."""
    scenario = _scenario(list(flows), list(modes))
    rows: list[tuple[str, int, str, str, str, str, str, float]] = []
    points: list[tuple[str, int, str, str, str, str, float, str, float]] = []
    for place, mode in enumerate(modes):
        like = mode if mode in ("traditional", "smart") else "smart"
        stretch = 1.0 if mode in ("traditional", "smart") else 1.5 + place
        for replication in range(replications):
            luck = np.random.default_rng([7, replication])
            noise = 1 + 0.06 * luck.standard_normal()
            for flow in flows:
                port = scenario.demand[flow].port
                total = 0.0
                for phase, kinds in TIMES[flow][like].items():
                    for kind, hours in zip(("queueing", "closed", "service"), kinds, strict=True):
                        value = hours * stretch * (noise if kind != "service" else 1)
                        total += value
                        rows.append(
                            (mode, replication, port, f"{flow}/{phase}", f"{kind}_by_phase", "mean", "h", value)
                        )
                for statistic, factor in {"mean": 1, "sd": 0.3, "p50": 0.95, "p90": 1.4, "p95": 1.6}.items():
                    rows.append((mode, replication, port, flow, "port_dwell", statistic, "h", total * factor))
                    rows.append((mode, replication, port, flow, "release_time", statistic, "h", total * factor * 0.8))
                rows.append(
                    (mode, replication, port, flow, "port_dwell", "within_target", "share", 0.97 if total < 6 else 0.02)
                )
                rows.append(
                    (
                        mode,
                        replication,
                        port,
                        flow,
                        "port_dwell",
                        "unfinished",
                        "entities",
                        30.0 if "grain" in flow else 0.0,
                    )
                )
                rows.append((mode, replication, port, flow, "port_dwell", "count", "entities", 4200.0))
                rows.append((mode, replication, port, flow, "throughput", "per_day", "per day", 300 * noise))
                for percent in range(1, 100):
                    value = total * 0.95 * np.exp(0.45 * _normal(percent / 100))
                    points.append(
                        (mode, replication, port, flow, "port_dwell", "probability", percent / 100, "h", value)
                    )
            for port in PORTS:
                inside = [flow for flow in flows if scenario.demand[flow].port == port]
                if not inside:
                    continue
                mine = [row for row in rows if row[0] == mode and row[1] == replication and row[3] in inside]
                for statistic in ("mean", "p50", "p95"):
                    value = float(np.mean([row[7] for row in mine if row[4] == "port_dwell" and row[5] == statistic]))
                    rows.append((mode, replication, port, "all", "port_dwell", statistic, "h", value))
                rows.append(
                    (mode, replication, port, "all", "throughput", "per_day", "per day", 300.0 * len(inside) * noise)
                )
                for hour in range(24):
                    busy = 10 <= hour < 20 if like == "traditional" else 8 <= hour < 24
                    value = (30.0 if like == "traditional" else 19.0) * busy * noise
                    rows.append(
                        (mode, replication, port, "all", "throughput_by_hour", f"h{hour:02d}", "per hour", value)
                    )
            stations = [*STATIONS, *([SMART_ONLY[0]] if like == "smart" else [])]
            for number, station in enumerate(stations):
                port = "alashankou_rail" if "rail" in station else "khorgos_road"
                if not any(scenario.demand[flow].port == port for flow in flows):
                    continue
                busy = (0.96 - 0.11 * number if like == "traditional" else 0.7 - 0.09 * number) * noise
                mean = (80 / (1 + number) if like == "traditional" else 3 / (1 + number)) * noise
                rows.append((mode, replication, port, station, "utilisation", "mean", "share", busy))
                rows.append((mode, replication, port, station, "waiting_time", "mean", "h", mean / 12))
                rows.append((mode, replication, port, station, "waiting_time", "p95", "h", mean / 4))
                rows.append((mode, replication, port, station, "service_time", "mean", "h", 0.2))
                rows.append((mode, replication, port, station, "visits", "per_day", "per day", 290.0 * noise))
                for statistic, factor in {"mean": 1.0, "p95": 2.4, "max": 4.0}.items():
                    rows.append(
                        (mode, replication, port, station, "queue_length", statistic, "entities", mean * factor)
                    )
                for hour in range(14 * 24):
                    wave = mean * (1.1 + np.sin(hour / 24 * 2 * np.pi)) * (1 + 0.15 * luck.standard_normal())
                    points.append(
                        (
                            mode,
                            replication,
                            port,
                            station,
                            "queue_length",
                            "hour",
                            float(hour),
                            "entities",
                            max(wave, 0),
                        )
                    )
    measures = pd.DataFrame(
        rows, columns=["mode", "replication", "port", "subject", "measure", "statistic", "unit", "value"]
    )
    columns = ["mode", "replication", "port", "subject", "measure", "axis", "x", "unit", "value"]
    series = pd.DataFrame(points, columns=columns)
    warnings = []
    if overload and "alashankou_rail_grain" in flows and "traditional" in modes:
        warnings.append(
            "traditional: alashankou_rail_laboratory is offered 18.0 unit-hours of work a day and has 17.0: its queue grows by "
            "about 2 a day, there is no steady state and every time depends on the duration"
        )
    return Study(
        scenario=scenario,
        modes=list(modes),
        replications=replications,
        measures=measures,
        series=series,
        estimates=_estimates(measures),
        comparison=_comparison(measures, modes),
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


def _normal(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)


def _interval(values: pd.Series) -> tuple[float, float, float]:
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = T_975[len(values)] * float(values.std(ddof=1)) / len(values) ** 0.5
    return mean, mean - half, mean + half


def _estimates(measures: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (*key, len(values), *_interval(values)) for key, values in measures.groupby(ESTIMATE_KEYS, sort=False)["value"]
    ]
    return pd.DataFrame(rows, columns=[*ESTIMATE_KEYS, "n", "mean", "ci_low", "ci_high"])


def _comparison(measures: pd.DataFrame, modes: tuple[str, ...]) -> pd.DataFrame:
    keys = ["port", "subject", "measure", "statistic", "unit"]
    wide = measures.pivot_table(index=[*keys, "replication"], columns="mode", values="value", sort=False)
    rows = []
    for mode in modes[1:]:
        both = wide[[modes[0], mode]].dropna()
        for key, table in both.groupby(keys, sort=False):
            mean, low, high = _interval(table[mode] - table[modes[0]])
            before = float(table[modes[0]].mean())
            relative = mean / before if before else float("nan")
            rows.append((modes[0], mode, *key, before, float(table[mode].mean()), mean, low, high, relative, 40.0))
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)


def _parameters(modes: tuple[str, ...], flows: tuple[str, ...]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []

    def add(
        address: str, port: str, kind: str, values: tuple[str, str], grade: str, source: str | None, note: str | None
    ) -> None:
        row: dict[str, Any] = {"address": address, "port": port, "kind": kind}
        for mode in modes:
            row[mode] = values[0] if mode == "traditional" else values[1]
            row[f"grade_{mode}"], row[f"source_{mode}"], row[f"note_{mode}"] = grade, source, note
        rows.append(row)

    names = list(STATIONS)
    for flow in flows:
        port = "alashankou_rail" if "rail" in flow else "khorgos_road"
        add(
            f"demand.{flow}.arrivals",
            port,
            "arrivals",
            ("300 per day", "300 per day"),
            "official",
            "https://example.org/a?b=1&c=2",
            None,
        )
        for activity in ROUTES[flow]:
            note = "no source gives a time; chosen so that the published total comes out <see the research>"
            value = "triangular 1 min, 2 min, 6 min"
            add(f"routes.{flow}.{activity}.takes", port, "takes", (value, value), "assumption", None, note)
    for station in [*names, SMART_ONLY[0]]:
        port = "alashankou_rail" if "rail" in station else "khorgos_road"
        grade, source = (
            ("press", "http://example.org/long/" + "path-segment-" * 8) if "gate" in station else ("assumption", None)
        )
        add(f"stations.{station}.capacity", port, "capacity", ("4", "4"), grade, source, "general knowledge")
    add("rosters.day", "", "roster", ("10:00-14:00, 15:30-20:00",) * 2, "survey", "Interview of 2024-05-01", None)
    add(
        "rosters.khorgos_road_office",
        "",
        "roster",
        ("10:00-18:30 mon-fri",) * 2,
        "benchmark",
        "https://example.org/b",
        None,
    )
    return pd.DataFrame(rows)


def _edits(modes: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        (
            mode,
            "khorgos_road",
            "advance_declaration",
            "routes.khorgos_road_general_export.document_review.after",
            "[gate_in]",
            "[]",
        )
        for mode in modes
        if mode != "traditional"
    ]
    rows += [
        (mode, "khorgos_road", "round_the_clock", f"stations.{station}.roster", "day", "")
        for mode in modes
        if mode != "traditional"
        for station in ("khorgos_road_scanner", "khorgos_road_border_booth")
    ]
    return pd.DataFrame(rows, columns=["mode", "port", "reform", "address", "old", "new"])
