"""Results on disk: finished runs by the hash of their inputs, and the tables made of them.

Everything is written beside its place, flushed, and renamed into it, so a reader sees a whole file or none. One program
at a time writes into a results folder.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from sim.engine.audit import Audit
from sim.errors import input_error
from sim.study.runs import RunResult

MANIFEST = "manifest.json"
RESOLVED = "scenario.resolved.yaml"
MEASURES = "measures.parquet"
SERIES = "series.parquet"
RUNS = "runs"
TIMELINES = "timelines"
LOCK = ".lock"
STAGE = ".writing"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say of which file an error is that does not say so, as of a disk that is full."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise type(error)(error.errno, error.strerror or str(error), str(path)) from error
        raise


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary file beside another, to be written; it takes its place unless the writing fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path):
            yield temporary
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file through a temporary one beside it."""
    with whole(path) as temporary:
        write(temporary)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, whole or not at all."""
    write_whole(path, lambda target: target.write_bytes(content))


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet, whole or not at all."""
    write_whole(path, lambda target: table.to_parquet(target, index=False, compression="zstd"))


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all."""
    write_whole(path, lambda target: table.to_csv(target, index=False, lineterminator="\n"))


ROW_GROUP = 1024 * 1024
"""Rows that pandas writes as one group; whoever writes as many at a time writes the same bytes."""

BATCH = 16 * 1024
"""Rows that are read at a time."""


@contextmanager
def growing_parquet(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Write a table as Parquet part by part, to the same bytes as `write_parquet` the whole of it."""
    waiting: list[pa.Table] = []
    with whole(path) as target, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None

        def write(rows: pa.Table) -> None:
            nonlocal writer
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(target, rows.schema, compression="zstd"))
            for place, kind in enumerate(rows.schema):
                if not pa.types.is_large_string(kind.type):  # pandas has numbers in one piece, which makes other pages
                    rows = rows.set_column(place, kind, rows[place].combine_chunks())
            with naming(path):
                writer.write_table(rows, row_group_size=ROW_GROUP)

        def add(part: pd.DataFrame) -> None:
            waiting.append(pa.Table.from_pandas(part, preserve_index=False, nthreads=1))  # threads cost more here
            while sum(map(len, waiting)) >= ROW_GROUP:
                rows = pa.concat_tables(waiting)
                write(rows[:ROW_GROUP])
                waiting[:] = [rows[ROW_GROUP:]]

        yield add
        rest = pa.concat_tables(waiting)
        if len(rest) or writer is None:
            write(rest)


@contextmanager
def growing_csv(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Write a table as CSV part by part, to the same bytes as `write_csv` the whole of it."""
    with whole(path) as target, target.open("w", encoding="utf-8", newline="") as stream:

        def add(part: pd.DataFrame) -> None:
            with naming(path):
                part.to_csv(stream, index=False, header=stream.tell() == 0, lineterminator="\n")

        yield add


def runs_of(path: Path) -> Iterator[tuple[str, int, pd.DataFrame]]:
    """Mode, replication and rows of each run of a table that was written run by run, as Parquet."""
    rest = pd.DataFrame()
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            rows = pd.concat([rest, batch.to_pandas()], ignore_index=True)
            ends = _ends(rows)
            for begin, end in pairwise([0, *ends]):
                yield _run(rows[begin:end])
            rest = rows[ends[-1] if ends else 0 :]
    if len(rest):
        yield _run(rest)


def _ends(rows: pd.DataFrame) -> list[int]:
    """Where one run ends and the next begins."""
    one, other = rows[:-1], rows[1:]
    differ = [one[key].to_numpy() != other[key].to_numpy() for key in ("mode", "replication")]
    return [int(place) + 1 for place in np.flatnonzero(np.logical_or(*differ))]


def _run(rows: pd.DataFrame) -> tuple[str, int, pd.DataFrame]:
    return str(rows["mode"].iloc[0]), int(rows["replication"].iloc[0]), rows


TIMELINE = "timeline.parquet"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True).encode()


def _read_parquet(path: Path, digest: str) -> pd.DataFrame:
    """The table of a file whose bytes are those that were written."""
    content = path.read_bytes()
    if _digest(content) != digest:
        raise ValueError(f"{path} was changed")
    return pd.read_parquet(io.BytesIO(content))


class RunStore:
    """Finished runs in a results folder, each a folder named by the hash of its inputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / RUNS

    def find(self, key: str, *, with_timeline: bool) -> RunResult | None:
        """A finished run, None if there is none that is whole."""
        place = self.folder / key
        try:
            said = json.loads((place / "run.json").read_bytes())
            if said.pop("digest") != _digest(_canonical(said)):
                return None
            tables = {
                name: _read_parquet(place / name, digest)
                for name, digest in said["files"].items()
                if with_timeline or name != TIMELINE
            }
            return RunResult(
                said["mode"],
                said["replication"],
                tables[MEASURES],
                tables[SERIES],
                Audit(**said["audit"]),
                said["seconds"],
                tables[TIMELINE] if with_timeline else None,
            )
        except (OSError, ValueError, LookupError, TypeError, AttributeError):  # of another version, or damaged
            return None

    def keep(self, key: str, result: RunResult) -> None:
        """Keep a finished run."""
        place = self.folder / key
        temporary = self.folder / f".{key}.{os.getpid()}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        tables = {MEASURES: result.measures, SERIES: result.series}
        if result.timeline is not None:
            tables[TIMELINE] = result.timeline
        try:
            for name, table in tables.items():
                write_parquet(temporary / name, table)
            said = {
                "mode": result.mode,
                "replication": result.replication,
                "seconds": result.seconds,
                "audit": asdict(result.audit),
                "files": {name: _digest((temporary / name).read_bytes()) for name in tables},
            }
            write_text(temporary / "run.json", json.dumps({**said, "digest": _digest(_canonical(said))}))
            shutil.rmtree(place, ignore_errors=True)
            temporary.rename(place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def timeline(self, key: str) -> Path:
        """Where the timeline of a finished run is, if it was kept."""
        return self.folder / key / TIMELINE

    def forget_others(self, keys: Collection[str]) -> None:
        """Remove runs of other inputs; they would never be used again."""
        if self.folder.is_dir():
            for place in self.folder.iterdir():
                if place.name not in keys:
                    shutil.rmtree(place, ignore_errors=True)


@contextmanager
def rows_staged(folder: Path) -> Iterator[Callable[[RunResult], None]]:
    """Write the rows of runs, given one after the other, beside the old results.

    `write_results` puts them in their place.
    """
    stage = folder / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    try:
        with (
            growing_parquet(stage / MEASURES) as measures,
            growing_csv(stage / "measures.csv") as measures_csv,
            growing_parquet(stage / SERIES) as series,
        ):

            def add(result: RunResult) -> None:
                measures(result.measures)
                measures_csv(result.measures)
                series(result.series)

            yield add
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def write_results(
    folder: Path,
    *,
    tables: dict[str, pd.DataFrame],
    timelines: dict[tuple[str, int], Path],
    resolved: dict[str, Any],
    manifest: dict[str, Any],
) -> None:
    """Write the tables of a study, those besides the rows of its runs, which are `rows_staged` already.

    All is written beside the old results before any of them is replaced, so that a full disk costs neither. The
    manifest goes first out and last in, so it never stands beside tables that are not its own.
    """
    stage = folder / STAGE
    try:
        for name, table in tables.items():
            write_csv(stage / name, table)
        for (mode, replication), file in timelines.items():
            write_bytes(stage / TIMELINES / mode / f"{replication}.parquet", file.read_bytes())
        write_text(stage / RESOLVED, scenario_text(resolved))
        write_text(stage / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder / TIMELINES, ignore_errors=True)
        for path in sorted(stage.iterdir(), key=lambda path: path.name == MANIFEST):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a results folder against other programs that would write into it.

    The operating system lets go of it when the process ends, however it ends, so a file left behind holds nobody up.

    Raises:
        InputError: If another program holds it, or it cannot be held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    while True:
        with path.open("a+", encoding="utf-8") as stream:
            try:
                _lock(stream)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise input_error(
                        f"cannot be locked ({error.strerror}); name a folder on another disk with --out", str(folder)
                    ) from None
                stream.seek(0)
                who = stream.read().strip() or "another process"
                raise input_error(
                    f"is in use by {who}; wait until it has finished, or name another folder with --out", str(folder)
                ) from None
            if not _is_at(stream, path):
                continue  # its holder has removed it meanwhile
            stream.truncate(0)
            stream.write(f"process {os.getpid()} on {socket.gethostname()}")
            stream.flush()
            try:
                yield
            finally:
                if sys.platform != "win32":  # there an open file cannot be removed, and need not be
                    path.unlink(missing_ok=True)
            return


if sys.platform != "win32":
    import fcntl

    def _lock(stream: IO[str]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

else:
    import msvcrt

    def _lock(stream: IO[str]) -> None:
        stream.seek(1_000_000)  # behind what the file says, which others may read
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)


def _is_at(stream: IO[str], path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def scenario_text(document: dict[str, Any]) -> str:
    """A scenario file that loads again: no aliases, quotes around all that could be read otherwise.

    PyYAML's writer in C is four times as fast and is not on every machine. Both write the same if they fold no line.
    """
    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    writer: Any = type("Writer", (base,), {"ignore_aliases": lambda *_: True})
    writer.add_representer(str, _scalar)
    return yaml.dump(document, Dumper=writer, allow_unicode=True, sort_keys=False, width=1_000_000)


def _scalar(writer: Any, text: str) -> yaml.ScalarNode:
    """Quote what does not begin as a word; PyYAML leaves `06:30`, `1e3` and `y` bare, which loading refuses."""
    bare = text[:1].isalpha() and text.lower() not in ("y", "yes", "n", "no", "on", "off")
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


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
    if not isinstance(manifest, dict):
        raise input_error(f"holds a {MANIFEST} that is no mapping; run the scenario again", str(folder))
    return manifest
