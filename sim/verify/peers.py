"""The same arrivals and durations through other ways to compute a queue: starts must be equal to the millisecond."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heapreplace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.scenario.loading import load
from sim.study.runs import mode_job, replay

Times = NDArray[np.int64]
Peer = Callable[[Times, Times, int], Times]
"""Arrivals, durations (both in ms, in the order of arrival) and servers to start times."""

WORLD = """\
title: One queue for several programs
calendar: {{start: 2025-06-02, zone: UTC, duration: {days} days, cool_down: 1 day}}
replications: 1
seed: 20251124
modes: {{peers: []}}
demand: {{truck: {{entity: truck, port: port, direction: export, arrivals: {{rate: 2000 per day}}}}}}
procedure:
  stations: {{desk: {{port: port, capacity: {servers}}}}}
  routes: {{truck: {{serve: {{at: desk, takes: {{lognormal: {{mean: {minutes} min, sd: {minutes} min}}}}}}}}}}
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a peer is from the engine."""

    peer: str
    servers: int
    customers: int
    differing: int
    """Customers whose start differs by a millisecond or more."""
    largest: int
    """Largest difference in ms."""

    @property
    def passed(self) -> bool:
        """Whether every start is equal."""
        return self.differing == 0

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Peer, servers, customers, differing starts and the largest difference as they are printed."""
        return (self.peer, str(self.servers), str(self.customers), str(self.differing), str(self.largest))


def kiefer_wolfowitz(arrival: Times, work: Times, servers: int) -> Times:
    """The recursion on the servers' remaining work (Kiefer and Wolfowitz 1955), here on when each is free."""
    free = [0] * servers
    heapify(free)
    starts = []
    for moment, duration in zip(arrival.tolist(), work.tolist(), strict=True):
        start = max(moment, free[0])
        heapreplace(free, start + duration)
        starts.append(start)
    return np.array(starts, dtype=np.int64)


def ciw(arrival: Times, work: Times, servers: int) -> Times:
    """The simulator Ciw, given the same lists."""
    import ciw as peer

    gaps = np.diff(arrival, prepend=0).astype(float).tolist()
    network = peer.create_network(
        arrival_distributions=[peer.dists.Sequential([*gaps, float("inf")])],
        service_distributions=[peer.dists.Sequential(work.astype(float).tolist())],
        number_of_servers=[servers],
    )
    simulation = peer.Simulation(network)
    simulation.simulate_until_max_customers(len(arrival), method="Finish")
    records = sorted(simulation.get_all_records(), key=lambda record: record.id_number)
    return np.array([round(record.service_start_date) for record in records], dtype=np.int64)


def peers() -> dict[str, Peer]:
    """The peers that are installed."""
    found: dict[str, Peer] = {"Kiefer-Wolfowitz": kiefer_wolfowitz}
    if importlib.util.find_spec("ciw") is not None:
        found["Ciw"] = ciw
    return found


def agreement(peer: str, *, servers: int, days: int = 10) -> Agreement:
    """Feed one queue at load 0.8 to a peer and compare every start."""
    minutes = round(0.8 * servers * 24 * 60 / 2000, 4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peers.yaml"
        path.write_text(WORLD.format(days=days, servers=servers, minutes=minutes), encoding="utf-8")
        workload, timeline = replay(mode_job(load(path), "peers"), 0)
    ended = timeline.end >= 0
    last = len(ended) if ended.all() else int(np.argmin(ended))
    arrival, work, start = workload.arrival[:last], workload.work[:last], timeline.start[:last]
    other = peers()[peer](arrival, work, servers)
    difference = np.abs(other - start[: len(other)])
    return Agreement(peer, servers, len(other), int((difference > 0).sum()), int(difference.max(initial=0)))
