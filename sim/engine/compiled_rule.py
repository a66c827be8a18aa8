"""The rule of `simpy_engine` on flat arrays, compiled by Numba. Both agree to the millisecond.

What makes it fast, and why it may be done so:

- Visits become ready in the order of time, so a line is a chain to whose end new ones are linked; only visits of the
  same instant have to be put in order by their number. There is one chain for each resource and priority.
- The heap holds work in progress and the patience of carriers. Arrivals and changes of capacity are sorted before the
  run, and the loop takes whatever comes first.
- What happens at one instant before anything starts can happen in any order (see the rule). So a stack replaces the
  recursion through activities that take no time, and the heap compares moments and nothing else.
- Lines are only looked at when somebody in them may start: when who waits gets something back, or who comes finds his
  resource free.
- Records of those who have left are used again for those who come, so that the run stays in the processor's cache.

Only who compiles imports this module, and Numba with it: see `compiled_engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import carray, cfunc, njit, types  # type: ignore[attr-defined]

from sim.engine.arrays import LATER, NOBODY, NOTHING, Numbers, Records, World
from sim.engine.timeline import NEVER

if TYPE_CHECKING:
    from numba.core.ccallback import CFunc

# Small functions put in place by the compiler: a call that hands on the whole world would cost more than most of them.
_compiled = njit(forceinline=True)

# Places are never negative. Where that is said, Numba spares the check whether they count from the end.
at = np.uint64


def compiled(kinds: tuple[np.dtype[Any], ...]) -> CFunc:
    """Compile `simulate` for arrays of some types, as a function of C.

    Args:
        kinds: For each array the type of its values.

    Returns:
        A function of the horizon and, of the arrays of a world, the addresses and the numbers of values.
    """
    arrays = ", ".join(f"carray(addresses[{n}], sizes[{n}], kinds_{n})" for n in range(len(kinds)))
    names: dict[str, Any] = {"carray": carray, "World": World, "simulate": simulate} | {
        f"kinds_{n}": of for n, of in enumerate(kinds)
    }
    exec(f"def entry(horizon, addresses, sizes): simulate(horizon, World({arrays}))", names)  # noqa: S102  # our text
    signature = types.void(types.int64, types.CPointer(types.voidptr), types.CPointer(types.int64))
    return cfunc(signature)(names["entry"])


@_compiled
def simulate(horizon: int, world: World) -> None:
    """From instant to instant: first all that can happen before anything starts, then rounds of starting."""
    arrival, changes, counts = world.arrival, world.changes, world.counts[0]
    entity = change = 0
    while True:
        now = min(horizon, _first_moment(world.heap, world.counts))
        if change < len(changes):
            now = min(now, changes[at(change)].at)
        if entity < len(arrival):
            now = min(now, arrival[at(entity)])
        if now >= horizon:
            break
        while change < len(changes) and changes[at(change)].at == now:
            _change_capacity(change, world)
            change += 1
        while entity < len(arrival) and arrival[at(entity)] == now:
            _arrive(entity, world)
            entity += 1
        _pass_on(now, world)
        while True:
            _happen(now, world)
            if counts.rides:
                _take_aboard(now, world)
            elif not counts.groups:
                break
            if counts.groups:
                _start_waiting(now, world)
    _close(horizon, world)


@_compiled
def _close(horizon: int, world: World) -> None:
    """Write the times of all who are in the system at the end, and of those who have not come."""
    for stay in range(world.counts[0].stays):
        if world.stays[at(stay)].open:
            _note(stay, horizon, world)
    for flow in world.flows:
        for column in range(flow.width):
            begin = flow.first + column * flow.size
            world.start[begin + flow.come : begin + flow.size] = NEVER
            world.end[begin + flow.come : begin + flow.size] = NEVER
            world.carriers[begin + flow.come : begin + flow.size] = NOBODY


# What happens by itself


@_compiled
def _change_capacity(change: int, world: World) -> None:
    """A station opens, closes or changes its shift; a period of a quota begins. What is at work goes on."""
    said = world.changes[at(change)]
    resource = world.resources[at(said.resource)]
    resource.free = said.by if said.replaces else resource.free + said.by
    if said.by > 0:
        _wake_waiting(resource.group, world.groups, world.counts)


@_compiled
def _arrive(entity: int, world: World) -> None:
    """An entity gets its records; its first activities are going to be ready."""
    flow = world.flows[at(world.flow[at(entity)])]
    if flow.unused == NOBODY:
        _make_stay(flow, world)
    stay = world.stays[at(flow.unused)]
    flow.unused = stay.next
    stay.entity = entity
    stay.open = flow.width
    number = flow.first + flow.come
    for place in range(stay.first, stay.first + flow.width):
        visit = world.visits[at(place)]
        activity = world.activities[at(visit.code)]
        visit.number = number
        visit.start = visit.end = NEVER
        visit.carrier = NOBODY
        visit.work = world.work[at(number)]
        visit.takes_place = world.takes_place[at(number)]
        visit.rank = _rank(world.priority[at(number)], world.levels) if len(world.levels) > 1 else 0
        visit.open = activity.predecessors
        if activity.loads != NOTHING:
            visit.load = activity.first_load + flow.come
        number += flow.size
    flow.come += 1
    for place in range(flow.root_from, flow.root_from + flow.roots):
        _put(stay.first + world.steps[at(place)], world.coming, world.counts)


@_compiled
def _rank(priority: int, levels: Numbers) -> int:
    """The place of a priority among all there are, which are few."""
    rank = 0
    while levels[at(rank)] < priority:
        rank += 1
    return rank


@_compiled
def _make_stay(flow: Any, world: World) -> None:
    """Make the records for one more entity of a flow that is in the system at the same time as the others."""
    counts = world.counts[0]
    flow.unused = counts.stays
    stay = world.stays[at(counts.stays)]
    stay.first = counts.visits
    stay.next = NOBODY
    for number in range(flow.width):
        visit = world.visits[at(counts.visits + number)]
        visit.stay = counts.stays
        visit.code = flow.first_code + number
    counts.stays += 1
    counts.visits += flow.width


@_compiled
def _depart(stay: int, world: World) -> None:
    """All visits of an entity are over: the next of its flow gets its records."""
    _note(stay, LATER, world)
    flow = world.flows[at(world.flow[at(world.stays[at(stay)].entity)])]
    world.stays[at(stay)].next = flow.unused
    flow.unused = stay


@_compiled
def _note(stay: int, horizon: int, world: World) -> None:
    """Write the times of an entity into the timeline; what ends behind the horizon never ends."""
    first = world.stays[at(stay)].first
    width = world.flows[at(world.flow[at(world.stays[at(stay)].entity)])].width
    for place in range(first, first + width):
        visit = world.visits[at(place)]
        world.start[at(visit.number)] = visit.start
        world.end[at(visit.number)] = visit.end if visit.end < horizon else NEVER
        if len(world.carriers):
            world.carriers[at(visit.number)] = visit.carrier


@_compiled
def _happen(now: int, world: World) -> None:
    """Everything that is due on the heap, and all that follows from it before anything starts."""
    while _first_moment(world.heap, world.counts) == now:
        what = _pop(world.heap, world.counts)
        if what < 0:
            _lose_patience(-1 - what, world)
        else:
            activity = world.activities[at(world.visits[at(what)].code)]
            if activity.amount:
                _give_back(activity.resource, activity.amount, world.resources, world.groups, world.counts)
            _put(-1 - what, world.coming, world.counts)
            _pass_on(now, world)


@_compiled
def _pass_on(now: int, world: World) -> None:
    """Leave what is over and make ready what comes behind it, until nothing is left to tell."""
    counts = world.counts[0]
    while counts.coming:
        counts.coming -= 1
        told = world.coming[at(counts.coming)]
        if told >= 0 and not _make_ready(told, now, world):
            continue
        _leave(told if told >= 0 else -1 - told, now, world)


@_compiled
def _make_ready(number: int, now: int, world: World) -> bool:
    """All predecessors have ended: wait in line, begin, or pass through; True if it is over at once."""
    visit = world.visits[at(number)]
    activity = world.activities[at(visit.code)]
    visit.ready = now
    if visit.takes_place and activity.queue != NOTHING:
        _wait(activity.queue, number, world)
        return False
    if visit.takes_place and activity.meets and _meet(number, now, world):
        return False
    visit.start = now
    visit.end = now + visit.work
    if visit.work:
        _push(visit.end, number, world.heap, world.counts)
        return False
    return True


@_compiled
def _leave(number: int, now: int, world: World) -> None:
    """An activity is behind an entity: give back what it held and tell the activities that wait for it."""
    visits = world.visits
    activity = world.activities[at(visits[at(number)].code)]
    for place in range(activity.return_from, activity.return_from + activity.returns):
        held = world.returns[at(place)]
        if visits[at(number + held.seized)].takes_place:
            _give_back(held.resource, held.amount, world.resources, world.groups, world.counts)
    if activity.meets:
        _part(number, now, world)
    for place in range(activity.behind_from, activity.behind_from + activity.behind):
        follower = number + world.steps[at(place)]
        visits[at(follower)].open -= 1
        if not visits[at(follower)].open:
            _put(follower, world.coming, world.counts)
    stay = visits[at(number)].stay
    world.stays[at(stay)].open -= 1
    if not world.stays[at(stay)].open:
        _depart(stay, world)


@_compiled
def _put(told: int, coming: Numbers, counts: Records) -> None:
    """Put a visit on the stack of what has to be told."""
    coming[counts[0].coming] = told
    counts[0].coming += 1


@_compiled
def _give_back(resource: int, amount: int, resources: Records, groups: Records, counts: Records) -> None:
    resources[at(resource)].free += amount
    _wake_waiting(resources[at(resource)].group, groups, counts)


@_compiled
def _wait(queue: int, number: int, world: World) -> None:
    """Join the line of a resource. Who finds nothing free of it cannot start before something is given back."""
    resource = world.resources[at(queue)]
    group = world.groups[at(resource.group)]
    _line_up(queue, number, world)
    group.waiting += 1
    if resource.free > 0 or group.limited:
        _wake_group(resource.group, world.groups, world.counts)


@_compiled
def _wake_waiting(group: int, groups: Records, counts: Records) -> None:
    """Look at the lines of a group if somebody stands in them."""
    if groups[at(group)].waiting:
        _wake_group(group, groups, counts)


@_compiled
def _wake_group(group: int, groups: Records, counts: Records) -> None:
    """Look at the lines of a group of resources before this instant is over."""
    if not groups[at(group)].is_woken:
        groups[at(group)].is_woken = True
        groups[counts[0].groups].woken = group
        counts[0].groups += 1


# Starting


@_compiled
def _start_waiting(now: int, world: World) -> None:
    """Start everything that can start now, group by group; then cut the lines that are too long."""
    groups, counts = world.groups, world.counts[0]
    size, limited = counts.groups, False
    for place in range(size):
        group = groups[at(groups[at(place)].woken)]
        group.is_woken = False
        if group.only != NOTHING:
            _start_line(group, now, world)
        else:
            _start_group(group, now, world)
        limited |= group.limited
    counts.groups = 0
    if limited:
        _cut_lines(size, now, world)


@_compiled
def _start_line(group: Any, now: int, world: World) -> None:
    """A line that competes with no other."""
    visits, lines, line = world.visits, world.lines, group.only
    while group.waiting and world.resources[at(line)].free > 0:
        visit = _first(line, visits, lines)
        if not _seize(world.activities[at(visits[at(visit)].code)], world.resources, world.needs):
            break
        _unlink(line, visit, visits, lines)
        group.waiting -= 1
        _begin(visit, now, visits, world.heap, world.counts)


@_compiled
def _start_group(group: Any, now: int, world: World) -> None:
    """Lines that compete: the first of all heads goes first; who cannot start blocks nobody but its own line."""
    visits, members, lines = world.visits, world.members, world.lines
    member_from, member_to = group.member_from, group.member_to
    for member in range(member_from, member_to):
        members[at(member)].blocked = lines[at(members[at(member)].resource)].length == 0
    while True:
        best, where = NOBODY, NOTHING
        for member in range(member_from, member_to):
            if not members[at(member)].blocked:
                head = _first(members[at(member)].resource, visits, lines)
                if best == NOBODY or _goes_before(head, best, visits, world.stays):
                    best, where = head, member
        if best == NOBODY:
            break
        if _seize(world.activities[at(visits[at(best)].code)], world.resources, world.needs):
            line = members[at(where)].resource
            _unlink(line, best, visits, lines)
            group.waiting -= 1
            members[at(where)].blocked = lines[at(line)].length == 0
            _begin(best, now, visits, world.heap, world.counts)
        else:
            members[at(where)].blocked = True


@_compiled
def _goes_before(one: int, other: int, visits: Records, stays: Records) -> bool:
    """The order of (priority, ready, entity, activity)."""
    this, that = visits[at(one)], visits[at(other)]
    if this.rank != that.rank:
        return this.rank < that.rank
    if this.ready != that.ready:
        return this.ready < that.ready
    return _comes_first(one, other, visits, stays)


@_compiled
def _comes_first(one: int, other: int, visits: Records, stays: Records) -> bool:
    """The order of (entity, activity)."""
    this, that = visits[at(one)].stay, visits[at(other)].stay
    return one < other if this == that else stays[at(this)].entity < stays[at(that)].entity


@_compiled
def _seize(activity: Any, resources: Records, needs: Records) -> bool:
    """Take everything that an activity needs if all of it is free."""
    if resources[at(activity.resource)].free < activity.units:
        return False
    others = range(activity.need_from, activity.need_from + activity.needs)
    for place in others:
        if resources[at(needs[at(place)].resource)].free < needs[at(place)].amount:
            return False
    resources[at(activity.resource)].free -= activity.units
    for place in others:
        resources[at(needs[at(place)].resource)].free -= needs[at(place)].amount
    return True


@_compiled
def _begin(number: int, now: int, visits: Records, heap: Records, counts: Records) -> None:
    """Begin work. What takes no time ends in the next round of this instant, when all who could start have started."""
    visit = visits[at(number)]
    visit.start = now
    visit.end = now + visit.work
    _push(visit.end, number, heap, counts)


@_compiled
def _cut_lines(size: int, now: int, world: World) -> None:
    """Turn away whoever stands beyond the limit of a line of some groups; what they give back wakes groups again."""
    groups, members = world.groups, world.members
    for place in range(size):
        groups[at(place)].turn = groups[at(place)].woken
    for place in range(size):
        group = groups[at(groups[at(place)].turn)]
        for member in range(group.member_from, group.member_to):
            _cut_line(members[at(member)].resource, group, now, world)


@_compiled
def _cut_line(resource: int, group: Any, now: int, world: World) -> None:
    """Turn away whoever stands beyond the limit of a line, from the last on."""
    limit = world.resources[at(resource)].limit
    if limit != NOTHING:
        while world.lines[at(resource)].length > limit:
            last = _last(resource, world.visits, world.lines)
            _unlink(resource, last, world.visits, world.lines)
            group.waiting -= 1
            _turn_away(world.visits[at(last)].stay, now, world)


@_compiled
def _turn_away(number: int, now: int, world: World) -> None:
    """Let an entity leave the model and give back what it holds; some of its visits are never over."""
    stay = world.stays[at(number)]
    world.turned_away[at(stay.entity)] = now
    for visit in range(stay.first, stay.first + world.flows[at(world.flow[at(stay.entity)])].width):
        if world.visits[at(visit)].end == NEVER:
            activity = world.activities[at(world.visits[at(visit)].code)]
            for place in range(activity.return_from, activity.return_from + activity.returns):
                held = world.returns[at(place)]
                seizing = world.visits[at(visit + held.seized)]
                if seizing.takes_place and seizing.start != NEVER:
                    _give_back(held.resource, held.amount, world.resources, world.groups, world.counts)


# Carriers and riders


@_compiled
def _meet(number: int, now: int, world: World) -> bool:
    """Wait for a carrier, for riders, or for what riders do; False if there is nothing to wait for."""
    visit = world.visits[at(number)]
    activity = world.activities[at(visit.code)]
    entity = world.stays[at(visit.stay)].entity
    if activity.ride != NOTHING:
        carrier = world.brought_by[at(entity)] if activity.boards_at_once else NOBODY
        if carrier == NOBODY:
            _line_up(_rider_line(activity.ride, world), number, world)
            _wake_ride(activity.ride, world)
        else:
            _come_aboard(number, carrier, now, world)
        return True
    if activity.loads != NOTHING:
        _line_up(_carrier_line(activity.loads, world), number, world)
        _wake_ride(activity.loads, world)
        load = world.loads[at(visit.load)]
        load.ride = activity.loads
        load.waits = True
        if load.patience != NEVER:
            _push(now + load.patience, -1 - visit.load, world.heap, world.counts)
        return True
    if activity.awaits != NOTHING:
        vigil = world.first_vigil[at(entity)] + _vigil_of(entity, activity.awaits, world)
        if not _are_through(entity, vigil, activity.awaits, world):
            visit.after = world.vigils[at(vigil)].patient
            world.vigils[at(vigil)].patient = number
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
    return world.first_hold[at(carrier)] + world.hold_of[at(world.flow[at(carrier)] * len(world.rides) + ride)]


@_compiled
def _vigil_of(carrier: int, awaits: int, world: World) -> int:
    """Which of its carrier's vigils something awaited is, `NOTHING` if it does not wait for it."""
    return world.vigil_of[at(world.flow[at(carrier)] * len(world.ride_of) + awaits)]


@_compiled
def _come_aboard(number: int, carrier: int, now: int, world: World) -> None:
    """Be aboard of the carrier that brings the entity, or go on if it has unloaded already."""
    visit = world.visits[at(number)]
    visit.start = now
    visit.carrier = carrier
    hold = world.holds[at(_hold(carrier, world.activities[at(visit.code)].ride, world))]
    if hold.unloaded:
        visit.end = now
        _put(-1 - number, world.coming, world.counts)
    else:
        visit.after = hold.aboard
        hold.aboard = number


@_compiled
def _are_through(carrier: int, vigil: int, awaits: int, world: World) -> bool:
    """Whether all riders that a carrier brought have an awaited activity behind them."""
    return world.vigils[at(vigil)].through == world.holds[_hold(carrier, world.ride_of[awaits], world)].brought


@_compiled
def _part(number: int, now: int, world: World) -> None:
    """Let riders go on when their carrier has unloaded, and a carrier when its riders are through."""
    visit = world.visits[at(number)]
    activity = world.activities[at(visit.code)]
    if activity.unloads != NOTHING:
        hold = world.holds[at(_hold(world.stays[at(visit.stay)].entity, activity.unloads, world))]
        hold.unloaded = True
        _release(hold.aboard, now, world)
        hold.aboard = NOBODY
    for place in range(activity.awaited_from, activity.awaited_from + activity.awaited):
        awaits = world.awaited[at(place)].awaited
        carrier = world.visits[at(number + world.awaited[at(place)].riding)].carrier
        if carrier != NOBODY:
            _be_through(carrier, awaits, now, world)


@_compiled
def _be_through(carrier: int, awaits: int, now: int, world: World) -> None:
    """One more rider has behind it what its carrier may be waiting for."""
    of_entity = _vigil_of(carrier, awaits, world)
    if of_entity != NOTHING:
        number = world.first_vigil[at(carrier)] + of_entity
        vigil = world.vigils[at(number)]
        vigil.through += 1
        if vigil.patient != NOBODY and _are_through(carrier, number, awaits, world):
            _release(vigil.patient, now, world)
            vigil.patient = NOBODY


@_compiled
def _release(first: int, now: int, world: World) -> None:
    """Everybody in a chain goes on: riders, whose ride began when they went aboard, or carriers, who only waited."""
    number = first
    while number != NOBODY:
        visit = world.visits[at(number)]
        if visit.start == NEVER:
            visit.start = now
        visit.end = now
        _put(-1 - number, world.coming, world.counts)
        number = visit.after


@_compiled
def _wake_ride(ride: int, world: World) -> None:
    """See whether a carrier can take riders aboard before this instant is over."""
    rides, counts = world.rides, world.counts[0]
    if not rides[at(ride)].is_woken:
        rides[at(ride)].is_woken = True
        rides[at(counts.rides)].woken = ride
        counts.rides += 1


@_compiled
def _lose_patience(number: int, world: World) -> None:
    """A carrier waits no longer for more riders."""
    load = world.loads[at(number)]
    if load.waits:
        load.overdue = True
        world.rides[at(load.ride)].overdue += 1
        _wake_ride(load.ride, world)


@_compiled
def _take_aboard(now: int, world: World) -> None:
    """Let carriers begin to load, the first in line first, where enough riders wait or patience is at its end."""
    counts = world.counts[0]
    while counts.rides:
        counts.rides -= 1
        ride = world.rides[at(counts.rides)].woken
        world.rides[at(ride)].is_woken = False
        riders, carriers = world.lines[at(_rider_line(ride, world))], _carrier_line(ride, world)
        while world.lines[at(carriers)].length:
            carrier = _first(carriers, world.visits, world.lines)
            if riders.length < world.loads[at(world.visits[at(carrier)].load)].least:
                if not world.rides[at(ride)].overdue:
                    break
                carrier = _first_overdue(carriers, world)
            load = world.loads[at(world.visits[at(carrier)].load)]
            load.waits = False
            if load.overdue:
                load.overdue = False
                world.rides[at(ride)].overdue -= 1
            _unlink(carriers, carrier, world.visits, world.lines)
            _load_riders(carrier, ride, min(load.most, riders.length), now, world)


@_compiled
def _first_overdue(line: int, world: World) -> int:
    """The first in a line of carriers whose patience is over; there is one."""
    for chain in range(world.lines[at(line)].chain_from, world.lines[at(line)].chain_to):
        visit = world.visits[at(chain)].after
        while visit != chain:
            if world.loads[at(world.visits[at(visit)].load)].overdue:
                return visit
            visit = world.visits[at(visit)].after
    return NOBODY


@_compiled
def _load_riders(loading: int, ride: int, number: int, now: int, world: World) -> None:
    """Take the first riders aboard."""
    line = _rider_line(ride, world)
    carrier = world.stays[at(world.visits[at(loading)].stay)].entity
    hold = world.holds[at(_hold(carrier, ride, world))]
    for _ in range(number):
        rider = _first(line, world.visits, world.lines)
        _unlink(line, rider, world.visits, world.lines)
        visit = world.visits[at(rider)]
        visit.start = now
        visit.carrier = carrier
        visit.after = hold.aboard
        hold.aboard = rider
    hold.brought += number
    _begin(loading, now, world.visits, world.heap, world.counts)


# Lines


# A chain is a ring with a visit of nobody between the last and the first, which is never ready. So joining and leaving
# need not ask whether anybody is there, which a processor could not foresee.


@_compiled
def _line_up(number: int, visit: int, world: World) -> None:
    """Join a line at its end, only before those of the same instant before whom it comes."""
    visits, stays, line = world.visits, world.stays, world.lines[at(number)]
    chain = line.chain_from + visits[at(visit)].rank
    behind = chain
    ahead = visits[at(chain)].before
    ready = visits[at(visit)].ready
    while visits[at(ahead)].ready == ready and _comes_first(visit, ahead, visits, stays):
        behind = ahead
        ahead = visits[at(ahead)].before
    visits[at(visit)].before = ahead
    visits[at(visit)].after = behind
    visits[at(ahead)].after = visit
    visits[at(behind)].before = visit
    line.length += 1
    line.first = min(line.first, chain)


@_compiled
def _first(number: int, visits: Records, lines: Records) -> int:
    """Who is at the head of a line that is not empty."""
    line = lines[at(number)]
    while visits[at(line.first)].after == line.first:
        line.first += 1
    return visits[at(line.first)].after


@_compiled
def _last(number: int, visits: Records, lines: Records) -> int:
    """Who is at the end of a line that is not empty."""
    chain = lines[at(number)].chain_to - 1
    while visits[at(chain)].before == chain:
        chain -= 1
    return visits[at(chain)].before


@_compiled
def _unlink(number: int, visit: int, visits: Records, lines: Records) -> None:
    """Leave a line."""
    ahead, behind = visits[at(visit)].before, visits[at(visit)].after
    visits[at(ahead)].after = behind
    visits[at(behind)].before = ahead
    lines[at(number)].length -= 1


# The heap


# The first may be gone while its place is empty (`gap`): mostly something comes at once, and then one way through the
# heap does for both. The place behind the last always has a moment that never comes.


@_compiled
def _first_moment(heap: Records, counts: Records) -> int:
    """When the next of the heap happens; `LATER` if it is empty."""
    return min(heap[1].moment, heap[2].moment) if counts[0].gap else heap[0].moment


@_compiled
def _pop(heap: Records, counts: Records) -> int:
    """Take the first off the heap, which is not empty."""
    if counts[0].gap:
        counts[0].heap -= 1
        last = heap[at(counts[0].heap)]
        moment, what = last.moment, last.what
        last.moment = LATER
        _sink(moment, what, heap, counts[0].heap)
    counts[0].gap = True
    return heap[0].what


@_compiled
def _push(moment: int, what: int, heap: Records, counts: Records) -> None:
    """Put something on the heap."""
    if counts[0].gap:
        counts[0].gap = False
        _sink(moment, what, heap, counts[0].heap)
    else:
        place = counts[0].heap
        counts[0].heap += 1
        heap[at(counts[0].heap)].moment = LATER
        _rise(place, moment, what, heap)


@_compiled
def _sink(moment: int, what: int, heap: Records, size: int) -> None:
    """Put something into the heap whose first place is empty.

    The smaller child moves up all the way, and what comes rises from there. It seldom rises far, so the processor
    foresees both loops, which it could not do for a single one that ends where the new moment belongs.
    """
    place = 0
    child = 1
    while child < size:
        child += heap[at(child + 1)].moment < heap[at(child)].moment
        heap[at(place)].moment = heap[at(child)].moment
        heap[at(place)].what = heap[at(child)].what
        place = child
        child = 2 * place + 1
    _rise(place, moment, what, heap)


@_compiled
def _rise(place: int, moment: int, what: int, heap: Records) -> None:
    """Put something at an empty place of the heap without children, or above it if that is where it belongs."""
    while place:
        parent = (place - 1) >> 1
        if heap[at(parent)].moment <= moment:
            break
        heap[at(place)].moment = heap[at(parent)].moment
        heap[at(place)].what = heap[at(parent)].what
        place = parent
    heap[at(place)].moment = moment
    heap[at(place)].what = what
