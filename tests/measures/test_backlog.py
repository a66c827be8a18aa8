"""What disruptions, quotas and full lines leave behind, worked out by hand."""

import math

import pytest

from tests.measures.measured import Measured

# A truck every ten minutes, five minutes of work: never more than one there. The desk is closed from 2:00 to 4:00.
STORM = """
demand: {truck: {arrivals: {every: 10 min}}}
stations: {desk: {}, unused: {}}
routes: {truck: {check: {at: desk, takes: 5 min}}}
disruptions: {storm: {stations: desk, dates: ["2025-06-02 02:00..2025-06-02 04:00"]}}
"""


def test_the_backlog_of_a_storm():
    """At 4:00 those of 2:00 to 4:00 are there, 13. Each five minutes one leaves, each ten one comes.

    Behind the k-th service 13 + k // 2 - k are left: one behind the 23rd, at 4:00 + 115 minutes.
    """
    run = Measured(STORM)
    assert run.values("storm", "strikes") == {"count": 1}
    expected = {"peak": 13 - 1, "cleared": 115 / 60, "closed": 2}
    assert run.values("storm", "backlog") == pytest.approx(expected)
    units = dict(zip(run.rows("storm", "backlog")["statistic"], run.rows("storm", "backlog")["unit"], strict=True))
    assert units == {"peak": "entities", "cleared": "h", "closed": "h"}


def test_a_backlog_that_is_not_gone_by_the_horizon():
    said = Measured(STORM, duration="5 h").values("storm", "backlog")
    assert said["peak"] == 12
    assert math.isnan(said["cleared"])


def test_a_storm_at_a_station_that_nobody_uses_leaves_nothing_behind():
    said = Measured(STORM.replace("stations: desk", "stations: unused")).values("storm", "backlog")
    assert said == {"peak": 0, "cleared": 0, "closed": 2}


def test_the_mean_of_several_strikes_that_begin_in_the_window():
    second = '"2025-06-02 02:00..2025-06-02 04:00", "2025-06-02 12:00..2025-06-02 12:20"'
    text = STORM.replace('"2025-06-02 02:00..2025-06-02 04:00"', second)
    run = Measured(text)
    # At 12:20 those of 12:00, 12:10 and 12:20: three; two left at 12:25, and at 12:30 the second goes and one comes;
    # at 12:35 the third goes.
    assert run.values("storm", "strikes") == {"count": 2}
    expected = {"peak": (12 + 2) / 2, "cleared": (115 + 15) / 2 / 60, "closed": (120 + 20) / 2 / 60}
    assert run.values("storm", "backlog") == pytest.approx(expected)
    later = Measured(text, warm_up="6 h", duration="18 h")
    assert later.values("storm", "strikes") == {"count": 1}
    assert later.values("storm", "backlog") == pytest.approx({"peak": 2, "cleared": 15 / 60, "closed": 20 / 60})


def test_a_strike_within_the_backlog_of_another_is_compared_with_the_time_before_both():
    """Closed again from 5:00 to 6:00: at 5:00 twelve are through, at 6:00 six more have come."""
    text = STORM.replace("04:00", '04:00", "2025-06-02 05:00..2025-06-02 06:00')
    said = Measured(text).values("storm", "backlog")
    at_five = 13 + 12 // 2 - 12
    at_six = at_five + 6
    # Behind the k-th service from 6:00 on at_six + k // 2 - k are there: one behind the 23rd.
    assert at_six + 23 // 2 - 23 == 1
    assert said["peak"] == pytest.approx((12 + at_six - 1) / 2)
    assert said["cleared"] == pytest.approx((120 + 115 + 115) / 2 / 60)


def test_a_storm_that_lasts_beyond_the_horizon_is_not_cleared():
    said = Measured(STORM, duration="3 h").values("storm", "backlog")
    assert said["peak"] == 6 - 1
    assert math.isnan(said["cleared"])


def test_no_strike_in_the_window():
    run = Measured(STORM, warm_up="6 h", duration="6 h")
    assert run.values("storm", "strikes") == {"count": 0}
    assert run.rows("storm", "backlog").empty


LINE = """
demand: {truck: [0, 1, 2, 3, 30]}
stations: {gate: {queue_limit: 1}}
routes: {truck: {pass: {at: gate, takes: 10 min}}}
clocks: {port_dwell: {from: arrival, to: pass.end}}
"""


def test_who_is_turned_away_is_counted_and_measured_nowhere_else():
    run = Measured(LINE, duration="1 h")
    assert run.values("truck", "turned_away") == {"per_day": 2 * 24}
    assert run.values("all", "turned_away") == {"per_day": 2 * 24}
    assert run.values("truck", "arrivals") == {"per_day": 5 * 24}
    assert run.values("truck", "throughput") == {"per_day": 3 * 24}
    dwell = run.values("truck", "port_dwell")
    assert (dwell["count"], dwell["unfinished"]) == (3, 0)
    assert dwell["mean"] == pytest.approx((10 + 19 + 10) / 3 / 60)
    assert run.values("truck", "in_port")["mean"] == pytest.approx((10 + 19 + 10) / 60)
    assert run.values("gate", "waiting_time")["mean"] == pytest.approx((0 + 9 + 0) / 3 / 60)
    assert run.values("gate", "queue_length")["max"] == 1


def test_who_is_turned_away_in_the_window_counts():
    run = Measured(LINE, warm_up="150 s", duration="1 h")
    assert run.values("truck", "turned_away") == {"per_day": 24}


def test_a_line_that_is_never_full_counts_nobody_turned_away():
    assert Measured(LINE.replace("queue_limit: 1", "queue_limit: 3")).values("truck", "turned_away") == {"per_day": 0}


def test_a_line_without_a_limit_counts_nothing():
    assert Measured(LINE.replace("{queue_limit: 1}", "{}")).rows("truck", "turned_away").empty


QUOTA = """
demand: {truck: [0, 1, 2, 70]}
procedure:
  quotas: {admission: {port: port, amount: 2 per hour, zone: UTC}}
  routes: {truck: {enter: {needs: admission}}}
"""


def test_the_utilisation_of_a_quota_is_what_is_used_of_what_its_periods_allow():
    """Passes at 0, 1, 60 and 70 minutes: four of eight."""
    run = Measured(QUOTA, duration="4 h")
    assert run.values("admission", "utilisation") == {"mean": 4 / 8}
    assert run.values("admission", "visits") == {"per_day": 4 * 6}
    assert run.values("admission", "waiting_time")["mean"] == pytest.approx(58 / 4 / 60)
    assert run.values("admission", "queue_length") == pytest.approx({"mean": 58 / 240, "p95": 1, "max": 1})


def test_several_units_of_a_quota_at_once():
    run = Measured(QUOTA.replace("needs: admission", "needs: {admission: 2}"), duration="5 h")
    assert run.values("admission", "utilisation") == {"mean": 8 / 10}


def test_the_periods_of_the_window_count():
    run = Measured(QUOTA, warm_up="1 h", duration="2 h")
    assert run.values("admission", "utilisation") == {"mean": 2 / 4}


def test_a_disruption_takes_from_what_a_quota_allows():
    """From 1:00 on one an hour: passes at 0, 1, 60 and 120 minutes, four of five."""
    storm = 'disruptions: {closed: {stations: admission, leaves: 50%, dates: ["2025-06-02 00:30..2025-06-02 09:00"]}}\n'
    assert Measured(QUOTA + storm, duration="4 h").values("admission", "utilisation") == {"mean": 4 / 5}


def test_a_quota_that_allows_nothing_in_the_window():
    changes = 'zone: UTC, changes: {"2025-06-03": 0 per hour}'
    run = Measured(QUOTA.replace("zone: UTC", changes), warm_up="1 day", duration="1 h")
    assert math.isnan(run.values("admission", "utilisation")["mean"])
