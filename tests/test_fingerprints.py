"""No number of a shipped scenario moves unnoticed: what `make fingerprints` wrote is what the program gives."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sim
from sim.study.study import RESULTS_VERSION
from tests import fingerprints
from tests.worlds import world

CURE = 'if it is meant to change: make fingerprints WHY="A sentence for the changelog."'
CHANGELOG = """\
# Changelog

## [Unreleased]

Results version 1.

### Added

## [0.1.0]
"""


@pytest.mark.parametrize("file", fingerprints.shipped(), ids=lambda file: file.stem)
def test_the_committed_fingerprints_are_those_of_the_program(file: Path):
    _, committed = fingerprints.read()
    assert file.stem in committed, f"{file.stem} has no fingerprint: make fingerprints"
    found = fingerprints.fingerprints(sim.load(file))
    for mode, expected in committed[file.stem].items():
        assert found[mode] == expected, f"{file.stem}, {mode}: {CURE}"
    assert list(found) == list(committed[file.stem])


def test_the_results_version_is_the_same_everywhere():
    version, committed = fingerprints.read()
    assert version == RESULTS_VERSION
    assert sorted(committed) == [file.stem for file in fingerprints.shipped()]
    said = fingerprints.CHANGELOG.read_text(encoding="utf-8")
    assert re.findall(r"^Results version (\d+)\.$", said, re.MULTILINE)[0] == str(version)


TINY = """
stations: {desk: {}}
demand: {truck: [800, 801, 810]}
routes: {truck: {serve: {at: desk, takes: TAKES}}}
clocks: {port_dwell: {from: arrival, to: serve.end}}
"""


def tiny(takes: str) -> dict[str, object]:
    return fingerprints.fingerprints(world(TINY.replace("TAKES", takes)))["base"]


def test_a_fingerprint_sees_a_change_of_a_second():
    before, same, after = tiny("2 min"), tiny("2 min"), tiny("121 s")
    assert before == same
    assert before["timeline"] != after["timeline"]
    assert before["tables"] != after["tables"]
    assert before["means"] != after["means"]


def test_the_last_bits_of_a_value_do_not_matter():
    values = np.array([1 / 3, 1e-17, 12345.678912345, 0.0])
    table = pd.DataFrame({"mode": "base", "value": values})
    other = pd.DataFrame({"mode": "base", "value": np.nextafter(values, 1e9) - 2e-17})
    assert fingerprints.digest(fingerprints.rounded(table)) == fingerprints.digest(fingerprints.rounded(other))
    moved = pd.DataFrame({"mode": "base", "value": values * (1 + 1e-7)})
    assert fingerprints.digest(fingerprints.rounded(table)) != fingerprints.digest(fingerprints.rounded(moved))


def prints(timeline: str, **means: float) -> dict[str, dict[str, object]]:
    return {"smart": {"timeline": timeline, "tables": "t", "means": means}}


def test_the_size_of_a_change_is_the_largest_of_a_mean():
    old = {"same": prints("a", x=1.0), "moved": prints("a", x=1.0, y=4.0, gone=1.0), "dropped": prints("a", x=1.0)}
    new = {"same": prints("a", x=1.0), "moved": prints("b", x=1.1, y=2.0, more=1.0), "fresh": prints("a", x=1.0)}
    assert dict(fingerprints.changes(old, new)) == {
        "moved": "−50.00% (y, smart: 4 h, now 2 h), 1 clock new, 1 clock gone",
    }
    order = {"moved": prints("b", x=1.0)}
    assert dict(fingerprints.changes({"moved": prints("a", x=1.0)}, order)) == {"moved": "no clock's mean"}


def test_the_changelog_says_version_reason_and_sizes():
    once = fingerprints.with_results_version(CHANGELOG, 2, "Lanes close at night.", {"khorgos": "+3% (x)"})
    assert "Results version 2.\n\n### Results\n\n- **Results version 2**: Lanes close at night. " in once
    assert "\n  - `khorgos` +3% (x)\n\n### Added\n" in once
    twice = fingerprints.with_results_version(once, 3, "Again.", {"kashgar": "−1% (x)"})
    assert "### Results\n\n- **Results version 3**: Again. " in twice
    assert twice.count("### Results") == 1
    assert "- **Results version 2**: Lanes close at night. " in twice
    with pytest.raises(LookupError, match="no line"):
        fingerprints.with_results_version("# Changelog\n\n## [Unreleased]\n", 2, "", {})
