import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import sim
from sim.report import charts, facts, style, texts
from sim.report.page import render_report
from sim.scenario.loading import load
from tests.report import synthetic
from tests.worlds import SCENARIOS

PORT = "khorgos_road"
RAIL = "alashankou_rail"
FLOW = "khorgos_road_general_export"


def mean_of(study, mode, subject, measure, statistic="mean"):
    table = study.measures
    chosen = table[
        (table["mode"] == mode)
        & (table["subject"] == subject)
        & (table["measure"] == measure)
        & (table["statistic"] == statistic)
    ]
    return chosen["value"].mean()


def drawn(artists, gid):
    found = [artist for artist in artists if artist.get_gid() == gid]
    assert len(found) == 1, gid
    return found[0]


@pytest.mark.parametrize("lang", texts.LANGUAGES)
@pytest.mark.parametrize("port", [PORT, RAIL])
@pytest.mark.parametrize("chart", charts.CHARTS)
def test_every_chart_names_its_axes(made_up, chart, port, lang):
    ax = charts.CHARTS[chart](made_up, port, lang=lang)
    panels = ax.figure.axes
    assert ax is panels[0]
    named = [panel for panel in panels if panel.get_xlabel()]
    assert named
    words = " ".join(panel.get_xlabel() + panel.get_ylabel() for panel in panels)
    assert bool(re.search(r"[\u4e00-\u9fff]", words)) == (lang == "zh")
    clock = made_up.scenario.procedure.clocks["port_dwell"].title.in_language(lang)
    if chart in ("dwell_distribution", "time_by_phase", "differences"):
        assert clock.lower() in words.lower()
        assert ("hours" if lang == "en" else "小时") in words


@pytest.mark.parametrize("chart", charts.CHARTS)
def test_a_chart_draws_on_the_axes_it_is_given(made_up, chart):
    _, ax = plt.subplots()
    assert charts.CHARTS[chart](made_up, PORT, ax=ax) is ax
    assert ax.get_xlabel()
    assert ax.figure.axes == [ax]


def test_lines_of_the_distribution_are_the_mean_quantiles(made_up):
    ax = charts.dwell_distribution(made_up, PORT, flow=FLOW)
    series = made_up.series
    for mode in made_up.modes:
        line = drawn(ax.lines, f"mode:{mode}")
        chosen = series[(series["mode"] == mode) & (series["subject"] == FLOW) & (series["axis"] == "probability")]
        wanted = chosen.groupby("x")["value"].mean()
        np.testing.assert_allclose(line.get_xdata(), wanted.to_numpy())
        np.testing.assert_allclose(line.get_ydata(), wanted.index.to_numpy() * 100)


def test_the_parts_of_a_bar_are_those_of_the_table_and_sum_to_the_clock(made_up):
    ax = charts.time_by_phase(made_up, PORT, flow=FLOW)
    for mode in made_up.modes:
        bars = [patch for patch in ax.patches if (patch.get_gid() or "").startswith(f"{FLOW}/{mode}/")]
        for bar in bars:
            _, _, phase, kind = bar.get_gid().split("/")
            assert bar.get_width() == pytest.approx(mean_of(made_up, mode, f"{FLOW}/{phase}", f"{kind}_by_phase"))
        total = mean_of(made_up, mode, FLOW, "port_dwell")
        assert sum(bar.get_width() for bar in bars) == pytest.approx(total)
        assert max(bar.get_x() + bar.get_width() for bar in bars) == pytest.approx(total)
        assert any(text.get_text() == texts.number(total, texts.decimals_for(total)) for text in ax.texts)


def test_departures_by_hour_are_those_of_the_table(made_up):
    ax = charts.throughput_by_hour(made_up, PORT)
    for mode in made_up.modes:
        steps = drawn(ax.patches, mode)
        table = made_up.estimates
        table = table[(table["port"] == PORT) & (table["mode"] == mode) & (table["measure"] == "throughput_by_hour")]
        by_hour = table.set_index("statistic")["mean"]
        wanted = [by_hour[f"h{hour:02d}"] for hour in range(24)]
        np.testing.assert_allclose(steps.get_data().values, wanted)


def test_opening_hours_are_those_of_the_rosters_of_each_mode(made_up):
    found = facts.PortFacts(made_up, PORT)
    scanner = {mode: found.opening_hours(mode)["khorgos_road_scanner"] for mode in made_up.modes}
    assert scanner["traditional"].spans() == [(10, 14, 1), (15.5, 20, 1)]
    assert scanner["traditional"].text("en") == "10:00–14:00, 15:30–20:00"
    assert scanner["smart"].text("zh") == "全天开放"
    desk = found.opening_hours("smart")["khorgos_road_customs_desk"]
    assert desk.text("en") == "10:00–18:30 on 5 of 7 days"
    ax = charts.throughput_by_hour(made_up, PORT)
    words = " ".join(text.get_text() for text in ax.figure.axes[1].texts)
    assert "10:00–18:30 on 5 of 7 days: Customs document desk" in words
    assert "Smart port, always open" in words


def test_hours_past_midnight_are_one_stretch():
    night = facts.OpeningHours(tuple(1.0 if quarter >= 88 or quarter < 16 else 0.0 for quarter in range(96)))
    assert night.text("en") == "22:00–04:00"
    assert facts.OpeningHours((0.0,) * 96).text("en") == "never open"
    assert facts.OpeningHours((1.0, 0.0) * 48).text("en") == "open at varying hours"


def test_queues_are_the_means_of_the_replications_the_longest_first(made_up):
    ax = charts.queue_length(made_up, PORT, most=2)
    panels = [panel for panel in ax.figure.axes if panel.lines]
    assert [panel.get_title(loc="left") for panel in panels] == ["Entry gate", "Customs document desk"]
    series = made_up.series
    chosen = series[(series["mode"] == "smart") & (series["subject"] == "khorgos_road_entry_gate")]
    wanted = chosen.groupby("x")["value"].mean()
    np.testing.assert_allclose(drawn(ax.lines, "mode:smart").get_ydata(), wanted.to_numpy())


def test_utilisation_is_that_of_the_table(made_up):
    ax = charts.utilisation(made_up, PORT)
    marks = sorted(float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() in ("s", "o"))
    wanted = made_up.estimates
    wanted = wanted[(wanted["port"] == PORT) & (wanted["measure"] == "utilisation")]["mean"] * 100
    np.testing.assert_allclose(marks, sorted(wanted))


def test_differences_and_their_intervals_are_those_of_the_table(made_up):
    ax = charts.differences(made_up, PORT)
    hours, percent = ax.figure.axes[:2]
    table = made_up.comparison
    row = table[(table["subject"] == FLOW) & (table["measure"] == "port_dwell") & (table["statistic"] == "mean")].iloc[
        0
    ]
    assert drawn(hours.lines, FLOW).get_xdata()[0] == pytest.approx(row["difference"])
    assert drawn(percent.lines, FLOW).get_xdata()[0] == pytest.approx(100 * row["relative"])
    ends = [list(line.get_xdata()) for line in hours.lines if len(line.get_xdata()) == 2]
    assert [pytest.approx(row["ci_low"]), pytest.approx(row["ci_high"])] in ends


def test_the_interval_of_a_change_in_percent_covers_as_it_should():
    """Against a simulation: paired lognormal replications with a known ratio of the means."""
    luck = np.random.default_rng(20250602)
    covered = 0
    trials = 400
    study = synthetic.make_study(replications=10, flows=(FLOW,), overload=False)
    table = study.measures
    chosen = (table["subject"] == FLOW) & (table["measure"] == "port_dwell") & (table["statistic"] == "mean")
    for _ in range(trials):
        shared = luck.lognormal(0, 0.1, 10)
        values = {"traditional": 50 * shared, "smart": 10 * shared * (1 + 0.05 * luck.standard_normal(10))}
        for mode, drawn_values in values.items():
            study.measures.loc[chosen & (table["mode"] == mode), "value"] = drawn_values
        before, after = values["traditional"].mean(), values["smart"].mean()
        half = facts.PortFacts(study, PORT)._relative_half("smart", FLOW, "port_dwell", "mean")
        covered += abs(after / before - 0.2) <= half
    assert 0.92 <= covered / trials <= 0.98


def test_without_steady_state_there_is_a_hollow_mark_and_no_interval(made_up):
    ax = charts.differences(made_up, RAIL)
    overloaded = drawn(ax.lines, "alashankou_rail_grain")
    steady = drawn(ax.lines, "alashankou_rail_westbound")
    assert overloaded.get_markerfacecolor() == "white"
    assert steady.get_markerfacecolor() != "white"
    rows = {
        float(y)
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_color() != style.INK
        for y in line.get_ydata()
    }
    assert not any(abs(y - overloaded.get_ydata()[0]) < 0.2 for y in rows)
    assert any(abs(y - steady.get_ydata()[0]) < 0.2 for y in rows)
    words = [text.get_text() for text in charts.dwell_distribution(made_up, RAIL).texts]
    assert "no steady state: Traditional" in words


@pytest.mark.parametrize("chart", charts.CHARTS)
@pytest.mark.parametrize(
    "study",
    [
        synthetic.make_study(modes=("smart",)),
        synthetic.make_study(replications=1),
        synthetic.make_study(modes=("traditional", "joint_inspection", "smart"), replications=2),
    ],
    ids=["one mode", "one replication", "three modes"],
)
def test_charts_of_unusual_studies(chart, study):
    for port in facts.ports(study):
        figure = Figure()
        charts.CHARTS[chart](study, port, figure=figure)
        assert style.svg(style.source(figure)).startswith("<?xml")


@pytest.mark.parametrize("chart", charts.CHARTS)
def test_charts_of_a_port_where_nothing_was_measured(made_up, chart):
    ax = charts.CHARTS[chart](made_up, "kashgar_road")
    assert style.svg(style.source(ax.figure))


def test_a_flow_that_was_not_measured_leaves_its_panel_empty(made_up):
    ax = charts.dwell_distribution(made_up, PORT, flow="khorgos_road_tir")
    assert [text.get_text() for text in ax.texts] == ["nothing measured"]
    ax = charts.time_by_phase(made_up, PORT, flow="khorgos_road_tir")
    assert [text.get_text() for text in ax.texts] == ["nothing measured"]


def test_modes_look_the_same_in_every_study_and_differ_in_more_than_colour():
    both = style.mode_styles(["traditional", "smart"])
    assert style.mode_styles(["smart"])["smart"] == both["smart"]
    many = list(style.mode_styles(["traditional", "a", "b", "smart", "c", "d"]).values())
    assert len({look.marker for look in many}) == len(many)
    assert len({str(look.dash) for look in many}) == len(many)


def grey(color):
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_keep_apart_in_black_and_white():
    """Contrast as in WCAG: at least 2 between the two modes, and between the kinds of time."""

    def contrast(one, other):
        low, high = sorted([grey(one), grey(other)])
        return (high + 0.05) / (low + 0.05)

    both = style.mode_styles(["traditional", "smart"])
    assert contrast(both["traditional"].color, both["smart"].color) > 2
    for looks in (style.KIND_STYLES, style.BEARER_STYLES):
        faces = [look.face for look in looks.values()]
        assert min(contrast(a, b) for i, a in enumerate(faces) for b in faces[:i]) > 2


def test_files_are_the_same_bytes_each_time(tmp_path):
    study = synthetic.make_study(replications=2, flows=(FLOW, "alashankou_rail_grain"))
    first = charts.write_charts(study, tmp_path / "one", "en")
    second = charts.write_charts(study, tmp_path / "two", "en")
    assert [path.name for path in first] == [path.name for path in second]
    # Nobody carries or pays anything at the rail port.
    assert len(first) == 2 * (2 * len(charts.CHARTS) - 2)
    assert {path.name for path in first} >= {"khorgos_road.security.svg", "khorgos_road.cost_by_bearer.png"}
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name


@pytest.mark.parametrize("chart", charts.CHARTS)
def test_an_svg_keeps_its_text_as_text_and_its_ids_apart(made_up, chart):
    figure = charts.draw(chart, made_up, PORT, "zh")
    source = style.svg(style.source(figure), prefix="here-", label="a & b", inline=True)
    assert re.search(r"<text[^>]*>[^<]*[\u4e00-\u9fff]", source)
    assert "DejaVu" not in source
    assert 'aria-label="a &amp; b"' in source
    ids = re.findall(r' id="([^"]+)"', source)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("here-") for name in ids)
    assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', source)) <= {
        pair for name in ids for pair in ((name, ""), ("", name))
    }
    assert len(source) < 250_000


def test_png_in_chinese_without_a_chinese_font_is_in_english_with_one_warning(tmp_path, monkeypatch):
    study = synthetic.make_study(replications=2, flows=(FLOW,))
    monkeypatch.setattr(style, "chinese_font", lambda: None)
    with pytest.warns(UserWarning, match="no font with Chinese characters") as caught:
        chinese = charts.write_charts(study, tmp_path / "zh", "zh")
    assert len(caught) == 1
    english = charts.write_charts(study, tmp_path / "en", "en")
    for one, two in zip(chinese, english, strict=True):
        assert (one.read_bytes() == two.read_bytes()) == (one.suffix == ".png"), one.name


@pytest.fixture
def installed_font():
    font = style.chinese_font()
    if font is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no font with Chinese characters on this machine")
    return font


def test_a_font_that_was_installed_after_matplotlib_wrote_its_list_is_found(installed_font, monkeypatch):
    listed = font_manager.fontManager.ttflist
    files = {entry.fname for entry in listed if entry.name in style._CHINESE_FONTS}
    others = [entry for entry in listed if entry.fname not in files]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", others)
    style._learn_new_fonts.cache_clear()
    assert style.chinese_font() == installed_font


@pytest.mark.usefixtures("installed_font")
def test_png_in_chinese_with_a_chinese_font_warns_of_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = synthetic.make_study(replications=2, flows=(FLOW,))
        for path in charts.write_charts(study, tmp_path, "zh"):
            assert path.stat().st_size > 2000


def test_the_layout_of_an_svg_does_not_depend_on_the_fonts_of_the_machine(made_up, monkeypatch):
    with_font = [style.source(charts.draw(chart, made_up, PORT, "zh")) for chart in charts.CHARTS]
    monkeypatch.setattr(style, "chinese_font", lambda: None)
    assert [style.source(charts.draw(chart, made_up, PORT, "zh")) for chart in charts.CHARTS] == with_font


def test_settings_of_the_caller_stay_as_they_were(made_up):
    before = dict(plt.rcParams)
    charts.utilisation(made_up, PORT, lang="zh")
    assert dict(plt.rcParams) == before


def test_names_of_rows_do_not_run_into_each_other(made_up):
    ax = charts.utilisation(made_up, PORT)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    for i, one in enumerate(boxes):
        assert one.x0 >= 0
        for other in boxes[:i]:
            assert not one.shrunk(0.98, 0.9).overlaps(other.shrunk(0.98, 0.9))


def test_real_results_draw_too(real):
    for port in facts.ports(real):
        for chart in charts.CHARTS:
            figure = charts.draw(chart, real, port, "zh")
            assert style.svg(style.source(figure))
    table = real.estimates
    for flow in real.scenario.demand:
        for mode in real.modes:
            rows = table[(table["mode"] == mode) & table["subject"].str.startswith(f"{flow}/")]
            parts = rows[rows["measure"].isin([f"{kind}_by_phase" for kind in facts.KINDS])]["mean"].sum()
            clock = table[
                (table["mode"] == mode)
                & (table["subject"] == flow)
                & (table["measure"] == "port_dwell")
                & (table["statistic"] == "mean")
            ]["mean"]
            assert parts == pytest.approx(clock.item())


def test_neither_sim_nor_the_report_package_imports_matplotlib_or_jinja2_by_itself():
    heavy = "[name for name in ('matplotlib', 'jinja2') if name in sys.modules]"
    code = f"import sys, sim, sim.report, sim.report.texts; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_of_the_package_lead_somewhere():
    import sim.report

    for name in sim.report.__all__:
        assert getattr(sim.report, name)
    with pytest.raises(AttributeError, match="no attribute 'pie_chart'"):
        _ = sim.report.pie_chart


def test_a_chart_is_drawn_once_for_its_file_and_for_the_page(tmp_path, monkeypatch):
    study = synthetic.make_study(flows=(FLOW,), replications=2)
    alone = render_report(study)
    drawn = []
    draw = charts.draw
    monkeypatch.setattr(charts, "draw", lambda chart, *rest: drawn.append(chart) or draw(chart, *rest))
    drawings = charts.Drawings(study, "en")
    files = charts.write_charts(study, tmp_path, "en", drawings=drawings)
    assert 2 * len(drawn) == len(files)
    assert render_report(study, drawings=drawings) == alone
    assert 2 * len(drawn) == len(files)


def test_workers_draw_the_same(tmp_path, monkeypatch):
    scenario = load(SCENARIOS / "urumqi_airport.yaml").with_calendar(warm_up="0 s", duration="1 day", cool_down="0 s")
    study = sim.run(scenario, replications=2, out=tmp_path)
    (port,) = facts.ports(study)
    shown = charts.charts_of(facts.port_facts(study, port))

    def content(drawings):
        sources = {(lang, chart): drawings[lang].source(port, chart) for lang in ("en", "zh") for chart in shown}
        return {chart: drawings["en"].picture(port, chart) for chart in shown}, sources

    told: list[tuple[int, int]] = []
    alone = charts.drawings_of(study, ("en", "zh"), workers=2, progress=lambda *said: told.append(said))
    assert told == [(done, 2 * len(shown)) for done in range(1, 2 * len(shown) + 1)]
    monkeypatch.setattr(charts, "WORTH_WORKERS", 1)
    by_workers = charts.drawings_of(study, ("en", "zh"), workers=2, progress=lambda *said: told.append(said))
    assert sorted(told[: len(told) // 2]) == sorted(told[len(told) // 2 :])
    monkeypatch.setattr(charts, "draw", None)  # nothing is drawn any more
    assert content(by_workers) == content(alone)
