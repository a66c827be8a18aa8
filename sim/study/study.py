"""A study: modes times replications, its tables, and how it is run, kept and opened again."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd

import sim
from sim.errors import input_error
from sim.scenario.checks import warnings
from sim.scenario.loading import load
from sim.scenario.reform import Edit
from sim.scenario.rendering import text_of
from sim.scenario.scenario import ModeScenario, Scenario
from sim.study import estimates as statistics_of
from sim.study.executor import Task, perform_all
from sim.study.runs import ENGINE, RunResult, mode_job, replay
from sim.study.store import RESOLVED, TIMELINES, RunStore, read_manifest, write_results

RESULTS_VERSION = 1
"""Changes with every change of the program that moves a number; see the changelog."""

MUCH_UNFINISHED = 0.01
"""Share of unfinished entities from which on a clock is called a lower bound."""

Progress = Callable[[int, int], object]
"""Called with finished and all runs."""


@dataclass(frozen=True)
class Study:
    """The results of running a scenario.

    Tables are pandas DataFrames: `measures` (one row a mode, replication and value), `series` (values over hours and
    over probabilities), `estimates` (across replications, with intervals), `comparison` (paired differences to the
    first mode), `parameters` (every number with its evidence), `edits` (what each reform changed).
    """

    scenario: Scenario
    manifest: dict[str, Any]
    measures: pd.DataFrame
    series: pd.DataFrame
    folder: Path | None = None
    _kept: dict[tuple[str, int], pd.DataFrame] = field(default_factory=dict, repr=False)

    @property
    def modes(self) -> list[str]:
        """The modes that were run; the first is the baseline."""
        return list(self.manifest["modes"])

    @property
    def replications(self) -> int:
        """Replications of each mode."""
        return int(self.manifest["replications"])

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """Mean and 95 % interval of every measure in every mode."""
        return statistics_of.estimates(self.measures, self.modes)

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """Paired differences of every mode to the first."""
        return self.compare(self.modes[0])

    def compare(self, baseline: str) -> pd.DataFrame:
        """Paired differences of every mode to a baseline.

        Raises:
            InputError: If the baseline was not run.
        """
        if baseline not in self.modes:
            raise input_error(f'the mode "{baseline}" was not run; there are {", ".join(self.modes)}', "baseline")
        return statistics_of.comparison(self.measures, baseline, self.modes)

    def timeline(self, mode: str, replication: int) -> pd.DataFrame:
        """Every visit of a run: flow, entity, activity, station, ready_ms, start_ms, end_ms.

        Times are blank where they did not happen. The table is read if it was kept, otherwise the run is repeated from
        its inputs.
        """
        if mode not in self.modes or not 0 <= replication < self.replications:
            raise input_error(f"there is no run of mode {mode}, replication {replication}", "timeline")
        if (mode, replication) in self._kept:
            return self._kept[mode, replication]
        kept = self.folder / TIMELINES / mode / f"{replication}.parquet" if self.folder else None
        if kept is not None and kept.is_file():
            return pd.read_parquet(kept)
        workload, timeline = replay(mode_job(self.scenario, mode), replication)
        return timeline.frame(workload)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Every parameter: address, port, and for each mode its value (column MODE), grade_, source_ and note_MODE."""
        table: dict[str, dict[str, str]] = {}
        for mode in self.modes:
            for parameter, evidence in self.scenario.parameters(mode):
                row = table.setdefault(parameter.address, {"address": parameter.address, "port": parameter.port})
                row[mode] = text_of(parameter.value)
                row[f"grade_{mode}"] = evidence.grade if evidence else "assumption"
                row[f"source_{mode}"] = (evidence.source or "") if evidence else ""
                row[f"note_{mode}"] = (evidence.note or "") if evidence else "nothing is said about it"
        columns = [
            "address",
            "port",
            *(f"{part}{mode}" for mode in self.modes for part in ("", "grade_", "source_", "note_")),
        ]
        return pd.DataFrame(list(table.values()), columns=columns).fillna("")

    @cached_property
    def edits(self) -> pd.DataFrame:
        """What each reform changed: mode, port, reform, address, old, new, adoption (share of the entities)."""
        rows = [
            (mode, edit.port, edit.reform, edit.address, text_of(edit.old), text_of(edit.new), _share(here, edit))
            for mode in self.modes
            for here in [self.scenario.under(mode)]
            for edit in here.edits
        ]
        return pd.DataFrame(rows, columns=["mode", "port", "reform", "address", "old", "new", "adoption"])


def run(
    scenario: Scenario | str | Path,
    modes: Sequence[str] | None = None,
    *,
    replications: int | None = None,
    seed: int | None = None,
    duration: str | None = None,
    workers: int = 1,
    out: str | Path | None = None,
    keep_timelines: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Run modes of a scenario.

    Args:
        scenario: A loaded scenario or its file.
        modes: Which modes, the first is the baseline; by default all, in the order of the file.
        replications: By default as the scenario says.
        seed: By default as the scenario says.
        duration: Length of the measured window such as "28 days", by default as the scenario says.
        workers: Processes; they never change a result. With more than one, a script needs the usual
            `if __name__ == "__main__":`.
        out: Folder for the results. Runs that it holds already are not repeated, so an interrupted study goes on.
        keep_timelines: Whether to keep every visit of every run.
        progress: Called with the number of finished and of all runs.

    Raises:
        InputError: If the input is wrong.
        RunError: If a run fails its audit.
    """
    begin = perf_counter()
    loaded = load(scenario) if isinstance(scenario, str | Path) else scenario
    loaded = _with_values(loaded, seed=seed, replications=replications, duration=duration)
    names = list(dict.fromkeys(modes)) if modes else loaded.modes
    jobs = [mode_job(loaded, mode) for mode in names]
    count = loaded.definition.replications
    store = RunStore(Path(out)) if out is not None else None
    finished: dict[Task, RunResult] = {}
    tasks: list[Task] = [(index, replication) for replication in range(count) for index in range(len(jobs))]
    for task in tasks:
        known = store.find(jobs[task[0]].key(task[1]), with_timeline=keep_timelines) if store else None
        if known is not None:
            finished[task] = known
    if progress is not None:
        progress(len(finished), len(tasks))
    open_tasks = [task for task in tasks if task not in finished]
    for result in perform_all(jobs, open_tasks, workers=workers, keep_timelines=keep_timelines):
        index = names.index(result.mode)
        if store is not None:
            store.keep(jobs[index].key(result.replication), result)
        finished[index, result.replication] = result
        if progress is not None:
            progress(len(finished), len(tasks))
    results = [finished[task] for task in sorted(tasks)]
    study = _study(
        loaded,
        names,
        results,
        replications=count,
        seconds=perf_counter() - begin,
        folder=Path(out) if out is not None else None,
    )
    if store is not None:
        save(study, store, {job.key(replication) for job in jobs for replication in range(count)})
    return study


def _with_values(scenario: Scenario, *, seed: int | None, replications: int | None, duration: str | None) -> Scenario:
    values: dict[str, Any] = {}
    if seed is not None:
        values["seed"] = seed
    if replications is not None:
        values["replications"] = replications
    if values:
        scenario = scenario.with_values(**values)
    return scenario.with_calendar(duration=duration) if duration is not None else scenario


def _study(
    scenario: Scenario,
    modes: list[str],
    results: Iterable[RunResult],
    *,
    replications: int,
    seconds: float,
    folder: Path | None,
) -> Study:
    """Put the results of single runs together, in the order of modes and replications."""
    results = list(results)
    measures = pd.concat([result.measures for result in results], ignore_index=True)
    series = pd.concat([result.series for result in results], ignore_index=True)
    calendar = scenario.calendar
    manifest = {
        "results_version": RESULTS_VERSION,
        "scenario": scenario.name,
        "title": {"en": scenario.title.en, "zh": scenario.title.zh},
        "scenario_hash": scenario.fingerprint,
        "seed": scenario.definition.seed,
        "modes": modes,
        "replications": replications,
        "calendar": {
            "start": str(calendar.start),
            "zone": calendar.zone,
            "warm_up_ms": calendar.warm_up,
            "duration_ms": calendar.duration,
            "cool_down_ms": calendar.cool_down,
        },
        "engine": ENGINE,
        "versions": {
            "smartport": sim.__version__,
            "python": platform.python_version(),
            **{package: version(package) for package in ("simpy", "numpy", "pandas", "scipy", "matplotlib")},
        },
        "seconds": {
            "total": round(seconds, 3),
            **{mode: round(sum(r.seconds for r in results if r.mode == mode), 3) for mode in modes},
        },
        "audit": {
            mode: {
                "runs": sum(r.mode == mode for r in results),
                "visits": sum(r.audit.visits for r in results if r.mode == mode),
                "arrived": sum(sum(r.audit.arrived.values()) for r in results if r.mode == mode),
                "left": sum(sum(r.audit.left.values()) for r in results if r.mode == mode),
                "inside": sum(sum(r.audit.inside.values()) for r in results if r.mode == mode),
                "passed": True,
            }
            for mode in modes
        },
        "warnings": [text for mode in modes for text in warnings(scenario, mode)] + _unfinished(measures, modes),
    }
    kept = {(r.mode, r.replication): r.timeline for r in results if r.timeline is not None}
    return Study(scenario, manifest, measures, series, folder, kept)


def _share(here: ModeScenario, edit: Edit) -> float:
    """Share of the entities for which an edit holds."""
    return here.adoption.get(edit.port, {}).get(edit.reform, 1.0)


def _unfinished(measures: pd.DataFrame, modes: list[str]) -> list[str]:
    """Flows of which many had not left at the end: their times are lower bounds."""
    found = []
    chosen = measures[(measures["measure"] == "port_dwell") & (measures["subject"] != "all")]
    for mode in modes:
        for subject, rows in chosen[chosen["mode"] == mode].groupby("subject", sort=True):
            count = rows.loc[rows["statistic"] == "count", "value"].sum()
            unfinished = rows.loc[rows["statistic"] == "unfinished", "value"].sum()
            if count and unfinished / count > MUCH_UNFINISHED:
                share = unfinished / count
                found.append(f"{mode}: {share:.1%} of {subject} had not left at the end; its times are lower bounds")
    return found


def save(study: Study, store: RunStore, keys: set[str]) -> None:
    """Write a study's tables into its folder."""
    assert study.folder is not None
    write_results(
        study.folder,
        tables={
            "measures.parquet": study.measures,
            "measures.csv": study.measures,
            "series.parquet": study.series,
            "estimates.csv": study.estimates,
            "comparison.csv": study.comparison,
        },
        timelines=study._kept,  # noqa: SLF001  # the module's own class
        resolved=study.scenario.document(),
        manifest=study.manifest,
    )
    store.forget_others(keys)


def open_study(folder: str | Path) -> Study:
    """Open the results that a run has written.

    Raises:
        InputError: If the folder holds no finished results, or those of another results version.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    if manifest.get("results_version") != RESULTS_VERSION:
        raise input_error(
            f"holds results version {manifest.get('results_version')}, not {RESULTS_VERSION}; run the scenario again",
            str(place),
        )
    try:
        scenario = load(place / RESOLVED)
        measures, series = (pd.read_parquet(place / f"{name}.parquet") for name in ("measures", "series"))
    except (OSError, ValueError) as error:
        raise input_error(f"holds results that cannot be read: {error}", str(place)) from None
    return Study(replace(scenario, name=manifest["scenario"]), manifest, measures, series, place)
