"""What happened: start and end of every visit, and when it was ready."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.engine.workload import Workload

Times = NDArray[np.int64]

NEVER = -1
"""Where something did not happen before the horizon. Times are never negative, so it cannot be mistaken for one."""


def last_of(times: Iterable[Times]) -> Times:
    """When several things have all happened, `NEVER` where one of them has not."""
    return reduce(np.maximum, (each.view(np.uint64) for each in times)).view(np.int64)  # -1 is above all moments there


def first_of(times: Iterable[Times], horizon: int) -> Times:
    """When the first of several things happens, the horizon where none of them does."""
    first = reduce(np.minimum, (each.view(np.uint64) for each in times))
    return np.minimum(first, np.uint64(horizon)).view(np.int64)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Start and end of every visit in ms, `NEVER` where it did not happen; each of shape (visits,).

    When a visit is ready follows from them, so it is not kept. A visit that does not take place is passed through: it
    starts and ends when it is ready.
    """

    start: Times
    end: Times
    carrier: NDArray[np.int32]
    """The entity that a riding visit is aboard of, otherwise `NEVER`; shape (visits,)."""
    turned_away: Times
    """When each entity was turned away because a line was full, `NEVER` for all others; shape (entities,)."""

    def ready(self, workload: Workload, code: int, number: int) -> Times:
        """When the visits to an activity of a route are ready: when all its predecessors have ended.

        Those to an activity without predecessors are ready when their entity arrives.

        Returns:
            Shape (entities by arrival,), `NEVER` where it did not happen. Not to be changed: it may be no copy.
        """
        before = workload.plan.flows[code].activities[number].before
        return last_of(workload.column(self.end, code, n) for n in before) if before else workload.arrivals[code]

    def all_ready(self, workload: Workload) -> Times:
        """When every visit is ready, shape (visits,)."""
        times = np.empty_like(self.end)
        for code, flow in enumerate(workload.plan.flows):
            for number in range(len(flow.activities)):
                workload.column(times, code, number)[:] = self.ready(workload, code, number)
        return times

    def frame(self, workload: Workload) -> pd.DataFrame:
        """One row a visit that takes place: flow, entity, activity, station, ready_ms, start_ms, end_ms.

        Times are blank where they did not happen. `entity` is the entity's index within its flow, in every mode the
        same.
        """
        plan = workload.plan
        parts = []
        for code, flow in enumerate(plan.flows):
            visits = workload.visits_of_flow(code).T
            entity = workload.of_route(workload.cohort_index, code)
            width = len(flow.activities)
            parts.append(
                pd.DataFrame(
                    {
                        "flow": code,
                        "entity": np.repeat(entity, width),
                        "activity": np.tile([code * 1000 + number for number in range(width)], len(entity)),
                        "visit": visits.ravel(),
                    }
                )
            )
        table = pd.concat(parts, ignore_index=True)
        names = {code: flow.name for code, flow in enumerate(plan.flows)}
        if len(set(names.values())) < len(names):
            table = table.iloc[
                np.lexsort((table["visit"], table["entity"], table["flow"].map(names).to_numpy(dtype=str)))
            ]
        table = table[workload.takes_place[table["visit"].to_numpy()]]
        visit = table.pop("visit").to_numpy()
        activities = {
            code * 1000 + n: a.name for code, flow in enumerate(plan.flows) for n, a in enumerate(flow.activities)
        }
        stations = {
            code * 1000 + n: plan.resources[a.station].name
            for code, flow in enumerate(plan.flows)
            for n, a in enumerate(flow.activities)
            if a.station is not None
        }
        frame = pd.DataFrame(
            {
                "flow": table["flow"].map(names),
                "entity": table["entity"],
                "activity": table["activity"].map(activities),
                "station": table["activity"].map(stations),
            }
        )
        for key, values in {"ready": self.all_ready(workload), "start": self.start, "end": self.end}.items():
            times = values[visit]
            frame[f"{key}_ms"] = pd.array(np.where(times == NEVER, 0, times), dtype="Int64")
            frame.loc[times == NEVER, f"{key}_ms"] = pd.NA
        return frame.reset_index(drop=True)
