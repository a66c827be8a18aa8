"""The documentation: generated pages are fresh, examples run, links lead somewhere, nothing that exists is left out."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

import sim
from sim.cli import app
from sim.measures.table import MEASURE_COLUMNS, SERIES_COLUMNS
from sim.report import texts
from sim.scenario.document import parse_document
from sim.study.estimates import COMPARISON_COLUMNS, ESTIMATE_COLUMNS
from tests import documents

ROOT = documents.ROOT
EXAMPLE = ROOT / "scenarios" / "example.yaml"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!`)\[[^\]\n]+\]\(([^)\s]+)\)")


def fences(page: Path, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for body in fences(page, "sh"):
            for line in body.splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0].endswith("smartport"):
                    yield page.name, words[1:]


def page_ids(pages: list[Path]) -> list[str]:
    return [page.name for page in pages]


@pytest.mark.parametrize("name", documents.PAGES)
def test_generated_pages_are_fresh(name: str):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == documents.PAGES[name](), (
        f"docs/{name} no longer says what the program does; run `{documents.REMAKE}`"
    )


def test_the_figures_in_the_readme_are_those_of_the_reference_run():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == documents.with_figures(text), f"README.md shows old figures; run `{documents.REMAKE}`"


@pytest.mark.parametrize("page", [page for page in PAGES if fences(page, "python")], ids=lambda page: page.name)
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    for body in fences(page, "python"):
        exec(compile(body, str(page), "exec"), names)  # noqa: S102  # the examples are ours


@pytest.mark.parametrize("page", PAGES, ids=page_ids(PAGES))
def test_yaml_examples_are_read(page: Path):
    for body in fences(page, "yaml"):
        parse_document(body, page.name)


def test_the_scenario_in_the_readme_runs(tmp_path: Path):
    (whole,) = (body for body in fences(ROOT / "README.md", "yaml") if "calendar:" in body)
    (tmp_path / "small.yaml").write_text(whole, encoding="utf-8")
    study = sim.run(tmp_path / "small.yaml", replications=2)
    comparison = study.comparison
    (row,) = comparison[
        (comparison["subject"] == "export")
        & (comparison["measure"] == "port_dwell")
        & (comparison["statistic"] == "mean")
    ].to_dict("records")
    assert row["difference"] < 0
    assert study.manifest["warnings"] == []


def test_the_mistakes_in_the_readme_are_reported_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (shown,) = fences(ROOT / "README.md", "text")
    folder = tmp_path / "my_port"
    for part in ("ports", "reforms"):
        shutil.copytree(ROOT / "scenarios" / part, folder / part)
    text = EXAMPLE.read_text(encoding="utf-8").replace("  duration: 3", "  durations: 3").replace(": 3    ", ": three")
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(sim.InputError) as found:
        sim.load("my_port/scenario.yaml")
    assert str(found.value) == shown.strip()


def test_commands_in_the_documentation_exist():
    group = typer.main.get_command(app)
    seen = set()
    for page, words in commands():
        if not words or words[0].startswith("-"):
            continue
        command = group.commands.get(words[0])  # type: ignore[attr-defined]
        assert command is not None, f"{page}: there is no command smartport {words[0]}"
        options = {name for parameter in command.params for name in parameter.opts}
        unknown = {word.partition("=")[0] for word in words[1:] if word.startswith("-")} - options
        assert not unknown, f"{page}: smartport {words[0]} has no {', '.join(unknown)}"
        seen.add(words[0])
    assert seen == set(group.commands), "the documentation shows every command"  # type: ignore[attr-defined]


def headings(page: Path) -> set[str]:
    """Anchors of a page, as the usual renderers of Markdown make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", heading.replace("`", "").lower())
        found.add(re.sub(r"\s", "-", words.strip()))
    return found


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [*LINK.findall(text), *re.findall(r'<img[^>]+src="([^"]+)"', text)]
    for target in targets:
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target} leads nowhere"
        assert file.is_relative_to(ROOT)
        if anchor:
            assert anchor in headings(file), f"{page.name}: {target}: there is no such heading"


@pytest.mark.parametrize("table", ["CLOCKS", "ACTIVITIES", "PHASES", "AGENCIES"])
def test_the_glossary_has_every_standard_name_in_both_languages(table: str):
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    for name, (_, chinese) in getattr(texts, table).items():
        if name == "none":
            continue
        (line,) = (line for line in lines if line.startswith(f"| `{name}`"))
        assert f"| {chinese} |" in line, f"docs/glossary.md calls {name} otherwise than the report: {chinese}"


def test_the_outputs_page_names_every_column_measure_and_file(tmp_path: Path):
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([^`]+)`", text))
    words |= {word for group in words for word in re.split(r"[,\s]+", group)}
    for columns in (MEASURE_COLUMNS, SERIES_COLUMNS, ESTIMATE_COLUMNS, COMPARISON_COLUMNS):
        assert set(columns) <= words
    scenario = sim.load(EXAMPLE).with_calendar(warm_up="0 s", duration="1 day", cool_down="1 day")
    study = sim.run(scenario, replications=1, out=tmp_path)
    measures = study.measures
    clocks = set(scenario.procedure.clocks)
    assert set(measures["measure"]) - clocks <= words
    hours = {f"h{hour:02d}" for hour in range(24)}
    assert set(measures["statistic"]) - hours <= words
    assert set(measures["unit"]) <= words
    assert set(study.timeline("smart", 0).columns) <= words
    assert set(study.manifest) <= words
    assert {file.name.rstrip("/") for file in tmp_path.iterdir()} <= {word.rstrip("/") for word in words}


def test_the_outputs_page_names_every_measure_that_the_program_can_give():
    """Also those of mechanisms that the example does not use, read off the calls that add rows."""
    words = set(re.findall(r"`([^`]+)`", (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")))
    added = set()
    for file in (ROOT / "sim" / "measures").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "tables.add":
                constants = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                added |= {*constants, *(keyword.arg for keyword in node.keywords if keyword.arg)}
    assert {"port_dwell", "backlog"} & added
    assert {name for name in added if name} <= words


def test_the_design_page_names_every_folder():
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    for folder in (ROOT / "sim").iterdir():
        if folder.is_dir() and (folder / "__init__.py").is_file():
            assert f"| `{folder.name}/` |" in text


def test_the_example_has_a_reform_of_its_own_that_does_something():
    scenario = sim.load(EXAMPLE)
    assert scenario.modes == ["traditional", "smart"]
    (own,) = scenario.definition.reforms
    assert own in {edit.reform for edit in scenario.under("smart").edits}
    assert scenario.under("traditional").edits == ()


def test_what_the_example_suggests_to_try_works(tmp_path: Path):
    for folder in ("ports", "reforms"):
        shutil.copytree(ROOT / "scenarios" / folder, tmp_path / folder)
    text = EXAMPLE.read_text(encoding="utf-8")
    tried = re.sub(r"^    # (set:|remove:|add:|  routes|  stations)", r"    \1", text, flags=re.MULTILINE)
    assert tried != text
    lines = tried.splitlines()
    # The suggestions have a `set:` of their own, which joins the one above it.
    first, second = (number for number, line in enumerate(lines) if line == "    set:")
    del lines[second]
    assert first < second
    (tmp_path / "scenario.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    scenario = sim.load(tmp_path / "scenario.yaml")
    edits = [edit for edit in scenario.under("smart").edits if edit.reform == "more_hands"]
    assert {edit.trail[-1] for edit in edits} >= {"weigh", "pay_tax", "capacity", "takes"}


def test_the_citation_names_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "abstract", "authors", "version", "license", "keywords"} <= set(citation)
