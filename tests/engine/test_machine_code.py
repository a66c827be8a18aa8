"""Machine code is kept whole, loaded without Numba, and told apart by everything that it depends on."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from numba import carray, cfunc, types

from sim.engine import compiled_engine, machine_code
from sim.scenario.loading import load
from tests.worlds import SCENARIOS, workload_of

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
    code = machine_code.emitted(fill)
    values = np.zeros(5, np.int64)
    addresses, sizes = np.array([values.ctypes.data], np.uintp), np.array([5], np.int64)
    machine_code.Loaded(code.content)(3, addresses.ctypes.data, sizes.ctypes.data)
    assert values.tolist() == [0, 3, 6, 9, 12]
    assert code.needs == ()


def test_what_cannot_run_alone_says_what_it_needs():
    assert "numba_gil_ensure" in machine_code.emitted(fill_or_complain).needs


def test_kept_code_is_found_again(folders):
    assert machine_code.kept("one") is None
    machine_code.keep("one", b"code")
    assert machine_code.kept("one") == b"code"
    assert machine_code.kept("other") is None
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
    assert [record.message for record in caplog.records] == [
        f"The compiled engine cannot be kept in {folders[0]} or {folders[1]}: every command compiles it anew."
    ]


def test_a_user_has_a_folder_for_caches_or_no_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert list(machine_code._folders())[1] == tmp_path / "smartport"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    assert list(machine_code._folders())[1] == tmp_path / ".cache/smartport"

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", homeless)
    assert len(list(machine_code._folders())) == 1


def test_a_key_tells_sources_versions_and_processors_apart(monkeypatch):
    keys = [machine_code.key(b"a", b"b"), machine_code.key(b"ab"), machine_code.key(b"a", b"c")]
    for owner, name in (
        (machine_code.importlib.metadata, "version"),
        (machine_code.llvm, "get_host_cpu_name"),
        (machine_code.llvm, "get_process_triple"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda *_: "another")
            keys.append(machine_code.key(b"a", b"b"))
    assert len(set(keys)) == len(keys)
    assert machine_code.key(b"a", b"b") == keys[0]


def test_arrays_of_another_type_get_other_code():
    kinds = compiled_engine._kinds(compiled_engine._nothing())
    assert compiled_engine._name(kinds) != compiled_engine._name((np.dtype(np.int32), *kinds[1:]))


def test_arrays_with_gaps_are_read_rightly():
    workload = workload_of(load(SCENARIOS / "example.yaml"), "smart")
    with_gaps = replace(
        workload, work=np.repeat(workload.work, 2)[::2], takes_place=np.repeat(workload.takes_place, 3)[::3]
    )
    one, other = (compiled_engine.run(each) for each in (workload, with_gaps))
    np.testing.assert_array_equal(one.end, other.end)
