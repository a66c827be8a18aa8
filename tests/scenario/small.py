"""A small scenario that says something of everything, for tests that spoil it and look at what is said then."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import InputError
from sim.scenario.loading import load
from sim.scenario.scenario import Scenario

SMALL = """\
title: {en: Small port, zh: 小口岸}
description: Something of everything.
calendar: {start: 2025-06-02, zone: Asia/Shanghai, warm_up: 1 day, duration: 2 days, cool_down: 1 day}
replications: 2
seed: 7
ports:
  port: {title: {en: The port, zh: 口岸}}
demand:
  export:
    title: Export
    entity: truck
    port: port
    direction: export
    arrivals:
      rate: 40 per day
      hours: [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1]
      weekdays: [1, 1, 1, 1, 1, 0.8, 0.5]
    attributes:
      aeo: {share: 12%}
      cargo: {one_of: {grain: 40%, ore: 60%}}
  import:
    entity: train
    port: port
    direction: import
    arrivals: {timetable: ["06:30", "18:00"], days: [mon, tue, wed], late: {exponential: 10 min}, early: 5 min}
  transit:
    entity: truck
    port: port
    direction: transit
    arrivals: {every: 6 h, first: 30 min}
  cars:
    entity: car
    port: port
    direction: export
    arrivals: {recorded: {values: ["2025-06-03 08:00", "2025-06-03T09:30:00+06:00"]}}
  boxes:
    entity: container
    port: port
    direction: import
    arrivals: {aboard: {flow: import, riders: 3}}
    attributes: {illicit: {share: 1%}}
    costs:
      value_of_time: 45 CNY per hour
      bearer: trader
      waiting: {after: 2 days, charge: 1800 CNY per day, bearer: carrier}
      idling: {share: 30%, burns: 3 L per hour, price: 7.4 CNY per L, co2: 2.68 kg per L, bearer: carrier}
  parcels:
    entity: parcel
    port: port
    direction: import
    arrivals: {aboard: {flow: boxes, least: 1, most: 3}}
  haulers:
    entity: truck
    port: port
    direction: import
    arrivals: {every: 1 h}
procedure:
  rosters:
    day: {zone: Asia/Shanghai, open: ["08:00-20:00"], days: [mon, tue, wed, thu, fri, sat], closed: ["2025-06-09"]}
    shifts:
      zone: Asia/Almaty
      open:
        - {hours: "08:00-20:00", days: [mon, tue, wed]}
        - {hours: "20:00-08:00", share: 50%}
        - {hours: "09:00-10:00", capacity: 1}
  stations:
    gate: {title: {en: Gate, zh: 卡口}, port: port, capacity: 2, agency: port_operator}
    desk: {port: port, capacity: 3, roster: day, agency: customs, queue_limit: 500}
    counter:
      port: port
      capacity: 1
      staff: {people: 2, wage: 60 CNY per hour, bearer: state}
    scanner: {port: port, capacity: 2, roster: shifts}
    yard: {port: port, capacity: 90}
  quotas:
    slots:
      title: {en: Slots, zh: 名额}
      port: port
      amount: 40 per hour
      zone: Asia/Almaty
      unused: kept
      changes: {2025-06-04: 20 per hour}
      roster: day
      agency: kazakhstan
  routes:
    export:
      drive: {takes: {lognormal: {mean: 2 h, sd: 30 min}}, phase: transport}
      gate_in:
        title: Entry
        after: drive
        at: gate
        takes: {triangular: [1 min, 2 min, 6 min]}
        seizes: yard
        phase: gate
      selection:
        after: gate_in
        draws:
          channel: {red: 10%, green: 90%}
          image: {cases: [{only: {aeo: true}, use: {clear: 100%}}, {use: {clear: 80%, suspect: 20%}}]}
      document_review:
        after: [selection]
        at: desk
        takes:
          cases:
            - {only: {aeo: true}, use: 5 min}
            - {only: {cargo: [grain]}, use: {gamma: {mean: 20 min, sd: 10 min}}}
            - {use: 15 min}
        priority: {cases: [{only: {aeo: true}, use: -1}, {use: 0}]}
        agency: customs
      scan:
        after: document_review
        only: {channel: [red], image: suspect}
        at: scanner
        amount: 2
        takes: {weibull: {scale: 4 min, shape: 1.5}}
      inspect:
        after: scan
        share: 50%
        takes: {mixture: [{share: 80%, of: 5 min}, {share: 20%, of: {normal: {mean: 1 h, sd: 20 min}}}]}
      gate_out: {after: inspect, at: gate, takes: {uniform: [30 s, 90 s]}, releases: yard, priority: -1}
    import:
      receive: {seizes: {yard: 40}, takes: {constant: 1 h}}
      bring: {after: receive, unload: on_train}
      wait: {after: bring, awaits: {ride: on_train, activity: release}}
      depart: {after: receive, takes: {empirical: {values: [1 h, 2 h, 4 h], weights: [2, 1, 1]}}, releases: [yard]}
    transit:
      gate_in: {at: gate, takes: PT2M}
    cars:
      gate_in: {at: gate, takes: 1分钟, share: {cases: [{use: 90%}]}, fee: {amount: 400 CNY, bearer: trader}}
    boxes:
      arrive: {ride: on_train}
      select:
        after: arrive
        targets: {risk: {of: illicit, picks: high, recall: 60%, precision: 10%, others: {low: 90%, middle: 10%}}}
      search:
        after: select
        only: {risk: high}
        detects: {illicit: {cases: [{only: {risk: high}, use: 80%}, {use: 20%}]}}
      release: {after: search, unload: in_box}
      truck: {after: release, ride: on_truck}
    parcels:
      arrive: {ride: in_box}
      hand_over: {after: arrive, at: counter, takes: 1 min, emits: 2 kg}
    haulers:
      book: {needs: {slots: 1}}
      load: {after: book, load: {ride: on_truck, up_to: 2, at_least: 1, waits: 2 h}, takes: 10 min}
      drive: {after: load, takes: 1 h, unload: on_truck}
  clocks:
    port_dwell:
      title: {en: Dwell, zh: 停留}
      from: [gate_in.ready, receive.ready]
      to: [gate_out.end, depart.end, gate_in.end]
      target: 6 h
    review: {from: arrival, to: document_review.start, not_before: gate_in.ready}
disruptions:
  storm:
    title: {en: Storm, zh: 大风}
    stations: [gate, scanner]
    leaves: 50%
    dates: ["2025-06-04 10:00..2025-06-04 18:00"]
    zone: Asia/Almaty
  breakdown: {stations: desk, takes_out: 1, between: {exponential: 3 days}, lasts: 5 h}
prices: {date: 2025-06-01, note: made up}
modes:
  traditional: []
  smart: {port: [quick]}
reforms:
  quick:
    title: {en: Quick, zh: 快}
    why: It is quicker.
    grade: press
    adoption: 100%
    sources: ["https://example.org/quick"]
    evidence: {routes.*.scan.takes: {grade: benchmark, source: "https://example.org/scan"}}
    baseline: {scenario: small.yaml, ports: [port]}
    shows:
      - subject: export
        measure: port_dwell
        statistic: mean
        effect: lower
        published: half
        source: "https://example.org"
        note: so it is
    set: {"routes.*.scan.takes": 1 min}
    scale: {"routes.export.document_review.takes": 0.5}
    remove: ["routes.*.inspect"]
    add: {"routes.export.seal": {after: scan, before: [gate_out], takes: 1 min}}
evidence:
  demand.export.arrivals: {grade: official, source: "https://example.org/a", note: "40 a day"}
  stations.*.capacity: {grade: assumption, note: a guess}
"""


def write(files: dict[str, str]) -> None:
    """Write files below the current folder."""
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def spoilt(*changes: tuple[str, str], text: str = SMALL) -> str:
    """A text with changes; each place to be changed stands there exactly once."""
    for old, new in changes:
        assert text.count(old) == 1, f"{text.count(old)} times: {old}"
        text = text.replace(old, new)
    return text


def loaded(text: str = SMALL, **more: str) -> Scenario:
    """Load a scenario from the current folder, as `small.yaml`."""
    write({"small.yaml": text} | {name.replace("__", "/") + ".yaml": content for name, content in more.items()})
    return load("small.yaml")


def problems(text: str, **more: str) -> list[str]:
    """What is said about a scenario that is wrong; one line a problem."""
    with pytest.raises(InputError) as caught:
        loaded(text, **more)
    return [str(problem) for problem in caught.value.problems]
