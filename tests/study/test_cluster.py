"""A study on a real Dask cluster of this machine: a scheduler and two workers, each a process of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import sim
import sim.cli
from sim.study import cluster
from tests.study.test_study import bytes_of, small
from tests.worlds import write

ROOT = Path(__file__).parent.parent.parent
LONG = 120
"""Seconds that nothing here takes, however busy the machine is."""
REPLICATIONS = 20
MODES = ["traditional", "smart"]
QUIET = ["--no-dashboard", "--host=127.0.0.1"]


class Machines:
    """A scheduler and its workers; all of them end with the test."""

    def __init__(self, folder, *words):
        self.folder = folder
        self.contact = folder / "scheduler.json"
        self.processes = []
        # Also if this process is killed, the scheduler ends when nothing was asked of it, and its workers with it.
        self.start(
            *(words or ("-m", "dask")),
            *("scheduler", "--port=0", "--idle-timeout=300", *QUIET),
            f"--scheduler-file={self.contact}",
        )
        self.wait(self.contact.is_file)
        self.address = json.loads(self.contact.read_text(encoding="utf-8"))["address"]

    def start(self, *words):
        with (self.folder / "log").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, *map(str, words)], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)
        return process

    def work(self, *words):
        """Start a worker without the process that would start it again."""
        return self.start(*(words or ("-m", "dask")), "worker", self.address, *QUIET, "--no-nanny", "--nthreads=1")

    def two_workers(self):
        """Have two workers that have joined."""
        while len(self.processes) < 3:
            self.work()
        with self.looked_at() as client:
            self.wait(lambda: len(client.scheduler_info()["workers"]) == 2)

    def wait(self, happened):
        end = time.monotonic() + LONG
        while not happened():
            well = time.monotonic() < end and all(process.poll() is None for process in self.processes)
            assert well, (self.folder / "log").read_text(encoding="utf-8")
            time.sleep(0.05)

    def stop(self, process):
        process.kill()
        process.wait()
        self.processes.remove(process)

    @contextmanager
    def looked_at(self):
        from distributed import Client

        with Client(self.address, timeout=LONG, set_as_default=False) as client:
            yield client


@contextmanager
def started(folder, *words):
    machines = Machines(folder, *words)
    try:
        yield machines
    finally:
        for process in [*machines.processes]:
            machines.stop(process)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    with started(tmp_path_factory.mktemp("cluster")) as machines:
        yield machines


@pytest.fixture
def two_workers(machines):
    machines.two_workers()
    return machines


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(small(), tmp_path_factory.mktemp("scenario"))


@pytest.fixture(scope="module")
def local(file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    sim.run(file, MODES, replications=REPLICATIONS, out=folder, keep_timelines=True)
    return folder


# What does not work is said before anything is written


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "tcp://127.0.0.1", "nonsense://x", "tcp://:x"])
def test_no_scheduler_at_the_address(file, tmp_path, monkeypatch, address):
    monkeypatch.setattr(cluster, "CONNECT", 1)
    with pytest.raises(sim.InputError, match=r"^cluster: no Dask scheduler answers at .*; start one with `dask sched"):
        sim.run(file, out=tmp_path / "results", cluster=address)
    assert not (tmp_path / "results").exists()


def test_dask_is_an_extra(file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(sim.InputError, match=r"^cluster: needs Dask; pip install 'smartport\[cluster\]' adds it$"):
        sim.run(file, out=tmp_path / "results", cluster="tcp://127.0.0.1:1")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("words", [["--cluster", "tcp://127.0.0.1:1"], ["--cluster", "x", "--workers", "2"]])
def test_the_command_ends_with_2(file, tmp_path, monkeypatch, capsys, words):
    monkeypatch.setattr(cluster, "CONNECT", 1)
    folder = tmp_path / "results"
    monkeypatch.setattr(sys, "argv", ["smartport", "run", str(file), f"--out={folder}", *words])
    with pytest.raises(SystemExit) as caught:
        sim.cli.main()
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no Dask scheduler answers" in line if len(words) == 2 else "leave --workers or --cluster out" in line
    assert not folder.exists()


def test_a_cluster_without_workers(machines, file, monkeypatch):
    for worker in machines.processes[1:]:
        machines.stop(worker)
    monkeypatch.setattr(cluster, "JOIN", 1)
    with pytest.raises(sim.InputError, match=r"no worker has joined .*; start some with `dask worker tcp://"):
        sim.run(file, cluster=machines.address)


OTHER = "import sim; sim.__version__ = '0.0.0'"
NONE = "import sys; sys.modules['sim'] = None"
START = "from dask.__main__ import main; main()"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (OTHER, rf"has smartport 0\.0\.0 \(\w{{12}}\) instead of {sim.__version__} \("),
        (NONE, r"cannot run smartport \(.*sim.*\)"),
    ],
    ids=["another", "none"],
)
def test_a_worker_with_another_program_is_refused(machines, file, tmp_path, changed, sentence):
    odd = machines.work("-c", f"{changed}; {START}")
    try:
        with pytest.raises(sim.InputError, match=rf"^cluster: the worker tcp://127\.0\.0\.1:\d+ {sentence}") as caught:
            sim.run(file, out=tmp_path / "results", cluster=machines.address)
    finally:
        machines.stop(odd)
    assert str(caught.value).endswith("; install the same there as here")
    assert not (tmp_path / "results").exists()


def test_a_scheduler_without_the_program_is_refused(file, tmp_path):
    with started(tmp_path, "-c", f"{NONE}; {START}") as machines:
        machines.two_workers()
        with pytest.raises(sim.InputError, match=r"^cluster: the scheduler cannot run smartport \(.*sim.*\); install"):
            sim.run(file, cluster=machines.address)


def test_such_a_worker_that_joins_later_is_refused_too(two_workers, file, tmp_path):
    odd = []

    def join(done, _):
        if done == 1:
            odd.append(two_workers.work("-c", f"{OTHER}; {START}"))
            with two_workers.looked_at() as client:
                client.wait_for_workers(3, timeout=LONG)
            for process in two_workers.processes[1:3]:  # so that what remains comes to the new one
                two_workers.stop(process)

    try:
        with pytest.raises(sim.InputError, match=r"^cluster: the worker tcp://.* has smartport 0\.0\.0 "):
            sim.run(file, replications=20, out=tmp_path, cluster=two_workers.address, progress=join)
    finally:
        two_workers.stop(*odd)
    assert len(list((tmp_path / "runs").iterdir())) >= 1


# What works gives the same bytes


def kill_when_busy(machines, process, address, killed):
    """Kill a stopped worker when the scheduler waits for it to do a run, or to hand one over."""
    with machines.looked_at() as client:

        def lost():
            keys = (*client.processing()[address], *client.has_what()[address])
            return [key for key in keys if str(key).startswith("_perform")]

        machines.wait(lost)
        killed += lost()
        machines.stop(process)


def test_a_worker_that_is_killed_in_mid_run_costs_no_byte(two_workers, file, local, tmp_path):
    victim, killed = two_workers.processes[-1], []
    with two_workers.looked_at() as client:
        numbers = client.run(os.getpid)
    (address,) = (address for address, number in numbers.items() if number == victim.pid)
    killer = threading.Thread(target=kill_when_busy, args=(two_workers, victim, address, killed))

    def begin(done, _):
        if done == 3:
            victim.send_signal(signal.SIGSTOP)  # at once, while most runs are still to come
            killer.start()

    sim.run(
        file, MODES, replications=REPLICATIONS, out=tmp_path, keep_timelines=True, cluster=two_workers.address,
        progress=begin,
    )  # fmt: skip
    killer.join()
    assert victim.returncode == -signal.SIGKILL
    assert killed
    assert bytes_of(tmp_path) == bytes_of(local)
    assert len(bytes_of(tmp_path)) > 2 * REPLICATIONS


def test_after_all_workers_have_died_a_new_one_goes_on(two_workers, file, local, tmp_path):
    def renew(done, _):
        if done == 3:
            for process in two_workers.processes[1:]:
                two_workers.stop(process)
            two_workers.work()

    sim.run(
        file, MODES, replications=REPLICATIONS, out=tmp_path, keep_timelines=True, cluster=two_workers.address,
        progress=renew,
    )  # fmt: skip
    assert bytes_of(tmp_path) == bytes_of(local)


def test_runs_are_added_until_it_is_precise(two_workers, file, tmp_path):
    asked = {"modes": MODES, "precision": "20%", "most_replications": 18}
    there = sim.run(file, **asked, out=tmp_path / "there", cluster=two_workers.address)
    here = sim.run(file, **asked, out=tmp_path / "here")
    assert there.replications == here.replications >= 14
    assert there.manifest["precision"] == here.manifest["precision"]
    assert bytes_of(tmp_path / "there") == bytes_of(tmp_path / "here")


def test_a_run_that_fails_there_fails_here(two_workers, file, tmp_path, monkeypatch):
    def refuse(*_):
        raise sim.RunError("the audit failed, please report this")

    monkeypatch.setattr(cluster, "_perform", refuse)
    with pytest.raises(sim.RunError, match="please report this"):
        sim.run(file, out=tmp_path, cluster=two_workers.address)


def test_the_cluster_holds_a_bounded_number_of_runs(two_workers, file):
    held = []

    def count(done, _):
        if done % 10 == 0:
            with two_workers.looked_at() as client:
                held.append(client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))

    sim.run(file, ["smart"], replications=80, cluster=two_workers.address, progress=count)
    assert len(held) == 9
    assert max(held) <= 1 + 2 * cluster.AHEAD * 2, "a job, what two threads have in hand, and what was just fetched"


def test_ctrl_c_keeps_what_is_finished(two_workers, file, local, tmp_path):
    command = [sys.executable, "-m", "sim", "run", str(file), *(f"--mode={mode}" for mode in MODES)]
    command += [f"--replications={REPLICATIONS}", "--keep-timelines", f"--out={tmp_path}"]
    process = subprocess.Popen(
        [*command, f"--cluster={two_workers.address}"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        two_workers.wait(lambda: len(list(tmp_path.glob("runs/*/run.json"))) >= 3 or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=LONG)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, said
    kept = len(list(tmp_path.glob("runs/*/run.json")))
    assert 3 <= kept < 2 * REPLICATIONS
    assert "those in progress are given up" in said
    assert f"{kept} finished runs are kept" in said
    assert "Traceback" not in said
    told = []
    sim.run(
        file, MODES, replications=REPLICATIONS, out=tmp_path, keep_timelines=True, cluster=two_workers.address,
        progress=lambda done, _: told.append(done),
    )  # fmt: skip
    assert told[0] == kept
    assert bytes_of(tmp_path) == bytes_of(local)


def test_a_scheduler_that_dies_is_said(file, tmp_path):
    with started(tmp_path) as machines:
        machines.two_workers()

        def kill(done, _):
            if done == 2:
                machines.processes[0].kill()

        with pytest.raises(sim.RunError, match="scheduler no longer answers; what is finished is kept, run again"):
            sim.run(file, replications=40, out=tmp_path / "results", cluster=machines.address, progress=kill)
    assert len(list((tmp_path / "results" / "runs").iterdir())) >= 2
