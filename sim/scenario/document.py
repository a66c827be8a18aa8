"""YAML text to a tree of nodes that remember where they were written.

The tree is built from the parser's events, with a narrower idea of a plain scalar than any YAML version has: whatever
YAML 1.1 and 1.2 read differently (`NO`, `8:00`, `0101`, `1e6`) is refused, so that a file means the same to every tool.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from sim.errors import InputError, Place, Problem, input_error

LARGEST_FILE = 5_000_000
DEEPEST = 40
MOST_NODES = 500_000
LONGEST_NUMBER = 15

Key = str | int
Trail = tuple[Key, ...]

_SURPRISES = (
    (
        re.compile(r"(?i:y|yes|n|no|on|off)$"),
        'YAML 1.1 reads {0} as true or false; write "{0}" in quotes, or true/false',
    ),
    (
        re.compile(r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?$"),
        'YAML 1.1 reads {0} as a number to the base of 60; write "{0}"',
    ),
    (
        re.compile(r"[-+]?0[\d_]+$"),
        'YAML 1.1 reads {0} as an octal number; write "{0}" for a code, without the 0 for a number',
    ),
    (re.compile(r"[-+]?(0x[\da-fA-F_]+|0o[0-7_]+|0b[01_]+)$"), "write {0} as a decimal number"),
    (re.compile(r"[-+]?\d[\d]*_[\d_.]*$"), "write {0} without underscores"),
    (re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), "YAML 1.1 reads {0} as text; write the number out"),
    (re.compile(r"[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"), "{0} is not a quantity; write a finite number"),
)
_WHOLE = re.compile(r"[-+]?[0-9]+$")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)$")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

FULL_WIDTH = re.compile("[：，［］｛｝“”％＃－]|[０-９]")
"""What a Chinese keyboard writes where YAML, numbers and units want ASCII."""

_CURES = {
    "found character that cannot start any token": "put the text in quotes",
    "mapping values are not allowed in this context": "put a text with `: ` in quotes, or mend the indentation",
    "found unexpected end of stream": "close the quotes",
    "did not find expected ',' or ']'": "close the list with ]",
    "did not find expected ',' or '}'": "close the mapping with }",
    "did not find expected key": "mend the indentation or a missing colon above",
    "could not find expected ':'": "mend a missing colon or quote",
    "did not find expected '-' indicator": "a list and keys cannot stand side by side; mend the indentation",
    "block sequence entries are not allowed in this context": "begin the list in a new line",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a file with its place; a mapping holds nodes by key, a list holds nodes."""

    value: dict[str, Node] | list[Node] | str | int | float | bool | None
    place: Place
    key_place: Place | None = None

    @property
    def mapping(self) -> dict[str, Node]:
        """The entries, none if this is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    def plain(self) -> Any:
        """The value as ordinary Python dictionaries, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def find(self, trail: Trail) -> Node | None:
        """The node at the end of a trail, None if there is none."""
        node = self
        for key in trail:
            child = node.child(key)
            if child is None:
                return None
            node = child
        return node

    def child(self, key: Key) -> Node | None:
        """The entry of a mapping or list under a key, None if there is none."""
        if isinstance(self.value, dict):
            return self.value.get(str(key))
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]
        return None

    def with_value(self, trail: Trail, node: Node | None) -> Node:
        """A copy of the tree with another node (or, for None, nothing) at the end of the trail.

        Mappings that are missing on the way are made.

        Raises:
            KeyError: What is to be removed does not exist, or a list on the way has no such entry.
        """
        if not trail:
            if node is None:
                raise KeyError("cannot remove the root")
            return node
        head, rest = trail[0], trail[1:]
        if rest:
            node = (self.child(head) or Node({}, self.place)).with_value(rest, node)
        if isinstance(self.value, list):
            if not isinstance(head, int) or self.child(head) is None:
                raise KeyError(head)
            return replace(self, value=[*self.value[:head], *([] if node is None else [node]), *self.value[head + 1 :]])
        entries = dict(self.mapping)
        if node is None:
            del entries[str(head)]
        else:
            entries[str(head)] = node
        return replace(self, value=entries)

    def walk(self, trail: Trail = ()) -> Iterator[tuple[Trail, Node]]:
        """Every node below and including this one, with its trail."""
        yield trail, self
        if isinstance(self.value, dict):
            for key, child in self.value.items():
                yield from child.walk((*trail, key))
        elif isinstance(self.value, list):
            for index, child in enumerate(self.value):
                yield from child.walk((*trail, index))


def dotted(trail: Trail) -> str:
    """A trail as users write it: `procedure.stations.scanner.capacity`."""
    return ".".join(str(key) for key in trail)


def node_of(value: Any, place: Place) -> Node:
    """Ordinary Python values as a tree, all at one place."""
    if isinstance(value, dict):
        return Node({str(key): node_of(child, place) for key, child in value.items()}, place, place)
    if isinstance(value, list | tuple):
        return Node([node_of(child, place) for child in value], place, place)
    return Node(value, place, place)


def read_document(path: Path, shown: str, problems: list[Problem] | None = None) -> Node:
    """Read a YAML file.

    Args:
        path: The file.
        shown: Its name in messages.
        problems: Takes what is wrong with single values, so that the caller can go on and find more; by default raised.

    Raises:
        InputError: With every problem of the file, if there is no tree or `problems` is not given.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise input_error(
                f"the file is larger than {LARGEST_FILE // 1_000_000} MB; keep long tables in a CSV file", shown
            )
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise input_error("there is no such file", shown) from None
    except IsADirectoryError:
        raise input_error("this is a folder; name the scenario file inside it", shown) from None
    except OSError as error:
        raise input_error(f"cannot be read: {error.strerror}", shown) from None
    except UnicodeDecodeError as error:
        where = _place_behind(error.object[: error.start].decode("utf-8-sig"), shown)
        raise input_error(f"byte {error.start} is not UTF-8; save the file as UTF-8", place=where) from None
    return parse_document(text, shown, problems)


def _place_behind(text: str, shown: str) -> Place:
    """Where the character stands that comes after some text."""
    return Place(shown, text.count("\n") + 1, len(text) - text.rfind("\n"))


def parse_document(text: str, shown: str, problems: list[Problem] | None = None) -> Node:
    """Parse YAML text; see `read_document`."""
    builder = _Builder(shown)
    root: Node | None = None
    documents = 0
    if found := _UNPRINTABLE.search(text):
        sentence = f"the character U+{ord(found[0]):04X} is not allowed in YAML; remove it, or save the file as UTF-8"
        raise input_error(sentence, place=_place_behind(text[: found.start()], shown))
    try:
        events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
            elif not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent):
                root = builder.node(event, events, 0)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_problem(error, text, shown))
    except InputError as error:
        builder.problems.extend(error.problems)
    if documents > 1:
        builder.problems.append(Problem(Place(shown, 1, 1), "", "one file holds one document; remove the lines `---`"))
    if root is None or not root.mapping:
        sentence = "the file is empty or no mapping; expected `key: value` lines"
        raise InputError(builder.problems or [Problem(Place(shown, 1, 1), "", sentence)])
    if builder.problems and problems is None:
        raise InputError(builder.problems)
    if problems is not None:
        problems.extend(builder.problems)
    return root


def in_ascii(text: str) -> str:
    """Full-width signs as YAML and quantities know them."""
    return unicodedata.normalize("NFKC", text).replace("“", '"').replace("”", '"')


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, shown: str) -> Problem:
    """What the parser says, with what to do about it and where the unfinished part begins."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(Place(shown, 1, 1), "", f"not valid YAML: {error.problem or error.context}")
    lines = text.splitlines()
    cure = _CURES.get(error.problem or "", "mend it")
    if mark.line < len(lines) and lines[mark.line][mark.column : mark.column + 1] == "\t":
        cure = "indent with spaces, not with tabs"
    began = error.context_mark
    since = f" of what begins in line {began.line + 1}" if began is not None and began.line < mark.line else ""
    sentence = f"not valid YAML: {error.problem or error.context}{since}; {cure}"
    first = max(0, mark.line - 1 if began is None else min(began.line, mark.line))
    for number, line in enumerate(lines[first : mark.line + 1], first + 1):
        if (wide := FULL_WIDTH.search(line)) is not None:
            sentence += f'; line {number} has the full-width "{wide[0]}", perhaps for {in_ascii(wide[0])}'
            break
    return Problem(Place(shown, mark.line + 1, mark.column + 1), "", sentence)


class _Builder:
    """Turns parser events into nodes and collects what is refused on the way."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[str, int] = {}
        self.heights: dict[str, int] = {}
        self.count = 0
        self.deepest = 0

    def node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        place = Place(self.shown, event.start_mark.line + 1, event.start_mark.column + 1)
        before, outside = self.count, self.deepest
        self.count += 1
        self.deepest = depth
        if isinstance(event, yaml.AliasEvent):
            self.count += self.sizes.get(str(event.anchor), 0)
            self.deepest += self.heights.get(str(event.anchor), 0)
        if self.count > MOST_NODES:
            raise InputError(
                [Problem(place, "", f"more than {MOST_NODES} values, counting aliases; simplify the file")]
            )
        if self.deepest > DEEPEST:
            raise InputError([Problem(place, "", f"nested deeper than {DEEPEST} levels; simplify the file")])
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise InputError([Problem(place, "", f"*{event.anchor} has no &{event.anchor} before it")])
            self.deepest = max(outside, self.deepest)
            return self.anchors[event.anchor]
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.problems.append(Problem(place, "", f"tags such as {tag} are not used here; remove it"))
        value: Any
        if isinstance(event, yaml.MappingStartEvent):
            value = self.entries(events, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                value.append(self.node(item, events, depth + 1))
        else:
            value = self.scalar(event, place)
        node = Node(value, place)
        if event.anchor:
            self.anchors[event.anchor] = node
            self.sizes[event.anchor] = self.count - before
            self.heights[event.anchor] = self.deepest - depth
        self.deepest = max(outside, self.deepest)
        return node

    def entries(self, events: Iterator[Any], depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key_node = self.node(event, events, depth + 1)
            child = self.node(next(events), events, depth + 1)
            if not isinstance(key_node.value, str | int) or isinstance(key_node.value, bool):
                self.problems.append(Problem(key_node.place, "", "a key is a word; put it in quotes"))
                continue
            key = str(key_node.value)
            if key == "<<":
                self.problems.append(Problem(key_node.place, "", "merge keys are not used here; write the values out"))
            elif key in entries:
                first = entries[key].key_place
                line = first.line if first else "?"
                self.problems.append(
                    Problem(key_node.place, key, f"this key stands twice, first in line {line}; keep one")
                )
            entries[key] = replace(child, key_place=key_node.place)
        return entries

    def scalar(self, event: Any, place: Place) -> str | int | float | bool | None:
        text: str = event.value
        if event.style in ("'", '"', "|", ">"):
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE"):
            return True
        if text in ("false", "False", "FALSE"):
            return False
        for pattern, sentence in _SURPRISES:
            if pattern.match(text):
                self.problems.append(Problem(place, "", sentence.format(text)))
                return text
        if _WHOLE.match(text) or _DECIMAL.match(text):
            if len(text) > LONGEST_NUMBER:
                self.problems.append(Problem(place, "", f"{text[:20]}... has more digits than any quantity here needs"))
                return text
            return int(text) if _WHOLE.match(text) else float(text)
        return text
