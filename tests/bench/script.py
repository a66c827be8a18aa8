"""The six stations as an analyst writes them who has SimPy and pandas: a script from the draws to the tables.

It imports nothing of `sim` and draws by itself, so its numbers are those of other trucks. Its tables have the same rows
as those of `tests/bench/six_stations.yaml`: `python -m tests.bench.script DAYS FOLDER`.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import simpy

MODE, PORT, FLOW = "first_come", "port", "truck"
SEED = 20250602
TRUCKS_PER_DAY = 2000
DAY = 24 * 60  # all times are in minutes
STATIONS = {"gate_in": 4, "windows": 12, "cashier": 3, "inspection": 6, "sealing": 5, "border": 4, "gate_out": 2}
SIGMA = math.sqrt(math.log(1 + (5 / 7) ** 2))
# Activity, station, share of the trucks, duration.
ROUTE = [
    ("gate_in", "gate_in", 1, lambda: random.triangular(1, 4, 2)),
    ("document_review", "windows", 1, lambda: random.lognormvariate(math.log(7) - SIGMA**2 / 2, SIGMA)),
    ("pay_tax", "cashier", 1, lambda: random.expovariate(1 / 1.75)),
    ("inspect", "inspection", 0.15, lambda: random.triangular(10, 40, 20)),
    ("seal", "sealing", 1, lambda: random.triangular(1, 5, 3)),
    ("border_check", "border", 1, lambda: random.triangular(1, 4, 2)),
    ("gate_out", "gate_out", 1, lambda: random.expovariate(60 / 70)),
]
Happenings = Generator[simpy.Event, Any, None]
Rows = list[list[Any]]


def truck(env: simpy.Environment, number: int, stations: dict[str, simpy.Resource], visits: Rows) -> Happenings:
    """A truck from the first station to the last."""
    for activity, station, share, duration in ROUTE:
        if random.random() < share:
            visit = [number, activity, station, env.now, None, None]
            visits.append(visit)
            with stations[station].request() as turn:
                yield turn
                visit[4] = env.now
                yield env.timeout(duration())
            visit[5] = env.now


def arrivals(
    env: simpy.Environment, stations: dict[str, simpy.Resource], trucks: list[float], visits: Rows
) -> Happenings:
    """Trucks arrive at random."""
    while True:
        yield env.timeout(random.expovariate(TRUCKS_PER_DAY / DAY))
        env.process(truck(env, len(trucks), stations, visits))
        trucks.append(env.now)


def simulate(minutes: float) -> tuple[pd.Series, pd.DataFrame]:
    """The arrivals of the trucks, and a row a visit."""
    random.seed(SEED)
    env = simpy.Environment()
    stations = {name: simpy.Resource(env, capacity) for name, capacity in STATIONS.items()}
    trucks: list[float] = []
    visits: Rows = []
    env.process(arrivals(env, stations, trucks, visits))
    env.run(until=minutes)
    columns = ["truck", "activity", "station", "ready", "start", "end"]
    return pd.Series(trucks), pd.DataFrame(visits, columns=columns)


def level(begin: pd.Series, end: pd.Series, minutes: float) -> pd.Series:
    """How many are there, by the moment from which it holds."""
    moments = np.concatenate(([0.0], begin, end.fillna(minutes)))
    changes = np.concatenate(([0], np.ones(len(begin), int), -np.ones(len(end), int)))
    order = np.argsort(moments)
    return pd.Series(np.cumsum(changes[order]), index=moments[order]).groupby(level=0).last()


class Tables:
    """Rows of the two tables."""

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        self.measures: list[tuple[Any, ...]] = []
        self.series: list[pd.DataFrame] = []

    def add(self, subject: str, measure: str, unit: str, **values: float) -> None:
        """A row a statistic."""
        for statistic, value in values.items():
            self.measures.append((MODE, 0, PORT, subject, measure, statistic, unit, float(value)))

    def add_line(self, subject: str, measure: str, axis: str, unit: str, line: pd.Series) -> None:
        """A row a point."""
        said = {"mode": MODE, "replication": 0, "port": PORT, "subject": subject, "measure": measure, "axis": axis}
        self.series.append(pd.DataFrame({**said, "x": line.index, "unit": unit, "value": line.to_numpy()}))

    def add_level(self, subject: str, measure: str, steps: pd.Series) -> None:
        """A number over time: its mean, its 95 % point, its maximum, and its course."""
        moments = np.append(steps.index.to_numpy(), self.minutes)
        lengths = np.diff(moments)
        by_value = pd.Series(lengths).groupby(steps.to_numpy()).sum().cumsum()
        self.add(
            subject,
            measure,
            "entities",
            mean=(steps.to_numpy() * lengths).sum() / self.minutes,
            p95=by_value.index[by_value >= 0.95 * self.minutes][0],
            max=steps.max(),
        )
        hours = -(-self.minutes // 60 // (84 * 24))
        edges = np.arange(0, self.minutes + 1, hours * 60)
        area = np.interp(edges, moments, np.append(0, np.cumsum(steps.to_numpy() * lengths)))
        course = pd.Series(np.diff(area) / (hours * 60), index=np.arange(len(edges) - 1) * hours)
        self.add_line(subject, measure, "hour", "entities", course)

    def write(self, folder: Path) -> None:
        """Write the tables."""
        folder.mkdir(parents=True)
        columns = ["mode", "replication", "port", "subject", "measure", "statistic", "unit", "value"]
        measures = pd.DataFrame(self.measures, columns=columns)
        measures.to_csv(folder / "measures.csv", index=False)
        pd.concat(self.series, ignore_index=True).to_parquet(folder / "series.parquet")
        keys = ["mode", "port", "subject", "measure", "statistic", "unit"]
        over = measures.groupby(keys, sort=False)["value"].agg(n="count", mean="mean").reset_index()
        over.to_csv(folder / "estimates.csv", index=False)


def add_trucks(tables: Tables, trucks: pd.Series, visits: pd.DataFrame) -> None:
    """Time in port, throughput, and trucks in the port."""
    minutes = tables.minutes
    left = visits[visits["activity"] == "gate_out"].set_index("truck")["end"].reindex(trucks.index)
    dwell = (left - trucks).dropna() / 60
    points = np.arange(1, 100) / 100
    line = dwell.quantile(points)
    for subject in (FLOW, "all"):
        quantiles = {f"p{round(100 * point)}": line.loc[point] for point in (0.5, 0.9, 0.95)}
        tables.add(subject, "port_dwell", "h", mean=dwell.mean(), sd=dwell.std(), **quantiles)
        tables.add(subject, "port_dwell", "entities", unfinished=len(trucks) - len(dwell), count=len(trucks))
        tables.add_line(subject, "port_dwell", "probability", "h", line)
    hours = -(-minutes // 60 // 240)
    by_stretch = dwell.groupby(trucks[dwell.index] // (hours * 60) * hours)
    tables.add_line(FLOW, "port_dwell", "arrival", "h", by_stretch.mean())
    tables.add_line(FLOW, "arrivals", "arrival", "entities", by_stretch.count())
    days = minutes / DAY
    by_hour = (left.dropna() % DAY // 60).value_counts().sort_index() / days
    inside = level(trucks, left, minutes)
    for subject in (FLOW, "all"):
        tables.add(subject, "arrivals", "per day", per_day=len(trucks) / days)
        tables.add(subject, "throughput", "per day", per_day=left.notna().sum() / days)
        tables.add(subject, "throughput_by_hour", "per hour", **{f"h{int(hour):02d}": n for hour, n in by_hour.items()})
        tables.add_level(subject, "in_port", inside)


def add_paths(tables: Tables, trucks: pd.Series, visits: pd.DataFrame) -> None:
    """Where the time goes: hours of waiting and work for each truck."""
    hours = pd.DataFrame(
        {
            "activity": visits["activity"],
            "station": visits["station"],
            "agency": "none",
            "phase": "none",
            "queueing": (visits["start"].fillna(tables.minutes) - visits["ready"]) / 60,
            "closed": 0.0,
            "service": (visits["end"].fillna(tables.minutes) - visits["start"]).fillna(0) / 60,
        }
    )
    for kind in ("activity", "agency", "phase", "station"):
        total = hours.groupby(kind)[["closed", "queueing", "service"]].sum() / len(trucks)
        for label, row in total.iterrows():
            for measure, value in row.items():
                tables.add(f"{FLOW}/{label}", f"{measure}_by_{kind}", "h", mean=value)


def add_stations(tables: Tables, visits: pd.DataFrame) -> None:
    """Waiting, service, utilisation and the queue of every station."""
    minutes = tables.minutes
    for station, at in visits.groupby("station"):
        waiting = (at["start"].fillna(minutes) - at["ready"]) / 60
        busy = (at["end"].fillna(minutes) - at["start"]).sum()
        tables.add(station, "waiting_time", "h", mean=waiting.mean(), p95=waiting.quantile(0.95))
        tables.add(station, "service_time", "h", mean=((at["end"] - at["start"]) / 60).mean())
        tables.add(station, "visits", "per day", per_day=at["start"].count() / (minutes / DAY))
        tables.add(station, "utilisation", "share", mean=busy / (STATIONS[station] * minutes))
        tables.add_level(station, "queue_length", level(at["ready"], at["start"], minutes))


def main() -> None:
    """Simulate so many days and write the tables into a folder."""
    days, folder = sys.argv[1:]
    minutes = int(days) * DAY
    trucks, visits = simulate(minutes)
    tables = Tables(minutes)
    add_trucks(tables, trucks, visits)
    add_paths(tables, trucks, visits)
    add_stations(tables, visits)
    tables.write(Path(folder))


if __name__ == "__main__":
    main()
