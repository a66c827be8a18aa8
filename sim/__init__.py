"""Simulate customs clearance at land and air ports under traditional and smart-port (智慧口岸) procedures.

import sim

study = sim.run("scenarios/khorgos.yaml", replications=5)
study.estimates, study.comparison, study.timeline("smart", 0)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.errors import InputError as InputError
    from sim.errors import RunError as RunError
    from sim.scenario.loading import load as load
    from sim.scenario.scenario import Scenario as Scenario
    from sim.study.study import Study as Study
    from sim.study.study import open_study as open  # noqa: A004  # `sim.open(folder)` reads well and shadows nothing outside
    from sim.study.study import run as run

__version__ = "0.1.0"

_PUBLIC = {
    "InputError": ("sim.errors", "InputError"),
    "RunError": ("sim.errors", "RunError"),
    "Scenario": ("sim.scenario.scenario", "Scenario"),
    "Study": ("sim.study.study", "Study"),
    "load": ("sim.scenario.loading", "load"),
    "open": ("sim.study.study", "open_study"),
    "run": ("sim.study.study", "run"),
    "charts": ("sim.report.charts", None),
}
"""Loaded when first asked for, so that the command line can print its help without importing pandas."""

__all__ = ["InputError", "RunError", "Scenario", "Study", "__version__", "charts", "load", "open", "run"]  # see above


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module sim has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    loaded = import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)
