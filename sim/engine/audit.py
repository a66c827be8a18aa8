"""Proof that a run contradicts neither the rules nor itself; a run that fails it is a failed run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.engine.plan import Plan
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.errors import RunError

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit counted; it raises before it returns where something is wrong."""

    arrived: dict[str, int]
    """Entities by flow."""
    left: dict[str, int]
    """Entities by flow with every activity behind them."""
    inside: dict[str, int]
    """Entities by flow that have not left by the horizon."""
    visits: int
    """Visits that have ended."""
    mean_inside: float
    """Entities inside on average over the run: the left side of Little's law, L = rate x time."""


def audit(workload: Workload, timeline: Timeline) -> Audit:
    """Check a timeline against its workload.

    Raises:
        RunError: Naming the first contradiction of each kind.
    """
    faults = _order(timeline)
    for check in (_precedence, _durations, _losses, _forgotten, _capacity):
        faults += check(workload, timeline)
    result, more = _conservation(workload, timeline)
    faults += more
    if faults:
        raise RunError("the audit failed, please report this:\n" + "\n".join(f"- {fault}" for fault in faults))
    return result


def _order(timeline: Timeline) -> list[str]:
    """Ready <= start <= end, and nothing is later without the earlier."""
    faults = []
    for early, late, name in (
        (timeline.ready, timeline.start, "starts before it is ready"),
        (timeline.start, timeline.end, "ends before it starts"),
    ):
        wrong = (late != NEVER) & ((early == NEVER) | (late < early))
        if wrong.any():
            faults.append(f"visit {int(np.argmax(wrong))} {name} ({int(wrong.sum())} in all)")
    return faults


def _precedence(workload: Workload, timeline: Timeline) -> list[str]:
    """A visit is ready at the last end of its predecessors, or at its entity's arrival."""
    faults = []
    for code, flow in enumerate(workload.plan.flows):
        visits = workload.visits_of_flow[code]
        arrival = workload.arrival[workload.flow == code]
        for number, activity in enumerate(flow.activities):
            ready = timeline.ready[visits[:, number]]
            if activity.before:
                ends = timeline.end[visits[:, list(activity.before)]]
                expected = np.where((ends == NEVER).any(axis=1), NEVER, ends.max(axis=1))
            else:
                expected = arrival
            wrong = ready != expected
            if wrong.any():
                count = int(wrong.sum())
                faults.append(
                    f"{flow.name}.{activity.name} is not ready when its predecessors have ended, {count} times"
                )
    return faults


def _durations(workload: Workload, timeline: Timeline) -> list[str]:
    """Work takes as long as its workload says; what does not take place takes no time."""
    ended = timeline.end != NEVER
    wrong = ended & (timeline.end - timeline.start != workload.work)
    passed = ended & ~workload.takes_place & (timeline.end != timeline.ready)
    return [
        f"{int(mask.sum())} visits {sentence}"
        for mask, sentence in ((wrong, "do not take their time"), (passed, "that do not take place take time"))
        if mask.any()
    ]


def _losses(workload: Workload, timeline: Timeline) -> list[str]:
    """What has no end by the horizon has a reason: it is still at work, or waits for something it needs."""
    horizon = workload.plan.calendar.horizon
    ready, begun, ended = (times != NEVER for times in (timeline.ready, timeline.start, timeline.end))
    waits = np.zeros(len(ready), dtype=np.bool_)
    for code, flow in enumerate(workload.plan.flows):
        for number, activity in enumerate(flow.activities):
            waits[workload.visits_of_flow[code][:, number]] = activity.queue is not None
    lost = {
        "end in time and have no end": begun & ~ended & (timeline.start + workload.work < horizon),
        "pass through and have no end": ready & ~workload.takes_place & ~ended,
        "need nothing and do not start": ready & workload.takes_place & ~waits & ~begun,
        "end behind the horizon": timeline.end >= horizon,
    }
    return [f"{int(mask.sum())} visits {sentence}" for sentence, mask in lost.items() if mask.any()]


def _forgotten(workload: Workload, timeline: Timeline) -> list[str]:
    """At the horizon the head of every line still lacks something that it needs."""
    plan = workload.plan
    last = np.array([plan.calendar.horizon - 1])
    free = [
        int(resource.capacity.at(last)[0]) - int(amount[returned == NEVER].sum())
        for resource, (_, returned, amount) in zip(plan.resources, usage(workload, timeline), strict=True)
    ]
    heads: dict[int, tuple[tuple[int, int, int], tuple[tuple[int, int], ...]]] = {}
    for code, flow in enumerate(plan.flows):
        for number, activity in enumerate(flow.activities):
            visits = workload.visits_of_flow[code][:, number]
            waiting = visits[
                workload.takes_place[visits] & (timeline.ready[visits] != NEVER) & (timeline.start[visits] == NEVER)
            ]
            if activity.queue is None or not len(waiting):
                continue
            order = np.lexsort((waiting, timeline.ready[waiting], workload.priority[waiting]))
            first = int(waiting[order[0]])
            rank = (int(workload.priority[first]), int(timeline.ready[first]), first)
            if activity.queue not in heads or rank < heads[activity.queue][0]:
                heads[activity.queue] = (rank, activity.needs)
    return [
        f"the head of the line of {plan.resources[queue].name} could start and is forgotten (visit {rank[2]})"
        for queue, (rank, needs) in sorted(heads.items())
        if all(free[resource] >= amount for resource, amount in needs)
    ]


def usage(workload: Workload, timeline: Timeline) -> list[tuple[Times, Times, Times]]:
    """For every resource when units of it are taken and given back.

    Returns:
        For each resource (taken, returned, amount), one row a use; returned is `NEVER` where it did not happen.
    """
    plan = workload.plan
    taken: list[list[Times]] = [[] for _ in plan.resources]
    returned: list[list[Times]] = [[] for _ in plan.resources]
    amounts: list[list[Times]] = [[] for _ in plan.resources]
    for code, flow in enumerate(plan.flows):
        visits = workload.visits_of_flow[code]
        for number, activity in enumerate(flow.activities):
            uses = [] if activity.station is None else [(activity.station, activity.amount, number, number)]
            uses += [(resource, amount, seized, number) for resource, amount, seized in activity.gives_back]
            for resource, amount, begin, end in uses:
                first = visits[:, begin]
                used = workload.takes_place[first] & (timeline.start[first] != NEVER)
                taken[resource].append(timeline.start[first][used])
                returned[resource].append(timeline.end[visits[:, end]][used])
                amounts[resource].append(np.full(int(used.sum()), amount, dtype=np.int64))
    empty = np.zeros(0, dtype=np.int64)
    return [
        (
            np.concatenate([empty, *taken[code]]),
            np.concatenate([empty, *returned[code]]),
            np.concatenate([empty, *amounts[code]]),
        )
        for code in range(len(plan.resources))
    ]


def _capacity(workload: Workload, timeline: Timeline) -> list[str]:
    """Whenever a unit is taken, the resource is open and no more units are in use than it has."""
    faults = []
    horizon = workload.plan.calendar.horizon
    for resource, (taken, returned, amount) in zip(workload.plan.resources, usage(workload, timeline), strict=True):
        if not len(taken):
            continue
        given_back = np.where(returned == NEVER, horizon, returned)
        by_taken, by_returned = np.argsort(taken, kind="stable"), np.argsort(given_back, kind="stable")
        moments = np.unique(taken)
        out = np.concatenate(([0], np.cumsum(amount[by_taken])))[
            np.searchsorted(taken[by_taken], moments, side="right")
        ]
        back = np.concatenate(([0], np.cumsum(amount[by_returned])))[
            np.searchsorted(given_back[by_returned], moments, side="right")
        ]
        capacity = resource.capacity.at(moments)
        closed = capacity == 0
        over = (out - back > capacity) & ~closed
        if closed.any():
            first = int(moments[closed][0])
            faults.append(f"{resource.name} begins work at {first} ms, when it is closed ({int(closed.sum())} times)")
        if over.any():
            faults.append(
                f"{resource.name} is above its capacity at {int(moments[over][0])} ms ({int(over.sum())} times)"
            )
    return faults


def leaving(workload: Workload, timeline: Timeline) -> Times:
    """When each entity has all its activities behind it, `NEVER` if that did not happen; shape (entities,)."""
    left = np.empty(len(workload.flow), dtype=np.int64)
    for code in range(len(workload.plan.flows)):
        ends = timeline.end[workload.visits_of_flow[code]]
        left[workload.flow == code] = np.where((ends == NEVER).any(axis=1), NEVER, ends.max(axis=1, initial=0))
    return left


def _conservation(workload: Workload, timeline: Timeline) -> tuple[Audit, list[str]]:
    """Who arrived has left or is inside; Little's law holds as an identity over the run."""
    plan: Plan = workload.plan
    left = leaving(workload, timeline)
    gone = left != NEVER
    horizon = plan.calendar.horizon
    faults = []
    arrived_by, left_by, inside_by = {}, {}, {}
    for code, flow in enumerate(plan.flows):
        mine = workload.flow == code
        visits = workload.visits_of_flow[code]
        unfinished = (timeline.end[visits] == NEVER).any(axis=1)
        arrived_by[flow.name], left_by[flow.name] = int(mine.sum()), int((gone & mine).sum())
        inside_by[flow.name] = int(unfinished.sum())
        if arrived_by[flow.name] != left_by[flow.name] + inside_by[flow.name]:
            counts = f"{arrived_by[flow.name]} arrived, {left_by[flow.name]} left, {inside_by[flow.name]} are inside"
            faults.append(f"{flow.name}: {counts}")
    # Little's law, its two sides by different roads: the integral of the number inside from the sorted moments at which
    # it changes, and the sum of the entities' own times. Whole numbers both, so they must be equal, not nearly equal.
    until = np.where(gone, left, horizon)
    moments = np.concatenate((workload.arrival, until, [horizon]))
    changes = np.concatenate((np.ones(len(until), dtype=np.int64), -np.ones(len(until), dtype=np.int64), [0]))
    order = np.argsort(moments, kind="stable")
    number = np.cumsum(changes[order])
    area = int((number[:-1] * np.diff(moments[order])).sum())
    times = int((until - workload.arrival).sum())
    if area != times:
        faults.append(f"Little's law: the number inside integrates to {area} ms, the times inside sum to {times} ms")
    ended = int((timeline.end != NEVER).sum())
    return Audit(arrived_by, left_by, inside_by, ended, area / horizon if horizon else 0.0), faults
