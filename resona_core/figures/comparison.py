"""Colours, axes and legend of charts that compare: runs, classes, before and after."""

from __future__ import annotations

from typing import Any

from resona_core.figures import theme

RUN_COLOURS = (theme.ACCENT, "#8B5CF6", "#DB2777", "#3B82F6", theme.NEUTRAL)
LEGEND_PX = 30  # a row of names above a figure


def _deepening(red: int, green: int, blue: int) -> theme.ColourScale:
    """Return one colour from faint to full."""
    return [(0, f"rgba({red},{green},{blue},0.25)"), (1, f"rgba({red},{green},{blue},1)")]


ANSWER_SCALE = _deepening(13, 148, 136)  # the accent: right answers
MISTAKE_SCALE = _deepening(217, 119, 6)  # amber: wrong ones


def count_axis(title: str) -> dict[str, Any]:
    """Return an axis of numbers from 0 up, whose ticks grow finer as one zooms."""
    axis = theme.value_axis(title, ticks=(), limits=(0, 1))
    for fixed in ("range", "tickvals", "fixedrange"):
        del axis[fixed]
    return {**axis, "rangemode": "tozero", "exponentformat": "none"}


def legend_above() -> dict[str, Any]:
    """Return a legend in rows above the drawing area, which only names and hides nothing."""
    return {
        "orientation": "h", "x": 0, "yref": "container", "y": 1, "yanchor": "top",
        "itemclick": False, "itemdoubleclick": False,
    }  # fmt: skip
