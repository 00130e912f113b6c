"""Pictures in tiles: which pixel shows which cell, in which colour."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from resona_core.explain.channels import channel_statistics
from resona_core.figures import pictures
from resona_core.figures.pictures import Tiling

SMALL = Tiling(count=5, columns=2, height_px=10, width_px=20, gap_px=3, row_gap_px=4)
CLEAR, VIOLET, YELLOW = [0, 0, 0, 0], [68, 1, 84, 255], [253, 231, 37, 255]


def test_tiles_fill_rows_and_the_image_ends_with_the_last_of_them() -> None:
    assert SMALL.rows == 3
    assert SMALL.size_px == (3 * 10 + 2 * 4, 2 * 20 + 3)
    assert [SMALL.corner(i) for i in range(5)] == [(0, 0), (0, 23), (14, 0), (14, 23), (28, 0)]
    assert Tiling(count=4, columns=2).rows == 2


@pytest.mark.parametrize(
    ("shape", "size_px"),
    [
        ((4, 8), (128, 256)),
        ((16, 32), (128, 256)),
        ((3, 5), (129, 255)),  # 43 and 51 pixels a cell
        ((128, 251), (128, 251)),
        ((400, 900), (400, 900)),  # no cell gets lost
    ],
)
def test_every_cell_is_as_many_whole_pixels_as_come_nearest_to_256_by_128(
    shape: tuple[int, int], size_px: tuple[int, int]
) -> None:
    tiling = pictures.whole_tiling(7, shape, 3, row_gap_px=40)
    assert (tiling.height_px, tiling.width_px) == size_px
    assert (tiling.count, tiling.columns, tiling.gap_px, tiling.row_gap_px) == (7, 3, 16, 40)


def test_levels_run_from_1_to_255_with_the_lowest_frequency_in_the_last_row() -> None:
    values = np.array([[0.0, 1.0], [0.5, 0.25], [-3.0, 7.0]])
    assert pictures.levels(values).tolist() == [[1, 255], [128, 64], [1, 255]]
    assert pictures.levels(values).dtype == np.uint8


def test_enlarging_repeats_whole_cells() -> None:
    cells = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    assert pictures.enlarge(cells, 4, 6).tolist() == [
        [1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 3, 3], [4, 4, 5, 5, 6, 6], [4, 4, 5, 5, 6, 6],
    ]  # fmt: skip


def test_a_picture_is_scaled_by_its_maximum_and_silence_stays_silent() -> None:
    assert pictures.scaled(np.array([[0, 2], [4, 1]], np.float32), 4).tolist() == [
        [0, 0.5], [1, 0.25],
    ]  # fmt: skip
    assert pictures.scaled(np.zeros((1, 2), np.float32), 0).tolist() == [[0, 0]]


def test_channels_share_the_scale_of_the_layer_or_have_one_each() -> None:
    maps = np.array([[[1, 2]], [[4, 8]], [[0, 16]]], np.float32)
    statistics = channel_statistics(maps)
    own = pictures.scaled_channels(maps, [1, 0], statistics, same_scale=False)
    shared = pictures.scaled_channels(maps, [1, 0], statistics, same_scale=True)
    assert [picture.tolist() for picture in own] == [[[0.5, 1]], [[0.5, 1]]]
    assert [picture.tolist() for picture in shared] == [[[0.25, 0.5]], [[0.0625, 0.125]]]


def test_a_mosaic_is_clear_between_its_tiles_and_where_none_is_left() -> None:
    image = pictures.mosaic_levels(np.ones((5, 2, 2), np.float32), SMALL)
    assert image.shape == SMALL.size_px
    covered = np.zeros(SMALL.size_px, bool)
    for top, left in ((0, 0), (0, 23), (14, 0), (14, 23), (28, 0)):
        covered[top : top + 10, left : left + 20] = True
    np.testing.assert_array_equal(image, np.where(covered, 255, 0))


def test_level_0_is_clear_and_the_others_run_from_violet_to_yellow() -> None:
    image = np.array([[0, 1, 255]], np.uint8)
    assert pictures.rgba(image)[0].tolist() == [CLEAR, VIOLET, YELLOW]
    data = pictures.png_uri(image).removeprefix("data:image/png;base64,")
    decoded = np.asarray(Image.open(BytesIO(b64decode(data))).convert("RGBA"))
    assert decoded[0, 0, 3] == 0
    assert decoded[0, 1:].tolist() == [VIOLET, YELLOW]
