"""Reforms: files of edits to the procedure, and what happens when a mode applies several of them.

Edits are resolved against one tree whatever their order: first everything that is added, then what is set, scaled, and
removed. Two edits that would make the order matter are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, StrictStr, WithJsonSchema

from sim.errors import InputError, Place, Problem
from sim.scenario.addresses import PROCEDURE, AddressError, address_of, expand, split, suggestion
from sim.scenario.document import Node, Trail, dotted
from sim.scenario.evidence import Evidence, Grade
from sim.scenario.fields import Name, Strict, Text
from sim.scenario.units import Share, scale_text

Anything = Annotated[Any, WithJsonSchema({})]


class Baseline(Strict):
    """What a reform is tested on: the mode `traditional` of a scenario of the library, plus this reform alone."""

    scenario: StrictStr
    """The scenario file, beside the folder of the reforms."""
    ports: Annotated[tuple[Name, ...], Field(min_length=1)]
    """The ports where the reform is applied."""


class Shown(Strict):
    """An effect that a reform has by itself on its baseline."""

    subject: Name
    """A flow, or `all`."""
    measure: Name = "port_dwell"
    """A measure, by default the clock `port_dwell`."""
    statistic: StrictStr = "mean"
    """Its statistic."""
    effect: Literal["lower", "higher", "none"]
    """The direction; `none` says that this reform alone changes nothing that can be told from zero."""
    published: StrictStr | None = None
    """The published effect, for comparison."""
    source: StrictStr | None = None
    """Where that was published."""
    note: StrictStr | None = None
    """Why the effect differs from the published one."""


class Reform(Strict):
    """A named set of edits to the procedure."""

    title: Text
    """What people call it."""
    why: Text
    """The mechanism by which it works."""
    grade: Grade = "assumption"
    """How good the evidence for the edits is, unless `evidence` says otherwise for one of them."""
    sources: tuple[StrictStr, ...] = ()
    """Where the reform is described."""
    evidence: dict[StrictStr, Evidence] = {}
    """Where single edits come from, by address."""
    adoption: Share = 1.0
    """Share of the entities for which it holds, chosen by luck: who adopts at 35% still does at 60%. Only for reforms
    that edit routes and add stations. A mode can say another share: `NAME at 35%`."""
    baseline: Baseline | None = None
    """What it is tested on."""
    shows: tuple[Shown, ...] = ()
    """What it must show there."""
    set: dict[StrictStr, Anything] = {}
    """Address to new value."""
    scale: dict[StrictStr, Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]] = {}
    """Address to factor: every duration, rate, share, capacity and amount below it is multiplied."""
    remove: tuple[StrictStr, ...] = ()
    """Addresses of what is taken away; activities after a removed activity inherit its `after`."""
    add: dict[StrictStr, Anything] = {}
    """Address to a new activity, station, quota, roster or clock. A new activity may say `before`: these get it into
    their `after`."""


@dataclass(frozen=True, slots=True)
class NamedReform:
    """A reform with its name and the tree it was read from."""

    name: str
    reform: Reform
    node: Node


@dataclass(frozen=True, slots=True)
class Edit:
    """One change that a reform made: `old` or `new` is None where something was added or removed."""

    reform: str
    port: str
    trail: Trail
    old: Any
    new: Any

    @property
    def address(self) -> str:
        """Where."""
        return address_of(self.trail)


def apply_reforms(
    root: Node, chosen: Iterable[tuple[str, NamedReform]], *, some: bool = False
) -> tuple[Node, list[Edit]]:
    """Apply reforms to a scenario's tree.

    Args:
        root: The tree of the scenario without reforms.
        chosen: Pairs of a port and a reform that is in force there.
        some: They are some of those that were applied together before; what matches nothing then needs the others.

    Returns:
        The new tree and every change, ordered by address.

    Raises:
        InputError: With every address that matches nothing and every conflict.
    """
    return _Surgery(root, sorted(chosen, key=lambda pair: (pair[0], pair[1].name)), some).operate()


class _Surgery:
    """The state of one application of reforms."""

    def __init__(self, root: Node, chosen: list[tuple[str, NamedReform]], some: bool) -> None:
        self.root = root
        self.chosen = chosen
        self.some = some
        self.problems: list[Problem] = []
        self.edits: list[Edit] = []
        self.taken: dict[Trail, tuple[str, str]] = {}
        self.done: dict[tuple[str, str, str, Trail], Any] = {}
        self.joined: list[tuple[str, Trail, str, Place]] = []
        self.unmatched: dict[tuple[str, str, str], Place] = {}
        self.matched: set[tuple[str, str, str]] = set()
        self.ports = {
            section: {name: child.find(("port",)) for name, child in owners.mapping.items()}
            for section, trail in _OWNERS.items()
            if (owners := root.find(trail)) is not None
        }

    def operate(self) -> tuple[Node, list[Edit]]:
        self.add()
        for kind, edit in (("set", self.set), ("scale", self.scale), ("remove", self.remove)):
            # All of a kind are looked up in one tree before the first of them changes it.
            found = [
                (named, port, address, trail, _for_port(value, port), place)
                for port, named in self.chosen
                for address, value, place in _entries(named, kind)
                for trail in self.trails(kind, named, port, address, place, leaf_may_be_new=kind == "set")
            ]
            for named, port, address, trail, value, place in found:
                if self.claim(kind, named, address, trail, value):
                    edit(named, port, trail, value, place)
        for (name, kind, address), place in self.unmatched.items():
            if (name, kind, address) not in self.matched and not self.some:
                self.problems.append(
                    Problem(place, f"{kind}.{address}", f"matches nothing at the ports where reform {name} is applied")
                )
        self.problems.extend(self.lost())
        if self.problems:
            raise InputError(self.problems)
        return self.root, sorted(self.edits, key=lambda edit: (edit.trail[:3], str(edit.trail)))

    def here(self, trail: Trail, port: str) -> bool:
        """Whether a trail belongs to a port; rosters and clocks belong to all."""
        section, name = str(trail[1]), str(trail[2])
        if section not in self.ports:
            return True
        owner = self.ports[section].get(name)
        return owner is not None and owner.value == port

    def trails(
        self, kind: str, named: NamedReform, port: str, address: str, place: Place, *, leaf_may_be_new: bool
    ) -> list[Trail]:
        """What an address of a reform names at a port."""
        here = address.replace("{port}", port)
        try:
            trails = expand(self.root, here, PROCEDURE)
            _, patterns = split(here, PROCEDURE)
            if leaf_may_be_new and not any(char in patterns[-1] for char in "*?[") and len(patterns) > 1:
                parents = expand(self.root, here.rpartition(".")[0], PROCEDURE)
                new = [(*trail, patterns[-1]) for trail in parents if not self.is_list(trail)]
                trails = list(dict.fromkeys([*trails, *new]))
        except AddressError as error:
            self.problems.append(Problem(place, f"{kind}.{address}", str(error)))
            self.matched.add((named.name, kind, address))
            return []
        trails = [trail for trail in trails if len(trail) > 2 and self.here(trail, port)]
        key = (named.name, kind, address)
        if trails:
            self.matched.add(key)
        else:
            self.unmatched.setdefault(key, place)
        return trails

    def is_list(self, trail: Trail) -> bool:
        """Whether a list stands at a trail; its entries have numbers, and no names can be added."""
        node = self.root.find(trail)
        return node is not None and isinstance(node.value, list)

    def claim(self, kind: str, named: NamedReform, address: str, trail: Trail, value: Node) -> bool:
        """Note that an edit changes a trail; False if the same edit did so at another port already."""
        edit = (named.name, kind, address, trail)
        if edit in self.done and self.done[edit] == value.plain():
            return False
        for other, (name, other_kind) in self.taken.items():
            shared = min(len(other), len(trail))
            if other[:shared] == trail[:shared] and not (kind == other_kind == "scale" and other == trail):
                clash = f"reform {named.name} would {kind} what {name} {_PAST[other_kind]} at {address_of(other)}"
                sentence = f"{clash}; two reforms of a mode cannot change the same key"
                place = value.key_place or value.place
                self.problems.append(Problem(place, f"{kind}.{address_of(trail)}", sentence))
                return False
        self.taken[trail] = (named.name, kind)
        self.done[edit] = value.plain()
        return True

    def change(self, named: NamedReform, port: str, trail: Trail, node: Node | None) -> None:
        """Put a node at a trail and record the edit."""
        old = self.root.find(trail)
        self.root = self.root.with_value(trail, node)
        self.edits.append(Edit(named.name, port, trail, old.plain() if old else None, node.plain() if node else None))

    def set(self, named: NamedReform, port: str, trail: Trail, value: Node, place: Place) -> None:
        del place
        self.change(named, port, trail, value)

    def scale(self, named: NamedReform, port: str, trail: Trail, value: Node, place: Place) -> None:
        old = self.root.find(trail)
        assert old is not None
        assert isinstance(value.value, int | float)
        try:
            scaled, count = _scaled(old, float(value.value), str(trail[-1]))
        except ValueError as error:
            self.problems.append(Problem(place, f"scale.{address_of(trail)}", str(error)))
            return
        if not count:
            sentence = "there is no duration, rate, share, capacity or amount to scale"
            self.problems.append(Problem(place, f"scale.{address_of(trail)}", sentence))
        self.change(named, port, trail, scaled)

    def remove(self, named: NamedReform, port: str, trail: Trail, value: Node, place: Place) -> None:
        del value
        if isinstance(trail[-1], int):
            sentence = "one entry of a list cannot be removed; set the whole list"
            self.problems.append(Problem(place, f"remove.{address_of(trail)}", sentence))
            return
        gone = self.root.find(trail)
        assert gone is not None
        self.change(named, port, trail, None)
        if trail[1] != "routes" or len(trail) != 4:
            return
        heirs = _names(gone.child("after"))
        route = self.root.find(trail[:3])
        assert route is not None
        for activity, child in route.mapping.items():
            after = _names(child.child("after"))
            if trail[3] in after:
                kept = [name for name in after if name != trail[3]]
                names = [*kept, *(name for name in heirs if name not in kept)]
                self.change(named, port, (*trail[:3], activity, "after"), _name_list(names, child))

    def add(self) -> None:
        """Add everything that reforms add; an added activity may stand after another added one."""
        waiting = [
            (port, named, key, child)
            for port, named in self.chosen
            if (section := named.node.child("add")) is not None
            for key, child in section.mapping.items()
        ]
        progress = True
        while waiting and progress:
            progress = False
            for item in list(waiting):
                port, named, key, child = item
                place = child.key_place or child.place
                here = _for_port(child, port)
                wrong = len(self.problems)
                trails = self.places_for(port, key.replace("{port}", port), child, place)
                if not trails and len(self.problems) == wrong:
                    continue
                waiting.remove(item)
                progress = True
                self.matched.add((named.name, "add", key))
                for trail in trails:
                    if self.claim("add", named, key, trail, here):
                        self.insert(named, port, trail, here)
        for _, named, key, child in waiting:
            self.unmatched.setdefault((named.name, "add", key), child.key_place or child.place)

    def places_for(self, port: str, address: str, child: Node, place: Place) -> list[Trail]:
        """Where something can be added: in every matching route that has the activities it is `after` and `before`."""
        try:
            section, patterns = split(address, PROCEDURE)
        except AddressError as error:
            self.problems.append(Problem(place, f"add.{address}", str(error)))
            return []
        if len(patterns) == 1:
            trail = (*section, patterns[0])
            if self.root.find(trail) is not None and trail not in self.taken:
                self.problems.append(Problem(place, f"add.{address}", f"{dotted(trail)} exists already; use set"))
            return [trail]
        parents = [
            trail for trail in expand(self.root, address.rpartition(".")[0], PROCEDURE) if self.here(trail, port)
        ]
        needed = [*_names(child.child("after")), *_names(child.child("before"))]
        found = []
        for parent in parents:
            route = self.root.find(parent)
            assert route is not None
            if patterns[-1] in route.mapping and (*parent, patterns[-1]) not in self.taken:
                self.problems.append(
                    Problem(place, f"add.{address}", f"{dotted(parent)} has {patterns[-1]} already; use set")
                )
            elif all(name in route.mapping for name in needed):
                found.append((*parent, patterns[-1]))
        return found

    def insert(self, named: NamedReform, port: str, trail: Trail, node: Node) -> None:
        """Add a node; for an activity with `before`, put it into the `after` of those."""
        before = node.child("before")
        followers, place = _names(before), (before or node).place
        if node.child("before") is not None:
            node = node.with_value(("before",), None)
        self.change(named, port, trail, node)
        for follower in followers:
            after_trail = (*trail[:3], follower, "after")
            names = _names(self.root.find(after_trail))
            self.change(named, port, after_trail, _name_list([*names, str(trail[-1])], node))
            self.joined.append((named.name, trail, follower, place))

    def lost(self) -> Iterator[Problem]:
        """Additions that say `before` somebody, whose `after` another edit has then put without them."""
        for name, trail, follower, place in self.joined:
            after = (*trail[:3], follower, "after")
            if self.root.find(after[:-1]) is None or str(trail[-1]) in _names(self.root.find(after)):
                continue
            others = {
                other for taken, (other, kind) in self.taken.items() if kind != "add" and after[: len(taken)] == taken
            }
            who = "it also" if others <= {name} else f"reform {', '.join(sorted(others - {name}))}"
            sentence = (
                f"reform {name} puts {trail[-1]} before {follower}, but {who} sets {address_of(after)} without it; "
            )
            sentence += f"name {trail[-1]} there, or leave {follower} out of `before`"
            yield Problem(place, f"add.{address_of(trail)}.before", sentence)


_OWNERS = {"routes": ("demand",), "stations": ("procedure", "stations"), "quotas": ("procedure", "quotas")}
"""For what belongs to a port: where that port is named."""


def _entries(named: NamedReform, kind: str) -> list[tuple[str, Node, Place]]:
    """Address, value and place of every edit of a kind; what is removed is its own value."""
    section = named.node.child(kind)
    if section is not None and isinstance(section.value, list):
        return [(str(child.value), child, child.place) for child in section.value]
    return [(key, child, child.key_place or child.place) for key, child in (section.mapping if section else {}).items()]


_PAST = {"set": "sets", "scale": "scales", "remove": "removes", "add": "adds"}


def _names(node: Node | None) -> list[str]:
    if node is None or node.value is None:
        return []
    return [str(child.value) for child in node.value] if isinstance(node.value, list) else [str(node.value)]


def _name_list(names: list[str], like: Node) -> Node:
    return Node([Node(name, like.place) for name in names], like.place, like.key_place)


def _for_port(node: Node, port: str) -> Node:
    """A node with `{port}` replaced in every text."""
    if isinstance(node.value, dict):
        return Node(
            {key.replace("{port}", port): _for_port(child, port) for key, child in node.value.items()},
            node.place,
            node.key_place,
        )
    if isinstance(node.value, list):
        return Node([_for_port(child, port) for child in node.value], node.place, node.key_place)
    if isinstance(node.value, str):
        return Node(node.value.replace("{port}", port), node.place, node.key_place)
    return node


def _scaled(node: Node, factor: float, key: str) -> tuple[Node, int]:
    """A node with every quantity multiplied, and how many there were."""
    if isinstance(node.value, dict):
        parts = {name: _scaled(child, factor, name) for name, child in node.value.items() if name != "only"}
        kept = {name: (child, 0) for name, child in node.value.items() if name == "only"}
        entries = {name: (parts | kept)[name][0] for name in node.value}
        return Node(entries, node.place, node.key_place), sum(count for _, count in parts.values())
    if isinstance(node.value, list):
        items = [_scaled(child, factor, key) for child in node.value]
        return Node([child for child, _ in items], node.place, node.key_place), sum(count for _, count in items)
    if isinstance(node.value, str):
        text = scale_text(node.value, factor)
        return (node, 0) if text is None else (Node(text, node.place, node.key_place), 1)
    if isinstance(node.value, int) and not isinstance(node.value, bool) and key in ("capacity", "amount"):
        return Node(max(1, int(node.value * factor + 0.5)), node.place, node.key_place), 1
    return node, 0


def unknown_reform(name: str, known: Iterable[str]) -> str:
    """The sentence for a reform that does not exist."""
    return f'there is no reform "{name}"' + suggestion(name, known)
