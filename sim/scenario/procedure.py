"""What the administration decides: stations, rosters, routes, and the clocks by which they are judged."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from sim.scenario.distributions import Distribution
from sim.scenario.fields import Amounts, Cases, Conditions, Count, Name, Names, Strict, Title, shares_sum_to_one
from sim.scenario.rosters import Roster
from sim.scenario.units import Duration, Share

_POINT = re.compile(r"(arrival|[a-z][a-z0-9_]*\.(ready|start|end))$")


def _points(value: object) -> tuple[str, ...]:
    points = tuple(value) if isinstance(value, list | tuple) else (value,)
    for point in points:
        if not isinstance(point, str) or not _POINT.match(point):
            raise ValueError("expected `arrival` or a point such as gate_in.ready, scan.start or gate_out.end")
    return tuple(str(point) for point in points)


_POINT_SCHEMA = {"type": "string", "pattern": "^(arrival|[a-z][a-z0-9_]*\\.(ready|start|end))$"}
Points = Annotated[
    tuple[str, ...],
    BeforeValidator(_points),
    WithJsonSchema({"anyOf": [_POINT_SCHEMA, {"type": "array", "items": _POINT_SCHEMA, "minItems": 1}]}),
]


class Station(Strict):
    """A place of work or a pool with a capacity: a lane, a desk, a scanner, a yard, a fleet of trucks."""

    title: Title | None = None
    """What people call it."""
    port: Name
    """The port it belongs to."""
    capacity: Count
    """How many units there are."""
    roster: Name | None = None
    """When they are on duty; without roster always."""
    agency: Name | None = None
    """Who runs it."""


class Activity(Strict):
    """Work that is done at most once for an entity."""

    title: Title | None = None
    """What people call it; standard activities have a title already."""
    after: Names = ()
    """It is ready when all of these have ended; without any, when the entity arrives."""
    at: Name | None = None
    """The station at which it is done and in whose queue it waits."""
    amount: Count = 1
    """Units of `at` that it takes."""
    takes: Cases[Distribution] | None = None
    """How long the work takes; without it, no time."""
    only: Conditions | None = None
    """It takes place only for entities with these attributes or drawn outcomes."""
    share: Cases[Share] | None = None
    """It takes place only for this share of them, chosen by luck."""
    draws: dict[Name, Cases[dict[Name, Share]]] = {}
    """What luck decides here: for each variable the outcomes with their shares, which sum to 100%."""
    seizes: Amounts = {}
    """Resources held from its start until an activity that `releases` them has ended."""
    releases: Names = ()
    """Resources given back when it has ended (or has been passed through)."""
    priority: Cases[Annotated[int, Field(strict=True)]] | None = None
    """Place in the queue: lower numbers go first; by default 0."""
    phase: Name | None = None
    """Part of the whole in reports: documents, inspection, border."""
    agency: Name | None = None
    """Who does it, by default the station's agency."""

    @field_validator("draws")
    @classmethod
    def _complete(cls, draws: dict[str, Cases[dict[str, float]]]) -> dict[str, Cases[dict[str, float]]]:
        for table in draws.values():
            for case in table.cases:
                shares_sum_to_one(case.use)
        return draws


class Clock(Strict):
    """A named time between two points of a route."""

    title: Title | None = None
    """What people call it."""
    begin: Points = Field(alias="from")
    """Where it begins: `arrival` or ACTIVITY.ready, .start or .end; of a list, the first point that the route has."""
    end: Points = Field(alias="to")
    """Where it ends."""
    target: Annotated[Duration, Field(gt=0)] | None = None
    """Reports give the share of entities within this time."""


Route = dict[Name, Activity]


class Procedure(Strict):
    """Everything that a reform may edit."""

    rosters: dict[Name, Roster] = {}
    """Capacity over time, by name."""
    stations: dict[Name, Station]
    """Places of work and pools, by name."""
    routes: dict[Name, Annotated[Route, Field(min_length=1)]]
    """The activities of every flow, by the flow's name."""
    clocks: dict[Name, Clock] = {}
    """What is measured, by name."""
