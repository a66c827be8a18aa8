"""All measures of one run."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sim.engine.audit import Use, usage
from sim.engine.timeline import Timeline
from sim.engine.workload import Workload
from sim.measures.backlog import add_backlogs
from sim.measures.clocks import add_clocks, add_course
from sim.measures.costs import add_costs, add_staff
from sim.measures.paths import add_paths, all_path_times
from sim.measures.security import add_security
from sim.measures.stations import add_stations
from sim.measures.table import Tables
from sim.measures.throughput import add_throughput
from sim.scenario.costs import FlowCosts, Staff
from sim.scenario.procedure import Clock


def measure(
    mode: str,
    replication: int,
    workload: Workload,
    timeline: Timeline,
    *,
    uses: list[Use] | None = None,
    clocks: Mapping[str, Clock],
    costs: Mapping[str, FlowCosts],
    staff: Mapping[str, Staff],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reduce a timeline to its measures and series.

    Args:
        mode: The mode of the run.
        replication: Its replication.
        workload: What was given to the engine.
        timeline: What it gave back.
        uses: What `usage` says of them, if that is known already.
        clocks: The clocks to read.
        costs: What time costs, by flow.
        staff: Who is paid at each station.

    Returns:
        Tables with the columns `MEASURE_COLUMNS` and `SERIES_COLUMNS`.
    """
    tables = Tables(mode, replication)
    add_clocks(tables, clocks, workload, timeline)
    add_course(tables, clocks, workload, timeline)
    add_throughput(tables, clocks, workload, timeline)
    paths = all_path_times(clocks, workload, timeline)
    add_paths(tables, workload, paths)
    add_stations(tables, workload, timeline, usage(workload, timeline) if uses is None else uses)
    add_security(tables, workload, timeline)
    add_backlogs(tables, clocks, workload, timeline)
    add_costs(tables, clocks, costs, workload, timeline, paths=paths)
    add_staff(tables, staff, workload)
    return tables.measure_frame(), tables.series_frame()
