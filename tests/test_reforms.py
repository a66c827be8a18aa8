"""Every reform, by itself on its baseline, shows the effect that its file states.

The paired interval decides: the same trucks with the same luck, with and without the reform. See what was measured with
`pytest tests/test_reforms.py -rP`.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

import sim
from sim.scenario.document import read_document
from sim.scenario.loading import read_scenario
from sim.scenario.reform import Reform, Shown
from sim.scenario.scenario import Scenario
from sim.scenario.validation import validated

SCENARIOS = Path(__file__).parent.parent / "scenarios"
REFORMS = {file.stem: file for file in sorted(SCENARIOS.glob("reforms/*.yaml"))}
REPLICATIONS = {"road": (3, 8), "other": (5, 20)}
"""How many first, and how many where those do not show it yet."""
ROAD = {"warm_up": "6 days", "duration": "4 days", "cool_down": "3 days"}
"""Hundreds of trucks a day need fewer days than a dozen trains; those keep the days of their scenario."""
NOTHING = 0.02
"""Relative effects below this count as none."""


@cache
def reform(name: str) -> Reform:
    return validated(Reform, read_document(REFORMS[name], name))


def only_ports(said: dict[str, Any], ports: tuple[str, ...]) -> dict[str, Any]:
    """A scenario without what stands at other ports, so that it runs faster; luck does not depend on it.

    Ports between which entities carry each other stay together.
    """
    kept = set(ports)
    while more := {port for one in meetings(said) if one & kept for port in one} - kept:
        kept |= more
    flows = {name: flow for name, flow in said["demand"].items() if flow["port"] in kept}
    procedure = {
        section: {name: item for name, item in items.items() if section in SHARED or item["port"] in kept}
        for section, items in said["procedure"].items()
        if section != "routes"
    }
    procedure["routes"] = {name: said["procedure"]["routes"][name] for name in flows}
    there = {"arrival", *(activity for route in procedure["routes"].values() for activity in route)}
    procedure["clocks"] = {name: clock for name, clock in procedure["clocks"].items() if is_read(clock, there)}
    rest = {key: value for key, value in said.items() if key not in ("evidence", "imports", "disruptions")}
    return {**rest, "demand": flows, "procedure": procedure}


SHARED = ("rosters", "clocks")


def meetings(said: Mapping[str, Any]) -> list[set[str]]:
    """The ports whose flows share a ride, for every ride."""
    found: dict[str, set[str]] = {}
    for flow, route in said["procedure"]["routes"].items():
        for activity in route.values():
            rides = [activity.get("ride"), activity.get("unload"), activity.get("load", {}).get("ride")]
            for ride in filter(None, rides):
                found.setdefault(ride, set()).add(said["demand"][flow]["port"])
    return list(found.values())


def is_read(clock: Mapping[str, Any], there: set[str]) -> bool:
    """Whether a clock begins and ends at activities that are there."""
    points = [clock[key] if isinstance(clock[key], list) else [clock[key]] for key in ("from", "to")]
    return all(any(point.partition(".")[0] in there for point in one) for one in points)


def kind_of(ports: tuple[str, ...]) -> str:
    """Road, or other."""
    return "road" if any(port.endswith("_road") for port in ports) else "other"


def tried(file: str, ports: tuple[str, ...], name: str | None, replications: int) -> Scenario:
    """A baseline with one mode: with a reform or without any."""
    mode = {port: [name] if name is not None else [] for port in ports}
    said = only_ports(read_scenario(SCENARIOS / file).with_modes({"tried": mode}).document(), ports)
    said["calendar"] |= ROAD if kind_of(ports) == "road" else {}
    said["replications"] = replications
    return loaded(said)


def loaded(said: dict[str, Any]) -> Scenario:
    """Load a document through a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "baseline.yaml"
        path.write_text(json.dumps(said), encoding="utf-8")
        return sim.load(path)


@cache
def measures(file: str, ports: tuple[str, ...], name: str | None, replications: int) -> pd.DataFrame:
    """Measures in every replication, with a reform or without any."""
    return sim.run(tried(file, ports, name, replications)).measures


def values(table: pd.DataFrame, shown: Shown) -> np.ndarray:
    """What is spoken of, in every replication; by phase, agency or station it is the sum over them."""
    chosen = table[(table["measure"] == shown.measure) & (table["statistic"] == shown.statistic)]
    mine = chosen[(chosen["subject"] == shown.subject) | chosen["subject"].str.startswith(f"{shown.subject}/")]
    assert len(mine), f"there is no {shown.measure} {shown.statistic} of {shown.subject}"
    return mine.groupby("replication")["value"].sum(min_count=1).sort_index().to_numpy()


def paired(before: np.ndarray, after: np.ndarray) -> tuple[float, float, float]:
    """Mean difference and its 95 % interval."""
    difference = after - before
    mean = float(difference.mean())
    half = float(student.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / np.sqrt(len(difference)))
    return mean, mean - half, mean + half


def fits(effect: str, relative: float, low: float, high: float) -> bool:
    """Whether a measured effect is the stated one."""
    if effect == "none":
        return abs(relative) < NOTHING or low <= 0 <= high
    return high < 0 if effect == "lower" else low > 0


def seen(name: str, replications: int) -> list[tuple[bool, str]]:
    """For every stated effect whether it is there, and what was measured."""
    rules = reform(name)
    assert rules.baseline is not None, "say on what it is tested"
    where = (rules.baseline.scenario, rules.baseline.ports)
    before, after = measures(*where, None, replications), measures(*where, name, replications)
    found = []
    for shown in rules.shows:
        one, two = values(before, shown), values(after, shown)
        difference, low, high = paired(one, two)
        relative = difference / one.mean() if one.mean() else np.inf * np.sign(difference)
        said = (
            f"{name}: {shown.measure} {shown.statistic} of {shown.subject}: {one.mean():.3f} -> {two.mean():.3f}, "
            f"{difference:+.3f} [{low:+.3f}, {high:+.3f}], {relative:+.1%} ({replications}); stated: {shown.effect}"
        )
        found.append((fits(shown.effect, relative, low, high), said))
    return found


@pytest.mark.parametrize("name", REFORMS)
def test_it_shows_its_effect(name: str):
    rules = reform(name)
    assert rules.baseline is not None, "say on what it is tested"
    assert rules.shows, "say what it shows"
    for replications in REPLICATIONS[kind_of(rules.baseline.ports)]:
        found = seen(name, replications)
        print("\n".join(said for _, said in found))
        wrong = [said for right, said in found if not right]
        if not wrong:
            return
    pytest.fail("\n".join(wrong))


@pytest.mark.parametrize(
    ("effect", "relative", "low", "high", "right"),
    [
        ("lower", -0.5, -3, -1, True),
        ("lower", -0.5, -3, 0.1, False),
        ("lower", 0.5, 1, 3, False),
        ("higher", 0.5, 1, 3, True),
        ("higher", -0.5, -3, -1, False),
        ("none", 0.01, 1, 3, True),
        ("none", 0.1, -1, 3, True),
        ("none", 0.1, 1, 3, False),
    ],
)
def test_what_counts_as_an_effect(effect: str, relative: float, low: float, high: float, right: bool):
    assert fits(effect, relative, low, high) == right


def test_an_interval_by_hand():
    mean, low, high = paired(np.array([10.0, 12.0, 14.0]), np.array([9.0, 10.0, 11.0]))
    assert mean == -2
    assert (low, high) == pytest.approx((-2 - 4.302652729911275 / np.sqrt(3), -2 + 4.302652729911275 / np.sqrt(3)))


def test_the_cut_to_some_ports_changes_no_value():
    said = read_scenario(SCENARIOS / "khorgos.yaml").with_modes({"traditional": []}).document()
    said["calendar"] |= {"warm_up": "1 day", "duration": "1 day", "cool_down": "1 day"}
    said["replications"] = 1
    whole = sim.run(loaded(said)).measures
    part = sim.run(loaded(only_ports(said, ("khorgos_rail",)))).measures
    assert len(part) > 100
    pd.testing.assert_frame_equal(whole[whole["port"] == "khorgos_rail"].reset_index(drop=True), part, check_exact=True)
