"""What a study says of its warm-up, in one or two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.facts import names
from sim.report.texts import number, word
from sim.scenario.units import HOUR, format_duration

if TYPE_CHECKING:
    from sim.study.study import Study

MOST_NAMED = 3
"""Flows that are named; the others are counted."""


def warm_up_sentences(study: Study, lang: str) -> list[str]:
    """Say whether the warm-up is long enough by MSER-5, and of what it cannot say so."""
    found = study.manifest.get("warm_up") or {}
    said = names(study, lang)
    sentences = []
    cuts = {mode: one for mode, one in found.items() if one["cut_ms"] is not None}
    if cuts:
        mode = max(cuts, key=lambda mode: cuts[mode]["cut_ms"])
        cut, given = cuts[mode]["cut_ms"], study.scenario.calendar.warm_up
        kind = "warm_up_enough" if cut <= given else "warm_up_short" if given else "warm_up_none"
        sentences.append(
            word(
                kind,
                lang,
                mode=said.mode(mode),
                flow=said.flow(cuts[mode]["flow"]),
                cut=_hours(cut, lang),
                given=_hours(given, lang),
                advised=format_duration(cuts[mode]["advised_ms"]),
            )
        )
    for key in ("unsettled", "too_few"):
        flows = [
            word("flow_in_mode", lang, flow=said.flow(flow), mode=said.mode(mode))
            for mode, one in found.items()
            for flow in one[key]
        ]
        if flows:
            sentences.append(word(f"warm_up_{key}", lang, flows=said.several(flows, MOST_NAMED)))
    return sentences


def _hours(milliseconds: int, lang: str) -> str:
    hours = milliseconds / HOUR
    return word("hours_short", lang, value=number(hours, 0 if hours == int(hours) else 1))
