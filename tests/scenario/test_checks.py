"""Every check: what it refuses, in which words, and what it lets pass. Loads and warnings against sums done by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload
from sim.errors import InputError
from sim.scenario import checks
from sim.scenario.checks import calendar_text, flows_without_clock, idle_stations, station_loads, warnings
from sim.scenario.routes import expected_work, worlds
from sim.scenario.scenario import Scenario
from tests.scenario.small import SMALL, loaded, problems, spoilt
from tests.worlds import DAY, HOUR, MINUTE, document, read, simulated, world


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def at(part: str) -> str:
    """The place of a part of the small scenario."""
    before = SMALL[: SMALL.index(part)]
    return f"small.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def refused(text: str) -> list[str]:
    """What is said about a tiny world, without places."""
    with pytest.raises(InputError) as caught:
        world(text)
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


# ---------------------------------------------------------------------------------------------------------- names


def test_ports_exist():
    text = spoilt(("    port: port\n    direction: transit", "    port: prt\n    direction: transit"))
    text = spoilt(
        ("gate: {title: {en: Gate, zh: 卡口}, port: port", "gate: {title: {en: Gate, zh: 卡口}, port: nowhere"),
        text=text,
    )
    flow = at("port: port\n    direction: transit")
    assert problems(text) == [
        f'{flow}: demand.transit.port: there is no port "prt"; did you mean "port"?',
        f'{at("port: port, capacity: 2")}: procedure.stations.gate.port: there is no port "nowhere"; known are port',
    ]
    without = SMALL.replace("ports:\n  port: {title: {en: The port, zh: 口岸}}\n", "")
    assert loaded(without).ports["port"].en == "port"


def test_every_flow_has_a_route_and_every_route_a_flow():
    assert problems(spoilt(("    transit:\n      gate_in", "    transits:\n      gate_in"))) == [
        f"{at('  transit:')[:-1]}3: demand.transit: this flow has no route; add procedure.routes.transit",
        f'{at("    transit:")[:-1]}5: procedure.routes.transits: this route has no flow; did you mean "transit"?',
    ]


def test_rosters_exist():
    assert problems(spoilt(("roster: shifts", "roster: shift"))) == [
        f'{at("roster: shifts")}: procedure.stations.scanner.roster: there is no roster "shift"; did you mean "shifts"?'
    ]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("at: desk", "at: dask", "at"),
        ("seizes: yard", "seizes: [desk, dask]", "seizes"),
        ("seizes: yard", "seizes: {dask: 2}", "seizes"),
        ("releases: yard, priority", "releases: dask, priority", "releases"),
    ],
)
def test_stations_exist(old: str, new: str, key: str):
    found = problems(spoilt((old, new)))
    assert len(found) == 1
    assert found[0].startswith(f"{at(old)}: procedure.routes.export.")
    assert found[0].endswith(f'.{key}: there is no station "dask"; did you mean "desk"?')


def test_predecessors_exist_in_the_same_route():
    assert problems(spoilt(("after: [selection]", "after: [selecton]"))) == [
        (
            f"{at('after: [selection]')}: procedure.routes.export.document_review.after: "
            'this route has no activity "selecton"; did you mean "selection"?'
        )
    ]
    assert problems(spoilt(("depart: {after: receive", "depart: {after: gate_in"))) == [
        (
            f"{at('after: receive, takes')}: procedure.routes.import.depart.after: "
            'this route has no activity "gate_in"; known are bring, receive, wait'
        )
    ]


@pytest.mark.parametrize("after", ["gate_out", "[drive, gate_in]", "inspect"])
def test_nobody_waits_for_himself(after: str):
    problem = problems(spoilt(("after: drive", f"after: {after}")))[0]
    assert "wait for each other in a circle and never begin; remove one `after`" in problem
    assert "the activities document_review, gate_in, gate_out, inspect, scan, selection" in problem
    assert problem.startswith(f"{at('after: [selection]')}: procedure.routes.export.document_review.after: ")


@pytest.mark.parametrize(
    ("old", "new", "path", "sentence"),
    [
        (
            "only: {channel: [red], image: suspect}",
            "only: {chanel: [red]}",
            "scan.only",
            'this flow has no attribute or draw "chanel"; did you mean "channel"?',
        ),
        (
            "only: {channel: [red], image: suspect}",
            "only: {channel: [red, yellow]}",
            "scan.only",
            'channel is never "yellow"; known are green, red',
        ),
        (
            "only: {channel: [red], image: suspect}",
            "only: {image: suspekt}",
            "scan.only",
            'image is never "suspekt"; did you mean "suspect"?',
        ),
        (
            "only: {channel: [red], image: suspect}",
            "only: {image: true}",
            "scan.only",
            "image is never true; known are clear, suspect",
        ),
        (
            "priority: {cases: [{only: {aeo: true}, use: -1}",
            'priority: {cases: [{only: {aeo: "true"}, use: -1}',
            "document_review.priority.cases.0.only",
            'aeo is true or false, never the text "true"; write true or false without quotes',
        ),
        (
            "            - {only: {cargo: [grain]}, use",
            "            - {only: {cargo: [grian]}, use",
            "document_review.takes.cases.1.only",
            'cargo is never "grian"; did you mean "grain"?',
        ),
        (
            "drive: {takes",
            "drive: {only: {channel: red}, takes",
            "drive.only",
            "channel is drawn at selection, which does not come before drive; mend an `after`",
        ),
        (
            "{cases: [{only: {aeo: true}, use: {clear: 100%}}",
            "{cases: [{only: {channel: red}, use: {clear: 100%}}",
            "selection.draws.image.cases.0.only",
            "channel is drawn at selection, which does not come before selection; mend an `after`",
        ),
        (
            "      gate_in: {at: gate, takes: PT2M}",
            "      gate_in: {at: gate, takes: PT2M, only: {aeo: true}}",
            None,
            'this flow has no attribute or draw "aeo"; there is none here',
        ),
    ],
)
def test_conditions_name_what_is_known_by_then(old: str, new: str, path: str | None, sentence: str):
    (problem,) = problems(spoilt((old, new)))
    trail = f"procedure.routes.export.{path}" if path else "procedure.routes.transit.gate_in.only"
    assert problem.endswith(f": {trail}: {sentence}")
    line = SMALL[: SMALL.index(old)].count("\n") + 1
    assert problem.startswith(f"small.yaml:{line}:")


def test_what_is_drawn_on_one_branch_is_not_known_on_another():
    (problem,) = refused(
        """
        demand: {f: [0]}
        routes:
          f:
            a: {}
            b: {after: a, draws: {x: {one: 50%, two: 50%}}}
            c: {after: a, only: {x: one}}
            d: {after: [b, c]}
        """
    )
    assert problem == "procedure.routes.f.c.only: x is drawn at b, which does not come before c; mend an `after`"


def test_an_attribute_is_not_drawn():
    (problem,) = problems(
        spoilt(
            (
                "          channel: {red: 10%, green: 90%}",
                "          channel: {red: 10%, green: 90%}\n          cargo: {ore: 100%}",
            )
        )
    )
    assert problem == (
        f"{at('cargo: {one_of')}: demand.export.attributes.cargo: "
        "cargo is an attribute and is drawn at selection; rename one"
    )


# ---------------------------------------------------------------------------------------------------------- holds


def test_what_is_seized_is_given_back():
    assert problems(spoilt(("releases: yard, priority", "priority"))) == [
        (
            f"{at('seizes: yard')}: procedure.routes.export.gate_in.seizes: no activity behind gate_in gives yard back "
            "(or several do); add `releases: yard` to one"
        )
    ]


def test_what_is_seized_is_given_back_by_one():
    (problem,) = refused(
        """
        demand: {f: [0]}
        stations: {yard: {}}
        routes:
          f:
            a: {seizes: yard}
            b: {after: a, releases: yard}
            c: {after: a, releases: yard}
            d: {after: [b, c]}
        """
    )[:1]
    assert problem.startswith("procedure.routes.f.a.seizes: no activity behind a gives yard back (or several do)")


def test_of_two_that_give_back_one_behind_the_other_the_first_counts_and_the_second_is_refused():
    assert refused(
        """
        demand: {f: [0]}
        stations: {yard: {}}
        routes: {f: {a: {seizes: yard}, b: {after: a, releases: yard}, c: {after: b, releases: yard}}}
        """
    ) == [
        "procedure.routes.f.c.releases: no activity before c seizes yard for it; remove it, or add `seizes`",
    ]


def test_what_is_given_back_was_seized_before():
    sentence = "no activity before {} seizes {} for it; remove it, or add `seizes`"
    assert problems(spoilt(("depart: {after", "depart: {after: [], releases: [scanner]}\n      leave: {after")))[
        0
    ].endswith("procedure.routes.import.depart.releases: " + sentence.format("depart", "scanner"))
    assert refused(
        """
        demand: {f: [0]}
        stations: {yard: {}}
        routes: {f: {a: {releases: yard}, b: {after: a, seizes: yard}, c: {after: b, releases: yard}}}
        """
    ) == ["procedure.routes.f.a.releases: " + sentence.format("a", "yard")]


def test_one_may_seize_and_give_back_at_once_and_twice_in_a_row():
    assert world(
        """
        demand: {f: [0]}
        stations: {yard: {}}
        routes:
          f:
            a: {seizes: yard, takes: 1 min, releases: yard}
            b: {after: a, seizes: yard, takes: 1 min}
            c: {after: b, takes: 1 min, releases: yard}
        """
    )


# -------------------------------------------------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("amount: 2", "amount: 4", "routes.export.scan.amount: needs 4 of scanner, which has at most 3"),
        ("{yard: 40}", "{yard: 91}", "routes.import.receive.seizes: needs 91 of yard, which has at most 90"),
        (
            "roster: day, agency: customs",
            "roster: sundays, agency: customs",
            (
                "routes.export.document_review.amount: desk never opens before the end of the calendar, "
                "so document_review never begins"
            ),
        ),
        (
            "capacity: 2, roster: shifts",
            "capacity: 2, roster: half",
            "routes.export.scan.amount: needs 2 of scanner, which has at most 1",
        ),
    ],
)
def test_nobody_needs_more_than_there_ever_is(old: str, new: str, sentence: str):
    more = """\
    sundays: {zone: Asia/Shanghai, open: ["08:00-20:00"], days: [sun]}
    half: {zone: Asia/Shanghai, open: [{hours: "08:00-20:00", share: 50%}]}
"""
    text = spoilt((old, new), ("  stations:\n    gate", f"{more}  stations:\n    gate"))
    (problem,) = problems(text)
    assert problem.endswith(f": procedure.{sentence}")


def test_a_station_that_is_taken_and_seized_counts_both():
    assert (
        refused(
            """
        demand: {f: [0]}
        stations: {crane: {capacity: 2}}
        routes: {f: {a: {at: crane, amount: 2, seizes: crane}, b: {after: a, releases: crane}}}
        """
        )[0]
        == "procedure.routes.f.a.amount: needs 3 of crane, which has at most 2"
    )


def test_every_clock_can_be_read_somewhere():
    assert problems(spoilt(("to: document_review.start", "to: document_reviw.start"))) == [
        (
            f"{at('to: document_review.start')}: procedure.clocks.review.to: no route has the activity document_reviw; "
            'did you mean "document_review"?'
        )
    ]
    problem = problems(spoilt(("from: [gate_in.ready, receive.ready]", "from: [enter.ready, come.ready]")))[0]
    assert "procedure.clocks.port_dwell.from: no route has the activity enter or come; known are arrive, " in problem


def test_a_misspelt_point_among_others_of_a_clock_is_refused_where_it_stands():
    line = "from: [gate_in.ready, receive.ready]"
    (problem,) = problems(spoilt((line, "from: [gat_in.ready, receive.ready, arrival]")))
    place = at("gate_in.ready, receive.ready]")
    sentence = 'no route has the activity gat_in; did you mean "gate_in"?'
    assert problem == f"{place}: procedure.clocks.port_dwell.from.0: {sentence}"


def test_a_shared_clock_may_name_activities_of_other_scenarios():
    line = "from: [gate_in.ready, receive.ready]"
    here = loaded(spoilt((line, "from: [tally.ready, queue_outside.ready, gate_in.ready]")))
    assert len(here.procedure.clocks["port_dwell"].begin) == 3


def test_checks_of_meaning_wait_for_the_names():
    (problem,) = problems(spoilt(("amount: 2", "amount: 4"), ("roster: shifts", "roster: shift")))
    assert "there is no roster" in problem


def test_every_mode_is_checked():
    text = spoilt(('"routes.*.scan.takes": 1 min', '"routes.*.scan.at": skanner'))
    (problem,) = problems(text)
    assert problem.endswith('procedure.routes.export.scan.at: there is no station "skanner"; did you mean "scanner"?')
    assert problem.startswith(at('"routes.*.scan.takes": 1 min') + ": ")


# ------------------------------------------------------------------------------------------------------- deadlocks

TWO = "stations: {one: {capacity: 3}, two: {capacity: 3}, three: {}}"


@pytest.mark.parametrize(
    ("routes", "sentence"),
    [
        (
            """
            f: {a: {seizes: one}, b: {after: a, seizes: two}, c: {after: b, releases: [one, two]}}
            g: {a: {seizes: two}, b: {after: a, seizes: one}, c: {after: b, releases: [one, two]}}
            """,
            "f holds one (from a) while b waits for two; g holds two (from a) while b waits for one",
        ),
        (
            """
            f: {a: {seizes: one}, b: {after: a, seizes: two}, c: {after: b, releases: [one, two]}}
            g: {a: {seizes: two}, b: {after: a, at: one}, c: {after: b, releases: two}}
            """,
            "f holds one (from a) while b waits for two; g holds two (from a) while b waits for one",
        ),
        (
            """
            f: {a: {seizes: one}, b: {after: a, seizes: one}, c: {after: b, takes: 1 min, releases: one}}
            g: {a: {}}
            """,
            "f holds one (from a) while b waits for one",
        ),
        (
            """
            f: {a: {seizes: one}, b: {after: a, at: one, takes: 1 min}, c: {after: b, releases: one}}
            g: {a: {}}
            """,
            "f holds one (from a) while b waits for one",
        ),
        (
            """
            f:
              a: {seizes: one}
              b: {after: a, seizes: two}
              c: {after: b, releases: one}
              d: {after: c, seizes: three}
              e: {after: d, releases: [two, three]}
            g: {a: {seizes: three}, b: {after: a, at: one}, c: {after: b, releases: three}}
            """,
            (
                "f holds one (from a) while b waits for two; f holds two (from b) while d waits for three; "
                "g holds three (from a) while b waits for one"
            ),
        ),
        (
            """
            f: {a: {}, b: {after: a, seizes: one}, c: {after: a, seizes: two}, d: {after: [b, c], releases: [one, two]}}
            g: {a: {}}
            """,
            "f holds one (from b) while c waits for two; f holds two (from c) while b waits for one",
        ),
    ],
    ids=["crosswise", "crosswise at work", "twice", "twice at work", "three in a round", "on two branches"],
)
def test_a_circle_of_holding_and_waiting_is_refused(routes: str, sentence: str):
    found = refused(f"demand: {{f: [0, 1], g: [0, 1]}}\n{TWO}\nroutes:\n{routes.replace('            ', '  ')}")
    assert len(found) == 1
    assert found[0].startswith(f"procedure.stations.one: can deadlock: {sentence}; release before the next wait")


@pytest.mark.parametrize(
    "routes",
    [
        """
        f: {a: {seizes: one}, b: {after: a, seizes: two}, c: {after: b, releases: [one, two]}}
        g: {a: {seizes: one}, b: {after: a, seizes: two}, c: {after: b, releases: two}, d: {after: c, releases: one}}
        """,
        """
        f: {a: {seizes: [one, two]}, b: {after: a, at: three, releases: [one, two]}}
        g: {a: {seizes: {two: 2, one: 1}}, b: {after: a, releases: [one, two]}}
        """,
        """
        f: {a: {seizes: one}, b: {after: a, releases: one}, c: {after: b, seizes: two}, d: {after: c, releases: two}}
        g: {a: {seizes: two}, b: {after: a, releases: two}, c: {after: b, seizes: one}, d: {after: c, releases: one}}
        """,
        """
        f: {a: {seizes: one}, b: {after: a, releases: one}, c: {after: a, seizes: two}, d: {after: c, releases: two}}
        g: {a: {seizes: two}, b: {after: a, releases: two}, c: {after: a, seizes: one}, d: {after: c, releases: one}}
        """,
    ],
    ids=["the same order", "both at once", "one after the other", "beside each other"],
)
def test_what_always_goes_on_passes(routes: str):
    scenario = world(
        f"demand: {{f: [0, 1, 2, 3], g: [0, 1, 2, 3]}}\n{TWO}\nroutes:\n{routes.replace('        ', '  ')}"
    )
    assert everybody_leaves(*simulated(scenario))


def everybody_leaves(workload: Workload, timeline: Timeline) -> bool:
    """Whether nothing is left undone at the end."""
    del workload
    return bool(np.all(timeline.end != NEVER))


GATE = """
demand: {{f: [0, 1, 2, 3]}}
stations: {{gate: {{}}, yard: {{capacity: 2}}, exit: {{}}}}
routes:
  f:
    gate_in: {{at: gate, takes: 2 min, seizes: yard}}
    work: {{after: gate_in, takes: 10 min}}
    gate_out: {{after: work, at: {at}, takes: 1 min, releases: yard{more}}}
"""


def test_a_line_whose_head_waits_for_what_somebody_behind_it_holds_is_refused():
    (problem,) = refused(GATE.format(at="gate", more=""))
    assert problem == (
        "procedure.stations.yard: can deadlock: f holds yard (from gate_in) while gate_out stands in the line of gate "
        "behind gate_in of f, which waits for yard; release before the next wait, take both at once, "
        "or wait in another line or ahead by a lower `priority`"
    )


def test_that_line_does_stand_still(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks, "MEANING", ())
    assert not everybody_leaves(*simulated(world(GATE.format(at="gate", more=""))))


@pytest.mark.parametrize(("at_", "more"), [("exit", ""), ("gate", ", priority: -1")], ids=["another line", "ahead"])
def test_the_cures_of_that_line_help(at_: str, more: str):
    assert everybody_leaves(*simulated(world(GATE.format(at=at_, more=more))))


@st.composite
def holding_worlds(draw: st.DrawFn) -> Scenario:
    """Few units, many holds, everything always open: worlds that stand still if they can."""
    stations = ["a", "b", "c"]
    routes = {}
    for flow in ("f", "g"):
        names = [f"x{number}" for number in range(draw(st.integers(2, 4)))]
        route: dict[str, dict[str, object]] = {}
        for number, name in enumerate(names):
            route[name] = {"takes": f"{draw(st.integers(0, 3))} min", "after": names[number - 1 : number], "seizes": []}
            if draw(st.booleans()):
                route[name]["at"] = draw(st.sampled_from(stations))
            if draw(st.integers(0, 3)) == 0:
                route[name]["priority"] = draw(st.integers(-1, 1))
        for station in stations:
            if draw(st.booleans()):
                begin = draw(st.integers(0, len(names) - 1))
                end = draw(st.integers(begin, len(names) - 1))
                route[names[begin]]["seizes"] = [*route[names[begin]]["seizes"], station]  # type: ignore[misc]
                route[names[end]].setdefault("releases", []).append(station)  # type: ignore[attr-defined]
        routes[flow] = route
    said = document("demand: {f: [0, 0, 1, 2, 3, 5], g: [0, 1, 1, 2, 4, 6]}\nroutes: {}")
    said["procedure"] = {
        "stations": {name: {"port": "port", "capacity": draw(st.integers(1, 2))} for name in stations},
        "routes": routes,
    }
    try:
        return read(said)
    except InputError:
        assume(False)
        raise


@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(holding_worlds())
def test_a_world_that_passes_the_checks_never_stands_still(scenario: Scenario):
    routes = scenario.procedure.routes.values()
    event(f"holds: {sum(len(activity.seizes) for route in routes for activity in route.values())}")
    assert everybody_leaves(*simulated(scenario))


# ----------------------------------------------------------------------------------------------- stations and loads


def test_idle_stations_are_those_of_no_mode():
    assert idle_stations(loaded()) == []
    text = spoilt(
        (
            "    yard: {port: port, capacity: 90}",
            "    yard: {port: port, capacity: 90}\n    spare: {port: port, capacity: 1}",
        )
    )
    assert idle_stations(loaded(text)) == ["spare"]
    used = spoilt(
        (
            '"routes.*.scan.takes": 1 min',
            '"routes.*.scan.takes": 1 min, "routes.*.scan.at": spare, "routes.*.scan.amount": 1',
        ),
        text=text,
    )
    assert idle_stations(loaded(used)) == []


def test_the_clock_of_the_time_in_port_is_not_misspelt():
    text = spoilt(("    port_dwell:\n", "    port_dwel:\n"))
    (problem,) = [said for said in problems(text) if "port_dwell" in said]
    assert problem.startswith(at("port_dwell:"))
    assert problem.endswith(
        'procedure.clocks.port_dwel: did you mean "port_dwell"? It is the clock that says when an entity is in its port'
    )


def test_flows_of_which_a_clock_says_nothing_are_named():
    scenario = loaded()
    for mode in scenario.modes:
        assert flows_without_clock(scenario, mode) == {
            "port_dwell": ["boxes", "parcels", "haulers"],
            "review": ["import", "transit", "cars", "boxes", "parcels", "haulers"],
        }


def test_a_clock_says_something_of_a_flow_only_if_those_who_adopt_a_reform_and_the_others_have_it():
    scenario = world(
        """
        demand: {car: {arrivals: {rate: 24 per day}}, truck: {arrivals: {rate: 24 per day}}}
        routes:
          car: {stamp: {takes: 1 min}}
          truck: {enter: {takes: 1 min}, stamp: {after: enter, takes: 1 min}}
        clocks: {port_dwell: {from: arrival, to: stamp.end}, entering: {from: arrival, to: [enter.end, stamp.end]}}
        reforms: {paperless: {title: Paperless, why: For the test., adoption: 40%, remove: [routes.truck.stamp]}}
        modes: {before: [], after: {port: [paperless]}}
        """
    )
    assert flows_without_clock(scenario, "before") == {"port_dwell": [], "entering": []}
    assert flows_without_clock(scenario, "after") == {"port_dwell": ["truck"], "entering": []}


def test_the_calendar_in_one_line():
    assert calendar_text(loaded().definition) == (
        "2025-06-02 Asia/Shanghai: 1 day warm-up, 2 days measured, 1 day behind, 4 days in all"
    )


def test_the_work_of_every_activity_by_hand():
    scenario = loaded()
    flow, route = scenario.demand["export"], scenario.procedure.routes["export"]
    work = expected_work(flow, route)
    suspect_red = 0.1 * 0.88 * 0.2
    weibull = 4 * 0.9027452929509336  # gamma(1 + 1/1.5)
    normal = (
        60 + 20 * (np.exp(-4.5) / np.sqrt(2 * np.pi)) / 0.9986501019683699
    )  # truncated at 0: mean + sd phi(3)/Phi(3)
    expected = {
        "drive": (1, 120),
        "gate_in": (1, 3),
        "selection": (1, 0),
        "document_review": (1, 0.12 * 5 + 0.88 * 0.4 * 20 + 0.88 * 0.6 * 15),
        "scan": (suspect_red, suspect_red * weibull),
        "inspect": (0.5, 0.5 * (0.8 * 5 + 0.2 * normal)),
        "gate_out": (1, 1),
    }
    assert set(work) == set(expected)
    for name, (chance, minutes) in expected.items():
        assert work[name] == pytest.approx((chance, minutes * MINUTE), rel=1e-9), name


def test_the_worlds_of_a_flow_are_complete_and_exclude_each_other():
    scenario = loaded()
    found = list(worlds(scenario.demand["export"], scenario.procedure.routes["export"]))
    assert sum(probability for probability, _ in found) == pytest.approx(1)
    seen = [tuple(sorted(outcomes.items())) for _, outcomes in found]
    assert len(set(seen)) == len(seen) == 2 * 2 * (1 + 2) * 1
    assert sum(p for p, o in found if o["channel"] == "red" and o["image"] == "suspect") == pytest.approx(
        0.1 * 0.88 * 0.2
    )


def test_a_draw_that_does_not_take_place_matches_nothing():
    scenario = world(
        """
        demand: {f: {arrivals: [0], attributes: {aeo: {share: 25%}}}}
        routes:
          f:
            draw: {only: {aeo: false}, draws: {channel: {red: 50%, green: 50%}}}
            scan: {after: draw, only: {channel: [red, green]}, takes: 8 min}
            wave: {after: draw, takes: {cases: [{only: {channel: red}, use: 4 min}, {use: 2 min}]}}
        """
    )
    work = expected_work(scenario.demand["f"], scenario.procedure.routes["f"])
    assert work["scan"] == pytest.approx((0.75, 6 * MINUTE))
    assert work["wave"] == pytest.approx((1, (0.375 * 4 + 0.625 * 2) * MINUTE))


def test_loads_by_hand():
    loads = {load.station: load for load in station_loads(loaded(), "traditional")}
    assert set(loads) == {"gate", "desk", "scanner", "counter", "slots"}, "a pool has no work of its own"
    gate = 40 * (3 + 1) + 4 * 2 + 2 * 0.9 * 1
    assert loads["gate"].offered == pytest.approx(gate / 60)
    assert loads["gate"].open == pytest.approx(2 * 24)
    assert loads["gate"].visits == pytest.approx(2 * 40 + 4 + 2 * 0.9)
    assert loads["desk"].open == pytest.approx(3 * 12)
    scans = 40 * 0.1 * 0.88 * 0.2
    assert loads["scanner"].offered == pytest.approx(2 * scans * 4 * 0.9027452929509336 / 60)
    assert loads["scanner"].ratio == pytest.approx(loads["scanner"].offered / loads["scanner"].open)
    assert loads["scanner"].growth == 0
    # Almaty is three hours behind Shanghai: days end at 21:00 there. Whole shift on three mornings, half a shift each
    # night, and one more unit for an hour a day.
    day, night, hour = 3 * 12 * 2, 4 * 12 * 1, 4 * 1
    assert loads["scanner"].open == pytest.approx((day + night + hour) / 4)
    parcels = 2 * 3 / 7 * 3 * 2  # on six trains a week, three boxes each, two parcels in a box
    assert loads["counter"].visits == pytest.approx(parcels)
    assert loads["counter"].offered == pytest.approx(parcels / 60)
    # Slots are given at the full hours at which the desk is open: 8 to 19, half as many from Wednesday in Almaty on.
    assert loads["slots"].visits == pytest.approx(24)
    assert loads["slots"].open == pytest.approx(12 * (40 + 40 + 20 + 20) / 4)


def test_a_simulation_has_the_load_that_was_foretold():
    said = document(
        """
        demand:
          f:
            arrivals: {rate: 120 per day}
            attributes: {aeo: {share: 30%}, cargo: {one_of: {grain: 20%, ore: 80%}}}
          g: {arrivals: {timetable: ["06:00", "18:00"], days: [mon, tue, wed, thu, fri], late: {exponential: 20 min}}}
        stations: {gate: {capacity: 2}, desk: {capacity: 3, roster: day}, scanner: {capacity: 4}}
        rosters: {day: {open: ["08:00-20:00"]}}
        routes:
          f:
            gate_in: {at: gate, takes: {triangular: [1 min, 2 min, 6 min]}, draws: {channel: {red: 20%, green: 80%}}}
            review:
              after: gate_in
              at: desk
              takes:
                cases:
                  - {only: {aeo: true}, use: 4 min}
                  - {only: {cargo: ore}, use: {exponential: 12 min}}
                  - {use: 15 min}
            scan:
              after: review
              only: {channel: red}
              share: {cases: [{only: {aeo: true}, use: 50%}, {use: 90%}]}
              at: scanner
              amount: 2
              takes: {gamma: {mean: 20 min, sd: 10 min}}
          g:
            unload: {at: scanner, amount: 3, takes: {lognormal: {mean: 1 h, sd: 30 min}}}
        """,
        duration="140 days",
    )
    scenario = read(said)
    workload, timeline = simulated(scenario)
    days = scenario.calendar.horizon / DAY
    for load in station_loads(scenario, "base"):
        busy = visits = 0.0
        for code, flow in enumerate(workload.plan.flows):
            for column, activity in enumerate(flow.activities):
                if activity.station is not None and workload.plan.resources[activity.station].name == load.station:
                    mine = workload.visits(code, column)
                    done = workload.takes_place[mine] & (timeline.end[mine] != NEVER)
                    busy += float(np.sum((timeline.end - timeline.start)[mine][done])) * activity.amount / HOUR
                    visits += float(done.sum())
        assert busy / days == pytest.approx(load.offered, rel=0.04), load.station
        assert visits / days == pytest.approx(load.visits, rel=0.04), load.station
        assert load.ratio < 1


OVERLOAD = """
demand: {f: {arrivals: {every: 30 min}}}
stations: {desk: {roster: day}, gate: {capacity: 2}}
rosters: {day: {open: ["08:00-20:00"]}}
routes: {f: {gate_in: {at: gate, takes: 1 min}, review: {after: gate_in, at: desk, takes: 20 min}}}
"""


def test_an_overload_is_warned_of_with_the_growth_that_comes():
    # 48 a day need 48 * 20 min = 16 h of 12 h; 36 a day get through, so 12 more wait every evening.
    scenario = world(OVERLOAD, duration="10 days")
    assert warnings(scenario, "base") == [
        (
            "base: desk is offered 16.0 unit-hours a day and has 12.0: its queue grows by about 12 a day; "
            "there is no steady state, all times depend on the duration"
        )
    ]
    workload, timeline = simulated(scenario)
    review = workload.visits(0, 1)
    waiting = (timeline.ready(workload, 0, 1) != NEVER) & (timeline.start[review] == NEVER)
    assert waiting.sum() == pytest.approx(10 * 12, abs=3)
    loads = {load.station: load for load in station_loads(scenario, "base")}
    assert loads["desk"].growth == pytest.approx(12)
    assert loads["gate"].growth == 0


def test_a_station_at_its_capacity_is_overloaded_too_and_one_below_is_not():
    assert len(warnings(world(OVERLOAD.replace("20 min", "15 min"), duration="10 days"), "base")) == 1
    assert warnings(world(OVERLOAD.replace("20 min", "14 min"), duration="10 days"), "base") == []


def test_the_load_of_a_quota_by_hand():
    scenario = world(
        """
        demand: {f: {arrivals: {every: 1 h}, attributes: {aeo: {share: 25%}}}}
        quotas: {slots: {port: port, amount: 60 per day, zone: UTC}}
        routes: {f: {a: {only: {aeo: true}, needs: {slots: 3}}, b: {after: a, share: 50%, needs: slots}}}
        """
    )
    (load,) = station_loads(scenario, "base")
    assert load.unit == "passes"
    assert load.visits == pytest.approx(24 * (0.25 + 0.5))
    assert load.offered == pytest.approx(24 * (0.25 * 3 + 0.5))
    assert load.open == pytest.approx(60)


def test_recorded_arrivals_are_counted_over_their_own_span():
    scenario = world(
        "demand: {f: [0, 1440, 2880, 4320, 5760]}\nstations: {gate: {}}\nroutes: {f: {a: {at: gate, takes: 6 h}}}"
    )
    (load,) = station_loads(scenario, "base")
    assert load.visits == pytest.approx(5 / 4)
    assert load.offered == pytest.approx(5 / 4 * 6)


def test_recorded_arrivals_outside_of_the_calendar_are_said_to_be_left_out():
    scenario = world("demand: {truck: [-5, 10, 20, 3000]}\nroutes: {truck: {pass: {takes: 1 min}}}")
    sentence = "2 of 4 recorded arrivals of truck lie outside of the calendar and are left out"
    assert warnings(scenario, "base") == [sentence]
