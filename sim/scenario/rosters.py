"""Calendars and rosters: wall-clock hours of some zone turned into steps of capacity over simulated time.

Simulated time is whole milliseconds since midnight of the calendar's first day in the calendar's zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from sim.scenario.fields import Strict
from sim.scenario.steps import Steps
from sim.scenario.units import DAY, HOUR, Duration, Share

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d$")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(([01]\d|2[0-3]):([0-5]\d)|24:00)$")
_MOMENT = r"(\d{4}-\d\d-\d\d)(?: ([01]\d|2[0-3]):([0-5]\d))?"
_CLOSURE = re.compile(rf"{_MOMENT}(?:\.\.{_MOMENT})?$")


def _date(value: object) -> date:
    try:
        day = date.fromisoformat(str(value)) if _ISO_DATE.match(str(value)) else None
    except ValueError:
        day = None
    if day is None or not 1900 <= day.year < 2200:
        raise ValueError("expected a date from 1900 to 2199 such as 2025-06-02")
    return day


def _zone(value: object) -> str:
    try:
        if not isinstance(value, str):
            raise ValueError
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError("expected a time zone such as Asia/Shanghai or Asia/Almaty") from None
    return value


def _hours(value: object) -> tuple[int, int]:
    match = _HOURS.match(value) if isinstance(value, str) else None
    if not match:
        raise ValueError('expected opening hours such as "10:00-20:00", "20:00-08:00" (past midnight) or "00:00-24:00"')
    opens = int(match[1]) * 60 + int(match[2])
    closes = 24 * 60 if match[3] == "24:00" else int(match[4]) * 60 + int(match[5])
    if closes == opens:
        raise ValueError('expected a closing time other than the opening time; write "00:00-24:00" for the whole day')
    return opens, closes if closes > opens else closes + 24 * 60


def _closure(value: object) -> tuple[datetime, datetime]:
    match = _CLOSURE.match(value) if isinstance(value, str) else None
    wanted = ValueError(
        'expected a date "2025-10-01", dates "2025-10-01..2025-10-03" or "2025-09-29 00:00..2025-09-30 10:00"'
    )
    if not match:
        raise wanted
    try:
        begins = datetime.fromisoformat(match[1])
        last = datetime.fromisoformat(match[4]) if match[4] else begins
    except ValueError:
        raise wanted from None
    if match[2]:
        if not match[4] or not match[5]:
            raise wanted
        begins += timedelta(hours=int(match[2]), minutes=int(match[3]))
    ends = last + (timedelta(hours=int(match[5]), minutes=int(match[6])) if match[5] else timedelta(days=1))
    if ends <= begins:
        raise ValueError("expected a closure that ends after it begins")
    return begins, ends


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Zone = Annotated[
    str, BeforeValidator(_zone), _text("^[A-Za-z_+-]+(/[A-Za-z0-9_+-]+)*$", "Asia/Shanghai", "Asia/Almaty")
]
Day = Annotated[date, BeforeValidator(_date), _text(r"^\d{4}-\d\d-\d\d$", "2025-06-02")]
Hours = Annotated[
    tuple[int, int], BeforeValidator(_hours), _text(r"^\d\d:\d\d-\d\d:\d\d$", "10:00-20:00", "20:00-08:00")
]
Closure = Annotated[
    tuple[datetime, datetime],
    BeforeValidator(_closure),
    _text(r"^\d{4}-\d\d-\d\d.*$", "2025-10-01", "2025-10-01..2025-10-03", "2025-09-29 00:00..2025-09-30 10:00"),
]


class Calendar(Strict):
    """When the simulation begins, what of it is measured, and how long it goes on behind that."""

    start: Day
    """The first day; simulated time begins at its midnight in `zone`."""
    zone: Zone
    """The zone of the demand's hours and of the charts."""
    warm_up: Duration = 0
    """Time at the beginning that is simulated and not measured, while the port fills."""
    duration: Annotated[Duration, Field(gt=0)]
    """Length of the measured window: measured are the entities that arrive in it."""
    cool_down: Duration = 3 * DAY
    """Time behind the window in which arrivals go on, so that nobody measured ends in an emptying port. Whoever has not
    left by its end counts as unfinished."""

    @property
    def window(self) -> tuple[int, int]:
        """Begin and end of the measured window in ms."""
        return self.warm_up, self.warm_up + self.duration

    @property
    def horizon(self) -> int:
        """End of the simulation in ms; events at this instant no longer happen."""
        return self.warm_up + self.duration + self.cool_down

    @cached_property
    def origin(self) -> datetime:
        """Time zero as an aware datetime."""
        return datetime.combine(self.start, time(), ZoneInfo(self.zone))

    def milliseconds(self, local: datetime, zone: str) -> int:
        """Simulated time of a naive local time in a zone."""
        return (local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - self._origin_utc) // timedelta(milliseconds=1)

    @cached_property
    def _origin_utc(self) -> datetime:
        return self.origin.astimezone(UTC)

    def local_hours(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hour of day (0-23) and weekday (0 = Monday) in the calendar's zone of every whole hour up to the horizon."""
        return _local_hours(self.start, self.zone, -(-self.horizon // HOUR))


@lru_cache(maxsize=16)  # every flow asks for them
def _local_hours(start: date, zone: str, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    begin = datetime.combine(start, time(), ZoneInfo(zone)).astimezone(UTC)
    moments = [(begin + timedelta(hours=hour)).astimezone(ZoneInfo(zone)) for hour in range(count)]
    hours = np.array([moment.hour for moment in moments], dtype=np.int64)
    return hours, np.array([moment.weekday() for moment in moments], dtype=np.int64)


class Shift(Strict):
    """Hours of a roster; a plain text such as "10:00-20:00" is a shift with the station's whole capacity."""

    hours: Hours
    """Opening and closing on the wall clock; a closing before the opening is on the next day."""
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] | None = None
    """The weekdays on which the shift begins; by default those of the roster."""
    share: Share | None = None
    """Share of the station's capacity on duty, rounded to the nearest unit, at least one."""
    capacity: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    """Units on duty, whatever the station's capacity."""

    @model_validator(mode="before")
    @classmethod
    def _plain_hours(cls, value: object) -> object:
        return {"hours": value} if not isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _one_size(self) -> Shift:
        if self.share is not None and self.capacity is not None:
            raise ValueError("expected `share` or `capacity`, not both")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell editors that plain hours will do."""
        shift = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [shift["properties"]["hours"], shift]}

    def on_duty(self, capacity: int) -> int:
        """Units on duty for a station of some capacity."""
        if self.capacity is not None:
            return self.capacity
        if self.share is None:
            return capacity
        return max(1, int(capacity * self.share + 0.5)) if self.share > 0 else 0


class Roster(Strict):
    """Capacity over time: shifts on the wall clock of a zone, days off, dated closures. Overlapping shifts add up."""

    zone: Zone
    """The zone of the hours."""
    open: Annotated[tuple[Shift, ...], Field(min_length=1)]
    """The shifts."""
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS  # type: ignore[assignment]
    """Weekdays on which shifts begin."""
    closed: tuple[Closure, ...] = ()
    """Dates or stretches without work, whatever the shifts say."""


@lru_cache(maxsize=4096)  # plans, checks and warnings ask for the same ones
def capacity_steps(roster: Roster | None, capacity: int, calendar: Calendar) -> Steps:
    """Capacity over [0, horizon) of a station of some capacity under a roster; without roster it is always open."""
    if roster is None:
        return Steps.constant(capacity)
    horizon = calendar.horizon
    changes: dict[int, int] = {0: 0}
    for shift, hours in zip(roster.open, _shift_hours(roster, calendar), strict=True):
        units = shift.on_duty(capacity)
        for opens, closes in hours:
            changes[opens] = changes.get(opens, 0) + units
            changes[closes] = changes.get(closes, 0) - units
    closures = [tuple(calendar.milliseconds(moment, roster.zone) for moment in closure) for closure in roster.closed]
    for begins, ends in closures:
        for moment in (begins, ends):
            if 0 <= moment < horizon:
                changes.setdefault(moment, 0)
    times: list[int] = []
    values: list[int] = []
    level = 0
    for moment in sorted(changes):
        level += changes[moment]
        value = 0 if any(begins <= moment < ends for begins, ends in closures) else level
        if moment < horizon and (not values or values[-1] != value):
            times.append(moment)
            values.append(value)
    return Steps(np.array(times, dtype=np.int64), np.array(values, dtype=np.int64))


@lru_cache(maxsize=1024)  # many stations have the same roster
def _shift_hours(roster: Roster, calendar: Calendar) -> list[list[tuple[int, int]]]:
    """For each shift of a roster when it begins and ends in [0, horizon], day by day."""
    first_day = calendar.origin.astimezone(ZoneInfo(roster.zone)).date() - timedelta(days=2)
    days = [first_day + timedelta(days=offset) for offset in range(calendar.horizon // DAY + 6)]

    def moment(day: date, minute: int) -> int:
        local = datetime.combine(day, time()) + timedelta(minutes=minute)
        return min(max(calendar.milliseconds(local, roster.zone), 0), calendar.horizon)

    return [
        [
            (moment(day, shift.hours[0]), moment(day, shift.hours[1]))
            for day in days
            if WEEKDAYS[day.weekday()] in (shift.days or roster.days)
        ]
        for shift in roster.open
    ]


def minutes_text(hours: tuple[int, int]) -> str:
    """Opening hours as users write them."""
    opens, closes = hours
    closes = closes if closes <= 24 * 60 else closes - 24 * 60
    return f"{opens // 60:02d}:{opens % 60:02d}-{closes // 60:02d}:{closes % 60:02d}"


def period_starts(period: int, zone: str, calendar: Calendar) -> list[int]:
    """When the periods of a quota begin, up to the horizon; the first is the one in progress at time zero, given as 0.

    Periods of whole days begin at midnight of the zone, shorter ones count from it.
    """
    first_day = calendar.origin.astimezone(ZoneInfo(zone)).date()
    starts: set[int] = {0}
    days = max(1, period // DAY)
    for offset in range(0, calendar.horizon // DAY + 3, days):
        midnight = datetime.combine(first_day + timedelta(days=offset), time())
        begin = calendar.milliseconds(midnight, zone)
        if period % DAY == 0:
            starts.add(begin)
        else:
            end = calendar.milliseconds(midnight + timedelta(days=days), zone)
            starts.update(range(begin, end, period))
    return sorted(moment for moment in starts if 0 <= moment < calendar.horizon)


def allowance_steps(
    amount: tuple[int, int], changes: dict[date, tuple[int, int]], zone: str, roster: Roster | None, calendar: Calendar
) -> Steps:
    """What each period of a quota allows: `values[i]` from `times[i]` to the next, equal neighbours not joined."""
    starts = period_starts(amount[1], zone, calendar)
    begins = {calendar.milliseconds(datetime.combine(day, time()), zone): most for day, (most, _) in changes.items()}
    moments = np.array(starts, dtype=np.int64)
    values = np.full(len(starts), amount[0], dtype=np.int64)
    for begin in sorted(begins):
        values[moments >= begin] = begins[begin]
    if roster is not None:
        values[capacity_steps(roster, 1, calendar).at(moments) == 0] = 0
    return Steps(moments, values)
