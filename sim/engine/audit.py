"""Proof that a run contradicts neither the rules nor itself; a run that fails it is a failed run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.engine.audit_rides import check_rides, overtaking
from sim.engine.plan import Plan, Resource
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.errors import RunError
from sim.scenario.steps import Steps

Times = NDArray[np.int64]
Use = tuple[Times, Times, Times]
"""When units of a resource are taken and given back (`NEVER` where it did not happen), and how many; one row a use."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit counted; it raises before it returns where something is wrong."""

    arrived: dict[str, int]
    """Entities by flow."""
    left: dict[str, int]
    """Entities by flow with every activity behind them."""
    inside: dict[str, int]
    """Entities by flow that have not left by the horizon."""
    turned_away: dict[str, int]
    """Entities by flow that found a line full."""
    visits: int
    """Visits that have ended."""
    mean_inside: float
    """Entities inside on average over the run: the left side of Little's law, L = rate x time."""


def audit(workload: Workload, timeline: Timeline, uses: list[Use] | None = None) -> Audit:
    """Check a timeline against its workload.

    Args:
        workload: What was given to the engine.
        timeline: What it gave back.
        uses: What `usage` says of them, if that is known already.

    Raises:
        RunError: Naming the first contradiction of each kind.
    """
    faults = _order(timeline)
    for check in (_precedence, _durations, _losses, _lines, _refusals, check_rides):
        faults += check(workload, timeline)
    uses = usage(workload, timeline) if uses is None else uses
    faults += _forgotten(workload, timeline, uses) + _delays(workload, timeline, uses) + _capacity(workload, uses)
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
        ready, end = (workload.columns(times, code) for times in (timeline.ready, timeline.end))
        arrival = workload.arrival[workload.entities_of_flow[code]]
        for number, activity in enumerate(flow.activities):
            if activity.before:
                ends = end[list(activity.before)]
                expected = np.where((ends == NEVER).any(axis=0), NEVER, ends.max(axis=0))
            else:
                expected = arrival
            wrong = ready[number] != expected
            if wrong.any():
                count = int(wrong.sum())
                faults.append(
                    f"{flow.name}.{activity.name} is not ready when its predecessors have ended, {count} times"
                )
    return faults


def _durations(workload: Workload, timeline: Timeline) -> list[str]:
    """Work takes as long as its workload says; what does not take place takes no time."""
    ended = timeline.end != NEVER
    timed = np.ones(len(ended), dtype=np.bool_)
    for code, flow in enumerate(workload.plan.flows):
        for number, activity in enumerate(flow.activities):
            if activity.ride is not None:
                timed[workload.visits_of_flow[code][:, number]] = False
    wrong = ended & timed & (timeline.end - timeline.start != workload.work)
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
    waits, rides = np.zeros(len(ready), dtype=np.bool_), np.zeros(len(ready), dtype=np.bool_)
    for code, flow in enumerate(workload.plan.flows):
        for number, activity in enumerate(flow.activities):
            waits_for = (activity.queue, activity.ride, activity.loads, activity.awaits)
            waits[workload.visits_of_flow[code][:, number]] = any(what is not None for what in waits_for)
            rides[workload.visits_of_flow[code][:, number]] = activity.ride is not None
    lost = {
        "end in time and have no end": begun & ~ended & ~rides & (timeline.start + workload.work < horizon),
        "pass through and have no end": ready & ~workload.takes_place & ~ended,
        "need nothing and do not start": ready & workload.takes_place & ~waits & ~begun,
        "end behind the horizon": timeline.end >= horizon,
    }
    return [f"{int(mask.sum())} visits {sentence}" for sentence, mask in lost.items() if mask.any()]


def _forgotten(workload: Workload, timeline: Timeline, uses: list[Use]) -> list[str]:
    """At the horizon the head of every line still lacks something that it needs."""
    plan = workload.plan
    free = [
        _free_at_the_end(resource, steps, use, plan.calendar.horizon)
        for resource, steps, use in zip(plan.resources, workload.capacity, uses, strict=True)
    ]
    heads: dict[int, tuple[tuple[int, int, int], tuple[tuple[int, int], ...]]] = {}
    unbegun = workload.takes_place & (timeline.ready != NEVER) & (timeline.start == NEVER)
    for code, flow in enumerate(plan.flows):
        here = timeline.turned_away[workload.entities_of_flow[code]] == NEVER
        for number, activity in enumerate(flow.activities):
            visits = workload.visits_of_flow[code][:, number]
            waiting = visits[unbegun[visits] & here] if activity.queue is not None else visits[:0]
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


def _delays(workload: Workload, timeline: Timeline, uses: list[Use]) -> list[str]:
    """Who waits in a line starts in a moment in which something needed there becomes free, and no later."""
    plan = workload.plan
    freed = [
        steps.times if resource.quota else np.sort(np.concatenate((steps.times, returned)), kind="stable")
        for resource, steps, (_, returned, _) in zip(plan.resources, workload.capacity, uses, strict=True)
    ]
    enabled: list[list[Times]] = [[] for _ in plan.resources]
    others: list[list[Times]] = [[] for _ in plan.resources]
    for code, flow in enumerate(plan.flows):
        starts = workload.columns(timeline.start, code)
        delayed = starts > workload.columns(timeline.ready, code)
        for number, activity in enumerate(flow.activities):
            if activity.queue is None:
                continue
            start = starts[number][delayed[number]]
            found = np.zeros(len(start), dtype=np.bool_)
            for resource, _ in activity.needs:
                found |= _among(start, freed[resource])
            enabled[activity.queue].append(start[found])
            others[activity.queue].append(start[~found])
    faults = []
    for line, some, rest in zip(plan.resources, enabled, others, strict=True):
        if some:
            alone = np.concatenate(rest)
            late = np.unique(alone[~_among(alone, np.sort(np.concatenate(some)))])
            if len(late):
                moment = int(late[0])
                faults.append(f"{line.name} begins at {moment} ms what it could have begun before ({len(late)} times)")
    return faults


def _among(moments: Times, known: Times) -> NDArray[np.bool_]:
    """Which moments are among known ones, which are in order; much faster than `np.isin`, which sorts both."""
    if not len(known):
        return np.zeros(len(moments), dtype=np.bool_)
    place = np.searchsorted(known, moments)
    return known[np.minimum(place, len(known) - 1)] == moments


def _free_at_the_end(resource: Resource, steps: Steps, use: Use, horizon: int) -> int:
    """Units of a resource that nobody has at the horizon."""
    taken, returned, amount = use
    if not resource.quota:
        return int(steps.at(np.array([horizon - 1]))[0]) - int(amount[returned == NEVER].sum())
    if resource.kept:
        return int(steps.values.sum() - amount.sum())
    return int(steps.values[-1] - amount[taken >= steps.times[-1]].sum())


def usage(workload: Workload, timeline: Timeline) -> list[Use]:
    """For every resource when units of it are taken and given back.

    Returns:
        For each resource (taken, returned, amount), one row a use; returned is `NEVER` where it did not happen.
    """
    plan = workload.plan
    taken: list[list[Times]] = [[] for _ in plan.resources]
    returned: list[list[Times]] = [[] for _ in plan.resources]
    amounts: list[list[Times]] = [[] for _ in plan.resources]
    for code, flow in enumerate(plan.flows):
        starts, ends = (workload.columns(times, code) for times in (timeline.start, timeline.end))
        begun = workload.columns(workload.takes_place, code) & (starts != NEVER)
        away = timeline.turned_away[workload.entities_of_flow[code]]
        for number, activity in enumerate(flow.activities):
            uses = [] if activity.station is None else [(activity.station, activity.amount, number, number)]
            uses += [(resource, amount, seized, number) for resource, amount, seized in activity.gives_back]
            uses += [
                (resource, amount, number, number)
                for resource, amount in activity.needs
                if plan.resources[resource].quota
            ]
            for resource, amount, begin, end in uses:
                used, back = begun[begin], ends[end]
                taken[resource].append(starts[begin][used])
                returned[resource].append(np.where((back == NEVER) & (away != NEVER), away, back)[used])
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


def _capacity(workload: Workload, uses: list[Use]) -> list[str]:
    """Whenever a unit is taken, the resource is open and no more units are in use than it has."""
    faults = []
    horizon = workload.plan.calendar.horizon
    for resource, steps, (taken, returned, amount) in zip(
        workload.plan.resources, workload.capacity, uses, strict=True
    ):
        if resource.quota:
            faults += _quota(resource, steps, taken, amount)
            continue
        given_back = np.where(returned == NEVER, horizon, returned)
        used = Steps.counting(taken, given_back, amount)
        moments = used.times[_among(used.times, np.sort(taken))]
        capacity = steps.at(moments)
        closed = capacity == 0
        over = (used.at(moments) > capacity) & ~closed
        if closed.any():
            first = int(moments[closed][0])
            faults.append(f"{resource.name} begins work at {first} ms, when it is closed ({int(closed.sum())} times)")
        if over.any():
            faults.append(
                f"{resource.name} is above its capacity at {int(moments[over][0])} ms ({int(over.sum())} times)"
            )
    return faults


def _quota(resource: Resource, steps: Steps, taken: Times, amount: Times) -> list[str]:
    """No period uses more than it allows; of a quota that is kept, no more than all periods so far."""
    period = np.searchsorted(steps.times, taken, side="right") - 1
    used = np.bincount(period, weights=amount, minlength=len(steps.times)).astype(np.int64)
    over = np.cumsum(used) > np.cumsum(steps.values) if resource.kept else used > steps.values
    if not over.any():
        return []
    return [
        f"{resource.name} is exceeded in the period from {int(steps.times[over][0])} ms ({int(over.sum())} periods)"
    ]


def _lines(workload: Workload, timeline: Timeline) -> list[str]:
    """Nobody overtakes in a line, none is longer than its limit, and only who finds a full one is turned away."""
    faults: list[str] = []
    plan, horizon = workload.plan, workload.plan.calendar.horizon
    parts: list[list[Times]] = [[] for _ in plan.resources]
    away = np.repeat(timeline.turned_away, np.diff(workload.first_visit))
    for code, flow in enumerate(plan.flows):
        for number, activity in enumerate(flow.activities):
            if activity.queue is not None:
                parts[activity.queue].append(workload.visits_of_flow[code][:, number])
    gone = away != NEVER
    for resource, columns in zip(plan.resources, parts, strict=True):
        visit = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *columns]))
        visit = visit[workload.takes_place[visit] & (timeline.ready[visit] != NEVER)]
        ready, start = timeline.ready[visit], timeline.start[visit]
        refused = (start == NEVER) & gone[visit]
        gone[visit[refused]] = False
        until = np.where(start != NEVER, start, np.where(refused, away[visit], horizon))
        overtakes = overtaking(workload.priority[visit], ready, until) & (start != NEVER)
        if overtakes.any():
            faults.append(f"{resource.name} serves {int(overtakes.sum())} visits before those in front of them")
        if resource.queue_limit is None:
            if refused.any():
                faults.append(f"{resource.name} turns {int(refused.sum())} entities away and has no limit")
            continue
        if (Steps.counting(ready, until).values > resource.queue_limit).any():
            faults.append(f"the line of {resource.name} is longer than its limit")
        # In front were those who stand there to the end of this moment, or start in it.
        moments, turned = np.unique(until[refused], return_counts=True)
        there = Steps.counting(ready, until + 1).at(moments) - turned
        if (there < resource.queue_limit).any():
            faults.append(f"{resource.name} turns entities away before its line is full")
    return faults


def _refusals(workload: Workload, timeline: Timeline) -> list[str]:
    """Who is turned away stands in a line at that moment, and nothing of it happens later."""
    refused = np.flatnonzero(timeline.turned_away != NEVER)
    if not len(refused):
        return []
    away = np.repeat(timeline.turned_away, np.diff(workload.first_visit))
    gone = away != NEVER
    queued = np.zeros(len(away), dtype=np.bool_)
    for code, flow in enumerate(workload.plan.flows):
        queued[workload.visits_of_flow[code][:, [a.queue is not None for a in flow.activities]]] = True
    waits = gone & queued & workload.takes_place & (timeline.ready != NEVER) & (timeline.start == NEVER)
    later = np.maximum(np.maximum(timeline.ready, timeline.start), timeline.end) > away
    at_work = (timeline.start != NEVER) & (timeline.end == NEVER)
    lines = np.add.reduceat(waits, workload.first_visit[:-1])[refused] if len(waits) else refused
    return [
        f"{int(mask.sum())} {sentence}"
        for mask, sentence in (
            (lines != 1, "entities are turned away that do not stand in one line"),
            (gone & later, "visits go on although their entity is turned away"),
            (gone & at_work, "visits are at work although their entity is turned away"),
        )
        if mask.any()
    ]


def leaving(workload: Workload, timeline: Timeline) -> Times:
    """When each entity has all its activities behind it or is turned away, otherwise `NEVER`; shape (entities,)."""
    left = np.empty(len(workload.flow), dtype=np.int64)
    for code in range(len(workload.plan.flows)):
        ends = timeline.end[workload.visits_of_flow[code]]
        left[workload.entities_of_flow[code]] = np.where(
            (ends == NEVER).any(axis=1), NEVER, ends.max(axis=1, initial=0)
        )
    return np.where(timeline.turned_away != NEVER, timeline.turned_away, left)


def _conservation(workload: Workload, timeline: Timeline) -> tuple[Audit, list[str]]:
    """Who arrived has left or is inside; Little's law holds as an identity over the run."""
    plan: Plan = workload.plan
    left = leaving(workload, timeline)
    gone = left != NEVER
    horizon = plan.calendar.horizon
    faults = []
    arrived_by = dict.fromkeys(plan.flow_names, 0)
    left_by, inside_by, away_by = arrived_by.copy(), arrived_by.copy(), arrived_by.copy()
    for code, flow in enumerate(plan.flows):
        mine = workload.entities_of_flow[code]
        away = timeline.turned_away[mine] != NEVER
        unfinished = (timeline.end[workload.visits_of_flow[code]] == NEVER).any(axis=1)
        arrived_by[flow.name] += len(mine)
        left_by[flow.name] += int((gone[mine] & ~away).sum())
        inside_by[flow.name] += int((unfinished & ~away).sum())
        away_by[flow.name] += int(away.sum())
    for name, arrived in arrived_by.items():
        if arrived != left_by[name] + inside_by[name] + away_by[name]:
            counts = (
                f"{arrived} arrived, {left_by[name]} left, {inside_by[name]} are inside, {away_by[name]} turned away"
            )
            faults.append(f"{name}: {counts}")
    # Little's law, its two sides by different roads: the integral of the number inside from the sorted moments at which
    # it changes, and the sum of the entities' own times. Whole numbers both, so they must be equal, not nearly equal.
    until = np.where(gone, left, horizon)
    moments = np.concatenate((workload.arrival, until, [horizon]))
    changes = np.concatenate((np.ones(len(until), dtype=np.int64), -np.ones(len(until), dtype=np.int64), [0]))
    order = np.argsort(moments)
    number = np.cumsum(changes[order])
    area = int((number[:-1] * np.diff(moments[order])).sum())
    times = int((until - workload.arrival).sum())
    if area != times:
        faults.append(f"Little's law: the number inside integrates to {area} ms, the times inside sum to {times} ms")
    ended = int((timeline.end != NEVER).sum())
    return Audit(arrived_by, left_by, inside_by, away_by, ended, area / horizon if horizon else 0.0), faults
