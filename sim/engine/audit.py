"""Proof that a run contradicts neither the rules nor itself; a run that fails it is a failed run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.engine.audit_rides import check_rides, overtaking
from sim.engine.plan import ActivityPlan, Plan, Resource
from sim.engine.timeline import NEVER, Timeline, first_of, last_of
from sim.engine.workload import Workload, joined, picking
from sim.errors import RunError
from sim.scenario.steps import Steps

Times = NDArray[np.int64]
Value = TypeVar("Value", bound=np.generic)
NO_TIMES: Times = np.zeros(0, dtype=np.int64)
Use = tuple[Times, Times, Times]
"""When units of a resource are taken and given back (`NEVER` where it did not happen), and how many; one row for each
visit that takes place and uses it. Not to be changed: it may be the timeline itself."""


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
    faults: list[str] = []
    for check in (_activities, _lines, _refusals, check_rides):
        faults += check(workload, timeline)
    uses = usage(workload, timeline) if uses is None else uses
    horizon = workload.plan.calendar.horizon
    freed = [
        NO_TIMES if resource.quota else np.sort(first_of([returned], horizon))
        for resource, (_, returned, _) in zip(workload.plan.resources, uses, strict=True)
    ]
    faults += _forgotten(workload, timeline, uses) + _delays(workload, timeline, freed)
    faults += _capacity(workload, uses, freed)
    result, more = _conservation(workload, timeline)
    faults += more
    if faults:
        raise RunError("the audit failed, please report this:\n" + "\n".join(f"- {fault}" for fault in faults))
    return result


def _activities(workload: Workload, timeline: Timeline) -> list[str]:
    """What holds of every visit to an activity, whoever else is there."""
    faults = []
    for code, flow in enumerate(workload.plan.flows):
        start, end, work, takes_place = (
            workload.columns(values, code)
            for values in (timeline.start, timeline.end, workload.work, workload.takes_place)
        )
        for number, activity in enumerate(flow.activities):
            visits = _Visits(
                ready=timeline.ready(workload, code, number),
                start=start[number],
                end=end[number],
                work=work[number],
                takes_place=takes_place[number],
            )
            found = visits.times(lasts=activity.ride is None)
            found |= visits.losses(activity, workload.plan.calendar.horizon)
            faults += [f"{flow.name}.{activity.name} {said}, {count} times" for said, count in found.items() if count]
    return faults


@dataclass(frozen=True, slots=True)
class _Visits:
    """All visits to an activity, shape (entities by arrival,)."""

    ready: Times
    start: Times
    end: Times
    work: Times
    takes_place: NDArray[np.bool_]

    def times(self, *, lasts: bool) -> dict[str, int]:
        """Ready <= start <= end, and nothing is later without the earlier; work takes as long as it should.

        Args:
            lasts: Whether the end follows from the work.
        """
        # -1, read as unsigned, is more than any time.
        ready, start, end = (times.view(np.uint64) for times in (self.ready, self.start, self.end))
        ended = np.flatnonzero(self.end != self.start + self.work) if lasts else NO_TIMES
        ended = ended[self.end[ended] != NEVER]
        passed = (self.end != self.ready) & ~self.takes_place
        return {
            "starts before it is ready": _count(start < ready),
            "ends before it starts": _count(end < start),
            "does not take its time": len(ended),
            "does not take place and takes time": _count(passed & (self.end != NEVER)) if passed.any() else 0,
        }

    def losses(self, activity: ActivityPlan, horizon: int) -> dict[str, int]:
        """What has no end by the horizon has a reason: it is still at work, or waits for something it needs."""
        lost = np.flatnonzero(self.end == NEVER)
        ready, begun = self.ready[lost] != NEVER, self.start[lost] != NEVER
        takes_place, due = self.takes_place[lost], self.start[lost] + self.work[lost]
        waits = (activity.queue, activity.ride, activity.loads, activity.awaits) != (None, None, None, None)
        return {
            "ends in time and has no end": _count(begun & (due < horizon)) if activity.ride is None else 0,
            "passes through and has no end": _count(ready & ~takes_place),
            "needs nothing and does not start at once": 0 if waits else _count(self.start != self.ready),
            "ends behind the horizon": _count(self.end >= horizon),
        }


def _count(wrong: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(wrong))


def _forgotten(workload: Workload, timeline: Timeline, uses: list[Use]) -> list[str]:
    """At the horizon the head of every line still lacks something that it needs."""
    plan = workload.plan
    free = [
        _free_at_the_end(resource, steps, use, plan.calendar.horizon)
        for resource, steps, use in zip(plan.resources, workload.capacity, uses, strict=True)
    ]
    faults = []
    for resource, line in zip(plan.resources, plan.lines, strict=True):
        heads: list[tuple[tuple[int, int, int, int], tuple[tuple[int, int], ...]]] = []
        for code, number in line:
            takes_place, start, priority = (
                workload.column(values, code, number)
                for values in (workload.takes_place, timeline.start, workload.priority)
            )
            ready = timeline.ready(workload, code, number)
            away = workload.of_route(timeline.turned_away, code)
            waiting = np.flatnonzero(takes_place & (ready != NEVER) & (start == NEVER) & (away == NEVER))
            if len(waiting):
                ready, priority = ready[waiting], priority[waiting]
                first = np.lexsort((ready, priority))[0]
                entity = workload.entities_of_flow[code][waiting[first]]
                rank = (int(priority[first]), int(ready[first]), int(entity), number)
                heads.append((rank, plan.flows[code].activities[number].needs))
        if heads:
            (*_, entity, _), needs = min(heads)
            if all(free[needed] >= amount for needed, amount in needs):
                faults.append(f"the head of the line of {resource.name} could start and is forgotten (entity {entity})")
    return faults


def _delays(workload: Workload, timeline: Timeline, freed: list[Times]) -> list[str]:
    """Who waits in a line starts in a moment in which something needed there becomes free, and no later.

    Args:
        workload: What was given to the engine.
        timeline: What it gave back.
        freed: For every resource when units of it are given back, ascending.
    """
    plan = workload.plan
    faults = []
    for resource, line in zip(plan.resources, plan.lines, strict=True):
        delayed: defaultdict[tuple[int, ...], list[Times]] = defaultdict(list)
        for code, number in line:
            ready, start = timeline.ready(workload, code, number), workload.column(timeline.start, code, number)
            needed = tuple(need for need, _ in plan.flows[code].activities[number].needs)
            delayed[needed].append(start[start > ready])
        enabled, others = [NO_TIMES], [NO_TIMES]
        for needed, starts in delayed.items():
            moments = _distinct(np.concatenate(starts))
            found = np.zeros(len(moments), dtype=np.bool_)
            for need in needed:
                found |= _among(moments, freed[need]) | _among(moments, workload.capacity[need].times)
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
        kept = (taken != NEVER) & (returned == NEVER)
        return int(steps.at(np.array([horizon - 1]))[0]) - int(amount[kept].sum())
    if resource.kept:
        return int(steps.values.sum() - amount[taken != NEVER].sum())
    return int(steps.values[-1] - amount[taken >= steps.times[-1]].sum())


def usage(workload: Workload, timeline: Timeline) -> list[Use]:
    """For every resource when units of it are taken and given back.

    Returns:
        For each resource (taken, returned, amount), one row a use; both times are `NEVER` where it did not happen.
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
    taken, returned = [], []
    for code, seized, released, _ in users:
        takes_place = picking(workload.column(workload.takes_place, code, seized))
        back = workload.column(timeline.end, code, released)
        away = workload.of_route(timeline.turned_away, code)
        if (away != NEVER).any():
            back = np.where(back == NEVER, away, back)
        taken.append(workload.column(timeline.start, code, seized)[takes_place])
        returned.append(back[takes_place])
    amounts = [np.broadcast_to(np.int64(amount), len(part)) for (*_, amount), part in zip(users, taken, strict=True)]
    return joined(taken, NO_TIMES), joined(returned, NO_TIMES), joined(amounts, NO_TIMES)


def _capacity(workload: Workload, uses: list[Use], freed: list[Times]) -> list[str]:
    """Whenever a unit is taken, the resource is open and no more units are in use than it has."""
    faults = []
    horizon = workload.plan.calendar.horizon
    for resource, steps, use, ends in zip(workload.plan.resources, workload.capacity, uses, freed, strict=True):
        taken, returned, amount = use
        if resource.quota:
            faults += _quota(resource, steps, taken[taken != NEVER], amount[taken != NEVER])
            continue
        starts = np.sort(first_of([taken], horizon))
        starts = starts[: np.searchsorted(starts, horizon)]
        if (amount == amount[:1]).all():
            room = Steps(steps.times, steps.values // (amount[0] if len(amount) else 1)).along(starts)
            # With room for so many, the one who comes so many places later starts when the first of them has ended.
            before = np.arange(len(starts)) - room
            exceeded = (before >= 0) & (ends[np.maximum(before, 0, out=before)] > starts)
        else:
            in_use = Steps.counting(first_of([taken], horizon), first_of([returned], horizon), amount)
            exceeded = in_use.along(starts) > steps.along(starts)
        closed = np.unique(starts[steps.zero().along(starts) == 1])
        over = np.setdiff1d(starts[exceeded], closed)
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
        comers = Comers.of(workload, timeline, line)
        order = comers.order()
        ready, start = comers.ready()[order], comers.values(timeline.start)[order]
        until, refused = comers.until()
        until, refused = until[order], refused[order]
        overtakes = overtaking(comers.values(workload.priority)[order], ready, until) & (start != NEVER)
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


@dataclass(frozen=True, slots=True)
class Comers:
    """The visits that come into a line: those of one of its activities behind those of the other, each by arrival."""

    workload: Workload
    timeline: Timeline
    line: list[tuple[int, int]]
    """The codes of route and activity; see `Plan.lines`."""
    chosen: list[NDArray[np.bool_] | slice]
    """For each of its activities who comes."""

    @classmethod
    def of(cls, workload: Workload, timeline: Timeline, line: list[tuple[int, int]]) -> Comers:
        """Those who come into a line."""
        come = [
            workload.column(workload.takes_place, *place) & (timeline.ready(workload, *place) != NEVER)
            for place in line
        ]
        return cls(workload, timeline, line, [picking(each) for each in come])

    def values(self, values: NDArray[Value]) -> NDArray[Value]:
        """Of one value a visit those of the comers; not to be changed."""
        parts = [self.workload.column(values, *place)[here] for place, here in zip(self.line, self.chosen, strict=True)]
        return joined(parts, values)

    def ready(self) -> Times:
        """When they come; not to be changed."""
        parts = [
            self.timeline.ready(self.workload, *place)[here] for place, here in zip(self.line, self.chosen, strict=True)
        ]
        return joined(parts, NO_TIMES)

    def of_entities(self, values: list[NDArray[Value]]) -> NDArray[Value]:
        """Of one value an entity, in an array for each route, those of the comers; not to be changed."""
        parts = [values[code][here] for (code, _), here in zip(self.line, self.chosen, strict=True)]
        return joined(parts, values[0])

    def order(self) -> Times | slice:
        """Their order among equals."""
        if len(self.line) == 1:
            return slice(None)
        # Of one entity that waits at several activities the first one comes first, since the sort is stable.
        return np.argsort(self.of_entities(list(self.workload.entities_of_flow)), kind="stable")

    def until(self) -> tuple[Times, NDArray[np.bool_]]:
        """Until when they wait: up to their start, until their entity is turned away, or to the horizon.

        Returns:
            The moments, and who is turned away.
        """
        start, horizon = self.values(self.timeline.start), self.workload.plan.calendar.horizon
        if (self.timeline.turned_away == NEVER).all():
            return first_of([start], horizon), np.zeros(len(start), dtype=np.bool_)
        routes = range(len(self.workload.plan.flows))
        away = self.of_entities([self.workload.of_route(self.timeline.turned_away, code) for code in routes])
        refused = (start == NEVER) & (away != NEVER)
        return np.where(refused, away, first_of([start], horizon)), refused


def _refusals(workload: Workload, timeline: Timeline) -> list[str]:
    """Who is turned away stands in a line at that moment, and nothing of it happens later."""
    faults = dict.fromkeys(
        (
            "entities are turned away that do not stand in one line",
            "visits go on although their entity is turned away",
            "visits are at work although their entity is turned away",
        ),
        0,
    )
    for code, flow in enumerate(workload.plan.flows):
        away = workload.of_route(timeline.turned_away, code)
        gone = np.flatnonzero(away != NEVER)
        if not len(gone):
            continue
        takes_place, start, end = (
            workload.columns(values, code)[:, gone] for values in (workload.takes_place, timeline.start, timeline.end)
        )
        ready = np.array([timeline.ready(workload, code, number)[gone] for number in range(len(start))])
        queued = np.array([activity.queue is not None for activity in flow.activities])[:, None]
        lines = (queued & takes_place & (ready != NEVER) & (start == NEVER)).sum(axis=0)
        later = np.maximum(np.maximum(ready, start), end) > away[gone]
        at_work = (start != NEVER) & (end == NEVER)
        for sentence, wrong in zip(faults, (lines != 1, later, at_work), strict=True):
            faults[sentence] += int(wrong.sum())
    return [f"{count} {sentence}" for sentence, count in faults.items() if count]


def leaving(workload: Workload, timeline: Timeline) -> Times:
    """When each entity has all its activities behind it or is turned away, otherwise `NEVER`; shape (entities,)."""
    left = np.empty(len(workload.flow), dtype=np.int64)
    for code, entities in enumerate(workload.entities_of_flow):
        left[entities] = leaving_of_flow(workload, timeline, code)
    return left


def leaving_of_flow(workload: Workload, timeline: Timeline, code: int) -> Times:
    """The same of the entities of a route, by arrival."""
    away = workload.of_route(timeline.turned_away, code)
    return np.where(away != NEVER, away, through(workload, timeline, code))


def through(workload: Workload, timeline: Timeline, code: int) -> Times:
    """When each entity of a route, by arrival, has all its activities behind it, otherwise `NEVER`."""
    ends: Times = workload.columns(timeline.end, code)
    return last_of(ends)


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
    until = first_of([left], horizon)
    inside = Steps.counting(workload.arrival, until)
    area = int((inside.values[:-1] * np.diff(inside.times)).sum())
    times = int((until - workload.arrival).sum())
    if area != times:
        faults.append(f"Little's law: the number inside integrates to {area} ms, the times inside sum to {times} ms")
    ended = len(timeline.end) - len(unended)
    return Audit(arrived_by, left_by, inside_by, away_by, ended, area / horizon if horizon else 0.0), faults
