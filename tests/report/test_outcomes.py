"""What the page says besides time: risk, money, staff, disruptions, quotas, full lines, adoption, warnings."""

import math

import numpy as np
import pytest

import sim
from sim.report import cells, charts, facts, outcomes, texts
from sim.report.page import render_report
from tests.long_tables import estimates
from tests.report import border, synthetic
from tests.report.test_page import Reader, rows_of
from tests.worlds import world

EXPORT = "road_export"
SECTIONS = ("security", "costs", "disruptions")


def anchor(kind, key):
    return f"{kind}-{key}"


def link(key):
    return f"#{key}"


@pytest.fixture(scope="module")
def road(everything):
    return facts.PortFacts(everything, border.PORT)


@pytest.fixture(scope="module")
def named(everything):
    return {lang: facts.names(everything, lang) for lang in texts.LANGUAGES}


@pytest.fixture(scope="module")
def reader(rendered):
    return Reader(rendered["border", "en"])


def mean_of(study, mode, subject, measure, statistic="mean"):
    keys = {"mode": mode, "subject": subject, "measure": measure, "statistic": statistic}
    chosen = np.logical_and.reduce([study.measures[key] == value for key, value in keys.items()])
    return study.measures.loc[chosen, "value"].mean()


def told(value, decimals=None):
    return texts.number(value, texts.decimals_for(value) if decimals is None else decimals)


@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_sections_are_there_only_for_the_ports_where_it_was_measured(rendered, lang):
    reader = Reader(rendered["border", lang])
    for section in SECTIONS:
        assert {section, f"{section}-road"} <= set(reader.ids)
        assert f"{section}-rail" not in reader.ids
        assert f"#{section}" in reader.links
        assert reader.ids.index("glance") < reader.ids.index(section)
    assert "chart-road-security" in reader.ids
    assert "chart-rail-security" not in reader.ids


@pytest.mark.usefixtures("undrawn")
def test_a_study_of_time_alone_has_no_section_for_anything_else():
    reader = Reader(render_report(synthetic.make_study(replications=2, flows=("alashankou_rail_grain",))))
    assert not set(SECTIONS) & set(reader.ids)
    assert not {f"#{section}" for section in SECTIONS} & set(reader.links)


@pytest.mark.parametrize("violation", ["illicit", "plague"])
def test_risk_is_that_of_the_tables_in_each_mode_with_intervals(everything, road, named, violation):
    tables = outcomes.security(road, named["en"], anchor)
    table = next(
        each
        for each in tables
        if (each["name"], each["violation"]) == ("General cargo", facts.texts.name(texts.VIOLATIONS, violation, "en"))
    )
    subject = f"{EXPORT}/{violation}"
    assert [row["mode"]["key"] if row["mode"] else row["label"] for row in table["rows"]] == [
        "traditional",
        "smart",
        "Difference",
    ]
    for row in table["rows"][:2]:
        mode = row["mode"]["key"]
        for cell, (_, measure, statistic, scale) in zip(row["cells"], outcomes.SECURITY_COLUMNS, strict=True):
            value = mean_of(everything, mode, subject, measure, statistic)
            assert cell["value"] == told(value * scale, 1 if scale == 100 else None), measure
            assert cell["interval"].startswith("["), measure
    change = road.difference("smart", subject, "inspected")
    assert table["rows"][2]["cells"][0] == {
        "value": told(100 * change.difference, 1),
        "interval": f"[{told(100 * change.low, 1)}, {told(100 * change.high, 1)}]",
    }


def test_found_and_missed_are_all_that_is_present(everything):
    for mode in everything.modes:
        present, found, missed = (
            mean_of(everything, mode, f"{EXPORT}/illicit", "violations", each)
            for each in ("present", "found", "missed")
        )
        assert found + missed == pytest.approx(present)


def test_costs_are_those_of_the_tables_and_sum_up(everything, reader):
    for mode in everything.modes:
        total = mean_of(everything, mode, EXPORT, "cost")
        kinds = [
            mean_of(everything, mode, EXPORT, f"cost_of_{each}") for each in ("time", "fees", "waiting_charges", "fuel")
        ]
        bearers = [mean_of(everything, mode, f"{EXPORT}/{each}", "cost") for each in ("trader", "carrier", "state")]
        assert sum(kinds) == pytest.approx(total)
        assert sum(bearers) == pytest.approx(total)
        for label, value in zip(
            ("Value of time", "Fees", "Charges for waiting", "Fuel while idling"), kinds, strict=True
        ):
            assert rows_of(reader, label, "CNY", told(value)), label
        assert rows_of(reader, "Total", "CNY", told(total))
        assert rows_of(reader, "Carbon dioxide", "kg", told(mean_of(everything, mode, EXPORT, "co2")))
    assert "Prices of 2025-06-30. 1 USD = 7.17 CNY, central parity of that day" in " ".join(reader.text)


def test_a_cost_that_a_mode_no_longer_has_is_zero_there():
    study = synthetic.make_study(replications=3)
    flow = "khorgos_road_general_export"
    gone = {"mode": "smart", "subject": flow, "measure": "cost_of_fees"}
    for name in ("estimates", "comparison"):
        table = getattr(study, name)
        chosen = np.logical_and.reduce([table[key] == value for key, value in gone.items()])
        setattr(study, name, table[~chosen])
    found = facts.PortFacts(study, "khorgos_road")
    tables = outcomes.costs(found, facts.names(study, "en"), anchor)
    row = next(row for row in tables[0]["groups"][0]["rows"] if row["statistic"] == "Fees")
    before = found.estimate("traditional", flow, "cost_of_fees")
    assert [cell["value"] for cell in row["values"]] == [told(before.mean), "0"]
    assert row["values"][1]["interval"] is None
    assert row["difference"] == told(-before.mean)
    assert row["difference_interval"] == cells.interval(-before.high, -before.low, 1, 1)
    assert row["percent"] == "−100.0%"


def test_staff_is_added_up_over_the_port(road, named):
    rows = outcomes.staff(road, named["en"], link)
    assert [(row["name"], row["href"]) for row in rows] == [
        ("Inspection platform", "#road_platform"),
        ("Border booth", "#road_booth"),
        ("Total", ""),
    ]
    # Two people at each of two units for twelve hours, and one at the booth round the clock; 45 CNY an hour.
    by_mode = {mode["mode"]["key"]: (mode["cells"], mode["changes"]) for mode in rows[-1]["modes"]}
    assert by_mode == {
        "traditional": (["72.0", told(72 * 45)], ["", ""]),
        "smart": (["120.0", told(120 * 45)], ["48.0", told(48 * 45)]),
    }


@pytest.mark.parametrize(
    ("lang", "closure", "wind", "late"),
    [
        (
            "en",
            ["Closure by the neighbour", "Admission by the neighbour", ": nothing left", "00:00–18:00 (Asia/Almaty)"],
            ["Entry gate", "Border booth", "at random: 4.00 h long on average, 48.0 h between two"],
            ["Inspection platform", ": 1 out", "2025-06-09–2025-06-10 (UTC)", "none begins in the measured window"],
        ),
        (
            "zh",
            ["邻国闭关", "邻国准入额度", "：全部停用", "00:00–18:00（Asia/Almaty）"],
            ["入场卡口", "边检验证台", "随机：平均持续 4.00 小时，平均间隔 48.0 小时"],
            ["查验平台", "：停用 1", "2025-06-09–2025-06-10（UTC）", "观测期内未发生"],
        ),
    ],
)
def test_each_disruption_says_what_it_strikes_and_when(rendered, lang, closure, wind, late):
    reader = Reader(rendered["border", lang])
    for words in (closure, wind, late):
        assert len(rows_of(reader, *words)) == 1, words


def test_backlogs_are_those_of_the_tables(everything, road, named):
    closure, wind, late = outcomes.disruptions(road, named["en"], link)
    assert late["rows"] == []
    for key, table in {"closure": closure, "wind": wind}.items():
        for row in table["rows"]:
            mode = row["mode"]["key"]
            for part, statistic in {"peak": "peak", "cleared": "cleared", "length": "closed"}.items():
                assert row[part]["value"] == told(mean_of(everything, mode, key, "backlog", statistic))
            assert row["strikes"]["value"] == told(mean_of(everything, mode, key, "strikes", "count"))
    change = road.difference("smart", "closure", "backlog", "peak")
    assert closure["rows"][1]["changes"][0]["value"] == told(change.difference)


def test_a_backlog_that_is_not_cleared_is_not_given_hours(readers_of):
    row = next(row for row in readers_of["en"].rows if "Closure by the neighbour" in row)
    assert "not cleared within the run" in row
    assert any("运行结束前未消化" in row for row in readers_of["zh"].rows)
    study = synthetic.make_study(replications=4)
    gone = (study.measures["mode"] == "smart") & (study.measures["statistic"] == "cleared")
    study.measures.loc[gone & (study.measures["replication"] == 2), "value"] = math.nan
    study.estimates = estimates(study.measures, study.modes)
    found = facts.PortFacts(study, "khorgos_road")
    cell = outcomes.disruptions(found, facts.names(study, "en"), link)[0]["rows"][1]["cleared"]
    assert cell["never"] == "not cleared within the run in 1 of 4 replications"
    assert cell["interval"] is None
    assert cell["value"]


@pytest.fixture(scope="module")
def readers_of(rendered):
    return {lang: Reader(rendered["made_up", lang]) for lang in texts.LANGUAGES}


def test_a_quota_shows_what_it_allows_and_the_share_that_is_used(everything, rendered, reader):
    used = mean_of(everything, "traditional", "road_admission", "utilisation")
    words = ("quota", "Kazakhstan", "130 per day; 140 per day from 2025-06-05", f"{told(100 * used, 1)}%")
    rows = rows_of(reader, "Admission by the neighbour", *words)
    assert len(rows) == 1
    assert "always open" not in rows[0]
    assert rows_of(Reader(rendered["border", "zh"]), "邻国准入额度", "额度", "每天 130；自 2025-06-05 起每天 140")


def test_who_is_turned_away_is_told_at_a_glance_and_compared(road, reader):
    count = told(road.estimate("traditional", EXPORT, "turned_away", "per_day").mean)
    assert rows_of(reader, f"Under Traditional {count} a day find the queue full and are turned away.")
    assert rows_of(reader, "Turned away", "per day", count)


@pytest.mark.parametrize(("lang", "words"), [("en", "adopted by 60% of the entities"), ("zh", "60% 的实体采用")])
def test_a_reform_that_some_adopt_says_how_many(rendered, lang, words):
    rows = rows_of(Reader(rendered["border", lang]), words)
    assert len(rows) == 1
    assert ("Quick gate" if lang == "en" else "智能卡口") in rows[0]


def test_warnings_of_a_real_study_are_said_in_chinese():
    scenario = world(
        """
        demand: {truck: {title: {en: Trucks, zh: 卡车}, arrivals: {rate: 200 per day}}}
        stations: {desk: {title: {en: Desk, zh: 窗口}}}
        procedure:
          quotas: {pass: {title: {en: Pass, zh: 通行额度}, port: port, amount: 90 per day, zone: UTC}}
          routes: {truck: {check: {at: desk, takes: 10 min}, leave: {after: check, needs: pass}}}
        clocks: {port_dwell: {from: arrival, to: leave.end}}
        modes: {traditional: []}
        """,
        duration="2 days",
    )
    warnings = facts.warnings(sim.run(scenario))
    kinds = [facts.warning_values(text) for text in warnings]
    assert sorted(kind for kind, _ in kinds) == ["overloaded", "overloaded", "unfinished"]
    assert all(facts.UNSTEADY in text for text in warnings if "offered" in text)


def test_a_known_warning_is_translated_and_another_stays_as_it_is(made_up, rendered):
    english = made_up.manifest["warnings"][0]
    assert english in rendered["made_up", "en"]
    assert english not in rendered["made_up", "zh"]
    said = "传统模式：检疫实验室每天承接 18.0 单位小时的作业，能力为 17.0：队列每天约增长 2；无稳态"
    assert said in rendered["made_up", "zh"]
    assert facts.warning_values("traditional: can deadlock: one holds what the other waits for") is None


@pytest.mark.usefixtures("undrawn")
def test_a_warning_that_nobody_has_translated_stays_english():
    study = synthetic.make_study(replications=2, flows=("khorgos_road_general_export",))
    study.manifest["warnings"] = ["traditional: can deadlock: a waits for b"]
    assert "can deadlock: a waits for b" in render_report(study, "zh")


@pytest.mark.parametrize("shows", charts.SECURITY_PANELS)
def test_marks_of_risk_are_those_of_the_table(everything, shows):
    from matplotlib import pyplot as plt

    _, ax = plt.subplots()
    charts.security(everything, border.PORT, shows=shows, ax=ax)
    measure = {"inspected": "inspected", "missed": "detection", "delay": "delay_of_innocent"}[shows]
    for mode in everything.modes:
        value = mean_of(everything, mode, f"{EXPORT}/illicit", measure)
        wanted = {"inspected": 100 * value, "missed": 100 * (1 - value), "delay": value}[shows]
        marks = [line for line in ax.lines if line.get_gid() == f"{EXPORT}/illicit/{mode}"]
        assert [line.get_xdata()[0] for line in marks] == [pytest.approx(wanted)]
    plt.close(ax.figure)


def test_bars_of_cost_are_those_of_the_table(everything):
    ax = charts.cost_by_bearer(everything, border.PORT, flow=EXPORT)
    for mode in everything.modes:
        bars = [patch for patch in ax.patches if (patch.get_gid() or "").startswith(f"{EXPORT}/{mode}/")]
        assert len(bars) == 3
        for bar in bars:
            bearer = bar.get_gid().split("/")[2]
            assert bar.get_width() == pytest.approx(mean_of(everything, mode, f"{EXPORT}/{bearer}", "cost"))
        total = mean_of(everything, mode, EXPORT, "cost")
        assert max(bar.get_x() + bar.get_width() for bar in bars) == pytest.approx(total)
        assert any(text.get_text() == told(total) for text in ax.texts)


def test_charts_of_what_was_not_measured_are_not_among_those_of_a_port(everything):
    rail, road = (charts.charts_of(facts.PortFacts(everything, port)) for port in ("rail", "road"))
    assert set(road) - set(rail) == {"security", "cost_by_bearer"}
    assert road == list(charts.CHARTS)


@pytest.mark.usefixtures("undrawn")
def test_one_mode_has_no_changes():
    study = synthetic.make_study(modes=("smart",), replications=2)
    reader = Reader(render_report(study))
    assert rows_of(reader, "General cargo, export", "illicit goods", "Smart port")
    assert not any("Difference" in row for row in reader.rows)
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)
    found = facts.PortFacts(study, "khorgos_road")
    assert outcomes.staff(found, facts.names(study, "en"), link)[0]["modes"][0]["changes"] == ["", ""]
