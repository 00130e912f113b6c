"""The chart of a long recording: which class sounds when."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resona_core.classification import Timeline
from resona_core.figures import theme
from resona_core.labels import spoken
from resona_core.timeline import Event, Stretch

Floats = NDArray[np.float32]

_MOST_COLUMNS = 1500
_ROW_PX, _BAND_PX = 30, 22
_LETTER_PX, _MOST_LETTERS = 6.6, 20  # of the names beside the bands
_LAST_TICK_PX = 24  # half of "1:00:00", so that the last tick is whole
_HALF_BAND = _BAND_PX / _ROW_PX / 2
_CLOCK_ZERO_MS = 946_684_800_000.0  # 2000: Plotly reads a number below 10,000 as a year
_PROBABILITY_SCALE = [(0, "rgba(13,148,136,0.07)"), (1, theme.ACCENT)]
_NONE_SCALE = [(0, "rgba(138,148,158,0.07)"), (1, theme.NEUTRAL)]


def strip_figure(
    timeline: Timeline,
    probabilities: Floats,
    columns: Sequence[int],
    events: Sequence[Event],
    phone: bool = False,
    others: Floats | None = None,
    stretches: Sequence[Stretch] = (),
) -> go.Figure:
    """Draw a band for each class over the whole recording, with its events framed.

    Where the recording is none of the classes, a grey band under the others says so.

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
    others : ndarray (window, kind - 1), optional
        Of the kinds of other sounds, after smoothing; needed for `stretches`.
    stretches : sequence of Stretch
        Of none of the classes; without any, the grey band is left out.
    """
    labels = [timeline.labels[column] for column in columns]
    rows = {label: row for row, label in enumerate(labels)}
    framed = [(rows[e.label], e.start_s, e.end_s) for e in events if e.label in rows]
    bands = [_bands(timeline, probabilities[:, list(columns)], labels, phone)]
    names = [spoken(label) for label in labels]
    if others is not None and stretches:
        framed += [(len(names), stretch.start_s, stretch.end_s) for stretch in stretches]
        bands.append(_none_band(timeline, others, row=len(names)))
        names.append(theme.NONE_OF_THESE)
    figure = go.Figure([*bands, _frames(framed)])
    rows_axis = {"range": [len(names) - 0.5, -0.5], "fixedrange": True}
    shown = [textwrap.shorten(name, _MOST_LETTERS, placeholder=" ...") for name in names]
    figure.update_layout(
        xaxis=clock_axis(max(timeline.heard_s, timeline.total_s or 0), phone),
        yaxis={**rows_axis, "type": "category", "visible": False},  # so that %{y} is the class
        yaxis2={**rows_axis, "overlaying": "y", **_names_beside(shown)},
    )
    if phone:
        figure.update_xaxes(nticks=4)
    margin = theme.time_margin(phone, colour_bar=True)
    margin["l"] = round(12 + _LETTER_PX * max(map(len, shown), default=0))
    margin["r"] = max(margin["r"], _LAST_TICK_PX)
    height_px = margin["t"] + margin["b"] + _ROW_PX * len(names)
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


def _bands(timeline: Timeline, shares: Floats, labels: Sequence[str], phone: bool) -> go.Heatmap:
    """Return the probabilities in whole percent, one byte a cell."""
    first, places = _cells(timeline)
    highest = np.maximum.reduceat(shares, first, axis=0)
    return go.Heatmap(
        z=_whole_percent(highest.T), x=places, y=[spoken(label) for label in labels],
        ygap=_ROW_PX - _BAND_PX, zmin=0, zmax=100, colorscale=_PROBABILITY_SCALE,
        colorbar=theme.colour_bar("probability (%)", {"dtick": 25}, phone),
        hovertemplate="%{y}<br>%{x|%-H:%M:%S}<br>%{z} %<extra></extra>",
    )  # fmt: skip


def _none_band(timeline: Timeline, others: Floats, row: int) -> go.Heatmap:
    """Return the probability of none of the classes; its text says what it is more like."""
    first, places = _cells(timeline)
    highest = np.maximum.reduceat(others.sum(axis=1), first)
    likest = np.maximum.reduceat(others, first, axis=0).argmax(axis=1)
    words = ["" if kind == "other" else f", more like {kind}" for kind in timeline.kinds[1:]]
    strange = highest > 1 - timeline.known_floor
    return go.Heatmap(
        z=_whole_percent(highest[None]), x=places, yaxis="y2", y0=row, dy=1,
        text=[[words[kind] * bool(none) for kind, none in zip(likest, strange, strict=True)]],
        ygap=_ROW_PX - _BAND_PX, zmin=0, zmax=100, colorscale=_NONE_SCALE, showscale=False,
        hovertemplate=f"{theme.NONE_OF_THESE}%{{text}}<br>%{{x|%-H:%M:%S}}<br>%{{z}} %"
        "<extra></extra>",
    )  # fmt: skip


def _cells(timeline: Timeline) -> tuple[NDArray[np.intp], list[float]]:
    """Return the first window of each cell, and the edges of the cells on the clock axis.

    Of more windows than a screen has columns, a cell shows the highest, so none is lost.
    """
    first = np.arange(0, timeline.n_windows, -(-timeline.n_windows // _MOST_COLUMNS))
    edges_s = [*timeline.edges_s[first], timeline.heard_s]
    return first, [clock_ms(edge_s) for edge_s in edges_s]


def _whole_percent(shares: Floats) -> NDArray[np.uint8]:
    return (100 * shares).round().astype(np.uint8)


def _frames(framed: Sequence[tuple[int, float, float]]) -> go.Scatter:
    """Return one line that goes around stretches of bands: row, start and end in seconds."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row, start_s, end_s in framed:
        left, right = clock_ms(start_s), clock_ms(end_s)
        top, bottom = row - _HALF_BAND, row + _HALF_BAND
        x += [left, right, right, left, left, None]
        y += [top, top, bottom, bottom, top, None]
    return go.Scatter(
        x=x, y=y, yaxis="y2", mode="lines", line={"color": theme.TEXT, "width": 1.5},
        hoverinfo="skip",
    )  # fmt: skip


def _names_beside(names: Sequence[str]) -> dict[str, Any]:
    """Return what lets an axis of rows name them at its left."""
    return {
        "tickvals": list(range(len(names))), "ticktext": list(names), "tickfont": {"size": 13},
        "ticks": "", "showgrid": False, "zeroline": False, "ticklabelstandoff": 6,
    }  # fmt: skip
