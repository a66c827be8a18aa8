"""What was measured as a page with a chart."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from sim import __version__
from sim.report import style
from tests.bench import with_ciw, with_salabim

NAMES = {
    "floor": "heap operations alone (Numba)",
    "compiled": "smartport, compiled engine",
    "simpy": "smartport, engine on SimPy",
    "idiomatic": "SimPy, ordinary style",
    "ciw": "Ciw",
    "salabim": "salabim",
}
WHOLE_NAMES = {
    "compiled": "smartport",
    "idiomatic": "smartport with ordinary SimPy as engine",
    "script": "script with SimPy and pandas",
}
MODELS = {"six_stations": "Six stations", "khorgos_road": "Khorgos road port"}
MODES = {"first_come": "first come, first served", "priorities": "with priorities", "traditional": "traditional"}
RIVALS = {
    "six_stations": ("script", "a SimPy script that writes the same tables"),
    "khorgos_road": ("idiomatic", "the same with ordinary SimPy"),
}
OURS = ("compiled", "simpy")
COLORS = {10_000: "#cfe0ea", 20_000: "#8fb8d0", 200_000: "#0b5a8a", 1_000_000: "#0a2c44"}


@dataclass(frozen=True, slots=True)
class Case:
    """A model of some size."""

    model: str
    mode: str
    days: int
    entities: int
    """About so many."""

    @property
    def name(self) -> str:
        """As it is printed."""
        return f"{MODELS[self.model]}, {MODES[self.mode]}, {self.entities:,} entities"


Measured = dict[str, float]


@dataclass
class Figures:
    """Medians by case and tool: `wall` and `cpu` in seconds, `peak` in MiB, and how far the results agree."""

    engine: dict[tuple[Case, str], Measured] = field(default_factory=dict)
    whole: dict[tuple[Case, str], Measured] = field(default_factory=dict)
    left_out: dict[tuple[Case, str], float] = field(default_factory=dict)
    """Seconds that a simulation would take in proportion to the largest case of its kind that was run."""
    left_out_whole: dict[tuple[Case, str], float] = field(default_factory=dict)
    seconds: float = 0.0
    to_come: list[Case] = field(default_factory=list)

    @property
    def is_comparison(self) -> bool:
        """Whether an ordinary SimPy model was measured, with which most aims compare."""
        return any(tool == "idiomatic" for _, tool in self.engine)

    def expected(self, case: Case, tool: str) -> float | None:
        """Seconds that a simulation is going to take in proportion, None if nothing of its kind was run."""
        return _in_proportion(self.engine, case, tool)

    def expected_whole(self, case: Case, tool: str) -> float | None:
        """The same for the whole program."""
        return _in_proportion(self.whole, case, tool)

    def times_compiled(self, case: Case, tool: str) -> float:
        """How many times the processor time of the compiled engine a tool takes."""
        return self.engine[case, tool]["cpu"] / self.engine[case, "compiled"]["cpu"]

    def visit(self, case: Case, tool: str) -> float:
        """Microseconds of processor time for a visit."""
        measured = self.engine[case, tool]
        return measured["cpu"] / measured["visits"] * 1e6


def _in_proportion(figures: dict[tuple[Case, str], Measured], case: Case, tool: str) -> float | None:
    alike = [(other, said) for (other, by), said in figures.items() if by == tool and other.model == case.model]
    alike = [pair for pair in alike if pair[0].mode == case.mode] or alike
    if not alike:
        return None
    largest, said = max(alike, key=lambda pair: pair[0].entities)
    return said["cpu"] * case.entities / largest.entities


def write_page(figures: Figures, folder: Path) -> None:
    """Write performance.md and performance.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "performance.md").write_text("".join(_page(figures)), encoding="utf-8", newline="\n")
    (folder / "performance.svg").write_text(_chart(figures), encoding="utf-8", newline="\n")


def _page(figures: Figures) -> Iterator[str]:
    yield "# Performance\n\nHow long a simulation takes, beside other simulators on the same input. "
    yield f"Written by `make bench`, which took {figures.seconds / 60:.0f} minutes; do not edit.\n\n"
    yield f"Measured on {datetime.now(UTC):%Y-%m-%d} on {_machine()}, with Python {platform.python_version()} and "
    packages = ("numba", "numpy", "simpy", "ciw", "salabim")
    yield ", ".join(f"{name} {version(name)}" for name in packages) + f"; smartport {__version__}.\n\n"
    if figures.to_come:
        yield f"The run was interrupted; not measured: {'; '.join(case.name for case in figures.to_come)}.\n\n"
    yield "![Processor time for a visit](performance.svg)\n\n## Aims\n\n"
    yield "| | aim | measured | |\n| --- | --- | --- | --- |\n"
    yield "".join(f"| {' | '.join(row)} |\n" for row in goals(figures))
    yield "\nRatios are of processor time; at six stations first come, first served.\n"
    yield WHAT
    yield from _tables(figures)
    yield "\n## The whole program\n\n"
    yield WHOLE
    yield from _wholes(figures)


WHAT = f"""
## What is measured

- *Six stations* (`tests/bench/six_stations.yaml`): trucks pass six stations, 15 % of them an inspection too; about 6.15
  visits each. With priorities, 15 % of the trucks go first everywhere.
- *Khorgos road port* (`scenarios/khorgos_road.yaml`, mode `traditional`, without warm-up). The ordinary SimPy model has
  all of it. Left out with Ciw: {with_ciw.LEFT_OUT}. Left out with salabim: {with_salabim.LEFT_OUT}.
  It also orders those who come to a line at the same moment its own way. So these two simulate other ports: their lines
  tell a time, not a race.
- All get the same arrivals, durations, branches and priorities, drawn beforehand. Measured is the simulation alone,
  from there to the times of all visits: processor time and time on the clock, and the highest memory of the whole
  process in MiB. Compiled code is read from its cache beforehand; compiling it takes less than a minute, once.
- *Differ* is the share of visits that begin at another millisecond than with the compiled engine. *Stay* is the mean
  time from arrival to the last activity of those who left in both, over that of the compiled engine.
- The ordinary style of SimPy is a process for each truck and a `Resource` or `PriorityResource` for each station
  (`tests/bench/with_simpy.py`); at Khorgos it is a process for each activity (`tests/idiomatic_simpy.py`).
- The floor is as many pops and pushes on a heap as there are visits, in Numba, and nothing else.
- Every measurement is a process of its own. Tools take turns; shown are medians of three, of one where a run takes more
  than 15 seconds. What would take longer than two minutes is left out, with the time that it would take in proportion
  to the largest size that was run; `.venv/bin/python -m tests.bench --longest 1000` measures it.
- A virtual machine gets memory from its host when that is touched first. Where this page was measured, that takes up to
  3 ms a MiB; what a program has just given back is there at once. So every process, whatever the tool, touches 256 MiB
  before the simulation alone is timed, and gives them back. Without that the fastest take up to half as long again.

## Simulation alone
"""

WHOLE = """\
From the file to all tables, in a process of its own: start of Python, loading, sampling, simulation, audit, measures,
writing. As in every run but the first, modules are there as bytecode and the engine as machine code.

- With *ordinary SimPy as engine* the ordinary model takes the place of the engine in the same program, so it writes the
  same tables; the benchmark checks that no measure differs by more than a thousandth, since SimPy orders those who come
  to a line at the same millisecond its own way. It has everything else from `smartport`, so the ratio says what the
  engine alone brings to the whole.
- The *script* (`tests/bench/script.py`) is the six stations as an analyst writes them who has SimPy and pandas and no
  `smartport`: it draws truck by truck, notes every visit, and makes the same rows of the same tables with pandas. It
  audits nothing. The benchmark checks the rows, and that what hardly depends on luck is the same within 10 %.

"""


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if info.is_file():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = f"{names[0]}, {len(names)} processors" if names else model
    return f"{model} ({platform.system()})"


def _tables(figures: Figures) -> Iterator[str]:
    for case in _in_order({case for case, _ in figures.engine}):
        rows = [(tool, figures.engine.get((case, tool)), figures.left_out.get((case, tool))) for tool in NAMES]
        size = figures.engine[case, "compiled"]
        yield f"\n### {MODELS[case.model]}, {MODES[case.mode]}: {size['entities']:,.0f} entities, "
        yield f"{size['visits']:,.0f} visits\n\n"
        yield "| | processor, s | clock, s | µs a visit | × compiled | memory | differ | stay |\n"
        yield "| --- | --: | --: | --: | --: | --: | --: | --: |\n"
        for tool, said, expected in rows:
            if said:
                times = figures.times_compiled(case, tool)
                cells = [
                    f"{said['cpu']:.3g}",
                    f"{said['wall']:.3g}",
                    f"{figures.visit(case, tool):.3g}",
                    f"{times:.3g}",
                ]
                cells += [f"{said['peak']:.0f}", *_agreement(said)]
                yield f"| {NAMES[tool]} | {' | '.join(cells)} |\n"
            elif expected:
                yield f"| {NAMES[tool]} | about {expected:.0f} | | | | | left out | |\n"


def _agreement(said: Measured) -> tuple[str, str]:
    if "differing" not in said:
        return "", ""
    if not said["differing"]:
        return "none", "equal"
    return f"{100 * said['differing']:.2g}%", f"{said['stay']:.4f}"


def _wholes(figures: Figures) -> Iterator[str]:
    yield "| | entities | | processor, s | clock, s | × compiled | memory |\n"
    yield "| --- | --: | --- | --: | --: | --: | --: |\n"
    for case in _in_order({case for case, _ in figures.whole}):
        for tool, name in WHOLE_NAMES.items():
            said, expected = figures.whole.get((case, tool)), figures.left_out_whole.get((case, tool))
            begin = f"| {MODELS[case.model]} | {case.entities:,} | {name} |"
            if said:
                times = said["cpu"] / figures.whole[case, "compiled"]["cpu"]
                yield f"{begin} {said['cpu']:.3g} | {said['wall']:.3g} | {times:.2f} | {said['peak']:.0f} |\n"
            elif expected:
                yield f"{begin} about {expected:.0f} | | | left out |\n"


def _in_order(cases: Iterable[Case]) -> list[Case]:
    models = list(MODELS)
    return sorted(cases, key=lambda case: (models.index(case.model), case.mode, case.entities))


def goals(figures: Figures) -> Iterator[tuple[str, str, str, str]]:
    """What was aimed at, what was measured, and whether it is met."""
    sizes = sorted({case for case, _ in figures.engine if case.mode == "first_come"}, key=lambda case: case.entities)
    for model, name in MODELS.items():
        compared = [
            case
            for case, tool in figures.engine
            if tool == "idiomatic" and case.model == model and case.mode != "priorities"
        ]
        if compared:
            case = next((case for case in compared if case.entities == 200_000), compared[-1])
            faster, lean = (
                figures.engine[case, "idiomatic"]["cpu"] / figures.engine[case, tool]["cpu"] for tool in OURS
            )
            where = f"{name} ({case.entities:,})"
            yield (
                f"{where}: compiled engine over ordinary SimPy",
                "at least 80 ×",
                f"{faster:.0f} ×",
                _met(faster >= 80),
            )
            yield f"{where}: engine on SimPy over ordinary SimPy", "at least 5 ×", f"{lean:.1f} ×", _met(lean >= 5)
            if (case, "floor") in figures.engine:
                above = figures.engine[case, "compiled"]["cpu"] / figures.engine[case, "floor"]["cpu"]
                yield f"{where}: compiled engine over the floor", "at most 4 ×", f"{above:.1f} ×", _met(above <= 4)
    for model, name in MODELS.items():
        rival, words = RIVALS[model]
        both = [case for case, tool in figures.whole if tool == rival and case.model == model]
        if both:
            case = max(both, key=lambda case: case.entities)
            times = figures.whole[case, rival]["cpu"] / figures.whole[case, "compiled"]["cpu"]
            what = f"{name} ({case.entities:,}): whole program over {words}"
            yield what, "at least 25 ×", f"{times:.1f} ×", _met(times >= 25)
    small, large = sizes[0], sizes[-1]
    growth = figures.visit(large, "compiled") / figures.visit(small, "compiled")
    what = f"Six stations: cost of a visit, {large.entities:,} over {small.entities:,} entities"
    yield what, "about 1 (linear)", f"{growth:.2f} ×", _met(growth < 1.25)


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"


def _chart(figures: Figures) -> str:
    """A dot for each tool and size, on a logarithmic scale: processor time for a visit."""
    with style.drawing("en"):
        page = style.sheet(
            None,
            style.HEADER + 2.9,
            "What a visit costs",
            "Simulation alone, six stations, first come, first served; a dot for each size, logarithmic scale",
        )
        ax = page.panel(2.35, style.HEADER + 0.3, style.WIDTH - 2.6, 2.0)
        shown = [case for case in dict.fromkeys(case for case, _ in figures.engine) if case.mode == "first_come"]
        tools = list(NAMES)
        for case in shown:
            for row, tool in enumerate(tools):
                if (case, tool) in figures.engine:
                    ax.plot(figures.visit(case, tool), -row, "o", color=COLORS[case.entities], markersize=7)
        ax.set_xscale("log")
        ax.set_yticks([-row for row in range(len(tools))], [NAMES[tool] for tool in tools])
        ax.set_ylim(-len(tools) + 0.4, 0.6)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.set_xlabel("processor time for a visit, µs")
        keys = [
            (
                Line2D([], [], color=COLORS[case.entities], linestyle="None", marker="o", markersize=6),
                f"{case.entities:,}",
            )
            for case in shown
        ]
        page.legend(style.MARGIN, style.HEADER + 0.12, [(key, f"{size} entities") for key, size in keys])
        drawn = style.svg(
            style.source(page.figure), label="Processor time for a visit by simulator and number of entities"
        )
        plt.close(page.figure)
    return drawn
