"""What the administration decides: stations, rosters, routes, and the clocks by which they are judged."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from sim.scenario.costs import Fee, Staff
from sim.scenario.distributions import Distribution
from sim.scenario.fields import Amounts, Case, Cases, Conditions, Count, Name, Names, Strict, Text, shares_sum_to_one
from sim.scenario.rosters import Day, Roster, Zone
from sim.scenario.units import Allowance, Duration, Kilograms, Share

_POINT = re.compile(r"(arrival|[a-z][a-z0-9_]*\.(ready|start|end))$")


def _points(value: object) -> tuple[str, ...]:
    points = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not points:
        raise ValueError("expected at least one point, such as arrival or gate_out.end")
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


class DurationCase(Case[Distribution]):
    """A duration for some of the entities."""


class Durations(Cases[Distribution]):
    """A duration that may depend on the entity."""

    cases: tuple[DurationCase, ...]
    """Tried from the first to the last."""


class ShareCase(Case[Share]):
    """A share for some of the entities."""


class Shares(Cases[Share]):
    """A share that may depend on the entity."""

    cases: tuple[ShareCase, ...]
    """Tried from the first to the last."""


class OutcomesCase(Case[dict[Name, Share]]):
    """Outcomes with their shares for some of the entities."""


class OutcomeShares(Cases[dict[Name, Share]]):
    """Outcomes with their shares that may depend on the entity."""

    cases: tuple[OutcomesCase, ...]
    """Tried from the first to the last."""


Rank = Annotated[int, Field(strict=True, ge=-1_000_000, le=1_000_000)]


class NumberCase(Case[Rank]):
    """A whole number for some of the entities."""


class Numbers(Cases[Rank]):
    """A whole number that may depend on the entity."""

    cases: tuple[NumberCase, ...]
    """Tried from the first to the last."""


class CountCase(Case[Annotated[int, Field(strict=True, ge=0)]]):
    """A number of entities for some of the carriers."""


class Counts(Cases[Annotated[int, Field(strict=True, ge=0)]]):
    """A number of entities that may depend on the carrier."""

    cases: tuple[CountCase, ...]
    """Tried from the first to the last."""


class Station(Strict):
    """A place of work or a pool with a capacity: a lane, a desk, a scanner, a yard, a fleet of trucks."""

    title: Text | None = None
    """What people call it."""
    port: Name
    """The port it belongs to."""
    capacity: Count
    """How many units there are."""
    roster: Name | None = None
    """When they are on duty; without roster always."""
    agency: Name | None = None
    """Who runs it."""
    queue_limit: Annotated[int, Field(strict=True, ge=0)] | None = None
    """Who finds so many waiting is turned away; by default nobody is."""
    staff: Staff | None = None
    """The people on duty and what they cost."""


class Quota(Strict):
    """What may pass in each period: a neighbour's admission, bookable slots, tests of a laboratory."""

    title: Text | None = None
    """What people call it."""
    port: Name
    """The port it belongs to."""
    amount: Allowance
    """How many in each period; the first period begins at the first midnight of `zone` at or before the start."""
    zone: Zone
    """The zone in which days and hours begin."""
    unused: Literal["lost", "kept"] = "lost"
    """Whether what a period leaves is lost, or can be used later."""
    changes: dict[Day, Allowance] = {}
    """Other amounts from a date on, with the same period."""
    roster: Name | None = None
    """Periods that begin while this roster is closed allow nothing."""
    agency: Name | None = None
    """Who grants it."""

    @model_validator(mode="after")
    def _one_period(self) -> Quota:
        if any(period != self.amount[1] for _, period in self.changes.values()):
            raise ValueError("expected the same period in `amount` and all `changes`")
        return self


class Load(Strict):
    """How a carrier takes riders aboard."""

    ride: Name
    """The meeting of riders and carriers: riders wait at the activities with `ride` of this name."""
    up_to: Counts
    """How many fit on it."""
    at_least: Counts | None = None
    """It waits until so many are there; by default one."""
    waits: Durations | None = None
    """After this it leaves with what is there, even with nobody; by default it waits for ever."""


class Awaited(Strict):
    """What a carrier waits for."""

    ride: Name
    """The ride whose riders it brought."""
    activity: Name
    """The activity that all of them must have behind them."""


class Targeting(Strict):
    """A risk score that picks entities, known by how many violations it catches and how often it is right."""

    of: Name
    """The hidden violation: an attribute with a `share`."""
    picks: Name
    """The outcome of those picked."""
    recall: Share
    """Share of the violations that are picked."""
    precision: Annotated[Share, Field(gt=0)]
    """Share of the picked that are violations."""
    others: dict[Name, Share]
    """Outcomes of those not picked, with shares that sum to 100%."""

    @model_validator(mode="after")
    def _complete(self) -> Targeting:
        shares_sum_to_one(self.others)
        return self

    def picked_innocent(self, rate: float) -> float:
        """Share of the innocent that are picked where a share `rate` is not innocent.

        Raises:
            ValueError: If no score can be so rarely right.
        """
        share = self.recall * rate * (1 - self.precision) / (self.precision * (1 - rate)) if rate < 1 else 0.0
        if share > 1:
            score = f"a recall of {self.recall:.3g} and a precision of {self.precision:.3g}"
            raise ValueError(f"{score} at {rate:.3g} {self.of} would pick more than everybody; raise the precision")
        return share

    def cases(self, rate: float) -> OutcomeShares:
        """The same as shares of outcomes for violations and for the innocent."""

        def table(picked: float) -> dict[str, float]:
            shares = {outcome: (1 - picked) * share for outcome, share in self.others.items()}
            shares[self.picks] = shares.get(self.picks, 0.0) + picked
            return shares

        caught = OutcomesCase.model_construct(only={self.of: (True,)}, use=table(self.recall))
        innocent = OutcomesCase.model_construct(only=None, use=table(self.picked_innocent(rate)))
        return OutcomeShares.model_construct(cases=(caught, innocent))


class Activity(Strict):
    """Work that is done at most once for an entity."""

    title: Text | None = None
    """What people call it; standard activities have a title already."""
    after: Names = ()
    """It is ready when all of these have ended; without any, when the entity arrives."""
    at: Name | None = None
    """The station at which it is done and in whose queue it waits."""
    amount: Count = 1
    """Units of `at` that it takes."""
    takes: Durations | None = None
    """How long the work takes; without it, no time."""
    only: Conditions | None = None
    """It takes place only for entities with these attributes or drawn outcomes."""
    share: Shares | None = None
    """It takes place only for this share of them, chosen by luck."""
    draws: dict[Name, OutcomeShares] = {}
    """What luck decides here: for each variable the outcomes with their shares, which sum to 100%."""
    targets: dict[Name, Targeting] = {}
    """Like `draws`, but by a risk score: variable to its rule."""
    detects: dict[Name, Shares] = {}
    """Hidden violations (attributes with a `share`) and the chance that it finds one that is there. From here on the
    variable `NAME_found` is true for those found."""
    seizes: Amounts = {}
    """Resources held from its start until an activity that `releases` them has ended."""
    releases: Names = ()
    """Resources given back when it has ended (or has been passed through)."""
    needs: Amounts = {}
    """Quotas of which it uses up one (or so many) when it starts."""
    ride: Name | None = None
    """It waits here until a carrier with a `load` of this ride takes it aboard, until that carrier's `unload` ends."""
    load: Load | None = None
    """It is a carrier and takes riders aboard here."""
    unload: Name | None = None
    """It is a carrier: when this activity has ended, the riders of this ride go on by themselves."""
    awaits: Awaited | None = None
    """It is a carrier and waits here until all riders that it brought have an activity of theirs behind them."""
    priority: Numbers | None = None
    """Place in the queue: lower numbers go first; by default 0."""
    phase: Name | None = None
    """Part of the whole in reports: documents, inspection, border."""
    fee: Fee | None = None
    """What it costs each entity."""
    emits: Kilograms | None = None
    """Carbon dioxide that it emits for each entity for which it takes place."""
    agency: Name | None = None
    """Who does it, by default the station's agency."""

    @model_validator(mode="after")
    def _one_role(self) -> Activity:
        roles = [role for role in ("ride", "load", "awaits") if getattr(self, role) is not None]
        if len(roles) > 1:
            raise ValueError(f"expected one of {' and '.join(roles)}; make them two activities")
        busy = [key for key in ("at", "seizes", "needs") if getattr(self, key)]
        if roles and busy:
            raise ValueError(
                f"`{roles[0]}` waits for others, without {', '.join(busy)}; put that into another activity"
            )
        if self.takes is not None and roles and roles != ["load"]:
            raise ValueError(f"`{roles[0]}` takes as long as the carrier or the riders take; remove `takes`")
        return self

    @field_validator("draws")
    @classmethod
    def _complete(cls, draws: dict[str, OutcomeShares]) -> dict[str, OutcomeShares]:
        for table in draws.values():
            for case in table.cases:
                shares_sum_to_one(case.use)
        return draws


class Clock(Strict):
    """A named time between two points of a route."""

    title: Text | None = None
    """What people call it."""
    begin: Points = Field(alias="from")
    """Where it begins: `arrival` or ACTIVITY.ready, .start or .end; of a list, the first point that the route has."""
    end: Points = Field(alias="to")
    """Where it ends."""
    not_before: Points | None = None
    """It begins no earlier than this point: so a declaration made days ahead counts from the arrival at the port."""
    target: Annotated[Duration, Field(gt=0)] | None = None
    """Reports give the share of entities within this time."""


PRESENCE = "port_dwell"
"""The clock that says when an entity is in its port."""

Route = dict[Name, Activity]


class Procedure(Strict):
    """Everything that a reform may edit."""

    rosters: dict[Name, Roster] = {}
    """Capacity over time, by name."""
    stations: dict[Name, Station]
    """Places of work and pools, by name."""
    quotas: dict[Name, Quota] = {}
    """What may pass in each period, by name."""
    routes: dict[Name, Annotated[Route, Field(min_length=1)]]
    """The activities of every flow, by the flow's name."""
    clocks: dict[Name, Clock] = {}
    """What is measured, by name."""
