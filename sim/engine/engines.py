"""The engines by name, and whether the compiled one can be had on this machine."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from functools import cache
from typing import Literal

from sim.engine import simpy_engine
from sim.engine.timeline import Timeline
from sim.engine.workload import Workload
from sim.errors import input_error

Engine = Literal["compiled", "simpy"]
"""`compiled` is fast, `simpy` the reference; they agree to the millisecond."""

_MISSING = "Numba is not installed"
_log = logging.getLogger(__name__)


def choose(asked: Engine | None = None) -> Engine:
    """The engine that is asked for, or the fastest that runs here.

    Raises:
        InputError: If the compiled engine is asked for and cannot be had.
    """
    if asked == "simpy":
        return asked
    obstacle = _obstacle()
    if obstacle is None:
        return "compiled"
    if asked == "compiled":
        cure = "install numba, or " if obstacle == _MISSING else ""
        raise input_error(f"{obstacle}; {cure}leave the engine out to run on SimPy", "engine")
    _say_once(f"{obstacle}: runs use the engine on SimPy, which gives the same results and takes longer.")
    return "simpy"


def prepare(engine: Engine) -> None:
    """Compile the engine where that was never done, before several processes would do it side by side."""
    if engine == "compiled":
        from sim.engine import compiled_engine

        if not compiled_engine.is_compiled():
            _log.warning("Compiling the engine; this is done once and takes less than a minute.")
        compiled_engine.prepare()


def run(engine: Engine, workload: Workload) -> Timeline:
    """Simulate a workload up to its calendar's horizon."""
    if engine == "simpy":
        return simpy_engine.run(workload)
    from sim.engine import compiled_engine

    return compiled_engine.run(workload)


@cache
def _obstacle() -> str | None:
    """Why the compiled engine cannot be had, None if it can."""
    if importlib.util.find_spec("numba") is None:
        return _MISSING
    try:
        from sim.engine import compiled_engine

        if not compiled_engine.is_compiled() and importlib.import_module("numba").config.DISABLE_JIT:
            return "NUMBA_DISABLE_JIT is set"
    except (ImportError, OSError, RuntimeError, AttributeError) as error:  # as they come from Numba and LLVM
        return f"Numba does not run here ({error})"
    return None


@cache
def _say_once(text: str) -> None:
    _log.warning(text)
