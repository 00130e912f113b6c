"""The chart of a long recording: which class sounds when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resona_core.classification import Timeline
from resona_core.figures import theme
from resona_core.labels import spoken
from resona_core.timeline import Event

Floats = NDArray[np.float32]

_MOST_COLUMNS = 1500
_ROW_PX, _BAND_PX = 44, 22  # a row holds its name, and under it the band
_HALF_BAND = _BAND_PX / _ROW_PX / 2
_CLOCK_ZERO_MS = 946_684_800_000.0  # 2000: Plotly reads a number below 10,000 as a year
_PROBABILITY_SCALE = [(0, "rgba(13,148,136,0.07)"), (1, theme.ACCENT)]


def strip_figure(
    timeline: Timeline,
    probabilities: Floats,
    columns: Sequence[int],
    events: Sequence[Event],
    phone: bool = False,
) -> go.Figure:
    """Draw a band for each class over the whole recording, with its events framed.

    Parameters
    ----------
    timeline : Timeline
    probabilities : ndarray (window, class), 0 to 1
        After smoothing.
    columns : sequence of int
        The classes to draw, the topmost first.
    events : sequence of Event
        Those of other classes are left out.
    phone : bool
        Narrow margins, the colour bar below.
    """
    names = [timeline.labels[column] for column in columns]
    figure = go.Figure(
        [
            _bands(timeline, probabilities[:, list(columns)], names, phone),
            _frames([event for event in events if event.label in names], names),
            _names_over_bands(names),
        ]
    )
    rows = {"range": [len(names) - 0.4, -0.95], "visible": False, "fixedrange": True}
    figure.update_layout(
        xaxis=clock_axis(max(timeline.heard_s, timeline.total_s or 0), phone),
        yaxis={**rows, "type": "category"},  # so that %{y} is the class
        yaxis2={**rows, "overlaying": "y"},  # places between the rows
    )
    margin = {**theme.time_margin(phone, colour_bar=True), "l": 12}
    height_px = round(margin["t"] + margin["b"] + _ROW_PX * (len(names) + 0.55))
    return theme.apply_theme(figure, height_px, margin, not phone and "zoom")


def clock_ms(seconds: float) -> float:
    """Return where a time lies on the clock axis."""
    return _CLOCK_ZERO_MS + 1000 * float(seconds)


def clock_axis(duration_s: float, phone: bool = False) -> dict[str, Any]:
    """Return an x axis in hours, minutes and seconds; positions are :func:`clock_ms`.

    It is a calendar axis that begins with a day, so its ticks stay at round times.
    """
    hours = duration_s >= 3600
    title = "time (h:min:s)" if hours else "time (min:s)"
    return {
        **theme.time_axis(duration_s, phone, title),
        "type": "date",
        "range": [clock_ms(0), clock_ms(duration_s)],
        "minallowed": clock_ms(0),
        "maxallowed": clock_ms(duration_s),
        "tickformat": "%-H:%M:%S" if hours else "%-M:%S",
    }


def _bands(timeline: Timeline, shares: Floats, names: Sequence[str], phone: bool) -> go.Heatmap:
    """Return the probabilities in whole percent, one byte a cell.

    Of more windows than a screen has columns, a cell shows the highest, so none is lost.
    """
    first = np.arange(0, len(shares), -(-len(shares) // _MOST_COLUMNS))
    highest = np.maximum.reduceat(shares, first, axis=0)
    edges_s = [*timeline.edges_s[first], timeline.heard_s]
    return go.Heatmap(
        z=(100 * highest.T).round().astype(np.uint8),
        x=[clock_ms(edge_s) for edge_s in edges_s], y=[spoken(name) for name in names],
        ygap=_ROW_PX - _BAND_PX, zmin=0, zmax=100, colorscale=_PROBABILITY_SCALE,
        colorbar=theme.colour_bar("probability (%)", {"dtick": 25}, phone),
        hovertemplate="%{y}<br>%{x|%-H:%M:%S}<br>%{z} %<extra></extra>",
    )  # fmt: skip


def _frames(events: Sequence[Event], names: Sequence[str]) -> go.Scatter:
    """Return one line that goes around every event's stretch of its band."""
    x: list[float | None] = []
    y: list[float | None] = []
    for event in events:
        left, right = clock_ms(event.start_s), clock_ms(event.end_s)
        top, bottom = (names.index(event.label) + side * _HALF_BAND for side in (-1, 1))
        x += [left, right, right, left, left, None]
        y += [top, top, bottom, bottom, top, None]
    return go.Scatter(
        x=x, y=y, yaxis="y2", mode="lines", line={"color": theme.TEXT, "width": 1.5},
        hoverinfo="skip",
    )  # fmt: skip


def _names_over_bands(names: Sequence[str]) -> go.Scatter:
    return go.Scatter(
        x=[clock_ms(0)] * len(names), y=[row - _HALF_BAND for row in range(len(names))],
        yaxis="y2", mode="text", text=[spoken(name) for name in names], textposition="top right",
        textfont={"size": 13}, cliponaxis=False, hoverinfo="skip",
    )  # fmt: skip
