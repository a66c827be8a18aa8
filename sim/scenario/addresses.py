"""Addresses such as `routes.*.declare.after`: how reforms and evidence name parts of a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase

from sim.scenario.document import Node, Trail

LIKENESS = 0.6
"""How alike two words are, from 0 to 1, for one to be taken for the other misspelt."""

Sections = Mapping[str, tuple[str, ...]]

PROCEDURE: Sections = {
    "routes": ("procedure", "routes"),
    "stations": ("procedure", "stations"),
    "quotas": ("procedure", "quotas"),
    "rosters": ("procedure", "rosters"),
    "clocks": ("procedure", "clocks"),
}
EVERYTHING: Sections = {**PROCEDURE, "demand": ("demand",), "disruptions": ("disruptions",)}


class AddressError(ValueError):
    """An address that no scenario could have, or that matches nothing in this one."""


def split(address: str, sections: Sections) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The trail of the section and the pattern of each further segment.

    Raises:
        AddressError: If the address does not begin with a section, or has an empty segment.
    """
    head, *patterns = address.split(".")
    if head not in sections:
        raise AddressError(
            f"an address begins with {' or '.join(f'{name}.' for name in sections)}{suggestion(head, sections)}"
        )
    if not patterns or not all(patterns):
        raise AddressError(f"expected an address such as {head}.NAME.KEY")
    return sections[head], tuple(patterns)


def expand(root: Node, address: str, sections: Sections) -> list[Trail]:
    """The trails of all nodes that an address names; none if there is no such node.

    Raises:
        AddressError: See `split`.
    """
    section, patterns = split(address, sections)
    trails: list[Trail] = [section] if root.find(section) is not None else []
    for pattern in patterns:
        longer: list[Trail] = []
        for trail in trails:
            node = root.find(trail)
            assert node is not None
            if isinstance(node.value, list):
                if pattern.isdecimal() and int(pattern) < len(node.value):
                    longer.append((*trail, int(pattern)))
            else:
                longer.extend((*trail, key) for key in node.mapping if fnmatchcase(key, pattern))
        trails = longer
    return trails


def address_of(trail: Trail) -> str:
    """The address that names exactly one trail."""
    for name, section in EVERYTHING.items():
        if trail[: len(section)] == section:
            return ".".join([name, *(str(key) for key in trail[len(section) :])])
    return ".".join(str(key) for key in trail)


def suggestion(word: str, known: Iterable[object]) -> str:
    """The end of a sentence that helps with a misspelt word."""
    names = sorted(str(name) for name in known)
    close = get_close_matches(word, names, n=1, cutoff=LIKENESS)
    if close:
        return f'; did you mean "{close[0]}"?'
    if not names:
        return "; there is none here"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; known are {shown}"
