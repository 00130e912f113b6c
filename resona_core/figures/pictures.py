"""Many small pictures as one image: layout of the tiles, colours, PNG bytes.

One image for a whole grid is far smaller and quicker than one heatmap a channel. Pixels
are levels first: 0 is clear, 1 to 255 run from the lowest to the highest activation.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resona_core.explain.channels import ChannelStatistics
from resona_core.figures.theme import viridis

Floats = NDArray[np.float32]

TILE_HEIGHT_PX, TILE_WIDTH_PX = 128, 256
"""About twice as wide as high, as five seconds of spectrogram are."""


@dataclass(frozen=True)
class Tiling:
    """Where equal tiles lie in an image, row by row; lengths in pixels of the image."""

    count: int
    columns: int
    height_px: int = TILE_HEIGHT_PX
    width_px: int = TILE_WIDTH_PX
    gap_px: int = 16
    row_gap_px: int = 16

    @property
    def rows(self) -> int:
        """Number of rows, the last perhaps not full."""
        return -(-self.count // self.columns)

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the image; no gap at its right and lower edge."""
        return (
            self.rows * (self.height_px + self.row_gap_px) - self.row_gap_px,
            self.columns * (self.width_px + self.gap_px) - self.gap_px,
        )

    def corner(self, index: int) -> tuple[int, int]:
        """Return the top and left pixel of a tile."""
        row, column = divmod(index, self.columns)
        return row * (self.height_px + self.row_gap_px), column * (self.width_px + self.gap_px)


def scaled(picture: Floats, maximum: float) -> Floats:
    """Return `picture` as a share of `maximum`; all zero stays zero."""
    return picture / np.float32(maximum or 1)


def scaled_channels(
    maps: Floats, channels: Sequence[int], statistics: ChannelStatistics, same_scale: bool
) -> list[Floats]:
    """Return the channels' pictures from 0 to 1, on the layer's scale or each on its own."""
    common = float(statistics.maximum.max())
    return [
        scaled(maps[channel], common if same_scale else float(statistics.maximum[channel]))
        for channel in channels
    ]


def enlarge(picture: NDArray[np.uint8], height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Repeat whole cells until `picture` has the given size."""
    rows = np.arange(height_px) * picture.shape[0] // height_px
    columns = np.arange(width_px) * picture.shape[1] // width_px
    return np.asarray(picture[rows[:, None], columns])


def levels(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return values from 0 to 1 as levels 1 to 255, the lowest frequency in the last row."""
    return np.asarray((1 + np.clip(picture[::-1], 0, 1) * 254).round(), np.uint8)


def mosaic_levels(pictures: Sequence[Floats] | Floats, tiling: Tiling) -> NDArray[np.uint8]:
    """Return the pictures (mel, frame), each 0 to 1, as one image of levels."""
    image = np.zeros(tiling.size_px, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = tiling.corner(index)
        tile = enlarge(levels(picture), tiling.height_px, tiling.width_px)
        image[top : top + tiling.height_px, left : left + tiling.width_px] = tile
    return image


def whole_tiling(count: int, shape: tuple[int, ...], columns: int, row_gap_px: int = 16) -> Tiling:
    """Return a tiling whose cells are whole pixels, each tile near 256 by 128 pixels."""
    height_px = shape[0] * max(1, round(TILE_HEIGHT_PX / shape[0]))
    width_px = shape[1] * max(1, round(TILE_WIDTH_PX / shape[1]))
    return Tiling(count, columns, height_px, width_px, row_gap_px=row_gap_px)


def rgba(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image of levels in colour, (height, width, 4)."""
    palette = np.zeros((256, 4), np.uint8)
    palette[1:, :3], palette[1:, 3] = viridis(255), 255
    return palette[image]


def png_uri(image: NDArray[np.uint8]) -> str:
    """Return an image of levels as a PNG in a data URI; a palette keeps it small."""
    picture = Image.fromarray(image, mode="P")
    picture.putpalette(bytes(3) + viridis(255).tobytes())
    buffer = BytesIO()
    picture.save(buffer, "PNG", transparency=0)
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode("ascii")
