"""Published figures beside simulated ones: the rows of docs/validation.md.

The simulated values are those of the reference run (`make reference`), so the page cannot say what no run has given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

CAREC_2023 = "https://cpmm.carecprogram.org/?p=440"
CAREC_2022 = "https://cpmm.carecprogram.org/2022-report/peoples-republic-of-china"
CHINA_DAILY = "http://www.yuzhongnet.com/a/202506/16/WS684f58d2a310a04af22c65e4_2.html"
CARS = "http://www.xcams4u.com/2025/8f0e4dbccafb4f40b51cfb72a5f2a2eb.html"
XINJIANG_DAILY = "http://www.tlfw.net/jj/202505/t20250531_28844584.html"
KHORGOS_RAIL = "http://china.org.cn/china/Off_the_Wire/2025-01/03/content_117644987.htm"
ALASHANKOU_RAIL = "https://fensifuwu.com/economics/2560792.html"
ALASHANKOU_STOP = "http://aolaikelin.cn/a/201906/28/WS5d1566a7a3103dbf1432ac13_2.html"
FIRST_TRUCK = "http://pat345a.wineast.net/meeting/?X2N=o.html"
ROAD_PORTS = "http://www.51dfch.com/a/xinwen/zhuantibaodao/694.html"
LABORATORY = "https://rus.baq.kz/ktzh-ogranichil-otpravku-zerna-iz-za-zatorov-na-kitayskoy-granitse_300025685/"


@dataclass(frozen=True, slots=True)
class Target:
    """One published total."""

    what: str
    subject: str
    mode: str
    published: str
    source: str
    low: float | None = None
    """The least that counts as reached, in hours."""
    high: float | None = None
    """The most."""
    measure: str = "port_dwell"

    def verdict(self, mean: float) -> str:
        """Whether a simulated mean lies where it should."""
        if self.low is None and self.high is None:
            return "for comparison"
        inside = (self.low is None or mean >= self.low) and (self.high is None or mean <= self.high)
        return "reached" if inside else "**missed**"

    @property
    def band(self) -> str:
        """The wanted band in words."""
        if self.low is None and self.high is None:
            return "–"
        if self.low is None:
            return f"under {self.high:g} h"
        if self.high is None:
            return f"over {self.low:g} h"
        return f"{self.low:g} to {self.high:g} h"


TARGETS = (
    Target(
        "Khorgos road, general export, 2023 rules",
        "khorgos_general_export",
        "traditional",
        "51.4 h (CAREC, outbound, 2023); two to three days (customs)",
        CAREC_2023,
        40,
        65,
    ),
    Target(
        "Khorgos road, general export, reformed",
        "khorgos_general_export",
        "smart",
        "6 h (customs, 2025)",
        CHINA_DAILY,
        4,
        10,
    ),
    Target("Khorgos road, new cars", "khorgos_car_export", "traditional", "over 30 h (2024)", CARS, 25, 40),
    Target("Khorgos road, new cars, own lane", "khorgos_car_export", "smart", "under 5 h (2024)", CARS, None, 6),
    Target(
        "Khorgos road, cleared inland",
        "khorgos_inland_export",
        "traditional",
        "48 h or 6 h before (2023; the source does not say which vehicles)",
        ROAD_PORTS,
    ),
    Target(
        "Khorgos road, cleared inland, reformed",
        "khorgos_inland_export",
        "smart",
        "2 h or 1 h after (2025)",
        ROAD_PORTS,
    ),
    Target(
        "Alashankou road, general export",
        "alashankou_general_export",
        "traditional",
        "61.7 h (2021), 81.3 h (2022), CAREC",
        CAREC_2022,
    ),
    Target(
        "Alashankou road, cleared inland, reformed",
        "alashankou_inland_export",
        "smart",
        "2 h 25 min, the first truck (2023-11-23)",
        FIRST_TRUCK,
    ),
    Target(
        "Khorgos rail, containers into China",
        "khorgos_rail_eastbound",
        "traditional",
        "two to three days (2025)",
        XINJIANG_DAILY,
        48,
        72,
    ),
    Target(
        "Khorgos rail, containers into China, reformed",
        "khorgos_rail_eastbound",
        "smart",
        "at most 16 h (2025)",
        XINJIANG_DAILY,
        None,
        20,
    ),
    Target(
        "Alashankou rail, containers into China",
        "alashankou_rail_eastbound",
        "traditional",
        "two to three days (2025)",
        XINJIANG_DAILY,
        48,
        72,
    ),
    Target(
        "Alashankou rail, containers into China, reformed",
        "alashankou_rail_eastbound",
        "smart",
        "under 16 h (2025)",
        XINJIANG_DAILY,
        None,
        20,
    ),
    Target(
        "Khorgos rail, westbound, Chinese station",
        "khorgos_rail_westbound",
        "traditional",
        "12 h; CAREC 34.8 h (2022) and 12.5 h (2023)",
        KHORGOS_RAIL,
    ),
    Target(
        "Khorgos rail, westbound, Chinese station, reformed",
        "khorgos_rail_westbound",
        "smart",
        "6 to 8 h (2024)",
        KHORGOS_RAIL,
    ),
    Target(
        "Alashankou rail, westbound, Chinese station",
        "alashankou_rail_westbound",
        "traditional",
        "12 h (2017); CAREC 30.5 h (2022) and 17.5 h (2023)",
        ALASHANKOU_STOP,
    ),
    Target(
        "Alashankou rail, westbound, Chinese station, reformed",
        "alashankou_rail_westbound",
        "smart",
        "at most 5 h (2022, 2025)",
        ALASHANKOU_RAIL,
    ),
    Target(
        "Alashankou rail, grain into China",
        "alashankou_rail_grain",
        "traditional",
        "the laboratory alone takes 5 to 10 days (2025)",
        LABORATORY,
        120,
        None,
    ),
)

WAITING = (
    (
        "Khorgos road, general export, 2023 rules",
        "khorgos_general_export",
        "traditional",
        "over 80 % (from CAREC's causes)",
    ),
    ("Khorgos road, new cars", "khorgos_car_export", "traditional", "not published"),
    ("Alashankou road, general export", "alashankou_general_export", "traditional", "not published"),
)
"""Flows whose share of waiting is shown: what, subject, mode, published."""

HEAD = """\
# Validation

Simulated totals beside published ones. The simulated values are those of the reference run (`results/reference`,
3 replications of 7 days; remade with this page by `make reference`), with their 95 % intervals. Most published figures
are bundles of reforms told by those who made them, without a sample and without a begin and an end of the clock;
CAREC's are means of forwarders' shipments. Capacities and many service times were chosen so that totals come out
roughly: agreement with the figures marked *reached* is calibration, not prediction, and nothing was held back to test
it.

| | mode | published | wanted | simulated mean [95 %] | | source |
| --- | --- | --- | --- | --- | --- | --- |
"""

SHARES = """
Share of the time in port that is waiting (queues and closed stations, on the critical path):

| | mode | published | simulated | most of it |
| --- | --- | --- | --- | --- |
"""

TAIL = "\n" + (Path(__file__).parent / "other_scenarios.md").read_text(encoding="utf-8")
"""What scenarios beside the reference run have given, as it was measured."""


def page(estimates: pd.DataFrame) -> str:
    """The page, from the estimates of the reference run."""
    rows = "".join(_row(target, estimates) for target in TARGETS)
    shares = "".join(_share(*waiting, estimates) for waiting in WAITING)
    return HEAD + rows + SHARES + shares + TAIL


def mean_of(estimates: pd.DataFrame, mode: str, subject: str, measure: str) -> pd.Series:
    """The estimate of a mean.

    Raises:
        LookupError: If there is not exactly one.
    """
    keys = {"mode": mode, "subject": subject, "measure": measure, "statistic": "mean"}
    chosen = estimates[(estimates[list(keys)] == pd.Series(keys)).all(axis=1)]
    if len(chosen) != 1:
        raise LookupError(f"{len(chosen)} estimates of {measure} of {subject} in {mode}")
    return chosen.iloc[0]


def _row(target: Target, estimates: pd.DataFrame) -> str:
    found = mean_of(estimates, target.mode, target.subject, target.measure)
    value = f"{found['mean']:.1f} h [{found['ci_low']:.1f}, {found['ci_high']:.1f}]"
    verdict = target.verdict(float(found["mean"]))
    cells = (target.what, target.mode, target.published, target.band, value, verdict, f"[source]({target.source})")
    return "| " + " | ".join(cells) + " |\n"


def _share(what: str, subject: str, mode: str, published: str, estimates: pd.DataFrame) -> str:
    chosen = estimates[(estimates["mode"] == mode) & estimates["subject"].str.startswith(f"{subject}/")]
    hours = {
        kind: chosen[chosen["measure"] == f"{kind}_by_phase"].set_index("subject")["mean"]
        for kind in ("queueing", "closed", "service")
    }
    waiting = hours["queueing"].add(hours["closed"], fill_value=0)
    share = waiting.sum() / (waiting.sum() + hours["service"].sum())
    longest = waiting.idxmax().removeprefix(f"{subject}/")
    return f"| {what} | {mode} | {published} | {share:.0%} | {longest} ({waiting.max():.1f} h) |\n"
