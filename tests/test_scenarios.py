"""The shipped scenarios: nothing is overloaded or idle, every number has its evidence and every name two languages."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from sim.measures.table import MEASURE_COLUMNS
from sim.report import texts
from sim.scenario.checks import idle_stations, station_loads, warnings
from sim.scenario.document import Node, dotted, read_document
from sim.scenario.evidence import Evidence
from sim.scenario.loading import load, read_scenario
from sim.scenario.procedure import Route
from sim.scenario.reform import Reform
from sim.scenario.scenario import Scenario
from sim.scenario.validation import validated
from sim.study.store import scenario_text

ROOT = Path(__file__).parent.parent
SCENARIOS = ROOT / "scenarios"
FILES = sorted(SCENARIOS.glob("*.yaml"))
PARTS = sorted(SCENARIOS.rglob("*.yaml"))
REFORMS = sorted(SCENARIOS.glob("reforms/*.yaml"))

each_scenario = pytest.mark.parametrize("name", [file.stem for file in FILES])
each_file = pytest.mark.parametrize("file", PARTS, ids=[str(file.relative_to(SCENARIOS)) for file in PARTS])
each_reform = pytest.mark.parametrize("file", REFORMS, ids=[file.stem for file in REFORMS])


@cache
def scenario(name: str) -> Scenario:
    return load(SCENARIOS / f"{name}.yaml")


@cache
def reform(file: Path) -> Reform:
    return validated(Reform, read_document(file, file.name))


def modes(name: str) -> Iterator[tuple[str, Scenario]]:
    return ((mode, scenario(name)) for mode in scenario(name).modes)


def carries(route: Route) -> bool:
    """Whether a flow is a train, ship or flight that brings or takes others; reports speak of those others."""
    return any(activity.unload is not None or activity.load is not None for activity in route.values())


def test_there_are_the_promised_ports_and_scenarios():
    ports = {"khorgos_road", "khorgos_rail", "alashankou_road", "alashankou_rail", "urumqi_airport", "urumqi_land_port"}
    assert ports <= {file.stem for file in (SCENARIOS / "ports").glob("*.yaml")}
    assert {"khorgos", "alashankou", "urumqi_airport", "xinjiang", "example"} <= {file.stem for file in FILES}
    assert set(scenario("xinjiang").ports) == ports


def test_every_port_file_is_imported_by_a_scenario():
    imported = {part for file in FILES for part in read_document(file, file.name).plain().get("imports", [])}
    assert {file.relative_to(SCENARIOS).as_posix() for file in (SCENARIOS / "ports").glob("*.yaml")} == imported


@each_scenario
def test_it_is_right_in_every_mode_and_begins_with_the_traditional_one(name: str):
    assert scenario(name).modes[:2] == ["traditional", "smart"]
    assert scenario(name).under("traditional").edits == ()
    assert scenario(name).under("smart").edits


@each_scenario
def test_it_fills_the_ports_before_it_measures_and_lets_them_empty_behind(name: str):
    calendar = scenario(name).calendar
    assert calendar.warm_up > 0
    assert calendar.horizon > calendar.window[1]
    assert scenario(name).definition.replications > 1


@each_scenario
def test_no_station_is_at_or_above_its_capacity(name: str):
    for mode, loaded in modes(name):
        assert warnings(loaded, mode) == []
        full = {load.station: round(load.ratio, 3) for load in station_loads(loaded, mode) if load.ratio >= 0.99}
        assert not full, f"{mode}: {full}"


@each_scenario
def test_every_station_is_used_in_some_mode(name: str):
    assert idle_stations(scenario(name)) == []


@each_scenario
def test_every_number_has_evidence_in_every_mode(name: str):
    for mode, loaded in modes(name):
        silent = [parameter.address for parameter, evidence in loaded.parameters(mode) if evidence is None]
        assert not silent, f"{mode}: {', '.join(silent)}"


@each_scenario
def test_every_flow_that_is_cleared_has_its_time_in_port(name: str):
    for mode, loaded in modes(name):
        clock = loaded.under(mode).procedure.clocks["port_dwell"]
        for flow, route in loaded.under(mode).procedure.routes.items():
            if carries(route) or not any(activity.phase == "documents" for activity in route.values()):
                continue
            for points in (clock.begin, clock.end):
                activities = [point.partition(".")[0] for point in points if point != "arrival"]
                assert any(activity in route for activity in activities), f"{mode}: {flow} has none of {points}"


@each_scenario
def test_every_reform_of_a_mode_changes_something_at_every_port_where_it_stands(name: str):
    for mode, loaded in modes(name):
        edited = {(edit.port, edit.reform) for edit in loaded.under(mode).edits}
        assert not set(loaded.reforms_of(mode)) - edited


@each_scenario
def test_what_is_written_of_it_says_the_same(name: str, tmp_path: Path):
    file = tmp_path / f"{name}.resolved.yaml"
    file.write_text(json.dumps(scenario(name).document()), encoding="utf-8")
    again = load(file)
    assert again.fingerprint == scenario(name).fingerprint
    assert again.name == name
    for mode, loaded in modes(name):
        assert again.under(mode).procedure == loaded.under(mode).procedure
        assert again.under(mode).edits == loaded.under(mode).edits


@each_scenario
def test_its_text_is_the_same_where_yaml_has_no_writer_in_c(name: str, monkeypatch: pytest.MonkeyPatch):
    document = scenario(name).document()
    text = scenario_text(document)
    monkeypatch.delattr(yaml, "CSafeDumper")
    assert scenario_text(document) == text


# ---------------------------------------------------------------------------------------------------- names and words

CHINESE = re.compile(r"[\u4e00-\u9fff]")
BROKEN_CHINESE = re.compile(r"[\u3001-\u9fff\uff01-\uff1b] [\u3001-\u9fff\uff01-\uff1b]")
"""A space where a line of the file ended."""


def keys(node: Node, key: str) -> Iterator[tuple[str, Node]]:
    """Every node under a key, with its path."""
    return ((dotted(trail), child) for trail, child in node.walk() if trail and trail[-1] == key)


@pytest.mark.parametrize("key", ["title", "description", "why"])
@each_file
def test_everything_that_people_read_is_in_english_and_chinese(file: Path, key: str):
    for path, node in keys(read_document(file, file.name), key):
        text = node.plain()
        assert isinstance(text, dict), f"{path}: {text}"
        assert set(text) == {"en", "zh"}, path
        assert text["en"].strip(), path
        assert not CHINESE.search(text["en"]), f"{path}: {text['en']}"
        assert CHINESE.search(text["zh"]), f"{path}: {text['zh']}"
        assert not BROKEN_CHINESE.search(text["zh"]), f"{path}: {text['zh']}"


@each_scenario
def test_everything_that_a_report_names_has_a_title(name: str):
    loaded = scenario(name)
    bare = [f"demand.{key}" for key, flow in loaded.demand.items() if flow.title is None]
    bare += [f"ports.{key}" for key in loaded.ports if key not in loaded.definition.ports]
    for mode in loaded.modes:
        procedure = loaded.under(mode).procedure
        for section in ("stations", "quotas", "clocks"):
            items = getattr(procedure, section)
            bare += [
                f"{section}.{key}" for key, item in items.items() if item.title is None and key not in texts.CLOCKS
            ]
        for flow, route in procedure.routes.items():
            for key, activity in route.items() if not carries(route) else ():
                if activity.title is None and key not in texts.ACTIVITIES:
                    bare.append(f"routes.{flow}.{key}")
                if activity.phase is not None and activity.phase not in texts.PHASES:
                    bare.append(f"the phase {activity.phase}")
                if activity.agency is not None and activity.agency not in texts.AGENCIES:
                    bare.append(f"the agency {activity.agency}")
        bare += [
            f"the agency {s.agency}" for s in procedure.stations.values() if s.agency not in (None, *texts.AGENCIES)
        ]
    assert not bare, ", ".join(sorted(set(bare)))


@each_scenario
def test_names_begin_with_their_port(name: str):
    loaded = scenario(name)
    for key, flow in loaded.demand.items():
        assert key.split("_")[0] == flow.port.split("_")[0], key
    for section in (loaded.procedure.stations, loaded.procedure.quotas):
        for key, item in section.items():
            assert key.startswith(f"{item.port}_"), key


# ------------------------------------------------------------------------------------------------------- the evidence


def is_source(text: str) -> bool:
    """Whether a source is an address, or names a page, a paper or a table in some words."""
    if "://" in text:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and "." in parts.netloc and " " not in text and "\u3000" not in text
    return len(text) >= 12 and (" " in text.strip() or CHINESE.search(text) is not None)


def sources(file: Path) -> Iterator[tuple[str, str]]:
    root = read_document(file, file.name)
    for path, node in keys(root, "source"):
        yield path, str(node.value)
    for path, node in keys(root, "sources"):
        yield from ((path, str(child.value)) for child in (node.value if isinstance(node.value, list) else []))


@each_file
def test_every_source_is_an_address_or_a_named_page(file: Path):
    wrong = [f"{path}: {text}" for path, text in sources(file) if not is_source(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("https://www.wcotradetools.org/page", True),
        ("CAREC CPMM Annual Report 2023, table 4.2", True),
        ("霍尔果斯海关2024年统计公报第3页", True),
        ("internet", False),
        ("www.example.org", False),
        ("ftp://example.org/x", False),
        ("https://example org/x", False),
        ("https://localhost", False),
        ("", False),
    ],
)
def test_what_counts_as_a_source(text: str, right: bool):
    assert is_source(text) == right


@each_file
def test_every_piece_of_evidence_says_enough(file: Path):
    root = read_document(file, file.name)
    for path, node in keys(root, "evidence"):
        for address, entry in node.mapping.items():
            evidence = validated(Evidence, entry, (path, address))
            assert evidence.grade == "assumption" or evidence.source, f"{path}.{address}"
            assert evidence.note, f"{path}.{address}: even a source needs a word on what it says"


@each_scenario
def test_evidence_is_graded_and_nobody_claims_more_than_a_third_party_can_check(name: str):
    for mode, loaded in modes(name):
        for parameter, evidence in loaded.parameters(mode):
            assert evidence is not None
            if evidence.grade in ("official", "survey", "press", "benchmark"):
                assert all(is_source(part) for part in (evidence.source or "").split("; ")), parameter.address


# -------------------------------------------------------------------------------------------------------- the reforms


def used_reforms() -> set[str]:
    return {reform for file in FILES for mode, loaded in modes(file.stem) for _, reform in loaded.reforms_of(mode)}


@each_reform
def test_every_reform_is_right_by_itself(file: Path):
    rules = reform(file)
    assert len(rules.why.en) > 40
    assert len(rules.why.zh) > 15
    assert rules.set or rules.scale or rules.remove or rules.add
    assert rules.sources or rules.grade == "assumption"


@each_reform
def test_every_reform_is_used_in_a_mode_or_tested_on_a_baseline(file: Path):
    assert file.stem in used_reforms() or reform(file).baseline is not None


@each_reform
def test_every_reform_says_what_it_shows_and_on_what(file: Path):
    rules = reform(file)
    assert rules.baseline is not None
    assert rules.shows
    baseline = read_scenario(SCENARIOS / rules.baseline.scenario)
    assert set(rules.baseline.ports) <= set(baseline.ports)
    for shown in rules.shows:
        assert shown.subject in {*baseline.demand, "all"}, shown.subject
        assert shown.measure in {*baseline.procedure.clocks, *texts.MEASURES}, shown.measure
        assert shown.source is None or shown.published, f"{shown.subject}: a source of what?"


@each_reform
def test_every_reform_applies_to_its_baseline_alone(file: Path):
    rules = reform(file)
    assert rules.baseline is not None
    alone = {port: [file.stem] for port in rules.baseline.ports}
    tried = read_scenario(SCENARIOS / rules.baseline.scenario).with_modes({"alone": alone})
    edits = tried.under("alone").edits
    assert {edit.port for edit in edits} == set(rules.baseline.ports)


def test_the_tables_have_the_columns_that_reforms_speak_of():
    assert {"port", "subject", "measure", "statistic", "value"} <= set(MEASURE_COLUMNS)
