"""What shared luck is worth for shipped reforms that do not touch the lines in which their port waits."""

from functools import cache

import pandas as pd
import pytest

import sim
from sim.scenario.routes import resources_of
from tests.long_tables import comparison
from tests.test_reforms import reform, tried

REPLICATIONS = 6
LITTLE = 0.1
"""Share of a port's waiting below which a reform is off its bottleneck."""
OFF = {
    "apron_pickup": "urumqi_airport",
    "border_fast_lane": "khorgos_road",
    "bulk_line": "alashankou_rail",
    "comprehensive_inspection_yard": "alashankou_rail",
    "health_checks": "khorgos_road",
    "indoor_transshipment": "alashankou_rail",
}
"""Such reforms of the library and their ports."""
SHORT = "bulk_line"


@cache
def run(file, ports, name, seed=None):
    scenario = tried(file, ports, name, REPLICATIONS)
    return sim.run(scenario if seed is None else scenario.with_values(seed=seed)).measures


def measures(name, *, reformed, seed=None):
    where = reform(name).baseline
    return run(where.scenario, where.ports, name if reformed else None, seed)


def touched(name):
    """Stations and quotas that a reform changes, or that the activities need which it changes."""
    where = reform(name).baseline
    scenario = tried(where.scenario, where.ports, name, REPLICATIONS)
    here = scenario.under("tried")
    found = set()
    for edit in here.edits:
        part, *rest = edit.address.removeprefix("procedure.").split(".")
        for procedure in (scenario.procedure, here.procedure):
            places = {**procedure.stations, **procedure.quotas}
            if part == "rosters":
                found |= {key for key, place in places.items() if place.roster == rest[0]}
            elif part == "routes" and (activity := procedure.routes.get(rest[0], {}).get(rest[1])) is not None:
                found |= {*resources_of(activity), *activity.needs}
            else:
                found |= {rest[0]} & places.keys()
    return found


def share_of_waiting(name, port):
    """How much of the port's waiting is in the lines that a reform touches, before it."""
    table = measures(name, reformed=False)
    lines = table[(table["port"] == port) & (table["measure"] == "queue_length") & (table["statistic"] == "mean")]
    waiting = lines.groupby("subject")["value"].mean()
    return waiting[waiting.index.isin(touched(name))].sum() / waiting.sum()


def reduction(before, after, port):
    both = pd.concat([before.assign(mode="before"), after.assign(mode="after")], ignore_index=True)
    table = comparison(both, "before", ["before", "after"]).set_index(["port", "subject", "measure", "statistic"])
    return table.loc[(port, "all", "port_dwell", "mean"), "variance_reduction"]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == SHORT else pytest.mark.nightly) for name in OFF]
)
def test_off_the_bottleneck_shared_luck_divides_the_variance_by_more_than_twenty(name):
    port = OFF[name]
    share = share_of_waiting(name, port)
    before, after = measures(name, reformed=False), measures(name, reformed=True)
    shared, control = reduction(before, after, port), reduction(before, measures(name, reformed=True, seed=7), port)
    print(
        f"{name} at {port}: {share:.1%} of the waiting; variance over {shared:.0f}, with luck of its own {control:.1f}"
    )
    assert share < LITTLE
    assert shared > 20
    assert control < 20, "without shared luck the same test must fail"
