"""The world: who comes, when, and with what. No reform can change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StrictStr, WithJsonSchema, model_validator

from sim.scenario.costs import FlowCosts
from sim.scenario.distributions import Distribution
from sim.scenario.fields import Count, Name, Strict, Text, Weight, shares_sum_to_one
from sim.scenario.rosters import WEEKDAYS, Calendar, Weekday
from sim.scenario.units import Duration, RatePerDay, Share

Direction = Literal["export", "import", "transit", "domestic"]


def _moment(value: object) -> datetime:
    try:
        if isinstance(value, datetime):
            return value
        text = value if isinstance(value, str) and value.isprintable() else ""  # Python reads on behind a NUL
        moment = datetime.fromisoformat(text) if len(text) > len("2025-06-02") else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("expected a date with a time such as 2025-06-02 14:35:00")
    return moment


def _time_of_day(value: object) -> int:
    try:
        hours, minutes = str(value).split(":") if isinstance(value, str) else ("", "")
        if len(hours) == len(minutes) == 2 and int(hours) < 24 and int(minutes) < 60:
            return int(hours) * 60 + int(minutes)
    except ValueError:
        pass
    raise ValueError('expected a time of day in quotes such as "06:30"')


Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
TimeOfDay = Annotated[int, BeforeValidator(_time_of_day), WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d$"})]


class Recorded(Strict):
    """Arrivals as they were recorded; the same in every replication."""

    csv: StrictStr | None = None
    """A CSV file beside the scenario."""
    column: StrictStr | None = None
    """Its column of arrival times (ISO 8601; without an offset they are in the calendar's zone)."""
    values: tuple[Moment, ...] = ()
    """The times themselves, instead of a file."""

    @model_validator(mode="after")
    def _not_empty(self) -> Recorded:
        if not self.values:
            raise ValueError("expected `csv` and `column`, or `values`, with at least one arrival")
        return self


class Aboard(Strict):
    """Entities that arrive on a carrier: containers on a train, consignments on a flight."""

    flow: Name
    """The carrier's flow; they arrive when it does."""
    riders: Count | None = None
    """How many on each."""
    least: Count | None = None
    """With `most`: at least so many, every number up to `most` with the same chance."""
    most: Count | None = None
    """With `least`: at most so many."""

    @model_validator(mode="after")
    def _one_number(self) -> Aboard:
        if (self.riders is None) == (self.least is None) or (self.least is None) != (self.most is None):
            raise ValueError("expected `riders`, or `least` and `most`")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("expected `least` not above `most`")
        return self

    def mean(self) -> float:
        """Riders on average."""
        return float(self.riders) if self.riders is not None else ((self.least or 0) + (self.most or 0)) / 2


class Arrivals(Strict):
    """When entities come: exactly one of `rate`, `every`, `timetable`, `recorded`, `aboard`."""

    rate: RatePerDay | None = None
    """Poisson arrivals; the average over a week."""
    hours: Annotated[tuple[Weight, ...], Field(min_length=24, max_length=24)] | None = None
    """With `rate`: 24 weights for the hours of the day in the calendar's zone; only their proportions count."""
    weekdays: Annotated[tuple[Weight, ...], Field(min_length=7, max_length=7)] | None = None
    """With `rate`: 7 weights, Monday first; only their proportions count."""
    every: Annotated[Duration, Field(gt=0)] | None = None
    """Arrivals at a fixed interval."""
    first: Duration | None = None
    """With `every`: the first arrival, by default one interval after the beginning."""
    timetable: Annotated[tuple[TimeOfDay, ...], Field(min_length=1)] | None = None
    """Scheduled times of day in the calendar's zone."""
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] | None = None
    """With `timetable`: the weekdays on which it runs, by default all."""
    late: Distribution | None = None
    """With `timetable`: how much later than scheduled an entity comes."""
    early: Duration | None = None
    """With `timetable`: taken off after `late` is added; so `early: 10 min` with `late: {exponential: 10 min}` is on
    time on average."""
    recorded: Recorded | None = None
    """Arrivals from data."""
    aboard: Aboard | None = None
    """Arrivals on a carrier of another flow; the first activity of their route is the `ride` that they are on."""

    @model_validator(mode="after")
    def _one_kind(self) -> Arrivals:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"expected exactly one of {', '.join(KINDS)}; found {' and '.join(kinds) or 'none'}")
        for key, kind in _BELONGS_TO.items():
            if getattr(self, key) is not None and kinds[0] != kind:
                raise ValueError(f"`{key}` goes with `{kind}`, not with `{kinds[0]}`")
        for weights in (self.hours, self.weekdays):
            if weights is not None and not sum(weights):
                raise ValueError("expected at least one weight above 0")
        return self

    def per_day(self) -> float:
        """Mean arrivals per day; for recorded arrivals over their own span, at least a day. Not for `aboard`."""
        if self.rate is not None:
            return self.rate
        if self.every is not None:
            return 86_400_000 / self.every
        if self.timetable is not None:
            return len(self.timetable) * len(self.days or WEEKDAYS) / 7
        assert self.recorded is not None
        moments = [moment.replace(tzinfo=None) for moment in self.recorded.values]
        span = (max(moments) - min(moments)).total_seconds() / 86_400
        return len(moments) / max(span, 1.0)


KINDS = ("rate", "every", "timetable", "recorded", "aboard")
_BELONGS_TO = {
    "hours": "rate",
    "weekdays": "rate",
    "first": "every",
    "days": "timetable",
    "late": "timetable",
    "early": "timetable",
}


class Attribute(Strict):
    """Something an entity is or has from the beginning: true for a share, or one of several."""

    share: Share | None = None
    """True for this share of the entities, false for the others."""
    one_of: dict[Name, Share] | None = None
    """One of these, with these shares (which sum to 100%)."""

    @model_validator(mode="after")
    def _one_kind(self) -> Attribute:
        if (self.share is None) == (self.one_of is None):
            raise ValueError("expected `share` or `one_of`")
        if self.one_of is not None:
            shares_sum_to_one(self.one_of)
        return self

    def outcomes(self) -> dict[bool | str, float]:
        """Every value with its share."""
        if self.one_of is not None:
            return {name: share for name, share in self.one_of.items()}  # noqa: C416  # widens the type of the keys
        assert self.share is not None
        return {True: self.share, False: 1 - self.share}


class Flow(Strict):
    """One stream of like entities."""

    title: Text | None = None
    """What people call it."""
    entity: Name
    """What flows: truck, train, flight, consignment, container, car."""
    port: Name
    """The port where it is cleared."""
    direction: Direction
    """As seen from China."""
    arrivals: Arrivals
    """When they come."""
    attributes: dict[Name, Attribute] = {}
    """What they are or have from the beginning."""
    costs: FlowCosts | None = None
    """What their time in port costs."""


def recorded_times(moments: Sequence[datetime], calendar: Calendar) -> list[int]:
    """Recorded arrivals in simulated ms, in order; without an offset they are in the calendar's zone."""
    zone = ZoneInfo(calendar.zone)
    aware = (moment if moment.tzinfo else moment.replace(tzinfo=zone) for moment in moments)
    begin = calendar.origin.astimezone(UTC)
    return sorted(round((moment.astimezone(UTC) - begin) / timedelta(milliseconds=1)) for moment in aware)


def arrivals_per_day(demand: Mapping[str, Flow], name: str) -> float:
    """Mean arrivals per day of a flow; who arrives aboard comes as often as the carriers, each with its riders."""
    arrivals = demand[name].arrivals
    if arrivals.aboard is not None:
        return arrivals_per_day(demand, arrivals.aboard.flow) * arrivals.aboard.mean()
    return arrivals.per_day()
