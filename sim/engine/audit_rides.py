"""The part of the audit that follows riders and carriers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.engine.plan import ActivityPlan
from sim.engine.timeline import NEVER, Timeline, first_of
from sim.engine.workload import Workload, picking
from sim.scenario.steps import Steps

Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


def check_rides(workload: Workload, timeline: Timeline) -> list[str]:
    """Riders board and leave with their carrier, carriers load and go on when they may and must."""
    aboard = timeline.carrier != NEVER
    for code, flow in enumerate(workload.plan.flows):
        for number, activity in enumerate(flow.activities):
            if activity.ride is not None:
                workload.column(aboard, code, number)[:] = False
    faults = _fault(aboard, "are aboard although they are no rides")
    for ride, name in enumerate(workload.plan.rides):
        faults += [f"{name}: {fault}" for fault in _Ride(workload, timeline, ride).faults()]
    return faults


class _Visits(NamedTuple):
    """All visits to some activities, one activity behind the other."""

    entity: Times
    visit: Times
    ready: Times

    @classmethod
    def to(cls, workload: Workload, timeline: Timeline, wanted: Callable[[ActivityPlan], bool]) -> _Visits:
        """Those to the activities that are wanted."""
        nobody = np.zeros(0, dtype=np.int64)
        parts = [(nobody, nobody, nobody)]
        for code, flow in enumerate(workload.plan.flows):
            for number, activity in enumerate(flow.activities):
                if wanted(activity):
                    ready = timeline.ready(workload, code, number)
                    parts.append((workload.entities_of_flow[code], workload.visits(code, number), ready))
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _fault(wrong: Mask, sentence: str) -> list[str]:
    return [f"{int(wrong.sum())} visits {sentence}"] if wrong.any() else []


class _Ride:
    """One ride: its riders, and the loads of its carriers."""

    def __init__(self, workload: Workload, timeline: Timeline, ride: int) -> None:
        self.workload = workload
        self.timeline = timeline
        self.ride = ride
        self.horizon = workload.plan.calendar.horizon
        root = self.visits(lambda activity: activity.ride == ride and not activity.before)
        later = self.visits(lambda activity: activity.ride == ride and bool(activity.before))
        entity, visit, ready = (np.concatenate(column) for column in zip(root, later, strict=True))
        brought = (workload.carrier[entity] != NEVER) & (np.arange(len(entity)) < len(root.entity))
        self.passing = visit[~workload.takes_place[visit]]
        """Visits of those who do not ride."""
        rides = np.flatnonzero(workload.takes_place[visit])
        rides = rides[np.lexsort((visit[rides], entity[rides]))]
        self.entity: Times = entity[rides]
        """Ascending."""
        self.visit: Times = visit[rides]
        self.brought: Mask = brought[rides]
        """Who arrives aboard, shape (riders,) as all others."""
        self.ready: Times = ready[rides]
        self.start: Times = timeline.start[self.visit]
        self.carrier: Times = timeline.carrier[self.visit].astype(np.int64)
        self.aboard: Mask = (self.start != NEVER) & (self.carrier != NEVER)

        entity, visit, ready = self.visits(lambda activity: activity.loads == ride)
        loads = workload.takes_place[visit] & (ready != NEVER)
        self.loading: Times = visit[loads]
        """The visits at which carriers load or wait to load."""
        self.loading_ready: Times = ready[loads]
        self.loader: Times = entity[loads]
        rules = np.searchsorted(workload.loads.visit, self.loading)
        self.least: Times = workload.loads.least[rules]
        self.most: Times = workload.loads.most[rules]
        self.patience: Times = workload.loads.patience[rules]

    def visits(self, wanted: Callable[[ActivityPlan], bool]) -> _Visits:
        """All visits to some activities."""
        return _Visits.to(self.workload, self.timeline, wanted)

    def faults(self) -> list[str]:
        """All that is wrong with it."""
        return (
            _fault(self.timeline.carrier[self.passing] != NEVER, "that do not take place are aboard")
            + _fault((self.start != NEVER) != (self.carrier != NEVER), "ride without a carrier, or are aboard unbegun")
            + self.leaving()
            + self.boarding()
            + self.turns()
            + self.forgotten()
            + self.awaiting()
        )

    def leaving(self) -> list[str]:
        """Riders leave when their carrier has unloaded, who arrives aboard leaves the carrier that brought it."""
        unloading = np.full(len(self.workload.flow), NEVER, dtype=np.int64)
        unloads = self.visits(lambda activity: activity.unloads == self.ride)
        unloading[unloads.entity] = unloads.visit
        columns = (self.carrier, self.start, self.timeline.end[self.visit])
        carrier, start, end = (column[self.aboard] for column in columns)
        unload = unloading[carrier]
        until = np.where(unload != NEVER, self.timeline.end[unload], NEVER)
        brought = self.brought & self.aboard
        bringer = self.workload.carrier[self.entity]
        strange = brought & ((self.carrier != bringer) | (self.start != self.ready))
        return (
            _fault(unload == NEVER, "are aboard of an entity that does not unload them")
            + _fault(end != np.where(until == NEVER, NEVER, np.maximum(until, start)), "do not end with their carrier")
            + _fault(strange, "are not aboard of the carrier that brought them")
            + _fault(self.brought & (self.ready != NEVER) & ~self.aboard, "that arrive aboard wait for a carrier")
        )

    def boarding(self) -> list[str]:
        """Riders board where their carrier loads; no more than fit, and enough of them unless patience is over."""
        boards = self.aboard & ~self.brought
        waits = (self.ready != NEVER) & ~self.brought
        start = self.timeline.start[self.loading]
        begun = start != NEVER
        # A carrier can load at two activities, even at one moment: what fits and what it needs is then the sum of both.
        load = self.loader[begun] * self.horizon + start[begun]
        moments, place = np.unique(load, return_inverse=True)
        boarded = self.carrier[boards] * self.horizon + self.start[boards]
        found = np.minimum(np.searchsorted(moments, boarded), max(len(moments) - 1, 0))
        known = moments[found] == boarded if len(moments) else np.zeros(len(boarded), dtype=np.bool_)
        riders = np.bincount(found[known], minlength=len(moments))
        patience, ready = self.patience[begun], self.loading_ready[begun]
        over = (patience != NEVER) & (start[begun] >= ready + patience)
        late = (patience != NEVER) & (start[begun] > ready + patience)
        enough = np.where(over, 0, np.minimum(self.least, self.most)[begun])
        fits, needed = (np.zeros(len(moments), dtype=np.int64) for _ in range(2))
        np.add.at(fits, place, self.most[begun])
        np.add.at(needed, place, enough)
        left = waiting_before(self.ready[waits], self.or_horizon(self.start)[waits]).at(moments % self.horizon)
        return (
            _fault(~known, "board without a carrier that loads")
            + _fault(riders > fits, "take more aboard than fit")
            + _fault(riders < needed, "load before enough riders have come")
            + _fault(late, "load after their patience is over")
            + _fault((riders < fits) & (left > 0), "leave riders behind although more would fit")
        )

    def turns(self) -> list[str]:
        """The first riders board first."""
        waits = (self.ready != NEVER) & ~self.brought
        visit, ready = self.visit[waits], self.ready[waits]
        until = self.or_horizon(self.start)[waits]
        return _fault(overtaking(self.workload.priority[visit], ready, until), "board before those in front of them")

    def forgotten(self) -> list[str]:
        """At the horizon the first carrier still waits for riders, and nobody's patience is over."""
        waits = self.timeline.start[self.loading] == NEVER
        if not waits.any():
            return []
        riders = int(((self.ready != NEVER) & (self.start == NEVER)).sum())
        visit, ready = self.loading[waits], self.loading_ready[waits]
        first = np.lexsort((visit, self.loader[waits], ready, self.workload.priority[visit]))[0]
        patience = self.patience[waits]
        over = (patience != NEVER) & (ready + patience < self.horizon)
        over[first] |= riders >= self.least[waits][first]
        return _fault(over, "could load and are forgotten")

    def awaiting(self) -> list[str]:
        """A carrier that awaits goes on when, and only when, all its riders have the activity behind them."""
        faults = []
        bound = self.aboard | self.brought
        boarded = np.where(self.brought, NEVER, self.start)[bound]
        carrier = np.where(self.brought, self.workload.carrier[self.entity], self.carrier)[bound]
        for code, flow in enumerate(self.workload.plan.flows):
            for number, activity in enumerate(flow.activities):
                ride, what = self.workload.plan.awaited[activity.awaits] if activity.awaits is not None else (NEVER, "")
                if ride != self.ride:
                    continue
                visit = self.workload.visits(code, number)
                ready = self.timeline.ready(self.workload, code, number)
                waits = self.workload.takes_place[visit] & (ready != NEVER)
                entity, visit, ready = self.workload.entities_of_flow[code][waits], visit[waits], ready[waits]
                goes_on = np.zeros(len(self.workload.flow), dtype=np.int64)
                goes_on[entity] = self.or_horizon(self.timeline.start[visit])
                counts = boarded < goes_on[carrier]
                latest = np.zeros(len(self.workload.flow), dtype=np.int64)
                np.maximum.at(latest, carrier[counts], self.behind(what)[self.entity[bound]][counts])
                wrong = goes_on[entity] != np.maximum(ready, latest[entity])
                faults += _fault(wrong, f"do not go on when all riders have {what} behind them")
        return faults

    def or_horizon(self, times: Times) -> Times:
        """The same with the horizon for what does not happen before it."""
        return first_of([times], self.horizon)

    def behind(self, what: str) -> Times:
        """When each entity has an activity behind it, shape (entities,)."""
        entity, visit, _ = self.visits(lambda activity: activity.name == what)
        times = np.full(len(self.workload.flow), self.horizon, dtype=np.int64)
        times[entity] = self.or_horizon(self.timeline.end[visit])
        return times


def overtaking(priority: NDArray[np.int32], ready: Times, until: Times) -> Mask:
    """Who leaves one line while somebody waits in front: of lower number in priority, or as low and ready before.

    Args:
        priority: Lower goes first, shape (visits,), the visits in their order among equals.
        ready: From when each waits.
        until: When it starts; the horizon for those who never do.
    """
    wrong = np.zeros(len(ready), dtype=np.bool_)
    for rank in np.unique(priority) if len(priority) and np.ptp(priority) else priority[:1]:
        of_rank = priority == rank
        mine = np.argsort(ready[picking(of_rank)], kind="stable")
        if len(mine) < len(ready):
            mine = np.flatnonzero(of_rank)[mine]
        begin, end = ready[mine], until[mine]
        if (end[1:] < end[:-1]).any():
            latest = np.maximum.accumulate(end)
            late = np.flatnonzero(latest > end)
            # Who starts in the moment in which it is ready may do so before another one becomes ready in this moment.
            before = np.where(end[late] > begin[late], late, np.searchsorted(begin, begin[late]))
            wrong[mine[late]] = (before > 0) & (latest[np.maximum(before - 1, 0)] > end[late])
        ahead = priority < rank if len(mine) < len(ready) else np.zeros(0, dtype=np.bool_)
        if ahead.any():
            wrong[mine] |= waiting_before(ready[ahead], until[ahead]).at(until[mine]) > 0
    return wrong


def waiting_before(ready: Times, until: Times) -> Steps:
    """How many are ready before a moment and still wait behind it."""
    waits = until > ready
    return Steps.counting(ready[waits] + 1, until[waits])
