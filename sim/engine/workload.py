"""A plan bound to a cohort: for every entity and activity, does it take place and how long does the work take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engine.cohort import Cohort, FlowCohort, chosen
from sim.engine.plan import Plan
from sim.scenario.fields import Cases, Conditions
from sim.scenario.units import LONGEST

Times = NDArray[np.int64]


@dataclass(frozen=True)
class Workload:
    """Everything an engine needs, flat: one value a visit (an entity and an activity of its route).

    Entities are numbered by arrival, then by flow, then by index within the flow; the visits of entity e are
    `first_visit[e]` to `first_visit[e + 1]`, in the order of the activities of its flow. So a visit's number also
    orders visits by entity and activity, as the rule for ties demands.
    """

    plan: Plan
    flow: Times
    """Flow of each entity, shape (entities,)."""
    arrival: Times
    """Arrival of each entity in ms, ascending, shape (entities,)."""
    first_visit: Times
    """First visit of each entity and the number of visits at the end, shape (entities + 1,)."""
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

    @cached_property
    def visits_of_flow(self) -> tuple[Times, ...]:
        """For each flow the visit numbers, shape (entities of the flow by arrival, activities)."""
        return tuple(
            self.first_visit[:-1][self.flow == code][:, None] + np.arange(len(flow.activities))
            for code, flow in enumerate(self.plan.flows)
        )


def bind(plan: Plan, cohort: Cohort) -> Workload:
    """Apply the rules of the plan to the luck of the cohort."""
    cohorts = {flow.name: flow for flow in cohort.flows}
    flows = [cohorts[flow.name] for flow in plan.flows]
    sizes = [len(flow.arrival) for flow in flows]
    arrival = np.concatenate([flow.arrival for flow in flows]) if flows else np.zeros(0, dtype=np.int64)
    flow_code = np.repeat(np.arange(len(flows)), sizes)
    index = np.concatenate([np.arange(size) for size in sizes]) if flows else np.zeros(0, dtype=np.int64)
    order = np.lexsort((index, flow_code, arrival))
    widths = np.array([len(flow.activities) for flow in plan.flows], dtype=np.int64)
    first_visit = np.concatenate(([0], np.cumsum(widths[flow_code[order]]))).astype(np.int64)
    visits = int(first_visit[-1])
    work = np.zeros(visits, dtype=np.int64)
    takes_place = np.zeros(visits, dtype=np.bool_)
    priority = np.zeros(visits, dtype=np.int32)
    outcomes: list[Mapping[str, NDArray[np.object_]]] = []
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    begin = 0
    for flow_plan, flow_cohort, size in zip(plan.flows, flows, sizes, strict=True):
        first = first_visit[position[begin : begin + size]]
        begin += size
        binding = _Binding(flow_cohort)
        for number, activity in enumerate(flow_plan.activities):
            rules = activity.rules
            mask = binding.matches(rules.only)
            if rules.share is not None:
                mask &= flow_cohort.luck.of(f"share/{activity.name}") < binding.value(rules.share, np.float64)
            for variable, cases in sorted(rules.draws.items()):
                binding.draw(variable, cases, mask)
            here = first + number
            takes_place[here] = mask
            if rules.takes is not None:
                work[here] = np.where(mask, binding.durations(activity.name, rules.takes), 0)
            if rules.priority is not None:
                priority[here] = binding.value(rules.priority, np.int32)
        outcomes.append(binding.outcomes)
    return Workload(
        plan=plan,
        flow=flow_code[order].astype(np.int64),
        arrival=arrival[order],
        first_visit=first_visit,
        work=work,
        takes_place=takes_place,
        priority=priority,
        outcomes=tuple(outcomes),
        cohort_index=index[order].astype(np.int64),
    )


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

    def durations(self, activity: str, cases: Cases[Any]) -> Times:
        """A duration in ms for each entity: the same luck through the distribution of its case, at most 100 years."""
        luck = self.cohort.luck.of(f"takes/{activity}")
        values = np.zeros(self.count, dtype=np.int64)
        for use, here in self.split(cases):
            values[here] = np.rint(np.minimum(use.quantile(luck[here]), LONGEST)).astype(np.int64)
        return values

    def draw(self, variable: str, cases: Cases[dict[str, float]], mask: NDArray[np.bool_]) -> None:
        """Decide a variable for those for whom the drawing activity takes place."""
        outcomes = self.outcomes.setdefault(variable, np.full(self.count, None, dtype=object))
        for shares, here in self.split(cases):
            drawn = here & mask
            if drawn.any():
                outcomes[drawn] = chosen(self.cohort.luck, f"draws/{variable}", shares)[drawn]
