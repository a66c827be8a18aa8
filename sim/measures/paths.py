"""Where the time goes: each entity's time in port, taken apart along its critical path.

An activity is ready when the last of its predecessors ends. Going back from the end of the clock to that predecessor,
and from it to its own, gives a chain of visits without gaps: waiting and work on it sum to the clock, although other
activities ran beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.engine.plan import ActivityPlan, FlowPlan
from sim.engine.timeline import NEVER, Timeline, first_of
from sim.engine.workload import Workload, picking
from sim.measures.clocks import begin_times, measured, point_times
from sim.measures.table import Tables
from sim.scenario.procedure import PRESENCE, Clock
from sim.scenario.units import HOUR

Times = NDArray[np.int64]
NOBODY = "none"
"""The part that stands for activities without phase, agency or station."""


@dataclass(frozen=True, slots=True)
class PathTimes:
    """Hours on the critical path of a clock, summed over entities, one value for each activity of a route."""

    entities: int
    """How many entities these are."""
    queueing: NDArray[np.float64]
    """Waiting while the station is open: for others in front, or for something it seizes."""
    closed: NDArray[np.float64]
    """Waiting while the station is closed."""
    service: NDArray[np.float64]
    """Work."""


def path_times(clock: Clock, workload: Workload, timeline: Timeline, code: int) -> PathTimes | None:
    """Take a clock of the measured entities of a flow apart; None if nobody measured has begun it.

    Who has not ended by the horizon is taken apart up to there, so the parts sum to the same mean as the clock's.
    """
    begins = begin_times(clock, workload, timeline, code)
    ends = point_times(clock.end, workload, timeline, code)
    if begins is None or ends is None or ends[1] is None:
        return None
    flow, last = workload.plan.flows[code], ends[1]
    horizon = workload.plan.calendar.horizon
    chosen = measured(workload, timeline, code) & (begins != NEVER)
    if not chosen.any():
        return None
    until = first_of([ends[0]], horizon)
    on_path = _critical_path(workload, timeline, code, last, chosen)
    queueing, closed, service = (np.zeros(len(flow.activities)) for _ in range(3))
    for number, activity in enumerate(flow.activities):
        if not on_path[number].any():
            continue
        here = picking(on_path[number])
        floor, ceiling = begins[here], until[here]
        from_ready = np.clip(timeline.ready(workload, code, number)[here], floor, ceiling)
        from_start, to_end = (
            np.clip(first_of([workload.column(times, code, number)[here]], horizon), floor, ceiling)
            for times in (timeline.start, timeline.end)
        )
        waited = int((from_start - from_ready).sum())
        if activity.queue is not None:
            shut = workload.capacity[activity.queue].zero()
            if shut.values.any():
                waits = from_start > from_ready
                closed[number] = int((shut.integral(from_start[waits]) - shut.integral(from_ready[waits])).sum())
        queueing[number] = waited - int(closed[number])
        service[number] = int((to_end - from_start).sum())
    return PathTimes(int(chosen.sum()), queueing / HOUR, closed / HOUR, service / HOUR)


def _critical_path(
    workload: Workload, timeline: Timeline, code: int, last: int, chosen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which visits lie on the way back from the clock's end, or from where an entity is at the horizon.

    Args:
        workload: What was given to the engine.
        timeline: What it gave back.
        code: The route.
        last: The activity at which the clock ends.
        chosen: The entities to look at, shape (entities,).

    Returns:
        Shape (activities, entities).
    """
    activities = workload.plan.flows[code].activities
    end = workload.columns(timeline.end, code)
    on_path = np.zeros(end.shape, dtype=np.bool_)
    done = end[last] != NEVER
    on_path[last] = chosen & done
    inside = np.flatnonzero(chosen & ~done)
    if len(inside):
        reaching = np.array(sorted(_ancestors_and_self(workload.plan.flows[code], last)))
        ready = np.array([timeline.ready(workload, code, number)[inside] for number in reaching])
        going_on = (ready != NEVER) & (end[np.ix_(reaching, inside)] == NEVER)
        on_path[reaching[np.argmax(np.where(going_on, ready, NEVER), axis=0)], inside] = True
    for number in range(len(activities) - 1, -1, -1):
        before = activities[number].before
        if len(before) == 1:
            on_path[before[0]] |= on_path[number]
        elif before:
            here, numbers = np.flatnonzero(on_path[number]), np.array(before)
            latest = np.argmax(end[np.ix_(numbers, here)], axis=0)
            on_path[numbers[latest], here] = True
    return on_path


def _ancestors_and_self(flow: FlowPlan, number: int) -> set[int]:
    found, waiting = {number}, [number]
    while waiting:
        for before in flow.activities[waiting.pop()].before:
            if before not in found:
                found.add(before)
                waiting.append(before)
    return found


def all_path_times(clocks: Mapping[str, Clock], workload: Workload, timeline: Timeline) -> tuple[PathTimes | None, ...]:
    """For each route the time in port taken apart; None where there is none."""
    clock = clocks.get(PRESENCE)
    return tuple(
        path_times(clock, workload, timeline, code) if clock is not None else None
        for code in range(len(workload.plan.flows))
    )


def add_paths(tables: Tables, workload: Workload, paths: Sequence[PathTimes | None]) -> None:
    """Queueing, closed and service hours on the critical path, by phase, agency, station and activity."""
    resources = workload.plan.resources

    def station(activity: ActivityPlan) -> str:
        return resources[activity.queue].name if activity.queue is not None else NOBODY

    entities: dict[str, int] = {}
    hours: dict[tuple[str, str, str, str, str], float] = {}
    for flow, times in zip(workload.plan.flows, paths, strict=True):
        if times is None:
            continue
        entities[flow.name] = entities.get(flow.name, 0) + times.entities
        for number, activity in enumerate(flow.activities):
            parts = {
                "phase": activity.phase or NOBODY,
                "agency": activity.agency or NOBODY,
                "station": station(activity),
                "activity": activity.name,
            }
            for kind, label in parts.items():
                for measure in ("queueing", "closed", "service"):
                    key = (flow.port, flow.name, kind, label, measure)
                    hours[key] = hours.get(key, 0.0) + float(getattr(times, measure)[number])
    for (port, name, kind, label, measure), total in sorted(hours.items()):
        tables.add(port, f"{name}/{label}", f"{measure}_by_{kind}", "h", mean=total / entities[name])
