"""Facilitation and security: who is inspected, what is found and missed, what the innocent pay in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.engine.audit import through
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.measures.clocks import measured
from sim.measures.table import Tables
from sim.scenario.routes import found
from sim.scenario.units import HOUR


@dataclass(slots=True)
class _Tally:
    """What is counted of one violation in one flow."""

    entities: int = 0
    inspected: int = 0
    present: int = 0
    caught: int = 0
    innocent: int = 0
    innocent_hours: float = 0.0
    """Time that the innocent spend waiting for and in activities that look for the violation."""
    inspected_innocent: int = 0


def add_security(tables: Tables, workload: Workload, timeline: Timeline) -> None:
    """Every violation that some activity of a flow detects; of the measured entities that are through."""
    tallies: dict[tuple[str, str, str], _Tally] = {}
    for code, flow in enumerate(workload.plan.flows):
        violations = sorted({violation for activity in flow.activities for violation in activity.rules.detects})
        if not violations:
            continue
        passed = measured(workload, timeline, code) & (through(workload, timeline, code) != NEVER)
        for violation in violations:
            looking = [number for number, a in enumerate(flow.activities) if violation in a.rules.detects]
            tally = tallies.setdefault((flow.port, flow.name, violation), _Tally())
            _count(tally, workload, timeline, code, looking=looking, violation=violation, passed=passed)
    for (port, name, violation), tally in sorted(tallies.items()):
        subject = f"{name}/{violation}"
        tables.add(port, subject, "inspected", "share", mean=_ratio(tally.inspected, tally.entities))
        tables.add(
            port,
            subject,
            "violations",
            "entities",
            present=tally.present,
            found=tally.caught,
            missed=tally.present - tally.caught,
        )
        tables.add(port, subject, "detection", "share", mean=_ratio(tally.caught, tally.present))
        tables.add(port, subject, "hit_rate", "share", mean=_ratio(tally.caught, tally.inspected))
        tables.add(
            port,
            subject,
            "delay_of_innocent",
            "h",
            mean=_ratio(tally.innocent_hours, tally.innocent),
            mean_of_inspected=_ratio(tally.innocent_hours, tally.inspected_innocent),
        )


def _count(
    tally: _Tally,
    workload: Workload,
    timeline: Timeline,
    code: int,
    *,
    looking: list[int],
    violation: str,
    passed: NDArray[np.bool_],
) -> None:
    outcomes = workload.outcomes[code]
    guilty = np.array(outcomes[violation][passed] == True, dtype=np.bool_)  # noqa: E712  # an array of objects
    caught = np.array(outcomes[found(violation)][passed] == True, dtype=np.bool_)  # noqa: E712  # the same
    looked_at, spent = np.zeros(len(guilty), dtype=np.bool_), np.zeros(len(guilty), dtype=np.int64)
    for number in looking:
        looked_at |= workload.column(workload.takes_place, code, number)[passed]
        spent += (workload.column(timeline.end, code, number) - timeline.ready(workload, code, number))[passed]
    tally.entities += len(guilty)
    tally.inspected += int(looked_at.sum())
    tally.present += int(guilty.sum())
    tally.caught += int((guilty & caught).sum())
    tally.innocent += int((~guilty).sum())
    tally.inspected_innocent += int((~guilty & looked_at).sum())
    tally.innocent_hours += float(spent[~guilty].sum()) / HOUR


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
