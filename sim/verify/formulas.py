"""Closed formulas of queueing theory. Rates and times in the same unit; sources with each."""

from __future__ import annotations

from math import exp, factorial

import numpy as np
from numpy.typing import NDArray


def erlang_c(servers: int, load: float) -> float:
    """Probability of waiting in M/M/c for an offered load in erlangs (Erlang 1917; Gross and Harris, section 2.3)."""
    top = load**servers / factorial(servers) * servers / (servers - load)
    return top / (sum(load**n / factorial(n) for n in range(servers)) + top)


def mean_wait(arrivals: float, service: float, servers: int = 1) -> float:
    """Mean wait in line in M/M/c: arrival rate, mean service time, servers."""
    load = arrivals * service
    return erlang_c(servers, load) * service / (servers - load)


def mean_wait_general(arrivals: float, service: float, variance: float) -> float:
    """Mean wait in line in M/G/1 (Pollaczek 1930, Khinchine 1932)."""
    return arrivals * (variance + service**2) / (2 * (1 - arrivals * service))


def full(arrivals: float, service: float, servers: int, places: int) -> tuple[float, float]:
    """M/M/c/K: share of arrivals that find all places taken, and mean wait of those let in (Gross and Harris, 2.4).

    Args:
        arrivals: Rate.
        service: Mean time.
        servers: c.
        places: K, those in service included.
    """
    load = arrivals * service
    weights = [
        load**n / factorial(n) if n < servers else load**n / (factorial(servers) * servers ** (n - servers))
        for n in range(places + 1)
    ]
    total = sum(weights)
    blocked = weights[-1] / total
    waiting = sum((n - servers) * weight for n, weight in enumerate(weights) if n > servers) / total
    return blocked, waiting / (arrivals * (1 - blocked))


def priority_waits(arrivals: tuple[float, float], service: float) -> tuple[float, float]:
    """Mean waits of the two classes of M/M/1 where the first goes ahead and nobody is interrupted (Cobham 1954)."""
    first, both = arrivals[0] * service, sum(arrivals) * service
    residual = sum(arrivals) * service**2
    return residual / (1 - first), residual / ((1 - first) * (1 - both))


def poisson_quantile(mean: float, share: float) -> int:
    """Smallest number that a Poisson variable does not exceed with probability `share`."""
    number, term = 0, exp(-mean)
    total = term
    while total < share:
        number += 1
        term *= mean / number
        total += term
    return number


def daily_number(rates: NDArray[np.float64], service: float) -> NDArray[np.float64]:
    """Mean number present in M(t)/M/infinity with a rate for each hour of the day, averaged over every hour.

    The mean m(t) follows m' = rate(t) - m / service (Eick, Massey and Whitt 1993); within an hour that is an
    exponential, and over a day it closes on itself.

    Args:
        rates: Arrivals per hour, shape (24,).
        service: Mean stay in hours.

    Returns:
        Shape (24,).
    """
    decay = exp(-1 / service)
    limits = rates * service
    carried = 0.0
    for limit in limits:
        carried = carried * decay + limit * (1 - decay)
    level = carried / (1 - decay ** len(limits))
    means = []
    for limit in limits:
        means.append(limit + (level - limit) * service * (1 - decay))
        level = level * decay + limit * (1 - decay)
    return np.array(means)
