"""From files to a checked scenario: imports, tables, reforms, and all problems of all files at once."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

from sim.errors import InputError, Place, Problem, input_error
from sim.scenario.addresses import EVERYTHING, AddressError, expand, suggestion
from sim.scenario.checks import check
from sim.scenario.document import DEEPEST, Node, dotted, read_document
from sim.scenario.evidence import covers
from sim.scenario.fields import Text
from sim.scenario.reform import NamedReform, Reform
from sim.scenario.scenario import Definition, Scenario, file_name
from sim.scenario.validation import validated

REFORM_FOLDER = "reforms"
LONGEST_TABLE = 1_000_000


def load(path: str | Path) -> Scenario:
    """Load a scenario with everything it imports and check it in every mode.

    Args:
        path: The scenario file.

    Raises:
        InputError: With every problem of every file.
    """
    scenario = read_scenario(path)
    problems: list[Problem] = []
    for mode in scenario.modes:
        try:
            here = scenario.under(mode)
            problems.extend(check(here.definition, here.root))
            for tree in here.trees:
                problems.extend(check(validated(Definition, tree), tree))
        except InputError as error:
            problems.extend(error.problems)
    if not problems:
        problems.extend(_idle_evidence(scenario))
    if problems:
        raise InputError(problems)
    return scenario


def read_scenario(path: str | Path) -> Scenario:
    """Load a scenario without applying its modes; see `load`."""
    file = Path(path)
    folder = file.resolve().parent
    root = _merged(file, folder, _Seen())
    problems: list[Problem] = []
    definition: Definition | None = None
    try:
        definition = validated(Definition, root)
    except InputError as error:
        problems.extend(error.problems)
    library = _library(root, folder, _used_reforms(root), problems)
    problems.extend(_evidence_problems(root))
    if definition is None or problems:
        raise InputError(problems)
    return Scenario(file_name(file), root, definition, library)


class _Seen(dict[Path, Node]):
    """Files that were read already, so that a file imported twice is merged once."""


def _shown(path: Path) -> str:
    """A path as the user would type it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _named(item: Node, beside: Path, folder: Path, key: str) -> Path:
    """The path of a file that a scenario names."""
    name = item.value
    if not isinstance(name, str):
        raise input_error(f"expected the name of a file, found {item.plain()}", key, item.place)
    target = beside / name
    try:
        inside = target.resolve().is_relative_to(folder)
        target.is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        raise input_error(f"{name} is no name that a file can have; mend it", key, item.place) from None
    if not inside:
        raise input_error(f"{name} lies outside of the scenario's folder; copy it there", key, item.place)
    return target


def _merged(file: Path, folder: Path, seen: _Seen, depth: int = 0) -> Node:
    """A file with its imports, merged."""
    resolved = file.resolve()
    shown = _shown(file)
    problems: list[Problem] = []
    root = _with_tables(read_document(file, shown, problems), resolved.parent, folder, problems)
    seen[resolved] = root
    imports = root.child("imports") or Node([], root.place)
    if not isinstance(imports.value, list) and depth:  # in the scenario itself the model says so
        problems.append(Problem(imports.place, "imports", f"expected a list, found {imports.plain()}"))
    for item in imports.value if isinstance(imports.value, list) else []:
        try:
            target = _named(item, resolved.parent, folder, "imports")
            if target.resolve() in seen:
                continue
            if not target.is_file():
                raise input_error(f"there is no file {item.value} beside this one", "imports", item.place)
            if depth == DEEPEST:
                raise input_error(f"imports are nested deeper than {DEEPEST} files", "imports", item.place)
            other = _merged(target, folder, seen, depth + 1)
        except InputError as error:
            problems.extend(error.problems)
            continue
        entries = {key: child for key, child in other.mapping.items() if key != "imports"}
        root = _merge(root, replace(other, value=entries), problems, ())
    if problems:
        raise InputError(problems)
    return root


def _merge(one: Node, other: Node, problems: list[Problem], trail: tuple[str, ...]) -> Node:
    """Two trees as one; mappings are joined, anything else may be set only once."""
    entries = dict(one.mapping)
    for key, child in other.mapping.items():
        if key not in entries:
            entries[key] = child
        elif isinstance(entries[key].value, dict) and isinstance(child.value, dict):
            entries[key] = _merge(entries[key], child, problems, (*trail, key))
        else:
            first = entries[key].key_place or entries[key].place
            problems.append(
                Problem(
                    child.key_place or child.place,
                    dotted((*trail, key)),
                    f"this key is set twice, also at {first}; keep one",
                )
            )
    return replace(one, value=entries)


def _with_tables(node: Node, folder: Path, root_folder: Path, problems: list[Problem]) -> Node:
    """A tree in which every `{csv: ..., column: ...}` is replaced by the values of the file."""

    def below(child: Node) -> Node:
        return _with_tables(child, folder, root_folder, problems)

    if isinstance(node.value, list):
        return replace(node, value=[below(child) for child in node.value])
    if not isinstance(node.value, dict):
        return node
    if "csv" in node.value and "column" in node.value:
        try:
            return _table(node, folder, root_folder)
        except InputError as error:
            problems.extend(error.problems)
            return node
    return replace(node, value={key: below(child) for key, child in node.value.items()})


def _table(node: Node, folder: Path, root_folder: Path) -> Node:
    """The mapping with `values` read from its CSV file; each value keeps the row it stands in."""
    place = node.mapping["csv"].place
    path = _named(node.mapping["csv"], folder, root_folder, "csv")
    name, column = str(node.mapping["csv"].value), str(node.mapping["column"].value)
    unit = node.mapping.get("unit")
    suffix = f" {unit.value}" if unit is not None else ""
    shown = _shown(path)
    values: list[Node] = []
    problems: list[Problem] = []
    try:
        if path.exists() and not path.is_file():
            raise input_error(f"{name} is no file; name a CSV file", "csv", place)
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            columns = rows.fieldnames or []
            if column not in columns:
                raise input_error(f'{name} has no column "{column}"' + suggestion(column, columns), "column", place)
            if columns.count(column) > 1:
                raise input_error(f'{name} has the column "{column}" twice; keep one', "column", place)
            for row in rows:
                cell = Place(shown, rows.line_num, columns.index(column) + 1)
                if None in row:
                    sentence = f"this row has more cells than the {len(columns)} of the first; put commas in quotes"
                    problems.append(Problem(cell, "csv", sentence))
                values.append(Node((row[column] or "").strip() + suffix, cell))
                if len(values) > LONGEST_TABLE:
                    raise input_error(f"{name} has more than {LONGEST_TABLE} rows", "csv", place)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise input_error(f"{name} cannot be read as a CSV file in UTF-8: {error}", "csv", place) from None
    if problems:
        raise InputError(problems)
    kept = {key: child for key, child in node.mapping.items() if key not in ("csv", "column", "unit")}
    return replace(node, value={**kept, "values": Node(values, place)})


def _used_reforms(root: Node) -> dict[str, Place]:
    """Every reform that a mode names, with where."""
    used: dict[str, Place] = {}
    modes = root.child("modes")
    for mode in (modes.mapping if modes else {}).values():
        for reforms in mode.mapping.values() if isinstance(mode.value, dict) else [mode]:
            for item in reforms.value if isinstance(reforms.value, list) else []:
                used.setdefault(str(item.value).partition(" at ")[0], item.place)
    return used


def _library(root: Node, folder: Path, used: dict[str, Place], problems: list[Problem]) -> dict[str, NamedReform]:
    """Every reform of the scenario and of the folder beside it; problems of those that no mode uses are left alone."""
    library: dict[str, NamedReform] = {}
    inside = root.child("reforms")
    for name, node in (inside.mapping if inside else {}).items():
        try:
            library[name] = NamedReform(name, validated(Reform, node, ("reforms", name)), node)
        except InputError as error:
            problems.extend(error.problems)
            library[name] = _BROKEN
    for file in sorted((folder / REFORM_FOLDER).glob("*.yaml")):
        name = file.stem
        if name in library:
            if name in used:
                where = library[name].node.key_place
                problems.append(
                    Problem(where, f"reforms.{name}", f"stands in the folder {REFORM_FOLDER} too; rename one")
                )
            continue
        try:
            node = read_document(file, _shown(file))
            library[name] = NamedReform(name, validated(Reform, node), node)
        except InputError as error:
            if name in used:
                problems.extend(error.problems)
                library[name] = _BROKEN
    for name, place in used.items():
        if name not in library:
            sentence = f'there is no reform "{name}" in this scenario or in {REFORM_FOLDER}/' + suggestion(
                name, library
            )
            problems.append(Problem(place, "modes", sentence))
    return library


_SILENT = Text(en="", zh="")
_BROKEN = NamedReform("", Reform.model_construct(title=_SILENT, why=_SILENT), Node({}, Place("", 1, 1)))


def _idle_evidence(scenario: Scenario) -> list[Problem]:
    """Evidence of a reform for something that the reform does not change in any mode."""
    edits = [edit for mode in scenario.modes for edit in scenario.under(mode).edits]
    problems: list[Problem] = []
    for name in sorted({name for mode in scenario.modes for _, name in scenario.reforms_of(mode)}):
        named = scenario.library[name]
        mine = [(edit.port, edit.address) for edit in edits if edit.reform == name]
        for address in named.reform.evidence:
            if not any(covers(address.replace("{port}", port), changed) for port, changed in mine):
                entry = named.node.find(("evidence", address))
                place = entry.key_place if entry is not None else None
                sentence = f"matches nothing that reform {name} changes; mend the address or remove it"
                problems.append(Problem(place, f"evidence.{address}", sentence))
    return problems


def _evidence_problems(root: Node) -> list[Problem]:
    """Evidence for something that does not exist."""
    problems: list[Problem] = []
    evidence = root.child("evidence")
    for address, entry in (evidence.mapping if evidence else {}).items():
        place = entry.key_place or entry.place
        try:
            if not expand(root, address, EVERYTHING):
                problems.append(Problem(place, f"evidence.{address}", "this address matches nothing in the scenario"))
        except AddressError as error:
            problems.append(Problem(place, f"evidence.{address}", str(error)))
    return problems
