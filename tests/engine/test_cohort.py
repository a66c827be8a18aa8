"""Who comes, when, and with what luck."""

import numpy as np
import pytest
from scipy import stats

from sim.engine.cohort import Luck, arrival_times, chosen, sample_cohort
from sim.engine.streams import uniforms
from sim.scenario.demand import Arrivals
from sim.scenario.loading import load
from sim.scenario.rosters import Calendar
from tests.worlds import DAY, HOUR, MINUTE, START, document, read, simulated, workload_of, world, write

MANY = 200_000


def calendar(duration="1 day", **more):
    return Calendar.model_validate({"start": START, "zone": "UTC", "duration": duration, "cool_down": "0 s", **more})


def arrivals(said, duration="1 day", *, seed=1, replication=0, **more):
    return arrival_times(
        Arrivals.model_validate(said), calendar(duration, **more), Luck(seed, replication, "trucks", 0)
    )


# Luck is keyed


BASE = """
demand:
  truck: {arrivals: {rate: 40 per day}, attributes: {aeo: {share: 30%}, cargo: {one_of: {ore: 40%, grain: 60%}}}}
stations: {desk: {capacity: 2}, scanner: {}}
routes:
  truck:
    check: {at: desk, takes: {exponential: 20 min}}
    select: {after: check, draws: {channel: {red: 10%, yellow: 20%, green: 70%}}}
    scan: {after: select, only: {channel: [red, yellow]}, at: scanner, takes: {lognormal: {mean: 8 min, sd: 4 min}}}
    inspect: {after: scan, share: 50%, at: desk, takes: {gamma: {mean: 30 min, sd: 20 min}}}
"""


def luck_of(scenario, mode=None, replication=0, flow="truck"):
    """Arrivals and, by activity, work and whether it takes place, of a flow: all that luck decides."""
    workload = workload_of(scenario, mode, replication)
    (code,) = [n for n, plan in enumerate(workload.plan.flows) if plan.name == flow]
    visits = workload.visits_of_flow(code).T
    entities = workload.cohort_index[workload.flow == code]
    order = np.argsort(entities)
    luck = {"arrival": workload.arrival[workload.flow == code][order].tolist()}
    for number, activity in enumerate(workload.plan.flows[code].activities):
        luck[activity.name] = workload.work[visits[order, number]].tolist()
        luck[f"{activity.name} takes place"] = workload.takes_place[visits[order, number]].tolist()
    luck |= {variable: list(outcomes) for variable, outcomes in workload.outcomes[code].items()}
    return luck


def test_another_flow_changes_nobodys_luck():
    more = BASE.replace("demand:\n", "demand:\n  car: {arrivals: {rate: 90 per day}}\n").replace(
        "routes:\n", "routes:\n  car: {check: {at: desk, takes: {exponential: 5 min}}}\n"
    )
    assert luck_of(world(more)) == luck_of(world(BASE))


def test_another_activity_changes_nobodys_luck():
    """Also one that comes first by name and in the route, and that draws."""
    more = BASE.replace(
        "    check: {at",
        "    a: {takes: {exponential: 1 h}, share: 20%, draws: {lane: {x: 50%, y: 50%}}}\n    check: {after: a, at",
    )
    luck = luck_of(world(more))
    assert {key: luck[key] for key in luck_of(world(BASE))} == luck_of(world(BASE))
    assert set(luck) - set(luck_of(world(BASE))) == {"a", "a takes place", "lane"}


def test_a_longer_duration_only_adds_entities():
    short, long = (luck_of(world(BASE, duration=duration)) for duration in ("1 day", "3 days"))
    count = len(short["arrival"])
    assert len(long["arrival"]) > 2 * count
    assert {key: values[:count] for key, values in long.items()} == short


def test_another_mode_changes_only_what_it_edits():
    said = document(BASE)
    said["modes"] = {"traditional": [], "smart": ["faster"]}
    said["reforms"] = {
        "faster": {
            "title": "Faster",
            "why": "For a test.",
            "set": {
                "routes.*.inspect.share": "10%",
                "routes.*.scan.after": "check",
                "routes.*.scan.only": {"aeo": True},
            },
            "scale": {"routes.*.check.takes": 0.5},
        }
    }
    scenario = read(said)
    old, new = luck_of(scenario, "traditional"), luck_of(scenario, "smart")
    kept = ["arrival", "aeo", "cargo", "channel", "select", "select takes place", "check takes place"]
    assert {key: old[key] for key in kept} == {key: new[key] for key in kept}
    assert np.abs(np.array(old["check"]) / 2 - np.array(new["check"])).max() <= 1
    inspected = np.array(old["inspect takes place"]), np.array(new["inspect takes place"])
    assert not (inspected[1] & ~inspected[0]).any()
    both_scanned = np.array(old["scan takes place"]) & np.array(new["scan takes place"])
    assert both_scanned.any()
    assert np.array_equal(np.array(old["scan"])[both_scanned], np.array(new["scan"])[both_scanned])


def test_the_order_of_lines_changes_nobodys_luck():
    said = document(BASE)
    turned = {key: _turned(value) for key, value in reversed(said.items())}
    one, two = read(said), read(turned)
    assert luck_of(one) == luck_of(two)
    for moment in ("start", "end"):
        assert np.array_equal(getattr(simulated(one)[1], moment), getattr(simulated(two)[1], moment))


def _turned(value):
    """The same mappings with their keys in the opposite order."""
    return {key: _turned(child) for key, child in reversed(value.items())} if isinstance(value, dict) else value


def test_replications_and_seeds_differ():
    scenario = world(BASE)
    seen = [luck_of(scenario, replication=replication) for replication in range(4)]
    seen += [luck_of(scenario.with_values(seed=seed)) for seed in (2, 3)]
    for key in ("arrival", "check", "scan", "channel"):
        assert len({tuple(luck[key]) for luck in seen}) == len(seen), key
    assert luck_of(scenario, replication=2) == seen[2]


def test_purposes_do_not_share_luck():
    """One activity's duration, its share and its draws are independent of each other."""
    luck = Luck(1, 0, "trucks", MANY)
    purposes = ["takes/scan", "share/scan", "draws/scan/red", "attribute/scan", "takes/inspect"]
    correlation = np.corrcoef([luck.of(purpose) for purpose in purposes]) - np.eye(len(purposes))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(MANY)


def test_flows_and_activities_have_luck_of_their_own():
    """Two flows with the same route, and two activities with the same rule, are independent."""
    text = """
    demand: {car: {arrivals: {every: 1 min, first: 0 s}}, van: {arrivals: {every: 1 min, first: 0 s}}}
    routes: {car: ROUTE, van: ROUTE}
    """.replace(
        "ROUTE",
        "{a: {share: 50%, takes: {uniform: [0 s, 1 h]}}, b: {share: 50%, takes: {uniform: [0 s, 1 h]}},"
        " c: {draws: {x: {one: 50%, two: 50%}, y: {one: 50%, two: 50%}}}}",
    )
    scenario = world(text, duration="3 days")
    columns = []
    for flow in ("car", "van"):
        luck = luck_of(scenario, flow=flow)
        columns += [luck["a takes place"], luck["b takes place"], luck["a"], luck["b"]]
        columns += [[outcome == "one" for outcome in luck[variable]] for variable in ("x", "y")]
    correlation = np.corrcoef(np.array(columns, dtype=float))
    for same in ((0, 2), (1, 3), (6, 8), (7, 9)):  # who does not take place takes no time
        correlation[same] = correlation[same[::-1]] = 0
    assert np.abs(correlation - np.eye(len(columns))).max() < 4.5 / np.sqrt(3 * 1440)


# Selections


def test_a_smaller_selection_lies_inside_of_a_larger_one():
    """Who is picked at 12 % is picked at 30 %."""

    def picked(share):
        text = f"""
        demand: {{truck: {{arrivals: {{rate: 3000 per day}}}}}}
        routes: {{truck: {{scan: {{share: {share}, takes: 1 min}}}}}}
        """
        return workload_of(world(text)).takes_place

    some, more = picked("12%"), picked("30%")
    assert not (some & ~more).any()
    assert some.mean() == pytest.approx(0.12, abs=0.02)
    assert more.mean() == pytest.approx(0.30, abs=0.03)
    assert not picked("0%").any()
    assert picked("100%").all()


def test_a_smaller_attribute_lies_inside_of_a_larger_one():
    def aeo(share):
        text = f"""
        demand: {{truck: {{arrivals: {{rate: 3000 per day}}, attributes: {{aeo: {{share: {share}}}}}}}}}
        routes: {{truck: {{check: {{takes: 1 min}}}}}}
        """
        return workload_of(world(text)).outcomes[0]["aeo"].astype(bool)

    some, more = aeo("12%"), aeo("30%")
    assert not (some & ~more).any()
    assert some.mean() == pytest.approx(0.12, abs=0.02)


SHARES = {"red": 0.03, "yellow": 0.12, "green": 0.85}


def test_outcomes_have_their_shares():
    outcomes = chosen(Luck(5, 0, "trucks", MANY), "draws/channel", SHARES)
    counts = [np.count_nonzero(outcomes == outcome) for outcome in SHARES]
    assert stats.chisquare(counts, [share * MANY for share in SHARES.values()]).pvalue > 1e-4


def test_outcomes_do_not_depend_on_the_order_in_which_they_are_listed():
    luck = Luck(5, 0, "trucks", 1000)
    turned = dict(reversed(SHARES.items()))
    assert np.array_equal(chosen(luck, "draws/channel", SHARES), chosen(luck, "draws/channel", turned))


@pytest.mark.parametrize("grows", list(SHARES))
def test_whoever_had_the_outcome_whose_share_grows_keeps_it(grows):
    """One share grows at the cost of the others: nobody moves except to the one that grew."""
    luck = Luck(5, 0, "trucks", MANY)
    factor = 1.0 - SHARES[grows]
    grown = {outcome: share * (factor - 0.02) / factor for outcome, share in SHARES.items()}
    grown[grows] = SHARES[grows] + 0.02
    before, after = chosen(luck, "draws/channel", SHARES), chosen(luck, "draws/channel", grown)
    moved = before != after
    assert set(after[moved]) == {grows}
    assert moved.mean() == pytest.approx(0.02, abs=0.002)


def test_whoever_had_the_outcome_keeps_it_when_one_other_share_pays():
    """Red grows at the cost of green alone. Who was red stays red, who was yellow stays yellow or turns red."""
    luck = Luck(5, 0, "trucks", MANY)
    before = chosen(luck, "draws/channel", SHARES)
    after = chosen(luck, "draws/channel", {"red": 0.10, "yellow": 0.12, "green": 0.78})
    assert set(after[before == "red"]) == {"red"}
    assert (before != after).mean() < 0.10


def test_an_outcome_without_share_never_comes_and_its_absence_changes_nothing():
    luck = Luck(5, 0, "trucks", 10_000)
    with_zero = chosen(luck, "draws/channel", {**SHARES, "blue": 0.0})
    assert np.array_equal(with_zero, chosen(luck, "draws/channel", SHARES))


def test_two_activities_that_draw_one_variable_share_the_luck():
    """A smart selection at another place picks the same trucks, as one reform after another does."""
    text = """
    demand: {truck: {arrivals: {rate: 500 per day}, attributes: {aeo: {share: 50%}}}}
    routes:
      truck:
        early: {only: {aeo: true}, draws: {channel: {red: 10%, green: 90%}}}
        late: {after: early, only: {aeo: false}, draws: {channel: {red: 10%, green: 90%}}}
        scan: {after: late, only: {channel: red}, takes: 1 min}
    """
    one = luck_of(world(text))
    other = luck_of(
        world(
            text.replace("aeo: true}, draws", "aeo: false}, draws").replace(
                "late: {after: early, only: {aeo: false}", "late: {after: early, only: {aeo: true}"
            )
        )
    )
    assert one["channel"] == other["channel"]
    assert set(one["channel"]) == {"red", "green"}


# Poisson arrivals


PROFILE = [0, 0, 0, 0, 0, 1, 2, 4, 8, 12, 12, 10, 9, 8, 8, 7, 6, 4, 3, 2, 1.5, 1, 0, 0]
WEEK = [1, 1, 1, 1.2, 1, 0.5, 0]


def test_arrivals_follow_the_hours_and_the_weekdays():
    """Counts of every hour of the week over 300 weeks against their exact means; hours of rate zero stay empty."""
    weeks = 300
    times = arrivals({"rate": "200 per day", "hours": PROFILE, "weekdays": WEEK}, f"{7 * weeks} days")
    counts = np.bincount(times // HOUR % 168, minlength=168)
    hours, days = np.array(PROFILE), np.array(WEEK)
    rates = np.outer(days / days.mean(), hours / hours.mean()).ravel() * 200 / 24
    assert not counts[rates == 0].any()
    some = rates > 0
    expected = rates[some] * weeks
    chi_square = ((counts[some] - expected) ** 2 / expected).sum()
    assert 1e-4 < stats.chi2(some.sum()).cdf(chi_square) < 1 - 1e-4
    assert np.abs((counts[some] - expected) / np.sqrt(expected)).max() < 4.5
    assert len(times) / (7 * weeks) == pytest.approx(200, rel=0.01)


def test_arrivals_of_an_hour_are_poisson_and_spread_evenly():
    times = arrivals({"rate": "200 per day", "hours": PROFILE}, "3000 days")
    hour = times // HOUR
    busy = np.bincount(hour, minlength=3000 * 24).reshape(3000, 24)[:, 9]
    assert busy.var(ddof=1) / busy.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 3000))
    within = (times % HOUR)[hour % 24 == 9] / HOUR
    assert stats.kstest(within, "uniform").pvalue > 1e-4
    neighbours = np.corrcoef(busy[:-1], busy[1:])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(3000)


def test_intervals_at_a_constant_rate_are_exponential():
    times = arrivals({"rate": "24 per day"}, "2000 days")
    assert stats.kstest(np.diff(times), "expon", args=(0, HOUR)).pvalue > 1e-4
    assert (np.diff(times) >= 0).all()
    assert times.min() >= 0
    assert times.max() < 2000 * DAY


def test_hours_are_those_of_the_calendars_zone_also_when_its_clocks_change():
    """Berlin puts its clocks back on 2025-10-26: that day has its hour 2 twice, and noon is one hour later in UTC."""
    hours = [0] * 12 + [1] + [0] * 11
    times = arrivals({"rate": "2400 per day", "hours": hours}, "2 days", start="2025-10-25", zone="Europe/Berlin")
    assert set((times // HOUR).tolist()) == {12, 24 + 13}


def test_rates_in_any_unit_mean_the_same():
    assert np.array_equal(arrivals({"rate": "12 per hour"}), arrivals({"rate": "288 per day"}))


def test_a_higher_rate_keeps_the_order_of_luck():
    """Twice the rate is the same stream of luck, twice as fast."""
    slow, fast = arrivals({"rate": "50 per day"}, "4 days"), arrivals({"rate": "100 per day"}, "2 days")
    assert len(slow) == len(fast)
    assert np.abs(slow - 2 * fast).max() <= 2


def test_the_horizon_need_not_be_a_whole_hour():
    times = arrivals({"rate": "100 per hour"}, "90 min")
    assert times.max() < 90 * MINUTE
    assert len(times) == pytest.approx(150, abs=50)


# Other arrivals


def test_a_fixed_interval():
    assert (arrivals({"every": "6 h"}) / HOUR).tolist() == [6, 12, 18]
    assert (arrivals({"every": "6 h", "first": "30 min"}) / HOUR).tolist() == [0.5, 6.5, 12.5, 18.5]
    assert (arrivals({"every": "6 h", "first": "0 s"}) / HOUR).tolist() == [0, 6, 12, 18]


def test_a_timetable_runs_on_its_days():
    times = arrivals({"timetable": ["18:00", "06:30"], "days": ["mon", "wed"]}, "8 days")
    assert (times / HOUR).tolist() == [6.5, 18, 48 + 6.5, 48 + 18, 168 + 6.5, 168 + 18]


def test_lateness_follows_its_distribution_and_early_is_taken_off():
    said = {"timetable": ["12:00"], "late": {"exponential": "10 min"}, "early": "10 min"}
    delay = (arrivals(said, "3000 days") - 12 * HOUR) % DAY
    delay = np.where(delay > DAY // 2, delay - DAY, delay) + 10 * MINUTE
    assert stats.kstest(delay, "expon", args=(0, 10 * MINUTE)).pvalue > 1e-4


def test_a_late_train_keeps_its_luck_when_another_one_overtakes_it():
    """Entities are numbered by the timetable, not by when they come."""
    said = {"timetable": ["12:00", "12:01"], "late": {"uniform": ["0 min", "60 min"]}}
    times = arrivals(said, "50 days").reshape(50, 2)
    luck = uniforms(1, 0, "trucks/late", 100).reshape(50, 2)
    planned = np.arange(50)[:, None] * DAY + 12 * HOUR + np.array([0, MINUTE])
    assert np.abs(times - planned - luck * HOUR).max() <= 1
    assert (times[:, 0] > times[:, 1]).any()


def test_early_trains_of_the_day_behind_the_horizon_come_in():
    times = arrivals({"timetable": ["00:05"], "early": "10 min"}, "2 days")
    assert (times / MINUTE).tolist() == [1440 - 5, 2880 - 5]


def test_recorded_arrivals_are_taken_as_they_are(tmp_path):
    """In the zone of the calendar unless they say their own, in any order, the same in every replication."""
    (tmp_path / "trucks.csv").write_text(
        "truck,arrived\n1,2025-06-02 03:00:00\n2,2025-06-02T01:30:00\n3,2025-06-01T20:00:00+00:00\n", encoding="utf-8"
    )
    said = document("demand: {truck: []}\nroutes: {truck: {check: {takes: 1 min}}}", zone="Asia/Shanghai")
    said["demand"]["truck"]["arrivals"] = {"recorded": {"csv": "trucks.csv", "column": "arrived"}}
    scenario = load(write(said, tmp_path))
    for replication in (0, 1):
        cohort = sample_cohort(scenario.demand, scenario.calendar, 1, replication)
        assert (cohort.flows[0].arrival / HOUR).tolist() == [1.5, 3, 4]


def test_arrivals_outside_of_the_calendar_do_not_come():
    inside = {"recorded": {"values": ["2025-06-01 23:59:59", "2025-06-02 00:00:00", "2025-06-02 23:59:59.999"]}}
    assert arrivals({"recorded": {"values": [*inside["recorded"]["values"], "2025-06-03 00:00:00"]}}).tolist() == [
        0,
        DAY - 1,
    ]
