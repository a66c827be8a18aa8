"""A small real study with everything that is measured besides time: risk, money, disruptions, quotas, full lines."""

from __future__ import annotations

import sim
from sim.study.study import Study
from tests.worlds import document, read

PORT = "road"
"""The port that has all of it; the other, `rail`, has nothing but time."""

WORLD = """
title: {en: A border with everything, zh: 样样都有的口岸}
ports: {road: {title: {en: Road port, zh: 公路口岸}}, rail: {title: {en: Rail port, zh: 铁路口岸}}}
prices: {date: 2025-06-30, note: "1 USD = 7.17 CNY, central parity of that day"}
demand:
  road_export:
    title: {en: General cargo, zh: 一般货物}
    port: road
    arrivals: {rate: 90 per day, hours: [1,1,1,1,1,1,2,4,6,6,6,6,5,5,5,5,4,4,3,3,2,2,1,1]}
    attributes: {illicit: {share: 12%}, plague: {share: 4%}}
    costs:
      value_of_time: 40 CNY per hour
      waiting: {after: 12 h, charge: 1800 CNY per day, bearer: carrier}
      idling: {share: 30%, burns: 3 L per hour, price: 7.4 CNY per L, co2: 2.68 kg per L}
  road_cars:
    title: {en: Export cars, zh: 商品车出口}
    entity: car
    port: road
    arrivals: {rate: 30 per day}
    attributes: {illicit: {share: 5%}}
  rail_grain:
    title: {en: Grain trains, zh: 粮食专列}
    entity: train
    port: rail
    arrivals: {every: 6 h}
procedure:
  rosters: {road_day: {zone: UTC, open: ["08:00-20:00"]}}
  stations:
    road_gate: {title: {en: Entry gate, zh: 入场卡口}, port: road, capacity: 1, queue_limit: 30, agency: customs}
    road_platform:
      title: {en: Inspection platform, zh: 查验平台}
      port: road
      capacity: 2
      roster: road_day
      staff: {people: 2, wage: 45 CNY per hour}
      agency: customs
    road_booth:
      title: {en: Border booth, zh: 边检验证台}
      port: road
      capacity: 1
      staff: {people: 1, wage: 45 CNY per hour}
    rail_crane: {title: {en: Crane, zh: 龙门吊}, port: rail, capacity: 1}
  quotas:
    road_admission:
      title: {en: Admission by the neighbour, zh: 邻国准入额度}
      port: road
      amount: 130 per day
      zone: Asia/Almaty
      changes: {"2025-06-05": 140 per day}
      agency: kazakhstan
  routes:
    road_export:
      gate_in: {at: road_gate, takes: {exponential: 5 min}}
      selection: {after: gate_in, draws: {channel: {red: 40%, green: 60%}}}
      inspect:
        after: selection
        at: road_platform
        takes: {gamma: {mean: 25 min, sd: 10 min}}
        only: {channel: red}
        detects: {illicit: 80%, plague: 50%}
        fee: {amount: 300 CNY, bearer: state}
      gate_out: {after: inspect, needs: road_admission, fee: {amount: 120 CNY, bearer: trader}}
    road_cars:
      gate_in: {at: road_gate, takes: 4 min}
      inspect: {after: gate_in, at: road_platform, takes: 10 min, share: 20%, detects: {illicit: 60%}}
      gate_out: {after: inspect, at: road_booth, takes: 2 min, fee: {amount: 50 CNY, bearer: carrier}}
    rail_grain:
      transload: {at: rail_crane, takes: {gamma: {mean: 3 h, sd: 1 h}}}
  clocks: {port_dwell: {from: arrival, to: [gate_out.end, transload.end], target: 6 h}}
disruptions:
  closure:
    title: {en: Closure by the neighbour, zh: 邻国闭关}
    stations: road_admission
    dates: ["2025-06-05 00:00..2025-06-05 18:00"]
    zone: Asia/Almaty
  wind:
    stations: [road_gate, road_booth]
    between: {exponential: 2 days}
    lasts: {gamma: {mean: 4 h, sd: 2 h}}
  late: {stations: road_platform, takes_out: 1, dates: ["2025-06-09..2025-06-10"]}
reforms:
  risk_targeting:
    title: {en: Risk targeting, zh: 风险布控}
    why: Those who are likely to carry something are inspected, the others are not.
    remove: [routes.road_export.selection.draws]
    set:
      routes.road_export.selection.targets:
        channel: {of: illicit, picks: red, recall: 75%, precision: 45%, others: {green: 100%}}
  quick_gate:
    title: {en: Quick gate, zh: 智能卡口}
    why: Plates are read by a camera.
    scale: {routes.*.gate_in.takes: 0.4}
  night_shift:
    title: {en: Night shift, zh: 夜班}
    why: The platform is open at night too.
    remove: [stations.road_platform.roster]
modes:
  traditional: {road: []}
  smart: {road: [risk_targeting, "quick_gate at 60%", night_shift]}
"""


def run_study(replications: int = 4) -> Study:
    """Run it; a second."""
    scenario = read(document(WORLD, warm_up="1 day", duration="6 days", cool_down="2 days"))
    return sim.run(scenario, replications=replications)
