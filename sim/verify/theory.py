"""Worlds for which theory knows the answer, written as scenarios and run through the whole program."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.scenario.loading import load
from sim.study.study import Study, run
from sim.verify import formulas

LARGEST_Z = 4.0
"""A difference of more standard errors than this is a fault."""
LARGEST_HALF_WIDTH = 0.02
"""An interval wider than this share of the value would show nothing."""

HEAD = """\
title: "{title}"
calendar: {{start: 2025-06-02, zone: UTC, warm_up: 4 days, duration: {duration}, cool_down: 1 day}}
replications: 10
seed: {seed}
modes: {{theory: []}}
"""
CLOCKS = "  clocks: {dwell: {from: arrival, to: [serve.end, stay.end, leave.end, second.end]}}\n"
SEED = 20251124


@dataclass(frozen=True, slots=True)
class Case:
    """One world with what theory says of it."""

    name: str
    title: str
    duration: str
    """Length of each of the ten replications."""
    world: str
    """The rest of the scenario."""
    expected: dict[tuple[str, str, str], float]
    """Value by subject, measure and statistic, in the unit of the measure."""

    def scenario(self, seed: int = SEED) -> str:
        """The whole scenario file."""
        return HEAD.format(title=self.title, duration=self.duration, seed=seed) + self.world + CLOCKS


@dataclass(frozen=True, slots=True)
class Finding:
    """One number of theory beside the simulated one."""

    case: str
    quantity: str
    theory: float
    simulated: float
    half_width: float
    """Half of the 95 % interval as a share of the theoretical value."""
    z: float
    """Difference in standard errors."""

    @property
    def passed(self) -> bool:
        """Whether the difference is luck and the interval narrow enough to have shown a fault."""
        return abs(self.z) < LARGEST_Z and self.half_width < LARGEST_HALF_WIDTH

    @property
    def cells(self) -> tuple[str, str, str, str, str, str]:
        """Case, quantity, theory, simulated, half-width and z as they are printed."""
        numbers = (f"{self.theory:.5g}", f"{self.simulated:.5g}", f"{self.half_width:.1%}", f"{self.z:+.1f}")
        return (self.case, self.quantity, *numbers)


def _minutes(value: float) -> float:
    return value / 60


def _flow(name: str, rate: str, more: str = "") -> str:
    return f"  {name}: {{entity: truck, port: port, direction: export, arrivals: {{rate: {rate}{more}}}}}\n"


def cases() -> list[Case]:
    """All worlds; times in minutes, so that a load is a rate per minute times a mean."""
    per_minute = 1 / (24 * 60)
    single = 720 * per_minute
    three = 2592 * per_minute
    lost, let_in = formulas.full(1440 * per_minute, 1.5, 2, 5)
    first, second = formulas.priority_waits((300 * per_minute, 500 * per_minute), 1.0)
    hours = np.array([0.2] * 6 + [1.0] * 6 + [2.4] * 6 + [0.4] * 6)
    per_hour = 2400 / 24 * hours / hours.mean()
    profile = formulas.daily_number(per_hour, 3.0)
    daytime = (np.arange(24) >= 8) & (np.arange(24) < 20)
    by_day, by_night = np.where(daytime, 70.0, 0.0), np.where(daytime, 0.0, 40.0)
    both_profiles = formulas.daily_number(by_day, 2.0) + formulas.daily_number(by_night, 5.0)
    variance = 0.75**2
    return [
        Case(
            "M/M/1",
            "One server, exponential, load 0.5",
            "45 days",
            "demand:\n" + _flow("truck", "720 per day") + "procedure:\n"
            "  stations: {desk: {port: port, capacity: 1}}\n"
            "  routes: {truck: {serve: {at: desk, takes: {exponential: 1 min}}}}\n",
            {
                ("desk", "waiting_time", "mean"): _minutes(formulas.mean_wait(single, 1.0)),
                ("desk", "queue_length", "mean"): single * formulas.mean_wait(single, 1.0),
                ("desk", "utilisation", "mean"): single,
            },
        ),
        Case(
            "M/M/3",
            "Three servers, exponential, load 0.6",
            "40 days",
            "demand:\n" + _flow("truck", "2592 per day") + "procedure:\n"
            "  stations: {desk: {port: port, capacity: 3}}\n"
            "  routes: {truck: {serve: {at: desk, takes: {exponential: 1 min}}}}\n",
            {("desk", "waiting_time", "mean"): _minutes(formulas.mean_wait(three, 1.0, 3))},
        ),
        Case(
            "M/M/2/5",
            "Two servers and three places to wait, load 0.75",
            "25 days",
            "demand:\n" + _flow("truck", "1440 per day") + "procedure:\n"
            "  stations: {desk: {port: port, capacity: 2, queue_limit: 3}}\n"
            "  routes: {truck: {serve: {at: desk, takes: {exponential: 90 s}}}}\n",
            {
                ("truck", "turned_away", "per_day"): 1440 * lost,
                ("desk", "visits", "per_day"): 1440 * (1 - lost),
                ("truck", "dwell", "mean"): _minutes(let_in + 1.5),
            },
        ),
        Case(
            "M/G/1",
            "One server, lognormal service with coefficient of variation 0.75, load 0.5",
            "60 days",
            "demand:\n" + _flow("truck", "720 per day") + "procedure:\n"
            "  stations: {desk: {port: port, capacity: 1}}\n"
            "  routes: {truck: {serve: {at: desk, takes: {lognormal: {mean: 1 min, sd: 45 s}}}}}\n",
            {("desk", "waiting_time", "mean"): _minutes(formulas.mean_wait_general(single, 1.0, variance))},
        ),
        Case(
            "tandem",
            "Two exponential stations in a row: the second sees Poisson arrivals (Burke 1956)",
            "60 days",
            "demand:\n" + _flow("truck", "720 per day") + "procedure:\n"
            "  stations: {one: {port: port, capacity: 1}, two: {port: port, capacity: 2}}\n"
            "  routes:\n    truck:\n      first: {at: one, takes: {exponential: 1 min}}\n"
            "      second: {after: first, at: two, takes: {exponential: 2 min}}\n",
            {
                ("one", "waiting_time", "mean"): _minutes(formulas.mean_wait(single, 1.0)),
                ("two", "waiting_time", "mean"): _minutes(formulas.mean_wait(single, 2.0, 2)),
            },
        ),
        Case(
            "Jackson network",
            "A gate, then 40 % to one station and 60 % to another, then a common exit (Jackson 1957)",
            "200 days",
            "demand:\n" + _flow("truck", "720 per day") + "procedure:\n"
            "  stations:\n    gate: {port: port, capacity: 1}\n    few: {port: port, capacity: 1}\n"
            "    many: {port: port, capacity: 2}\n    exit: {port: port, capacity: 1}\n"
            "  routes:\n    truck:\n"
            "      enter: {at: gate, takes: {exponential: 1 min}, draws: {way: {few: 40%, many: 60%}}}\n"
            "      left: {after: enter, only: {way: few}, at: few, takes: {exponential: 150 s}}\n"
            "      right: {after: enter, only: {way: many}, at: many, takes: {exponential: 200 s}}\n"
            "      leave: {after: [left, right], at: exit, takes: {exponential: 1 min}}\n",
            {
                ("few", "waiting_time", "mean"): _minutes(formulas.mean_wait(0.4 * single, 2.5)),
                ("many", "waiting_time", "mean"): _minutes(formulas.mean_wait(0.6 * single, 10 / 3, 2)),
                ("exit", "waiting_time", "mean"): _minutes(formulas.mean_wait(single, 1.0)),
            },
        ),
        Case(
            "priorities",
            "One server, two classes, the first ahead without interrupting (Cobham 1954)",
            "80 days",
            "demand:\n" + _flow("urgent", "300 per day") + _flow("usual", "500 per day") + "procedure:\n"
            "  stations: {desk: {port: port, capacity: 1}}\n"
            "  routes:\n    urgent: {serve: {at: desk, takes: {exponential: 1 min}, priority: 1}}\n"
            "    usual: {serve: {at: desk, takes: {exponential: 1 min}, priority: 2}}\n",
            {
                ("urgent", "dwell", "mean"): _minutes(first + 1),
                ("usual", "dwell", "mean"): _minutes(second + 1),
            },
        ),
        Case(
            "M/M/infinity",
            "Nobody waits: the number present is Poisson",
            "60 days",
            "demand:\n" + _flow("truck", "480 per day") + "procedure:\n"
            "  stations: {}\n"
            "  routes: {truck: {stay: {takes: {exponential: 6 h}}}}\n",
            {
                ("truck", "in_port", "mean"): 120.0,
                ("truck", "in_port", "p95"): formulas.poisson_quantile(120.0, 0.95),
            },
        ),
        Case(
            "M(t)/M/infinity",
            "Arrivals with a daily profile: the number present follows with a lag (Eick, Massey and Whitt 1993)",
            "40 days",
            "demand:\n"
            + _flow("truck", "2400 per day", f", hours: [{', '.join(str(h) for h in hours)}]")
            + "procedure:\n  stations: {}\n  routes: {truck: {stay: {takes: {exponential: 3 h}}}}\n",
            {("truck", "in_port", f"hour {hour:02d}"): float(profile[hour]) for hour in (3, 8, 13, 17, 21)},
        ),
        Case(
            "M(t)/M(t)/infinity",
            "Rate and mean stay follow the hour of arrival, 2 h by day and 5 h by night (Massey and Whitt 1993)",
            "40 days",
            "demand:\n"
            + _flow("day", "840 per day", f", hours: {daytime.astype(int).tolist()}")
            + _flow("night", "480 per day", f", hours: {(~daytime).astype(int).tolist()}")
            + "procedure:\n  stations: {}\n"
            "  routes:\n    day: {stay: {takes: {exponential: 2 h}}}\n"
            "    night: {stay: {takes: {exponential: 5 h}}}\n",
            {("all", "in_port", f"hour {hour:02d}"): float(both_profiles[hour]) for hour in (2, 7, 9, 14, 19, 21)},
        ),
    ]


def findings(case: Case, seed: int = SEED) -> list[Finding]:
    """Run a case and put every number beside theory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "theory.yaml"
        path.write_text(case.scenario(seed), encoding="utf-8")
        study = run(load(path))
    return list(_compared(case, study))


def _compared(case: Case, study: Study) -> Iterator[Finding]:
    for (subject, measure, statistic), theory in case.expected.items():
        values = _values(study, subject, measure, statistic)
        error = float(values.std(ddof=1) / np.sqrt(len(values)))
        mean = float(values.mean())
        yield Finding(
            case=case.name,
            quantity=f"{subject} {measure} {statistic}",
            theory=theory,
            simulated=mean,
            half_width=2.262 * error / theory,  # Student t, 9 degrees of freedom
            z=(mean - theory) / error if error else 0.0 if mean == theory else float("inf"),
        )


def _values(study: Study, subject: str, measure: str, statistic: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One value a replication; `hour HH` is the mean over that hour of all days."""
    if statistic.startswith("hour "):
        rows = study.series[(study.series["subject"] == subject) & (study.series["measure"] == measure)]
        rows = rows[(rows["axis"] == "hour") & (rows["x"] % 24 == int(statistic.removeprefix("hour ")))]
        return rows.groupby("replication")["value"].mean().to_numpy()
    rows = study.measures
    chosen = (rows["subject"] == subject) & (rows["measure"] == measure) & (rows["statistic"] == statistic)
    return rows[chosen].sort_values("replication")["value"].to_numpy()
