"""The models of the benchmark simulate what they say: the same as the engine, as far as their tools can express it."""

import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sim.engine.timeline import NEVER
from sim.scenario.loading import load
from tests.bench import child, page, with_salabim
from tests.bench.__main__ import CASES, KEYS, ROOT, check_tables

OTHERS = ["idiomatic", "ciw", "salabim"]


def workload_of(model, mode, duration):
    scenario = load(child.FILES[model]).with_calendar(warm_up="0 s", cool_down="0 s", duration=duration)
    return child.workload_of(scenario, mode)


@pytest.mark.parametrize("mode", ["first_come", "priorities"])
@pytest.mark.parametrize("tool", OTHERS)
def test_at_six_stations_every_tool_agrees_to_the_millisecond(tool, mode):
    workload = workload_of("six_stations", mode, "5 hours")
    found = child.agreement(workload, child.model_of(tool, "six_stations")(workload))
    assert found.visits > 1500
    assert found.differing == 0
    assert found.stay == 1


def test_priorities_change_who_waits():
    timelines = [
        child.model_of("idiomatic", "six_stations")(workload_of("six_stations", mode, "5 hours"))
        for mode in ("first_come", "priorities")
    ]
    assert (timelines[0].start != timelines[1].start).sum() > 100


def test_at_khorgos_salabim_differs_by_ties_and_car_carriers_only():
    """When the electronic queue opens, vehicles come to a line at the same moment, and salabim orders them its way."""
    workload = workload_of("khorgos_road", "traditional", "24 hours")
    timeline = child.model_of("salabim", "khorgos_road")(workload)
    reference = child.model_of("idiomatic", "khorgos_road")(workload)
    both = [timeline.start != NEVER, reference.start != NEVER]
    differing = compared = 0
    for code, flow in enumerate(workload.plan.flows):
        visits = workload.visits_of_flow(code)
        if not flow.name.startswith("khorgos_car"):
            differing += (timeline.start != reference.start)[visits].sum()
            compared += (both[0] | both[1])[visits].sum()
    assert compared > 1000
    assert 0 < differing < 0.05 * compared


def test_a_route_is_split_where_it_forks():
    workload = workload_of("khorgos_road", "traditional", "1 hour")
    flow = next(flow for flow in workload.plan.flows if flow.name == "khorgos_general_export")
    names = [[plan.name for _, plan, _ in branch.activities] for branch in with_salabim.branches(flow)]
    assert sorted(name for branch in names for name in branch) == sorted(plan.name for plan in flow.activities)
    assert ["truck_ready", "truck_approach"] in names


def test_the_floor_handles_every_visit_in_order():
    workload = workload_of("six_stations", "first_come", "5 hours")
    servers = sum(int(steps.values.max()) for steps in workload.capacity)
    moments = np.zeros(servers)
    for work in workload.work[workload.takes_place]:
        moments[moments.argmin()] += work
    last = child.model_of("floor", "six_stations")(workload)
    assert last <= moments.min()
    assert last > 0.9 * moments.min()


def write_measure(folder, measure, value):
    folder.mkdir()
    cells = dict.fromkeys(KEYS, "x") | {"measure": measure, "value": value}
    pd.DataFrame([cells]).to_csv(folder / "measures.csv", index=False)


@pytest.mark.parametrize(
    ("tool", "measure", "value", "said"),
    [
        ("idiomatic", "port_dwell", 1.0005, None),
        ("idiomatic", "port_dwell", 1.01, "the tables differ"),
        ("script", "port_dwell", 2, None),
        ("script", "utilisation", 1.05, None),
        ("script", "utilisation", 1.15, "the tables differ"),
    ],
)
def test_measures_that_differ_by_more_than_they_may_end_the_benchmark(tmp_path, tool, measure, value, said):
    write_measure(tmp_path / "compiled", measure, 1)
    write_measure(tmp_path / tool, measure, value)
    with pytest.raises(SystemExit, match=said) if said else nullcontext():
        check_tables(tmp_path)


def test_tables_with_other_rows_end_the_benchmark(tmp_path):
    write_measure(tmp_path / "compiled", "utilisation", 1)
    write_measure(tmp_path / "script", "throughput", 1)
    with pytest.raises(SystemExit, match="other rows"):
        check_tables(tmp_path)


def test_the_script_writes_the_same_tables(tmp_path):
    scenario = load(child.FILES["six_stations"]).with_calendar(warm_up="0 s", cool_down="0 s", duration="6 days")
    child.whole("compiled", "six_stations", scenario, "first_come", str(tmp_path / "compiled"))
    subprocess.run([sys.executable, "-m", "tests.bench.script", "6", str(tmp_path / "script")], cwd=ROOT, check=True)
    check_tables(tmp_path)
    keys = ["mode", "replication", "port", "subject", "measure", "axis", "unit", "x"]
    one, other = (
        pd.read_parquet(tmp_path / tool / "series.parquet").round({"x": 9}).set_index(keys).sort_index()
        for tool in ("compiled", "script")
    )
    assert len(one) > 1000
    assert one.index.equals(other.index)
    dwell = pd.IndexSlice[:, :, :, :, "port_dwell", "probability"]
    assert one.loc[dwell, "value"].to_numpy() == pytest.approx(other.loc[dwell, "value"].to_numpy(), rel=0.1)


def test_the_page_says_what_was_measured_and_what_was_left_out(tmp_path):
    case = next(case for case, *_ in CASES if case.entities == 20_000)
    larger = replace(case, days=100, entities=200_000)
    measured = {"cpu": 1.0, "wall": 2.0, "peak": 100.0, "entities": 20_000.0, "visits": 1e5, "runs": 3.0}
    figures = page.Figures()
    for number, tool in enumerate(("floor", "compiled", "simpy", "idiomatic")):
        figures.engine[case, tool] = measured | {"cpu": 10.0 ** (number - 2)}
        figures.engine[larger, tool] = measured | {"cpu": 10.0 ** (number - 1), "visits": 1e6}
    assert figures.expected(larger, "ciw") is None
    figures.engine[case, "ciw"] = measured | {"differing": 0.25, "stay": 1.5}
    assert figures.expected(larger, "ciw") == 10
    figures.left_out[larger, "ciw"] = 10
    for model, rival, ratio in (("six_stations", "script", 10.0), ("khorgos_road", "idiomatic", 30.0)):
        for tool, seconds in (("compiled", 2.0), (rival, 2 * ratio)):
            figures.whole[replace(case, model=model), tool] = measured | {"cpu": seconds}
    figures.whole[larger, "compiled"] = measured
    figures.left_out_whole[larger, "script"] = 200
    figures.to_come = [replace(case, mode="priorities")]
    page.write_page(figures, tmp_path)
    text = (tmp_path / "performance.md").read_text()
    assert "| Six stations (200,000): compiled engine over ordinary SimPy | at least 80 × | 100 × | met |" in text
    assert "| Six stations (200,000): compiled engine over the floor | at most 4 × | 10.0 × | missed |" in text
    assert "| Ciw | 1 | 2 | 10 | 10 | 100 | 25% | 1.5000 |" in text
    assert "| Ciw | about 10 | | | | | left out | |" in text
    assert (
        "| Six stations (20,000): whole program over a SimPy script that writes the same tables | at least 25 × | 10"
        in text
    )
    assert "| Khorgos road port (20,000): whole program over the same with ordinary SimPy | at least 25 × | 30" in text
    assert "| Khorgos road port | 20,000 | smartport with ordinary SimPy as engine | 60 | 2 | 30.00 | 100 |" in text
    assert "| Six stations | 200,000 | script with SimPy and pandas | about 200 | | | left out |" in text
    assert "not measured: Six stations, with priorities, 20,000 entities." in text
    assert "<svg" in (tmp_path / "performance.svg").read_text()
