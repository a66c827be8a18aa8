"""Proof that a run contradicts neither the rules nor itself; a run that fails it is a failed run."""

from __future__ import annotations

from collections import defaultdict
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
NO_TIMES: Times = np.zeros(0, dtype=np.int64)
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
            wrong = ready[number] != (_all_ended(end[list(activity.before)]) if activity.before else arrival)
            if wrong.any():
                count = int(wrong.sum())
                faults.append(
                    f"{flow.name}.{activity.name} is not ready when its predecessors have ended, {count} times"
                )
    return faults


def _all_ended(end: Times) -> Times:
    """When some activities have all ended, `NEVER` where they have not.

    Args:
        end: Shape (activities, entities).
    """
    return end.view(np.uint64).max(axis=0, initial=0).view(np.int64)  # -1, read as unsigned, is more than any time


def _durations(workload: Workload, timeline: Timeline) -> list[str]:
    """Work takes as long as its workload says; what does not take place takes no time."""
    ended = timeline.end != NEVER
    wrong = ended & (timeline.end - timeline.start != workload.work)
    for code, flow in enumerate(workload.plan.flows):
        for number, activity in enumerate(flow.activities):
            if activity.ride is not None:
                wrong[workload.first_of_flow[code] + number] = False
    passed = ended & ~workload.takes_place & (timeline.end != timeline.ready)
    return [
        f"{int(mask.sum())} visits {sentence}"
        for mask, sentence in ((wrong, "do not take their time"), (passed, "that do not take place take time"))
        if mask.any()
    ]


def _losses(workload: Workload, timeline: Timeline) -> list[str]:
    """What has no end by the horizon has a reason: it is still at work, or waits for something it needs."""
    plan, horizon = workload.plan, workload.plan.calendar.horizon
    visit = np.flatnonzero((timeline.start == NEVER) | (timeline.end == NEVER))
    entity = workload.entities_of(visit)
    # Activities of all routes in one row, and where in it each route begins.
    activities = [activity for flow in plan.flows for activity in flow.activities]
    first = np.cumsum([0, *(len(flow.activities) for flow in plan.flows)])
    activity = first[workload.flow[entity]] + visit - workload.first_visit[entity]
    rides = np.array([a.ride is not None for a in activities], dtype=np.bool_)[activity]
    waits_for = [(a.queue, a.ride, a.loads, a.awaits) for a in activities]
    waits = np.array([what != (None, None, None, None) for what in waits_for], dtype=np.bool_)[activity]
    ready, begun, ended = (times[visit] != NEVER for times in (timeline.ready, timeline.start, timeline.end))
    takes_place, due = workload.takes_place[visit], timeline.start[visit] + workload.work[visit]
    lost = {
        "end in time and have no end": begun & ~ended & ~rides & (due < horizon),
        "pass through and have no end": ready & ~takes_place & ~ended,
        "need nothing and do not start": ready & takes_place & ~waits & ~begun,
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
    unbegun = workload.takes_place & (timeline.ready != NEVER) & (timeline.start == NEVER)
    faults = []
    for resource, line in zip(plan.resources, plan.lines, strict=True):
        heads: list[tuple[tuple[int, int, int], tuple[tuple[int, int], ...]]] = []
        for code, number in line:
            here = timeline.turned_away[workload.entities_of_flow[code]] == NEVER
            waiting = (workload.first_of_flow[code] + number)[workload.column(unbegun, code, number) & here]
            if len(waiting):
                priority, ready = workload.priority[waiting], timeline.ready[waiting]
                first = np.lexsort((waiting, ready, priority))[0]
                rank = (int(priority[first]), int(ready[first]), int(waiting[first]))
                heads.append((rank, plan.flows[code].activities[number].needs))
        if heads:
            rank, needs = min(heads)
            if all(free[needed] >= amount for needed, amount in needs):
                faults.append(f"the head of the line of {resource.name} could start and is forgotten (visit {rank[2]})")
    return faults


def _delays(workload: Workload, timeline: Timeline, uses: list[Use]) -> list[str]:
    """Who waits in a line starts in a moment in which something needed there becomes free, and no later."""
    plan = workload.plan
    freed = [
        steps.times if resource.quota else np.sort(np.concatenate((steps.times, returned)))
        for resource, steps, (_, returned, _) in zip(plan.resources, workload.capacity, uses, strict=True)
    ]
    faults = []
    for resource, line in zip(plan.resources, plan.lines, strict=True):
        delayed: defaultdict[tuple[int, ...], list[Times]] = defaultdict(list)
        for code, number in line:
            ready, start = (workload.column(times, code, number) for times in (timeline.ready, timeline.start))
            needed = tuple(need for need, _ in plan.flows[code].activities[number].needs)
            delayed[needed].append(start[start > ready])
        enabled, others = [NO_TIMES], [NO_TIMES]
        for needed, starts in delayed.items():
            moments = _distinct(np.concatenate(starts))
            found = np.zeros(len(moments), dtype=np.bool_)
            for need in needed:
                found |= _among(moments, freed[need])
            enabled.append(moments[found])
            others.append(moments[~found])
        alone = _distinct(np.concatenate(others))
        late = alone[~_among(alone, np.sort(np.concatenate(enabled)))]
        if len(late):
            faults.append(f"{resource.name} begins at {late[0]} ms what it could have begun before ({len(late)} times)")
    return faults


def _distinct(moments: Times) -> Times:
    """Every moment once, in order; `np.unique` does it by hashing, which takes longer."""
    ordered = np.sort(moments)
    return ordered[np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]]


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
    users: list[list[tuple[int, int, int, int]]] = [[] for _ in plan.resources]
    for code, flow in enumerate(plan.flows):
        for number, activity in enumerate(flow.activities):
            if activity.station is not None:
                users[activity.station].append((code, number, number, activity.amount))
            for resource, amount, seized in activity.gives_back:
                users[resource].append((code, seized, number, amount))
            for resource, amount in activity.needs:
                if plan.resources[resource].quota:
                    users[resource].append((code, number, number, amount))
    return [_use(workload, timeline, activities) for activities in users]


def _use(workload: Workload, timeline: Timeline, users: list[tuple[int, int, int, int]]) -> Use:
    """The use of one resource by some users: a route, the activity that takes, the one that gives back, an amount."""
    taken, returned = [NO_TIMES], [NO_TIMES]
    for code, seized, released, _ in users:
        start = workload.column(timeline.start, code, seized)
        used = workload.column(workload.takes_place, code, seized) & (start != NEVER)
        back = workload.column(timeline.end, code, released)[used]
        open_ended = np.flatnonzero(back == NEVER)
        back[open_ended] = timeline.turned_away[workload.entities_of_flow[code][used][open_ended]]
        taken.append(start[used])
        returned.append(back)
    amounts = np.array([0, *(amount for *_, amount in users)], dtype=np.int64)
    return np.concatenate(taken), np.concatenate(returned), np.repeat(amounts, [len(part) for part in taken])


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
        used = Steps.counting(taken, np.where(returned == NEVER, horizon, returned), amount)
        capacity = steps.along(used.times)
        # Few are left to look up, and of a sound run mostly none: work that goes on when the resource closes.
        suspect = (capacity == 0) | (used.values > capacity)
        suspect[suspect] = _among(used.times[suspect], np.sort(taken))
        closed = used.times[suspect & (capacity == 0)]
        over = used.times[suspect & (capacity != 0)]
        if len(closed):
            faults.append(f"{resource.name} begins work at {closed[0]} ms, when it is closed ({len(closed)} times)")
        if len(over):
            faults.append(f"{resource.name} is above its capacity at {over[0]} ms ({len(over)} times)")
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
    plan = workload.plan
    for resource, line in zip(plan.resources, plan.lines, strict=True):
        visit = np.sort(in_line(workload, timeline, line))
        ready, start = timeline.ready.take(visit), timeline.start.take(visit)
        until, refused = waiting_until(workload, timeline, visit, start)
        overtakes = overtaking(workload.priority[visit], ready, until) & (start != NEVER)
        if overtakes.any():
            faults.append(f"{resource.name} serves {int(overtakes.sum())} visits before those in front of them")
        if resource.queue_limit is None:
            if len(refused):
                faults.append(f"{resource.name} turns {len(refused)} entities away and has no limit")
            continue
        if (Steps.counting(ready, until).values > resource.queue_limit).any():
            faults.append(f"the line of {resource.name} is longer than its limit")
        # In front were those who stand there to the end of this moment, or start in it.
        moments, turned = np.unique(until[refused], return_counts=True)
        there = Steps.counting(ready, until + 1).at(moments) - turned
        if (there < resource.queue_limit).any():
            faults.append(f"{resource.name} turns entities away before its line is full")
    return faults


def in_line(workload: Workload, timeline: Timeline, line: list[tuple[int, int]]) -> Times:
    """The visits that come into a line (see `Plan.lines`), ascending within each of its activities."""
    parts = [NO_TIMES]
    for code, number in line:
        there = workload.column(workload.takes_place, code, number)
        there &= workload.column(timeline.ready, code, number) != NEVER
        parts.append(workload.first_of_flow[code][there] + number)
    return np.concatenate(parts)


def waiting_until(workload: Workload, timeline: Timeline, visit: Times, start: Times) -> tuple[Times, Times]:
    """Until when visits wait in a line: up to their start, until their entity is turned away, or to the horizon.

    Returns:
        The moments, and the indices of those that are turned away.
    """
    until = np.where(start == NEVER, workload.plan.calendar.horizon, start)
    unbegun = np.flatnonzero(start == NEVER)
    away = timeline.turned_away[workload.entities_of(visit[unbegun])]
    refused = unbegun[away != NEVER]
    until[refused] = away[away != NEVER]
    return until, refused


def _refusals(workload: Workload, timeline: Timeline) -> list[str]:
    """Who is turned away stands in a line at that moment, and nothing of it happens later."""
    refused = np.flatnonzero(timeline.turned_away != NEVER)
    if not len(refused):
        return []
    away = np.repeat(timeline.turned_away, np.diff(workload.first_visit))
    gone = away != NEVER
    queued = np.zeros(len(away), dtype=np.bool_)
    for line in workload.plan.lines:
        for code, number in line:
            queued[workload.first_of_flow[code] + number] = True
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
    for code, entities in enumerate(workload.entities_of_flow):
        left[entities] = leaving_of_flow(workload, timeline, code)
    return left


def leaving_of_flow(workload: Workload, timeline: Timeline, code: int) -> Times:
    """The same of the entities of a route, by arrival."""
    away = timeline.turned_away[workload.entities_of_flow[code]]
    return np.where(away != NEVER, away, through(workload, timeline, code))


def through(workload: Workload, timeline: Timeline, code: int) -> Times:
    """When each entity of a route, by arrival, has all its activities behind it, otherwise `NEVER`."""
    return _all_ended(workload.columns(timeline.end, code))


def _conservation(workload: Workload, timeline: Timeline) -> tuple[Audit, list[str]]:
    """Who arrived has left or is inside; Little's law holds as an identity over the run."""
    plan: Plan = workload.plan
    left = leaving(workload, timeline)
    gone = left != NEVER
    unended = np.flatnonzero(timeline.end == NEVER)
    unfinished = np.zeros(len(workload.flow), dtype=np.bool_)
    unfinished[workload.entities_of(unended)] = True
    horizon = plan.calendar.horizon
    faults = []
    arrived_by = dict.fromkeys(plan.flow_names, 0)
    left_by, inside_by, away_by = arrived_by.copy(), arrived_by.copy(), arrived_by.copy()
    for code, flow in enumerate(plan.flows):
        mine = workload.entities_of_flow[code]
        away = timeline.turned_away[mine] != NEVER
        arrived_by[flow.name] += len(mine)
        left_by[flow.name] += int((gone[mine] & ~away).sum())
        inside_by[flow.name] += int((unfinished[mine] & ~away).sum())
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
    inside = Steps.counting(workload.arrival, until)
    area = int((inside.values[:-1] * np.diff(inside.times)).sum())
    times = int((until - workload.arrival).sum())
    if area != times:
        faults.append(f"Little's law: the number inside integrates to {area} ms, the times inside sum to {times} ms")
    ended = len(timeline.end) - len(unended)
    return Audit(arrived_by, left_by, inside_by, away_by, ended, area / horizon if horizon else 0.0), faults
