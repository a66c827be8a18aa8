"""One measurement, in a process of its own: `python -m tests.bench.child KIND TOOL MODEL MODE DAYS FOLDER`."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from sim.engine import audit, engines
from sim.engine.cohort import sample_cohort
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload, bind
from sim.scenario.loading import load
from sim.scenario.scenario import Scenario
from sim.study.runs import mode_job
from sim.study.study import run as run_study

ROOT = Path(__file__).parents[2]
AT_HAND = 256 << 20
"""Bytes that are touched before a simulation."""

FORGET_PEAK = Path("/proc/self/clear_refs")

FILES = {
    "six_stations": Path(__file__).parent / "six_stations.yaml",
    "khorgos_road": ROOT / "scenarios/khorgos_road.yaml",
}
MODELS = {
    ("idiomatic", "six_stations"): ("tests.bench.with_simpy", "run"),
    ("idiomatic", "khorgos_road"): ("tests.idiomatic_simpy", "run"),
    ("ciw", "six_stations"): ("tests.bench.with_ciw", "six_stations"),
    ("ciw", "khorgos_road"): ("tests.bench.with_ciw", "khorgos_road"),
    ("salabim", "six_stations"): ("tests.bench.with_salabim", "six_stations"),
    ("salabim", "khorgos_road"): ("tests.bench.with_salabim", "khorgos_road"),
    ("floor", "six_stations"): ("tests.bench.floor", "run"),
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a timeline is from that of the compiled engine."""

    visits: int
    """Visits that have begun in one of them."""
    differing: int
    """Those that begin at another millisecond in the other, or not at all."""
    stay: float
    """Mean time from arrival to the end of the last visit, over that of the compiled engine, of those who left in both;
    NaN if nobody did."""


def main() -> None:
    """Measure and print one line of JSON."""
    kind, tool, model, mode, days, folder = sys.argv[1:]
    scenario = load(FILES[model]).with_calendar(warm_up="0 s", cool_down="0 s", duration=f"{days} days")
    if kind == "whole":
        whole(tool, model, scenario, mode, folder)
    else:
        sys.stdout.write(json.dumps(engine(tool, model, scenario, mode)) + "\n")


def model_of(tool: str, model: str) -> Callable[[Workload], Any]:
    """What simulates a workload."""
    if tool in ("compiled", "simpy"):
        return lambda workload: engines.run(tool, workload)
    module, name = MODELS[tool, model]
    return getattr(import_module(module), name)


def workload_of(scenario: Scenario, mode: str) -> Workload:
    """The input that all get."""
    job = mode_job(scenario, mode, "simpy")
    return bind(job.plan, sample_cohort(job.demand, job.calendar, job.seed, 0, job.disruptions))


def engine(tool: str, model: str, scenario: Scenario, mode: str) -> dict[str, Any]:
    """Time and memory of the simulation alone: from the workload to the times of all visits."""
    run = model_of(tool, model)
    if tool in ("compiled", "floor"):
        run(workload_of(scenario.with_calendar(duration="1 hour"), mode))  # compiled code is read from its cache here
    workload = workload_of(scenario, mode)
    before = peak_memory()
    get_memory_at_hand()
    begin, cpu = perf_counter(), process_time()
    timeline = run(workload)
    wall, cpu = perf_counter() - begin, process_time() - cpu
    peak = max(before, peak_memory())
    said = {
        "wall": wall,
        "cpu": cpu,
        "peak": peak / 1024,
        "entities": len(workload.flow),
        "visits": int(workload.takes_place.sum()),
    }
    if tool not in ("compiled", "floor"):
        found = agreement(workload, timeline)
        said |= {"differing": found.differing / found.visits, "stay": found.stay}
    return said


def peak_memory() -> int:
    """The most memory that this process has had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def get_memory_at_hand() -> None:
    """Touch memory and give it back, so that the host of a virtual machine has some ready, whichever tool runs.

    It does not count as memory of this process: Linux forgets the peak when it is told to.
    """
    if FORGET_PEAK.exists():
        np.ones(AT_HAND >> 3)
        FORGET_PEAK.write_text("5")


def agreement(workload: Workload, timeline: Timeline) -> Agreement:
    """Compare with the compiled engine."""
    reference = engines.run("compiled", workload)
    takes_place = workload.takes_place
    begun = ((reference.start != NEVER) | (timeline.start != NEVER)) & takes_place
    differing = (reference.start != timeline.start) & takes_place
    last = workload.by_entity[workload.first_visit[1:] - 1]
    left = (reference.end[last] != NEVER) & (timeline.end[last] != NEVER)
    stays = [(times.end[last] - workload.arrival)[left].sum() for times in (reference, timeline)]
    stay = float(stays[1] / stays[0]) if left.any() else float("nan")
    return Agreement(int(begun.sum()), int(differing.sum()), stay)


def whole(tool: str, model: str, scenario: Scenario, mode: str, folder: str) -> None:
    """From the file to all tables, once with the ordinary SimPy in the place of the engine."""
    if tool == "idiomatic":
        simulate = model_of(tool, model)
        engines.run = lambda _, workload: simulate(workload)
        audit._lines = lambda *_: []  # two who come to a line at the same millisecond go as SimPy likes
        run_study(scenario, [mode], replications=1, out=folder, engine="simpy")
    else:
        run_study(scenario, [mode], replications=1, out=folder, engine="compiled")


if __name__ == "__main__":
    main()
