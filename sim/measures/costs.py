"""Money and emissions: what a passage costs and who bears it, what it emits, what staff costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.measures.clocks import Reading, measured, read_clock
from sim.measures.paths import PathTimes
from sim.measures.table import Tables
from sim.scenario.costs import FlowCosts, Staff
from sim.scenario.procedure import PRESENCE, Clock
from sim.scenario.units import DAY, HOUR


class _Bill:
    """Sums over the measured entities of a flow."""

    def __init__(self) -> None:
        self.entities = 0
        self.parts: defaultdict[tuple[str, str], float] = defaultdict(float)
        """CNY by kind and bearer."""
        self.co2: float | None = None
        """Kilograms, where anything says what it emits."""

    def emit(self, kilograms: float) -> None:
        self.co2 = kilograms + (self.co2 or 0.0)


def add_costs(
    tables: Tables,
    clocks: Mapping[str, Clock],
    costs: Mapping[str, FlowCosts],
    workload: Workload,
    timeline: Timeline,
    *,
    paths: Sequence[PathTimes | None],
) -> None:
    """Costs and emissions of every flow that says what its time costs or whose activities do, per measured entity.

    Time counts as the clock `port_dwell` does: who has not left counts up to the horizon.
    """
    bills: dict[tuple[str, str], _Bill] = {}
    for code, flow in enumerate(workload.plan.flows):
        rules = costs.get(flow.name)
        fees = [(number, a.rules.fee) for number, a in enumerate(flow.activities) if a.rules.fee is not None]
        emissions = [(number, a.rules.emits) for number, a in enumerate(flow.activities) if a.rules.emits is not None]
        if rules is None and not fees and not emissions:
            continue
        bill = bills.setdefault((flow.port, flow.name), _Bill())
        chosen = measured(workload, timeline, code)
        bill.entities += int(chosen.sum())
        for number, fee in fees:
            bill.parts["fees", fee.bearer] += fee.amount * _done(chosen, number, code, workload, timeline)
        for number, kilograms in emissions:
            bill.emit(kilograms * _done(chosen, number, code, workload, timeline))
        if rules is not None and PRESENCE in clocks:
            _add_time(bill, rules, read_clock(clocks[PRESENCE], workload, timeline, code), paths[code])
    for (port, name), bill in sorted(bills.items()):
        _write(tables, port, name, bill)


def _done(chosen: NDArray[np.bool_], number: int, code: int, workload: Workload, timeline: Timeline) -> int:
    """For how many of the chosen entities of a route an activity has taken place."""
    takes_place = workload.column(workload.takes_place, code, number)
    return int((chosen & takes_place & (workload.column(timeline.end, code, number) != NEVER)).sum())


def _add_time(bill: _Bill, rules: FlowCosts, reading: Reading | None, path: PathTimes | None) -> None:
    if reading is None:
        return
    if rules.value_of_time is not None:
        bill.parts["time", rules.bearer] += rules.value_of_time * float(reading.hours.sum())
    if rules.waiting is not None:
        beyond = np.maximum(reading.hours - rules.waiting.after / HOUR, 0.0)
        bill.parts["waiting_charges", rules.waiting.bearer] += rules.waiting.charge / 24 * float(beyond.sum())
    if rules.idling is not None and path is not None:
        idle = rules.idling.share * float(path.queueing.sum() + path.closed.sum())
        litres = idle * rules.idling.burns
        bill.parts["fuel", rules.idling.bearer] += litres * rules.idling.price
        bill.emit(litres * rules.idling.co2)


def _write(tables: Tables, port: str, name: str, bill: _Bill) -> None:
    entities = bill.entities or float("nan")
    for kind in sorted({kind for kind, _ in bill.parts}):
        total = sum(amount for (other, _), amount in bill.parts.items() if other == kind)
        tables.add(port, name, f"cost_of_{kind}", "CNY", mean=total / entities)
    for bearer in sorted({bearer for _, bearer in bill.parts}):
        total = sum(amount for (_, other), amount in bill.parts.items() if other == bearer)
        tables.add(port, f"{name}/{bearer}", "cost", "CNY", mean=total / entities)
    if bill.parts:
        tables.add(port, name, "cost", "CNY", mean=sum(bill.parts.values()) / entities)
    if bill.co2 is not None:
        tables.add(port, name, "co2", "kg", mean=bill.co2 / entities)


def add_staff(tables: Tables, staff: Mapping[str, Staff], workload: Workload) -> None:
    """Hours on duty and wages of every station that names its staff, per day; a disruption sends nobody home."""
    window = np.array(workload.plan.calendar.window)
    days = float(window[1] - window[0]) / DAY
    for resource in workload.plan.resources:
        rules = staff.get(resource.name)
        if rules is not None:
            begin, end = resource.capacity.integral(window)
            hours = float(end - begin) / HOUR * rules.people / days
            tables.add(resource.port, resource.name, "staff_hours", "h per day", per_day=hours)
            tables.add(resource.port, resource.name, "staff_cost", "CNY per day", per_day=hours * rules.wage)
