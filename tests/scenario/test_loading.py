"""From files to a checked scenario, and every mistake of every file with its place and its cure, all at once."""

import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sim.errors import InputError, Place, Problem
from sim.scenario import loading
from sim.scenario.document import Node, Trail, dotted, parse_document, read_document
from sim.scenario.loading import load, read_scenario
from sim.scenario.schema import json_schema
from tests.scenario.small import SMALL, loaded, problems, spoilt, write

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"
SHIPPED = sorted(SCENARIOS.glob("*.yaml"))
LINES = SMALL.splitlines()


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place_of(text: str, part: str) -> str:
    """Where a part of a text stands, as messages say it."""
    before = text[: text.index(part)]
    return f"small.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def test_the_small_scenario_is_right():
    scenario = loaded()
    assert scenario.name == "small"
    assert scenario.modes == ["traditional", "smart"]
    assert (scenario.title.en, scenario.title.zh) == ("Small port", "小口岸")
    assert scenario.calendar.window == (86_400_000, 3 * 86_400_000)
    assert [edit.address for edit in scenario.under("traditional").edits] == []
    assert len(scenario.under("smart").edits) == 6


# -------------------------------------------------------------------------------------------------------- imports

HEAD = SMALL[: SMALL.index("ports:\n")]
WORLD = SMALL[SMALL.index("ports:\n") : SMALL.index("procedure:\n")]
PROCEDURE = SMALL[SMALL.index("procedure:\n") : SMALL.index("modes:\n")]
MODES = SMALL[SMALL.index("modes:\n") :]


def test_imports_are_merged_deeply_and_say_the_same_as_one_file():
    whole = loaded()
    stations = PROCEDURE[PROCEDURE.index("  stations:\n") : PROCEDURE.index("  routes:\n")]
    without = PROCEDURE.replace(stations, "")
    parts = {"parts__world": WORLD, "parts__stations": f"procedure:\n{stations}"}
    for imports in ("[parts/world.yaml, parts/stations.yaml]", "[parts/stations.yaml, parts/world.yaml]"):
        split = loaded(f"imports: {imports}\n{HEAD}{without}{MODES}", **parts)
        assert split.fingerprint == whole.fingerprint
        assert split.definition.procedure == whole.definition.procedure
    assert "imports" not in split.document()


def test_an_import_may_import_relative_to_itself_within_the_folder():
    more = {"a__b__one": "imports: [two.yaml, ../../three.yaml]\n" + WORLD, "a__b__two": PROCEDURE, "three": MODES}
    assert loaded(f"imports: [a/b/one.yaml]\n{HEAD}", **more).fingerprint == loaded().fingerprint


def test_a_file_imported_twice_or_in_a_circle_is_read_once(monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []

    def reading(path: Path, shown: str, problems: list[Problem]) -> Node:
        read.append(shown)
        return read_document(path, shown, problems)

    monkeypatch.setattr(loading, "read_document", reading)
    more = {
        "one": "imports: [two.yaml, ./two.yaml, small.yaml, one.yaml]\n" + WORLD,
        "two": "imports: [one.yaml]\n" + PROCEDURE,
    }
    assert loaded(f"imports: [one.yaml, two.yaml]\n{HEAD}{MODES}", **more).modes == ["traditional", "smart"]
    assert sorted(read) == ["one.yaml", "small.yaml", "two.yaml"]


def test_a_key_set_in_two_files_names_both_places():
    more = {
        "one": WORLD + "seed: 7\n",
        "two": PROCEDURE.replace("capacity: 90", "capacity: 90, title: Yard") + "calendar: {start: 2025-06-02}\n",
        "three": "procedure: {stations: {yard: {capacity: 90, agency: customs}}}\ncalendar: nothing\n",
    }
    found = problems(f"imports: [one.yaml, two.yaml, three.yaml]\n{HEAD}{MODES}", **more)
    yard = more["two"][: more["two"].index("yard: {port")].count("\n") + 1
    last = {name: text.count("\n") for name, text in more.items()}
    twice = "this key is set twice, also at"
    assert sorted(found) == [
        f"one.yaml:{last['one']}:1: seed: {twice} small.yaml:6:1; keep one",
        f"three.yaml:1:31: procedure.stations.yard.capacity: {twice} two.yaml:{yard}:24; keep one",
        f"three.yaml:2:1: calendar: {twice} small.yaml:4:1; keep one",
        f"two.yaml:{last['two']}:12: calendar.start: {twice} small.yaml:4:12; keep one",
    ]


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("replications: 2", "replications：2", '; line {line} has the full-width "：", perhaps for :'),
        ("replications: 2", "replications: ２", 'found "２"; the full-width "２" is not 2'),
        ("[1 min, 2 min, 6 min]", "[1 min，2 min，6 min]", '; the full-width "，" is not ,'),
        (
            "{triangular: [1 min, 2 min, 6 min]}",
            "{triangular: [1 min, 2 min, 6 min]，x: 1}",
            'has the full-width "，", perhaps',
        ),
    ],
)
def test_signs_of_a_chinese_keyboard_are_named(old: str, new: str, hint: str):
    line = SMALL[: SMALL.index(old)].count("\n") + 1
    said = problems(spoilt((old, new)))
    assert any(hint.format(line=line) in problem for problem in said), said


@pytest.mark.parametrize(
    ("imports", "sentence"),
    [
        ("[ports/one.yaml]", "there is no file ports/one.yaml beside this one"),
        ("[ports]", "there is no file ports beside this one"),
        ("[../outside.yaml]", "../outside.yaml lies outside of the scenario's folder; copy it there"),
        ("[{outside}]", "{outside} lies outside of the scenario's folder; copy it there"),
        ("[link.yaml]", "link.yaml lies outside of the scenario's folder; copy it there"),
    ],
)
def test_an_import_that_is_missing_or_climbs_out_is_refused(tmp_path: Path, imports: str, sentence: str):
    outside = tmp_path / "outside.yaml"
    inside = tmp_path / "inside"
    (inside / "ports").mkdir(parents=True)
    outside.write_text(WORLD, encoding="utf-8")
    (inside / "link.yaml").symlink_to(outside)
    os.chdir(inside)
    found = problems(f"imports: {imports.format(outside=outside)}\n{HEAD}{PROCEDURE}{MODES}")
    assert found == [f"small.yaml:1:11: imports: {sentence.format(outside=outside)}"]


def test_imports_are_a_list_of_texts():
    assert 'small.yaml:1:10: imports: expected a list, found "ports.yaml"' in problems(f"imports: ports.yaml\n{SMALL}")


# ---------------------------------------------------------------------------------------------------------- tables

RECORDED = ('{values: ["2025-06-03 08:00", "2025-06-03T09:30:00+06:00"]}', "{csv: data/arrivals.csv, column: arrived}")
MEASURED = ("{values: [1 h, 2 h, 4 h], weights: [2, 1, 1]}", "{csv: data/times.csv, column: minutes, unit: min}")


def table(name: str, content: str | bytes) -> None:
    Path("data").mkdir(exist_ok=True)
    Path("data", name).write_bytes(content.encode() if isinstance(content, str) else content)


def test_columns_of_csv_files_are_read_where_they_are_named():
    table("arrivals.csv", '\ufefftruck,arrived\r\n1,2025-06-03 08:00\r\n"2, late",2025-06-03T09:30:00+06:00\r\n')
    table("times.csv", "\ufeffminutes\n60\n 120 \n2.5\n")
    scenario = loaded(spoilt(RECORDED, MEASURED))
    recorded = scenario.demand["cars"].arrivals.recorded
    assert recorded is not None
    assert recorded == loaded().demand["cars"].arrivals.recorded
    takes = scenario.procedure.routes["import"]["depart"].takes
    assert takes is not None
    assert takes.cases[0].use.mean == pytest.approx((60 + 120 + 2.5) / 3 * 60_000)
    assert scenario.document()["procedure"]["routes"]["import"]["depart"]["takes"] == {
        "empirical": {"values": ["60 min", "120 min", "2.5 min"]}
    }
    resolved = scenario.root.find(("procedure", "routes", "import", "depart", "takes", "empirical", "values", 1))
    assert resolved is not None
    assert resolved.place == Place("data/times.csv", 3, 1)


def test_bad_rows_of_a_table_are_all_named():
    table("arrivals.csv", "truck,arrived\n1,2025-06-03 08:00\n2,03.06.2025\n3,\n4,2025-06-03\n5\n")
    table("times.csv", 'x,minutes\n"a\nb",12\nc,soon\nd,-3\n')
    found = problems(spoilt(RECORDED, MEASURED))
    wanted = "expected a date with a time such as 2025-06-02 14:35:00"
    duration = 'expected a duration such as "15 min", "1 h 30 min" or "PT15M"'
    arrivals, times = "demand.cars.arrivals.recorded.values", "procedure.routes.import.depart.takes.empirical.values"
    assert sorted(found) == [
        f'data/arrivals.csv:3:2: {arrivals}.1: {wanted}, found "03.06.2025"',
        f'data/arrivals.csv:4:2: {arrivals}.2: {wanted}, found ""',
        f'data/arrivals.csv:5:2: {arrivals}.3: {wanted}, found "2025-06-03"',
        f'data/arrivals.csv:6:2: {arrivals}.4: {wanted}, found ""',
        f'data/times.csv:4:2: {times}.1: {duration}, found "soon min"',
        f'data/times.csv:5:2: {times}.2: expected a duration of zero or more, such as "15 min", found "-3 min"',
    ]


@pytest.mark.parametrize(
    ("name", "content", "key", "sentence"),
    [
        (
            "arrivals.csv",
            "truck,arrival\n1,2025-06-03 08:00\n",
            "column",
            '{csv} has no column "arrived"; did you mean "arrival"?',
        ),
        ("arrivals.csv", "", "column", '{csv} has no column "arrived"; there is none here'),
        ("other.csv", "", "csv", "{csv} cannot be read as a CSV file in UTF-8: [Errno 2] No such file or directory"),
        (
            "arrivals.csv",
            "arrived,x\n口岸,1\n".encode("gb18030"),
            "csv",
            "{csv} cannot be read as a CSV file in UTF-8: ",
        ),
    ],
)
def test_a_table_that_cannot_be_read_is_named(name: str, content: str | bytes, key: str, sentence: str):
    table(name, content)
    text = spoilt(RECORDED)
    (problem,) = problems(text)
    said = f"{place_of(text, 'data/arrivals.csv')}: {key}: {sentence.format(csv='data/arrivals.csv')}"
    assert problem.startswith(said)


def test_a_table_lies_in_the_folder_of_the_scenario(tmp_path: Path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "x.csv").write_text("arrived\n2025-06-03 08:00\n", encoding="utf-8")
    os.chdir(inside)
    (problem,) = problems(spoilt((RECORDED[0], "{csv: ../x.csv, column: arrived}")))
    assert problem.endswith("csv: ../x.csv lies outside of the scenario's folder; copy it there")


def test_an_empty_column_is_no_arrivals():
    table("arrivals.csv", "arrived\n")
    (problem,) = problems(spoilt(RECORDED))
    assert "expected `csv` and `column`, or `values`, with at least one arrival" in problem


# --------------------------------------------------------------------------------------- wrong keys, types and units

OWN_NAMES = [  # below these, keys are names that the author chose; `*` is any name
    *(
        "ports",
        "demand",
        "demand.*.attributes",
        "demand.*.attributes.*.one_of",
        "modes",
        "modes.*",
        "reforms",
        "evidence",
    ),
    *("procedure.rosters", "procedure.stations", "procedure.routes", "procedure.routes.*", "procedure.clocks"),
    *("procedure.quotas", "procedure.quotas.*.changes", "procedure.routes.*.*.needs", "disruptions"),
    *("procedure.routes.*.*.targets", "procedure.routes.*.*.targets.*.others", "procedure.routes.*.*.detects"),
    *("procedure.routes.*.*.draws", "procedure.routes.*.*.draws.*", "procedure.routes.*.*.draws.*.cases.*.use"),
    *(
        "*.only",
        "procedure.routes.*.*.seizes",
        "reforms.*.set",
        "reforms.*.scale",
        "reforms.*.add",
        "reforms.*.evidence",
    ),
]


def is_own_name(trail: Trail) -> bool:
    """Whether the last key of a trail is a name that the author of the scenario chose."""
    parents = [str(key) for key in trail[:-1]]
    for pattern in OWN_NAMES:
        words = pattern.split(".")
        if words[0] == "*" and len(words) == 2:
            if parents[-1:] == words[1:]:
                return True
        elif len(words) == len(parents) and all(word in ("*", key) for word, key in zip(words, parents, strict=True)):
            return True
    return False


def keys_of(root: Node) -> Iterator[tuple[Trail, Place]]:
    """Every key of a tree with its place."""
    for trail, node in root.walk():
        if trail and isinstance(trail[-1], str) and node.key_place is not None:
            yield trail, node.key_place


LANGUAGE = [
    (trail, place)
    for trail, place in keys_of(parse_document(SMALL, "small.yaml"))
    if not is_own_name(trail) and trail[-1] != "cases"
]


def with_key(text: str, place: Place, old: str, new: str) -> str:
    """A text in which the key at a place is spelt differently."""
    lines = text.split("\n")
    line, column = lines[place.line - 1], place.column - 1
    assert line[column:].removeprefix('"').startswith(old)
    lines[place.line - 1] = line[:column] + line[column:].replace(old, new, 1)
    return "\n".join(lines)


def test_the_small_scenario_has_nearly_every_key_of_the_language():
    named = {str(trail[-1]) for trail, _ in LANGUAGE}
    schema = json_schema()
    known = {key for part in objects(schema) for key in part.get("properties", {})}
    assert known - named == {"imports", "csv", "column", "unit", "cases"}


@pytest.mark.parametrize(("trail", "place"), LANGUAGE, ids=[".".join(map(str, trail)) for trail, _ in LANGUAGE])
def test_a_misspelt_key_is_found_at_every_level(trail: Trail, place: Place):
    key = str(trail[-1])
    wrong = key[:-1] + "x" + key[-1] if len(key) > 2 else key + "x"
    found = problems(with_key(SMALL, place, key, wrong))
    said = [problem for problem in found if problem.startswith(f"{place}: ") and "unknown key" in problem]
    assert len(said) == 1, found
    if key == "before":  # no key of an activity itself
        return
    assert re.search(rf'{wrong}: unknown key; (did you mean "{key}"\?|known are .*\b{key}\b)', said[0]), said


@pytest.mark.parametrize("wrong", ["case", "casess", "Cases"])
def test_misspelt_cases_are_refused_where_they_stand(wrong: str):
    for trail, place in keys_of(parse_document(SMALL, "small.yaml")):
        if trail[-1] == "cases":
            found = problems(with_key(SMALL, place, "cases", wrong))
            assert any(problem.startswith(f"small.yaml:{place.line}:") for problem in found), found


REQUIRED = {
    "title: {en: Small port, zh: 小口岸}\n": ("title", "small.yaml:1:1"),
    "start: 2025-06-02, ": ("calendar.start", "small.yaml:3:11"),
    "zone: Asia/Shanghai, warm_up": ("calendar.zone", "small.yaml:3:11"),
    ", duration: 2 days": ("calendar.duration", "small.yaml:3:11"),
    "    direction: transit\n": ("demand.transit.direction", None),
    "    entity: train\n": ("demand.import.entity", None),
    "    arrivals: {every: 6 h, first: 30 min}\n": ("demand.transit.arrivals", None),
    "      zone: Asia/Almaty\n      open": ("procedure.rosters.shifts.zone", None),
    '{hours: "09:00-10:00", capacity: 1}': ("procedure.rosters.shifts.open.2.hours", None),
    "port: port, capacity: 3, roster": ("procedure.stations.desk.port", None),
    ", capacity: 90": ("procedure.stations.yard.capacity", None),
    "from: arrival, ": ("procedure.clocks.review.from", None),
    ", sd: 30 min": ("procedure.routes.export.drive.takes.lognormal.sd", None),
    ", of: 5 min": ("procedure.routes.export.inspect.takes.mixture.0.of", None),
    "    why: It is quicker.\n": ("reforms.quick.why", None),
    "scenario: small.yaml, ": ("reforms.quick.baseline.scenario", None),
    "      - subject: export\n        measure": ("reforms.quick.shows.0.subject", None),
    'grade: official, source: "https://example.org/a"': ("evidence.demand.export.arrivals.grade", None),
}
KEEP = {
    "      zone: Asia/Almaty\n      open": "      open",
    "zone: Asia/Shanghai, warm_up": "warm_up",
    "port: port, capacity: 3, roster": "capacity: 3, roster",
    '{hours: "09:00-10:00", capacity: 1}': "{capacity: 1}",
    "      - subject: export\n        measure": "      - measure",
    'grade: official, source: "https://example.org/a"': 'source: "https://example.org/a"',
}


@pytest.mark.parametrize("part", REQUIRED)
def test_a_missing_key_is_named_where_it_should_stand(part: str):
    path, place = REQUIRED[part]
    (problem,) = problems(spoilt((part, KEEP.get(part, ""))))
    where, said, sentence = problem.split(": ", 2)
    assert (said, sentence) == (path, "this key is required and missing")
    root = parse_document(SMALL, "small.yaml")
    around = root.find(next(trail[:-1] for trail, _ in root.walk() if dotted(trail) == path))
    assert around is not None
    assert where == (place or str(around.place))


@pytest.mark.parametrize("section", ["calendar", "demand", "procedure", "modes"])
def test_a_missing_section_is_named(section: str):
    text = re.sub(rf"^{section}:.*\n(  .*\n)*", "", SMALL, flags=re.MULTILINE)
    assert f"small.yaml:1:1: {section}: this key is required and missing" in problems(text)


WRONG_TYPES = {
    "replications: 2": [
        ("replications: 0", "2:3: replications: expected at least 1, found 0"),
        ("replications: 2.5", "expected a whole number, found 2.5"),
        ("replications: many", 'expected a whole number, found "many"'),
        ("replications: true", "expected a whole number, found true"),
        ('replications: "2"', 'expected a whole number, found "2"'),
        ("replications:", "expected a whole number, found nothing"),
        ("replications: [2]", "expected a whole number, found [2]"),
    ],
    "seed: 7": [("seed: -1", "seed: expected at least 0, found -1")],
    "title: Export": [("title: 5", "title: expected a mapping of keys to values, found 5")],
    "entity: train": [
        ("entity: Train", "expected a name of lower-case letters, digits and underscores"),
        ("entity: 5", "expected a name of lower-case letters"),
    ],
    "direction: transit": [
        ("direction: imports", "expected 'export', 'import', 'transit' or 'domestic', found \"imports\"")
    ],
    "[1, 1, 1, 1, 1, 0.8, 0.5]": [
        ("[1, 1, 1, 1, 1, 0.8]", "weekdays: expected at least 7 entries, found [1, 1, 1, 1, 1, 0.8]"),
        ("[1, 1, 1, 1, 1, 0.8, 0.5, 1]", "weekdays: expected at most 7 entries"),
        ("[1, 1, 1, 1, 1, 0.8, true]", "weekdays.6: expected a number, found true"),
        ('[1, 1, 1, 1, 1, 0.8, "1"]', 'weekdays.6: expected a number, found "1"'),
        ("[1, 1, 1, 1, 1, 0.8, -1]", "weekdays.6: expected at least 0"),
        ("[0, 0, 0, 0, 0, 0, 0]", "expected at least one weight above 0"),
        ("1", "weekdays: expected a list, found 1"),
    ],
    '["06:30", "18:00"]': [
        ('["6:30"]', 'expected a time of day in quotes such as "06:30"'),
        ('["24:00"]', 'expected a time of day in quotes such as "06:30"'),
        ("[0630]", "YAML 1.1 reads 0630 as an octal number"),
        ("[]", "timetable: expected at least 1 entries"),
    ],
    "days: [mon, tue, wed], late": [
        ("days: [monday], late", "expected 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'")
    ],
    "{every: 6 h, first: 30 min}": [
        (
            "{every: 6 h, rate: 4 per day}",
            "expected exactly one of rate, every, timetable, recorded, aboard; found rate and every",
        ),
        ("{every: 6 h, days: [mon]}", "`days` goes with `timetable`, not with `every`"),
        ("{every: 0 s}", "every: expected more than 0"),
        ("{}", "expected exactly one of rate, every, timetable, recorded, aboard; found none"),
    ],
    "{grain: 40%, ore: 60%}": [
        ("{grain: 40%, ore: 50%}", "expected shares that sum to 100%, found 90%"),
        (
            "{Grain: 40%, ore: 60%}",
            "one_of.Grain: expected a name of lower-case letters, digits and underscores, such as",
        ),
        ("[grain, ore]", "expected a mapping of keys to values"),
    ],
    "aeo: {share: 12%}": [
        ("aeo: {}", "expected `share` or `one_of`"),
        ("aeo: 12%", "expected a mapping of keys to values"),
        ("aeo: {share: 112%}", "expected a share from 0% to 100%"),
    ],
    "zone: Asia/Shanghai, open": [
        ("zone: Beijing, open", 'expected a time zone such as Asia/Shanghai or Asia/Almaty, found "Beijing"'),
        ("zone: Asia, open", "expected a time zone such as"),
        ("zone: ../Asia, open", "expected a time zone such as"),
        ("zone: /etc/localtime, open", "expected a time zone such as"),
        ("zone: 8, open", "expected a time zone such as"),
    ],
    '["08:00-20:00"]': [
        (
            '["8:00-20:00"]',
            'expected opening hours such as "10:00-20:00", "20:00-08:00" (past midnight) or "00:00-24:00"',
        ),
        ('["08:00-24:30"]', "expected opening hours such as"),
        ('["08:00-08:00"]', "expected a closing time other than the opening time"),
        ('["00:00-00:00"]', 'write "00:00-24:00" for the whole day'),
        ("[]", "open: expected at least 1 entries"),
        ('"08:00-20:00"', "open: expected a list"),
    ],
    '["2025-06-09"]': [
        ('["2025-06-31"]', 'expected a date "2025-10-01", dates "2025-10-01..2025-10-03"'),
        ('["2025-06-09..2025-06-08"]', "expected a closure that ends after it begins"),
        ('["2025-06-09 10:00"]', "expected a date"),
        ('["2025-06-09 10:00..2025-06-09 10:00"]', "expected a closure that ends after it begins"),
    ],
    "share: 50%}\n        - {hours": [
        ("share: 50%, capacity: 1}\n        - {hours", "expected `share` or `capacity`, not both")
    ],
    "start: 2025-06-02": [
        ("start: 2025-02-29", 'expected a date from 1900 to 2199 such as 2025-06-02, found "2025-02-29"'),
        ("start: 02.06.2025", "expected a date"),
        ("start: 20250602", "expected a date"),
        ("start: 0001-01-01", "expected a date from 1900 to 2199"),
        ("start: 9999-12-31", "expected a date from 1900 to 2199"),
        ("start: 2025-W23-1", "expected a date"),
    ],
    "capacity: 3": [
        ("capacity: 0", "expected at least 1, found 0"),
        ("capacity: 1000001", "expected at most 1000000, found 1000001"),
        ("capacity: 3.0", "expected a whole number, found 3.0"),
        ("capacity: 3 lanes", 'expected a whole number, found "3 lanes"'),
    ],
    "after: drive": [
        ("after: [drive, drive]", "expected each name once"),
        ("after: {drive: 1}", "expected a name of lower-case letters"),
        (
            "after: Drive",
            'digits and underscores, such as khorgos_road_scanner, found "Drive"',
        ),
    ],
    "{yard: 40}": [
        ("{yard: 0}", "expected a whole number of at least 1 behind each name"),
        ("{yard: 4.5}", "expected a whole number of at least 1 behind each name"),
    ],
    "only: {channel: [red], image: suspect}": [
        ("only: [red]", "expected conditions such as {channel: [yellow, red]} or {aeo: true}"),
        ("only: {}", "expected conditions such as"),
        ("only: {channel: []}", "expected an outcome or a list of outcomes for channel"),
        ("only: {channel: 3}", "expected an outcome or a list of outcomes for channel"),
    ],
    "            - {use: 15 min}\n": [
        ("", "expected the last case to be without `only`, so that every entity finds a case"),
        (
            "            - {use: 15 min}\n            - {use: 5 min}\n",
            "expected only the last case to be without `only`",
        ),
    ],
    "{red: 10%, green: 90%}": [
        ("{red: 10%, green: 80%}", "expected shares that sum to 100%, found 90%"),
        ("{red: 10%, Green: 90%}", "expected a name of lower-case letters"),
    ],
    "priority: -1": [
        ("priority: -1000001", "expected at least -1000000, found -1000001"),
        ("priority: -1.5", "expected a whole number, found -1.5"),
        ("priority: high", "expected a whole number"),
    ],
    "[gate_in.ready, receive.ready]": [
        ("[gate_in, receive.ready]", "expected `arrival` or a point such as gate_in.ready, scan.start or gate_out.end"),
        ("gate_in.begin", "expected `arrival` or a point such as"),
    ],
    "smart: {port: [quick]}": [
        ("smart: quick", "expected a list of reforms, or for each port a list of reforms"),
        ("smart: [quick, quick]", "expected each reform once"),
        ("smart:", "expected a list of reforms"),
    ],
    "effect: lower": [("effect: less", "expected 'lower', 'higher' or 'none'")],
    "grade: press": [("grade: rumour", "expected 'official', 'survey', 'press', 'benchmark' or 'assumption'")],
    '"routes.export.document_review.takes": 0.5': [
        ('"routes.export.document_review.takes": 0', "expected more than 0"),
        ('"routes.export.document_review.takes": 50%', 'expected a number, found "50%"'),
        ('"routes.export.document_review.takes": true', "expected a number, found true"),
    ],
    'grade: official, source: "https://example.org/a", note': [
        ("grade: official, note", "the grade official needs a `source`")
    ],
    "grade: assumption, note: a guess": [
        ("grade: assumption", "an assumption needs a `note` that says why this value")
    ],
}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [(old, new, sentence) for old, changes in WRONG_TYPES.items() for new, sentence in changes],
    ids=[f"{old}|{new}"[:60] for old, changes in WRONG_TYPES.items() for new, _ in changes],
)
def test_a_wrong_value_is_named_with_what_was_wanted(old: str, new: str, sentence: str):
    text = spoilt((old, new))
    found = problems(text)
    assert len(found) == 1, found
    assert sentence.removeprefix("2:3: ") in found[0]
    line = int(found[0].split(":")[1])
    assert abs(line - SMALL[: SMALL.index(old)].count("\n") - 1) <= 8, "the place is near the change"


QUANTITIES = [
    (match.start(2), match[2])
    for match in re.finditer(
        r"([\[ ])(\d+(?:\.\d+)?(?:%| (?:days?|min|h|s|(?:(?:CNY|L|kg) )?per \w+|CNY))|PT2M|1分钟)(?=[\]},\n])", SMALL
    )
]


@pytest.mark.parametrize(("position", "quantity"), QUANTITIES, ids=[f"{at}: {text}" for at, text in QUANTITIES])
def test_a_bare_number_is_refused_wherever_a_unit_belongs(position: int, quantity: str):
    number = re.sub(r"[^\d.]", "", quantity)
    text = SMALL[:position] + number + SMALL[position + len(quantity) :]
    found = problems(text)
    line = SMALL[:position].count("\n") + 1
    column = position - SMALL.rfind("\n", 0, position)
    sentences = [problem for problem in found if problem.startswith(f"small.yaml:{line}:{column}: ")]
    assert len(sentences) == 1, found
    assert re.search(
        r'(with its (unit|percent sign)|in \w+.*|for each period), such as ".*", found ' + re.escape(number),
        sentences[0],
    )


def test_there_are_many_quantities():
    assert len(QUANTITIES) >= 40


def test_all_problems_of_all_files_are_said_at_once():
    text = spoilt(
        ("replications: 2", "replicatons: 2"),
        ("smart: {port: [quick]}", "smart: [quick, broken, nobody]"),
        text=HEAD + MODES,
    )
    text = (
        text.replace("grade: assumption, note: a guess", "grade: assumption")
        + "  routes.no.such: {grade: press, source: x}\n"
    )
    more = {
        "one": spoilt(("rate: 40 per day", "rate: 40"), text=WORLD),
        "two": spoilt(("capacity: 90", "capacty: 90"), text=PROCEDURE),
        "reforms__broken": "title: Broken\nwhy: it is\nscal: {routes.*.scan.takes: 0.5}\n",
        "reforms__unused": "title: Unused\n",
    }
    found = problems(f"imports: [one.yaml, two.yaml]\n{text}", **more)
    note = "an assumption needs a `note` that says why this value"
    assert sorted(re.sub(r":\d+:\d+", "", problem) for problem in found) == [
        'one.yaml: demand.export.arrivals.rate: expected a rate with its unit, such as "300 per day", found 40',
        'reforms/broken.yaml: scal: unknown key; did you mean "scale"?',
        "small.yaml: evidence.routes.no.such: this address matches nothing in the scenario",
        f"small.yaml: evidence.stations.*.capacity: {note}, found {{grade: assumption}}",
        'small.yaml: modes: there is no reform "nobody" in this scenario or in reforms/; known are broken, quick',
        'small.yaml: replicatons: unknown key; did you mean "replications"?',
        'two.yaml: procedure.stations.yard.capacty: unknown key; did you mean "capacity"?',
    ]


def test_two_files_that_are_no_yaml_are_both_named():
    found = problems(f"imports: [one.yaml, two.yaml]\n{HEAD}{MODES}", one="a: NO\n", two="a: [1\n")
    assert [problem.split(":")[0] for problem in found] == ["one.yaml", "two.yaml"]


def test_a_file_that_is_no_yaml_does_not_hide_the_others():
    found = problems(f"imports: [one.yaml]\nx: NO\n{HEAD}{PROCEDURE}{MODES}", one="a: OFF\n")
    assert [problem.split(":")[0] for problem in found] == ["small.yaml", "one.yaml"]


def test_a_reform_in_the_folder_and_in_the_scenario_is_refused():
    (problem,) = problems(SMALL, reforms__quick="title: Quick\nwhy: it is\n")
    line = 1 + SMALL[: SMALL.index("  quick:")].count("\n")
    assert problem == f"small.yaml:{line}:3: reforms.quick: stands in the folder reforms too; rename one"


def test_evidence_at_what_is_no_address_is_refused_with_its_place():
    text = f"{SMALL}  stations: {{grade: assumption, note: a guess}}\n  tracks.one: {{grade: press, source: x}}\n"
    line = text.count("\n")
    one, two = problems(text)
    assert one == f"small.yaml:{line - 1}:3: evidence.stations: expected an address such as stations.NAME.KEY"
    assert two.startswith(f"small.yaml:{line}:3: evidence.tracks.one: an address begins with routes. or stations. or ")


# ------------------------------------------------------------------------------------ mistakes in shipped scenarios

LETTERS = "abcdefghijklmnopqrstuvwxyz_"


def shipped_keys() -> list[tuple[str, Trail, Place]]:
    """File, trail and place of every key of every shipped file."""
    found = []
    for file in sorted(SCENARIOS.rglob("*.yaml")):
        name = file.relative_to(SCENARIOS).as_posix()
        found += [(name, trail, place) for trail, place in keys_of(read_document(file, name))]
    return found


def mutated(key: str, chance: random.Random) -> str:
    """A key with one character changed, lost, doubled or added."""
    at = chance.randrange(len(key))
    return chance.choice(
        [
            key[:at] + chance.choice(LETTERS.replace(key[at].lower(), "")) + key[at + 1 :],
            key[:at] + key[at + 1 :] if len(key) > 1 else key + "z",
            key[:at] + chance.choice(LETTERS.replace(key[at].lower(), "")) + key[at:],
        ]
    )


def trial_of(reform: Path) -> str:
    """A scenario file that applies one reform to its baseline."""
    baseline = read_document(reform, reform.name).plain()["baseline"]
    said = read_scenario(SCENARIOS / baseline["scenario"]).root.plain()
    said.pop("imports", None)
    return json.dumps({**said, "modes": {"trial": {port: [reform.stem] for port in baseline["ports"]}}})


def importers() -> dict[str, str]:
    """For every file that is imported the smallest scenario that does."""
    found: dict[str, str] = {}
    for file in sorted(SHIPPED, key=lambda file: len(read_scenario(file).demand)):
        for imported in read_document(file, file.name).plain().get("imports", []):
            found.setdefault(imported, file.name)
    return found


RENAMED = re.compile(
    r"disruptions\.\w+|modes\.\w+|procedure\.clocks\.\w+|procedure\.routes\.\w+\.\w+|demand\.\w+\.attributes\.\w+"
)


def names_something(trail: Trail) -> bool:
    """Whether to change a key is to rename something. Where others refer to it, the slip is told there."""
    said = dotted(trail)
    is_outcome = ".draws." in said or ".targets." in said
    return RENAMED.fullmatch(said) is not None or is_outcome or "add" in trail[-2:-1]


def may_be_renamed(trail: Trail) -> bool:
    """Whether to change a key is to rename something to which nothing else has to refer, or a pattern still fits."""
    return names_something(trail) or "*" in str(trail[-1])


def said_about(scenario: str) -> list[Problem]:
    """Everything wrong with a scenario."""
    try:
        load(scenario)
    except InputError as error:
        return error.problems
    return []


@pytest.mark.parametrize("count", [80, pytest.param(None, marks=pytest.mark.nightly)], ids=["some", "all"])
def test_a_slip_in_any_key_of_the_shipped_scenarios_is_refused(count: int | None):
    shutil.copytree(SCENARIOS, ".", dirs_exist_ok=True)
    imported = importers()
    for reform in SCENARIOS.glob("reforms/*.yaml"):
        write({f"trial_{reform.stem}.yaml": trial_of(reform)})
    keys = shipped_keys()
    assert len(keys) > 2000
    chance = random.Random(20250602)  # the same slips every time
    accepted, misplaced = [], []
    for name, trail, place in chance.sample(keys, count or len(keys)):
        file, key = Path(name), str(trail[-1])
        wrong = mutated(key, chance)
        scenario = f"trial_{file.stem}.yaml" if file.parent.name == "reforms" else imported.get(name, name)
        right = file.read_text(encoding="utf-8")
        file.write_text(with_key(right, place, key, wrong), encoding="utf-8")
        found = said_about(scenario)
        file.write_text(right, encoding="utf-8")
        slip = f"{place}: {dotted(trail)} as {wrong}"
        if not found and not may_be_renamed(trail):
            accepted.append(slip)
        assert all(problem.place is not None for problem in found), slip
        if found and not is_own_name(trail) and not names_something(trail) and "cases" not in trail:
            lines = {(problem.place.file, problem.place.line) for problem in found if problem.place is not None}
            if (place.file, place.line) not in lines:
                misplaced.append(f"{slip}\n{found[0]}")
    assert not accepted, "\n".join(accepted)
    assert not misplaced, "\n".join(misplaced)


# ------------------------------------------------------------------------------------------------------ the schema


def objects(schema: object) -> Iterator[dict[str, Any]]:
    """Every object inside a JSON document."""
    if isinstance(schema, dict):
        yield schema
        for child in schema.values():
            yield from objects(child)
    elif isinstance(schema, list):
        for child in schema:
            yield from objects(child)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


def test_the_schema_is_a_schema(validator: jsonschema.Draft202012Validator):
    jsonschema.Draft202012Validator.check_schema(validator.schema)
    for part in objects(validator.schema):
        if "$ref" in part:
            assert part["$ref"].removeprefix("#/$defs/") in validator.schema["$defs"]
        if isinstance(part.get("pattern"), str):
            re.compile(part["pattern"])


def test_the_schema_explains_every_key_and_knows_no_other(validator: jsonschema.Draft202012Validator):
    for part in objects(validator.schema):
        if isinstance(part.get("properties"), dict):
            assert part.get("additionalProperties") is False, part.get("title")
            silent = [key for key, field in part["properties"].items() if "description" not in field]
            assert not silent, f"{part.get('title')}: {silent}"


@pytest.mark.parametrize("file", SHIPPED, ids=[file.stem for file in SHIPPED])
def test_every_shipped_scenario_fits_the_schema(file: Path, validator: jsonschema.Draft202012Validator):
    said = read_scenario(file).root.plain()
    assert [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(said)] == []


def test_the_small_scenario_fits_the_schema_and_so_does_what_is_written_of_it(
    validator: jsonschema.Draft202012Validator,
):
    scenario = loaded()
    for said in (scenario.root.plain(), scenario.document(), json.loads(json.dumps(scenario.document()))):
        validator.validate(said)


@pytest.mark.parametrize(
    "change",
    [
        ("capacity: 3", "capacity: 0"),
        ("capacity: 3", "capacty: 3"),
        ("takes: PT2M", "takes: 2"),
        ("takes: PT2M", "takes: two minutes"),
        ("takes: PT2M", "takes: {constnt: 2 min}"),
        ("takes: PT2M", "takes: {constant: 2 min, exponential: 2 min}"),
        ("aeo: {share: 12%}", "aeo: {share: 0.12}"),
        ("rate: 40 per day", "rate: 40"),
        ("direction: transit", "direction: through"),
        ("replications: 2", "replications: two"),
        ("from: arrival, to", "from: arrive, to"),
        ("title: Export", "title: {en: Export, cn: 出口}"),
        ("grade: press", "grade: rumour"),
        ("priority: -1", "priority: first"),
        ("days: [mon, tue, wed], late", "days: [monday], late"),
        ("    direction: transit\n", ""),
    ],
    ids="->".join,
)
def test_the_schema_refuses_what_the_program_refuses(
    change: tuple[str, str], validator: jsonschema.Draft202012Validator
):
    text = spoilt(change)
    assert problems(text)
    assert list(validator.iter_errors(parse_document(text, "small.yaml").plain()))


def test_the_schema_allows_every_form_of_a_value(validator: jsonschema.Draft202012Validator):
    forms = {
        "title: Export": ["title: {en: Export, zh: 出口}", "title: {en: Export}", "title: {zh: 出口}"],
        "takes: PT2M": ["takes: 2 min", "takes: 1 h 30 min", "takes: 2分钟", "takes: {constant: 2 min}"],
        "aeo: {share: 12%}": ["aeo: {share: 12.5%}", "aeo: {share: 12 %}"],
        "rate: 40 per day": ["rate: 40/day", "rate: 每天40", "rate: 2 per hour"],
        "after: drive": ["after: [drive]"],
        "seizes: yard": ["seizes: [yard]", "seizes: {yard: 2}"],
        "releases: yard": ["releases: [yard]"],
        "from: arrival,": ["from: [arrival],", "from: [scan.start, arrival],"],
        "smart: {port: [quick]}": ["smart: [quick]", 'smart: {"*": [quick]}'],
        "smart: {port: [quick]}\nreforms": ["smart: []\nreforms"],
        "priority: -1": ["priority: {cases: [{only: {aeo: true}, use: -2}, {use: -1}]}"],
        '["2025-06-09"]': ['["2025-06-09..2025-06-11", "2025-06-12 08:00..2025-06-12 10:00"]'],
    }
    for old, changes in forms.items():
        for new in changes:
            text = spoilt((old, new))
            assert loaded(text)
            errors = list(validator.iter_errors(parse_document(text, "small.yaml").plain()))
            assert not errors, f"{new}: {errors[0].message[:300]}"
