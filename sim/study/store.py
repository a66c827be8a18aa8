"""Results on disk: finished runs by the hash of their inputs, and the tables made of them.

Everything is written beside its place, flushed, and renamed into it, so a reader sees a whole file or none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from sim.engine.audit import Audit
from sim.errors import input_error
from sim.study.runs import RunResult

MANIFEST = "manifest.json"
RESOLVED = "scenario.resolved.yaml"
RUNS = "runs"
TIMELINES = "timelines"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file through a temporary one beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all."""
    write_whole(path, lambda target: target.write_bytes(text.encode()))


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet, whole or not at all."""
    write_whole(path, lambda target: table.to_parquet(target, index=False, compression="zstd"))


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all."""
    write_whole(path, lambda target: table.to_csv(target, index=False, lineterminator="\n"))


class RunStore:
    """Finished runs in a results folder, each a folder named by the hash of its inputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / RUNS

    def find(self, key: str, *, with_timeline: bool) -> RunResult | None:
        """A finished run, None if there is none."""
        place = self.folder / key
        timeline = place / "timeline.parquet"
        if not (place / "run.json").is_file() or (with_timeline and not timeline.is_file()):
            return None
        said = json.loads((place / "run.json").read_text(encoding="utf-8"))
        return RunResult(
            said["mode"],
            said["replication"],
            pd.read_parquet(place / "measures.parquet"),
            pd.read_parquet(place / "series.parquet"),
            Audit(**said["audit"]),
            said["seconds"],
            pd.read_parquet(timeline) if with_timeline else None,
        )

    def keep(self, key: str, result: RunResult) -> None:
        """Keep a finished run."""
        place = self.folder / key
        temporary = self.folder / f".{key}.{os.getpid()}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            write_parquet(temporary / "measures.parquet", result.measures)
            write_parquet(temporary / "series.parquet", result.series)
            if result.timeline is not None:
                write_parquet(temporary / "timeline.parquet", result.timeline)
            said = {
                "mode": result.mode,
                "replication": result.replication,
                "seconds": result.seconds,
                "audit": asdict(result.audit),
            }
            write_text(temporary / "run.json", json.dumps(said))
            shutil.rmtree(place, ignore_errors=True)
            temporary.rename(place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def forget_others(self, keys: set[str]) -> None:
        """Remove runs of other inputs; they would never be used again."""
        if self.folder.is_dir():
            for place in self.folder.iterdir():
                if place.name not in keys:
                    shutil.rmtree(place, ignore_errors=True)


def write_results(
    folder: Path,
    *,
    tables: dict[str, pd.DataFrame],
    timelines: dict[tuple[str, int], pd.DataFrame],
    resolved: dict[str, Any],
    manifest: dict[str, Any],
) -> None:
    """Write the tables of a study; the manifest goes first out and last in, so it never stands beside other tables."""
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder / TIMELINES, ignore_errors=True)
    for name, table in tables.items():
        if name.endswith(".csv"):
            write_csv(folder / name, table)
        else:
            write_parquet(folder / name, table)
    for (mode, replication), table in timelines.items():
        write_parquet(folder / TIMELINES / mode / f"{replication}.parquet", table)
    text = yaml.dump(resolved, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
    write_text(folder / RESOLVED, text)
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


class _Dumper(yaml.SafeDumper):
    """Writes scenarios so that they load again: no aliases, quotes around all that could be read otherwise."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the signature is PyYAML's
        return True

    def text(self, text: str) -> yaml.ScalarNode:
        """Quote what does not begin as a word; PyYAML leaves `06:30`, `1e3` and `y` bare, which loading refuses."""
        bare = text[:1].isalpha() and not re.fullmatch("y|yes|n|no|on|off", text, re.IGNORECASE)
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


_Dumper.add_representer(str, _Dumper.text)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a results folder.

    Raises:
        InputError: If the folder holds no finished results.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise input_error("there is no such folder; name a folder that `smartport run` wrote", str(folder))
    if not path.is_file():
        raise input_error(
            f"holds no {MANIFEST}, so no finished results; run the scenario (again, if it was interrupted)",
            str(folder),
        )
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise input_error(
            f"holds a {MANIFEST} that cannot be read: {error}; run the scenario again", str(folder)
        ) from None
    return manifest
