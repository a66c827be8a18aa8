"""A workload as arrays of records, which the compiled engine reads and fills. `docs/engine.md` draws them.

Visits and entities are numbered as in the workload, resources, rides and flows as in the plan. Activities are numbered
through all flows; that number is a code. Lists of different lengths, such as what each activity needs, lie one behind
the other in one array, and `need_from` to `need_to` are the places of one of them. Other activities of the same entity
are named by the distance between their visits. -1 stands for nothing and nobody.

A record of a visit is as long as a line of the processor's cache, so everything about a visit comes with one access.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.engine.plan import ActivityPlan, Plan, resource_groups
from sim.engine.timeline import NEVER
from sim.engine.workload import Workload

NOBODY = -1
NOTHING = -1

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
    carrier="i4",
    code="i4",
    entity="i4",
    rank="i4",  # the place of its priority among all that occur
    before="i4",  # its neighbours in the chain in which it stands
    after="i4",
    load="i4",  # its place among the loading visits
    open="i2",  # predecessors that have not ended
    takes_place="?",
)
ENTITY = _record(
    arrival="i8",
    turned_away="i8",
    first_visit="i4",
    end_visit="i4",
    flow="i4",
    brought_by="i4",
    first_hold="i4",
    first_vigil="i4",
)
FLOW = _record(first_code="i4", root_from="i4", root_to="i4")
ACTIVITY = _record(
    station="i4",
    amount="i4",
    queue="i4",
    need_from="i4",
    need_to="i4",
    return_from="i4",
    return_to="i4",
    behind_from="i4",
    behind_to="i4",
    awaited_from="i4",
    awaited_to="i4",
    ride="i4",
    loads="i4",
    unloads="i4",
    awaits="i4",
    predecessors="i2",
    meets="?",  # whether it has to do with carriers or riders
    boards_at_once="?",  # whether those who come with a carrier are aboard here: a ride without predecessors
)
NEED = _record(resource="i4", amount="i4")
RETURN = _record(resource="i4", amount="i4", seized="i4")  # `seized`: distance to the activity that took it
AWAITED = _record(awaited="i4", riding="i4")  # `riding`: distance to the ride that tells which carrier waits
RESOURCE = _record(free="i8", limit="i8", group="i4")  # `limit`: the longest line
CHANGE = _record(at="i8", by="i8", resource="i4", replaces="?")  # `replaces`: passes of a quota that are lost
GROUP = _record(
    member_from="i4",
    member_to="i4",
    woken="i4",  # not of this group: place by place the groups to look at before the instant is over,
    turn="i4",  # and those that are being looked at
    is_woken="?",
    limited="?",  # whether one of its lines has a limit
)
MEMBER = _record(resource="i4", blocked="?")  # a line of a group; `blocked`: nobody of it can start now
LINE = _record(length="i4", chain_from="i4", chain_to="i4", first="i4")  # no chain before `first` has anybody
CHAIN = _record(head="i4", tail="i4")
RIDE = _record(overdue="i4", woken="i4", is_woken="?")  # `overdue`: carriers in line whose patience is over
HOLD = _record(aboard="i4", brought="i4", unloaded="?")  # `aboard` begins a chain; `brought` counts riders
VIGIL = _record(through="i4", patient="i4")  # riders who have it behind them; a chain of visits that wait
LOAD = _record(least="i8", most="i8", patience="i8", overdue="?")
EVENT = _record(moment="i8", visit="i8")  # `visit`: whose work ends; -1 - visit where a carrier's patience does
COUNTS = _record(heap="i8", coming="i8", groups="i8", rides="i8")


class World(NamedTuple):
    """Everything that a run reads and changes."""

    visits: Records
    entities: Records
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
    chains: Records
    """For each line a chain of visits for each rank, in the order of (ready, visit)."""
    rides: Records
    holds: Records
    """A hold is a carrier with one of its rides."""
    vigils: Records
    """A vigil is a carrier with one thing that it awaits."""
    loads: Records
    """By loading visit."""
    hold_of: Numbers
    """Which of its carrier's holds, shape (flows, rides)."""
    ride_of: Numbers
    """By awaited: the ride whose riders must have it behind them."""
    vigil_of: Numbers
    """Which of its carrier's vigils, shape (flows, awaited)."""
    heap: Records
    """A binary heap of what is going to happen; equal moments are in the order of visits."""
    coming: Numbers
    """A stack of what has to be told: visits whose predecessors are over, and -1 - visit for those that are over
    themselves while their followers do not know it."""
    counts: Records
    """One record: how much of some arrays is in use."""


def make_world(workload: Workload, ranks: int) -> World:
    """Lay a workload with some number of priorities out, all but the records of the visits."""
    plan = workload.plan
    entities, hold_of, vigil_of = _entities(workload)
    rules = _Rules(plan)
    lines = np.zeros(len(plan.resources) + 2 * len(plan.rides), LINE)
    lines["chain_from"] = np.arange(len(lines)) * ranks
    lines["chain_to"] = lines["chain_from"] + ranks
    lines["first"] = lines["chain_from"]
    resources = np.zeros(len(plan.resources), RESOURCE)
    resources["limit"] = [_or_nothing(resource.queue_limit) for resource in plan.resources]
    resources["group"] = resource_groups(plan)
    groups, members = _groups(plan)
    return World(
        visits=np.empty(len(workload.work), VISIT),
        entities=entities,
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
        chains=np.full(len(lines) * ranks, np.array((NOBODY, NOBODY), CHAIN)),
        rides=np.zeros(len(plan.rides), RIDE),
        holds=_holds(workload, entities, hold_of),
        vigils=_vigils(workload, vigil_of),
        loads=_loads(workload),
        hold_of=hold_of,
        ride_of=np.array([ride for ride, _ in plan.awaited], np.int32),
        vigil_of=vigil_of,
        # Memory that is never touched costs nothing, so these have room for the worst case.
        heap=np.empty(len(workload.work) + len(workload.loads.visit), EVENT),
        coming=np.empty(len(workload.work), np.int32),
        counts=np.zeros(1, COUNTS),
    )


def _or_nothing(number: int | None) -> int:
    return NOTHING if number is None else number


class _Rules:
    """What activities demand."""

    def __init__(self, plan: Plan) -> None:
        self.lists: dict[str, list[Any]] = {"need": [], "return": [], "behind": [], "awaited": []}
        activities = [self.activity(n, a) for flow in plan.flows for n, a in enumerate(flow.activities)]
        first_code = np.cumsum([0, *(len(flow.activities) for flow in plan.flows)]).tolist()
        flows = [
            (code, *self.place("behind", [n for n, activity in enumerate(flow.activities) if not activity.before]))
            for code, flow in zip(first_code, plan.flows, strict=False)
        ]
        self.activities = np.array(activities, ACTIVITY)
        self.flows = np.array(flows, FLOW)
        self.needs = np.array(self.lists["need"], NEED)
        self.returns = np.array(self.lists["return"], RETURN)
        self.steps = np.array(self.lists["behind"], np.int32)
        self.awaited = np.array(self.lists["awaited"], AWAITED)

    def place(self, which: str, values: Sequence[Any]) -> tuple[int, int]:
        """Put a list behind the others of its kind."""
        begin = len(self.lists[which])
        self.lists[which].extend(values)
        return begin, begin + len(values)

    def activity(self, number: int, plan: ActivityPlan) -> tuple[int, ...]:
        """One record."""
        carried = [plan.ride, plan.loads, plan.unloads, plan.awaits]
        return (
            _or_nothing(plan.station),
            plan.amount,
            _or_nothing(plan.queue),
            *self.place("need", plan.needs),
            *self.place(
                "return", [(resource, amount, seized - number) for resource, amount, seized in plan.gives_back]
            ),
            *self.place("behind", [other - number for other in plan.behind]),
            *self.place("awaited", [(awaited, riding - number) for awaited, riding in plan.awaited]),
            *(_or_nothing(ride) for ride in carried),
            len(plan.before),
            any(ride is not None for ride in carried) or bool(plan.awaited),
            plan.ride is not None and not plan.before,
        )


def _entities(workload: Workload) -> tuple[Records, Numbers, Numbers]:
    """The entities, and for each flow which holds and vigils its entities have."""
    plan, flow = workload.plan, workload.flow
    bringing = set(flow[workload.carrier[workload.carrier != NOBODY]].tolist())
    hold_of = np.full((len(plan.flows), len(plan.rides)), NOTHING, np.int32)
    vigil_of = np.full((len(plan.flows), len(plan.awaited)), NOTHING, np.int32)
    for code, one in enumerate(plan.flows):
        if code in bringing or any(a.loads is not None or a.unloads is not None for a in one.activities):
            hold_of[code] = np.arange(len(plan.rides))
        awaits = sorted({a.awaits for a in one.activities if a.awaits is not None})
        vigil_of[code, awaits] = np.arange(len(awaits))
    entities = np.zeros(len(flow), ENTITY)
    entities["arrival"] = workload.arrival
    entities["turned_away"] = NEVER
    entities["first_visit"] = workload.first_visit[:-1]
    entities["end_visit"] = workload.first_visit[1:]
    entities["flow"] = flow
    entities["brought_by"] = workload.carrier
    for key, table in (("first_hold", hold_of), ("first_vigil", vigil_of)):
        widths = (table != NOTHING).sum(axis=1)[flow]
        entities[key] = np.cumsum(widths) - widths
    return entities, hold_of, vigil_of


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
    for resource, group in zip(plan.resources, group_of, strict=True):
        groups[group]["limited"] |= resource.queue_limit is not None
    return groups, members


def _holds(workload: Workload, entities: Records, hold_of: Numbers) -> Records:
    """For each carrier and ride who arrives aboard."""
    plan, flow = workload.plan, workload.flow
    holds = np.zeros(int((hold_of != NOTHING).sum(axis=1)[flow].sum()), HOLD)
    holds["aboard"] = NOBODY
    for code, one in enumerate(plan.flows):
        for number, activity in enumerate(one.activities):
            if activity.ride is not None and not activity.before:
                riding = workload.takes_place[workload.visits_of_flow[code][:, number]]
                carriers = workload.carrier[workload.entities_of_flow[code]][riding]
                carriers = carriers[carriers != NOBODY]
                hold = entities["first_hold"][carriers] + hold_of[flow[carriers], activity.ride]
                np.add.at(holds["brought"], hold, 1)
    return holds


def _vigils(workload: Workload, vigil_of: Numbers) -> Records:
    vigils = np.zeros(int((vigil_of != NOTHING).sum(axis=1)[workload.flow].sum()), VIGIL)
    vigils["patient"] = NOBODY
    return vigils


def _loads(workload: Workload) -> Records:
    loads = np.zeros(len(workload.loads.visit), LOAD)
    for key in ("least", "most", "patience"):
        loads[key] = getattr(workload.loads, key)
    return loads
