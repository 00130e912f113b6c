"""Colours, type, margins and heights of every chart: the one place that decides them.

No one grey is readable on white and on near-black, so :func:`ink` colours a figure's text for
the ground it will stand on. Every other colour fixed here reads on both alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import (
    convert_colors_to_same_type,
    make_colorscale,
    sample_colorscale,
    sequential,
)

ACCENT = "#0D9488"  # deep teal: the answer, and what is chosen
ACCENT_SOFT = "rgba(13,148,136,0.14)"
UNSURE = "#D97706"  # amber: not certain
NEUTRAL = "#8A949E"  # the other classes
TEXT = "#7A828B"  # lines that mark something, and text before :func:`ink` has coloured it
_INK_ON_LIGHT, _INK_ON_DARK = "#3D4A49", "#BAC6C4"  # 9:1 and 10:1 on the pages' grounds
GRID = "rgba(128,138,148,0.22)"
CLEAR = "rgba(0,0,0,0)"

NONE_OF_THESE = "None of these"  # what charts call a sound of no class, always in NEUTRAL or TEXT

ColourScale = list[tuple[float, str]]


def _scale(colours: Sequence[str]) -> ColourScale:
    # As numbers: Streamlit takes hex texts from 000001 to 000040 for places to put its own colours.
    numbers, _ = convert_colors_to_same_type(list(colours), colortype="rgb")
    return [(share, colour) for share, colour in make_colorscale(numbers)]


DECIBEL_SCALE = _scale(sequential.Magma)
ACTIVATION_SCALE = _scale(sequential.Viridis)
GREY_SCALE: ColourScale = [(0, "rgb(18,18,20)"), (1, "rgb(226,226,228)")]
# The activation colours over something else: the weaker, the clearer.
OVERLAY_SCALE: ColourScale = [
    (share, f"rgba{colour[3:-1]}, {share:.3g})") for share, colour in ACTIVATION_SCALE
]


@lru_cache(maxsize=1)
def viridis(levels: int) -> NDArray[np.uint8]:
    """Return the activation colours at `levels` equal steps, (levels, 3)."""
    shares = sample_colorscale(sequential.Viridis, levels, colortype="tuple")
    return (255 * np.array(shares)).round().astype(np.uint8)


PLOTLY_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "showSendToCloud": False,  # a chart stays where it is
    "responsive": True,
    "scrollZoom": False,
    "doubleClick": "reset",
    "showTips": False,
    "modeBarButtonsToRemove": [
        *("zoom2d", "pan2d", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"),
    ],
    "toImageButtonOptions": {"filename": "resona", "scale": 2},
}
"""For ``st.plotly_chart(figure, config=PLOTLY_CONFIG)``."""

TILES_CONFIG: dict[str, Any] = {**PLOTLY_CONFIG, "displayModeBar": False}
"""For pictures in tiles, which have no room for buttons and nothing to zoom."""

_MARGIN_LEFT_PX, _MARGIN_RIGHT_PX = 58, 96
_PHONE_LEFT_PX, _PHONE_RIGHT_PX = 48, 10
AXIS_HEIGHT_PX = 44  # ticks and title under a time axis
COLOUR_BAR_PX = 50  # a colour bar below a figure
TOP_PX = 10


def time_margin(phone: bool = False, colour_bar: bool = False) -> dict[str, int]:
    """Return the margins that all time figures share, so that their axes align, in px.

    A phone has no room for a colour bar at the side, so it goes below.
    """
    bottom_px = AXIS_HEIGHT_PX + (COLOUR_BAR_PX if phone and colour_bar else 0)
    left, right = (
        (_PHONE_LEFT_PX, _PHONE_RIGHT_PX) if phone else (_MARGIN_LEFT_PX, _MARGIN_RIGHT_PX)
    )
    return {"l": left, "r": right, "t": TOP_PX, "b": bottom_px, "pad": 0}


_TEMPLATE = go.layout.Template(
    layout={
        "font": {"color": TEXT, "family": "Source Sans, Source Sans Pro, sans-serif", "size": 12},
        "xaxis": {"title": {"font": {"size": 13}}},
        "yaxis": {"title": {"font": {"size": 13}}},
        "hoverlabel": {"bgcolor": "#FFFFFF", "bordercolor": NEUTRAL, "font": {"color": "#1F2933"}},
    }
)


def apply_theme(
    figure: go.Figure,
    height_px: int,
    margin: dict[str, int],
    drag: Literal["zoom", "pan", "select", False] = "zoom",
) -> go.Figure:
    """Give `figure` the common look.

    Parameters
    ----------
    figure : Figure
        Changed in place, and returned.
    height_px : int
    margin : dict
        From :func:`time_margin`, or a figure's own.
    drag : {"zoom", "pan", "select", False}
        What a drag does. With False a finger on the chart scrolls the page, but a tap counts
        as two clicks; so charts that are only looked at use it on a phone, and charts whose
        points are chosen use "pan" with fixed axes.
    """
    figure.update_layout(
        template=_TEMPLATE,
        height=height_px,
        margin=margin,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        showlegend=False,
        uirevision="resona",  # the zoom outlives a redraw
        dragmode=drag,
        hovermode="closest",
        hoverlabel={"align": "left", "namelength": 0},
        modebar={"bgcolor": CLEAR, "color": NEUTRAL, "activecolor": ACCENT},
    )
    return figure


def ink(figure: go.Figure, dark: bool) -> go.Figure:
    """Colour all text of `figure` for a light or a dark ground; changed in place."""
    colour = _INK_ON_DARK if dark else _INK_ON_LIGHT
    figure.update_layout(font={"color": colour})
    chosen = {"textfont": {"color": colour}}
    return figure.update_traces(
        textfont={"color": colour}, selected=chosen, unselected=chosen, selector={"mode": "text"}
    )


_PLAIN_AXIS: dict[str, Any] = {
    "automargin": False,
    "showgrid": False,
    "zeroline": False,
    "ticks": "outside",
    "ticklen": 4,
    "tickcolor": NEUTRAL,
    "ticklabelposition": "outside",
}


def time_axis(duration_s: float, phone: bool = False, title: str = "time (s)") -> dict[str, Any]:
    """Return an x axis from 0 to `duration_s` seconds; its ticks grow finer as one zooms."""
    return {
        **_PLAIN_AXIS,
        "range": [0, duration_s],
        "minallowed": 0,
        "maxallowed": duration_s,
        "nticks": 6 if phone else 11,  # 0.5 s steps for 5 s
        "exponentformat": "none",  # a millisecond is 0.001 s
        "title": {"text": title, "standoff": 6},
    }


def value_axis(title: str, ticks: Sequence[float], limits: tuple[float, float]) -> dict[str, Any]:
    """Return a y axis with chosen ticks that stays put when time is zoomed."""
    return {
        **_PLAIN_AXIS,
        "range": list(limits),
        "tickvals": list(ticks),
        "showgrid": True,
        "gridcolor": GRID,
        "fixedrange": True,
        "title": {"text": title, "standoff": 4},
    }


def frequency_axis(frequency_hz: NDArray[np.float64]) -> dict[str, Any]:
    """Return a y axis that counts mel bins from 0 and has its ticks in Hz.

    The cells stay evenly spaced, which Plotly draws fastest.

    Parameters
    ----------
    frequency_hz : ndarray (mel,), rising
    """
    positions, texts = frequency_ticks(frequency_hz)
    return {
        **_PLAIN_AXIS,
        "range": [-0.5, len(frequency_hz) - 0.5],
        "minallowed": -0.5,
        "maxallowed": len(frequency_hz) - 0.5,
        "tickvals": positions,
        "ticktext": texts,
        "title": {"text": "frequency (Hz)", "standoff": 4},
    }


def named_frequency_axis(frequency_hz: NDArray[np.float64]) -> dict[str, Any]:
    """Return the same axis with a category for each bin, "1,003 Hz".

    ``%{y}`` in a hover template is then the frequency of the cell, and no number is sent
    twice. Every heatmap on it must have a row for each bin.
    """
    names = {"type": "category", "categoryorder": "array", "categoryarray": bin_names(frequency_hz)}
    return {**frequency_axis(frequency_hz), **names}


def bin_names(frequency_hz: NDArray[np.float64]) -> list[str]:
    """Return each bin's frequency as text, "1,003 Hz"; all different."""
    names = [f"{frequency:,.0f} Hz" for frequency in frequency_hz]
    if len(set(names)) < len(names):
        names = [f"{frequency:,.2f} Hz" for frequency in frequency_hz]
    return names


_TICKS_HZ = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)


def frequency_ticks(
    frequency_hz: NDArray[np.float64], least_gap: float = 0.045
) -> tuple[list[float], list[str]]:
    """Return where 50, 100, 200, 500, 1k ... Hz lie among the bins, and their texts.

    Parameters
    ----------
    frequency_hz : ndarray (mel,), rising
    least_gap : float
        Ticks closer than this share of the axis give way to the higher one.
    """
    inside = [hz for hz in _TICKS_HZ if frequency_hz[0] <= hz <= frequency_hz[-1]]
    at = np.interp(inside, frequency_hz, np.arange(len(frequency_hz)))
    kept: list[tuple[float, str]] = []
    for position, hz in list(zip(at.round(2).tolist(), inside, strict=True))[::-1]:
        if not kept or kept[-1][0] - position >= least_gap * len(frequency_hz):
            kept.append((position, f"{hz // 1000}k" if hz >= 1000 else str(hz)))
    return [position for position, _ in kept[::-1]], [text for _, text in kept[::-1]]


def nice_below(limit: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is at most `limit`, > 0."""
    power = 10.0 ** np.floor(np.log10(limit))
    return float(max(step * power for step in (1, 2, 5) if step * power <= limit * (1 + 1e-9)))


def colour_bar(title: str, ticks: dict[str, Any], phone: bool, top: float = 1) -> dict[str, Any]:
    """Return a colour bar beside the lowest part of the figure, up to `top`; below on a phone.

    It stands in the margin that every time figure has, so it narrows none of them.
    """
    common = {
        "outlinewidth": 0, "thickness": 12, "ticks": "outside", "ticklen": 4, "tickcolor": NEUTRAL,
        "ticklabelposition": "outside", "tickfont": {"size": 12}, "xpad": 0, "ypad": 0, **ticks,
    }  # fmt: skip
    if phone:
        return {
            **common, "title": {"text": title, "side": "bottom", "font": {"size": 12}},
            "orientation": "h", "len": 0.9, "x": 0.5, "xanchor": "center",
            "yref": "container", "y": 0, "yanchor": "bottom",
        }  # fmt: skip
    return {
        **common, "title": {"text": title, "side": "right", "font": {"size": 12}},
        "len": top, "y": 0, "yanchor": "bottom", "x": 1, "xanchor": "left", "xpad": 10,
    }  # fmt: skip
