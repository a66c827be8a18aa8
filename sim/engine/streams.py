"""Keyed luck: every uniform is a function of seed, replication, purpose and entity, and of nothing else.

Purposes are names, never positions, so that an activity, a flow or a mode more shifts nobody's luck. The bits come from
Philox through `SeedSequence`, both of which NumPy guarantees; its distributions, which it does not, are not used.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.random import Philox, SeedSequence
from numpy.typing import NDArray

Uniforms = NDArray[np.float64]


def uniforms(seed: int, replication: int, purpose: str, count: int) -> Uniforms:
    """The uniforms of the first `count` entities for a purpose.

    Args:
        seed: Of the study.
        replication: Index of the replication.
        purpose: What the luck is for, such as `khorgos_general_export/takes/scan`.
        count: How many; the first n are the same whatever the count.

    Returns:
        Values in the open interval (0, 1), shape (count,).
    """
    words = np.frombuffer(hashlib.sha256(purpose.encode()).digest()[:16], dtype="<u4")
    sequence = SeedSequence(seed, spawn_key=(replication, *(int(word) for word in words)))
    raw = Philox(sequence).random_raw(count)
    return ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
