"""Charts of an evaluation: which classes are confused, and how reliable the probabilities are."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resona_core.figures import theme
from resona_core.figures.comparison import (
    ANSWER_SCALE,
    LEGEND_PX,
    MISTAKE_SCALE,
    count_axis,
    legend_above,
)
from resona_core.labels import in_sentence, spoken
from resona_core.training.evaluation.confusions import Confusion, Pair, pairs
from resona_core.training.evaluation.records import Bin, Calibration

_CELL_PX = 13  # a row of the matrix: a name of 11 px fits
_NAMES_PX = 136  # the longest name, and the axis's title
_BAR_PX = 34  # a bar with its name: high enough for a finger


def pair_key(label: str, predicted: str) -> str:
    """Return the name of a pair of classes in addresses and clicks: "wind>rain"."""
    return f"{label}>{predicted}"


def confusion_figure(table: Confusion, chosen: str | None) -> go.Figure:
    """Draw which class was predicted for which, as shares of the true class's clips.

    Right answers lie on the diagonal, in the accent; mistakes are amber.

    Parameters
    ----------
    table : Confusion
    chosen : str or None
        The key of the pair to frame, from :func:`pair_key`.

    Returns
    -------
    Figure
        A click near a cell selects a point whose customdata is [the pair's key].
    """
    shares = 100 * table.counts / np.maximum(1, table.counts.sum(axis=1, keepdims=True))
    right = np.eye(len(shares), dtype=bool)
    seen = pairs(table)
    figure = go.Figure(
        [
            _cells(np.where(right & (shares > 0), shares, np.nan), ANSWER_SCALE),
            _cells(np.where(~right & (shares > 0), shares, np.nan), MISTAKE_SCALE),
            _cell_points(table, seen),
        ]
    )
    for edge in _group_edges(table)[1:-1]:
        for line in (figure.add_hline, figure.add_vline):
            line(edge - 0.5, line={"color": theme.GRID, "width": 1})
    for pair in seen:
        if pair_key(pair.label, pair.predicted) == chosen:
            figure.add_shape(_cell_frame(table, pair))
    last = len(table.labels) - 0.5
    figure.update_layout(
        xaxis={**_class_axis("predicted class", table), "range": [-0.5, last], "tickangle": -90},
        yaxis={**_class_axis("true class", table), "range": [last, -0.5]},
        hoverdistance=40,
    )
    margin = {"l": _NAMES_PX, "r": 4, "t": 4, "b": _NAMES_PX, "pad": 0}
    height_px = _NAMES_PX + 4 + max(160, _CELL_PX * len(table.labels))
    return theme.apply_theme(figure, height_px, margin, drag="pan")


def _cells(shares: NDArray[np.float64], scale: theme.ColourScale) -> go.Heatmap:
    return go.Heatmap(
        z=shares.round(1), zmin=0, zmax=100, colorscale=scale, showscale=False, hoverinfo="skip"
    )


def _cell_points(table: Confusion, seen: Sequence[Pair]) -> go.Scatter:
    """Return an invisible point in each cell that holds clips: heatmaps answer no click."""
    place = {label: index for index, label in enumerate(table.labels)}
    return go.Scatter(
        x=[place[pair.predicted] for pair in seen],
        y=[place[pair.label] for pair in seen],
        mode="markers",
        customdata=[[pair_key(pair.label, pair.predicted)] for pair in seen],
        text=[f"{pair_text(pair)}: {pair.count} of {pair.clips} clips" for pair in seen],
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 8, "opacity": 0, "color": theme.ACCENT},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )


def pair_text(pair: Pair) -> str:
    """Say a pair: "Wind classified as rain"."""
    predicted = "correctly" if pair.is_right else f"as {in_sentence(pair.predicted)}"
    return f"{spoken(pair.label)} classified {predicted}"


def _group_edges(table: Confusion) -> list[int]:
    """Return the first class of each group, and the number of classes."""
    groups = table.groups
    starts = [i for i in range(len(groups)) if i == 0 or groups[i] != groups[i - 1]]
    return [*starts, len(groups)]


def _class_axis(title: str, table: Confusion) -> dict[str, Any]:
    """Return an axis with a name for each class."""
    names = [textwrap.shorten(spoken(label), 20, placeholder=" ...") for label in table.labels]
    ticks = {"tickvals": [*range(len(names))], "ticktext": names, "tickfont": {"size": 11}}
    return {**count_axis(title), **ticks, "showgrid": False, "fixedrange": True}


def _cell_frame(table: Confusion, pair: Pair) -> dict[str, Any]:
    x, y = table.labels.index(pair.predicted), table.labels.index(pair.label)
    return {
        "type": "rect", "x0": x - 0.75, "x1": x + 0.75, "y0": y - 0.75, "y1": y + 0.75,
        "line": {"color": theme.TEXT, "width": 2}, "fillcolor": theme.CLEAR,
    }  # fmt: skip


def shares_figure(rows: Sequence[tuple[str, int, int]]) -> go.Figure:
    """Draw how many were right of how many as bars, in the accent: name, part and whole of each."""
    names = [name for name, _, _ in rows]
    return _bars_figure(names, [(right, clips) for _, right, clips in rows], theme.ACCENT)


def confusions_figure(confused: Sequence[Pair]) -> go.Figure:
    """Draw how often a few classes are mistaken for another as bars, amber, in the order given.

    Returns
    -------
    Figure
        A click on a bar selects a point whose customdata is [the pair's key].
    """
    return _bars_figure(
        [f"{spoken(pair.label)} as {in_sentence(pair.predicted)}" for pair in confused],
        [(pair.count, pair.clips) for pair in confused],
        theme.UNSURE,
        [pair_key(pair.label, pair.predicted) for pair in confused],
    )


def _bars_figure(
    names: Sequence[str],
    counts: Sequence[tuple[int, int]],
    colour: str,
    keys: Sequence[str] = (),
) -> go.Figure:
    """Draw parts of a whole, each under its name, on a faint track that is the whole."""
    rows = list(range(len(names)))
    texts = [f"{part} of {whole}" for part, whole in counts]
    shares = [100 * part / whole for part, whole in counts]
    hover = "%{text}<extra></extra>"
    figure = go.Figure(
        [
            go.Bar(
                x=values, y=rows, base=0, orientation="h", width=0.22, marker={"color": fill},
                text=[f"{name}: {text}" for name, text in zip(names, texts, strict=True)],
                textposition="none", hovertemplate=hover,
                customdata=[[key] for key in keys] or None,
                selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
            )
            for values, fill in (([100] * len(rows), theme.GRID), (shares, colour))
        ]
    )  # fmt: skip
    figure.add_traces([_beside(names, 0, "right"), _beside(texts, 100, "left")])
    figure.update_layout(
        barmode="overlay",
        hoverdistance=_BAR_PX,
        xaxis={"range": [0, 100], "visible": False, "fixedrange": True},
        yaxis={"range": [len(rows) - 0.7, -0.75], "visible": False, "fixedrange": True},
    )
    margin = {"l": 0, "r": 2, "t": 0, "b": 0, "pad": 0}
    return theme.apply_theme(figure, _BAR_PX * max(1, len(rows)), margin, drag="pan")


def _beside(texts: Sequence[str], x: float, side: str) -> go.Scatter:
    """Return texts over the bars, at one end."""
    return go.Scatter(
        x=[x] * len(texts), y=[row - 0.12 for row in range(len(texts))], mode="text", text=texts,
        textposition=f"top {side}", textfont={"size": 14}, cliponaxis=False, hoverinfo="skip",
    )  # fmt: skip


_COUNTS_TOP = 0.2  # share of the drawing area; the diagram begins above a gap
_DIAGRAM_BOTTOM = 0.28


def reliability_figure(calibration: Calibration, phone: bool = False) -> go.Figure:
    """Draw accuracy against confidence, over the counts of clips.

    On the dotted line calibration is perfect; below it the network is overconfident.

    Parameters
    ----------
    calibration : Calibration
    phone : bool
        Narrow margins.
    """
    sides = (
        ("before", calibration.bins_before, theme.NEUTRAL),
        ("after calibration", calibration.bins, theme.ACCENT),
    )
    figure = go.Figure([_perfect(), *(_reliability(*side) for side in sides)])
    figure.add_traces([_counts(*side) for side in sides])
    shares = (0, 20, 40, 60, 80, 100)
    figure.update_layout(
        xaxis={**theme.value_axis("confidence: probability (%)", shares, (0, 100)), "anchor": "y2"},
        yaxis={
            **theme.value_axis("accuracy (%)", shares, (-2, 102)),
            "domain": [_DIAGRAM_BOTTOM, 1],
        },
        yaxis2={**count_axis("clips"), "domain": [0, _COUNTS_TOP], "fixedrange": True, "nticks": 4},
        bargap=0.15,
        bargroupgap=0.05,
    )
    margin = {**theme.time_margin(phone), "r": 10, "t": LEGEND_PX}
    theme.apply_theme(figure, 420 if phone else 460, margin, drag=False)
    return figure.update_layout(showlegend=True, legend=legend_above())


def _perfect() -> go.Scatter:
    return go.Scatter(
        x=[0, 100], y=[0, 100], mode="lines", name="perfect calibration", hoverinfo="skip",
        line={"color": theme.TEXT, "dash": "dot", "width": 1},
    )  # fmt: skip


def _reliability(name: str, bins: Sequence[Bin], colour: str) -> go.Scatter:
    """Return one line through the bins, with the sampling error of each."""
    right = np.array([b.accuracy for b in bins], float)
    count = np.array([b.count for b in bins], float)
    error = 100 * np.sqrt(right * (1 - right) / np.maximum(1, count))
    return go.Scatter(
        x=[round(100 * b.confidence, 1) for b in bins], y=(100 * right).round(1),
        name=name, mode="lines+markers", line={"color": colour, "width": 2},
        marker={"color": colour, "size": 8}, customdata=count,
        error_y={"array": error.round(1), "color": colour, "thickness": 1, "width": 3},
        hovertemplate=f"{name}<br>%{{customdata:,}} clips<br>mean confidence %{{x:.0f}} %<br>"
        "accuracy %{y:.0f} %<extra></extra>",
    )  # fmt: skip


def _counts(name: str, bins: Sequence[Bin], colour: str) -> go.Bar:
    return go.Bar(
        x=[50 * (b.low + b.high) for b in bins], y=[b.count for b in bins], yaxis="y2",
        marker={"color": colour}, showlegend=False, name=name,
        customdata=[f"{100 * b.low:.0f} to {100 * b.high:.0f} %" for b in bins],
        hovertemplate=f"{name}<br>confidence %{{customdata}}: %{{y:,}} clips<extra></extra>",
    )  # fmt: skip
