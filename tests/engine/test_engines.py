"""Which engine runs: the compiled one where it can be had, otherwise the one on SimPy; the tables are the same."""

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import simpy

import sim
from sim.engine import compiled_engine, engines
from sim.engine.cohort import Cohort
from sim.engine.plan import Plan
from sim.engine.workload import bind
from sim.errors import InputError
from sim.study.runs import mode_job
from tests.worlds import SCENARIOS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def without_numba(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "numba" else find_spec(name))
    for cached in (engines._obstacle, engines._say_once):
        cached.cache_clear()
    yield
    for cached in (engines._obstacle, engines._say_once):
        cached.cache_clear()


def test_the_compiled_engine_is_the_default():
    assert engines.choose() == "compiled"
    assert engines.choose("simpy") == "simpy"


@pytest.mark.usefixtures("without_numba")
def test_without_numba_runs_use_simpy_and_it_is_said_once(caplog):
    with caplog.at_level(logging.WARNING):
        assert [engines.choose(), engines.choose()] == ["simpy", "simpy"]
    assert [record.message for record in caplog.records] == [
        "Numba is not installed: runs use the engine on SimPy, which gives the same results and takes longer."
    ]


def test_a_python_that_numba_does_not_know_is_no_obstacle(monkeypatch, caplog):
    def refuse(_):
        raise ImportError("Numba needs Python 3.14 or less")

    monkeypatch.setattr(engines.importlib, "import_module", refuse)
    monkeypatch.setattr(compiled_engine, "is_compiled", lambda: False)
    for cached in (engines._obstacle, engines._say_once):
        cached.cache_clear()
    try:
        assert engines.choose() == "simpy"
        assert "Numba does not run here (Numba needs Python 3.14 or less)" in caplog.text
    finally:
        for cached in (engines._obstacle, engines._say_once):
            cached.cache_clear()


@pytest.mark.usefixtures("without_numba")
def test_asking_for_what_cannot_be_had_is_refused():
    with pytest.raises(InputError, match="Numba is not installed; install numba, or leave the engine out"):
        engines.choose("compiled")


def test_both_engines_write_the_same_tables(tmp_path):
    for engine in ("compiled", "simpy"):
        study = sim.run(
            SCENARIOS / "example.yaml", replications=1, duration="1 day", out=tmp_path / engine, engine=engine
        )
        assert study.manifest["engine"] == engine
    for name in ("measures.csv", "estimates.csv", "comparison.csv", "series.parquet"):
        assert (tmp_path / "compiled" / name).read_bytes() == (tmp_path / "simpy" / name).read_bytes()


def test_simpy_keeps_its_clock_and_its_list_of_events_as_the_engine_takes_them_for():
    """The engine uses both, and neither is documented."""
    env = simpy.Environment()
    env._now = 800
    events = [simpy.Event(env) for _ in range(3)]
    for event, priority, delay in zip(events, (2, 1, 1), (5, 5, 0), strict=True):
        env.schedule(event, priority, delay)
    assert env.now == 800
    assert sorted(env._queue) == [(800, 1, 2, events[2]), (805, 1, 1, events[1]), (805, 2, 0, events[0])]
    assert env._queue[0] == (800, 1, 2, events[2])


def test_nobody_comes():
    nothing = bind(Plan(sim.load(SCENARIOS / "example.yaml").calendar, (), (), (), (), (), {}), Cohort(None, 0, (), {}))
    for engine in ("compiled", "simpy"):
        timeline = engines.run(engine, nothing)
        for column in ("start", "end", "carrier", "turned_away"):
            np.testing.assert_array_equal(getattr(timeline, column), np.zeros(0, dtype=np.int64))


def test_runs_of_one_engine_are_not_taken_for_those_of_the_other():
    scenario = sim.load(SCENARIOS / "example.yaml")
    keys = {mode_job(scenario, "smart", engine).key(0) for engine in ("compiled", "simpy")}
    assert len(keys) == 2


def test_the_first_process_says_that_it_compiles_and_the_second_needs_no_numba(tmp_path):
    shutil.copytree(ROOT / "sim", tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    program = (
        "import sim, sys; from pathlib import Path; assert Path(sim.__file__).parent == Path.cwd() / 'sim'; "
        f"sim.run(r'{SCENARIOS / 'example.yaml'}', replications=1, duration='1 day', workers=1); "
        "print('numba' in sys.modules)"
    )
    alone = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "caches")}
    done = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, env=alone, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert done[0].stderr == "Compiling the engine; this is done once and takes less than a minute.\n"
    assert [process.stdout for process in done] == ["True\n", "False\n"]
    assert done[1].stderr == ""
