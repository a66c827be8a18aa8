"""A number over time that changes in steps: capacity, a queue, the entities in a port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Steps:
    """`values[i]` holds from `times[i]` (ms, ascending, the first is 0) until the next; the last for ever.

    Of several of the same time the last holds, and no other one is above both that and the one before them all.
    """

    times: Times
    values: Times

    @classmethod
    def constant(cls, value: int) -> Steps:
        """The same value at all times."""
        return cls(np.array([0], dtype=np.int64), np.array([value], dtype=np.int64))

    @classmethod
    def counting(cls, begins: Times, ends: Times, amounts: Times | None = None) -> Steps:
        """How many intervals [begin, end) are open, each counted with its amount."""
        if amounts is not None and not (amounts == amounts[:1]).all():
            moments = np.concatenate((np.zeros(1, dtype=np.int64), ends, begins))
            changes = np.concatenate((np.zeros(1, dtype=np.int64), -amounts, amounts))
            order = np.argsort(moments, kind="stable")  # at the same moment what ends goes first
            return cls(moments[order], np.cumsum(changes[order]))
        # Moments with what happens in their last bit: numbers alone are sorted in half the time of their order. All in
        # one place, since memory takes more time than sums.
        count = len(begins) + 1
        moments = np.empty(count + len(ends), dtype=np.int64)
        moments[0] = 0
        np.multiply(begins, 2, out=moments[1:count])
        moments[1:count] += 1
        np.multiply(ends, 2, out=moments[count:])
        moments[1:].sort()
        values = moments & 1
        values *= 2
        values -= 1
        values[0] = 0
        np.cumsum(values, out=values)
        moments >>= 1
        if amounts is not None and len(amounts):
            values *= amounts[0]
        return cls(moments, values)

    def at(self, moments: Times) -> Times:
        """The value at moments in ms."""
        return self.values[np.searchsorted(self.times, moments, side="right") - 1]

    def along(self, moments: Times) -> Times:
        """The value at moments in ms that ascend, none below 0: the same as `at`, sooner where they are many."""
        places = np.searchsorted(moments, self.times[1:])
        return np.repeat(self.values, np.diff(places, prepend=0, append=len(moments)))

    def integral(self, moments: Times) -> Times:
        """Value times ms over [0, moment) for each moment."""
        until = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(self.values[:-1] * np.diff(self.times))))
        index = np.searchsorted(self.times, moments, side="right") - 1
        return until[index] + self.values[index] * (moments - self.times[index])

    def during(self, intervals: Sequence[tuple[int, int]], change: Callable[[int], int], *, join: bool = True) -> Steps:
        """The same with every value inside of some intervals [begin, end) replaced by what `change` makes of it.

        Without `join` no step is added: a value is replaced where its own step begins inside.
        """
        edges = [moment for interval in intervals for moment in interval if moment >= 0]
        times = np.unique(np.concatenate((self.times, np.array(edges, dtype=np.int64)))) if join else self.times
        values = self.at(times)
        inside = np.zeros(len(times), dtype=np.bool_)
        for begin, end in intervals:
            inside |= (times >= begin) & (times < end)
        values = np.where(inside, np.array([change(int(value)) for value in values], dtype=np.int64), values)
        return Steps(times, values)

    def zero(self) -> Steps:
        """1 while the value is 0, otherwise 0."""
        return Steps(self.times, (self.values == 0).astype(np.int64))

    def within(self, begin: int, end: int) -> Steps:
        """The same in [begin, end), with what holds at the begin from the begin on and nothing behind."""
        first = int(np.searchsorted(self.times, begin, side="right")) - 1
        last = int(np.searchsorted(self.times, end, side="left"))
        times = self.times[first:last]
        if times[0] != begin:
            times = np.concatenate(([begin], times[1:]))
        return Steps(times, self.values[first:last])
