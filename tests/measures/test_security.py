"""What is inspected, found and missed, and what the innocent pay: by hand, and by counting entities one by one."""

import math

import numpy as np
import pytest

from sim.study.runs import mode_job, replay
from tests.measures.measured import Measured
from tests.worlds import HOUR, world

# Three at once at one desk, 20 minutes each: 20, 40 and 60 minutes there.
DESK = """
demand: {truck: {arrivals: [0, 0, 0], attributes: {illicit: {share: SHARE}}}}
stations: {desk: {}}
routes: {truck: {inspect: {at: desk, takes: 20 min, detects: {illicit: CHANCE}}}}
"""


def desk(share, chance, **calendar):
    return Measured(DESK.replace("SHARE", share).replace("CHANCE", chance), **calendar)


def test_all_guilty_and_all_found():
    run = desk("100%", "100%")
    assert run.values("truck/illicit", "inspected") == {"mean": 1}
    assert run.values("truck/illicit", "violations") == {"present": 3, "found": 3, "missed": 0}
    assert run.values("truck/illicit", "detection") == {"mean": 1}
    assert run.values("truck/illicit", "hit_rate") == {"mean": 1}
    assert all(math.isnan(value) for value in run.values("truck/illicit", "delay_of_innocent").values())


def test_all_guilty_and_all_missed():
    run = desk("100%", "0%")
    assert run.values("truck/illicit", "violations") == {"present": 3, "found": 0, "missed": 3}
    assert run.values("truck/illicit", "detection") == {"mean": 0}
    assert run.values("truck/illicit", "hit_rate") == {"mean": 0}


def test_the_innocent_wait_and_nothing_is_found():
    run = desk("0%", "100%")
    assert run.values("truck/illicit", "violations") == {"present": 0, "found": 0, "missed": 0}
    assert math.isnan(run.values("truck/illicit", "detection")["mean"])
    hours = (20 + 40 + 60) / 3 / 60
    expected = {"mean": hours, "mean_of_inspected": hours}
    assert run.values("truck/illicit", "delay_of_innocent") == pytest.approx(expected)
    assert set(run.rows("truck/illicit", "delay_of_innocent")["unit"]) == {"h"}


def test_only_who_is_through_is_counted():
    run = desk("100%", "100%", duration="50 min")
    assert run.values("truck/illicit", "violations") == {"present": 2, "found": 2, "missed": 0}


def test_a_flow_without_search_has_no_such_measures():
    text = DESK.replace(", detects: {illicit: CHANCE}", "").replace("SHARE", "50%")
    assert Measured(text).measures["subject"].eq("truck/illicit").sum() == 0


TWO_LOOKS = """
demand: {truck: {arrivals: {rate: 400 per day}, attributes: {illicit: {share: 30%}, aeo: {share: 40%}}}}
stations: {scanner: {}, desk: {capacity: 2}}
routes:
  truck:
    scan: {at: scanner, takes: 2 min, only: {aeo: false}, detects: {illicit: 60%}}
    inspect: {after: scan, at: desk, takes: 15 min, share: 25%, detects: {illicit: {cases: [{only: {aeo: true}, use: 90%}, {use: 50%}]}}}
    seize: {after: inspect, takes: 5 h, only: {illicit_found: true}}
"""  # noqa: E501


def test_two_looks_are_those_of_a_count_truck_by_truck():
    run = Measured(TWO_LOOKS)
    workload, timeline = run.workload, run.timeline
    ready = timeline.all_ready(workload)
    scan, inspect, seize = range(3)
    counted = dict.fromkeys(["all", "looked", "present", "found", "innocent", "innocent_looked", "hours"], 0)
    chances = {"scan": [0, 0], "inspect": [0, 0]}
    for entity, visits in enumerate(workload.visits_of_flow(0).T):
        if (timeline.end[visits] < 0).any():
            continue
        illicit, aeo, found = (workload.outcomes[0][name][entity] for name in ("illicit", "aeo", "illicit_found"))
        looks = [visit for visit in (visits[scan], visits[inspect]) if workload.takes_place[visit]]
        assert workload.takes_place[visits[scan]] == (not aeo)
        assert bool(found) == workload.takes_place[visits[seize]]
        assert illicit or not found
        assert looks or found is None
        counted["all"] += 1
        counted["looked"] += bool(looks)
        counted["present"] += illicit
        counted["found"] += bool(found)
        counted["innocent"] += not illicit
        counted["innocent_looked"] += bool(looks) and not illicit
        if not illicit:
            counted["hours"] += sum(timeline.end[visit] - ready[visit] for visit in looks) / HOUR
        if illicit and len(looks) == 1:
            chances["inspect" if aeo else "scan"][0] += 1
            chances["inspect" if aeo else "scan"][1] += found
    assert counted["all"] > 300
    subject = "truck/illicit"
    assert run.values(subject, "inspected") == pytest.approx({"mean": counted["looked"] / counted["all"]})
    violations = {"present": counted["present"], "found": counted["found"]}
    assert run.values(subject, "violations") == violations | {"missed": counted["present"] - counted["found"]}
    assert run.values(subject, "detection") == pytest.approx({"mean": counted["found"] / counted["present"]})
    assert run.values(subject, "hit_rate") == pytest.approx({"mean": counted["found"] / counted["looked"]})
    delay = {"mean": counted["hours"] / counted["innocent"]}
    delay["mean_of_inspected"] = counted["hours"] / counted["innocent_looked"]
    assert run.values(subject, "delay_of_innocent") == pytest.approx(delay)


TARGETED = """
demand: {truck: {arrivals: {rate: 60000 per day}, attributes: {illicit: {share: 2%}}}}
routes:
  truck:
    select:
      targets:
        channel: {of: illicit, picks: red, recall: 60%, precision: PRECISION, others: {yellow: 12%, green: 88%}}
    look: {after: select, takes: 1 min, only: {channel: red}, detects: {illicit: 70%}}
"""


@pytest.mark.parametrize("precision", [0.03, 0.08, 0.5, 1.0])
def test_a_risk_score_has_its_recall_and_its_precision(precision):
    scenario = world(TARGETED.replace("PRECISION", f"{precision:.0%}"))
    workload, _ = replay(mode_job(scenario, "base"), 0)
    outcomes = workload.outcomes[0]
    illicit = outcomes["illicit"].astype(bool)
    red = outcomes["channel"] == "red"
    count = int(illicit.sum())
    assert abs(illicit.mean() - 0.02) < 4 * np.sqrt(0.02 * 0.98 / len(illicit))
    assert abs(red[illicit].mean() - 0.6) < 4 * np.sqrt(0.6 * 0.4 / count)
    assert abs(illicit[red].mean() - precision) <= 4 * np.sqrt(precision * (1 - precision) / red.sum())
    yellow = outcomes["channel"][~red] == "yellow"
    assert abs(yellow.mean() - 0.12) < 4 * np.sqrt(0.12 * 0.88 / len(yellow))
    found = outcomes["illicit_found"]
    caught = np.array([one is True for one in found])
    assert all(one is None for one in found[~red])
    assert not caught[~illicit].any()
    hidden = red & illicit
    assert abs(caught[hidden].mean() - 0.7) < 4 * np.sqrt(0.7 * 0.3 / hidden.sum())


def test_a_risk_score_in_the_measures():
    """Recall 60 %, found at 70 %: 42 % of the violations; one in eight of those picked is guilty."""
    run = Measured(TARGETED.replace("PRECISION", "12.5%").replace("60000", "30000"))
    subject = "truck/illicit"
    assert run.values(subject, "inspected")["mean"] == pytest.approx(0.02 * 0.6 / 0.125, rel=0.06)
    assert run.values(subject, "detection")["mean"] == pytest.approx(0.42, abs=0.08)
    assert run.values(subject, "hit_rate")["mean"] == pytest.approx(0.125 * 0.7, rel=0.2)
    delay = run.values(subject, "delay_of_innocent")
    assert delay["mean_of_inspected"] == pytest.approx(1 / 60)
    assert delay["mean"] == pytest.approx(0.02 * 0.6 * 0.875 / 0.125 / 0.98 / 60, rel=0.1)


def test_a_larger_recall_still_picks_those_picked_before():
    red = {}
    for recall in ("30%", "60%"):
        scenario = world(TARGETED.replace("PRECISION", "50%").replace("recall: 60%", f"recall: {recall}"))
        workload, _ = replay(mode_job(scenario, "base"), 0)
        outcomes = workload.outcomes[0]
        red[recall] = (outcomes["channel"] == "red") & outcomes["illicit"].astype(bool)
    assert red["60%"][red["30%"]].all()
    assert red["60%"].sum() > red["30%"].sum()
