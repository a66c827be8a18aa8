"""YAML means the same to every tool or is refused: with the place, and with the cure, and everything at once."""

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, Place
from sim.scenario.document import DEEPEST, LARGEST_FILE, Node, dotted, node_of, parse_document, read_document


def refused(text: str) -> list[str]:
    """Parse a text that is wrong and return its problems as users see them."""
    with pytest.raises(InputError) as caught:
        parse_document(text, "x.yaml")
    return [str(problem) for problem in caught.value.problems]


def value(text: str) -> object:
    """What a plain scalar is read as."""
    plain = parse_document(f"a: {text}", "x.yaml").plain()
    return plain["a"]


TRUE_OR_FALSE = 'YAML 1.1 reads {0} as true or false; write "{0}" in quotes, or true/false'
BASE_60 = 'YAML 1.1 reads {0} as a number to the base of 60; write "{0}"'
OCTAL = 'YAML 1.1 reads {0} as an octal number; write "{0}" for a code, without the 0 for a number'
SURPRISES = [
    *((text, TRUE_OR_FALSE) for text in ("NO", "no", "No", "yes", "Y", "y", "n", "N", "on", "Off", "OFF")),
    *((text, BASE_60) for text in ("8:00", "17:30", "12:30:45", "190:20:30.15", "-1:30", "0:00")),
    *((text, OCTAL) for text in ("0101", "007", "00", "-017", "+07", "09", "0_1")),
    *((text, "write {0} as a decimal number") for text in ("0x1F", "0xff_ff", "0b101", "0o17", "-0x1")),
    *((text, "write {0} without underscores") for text in ("1_000", "1_000.5", "+2_0")),
    *((text, "YAML 1.1 reads {0} as text; write the number out") for text in ("1e6", "1.5E3", "1e-3", ".5e1", "-2e+6")),
    *(
        (text, "{0} is not a quantity; write a finite number")
        for text in (".inf", "-.inf", "+.Inf", ".INF", ".nan", ".NaN", ".NAN")
    ),
]


@pytest.mark.parametrize(("text", "sentence"), SURPRISES, ids=[text for text, _ in SURPRISES])
def test_what_yaml_versions_read_differently_is_refused(text: str, sentence: str):
    assert refused(f"b: 1\na: {text}") == [f"x.yaml:2:4: {sentence.format(text)}"]
    assert refused(f"a: [x, {text}]") == [f"x.yaml:1:8: {sentence.format(text)}"]


@pytest.mark.parametrize("text", [text for text, _ in SURPRISES])
def test_in_quotes_it_is_a_text(text: str):
    assert value(f'"{text}"') == text
    assert value(f"'{text}'") == text
    assert parse_document(f"a: |-\n  {text}\n", "x.yaml").plain() == {"a": text}


@pytest.mark.parametrize("key", ["NO", "8:00", "0101", "on"])
def test_a_key_is_no_better_than_a_value(key: str):
    assert refused(f"{key}: 1")[0].startswith(f"x.yaml:1:1: YAML 1.1 reads {key} as ")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0.4", 0.4),
        (".5", 0.5),
        ("1.", 1.0),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("2025-06-02", "2025-06-02"),
        ("10:00-20:00", "10:00-20:00"),
        ("15 min", "15 min"),
        ("15分钟", "15分钟"),
        ("12%", "12%"),
        ("300 per day", "300 per day"),
        ("none", "none"),
        ("northern", "northern"),
        ("1.2.3", "1.2.3"),
        ("e6", "e6"),
        ("0.5 h", "0.5 h"),
    ],
)
def test_a_plain_scalar_is_what_it_looks_like(text: str, meaning: object):
    found = value(text)
    assert found == meaning
    assert type(found) is type(meaning)


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=8))
def test_what_is_accepted_means_the_same_in_yaml_1_1(text: str):
    # PyYAML speaks 1.1: either both read the same, or the scalar is refused. Dates are the exception, they stay texts.
    try:
        ours = value(text)
    except InputError:
        return
    theirs = yaml.safe_load(f"a: {text}")["a"]
    assert ours == theirs or (isinstance(ours, str) and str(theirs) == ours)
    assert isinstance(ours, bool) == isinstance(theirs, bool)


def test_a_number_of_too_many_digits_is_refused():
    (problem,) = refused(f"a: {'9' * 5000}")
    assert problem == f"x.yaml:1:4: {'9' * 20}... has more digits than any quantity here needs"


def test_a_repeated_key_names_both_lines():
    text = "a: 1\nb:\n  c: {d: 1, e: 2, d: 3}\n  f: 1\n\n  f: 2\n'a': 2\n"
    assert refused(text) == [
        "x.yaml:3:19: d: this key stands twice, first in line 3; keep one",
        "x.yaml:6:3: f: this key stands twice, first in line 4; keep one",
        "x.yaml:7:1: a: this key stands twice, first in line 1; keep one",
    ]


def test_the_same_key_in_two_mappings_is_no_repetition():
    assert parse_document("a: {c: 1}\nb: {c: 2}\nd: [{c: 3}, {c: 4}]", "x.yaml").plain()["d"] == [{"c": 3}, {"c": 4}]


def test_an_alias_is_what_its_anchor_says():
    root = parse_document("a: &work {takes: 15 min}\nb: *work\nc: [*work]", "x.yaml")
    assert root.plain() == {"a": {"takes": "15 min"}, "b": {"takes": "15 min"}, "c": [{"takes": "15 min"}]}
    assert root.find(("b", "takes")).place == Place("x.yaml", 1, 18)
    assert root.find(("b",)).key_place == Place("x.yaml", 2, 1)


@pytest.mark.parametrize("text", ["a: *b", "a: &b [*b]", "a: &b {c: *b}", "a: *b\nc: &b 1"])
def test_an_alias_stands_behind_its_anchor(text: str):
    (problem,) = refused(text)
    assert problem.endswith("*b has no &b before it")


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{l: *a{i - 1}, r: *a{i - 1}}}\n" for i in range(1, 40)),
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 900)),
        "a: " + "[" * 100_000,
        "a: " + "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "a: [" + "1, " * 600_000 + "1]",
    ],
    ids=["nine times nine", "two times two", "a long chain", "lists", "mappings", "blocks", "keys", "many"],
)
def test_a_bomb_does_not_go_off(text: str):
    begin = time.process_time()
    problems = refused(text)
    assert time.process_time() - begin < 60
    assert "nested deeper than 40 levels" in problems[0] or "more than 500000 values" in problems[0]
    assert problems[0].startswith("x.yaml:")


def test_depth_counts_through_aliases_and_up_to_the_limit():
    def lists(count: int, inside: str = "") -> str:
        return "[" * count + inside + "]" * count

    assert parse_document(f"a: {lists(DEEPEST)}", "x.yaml").plain()
    assert "nested deeper" in refused(f"a: {lists(DEEPEST + 1)}")[0]
    assert parse_document(f"a: &a {lists(20)}\nb: {lists(DEEPEST - 20, '*a')}", "x.yaml").plain()
    assert "nested deeper" in refused(f"a: &a {lists(20)}\nb: {lists(DEEPEST - 19, '*a')}")[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: !!str 1", "x.yaml:1:4: tags such as tag:yaml.org,2002:str are not used here; remove it"),
        ("a: !local {b: 1}", "x.yaml:1:4: tags such as !local are not used here; remove it"),
        ("a: ! 12", "x.yaml:1:4: tags such as ! are not used here; remove it"),
        (
            "a: !!python/object/apply:os.getcwd []",
            "x.yaml:1:4: tags such as tag:yaml.org,2002:python/object/apply:os.getcwd are not used here; remove it",
        ),
        ("b: &b {c: 1}\na:\n  <<: *b", "x.yaml:3:3: merge keys are not used here; write the values out"),
        ("<<: {c: 1}", "x.yaml:1:1: merge keys are not used here; write the values out"),
        ("a: 1\n---\nb: 2", "x.yaml:1:1: one file holds one document; remove the lines `---`"),
        ("[a, b]: 1", "x.yaml:1:1: a key is a word; put it in quotes"),
        ("? {a: 1}\n: 2", "x.yaml:1:3: a key is a word; put it in quotes"),
        ("true: 1", "x.yaml:1:1: a key is a word; put it in quotes"),
        ("1.5: 1", "x.yaml:1:1: a key is a word; put it in quotes"),
        ("~: 1", "x.yaml:1:1: a key is a word; put it in quotes"),
    ],
)
def test_what_a_scenario_needs_not_is_refused(text: str, problem: str):
    assert refused(text) == [problem]


def test_one_document_may_be_marked():
    assert parse_document("%YAML 1.2\n---\na: 1\n...\n", "x.yaml").plain() == {"a": 1}


NOT_YAML = {
    "a:\n\tb: 1": "2:1: found character that cannot start any token; indent with spaces, not with tabs",
    "a: [1, 2\nb: 3\n": "2:2: did not find expected ',' or ']' of what begins in line 1; close the list with ]",
    "a: {b: 1\nc: 3\n": "2:2: did not find expected ',' or '}' of what begins in line 1; close the mapping with }",
    'a: 1\nb: "x\nc: 3\n': "4:1: found unexpected end of stream of what begins in line 2; close the quotes",
    "a: b: c": (
        "1:5: mapping values are not allowed in this context; put a text with `: ` in quotes, or mend the indentation"
    ),
    "a: @x": "1:4: found character that cannot start any token; put the text in quotes",
    "a: %x": "1:4: found character that cannot start any token; put the text in quotes",
    "a: 1\n- b\n": (
        "2:1: did not find expected key of what begins in line 1; mend the indentation or a missing colon above"
    ),
    "- a\nb: 1\n": (
        "2:1: did not find expected '-' indicator of what begins in line 1; "
        "a list and keys cannot stand side by side; mend the indentation"
    ),
    "a: - b": "1:4: block sequence entries are not allowed in this context; begin the list in a new line",
}


@pytest.mark.parametrize("text", NOT_YAML)
def test_a_slip_of_syntax_has_its_place_and_cure(text: str):
    place, _, sentence = NOT_YAML[text].partition(": ")
    assert refused(text) == [f"x.yaml:{place}: not valid YAML: {sentence}"]


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "---\n", "null", "[1]", "words", "{}", "- a\n- b\n"])
def test_an_empty_file_or_a_list_is_no_scenario(text: str):
    assert refused(text) == ["x.yaml:1:1: the file is empty or no mapping; expected `key: value` lines"]


def test_everything_is_said_at_once():
    assert refused("a: NO\nb: {c: 8:00, c: 1}\nd: !!str x\ne: *f\n") == [
        "x.yaml:1:4: " + TRUE_OR_FALSE.format("NO"),
        "x.yaml:2:8: " + BASE_60.format("8:00"),
        "x.yaml:2:14: c: this key stands twice, first in line 2; keep one",
        "x.yaml:3:4: tags such as tag:yaml.org,2002:str are not used here; remove it",
        "x.yaml:4:4: *f has no &f before it",
    ]
    assert len(refused("a: NO\nb: [1")) == 2


NOT_UTF_8 = "byte {} is not UTF-8; save the file as UTF-8"
NOT_ALLOWED = "the character U+{} is not allowed in YAML; remove it, or save the file as UTF-8"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: Größe".encode("latin-1"), "x.yaml:1:6: " + NOT_UTF_8.format(5)),
        ("a: 1\nb: 口岸".encode("gb18030"), "x.yaml:2:4: " + NOT_UTF_8.format(8)),
        ("a: 1".encode("utf-16"), "x.yaml:1:1: " + NOT_UTF_8.format(0)),
        ("a: 1".encode("utf-16-le"), "x.yaml:1:2: " + NOT_ALLOWED.format("0000")),
        (b"a: 1\nb: \x07", "x.yaml:2:4: " + NOT_ALLOWED.format("0007")),
    ],
    ids=["latin-1", "gb18030", "utf-16", "utf-16 without mark", "bell"],
)
def test_another_encoding_is_refused(tmp_path: Path, content: bytes, problem: str):
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_document(file, "x.yaml")
    assert [str(one) for one in caught.value.problems] == [problem]


@pytest.mark.parametrize(("mark", "end"), [("\ufeff", "\r\n"), ("\ufeff", "\n"), ("", "\r\n"), ("", "\n")])
def test_a_byte_order_mark_and_line_ends_of_windows_do_no_harm(tmp_path: Path, mark: str, end: str):
    file = tmp_path / "x.yaml"
    file.write_bytes(f"{mark}a: 1{end}b: 口{end}".encode())
    root = read_document(file, "x.yaml")
    assert root.plain() == {"a": 1, "b": "口"}
    assert root.find(("a",)).key_place == Place("x.yaml", 1, 1)
    assert root.find(("b",)).place == Place("x.yaml", 2, 4)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"a: " + b"x" * LARGEST_FILE)
    for path, sentence in (
        (tmp_path / "missing.yaml", "there is no such file"),
        (tmp_path, "this is a folder; name the scenario file inside it"),
        (huge, "the file is larger than 5 MB; keep long tables in a CSV file"),
    ):
        with pytest.raises(InputError) as caught:
            read_document(path, "shown.yaml")
        assert str(caught.value) == f"shown.yaml: {sentence}"


def test_a_file_of_the_largest_size_is_read_in_bounded_time(tmp_path: Path):
    line = "a{:06d}: {{takes: 15 min, after: [b, c]}}\n"
    file = tmp_path / "x.yaml"
    file.write_text("".join(line.format(number) for number in range(60_000)), encoding="utf-8")
    assert 2_000_000 < file.stat().st_size < LARGEST_FILE
    begin = time.process_time()
    assert len(read_document(file, "x.yaml").mapping) == 60_000
    assert time.process_time() - begin < 60


def test_places_count_lines_and_columns_from_one():
    root = parse_document("stations:\n  gate: {capacity: 2,\n    port: 口岸}\n  list:\n  - b\n  - c\n", "x.yaml")
    capacity = root.find(("stations", "gate", "capacity"))
    assert (capacity.key_place, capacity.place) == (Place("x.yaml", 2, 10), Place("x.yaml", 2, 20))
    assert root.find(("stations", "list", 1)).place == Place("x.yaml", 6, 5)
    assert str(capacity.place) == "x.yaml:2:20"


def test_trails_lead_to_nodes_and_edits_leave_the_old_tree_alone():
    old = parse_document("a: {b: [1, {c: 2}], d: 3}", "x.yaml")
    new = old.with_value(("a", "d"), node_of("four", Place("y.yaml", 1, 1)))
    assert new.plain() == {"a": {"b": [1, {"c": 2}], "d": "four"}}
    assert new.with_value(("a", "b"), None).plain() == {"a": {"d": "four"}}
    assert new.with_value(("a", "b", 1, "c"), node_of(5, Place("y.yaml", 1, 1))).plain()["a"]["b"] == [1, {"c": 5}]
    assert new.with_value(("a", "b", 0), None).plain()["a"]["b"] == [{"c": 2}]
    assert new.with_value(("e", "f"), node_of(1, Place("y.yaml", 1, 1))).plain()["e"] == {"f": 1}
    assert old.plain() == {"a": {"b": [1, {"c": 2}], "d": 3}}
    assert old.find(("a", "b", 1, "c")).value == 2
    for trail in (("a", "x"), ("a", "b", 7), ("a", "b", -1), ("a", "d", "e"), ("b",)):
        assert old.find(trail) is None
    walked = {dotted(trail): node.value for trail, node in old.walk() if not isinstance(node.value, dict | list)}
    assert walked == {"a.b.0": 1, "a.b.1.c": 2, "a.d": 3}


def test_a_scalar_has_no_entries():
    assert Node("x", Place("x.yaml", 1, 1)).mapping == {}
