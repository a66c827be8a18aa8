"""The fast engine: runs the rule of `compiled_rule` as machine code, which is compiled once and then kept."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sim.engine import machine_code
from sim.engine.arrays import World, make_world
from sim.engine.cohort import Cohort
from sim.engine.plan import Plan
from sim.engine.timeline import NEVER, Timeline
from sim.engine.workload import Workload, bind
from sim.errors import RunError
from sim.scenario.rosters import Calendar

Kinds = tuple[np.dtype[Any], ...]
"""For each array of a world the type of its values."""

_SOURCES = ("compiled_rule.py", "arrays.py", "timeline.py", "machine_code.py")
"""What machine code is made of, and by what."""


def run(workload: Workload) -> Timeline:
    """Simulate a workload up to its calendar's horizon."""
    try:
        world = make_world(workload)
    except OverflowError as error:
        raise RunError(f"too large for the compiled engine ({error}); run with --engine simpy") from None
    simulate(workload.plan.calendar.horizon, world)
    carrier = world.carriers if len(world.carriers) else np.broadcast_to(np.int32(NEVER), world.start.shape)
    return Timeline(world.start, world.end, carrier, world.turned_away)


def simulate(horizon: int, world: World) -> None:
    """Let a world run up to a horizon; compile the rule first where that was never done."""
    if not all(values.flags.c_contiguous for values in world):
        raise ValueError("machine code needs arrays without gaps")
    addresses = np.array([values.ctypes.data for values in world], np.uintp)
    sizes = np.array([len(values) for values in world], np.int64)
    _loaded(_kinds(world))(horizon, addresses.ctypes.data, sizes.ctypes.data)


def is_compiled() -> bool:
    """Whether machine code is kept for this program on this machine, so that a run needs no Numba."""
    return machine_code.kept(_name(_kinds(_nothing()))) is not None


def prepare() -> None:
    """Compile the rule, or load it where that is done."""
    _loaded(_kinds(_nothing()))


@cache
def _nothing() -> World:
    calendar = Calendar(start="2025-01-01", zone="UTC", duration="1 ms")
    return make_world(bind(Plan(calendar, (), (), (), (), (), {}), Cohort(calendar, 0, (), {})))


def _kinds(world: World) -> Kinds:
    return tuple(values.dtype for values in world)


@cache
def _loaded(kinds: Kinds) -> machine_code.Loaded:
    name = _name(kinds)
    code = machine_code.kept(name)
    if code is None:
        from sim.engine import compiled_rule  # and with it Numba

        code = machine_code.emitted(compiled_rule.compiled(kinds))
        if _name(kinds) == name:  # otherwise somebody has changed the program meanwhile
            machine_code.keep(name, code)
    return machine_code.Loaded(code)


def _name(kinds: Kinds) -> str:
    sources = [Path(__file__).with_name(name).read_bytes() for name in _SOURCES]
    return "engine-" + machine_code.key(repr(kinds).encode(), *sources)
