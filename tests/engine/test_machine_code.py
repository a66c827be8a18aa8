"""Machine code is kept whole, loaded without Numba, and told apart by everything that it depends on."""

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numba import carray, cfunc, types

from sim.engine import arrays, compiled_engine, compiled_rule, machine_code, simpy_engine
from sim.engine.arrays import make_world
from sim.errors import RunError
from sim.scenario.loading import load
from tests.worlds import SCENARIOS, workload_of, world

ROOT = Path(__file__).parents[2]
SIGNATURE = types.void(types.int64, types.CPointer(types.voidptr), types.CPointer(types.int64))


@cfunc(SIGNATURE)
def fill(number, addresses, sizes):
    values = carray(addresses[0], sizes[0], np.int64)
    for place in range(len(values)):
        values[place] = number * place


@cfunc(SIGNATURE)
def fill_or_complain(number, addresses, sizes):
    if not sizes[0]:
        raise ValueError("nothing to fill")
    carray(addresses[0], sizes[0], np.int64)[0] = number


@pytest.fixture
def folders(tmp_path, monkeypatch):
    places = [tmp_path / "program", tmp_path / "user"]
    monkeypatch.setattr(machine_code, "_folders", lambda: iter(places))
    return places


def test_what_is_taken_out_of_numba_runs_alone():
    values = np.zeros(5, np.int64)
    addresses, sizes = np.array([values.ctypes.data], np.uintp), np.array([5], np.int64)
    machine_code.Loaded(machine_code.emitted(fill))(3, addresses.ctypes.data, sizes.ctypes.data)
    assert values.tolist() == [0, 3, 6, 9, 12]


def test_what_can_fail_is_refused_because_numba_would_hide_that_it_failed():
    with pytest.raises(RunError, match=r"cannot stand alone, it needs .*numba_gil_ensure.*; run with --engine simpy"):
        machine_code.emitted(fill_or_complain)


def test_code_without_the_function_is_refused():
    module = machine_code.llvm.parse_assembly("define void @other() { ret void }")
    with pytest.raises(RunError, match="the machine code has no function entry"):
        machine_code.Loaded(machine_code._target().emit_object(module))


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to forbid it")
def test_where_the_system_forbids_machine_code_runs_use_simpy():
    """As services under systemd have it with MemoryDenyWriteExecute."""
    program = (
        "import ctypes, sys\n"
        "PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1\n"
        "if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0): sys.exit(77)\n"
        "from sim.engine import engines\n"
        "print(engines.choose())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this Linux is too old to forbid it")
    assert done.stdout == "simpy\n"
    assert done.stderr.startswith("Numba does not run here (")


def test_kept_code_is_found_again(folders):
    assert machine_code.kept("one") is None
    machine_code.keep("one", b"code")
    assert machine_code.kept("one") == b"code"
    assert machine_code.kept("other") is None
    machine_code.keep("one", b"newer")
    assert machine_code.kept("one") == b"newer"
    assert [path.name for path in folders[0].iterdir()] == ["one.o"]


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:-1] + b"?", lambda _: b"", lambda c: c + b"?"])
def test_damaged_code_is_not_loaded_and_made_anew(folders, damage):
    machine_code.keep("one", b"code")
    path = folders[0] / "one.o"
    path.write_bytes(damage(path.read_bytes()))
    assert machine_code.kept("one") is None
    machine_code.keep("one", b"code")
    assert machine_code.kept("one") == b"code"


def test_where_the_program_may_not_be_written_code_is_kept_with_the_user(folders):
    folders[0].write_text("no folder")
    machine_code.keep("one", b"code")
    assert (folders[1] / "one.o").is_file()
    assert machine_code.kept("one") == b"code"


def test_where_nothing_may_be_written_this_is_said(folders, caplog):
    for folder in folders:
        folder.write_text("no folder")
    with caplog.at_level(logging.WARNING):
        machine_code.keep("one", b"code")
    (record,) = caplog.records
    assert record.message == (
        f"The compiled engine cannot be kept in {folders[0]} or {folders[1]}: every process compiles it anew. Let "
        "XDG_CACHE_HOME be the path of a folder that can be written."
    )


def test_a_user_has_a_folder_for_caches_or_no_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert list(machine_code._folders())[1] == tmp_path / "smartport"
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    for unset in (None, "", "relative/folder"):  # as the specification of these folders has it
        if unset is None:
            monkeypatch.delenv("XDG_CACHE_HOME")
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert list(machine_code._folders())[1] == tmp_path / ".cache/smartport"

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", homeless)
    assert len(list(machine_code._folders())) == 1


def test_a_key_tells_sources_versions_options_and_processors_apart(monkeypatch):
    def key(*parts):
        machine_code._compiler.cache_clear()
        return machine_code.key(*parts)

    keys = [key(b"a", b"b"), key(b"ab"), key(b"a", b"c")]
    for owner, name in (
        (machine_code.importlib.metadata, "version"),
        (machine_code.llvm, "get_host_cpu_name"),
        (machine_code.llvm, "get_process_triple"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda *_: "another")
            keys.append(key(b"a", b"b"))
    with monkeypatch.context() as patch:
        patch.setenv("NUMBA_BOUNDSCHECK", "1")
        keys.append(key(b"a", b"b"))
    assert len(set(keys)) == len(keys)
    assert key(b"a", b"b") == keys[0]


def test_arrays_of_another_type_get_other_code():
    kinds = compiled_engine._kinds(compiled_engine._nothing())
    assert compiled_engine._name(kinds) != compiled_engine._name((np.dtype(np.int32), *kinds[1:]))


def test_a_program_that_changes_while_it_is_compiled_is_not_kept(folders, monkeypatch):
    names = iter(["engine-before", "engine-after"])
    monkeypatch.setattr(compiled_engine, "_name", lambda _: next(names))
    monkeypatch.setattr(machine_code, "emitted", lambda _: b"code")
    monkeypatch.setattr(machine_code, "Loaded", lambda code: code)
    monkeypatch.setattr(compiled_rule, "compiled", lambda _: fill)
    assert compiled_engine._loaded.__wrapped__(()) == b"code"
    assert not [path for folder in folders if folder.is_dir() for path in folder.iterdir()]


def test_a_line_may_be_as_long_as_anybody_likes():
    """Longer than numbers in the records of the compiled engine are."""
    scenario = world(
        """
        demand: {f: [0, 0, 0]}
        stations: {desk: {queue_limit: 3000000000}}
        routes: {f: {a: {at: desk, takes: 1 min}}}
        """
    )
    workload = workload_of(scenario)
    for engine in (compiled_engine, simpy_engine):
        np.testing.assert_array_equal(engine.run(workload).end, [60_000, 120_000, 180_000])


def test_more_activities_than_records_have_room_for_are_refused(monkeypatch):
    monkeypatch.setattr(arrays, "MOST", 20)
    workload = workload_of(load(SCENARIOS / "example.yaml"), "smart")
    with pytest.raises(
        RunError, match=r"too large for the compiled engine \(\d+ activities, and 20 are the most\); run"
    ):
        compiled_engine.run(workload)


def test_arrays_with_gaps_are_read_rightly_and_never_written():
    workload = workload_of(load(SCENARIOS / "example.yaml"), "smart")
    with_gaps = replace(
        workload, work=np.repeat(workload.work, 2)[::2], takes_place=np.repeat(workload.takes_place, 3)[::3]
    )
    one, other = (compiled_engine.run(each) for each in (workload, with_gaps))
    np.testing.assert_array_equal(one.end, other.end)
    with pytest.raises(ValueError, match="without gaps"):
        compiled_engine.simulate(1, make_world(workload)._replace(start=np.zeros(4, np.int64)[::2]))
