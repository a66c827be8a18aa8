"""Charts and the report, in English and Chinese. Nothing heavy is imported before it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.report import charts
    from sim.report.charts import write_charts
    from sim.report.page import render_report, write_report

__all__ = ["charts", "render_report", "write_charts", "write_report"]

_HOMES = {"write_charts": "sim.report.charts", "write_report": "sim.report.page", "render_report": "sim.report.page"}


def __getattr__(name: str) -> Any:
    """Import what is asked for: matplotlib and jinja2 take longer than all the rest."""
    if name == "charts":
        return import_module("sim.report.charts")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
