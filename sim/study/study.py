"""A study: modes times replications, its tables, and how it is run, kept and opened again."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pandas.api.types import is_numeric_dtype

from sim import __version__
from sim.engine import engines
from sim.engine.audit import Audit
from sim.engine.engines import Engine
from sim.errors import InputError, Problem, RunError, input_error
from sim.measures.table import ALL
from sim.scenario.checks import warnings
from sim.scenario.loading import load
from sim.scenario.procedure import PRESENCE
from sim.scenario.reform import Edit
from sim.scenario.rendering import text_of
from sim.scenario.scenario import ModeScenario, Scenario
from sim.scenario.units import parse_share
from sim.study import estimates as statistics_of
from sim.study.across import Lines, Values
from sim.study.cluster import connected
from sim.study.estimates import Measures
from sim.study.executor import perform_all
from sim.study.precision import MOST, Precision, next_count, presence
from sim.study.precision import precision as precision_of
from sim.study.runs import ModeJob, RunResult, Task, mode_job, replay
from sim.study.steady_state import Subject, unsteady
from sim.study.store import (
    MEASURES,
    RESOLVED,
    SERIES,
    TIMELINES,
    RunStore,
    held,
    read_manifest,
    rows_staged,
    runs_of,
    write_results,
)
from sim.study.warm_up import Stretches, warm_up

if TYPE_CHECKING:
    from distributed import Client

RESULTS_VERSION = 2
"""Changes with every change of the program that moves a number; see the changelog."""

MUCH_UNFINISHED = 0.01
"""Share of unfinished entities from which on a clock is called a lower bound."""

Progress = Callable[[int, int], object]
"""Called with finished and all runs."""


@dataclass(frozen=True, eq=False)  # its tables have no truth of being equal; a study equals itself
class Study:
    """The results of running a scenario.

    Tables are pandas DataFrames: `measures` (one row a mode, replication and value), `series` (values over hours and
    over probabilities), `estimates` (across replications, with intervals), `comparison` (paired differences to the
    first mode), `lines` (the series over all replications: mean, lowest, highest), `parameters` (every number with its
    evidence), `edits` (what each reform changed).

    Where there is a folder, `measures` and `series` stay there until they are asked for, because they grow with the
    number of runs.
    """

    def __repr__(self) -> str:
        """In one line; what it holds would fill many screens."""
        return f"<Study {self.scenario.name}: {', '.join(self.modes)}; replications: {self.replications}>"

    scenario: Scenario
    manifest: dict[str, Any]
    by_replication: Measures = field(repr=False)
    """By mode a table of the measures: one row each, one column a replication."""
    folder: Path | None = None
    _lines: pd.DataFrame | None = field(default=None, repr=False)
    _in_memory: Mapping[tuple[str, int], RunResult] = field(default_factory=dict, repr=False)
    """The runs by mode and replication, where there is no folder."""

    @property
    def modes(self) -> list[str]:
        """The modes that were run; the first is the baseline."""
        return list(self.manifest["modes"])

    @property
    def replications(self) -> int:
        """Replications of each mode."""
        return int(self.manifest["replications"])

    @cached_property
    def unsteady(self) -> dict[str, frozenset[Subject]]:
        """By mode the ports and their flows, stations and quotas that have no steady state."""
        return {mode: unsteady(self.scenario, mode) for mode in self.modes}

    @cached_property
    def measures(self) -> pd.DataFrame:
        """One row a mode, replication and value.

        Raises:
            InputError: If the folder no longer holds them.
        """
        return self._rows(MEASURES, [run.measures for run in self._in_memory.values()])

    @cached_property
    def series(self) -> pd.DataFrame:
        """Values over hours and over probabilities, one row a mode, replication and point.

        Raises:
            InputError: If the folder no longer holds them.
        """
        return self._rows(SERIES, [run.series for run in self._in_memory.values()])

    @cached_property
    def lines(self) -> pd.DataFrame:
        """The series over all replications: mean, lowest and highest at each point."""
        if self._lines is not None:
            return self._lines
        assert self.folder is not None
        found = {mode: Lines() for mode in self.modes}
        with self._reading(SERIES) as path:
            for mode, _, rows in runs_of(path):
                found[mode].add(rows)
        return _table_of(found)

    def _rows(self, name: str, in_memory: list[pd.DataFrame]) -> pd.DataFrame:
        """The rows of all runs, from the folder if there is one."""
        if self.folder is None:
            return pd.concat(in_memory, ignore_index=True)
        with self._reading(name) as path:
            return pd.read_parquet(path)

    @contextmanager
    def _reading(self, name: str) -> Iterator[Path]:
        """Read a file of the folder, which must still be this study's when that has been done."""
        assert self.folder is not None
        try:
            yield self.folder / name
        except (OSError, ValueError, LookupError) as error:
            raise _unreadable(self.folder, error) from None
        if not self._is_in_folder():
            raise input_error("was written to meanwhile; open it again", str(self.folder))

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """Mean and 95 % interval of every measure in every mode."""
        return statistics_of.estimates(self.by_replication, self.modes, self.unsteady)

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
        return statistics_of.comparison(self.by_replication, baseline, self.modes, self.unsteady)

    def timeline(self, mode: str, replication: int) -> pd.DataFrame:
        """Every visit of a run: flow, entity, activity, station, ready_ms, start_ms, end_ms.

        Times are blank where they did not happen. The table is read if it was kept, otherwise the run is repeated from
        its inputs.
        """
        if mode not in self.modes or not 0 <= replication < self.replications:
            raise input_error(f"there is no run of mode {mode}, replication {replication}", "timeline")
        in_memory = self._in_memory.get((mode, replication))
        if in_memory is not None and in_memory.timeline is not None:
            return in_memory.timeline
        kept = self.folder / TIMELINES / mode / f"{replication}.parquet" if self.folder else None
        if kept is not None and kept.is_file() and self._is_in_folder():
            return pd.read_parquet(kept)
        workload, timeline = replay(mode_job(self.scenario, mode), replication)
        return timeline.frame(workload)

    def _is_in_folder(self) -> bool:
        """Whether the folder still holds this study, and not a later one."""
        assert self.folder is not None
        try:
            return read_manifest(self.folder) == json.loads(json.dumps(self.manifest))
        except InputError:
            return False

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
    precision: str | None = None,
    most_replications: int = MOST,
    engine: Engine | None = None,
    cluster: str | None = None,
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
        precision: Largest half-width of the interval as a share of the value, such as "5%": replications are added
            until the paired difference in time in port is so precise at each port (see `sim.study.precision`).
        most_replications: Where a study that does not become so precise gives up.
        engine: "compiled" or "simpy"; they agree to the millisecond. By default the first, if it can be had here.
        cluster: Address of the scheduler of a Dask cluster, such as "tcp://127.0.0.1:8786", that does the runs instead
            of this machine; it never changes a result either.
        progress: Called with the number of finished and of all runs.

    Raises:
        InputError: If the input is wrong, the engine or the cluster cannot be had, or another program writes into the
            folder.
        RunError: If a run fails its audit.
    """
    begin = perf_counter()
    loaded = load(scenario) if isinstance(scenario, str | Path) else scenario
    loaded = _with_values(loaded, seed=seed, replications=replications, duration=duration)
    wanted = _wanted(precision)
    if wanted is not None and PRESENCE not in loaded.procedure.clocks:
        sentence = f"needs the clock {PRESENCE}, the time in port; define it or leave the precision out"
        raise input_error(sentence, "precision")
    names = list(dict.fromkeys(modes)) if modes else loaded.modes
    chosen = engines.choose(engine)
    jobs = [mode_job(loaded, mode, chosen) for mode in names]
    count = loaded.definition.replications
    folder = Path(out) if out is not None else None
    store = RunStore(folder) if folder is not None else None
    with ExitStack() as stack:
        client = stack.enter_context(connected(cluster)) if cluster is not None else None
        if folder is not None:
            stack.enter_context(held(folder))
        runs = _Runs(
            jobs,
            store,
            workers=workers,
            keep_timelines=keep_timelines,
            judged=wanted is not None,
            cluster=client,
            progress=progress,
        )
        runs.perform(count)
        found = runs.precision(count, wanted) if wanted is not None else None
        while found is not None and not found.reached and count < most_replications:
            count = next_count(count, found, most_replications)
            runs.perform(count)
            found = runs.precision(count, found.wanted)
        if count != loaded.definition.replications:
            loaded = loaded.with_values(replications=count)
        seconds = perf_counter() - begin
        collected = {name: _Collected() for name in names}
        values = {name: Values() for name in names}
        in_memory = {}
        with rows_staged(folder) if folder is not None else nullcontext() as write:
            for result in runs.results(count):
                collected[result.mode].add(result)
                values[result.mode].add(result.replication, result.measures)
                if write is not None:
                    write(result)
                else:
                    in_memory[result.mode, result.replication] = result
        measures = {name: values.pop(name).table() for name in names}  # never all of them in both forms
        study = Study(
            loaded,
            _manifest(loaded, measures, collected, engine=chosen, seconds=seconds, precision=found),
            measures,
            folder,
            _table_of({name: one.lines for name, one in collected.items()}),
            in_memory,
        )
        if store is not None:
            save(study, store, runs.keys(count), keep_timelines=keep_timelines)
    return study


class _Runs:
    """The finished runs of a study, some of which may have been kept from before.

    With a results folder their tables are on disk and not in memory, however many runs there are.
    """

    def __init__(
        self,
        jobs: Sequence[ModeJob],
        store: RunStore | None,
        *,
        workers: int,
        keep_timelines: bool,
        judged: bool,
        cluster: Client | None,
        progress: Progress | None,
    ) -> None:
        self.jobs = jobs
        self.store = store
        self.workers = workers
        self.keep_timelines = keep_timelines
        self.cluster = cluster
        self.progress = progress
        self.judged = judged
        self.finished: set[Task] = set()
        self.in_memory: dict[Task, RunResult] = {}
        """The finished runs where there is no folder."""
        self.presence: dict[Task, pd.DataFrame] = {}
        """What the precision is judged by, if it is."""
        self.first: dict[str, RunResult] = {}
        """The first run that came of each mode."""

    def perform(self, count: int) -> None:
        """Make sure that the first `count` replications of every mode are finished."""
        tasks = self.tasks(count)
        for task in tasks:
            if task not in self.finished and self.store is not None:
                known = self.store.find(self.key(task), with_timeline=self.keep_timelines)
                if known is not None:
                    self.note(task, known)
        self.tell(len(tasks))
        names = [job.mode for job in self.jobs]
        waiting = [task for task in tasks if task not in self.finished]
        if waiting and self.cluster is None:
            engines.prepare(self.jobs[0].engine)
        performing = perform_all(
            self.jobs, waiting, workers=self.workers, keep_timelines=self.keep_timelines, cluster=self.cluster
        )
        with closing(performing):  # also when keeping a result fails, so that the workers begin no other run
            for result in performing:
                task = names.index(result.mode), result.replication
                if self.store is not None:
                    self.store.keep(self.key(task), result)
                else:
                    self.in_memory[task] = self.sharing(result)
                self.note(task, result)
                self.tell(len(tasks))

    def note(self, task: Task, result: RunResult) -> None:
        """Note that a run is finished, and of its tables only what is needed before the end."""
        self.finished.add(task)
        if self.judged:
            self.presence[task] = presence(result.measures)

    def sharing(self, result: RunResult) -> RunResult:
        """The same result, with the text of its rows in memory once for all runs of a mode that have the same."""
        first = self.first.setdefault(result.mode, result)
        return replace(
            result,
            measures=_with_text_of(first.measures, result.measures),
            series=_with_text_of(first.series, result.series),
        )

    def tell(self, total: int) -> None:
        """Say how far it is."""
        if self.progress is not None:
            self.progress(len(self.finished), total)

    def tasks(self, count: int) -> list[Task]:
        """The first `count` replications of every mode, in the order in which they are run."""
        return [(index, replication) for replication in range(count) for index in range(len(self.jobs))]

    def key(self, task: Task) -> str:
        """The name of a run in the folder."""
        return self.jobs[task[0]].key(task[1])

    def keys(self, count: int) -> dict[str, tuple[str, int]]:
        """By their names in the folder the modes and replications of the first `count` replications."""
        return {self.key(task): (self.jobs[task[0]].mode, task[1]) for task in self.tasks(count)}

    def precision(self, count: int, wanted: float) -> Precision:
        """How precise the first `count` replications are."""
        measures = pd.concat([self.presence[task] for task in self.tasks(count)], ignore_index=True)
        return precision_of(measures, [job.mode for job in self.jobs], wanted)

    def results(self, count: int) -> Iterator[RunResult]:
        """The runs of the first `count` replications, by mode and replication; timelines only from memory."""
        for task in sorted(self.tasks(count)):
            if self.store is None:
                yield self.in_memory[task]
            elif (kept := self.store.find(self.key(task), with_timeline=False)) is not None:
                yield self.sharing(kept)
            else:
                raise RunError(f"{self.store.folder / self.key(task)} was changed meanwhile; run again to go on")


def _with_text_of(like: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The same table, with those columns of text taken from another that are equal there."""
    if len(like) != len(table):
        return table
    text = [name for name in table.columns if not is_numeric_dtype(table[name].dtype)]
    return table.assign(**{name: like[name] for name in text if table[name].equals(like[name])})


def _wanted(precision: str | None) -> float | None:
    """The share that a precision asks for."""
    try:
        share = parse_share(precision) if precision is not None else None
    except ValueError as error:
        raise input_error(str(error), "precision") from None
    if share == 0:
        raise input_error("expected more than 0%: no number of replications makes an interval vanish", "precision")
    return share


def _with_values(scenario: Scenario, *, seed: int | None, replications: int | None, duration: str | None) -> Scenario:
    values: dict[str, Any] = {}
    if seed is not None:
        values["seed"] = seed
    if replications is not None:
        values["replications"] = replications
    if values:
        scenario = scenario.with_values(**values)
    return scenario.with_calendar(duration=duration) if duration is not None else scenario


class _Collected:
    """What is said of the runs of a mode besides their measures, added up as they pass by."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.stretches = Stretches(self.lines.names)
        self.seconds = 0.0
        self.audited = dict.fromkeys(("runs", "visits", "arrived", "left", "inside"), 0)

    def add(self, result: RunResult) -> None:
        """Take a run in."""
        self.stretches.add(self.lines.add(result.series))
        self.seconds += result.seconds
        for name, number in _totals(result.audit).items():
            self.audited[name] += number


def _table_of(lines: Mapping[str, Lines]) -> pd.DataFrame:
    """The lines of all modes."""
    return pd.concat([one.table(mode) for mode, one in lines.items()], ignore_index=True)


def _manifest(
    scenario: Scenario,
    measures: Measures,
    collected: Mapping[str, _Collected],
    *,
    engine: Engine,
    seconds: float,
    precision: Precision | None,
) -> dict[str, Any]:
    """What was run, and what is to be said about it."""
    modes = list(measures)
    calendar = scenario.calendar
    warned = list(dict.fromkeys(text for mode in modes for text in warnings(scenario, mode)))
    warned += [text for mode in modes for text in _unfinished(mode, measures[mode])]
    manifest: dict[str, Any] = {
        "results_version": RESULTS_VERSION,
        "scenario": scenario.name,
        "title": {"en": scenario.title.en, "zh": scenario.title.zh},
        "scenario_hash": scenario.fingerprint,
        "seed": scenario.definition.seed,
        "modes": modes,
        "replications": scenario.definition.replications,
        "calendar": {
            "start": str(calendar.start),
            "zone": calendar.zone,
            "warm_up_ms": calendar.warm_up,
            "duration_ms": calendar.duration,
            "cool_down_ms": calendar.cool_down,
        },
        "engine": engine,
        "versions": {
            "smartport": __version__,
            "python": platform.python_version(),
            **{package: version(package) for package in ("simpy", "numpy", "pandas", "scipy", "matplotlib")},
        },
        "seconds": {
            "total": round(seconds, 3),
            **{mode: round(collected[mode].seconds, 3) for mode in modes},
        },
        "audit": {mode: {**collected[mode].audited, "passed": True} for mode in modes},
        "warm_up": {mode: _warm_up(collected[mode].stretches, unsteady(scenario, mode)) for mode in modes},
        "warnings": warned,
    }
    if precision is not None:
        manifest["precision"] = {
            "wanted": precision.wanted,
            "reached": precision.reached,
            "achieved": _finite(precision),
        }
        if not precision.reached:
            warned.append(precision.shortfall(scenario.definition.replications))
    return manifest


def _totals(audit: Audit) -> dict[str, int]:
    """What an audit counted, all flows together."""
    flows = {name: sum(getattr(audit, name).values()) for name in ("arrived", "left", "inside")}
    return {"runs": 1, "visits": audit.visits, **flows}


def _share(here: ModeScenario, edit: Edit) -> float:
    """Share of the entities for which an edit holds."""
    return here.adoption.get(edit.port, {}).get(edit.reform, 1.0)


def _warm_up(stretches: Stretches, jammed: Collection[Subject]) -> dict[str, Any]:
    found = warm_up(stretches, jammed)
    return {
        "cut_ms": found.longest,
        "flow": found.flow,
        "advised_ms": found.advised,
        "unsettled": list(found.unsettled),
        "too_few": list(found.too_few),
    }


def _finite(precision: Precision) -> dict[str, float | None]:
    """What JSON can hold: None where a half-width is endless against its value."""
    return {name: float(value) if np.isfinite(value) else None for name, value in precision.achieved.items()}


def _unfinished(mode: str, measures: pd.DataFrame) -> list[str]:
    """Flows of which many had not left at the end: their means are lower bounds."""
    found = []
    totals = measures.index.to_frame(index=False).assign(total=measures.sum(axis=1).to_numpy())
    chosen = totals[(totals["measure"] == PRESENCE) & (totals["subject"] != ALL)]
    for subject, rows in chosen.groupby("subject", sort=True):
        count, unfinished = (rows.loc[rows["statistic"] == key, "total"].sum() for key in ("count", "unfinished"))
        if count and unfinished / count > MUCH_UNFINISHED:
            share = unfinished / count
            found.append(f"{mode}: {share:.1%} of {subject} had not left at the end; its mean times are lower bounds")
    return found


def save(study: Study, store: RunStore, runs: Mapping[str, tuple[str, int]], *, keep_timelines: bool) -> None:
    """Write into a study's folder what is not written yet, and put all of it in its place.

    Args:
        study: What is written.
        store: Where its runs are.
        runs: Mode and replication of each by its name there; others are forgotten.
        keep_timelines: Whether their timelines belong to the results.
    """
    assert study.folder is not None
    write_results(
        study.folder,
        tables={"estimates.csv": study.estimates, "comparison.csv": study.comparison},
        timelines={which: store.timeline(key) for key, which in runs.items()} if keep_timelines else {},
        resolved=study.scenario.document(),
        manifest=study.manifest,
    )
    store.forget_others(runs.keys())


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
        values = {mode: Values() for mode in manifest["modes"]}
        for mode, replication, rows in runs_of(place / MEASURES):
            values[mode].add(replication, rows)
        pq.read_metadata(place / SERIES)
        name, _, _ = (manifest[key] for key in ("scenario", "modes", "replications"))
        whole = read_manifest(place) == manifest
    except InputError as error:
        again = Problem(None, str(place), "holds results that cannot be read; run the scenario again")
        raise InputError([again, *error.problems]) from None
    except (OSError, ValueError, LookupError) as error:
        raise _unreadable(place, error) from None
    if not whole:
        raise input_error("was written to meanwhile; open it again", str(place))
    return Study(replace(scenario, name=name), manifest, {mode: one.table() for mode, one in values.items()}, place)


def _unreadable(folder: Path, error: Exception) -> InputError:
    return input_error(f"holds results that cannot be read: {error}; run the scenario again", str(folder))
