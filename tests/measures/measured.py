"""Helpers of the tests of measures: one run of a tiny world, and single values of its tables."""

import pandas as pd

from sim.measures.measure import measure
from sim.scenario.scenario import Scenario
from sim.study.runs import mode_job
from tests.worlds import simulated, world


class Measured:
    """The tables of one run, with its workload and timeline."""

    def __init__(self, scenario: Scenario | str, **calendar: str) -> None:
        self.scenario = world(scenario, **calendar) if isinstance(scenario, str) else scenario
        self.mode = self.scenario.modes[0]
        self.workload, self.timeline = simulated(self.scenario)
        job = mode_job(self.scenario, self.mode)
        self.clocks = job.clocks
        self.measures, self.series = measure(
            self.mode, 0, self.workload, self.timeline, clocks=self.clocks, costs=job.costs, staff=job.staff
        )

    def rows(self, subject: str, measure: str, port: str | None = None) -> pd.DataFrame:
        """All rows of a subject and a measure."""
        table = self.measures
        chosen = table[(table["subject"] == subject) & (table["measure"] == measure)]
        return chosen if port is None else chosen[chosen["port"] == port]

    def values(self, subject: str, measure: str, port: str | None = None) -> dict[str, float]:
        """Statistic to value."""
        rows = self.rows(subject, measure, port)
        assert rows["statistic"].is_unique
        return dict(zip(rows["statistic"], rows["value"], strict=True))

    def line(self, subject: str, measure: str, axis: str) -> dict[float, float]:
        """X to value of a series."""
        table = self.series
        rows = table[(table["subject"] == subject) & (table["measure"] == measure) & (table["axis"] == axis)]
        assert rows["x"].is_unique
        return dict(zip(rows["x"], rows["value"], strict=True))
