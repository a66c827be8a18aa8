from pathlib import Path

import pytest

import sim
from tests.report import synthetic

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def made_up():
    """A study of made-up tables: two ports, five flows, one of them overloaded under `traditional`."""
    return synthetic.make_study()


@pytest.fixture(scope="session")
def real():
    """A small real study."""
    return sim.run(ROOT / "scenarios" / "example.yaml", replications=3)
