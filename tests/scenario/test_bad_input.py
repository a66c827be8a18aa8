"""Scenario files wrong in every way that chance and malice find: one line a problem, with its place, in time."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import LONGEST, InputError, Place, Problem
from sim.scenario.document import parse_document
from sim.scenario.loading import load
from sim.study.runs import mode_job
from tests.scenario.small import SMALL, spoilt

ROOT = Path(__file__).parent.parent.parent
TREE = parse_document(SMALL, "small.yaml").plain()


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said_about(content: str | bytes) -> list[str] | None:
    """What is said about a file; None if it is accepted, and then runs can be prepared from it."""
    file = Path("small.yaml")
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    try:
        scenario = load(file)
    except InputError as error:
        found = error.problems
    else:
        for mode in scenario.modes:
            mode_job(scenario, mode)
        return None
    assert found
    for problem in found:
        assert problem.place is not None, problem
        text = str(problem)
        assert len(text) <= LONGEST + 10
        assert text.isprintable()
        assert text.startswith(f"small.yaml:{problem.place.line}:{problem.place.column}: ")
    return [str(problem) for problem in found]


# Slips of the finger

SIGNS = st.sampled_from(
    [*" \t\n:-,[]{}#&*!|>'\"%@`?~\\/.", *"0159aehnoxyzNY_", "\0", "\x1b", "\x85", "é", "口", "\ufeff"]
)


@st.composite
def slips(draw: st.DrawFn) -> str:
    """The small scenario with a few characters or lines changed."""
    text = SMALL
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text) - 1))
        sign = draw(SIGNS)
        lines = text.splitlines(keepends=True)
        number = text.count("\n", 0, at)
        ways = [
            text[:at] + sign + text[at:],
            text[:at] + sign + text[at + 1 :],
            text[:at] + text[at + 1 :],
            "".join([*lines[:number], *lines[number + 1 :]]),
            "".join([*lines[: number + 1], *lines[number:]]),
            "".join([*lines[:number], " " + lines[number], *lines[number + 1 :]]),
            text[:at],
        ]
        text = draw(st.sampled_from(ways)) or " "
    return text


@given(slips())
@settings(max_examples=300)
def test_a_slip_of_the_finger_has_its_place_or_leaves_a_scenario(text: str):
    said_about(text)


@given(st.integers(0, len(SMALL.encode()) - 1), st.integers(0, 255))
@settings(max_examples=100)
def test_a_changed_byte_has_its_place_or_leaves_a_scenario(at: int, byte: int):
    content = bytearray(SMALL.encode())
    content[at] = byte
    said_about(bytes(content))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_place(content: bytes):
    assert said_about(content)


# Values of another kind

SCALARS = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 10**14, -(10**14), 10**400, 0.5, -0.5, 1e300, 5e-324),
        *("", " ", "a", "0", "1e400", "1e9999 h", "-5 min", "5", "5 h", "5 min 5 h", "1e3 per day", "0 per day", "nan"),
        *("100%", "101%", "0%", "-1%", "5 CNY", "9" * 90 + " h", "9" * 5000 + " h", "9" * 5000 + "%", "9" * 5000),
        *("0." + "0" * 80 + "1 h", "99 years", "gate_in", "gate_in.ready", "port", "export", "import", "arrival", "*"),
        *(
            "quick at 5%",
            "quick at",
            "routes.*.*.takes",
            "../x",
            "/etc/passwd",
            "a\0b",
            "a\nb",
            "\x1b[31m",
            "2025-06-02",
        ),
        *("2025-06-02 10:00", "9999-12-31 23:59", "24:00", "00:00-24:00", "Asia/Shanghai", "UTC", "{port}", "x" * 5000),
    ]
)
NODES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(
        st.sampled_from(["cases", "use", "only", "a", "share", "constant", "en", "port"]), SCALARS, max_size=3
    ),
    st.just({"csv": "a\0", "column": "x"}),
    st.just({"csv": "a" * 5000, "column": "x"}),
    st.just({"csv": ".", "column": "x"}),
)


def places(value: Any, trail: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The trail of every node below a value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, child in children for found in ((*trail, key), *places(child, (*trail, key)))]


PLACES = places(TREE)


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    """The small scenario with values of another kind, and keys lost, added and moved."""
    tree = json.loads(json.dumps(TREE))
    for trail in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=2)):
        try:
            node = tree
            for key in trail[:-1]:
                node = node[key]
            node[trail[-1]]
        except (LookupError, TypeError):  # went with the first change
            continue
        way = draw(st.sampled_from(["value", "value", "lose", "add", "copy"]))
        if way == "value":
            node[trail[-1]] = draw(NODES)
        elif way == "lose":
            del node[trail[-1]]
        elif way == "add" and isinstance(node, dict):
            node[draw(st.sampled_from(["x", "takes", "cases", "imports", "a b", "é", "", "*", "1"]))] = draw(NODES)
        else:
            other = tree
            for key in draw(st.sampled_from(PLACES)):
                if not isinstance(other, dict | list) or (isinstance(other, dict) and key not in other):
                    break
                if isinstance(other, list) and not (isinstance(key, int) and key < len(other)):
                    break
                other = other[key]
            node[trail[-1]] = json.loads(json.dumps(other))
    return tree


@given(mutants())
@settings(max_examples=400)
def test_a_value_of_another_kind_has_its_place_or_leaves_a_scenario(tree: dict[str, Any]):
    said_about(json.dumps(tree, indent=1, ensure_ascii=True))


@pytest.mark.nightly
@given(mutants() | slips())
@settings(max_examples=20_000)
def test_thousands_of_wrong_scenarios_have_their_places(wrong: dict[str, Any] | str):
    said_about(wrong if isinstance(wrong, str) else json.dumps(wrong, indent=1))


# Single findings

CSV = "small.yaml:35:32: csv"
NO_MOMENT = "demand.cars.arrivals.recorded.values.0: expected a date with a time such as 2025-06-02 14:35:00"
RECORDED = '{values: ["2025-06-03 08:00", "2025-06-03T09:30:00+06:00"]}'


@pytest.mark.parametrize(
    ("imports", "sentence"),
    [
        ('["a\\0b.yaml"]', "a\\x00b.yaml is no name that a file can have; mend it"),
        (f"[{'a' * 500}.yaml]", "is no name that a file can have; mend it"),
        ("[1]", "expected the name of a file, found 1"),
        ("[[a]]", "expected the name of a file, found ['a']"),
        ("[.]", "there is no file . beside this one"),
    ],
)
def test_an_import_that_can_be_no_file(imports: str, sentence: str):
    (said,) = said_about(f"imports: {imports}\n{SMALL}") or []
    assert said.startswith("small.yaml:1:11: imports: ")
    assert said.endswith(sentence)


def test_a_clock_without_a_point():
    said = said_about(spoilt(("review: {from: arrival,", "review: {from: [],")))
    sentence = "expected at least one point, such as arrival or gate_out.end, found []"
    assert said == [f"small.yaml:154:20: procedure.clocks.review.from: {sentence}"]


def test_imports_of_an_imported_file_are_a_list_too():
    Path("one.yaml").write_text("imports: two.yaml\n", encoding="utf-8")
    Path("small.yaml").write_text(f"imports: [one.yaml]\n{SMALL}", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load("small.yaml")
    assert str(caught.value) == "one.yaml:1:10: imports: expected a list, found two.yaml"


def test_a_chain_of_imports_has_an_end():
    for number in range(100):
        Path(f"i{number}.yaml").write_text(f"imports: [i{number + 1}.yaml]\n", encoding="utf-8")
    Path("small.yaml").write_text(f"imports: [i0.yaml]\n{SMALL}", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load("small.yaml")
    assert str(caught.value) == "i39.yaml:1:11: imports: imports are nested deeper than 40 files"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "arrived,arrived\n2025-06-03 08:00,1\n",
            'small.yaml:35:32: column: a.csv has the column "arrived" twice; keep one',
        ),
        (
            "x,arrived\n1,2025-06-03 08:00\n2,2025-06-03 08:00,3\n",
            "a.csv:3:2: csv: this row has more cells than the 2 of the first; put commas in quotes",
        ),
        (
            "arrived\n2025-06-03 08:00\0\n",
            f'a.csv:2:1: {NO_MOMENT}, found "2025-06-03 08:00\\x00"',
        ),
        (
            'arrived\n"2025-06-03 08:00\n2025-06-03 09:00\n',
            f'a.csv:3:1: {NO_MOMENT}, found "2025-06-03 08:00\\n2025-06-03 09:00"',
        ),
        (
            "arrived\n" + "x" * 200_000,
            f"{CSV}: a.csv cannot be read as a CSV file in UTF-8: field larger than field limit (131072)",
        ),
        (None, f"{CSV}: a.csv is no file; name a CSV file"),
    ],
    ids=["column twice", "cells", "NUL", "quote", "huge cell", "folder"],
)
def test_a_table_that_is_wrong(content: str | None, said: str):
    if content is None:
        Path("a.csv").mkdir()
    else:
        Path("a.csv").write_text(content, encoding="utf-8", newline="")
    Path("small.yaml").write_text(spoilt((RECORDED, "{csv: a.csv, column: arrived}")), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load("small.yaml")
    assert str(caught.value) == said


def test_a_table_that_is_too_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sim.scenario.loading.LONGEST_TABLE", 3)
    Path("a.csv").write_text("arrived\n" + "2025-06-03 08:00\n" * 3, encoding="utf-8")
    recorded = spoilt((RECORDED, "{csv: a.csv, column: arrived}"))
    assert said_about(recorded) is None
    Path("a.csv").write_text("arrived\n" + "2025-06-03 08:00\n" * 4, encoding="utf-8")
    assert said_about(recorded) == [f"{CSV}: a.csv has more than 3 rows"]


def test_a_table_without_rows_has_the_place_where_it_is_named():
    Path("a.csv").write_text("arrived\n", encoding="utf-8")
    (said,) = said_about(spoilt((RECORDED, "{csv: a.csv, column: arrived}"))) or []
    assert said.startswith("small.yaml:35:26: demand.cars.arrivals.recorded: expected `csv` and `column`, or")


def test_the_order_of_recorded_arrivals_and_blank_lines_change_nothing():
    prints = set()
    for rows in (["08:00", "09:00", "10:00"], ["10:00", "", "08:00", "09:00", ""]):
        lines = [f"2025-06-03 {row}" if row else "" for row in rows]
        Path("a.csv").write_text("\n".join(["arrived", *lines]) + "\n", encoding="utf-8")
        Path("small.yaml").write_text(spoilt((RECORDED, "{csv: a.csv, column: arrived}")), encoding="utf-8")
        prints.add(tuple(sorted(load("small.yaml").demand["cars"].arrivals.recorded.values)))
    assert len(prints) == 1


def test_a_problem_is_one_line_that_a_terminal_can_show():
    text = str(Problem(Place("x.yaml", 1, 2), "a\nb", f"found \x1b[31m口岸 {'k' * 5000}; the cure"))
    assert text.startswith("x.yaml:1:2: a\\nb: found \\x1b[31m口岸 kkk")
    assert text.endswith("kkk; the cure")
    assert len(text) == LONGEST + len(" ... ")


# Bounds of time and memory

HEAVY = {
    "digits": spoilt(("takes: PT2M", f"takes: {'9' * 300_000} h")),
    "digits in quotes": spoilt(("takes: PT2M", f'takes: "{"9" * 300_000} h"')),
    "digits of a rate": spoilt(("rate: 40 per day", f"rate: {'9' * 300_000} per day")),
    "digits of a share": spoilt(("aeo: {share: 12%}", f"aeo: {{share: 0.{'0' * 300_000}1%}}")),
    "underscores": spoilt(("takes: PT2M", f"takes: {'1_' * 150_000}x")),
    "colons": spoilt(("takes: PT2M", f"takes: {'1:' * 150_000}x")),
    "depth": "a: " + "[" * 400_000,
    "depth of keys": "a: " + "{a: " * 100_000,
    "depth of lines": "".join(" " * depth + "a:\n" for depth in range(2000)),
    "bomb": SMALL + "x0: &x0 [a, a]\n" + "".join(f"x{n}: &x{n} [{f'*x{n - 1}, ' * 9}]\n" for n in range(1, 20)),
    "alias inside itself": "a: &a [*a]",
    "one key": spoilt(("title: Export", f"{'k' * 1_000_000}: Export")),
    "keys": "".join(f"k{number}: {number}\n" for number in range(250_000)),
    "values": f"{SMALL}zz: [{'1,' * 240_000}1]\n",
    "size": f"{SMALL}#{'x' * 10_000_000}",
}
LOADER = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
from sim.errors import InputError
from sim.scenario.loading import load
try:
    load("small.yaml")
except InputError as error:
    print(error.problems[0])
    raise SystemExit(2)
"""


@pytest.mark.parametrize("name", HEAVY)
def test_what_is_heavy_is_refused_within_a_minute_and_two_gigabytes(name: str):
    Path("small.yaml").write_text(HEAVY[name], encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-c", LOADER], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr[-1000:]
    assert done.stdout.startswith("small.yaml:")
    assert len(done.stdout) < LONGEST + 10
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 60
