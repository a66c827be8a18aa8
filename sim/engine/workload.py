"""A plan bound to a cohort: for every entity and activity, does it take place and how long does the work take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.engine.cohort import Cohort, FlowCohort, chosen
from sim.engine.plan import FlowPlan, Plan
from sim.scenario.fields import Cases, Conditions
from sim.scenario.procedure import Load
from sim.scenario.routes import found
from sim.scenario.steps import Steps
from sim.scenario.units import LONGEST

Times = NDArray[np.int64]
Column = TypeVar("Column", bound=np.generic)


@dataclass(frozen=True, slots=True)
class LoadTable:
    """Rules of the visits at which carriers take riders aboard; every array has the shape (loading visits,)."""

    visit: Times
    """The visit, ascending."""
    least: Times
    """It waits until so many riders are there."""
    most: Times
    """It takes at most so many."""
    patience: Times
    """After so many ms it leaves with what is there; -1 where it waits for ever."""


@dataclass(frozen=True)
class Workload:
    """Everything an engine needs, flat. A visit is an entity at an activity of its route.

    Entities are numbered by arrival, then by flow, then by index within the flow. Visits are numbered column by column:
    route by route, in each its activities in their order, in each the entities by arrival. So the values of an activity
    are a slice, and those of a route a table. Between equals the number of the entity decides, then the activity.
    """

    plan: Plan
    flow: Times
    """Flow of each entity, shape (entities,)."""
    arrival: Times
    """Arrival of each entity in ms, ascending, shape (entities,)."""
    work: Times
    """Duration of the work in ms, 0 where it does not take place, shape (visits,)."""
    takes_place: NDArray[np.bool_]
    """Whether the visit takes place, shape (visits,)."""
    priority: NDArray[np.int32]
    """Lower goes first, shape (visits,)."""
    outcomes: tuple[Mapping[str, NDArray[np.object_]], ...]
    """For each flow, each variable's outcome for each of its entities (None where it was not drawn)."""
    cohort_index: Times
    """Index of each entity within its flow's cohort, shape (entities,)."""
    capacity: tuple[Steps, ...]
    """Capacity of every resource over time, disruptions taken off."""
    carrier: Times
    """The entity that brings each entity, -1 for those that come by themselves; shape (entities,)."""
    loads: LoadTable
    """What the loading visits take and wait for."""
    disruptions: Mapping[str, tuple[tuple[int, int], ...]]
    """When each disruption strikes."""

    @cached_property
    def entities_of_flow(self) -> tuple[Times, ...]:
        """For each route (see `Plan.flows`) its entities, by arrival."""
        return _entities_of_flow(self.flow, self.plan)

    @cached_property
    def arrivals(self) -> tuple[Times, ...]:
        """For each route (see `Plan.flows`) the arrivals of its entities, ascending; not to be changed."""
        return tuple(self.of_route(self.arrival, code) for code in range(len(self.plan.flows)))

    def of_route(self, values: NDArray[Column], code: int) -> NDArray[Column]:
        """Of one value an entity those of a route, shape (entities by arrival,); not to be changed."""
        entities = self.entities_of_flow[code]
        return values if len(entities) == len(values) else values[entities]

    @cached_property
    def first_of_flow(self) -> Times:
        """The first visit of each route and the number of all visits at the end, shape (routes + 1,)."""
        sizes = [
            len(flow.activities) * len(of) for flow, of in zip(self.plan.flows, self.entities_of_flow, strict=True)
        ]
        return np.cumsum([0, *sizes])

    def column(self, values: NDArray[Column], code: int, number: int) -> NDArray[Column]:
        """Of one value a visit those of one activity of a route, not copied: shape (entities by arrival,)."""
        return self.columns(values, code)[number]

    def columns(self, values: NDArray[Column], code: int) -> NDArray[Column]:
        """Of one value a visit those of a route, not copied: shape (activities, entities by arrival)."""
        of_route = values[self.first_of_flow[code] : self.first_of_flow[code + 1]]
        return of_route.reshape(len(self.plan.flows[code].activities), len(self.entities_of_flow[code]))

    def visits(self, code: int, number: int) -> Times:
        """The visits of one activity of a route: shape (entities by arrival,)."""
        size = len(self.entities_of_flow[code])
        return self.first_of_flow[code] + number * size + np.arange(size)

    def visits_of_flow(self, code: int) -> Times:
        """The visits of a route: shape (activities, entities by arrival)."""
        return self.columns(np.arange(len(self.work)), code)

    def entities_of(self, visits: Times) -> Times:
        """The entity of each of some visits."""
        entities = np.empty(len(visits), dtype=np.int64)
        route = np.searchsorted(self.first_of_flow, visits, side="right") - 1
        for code in np.unique(route):
            here = route == code
            mine = self.entities_of_flow[code]
            entities[here] = mine[(visits[here] - self.first_of_flow[code]) % len(mine)]
        return entities

    def activities_of(self, visits: Times) -> Times:
        """The activity of each of some visits, by its number in its route."""
        route = np.searchsorted(self.first_of_flow, visits, side="right") - 1
        sizes = np.array([len(entities) for entities in self.entities_of_flow], dtype=np.int64)
        return (visits - self.first_of_flow[route]) // sizes[route]

    @cached_property
    def first_visit(self) -> Times:
        """Where in `by_entity` the visits of each entity begin, and the number of all visits: shape (entities + 1,)."""
        widths = np.array([len(flow.activities) for flow in self.plan.flows], dtype=np.int64)
        return np.concatenate(([0], np.cumsum(widths[self.flow]))).astype(np.int64)

    @cached_property
    def by_entity(self) -> Times:
        """All visits entity by entity, each in the order of its activities: the order in which equals go first."""
        order = np.empty(len(self.work), dtype=np.int64)
        for code, entities in enumerate(self.entities_of_flow):
            visits = self.visits_of_flow(code)
            order[self.first_visit[entities] + np.arange(len(visits))[:, None]] = visits
        return order

    def in_columns(self, values: NDArray[Column]) -> NDArray[Column]:
        """One value a visit, given in the order of `by_entity`, in the order of the visits."""
        columns = np.empty_like(values)
        columns[self.by_entity] = values
        return columns


def joined(parts: Sequence[NDArray[Column]], like: NDArray[Column]) -> NDArray[Column]:
    """Arrays like another one behind each other; one alone is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate([like[:0], *parts])


def picking(mask: NDArray[np.bool_]) -> NDArray[np.bool_] | slice:
    """A mask as an index; where it picks everything, one that copies nothing."""
    return slice(None) if mask.all() else mask


def bind(plan: Plan, cohort: Cohort) -> Workload:
    """Apply the rules of the plan to the luck of the cohort."""
    numbering = _number(plan, cohort)
    visits = sum(len(flow.activities) * len(of) for flow, of in zip(plan.flows, numbering.entities, strict=True))
    work = np.zeros(visits, dtype=np.int64)
    takes_place = np.zeros(visits, dtype=np.bool_)
    priority = np.zeros(visits, dtype=np.int32)
    outcomes: list[Mapping[str, NDArray[np.object_]]] = []
    loads: list[LoadTable] = []
    behind = 0
    for flow_plan, flow_cohort, chosen_ones, entities in zip(
        plan.flows, numbering.cohorts, numbering.chosen, numbering.entities, strict=True
    ):
        binding = _Binding(flow_cohort)
        for activity in flow_plan.activities:
            rules = activity.rules
            mask = binding.matches(rules.only)
            if rules.share is not None:
                mask &= flow_cohort.luck.of(f"share/{activity.name}") < binding.value(rules.share, np.float64)
            for variable, cases in sorted(activity.draws.items()):
                binding.draw(variable, cases, mask)
            for violation, chances in sorted(rules.detects.items()):
                binding.detect(activity.name, violation, chances, mask)
            here = slice(behind, behind + len(entities))
            behind = here.stop
            takes_place[here] = mask[chosen_ones]
            if rules.takes is not None:
                work[here] = binding.durations(f"takes/{activity.name}", rules.takes, mask)[chosen_ones]
            if rules.priority is not None:
                priority[here] = binding.value(rules.priority, np.int32)[chosen_ones]
            if rules.load is not None:
                here_visits = np.arange(here.start, here.stop)
                loads.append(binding.load_table(activity.name, rules.load, here_visits, chosen_ones))
        outcomes.append({variable: values[chosen_ones] for variable, values in binding.outcomes.items()})
    return Workload(
        plan=plan,
        flow=numbering.flow,
        arrival=numbering.arrival,
        work=work,
        takes_place=takes_place,
        priority=priority,
        outcomes=tuple(outcomes),
        cohort_index=numbering.index,
        capacity=_disrupted(plan, cohort),
        carrier=numbering.carrier,
        loads=_joined(loads),
        disruptions=cohort.disruptions,
    )


@dataclass(frozen=True, slots=True)
class _Numbering:
    """Which entity is which: global numbers by arrival, flow and index."""

    cohorts: list[FlowCohort]
    """For each route of the plan the cohort of its flow."""
    chosen: list[Times | slice]
    """For each route the indices of its entities in that cohort, ascending in arrival."""
    entities: tuple[Times, ...]
    """For each route the numbers of these entities."""
    flow: Times
    arrival: Times
    index: Times
    carrier: Times


def _number(plan: Plan, cohort: Cohort) -> _Numbering:
    """Number the entities; the order does not depend on which route an entity takes."""
    by_name = {flow.name: flow for flow in cohort.flows}
    names = plan.flow_names
    sizes = [len(by_name[name].arrival) for name in names]
    offset = dict(zip(names, np.concatenate(([0], np.cumsum(sizes)))[:-1].tolist(), strict=True))
    arrival = np.concatenate([np.zeros(0, dtype=np.int64), *(by_name[name].arrival for name in names)])
    index = np.concatenate([np.zeros(0, dtype=np.int64), *(np.arange(size) for size in sizes)])
    route = np.zeros(len(arrival), dtype=np.int64)
    for code, flow in enumerate(plan.flows):
        begin = offset[flow.name]
        mine = route[begin : begin + len(by_name[flow.name].arrival)]
        mine[_adopters(plan, flow, by_name[flow.name])] = code
    order = np.argsort(arrival, kind="stable")  # of equals those of the first flow first, and in it by index
    index = index[order]
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    carrier = np.full(len(arrival), -1, dtype=np.int64)
    for name in names:
        flow_cohort = by_name[name]
        if flow_cohort.carrier is not None and flow_cohort.carrier_flow is not None:
            begin = offset[name]
            carriers = number[offset[flow_cohort.carrier_flow] + flow_cohort.carrier]
            carrier[begin : begin + len(carriers)] = carriers
    flow_of = route[order]
    entities = _entities_of_flow(flow_of, plan)
    return _Numbering(
        cohorts=[by_name[flow.name] for flow in plan.flows],
        chosen=[_chosen(by_name[flow.name], index, of) for flow, of in zip(plan.flows, entities, strict=True)],
        entities=entities,
        flow=flow_of,
        arrival=arrival[order],
        index=index,
        carrier=carrier[order],
    )


def _chosen(cohort: FlowCohort, index: Times, entities: Times) -> Times | slice:
    """The indices of some entities; one that copies nothing where they are the whole cohort in its order."""
    is_whole = len(entities) == len(cohort.arrival) and bool((cohort.arrival[1:] >= cohort.arrival[:-1]).all())
    return slice(None) if is_whole else index[entities]


def _entities_of_flow(flow: Times, plan: Plan) -> tuple[Times, ...]:
    return tuple(np.flatnonzero(flow == code) for code in range(len(plan.flows)))


def _adopters(plan: Plan, flow: FlowPlan, cohort: FlowCohort) -> NDArray[np.bool_]:
    """Which entities of a flow take a route: those that adopt exactly its reforms.

    Who adopts at 35 % still does at 60 %.
    """
    partly: frozenset[str] = frozenset().union(*(other.adopts for other in plan.flows if other.name == flow.name))
    mask = np.ones(len(cohort.arrival), dtype=np.bool_)
    for reform in sorted(partly):
        adopts = cohort.luck.of(f"adopts/{reform}") < plan.adoption[flow.port][reform]
        mask &= adopts if reform in flow.adopts else ~adopts
    return mask


def _disrupted(plan: Plan, cohort: Cohort) -> tuple[Steps, ...]:
    """Capacity of every resource with the disruptions of a replication taken off."""
    capacity = [resource.capacity for resource in plan.resources]
    for disruption in plan.disruptions:
        for code in disruption.resources:
            strikes = cohort.disruptions[disruption.name]
            join = not plan.resources[code].quota
            capacity[code] = capacity[code].during(strikes, disruption.rules.left_of, join=join)
    return tuple(capacity)


def _joined(tables: list[LoadTable]) -> LoadTable:
    empty = np.zeros(0, dtype=np.int64)
    columns = [
        np.concatenate([empty, *(getattr(table, key) for table in tables)])
        for key in ("visit", "least", "most", "patience")
    ]
    return LoadTable(*columns)


class _Binding:
    """The outcomes of one flow's entities while its activities are bound in their order."""

    def __init__(self, cohort: FlowCohort) -> None:
        self.cohort = cohort
        self.count = len(cohort.arrival)
        self.outcomes: dict[str, NDArray[np.object_]] = dict(cohort.attributes)

    def matches(self, only: Conditions | None) -> NDArray[np.bool_]:
        """For whom conditions hold, shape (count,)."""
        mask = np.ones(self.count, dtype=np.bool_)
        for variable, wanted in (only or {}).items():
            outcomes = self.outcomes[variable]
            mask &= np.logical_or.reduce([outcomes == outcome for outcome in wanted])
        return mask

    def split(self, cases: Cases[Any]) -> list[tuple[Any, NDArray[np.bool_]]]:
        """The value of every case with those for whom it is the first that holds."""
        left = np.ones(self.count, dtype=np.bool_)
        parts = []
        for case in cases.cases:
            here = left & self.matches(case.only)
            left &= ~here
            parts.append((case.use, here))
        return parts

    def value(self, cases: Cases[Any], dtype: type[np.generic]) -> NDArray[Any]:
        """A number for each entity."""
        values = np.zeros(self.count, dtype=dtype)
        for use, here in self.split(cases):
            values[here] = use
        return values

    def load_table(self, activity: str, load: Load, visits: Times, chosen_ones: Times | slice) -> LoadTable:
        """The rules of a loading activity for each of the chosen entities."""
        most = self.value(load.up_to, np.int64)
        least = self.value(load.at_least, np.int64) if load.at_least is not None else np.minimum(most, 1)
        everybody, endless = np.ones(self.count, dtype=np.bool_), np.full(self.count, -1, dtype=np.int64)
        patience = self.durations(f"waits/{activity}", load.waits, everybody) if load.waits is not None else endless
        return LoadTable(visits, least[chosen_ones], most[chosen_ones], patience[chosen_ones])

    def durations(self, purpose: str, cases: Cases[Any], mask: NDArray[np.bool_]) -> Times:
        """A duration in ms for each entity of a mask: the same luck through the distribution of its case.

        At most 100 years; 0 for all others.
        """
        luck = self.cohort.luck.of(purpose)
        values = np.zeros(self.count, dtype=np.int64)
        for use, of_case in self.split(cases):
            here = picking(of_case & mask)
            values[here] = np.rint(np.minimum(use.quantile(luck[here]), LONGEST))
        return values

    def detect(self, activity: str, violation: str, cases: Cases[float], mask: NDArray[np.bool_]) -> None:
        """Find hidden violations among those for whom the detecting activity takes place."""
        variable = found(violation)
        before = self.outcomes.get(variable, np.full(self.count, None, dtype=object))
        luck = self.cohort.luck.of(f"detects/{activity}/{violation}")
        caught = (self.outcomes[violation] == True) & (luck < self.value(cases, np.float64))  # noqa: E712  # an array of objects
        self.outcomes[variable] = np.where(mask, (before == True) | caught, before)  # noqa: E712  # the same

    def draw(self, variable: str, cases: Cases[dict[str, float]], mask: NDArray[np.bool_]) -> None:
        """Decide a variable for those for whom the drawing activity takes place."""
        outcomes = self.outcomes.setdefault(variable, np.full(self.count, None, dtype=object))
        for shares, here in self.split(cases):
            drawn = here & mask
            if drawn.any():
                outcomes[drawn] = chosen(self.cohort.luck, f"draws/{variable}", shares)[drawn]
