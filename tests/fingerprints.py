"""Fingerprints of the shipped scenarios under a results version: `make fingerprints WHY="why numbers move"`.

For each scenario and mode the file keeps a hash of every visit of a short run, a hash of the run's tables, and the
means of its clocks. Where a hash that was there has changed, the command raises the results version and writes the
size of the change into the changelog, so no number moves unnoticed and no older result is read as if it were new.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

import sim

ROOT = Path(__file__).parent.parent
SCENARIOS = ROOT / "scenarios"
FILE = Path(__file__).with_suffix(".json")
CHANGELOG = ROOT / "CHANGELOG.md"
CONSTANT = ROOT / "sim" / "study" / "study.py"

SHORT = {"warm_up": "12 h", "duration": "1 day", "cool_down": "12 h"}
"""Of every run: as much as lets all scenarios run in a minute."""
CLOCKS = ("port_dwell", "release_time", "clearance_time")
DIGITS, DECIMALS = "%.9g", 9
"""What is hashed of a table's values: far coarser than the arithmetic of another processor or library differs."""

Prints = dict[str, dict[str, dict[str, Any]]]
"""By scenario and mode: `timeline` and `tables` (hashes) and `means` (hours by subject and clock)."""


def shipped() -> list[Path]:
    """The scenarios that have fingerprints."""
    return sorted(SCENARIOS.glob("*.yaml"))


def fingerprints(scenario: sim.Scenario) -> dict[str, dict[str, Any]]:
    """Fingerprints of a short run of each mode."""
    study = sim.run(scenario.with_calendar(**SHORT), replications=1, keep_timelines=True)
    return {
        mode: {
            "timeline": digest(study.timeline(mode, 0)),
            "tables": digest(*(rounded(table[table["mode"] == mode]) for table in (study.measures, study.series))),
            "means": means(study.measures[study.measures["mode"] == mode]),
        }
        for mode in study.modes
    }


def digest(*tables: pd.DataFrame) -> str:
    """Hash of tables as text."""
    found = hashlib.sha256()
    for table in tables:
        found.update(table.to_csv(index=False, lineterminator="\n", float_format=DIGITS).encode())
    return found.hexdigest()[:24]


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose smallest values, which may be zero but for the last bit, are zero."""
    return table.assign(value=table["value"].round(DECIMALS) + 0.0)


def means(measures: pd.DataFrame) -> dict[str, float]:
    """Means of the clocks in hours, by subject and clock."""
    rows = measures[measures["measure"].isin(CLOCKS) & (measures["statistic"] == "mean")].dropna(subset="value")
    names = rows["port"] + " " + rows["subject"] + " " + rows["measure"]
    return {name: float(DIGITS % value) for name, value in sorted(zip(names, rows["value"], strict=True))}


def read() -> tuple[int, Prints]:
    """Results version and fingerprints of the file."""
    said = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"results_version": 1, "scenarios": {}}
    return said["results_version"], said["scenarios"]


def changes(old: Prints, new: Prints) -> Iterator[tuple[str, str]]:
    """Each scenario in which a mode that was there has changed, with the size of the change in words."""
    for scenario in sorted(old.keys() & new.keys()):
        before, after = old[scenario], new[scenario]
        moved = [mode for mode in before if mode in after and _hashes(before[mode]) != _hashes(after[mode])]
        if moved:
            yield scenario, _size({mode: (before[mode]["means"], after[mode]["means"]) for mode in moved})


def _hashes(found: dict[str, Any]) -> tuple[str, str]:
    return found["timeline"], found["tables"]


def _size(modes: dict[str, tuple[dict[str, float], dict[str, float]]]) -> str:
    """The largest relative change of a clock's mean, and what came and went."""
    sizes = [
        (
            abs(after[name] - value) / abs(value) if value else float(after[name] != value),
            mode,
            name,
            value,
            after[name],
        )
        for mode, (before, after) in modes.items()
        for name, value in before.items()
        if name in after
    ]
    appeared = {name for before, after in modes.values() for name in after.keys() - before.keys()}
    gone = {name for before, after in modes.values() for name in before.keys() - after.keys()}
    words = [
        f"{len(names)} clock{'s' * (len(names) > 1)} {fate}"
        for names, fate in ((appeared, "new"), (gone, "gone"))
        if names
    ]
    share, mode, name, was, now = max(sizes, default=(0.0, "", "", 0.0, 0.0))
    if share:
        words.insert(0, f"{'+' if now > was else '−'}{share:.2%} ({name}, {mode}: {was:.5g} h, now {now:.5g} h)")
    return ", ".join(words or ["no clock's mean"])


def with_results_version(changelog: str, version: int, why: str, sizes: dict[str, str]) -> str:
    """The changelog with the results version and, under it, what changed."""
    lines = [f"- **Results version {version}**: {why} Largest relative change of a clock's mean in a run of one day:"]
    lines += [f"  - `{scenario}` {size}" for scenario, size in sizes.items()]
    said, count = re.subn(r"(?m)^Results version \d+\.$", f"Results version {version}.", changelog, count=1)
    head = "### Results\n"
    if not count:
        raise LookupError('the changelog has no line "Results version N."')
    if head not in said.split("\n## [")[1]:
        said = said.replace(f"Results version {version}.\n", f"Results version {version}.\n\n{head}\n", 1)
    return said.replace(f"{head}\n", f"{head}\n" + "\n".join(lines) + "\n", 1)


def write(version: int, prints: Prints) -> None:
    """Write the file."""
    said = {"results_version": version, "calendar": SHORT, "scenarios": prints}
    FILE.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def main(why: str) -> None:
    """Compute all fingerprints anew; where some have changed, raise the results version and say so in the changelog."""
    version, old = read()
    new = {}
    for file in shipped():
        new[file.stem] = fingerprints(sim.load(file))
        sys.stdout.write(f"{file.stem}\n")
    sizes = dict(changes(old, new))
    if sizes and not why.strip():
        sys.exit(f'fingerprints of {", ".join(sizes)} have changed; say why: make fingerprints WHY="A sentence."')
    if sizes:
        version += 1
        said = with_results_version(CHANGELOG.read_text(encoding="utf-8"), version, why.strip(), sizes)
        CHANGELOG.write_text(said, encoding="utf-8", newline="\n")
        code = CONSTANT.read_text(encoding="utf-8")
        CONSTANT.write_text(
            re.sub(r"(?m)^RESULTS_VERSION = \d+$", f"RESULTS_VERSION = {version}", code), encoding="utf-8", newline="\n"
        )
    write(version, new)
    sys.stdout.write(f"results version {version}; {len(sizes)} of {len(new)} scenarios have changed\n")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
