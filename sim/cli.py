"""The command `smartport`: every command is thin, and errors become messages and exit codes here and nowhere else."""

from __future__ import annotations

import errno
import gc
import json
import os
import shlex
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sim.errors import InputError, RunError, SmartportError, input_error

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from sim.scenario.scenario import Scenario
    from sim.study.study import Progress, Study

INTERRUPTED = 130
Lang = Literal["en", "zh"]
LANGUAGES: tuple[Lang, ...] = ("en", "zh")

app = typer.Typer(
    name="smartport",
    help="Simulate customs clearance at land and air ports, traditional and smart.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file (YAML).", show_default=False)]
ResultsFolder = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="A folder that `smartport run` wrote.", show_default=False)
]
Modes = Annotated[
    list[str] | None,
    typer.Option("--mode", "-m", help="A mode to run; repeat it for several.", show_default="all"),
]
Language = Annotated[Lang, typer.Option("--lang", help="Language of names and texts.")]


def _version(asked: bool) -> None:
    if asked:
        import sim

        typer.echo(f"smartport {sim.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
    if debug:
        os.environ["SMARTPORT_DEBUG"] = "1"


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet, or is empty.")],
) -> None:
    """Write a runnable example to edit."""
    source = _library()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise input_error(f"is {'not empty' if folder.is_dir() else 'a file'}; name a new folder", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "example.yaml", folder / "scenario.yaml")
    for part in ("ports", "reforms"):
        shutil.copytree(source / part, folder / part)
    typer.echo(f"Wrote {folder / 'scenario.yaml'}, the port it imports and the reforms of the library.")
    scenario, results = (shlex.quote(str(folder / name)) for name in ("scenario.yaml", "results"))
    typer.echo(f"Try:  smartport check {scenario}")
    typer.echo(f"      smartport run {scenario} --out {results}")


def _library() -> Path:
    """The shipped scenarios: inside an installed package, or beside `sim` in a checkout."""
    here = Path(__file__).parent
    for place in (here / "scenarios_library", here.parent / "scenarios"):
        if (place / "example.yaml").is_file():
            return place
    raise input_error("the shipped scenarios are missing from this installation; install smartport again")


@app.command()
def check(scenario: ScenarioFile, mode: Modes = None) -> None:
    """Validate a scenario; print what its reforms change, the load of its stations and its evidence."""
    from sim.scenario.checks import calendar_text, idle_stations, warnings
    from sim.scenario.loading import load

    loaded = load(scenario)
    console = _console()
    console.print(loaded.title.en, style="bold", markup=False, highlight=False, end="")
    chinese = f" {loaded.title.zh}" if loaded.title.zh != loaded.title.en else ""
    console.print(chinese, markup=False, highlight=False)
    console.print(calendar_text(loaded.definition), highlight=False)
    modes = _known_modes(loaded, mode)
    for name in modes:
        _print_edits(console, loaded, name)
    for name in modes:
        _print_loads(console, loaded, name)
    for name in modes:
        _print_evidence(console, loaded, name)
    _print_clocks(console, loaded, modes)
    said = [f"no activity uses the station {station} in any mode" for station in idle_stations(loaded)]
    said += dict.fromkeys(text for name in modes for text in warnings(loaded, name))
    for text in said:
        console.print(f"[yellow]warning:[/yellow] {text}", highlight=False)
    found = {0: "No problem found.", 1: "No error, 1 warning."}
    console.print(found.get(len(said), f"No error, {len(said)} warnings."), highlight=False)


@app.command()
def run(  # noqa: PLR0917  # typer reads an option from each
    scenario: ScenarioFile,
    mode: Modes = None,
    replications: Annotated[
        int | None,
        typer.Option(min=1, help="Replications of each mode.", show_default="as the scenario says"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Where all luck comes from.", show_default="as the scenario says"),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option(help='Length of the measured window, such as "28 days".', show_default="as the scenario says"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; they never change a result.", show_default="one a processor"),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on a Dask cluster: the address of its scheduler, such as tcp://127.0.0.1:8786.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results.", show_default="results/SCENARIO")] = None,
    keep_timelines: Annotated[bool, typer.Option("--keep-timelines", help="Keep every visit of every run.")] = False,
    precision: Annotated[
        str | None,
        typer.Option(
            help='Add replications until the difference in time in port is so precise at each port, such as "5%".',
            show_default=False,
        ),
    ] = None,
    most_replications: Annotated[int, typer.Option(min=2, help="Where --precision gives up.")] = 200,
    engine: Annotated[
        Literal["compiled", "simpy"] | None,
        typer.Option(help="They give the same results; simpy takes longer.", show_default="compiled, if it can be had"),
    ] = None,
    lang: Language = "en",
) -> None:
    """Run a scenario and write tables, charts and report; an interrupted run goes on with the same command."""
    from sim.report.advice import warm_up_sentences
    from sim.report.facts import names, warning_text
    from sim.report.texts import word
    from sim.scenario.loading import load
    from sim.study.study import run as run_study
    from sim.study.workers import available_workers

    if workers is not None and cluster is not None:
        raise input_error("a cluster has workers of its own; leave --workers or --cluster out", "--workers")
    loaded = load(scenario)
    modes = _known_modes(loaded, mode)
    folder = out if out is not None else Path("results") / loaded.name
    if folder.exists() and not folder.is_dir():
        raise input_error("is a file; name a folder with --out", str(folder))
    finished = 0
    processes = workers or available_workers()
    try:
        with _progress(word("progress_simulating", lang), word("progress_runs", lang), lang) as advance:

            def progress(done: int, total: int) -> None:
                nonlocal finished
                finished = done
                advance(done, total)

            study = run_study(
                loaded,
                modes,
                replications=replications,
                seed=seed,
                duration=duration,
                workers=processes,
                out=folder,
                keep_timelines=keep_timelines,
                precision=precision,
                most_replications=most_replications,
                engine=engine,
                cluster=cluster,
                progress=progress,
            )
        _write_report(study, folder, LANGUAGES if lang == "en" else LANGUAGES[::-1], processes)
    except KeyboardInterrupt:
        typer.echo("\n" + word("said_interrupted", lang, count=finished, place=folder), err=True)
        raise typer.Exit(INTERRUPTED) from None
    console = _console()
    _print_headline(console, study, lang)
    named = names(study, lang)
    for text in study.manifest["warnings"]:
        console.print(f"[yellow]{word('said_warning', lang)}[/yellow]{warning_text(text, named)}", highlight=False)
    for sentence in warm_up_sentences(study, lang):
        console.print(sentence, highlight=False, markup=False)
    found = study.manifest.get("precision")
    if found is not None and found["reached"]:
        widest = max(found["achieved"].values())
        typer.echo(word("said_precision", lang, widest=f"{widest:.1%}", count=study.replications))
    audits = study.manifest["audit"].values()
    runs, visits = (sum(audit[key] for audit in audits) for key in ("runs", "visits"))
    typer.echo(word("said_audit", lang, runs=runs, visits=f"{visits:,}"))
    typer.echo(word("said_tables", lang, place=folder))
    typer.echo(word("said_report", lang, place=folder / _report_name(lang)))


@app.command()
def compare(
    results: ResultsFolder,
    baseline: Annotated[str | None, typer.Option(help="The mode to compare with.", show_default="the first")] = None,
    lang: Language = "en",
) -> None:
    """Print the time in port in each mode, the paired differences, and what pairing gained."""
    from sim.study.study import open_study

    study = open_study(results)
    _print_headline(_console(), study, lang, baseline, with_reduction=True)


@app.command()
def report(
    results: ResultsFolder,
    lang: Annotated[Lang | None, typer.Option("--lang", help="Only this language.", show_default="both")] = None,
) -> None:
    """Write the charts and the report of some results anew."""
    from sim.report.texts import word
    from sim.study.study import open_study
    from sim.study.workers import available_workers

    study = open_study(results)
    languages = LANGUAGES if lang is None else (lang,)
    _write_report(study, results, languages, available_workers())
    for language in languages:
        typer.echo(word("said_report", languages[0], place=results / _report_name(language)))


@app.command()
def verify(
    quick: Annotated[bool, typer.Option("--quick", help="Leave the theory out, which takes minutes.")] = False,
) -> None:
    """Check the program on this machine against queueing theory and against other programs."""
    from rich.table import Table

    from sim.verify.peers import agreement, peers
    from sim.verify.theory import cases, findings

    console = _console()
    passed = True
    table = Table(title="The same input through other programs", title_justify="left", pad_edge=False)
    for head in ("Peer", "servers", "customers", "differing starts", "largest, ms", ""):
        table.add_column(head, justify="left" if head in ("Peer", "") else "right")
    for peer in peers():
        for servers in (1, 3):
            one = agreement(peer, servers=servers)
            passed &= one.passed
            table.add_row(*one.cells, _mark(one.passed))
    console.print(table)
    if "Ciw" not in peers():
        console.print("Ciw is not installed; pip install 'smartport[verify]' adds it.")
    if not quick:
        theory = Table(title="Queueing theory", title_justify="left", pad_edge=False)
        for head in ("Case", "quantity", "theory", "simulated", "± %", "z", ""):
            theory.add_column(head, justify="left" if head in ("Case", "quantity", "") else "right", overflow="fold")
        known = cases()
        with _progress("Verifying", "cases, left", "en") as advance:
            for done, case in enumerate(known):
                advance(done, len(known))
                for finding in findings(case):
                    passed &= finding.passed
                    theory.add_row(*finding.cells, _mark(finding.passed))
            advance(len(known), len(known))
        console.print(theory)
    if not passed:
        raise RunError("a check failed; please report this with the tables above")
    console.print("Every check passed.")


def _mark(passed: bool) -> str:
    return "ok" if passed else "[red]failed[/red]"


@app.command()
def schema() -> None:
    """Print the JSON Schema of a scenario, for editors."""
    from sim.scenario.schema import json_schema

    said = json_schema()
    said["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    typer.echo(json.dumps(said, indent=2, ensure_ascii=False))


def _console() -> Console:
    from rich.console import Console

    return Console(soft_wrap=False)


def _known_modes(scenario: Scenario, asked: list[str] | None) -> list[str]:
    modes = list(dict.fromkeys(asked)) if asked else scenario.modes
    for name in modes:
        scenario.under(name)
    return modes


@contextmanager
def _progress(what: str, of_what: str, lang: Lang) -> Iterator[Progress]:
    """A bar with the time left on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from sim.report.texts import word

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(of_what),
        TimeRemainingColumn(compact=True),
        TextColumn(word("progress_elapsed", lang)),
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(what, total=None)

    def advance(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()


def _report_name(lang: Lang) -> str:
    return "report.html" if lang == "en" else f"report.{lang}.html"


def _write_report(study: Study, folder: Path, languages: tuple[Lang, ...], workers: int) -> None:
    """Write the charts in the first language, which is the reader's, and a page in each.

    Pages link to each other where both exist.
    """
    from sim.report.charts import drawings_of, write_charts
    from sim.report.page import write_report
    from sim.report.texts import CHARTS, word
    from sim.study.store import held

    first = languages[0]
    with held(folder):
        with _progress(word("progress_drawing", first), word("progress_charts", first), first) as advance:
            drawings = drawings_of(study, languages, workers=workers, progress=advance)
        written = write_charts(study, folder / "charts", first, drawings=drawings[first])
        for path in (folder / "charts").glob("*.*.*"):
            if path not in written and path.suffix in (".svg", ".png") and path.stem.partition(".")[2] in CHARTS:
                path.unlink()  # of an earlier study in this folder
        for lang in languages:
            other: Lang = "zh" if lang == "en" else "en"
            linked = _report_name(other) if other in languages or (folder / _report_name(other)).is_file() else None
            write_report(study, folder / _report_name(lang), lang, other=linked, drawings=drawings[lang])


def _print_headline(
    console: Console, study: Study, lang: Lang, baseline: str | None = None, *, with_reduction: bool = False
) -> None:
    """One table: mean time in port by port and flow in every mode, and the gain with its interval."""
    from rich.markup import escape
    from rich.table import Table

    from sim.report.facts import names
    from sim.report.texts import word

    said = names(study, lang)
    base = baseline or study.modes[0]
    others = [mode for mode in study.modes if mode != base]
    side_by_side = len(others) < 2  # more modes get a line each, because numbers must never be broken
    compared = study.compare(base)
    chosen = _dwell(study.estimates)
    table = Table(title=word("headline", lang), title_justify="left", expand=False, pad_edge=False)
    table.add_column(word("flow", lang), overflow="fold", ratio=3)
    for mode in study.modes if side_by_side else [""]:
        table.add_column(f"{escape(said.mode(mode))}\nh".strip(), justify="right", overflow="fold", min_width=6)
    if others:
        change = word("difference", lang) if side_by_side else f"− {escape(said.mode(base))}"
        table.add_column(f"{change}\nh [95 %]", justify="right", overflow="fold")
        table.add_column("%", justify="right", no_wrap=True)
        if with_reduction:
            table.add_column(word("variance_reduction", lang), justify="right", overflow="fold")
    notes = [word("headline_reduction", lang)] if with_reduction and others else []
    if not chosen["steady"].all():
        notes.append(word("headline_unsteady", lang))
    table.caption, table.caption_justify = "\n".join(notes), "left"
    for port, rows in chosen.groupby("port", sort=True):
        table.add_row(f"[bold]{escape(said.port(str(port)))}[/bold]")
        for subject in sorted(set(rows["subject"]), key=lambda name: (name == "all", name)):
            mine = rows[rows["subject"] == subject].set_index("mode")
            marks = mine["steady"].map({True: "", False: "*"})
            known = mine["mean"].dropna().index
            means = {mode: f"{mine['mean'][mode]:.1f}{marks[mode]}" for mode in study.modes if mode in known}
            changes = {}
            for mode in others:
                row = _dwell(
                    compared[(compared["mode"] == mode) & (compared["port"] == port) & (compared["subject"] == subject)]
                )
                changes[mode] = _difference_cells(row) + (_reduction_cells(row) if with_reduction else [])
            label = f"  {escape(said.flow(str(subject)))}"
            if side_by_side:
                changed = [cell for mode in others for cell in changes[mode]]
                table.add_row(label, *(means.get(mode, "–") for mode in study.modes), *changed)
            else:
                table.add_row(label)
                for mode in study.modes:
                    table.add_row(f"    {escape(said.mode(mode))}", means.get(mode, "–"), *changes.get(mode, []))
    console.print(table)


def _dwell(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["measure"] == "port_dwell") & (table["statistic"] == "mean")]


def _difference_cells(rows: pd.DataFrame) -> list[str]:
    if not len(rows) or rows["difference"].isna().iloc[0]:
        return ["–", "–"]
    row = rows.iloc[0]
    interval = f" [{row['ci_low']:+.1f}, {row['ci_high']:+.1f}]" if row["ci_low"] == row["ci_low"] else ""
    percent = f"{row['relative']:+.0%}" if row["relative"] == row["relative"] else "–"
    mark = "" if row["steady"] else "*"
    return [f"{row['difference']:+.1f}{mark}{interval}", percent]


def _reduction_cells(rows: pd.DataFrame) -> list[str]:
    from sim.report.cells import factor

    return [factor(float(reduction)) for reduction in rows["variance_reduction"][:1]] or ["–"]


def _print_edits(console: Console, scenario: Scenario, mode: str) -> None:
    from sim.scenario.rendering import text_of

    here = scenario.under(mode)
    console.print(
        f"\n[bold]Mode {mode}[/bold]: {len(here.edits)} changes by {len({e.reform for e in here.edits})} reforms",
        highlight=False,
    )
    for edit in here.edits:
        old = text_of(edit.old) if edit.old is not None else "(new)"
        new_text = text_of(edit.new) if edit.new is not None else "(removed)"
        console.print(f"  {edit.address}  [dim]{edit.reform}, {edit.port}[/dim]", highlight=False)
        console.print(f"    {old} -> {new_text}", highlight=False, markup=False)


def _print_loads(console: Console, scenario: Scenario, mode: str) -> None:
    from rich.table import Table

    from sim.scenario.checks import station_loads

    table = Table(title=f"Offered load in mode {mode}", title_justify="left", pad_edge=False)
    table.add_column("Station", overflow="fold")
    for head in ("visits/day", "work/day", "open/day", "load"):
        table.add_column(head, justify="right")
    for load in station_loads(scenario, mode):
        colour = "red" if load.ratio >= 1 else "yellow" if load.ratio >= 0.9 else "default"
        table.add_row(
            load.station,
            f"{load.visits:.1f}",
            f"{load.offered:.1f}",
            f"{load.open:.1f}",
            f"[{colour}]{load.ratio:.0%}[/{colour}]",
        )
    console.print()
    console.print(table)


def _print_evidence(console: Console, scenario: Scenario, mode: str) -> None:
    from sim.scenario.evidence import GRADES

    grades = [evidence.grade if evidence else None for _, evidence in scenario.parameters(mode)]
    counts = ", ".join(f"{grades.count(grade)} {grade}" for grade in GRADES)
    silent = grades.count(None)
    tail = f"; {silent} say nothing and count as assumptions" if silent else ""
    console.print(f"\nEvidence in mode {mode}: {len(grades)} parameters: {counts}{tail}", highlight=False)


def _print_clocks(console: Console, scenario: Scenario, modes: list[str]) -> None:
    """Of which flows each clock says something: a point that is misspelt, or missing in a list, shows here."""
    from sim.scenario.checks import flows_without_clock

    console.print("\n[bold]Clocks[/bold]", highlight=False)
    missing: dict[str, dict[str, None]] = {}
    for mode in modes:
        for clock, flows in flows_without_clock(scenario, mode).items():
            missing.setdefault(clock, {}).update(dict.fromkeys(flows))
    count = len(scenario.demand)
    for clock, without in missing.items():
        said = f"{count - len(without)} of {count} flows" + (f", not {', '.join(without)}" if without else "")
        console.print(f"  {clock}: {said}", highlight=False, markup=False)
    console.print()


def start_lightly() -> None:
    """Spare a process of our own what only costs it time, before anything large is imported.

    NumPy would start a thread for each processor to multiply matrices, in every worker too, and there are none. What an
    import leaves behind lives as long as the program: to look through it for garbage takes a tenth of the start.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(50_000, 20, 20)


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 a run failed, 2 the input is wrong, 130 interrupted."""
    start_lightly()
    try:
        app()
    except SmartportError as error:
        if os.environ.get("SMARTPORT_DEBUG"):
            traceback.print_exc()
        problems = error.problems if isinstance(error, InputError) else [error]
        for problem in problems:
            typer.echo(problem, err=True)
        if len(problems) > 1:
            typer.echo(f"{len(problems)} problems", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if os.environ.get("SMARTPORT_DEBUG"):
            traceback.print_exc()
        sentence = f"{error.filename or 'a file'} cannot be read or written: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            sentence += "; make room and give the same command again: what is finished is kept"
        typer.echo(sentence, err=True)
        sys.exit(1)
