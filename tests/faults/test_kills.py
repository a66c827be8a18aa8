"""Studies killed at random moments: nothing half-written is read, and what is resumed gives the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sim
from sim.study import executor, runs, store
from tests.faults.half_a_result import hand_over_half
from tests.study.test_study import small
from tests.worlds import write

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(small(replications=2), tmp_path_factory.mktemp("scenario"))


def killing(file, folder, kills, seed):
    """What the program in `killed.py` counts; it checks the bytes itself."""
    command = [sys.executable, "-m", "tests.faults.killed", str(file), str(folder), str(kills), str(seed)]
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=one_thread, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_fifty_kills_at_random_moments_lose_nothing(file, tmp_path):
    counted = killing(file, tmp_path, 50, 1)
    assert counted["killed"] == 50
    assert counted["ended"] >= 3
    assert len(set(counted["left"])) > 3, "they were killed at different stages"


@pytest.mark.nightly
def test_five_hundred_kills_at_random_moments_lose_nothing(file, tmp_path):
    counted = killing(file, tmp_path, 500, 2)
    assert counted["killed"] == 500
    assert counted["readable"] > 0, "some were killed between the last table and the end"


# Ctrl-C


def test_ctrl_c_keeps_the_run_that_it_interrupts(file, tmp_path, monkeypatch, capfd):
    begun = []

    def interrupted(job, replication, **options):
        begun.append((job.mode, replication))
        if len(begun) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return runs.perform(job, replication, **options)

    monkeypatch.setattr(executor, "perform", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sim.run(file, out=tmp_path)
    assert len(begun) == len(list((tmp_path / "runs").iterdir())) == 2
    assert "Runs in progress end and are kept; Ctrl-C again" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait(file, tmp_path, monkeypatch):
    def interrupted(job, replication, **options):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return runs.perform(job, replication, **options)

    monkeypatch.setattr(executor, "perform", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sim.run(file, out=tmp_path)
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_keeps_the_runs_that_workers_have_begun(file, tmp_path):
    told = []

    def interrupt(done, _):
        told.append(done)
        if done == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        sim.run(file, ["smart"], replications=40, out=tmp_path, workers=2, progress=interrupt)
    kept = len(list((tmp_path / "runs").iterdir()))
    # The other worker was at work, and the first may have begun its next run before it saw the sign.
    assert 2 <= kept == told[-1] < 20
    sim.run(file, ["smart"], replications=40, out=tmp_path, progress=lambda done, _: told.append(done))
    assert kept in told[-41:]


# Workers


def alive(number):
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def test_a_worker_that_is_killed_while_it_hands_over_a_result_is_noticed(file, tmp_path, monkeypatch):
    """Half of the result is in the pipe, and nobody will write the other half."""
    monkeypatch.setattr(executor, "_perform_task", hand_over_half)
    with pytest.raises(sim.RunError, match="a worker process died"):
        sim.run(file, out=tmp_path / "out", replications=4, workers=2)


def test_workers_end_when_their_main_process_is_killed(file, tmp_path):
    command = [sys.executable, "-m", "sim", "run", str(file), "--replications=400", "--workers=2", f"--out={tmp_path}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    while not list(tmp_path.glob("runs/*/run.json")):
        assert process.poll() is None
        time.sleep(0.02)
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    assert len(listed) >= 2
    process.kill()
    process.wait()
    end = time.monotonic() + 30
    while any(alive(number) for number in listed):
        assert time.monotonic() < end, "a worker goes on without its main process"
        time.sleep(0.05)
    with store.held(tmp_path):  # and none of them holds the folder
        pass


@pytest.mark.parametrize("way", ["no guard", "standard input"])
def test_a_script_whose_workers_cannot_begin_is_told_of_the_guard(file, tmp_path, way):
    text = f"import sim\nsim.run({str(file)!r}, replications=2, workers=2)\n"
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    words, given = ([str(script)], None) if way == "no guard" else (["-"], text)
    done = subprocess.run(
        [sys.executable, *words],
        input=given,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("sim.errors.RunError: no worker process could begin") == 1
    assert 'if __name__ == "__main__":`; mend the script, or use workers=1' in done.stderr
