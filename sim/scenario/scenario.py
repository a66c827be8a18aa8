"""A scenario as it was loaded, and the same scenario under one of its modes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictInt, StrictStr, WithJsonSchema

from sim.errors import InputError, Place, Problem, input_error
from sim.scenario.addresses import suggestion
from sim.scenario.costs import PriceLevel
from sim.scenario.demand import Flow
from sim.scenario.disruptions import Disruption
from sim.scenario.document import Node, node_of
from sim.scenario.evidence import Evidence, Parameter, evidence_for, parameters
from sim.scenario.fields import Name, Strict, Text
from sim.scenario.procedure import Procedure, Route
from sim.scenario.reform import Edit, NamedReform, Reform, apply_reforms, unknown_reform
from sim.scenario.rosters import Calendar
from sim.scenario.units import parse_share
from sim.scenario.validation import validated

ALL_PORTS = "*"
NOWHERE = Place("<changed>", 1, 1)
"""The place of what no file says."""
MOST_PARTLY_ADOPTED = 6
"""Reforms of one route that a share can adopt; each doubles the number of routes."""


_ITEM = re.compile(r"([a-z][a-z0-9_]*)(?: at (.+))?$")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A reform that a mode names, with the share that the mode gives it."""

    reform: str
    adoption: float | None = None


def chosen_reform(text: str) -> Chosen:
    """Read an item of a mode: `NAME` or `NAME at 35%`."""
    match = _ITEM.match(text)
    if match is None:
        raise ValueError('expected the name of a reform, such as smart_gate or "smart_gate at 35%"')
    return Chosen(match[1], parse_share(match[2]) if match[2] else None)


def _mode(value: object) -> dict[str, tuple[Chosen, ...]]:
    by_port = value if isinstance(value, Mapping) else {ALL_PORTS: value}
    mode: dict[str, tuple[Chosen, ...]] = {}
    for port, items in by_port.items():
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise ValueError("expected a list of reforms, or for each port a list of reforms")
        reforms = tuple(chosen_reform(item) for item in items)
        if len({one.reform for one in reforms}) < len(reforms):
            raise ValueError("expected each reform once")
        mode[str(port)] = reforms
    return mode


_REFORM_LIST = {"type": "array", "items": {"type": "string"}}
Mode = Annotated[
    dict[str, tuple[Any, ...]],
    BeforeValidator(_mode),
    WithJsonSchema({"anyOf": [_REFORM_LIST, {"type": "object", "additionalProperties": _REFORM_LIST}]}),
]


class Port(Strict):
    """A place where goods are cleared."""

    title: Text
    """What people call it."""


class Definition(Strict):
    """A scenario file with everything that it imports."""

    title: Text
    """What the scenario is about."""
    description: Text | None = None
    """More about it."""
    imports: tuple[StrictStr, ...] = ()
    """Files that are merged into this one; a key set in two files is an error."""
    calendar: Calendar
    """When it begins and what is measured."""
    replications: Annotated[StrictInt, Field(ge=1)] = 10
    """How often each mode is run, each time with other luck."""
    seed: Annotated[StrictInt, Field(ge=0)] = 0
    """Where all luck comes from."""
    ports: dict[Name, Port] = {}
    """The ports by name; if there are any, no others may be named."""
    demand: Annotated[dict[Name, Flow], Field(min_length=1)]
    """The flows by name."""
    procedure: Procedure
    """What the administration decides."""
    modes: Annotated[dict[Name, Mode], Field(min_length=1)]
    """Each mode is a list of reforms for all ports, or for each port one."""
    reforms: dict[Name, Reform] = {}
    """Reforms of this scenario, beside those in the folder `reforms`."""
    disruptions: dict[Name, Disruption] = {}
    """What strikes the stations, by name."""
    prices: PriceLevel | None = None
    """What amounts of money mean; required where there are any."""
    evidence: dict[StrictStr, Evidence] = {}
    """Where the numbers come from, by address."""


@dataclass(frozen=True)
class ModeScenario:
    """A scenario under one mode: its procedure with all reforms of the mode applied."""

    mode: str
    definition: Definition
    root: Node
    edits: tuple[Edit, ...]
    variants: Mapping[str, Mapping[frozenset[str], Route]] = field(default_factory=dict)
    """For flows of which only a share adopts some reforms: their routes by the reforms adopted."""
    adoption: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """For each port the shares of its partly adopted reforms."""
    trees: tuple[Node, ...] = ()
    """The trees of all combinations of partly adopted reforms, to be checked."""

    @property
    def procedure(self) -> Procedure:
        """Stations, rosters, routes and clocks in this mode, everything adopted."""
        return self.definition.procedure

    def routes_of(self, flow: str) -> list[tuple[float, Route]]:
        """The routes of a flow with the share of its entities that take each."""
        shares = self.adoption.get(self.definition.demand[flow].port, {})
        variants = self.variants.get(flow)
        if variants is None:
            return [(1.0, self.procedure.routes[flow])]
        partly: frozenset[str] = frozenset().union(*variants)
        return [
            (prod(shares[reform] if reform in adopted else 1 - shares[reform] for reform in sorted(partly)), route)
            for adopted, route in variants.items()
        ]


@dataclass(frozen=True)
class Scenario:
    """A loaded scenario. Changes return a new one."""

    name: str
    root: Node
    definition: Definition
    library: Mapping[str, NamedReform]
    _modes: dict[str, ModeScenario] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        """In one line; what it holds would fill many screens."""
        return f"<Scenario {self.name}: {self.title.en}>"

    @property
    def title(self) -> Text:
        """What the scenario is about."""
        return self.definition.title

    @property
    def calendar(self) -> Calendar:
        """When it begins and what is measured."""
        return self.definition.calendar

    @property
    def demand(self) -> Mapping[str, Flow]:
        """The flows by name."""
        return self.definition.demand

    @property
    def procedure(self) -> Procedure:
        """The procedure before any reform."""
        return self.definition.procedure

    @property
    def modes(self) -> list[str]:
        """Names of the modes, in the order of the file."""
        return list(self.definition.modes)

    @property
    def ports(self) -> dict[str, Text]:
        """Every port with a flow, by name, with its title."""
        named = self.definition.ports
        ports = sorted({flow.port for flow in self.demand.values()})
        return {port: named[port].title if port in named else Text(en=port, zh=port) for port in ports}

    def under(self, mode: str) -> ModeScenario:
        """The scenario under a mode.

        Raises:
            InputError: If there is no such mode, or its reforms do not fit.
        """
        if mode not in self.definition.modes:
            raise input_error(f'there is no mode "{mode}"' + suggestion(mode, self.modes), "modes")
        if mode not in self._modes:
            self._modes[mode] = self._applied(mode)
        return self._modes[mode]

    def _applied(self, mode: str) -> ModeScenario:
        """Apply a mode's reforms: all of them, and for flows that adopt some partly, every combination of those."""
        chosen = [item for item in self._chosen(mode) if item[2] > 0]
        root, edits = apply_reforms(self.root, [(port, named) for port, named, _ in chosen])
        definition = validated(Definition, root)
        adoption: dict[str, dict[str, float]] = {}
        for port, named, share in chosen:
            if share < 1:
                self._refuse_for_all(mode, named, port, edits)
                adoption.setdefault(port, {})[named.name] = share
        trees: dict[tuple[str, frozenset[str]], Node] = {}
        variants: dict[str, dict[frozenset[str], Route]] = {}
        for flow, rules in self.demand.items():
            touching = sorted(
                {edit.reform for edit in edits if edit.port == rules.port and edit.trail[1:3] == ("routes", flow)}
                & adoption.get(rules.port, {}).keys()
            )
            if len(touching) > MOST_PARTLY_ADOPTED:
                sentence = (
                    f"{len(touching)} partly adopted reforms change the route of {flow}, {MOST_PARTLY_ADOPTED} can"
                )
                raise input_error(sentence, f"modes.{mode}")
            for size in range(len(touching) + 1) if touching else ():
                for adopted in combinations(touching, size):
                    key = (rules.port, frozenset(adopted) | (adoption[rules.port].keys() - set(touching)))
                    if key not in trees:
                        kept = [(p, n) for p, n, share in chosen if p != key[0] or share >= 1 or n.name in key[1]]
                        trees[key] = apply_reforms(self.root, kept, some=True)[0]
                    routes = validated(Definition, trees[key]).procedure.routes
                    variants.setdefault(flow, {})[frozenset(adopted)] = routes[flow]
        return ModeScenario(mode, definition, root, tuple(edits), variants, adoption, tuple(trees.values()))

    def _refuse_for_all(self, mode: str, named: NamedReform, port: str, edits: list[Edit]) -> None:
        """Refuse the adoption by a share of a reform that changes something for everybody."""
        for edit in edits:
            if edit.reform != named.name or edit.port != port or edit.trail[1] == "routes":
                continue
            if edit.old is not None or len(edit.trail) != 3:
                sentence = f"reform {named.name} changes {edit.address} for everybody, so a share cannot adopt it"
                raise input_error(f"{sentence}; list it without a share", f"modes.{mode}", named.node.place)

    def reforms_of(self, mode: str) -> list[tuple[str, str]]:
        """Pairs of port and reform that are in force in a mode."""
        return [(port, named.name) for port, named, _ in self._chosen(mode)]

    def _chosen(self, mode: str) -> list[tuple[str, NamedReform, float]]:
        problems: list[Problem] = []
        chosen: dict[tuple[str, str], tuple[str, NamedReform, float]] = {}
        ports = list(self.ports)
        for port, reforms in self.definition.modes[mode].items():
            node = self.root.find(("modes", mode, port)) or self.root.find(("modes", mode))
            place = node.place if node else None
            if port != ALL_PORTS and port not in ports:
                problems.append(
                    Problem(place, f"modes.{mode}", f'no flow has the port "{port}"' + suggestion(port, ports))
                )
                continue
            for item in reforms:
                named = self.library.get(item.reform)
                if named is None:
                    problems.append(Problem(place, f"modes.{mode}", unknown_reform(item.reform, self.library)))
                    continue
                share = named.reform.adoption if item.adoption is None else item.adoption
                for each in ports if port == ALL_PORTS else [port]:
                    if chosen.setdefault((each, named.name), (each, named, share))[2] != share:
                        sentence = f"reform {named.name} has two shares at {each}; keep one"
                        problems.append(Problem(place, f"modes.{mode}", sentence))
        if problems:
            raise InputError(problems)
        return list(chosen.values())

    def with_modes(self, modes: Mapping[str, Sequence[str] | Mapping[str, Sequence[str]]]) -> Scenario:
        """The same scenario with other modes, for example one for each reform."""
        return self._changed({"modes": dict(modes)})

    def with_values(self, **values: int) -> Scenario:
        """The same scenario with another `seed` or number of `replications`."""
        return self._changed(values)

    def with_calendar(self, **changes: str) -> Scenario:
        """The same scenario with other `start`, `zone`, `warm_up`, `duration` or `cool_down`, as in a file."""
        calendar = self.root.find(("calendar",))
        assert calendar is not None
        return self._changed({"calendar": {**calendar.plain(), **changes}})

    def _changed(self, entries: Mapping[str, Any]) -> Scenario:
        root = self.root
        for key, value in entries.items():
            root = root.with_value((key,), node_of(value, NOWHERE))
        try:
            definition = validated(Definition, root)
        except InputError as error:
            raise InputError([replace(problem, place=None) for problem in error.problems]) from None
        return replace(self, root=root, definition=definition, _modes={})

    def document(self) -> dict[str, Any]:
        """The whole scenario as one file would say it: imports merged, tables inlined, reforms inside."""
        plain = {key: value for key, value in self.root.plain().items() if key != "imports"}
        used = {name for mode in self.modes for _, name in self.reforms_of(mode)}
        reforms = {name: self.library[name].node.plain() for name in sorted(used)}
        return {**plain, "reforms": reforms} if reforms else plain

    @property
    def fingerprint(self) -> str:
        """Hash of everything that the scenario says, whatever the order of its lines."""
        text = json.dumps(self.document(), sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def parameters(self, mode: str) -> list[tuple[Parameter, Evidence | None]]:
        """Every parameter of a mode with where it comes from: what a reform changed rests on the reform's evidence."""
        here = self.under(mode)
        entries = list(self.definition.evidence.items())
        return [
            (parameter, self._evidence_of_edit(parameter, here.edits) or evidence_for(parameter.address, entries))
            for parameter in parameters(here.root)
        ]

    def _evidence_of_edit(self, parameter: Parameter, edits: tuple[Edit, ...]) -> Evidence | None:
        for edit in edits:
            shared = min(len(edit.trail), len(parameter.trail))
            if edit.trail[:shared] == parameter.trail[:shared]:
                reform = self.library[edit.reform].reform
                entries = [(address.replace("{port}", edit.port), entry) for address, entry in reform.evidence.items()]
                return evidence_for(parameter.address, entries) or Evidence(
                    grade=reform.grade,
                    source="; ".join(reform.sources) or None,
                    note=f"reform {edit.reform}: {reform.why.en}",
                )
        return None


def file_name(path: Path) -> str:
    """The name of a scenario: its file without the ending."""
    return path.name.removesuffix(".yaml").removesuffix(".yml").removesuffix(".resolved")
