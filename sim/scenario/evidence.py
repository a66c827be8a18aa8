"""Where the numbers come from: a grade, a source and a note for every parameter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

from pydantic import StrictStr, model_validator

from sim.scenario.addresses import address_of
from sim.scenario.document import Node, Trail
from sim.scenario.fields import Strict

Grade = Literal["official", "survey", "press", "benchmark", "assumption"]
GRADES: tuple[Grade, ...] = ("official", "survey", "press", "benchmark", "assumption")
"""From the firmest to the weakest."""


class Evidence(Strict):
    """Where a parameter comes from."""

    grade: Grade
    """official: by the authority itself; survey: measured by a third party; press; benchmark: from another port;
    assumption: chosen by the author."""
    source: StrictStr | None = None
    """Address or title of the source."""
    note: StrictStr | None = None
    """What the source says, or why this value was assumed."""

    @model_validator(mode="after")
    def _says_enough(self) -> Evidence:
        if self.grade == "assumption" and not self.note:
            raise ValueError("an assumption needs a `note` that says why this value")
        if self.grade != "assumption" and not self.source:
            raise ValueError(f"the grade {self.grade} needs a `source`")
        return self


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number (or a table of numbers) that somebody decided on."""

    trail: Trail
    port: str
    value: Any

    @property
    def address(self) -> str:
        """How edits and evidence name it."""
        return address_of(self.trail)


_ARRIVAL_KEYS = (
    "rate",
    "hours",
    "weekdays",
    "every",
    "first",
    "timetable",
    "days",
    "late",
    "early",
    "recorded",
    "aboard",
)
_ACTIVITY_KEYS = ("takes", "share", "amount", "priority", "fee", "emits")


def parameters(root: Node) -> Iterator[Parameter]:
    """Every parameter of a scenario's tree, in the order of the tree."""
    yield from _of_demand(root)
    yield from _of_stations(root)
    yield from _of_routes(root)
    for disruption, node in _children(root, "disruptions").items():
        for key in ("leaves", "takes_out", "dates", "between", "lasts"):
            if (child := node.child(key)) is not None:
                yield Parameter(("disruptions", disruption, key), "", child.plain())


def _of_demand(root: Node) -> Iterator[Parameter]:
    for flow, node in _children(root, "demand").items():
        port = _text(node.child("port"))
        for key, child in _children(node, "arrivals").items():
            if key in _ARRIVAL_KEYS:
                yield Parameter(("demand", flow, "arrivals", key), port, child.plain())
        for part in ("attributes", "costs"):
            for name, child in _children(node, part).items():
                if name != "bearer":
                    yield Parameter(("demand", flow, part, name), port, child.plain())


def _of_stations(root: Node) -> Iterator[Parameter]:
    stations = _children(root, "procedure", "stations")
    served: dict[str, set[str]] = {}
    for station, node in stations.items():
        port = _text(node.child("port"))
        served.setdefault(_text(node.child("roster")), set()).add(port)
        for key in ("capacity", "queue_limit", "staff"):
            if (child := node.child(key)) is not None:
                yield Parameter(("procedure", "stations", station, key), port, child.plain())
    for quota, node in _children(root, "procedure", "quotas").items():
        port = _text(node.child("port"))
        served.setdefault(_text(node.child("roster")), set()).add(port)
        for key in ("amount", "changes", "unused"):
            if (child := node.child(key)) is not None:
                yield Parameter(("procedure", "quotas", quota, key), port, child.plain())
    for roster, node in _children(root, "procedure", "rosters").items():
        yield Parameter(("procedure", "rosters", roster), ", ".join(sorted(served.get(roster, ()))), node.plain())


def _of_routes(root: Node) -> Iterator[Parameter]:
    for flow, route in _children(root, "procedure", "routes").items():
        owner = root.find(("demand", flow, "port"))
        for activity, node in route.mapping.items():
            trail: Trail = ("procedure", "routes", flow, activity)
            for key in _ACTIVITY_KEYS:
                if (child := node.child(key)) is not None:
                    yield Parameter((*trail, key), _text(owner), child.plain())
            for table in ("draws", "targets", "detects"):
                for variable, child in _children(node, table).items():
                    yield Parameter((*trail, table, variable), _text(owner), child.plain())
            for key in ("up_to", "at_least", "waits"):
                if (child := node.find(("load", key))) is not None:
                    yield Parameter((*trail, "load", key), _text(owner), child.plain())


def _children(root: Node, *trail: str) -> Mapping[str, Node]:
    node = root.find(trail)
    return node.mapping if node is not None else {}


def _text(node: Node | None) -> str:
    return str(node.value) if node is not None else ""


def evidence_for(address: str, entries: Iterable[tuple[str, Evidence]]) -> Evidence | None:
    """The most specific entry that covers an address, or None."""
    words = address.split(".")
    best: tuple[tuple[int, int, int], Evidence] | None = None
    for pattern, evidence in entries:
        segments = _segments(pattern)
        if _fit(segments, words):
            literal = [segment for segment, _ in segments if "*" not in segment]
            rank = (len(segments), len(literal), len(pattern.replace("*", "")))
            if best is None or rank > best[0]:
                best = (rank, evidence)
    return best[1] if best else None


def covers(pattern: str, address: str) -> bool:
    """Whether an evidence address speaks of a parameter: it names it, something above it, or a part of it."""
    return _fit(_segments(pattern), address.split("."))


def _fit(segments: Iterable[tuple[str, bool]], words: Iterable[str]) -> bool:
    for (wanted, is_glob), word in zip(segments, words, strict=False):
        if wanted != word and not (is_glob and fnmatchcase(word, wanted)):
            return False
    return True


@cache
def _segments(pattern: str) -> tuple[tuple[str, bool], ...]:
    """The words of a pattern, and whether each fits other words too."""
    return tuple((word, any(sign in word for sign in "*?[")) for word in pattern.split("."))
