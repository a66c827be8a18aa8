"""What the scenarios of corridors and hubs have to say, each with few replications.

One message a test. Published figures stand beside the bounds that they set; where none is published, the order of
things is tested and not their size.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.study.runs import mode_job, replay
from sim.study.study import Study

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"
REPLICATIONS = 3
SHORTER = {"air_hub": "7 days", "hubs": "7 days"}
"""Windows long enough for these messages."""
DAY = 24.0


@cache
def study(name: str) -> Study:
    scenario = sim.load(SCENARIOS / f"{name}.yaml")
    if name == "air_hub":
        smart = [reform for _, reform in scenario.reforms_of("smart")]
        scenario = scenario.with_modes({"traditional": [], "smart": smart, "alone": ["air_through_transfer"]})
    return sim.run(scenario, replications=REPLICATIONS, duration=SHORTER.get(name), workers=1)


def mean(name: str, mode: str, subject: str, measure: str, statistic: str = "mean") -> float:
    """The estimate of a measure: hours of a clock, a share, CNY."""
    table = study(name).estimates
    chosen = table[
        (table["mode"] == mode)
        & (table["subject"] == subject)
        & (table["measure"] == measure)
        & (table["statistic"] == statistic)
    ]
    assert len(chosen) == 1, f"{name}: {len(chosen)} rows of {measure} {statistic} of {subject} in {mode}"
    return float(chosen["mean"].iloc[0])


def difference(name: str, subject: str, measure: str, mode: str = "smart") -> tuple[float, float]:
    """Paired interval of the mean of a mode less that of the traditional one."""
    table = study(name).compare("traditional")
    chosen = table[
        (table["mode"] == mode)
        & (table["subject"] == subject)
        & (table["measure"] == measure)
        & (table["statistic"] == "mean")
    ]
    assert len(chosen) == 1
    return float(chosen["ci_low"].iloc[0]), float(chosen["ci_high"].iloc[0])


@pytest.mark.parametrize("name", ["air_hub", "ecommerce_trains", "hubs", "land_sea_corridor", "multimodal"])
def test_everybody_measured_arrives_before_the_end(name: str):
    table = study(name).estimates
    unfinished = table[table["statistic"] == "unfinished"]
    assert len(unfinished)
    assert unfinished["mean"].max() == 0


# ------------------------------------------------------------------------------------- western land-sea corridor

CITIES = ("urumqi", "korla", "shihezi")
"""From the largest to the smallest."""


def test_the_smaller_a_city_the_longer_its_containers_wait_for_a_full_train_of_their_own():
    waits = [mean("land_sea_corridor", "traditional", f"land_sea_{city}_export", "wait_for_train") for city in CITIES]
    assert waits[0] < waits[1] < waits[2]
    assert waits[2] > 3 * DAY


def test_supervised_by_the_wagon_all_cities_wait_for_the_same_next_train():
    for city in ("korla", "shihezi"):
        assert difference("land_sea_corridor", f"land_sea_{city}_export", "wait_for_train")[1] < 0
    waits = [mean("land_sea_corridor", "smart", f"land_sea_{city}_export", "wait_for_train") for city in CITIES]
    assert max(waits) < 1.25 * min(waits)
    assert max(waits) < 2 * DAY


def test_no_train_to_chongqing_leaves_with_less_than_41_or_more_than_50_containers():
    scenario = sim.load(SCENARIOS / "land_sea_corridor.yaml")
    for mode in scenario.modes:
        workload, timeline = replay(mode_job(scenario, mode), 0)
        frame = timeline.frame(workload)
        boarded = frame[(frame["activity"] == "board") & frame["end_ms"].notna()]
        loads = boarded.groupby("end_ms").size()
        assert len(loads) > 30
        assert loads.between(41, 50).all(), mode


def test_the_corridor_south_of_chongqing_takes_the_published_eight_days_and_the_waits():
    # Two days to Qinzhou and six to Singapore (China Daily, 22 March 2018); the waits for train and ship come on top.
    for mode in ("traditional", "smart"):
        sea = mean("land_sea_corridor", mode, "land_sea_urumqi_export", "door_to_market") - mean(
            "land_sea_corridor", mode, "land_sea_urumqi_export", "door_to_border"
        )
        assert 6 * DAY < sea < 7 * DAY  # with the call of the ship


# -------------------------------------------------------------------------------------------------------- air hub

AUXILIARIES = ("kashgar", "hotan", "yining", "aral", "korla", "karamay", "turpan")


@pytest.mark.parametrize("flow", [*(f"air_hub_{city}_export" for city in AUXILIARIES), "air_hub_ecommerce"])
def test_more_transfers_leave_within_a_day_of_landing(flow: str):
    before = mean("air_hub", "traditional", flow, "connection", "within_target")
    after = mean("air_hub", "smart", flow, "connection", "within_target")
    assert before < 0.97 < after  # the trucks from Korla come early in the morning and make most of theirs anyway
    assert difference("air_hub", flow, "connection")[1] < 0


def test_transfer_on_the_airside_alone_gains_less_than_at_chengdu():
    # Chengdu publishes five hours (2024). Here customs still opens in the morning, so half of it is waited away.
    low, high = difference("air_hub", "air_hub_ecommerce", "connection", "alone")
    assert low > -5
    assert high < -1


# ----------------------------------------------------------------------------------------------- five logistics hubs


@pytest.mark.parametrize("route", ["urumqi_khorgos", "urumqi_alashankou"])
def test_cleared_inland_a_train_no_longer_waits_at_the_border_for_its_last_container(route: str):
    assert mean("hubs", "traditional", f"hub_{route}_train", "border_stay") > 8
    assert mean("hubs", "smart", f"hub_{route}_train", "border_stay") < 4


def test_cleared_inland_the_container_itself_wins_little_from_door_to_border_or_loses():
    # Inland customs closes at night, the border station does not.
    for city in ("urumqi_khorgos", "urumqi_alashankou", "shihezi", "korla"):
        before = mean("hubs", "traditional", f"hub_{city}_export", "door_to_border")
        assert abs(mean("hubs", "smart", f"hub_{city}_export", "door_to_border") / before - 1) < 0.25, city
    assert difference("hubs", "hub_shihezi_export", "door_to_border")[0] > 0


def test_zone_and_port_as_one_bring_goods_into_the_bonded_zone_sooner():
    assert difference("hubs", "hub_urumqi_bonded_import", "entry_to_zone")[1] < 0


# ------------------------------------------------------------------------------------------------------- six chains

CHAINS = ("land_air", "tir_road", "road_rail", "road_sea", "rail_sea", "road_rail_sea")


def test_every_chain_has_the_same_consignments_at_the_same_times():
    scenario = sim.load(SCENARIOS / "multimodal.yaml")
    for mode in scenario.modes:
        workload, timeline = replay(mode_job(scenario, mode), 1)
        frame = timeline.frame(workload)
        ready = frame[frame["activity"] == "ready"]
        times = [ready[ready["flow"] == f"multimodal_{chain}"]["ready_ms"].to_numpy() for chain in CHAINS]
        assert len(times[0]) > 300
        assert all(np.array_equal(times[0], other) for other in times[1:])


@pytest.mark.parametrize("mode", ["traditional", "smart"])
def test_the_order_of_the_chains_is_the_expected_one(mode: str):
    border = {chain: mean("multimodal", mode, f"multimodal_{chain}", "door_to_border") for chain in CHAINS}
    market = {chain: mean("multimodal", mode, f"multimodal_{chain}", "door_to_market") for chain in CHAINS}
    cost = {chain: mean("multimodal", mode, f"multimodal_{chain}", "cost") for chain in CHAINS}
    assert border["land_air"] < border["tir_road"] < border["road_rail"] < border["road_sea"] < border["rail_sea"]
    by_sea = [market[chain] for chain in ("road_sea", "rail_sea", "road_rail_sea")]
    assert market["land_air"] < market["tir_road"] < market["road_rail"] < min(by_sea)
    assert cost["land_air"] > cost["tir_road"] > cost["road_rail"] > cost["road_sea"] > cost["rail_sea"]


def test_the_times_to_europe_are_the_published_ones():
    # Ten days by TIR to Belgium (2020); 10 to 15 days by train and 45 to 60 by Tianjin or Qingdao and sea (2019).
    days = {chain: mean("multimodal", "traditional", f"multimodal_{chain}", "door_to_market") / DAY for chain in CHAINS}
    assert 9 < days["tir_road"] < 12
    assert 10 < days["road_rail"] < 15
    assert all(44 < days[chain] < 60 for chain in ("road_sea", "rail_sea", "road_rail_sea"))


def test_papers_save_every_chain_hours_at_home_and_a_chain_by_sea_hardly_any_of_its_time():
    for chain in ("land_air", "tir_road", "road_rail"):
        assert difference("multimodal", f"multimodal_{chain}", "door_to_border")[1] < 0, chain
    for chain in ("road_sea", "rail_sea", "road_rail_sea"):
        before = mean("multimodal", "traditional", f"multimodal_{chain}", "door_to_market")
        after = mean("multimodal", "smart", f"multimodal_{chain}", "door_to_market")
        assert abs(after / before - 1) < 0.03, chain


# ---------------------------------------------------------------------------------------------------------- parcels


def test_parcels_released_by_list_catch_an_earlier_train():
    low, high = difference("ecommerce_trains", "ecommerce_alashankou_parcels", "port_dwell")
    assert high < 0
    # More than a tenth of some ten days is published for the whole journey (2020): a day. Not all of it is found here.
    assert low > -30
    assert high < -8


def test_parcels_under_tir_are_through_kazakh_formalities_in_less_than_half_the_time():
    before = mean("ecommerce_trains", "traditional", "ecommerce_urumqi_truck", "through_neighbour")
    assert mean("ecommerce_trains", "smart", "ecommerce_urumqi_truck", "through_neighbour") < before / 2
