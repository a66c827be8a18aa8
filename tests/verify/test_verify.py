"""Queueing theory and other programs; what fails here fails for users of `smartport verify` too."""

import numpy as np
import pytest

from sim.verify import formulas
from sim.verify.peers import agreement, kiefer_wolfowitz, peers
from sim.verify.theory import Finding, cases, findings
from tests import verification

STALE = "docs/verification.md shows other figures: make verification"
CASES = {case.name: case for case in cases()}


@pytest.mark.parametrize("name", CASES)
def test_the_whole_program_agrees_with_theory(name: str):
    for finding in findings(CASES[name]):
        print(finding)
        assert abs(finding.z) < 4, finding
        assert finding.half_width < 0.02, finding
        assert verification.row(finding.cells) in verification.PAGE.read_text(encoding="utf-8"), STALE


@pytest.mark.parametrize("servers", [*verification.SERVERS, 5])
@pytest.mark.parametrize("peer", ["Kiefer-Wolfowitz", "Ciw"])
def test_every_start_is_equal_to_that_of_another_program(peer: str, servers: int):
    assert peer in peers()
    found = agreement(peer, servers=servers)
    assert found.customers > 20_000
    assert (found.differing, found.largest) == (0, 0)
    if servers in verification.SERVERS:
        assert verification.row(found.cells) in verification.PAGE.read_text(encoding="utf-8"), STALE


def test_a_wrong_simulation_would_be_noticed():
    assert not Finding("M/M/1", "wait", theory=1.0, simulated=1.1, half_width=0.01, z=20.0).passed
    assert not Finding("M/M/1", "wait", theory=1.0, simulated=1.0, half_width=0.05, z=0.0).passed
    starts = kiefer_wolfowitz(np.array([0, 1, 2]), np.array([5, 5, 5]), 1)
    assert starts.tolist() == [0, 5, 10]


def test_formulas_agree_with_each_other():
    assert formulas.mean_wait(0.5, 1.0) == pytest.approx(formulas.mean_wait_general(0.5, 1.0, 1.0))
    assert formulas.full(0.5, 1.0, 1, 400)[0] == pytest.approx(0, abs=1e-9)
    assert formulas.full(0.5, 1.0, 1, 400)[1] == pytest.approx(formulas.mean_wait(0.5, 1.0))
    assert formulas.full(0.5, 1.0, 1, 1)[0] == pytest.approx(0.5 / 1.5)
    first, second = formulas.priority_waits((0.2, 0.3), 1.0)
    assert 0.2 * first + 0.3 * second == pytest.approx(0.5 * formulas.mean_wait(0.5, 1.0))
    assert formulas.daily_number(np.full(24, 10.0), 3.0) == pytest.approx(np.full(24, 30.0))
    assert formulas.daily_number(np.arange(24.0), 3.0).mean() == pytest.approx(11.5 * 3)
