"""Tiles on screen: names, frames and edges lie where the eye looks for them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from resona_core.explain.channels import channel_statistics
from resona_core.figures import maps
from resona_core.results import LayerMaps, Spectrogram

TILE_PX = (128, 256)  # in pixels of the image


def grid(chosen: int | None = None, columns: int = 8) -> go.Figure:
    """Return ten channels of 4 by 8 cells."""
    values = np.ones((10, 4, 8), np.float32)
    layer = LayerMaps("layer4.0", values, np.arange(1, 5) * 100.0, np.arange(8) * 0.64)
    statistics = channel_statistics(values)
    return maps.channel_grid_figure(layer, range(10), statistics, chosen, True, columns)


def strip(chosen: str = "layer1", narrow: bool = False) -> go.Figure:
    """Return seventeen layers."""
    summaries = {f"layer{i}": np.ones((4, 8), np.float32) for i in range(17)}
    return maps.layer_strip_figure(summaries, chosen, narrow)


FIGURES = pytest.mark.parametrize("figure", [grid(), grid(columns=4), strip(), strip(narrow=True)])


@FIGURES
def test_a_name_stands_under_the_middle_of_its_tile_and_over_the_next_row(
    figure: go.Figure,
) -> None:
    points, names = figure.data
    assert list(names.x) == list(points.x)
    rows = sorted(set(points.y))
    gap = rows[1] - rows[0] - TILE_PX[0] if len(rows) > 1 else 60
    for y, middle in zip(names.y, points.y, strict=True):
        bottom = middle + TILE_PX[0] / 2
        assert bottom + 0.25 * gap < y < bottom + 0.75 * gap


@FIGURES
def test_all_tiles_and_the_names_under_the_last_row_are_inside_the_figure(
    figure: go.Figure,
) -> None:
    (image,) = figure.layout.images
    left, right = figure.layout.xaxis.range
    bottom, top = figure.layout.yaxis.range
    assert left == -14 and right == image.sizex + 14  # as much room at one side as at the other
    assert top <= -14
    assert bottom > max(figure.data[1].y)


@FIGURES
def test_tiles_keep_their_shape_on_a_screen_that_is_as_wide_as_meant(figure: go.Figure) -> None:
    bottom, top = figure.layout.yaxis.range
    tile_px = figure.layout.height / (bottom - top) * TILE_PX[0]
    assert 35 < tile_px < 55
    margin = figure.layout.margin
    assert (margin.l, margin.r, margin.t, margin.b) == (0, 0, 0, 0)  # or the image would shrink


@pytest.mark.parametrize("chosen", [0, 1, 7, 9])
def test_the_frame_goes_around_its_tile_and_touches_no_other(chosen: int) -> None:
    figure = grid(chosen)
    (frame,) = figure.layout.shapes
    x, y = figure.data[0].x[chosen], figure.data[0].y[chosen]
    assert x - 128 - 16 < frame.x0 < x - 128
    assert x + 128 < frame.x1 < x + 128 + 16
    assert y - 64 - 14 < frame.y0 < y - 64
    assert y + 64 < frame.y1 < y + 64 + 16
    assert figure.layout.xaxis.range[0] < frame.x0
    assert figure.layout.yaxis.range[1] < frame.y0


def test_a_grid_has_eight_tiles_in_a_row_or_as_many_as_asked_for() -> None:
    assert len(set(grid().data[0].x)) == 8
    assert len(set(grid(columns=4).data[0].x)) == 4


def test_a_layer_that_is_not_there_frames_nothing() -> None:
    assert strip("layer99").layout.shapes == ()


def test_a_channel_without_a_zero_says_so() -> None:
    assert grid().data[0].text[3] == "channel 3<br>mean 1<br>maximum 1<br>zero cells: none"


@pytest.mark.parametrize(
    ("maximum", "texts"),
    [(3.42, ("0", "1.71", "3.42")), (0.0246, ("0", "0.012", "0.025")), (0.1, ("0", "0.05", "0.1"))],
)
def test_the_marks_of_the_colour_bar_stand_at_what_they_say(
    maximum: float, texts: tuple[str, ...]
) -> None:
    values = np.full((1, 4, 8), maximum, np.float32)
    layer = LayerMaps("layer4.0", values, np.array([100.0, 200, 300, 400]), np.arange(8) * 0.64)
    spectrogram = Spectrogram(
        np.zeros((16, 64), np.float32), np.linspace(25, 400, 16), np.arange(64) * 0.08
    )
    (activation,) = maps.channel_figure(layer, 0, spectrogram, overlay=False).data
    assert activation.colorbar.tickvals == pytest.approx((0, maximum / 2, maximum))
    assert activation.colorbar.ticktext == texts
    # 100 Hz is the fourth of the sixteen bins, and the next row lies four above it
    assert (activation.y0, activation.dy) == (pytest.approx(3), pytest.approx(4))


def test_a_single_cell_has_an_extent() -> None:
    layer = LayerMaps("layer4.0", np.ones((1, 1, 1), np.float32), np.array([100.0]), np.zeros(1))
    spectrogram = Spectrogram(
        np.zeros((2, 3), np.float32), np.array([50.0, 150]), np.arange(3) * 0.02
    )
    (activation,) = maps.channel_figure(layer, 0, spectrogram, overlay=False).data
    assert (activation.dx, activation.dy) == (1, 1)


def test_a_channel_that_is_zero_everywhere_has_a_figure() -> None:
    zeros = np.zeros((1, 4, 8), np.float32)
    layer = LayerMaps("layer4.0", zeros, np.array([100.0, 200, 300, 400]), np.arange(8) * 0.64)
    spectrogram = Spectrogram(
        np.zeros((16, 64), np.float32), np.linspace(25, 400, 16), np.arange(64) * 0.08
    )
    (activation,) = maps.channel_figure(layer, 0, spectrogram, overlay=False).data
    assert (activation.zmin, activation.zmax) == (0, 1)
