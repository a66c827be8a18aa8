"""The compiled engine's records are those of the crowd in the system, not of all who ever come."""

import numpy as np
import pytest

from sim.engine import compiled_engine
from sim.engine.arrays import make_world
from sim.engine.timeline import NEVER
from sim.scenario.loading import load
from tests.worlds import SCENARIOS, workload_of


@pytest.mark.parametrize(("file", "mode"), [("khorgos_road", "traditional"), ("urumqi_land_port", "smart")])
def test_the_next_entity_of_a_flow_gets_the_records_of_one_who_left(file, mode):
    scenario = load(SCENARIOS / f"{file}.yaml").with_calendar(warm_up="0 s", duration="6 days", cool_down="0 s")
    workload = workload_of(scenario, mode)
    world = make_world(workload)
    compiled_engine.simulate(workload.plan.calendar.horizon, world)
    first, behind = workload.first_visit[:-1], workload.first_visit[1:]
    end = world.end[workload.by_entity]
    leaves = np.array(
        [np.inf if (end[a:b] == NEVER).any() else end[a:b].max() for a, b in zip(first, behind, strict=True)]
    )
    peaks = 0
    for code in range(len(workload.plan.flows)):
        mine = workload.flow == code
        # Who leaves at the moment of an arrival may not have gone yet when it happens.
        arrivals, left = np.sort(workload.arrival[mine]), np.sort(leaves[mine])
        present = np.arange(1, len(arrivals) + 1) - np.searchsorted(left, arrivals, side="left")
        peaks += present.max(initial=0)
    assert 0 < world.counts["stays"][0] <= peaks < 0.7 * len(workload.flow)
