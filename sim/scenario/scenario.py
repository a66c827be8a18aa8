"""A scenario as it was loaded, and the same scenario under one of its modes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictInt, StrictStr, WithJsonSchema

from sim.errors import InputError, Place, Problem, input_error
from sim.scenario.addresses import suggestion
from sim.scenario.demand import Flow
from sim.scenario.document import Node, node_of
from sim.scenario.evidence import Evidence, Parameter, evidence_for, parameters
from sim.scenario.fields import Name, Strict, Title
from sim.scenario.procedure import Procedure
from sim.scenario.reform import Edit, NamedReform, Reform, apply_reforms, unknown_reform
from sim.scenario.rosters import Calendar
from sim.scenario.validation import validated

ALL_PORTS = "*"


def _mode(value: object) -> dict[str, tuple[str, ...]]:
    by_port = value if isinstance(value, Mapping) else {ALL_PORTS: value}
    mode: dict[str, tuple[str, ...]] = {}
    for port, reforms in by_port.items():
        if not isinstance(reforms, list | tuple) or not all(isinstance(name, str) for name in reforms):
            raise ValueError("expected a list of reforms, or for each port a list of reforms")
        if len(set(reforms)) < len(reforms):
            raise ValueError("expected each reform once")
        mode[port] = tuple(reforms)
    return mode


_REFORM_LIST = {"type": "array", "items": {"type": "string"}}
Mode = Annotated[
    dict[str, tuple[str, ...]],
    BeforeValidator(_mode),
    WithJsonSchema({"anyOf": [_REFORM_LIST, {"type": "object", "additionalProperties": _REFORM_LIST}]}),
]


class Port(Strict):
    """A place where goods are cleared."""

    title: Title
    """What people call it."""


class Definition(Strict):
    """A scenario file with everything that it imports."""

    title: Title
    """What the scenario is about."""
    description: StrictStr | None = None
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
    evidence: dict[StrictStr, Evidence] = {}
    """Where the numbers come from, by address."""


@dataclass(frozen=True)
class ModeScenario:
    """A scenario under one mode: its procedure with all reforms of the mode applied."""

    mode: str
    definition: Definition
    root: Node
    edits: tuple[Edit, ...]

    @property
    def procedure(self) -> Procedure:
        """Stations, rosters, routes and clocks in this mode."""
        return self.definition.procedure


@dataclass(frozen=True)
class Scenario:
    """A loaded scenario. Changes return a new one."""

    name: str
    root: Node
    definition: Definition
    library: Mapping[str, NamedReform]
    _modes: dict[str, ModeScenario] = field(default_factory=dict, repr=False, compare=False)

    @property
    def title(self) -> Title:
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
    def ports(self) -> dict[str, Title]:
        """Every port with a flow, by name, with its title."""
        named = self.definition.ports
        ports = sorted({flow.port for flow in self.demand.values()})
        return {port: named[port].title if port in named else Title(en=port, zh=port) for port in ports}

    def under(self, mode: str) -> ModeScenario:
        """The scenario under a mode.

        Raises:
            InputError: If there is no such mode, or its reforms do not fit.
        """
        if mode not in self.definition.modes:
            raise input_error(f'there is no mode "{mode}"' + suggestion(mode, self.modes), "modes")
        if mode not in self._modes:
            root, edits = apply_reforms(self.root, self._chosen(mode))
            self._modes[mode] = ModeScenario(mode, validated(Definition, root), root, tuple(edits))
        return self._modes[mode]

    def reforms_of(self, mode: str) -> list[tuple[str, str]]:
        """Pairs of port and reform that are in force in a mode."""
        return [(port, named.name) for port, named in self._chosen(mode)]

    def _chosen(self, mode: str) -> list[tuple[str, NamedReform]]:
        problems: list[Problem] = []
        chosen: list[tuple[str, NamedReform]] = []
        ports = list(self.ports)
        for port, reforms in self.definition.modes[mode].items():
            node = self.root.find(("modes", mode, port)) or self.root.find(("modes", mode))
            place = node.place if node else None
            if port != ALL_PORTS and port not in ports:
                problems.append(
                    Problem(place, f"modes.{mode}", f'no flow has the port "{port}"' + suggestion(port, ports))
                )
                continue
            for name in reforms:
                if name not in self.library:
                    problems.append(Problem(place, f"modes.{mode}", unknown_reform(name, self.library)))
                    continue
                chosen.extend((each, self.library[name]) for each in (ports if port == ALL_PORTS else [port]))
        if problems:
            raise InputError(problems)
        return _unique(chosen)

    def with_modes(self, modes: Mapping[str, Sequence[str] | Mapping[str, Sequence[str]]]) -> Scenario:
        """The same scenario with other modes, for example one for each reform."""
        return self._changed({"modes": {mode: _mode(reforms) for mode, reforms in modes.items()}})

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
            root = root.with_value((key,), node_of(value, Place(f"<{key}>", 1, 1)))
        return replace(self, root=root, definition=validated(Definition, root), _modes={})

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
                    note=f"reform {edit.reform}: {reform.why}",
                )
        return None


def _unique(chosen: list[tuple[str, NamedReform]]) -> list[tuple[str, NamedReform]]:
    return list({(port, named.name): (port, named) for port, named in chosen}.values())


def file_name(path: Path) -> str:
    """The name of a scenario: its file without the ending."""
    return path.name.removesuffix(".yaml").removesuffix(".yml").removesuffix(".resolved")
