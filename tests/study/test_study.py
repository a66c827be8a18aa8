"""A study from its scenario to its folder and back."""

import gc
import json
import multiprocessing
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml

import sim
from sim.scenario.loading import load
from sim.study import executor, runs, store
from sim.study.study import RESULTS_VERSION
from tests.worlds import SCENARIOS, document, write

PORT = """
title: {en: A small port, zh: 小口岸}
replications: 3
demand:
  truck: {arrivals: {rate: 60 per day}, attributes: {aeo: {share: 20%}}}
  train: {port: rail, entity: train, arrivals: {timetable: ["00:05", "06:30"], late: {exponential: 20 min}}}
rosters: {day: {open: ["08:00-20:00"]}, half: {open: [{hours: "00:00-24:00", share: 50%}]}}
stations:
  desk: {capacity: 2, roster: half, agency: customs}
  gate: {roster: day}
  yard: {capacity: 30}
  crane: {port: rail}
routes:
  truck:
    drive: {takes: {lognormal: {mean: 2 h, sd: 30 min}}, phase: transport}
    declare:
      after: drive
      at: desk
      takes: {cases: [{only: {aeo: true}, use: 5 min}, {use: {exponential: 15 min}}]}
      phase: documents
    gate_in: {after: drive, at: gate, takes: 1 min, seizes: yard, phase: gate}
    select: {after: [declare, gate_in], draws: {channel: {"y": 30%, green: 70%}}}
    scan: {after: select, only: {channel: "y"}, takes: {uniform: [5 min, 15 min]}}
    gate_out: {after: scan, at: gate, takes: 2 min, releases: yard, priority: -1, phase: gate}
  train: {receive: {at: crane, takes: {gamma: {mean: 2 h, sd: 1 h}}}, depart: {after: receive, takes: 10 min}}
clocks:
  port_dwell: {from: [gate_in.ready, receive.ready], to: [gate_out.end, depart.end], target: 3 h}
modes: {traditional: [], same: [nothing], smart: {port: [fast_gate]}}
reforms:
  nothing: {title: No edits, why: It changes nothing.}
  fast_gate:
    title: Fast gate
    why: Longer hours and shorter work.
    set: {rosters.day.open: ["00:00-24:00"], routes.*.declare.after: []}
    scale: {routes.*.gate_out.takes: 0.5}
evidence:
  stations.desk.capacity: {grade: press, source: "https://example.org/desks", note: two desks}
"""
TABLES = (
    "measures.parquet",
    "measures.csv",
    "series.parquet",
    "estimates.csv",
    "comparison.csv",
    "scenario.resolved.yaml",
)


def small(**changes):
    return {**document(PORT, duration="2 days", warm_up="6 h", cool_down="12 h"), **changes}


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    return load(write(small(), tmp_path_factory.mktemp("scenario")))


@pytest.fixture(scope="module")
def study(scenario, tmp_path_factory):
    return sim.run(scenario, out=tmp_path_factory.mktemp("study"), keep_timelines=True)


def bytes_of(folder):
    """Every table and timeline of a results folder."""
    files = [*(folder / name for name in TABLES), *sorted((folder / "timelines").rglob("*.parquet"))]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


# The same numbers


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_never_change_a_byte(scenario, study, workers, tmp_path):
    sim.run(scenario, out=tmp_path, workers=workers, keep_timelines=True)
    assert bytes_of(tmp_path) == bytes_of(study.folder)
    assert len(bytes_of(tmp_path)) == len(TABLES) + 9


SHIPPED = sorted(file.stem for file in SCENARIOS.glob("*.yaml"))
OFTEN = ("alashankou_wind", "ecommerce_trains", "khorgos_road")
"""Disruptions and appointments, carriers and riders, quotas: every mechanism is in one of them."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in OFTEN else pytest.mark.nightly) for n in SHIPPED])
def test_workers_never_change_a_byte_of_a_shipped_scenario(name, tmp_path):
    shipped = load(SCENARIOS / f"{name}.yaml").with_calendar(duration="12 h", warm_up="6 h", cool_down="6 h")
    for workers in (1, 3):
        sim.run(shipped, out=tmp_path / str(workers), workers=workers, replications=2, keep_timelines=True)
    alone, side_by_side = (bytes_of(tmp_path / str(workers)) for workers in (1, 3))
    assert side_by_side == alone
    assert len(alone) == len(TABLES) + 2 * len(shipped.modes)


def test_what_is_in_memory_is_what_is_written(scenario, study):
    again = sim.run(scenario)
    for table in ("measures", "series", "estimates", "comparison"):
        pd.testing.assert_frame_equal(getattr(again, table), getattr(study, table), check_exact=True)
    assert again.folder is None


def without(table, *columns):
    return table.drop(columns=list(columns)).reset_index(drop=True)


def test_a_mode_without_edits_gives_the_numbers_and_the_timelines_of_the_baseline(study):
    for table, labels in ((study.measures, ["mode"]), (study.series, ["mode"]), (study.estimates, ["mode"])):
        one, other = (table[table["mode"] == mode] for mode in ("traditional", "same"))
        pd.testing.assert_frame_equal(without(one, *labels), without(other, *labels), check_exact=True)
    compared = study.comparison[study.comparison["mode"] == "same"]
    assert (compared["difference"].dropna() == 0).all()
    for replication in range(3):
        files = [
            study.folder / "timelines" / mode / f"{replication}.parquet" for mode in ("traditional", "same", "smart")
        ]
        same = [file.read_bytes() == files[0].read_bytes() for file in files]
        assert same == [True, True, False]


def test_replications_differ(study):
    files = [study.folder / "timelines" / "traditional" / f"{replication}.parquet" for replication in range(3)]
    assert len({file.read_bytes() for file in files}) == 3


def turned(value):
    """The same mappings in the opposite order; modes excepted, because the first is the baseline."""
    if isinstance(value, dict):
        return {key: value[key] if key == "modes" else turned(value[key]) for key in reversed(value)}
    return value


@pytest.mark.parametrize("lists", [False, True])
def test_the_order_of_lines_changes_nothing(scenario, study, tmp_path, lists):
    said = turned(small())
    assert list(said["demand"]) != list(scenario.demand)
    if lists:
        for activity in said["procedure"]["routes"]["truck"].values():
            if "after" in activity:
                activity["after"] = (
                    activity["after"][::-1] if isinstance(activity["after"], list) else activity["after"]
                )
        said["demand"]["train"]["arrivals"]["timetable"].reverse()
    other = load(write(said, tmp_path))
    assert (other.fingerprint == scenario.fingerprint) is not lists
    sim.run(other, out=tmp_path / "results", keep_timelines=True)
    one, two = bytes_of(study.folder), bytes_of(tmp_path / "results")
    for files in (one, two):
        files.pop("scenario.resolved.yaml")  # keeps the order of the lines
    assert one == two


def test_the_order_of_lines_changes_nothing_in_a_shipped_scenario(tmp_path):
    file = SCENARIOS / "urumqi_land_port.yaml"
    said = load(file).document()
    said["calendar"] |= {"warm_up": "1 day", "duration": "2 days", "cool_down": "1 day"}
    studies = []
    for name, text in (("one", said), ("two", turned(said))):
        (tmp_path / name).mkdir()
        studies.append(sim.run(load(write(text, tmp_path / name)), replications=1))
    assert len(studies[0].measures) > 500
    for table in ("measures", "series", "comparison"):
        pd.testing.assert_frame_equal(*(getattr(study, table) for study in studies), check_exact=True)


# Values of the call


def test_duration_seed_and_replications(scenario, study):
    short = sim.run(scenario, ["smart"], replications=2, duration="1 day", seed=1)
    assert (short.modes, short.replications) == (["smart"], 2)
    assert short.manifest["calendar"]["duration_ms"] == 86_400_000
    assert short.manifest["calendar"]["warm_up_ms"] == 6 * 3_600_000
    assert sorted(set(short.measures["replication"])) == [0, 1]
    assert len(short.series[short.series["measure"] == "in_port"]["x"].unique()) == 24
    two = study.measures[(study.measures["mode"] == "smart") & (study.measures["replication"] < 2)]
    same = sim.run(scenario, ["smart"], replications=2).measures
    pd.testing.assert_frame_equal(same.reset_index(drop=True), two.reset_index(drop=True), check_exact=True)
    other = sim.run(scenario, ["smart"], replications=2, seed=2).measures
    assert not other["value"].equals(same["value"])


def test_the_modes_that_are_asked_for_in_their_order(scenario):
    study = sim.run(scenario, ["smart", "traditional", "smart"], replications=2)
    assert study.modes == ["smart", "traditional"]
    assert set(study.comparison["baseline"]) == {"smart"}
    assert set(study.compare("traditional")["mode"]) == {"smart"}
    with pytest.raises(sim.InputError, match='the mode "same" was not run'):
        study.compare("same")


def test_wrong_values_are_refused(scenario, tmp_path):
    for wrong in ({"modes": ["smrt"]}, {"duration": "14"}, {"seed": -1}, {"replications": 0}):
        with pytest.raises(sim.InputError):
            sim.run(scenario, out=tmp_path / "none", **wrong)
    assert not (tmp_path / "none").exists()


def test_progress_is_told(scenario):
    told = []
    sim.run(scenario, ["smart", "same"], replications=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


# The folder


def test_what_was_written_opens_as_the_same_study(study):
    opened = sim.open(study.folder)
    for table in ("measures", "series", "estimates", "comparison", "parameters", "edits"):
        pd.testing.assert_frame_equal(getattr(opened, table), getattr(study, table), check_exact=True)
    assert opened.manifest == json.loads(json.dumps(study.manifest))
    assert (opened.modes, opened.replications) == (study.modes, study.replications)
    assert opened.scenario.fingerprint == study.scenario.fingerprint
    assert opened.scenario.title == study.scenario.title
    pd.testing.assert_frame_equal(opened.timeline("smart", 1), study.timeline("smart", 1))


def test_every_word_that_yaml_could_misread_survives_in_the_resolved_scenario(tmp_path, monkeypatch):
    said = {**small(), "title": {"en": "no", "zh": "0123"}, "description": "12:30: y # ~"}
    said["demand"]["train"]["arrivals"]["timetable"] = ["00:05", "06:30", "18:00"]
    said["evidence"]["stations.desk.capacity"]["note"] = "1e3"
    for number, word in enumerate(
        ("y", "N", "on", "~", "1_000", "0x1f", ".5", ".inf", "null", "2025-06-02", "", "- a", "*b")
    ):
        said["procedure"]["stations"][f"spare_{number}"] = {"port": "port", "capacity": 1, "title": word}
    study = sim.run(load(write(said, tmp_path)), ["smart"], replications=1, out=tmp_path / "results")
    opened = sim.open(tmp_path / "results")
    assert opened.scenario.document() == study.scenario.document()
    assert opened.scenario.fingerprint == study.scenario.fingerprint
    monkeypatch.delattr(yaml, "CSafeDumper")
    written = (tmp_path / "results/scenario.resolved.yaml").read_text(encoding="utf-8")
    assert store.scenario_text(study.scenario.document()) == written


def test_the_csv_tables_hold_the_numbers_of_the_study(study):
    for name in ("measures", "estimates", "comparison"):
        read = pd.read_csv(study.folder / f"{name}.csv")
        pd.testing.assert_frame_equal(read, getattr(study, name), check_exact=True, check_dtype=False)


def test_the_columns_are_those_that_were_promised(study):
    keys = ["port", "subject", "measure", "statistic", "unit"]
    assert list(study.measures.columns) == ["mode", "replication", *keys, "value"]
    assert list(study.estimates.columns) == ["mode", *keys, "n", "mean", "ci_low", "ci_high", "steady"]
    assert list(study.comparison.columns) == [
        *("baseline", "mode", *keys, "baseline_mean", "mode_mean", "difference"),
        *("ci_low", "ci_high", "relative", "variance_reduction", "steady"),
    ]
    assert list(study.timeline("smart", 0).columns) == [
        *("flow", "entity", "activity", "station", "ready_ms", "start_ms", "end_ms")
    ]


def test_the_manifest_says_what_was_done(study, scenario):
    manifest = json.loads((study.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario_hash"] == scenario.fingerprint
    assert manifest["results_version"] == RESULTS_VERSION
    assert (manifest["seed"], manifest["modes"], manifest["replications"]) == (1, ["traditional", "same", "smart"], 3)
    assert manifest["versions"]["smartport"] == sim.__version__
    for audited in manifest["audit"].values():
        assert audited["passed"] is True
        assert audited["runs"] == 3
        assert audited["arrived"] == audited["left"] + audited["inside"] > 300


def test_a_timeline_that_was_not_kept_is_run_again(scenario, study, tmp_path):
    other = sim.run(scenario, out=tmp_path)
    assert not (tmp_path / "timelines").exists()
    for which in (other, sim.open(tmp_path)):
        pd.testing.assert_frame_equal(
            which.timeline("smart", 2), pd.read_parquet(study.folder / "timelines/smart/2.parquet")
        )
    for mode, replication in (("smart", 3), ("smart", -1), ("smrt", 0)):
        with pytest.raises(sim.InputError, match="there is no run of mode"):
            other.timeline(mode, replication)


def test_kept_timelines_of_an_earlier_study_are_not_taken_for_those_of_this_one(scenario, tmp_path):
    sim.run(scenario, ["smart"], replications=1, seed=8, out=tmp_path, keep_timelines=True)
    study = sim.run(scenario, ["smart"], replications=1, seed=9, out=tmp_path)
    pd.testing.assert_frame_equal(
        study.timeline("smart", 0), sim.run(scenario, ["smart"], replications=1, seed=9).timeline("smart", 0)
    )


def test_a_folder_without_finished_results_is_refused(study, tmp_path):
    with pytest.raises(sim.InputError, match="there is no such folder"):
        sim.open(tmp_path / "none")
    with pytest.raises(sim.InputError, match=r"holds no manifest\.json"):
        sim.open(tmp_path)
    shutil.copytree(study.folder, tmp_path / "copy")
    (tmp_path / "copy" / "manifest.json").unlink()
    with pytest.raises(sim.InputError, match="again, if it was interrupted"):
        sim.open(tmp_path / "copy")


def test_results_of_another_version_are_refused(study, tmp_path):
    shutil.copytree(study.folder, tmp_path / "copy")
    manifest = {**study.manifest, "results_version": RESULTS_VERSION + 1}
    (tmp_path / "copy" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(sim.InputError, match="run the scenario again"):
        sim.open(tmp_path / "copy")


def test_a_damaged_folder_is_refused(study, tmp_path):
    shutil.copytree(study.folder, tmp_path / "copy")
    (tmp_path / "copy" / "measures.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(sim.InputError, match="cannot be read"):
        sim.open(tmp_path / "copy")
    (tmp_path / "copy" / "measures.parquet").unlink()
    with pytest.raises(sim.InputError, match="cannot be read"):
        sim.open(tmp_path / "copy")
    (tmp_path / "copy" / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(sim.InputError, match=r"holds a manifest\.json that cannot be read"):
        sim.open(tmp_path / "copy")


# Writing whole or not at all


def failing(target):
    Path(target).write_bytes(b"half of it")
    raise OSError("the disk is full")


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    file = tmp_path / "table.csv"
    store.write_text(file, "old")
    with pytest.raises(OSError, match="full"):
        store.write_whole(file, failing)
    assert file.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_who_reads_the_old_file_goes_on_reading_it(tmp_path):
    """The new file takes the place of the old one; it is never written into it."""
    file = tmp_path / "table.csv"
    store.write_text(file, "old")
    with file.open(encoding="utf-8") as reader:
        store.write_text(file, "new and longer")
        assert reader.read() == "old"
    assert file.read_text(encoding="utf-8") == "new and longer"


def test_a_write_that_is_interrupted_leaves_nothing(tmp_path):
    def interrupted(target):
        target.write_bytes(b"half of it")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write_whole(tmp_path / "deep" / "table.csv", interrupted)
    assert list((tmp_path / "deep").iterdir()) == []


def test_results_that_cannot_be_written_leave_the_old_ones_whole(scenario, tmp_path, monkeypatch):
    sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    write_csv = store.write_csv
    monkeypatch.setattr(store, "write_csv", lambda path, _: failing(path.with_name("x.tmp")))
    with pytest.raises(OSError, match="full"):
        sim.run(scenario, ["smart"], replications=2, out=tmp_path)
    assert sim.open(tmp_path).replications == 1
    monkeypatch.setattr(store, "write_csv", write_csv)
    sim.run(scenario, ["smart"], replications=2, out=tmp_path)
    assert sim.open(tmp_path).replications == 2


# Many runs


def test_tables_of_finished_runs_are_on_disk_and_not_in_memory(scenario, tmp_path):
    """What is held is looked at when the last run is handed in, before the tables of the study are made of them."""
    held = []

    def results():
        gc.collect()
        return sum(type(thing) is runs.RunResult for thing in gc.get_objects())

    def look(done, total):
        if done == total:
            held.append(results() - others)

    others = results()  # of studies that other tests have made without a folder
    sim.run(scenario, ["smart"], replications=6, out=tmp_path, progress=look, keep_timelines=True)
    sim.run(scenario, ["smart"], replications=6, progress=look)
    with_folder, without_folder = held
    assert with_folder == 1, "the one that was just handed in"
    assert without_folder >= 6


def test_runs_of_a_mode_hold_their_text_in_memory_once(scenario):
    series = sim.run(scenario, ["smart"], replications=4).series
    parts = pa.array(series["subject"].array).chunks
    assert len(parts) == 4
    assert len({part.buffers()[-1].address for part in parts}) == 1


def test_a_run_that_vanishes_meanwhile_is_said(scenario, tmp_path):
    def lose(done, total):
        if done == total:
            shutil.rmtree(min((tmp_path / "runs").iterdir()))

    with pytest.raises(sim.RunError, match=r"runs/\w{24} was changed meanwhile; run again to go on"):
        sim.run(scenario, ["smart"], replications=2, out=tmp_path, progress=lose)
    assert sim.run(scenario, ["smart"], replications=2, out=tmp_path).replications == 2


def test_a_study_does_not_take_the_timelines_of_a_later_one_in_its_folder_for_its_own(scenario, study, tmp_path):
    earlier = sim.run(scenario, ["smart"], replications=1, out=tmp_path, keep_timelines=True)
    later = sim.run(scenario, ["smart"], replications=1, seed=9, out=tmp_path, keep_timelines=True)
    own = pd.read_parquet(study.folder / "timelines/smart/0.parquet")
    pd.testing.assert_frame_equal(earlier.timeline("smart", 0), own)
    assert not later.timeline("smart", 0).equals(own)


def test_the_series_of_a_study_are_never_those_of_a_later_one_in_its_folder(scenario, tmp_path):
    earlier = sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    opened = sim.open(tmp_path)
    later = sim.run(scenario, ["smart"], replications=1, seed=9, out=tmp_path)
    for study, table in ((earlier, "series"), (earlier, "measures"), (opened, "lines")):
        with pytest.raises(sim.InputError, match="was written to meanwhile; open it again"):
            getattr(study, table)
    assert not later.series.empty
    (tmp_path / "series.parquet").unlink()
    with pytest.raises(sim.InputError, match=r"holds results that cannot be read: .*; run the scenario again"):
        sim.open(tmp_path)


# Resuming


@pytest.fixture
def performed(monkeypatch):
    """The runs that are really simulated, in their order."""
    done = []

    def counting(job, replication, *, keep_timeline=False):
        done.append((job.mode, replication))
        return runs.perform(job, replication, keep_timeline=keep_timeline)

    monkeypatch.setattr(executor, "perform", counting)
    return done


def test_finished_runs_are_not_repeated(scenario, study, performed, tmp_path):
    told = []
    sim.run(scenario, ["smart"], replications=2, out=tmp_path)
    sim.run(scenario, replications=3, out=tmp_path, progress=lambda done, total: told.append((done, total)))
    assert performed[:2] == [("smart", 0), ("smart", 1)]
    assert sorted(performed[2:]) == sorted(
        [(mode, r) for mode in ("traditional", "same") for r in range(3)] + [("smart", 2)]
    )
    assert told[0] == (2, 9)
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (study.folder / name).read_bytes(), name


def test_a_run_that_kept_no_timeline_is_repeated_when_one_is_wanted(scenario, performed, study, tmp_path):
    sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    sim.run(scenario, ["smart"], replications=1, out=tmp_path, keep_timelines=True)
    sim.run(scenario, ["smart"], replications=1, out=tmp_path, keep_timelines=True)
    sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    assert performed == [("smart", 0)] * 2
    kept = tmp_path / "timelines" / "smart" / "0.parquet"
    assert not kept.exists() or kept.read_bytes() == (study.folder / "timelines" / "smart" / "0.parquet").read_bytes()


@pytest.mark.parametrize("change", [{"seed": 9}, {"duration": "3 days"}], ids=["seed", "duration"])
def test_other_inputs_are_run_anew_and_old_runs_forgotten(scenario, performed, tmp_path, change):
    sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    before = {place.name for place in (tmp_path / "runs").iterdir()}
    sim.run(scenario, ["smart"], replications=1, out=tmp_path, **change)
    after = {place.name for place in (tmp_path / "runs").iterdir()}
    assert len(performed) == 2
    assert len(before) == len(after) == 1
    assert before != after


def test_another_number_in_the_scenario_is_another_run(scenario, performed, tmp_path):
    said = small()
    sim.run(scenario, ["smart"], replications=1, out=tmp_path / "results")
    said["procedure"]["stations"]["desk"]["capacity"] = 3
    sim.run(load(write(said, tmp_path)), ["smart"], replications=1, out=tmp_path / "results")
    assert len(performed) == 2


def test_another_text_in_the_scenario_is_not(scenario, performed, tmp_path):
    """Titles, evidence and descriptions change no number."""
    sim.run(scenario, ["smart"], replications=1, out=tmp_path / "results")
    other = load(write(small(title="Another title", description="New."), tmp_path))
    study = sim.run(other, ["smart"], replications=1, out=tmp_path / "results")
    assert len(performed) == 1
    assert study.manifest["title"]["en"] == "Another title"


def test_a_run_of_another_program_is_not_taken_for_one_of_this(scenario, performed, tmp_path, monkeypatch):
    sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    monkeypatch.setattr(runs, "program_fingerprint", lambda: "another program")
    sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    assert len(performed) == 2


def test_half_a_run_is_run_again(scenario, performed, tmp_path):
    """What a crash may leave behind: a folder under a temporary name, or one without its last file."""
    sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    (place,) = (tmp_path / "runs").iterdir()
    (place / "run.json").unlink()
    shutil.copytree(place, place.with_name(f".{place.name}.1.tmp"))
    study = sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    assert len(performed) == 2
    assert len(study.measures)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [place.name]


def test_a_failed_audit_is_a_failed_run(scenario, monkeypatch, tmp_path):
    def refuse(*_):
        raise sim.RunError("the audit failed")

    monkeypatch.setattr(runs, "audit", refuse)
    with pytest.raises(sim.RunError, match="the audit failed"):
        sim.run(scenario, ["smart"], replications=1, out=tmp_path)
    assert not (tmp_path / "manifest.json").exists()


def test_a_worker_that_dies_costs_only_its_own_runs(scenario, study, tmp_path):
    def kill(done, _):
        if done == 2:
            for process in multiprocessing.active_children():
                process.kill()

    with pytest.raises(sim.RunError, match="run again to go on"):
        sim.run(scenario, out=tmp_path, workers=2, progress=kill, replications=20)
    kept = len(list((tmp_path / "runs").iterdir()))
    assert kept >= 2
    told = []
    sim.run(scenario, out=tmp_path, progress=lambda done, _: told.append(done))
    assert told[0] >= 2
    assert (tmp_path / "measures.parquet").read_bytes() == (study.folder / "measures.parquet").read_bytes()


def test_a_study_and_a_scenario_are_shown_in_one_line(scenario):
    study = sim.run(scenario, replications=2)
    assert repr(scenario) == f"<Scenario {scenario.name}: {scenario.title.en}>"
    assert repr(study) == f"<Study {scenario.name}: {', '.join(scenario.modes)}; replications: 2>"
