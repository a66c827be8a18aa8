"""The fast engine: the rule of `simpy_engine` on flat arrays, compiled by Numba. Both agree to the millisecond.

What makes it fast, and why it may be done so:

- Visits become ready in the order of time, so a line is a chain to whose end new ones are linked; only visits of the
  same instant have to be put in order by their number. There is one chain for each resource and priority.
- The heap holds work in progress and the patience of carriers. Arrivals and changes of capacity are sorted before the
  run, and the loop takes whatever comes first.
- What happens at one instant before anything starts can happen in any order (see the rule), so a stack replaces the
  recursion through activities that take no time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numba.core.event import Event, Listener, install_listener

from sim.engine.arrays import NOBODY, NOTHING, Numbers, Records, Times, World, make_world
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload

# Small functions put in place by the compiler: a call that hands on the whole world would cost more than most of them.
# Without counts of references (`_nrt`), which would take most of the time: `run` owns the arrays while compiled code
# sees them. Numba's documentation does not name this option; without it everything works and takes three times as long.
_compiled = njit(cache=True, forceinline=True, _nrt=False)  # type: ignore[call-overload]


def run(workload: Workload) -> Timeline:
    """Simulate a workload up to its calendar's horizon."""
    world, horizon = make_world(workload), workload.plan.calendar.horizon
    rank = np.searchsorted(np.unique(workload.priority), workload.priority)
    _lay_out(workload.work, workload.takes_place, rank, workload.loads.visit, world)
    _simulate(horizon, world)
    times = np.empty((4, len(rank)), dtype=np.int64)
    _read_out(horizon, world.visits, times)
    ready, start, end, carrier = times
    return Timeline(ready, start, end, carrier, world.entities["turned_away"].copy())


def prepare(workload: Workload, say: Callable[[str], object]) -> None:
    """Have the engine compiled or read from Numba's cache by running a small workload, and say so if it compiles."""
    with install_listener("numba:compile", _Announcement(say)):
        run(workload)


class _Announcement(Listener):
    """Says once that compiling begins."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self.say: Callable[[str], object] | None = say

    def on_start(self, event: Event) -> None:  # noqa: ARG002  # the signature is Numba's
        if self.say is not None:
            self.say("Compiling the engine; this is done once and takes less than a minute.")
            self.say = None

    def on_end(self, event: Event) -> None:
        """Nothing is to be said."""


@_compiled
def _lay_out(work: Times, takes_place: Any, rank: Times, loading: Times, world: World) -> None:
    """Write the records of the visits, all fields of one after the other."""
    for entity in range(len(world.entities)):
        said = world.entities[entity]
        code = world.flows[said.flow].first_code
        for number in range(said.first_visit, said.end_visit):
            visit = world.visits[number]
            visit.ready = visit.start = visit.end = NEVER
            visit.carrier = NOBODY
            visit.work = work[number]
            visit.takes_place = takes_place[number]
            visit.rank = rank[number]
            visit.entity = entity
            visit.code = code
            visit.open = world.activities[code].predecessors
            code += 1
    for place in range(len(loading)):
        world.visits[loading[place]].load = place


@_compiled
def _read_out(horizon: int, visits: Records, times: Times) -> None:
    """Take ready, start, end and carrier out of the records; what ends behind the horizon never ends."""
    for number in range(len(visits)):
        visit = visits[number]
        times[0, number] = visit.ready
        times[1, number] = visit.start
        times[2, number] = visit.end if visit.end < horizon else NEVER
        times[3, number] = visit.carrier


@_compiled
def _simulate(horizon: int, world: World) -> None:
    """From instant to instant: first all that can happen before anything starts, then rounds of starting."""
    entities, changes, counts = world.entities, world.changes, world.counts[0]
    entity = change = 0
    while True:
        now = horizon
        if counts.heap:
            now = min(now, world.heap[0].moment)
        if change < len(changes):
            now = min(now, changes[change].at)
        if entity < len(entities):
            now = min(now, entities[entity].arrival)
        if now >= horizon:
            return
        while change < len(changes) and changes[change].at == now:
            _change_capacity(change, world)
            change += 1
        while entity < len(entities) and entities[entity].arrival == now:
            _arrive(entity, world)
            entity += 1
        while True:
            _happen(now, world)
            if counts.rides:
                _take_aboard(now, world)
            elif not counts.groups:
                break
            if counts.groups:
                _start_waiting(now, world)


# What happens by itself


@_compiled
def _change_capacity(change: int, world: World) -> None:
    """A station opens, closes or changes its shift; a period of a quota begins. What is at work goes on."""
    said = world.changes[change]
    resource = world.resources[said.resource]
    resource.free = said.by if said.replaces else resource.free + said.by
    if said.by > 0:
        _wake_group(resource.group, world.groups, world.counts)


@_compiled
def _arrive(entity: int, world: World) -> None:
    """The first activities of an entity are going to be ready."""
    flow = world.flows[world.entities[entity].flow]
    for place in range(flow.root_from, flow.root_to):
        _put(world.entities[entity].first_visit + world.steps[place], world.coming, world.counts)


@_compiled
def _happen(now: int, world: World) -> None:
    """Everything that happens at an instant before anything starts."""
    counts = world.counts[0]
    while True:
        while counts.heap and world.heap[0].moment == now:
            _come_due(world)
        while counts.coming:
            counts.coming -= 1
            _make_ready(world.coming[counts.coming], now, world)
        if counts.over:
            counts.over -= 1
            _leave(world.over[counts.over], now, world)
        elif not counts.coming and not (counts.heap and world.heap[0].moment == now):
            return


@_compiled
def _come_due(world: World) -> None:
    """Work ends, or the patience of a carrier."""
    visit = _pop(world.heap, world.counts)
    if visit < 0:
        _lose_patience(-1 - visit, world)
    else:
        activity = world.activities[world.visits[visit].code]
        if activity.station != NOTHING:
            _give_back(activity.station, activity.amount, world.resources, world.groups, world.counts)
        _put_over(visit, world.over, world.counts)


@_compiled
def _make_ready(number: int, now: int, world: World) -> None:
    """All predecessors have ended: wait in line, begin, or pass through."""
    visit = world.visits[number]
    activity = world.activities[visit.code]
    visit.ready = now
    if visit.takes_place and activity.queue != NOTHING:
        _line_up(activity.queue, number, world.visits, world.lines, world.chains)
        _wake_group(world.resources[activity.queue].group, world.groups, world.counts)
    elif not (visit.takes_place and activity.meets and _meet(number, now, world)):
        visit.start = now
        visit.end = now + visit.work
        if visit.work:
            _push(visit.end, number, world.heap, world.counts)
        else:
            _put_over(number, world.over, world.counts)


@_compiled
def _leave(number: int, now: int, world: World) -> None:
    """An activity is behind an entity: give back what it held and tell the activities that wait for it."""
    visits = world.visits
    activity = world.activities[visits[number].code]
    for place in range(activity.return_from, activity.return_to):
        held = world.returns[place]
        if visits[number + held.seized].takes_place:
            _give_back(held.resource, held.amount, world.resources, world.groups, world.counts)
    if activity.meets:
        _part(number, now, world)
    for place in range(activity.behind_from, activity.behind_to):
        follower = number + world.steps[place]
        visits[follower].open -= 1
        if not visits[follower].open:
            _put(follower, world.coming, world.counts)


@_compiled
def _put(visit: int, coming: Numbers, counts: Records) -> None:
    """Put a visit on the stack of those that are going to be ready."""
    coming[counts[0].coming] = visit
    counts[0].coming += 1


@_compiled
def _put_over(visit: int, over: Numbers, counts: Records) -> None:
    """Put a visit on the stack of those that are over."""
    over[counts[0].over] = visit
    counts[0].over += 1


@_compiled
def _give_back(resource: int, amount: int, resources: Records, groups: Records, counts: Records) -> None:
    resources[resource].free += amount
    _wake_group(resources[resource].group, groups, counts)


@_compiled
def _wake_group(group: int, groups: Records, counts: Records) -> None:
    """Look at the lines of a group of resources before this instant is over."""
    if not groups[group].is_woken:
        groups[group].is_woken = True
        groups[counts[0].groups].woken = group
        counts[0].groups += 1


# Starting


@_compiled
def _start_waiting(now: int, world: World) -> None:
    """Start everything that can start now, group by group; then cut the lines that are too long."""
    groups, members = world.groups, world.members
    size = world.counts[0].groups
    world.counts[0].groups = 0
    for place in range(size):
        groups[place].turn = groups[place].woken
        groups[groups[place].woken].is_woken = False
    limited = False
    for place in range(size):
        group = groups[groups[place].turn]
        _start_group(group.member_from, group.member_to, now, world)
        limited |= group.limited
    if limited:
        for place in range(size):
            group = groups[groups[place].turn]
            for member in range(group.member_from, group.member_to):
                _cut_line(members[member].resource, now, world)


@_compiled
def _start_group(member_from: int, member_to: int, now: int, world: World) -> None:
    """Lines that compete: the first of all heads goes first; who cannot start blocks nobody but its own line."""
    visits, members, lines, chains = world.visits, world.members, world.lines, world.chains
    for member in range(member_from, member_to):
        members[member].blocked = lines[members[member].resource].length == 0
    while True:
        best, where = NOBODY, NOTHING
        for member in range(member_from, member_to):
            if not members[member].blocked:
                head = _first(members[member].resource, lines, chains)
                if best == NOBODY or _goes_before(head, best, visits):
                    best, where = head, member
        if best == NOBODY:
            break
        if _seize(world.activities[visits[best].code], world.resources, world.needs):
            line = members[where].resource
            _unlink(line, best, visits, lines, chains)
            members[where].blocked = lines[line].length == 0
            _begin(best, now, visits, world.heap, world.counts)
        else:
            members[where].blocked = True


@_compiled
def _goes_before(one: int, other: int, visits: Records) -> bool:
    """The order of (priority, ready, visit)."""
    this, that = visits[one], visits[other]
    if this.rank != that.rank:
        return this.rank < that.rank
    if this.ready != that.ready:
        return this.ready < that.ready
    return one < other


@_compiled
def _seize(activity: Any, resources: Records, needs: Records) -> bool:
    """Take everything that an activity needs if all of it is free."""
    for place in range(activity.need_from, activity.need_to):
        if resources[needs[place].resource].free < needs[place].amount:
            return False
    for place in range(activity.need_from, activity.need_to):
        resources[needs[place].resource].free -= needs[place].amount
    return True


@_compiled
def _begin(number: int, now: int, visits: Records, heap: Records, counts: Records) -> None:
    """Begin work. What takes no time ends in the next round of this instant, when all who could start have started."""
    visit = visits[number]
    visit.start = now
    visit.end = now + visit.work
    _push(visit.end, number, heap, counts)


@_compiled
def _cut_line(resource: int, now: int, world: World) -> None:
    """Turn away whoever stands beyond the limit of a line, from the last on."""
    limit = world.resources[resource].limit
    if limit != NOTHING:
        while world.lines[resource].length > limit:
            last = _last(resource, world.lines, world.chains)
            _unlink(resource, last, world.visits, world.lines, world.chains)
            _turn_away(world.visits[last].entity, now, world)


@_compiled
def _turn_away(number: int, now: int, world: World) -> None:
    """Let an entity leave the model and give back what it holds."""
    entity = world.entities[number]
    entity.turned_away = now
    for visit in range(entity.first_visit, entity.end_visit):
        if world.visits[visit].end == NEVER:
            activity = world.activities[world.visits[visit].code]
            for place in range(activity.return_from, activity.return_to):
                held = world.returns[place]
                seizing = world.visits[visit + held.seized]
                if seizing.takes_place and seizing.start != NEVER:
                    _give_back(held.resource, held.amount, world.resources, world.groups, world.counts)


# Carriers and riders


@_compiled
def _meet(number: int, now: int, world: World) -> bool:
    """Wait for a carrier, for riders, or for what riders do; False if there is nothing to wait for."""
    visit = world.visits[number]
    activity = world.activities[visit.code]
    if activity.ride != NOTHING:
        carrier = world.entities[visit.entity].brought_by if activity.boards_at_once else NOBODY
        if carrier == NOBODY:
            _line_up(_rider_line(activity.ride, world), number, world.visits, world.lines, world.chains)
            _wake_ride(activity.ride, world)
        else:
            _come_aboard(number, carrier, now, world)
        return True
    if activity.loads != NOTHING:
        _line_up(_carrier_line(activity.loads, world), number, world.visits, world.lines, world.chains)
        _wake_ride(activity.loads, world)
        patience = world.loads[visit.load].patience
        if patience != NEVER:
            _push(now + patience, -1 - number, world.heap, world.counts)
        return True
    if activity.awaits != NOTHING:
        entity = world.entities[visit.entity]
        vigil = entity.first_vigil + world.vigil_of[entity.flow, activity.awaits]
        if not _are_through(visit.entity, vigil, activity.awaits, world):
            visit.after = world.vigils[vigil].patient
            world.vigils[vigil].patient = number
            return True
    return False


@_compiled
def _rider_line(ride: int, world: World) -> int:
    return len(world.resources) + ride


@_compiled
def _carrier_line(ride: int, world: World) -> int:
    return len(world.resources) + len(world.rides) + ride


@_compiled
def _hold(carrier: int, ride: int, world: World) -> int:
    return world.entities[carrier].first_hold + world.hold_of[world.entities[carrier].flow, ride]


@_compiled
def _come_aboard(number: int, carrier: int, now: int, world: World) -> None:
    """Be aboard of the carrier that brings the entity, or go on if it has unloaded already."""
    visit = world.visits[number]
    visit.start = now
    visit.carrier = carrier
    hold = world.holds[_hold(carrier, world.activities[visit.code].ride, world)]
    if hold.unloaded:
        visit.end = now
        _put_over(number, world.over, world.counts)
    else:
        visit.after = hold.aboard
        hold.aboard = number


@_compiled
def _are_through(carrier: int, vigil: int, awaits: int, world: World) -> bool:
    """Whether all riders that a carrier brought have an awaited activity behind them."""
    return world.vigils[vigil].through == world.holds[_hold(carrier, world.ride_of[awaits], world)].brought


@_compiled
def _part(number: int, now: int, world: World) -> None:
    """Let riders go on when their carrier has unloaded, and a carrier when its riders are through."""
    visit = world.visits[number]
    activity = world.activities[visit.code]
    if activity.unloads != NOTHING:
        hold = world.holds[_hold(visit.entity, activity.unloads, world)]
        hold.unloaded = True
        _release(hold.aboard, now, world)
        hold.aboard = NOBODY
    for place in range(activity.awaited_from, activity.awaited_to):
        awaits = world.awaited[place].awaited
        carrier = world.visits[number + world.awaited[place].riding].carrier
        if carrier != NOBODY:
            _be_through(carrier, awaits, now, world)


@_compiled
def _be_through(carrier: int, awaits: int, now: int, world: World) -> None:
    """One more rider has behind it what its carrier may be waiting for."""
    entity = world.entities[carrier]
    of_entity = world.vigil_of[entity.flow, awaits]
    if of_entity != NOTHING:
        number = entity.first_vigil + of_entity
        vigil = world.vigils[number]
        vigil.through += 1
        if vigil.patient != NOBODY and _are_through(carrier, number, awaits, world):
            _release(vigil.patient, now, world)
            vigil.patient = NOBODY


@_compiled
def _release(first: int, now: int, world: World) -> None:
    """Everybody in a chain goes on: riders, whose ride began when they went aboard, or carriers, who only waited."""
    number = first
    while number != NOBODY:
        visit = world.visits[number]
        if visit.start == NEVER:
            visit.start = now
        visit.end = now
        _put_over(number, world.over, world.counts)
        number = visit.after


@_compiled
def _wake_ride(ride: int, world: World) -> None:
    """See whether a carrier can take riders aboard before this instant is over."""
    rides, counts = world.rides, world.counts[0]
    if not rides[ride].is_woken:
        rides[ride].is_woken = True
        rides[counts.rides].woken = ride
        counts.rides += 1


@_compiled
def _lose_patience(number: int, world: World) -> None:
    """A carrier waits no longer for more riders."""
    visit = world.visits[number]
    if visit.start == NEVER:
        ride = world.activities[visit.code].loads
        world.loads[visit.load].overdue = True
        world.rides[ride].overdue += 1
        _wake_ride(ride, world)


@_compiled
def _take_aboard(now: int, world: World) -> None:
    """Let carriers begin to load, the first in line first, where enough riders wait or patience is at its end."""
    counts = world.counts[0]
    while counts.rides:
        counts.rides -= 1
        ride = world.rides[counts.rides].woken
        world.rides[ride].is_woken = False
        riders, carriers = world.lines[_rider_line(ride, world)], _carrier_line(ride, world)
        while world.lines[carriers].length:
            carrier = _first(carriers, world.lines, world.chains)
            if riders.length < world.loads[world.visits[carrier].load].least:
                if not world.rides[ride].overdue:
                    break
                carrier = _first_overdue(carriers, world)
            load = world.loads[world.visits[carrier].load]
            if load.overdue:
                load.overdue = False
                world.rides[ride].overdue -= 1
            _unlink(carriers, carrier, world.visits, world.lines, world.chains)
            _load_riders(carrier, ride, min(load.most, riders.length), now, world)


@_compiled
def _first_overdue(line: int, world: World) -> int:
    """The first in a line of carriers whose patience is over; there is one."""
    for chain in range(world.lines[line].chain_from, world.lines[line].chain_to):
        visit = world.chains[chain].head
        while visit != NOBODY:
            if world.loads[world.visits[visit].load].overdue:
                return visit
            visit = world.visits[visit].after
    return NOBODY


@_compiled
def _load_riders(loading: int, ride: int, number: int, now: int, world: World) -> None:
    """Take the first riders aboard."""
    line = _rider_line(ride, world)
    carrier = world.visits[loading].entity
    hold = world.holds[_hold(carrier, ride, world)]
    for _ in range(number):
        rider = _first(line, world.lines, world.chains)
        _unlink(line, rider, world.visits, world.lines, world.chains)
        visit = world.visits[rider]
        visit.start = now
        visit.carrier = carrier
        visit.after = hold.aboard
        hold.aboard = rider
    hold.brought += number
    _begin(loading, now, world.visits, world.heap, world.counts)


# Lines


@_compiled
def _line_up(number: int, visit: int, visits: Records, lines: Records, chains: Records) -> None:
    """Join a line at its end, only before those of the same instant who have a higher number."""
    line = lines[number]
    chain = line.chain_from + visits[visit].rank
    behind = NOBODY
    ahead = chains[chain].tail
    while ahead > visit and visits[ahead].ready == visits[visit].ready:
        behind = ahead
        ahead = visits[ahead].before
    visits[visit].before = ahead
    visits[visit].after = behind
    if ahead == NOBODY:
        chains[chain].head = visit
    else:
        visits[ahead].after = visit
    if behind == NOBODY:
        chains[chain].tail = visit
    else:
        visits[behind].before = visit
    line.length += 1
    line.first = min(line.first, chain)


@_compiled
def _first(number: int, lines: Records, chains: Records) -> int:
    """Who is at the head of a line that is not empty."""
    line = lines[number]
    while chains[line.first].head == NOBODY:
        line.first += 1
    return chains[line.first].head


@_compiled
def _last(number: int, lines: Records, chains: Records) -> int:
    """Who is at the end of a line that is not empty."""
    chain = lines[number].chain_to - 1
    while chains[chain].tail == NOBODY:
        chain -= 1
    return chains[chain].tail


@_compiled
def _unlink(number: int, visit: int, visits: Records, lines: Records, chains: Records) -> None:
    """Leave a line."""
    ahead, behind = visits[visit].before, visits[visit].after
    chain = chains[lines[number].chain_from + visits[visit].rank]
    if ahead == NOBODY:
        chain.head = behind
    else:
        visits[ahead].after = behind
    if behind == NOBODY:
        chain.tail = ahead
    else:
        visits[behind].before = ahead
    lines[number].length -= 1


# The heap


@_compiled
def _push(moment: int, visit: int, heap: Records, counts: Records) -> None:
    """Put something on the heap."""
    place = counts[0].heap
    counts[0].heap += 1
    while place:
        parent = (place - 1) >> 1
        if heap[parent].moment < moment or (heap[parent].moment == moment and heap[parent].visit < visit):
            break
        heap[place].moment = heap[parent].moment
        heap[place].visit = heap[parent].visit
        place = parent
    heap[place].moment = moment
    heap[place].visit = visit


@_compiled
def _pop(heap: Records, counts: Records) -> int:
    """Take the first off the heap."""
    first = heap[0].visit
    counts[0].heap -= 1
    size = counts[0].heap
    moment, visit = heap[size].moment, heap[size].visit
    place, child = 0, 1
    while child < size:
        other = child + 1
        if other < size and (
            heap[other].moment < heap[child].moment
            or (heap[other].moment == heap[child].moment and heap[other].visit < heap[child].visit)
        ):
            child = other
        if moment < heap[child].moment or (moment == heap[child].moment and visit < heap[child].visit):
            break
        heap[place].moment = heap[child].moment
        heap[place].visit = heap[child].visit
        place = child
        child = 2 * place + 1
    heap[place].moment = moment
    heap[place].visit = visit
    return first
