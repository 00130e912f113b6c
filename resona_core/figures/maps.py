"""Charts of what the layers see: all layers, the channels of one, one channel on its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resona_core.explain.channels import ChannelStatistics
from resona_core.figures import theme
from resona_core.figures.audio import decibel_trace
from resona_core.figures.downloads import channel_png, grid_png
from resona_core.figures.pictures import (
    Tiling,
    mosaic_levels,
    png_uri,
    scaled,
    scaled_channels,
    whole_tiling,
)
from resona_core.results import LayerMaps, Spectrogram
from resona_core.words import percent

__all__ = [
    "channel_figure",
    "channel_grid_figure",
    "channel_png",
    "grid_png",
    "layer_strip_figure",
    "strip_height_px",
]

Floats = NDArray[np.float32]

_LABEL_PX = 20  # under each tile, on screen
_FEW_COLUMNS = 6  # up to here the figure is meant for a phone


def layer_strip_figure(
    summaries: Mapping[str, Floats],
    chosen: str,
    narrow: bool = False,
    channels: Mapping[str, int] | None = None,
) -> go.Figure:
    """Draw every layer as a small picture, each scaled to its own maximum.

    They stand in one row, the stages marked above it.

    Parameters
    ----------
    summaries : mapping of layer name to ndarray (mel, frame), >= 0
        In the order of execution.
    chosen : str
        The layer to frame.
    narrow : bool
        For a page with room for a few tiles in a row only.
    channels : mapping of layer name to int, optional
        Channel counts, for the text under the pointer.

    Returns
    -------
    Figure
        A click on a tile selects a point whose customdata is [the layer's name].
    """
    columns, tile_px = (_FEW_COLUMNS, 38) if narrow else (len(summaries), 44)
    tiling = Tiling(len(summaries), columns, row_gap_px=_row_gap_px(tile_px))
    pictures = [scaled(summary, float(summary.max())) for summary in summaries.values()]
    counts = channels or {}
    texts = [
        f"{name}: {f'{counts[name]} channels of ' if name in counts else ''}"
        f"{summary.shape[0]} x {summary.shape[1]}"
        for name, summary in summaries.items()
    ]
    names = list(summaries)
    labels = names if narrow else [name.removeprefix("layer") for name in names]
    framed = names.index(chosen) if chosen in summaries else None
    above_px = 14 if narrow else _row_gap_px(tile_px) + 14
    carried = [[name] for name in names]
    figure = _tiles_figure(
        mosaic_levels(pictures, tiling), tiling, tile_px, carried, labels, texts, framed, above_px
    )
    return figure if narrow else _mark_stages(figure, tiling, names)


def strip_height_px(n_layers: int, narrow: bool = False) -> int:
    """Return the height of the strip of so many layers."""
    return -(-n_layers // _FEW_COLUMNS) * 58 + 4 if narrow else 89


def _mark_stages(figure: go.Figure, tiling: Tiling, names: Sequence[str]) -> go.Figure:
    """Draw a line and the name of each stage above its layers."""
    for stage in dict.fromkeys(name.split(".")[0] for name in names if "." in name):
        members = [i for i, name in enumerate(names) if name.split(".")[0] == stage]
        left, right = tiling.corner(members[0])[1], tiling.corner(members[-1])[1] + tiling.width_px
        figure.add_shape(
            type="line", x0=left, x1=right, y0=-24, y1=-24,
            line={"color": theme.NEUTRAL, "width": 1},
        )  # fmt: skip
        figure.add_annotation(
            x=(left + right) / 2, y=-24, text=stage, showarrow=False, yanchor="bottom",
            font={"size": 12}, borderpad=0,
        )  # fmt: skip
    return figure


def channel_grid_figure(
    layer_maps: LayerMaps,
    channels: Sequence[int],
    statistics: ChannelStatistics,
    chosen: int | None,
    same_scale: bool,
    columns: int = 8,
) -> go.Figure:
    """Draw channels of a layer as small pictures.

    Parameters
    ----------
    layer_maps : LayerMaps
        All channels of the layer.
    channels : sequence of int
        The channels to show, in this order.
    statistics : ChannelStatistics
        Of the layer.
    chosen : int, optional
        The channel to frame.
    same_scale : bool
        Brightest colour: the layer's maximum, or else each channel's own.
    columns : int
        Tiles in a row; 4 on a phone.

    Returns
    -------
    Figure
        A click on a tile selects a point whose customdata is [layer, channel].
    """
    maps = layer_maps.maps
    tile_px = 50 if columns > _FEW_COLUMNS else 42
    tiling = whole_tiling(len(channels), maps.shape[1:], columns, row_gap_px=_row_gap_px(tile_px))
    image = mosaic_levels(scaled_channels(maps, channels, statistics, same_scale), tiling)
    labels = [str(channel) for channel in channels]
    texts = [_channel_text(channel, statistics) for channel in channels]
    framed = next((i for i, channel in enumerate(channels) if channel == chosen), None)
    carried: list[list[str | int]] = [[layer_maps.layer, int(channel)] for channel in channels]
    return _tiles_figure(image, tiling, tile_px, carried, labels, texts, framed)


def channel_figure(
    layer_maps: LayerMaps,
    channel: int,
    spectrogram: Spectrogram,
    overlay: bool,
    phone: bool = False,
    duration_s: float | None = None,
) -> go.Figure:
    """Draw one channel on the spectrogram's axes.

    Cell i of a layer is centred on spectrogram cell i times the layer's stride, so the
    first cells begin before the picture, and the last may end before it does.

    Parameters
    ----------
    layer_maps : LayerMaps
    channel : int
    spectrogram : Spectrogram
        Of the same window.
    overlay : bool
        The spectrogram in grey below, the activation clear where it is zero.
    phone : bool
        Narrow margins, the colour bar below.
    duration_s : float, optional
        Length of the time axis in seconds; the last frame's centre by default.
    """
    grey = decibel_trace(spectrogram).update(
        colorscale=theme.GREY_SCALE, showscale=False, hoverinfo="skip", hovertemplate=None
    )
    traces = [grey] if overlay else []
    figure = go.Figure(
        [*traces, _activation_trace(layer_maps, channel, spectrogram, overlay, phone)]
    )
    figure.update_layout(
        xaxis=theme.time_axis(duration_s or float(spectrogram.time_s[-1]), phone),
        yaxis=theme.frequency_axis(spectrogram.frequency_hz),
    )
    margin = theme.time_margin(phone, colour_bar=True)
    return theme.apply_theme(figure, 380 if phone else 340, margin, not phone and "zoom")


def _channel_text(channel: int, statistics: ChannelStatistics) -> str:
    zero_share = float(statistics.zero_share[channel])
    return (
        f"channel {channel}<br>mean {statistics.mean[channel]:.3g}"
        f"<br>maximum {statistics.maximum[channel]:.3g}"
        f"<br>zero cells: {'none' if zero_share == 0 else percent(zero_share)}"
    )


def _row_gap_px(tile_px: int) -> int:
    """Return the gap under a tile that leaves room for its label, in pixels of the image."""
    return round(_LABEL_PX * 128 / tile_px)


def _tiles_figure(
    image: NDArray[np.uint8],
    tiling: Tiling,
    tile_px: int,
    carried: Sequence[Sequence[str | int]],
    labels: Sequence[str],
    texts: Sequence[str],
    framed: int | None,
    above_px: int = 14,
) -> go.Figure:
    """Show one image, with an invisible point in each tile that answers pointer and click."""
    height, width = tiling.size_px
    corners = np.array([tiling.corner(index) for index in range(tiling.count)])
    middle_x = corners[:, 1] + tiling.width_px / 2
    points = _points(middle_x, corners[:, 0] + tiling.height_px / 2, carried, texts)
    bottom = corners[:, 0] + tiling.height_px
    figure = go.Figure([points, _names(middle_x, bottom + 0.55 * tiling.row_gap_px, labels)])
    figure.add_layout_image(
        source=png_uri(image), xref="x", yref="y", x=0, y=0, sizex=width, sizey=height,
        sizing="stretch", layer="below",
    )  # fmt: skip
    if framed is not None:
        figure.add_shape(_tile_frame(tiling, framed))
    side = 14  # room for the frame
    full_height = height + tiling.row_gap_px + above_px
    hidden = {"visible": False, "fixedrange": True}
    figure.update_layout(
        xaxis={"range": [-side, width + side], **hidden},
        yaxis={"range": [full_height - above_px, -above_px], **hidden},
        hoverdistance=110,
    )
    height_px = round(full_height * tile_px / tiling.height_px)
    no_margin = {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0}
    return theme.apply_theme(figure, height_px, no_margin, drag="pan")


def _points(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    carried: Sequence[Sequence[str | int]],
    texts: Sequence[str],
) -> go.Scatter:
    """Return one point a tile: small, so that the nearest is always the tile's own."""
    return go.Scatter(
        x=x, y=y, mode="markers", customdata=list(carried), text=list(texts),
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 6, "opacity": 0, "color": theme.ACCENT},
        selected={"marker": {"opacity": 0}}, unselected={"marker": {"opacity": 0}},
    )  # fmt: skip


def _names(x: NDArray[np.float64], y: NDArray[np.float64], labels: Sequence[str]) -> go.Scatter:
    """Return the texts under the tiles, which a click elsewhere must not dim."""
    colour = {"textfont": {"color": theme.TEXT}}
    return go.Scatter(
        x=x, y=y, mode="text", text=list(labels), hoverinfo="skip",
        textfont={"size": 11, "color": theme.TEXT}, selected=colour, unselected=colour,
    )  # fmt: skip


def _tile_frame(tiling: Tiling, index: int) -> dict[str, Any]:
    top, left = tiling.corner(index)
    edge = 8  # leaves a clear line between tile and frame
    return {
        "type": "rect", "x0": left - edge, "x1": left + tiling.width_px + edge,
        "y0": top - edge, "y1": top + tiling.height_px + edge,
        "line": {"color": theme.ACCENT, "width": 3}, "fillcolor": theme.CLEAR,
    }  # fmt: skip


def _activation_trace(
    layer_maps: LayerMaps, channel: int, spectrogram: Spectrogram, overlay: bool, phone: bool
) -> go.Heatmap:
    values = layer_maps.maps[channel]
    maximum = float(values.max()) or 1.0
    bins = np.arange(len(spectrogram.frequency_hz))
    rows = np.interp(layer_maps.frequency_hz, spectrogram.frequency_hz, bins)
    marks = [0.0, maximum / 2, maximum]
    ticks = {
        "tickvals": marks,
        "ticktext": [f"{mark:{'.2g' if maximum < 0.1 else '.3g'}}" for mark in marks],
    }
    hertz = layer_maps.frequency_hz.round().astype(int).tolist()
    return go.Heatmap(
        z=values, y0=float(rows[0]), dy=_step(rows), x0=float(layer_maps.time_s[0]),
        dx=_step(layer_maps.time_s), zmin=0, zmax=maximum,
        colorscale=theme.OVERLAY_SCALE if overlay else theme.ACTIVATION_SCALE,
        colorbar=theme.colour_bar("activation", ticks, phone),
        customdata=[[frequency] * values.shape[1] for frequency in hertz],
        hovertemplate="%{x:.2f} s<br>%{customdata:,} Hz<br>activation %{z:.3g}<extra></extra>",
    )  # fmt: skip


def _step(centres: NDArray[np.float64]) -> float:
    return float(centres[1] - centres[0]) if len(centres) > 1 else 1.0
