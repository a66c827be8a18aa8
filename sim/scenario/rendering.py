"""Values of a scenario as short text for tables and messages."""

from __future__ import annotations

from typing import Any

MOST_ITEMS = 30


def text_of(value: Any) -> str:
    """A value as one line of YAML would say it; nothing is a dash, long tables are counted."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_inner(child)}" for key, child in value.items())
    return _inner(value)


def _inner(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inner(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        if len(value) > MOST_ITEMS:
            return f"[{len(value)} values]"
        return "[" + ", ".join(_inner(child) for child in value) + "]"
    return str(value)
