"""What is published of the road ports against what they do here, each with few replications.

One message a test. The bounds are those of the published totals, which no input states; docs/validation.md has the
same with the full number of replications.
"""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sim
from sim.scenario.checks import station_loads
from sim.scenario.loading import load, read_scenario
from sim.study.study import Study
from tests.test_reforms import only_ports

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"
ROAD = "khorgos_road"
GENERAL, CARS = "khorgos_general_export", "khorgos_car_export"
GROWTH = 0.085
"""Growth of the volume in a year."""


def reforms_of(name: str, port: str) -> list[str]:
    return [reform for at, reform in read_scenario(SCENARIOS / f"{name}.yaml").reforms_of("smart") if at == port]


@cache
def road() -> Study:
    smart = reforms_of("khorgos_road", ROAD)
    assert "both_sides_round_the_clock" in smart
    by_day = [reform for reform in smart if reform != "both_sides_round_the_clock"]
    lists = {"traditional": [], "smart": smart, "by_day": by_day, "one_side": [*by_day, "round_the_clock"]}
    return run("khorgos_road", {mode: {ROAD: reforms} for mode, reforms in lists.items()}, 3, "4 days")


@cache
def alone() -> Study:
    """One reform at a time."""
    lists = {
        "traditional": [],
        "score": ["risk_scoring"],
        "bonded": ["bonded_zone_integration"],
        "swap": ["trailer_swap"],
        "nobody_swaps": ["trailer_swap at 0%"],
    }
    return run("khorgos_road", {mode: {ROAD: reforms} for mode, reforms in lists.items()}, 2, "6 days")


def run(name: str, modes: dict[str, dict[str, list[str]]], replications: int, duration: str | None = None) -> Study:
    scenario = read_scenario(SCENARIOS / f"{name}.yaml").with_modes(modes)
    return sim.run(scenario, replications=replications, duration=duration, workers=1)


@cache
def study(name: str, duration: str) -> Study:
    return sim.run(SCENARIOS / f"{name}.yaml", replications=2, duration=duration, workers=1)


def row(table: pd.DataFrame, mode: str, subject: str, measure: str, statistic: str = "mean") -> pd.Series:
    chosen = table[
        (table["mode"] == mode)
        & (table["subject"] == subject)
        & (table["measure"] == measure)
        & (table["statistic"] == statistic)
    ]
    assert len(chosen) == 1, f"{len(chosen)} rows of {measure} {statistic} of {subject} in {mode}"
    return chosen.iloc[0]


def mean(found: Study, mode: str, subject: str, measure: str = "port_dwell", statistic: str = "mean") -> float:
    return float(row(found.estimates, mode, subject, measure, statistic)["mean"])


def hours_by_phase(found: Study, mode: str, flow: str) -> pd.DataFrame:
    """Mean hours of an entity on its critical path: phases by queueing, closed and service."""
    table = found.estimates
    names = ["queueing_by_phase", "closed_by_phase", "service_by_phase"]
    chosen = table[(table["mode"] == mode) & table["measure"].isin(names) & table["subject"].str.startswith(f"{flow}/")]
    assert set(chosen["statistic"]) == {"mean"}
    phases = chosen.assign(phase=chosen["subject"].str.partition("/")[2])
    return phases.pivot_table(index="phase", columns="measure", values="mean")


# ------------------------------------------------------------------------------------------ general cargo at Khorgos


def test_general_cargo_takes_two_days_under_the_rules_of_2023():
    found = row(road().estimates, "traditional", GENERAL, "port_dwell")
    assert 40 < found["ci_low"] < found["ci_high"] < 65  # 51.4 h measured by CAREC


def test_more_than_four_fifths_of_it_is_waiting_and_most_of_that_for_a_kazakh_truck():
    hours = hours_by_phase(road(), "traditional", GENERAL)
    waiting = hours["queueing_by_phase"] + hours["closed_by_phase"]
    assert hours.to_numpy().sum() == pytest.approx(mean(road(), "traditional", GENERAL), rel=1e-6)
    assert waiting.sum() / hours.to_numpy().sum() > 0.8
    assert waiting["neighbour"] / waiting.sum() > 0.5


def test_ordered_when_the_goods_leave_the_factory_the_truck_meets_them():
    found = row(road().estimates, "smart", GENERAL, "port_dwell")
    assert 4 < found["mean"] < 10  # six hours, customs 2025
    assert mean(road(), "smart", GENERAL, "truck_wait") < mean(road(), "traditional", GENERAL, "truck_wait") / 2


def test_what_a_load_costs_falls_by_the_thousand_yuan_of_storage_and_handling():
    fees = {mode: mean(road(), mode, GENERAL, "cost_of_fees") for mode in ("traditional", "smart")}
    assert fees["traditional"] - fees["smart"] == pytest.approx(1000, abs=10)
    assert mean(road(), "smart", GENERAL, "cost") < mean(road(), "traditional", GENERAL, "cost") / 3
    assert mean(road(), "smart", GENERAL, "co2") < mean(road(), "traditional", GENERAL, "co2") / 5


# ----------------------------------------------------------------------------------------------------------- new cars


def test_new_cars_take_more_than_a_day_and_afterwards_less_than_six_hours():
    before = row(road().estimates, "traditional", CARS, "port_dwell")
    assert 25 < before["mean"] < 40  # more than 30 h, customs of Khorgos
    assert mean(road(), "smart", CARS) < 6  # less than five


# ---------------------------------------------------------------------------------------- two sides and their hours


def test_one_side_open_at_night_gains_little_and_both_much():
    by_day, one, both = (mean(road(), mode, GENERAL) for mode in ("by_day", "one_side", "smart"))
    assert both < one < by_day
    assert (by_day - one) / by_day < 0.15
    assert (by_day - both) / by_day > 0.4


def test_at_alashankou_whose_sides_keep_different_hours_one_side_gains_and_both_more():
    day = reforms_of("alashankou", "alashankou_road")
    lists = {"day": day, "one": [*day, "round_the_clock"], "both": [*day, "both_sides_round_the_clock"]}
    found = run("growth_2028", {mode: {"alashankou_road": reforms} for mode, reforms in lists.items()}, 2, "5 days")
    by_day, one, both = (mean(found, mode, "alashankou_general_export") for mode in lists)
    assert both < one - 2
    assert one < by_day - 2


def test_admission_rises_as_agreed():
    quota = read_scenario(SCENARIOS / "khorgos_road.yaml").procedure.quotas["khorgos_road_admission"]
    assert quota.amount[0] == 650
    assert [(str(day), amount) for day, (amount, _) in quota.changes.items()] == [
        ("2025-07-01", 750),
        ("2025-09-01", 1000),
    ]


def test_admission_cut_to_650_against_a_demand_of_800_grows_a_line_that_is_worked_off():
    found = run("neighbour_backlog", {"smart": {ROAD: reforms_of("khorgos_road", ROAD)}}, 2)
    subject = "khorgos_road_admission_cut"
    coming = row(found.estimates, "smart", "khorgos_other_trucks", "arrivals", "per_day")["mean"]
    assert coming == pytest.approx(351, rel=0.03)
    # 150 a day for ten days; those who load at the port have left it by the same number later
    assert 1000 < mean(found, "smart", subject, "backlog", "peak") < 1600
    assert mean(found, "smart", subject, "backlog", "closed") == 240
    assert 24 < mean(found, "smart", subject, "backlog", "cleared") < 240
    longest = max(
        mean(found, "smart", line, "queue_length", "max") for line in ("khorgos_road_booking", "khorgos_road_admission")
    )
    assert longest > 700
    assert mean(found, "smart", GENERAL) > 2 * mean(road(), "smart", GENERAL)


def test_a_health_emergency_makes_two_days_three_and_its_checks_are_the_smaller_part():
    found = run("health_emergency", {"traditional": {ROAD: []}, "emergency": {ROAD: ["health_checks"]}}, 1)
    usual, struck, checked = (
        mean(road(), "traditional", GENERAL),
        mean(found, "traditional", GENERAL),
        mean(found, "emergency", GENERAL),
    )
    assert usual + 8 < struck < checked < 85  # 77.5 h in 2021
    assert checked - struck < struck - usual
    assert np.isfinite(mean(found, "emergency", "khorgos_road_emergency_admission", "backlog", "cleared"))


# ------------------------------------------------------------------------------------------------------------ reforms


def test_a_risk_score_finds_more_inspects_fewer_and_spares_the_innocent():
    violation = f"{GENERAL}/illicit"
    chance, score = "traditional", "score"
    assert mean(alone(), score, violation, "detection") > 0.2 + mean(alone(), chance, violation, "detection")
    assert mean(alone(), score, violation, "hit_rate") > 2 * mean(alone(), chance, violation, "hit_rate")
    assert mean(alone(), score, violation, "inspected") < mean(alone(), chance, violation, "inspected") / 1.5


def test_bonded_zone_and_port_as_one_declare_once():
    before, after = (mean(alone(), mode, "khorgos_bonded_export") for mode in ("traditional", "bonded"))
    assert after < before - 3


def test_three_trailers_in_ten_swapped_gain_for_all_and_none_changes_nothing():
    assert mean(alone(), "swap", GENERAL) < mean(alone(), "traditional", GENERAL)
    left, right = (
        alone().measures[alone().measures["mode"] == mode].drop(columns="mode").reset_index(drop=True)
        for mode in ("nobody_swaps", "traditional")
    )
    pd.testing.assert_frame_equal(left, right)


@cache
def appointments() -> Study:
    """Appointments at the gate of Alashankou as they are, and with other habits of the drivers or fewer slots."""
    port = "alashankou_road"
    lists = {mode: {port: [mode] if mode != "traditional" else []} for mode in ("traditional", "gate_appointments")}
    said = only_ports(read_scenario(SCENARIOS / "alashankou.yaml").with_modes(lists).document(), (port,))
    said["calendar"] |= {"warm_up": "6 days", "cool_down": "4 days"}
    drives = {f"routes.{flow}.drive.takes": {"lognormal": {"mean": "8 h", "sd": "4 h"}} for flow in EXPORTS}
    reform = said["reforms"]["gate_appointments"]
    said["reforms"] |= {
        "everybody_comes": with_added(reform, "book_slot", draws={"slot": {"missed": "0%", "kept": "100%"}}),
        "two_in_five_miss": with_added(reform, "book_slot", draws={"slot": {"missed": "40%", "kept": "60%"}}),
        "unpunctual": reform | {"set": drives},
        "fewer_slots": with_added(reform, "gate_slots", amount="15 per hour"),
    }
    said["modes"] |= {mode: {port: [mode]} for mode in said["reforms"]}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "alashankou.yaml"
        path.write_text(json.dumps(said), encoding="utf-8")
        return sim.run(path, replications=3, duration="6 days", workers=1)


EXPORTS = ("alashankou_general_export", "alashankou_inland_export")


def with_added(reform: dict[str, Any], name: str, **values: Any) -> dict[str, Any]:
    """A reform that adds something with other values."""
    added = {key: item | values if key.endswith(name) else item for key, item in reform["add"].items()}
    assert added != reform["add"]
    return reform | {"add": added}


def to_gate(mode: str) -> float:
    return mean(appointments(), mode, EXPORTS[0], "to_gate")


def test_an_appointment_moves_the_waiting_from_the_gate_to_where_the_truck_comes_from():
    before, after = (mean(appointments(), mode, EXPORTS[0]) for mode in ("traditional", "gate_appointments"))
    assert after < before - 3
    assert to_gate("everybody_comes") > 8.5  # eight hours of driving
    slots = row(appointments().estimates, "gate_appointments", "alashankou_road_gate_slots", "waiting_time")
    assert slots["mean"] > 1


def test_who_does_not_come_costs_all_and_takes_slots_from_others():
    habits = [to_gate(mode) for mode in ("everybody_comes", "gate_appointments", "two_in_five_miss")]
    print(habits)
    assert habits[0] + 9 * 0.15 < habits[1]  # more than the nine hours that those lose who miss
    assert habits[1] + 9 * 0.25 < habits[2]


def test_unpunctual_drivers_and_fewer_slots_lengthen_the_way_to_the_gate():
    print(to_gate("gate_appointments"), to_gate("unpunctual"), to_gate("fewer_slots"))
    assert to_gate("unpunctual") > to_gate("gate_appointments") + 0.5
    assert to_gate("fewer_slots") > to_gate("gate_appointments") + 0.5


def test_kashgar_gains_from_inland_direct_as_the_others():
    found = study("kashgar", "4 days")
    assert 30 < mean(found, "traditional", "kashgar_general_export") < 75
    for flow in ("kashgar_general_export", "kashgar_inland_export", "kashgar_road_import"):
        assert mean(found, "smart", flow) < mean(found, "traditional", flow) / 2


# ------------------------------------------------------------------------------------------------------------- growth


def test_with_growth_the_time_in_port_rises_and_the_first_station_is_full_in_2031():
    loads = {
        load.station: load.ratio
        for load in station_loads(load_2025(), "traditional")
        if load.station.startswith("alashankou_road_")
    }
    fullest = max(loads, key=lambda station: loads[station])
    years = np.log(1 / loads[fullest]) / np.log(1 + GROWTH)
    assert fullest == "alashankou_road_call_up"
    assert 2025 + int(np.ceil(years)) == 2031
    times = [mean(study(name, "5 days"), "traditional", "alashankou_general_export") for name in YEARS]
    assert times[0] < times[1]


YEARS = ("growth_2028", "growth")


@cache
def load_2025() -> sim.Scenario:
    return load(SCENARIOS / "alashankou.yaml").with_modes({"traditional": []})


@pytest.mark.parametrize(("name", "years"), list(zip(YEARS, (3, 5), strict=True)))
def test_the_added_trucks_are_those_of_the_year_and_do_the_same(name: str, years: int):
    scenario = read_scenario(SCENARIOS / f"{name}.yaml")
    for today, added in (
        ("alashankou_general_export", "alashankou_added_general_export"),
        ("alashankou_inland_export", "alashankou_added_inland_export"),
        ("alashankou_road_import", "alashankou_added_import"),
    ):
        assert scenario.procedure.routes[added] == scenario.procedure.routes[today]
        now, more = (scenario.demand[flow].arrivals.per_day() for flow in (today, added))
        assert (now + more) / now == pytest.approx((1 + GROWTH) ** years, rel=0.01)


# ----------------------------------------------------------------------------------------------------------- in order


def test_nobody_is_left_and_no_station_is_full():
    table = road().estimates
    assert table[table["statistic"] == "unfinished"]["mean"].max() == 0
    assert table[table["measure"] == "utilisation"]["mean"].max() < 0.99
