"""PNG files of what the charts show, with the labels they need to stand alone."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from resona_core.explain.channels import channel_statistics
from resona_core.explain.explanation import Explanation
from resona_core.figures.pictures import (
    Tiling,
    enlarge,
    levels,
    mosaic_levels,
    rgba,
    scaled_channels,
    whole_tiling,
)
from resona_core.figures.theme import frequency_ticks, nice_below
from resona_core.labels import in_sentence
from resona_core.results import LayerMaps

_INK, _PAPER = "#1F2933", "#FFFFFF"
_HEADING_PX, _TEXT_PX, _SMALL_PX = 24, 18, 16
_LEFT_PX, _TOP_PX, _RIGHT_PX, _BOTTOM_PX = 96, 64, 150, 84
_HEIGHT_PX, _WIDTH_PX = 512, 1024
_GRID_EDGE_PX, _GRID_LABEL_PX = 24, 36
_OVERLAY = 0.75  # of the colour, where all is kept; the rest is the spectrogram's grey


def channel_png(layer_maps: LayerMaps, channel: int) -> bytes:
    """Return one channel as a PNG file: its name, its axes and its colour bar."""
    activation = layer_maps.maps[channel]
    maximum = float(activation.max())
    picture = rgba(levels(activation / np.float32(maximum or 1)))
    heading = f"{layer_maps.layer}, channel {channel}"
    page = _page(heading, picture, layer_maps.frequency_hz, layer_maps.time_s)
    _colour_bar(page, ImageDraw.Draw(page), maximum, "activation")
    return _png(page)


def explanation_png(why: Explanation) -> bytes:
    """Return an explanation as a PNG file: the spectrogram in grey, what is kept in colour."""
    picture = why.spectrogram
    loudness = 1 + picture.decibels / max(1e-9, -float(picture.decibels.min()))
    grey = levels(loudness)[..., None].astype(np.float32)
    kept = (levels(why.mask)[..., None].astype(np.float32) - 1) / 254
    colour = rgba(levels(why.mask))[..., :3]
    blended = np.asarray(grey + (colour - grey) * kept * _OVERLAY, np.uint8)
    by = why.question.method + (f" at {why.question.layer}" if why.question.layer else "")
    heading = f"Why {in_sentence(why.question.target)}? By {by}"
    page = _page(heading, blended, picture.frequency_hz, picture.time_s, why.summary())
    _colour_bar(page, ImageDraw.Draw(page), 1.0, "kept")
    return _png(page)


def _page(
    heading: str,
    picture: NDArray[np.uint8],
    frequency_hz: NDArray[np.float64],
    time_s: NDArray[np.float64],
    below: str = "",
) -> Image.Image:
    """Return a page with a picture (row, column, colour), its heading and its axes."""
    size = (_LEFT_PX + _WIDTH_PX + _RIGHT_PX, _TOP_PX + _HEIGHT_PX + _BOTTOM_PX)
    page = Image.new("RGB", size, _PAPER)
    page.paste(Image.fromarray(enlarge(picture, _HEIGHT_PX, _WIDTH_PX)), (_LEFT_PX, _TOP_PX))
    pen = ImageDraw.Draw(page)
    _write(pen, (_LEFT_PX, 8 if below else 20), heading, "la", _HEADING_PX)
    _write(pen, (_LEFT_PX, 38), below, "la", _SMALL_PX)
    _frequency_ticks(pen, frequency_hz)
    _time_ticks(pen, time_s)
    return page


def grid_png(
    layer_maps: LayerMaps, channels: Sequence[int], same_scale: bool, columns: int = 8
) -> bytes:
    """Return channels of a layer as one PNG file, each above its number.

    Parameters
    ----------
    layer_maps : LayerMaps
    channels : sequence of int
        The channels to show, in this order.
    same_scale : bool
        Brightest colour: the layer's maximum, or else each channel's own.
    columns : int
        Tiles in a row.
    """
    statistics = channel_statistics(layer_maps.maps)
    shape = layer_maps.maps.shape[1:]
    tiling = whole_tiling(len(channels), shape, columns, row_gap_px=_GRID_LABEL_PX)
    pictures = scaled_channels(layer_maps.maps, channels, statistics, same_scale)
    image = Image.fromarray(rgba(mosaic_levels(pictures, tiling)))
    bottom_px = _TOP_PX + image.height + _GRID_LABEL_PX
    page = Image.new("RGB", (image.width + 2 * _GRID_EDGE_PX, bottom_px), _PAPER)
    page.paste(image, (_GRID_EDGE_PX, _TOP_PX), image)
    pen = ImageDraw.Draw(page)
    scale = (
        f"same scale, 0 to {float(statistics.maximum.max()):.3g}"
        if same_scale
        else "each scaled to its own maximum"
    )
    heading = f"{layer_maps.layer}, {len(channels)} of {len(layer_maps.maps)} channels; {scale}"
    _write(pen, (_GRID_EDGE_PX, 20), heading, "la", _HEADING_PX)
    _tile_numbers(pen, tiling, channels)
    return _png(page)


def _tile_numbers(pen: ImageDraw.ImageDraw, tiling: Tiling, channels: Sequence[int]) -> None:
    for index, channel in enumerate(channels):
        top, left = tiling.corner(index)
        middle = _GRID_EDGE_PX + left + tiling.width_px / 2
        _write(pen, (middle, _TOP_PX + top + tiling.height_px + 8), str(channel), "ma")


def _frequency_ticks(pen: ImageDraw.ImageDraw, frequency_hz: NDArray[np.float64]) -> None:
    cell_px = _HEIGHT_PX / len(frequency_hz)
    for position, text in zip(*frequency_ticks(frequency_hz), strict=True):
        y = _TOP_PX + _HEIGHT_PX - (position + 0.5) * cell_px
        pen.line((_LEFT_PX - 6, y, _LEFT_PX, y), _INK)
        _write(pen, (_LEFT_PX - 12, y), text, "rm")
    _write(pen, (12, _TOP_PX - 20), "Hz", "lm")


def _time_ticks(pen: ImageDraw.ImageDraw, time_s: NDArray[np.float64]) -> None:
    step_s = float(time_s[1] - time_s[0]) if len(time_s) > 1 else 1.0
    cell_px = _WIDTH_PX / len(time_s)
    tick_s = nice_below(max(step_s, float(time_s[-1]) / 5))
    bottom = _TOP_PX + _HEIGHT_PX
    for second in np.arange(0, time_s[-1] + 1e-9, tick_s):
        x = _LEFT_PX + ((second - time_s[0]) / step_s + 0.5) * cell_px
        pen.line((x, bottom, x, bottom + 6), _INK)
        _write(pen, (x, bottom + 10), f"{second:g}", "ma")
    _write(pen, (_LEFT_PX + _WIDTH_PX / 2, bottom + 42), "time (s)", "ma")


def _colour_bar(page: Image.Image, pen: ImageDraw.ImageDraw, maximum: float, title: str) -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    left, right = _LEFT_PX + _WIDTH_PX + 24, _LEFT_PX + _WIDTH_PX + 44
    page.paste(Image.fromarray(rgba(enlarge(levels(ramp), _HEIGHT_PX, 20))), (left, _TOP_PX))
    for share in (0, 1):
        y = _TOP_PX + _HEIGHT_PX * (1 - share)
        _write(pen, (right + 8, y), f"{share * maximum:.3g}", "lm")
    _write(pen, (left, _TOP_PX - 30), title, "lm")


def _write(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    anchor: str,
    size_px: int = _TEXT_PX,
) -> None:
    pen.text(at, text, fill=_INK, font=ImageFont.load_default(size_px), anchor=anchor)


def _png(page: Image.Image) -> bytes:
    buffer = BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()
