"""Runs the benchmark and writes docs/performance.md with its chart: `python -m tests.bench`, or `make bench`.

Every measurement is a process of its own. The tools take turns, round by round, and medians are shown, so that what
else the machine does meanwhile meets all of them. What would take longer than `--longest` is left out and said.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pandas as pd

from tests.bench.page import Case, Figures, goals, write_page

ROOT = Path(__file__).parents[2]
ROUNDS = 3
ONCE_FROM = 15.0
"""Seconds from which a tool is measured once and not in every round."""

KEYS = ["mode", "replication", "port", "subject", "measure", "statistic", "unit"]

LONGEST = 120.0
"""Seconds beyond which a measurement is left out unless asked for."""

CLOSE = 1e-3
"""How far measures of two may be apart: SimPy orders those who come to a line at the same millisecond its own way."""

FIRM = ("arrivals", "throughput", "service_time", "utilisation")
"""Measures that hardly depend on luck, so that they tell whether a script that draws by itself has the same model."""

LUCK = 0.1
"""How far these may be apart."""

WHOLES = {"six_stations": ("compiled", "idiomatic", "script"), "khorgos_road": ("compiled", "idiomatic")}

AS_COMMAND = "from sim.cli import start_lightly; start_lightly(); from tests.bench.child import main; main()"
"""Starts as the command `smartport` does."""

FAST = ("floor", "compiled", "simpy")
ALL = (*FAST, "idiomatic", "ciw", "salabim")
PORT = ALL[1:]

# Days of about 2,000 trucks at the six stations and 950 vehicles at Khorgos, who is measured on them, and whether the
# whole program is too; of each kind small sizes first, from which is told how long large ones are going to take.
CASES = (
    (Case("six_stations", "first_come", 5, 10_000), FAST, False),
    (Case("six_stations", "first_come", 10, 20_000), ALL, True),
    (Case("six_stations", "first_come", 100, 200_000), ALL, True),
    (Case("khorgos_road", "traditional", 2, 2_000), PORT, False),
    (Case("khorgos_road", "traditional", 21, 20_000), PORT, True),
    (Case("khorgos_road", "traditional", 105, 100_000), PORT[:1], True),
    (Case("six_stations", "priorities", 10, 20_000), ALL, False),
    (Case("six_stations", "first_come", 500, 1_000_000), ALL, True),
    (Case("six_stations", "priorities", 100, 200_000), ALL, False),
    (Case("six_stations", "priorities", 500, 1_000_000), FAST[:2], False),
    (Case("khorgos_road", "traditional", 211, 200_000), PORT[:1], False),
)


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("--longest", type=float, default=LONGEST, help="seconds; what takes longer is left out")
    options.add_argument("--most", type=int, default=1_000_000, help="entities; larger cases are left out")
    options.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the page")
    asked = options.parse_args()
    figures = Figures()
    begin = perf_counter()
    cases = [each for each in CASES if each[0].entities <= asked.most]
    for number, (case, tools, whole) in enumerate(cases, 1):
        measure_engines(case, tools, figures, asked.longest)
        if whole:
            measure_wholes(case, figures, asked.longest)
        figures.seconds = perf_counter() - begin
        figures.to_come = [case for case, *_ in cases[number:]]
        if figures.is_comparison:
            write_page(figures, asked.out)  # after every case, so that an interrupted run leaves what it has
    for what, wanted, found, met in goals(figures):
        say(f"{what}: {wanted} wanted, {found}, {met}")


def measure_engines(case: Case, tools: tuple[str, ...], figures: Figures, longest: float) -> None:
    """Measure the simulation alone with every tool that can take the case."""
    found = defaultdict(list)
    for turn in range(ROUNDS):
        for tool in tools:
            expected = figures.expected(case, tool)
            if expected is not None and expected > longest:
                figures.left_out[case, tool] = expected
            elif not turn or found[tool][0]["wall"] < ONCE_FROM:
                found[tool].append(measured(case, "engine", tool))
                say(f"{case.name}, {tool}: {found[tool][-1]['cpu']:.3f} s")
    for tool, runs in found.items():
        figures.engine[case, tool] = {key: median(run[key] for run in runs) for key in runs[0]} | {"runs": len(runs)}


def measure_wholes(case: Case, figures: Figures, longest: float) -> None:
    """Measure the whole program, the same with an ordinary SimPy model, and a script; their tables must agree."""
    found = defaultdict(list)
    for turn in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            for tool in WHOLES[case.model]:
                expected = figures.expected_whole(case, tool)
                if expected is not None and expected > longest:
                    figures.left_out_whole[case, tool] = expected
                elif not turn or found[tool][0]["wall"] < ONCE_FROM:
                    found[tool].append(measured(case, "whole", tool, str(Path(folder) / tool)))
                    say(f"{case.name}, whole program, {tool}: {found[tool][-1]['cpu']:.2f} s")
            check_tables(Path(folder))
    for tool, runs in found.items():
        figures.whole[case, tool] = {key: median(run[key] for run in runs) for key in runs[0]} | {"runs": len(runs)}


def check_tables(folder: Path) -> None:
    """Make sure that all have written the same rows, and the same measures up to a few ties or to their own luck."""
    ours = folder / "compiled/measures.csv"
    for tool in ("idiomatic", "script"):
        path = folder / tool / "measures.csv"
        if ours.is_file() and path.is_file():
            one, other = (pd.read_csv(each).set_index(KEYS).sort_index() for each in (ours, path))
            if not one.index.equals(other.index):
                raise SystemExit(f"the tables have other rows: {list(one.index.symmetric_difference(other.index))[:9]}")
            if tool == "script":
                one, other = (each[each.index.isin(FIRM, level="measure")] for each in (one, other))
            near = LUCK if tool == "script" else CLOSE
            apart = ~np.isclose(one["value"], other["value"], rtol=near, atol=CLOSE, equal_nan=True)
            if apart.any():
                raise SystemExit(f"the tables differ:\n{one[apart]}\n{other[apart]}")


def measured(case: Case, kind: str, tool: str, folder: str = "") -> dict[str, float]:
    """Run one measurement in a process of its own; of a whole program the machine tells time and memory."""
    asked = [kind, tool, case.model, case.mode, str(case.days), folder]
    command = [sys.executable, "-m", "tests.bench.child", *asked]
    if kind == "whole":
        command = [sys.executable, "-c", AS_COMMAND, *asked]
    if tool == "script":
        command = [sys.executable, "-m", "tests.bench.script", str(case.days), folder]
    begin = perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = perf_counter() - begin
    if child.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    if kind == "engine":
        return json.loads(said)
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}


def environment() -> dict[str, str]:
    """That of every measured process: NumPy starts no threads, and Python keeps its bytecode.

    Where the environment forbids that, the modules of a program are compiled anew each time, which no user knows.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {"OPENBLAS_NUM_THREADS": "1"}


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
