"""A program that runs a study in a child process and kills it at random moments, again and again.

Children are forked from a process that has imported everything and has no threads, so that a round takes no longer than
the study itself: `python -m tests.faults.killed SCENARIO FOLDER KILLS SEED`.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import sim
from sim.engine import engines
from tests.study.test_study import TABLES


def child(file: Path, folder: Path) -> int:
    """Begin the study in a process of its own."""
    number = os.fork()
    if number == 0:
        try:
            sim.run(file, out=folder)
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    return number


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


def main(file: Path, place: Path, kills: int, seed: int) -> None:
    """Kill, check that nothing half-written can be read, resume; compare each study that ends with one never killed."""
    chance = random.Random(seed)
    engines.prepare(engines.choose())
    begin = time.perf_counter()
    os.waitpid(child(file, place / "whole"), 0)
    length = time.perf_counter() - begin
    whole = bytes_of(place / "whole")
    killed = ended = readable = 0
    left: list[int] = []
    while killed < kills or left[-1:] != [0]:
        folder = place / "killed"
        number = child(file, folder)
        patience = chance.uniform(0, 1.5 * length) if killed < kills else 10 * length
        end = time.perf_counter() + patience
        while time.perf_counter() < end and (done := os.waitpid(number, os.WNOHANG)[0] == 0):
            time.sleep(0.001)
        if done:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
            killed += 1
        manifest = (folder / "manifest.json").is_file()
        if manifest:
            assert bytes_of(folder) == whole, "half-written results beside a manifest"
            readable += done
        left.append(len(list((folder / "runs").glob("*"))) if done and folder.is_dir() else 0)
        if not done:
            assert manifest, "it ended without a manifest"
            assert not [*folder.rglob("*.tmp"), *folder.glob(".*")], "something is left"
            ended += 1
            shutil.rmtree(folder)
    print(json.dumps({"killed": killed, "ended": ended, "readable": readable, "left": left, "seconds": length}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
