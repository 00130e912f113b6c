"""Explain's charts: what an answer rests on, the box that is to be erased, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.explain.boxes import Box
from resona_core.explain.explanation import Explanation
from resona_core.figures import theme
from resona_core.figures.audio import decibel_trace
from resona_core.figures.comparison import LEGEND_PX, legend_above
from resona_core.labels import spoken
from resona_core.results import Spectrogram
from resona_core.words import percent

PICTURE_PX = 340
_ROW_PX, _NAME_PX = 44, 150
_GRID = (24, 12)  # points to be selected, so that a drag selects a box


def mask_figure(why: Explanation, duration_s: float, phone: bool = False) -> go.Figure:
    """Draw what is kept in colour over the spectrogram in grey.

    Parameters
    ----------
    why : Explanation
    duration_s : float
        Length of the time axis in seconds.
    phone : bool
        Narrow margins, the colour bar below.
    """
    picture = why.spectrogram
    grey = decibel_trace(picture).update(
        colorscale=theme.GREY_SCALE, showscale=False, hoverinfo="skip", hovertemplate=None
    )
    kept = go.Heatmap(
        z=(100 * why.mask).round().astype(np.uint8), x0=float(picture.time_s[0]),
        dx=float(picture.time_s[1] - picture.time_s[0]), y0=0, dy=1, zmin=0, zmax=100,
        colorscale=theme.OVERLAY_SCALE,
        colorbar=theme.colour_bar("kept", {"tickvals": [0, 50, 100], "ticksuffix": " %"}, phone),
        hovertemplate="%{x:.2f} s<br>%{y}<br>%{z} % kept<extra></extra>",
    )  # fmt: skip
    figure = go.Figure([grey, kept])
    figure.update_layout(
        xaxis=theme.time_axis(duration_s, phone),
        yaxis=theme.named_frequency_axis(picture.frequency_hz),
    )
    margin = theme.time_margin(phone, colour_bar=True)
    return theme.apply_theme(figure, PICTURE_PX + 40 * phone, margin, not phone and "zoom")


def box_figure(
    picture: Spectrogram, duration_s: float, box: Box | None, phone: bool = False
) -> go.Figure:
    """Draw a spectrogram on which a drag selects a box, and the box that is selected.

    Parameters
    ----------
    picture : Spectrogram
    duration_s : float
        Length of the time axis in seconds.
    box : Box or None
    phone : bool
        Narrow margins, the colour bar below.
    """
    n_mels = len(picture.frequency_hz)
    across, up = (
        np.linspace(0, size, n) for size, n in zip((duration_s, n_mels - 1), _GRID, strict=True)
    )
    points = go.Scatter(
        x=np.tile(across, len(up)), y=np.repeat(up, len(across)), mode="markers", opacity=0,
        hoverinfo="skip",
    )  # fmt: skip
    heat = decibel_trace(picture, phone=phone).update(
        hovertemplate="%{x:.2f} s<br>%{z} dB re max<extra></extra>"
    )
    figure = go.Figure([heat, points])
    figure.update_layout(
        xaxis={**theme.time_axis(duration_s, phone), "fixedrange": True},
        yaxis={**theme.frequency_axis(picture.frequency_hz), "fixedrange": True},
        shapes=[] if box is None else [_frame(box, picture.frequency_hz, duration_s)],
        selectdirection="any",
        newselection={"line": {"color": theme.ACCENT, "width": 2, "dash": "solid"}},
    )
    margin = theme.time_margin(phone, colour_bar=True)
    return theme.apply_theme(figure, PICTURE_PX + 40 * phone, margin, "select")


def _frame(box: Box, frequency_hz: NDArray[np.float64], duration_s: float) -> dict[str, Any]:
    low, high = (row_of(hz, frequency_hz) for hz in (box.low_hz, box.high_hz))
    return {
        "type": "rect", "x0": max(0, box.start_s), "x1": min(duration_s, box.end_s), "y0": low,
        "y1": high, "line": {"color": theme.ACCENT, "width": 2}, "fillcolor": theme.ACCENT_SOFT,
    }  # fmt: skip


def row_of(hz: float, frequency_hz: NDArray[np.float64]) -> float:
    """Return where a frequency lies on :func:`theme.frequency_axis`, in mel bins from 0.

    Below the first bin's centre is the picture's lower edge, above the last one's its upper.
    """
    last = len(frequency_hz) - 1
    if hz <= frequency_hz[0]:
        return -0.5
    return (
        last + 0.5
        if hz >= frequency_hz[-1]
        else float(np.interp(hz, frequency_hz, np.arange(last + 1)))
    )


def box_of(
    x: Sequence[float], y: Sequence[float], frequency_hz: NDArray[np.float64], duration_s: float
) -> tuple[float, float, float, float]:
    """Return the box between two corners on the axes of :func:`box_figure`.

    Returns
    -------
    start_s, end_s, low_hz, high_hz : float
        Within the sound; at the picture's upper edge the frequency is that of its last bin.
    """
    start_s, end_s = np.clip(sorted(x), 0, duration_s)
    rows = np.clip(sorted(y), -0.5, len(frequency_hz) - 0.5)
    low_hz, high_hz = np.interp(rows, np.arange(len(frequency_hz)), frequency_hz)
    return float(start_s), float(end_s), float(low_hz), float(high_hz)


def change_figure(before: Classification, after: Classification, count: int = 4) -> go.Figure:
    """Draw the most probable classes of two answers, each as a bar before and a bar after.

    Parameters
    ----------
    before, after : Classification
        Of the same network.
    count : int
        How many of each answer's classes, the best first.
    """
    labels = list(dict.fromkeys(p.label for a in (before, after) for p in a.top(count)))
    rows = np.arange(len(labels))
    figure = go.Figure()
    for name, answer, shift, colour in (
        ("before", before, -0.17, theme.NEUTRAL), ("after", after, 0.17, theme.ACCENT),
    ):  # fmt: skip
        shares = [float(answer.probabilities[answer.labels.index(label)]) for label in labels]
        figure.add_bar(
            x=[100 * share for share in shares], y=rows + shift, orientation="h", width=0.3,
            name=name, marker={"color": colour}, text=[percent(share) for share in shares],
            textposition="outside", cliponaxis=False,
            hovertemplate=f"{name}: %{{text}}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        xaxis={"range": [0, 100], "visible": False, "fixedrange": True},
        yaxis={
            "range": [len(labels) - 0.5, -0.5], "fixedrange": True, "showgrid": False,
            "zeroline": False, "tickvals": rows.tolist(), "tickfont": {"size": 14},
            "ticktext": [f"{spoken(label)}  " for label in labels],
        },
        legend=legend_above(),
    )  # fmt: skip
    margin = {"l": _NAME_PX, "r": 64, "t": LEGEND_PX, "b": 0, "pad": 0}
    figure = theme.apply_theme(
        figure, LEGEND_PX + _ROW_PX * max(1, len(labels)), margin, drag=False
    )
    return figure.update_layout(showlegend=True)
