"""Write the pages of docs/ that follow from the program and its scenarios: `python -m tests.documents`.

The tests compare the committed pages with what this gives, so they never fall behind.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sim.scenario.loading import read_scenario
from sim.scenario.reform import NamedReform
from sim.scenario.rendering import text_of
from sim.scenario.schema import json_schema
from sim.scenario.units import format_duration
from tests.validation import targets

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SCENARIOS = ROOT / "scenarios"
REMAKE = "make reference"
GENERATED = f"<!-- Written by `{REMAKE}`; edit {{source}} instead of this page. -->\n"

# ---------------------------------------------------------------------------------------------- scenario reference

# Section, where it stands in a file. The order is that of reading; a type that is missing here stops the generator.
SECTIONS = {
    "Definition": ("The file", "the whole file, with its imports"),
    "Text": ("Text", "`title`, `why`, `description`"),
    "Calendar": ("Calendar", "`calendar`"),
    "Port": ("Port", "`ports.PORT`"),
    "Flow": ("Flow", "`demand.FLOW`"),
    "Arrivals": ("Arrivals", "`demand.FLOW.arrivals`"),
    "Recorded": ("Recorded arrivals", "`demand.FLOW.arrivals.recorded`"),
    "Aboard": ("Arrivals aboard", "`demand.FLOW.arrivals.aboard`"),
    "Attribute": ("Attribute", "`demand.FLOW.attributes.VARIABLE`"),
    "FlowCosts": ("Costs of a flow", "`demand.FLOW.costs`"),
    "WaitingCharge": ("Waiting charge", "`demand.FLOW.costs.waiting`"),
    "Idling": ("Idling", "`demand.FLOW.costs.idling`"),
    "Procedure": ("Procedure", "`procedure`"),
    "Roster": ("Roster", "`procedure.rosters.ROSTER`"),
    "Shift": ("Shift", "an entry of `procedure.rosters.ROSTER.open`"),
    "Station": ("Station", "`procedure.stations.STATION`"),
    "Staff": ("Staff", "`staff` of a station"),
    "Quota": ("Quota", "`procedure.quotas.QUOTA`"),
    "Activity": ("Activity", "`procedure.routes.FLOW.ACTIVITY`"),
    "Load": ("Load", "`load` of an activity"),
    "Awaited": ("Awaited", "`awaits` of an activity"),
    "Targeting": ("Targeting", "an entry of `targets` of an activity"),
    "Fee": ("Fee", "`fee` of an activity"),
    "Clock": ("Clock", "`procedure.clocks.CLOCK`"),
    "Distribution": ("Distribution", "`takes` of an activity, `late` of a timetable"),
    "Lognormal": ("Lognormal", "`lognormal`"),
    "Gamma": ("Gamma", "`gamma`"),
    "Weibull": ("Weibull", "`weibull`"),
    "Normal": ("Normal", "`normal`"),
    "Empirical": ("Empirical", "`empirical`"),
    "Part": ("Part of a mixture", "an entry of `mixture`"),
    "Reform": ("Reform", "`reforms.REFORM`, or a file `reforms/REFORM.yaml` beside the scenario"),
    "Baseline": ("Baseline of a reform", "`baseline` of a reform"),
    "Shown": ("Effect of a reform", "an entry of `shows` of a reform"),
    "Disruption": ("Disruption", "`disruptions.DISRUPTION`"),
    "PriceLevel": ("Prices", "`prices`"),
    "Evidence": ("Evidence", "`evidence.ADDRESS`"),
}
PLAIN = {
    "Constant": "[duration](#quantities)",
    "Exponential": "[duration](#quantities)",
    "Uniform": "2 × [duration](#quantities)",
    "Triangular": "3 × [duration](#quantities)",
    "Mixture": "list: [part](#part-of-a-mixture)",
}
QUANTITIES = {
    "15 min": "[duration](#quantities)",
    "300 per day": "[rate](#quantities)",
    "12%": "[share](#quantities)",
    "650 per day": "[allowance](#quantities)",
    "400 CNY": "[money](#quantities)",
    "45 CNY per hour": "[money](#quantities) per hour",
    "1800 CNY per day": "[money](#quantities) per day",
    "7.4 CNY per L": "[money](#quantities) per litre",
    "3 L per hour": "[fuel](#quantities) per hour",
    "2.68 kg per L": "[fuel](#quantities): kg per litre",
    "600 kg": "[fuel](#quantities): kg",
}
CASES = ("Durations", "Shares", "OutcomeShares", "Numbers", "Counts")
"""Values that may depend on the entity."""
OVERRIDES = {
    ("Definition", "modes"): "name → list: reform or `REFORM at 35%`, or name → port → the same",
    ("Quota", "changes"): "date such as `2025-06-02` → [allowance](#quantities)",
    ("Reform", "remove"): "list: [address](#addresses)",
}
"""Where the type alone says too little."""
TEXTS = {
    "^[a-z][a-z0-9_]*$": "name",
    r"^\d\d:\d\d$": 'time of day such as `"06:30"`',
    r"^(arrival|[a-z][a-z0-9_]*\.(ready|start|end))$": "[point](#points)",
}

PREFACE = """\
# Scenario reference

Every key that a scenario may have, taken from the types that read it. `smartport schema` prints the same as JSON Schema
for editors. [Reforms](reforms.md) shows the reforms that come with the program, [design](design.md) what the engine
makes of a route. In the tables, `list: A` is a list whose entries are A, and `A → B` a mapping from A to B.

## Quantities

A quantity is written with its unit; a bare number where a unit belongs is refused. Bare numbers stand only where
something is counted or weighed: `capacity`, `amount`, `priority`, `replications`, `seed`, weights and shapes.

| quantity | examples | what it may be |
| --- | --- | --- |
| duration | `15 min`, `1 h 30 min`, `1.5 h`, `2 days`, `PT15M`, `15分钟` | weeks to milliseconds, below 100 years |
| rate | `300 per day`, `12 per hour`, `70/week`, `每天300` | a number for any unit of time |
| share | `12%`, `0.4%` | 0% to 100% |
| allowance | `650 per day`, `40 per hour` | a whole number for each period |
| money | `400 CNY`, `45 CNY per hour`, `1800 CNY per day`, `7.4 CNY per L` | in CNY, with `prices` in the scenario |
| fuel | `3 L per hour`, `2.68 kg per L`, `600 kg` | litres burnt, carbon dioxide emitted |

Units are written in English or Chinese, durations also in ISO 8601. Durations are kept as whole milliseconds. Months
and years are refused, because their length varies.

## Names

A name is made of lower-case letters, digits and underscores, and begins with a letter. Names are unique in the whole
scenario, imports included; so the shipped ports put the name of the port first (`khorgos_road_scanner`).

## Addresses

Reforms and evidence name parts of a scenario by address: a section (`routes`, `stations`, `quotas`, `rosters`,
`clocks`, for evidence also `demand` and `disruptions`) and the keys below it, joined by points. `*` stands for any part
of one key. In a reform `{port}` stands for the port at which the reform is applied.

    routes.khorgos_general_export.scan.takes
    routes.*.declare.after
    stations.{port}_scanner.capacity

## Points

A clock runs between two points of a route: `arrival`, or an activity with `ready`, `start` or `end`, such as
`gate_in.ready`. Of a list, the first point counts whose activity the route has.

## Cases

`takes`, `share`, `priority`, `up_to`, `at_least`, `waits`, every chance of `detects` and every table of `draws` may
depend on the entity. The first case whose `only` holds is
used; the last case has no `only`.

    takes: {cases: [{only: {aeo: true}, use: 5 min}, {use: {triangular: [10 min, 15 min, 40 min]}}]}

`only` compares variables, which are the flow's attributes and what activities before this one have drawn:
`{channel: [yellow, red], aeo: false}` holds if the channel is yellow or red and the trader is no AEO. A variable that
was not drawn for an entity equals nothing.

## Tables

Recorded arrivals and empirical distributions may stand in a CSV file beside the scenario: `{csv: FILE, column: NAME}`,
durations with `unit: min`. The first line of the file names its columns.

## What YAML may not say

Where YAML 1.1 and 1.2 read the same text differently, the text is refused and the message says what to write: `NO`,
`on`, `8:00`, `0101`, `1e6`, `0x1F`. Times of day stand in quotes. A key that stands twice, tags, merge keys (`<<`),
several documents in one file, and keys that are not on this page are errors. All problems of all files are reported at
once, each with file, line, column and key.
"""


def scenario_reference() -> str:
    """The page on the scenario language."""
    schema = json_schema()
    definitions = {**schema.pop("$defs"), "Definition": schema}
    unknown = [name for name in definitions if name not in SECTIONS and name not in PLAIN and not _of_cases(name)]
    if unknown:
        raise LookupError(f"tests/documents.py has no section for {', '.join(unknown)}")
    parts = [PREFACE, GENERATED.format(source="the types in sim/scenario/, or tests/documents.py,")]
    for name, (heading, where) in SECTIONS.items():
        parts.append(f"\n## {heading}\n\nStands at {where}. {_described(definitions[name])}\n\n")
        parts.append("| key | value | default | meaning |\n| --- | --- | --- | --- |\n")
        said = _mapping(definitions[name])
        for key, value in said["properties"].items():
            default = "required" if key in said.get("required", ()) else _default(value, definitions)
            words = OVERRIDES.get((name, key)) or _words(value, definitions)
            cells = (f"`{key}`", words, default, _one_line(value.get("description", "")))
            parts.append("| " + " | ".join(_cell(cell) for cell in cells) + " |\n")
    return "".join(parts)


def _of_cases(name: str) -> bool:
    """Whether a type only wraps values that may depend on the entity."""
    return name in CASES or name.endswith("Case")


def _mapping(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The long form of a type that also has a short one."""
    return said if "properties" in said else next(option for option in said["anyOf"] if "properties" in option)


def _described(said: Mapping[str, Any]) -> str:
    return _one_line(said.get("description") or _mapping(said).get("description", ""))


def _words(said: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a value may be."""
    if "$ref" in said:
        return _referred(said["$ref"].rpartition("/")[2], definitions)
    if "anyOf" in said:
        options = [_words(option, definitions) for option in said["anyOf"] if option != {"type": "null"}]
        return " or ".join(dict.fromkeys(options))
    if "enum" in said:
        return ", ".join(f"`{item}`" for item in said["enum"])
    kind = said.get("type")
    if kind == "array":
        many = f"{said['minItems']} ×" if said.get("minItems") == said.get("maxItems") is not None else "list:"
        return f"{many} {_words(said['items'], definitions)}"
    if kind == "object":
        return _dictionary(said, definitions)
    if kind == "string":
        return _text(said)
    if kind in {"integer", "number"}:
        return _number(said)
    return "true, false or name" if isinstance(kind, list) else "value"


def _referred(name: str, definitions: Mapping[str, Any]) -> str:
    if name in PLAIN:
        return PLAIN[name]
    if name in CASES:
        inner = {key: value for key, value in definitions[name]["anyOf"][0].items() if key != "description"}
        return f"{_words(inner, definitions)} or [cases](#cases)"
    if name == "Text":
        return "text or [one a language](#text)"
    if name == "Shift":
        return 'hours such as `"10:00-20:00"` or [shift](#shift)'
    heading = SECTIONS[name][0]
    return f"[{heading.lower()}](#{heading.lower().replace(' ', '-')})"


def _dictionary(said: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "patternProperties" in said:
        (inner,) = said["patternProperties"].values()
        return f"name → {_words(inner, definitions)}"
    inner = said["additionalProperties"]
    if inner is True:
        return "[address](#addresses) → value"
    if "minProperties" in said:
        return "variable → outcome or list: outcome, as in [cases](#cases)"
    keys = "[address](#addresses)" if inner.get("$ref") or "exclusiveMinimum" in inner else "name"
    return f"{keys} → {_words(inner, definitions)}"


def _text(said: Mapping[str, Any]) -> str:
    examples = said.get("examples", [])
    if examples and examples[0] in QUANTITIES:
        return QUANTITIES[examples[0]]
    if said.get("pattern") in TEXTS:
        return TEXTS[said["pattern"]]
    if said.get("format") == "date-time":
        return "date with time such as `2025-06-02 14:35:00`"
    return "text such as " + ", ".join(f"`{example}`" for example in examples) if examples else "text"


def _number(said: Mapping[str, Any]) -> str:
    kind = "whole number" if said["type"] == "integer" else "number"
    if "exclusiveMinimum" in said:
        return f"{kind} above {said['exclusiveMinimum']:,}"
    if "minimum" in said and "maximum" in said:
        return f"{kind} from {said['minimum']:,} to {said['maximum']:,}"
    return f"{kind} of at least {said['minimum']:,}" if "minimum" in said else kind


def _default(said: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    value = said.get("default")
    if value is None or value in ({}, [], ()):
        return "–"
    if _words(said, definitions) == QUANTITIES["15 min"]:
        return f"`{format_duration(value)}`"
    return f"`{text_of(value)}`"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# ---------------------------------------------------------------------------------------------- reforms

REFORMS = """\
# The reforms that come with the program

A clearance mode is a list of reforms. Each reform is one file in `scenarios/reforms/`: a title, the mechanism, its
sources, and edits to stations, rosters, routes or clocks. A reform never edits the demand, so the same entities come in
every mode. How edits are written stands in the [scenario reference](scenario-reference.md#reform), why they are made
this way in [decisions](decisions.md).

- *Grade* says how good the evidence for the edited numbers is: `official` (by the authority itself), `survey` (measured
  by a third party), `press`, `benchmark` (measured at another port), `assumption` (chosen by us).
- *In force* lists the ports at which a shipped scenario has the reform in its mode `smart`, because a source says so.
- *Expected* is what the reform must show alone, added to the mode `traditional` of its baseline.
- *Published* is the effect that a source reports. It is often that of a bundle of reforms or of another port, so a
  single reform here does not have to reach it.

"""

IN_WORDS = {"lower": "lower", "higher": "higher", "none": "no effect that can be told from zero"}


def reforms() -> str:
    """The catalogue of the shipped reforms."""
    scenario = read_scenario(SCENARIOS / "example.yaml")
    shipped = {
        name: reform for name, reform in sorted(scenario.library.items()) if name not in scenario.definition.reforms
    }
    where = ports_in_force()
    parts = [REFORMS, GENERATED.format(source="the files in scenarios/reforms/, or tests/documents.py,"), "\n"]
    parts.append("| reform | | grade | in force |\n| --- | --- | --- | --- |\n")
    for name, named in shipped.items():
        title = named.reform.title
        ports = ", ".join(where.get(name, ())) or "nowhere yet"
        parts.append(f"| [{title.en}](#{name}) | {title.zh} | {named.reform.grade} | {ports} |\n")
    for name, named in shipped.items():
        parts.extend(_reform(name, named, where.get(name, [])))
    return "".join(parts)


def ports_in_force() -> dict[str, list[str]]:
    """For each reform the ports at which a shipped scenario has it in its mode `smart`."""
    found: dict[str, set[str]] = {}
    for file in sorted(SCENARIOS.glob("*.yaml")):
        if file.name == "example.yaml":
            continue
        scenario = read_scenario(file)
        if "smart" in scenario.modes:
            for port, reform in scenario.reforms_of("smart"):
                found.setdefault(reform, set()).add(port)
    return {reform: sorted(ports) for reform, ports in found.items()}


def _reform(name: str, named: NamedReform, ports: list[str]) -> Iterator[str]:
    reform = named.reform
    yield f'\n<a id="{name}"></a>\n\n## {reform.title.en} · {reform.title.zh}\n\n'
    yield f"File `{name}.yaml`. {_one_line(reform.why.en)}\n\n"
    yield f"- In force: {', '.join(ports) or 'in no shipped scenario'}\n"
    yield f"- Grade: {reform.grade}\n"
    for source in reform.sources:
        yield f"- Source: {_source(source)}\n"
    yield "\n| edit | address | value |\n| --- | --- | --- |\n"
    for kind in ("set", "scale", "add"):
        section = named.node.child(kind)
        for address, child in (section.mapping if section else {}).items():
            value = child.plain()
            shown = f"× {value:g}" if kind == "scale" else f"`{text_of(value)}`"
            yield f"| {kind} | `{address}` | {_cell(shown)} |\n"
    for address in reform.remove:
        yield f"| remove | `{address}` | |\n"
    if reform.evidence:
        yield "\nEvidence of single edits:\n\n"
        for address, evidence in reform.evidence.items():
            note = f": {_one_line(evidence.note)}" if evidence.note else ""
            source = f" ({_source(evidence.source)})" if evidence.source else ""
            yield f"- `{address}`, {evidence.grade}{note}{source}\n"
    if reform.baseline is not None:
        yield f"\nExpected alone on `{reform.baseline.scenario}` at {', '.join(reform.baseline.ports)}:\n\n"
        for shown in reform.shows:
            yield f"- {shown.statistic} of `{shown.measure}`, `{shown.subject}`: {IN_WORDS[shown.effect]}"
            yield f". Published: {_one_line(shown.published)}" if shown.published else ""
            yield f" ({_source(shown.source)})" if shown.source else ""
            yield f". {_one_line(shown.note)}" if shown.note else ""
            yield "\n"


def _source(text: str) -> str:
    return f"<{text}>" if text.startswith("http") else text


# ---------------------------------------------------------------------------------------------- scenarios

SCENARIO_PAGE = """\
# The scenarios that come with the program

Each is a file in `scenarios/`; `smartport run scenarios/NAME.yaml` runs it in all its modes and writes `results/NAME/`.
Ports and reforms that several of them share stand in `scenarios/ports/` and `scenarios/reforms/`.

"""


def scenarios() -> str:
    """The list of the shipped scenarios."""
    parts = [SCENARIO_PAGE, GENERATED.format(source="the files in scenarios/, or tests/documents.py,")]
    for file in sorted(SCENARIOS.glob("*.yaml")):
        scenario = read_scenario(file)
        definition, calendar = scenario.definition, scenario.calendar
        parts.append(f"\n## {file.stem}\n\n{scenario.title.en}")
        parts.append(f" · {scenario.title.zh}.\n" if scenario.title.zh != scenario.title.en else ".\n")
        parts.append(f"{_one_line(definition.description.en)}\n" if definition.description else "")
        lengths = (calendar.warm_up, calendar.duration, calendar.cool_down)
        warm_up, duration, cool_down = (format_duration(length) for length in lengths)
        parts.append(f"\n- Modes: {', '.join(f'`{mode}`' for mode in scenario.modes)}\n")
        for port, title in scenario.ports.items():
            flows = [(name, flow) for name, flow in sorted(scenario.demand.items()) if flow.port == port]
            titles = (flow.title.en if flow.title else name for name, flow in flows)
            parts.append(f"- {title.en}: {'; '.join(titles)}\n")
        parts.append(f"- Disruptions: {', '.join(sorted(definition.disruptions))}\n" if definition.disruptions else "")
        parts.append(f"- Calendar: {duration} from {calendar.start}, after {warm_up} of warm-up, {cool_down} behind;")
        parts.append(f" {definition.replications} replications\n")
    return "".join(parts)


# ---------------------------------------------------------------------------------------------- figures in the README

REFERENCE = ROOT / "results" / "reference"
FIGURES = re.compile(r"(?<=<!-- figures of the reference run -->\n).*?(?=<!-- end of the figures -->)", re.DOTALL)


def with_figures(text: str) -> str:
    """A text whose figures are those of the reference run."""
    return FIGURES.sub(lambda _: figures(), text)


def figures() -> str:
    """Mean time in port of the main flows in both modes, with the paired difference, as a table by port."""
    scenario = read_scenario(SCENARIOS / "xinjiang.yaml")
    head = "| port | flow | traditional, h | smart, h | change, h [95 %] | |\n| --- | --- | --: | --: | --: | --: |\n"
    rows = []
    with (REFERENCE / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["measure"] == "port_dwell" and row["statistic"] == "mean" and row["subject"] in SHOWN:
                title = scenario.demand[row["subject"]].title
                number = {key: float(row[key]) for key in NUMBERS}
                change = "{difference:+.1f} [{ci_low:+.1f}, {ci_high:+.1f}]".format_map(number).replace("-", "−")
                modes = "{baseline_mean:.1f} | {mode_mean:.1f}".format_map(number)
                name = title.en if title is not None else row["subject"]
                cells = [scenario.ports[row["port"]].en, name, modes, change, _percent(number["relative"])]
                rows.append((row["port"], f"| {' | '.join(cells)} |\n"))
    return head + "".join(line for _, line in sorted(rows, key=lambda item: item[0]))


def _percent(share: float) -> str:
    """A change as a percentage; not rounded to −100% where something is left."""
    return f"{share:+.{1 if abs(share) > 0.994 else 0}%}".replace("-", "−")


SHOWN = (
    "khorgos_general_export",
    "khorgos_inland_export",
    "khorgos_car_export",
    "khorgos_road_import",
    "alashankou_general_export",
    "alashankou_inland_export",
    "alashankou_road_import",
    "khorgos_rail_westbound",
    "khorgos_rail_eastbound",
    "khorgos_rail_grain",
    "alashankou_rail_westbound",
    "alashankou_rail_eastbound",
    "alashankou_rail_grain",
    "urumqi_airport_export",
    "urumqi_airport_import",
    "urumqi_airport_ecommerce",
    "urumqi_land_port_export",
    "urumqi_land_port_import",
)
"""The flows in the README; the others are in results/reference."""
NUMBERS = ("baseline_mean", "mode_mean", "difference", "ci_low", "ci_high", "relative")


def validation() -> str:
    """Published totals beside those of the reference run."""
    return (
        targets.page(pd.read_csv(REFERENCE / "estimates.csv"))
        + "\n"
        + GENERATED.format(source="tests/validation/targets.py")
    )


PAGES = {
    "scenario-reference.md": scenario_reference,
    "scenarios.md": scenarios,
    "reforms.md": reforms,
    "validation.md": validation,
}


def main() -> None:
    """Write every page and the figures in the README."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8", newline="\n")
        sys.stdout.write(f"docs/{name} is written\n")
    readme = ROOT / "README.md"
    readme.write_text(with_figures(readme.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    sys.stdout.write("the figures in README.md are written\n")


if __name__ == "__main__":
    main()
