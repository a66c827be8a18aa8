"""A workload as arrays of records, which the compiled engine reads and fills. `docs/engine.md` draws them.

Entities, resources, rides and flows are numbered as in the workload and the plan. Activities are numbered through all
flows; that number is a code. Lists of different lengths, such as what each activity needs, lie one behind the other in
one array: `need_from` is the place of the first, `needs` how many there are. Other activities of the same entity are
named by the distance between their visits. -1 stands for nothing and nobody.

Only who is in the system has records: one of the stay and, side by side, one of each visit. When all visits are over,
their times go to the timeline and the records to the next entity of the flow. So a run works on memory as large as the
crowd, which stays in the processor's cache, and not as large as the workload.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.engine.plan import ActivityPlan, FlowPlan, Plan, resource_groups
from sim.engine.timeline import NEVER
from sim.engine.workload import Workload

NOBODY = -1
NOTHING = -1
MOST = np.iinfo(np.uint16).max
"""Of activities and of priorities; routes of those who adopt other reforms have activities of their own."""
LATER = np.iinfo(np.int64).max
"""After all moments that come."""

Records = NDArray[np.void]
Numbers = NDArray[np.int32]
Times = NDArray[np.int64]


def _record(**fields: str) -> np.dtype[np.void]:
    return np.dtype(list(fields.items()), align=True)


VISIT = _record(
    ready="i8",
    start="i8",
    end="i8",
    work="i8",
    number="i4",  # its number in the workload
    carrier="i4",
    stay="i4",
    before="i4",  # its neighbours in the chain in which it stands
    after="i4",
    load="i4",  # its place among the loading visits
    code="u2",
    rank="u2",  # the place of its priority among the levels
    open="i2",  # predecessors that have not ended
    takes_place="?",
)
STAY = _record(
    entity="i4",
    first="i4",  # the place of its first visit
    open="i4",  # visits that are not over
    next="i4",  # where it waits to be used again: the one that is used after it
)
FLOW = _record(
    first_code="u2",
    width="u2",  # how many activities it has
    root_from="i4",
    roots="i4",
    unused="i4",  # begins a chain of stays
    first="i4",  # the workload's number of its first visit
    size="i4",  # how many entities it has, and so how far visits of the same entity are apart
    come="i4",  # how many of them have arrived
)
ACTIVITY = _record(
    queue="i4",
    resource="i4",  # what it needs first: its station, if it has one
    units="i4",  # how much of it
    amount="i4",  # how much of that is given back when it ends
    need_from="i4",  # what else it needs
    return_from="i4",
    behind_from="i4",
    awaited_from="i4",
    ride="i4",
    loads="i4",
    first_load="i4",  # the place of its first among the loading visits
    unloads="i4",
    awaits="i4",
    needs="i2",
    returns="i2",
    behind="i2",
    awaited="i2",
    predecessors="i2",
    meets="?",  # whether it has to do with carriers or riders
    boards_at_once="?",  # whether those who come with a carrier are aboard here: a ride without predecessors
)
NEED = _record(resource="i4", amount="i4")
RETURN = _record(resource="i4", amount="i4", seized="i4")  # `seized`: distance to the activity that took it
AWAITED = _record(awaited="i4", riding="i4")  # `riding`: distance to the ride that tells which carrier waits
RESOURCE = _record(free="i8", limit="i4", group="i4")  # `limit`: the longest line
CHANGE = _record(at="i8", by="i8", resource="i4", replaces="?")  # `replaces`: passes of a quota that are lost
GROUP = _record(
    member_from="i4",
    member_to="i4",
    only="i4",  # the resource of its line if it has one and no more
    waiting="i8",  # how many stand in its lines
    woken="i4",  # not of this group: place by place the groups to look at before the instant is over,
    turn="i4",  # and those whose lines are being cut
    is_woken="?",
    limited="?",  # whether one of its lines has a limit
)
MEMBER = _record(resource="i4", blocked="?")  # a line of a group; `blocked`: nobody of it can start now
LINE = _record(length="i4", chain_from="i4", chain_to="i4", first="i4")  # no chain before `first` has anybody
RIDE = _record(overdue="i4", woken="i4", is_woken="?")  # `overdue`: carriers in line whose patience is over
HOLD = _record(aboard="i4", brought="i4", unloaded="?")  # `aboard` begins a chain; `brought` counts riders
VIGIL = _record(through="i4", patient="i4")  # riders who have it behind them; a chain of visits that wait
LOAD = _record(least="i8", most="i8", patience="i8", ride="i4", waits="?", overdue="?")
EVENT = _record(moment="i8", what="i8")  # `what`: the visit whose work ends, -1 - load where its patience does
COUNTS = _record(
    heap="i8",
    gap="?",  # whether the first on the heap is gone and its place empty
    coming="i8",
    groups="i8",
    rides="i8",
    stays="i8",
    visits="i8",
)


class World(NamedTuple):
    """Everything that a run reads and changes, in arrays of one dimension."""

    arrival: Times
    flow: Times
    brought_by: Times
    work: Times
    takes_place: NDArray[np.bool_]
    priority: Numbers
    levels: Numbers
    """The priorities that the plan knows, ascending."""
    stays: Records
    visits: Records
    flows: Records
    activities: Records
    needs: Records
    returns: Records
    steps: Numbers
    """Distances to the activities behind, and numbers of the activities with which a flow begins."""
    awaited: Records
    resources: Records
    changes: Records
    groups: Records
    members: Records
    lines: Records
    """The lines of the resources, then those of the riders of each ride, then those of its carriers."""
    rides: Records
    first_hold: Numbers
    """The first hold of each entity."""
    holds: Records
    """A hold is a carrier with one of its rides."""
    first_vigil: Numbers
    """The first vigil of each entity."""
    vigils: Records
    """A vigil is a carrier with one thing that it awaits."""
    loads: Records
    """By loading visit."""
    hold_of: Numbers
    """Which of its carrier's holds, by flow and then by ride."""
    ride_of: Numbers
    """By awaited: the ride whose riders must have it behind them."""
    vigil_of: Numbers
    """Which of its carrier's vigils, by flow and then by awaited."""
    heap: Records
    """A binary heap of what is going to happen; equal moments are in any order. Behind the last stands `LATER`."""
    coming: Numbers
    """A stack of what has to be told: visits whose predecessors are over, and -1 - visit for those that are over
    themselves while their followers do not know it."""
    counts: Records
    """One record: how much of some arrays is in use."""
    start: Times
    """What comes out: the start of each visit."""
    end: Times
    """What comes out: the end of each visit."""
    carriers: Numbers
    """What comes out: the carrier of each visit; empty if nobody rides."""
    turned_away: Times
    """What comes out: when each entity was turned away."""


def make_world(workload: Workload) -> World:
    """Lay a workload out.

    Raises:
        OverflowError: If it has more activities or larger numbers than records have room for.
    """
    plan, visits, entities = workload.plan, len(workload.work), len(workload.flow)
    levels = _levels(plan)
    activities = sum(len(flow.activities) for flow in plan.flows)
    for what, number in (("activities", activities), ("priorities", len(levels))):
        if number > MOST:
            raise OverflowError(f"{number:,} {what}, and {MOST:,} are the most")
    hold_of, vigil_of = _carriers(workload)
    first_hold, first_vigil = _firsts(workload, hold_of), _firsts(workload, vigil_of)
    rules = _Rules(workload)
    lines = np.zeros(len(plan.resources) + 2 * len(plan.rides), LINE)
    chains = len(lines) * len(levels)
    lines["chain_from"] = np.arange(len(lines)) * len(levels)
    lines["chain_to"] = lines["chain_from"] + len(levels)
    lines["first"] = lines["chain_from"]
    resources = np.zeros(len(plan.resources), RESOURCE)
    longest = np.iinfo(np.int32).max  # more than there can be visits
    resources["limit"] = [min(_or_nothing(resource.queue_limit), longest) for resource in plan.resources]
    resources["group"] = resource_groups(plan)
    groups, members = _groups(plan)
    start, end = np.empty((2, visits), np.int64)  # in one piece, which the system hands out sooner than two
    counts = np.zeros(1, COUNTS)
    counts["visits"] = chains
    # Memory that is never touched costs nothing, so what grows with the crowd has room for the worst case.
    return World(
        arrival=np.ascontiguousarray(workload.arrival, np.int64),
        flow=np.ascontiguousarray(workload.flow, np.int64),
        brought_by=np.ascontiguousarray(workload.carrier, np.int64),
        work=np.ascontiguousarray(workload.work, np.int64),
        takes_place=np.ascontiguousarray(workload.takes_place, np.bool_),
        priority=np.ascontiguousarray(workload.priority, np.int32),
        levels=levels,
        stays=np.empty(entities, STAY),
        visits=_visits(chains, visits),
        flows=rules.flows,
        activities=rules.activities,
        needs=rules.needs,
        returns=rules.returns,
        steps=rules.steps,
        awaited=rules.awaited,
        resources=resources,
        changes=_changes(workload),
        groups=groups,
        members=members,
        lines=lines,
        rides=np.zeros(len(plan.rides), RIDE),
        first_hold=first_hold,
        holds=_holds(workload, first_hold, hold_of),
        first_vigil=first_vigil,
        vigils=_vigils(workload, vigil_of),
        loads=_loads(workload),
        hold_of=hold_of.ravel(),
        ride_of=np.array([ride for ride, _ in plan.awaited], np.int32),
        vigil_of=vigil_of.ravel(),
        heap=_empty_heap(visits + len(workload.loads.visit)),
        coming=np.empty(visits, np.int32),
        counts=counts,
        start=start,
        end=end,
        carriers=np.empty(visits if plan.rides else 0, np.int32),
        turned_away=np.full(entities, NEVER, np.int64),
    )


def _levels(plan: Plan) -> Numbers:
    """All priorities that a visit can have, ascending."""
    cases = [a.rules.priority for flow in plan.flows for a in flow.activities if a.rules.priority is not None]
    return np.unique(np.array([0, *(case.use for each in cases for case in each.cases)], np.int32))


def _empty_heap(most: int) -> Records:
    """A heap with nothing on it. The engine looks at up to three places even then."""
    heap = np.empty(most + 3, EVENT)
    heap["moment"][:3] = LATER
    return heap


def _visits(chains: int, most: int) -> Records:
    """Empty chains, and room for visits. Each record has a line of the processor's cache to itself."""
    room = np.empty((chains + most + 1) * VISIT.itemsize, np.uint8)
    begin = -room.ctypes.data % VISIT.itemsize
    visits = room[begin : begin + (chains + most) * VISIT.itemsize].view(VISIT)
    visits["ready"][:chains] = NEVER
    visits["before"][:chains] = visits["after"][:chains] = np.arange(chains)
    return visits


def _or_nothing(number: int | None) -> int:
    return NOTHING if number is None else number


class _Rules:
    """What activities demand."""

    def __init__(self, workload: Workload) -> None:
        plan, first_visit = workload.plan, workload.first_of_flow.tolist()
        sizes = [len(entities) for entities in workload.entities_of_flow]
        self.lists: dict[str, list[Any]] = {"need": [], "return": [], "behind": [], "awaited": []}
        self.loads = 0
        """How many visits load at the activities so far."""
        activities = [
            self.activity(number, activity, size)
            for flow, size in zip(plan.flows, sizes, strict=True)
            for number, activity in enumerate(flow.activities)
        ]
        first_code = np.cumsum([0, *(len(flow.activities) for flow in plan.flows)]).tolist()
        flows = [
            (code, len(flow.activities), *self.place("behind", self.roots(flow)), NOBODY, first, size, 0)
            for code, flow, first, size in zip(first_code, plan.flows, first_visit, sizes, strict=False)
        ]
        self.activities = np.array(activities, ACTIVITY)
        self.flows = np.array(flows, FLOW)
        self.needs = np.array(self.lists["need"], NEED)
        self.returns = np.array(self.lists["return"], RETURN)
        self.steps = np.array(self.lists["behind"], np.int32)
        self.awaited = np.array(self.lists["awaited"], AWAITED)

    @staticmethod
    def roots(flow: FlowPlan) -> list[int]:
        """The activities with which a flow begins."""
        return [number for number, activity in enumerate(flow.activities) if not activity.before]

    def place(self, which: str, values: Sequence[Any]) -> tuple[int, int]:
        """Put a list behind the others of its kind: where it begins, and how long it is."""
        begin = len(self.lists[which])
        self.lists[which].extend(values)
        return begin, len(values)

    def activity(self, number: int, plan: ActivityPlan, size: int) -> tuple[int, ...]:
        """One record, of an activity of a flow of some size."""
        carried = [plan.ride, plan.loads, plan.unloads, plan.awaits]
        first_load = self.loads
        self.loads += size if plan.loads is not None else 0
        first, *others = sorted(plan.needs, key=lambda need: need[0] != plan.station) or [(NOTHING, 0)]
        lists = [
            self.place("need", others),
            self.place("return", [(resource, amount, seized - number) for resource, amount, seized in plan.gives_back]),
            self.place("behind", [other - number for other in plan.behind]),
            self.place("awaited", [(awaited, riding - number) for awaited, riding in plan.awaited]),
        ]
        return (
            _or_nothing(plan.queue),
            *first,
            plan.amount if plan.station is not None else 0,
            *(begin for begin, _ in lists),
            _or_nothing(plan.ride),
            _or_nothing(plan.loads),
            first_load,
            _or_nothing(plan.unloads),
            _or_nothing(plan.awaits),
            *(length for _, length in lists),
            len(plan.before),
            any(ride is not None for ride in carried) or bool(plan.awaited),
            plan.ride is not None and not plan.before,
        )


def _carriers(workload: Workload) -> tuple[Numbers, Numbers]:
    """For each flow which holds and vigils its entities have."""
    plan, flow = workload.plan, workload.flow
    bringing = set(flow[workload.carrier[workload.carrier != NOBODY]].tolist())
    hold_of = np.full((len(plan.flows), len(plan.rides)), NOTHING, np.int32)
    vigil_of = np.full((len(plan.flows), len(plan.awaited)), NOTHING, np.int32)
    for code, one in enumerate(plan.flows):
        if code in bringing or any(a.loads is not None or a.unloads is not None for a in one.activities):
            hold_of[code] = np.arange(len(plan.rides))
        awaits = sorted({a.awaits for a in one.activities if a.awaits is not None})
        vigil_of[code, awaits] = np.arange(len(awaits))
    return hold_of, vigil_of


def _widths(workload: Workload, table: Numbers) -> Times:
    """How many holds or vigils each entity has."""
    return (table != NOTHING).sum(axis=1)[workload.flow]


def _firsts(workload: Workload, table: Numbers) -> Numbers:
    """The first hold or vigil of each entity."""
    if not table.size:
        return np.zeros(len(workload.flow), np.int32)
    widths = _widths(workload, table)
    return (np.cumsum(widths) - widths).astype(np.int32)


def _changes(workload: Workload) -> Records:
    """Every change of a capacity and every period of a quota, in the order of time."""
    parts = []
    for code, (resource, steps) in enumerate(zip(workload.plan.resources, workload.capacity, strict=True)):
        part = np.empty(len(steps.times), CHANGE)
        part["at"] = steps.times
        part["by"] = steps.values if resource.quota else np.diff(steps.values, prepend=0)
        part["resource"] = code
        part["replaces"] = resource.quota and not resource.kept
        parts.append(part)
    changes = np.concatenate([np.empty(0, CHANGE), *parts])
    return changes[np.argsort(changes["at"], kind="stable")]


def _groups(plan: Plan) -> tuple[Records, Records]:
    """For each group of resources the lines that compete."""
    queues = sorted({a.queue for flow in plan.flows for a in flow.activities if a.queue is not None})
    group_of = resource_groups(plan)
    groups = np.zeros(len(group_of), GROUP)
    members = np.zeros(len(queues), MEMBER)
    members["resource"] = sorted(queues, key=lambda queue: group_of[queue])
    belongs = np.sort([group_of[queue] for queue in queues])
    groups["member_from"] = np.searchsorted(belongs, np.arange(len(groups)), side="left")
    groups["member_to"] = np.searchsorted(belongs, np.arange(len(groups)), side="right")
    alone = groups["member_to"] - groups["member_from"] == 1
    groups["only"] = NOTHING
    groups["only"][alone] = members["resource"][groups["member_from"][alone]]
    for resource, group in zip(plan.resources, group_of, strict=True):
        groups[group]["limited"] |= resource.queue_limit is not None
    return groups, members


def _holds(workload: Workload, first_hold: Numbers, hold_of: Numbers) -> Records:
    """For each carrier and ride who arrives aboard."""
    plan, flow = workload.plan, workload.flow
    holds = np.zeros(int(_widths(workload, hold_of).sum()), HOLD)
    holds["aboard"] = NOBODY
    for code, one in enumerate(plan.flows):
        for number, activity in enumerate(one.activities):
            if activity.ride is not None and not activity.before:
                riding = workload.column(workload.takes_place, code, number)
                carriers = workload.of_route(workload.carrier, code)[riding]
                carriers = carriers[carriers != NOBODY]
                hold = first_hold[carriers] + hold_of[flow[carriers], activity.ride]
                np.add.at(holds["brought"], hold, 1)
    return holds


def _vigils(workload: Workload, vigil_of: Numbers) -> Records:
    vigils = np.zeros(int(_widths(workload, vigil_of).sum()), VIGIL)
    vigils["patient"] = NOBODY
    return vigils


def _loads(workload: Workload) -> Records:
    loads = np.zeros(len(workload.loads.visit), LOAD)
    for key in ("least", "most", "patience"):
        loads[key] = getattr(workload.loads, key)
    return loads
