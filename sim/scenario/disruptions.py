"""What the world does to stations: storms, closed neighbours, holidays, breakdowns. No reform can change it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from sim.scenario.distributions import Distribution
from sim.scenario.fields import Count, Names, Strict, Text
from sim.scenario.rosters import Closure, Zone
from sim.scenario.units import Share


class Disruption(Strict):
    """Stretches of time in which stations have less capacity: dated, or at random."""

    title: Text | None = None
    """What people call it."""
    stations: Names
    """The stations that it strikes; quotas too, whose periods that begin in it allow less."""
    leaves: Share | None = None
    """Share of the capacity that is left, rounded down; by default nothing is left."""
    takes_out: Count | None = None
    """Units that are out of work, instead of a share."""
    dates: Annotated[tuple[Closure, ...], Field(min_length=1)] | None = None
    """When: dates or stretches such as "2025-06-05" or "2025-06-05 10:00..2025-06-06 08:00"."""
    zone: Zone | None = None
    """With `dates`: their zone, by default the calendar's."""
    between: Distribution | None = None
    """At random: time from the end of one to the beginning of the next."""
    lasts: Distribution | None = None
    """At random: how long each lasts."""

    @model_validator(mode="after")
    def _one_kind(self) -> Disruption:
        if self.leaves is not None and self.takes_out is not None:
            raise ValueError("expected `leaves` or `takes_out`, not both")
        if (self.between is None) != (self.lasts is None):
            raise ValueError("expected `between` and `lasts` together")
        if (self.dates is None) == (self.between is None):
            raise ValueError("expected `dates`, or `between` and `lasts`")
        if self.zone is not None and self.dates is None:
            raise ValueError("`zone` goes with `dates`")
        if self.between is not None and not self.between.mean > 0:
            raise ValueError("expected `between` to be more than 0")
        return self

    def left_of(self, capacity: int) -> int:
        """Units that still work."""
        if self.takes_out is not None:
            return max(0, capacity - self.takes_out)
        return int(capacity * (self.leaves or 0.0) + 1e-9)
