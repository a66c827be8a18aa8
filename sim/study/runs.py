"""One run: a mode and a replication from its inputs to its measures."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from sim import __version__
from sim.engine import engines
from sim.engine.audit import Audit, audit, usage
from sim.engine.cohort import sample_cohort
from sim.engine.engines import Engine
from sim.engine.plan import Plan, make_plan
from sim.engine.timeline import Timeline
from sim.engine.workload import Workload, bind
from sim.measures.measure import measure
from sim.scenario.costs import FlowCosts, Staff
from sim.scenario.demand import Flow
from sim.scenario.disruptions import Disruption
from sim.scenario.procedure import Clock
from sim.scenario.rosters import Calendar
from sim.scenario.scenario import Scenario

Task = tuple[int, int]
"""Which run: index of the mode's job, replication."""


@dataclass(frozen=True, slots=True)
class ModeJob:
    """All that runs of one mode share; small enough to be sent to a worker once."""

    mode: str
    plan: Plan
    demand: Mapping[str, Flow]
    disruptions: Mapping[str, Disruption]
    clocks: Mapping[str, Clock]
    costs: Mapping[str, FlowCosts]
    staff: Mapping[str, Staff]
    calendar: Calendar
    seed: int
    engine: Engine
    inputs: str
    """Hash of everything that its results follow from, except the replication."""

    def key(self, replication: int) -> str:
        """The name of a run's results: equal for equal inputs."""
        return hashlib.sha256(f"{self.inputs}/{replication}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run leaves behind."""

    mode: str
    replication: int
    measures: pd.DataFrame
    series: pd.DataFrame
    audit: Audit
    seconds: float
    timeline: pd.DataFrame | None


def mode_job(scenario: Scenario, mode: str, engine: Engine | None = None) -> ModeJob:
    """Prepare the runs of a mode, by default with the fastest engine that runs here."""
    here = scenario.under(mode)
    chosen = engines.choose(engine)
    plan = make_plan(
        here.procedure,
        scenario.demand,
        scenario.calendar,
        disruptions=scenario.definition.disruptions,
        variants=here.variants,
        adoption=here.adoption,
    )
    parts = ("calendar", "demand", "procedure", "disruptions")
    said: dict[str, object] = {key: here.root.mapping[key].plain() for key in parts if key in here.root.mapping}
    said |= {"adoption": here.adoption, "trees": [tree.mapping["procedure"].plain() for tree in here.trees]}
    said |= {"mode": mode, "seed": scenario.definition.seed, "engine": chosen, "program": program_fingerprint()}
    inputs = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
    return ModeJob(
        mode=mode,
        plan=plan,
        demand=scenario.demand,
        disruptions=scenario.definition.disruptions,
        clocks=here.procedure.clocks,
        costs={name: flow.costs for name, flow in scenario.demand.items() if flow.costs is not None},
        staff={name: place.staff for name, place in here.procedure.stations.items() if place.staff is not None},
        calendar=scenario.calendar,
        seed=scenario.definition.seed,
        engine=chosen,
        inputs=inputs,
    )


def replay(job: ModeJob, replication: int) -> tuple[Workload, Timeline]:
    """Simulate one replication of a mode and nothing else."""
    workload = bind(job.plan, sample_cohort(job.demand, job.calendar, job.seed, replication, job.disruptions))
    return workload, engines.run(job.engine, workload)


def perform(job: ModeJob, replication: int, *, keep_timeline: bool = False) -> RunResult:
    """Simulate, audit and measure one replication of a mode.

    Raises:
        RunError: If the audit fails.
    """
    begin = time.perf_counter()
    workload, timeline = replay(job, replication)
    uses = usage(workload, timeline)
    audited = audit(workload, timeline, uses)
    measures, series = measure(
        job.mode, replication, workload, timeline, uses=uses, clocks=job.clocks, costs=job.costs, staff=job.staff
    )
    kept = timeline.frame(workload) if keep_timeline else None
    return RunResult(job.mode, replication, measures, series, audited, time.perf_counter() - begin, kept)


@cache
def program_fingerprint() -> str:
    """Hash of the program's own text below the study, so that results of another program are never taken for these."""
    digest = hashlib.sha256(__version__.encode())
    root = Path(__file__).parent.parent
    for folder in ("engine", "measures", "scenario"):
        for file in sorted((root / folder).glob("*.py")):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
