from pathlib import Path

import pytest

import sim
from sim.report import page, texts
from sim.report.page import render_report
from tests.report import border, synthetic

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def made_up():
    """A study of made-up tables: two ports, five flows, one of them overloaded under `traditional`."""
    return synthetic.make_study()


@pytest.fixture(scope="session")
def real():
    """A small real study."""
    return sim.run(ROOT / "scenarios" / "example.yaml", replications=3)


@pytest.fixture(scope="session")
def everything():
    """A small real study with all that is measured besides time."""
    return border.run_study()


@pytest.fixture(scope="session")
def studies(made_up, real, everything):
    """The studies by name."""
    return {"made_up": made_up, "real": real, "border": everything}


@pytest.fixture(scope="session")
def rendered(studies):
    """The report of every study in both languages, drawn once for all tests."""
    return {(name, lang): render_report(study, lang) for name, study in studies.items() for lang in texts.LANGUAGES}


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the charts out of what a test renders, for tests of words and numbers: drawing takes most of the time."""
    monkeypatch.setattr(
        page._Page, "figure", lambda _, found, chart: {"key": f"chart-{found.port}-{chart}", "svg": "", "name": chart}
    )
