"""Whether there is a steady state to estimate: stations that are offered more than they can do, and who passes them."""

from __future__ import annotations

from sim.measures.table import ALL
from sim.scenario.checks import station_loads
from sim.scenario.routes import resources_of
from sim.scenario.scenario import Scenario

Subject = tuple[str, str]
"""Port and flow, station or quota; `all` stands for all flows of the port."""


def unsteady(scenario: Scenario, mode: str) -> frozenset[Subject]:
    """Stations and quotas that are offered as much as they can do or more in a mode, and the flows that need them.

    Their queues grow as long as one watches, so their means belong to the window and an interval around them would
    promise what a longer window does not keep.
    """
    jammed = {load.station: load.port for load in station_loads(scenario, mode) if load.ratio >= 1}
    found = {(port, station) for station, port in jammed.items()}
    here = scenario.under(mode)
    for name, flow in scenario.demand.items():
        needed = {
            need
            for _, route in here.routes_of(name)
            for activity in route.values()
            for need in (*resources_of(activity), *activity.needs)
        }
        if needed & jammed.keys():
            found |= {(flow.port, name), (flow.port, ALL)}
    return frozenset(found)
