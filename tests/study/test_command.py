"""The command line around a study: its options, and what a kill and Ctrl-C leave behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pandas as pd
import pytest

import sim
import sim.cli
from tests.study.test_study import TABLES, small
from tests.worlds import write

MODES = ["traditional", "smart"]
REPLICATIONS = 40


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(small(), tmp_path_factory.mktemp("scenario"))


# In this process


@pytest.fixture
def smartport(monkeypatch, capfd):
    """The command, without charts and report: exit code, standard output, standard error."""
    monkeypatch.setattr(sim.cli, "_write_report", lambda *_: None)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["smartport", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            sim.cli.main()
        return caught.value.code or 0, *capfd.readouterr()

    return call


def test_the_options_of_run(smartport, file, tmp_path):
    options = ["--mode", "smart", "--replications", 2, "--seed", 5, "--duration", "1 day", "--workers", 1]
    code, said, _ = smartport("run", file, *options, "--keep-timelines", "--out", tmp_path / "results")
    assert code == 0
    assert "Audit passed: 2 runs" in said
    study = sim.open(tmp_path / "results")
    assert (study.modes, study.replications, study.manifest["seed"]) == (["smart"], 2, 5)
    assert study.manifest["calendar"]["duration_ms"] == 86_400_000
    same = sim.run(file, ["smart"], replications=2, seed=5, duration="1 day")
    pd.testing.assert_frame_equal(study.measures, same.measures, check_exact=True)
    assert len(list((tmp_path / "results" / "timelines" / "smart").iterdir())) == 2


def test_help_says_what_is_done_without_an_option(smartport, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    _, said, _ = smartport("run", "--help")
    assert said.count("[default: (as the scenario says)]") == 3
    for default in ("all", "one a processor", "results/SCENARIO"):
        assert f"[default: ({default})]" in said


def test_by_default_all_modes_as_the_scenario_says(smartport, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, _ = smartport("run", file, "--workers", 1)
    assert code == 0
    study = sim.open(tmp_path / "results" / file.stem)
    assert (study.modes, study.replications) == (["traditional", "same", "smart"], 3)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mode", "smrt"], 'did you mean "smart"'),
        (["--duration", "14"], "14"),
        (["--replications", "0"], "replications"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(smartport, file, tmp_path, words, sentence):
    code, _, said = smartport("run", file, *words, "--out", tmp_path / "results")
    assert code == 2
    assert sentence in said
    assert "Traceback" not in said
    assert not (tmp_path / "results").exists()


def test_a_run_whose_audit_fails_has_exit_code_1(smartport, file, tmp_path, monkeypatch):
    def refuse(*_):
        raise sim.RunError("the audit failed, please report this")

    monkeypatch.setattr("sim.study.runs.audit", refuse)
    code, _, said = smartport("run", file, "--workers", 1, "--out", tmp_path / "results")
    assert (code, said.count("please report this")) == (1, 1)


def test_compare_names_the_baseline_and_needs_finished_results(smartport, file, tmp_path):
    code, _, said = smartport("compare", tmp_path)
    assert code == 2
    assert "holds no manifest.json" in said
    sim.run(file, MODES, replications=2, out=tmp_path)
    for words in ([], ["--baseline", "smart"]):
        code, said, _ = smartport("compare", tmp_path, *words)
        assert code == 0
        assert "truck" in said
    code, _, said = smartport("compare", tmp_path, "--baseline", "smrt")
    assert code == 2


# In a process of its own


@contextmanager
def running(file, folder, workers):
    """`smartport run` in a process group of its own, as a shell would start it."""
    command = [sys.executable, "-m", "sim", "run", str(file), *(f"--mode={mode}" for mode in MODES)]
    command += [f"--replications={REPLICATIONS}", f"--workers={workers}", f"--out={folder}"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def finished(folder):
    """Names of the runs that are whole."""
    runs = folder / "runs"
    return {place.name for place in runs.iterdir() if not place.name.startswith(".")} if runs.is_dir() else set()


def wait_for(process, folder, count):
    """Wait until so many runs are finished."""
    end = time.monotonic() + 300
    while len(finished(folder)) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def whole(file, tmp_path_factory):
    """The same study, never interrupted, in one process."""
    folder = tmp_path_factory.mktemp("whole")
    sim.run(file, MODES, replications=REPLICATIONS, out=folder)
    return folder


def test_killed_in_the_middle_twice_and_resumed_it_gives_the_same_bytes(file, whole, tmp_path):
    kept = 0
    for count in (3, 15):
        with running(file, tmp_path, workers=2) as process:
            wait_for(process, tmp_path, count)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert kept < len(finished(tmp_path)) < 2 * REPLICATIONS
        kept = len(finished(tmp_path))
        with pytest.raises(sim.InputError, match="manifest"):
            sim.open(tmp_path)
    with running(file, tmp_path, workers=2) as process:
        assert process.wait(timeout=300) == 0, process.stderr.read()
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == {
        name: (whole / name).read_bytes() for name in TABLES
    }
    assert finished(tmp_path) == finished(whole) == {place.name for place in (tmp_path / "runs").iterdir()}
    assert json.loads((tmp_path / "manifest.json").read_text())["audit"]["smart"]["runs"] == REPLICATIONS
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_what_is_finished_and_says_so(file, whole, tmp_path, workers):
    with running(file, tmp_path, workers) as process:
        wait_for(process, tmp_path, 4)
        os.killpg(process.pid, signal.SIGINT)  # a terminal tells the whole group
        said = process.stderr.read()
        assert process.wait(timeout=300) == 130
    kept = finished(tmp_path)
    assert 4 <= len(kept) < 2 * REPLICATIONS
    count = re.search(r"Interrupted\. (\d+) finished runs are kept in", " ".join(said.split()))
    assert count, said
    assert len(kept) - int(count[1]) in (0, 1)  # it may come between a run and the telling of it
    assert "Traceback" not in said
    assert kept == {place.name for place in (tmp_path / "runs").iterdir()}
    assert kept < finished(whole)
    told = []
    sim.run(file, MODES, replications=REPLICATIONS, out=tmp_path, progress=lambda done, _: told.append(done))
    assert told[0] == len(kept)
    assert (tmp_path / "measures.parquet").read_bytes() == (whole / "measures.parquet").read_bytes()
