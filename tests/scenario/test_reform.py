"""Reforms edit the procedure of their port, in any order with the same result, and conflicts are refused."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sim.errors import InputError
from sim.scenario.evidence import Evidence, covers, evidence_for
from sim.scenario.loading import load
from sim.scenario.scenario import ModeScenario, Scenario
from tests.scenario.small import loaded

TWO_PORTS = yaml.safe_load("""
title: Two ports
calendar: {start: "2025-06-02", zone: Asia/Shanghai, duration: 1 day}
demand:
  east_export: &flow
    {entity: truck, port: east, direction: export, arrivals: {rate: 10 per day}, attributes: {aeo: {share: 12%}}}
  east_import: *flow
  west_export: {entity: truck, port: west, direction: export, arrivals: {rate: 20 per day}}
procedure:
  rosters:
    east_day: {zone: Asia/Shanghai, open: ["10:00-20:00", "20:00-22:00"]}
    day: {zone: Asia/Shanghai, open: [{hours: "10:00-20:00", share: 40%}]}
  stations:
    east_gate: {port: east, capacity: 4, roster: east_day}
    east_desk: {port: east, capacity: 5, roster: day}
    east_lane: {port: east, capacity: 1}
    west_gate: {port: west, capacity: 2}
    west_desk: {port: west, capacity: 5, roster: day}
    west_lane: {port: west, capacity: 1}
  routes:
    east_export: &route
      gate_in: {at: east_gate, takes: 2 min}
      store: {after: gate_in, takes: 1 h}
      declare: {after: store, at: east_desk, takes: {triangular: [10 min, 20 min, 40 min]}}
      scan: {after: [declare], at: east_desk, takes: 4 min, share: 50%}
      gate_out: {after: [scan, store], at: east_gate, takes: 1 min}
    east_import: *route
    west_export:
      gate_in: {at: west_gate, takes: 2 min}
      declare: {after: gate_in, at: west_desk, takes: 30 min}
      gate_out: {after: declare, at: west_gate, takes: 1 min}
  clocks:
    port_dwell: {from: gate_in.ready, to: gate_out.end, target: 6 h}
modes: {base: []}
evidence:
  stations.*.capacity: {grade: assumption, note: a guess}
""")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def scenario_with(modes: Any, reforms: dict[str, dict[str, Any]]) -> Scenario:
    """The two ports with reforms in the mode `smart`."""
    said = {
        **TWO_PORTS,
        "modes": {"base": [], "smart": modes},
        "reforms": {name: {"title": name, "why": "because", **edits} for name, edits in reforms.items()},
    }
    Path("two.yaml").write_text(json.dumps(said), encoding="utf-8")
    return load("two.yaml")


def smart(modes: Any = None, **reforms: dict[str, Any]) -> ModeScenario:
    """The two ports under reforms, by default all of them at both ports."""
    return scenario_with(list(reforms) if modes is None else modes, reforms).under("smart")


def refused(modes: Any = None, **reforms: dict[str, Any]) -> list[str]:
    """What is said about reforms that do not fit, without places."""
    with pytest.raises(InputError) as caught:
        smart(modes, **reforms)
    assert all(problem.place is not None for problem in caught.value.problems)
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def changes(here: ModeScenario) -> list[tuple[str, Any, Any]]:
    """Address, old and new of every edit."""
    return [(edit.address, edit.old, edit.new) for edit in here.edits]


def at(here: ModeScenario, address: str) -> Any:
    """What stands at an address after the reforms."""
    node = here.root.find(("procedure", *(int(key) if key.isdecimal() else key for key in address.split("."))))
    return node.plain() if node is not None else None


# -------------------------------------------------------------------------------------------------------------- set


def test_set_changes_a_value_or_gives_a_new_one():
    here = smart({"east": ["r"]}, r={"set": {"routes.east_export.declare.after": [], "routes.*.scan.priority": 2}})
    assert changes(here) == [
        ("routes.east_export.declare.after", "store", []),
        ("routes.east_export.scan.priority", None, 2),
        ("routes.east_import.scan.priority", None, 2),
    ]
    assert here.procedure.routes["east_export"]["declare"].after == ()
    assert here.procedure.routes["east_import"]["declare"].after == ("store",)
    assert here.procedure.routes["east_export"]["scan"].priority is not None


def test_set_reaches_into_lists_and_replaces_what_is_short():
    here = smart(
        {"east": ["r"]},
        r={
            "set": {
                "routes.east_export.declare.takes.triangular.1": "30 min",
                "routes.east_import.gate_in.takes.constant": "5 min",
            }
        },
    )
    assert at(here, "routes.east_export.declare.takes") == {"triangular": ["10 min", "30 min", "40 min"]}
    assert at(here, "routes.east_import.gate_in.takes") == {"constant": "5 min"}
    assert "matches nothing" in refused({"east": ["r"]}, r={"set": {"routes.*.declare.takes.triangular.3": "1 h"}})[0]


def test_a_misspelt_key_in_a_set_is_refused_where_it_stands():
    assert refused({"west": ["r"]}, r={"set": {"routes.*.declare.taks": "5 min"}}) == [
        'procedure.routes.west_export.declare.taks: unknown key; did you mean "takes"?'
    ]


def test_a_wrong_value_in_a_set_is_refused_where_it_stands():
    assert refused({"west": ["r"]}, r={"set": {"routes.*.declare.takes": 5}}) == [
        'procedure.routes.west_export.declare.takes: expected a duration with its unit, such as "15 min", found 5'
    ]


# ------------------------------------------------------------------------------------------------------------ scale


def test_scale_multiplies_every_duration_below_an_address():
    here = smart({"east": ["r"]}, r={"scale": {"routes.east_export.declare": 0.5, "routes.*.gate_in.takes": 1.5}})
    assert changes(here) == [
        (
            "routes.east_export.declare",
            {"after": "store", "at": "east_desk", "takes": {"triangular": ["10 min", "20 min", "40 min"]}},
            {"after": "store", "at": "east_desk", "takes": {"triangular": ["5 min", "10 min", "20 min"]}},
        ),
        ("routes.east_export.gate_in.takes", "2 min", "3 min"),
        ("routes.east_import.gate_in.takes", "2 min", "3 min"),
    ]


@pytest.mark.parametrize(
    ("address", "factor", "new"),
    [
        ("stations.east_desk.capacity", 1.5, 8),  # 7.5, a half goes up
        ("stations.east_lane.capacity", 0.2, 1),  # at least one
        ("stations.east_gate.capacity", 0.5, 2),
        ("routes.east_export.scan.share", 1.5, "75%"),
        ("rosters.day.open", 0.5, [{"hours": "10:00-20:00", "share": "20%"}]),
        ("clocks.port_dwell.target", 2, "12 h"),
    ],
)
def test_scale_multiplies_capacities_and_shares(address: str, factor: float, new: Any):
    here = smart({"east": ["r"]}, r={"scale": {address: factor}})
    assert [edit[2] for edit in changes(here)] == [new]


def test_scalings_of_two_reforms_multiply():
    scale = {"routes.*.store.takes": 0.5}
    here = smart({"east": ["one", "two", "three"]}, one={"scale": scale}, two={"scale": scale}, three={"scale": scale})
    assert at(here, "routes.east_export.store.takes") == "7 min 30 s"
    assert [change[1:] for change in changes(here)][:3] == [
        ("1 h", "30 min"),
        ("30 min", "15 min"),
        ("15 min", "7 min 30 s"),
    ]


def test_what_has_no_port_is_scaled_once_even_at_two_ports():
    one = {"scale": {"rosters.day.open": 0.5}}
    assert at(smart({"east": ["one"], "west": ["one"]}, one=one), "rosters.day.open.0.share") == "20%"
    both = smart({"east": ["one", "two"], "west": ["two", "one"]}, one=one, two=one)
    assert at(both, "rosters.day.open.0.share") == "10%"


@pytest.mark.parametrize(
    ("address", "factor", "sentence"),
    [
        (
            "routes.*.scan.share",
            3,
            'scale.routes.east_export.scan.share: "50%" scaled by 3.0 is "150%", which is too large for a share',
        ),
        (
            "routes.*.scan.after",
            2,
            "scale.routes.east_export.scan.after: there is no duration, rate, share, capacity or amount to scale",
        ),
        (
            "routes.*.store.takes",
            1e9,
            'scale.routes.east_export.store.takes: "1 h" scaled by 1000000000.0 is no longer below 100 years',
        ),
    ],
)
def test_what_cannot_be_scaled_is_refused(address: str, factor: float, sentence: str):
    assert refused({"east": ["r"]}, r={"scale": {address: factor}})[0] == sentence


# ----------------------------------------------------------------------------------------------------------- remove


def test_remove_takes_an_activity_out_and_those_behind_it_inherit_its_after():
    here = smart({"east": ["r"]}, r={"remove": ["routes.east_export.store"]})
    assert changes(here) == [
        ("routes.east_export.declare.after", "store", ["gate_in"]),
        ("routes.east_export.gate_out.after", ["scan", "store"], ["scan", "gate_in"]),
        ("routes.east_export.store", {"after": "gate_in", "takes": "1 h"}, None),
    ]
    assert "store" in here.procedure.routes["east_import"]


def test_removing_a_chain_of_activities_ties_the_ends_together():
    gone = ["store", "declare", "scan"]
    for order in itertools.permutations(gone):
        reforms = {f"r{number}_{name}": {"remove": [f"routes.east_export.{name}"]} for number, name in enumerate(order)}
        here = smart({"east": list(reforms)}, **reforms)
        assert here.procedure.routes["east_export"].keys() == {"gate_in", "gate_out"}
        assert here.procedure.routes["east_export"]["gate_out"].after == ("gate_in",)


def test_remove_takes_out_a_key_or_a_station():
    here = smart({"west": ["r"]}, r={"remove": ["stations.*.roster", "stations.west_lane"]})
    assert changes(here) == [
        ("stations.west_desk.roster", "day", None),
        ("stations.west_lane", {"port": "west", "capacity": 1}, None),
    ]
    assert here.procedure.stations["west_desk"].roster is None


def test_one_entry_of_a_list_cannot_be_removed():
    assert refused({"east": ["r"]}, r={"remove": ["rosters.east_day.open.0"]}) == [
        "remove.rosters.east_day.open.0: one entry of a list cannot be removed; set the whole list"
    ]


def test_removing_what_is_needed_is_refused():
    assert refused({"west": ["r"]}, r={"remove": ["stations.west_gate"]})[0].startswith(
        'procedure.routes.west_export.gate_in.at: there is no station "west_gate"'
    )
    assert refused({"west": ["r"]}, r={"remove": ["stations.west_gate.capacity"]}) == [
        "procedure.stations.west_gate.capacity: this key is required and missing"
    ]


# -------------------------------------------------------------------------------------------------------------- add


def test_add_puts_an_activity_between_others():
    seal = {"after": "scan", "before": ["gate_out"], "at": "{port}_lane", "takes": "2 min"}
    here = smart({"east": ["r"]}, r={"add": {"routes.*.seal": seal}})
    assert at(here, "routes.east_export.seal") == {"after": "scan", "at": "east_lane", "takes": "2 min"}
    assert at(here, "routes.east_export.gate_out.after") == ["scan", "store", "seal"]
    assert [change[0] for change in changes(here)] == [
        *("routes.east_export.gate_out.after", "routes.east_export.seal"),
        *("routes.east_import.gate_out.after", "routes.east_import.seal"),
    ]


def test_add_goes_to_the_routes_that_have_its_neighbours():
    here = smart({"east": ["r"], "west": ["r"]}, r={"add": {"routes.*.seal": {"after": "store", "before": "gate_out"}}})
    assert "seal" in here.procedure.routes["east_export"]
    assert "seal" not in here.procedure.routes["west_export"]


def test_add_may_stand_behind_what_another_reform_adds():
    for first, second in (("a", "b"), ("b", "a")):
        reforms = {
            first: {"add": {"routes.west_export.weigh": {"after": "gate_in"}}},
            second: {"add": {"routes.west_export.label": {"after": "weigh", "before": ["gate_out"]}}},
        }
        here = smart({"west": [first, second]}, **reforms)
        assert here.procedure.routes["west_export"]["label"].after == ("weigh",)


SEAL = {"add": {"routes.west_export.seal": {"after": "gate_in", "before": ["gate_out"]}}}


@pytest.mark.parametrize(
    "other",
    [
        {"set": {"routes.west_export.gate_out.after": ["declare"]}},
        {"set": {"routes.west_export.gate_out": {"after": "declare", "at": "west_gate"}}},
        {"remove": ["routes.west_export.gate_out.after"]},
    ],
)
def test_an_addition_before_an_activity_whose_after_another_reform_sets_is_refused(other: dict[str, Any]):
    for one, two in (("a", "b"), ("b", "a")):
        (problem,) = refused({"west": [one, two]}, **{one: SEAL, two: other})
        assert problem == (
            f"add.routes.west_export.seal.before: reform {one} puts seal before gate_out, but reform {two} sets "
            "routes.west_export.gate_out.after without it; name seal there, or leave gate_out out of `before`"
        )


def test_a_reform_does_not_undo_its_own_addition():
    (problem,) = refused({"west": ["r"]}, r=SEAL | {"set": {"routes.west_export.gate_out.after": ["declare"]}})
    assert "reform r puts seal before gate_out, but it also sets routes.west_export.gate_out.after" in problem


def test_an_addition_stays_where_the_other_reform_names_it_or_removes_the_follower():
    named = smart({"west": ["a", "b"]}, a=SEAL, b={"set": {"routes.west_export.gate_out.after": ["declare", "seal"]}})
    assert at(named, "routes.west_export.gate_out.after") == ["declare", "seal"]
    seal = {"add": {"routes.west_export.seal": {"after": "gate_in", "before": ["declare"]}}}
    gone = smart({"west": ["a", "b"]}, a=seal, b={"remove": ["routes.west_export.declare"]})
    assert at(gone, "routes.west_export.gate_out.after") == ["gate_in", "seal"]


def test_add_makes_stations_rosters_and_clocks():
    new = {
        "stations.{port}_scanner": {"port": "{port}", "capacity": 1, "roster": "{port}_night"},
        "rosters.{port}_night": {"zone": "Asia/Shanghai", "open": ["20:00-08:00"]},
        "clocks.declaring": {"from": "declare.ready", "to": "declare.end"},
    }
    here = smart({"east": ["r"], "west": ["r"]}, r={"add": new, "set": {"routes.*.declare.at": "{port}_scanner"}})
    assert {"east_scanner", "west_scanner"} <= here.procedure.stations.keys()
    assert here.procedure.stations["west_scanner"].roster == "west_night"
    assert here.procedure.stations["west_scanner"].port == "west"
    assert here.procedure.clocks["declaring"].begin == ("declare.ready",)
    assert here.procedure.routes["east_import"]["declare"].at == "east_scanner"


def test_add_makes_a_section_that_was_not_there(monkeypatch: pytest.MonkeyPatch):
    procedure = {key: value for key, value in TWO_PORTS["procedure"].items() if key != "clocks"}
    monkeypatch.setitem(TWO_PORTS, "procedure", procedure)
    here = smart({"west": ["r"]}, r={"add": {"clocks.dwell": {"from": "arrival", "to": "gate_out.end"}}})
    assert here.procedure.clocks.keys() == {"dwell"}


def test_adding_what_is_there_is_refused():
    assert refused({"west": ["r"]}, r={"add": {"routes.west_export.declare": {"after": "gate_in"}}}) == [
        "add.routes.west_export.declare: procedure.routes.west_export has declare already; use set"
    ]
    assert refused({"west": ["r"]}, r={"add": {"stations.west_gate": {"port": "west", "capacity": 1}}})[0] == (
        "add.stations.west_gate: procedure.stations.west_gate exists already; use set"
    )


# ---------------------------------------------------------------------------------------- addresses and their limits


@pytest.mark.parametrize("kind", ["set", "scale", "remove", "add"])
@pytest.mark.parametrize(
    "address", ["routes.*.inspect.takes", "routes.*_import.declare.takes", "stations.{port}_crane.capacity"]
)
def test_a_pattern_that_matches_nothing_is_refused(kind: str, address: str):
    edits: dict[str, Any] = {
        "set": {address: "1 min"},
        "scale": {address: 0.5},
        "remove": [address],
        "add": {address: {}},
    }
    assert refused({"west": ["r"]}, r={kind: edits[kind]}) == [
        f"{kind}.{address}: matches nothing at the ports where reform r is applied"
    ]


def test_a_pattern_needs_to_match_at_one_port_only():
    here = smart(["r"], r={"scale": {"routes.*.store.takes": 0.5}})
    assert {edit.port for edit in here.edits} == {"east"}


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("demand.west_export.arrivals.rate", "an address begins with routes. or stations. or "),
        ("evidence.x", "an address begins with routes. or stations. or "),
        ("route.west_export.declare.takes", "an address begins with routes. or stations. or "),
        ("routes", "expected an address such as routes.NAME.KEY"),
        ("routes..declare", "expected an address such as routes.NAME.KEY"),
    ],
)
@pytest.mark.parametrize("kind", ["set", "scale", "remove", "add"])
def test_only_the_procedure_has_addresses(kind: str, address: str, sentence: str):
    edits: dict[str, Any] = {
        "set": {address: "1 min"},
        "scale": {address: 0.5},
        "remove": [address],
        "add": {address: {}},
    }
    (problem,) = refused({"west": ["r"]}, r={kind: edits[kind]})
    assert problem.startswith(f"{kind}.{address}: {sentence}")


def test_a_reform_touches_only_its_port():
    everything = {
        "set": {"routes.*.gate_in.takes": "5 min", "stations.*.agency": "customs"},
        "scale": {"routes.*.declare.takes": 0.5, "stations.*.capacity": 2},
        "remove": ["stations.*.roster", "routes.*.scan"],
        "add": {"routes.*.seal": {"after": "gate_in", "before": ["gate_out"]}},
    }
    before = scenario_with([], {})
    for port, other in (("east", "west"), ("west", "east")):
        edits = {**everything, "remove": ["stations.*.roster"]} if port == "west" else everything
        here = smart({port: ["r"]}, r=edits)
        assert here.edits
        for section in ("stations", "routes"):
            old, new = before.root.find(("procedure", section)), here.root.find(("procedure", section))
            assert old is not None
            assert new is not None
            for name in old.mapping:
                same = new.plain()[name] == old.plain()[name]
                assert same == name.startswith(other), name
        assert all(edit.port == port and port in edit.address for edit in here.edits)


def test_a_quota_belongs_to_its_port(monkeypatch: pytest.MonkeyPatch):
    quotas = {f"{port}_slots": {"port": port, "amount": "60 per day", "zone": "UTC"} for port in ("east", "west")}
    monkeypatch.setitem(TWO_PORTS, "procedure", {**TWO_PORTS["procedure"], "quotas": quotas})
    here = smart({"east": ["r"]}, r={"scale": {"quotas.*.amount": 0.5}})
    assert changes(here) == [("quotas.east_slots.amount", "60 per day", "30 per day")]


def test_the_port_stands_for_itself_in_addresses_keys_and_texts():
    here = smart(
        ["r"],
        r={
            "set": {
                "routes.{port}_*.declare.at": "{port}_lane",
                "routes.{port}_export.declare.seizes": {"{port}_desk": 1},
            },
            "add": {
                "routes.{port}_export.back": {"after": "declare", "before": ["gate_out"], "releases": ["{port}_desk"]}
            },
        },
    )
    for port in ("east", "west"):
        declare = here.procedure.routes[f"{port}_export"]["declare"]
        assert (declare.at, declare.seizes) == (f"{port}_lane", {f"{port}_desk": 1})
    assert here.procedure.routes["east_import"]["declare"].at == "east_lane"


def test_one_reform_cannot_give_one_key_two_values_at_two_ports():
    (problem,) = refused(["r"], r={"set": {"clocks.port_dwell.to": "{port}.end"}})
    assert problem.endswith("two reforms of a mode cannot change the same key")
    assert (
        smart(["r"], r={"set": {"clocks.port_dwell.target": "3 h"}}).procedure.clocks["port_dwell"].target == 10_800_000
    )


# -------------------------------------------------------------------------------------------------------- conflicts

CONFLICTS = [
    ({"set": {"routes.west_export.declare.takes": "1 h"}}, {"set": {"routes.*.declare.takes": "2 h"}}),
    ({"set": {"routes.west_export.declare.takes": "1 h"}}, {"set": {"routes.*.declare.takes": "1 h"}}),
    ({"set": {"routes.west_export.declare.takes": "1 h"}}, {"scale": {"routes.*.declare.takes": 0.5}}),
    ({"set": {"routes.west_export.declare.takes": "1 h"}}, {"remove": ["routes.*.declare.takes"]}),
    ({"scale": {"routes.west_export.declare.takes": 2}}, {"remove": ["routes.*.declare.takes"]}),
    ({"remove": ["routes.*.declare"]}, {"remove": ["routes.west_export.declare"]}),
    ({"remove": ["routes.*.declare"]}, {"set": {"routes.*.declare.takes": "1 h"}}),
    ({"scale": {"routes.*.declare": 0.5}}, {"scale": {"routes.*.declare.takes": 0.5}}),
    ({"set": {"stations.west_gate": {"port": "west", "capacity": 1}}}, {"set": {"stations.*.capacity": 3}}),
    (
        {"add": {"routes.*.seal": {"after": "declare"}}},
        {"add": {"routes.west_export.seal": {"after": "gate_in"}}},
    ),
    ({"add": {"routes.*.seal": {"after": "declare"}}}, {"set": {"routes.*.seal.takes": "1 min"}}),
    ({"add": {"routes.*.seal": {"after": "declare", "takes": "1 min"}}}, {"scale": {"routes.*.seal.takes": 0.5}}),
]


@pytest.mark.parametrize(("one", "two"), CONFLICTS, ids=[json.dumps(pair)[:90] for pair in CONFLICTS])
@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")], ids="".join)
def test_two_reforms_that_change_one_key_or_one_below_the_other_are_refused(
    one: dict[str, Any], two: dict[str, Any], names: tuple[str, str]
):
    reforms = dict(zip(names, (one, two), strict=True))
    for order in (["a", "b"], ["b", "a"]):
        found = refused({"west": order}, **reforms)
        assert any("two reforms of a mode cannot change the same key" in problem for problem in found)
        assert any(" a " in problem and " b " in problem for problem in found)
    for alone in names:
        if not any(".seal" in key for kind in ("set", "scale") for key in reforms[alone].get(kind, {})):
            assert scenario_with({"west": []}, {alone: reforms[alone]})


def test_the_same_edits_at_two_ports_are_no_conflict():
    one, two = {"set": {"routes.*.declare.takes": "1 h"}}, {"set": {"routes.*.declare.takes": "2 h"}}
    here = smart({"west": ["one"], "east": ["two"]}, one=one, two=two)
    assert at(here, "routes.west_export.declare.takes") == "1 h"
    assert at(here, "routes.east_export.declare.takes") == "2 h"


# ------------------------------------------------------------------------------------------------------------ order

POOL: list[dict[str, Any]] = [
    {"set": {"routes.*.declare.after": []}},
    {"set": {"routes.*.declare.takes": "5 min"}},
    {"set": {"routes.east_export.gate_out.after": ["declare"]}},
    {"set": {"stations.{port}_gate.capacity": 9}},
    {"set": {"rosters.day.open": ["00:00-24:00"]}},
    {"scale": {"routes.*.declare.takes": 0.5}},
    {"scale": {"routes.*.declare.takes": 2}},
    {"scale": {"routes.*.store.takes": 4}},
    {"scale": {"stations.*.capacity": 2}},
    {"scale": {"stations.{port}_desk.capacity": 3}},
    {"scale": {"rosters.day.open": 0.5}},
    {"remove": ["routes.*.store"]},
    {"remove": ["routes.*.scan"]},
    {"remove": ["routes.*.declare"]},
    {"remove": ["stations.{port}_desk.roster"]},
    {"add": {"routes.*.seal": {"after": "scan", "before": ["gate_out"], "takes": "1 min"}}},
    {"add": {"routes.*.label": {"after": "seal", "before": ["gate_out"]}}},
    {"add": {"routes.*.weigh": {"after": "gate_in", "before": ["declare"]}}},
    {"add": {"stations.{port}_crane": {"port": "{port}", "capacity": 1}}},
]


def outcome(modes: Any, reforms: dict[str, dict[str, Any]]) -> tuple[str, Any]:
    """The tree of a mode with every `after` in order of name, or that it is refused."""
    try:
        tree = scenario_with(modes, reforms).under("smart").root.plain()["procedure"]
    except InputError as error:
        kinds = {problem.message.partition(";")[2] or "other" for problem in error.problems}
        return "refused", "two reforms of a mode cannot change the same key" in " ".join(kinds)
    for route in tree["routes"].values():
        for activity in route.values():
            after = activity.get("after", [])
            activity["after"] = sorted(after if isinstance(after, list) else [after])
    return "accepted", tree


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, len(POOL) - 1), min_size=2, max_size=5, unique=True),
    st.randoms(use_true_random=False),
    st.sampled_from([["east"], ["west"], ["east", "west"]]),
)
def test_neither_the_order_of_the_list_nor_the_names_of_reforms_matter(
    chosen: list[int], chance: Any, ports: list[str]
):
    reforms = {f"r{number}": POOL[number] for number in chosen}
    names = list(reforms)
    first = outcome(dict.fromkeys(ports, names), reforms)
    event(first[0])
    shuffled = [chance.sample(names, len(names)) for _ in ports]
    assert outcome(dict(zip(ports, shuffled, strict=True)), reforms) == first
    new_names = dict(zip(names, chance.sample(names, len(names)), strict=True))
    renamed = {new_names[name]: edits for name, edits in reforms.items()}
    assert outcome({port: list(renamed) for port in reversed(ports)}, renamed) == first


def test_the_order_in_the_list_changes_nothing_at_all():
    reforms = {f"r{number}": POOL[number] for number in (0, 5, 6, 8, 9, 12, 16, 15)}
    trees = set()
    for order in itertools.islice(itertools.permutations(reforms), 0, 40320, 4001):
        here = smart({"east": list(order)}, **reforms)
        trees.add(json.dumps([here.root.plain()["procedure"], [edit.address for edit in here.edits]]))
    assert len(trees) == 1


def test_a_reform_without_edits_changes_nothing():
    here = smart(["nothing"], nothing={})
    assert here.edits == ()
    assert here.procedure == scenario_with([], {}).procedure


def test_the_baseline_is_left_alone():
    scenario = scenario_with(["r"], {"r": {"remove": ["routes.*.declare"], "scale": {"stations.*.capacity": 3}}})
    before = json.dumps(scenario.root.plain())
    assert scenario.under("smart").edits
    assert json.dumps(scenario.root.plain()) == before
    assert scenario.under("base").root.plain()["procedure"] == TWO_PORTS["procedure"]


# ---------------------------------------------------------------------------------------------------- modes of a file


def test_a_mode_for_all_ports_is_the_mode_of_each():
    one = {"scale": {"routes.*.declare.takes": 0.5}}
    trees = [
        smart(modes, one=one).root.plain()["procedure"]
        for modes in (["one"], {"*": ["one"]}, {"east": ["one"], "west": ["one"]}, {"*": ["one"], "west": ["one"]})
    ]
    assert all(tree == trees[0] for tree in trees)


@pytest.mark.parametrize(
    ("modes", "sentence"),
    [
        (["two"], 'modes: there is no reform "two" in this scenario or in reforms/; known are one'),
        ({"north": ["one"]}, 'modes.smart: no flow has the port "north"; known are east, west'),
        ({"easst": ["one"]}, 'modes.smart: no flow has the port "easst"; did you mean "east"?'),
    ],
)
def test_unknown_reforms_and_ports_are_refused(modes: Any, sentence: str):
    assert refused(modes, one={}) == [sentence]


def test_other_modes_can_be_tried():
    scenario = scenario_with(
        [], {"one": {"set": {"routes.*.declare.takes": "1 min"}}, "two": {"scale": {"routes.*.declare.takes": 2}}}
    )
    tried = scenario.with_modes({"traditional": [], "first": ["one"], "second": {"west": ["two"]}})
    assert tried.modes == ["traditional", "first", "second"]
    assert at(tried.under("first"), "routes.east_export.declare.takes") == "1 min"
    assert at(tried.under("second"), "routes.west_export.declare.takes") == "1 h"
    assert scenario.modes == ["base", "smart"]
    with pytest.raises(InputError, match='there is no mode "frist"; did you mean "first"'):
        tried.under("frist")


# --------------------------------------------------------------------------------------------------------- evidence


def evidence(note: str) -> Evidence:
    return Evidence(grade="assumption", note=note)


@pytest.mark.parametrize(
    ("address", "note"),
    [
        ("stations.east_gate.capacity", "one station"),
        ("stations.west_gate.capacity", "all gates"),
        ("stations.west_desk.capacity", "all capacities"),
        ("routes.east_export.declare.takes", "the duration"),
        ("routes.east_export.declare.share", "the activity"),
        ("routes.east_import.declare.takes", "any declaration"),
        ("routes.east_import.declare.share", "imports of the east"),
        ("routes.west_export.declare.takes", "any declaration"),
        ("routes.west_export.declare.share", "declarations of the west"),
        ("routes.west_import.declare.share", None),
        ("demand.east_export.arrivals.rate", "arrivals"),
        ("demand.east_export.attributes.aeo", None),
        ("rosters.day", "hours"),
    ],
)
def test_the_most_specific_evidence_wins(address: str, note: str | None):
    entries = {
        "stations.*.capacity": "all capacities",
        "stations.*_gate.capacity": "all gates",
        "stations.east_gate.capacity": "one station",
        "routes.east_import": "imports of the east",
        "routes.*.declare.takes": "any declaration",
        "routes.west_export.declare": "declarations of the west",
        "routes.east_export.declare": "the activity",
        "routes.east_export.declare.takes": "the duration",
        "demand.*.arrivals": "arrivals",
        "rosters.day.open": "hours",
    }
    for order in (list(entries.items()), list(reversed(entries.items()))):
        found = evidence_for(address, [(pattern, evidence(text)) for pattern, text in order])
        assert (found.note if found else None) == note


def test_evidence_speaks_of_what_is_at_above_or_below_its_address():
    assert covers("routes.f", "routes.f.a.takes")
    assert covers("routes.*.a.takes.lognormal.mean", "routes.f.a.takes")
    assert not covers("routes.g", "routes.f.a.takes")
    assert not covers("routes.*.b", "routes.f.a.takes")


def test_what_a_reform_changed_rests_on_the_evidence_of_the_reform():
    reforms: dict[str, dict[str, Any]] = {
        "r": {
            "grade": "press",
            "sources": ["https://example.org/one", "https://example.org/two"],
            "evidence": {"routes.*.scan.takes": {"grade": "benchmark", "source": "https://example.org/scan"}},
            "set": {"routes.*.scan.takes": "1 min", "routes.*.declare.takes": "2 min"},
            "scale": {"stations.{port}_desk.capacity": 2},
            "add": {
                "routes.east_export.seal": {"after": "scan", "before": ["gate_out"], "takes": "1 min", "share": "5%"}
            },
        }
    }
    scenario = scenario_with({"east": ["r"]}, reforms)
    before = {parameter.address: found for parameter, found in scenario.parameters("base")}
    after = {parameter.address: found for parameter, found in scenario.parameters("smart")}
    assert before["stations.east_desk.capacity"] == evidence("a guess")
    assert before["routes.east_export.scan.takes"] is None
    scan, declare = after["routes.east_export.scan.takes"], after["routes.east_import.declare.takes"]
    assert scan is not None
    assert (scan.grade, scan.source) == ("benchmark", "https://example.org/scan")
    assert declare is not None
    assert (declare.grade, declare.source) == ("press", "https://example.org/one; https://example.org/two")
    assert declare.note == "reform r: because"
    for address in ("stations.east_desk.capacity", "routes.east_export.seal.takes", "routes.east_export.seal.share"):
        found = after[address]
        assert found is not None
        assert found.grade == "press", address
    assert after["stations.west_desk.capacity"] == evidence("a guess")
    assert after["routes.west_export.declare.takes"] is None
    assert after["routes.east_export.scan.share"] is None, "the reform did not touch it"
    assert set(after) - set(before) == {"routes.east_export.seal.takes", "routes.east_export.seal.share"}


def test_evidence_of_a_reform_for_what_it_does_not_change_is_refused():
    guess = {"grade": "assumption", "note": "x"}
    edits = {"routes.*.declare.takes": "1 min", "stations.{port}_desk.capacity": 3}
    idle = ("routes.*.gate_out.takes", "routes.*.gate_in.takes")
    assert refused(["r"], r={"evidence": dict.fromkeys((*edits, *idle), guess), "set": edits}) == [
        f"evidence.{address}: matches nothing that reform r changes; mend the address or remove it" for address in idle
    ]


def test_the_parameters_are_every_number_that_somebody_decided_on():
    found = {parameter.address: parameter for parameter, _ in loaded().parameters("traditional")}
    assert sorted(found) == sorted(
        [
            *(f"demand.export.arrivals.{key}" for key in ("rate", "hours", "weekdays")),
            *("demand.export.attributes.aeo", "demand.export.attributes.cargo"),
            *(f"demand.import.arrivals.{key}" for key in ("timetable", "days", "late", "early")),
            *("demand.transit.arrivals.every", "demand.transit.arrivals.first", "demand.cars.arrivals.recorded"),
            *(f"demand.boxes.{key}" for key in ("arrivals.aboard", "attributes.illicit")),
            *(f"demand.boxes.costs.{key}" for key in ("value_of_time", "waiting", "idling")),
            *("demand.parcels.arrivals.aboard", "demand.haulers.arrivals.every"),
            *("rosters.day", "rosters.shifts", "stations.desk.queue_limit", "stations.counter.staff"),
            *(f"quotas.slots.{key}" for key in ("amount", "changes", "unused")),
            *(f"disruptions.storm.{key}" for key in ("leaves", "dates")),
            *(f"disruptions.breakdown.{key}" for key in ("takes_out", "between", "lasts")),
            *(f"stations.{name}.capacity" for name in ("gate", "desk", "counter", "scanner", "yard")),
            *("routes.export.drive.takes", "routes.export.gate_in.takes", "routes.export.gate_out.takes"),
            *("routes.export.selection.draws.channel", "routes.export.selection.draws.image"),
            *("routes.export.document_review.takes", "routes.export.document_review.priority"),
            *("routes.export.scan.amount", "routes.export.scan.takes", "routes.export.gate_out.priority"),
            *("routes.export.inspect.share", "routes.export.inspect.takes"),
            *("routes.import.receive.takes", "routes.import.depart.takes"),
            *(f"routes.cars.gate_in.{key}" for key in ("takes", "share", "fee")),
            *(
                "routes.transit.gate_in.takes",
                "routes.boxes.select.targets.risk",
                "routes.boxes.search.detects.illicit",
            ),
            *("routes.parcels.hand_over.emits", "routes.parcels.hand_over.takes"),
            *("routes.haulers.load.takes", "routes.haulers.drive.takes"),
            *(f"routes.haulers.load.load.{key}" for key in ("up_to", "at_least", "waits")),
        ]
    )
    assert found["stations.gate.capacity"].value == 2
    assert all(
        parameter.port == ("" if address.startswith("disruptions") else "port") for address, parameter in found.items()
    )
