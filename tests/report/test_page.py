import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest

import sim
from sim.report import facts, texts
from sim.report.page import commands, render_report, write_report
from tests.report import synthetic
from tests.worlds import document, read

FLOW = "khorgos_road_general_export"
NUMBER = re.compile(r"\d+(?:[.,:\u202f]\d+)*")


class Reader(HTMLParser):
    """Visible text, ids, links and the text of every table row of a page."""

    def __init__(self, source):
        super().__init__()
        self.text, self.ids, self.links, self.rows, self.tags = [], [], [], [], Counter()
        self._silent = 0
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags[tag] += 1
        self._silent += tag in ("style", "title")
        if "id" in given:
            self.ids.append(given["id"])
        if "href" in given:
            self.links.append(given["href"])
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        self._silent -= tag in ("style", "title")

    def handle_data(self, data):
        if not self._silent and data.strip():
            self.text.append(data.strip())
            if self.rows:
                self.rows[-1].append(data.strip())


@pytest.fixture(scope="module")
def pages(rendered):
    return {lang: rendered["made_up", lang] for lang in texts.LANGUAGES}


@pytest.fixture(scope="module")
def readers(pages):
    return {lang: Reader(page) for lang, page in pages.items()}


def rows_of(reader, *words):
    return [" ".join(row) for row in reader.rows if all(word in " ".join(row) for word in words)]


def numbers(reader, titles=()):
    """Every number that the page shows, but for those in titles that the scenario brings with it."""
    text = " ".join(reader.text)
    for title in sorted(titles, key=len, reverse=True):
        text = text.replace(title, "")
    return Counter(NUMBER.findall(text))


def titles_of(study, lang):
    scenario = study.scenario
    things = [*scenario.demand.values(), *(named.reform for named in scenario.library.values())]
    for mode in study.modes:
        place = scenario.under(mode).procedure
        things += [
            *place.stations.values(),
            *(activity for route in place.routes.values() for activity in route.values()),
        ]
    titles = [scenario.title, *scenario.ports.values(), *(thing.title for thing in things if thing.title)]
    return {title.in_language(lang) for title in titles}


def test_both_languages_have_the_same_numbers(readers):
    english, chinese = (numbers(readers[lang]) for lang in texts.LANGUAGES)
    assert english == chinese
    assert sum(english.values()) > 1000


@pytest.mark.parametrize("name", ["real", "border"])
def test_both_languages_of_a_real_study_have_the_same_numbers(studies, rendered, name):
    english, chinese = (
        numbers(Reader(rendered[name, lang]), titles_of(studies[name], lang)) for lang in texts.LANGUAGES
    )
    assert english == chinese


def test_the_same_study_gives_the_same_bytes(made_up, pages, tmp_path):
    path = write_report(made_up, tmp_path / "folder" / "report.html", "zh")
    assert path.read_text(encoding="utf-8") == pages["zh"]


@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_ids_are_unique_and_links_inside_the_page_arrive(readers, lang):
    reader = readers[lang]
    assert [name for name, count in Counter(reader.ids).items() if count > 1] == []
    inside = {link[1:] for link in reader.links if link.startswith("#")}
    assert inside - set(reader.ids) == set()
    assert len(inside) > 20


@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_the_page_needs_nothing_else(pages, readers, lang):
    page, reader = pages[lang], readers[lang]
    assert not {"script", "img", "iframe", "object", "audio", "video", "base"} & set(reader.tags)
    assert reader.tags["link"] == 1
    assert 'rel="icon" href="data:,"' in page
    assert not re.search(r"\bsrc=|@import|url\((?!#)", page)


def test_texts_of_the_scenario_are_escaped(pages):
    for page in pages.values():
        assert "<test>" not in page
        assert "<new" not in page
        assert "<see" not in page
    assert "Three ports &lt;test&gt; &amp; more" in pages["en"]
    assert "https://example.org/a?b=1&amp;c=2" in pages["en"]


def test_only_web_addresses_become_links(readers):
    outside = [link for link in readers["en"].links if not link.startswith("#")]
    assert "https://example.org/a?b=1&c=2" in outside
    assert all(link.startswith(("http://", "https://", "data:")) for link in outside)
    assert any("javascript:alert(1)" in text for text in readers["en"].text)


@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_the_glance_says_for_each_flow_what_the_tables_say(made_up, readers, lang):
    names = facts.names(made_up, lang)
    for flow in made_up.scenario.demand:
        found = facts.PortFacts(made_up, made_up.scenario.demand[flow].port)
        before, after = (found.estimate(mode, flow) for mode in made_up.modes)
        change = found.difference("smart", flow)
        row = next(row for row in readers[lang].rows if names.flow(flow) in row and names.mode("traditional") in row)
        after_row = readers[lang].rows[readers[lang].rows.index(row) + 1]
        said = texts.number(before.mean, texts.decimals_for(before.mean))
        assert said in row
        assert texts.number(after.mean, texts.decimals_for(after.mean)) in after_row
        assert texts.number(change.difference, texts.decimals_for(change.difference)) in after_row
        assert texts.number(100 * change.relative, 1) + "%" in after_row
        sentence = rows_of(readers[lang], said, texts.pick(("Under", "下"), lang))
        assert sentence


def test_a_flow_without_steady_state_has_no_interval(made_up, readers):
    reader = readers["en"]
    place = next(i for i, row in enumerate(reader.rows) if row[:2] == ["Grain trains", "Traditional"])
    before, after, sentence = (" ".join(row) for row in reader.rows[place : place + 3])
    assert "no steady state" in before
    assert "[" not in before
    change = after[after.index("−") :]
    assert "no steady state" in change
    assert "[" not in change
    assert "more work arrives than Quarantine laboratory can do" in sentence
    assert "0.7% had not left" in sentence
    assert "95% interval" not in sentence
    steady = next(i for i, row in enumerate(reader.rows) if row[:1] == ["China-Europe container trains, westbound"])
    assert "[" in " ".join(reader.rows[steady])
    assert made_up.manifest["warnings"][0] in reader.text


def test_every_parameter_is_there_with_value_source_grade_and_note(made_up, readers):
    reader = readers["en"]
    for row in made_up.parameters.to_dict("records"):
        shown = rows_of(reader, row["address"], row["grade_smart"])
        assert shown, row["address"]
        assert any(row["note_smart"] in text and row["smart"] in text for text in shown)
    assert rows_of(reader, "stations.khorgos_road_entry_gate.capacity", "Traditional: 4 Smart port: 8")
    assert rows_of(reader, "stations.khorgos_road_smart_lane.capacity", "Traditional: absent Smart port: 2")


def test_assumptions_are_counted_first(made_up, readers):
    page = " ".join(readers["en"].text)
    count = (made_up.parameters["grade_smart"] == "assumption").sum()
    assert f"{count} of {len(made_up.parameters)} parameters are assumptions." in page
    heads = [row for row in readers["en"].rows if row[:2] == ["assumption", "benchmark"]]
    assert heads


def test_a_reader_gets_from_a_figure_to_its_parameters(pages):
    page = pages["en"]
    glance = page[page.index('id="glance"') : page.index('id="time"')]
    assert f'<a href="#basis-{FLOW}">51.' in glance
    start = page.index(f'id="basis-{FLOW}"')
    basis = page[start : page.index("</ul>", start)]
    for address in (
        f"demand.{FLOW}.arrivals.rate",
        f"routes.{FLOW}.document_review.takes",
        "stations.khorgos_road_customs_desk.capacity",
        "rosters.khorgos_road_office",
    ):
        assert f'href="#parameter-{address}"' in basis
        assert f'<tr id="parameter-{address}">' in page
    assert "alashankou" not in basis


def test_what_each_mode_changes(readers):
    assert rows_of(readers["en"], "Khorgos road port: Advance declaration", "while the goods are on the road")
    assert rows_of(readers["en"], "Document review: comes after", "[gate_in]", "[]")
    both = rows_of(readers["en"], "stations.*.roster", "day", "absent")
    assert len(both) == 1
    assert "Border inspection booth" in both[0]
    assert "No reform: the procedure as it stands in the scenario." in readers["en"].text


def test_the_manifest_and_the_commands_are_there(made_up, readers):
    said = " ".join(readers["en"].text)
    assert made_up.manifest["scenario_hash"] in said
    assert "20250602" in said
    assert "Every audit passed." in said
    first, second = commands(made_up)
    end = "--mode traditional --mode smart --replications 10 --seed 20250602 --duration"
    assert first.startswith(f"smartport run test.yaml {end}")
    assert second.startswith(f"smartport run scenario.resolved.yaml {end}")


@pytest.mark.usefixtures("undrawn")
def test_a_failed_audit_is_not_hidden():
    study = synthetic.make_study(replications=2, flows=(FLOW,))
    study.manifest["audit"]["smart"]["passed"] = False
    assert "The audit failed: do not use these figures." in render_report(study)
    study.manifest["audit"] = None
    assert "The manifest records no audit." in render_report(study)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_one_replication_has_no_intervals(lang):
    page = render_report(synthetic.make_study(replications=1, overload=False), lang)
    assert 'class="ci"' not in page
    assert texts.word("no_intervals", lang) in page


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_one_mode_is_described_and_not_compared(lang):
    reader = Reader(render_report(synthetic.make_study(modes=("smart",)), lang))
    assert texts.word("change_percent", lang) not in reader.text
    assert rows_of(
        reader, texts.pick(("Under Smart port, a truck stays 3.68 h.", "智慧口岸下，每辆卡车停留 3.68 小时。"), lang)
    )
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_more_modes_than_two(lang):
    study = synthetic.make_study(modes=("traditional", "joint_inspection", "smart"), replications=2)
    reader = Reader(render_report(study, lang))
    assert rows_of(reader, "joint_inspection")
    assert Counter(reader.ids).most_common(1)[0][1] == 1
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)


@pytest.mark.usefixtures("undrawn")
def test_a_flow_that_was_never_measured_is_left_out():
    study = synthetic.make_study(flows=(FLOW, "alashankou_rail_grain"), replications=2)
    gone = study.measures["subject"].str.startswith("alashankou_rail_grain")
    study.estimates = study.estimates[~study.estimates["subject"].str.startswith("alashankou_rail_grain")]
    study.comparison = study.comparison[~study.comparison["subject"].str.startswith("alashankou_rail_grain")]
    study.measures = study.measures[~gone]
    study.series = study.series[~study.series["subject"].str.startswith("alashankou_rail_grain")]
    reader = Reader(render_report(study))
    assert rows_of(reader, "General cargo, export")
    assert not rows_of(reader, "Grain trains", "Traditional")


@pytest.mark.usefixtures("undrawn")
def test_a_difference_that_luck_explains_is_called_none():
    study = synthetic.make_study(flows=(FLOW,), replications=5)
    row = (study.comparison["subject"] == FLOW) & (study.comparison["measure"] == "port_dwell")
    study.comparison.loc[row, ["difference", "ci_low", "ci_high", "relative"]] = [-0.1, -0.4, 0.2, -0.002]
    assert "these replications show no difference" in render_report(study)


@pytest.mark.usefixtures("undrawn")
def test_the_link_to_the_other_language_is_there_when_asked_for(made_up, pages):
    assert 'class="other"' not in pages["en"]
    assert '<a class="other" href="report.zh.html">中文</a>' in render_report(made_up, other="report.zh.html")


def test_an_unknown_language_is_refused(made_up, tmp_path):
    with pytest.raises(ValueError, match="expected a language"):
        write_report(made_up, tmp_path / "report.html", "ru")


def test_the_size_is_reasonable(pages):
    assert all(len(page.encode()) < 1_000_000 for page in pages.values())


JAMMED = """
replications: 2
demand: {truck: {arrivals: {rate: 400 per day}}}
stations: {desk: {}}
routes: {truck: {check: {at: desk, takes: {exponential: 10 min}}}}
clocks: {port_dwell: {from: arrival, to: check.end}}
modes: {traditional: [], smart: [fast]}
reforms: {fast: {title: Fast, why: A test., scale: {routes.truck.check.takes: 0.2}}}
"""


@pytest.mark.usefixtures("undrawn")
def test_a_quantile_beyond_the_end_of_the_simulation_is_shown_as_such():
    study = sim.run(read(document(JAMMED, duration="2 days")))
    reader = Reader(render_report(study, "en"))
    p90, p95, desk = (row for row in reader.rows if texts.BEYOND in row)
    for row, name in ((p90, "90th percentile"), (p95, "95th percentile")):
        assert row[:4] == [name, "h", texts.BEYOND, "no steady state"]
        assert float(row[4]) < 1
        assert row[6:] == [texts.MISSING] * 3
    assert desk[:2] == ["desk", "Traditional"]
    assert any("∞ stands for a quantile beyond the end of the simulation" in text for text in reader.text)


def test_the_chart_of_quantiles_ends_where_they_lie_beyond_the_end_of_the_simulation():
    study = sim.run(read(document(JAMMED, duration="2 days")))
    table = facts.PortFacts(study, "port").quantiles("truck")["traditional"]
    lines = study.series[(study.series["axis"] == "probability") & (study.series["mode"] == "traditional")]
    beyond = lines[np.isinf(lines["value"])]["x"].min()
    assert 0.5 < beyond < 0.95
    assert table.isna().all(axis=1).to_numpy().tolist() == (table.index >= beyond).tolist()


@pytest.mark.usefixtures("undrawn")
def test_a_card_says_which_modes_it_compares_where_there_are_more_than_two():
    flows = ("khorgos_road_general_export",)
    three = synthetic.make_study(modes=("traditional", "half", "smart"), replications=2, flows=flows)
    assert "Smart port against Traditional</small>" in render_report(three, "en")
    assert "智慧口岸与传统模式相比</small>" in render_report(three, "zh")
    two = synthetic.make_study(replications=2, flows=flows)
    assert "against Traditional" not in render_report(two, "en")
