"""Charts of a sound and of the answer: waveform, mel spectrogram, bars, probability over time."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resona_core.classification import Classification, Prediction
from resona_core.figures import theme
from resona_core.figures.comparison import legend_above
from resona_core.labels import spoken
from resona_core.results import Spectrogram
from resona_core.words import percent

Floats = NDArray[np.float32]

_MOST_COLUMNS = 1200  # about a pixel each, where the figure is widest
_LEAST_DB = -127  # in one byte
_SPECTROGRAM_TOP = 0.71  # share of the drawing area; the waveform begins above a gap
_WAVEFORM_BOTTOM = 0.76
_BAR_PITCH_PX = 27
_BAR_NAME_PX, _MOST_LETTERS = 7.6, 24  # a letter of a class's name, and how many are shown
_FEW_WINDOWS = 60


SOUND_HEIGHT_PX = 390
"""Of the figure of a sound; the page keeps its place."""


def waveform_envelope(
    samples: Floats, max_bins: int = _MOST_COLUMNS
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Summarise a waveform by the least and greatest sample of equal bins.

    Parameters
    ----------
    samples : ndarray (sample,)
    max_bins : int
        Most bins.

    Returns
    -------
    edges : ndarray (bin + 1,)
        Where each bin begins, counted in samples, and where the last ends.
    low, high : ndarray (bin,)
        The exact extremes of the bin; with few samples, each sample is a bin of its own.
    """
    edges = np.linspace(0, len(samples), min(len(samples), max_bins) + 1).astype(int)
    low = np.minimum.reduceat(samples, edges[:-1])
    high = np.maximum.reduceat(samples, edges[:-1])
    return edges, low, high


def sound_figure(
    samples: Floats,
    sample_rate_hz: int,
    spectrogram: Spectrogram,
    span_db: float = 80,
    window: tuple[float, float] | None = None,
    phone: bool = False,
) -> go.Figure:
    """Draw the waveform over the mel spectrogram, on one time axis.

    Parameters
    ----------
    samples : ndarray (sample,), full scale -1 to 1
    sample_rate_hz : int
    spectrogram : Spectrogram
        Of the same sound.
    span_db : float
        How far under the loudest cell the colours reach, in dB.
    window : (float, float), optional
        Start and end of the part to frame, in seconds.
    phone : bool
        Narrow margins, the colour bar below.
    """
    duration_s = len(samples) / sample_rate_hz
    peak = float(np.abs(samples).max(initial=0.0)) or 1.0
    figure = go.Figure(
        [
            *_waveform(samples, sample_rate_hz, peak),
            decibel_trace(spectrogram, span_db, phone, _SPECTROGRAM_TOP),
        ]
    )
    figure.update_layout(
        xaxis={**theme.time_axis(duration_s, phone), "anchor": "y"},
        yaxis={
            **theme.named_frequency_axis(spectrogram.frequency_hz),
            "domain": [0, _SPECTROGRAM_TOP],
        },
        yaxis2={**_level_axis(peak), "domain": [_WAVEFORM_BOTTOM, 1], "anchor": "x"},
    )
    if window is not None:
        figure.add_shape(_frame(window))
    margin = theme.time_margin(phone, colour_bar=True)
    height_px = SOUND_HEIGHT_PX + (theme.COLOUR_BAR_PX if phone else 0)
    return theme.apply_theme(figure, height_px, margin, not phone and "zoom")


def _level_axis(peak: float) -> dict[str, Any]:
    """Return an axis of full scale whose ticks, 6 dB under the next step above, say dBFS."""
    decibels = 6 * float(np.floor(20 * np.log10(peak) / 6 + 1e-9))
    tick = 10 ** (decibels / 20)
    axis = theme.value_axis("dBFS", (-tick, 0, tick), (-1.06 * peak, 1.06 * peak))
    return {**axis, "ticktext": [f"{decibels:.0f}", "-∞", f"{decibels:.0f}"]}


def _waveform(samples: Floats, sample_rate_hz: int, peak: float) -> tuple[go.Scatter, go.Heatmap]:
    """Return the band between the extremes, and clear columns that answer the pointer."""
    edges, low, high = waveform_envelope(samples)
    edges_s = (edges / sample_rate_hz).astype(np.float32)
    time_s = np.repeat(edges_s, 2)[1:-1]  # each bin a column with upright sides
    band = go.Scatter(
        x=np.concatenate([time_s, time_s[::-1]]),
        y=np.concatenate([np.repeat(high, 2), np.repeat(low, 2)[::-1]]).astype(np.float32),
        yaxis="y2", mode="lines", fill="toself", fillcolor=theme.ACCENT,
        line={"color": theme.ACCENT, "width": 1}, hoverinfo="skip",
    )  # fmt: skip
    decimals = 3 if edges_s[-1] >= 0.1 else 6  # a bin is a sample, where there are few
    columns = go.Heatmap(
        x0=float(edges_s[1] / 2), dx=float(edges_s[-1] / len(low)), y0=0, dy=2.2 * peak,
        yaxis="y2", z=np.zeros((1, len(low)), np.int8), showscale=False,
        colorscale=[(0, theme.CLEAR), (1, theme.CLEAR)],
        hovertext=[[level_text(*pair) for pair in zip(low.tolist(), high.tolist(), strict=True)]],
        hovertemplate=f"%{{x:.{decimals}f}} s<br>%{{hovertext}}<extra></extra>",
    )  # fmt: skip
    return band, columns


def level_text(low: float, high: float) -> str:
    """Say how loud a stretch is whose samples lie between `low` and `high`, full scale 1."""
    peak = max(abs(low), abs(high))
    if peak == 0:
        return "digital silence"
    return f"peak {20 * np.log10(peak):.1f} dBFS<br>from {low:.3g} to {high:.3g} of full scale"


def decibel_trace(
    spectrogram: Spectrogram, span_db: float = 80, phone: bool = False, top: float = 1
) -> go.Heatmap:
    """Return the mel spectrogram as a heatmap in whole decibels, one byte a cell.

    Its colour bar reaches from the foot of the figure to `top`.
    """
    decibels, first_s, step_s = _thinned(spectrogram)
    return go.Heatmap(
        z=np.clip(decibels.round(), _LEAST_DB, 0).astype(np.int8),
        x0=first_s, dx=step_s, y0=0, dy=1, zmin=-span_db, zmax=0,
        colorscale=theme.DECIBEL_SCALE,
        colorbar=theme.colour_bar("dB re max", {"dtick": 20}, phone, top),
        hovertemplate="%{x:.2f} s<br>%{y}<br>%{z} dB re max<extra></extra>",
    )  # fmt: skip


def _thinned(spectrogram: Spectrogram) -> tuple[Floats, float, float]:
    """Return at most 1,200 columns: values, first centre and step in seconds.

    A column of several frames shows the loudest of them, so that no click is lost.
    """
    decibels, time_s = spectrogram.decibels, spectrogram.time_s
    step_s = float(time_s[-1] - time_s[0]) / max(1, len(time_s) - 1) or 1.0
    group = -(-decibels.shape[1] // _MOST_COLUMNS)
    loudest = np.maximum.reduceat(decibels, np.arange(0, decibels.shape[1], group), axis=1)
    return loudest, float(time_s[0]) + (group - 1) / 2 * step_s, group * step_s


def _frame(window: tuple[float, float]) -> dict[str, Any]:
    return {
        "type": "rect", "xref": "x", "yref": "paper", "x0": window[0], "x1": window[1],
        "y0": 0, "y1": 1, "line": {"color": theme.ACCENT, "width": 2}, "fillcolor": theme.CLEAR,
    }  # fmt: skip


def top_k_figure(predictions: Sequence[Prediction], certain: bool, known: bool = True) -> go.Figure:
    """Draw the most probable classes as bars, the best on top.

    Parameters
    ----------
    predictions : sequence of Prediction
        Best first.
    certain : bool
        Whether the answer is worth trusting: accent, otherwise amber.
    known : bool
        Whether it is an answer at all; grey for a sound of none of the classes.
    """
    shares = [100 * prediction.probability for prediction in predictions]
    names = [spoken(prediction.label) for prediction in predictions]
    shown = [textwrap.shorten(name, _MOST_LETTERS, placeholder=" ...") for name in names]
    best = (theme.ACCENT if certain else theme.UNSURE) if known else theme.NEUTRAL
    rows = list(range(len(names)))
    bars = go.Bar(
        x=shares, y=rows, orientation="h", width=0.56, customdata=names,
        marker={"color": [best, *[theme.NEUTRAL] * len(names)][: len(names)]},
        hovertemplate="%{customdata}<br>%{x:.2f} %<extra></extra>",
    )  # fmt: skip
    numbers = go.Scatter(
        x=[100] * len(names), y=rows, mode="text", cliponaxis=False, hoverinfo="skip",
        text=[f" {percent(prediction.probability)}" for prediction in predictions],
        textposition="middle right", textfont={"size": 15},
    )  # fmt: skip
    figure = go.Figure([bars, numbers])
    figure.update_layout(
        xaxis={"range": [0, 100], "visible": False, "fixedrange": True},
        yaxis={
            "range": [len(names) - 0.5, -0.5], "fixedrange": True, "showgrid": False,
            "zeroline": False, "tickvals": rows, "ticktext": [f"{name}  " for name in shown],
            "tickfont": {"size": 15},
        },
        shapes=[_track(row) for row in rows],
    )  # fmt: skip
    left_px = round(24 + _BAR_NAME_PX * max(map(len, shown), default=0))
    margin = {"l": left_px, "r": 64, "t": 0, "b": 0, "pad": 0}
    return theme.apply_theme(figure, _BAR_PITCH_PX * max(1, len(names)), margin, drag=False)


def _track(row: int) -> dict[str, Any]:
    """Return the faint ground of a bar, which reaches to 100 %."""
    return {
        "type": "rect", "x0": 0, "x1": 100, "y0": row - 0.28, "y1": row + 0.28,
        "line": {"width": 0}, "fillcolor": theme.GRID, "layer": "below",
    }  # fmt: skip


def timeline_figure(
    classification: Classification, labels: Sequence[str], window: int, phone: bool = False
) -> go.Figure:
    """Draw the probability of a few classes in each window of a longer sound.

    Where a window is none of the classes, the probability of that is drawn too.

    Parameters
    ----------
    classification : Classification
    labels : sequence of str
        The classes to draw, the answer first.
    window : int
        The chosen window, marked.
    phone : bool
        Narrow margins.

    Returns
    -------
    Figure
        Its markers carry [the number of their window] as customdata.
    """
    figure = go.Figure()
    for label, style in zip(labels, _course_styles(len(labels)), strict=True):
        shares = classification.window_probabilities[:, classification.labels.index(label)]
        figure.add_trace(_course(classification, spoken(label), shares, style))
    kinds = classification.window_kinds
    if kinds is not None and classification.strange.any():
        none = _course(classification, theme.NONE_OF_THESE, 1 - kinds[:, 0], _NONE_STYLE)
        figure.add_trace(none)
    start_s = float(classification.window_starts_s[window])
    figure.add_vrect(
        x0=start_s, x1=start_s + classification.window_s, layer="below",
        fillcolor=theme.ACCENT_SOFT, line={"color": theme.ACCENT, "width": 1},
    )  # fmt: skip
    end_s = float(classification.window_starts_s[-1]) + classification.window_s
    figure.update_layout(
        xaxis=theme.time_axis(end_s, phone),
        yaxis=theme.value_axis("probability (%)", (0, 50, 100), (-4, 104)),
    )
    theme.apply_theme(figure, 220, {**theme.time_margin(phone), "t": 36}, not phone and "zoom")
    return figure.update_layout(showlegend=True, legend=legend_above(), hoverdistance=60)


_Style = tuple[str, str, str]  # colour, dash, symbol
_BEST_STYLE: _Style = (theme.ACCENT, "solid", "circle")
_SECOND_STYLE: _Style = (theme.NEUTRAL, "solid", "square")
_OTHER_STYLE: _Style = (theme.NEUTRAL, "dot", "diamond-open")
_NONE_STYLE: _Style = (theme.TEXT, "dash", "x")


def _course_styles(count: int) -> list[_Style]:
    return [_BEST_STYLE, _SECOND_STYLE, *[_OTHER_STYLE] * count][:count]


def _course(classification: Classification, name: str, shares: Floats, style: _Style) -> go.Scatter:
    """Return probabilities (window,) over time; nothing is drawn where a window is silent."""
    colour, dash, symbol = style
    percents = np.where(classification.silent, np.nan, 100 * shares.astype(float)).round(2)
    return go.Scatter(
        x=classification.window_starts_s + classification.window_s / 2, y=percents,
        name=name, mode="lines+markers", customdata=[[window] for window in range(len(shares))],
        line={"color": colour, "dash": dash, "width": 2, "shape": "hvh"},
        marker={"color": colour, "symbol": symbol, "size": 8 if len(shares) <= _FEW_WINDOWS else 4},
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
        hovertemplate=f"{name}<br>%{{y:.1f}} %<br>window %{{customdata[0]}}, centre "
        "%{x:.1f} s<extra></extra>",
    )  # fmt: skip
