"""The report as a reader meets it: in a browser, on a phone, on paper."""

import re
import unicodedata

import pytest

from sim.report import charts, facts, texts

A4_WIDTH = round((210 - 2 * 13) / 25.4 * 96)
A4_HEIGHT = round((297 - 2 * 14) / 25.4 * 96)

BOXES = """() => [...document.querySelectorAll('figure svg')].map(svg => {
    const drawn = [...svg.querySelectorAll('path, use, rect, circle, text')];
    const marks = drawn.map(mark => mark.getBoundingClientRect()).filter(mark => mark.width > 0 || mark.height > 0);
    const box = svg.getBoundingClientRect();
    return {width: box.width, height: box.height, marks: marks.length};
})"""

# A row is cut where a page can end inside it, or where it is wider than the page.
ROWS = """() => [...document.querySelectorAll('tr')].filter(row => row.offsetParent !== null).map(row => {
    const box = row.getBoundingClientRect();
    const cells = [...row.cells].map(cell => cell.getBoundingClientRect().right);
    const inner = [...row.cells].some(cell => cell.scrollWidth > cell.clientWidth + 1);
    return {right: Math.max(box.right, ...cells), height: box.height, inner,
            breaks: getComputedStyle(row).breakInside, text: row.innerText.slice(0, 60)};
})"""


def squeezed(text):
    """Text without blanks; some PDF fonts map common Chinese characters to their look-alikes among the radicals."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


@pytest.fixture(scope="module")
def pages(rendered, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    files = {key: folder / f"{'.'.join(key)}.html" for key in rendered}
    for key, file in files.items():
        file.write_text(rendered[key], encoding="utf-8")
    return files


@pytest.fixture(scope="module")
def print_page(pages):
    """Give a function that prints a page, once for all tests: the sheets, and what is written on each."""
    printed = {}

    def print_once(open_page, key):
        if key not in printed:
            sheets = open_page(pages[key]).pdf(prefer_css_page_size=True, print_background=True).pages
            printed[key] = sheets, [squeezed(sheet.extract_text()) for sheet in sheets]
        return printed[key]

    return print_once


@pytest.mark.parametrize("lang", texts.LANGUAGES)
@pytest.mark.parametrize("name", ["made_up", "real"])
def test_every_chart_is_drawn_and_the_console_is_silent(open_page, pages, studies, name, lang):
    path = pages[name, lang]
    opened = open_page(path)
    boxes = opened.page.evaluate(BOXES)
    ports = [facts.PortFacts(studies[name], port) for port in facts.ports(studies[name])]
    assert len(boxes) == sum(len(charts.charts_of(found)) for found in ports) > 0
    for box in boxes:
        assert box["width"] > 300
        assert box["height"] > 80
        assert box["marks"] > 10
    assert opened.problems == []
    assert opened.messages == []
    assert opened.requests == [path.as_uri()]


@pytest.mark.parametrize("lang", texts.LANGUAGES)
@pytest.mark.parametrize("name", ["made_up", "real"])
def test_it_prints_to_paper_without_cutting_a_row_or_a_chart(open_page, pages, print_page, name, lang):
    opened = open_page(pages[name, lang], viewport={"width": A4_WIDTH, "height": A4_HEIGHT})
    opened.page.emulate_media(media="print")
    rows = opened.page.evaluate(ROWS)
    assert len(rows) > 100
    assert [row for row in rows if row["right"] > A4_WIDTH + 1] == []
    assert [row for row in rows if row["inner"]] == []
    assert [row for row in rows if row["height"] > A4_HEIGHT] == []
    assert {row["breaks"] for row in rows} == {"avoid"}
    boxes = opened.page.evaluate(BOXES)
    assert all(box["height"] < A4_HEIGHT and box["width"] <= A4_WIDTH + 1 for box in boxes)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= A4_WIDTH
    sheets, written = print_page(open_page, (name, lang))
    assert len(sheets) > 3
    width, height = (float(side) for side in sheets[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)
    said = "".join(written)
    for heading in opened.page.query_selector_all("h2"):
        assert squeezed(heading.inner_text()) in said
    assert opened.problems == []


@pytest.mark.parametrize(("name", "lang"), [("real", "zh"), ("made_up", "en")])
def test_no_row_of_the_printed_parameters_is_on_two_pages(open_page, pages, print_page, name, lang):
    """Each row of the longest table has its first and its last words on one page."""
    opened = open_page(pages[name, lang])
    rows = opened.page.evaluate(
        """() => [...document.querySelectorAll('table.evidence tr[id]')].map(row =>
            [row.cells[0].querySelector('code').innerText, row.cells[2].innerText])"""
    )
    _, written = print_page(open_page, (name, lang))
    assert len(rows) > 20
    for address, note in rows:
        ends = squeezed(note)[-12:]
        assert any(address in page and ends in page for page in written), address


@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_a_phone_need_not_scroll_sideways(open_page, pages, lang):
    opened = open_page(pages["made_up", lang], viewport={"width": 390, "height": 844})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    # The answer itself fits without scrolling any table.
    wide = "() => [...document.querySelectorAll('table.glance')].map(table => table.scrollWidth)"
    assert max(opened.page.evaluate(wide)) <= 390


def test_a_link_from_a_figure_arrives_at_its_parameters(open_page, pages):
    opened = open_page(pages["made_up", "en"])
    opened.page.click("table.glance td.v a")
    assert opened.page.evaluate("location.hash").startswith("#basis-")
    opened.page.click(":target li a")
    target = opened.page.query_selector(":target")
    assert target.get_attribute("id").startswith("parameter-")
    assert target.is_visible()
