"""What time, waiting, fees, staff and idling cost, and who bears it; amounts are in CNY of the scenario's prices."""

from __future__ import annotations

from typing import Literal

from pydantic import StrictStr

from sim.scenario.fields import Count, Strict
from sim.scenario.rosters import Day
from sim.scenario.units import (
    Duration,
    KilogramsPerLitre,
    LitresPerHour,
    Money,
    MoneyPerDay,
    MoneyPerHour,
    MoneyPerLitre,
    Share,
)

Bearer = Literal["trader", "carrier", "state"]


class PriceLevel(Strict):
    """What amounts of money mean."""

    date: Day
    """The date of prices and exchange rates."""
    note: StrictStr
    """How amounts in other currencies were converted, with the rate."""


class Fee(Strict):
    """What an activity costs each entity for which it takes place."""

    amount: Money
    """The fee."""
    bearer: Bearer = "trader"
    """Who pays it."""


class Staff(Strict):
    """The people at a station."""

    people: Count
    """Officers or workers for each unit on duty."""
    wage: MoneyPerHour
    """What an hour of one of them costs."""
    bearer: Bearer = "state"
    """Who pays them."""


class WaitingCharge(Strict):
    """What is charged for a long stay: detention, demurrage, storage."""

    after: Duration
    """Free time in port."""
    charge: MoneyPerDay
    """For every day beyond, counted by the hour."""
    bearer: Bearer = "carrier"
    """Who pays it."""


class Idling(Strict):
    """Fuel burnt while waiting."""

    share: Share
    """Share of the waiting time with the engine on."""
    burns: LitresPerHour
    """Fuel per hour."""
    price: MoneyPerLitre
    """Price of fuel."""
    co2: KilogramsPerLitre
    """Carbon dioxide from a litre."""
    bearer: Bearer = "carrier"
    """Who pays the fuel."""


class FlowCosts(Strict):
    """What time in port costs an entity of a flow."""

    value_of_time: MoneyPerHour | None = None
    """Value of an hour of the goods' and vehicle's time."""
    bearer: Bearer = "trader"
    """Who bears the value of time."""
    waiting: WaitingCharge | None = None
    """What is charged for a long stay."""
    idling: Idling | None = None
    """What idling burns."""
