"""Results folders that are full, damaged, of another version or in use."""

import errno
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import sim
import sim.cli
from sim.scenario.loading import load
from sim.study import store
from sim.study.store import held
from sim.study.study import RESULTS_VERSION
from tests.study.test_study import TABLES, small
from tests.worlds import write

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(small(replications=2), tmp_path_factory.mktemp("scenario"))


@pytest.fixture(scope="module")
def scenario(file):
    return load(file)


@pytest.fixture(scope="module")
def whole(scenario, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    sim.run(scenario, ["smart"], out=folder, keep_timelines=True)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def bytes_of(folder):
    """Every table and timeline; none if the results cannot be opened."""
    try:
        sim.open(folder)
    except sim.InputError:
        return {}
    files = [*(folder / name for name in TABLES), *folder.glob("timelines/*/*")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def again(scenario, folder):
    """Give the same command once more; how many runs were found finished."""
    told = []
    sim.run(scenario, ["smart"], out=folder, keep_timelines=True, progress=lambda done, _: told.append(done))
    return told[0]


# A full disk


class Full:
    """Lets so many writes and renames through, then none until it is emptied."""

    def __init__(self, monkeypatch, room):
        self.room, self.used = room, 0
        for name in ("replace", "rename"):
            self.hinder(monkeypatch, Path, name)
        self.hinder(monkeypatch, store, "write_whole")

    def hinder(self, monkeypatch, owner, name):
        done = getattr(owner, name)

        def write(path, *rest):
            self.used += 1
            if self.used > self.room:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            return done(path, *rest)

        monkeypatch.setattr(owner, name, write)


def fills_up(scenario, folder):
    """Whether the disk becomes full before the command has ended."""
    try:
        again(scenario, folder)
    except OSError as error:
        return error.errno == errno.ENOSPC
    return False


def test_a_disk_that_fills_up_at_any_write_costs_nothing(tmp_path):
    scenario = load(write(small(replications=1), tmp_path)).with_calendar(duration="6 h")
    older, newer = tmp_path / "older", tmp_path / "newer"
    sim.run(scenario, ["smart"], seed=5, out=older)
    again(scenario, newer)
    before, after = bytes_of(older), bytes_of(newer)
    assert {} != before != after != {}
    seen = []
    full = True
    while full:
        folder = shutil.copytree(older, tmp_path / "results")
        with pytest.MonkeyPatch.context() as patch:
            Full(patch, len(seen))
            full = fills_up(scenario, folder)
        found = bytes_of(folder)
        seen.append("older" if found == before else "newer" if found == after else "none" if not found else "mixed")
        assert not [*folder.rglob("*.tmp"), *folder.glob(".*")]
        kept = len(list(folder.glob("runs/*/run.json"))) - (seen[-1] != "newer")  # one of them is of the older study
        assert again(scenario, folder) == kept
        assert bytes_of(folder) == after
        shutil.rmtree(folder)
    assert len(seen) >= 20
    assert seen == sorted(seen, key=["older", "none", "newer"].index), "the older, then nothing, then the newer"
    assert set(seen) == {"older", "none", "newer"}


def test_what_the_system_refuses_to_write_is_said_in_one_line(file, tmp_path):
    """A real limit: no file of this process may become larger than 2000 bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "sim", "run", str(file), "--workers=1", f"--out={tmp_path / 'results'}"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "cannot be read or written" in line]
    assert re.search(r"\.parquet cannot be read or written: .*make room and give the same command again", line)
    assert "Traceback" not in done.stderr
    assert not [path for path in (tmp_path / "results").rglob("*") if path.is_file()]


# Damage


def test_runs_of_which_a_byte_was_changed_are_simulated_anew(scenario, whole, copy):
    chance = random.Random(1)
    files = sorted(path for path in copy.glob("runs/*/*"))
    assert len(files) == 8
    after = bytes_of(whole)
    for turn in range(16):
        damaged = files[turn % 8]
        content = bytearray(damaged.read_bytes())
        at = chance.randrange(len(content))
        if turn < 12:
            content[at] ^= 1 << chance.randrange(8)
        else:
            del content[at:]
        damaged.write_bytes(content)
        (copy / "manifest.json").unlink()
        assert again(scenario, copy) == 1, damaged
        assert bytes_of(copy) == after


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', "{}", '{"digest": 1}', '{"digest": "x", "files": {}, "mode": "smart"}', "\ufeff{}"],
)
def test_a_run_of_another_version_is_simulated_anew(scenario, whole, copy, text):
    for said in copy.glob("runs/*/run.json"):
        said.write_text(text, encoding="utf-8")
    assert again(scenario, copy) == 0
    assert bytes_of(copy) == bytes_of(whole)


@pytest.mark.parametrize("lost", ["run.json", "measures.parquet", "series.parquet", "timeline.parquet"])
def test_half_a_run_is_simulated_anew(scenario, whole, copy, lost):
    place = min((copy / "runs").iterdir())
    (place / lost).unlink()
    assert again(scenario, copy) == 1
    assert bytes_of(copy) == bytes_of(whole)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"results_version": RESULTS_VERSION + 1}, f"not {RESULTS_VERSION}; run the scenario again"),
        ({"results_version": RESULTS_VERSION - 1}, f"not {RESULTS_VERSION}; run the scenario again"),
        ({"results_version": None}, f"not {RESULTS_VERSION}; run the scenario again"),
        ({"scenario": None}, None),
        ({"modes": None}, None),
    ],
    ids=["newer", "older", "none", "without scenario", "without modes"],
)
def test_results_of_another_version_are_refused_and_can_be_run_again(scenario, whole, copy, change, sentence):
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8")) | change
    said = {key: value for key, value in manifest.items() if value is not None}
    (copy / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(sim.InputError, match=sentence or "cannot be read: .*; run the scenario again"):
        sim.open(copy)
    assert again(scenario, copy) == 2
    assert bytes_of(copy) == bytes_of(whole)


def test_what_a_later_version_adds_to_a_manifest_does_no_harm(whole, copy):
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "manifest.json").write_text(json.dumps({**manifest, "later": {"more": 1}}), encoding="utf-8")
    assert sim.open(copy).measures.equals(sim.open(whole).measures)


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null"])
def test_a_manifest_that_is_no_mapping_is_refused(copy, text):
    (copy / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(sim.InputError, match=r"manifest\.json that is no mapping; run the scenario again"):
        sim.open(copy)


def test_a_resolved_scenario_that_cannot_be_read_is_refused(copy):
    (copy / "scenario.resolved.yaml").write_text("title: x\n", encoding="utf-8")
    with pytest.raises(sim.InputError, match="cannot be read; run the scenario again\n"):
        sim.open(copy)


def test_results_that_are_replaced_while_they_are_opened_are_not_mixed(copy, monkeypatch):
    def replaced(path):
        (copy / "manifest.json").write_text('{"results_version": 1}', encoding="utf-8")
        return load(path)

    monkeypatch.setattr("sim.study.study.load", replaced)
    with pytest.raises(sim.InputError, match="was written to meanwhile; open it again"):
        sim.open(copy)


# Two at a time


@pytest.fixture
def running(file, tmp_path):
    """`smartport run` that has finished its first run, and the folder that it writes into."""
    folder = tmp_path / "results"
    command = [sys.executable, "-m", "sim", "run", str(file), "--mode=smart", "--workers=1", f"--out={folder}"]
    process = subprocess.Popen(
        [*command, "--replications=25"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while not list(folder.glob("runs/*/run.json")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    yield process, folder
    process.kill()
    process.wait()
    process.stderr.close()


def test_a_second_run_into_a_folder_is_refused_and_the_first_loses_nothing(running, file, tmp_path, monkeypatch, capfd):
    process, folder = running
    monkeypatch.setattr(sys, "argv", ["smartport", "run", str(file), "--out", str(folder), "--seed", "9"])
    with pytest.raises(SystemExit) as caught:
        sim.cli.main()
    assert process.poll() is None
    assert caught.value.code == 2
    said = " ".join(capfd.readouterr().err.split())
    assert f"{folder}: is in use by process {process.pid} on " in said
    assert "wait until it has finished, or name another folder with --out" in said
    assert process.wait(timeout=300) == 0, process.stderr.read()
    sim.run(file, ["smart"], replications=25, out=tmp_path / "alone")
    assert bytes_of(folder) == bytes_of(tmp_path / "alone")
    assert not (folder / ".lock").exists()


def test_the_lock_of_a_process_that_was_killed_holds_nobody_up(running, scenario):
    process, folder = running
    process.kill()
    process.wait()
    assert (folder / ".lock").read_text(encoding="utf-8").startswith(f"process {process.pid} on ")
    assert again(scenario, folder) == 0  # that one kept no timelines
    assert not (folder / ".lock").exists()


def test_of_many_at_a_time_one_holds_the_folder(tmp_path):
    inside, most, held_by, refused = 0, 0, [], []

    def work(number):
        nonlocal inside, most
        for _ in range(40):
            try:
                with held(tmp_path):
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.0005)
                    inside -= 1
                    held_by.append(number)
            except sim.InputError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(held_by) + len(refused) == 240
    assert held_by
    assert refused
    assert all("is in use by" in sentence for sentence in refused)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_locked_is_refused(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(store, "_lock", refuse)
    sentence = r"cannot be locked \(No locks available\); name a folder on another disk"
    with pytest.raises(sim.InputError, match=sentence), held(tmp_path):
        pass
