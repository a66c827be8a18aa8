import math
import re
from typing import get_args

import pytest

from sim.report import texts
from sim.scenario.costs import Bearer

TABLES = {
    name: table
    for name, table in vars(texts).items()
    if name.isupper() and isinstance(table, dict) and all(isinstance(pair, tuple) for pair in table.values())
}
PLACEHOLDER = re.compile(r"\{\w+\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_there_are_tables_of_texts():
    assert {"MODES", "MEASURES", "STATISTICS", "PHASES", "AGENCIES", "ACTIVITIES", "WORDS", "CHARTS"} <= set(TABLES)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_text_stands_in_both_languages_with_the_same_places_to_fill(name):
    for key, (english, chinese) in TABLES[name].items():
        if key != "entities":  # a unit that is not written
            assert english.strip(), key
            assert chinese.strip(), key
        assert not CHINESE.search(english) or key == "other_language", key
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(chinese)), key


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"UNITS", "VARIABLES"}))
def test_chinese_texts_are_chinese(name):
    alike = {
        "allowance",
        "colon",
        "comma",
        "disruption_dated",
        "flow_in_mode",
        "open_at",
        "other_language",
        "semicolon",
    }
    alike.add("unit_h")
    for key, (english, chinese) in TABLES[name].items():
        assert CHINESE.search(chinese) or key in alike, (key, english, chinese)


def test_the_standard_names_of_the_scenario_language_are_translated():
    phases = "transport gate documents inspection quarantine border handling storage neighbour"
    agencies = (
        "customs border_inspection transport_authority port_operator railway airport trader carrier kazakhstan none"
    )
    activities = (
        "drive e_queue queue_outside gate_in unload store second_warehousing declare document_review pay_tax "
        "selection scan image_review inspect quarantine_sampling laboratory seal seal_check waybill_stamp "
        "border_check gate_out load transload truck_pairing neighbour_entry neighbour_release gauge_change receive "
        "translate_waybill train_check train_border_check manifest_release wait_acceptance form_train depart tally "
        "build_up security_screening pick_up list_release"
    )
    assert set(phases.split()) < set(texts.PHASES)
    assert set(agencies.split()) == set(texts.AGENCIES)
    assert set(activities.split()) <= set(texts.ACTIVITIES)
    assert set(texts.ENTITIES) == set(texts.EACH)


@pytest.mark.parametrize("name", ["real", "border"])
def test_every_measure_and_statistic_of_a_real_study_has_a_name(studies, name):
    study = studies[name]
    clocks = set(study.scenario.procedure.clocks)
    assert set(study.measures["measure"]) - clocks <= set(texts.MEASURES)
    hours = {f"h{hour:02d}" for hour in range(24)}
    assert set(study.measures["statistic"]) - hours <= set(texts.STATISTICS)
    assert set(study.measures["unit"]) <= set(texts.UNITS)


def test_whoever_can_bear_a_cost_has_a_name():
    assert set(get_args(Bearer)) == set(texts.BEARERS)


def test_an_unknown_name_is_shown_as_it_is():
    assert texts.name(texts.PHASES, "weighbridge", "zh") == "weighbridge"
    assert texts.title(None, "zh", "khorgos_road_scanner") == "khorgos_road_scanner"


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="expected a language of en, zh, found 'ru'"):
        texts.language("ru")


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (3.14159, 2, "3.14"),
        (-3.14159, 1, "−3.1"),
        (-0.001, 2, "0.00"),
        (12345.6, 0, "12\u202f346"),
        (math.nan, 2, "–"),
        (None, 0, "–"),
        (math.inf, 0, "–"),
    ],
)
def test_numbers(value, decimals, text):
    assert texts.number(value, decimals) == text


@pytest.mark.parametrize(
    ("size", "decimals"), [(1234, 0), (999.6, 0), (99.9, 1), (9.99, 2), (0.5, 2), (0.02, 3), (0, 0)]
)
def test_about_three_digits(size, decimals):
    assert texts.decimals_for(size) == decimals
    assert texts.decimals_for(-size) == decimals


def test_chinese_characters_are_taken_as_wider_than_latin_letters():
    assert texts.width("口岸", 10) > texts.width("ab", 10)


def test_texts_are_cut_and_wrapped_to_the_room_there_is():
    long = "Large vehicle scanner in the central inspection yard"
    assert texts.shorten(long, 8, 99) == long
    cut = texts.shorten(long, 8, 1.5)
    assert cut.endswith("…")
    assert texts.width(cut, 8) <= 1.5
    assert texts.wrap("Entry gate", 8, 2) == ["Entry gate"]
    for text in (long, "集中查验场大型集装箱检查设备与人工查验平台", "khorgos_road_large_vehicle_scanner"):
        lines = texts.wrap(text, 8, 1.6)
        assert len(lines) == 2
        assert all(texts.width(line, 8) <= 1.6 for line in lines)


def test_counted_nouns():
    assert texts.counted("count_ports", 1, "en") == "1 port"
    assert texts.counted("count_ports", 6, "en") == "6 ports"
    assert texts.counted("count_ports", 6, "zh") == "6 个口岸"
