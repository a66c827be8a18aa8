"""The floor: a bare loop of heap operations in Numba, as many as a run has visits, and nothing else of a simulation."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim.engine.workload import Workload

Numbers = NDArray[np.int64]


def run(workload: Workload) -> int:
    """Take the first off a heap and put it back later by the duration of the next visit, once for each visit.

    The heap has as many entries as all stations have servers, which is the most that a run has at a time.

    Returns:
        The last moment.
    """
    size = sum(int(steps.values.max()) for steps in workload.capacity)
    work = workload.work[workload.takes_place]
    return int(_hold(work, np.zeros(size, np.int64), np.arange(size)))


@njit(cache=True)
def _hold(work: Numbers, moments: Numbers, visits: Numbers) -> int:
    """The hold model, the classic measure of event lists, with moments and visits in two arrays."""
    size = len(moments)
    now = 0
    for number in range(len(work)):
        now = _pop(moments, visits, size)
        _push(now + work[number], number, moments, visits, size - 1)
    return now


@njit(cache=True)
def _pop(moments: Numbers, visits: Numbers, size: int) -> int:
    first = moments[0]
    moment, visit = moments[size - 1], visits[size - 1]
    place, child = 0, 1
    while child < size - 1:
        other = child + 1
        if other < size - 1 and (
            moments[other] < moments[child] or (moments[other] == moments[child] and visits[other] < visits[child])
        ):
            child = other
        if moment < moments[child] or (moment == moments[child] and visit < visits[child]):
            break
        moments[place], visits[place] = moments[child], visits[child]
        place = child
        child = 2 * place + 1
    moments[place], visits[place] = moment, visit
    return first


@njit(cache=True)
def _push(moment: int, visit: int, moments: Numbers, visits: Numbers, size: int) -> None:
    place = size
    while place:
        parent = (place - 1) >> 1
        if moments[parent] < moment or (moments[parent] == moment and visits[parent] < visit):
            break
        moments[place], visits[place] = moments[parent], visits[parent]
        place = parent
    moments[place], visits[place] = moment, visit
