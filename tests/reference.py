"""Compute the reference run anew and write it into results/reference: `make reference`.

A small study of all ports in both modes. Its main tables are committed, so that a change of any number is seen, in the
difference of the files as well as by the test that computes them again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import sim
from sim.report import charts, style

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "results" / "reference"
SCENARIO = ROOT / "scenarios" / "xinjiang.yaml"
REPLICATIONS, DURATION = 3, "7 days"

DIGITS = "%.12g"
"""Digits in the files: three more than are compared."""

PARTS = ("queueing_by_phase", "closed_by_phase", "service_by_phase")
STATISTICS = {
    "port_dwell": ("mean", "p50", "p95", "within_target", "unfinished", "count"),
    "release_time": ("mean",),
    "clearance_time": ("mean",),
    "throughput": ("per_day",),
    "in_port": ("mean",),
    **dict.fromkeys(PARTS, ("mean",)),
    "utilisation": ("mean",),
    "waiting_time": ("mean",),
}
"""What is kept of the estimates and of the comparison."""
EVERY_RUN = {"port_dwell": ("mean", "p95", "count"), "throughput": ("per_day",)}
"""What is kept of every single run."""
PICTURES = (
    ("khorgos_road", "time_by_phase"),
    ("khorgos_road", "differences"),
    ("khorgos_road", "throughput_by_hour"),
    ("alashankou_rail", "time_by_phase"),
)


def study(workers: int = 2) -> sim.Study:
    """Run the reference study."""
    return sim.run(SCENARIO, replications=REPLICATIONS, duration=DURATION, workers=workers)


def tables(computed: sim.Study) -> dict[str, pd.DataFrame]:
    """The tables that are kept, by file."""
    return {
        "measures.csv": _chosen(computed.measures, EVERY_RUN),
        "estimates.csv": _chosen(computed.estimates, STATISTICS),
        "comparison.csv": _chosen(computed.comparison, STATISTICS),
    }


def _chosen(table: pd.DataFrame, statistics: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    wanted = {(measure, statistic) for measure, names in statistics.items() for statistic in names}
    keys = zip(table["measure"], table["statistic"], strict=True)
    return table[[key in wanted for key in keys]].reset_index(drop=True)


def pictures(computed: sim.Study) -> dict[str, str]:
    """The charts that are kept, by file."""
    drawn = {}
    for port, chart in PICTURES:
        with style.drawing("en"):
            figure = charts.draw(chart, computed, port, "en")
            drawn[f"{port}.{chart}.svg"] = style.svg(style.source(figure), label=f"{port}: {chart}")
    return drawn


def write(computed: sim.Study, folder: Path) -> None:
    """Write tables and pictures into a folder; remove what no longer belongs there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.csv"), *folder.glob("*.svg")]:
        old.unlink()
    for name, table in tables(computed).items():
        table.to_csv(folder / name, index=False, lineterminator="\n", float_format=DIGITS)
    for name, drawing in pictures(computed).items():
        (folder / name).write_text(drawing, encoding="utf-8", newline="\n")


def main() -> None:
    """Write results/reference."""
    write(study(), FOLDER)
    size = sum(file.stat().st_size for file in FOLDER.iterdir())
    sys.stdout.write(f"{FOLDER.relative_to(ROOT)} is written, {size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
