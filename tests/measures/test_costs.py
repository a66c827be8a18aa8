"""Costs, emissions and staff, worked out by hand."""

import math

import pytest

from tests.measures.measured import Measured

PRICES = 'prices: {date: 2025-06-02, note: "CNY throughout"}\n'

# Two trucks at once, three hours each at one desk: 3 h and 6 h in port, 0 h and 3 h of waiting.
TRUCKS = (
    PRICES
    + """
demand:
  truck:
    arrivals: [0, 0]
    attributes: {aeo: {share: 100%}}
    costs: COSTS
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: 3 h}}}
clocks: {port_dwell: {from: arrival, to: check.end}}
"""
)


def trucks(costs: str, **calendar: str) -> Measured:
    return Measured(TRUCKS.replace("COSTS", costs), **calendar)


def mean(run: Measured, subject: str, measure: str) -> float:
    return run.values(subject, measure)["mean"]


def test_the_value_of_time():
    run = trucks("{value_of_time: 40 CNY per hour}")
    assert mean(run, "truck", "cost_of_time") == pytest.approx((3 + 6) * 40 / 2)
    assert mean(run, "truck/trader", "cost") == pytest.approx(180)
    assert mean(run, "truck", "cost") == pytest.approx(180)
    assert run.rows("truck", "co2").empty
    assert run.rows("truck/carrier", "cost").empty


def test_the_bearer_of_the_value_of_time():
    run = trucks("{value_of_time: 40 CNY per hour, bearer: carrier}")
    assert mean(run, "truck/carrier", "cost") == pytest.approx(180)
    assert run.rows("truck/trader", "cost").empty


def test_a_charge_for_a_long_stay_counts_what_is_beyond_the_free_time():
    run = trucks("{waiting: {after: 4 h, charge: 1800 CNY per day}}")
    assert mean(run, "truck", "cost_of_waiting_charges") == pytest.approx((0 + 2) * 75 / 2)
    assert mean(run, "truck/carrier", "cost") == pytest.approx(75)


def test_idling_burns_fuel_while_waiting_and_not_while_being_served():
    run = trucks("{idling: {share: 50%, burns: 3 L per hour, price: 7 CNY per L, co2: 2 kg per L, bearer: state}}")
    litres = 3 * 0.5 * 3
    assert mean(run, "truck", "cost_of_fuel") == pytest.approx(litres * 7 / 2)
    assert mean(run, "truck/state", "cost") == pytest.approx(litres * 7 / 2)
    assert mean(run, "truck", "co2") == pytest.approx(litres * 2 / 2)


def test_waiting_before_the_opening_is_idling_too():
    text = TRUCKS.replace("desk: {}", "desk: {capacity: 2, roster: day}") + 'rosters: {day: {open: ["02:00-09:00"]}}'
    costs = "{idling: {share: 100%, burns: 1 L per hour, price: 7 CNY per L, co2: 2 kg per L}}"
    assert mean(Measured(text.replace("COSTS", costs)), "truck", "cost_of_fuel") == pytest.approx(2 * 7)


def test_who_is_still_there_counts_up_to_the_horizon():
    run = trucks("{value_of_time: 40 CNY per hour}", duration="5 h")
    assert mean(run, "truck", "cost_of_time") == pytest.approx((3 + 5) * 40 / 2)


def test_everything_together_is_summed_by_kind_and_by_bearer():
    costs = """
      value_of_time: 40 CNY per hour
      waiting: {after: 4 h, charge: 1800 CNY per day, bearer: trader}
      idling: {share: 50%, burns: 3 L per hour, price: 7 CNY per L, co2: 2 kg per L}
    """
    text = TRUCKS.replace("costs: COSTS", f"costs:{costs}")
    fees = "takes: 3 h, fee: {amount: 400 CNY, bearer: state}}, pay: {after: check, fee: {amount: 5 CNY}}"
    run = Measured(text.replace("takes: 3 h}", fees))
    assert mean(run, "truck", "cost_of_fees") == pytest.approx(405)
    assert mean(run, "truck/trader", "cost") == pytest.approx(180 + 75 + 5)
    assert mean(run, "truck/carrier", "cost") == pytest.approx(4.5 * 7 / 2)
    assert mean(run, "truck/state", "cost") == pytest.approx(400)
    assert mean(run, "truck", "cost") == pytest.approx(180 + 75 + 405 + 15.75)
    assert set(run.rows("truck", "cost")["unit"]) == {"CNY"}
    assert set(run.rows("truck", "co2")["unit"]) == {"kg"}


def test_a_fee_is_paid_where_the_activity_takes_place_and_has_ended():
    text = TRUCKS.replace("    costs: COSTS\n", "")
    paid = text.replace("takes: 3 h}", "takes: 3 h, fee: {amount: 400 CNY}}")
    assert mean(Measured(paid), "truck", "cost_of_fees") == pytest.approx(400)
    assert mean(Measured(paid, duration="4 h"), "truck", "cost_of_fees") == pytest.approx(200)
    passed = text.replace("takes: 3 h}", "takes: 3 h, only: {aeo: false}, fee: {amount: 400 CNY}}")
    assert mean(Measured(passed), "truck", "cost_of_fees") == pytest.approx(0)


def test_without_costs_nothing_is_said():
    run = Measured(TRUCKS.replace("    costs: COSTS\n", ""))
    assert run.rows("truck", "cost").empty
    assert not run.measures["measure"].str.startswith("cost_of").any()


def test_nobody_arrives_and_the_mean_is_blank():
    text = TRUCKS.replace("arrivals: [0, 0]", "arrivals: {rate: 0 per day}")
    assert math.isnan(mean(Measured(text.replace("COSTS", "{value_of_time: 40 CNY per hour}")), "truck", "cost"))


STAFF = (
    PRICES
    + """
demand: {truck: [0]}
rosters: {day: {open: ["08:00-16:00", {hours: "16:00-20:00", share: 50%}]}}
stations: {desk: {capacity: 4, roster: day, staff: {people: 2, wage: 45 CNY per hour}}, lane: {}}
routes: {truck: {check: {at: desk, takes: 5 min}}}
"""
)


def test_staff_is_paid_for_the_hours_on_duty():
    run = Measured(STAFF, duration="2 days")
    hours = (8 * 4 + 4 * 2) * 2
    assert run.values("desk", "staff_hours") == {"per_day": pytest.approx(hours)}
    assert run.values("desk", "staff_cost") == {"per_day": pytest.approx(hours * 45)}
    assert set(run.rows("desk", "staff_hours")["unit"]) == {"h per day"}
    assert run.rows("lane", "staff_hours").empty


def test_only_the_window_counts():
    run = Measured(STAFF, warm_up="12 h", duration="6 h")
    assert run.values("desk", "staff_hours") == {"per_day": pytest.approx((4 * 4 + 2 * 2) * 2 * 4)}


def test_a_disruption_sends_nobody_home():
    storm = '\ndisruptions: {storm: {stations: desk, dates: ["2025-06-02 09:00..2025-06-02 15:00"]}}\n'
    assert Measured(STAFF + storm).values("desk", "staff_hours") == Measured(STAFF).values("desk", "staff_hours")


def test_an_activity_emits_where_it_takes_place_and_has_ended():
    text = TRUCKS.replace("    costs: COSTS\n", "").replace("takes: 3 h}", "takes: 3 h, emits: 600 kg}")
    assert mean(Measured(text), "truck", "co2") == pytest.approx(600)
    assert mean(Measured(text, duration="4 h"), "truck", "co2") == pytest.approx(300)
    assert Measured(text).rows("truck", "cost").empty
    passed = text.replace("takes: 3 h", "takes: 3 h, only: {aeo: false}")
    assert mean(Measured(passed), "truck", "co2") == pytest.approx(0)


def test_what_an_activity_emits_is_added_to_idling():
    idling = "{idling: {share: 50%, burns: 3 L per hour, price: 7 CNY per L, co2: 2 kg per L}}"
    run = Measured(TRUCKS.replace("COSTS", idling).replace("takes: 3 h}", "takes: 3 h, emits: 1.5 kg}"))
    assert mean(run, "truck", "co2") == pytest.approx(3 * 0.5 * 3 * 2 / 2 + 1.5)
