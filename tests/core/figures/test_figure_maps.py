from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.typing import NDArray
from PIL import Image

from resona_core.explain.channels import channel_statistics
from resona_core.figures import audio, maps, pictures, theme
from resona_core.results import LayerMaps, Spectrogram

FREQUENCY_HZ = np.geomspace(40, 7900, 128)
VIOLET, YELLOW = [68, 1, 84, 255], [253, 231, 37, 255]


def hot(channels: int, height: int, width: int, cell: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return maps that are zero but for one cell (channel, mel, frame)."""
    values = np.zeros((channels, height, width), np.float32)
    values[cell] = 2
    return values


def layer(values: NDArray[np.float32], stride: int, name: str = "layer2.0") -> LayerMaps:
    return LayerMaps(name, values, FREQUENCY_HZ[::stride], np.arange(values.shape[2]) * stride / 50)


def spectrogram() -> Spectrogram:
    return Spectrogram(np.zeros((128, 251), np.float32), FREQUENCY_HZ, np.arange(251) * 0.02)


def shown_image(figure: go.Figure) -> NDArray[np.uint8]:
    """Return the figure's layout image as (height, width, 4)."""
    (image,) = figure.layout.images
    data = b64decode(image.source.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(BytesIO(data)).convert("RGBA"))


def grid(values: NDArray[np.float32], same_scale: bool = False, columns: int = 8) -> go.Figure:
    channels = range(len(values))
    statistics = channel_statistics(values)
    return maps.channel_grid_figure(
        layer(values, 8), channels, statistics, None, same_scale, columns
    )


def mosaic(values: NDArray[np.float32], columns: int) -> NDArray[np.uint8]:
    tiling = pictures.whole_tiling(len(values), values.shape[1:], columns)
    return pictures.rgba(pictures.mosaic_levels(values, tiling))


def test_a_mosaic_is_clear_between_its_tiles() -> None:
    image = mosaic(np.zeros((2, 4, 8), np.float32), columns=2)
    assert image.shape == (128, 256 + 16 + 256, 4)
    assert image[:, 256:272, 3].max() == 0
    assert image[:, :256, 3].min() == 255


def test_a_mosaic_starts_a_new_row_after_its_last_column() -> None:
    image = mosaic(hot(3, 4, 8, (2, 0, 0)) / 2, columns=2)
    assert image.shape[0] == 128 + 16 + 128
    assert image[-1, 0].tolist() == YELLOW
    assert image[-1, -1, 3] == 0  # no fourth picture


def test_the_lowest_frequency_is_at_the_bottom_of_its_tile_and_time_runs_to_the_right() -> None:
    image = mosaic(hot(1, 4, 8, (0, 0, 7)) / 2, columns=1)
    assert image[-1, -1].tolist() == YELLOW
    assert image[0, -1].tolist() == image[-1, 0].tolist() == VIOLET


def test_a_small_map_is_enlarged_by_whole_cells_only() -> None:
    image = mosaic(hot(1, 4, 8, (0, 1, 3)) / 2, columns=1)
    yellow = (image == YELLOW).all(axis=-1)
    assert image.shape[:2] == (128, 256)
    assert yellow.sum() == 32 * 32
    assert yellow[64:96, 96:128].all()


@pytest.mark.parametrize("shape", [(32, 63), (16, 32), (8, 16), (4, 8)])
def test_tiles_of_every_layer_are_about_twice_as_wide_as_high(shape: tuple[int, int]) -> None:
    tiling = pictures.whole_tiling(1, shape, 1)
    assert tiling.width_px / tiling.height_px == pytest.approx(2, abs=0.05)


def test_the_hot_cell_of_channel_three_is_in_tile_three() -> None:
    values = hot(6, 4, 8, (3, 3, 0))  # highest frequency, first frame
    figure = grid(values, columns=2)
    image = shown_image(figure)
    top, left = np.argwhere((image == YELLOW).all(axis=-1)).min(axis=0)
    points = figure.data[0]
    step_x, step_y = points.x[1] - points.x[0], points.y[2] - points.y[0]
    assert (left // step_x, top // step_y) == (1, 1)  # second column, second row
    assert left < points.x[3] < left + 256
    assert top < points.y[3] < top + 128
    assert points.customdata[3] == ["layer2.0", 3]


def test_the_image_and_the_points_count_in_the_same_pixels_from_the_top() -> None:
    figure = grid(hot(6, 4, 8, (3, 3, 0)), columns=2)
    (image,), layout = figure.layout.images, figure.layout
    height, width = shown_image(figure).shape[:2]
    assert (image.x, image.y, image.sizex, image.sizey) == (0, 0, width, height)
    assert layout.yaxis.range[0] > layout.yaxis.range[1]
    assert layout.xaxis.range[0] < layout.xaxis.range[1]


def test_each_channel_on_its_own_scale_reaches_yellow() -> None:
    values = np.zeros((2, 4, 8), np.float32)
    values[0, 0, 0], values[1, 0, 0] = 1, 4
    image = shown_image(grid(values, columns=2))
    assert image[127, 0].tolist() == image[127, 256 + 16].tolist() == YELLOW


def test_on_one_scale_only_the_brightest_channel_reaches_yellow() -> None:
    values = np.zeros((2, 4, 8), np.float32)
    values[0, 0, 0], values[1, 0, 0] = 1, 4
    image = shown_image(grid(values, same_scale=True, columns=2))
    quarter = theme.viridis(255)[round(254 / 4)]
    assert image[127, 0, :3].tolist() == pytest.approx(quarter, abs=2)
    assert image[127, 256 + 16].tolist() == YELLOW


def test_a_channel_that_is_zero_everywhere_is_dark_and_not_an_error() -> None:
    image = shown_image(grid(np.zeros((1, 4, 8), np.float32), columns=1))
    assert image[:128].reshape(-1, 4).max(axis=0).tolist() == VIOLET


def test_channels_are_shown_in_the_order_asked_for() -> None:
    values = hot(6, 4, 8, (5, 0, 0))
    figure = maps.channel_grid_figure(
        layer(values, 8), [5, 2], channel_statistics(values), 2, False
    )
    assert figure.data[0].customdata == (["layer2.0", 5], ["layer2.0", 2])
    assert figure.data[1].text == ("5", "2")
    assert shown_image(figure)[127, 0].tolist() == YELLOW


def test_pointing_at_a_channel_tells_its_statistics() -> None:
    figure = grid(hot(1, 4, 8, (0, 0, 0)))
    assert figure.data[0].text[0] == ("channel 0<br>mean 0.0625<br>maximum 2<br>zero cells: 97 %")


def test_the_chosen_tile_is_framed_in_the_accent() -> None:
    values = np.ones((4, 4, 8), np.float32)
    figure = maps.channel_grid_figure(
        layer(values, 8), range(4), channel_statistics(values), 2, True
    )
    (frame,) = figure.layout.shapes
    assert frame.line.color == theme.ACCENT
    assert frame.x0 < figure.data[0].x[2] < frame.x1
    assert frame.y0 < figure.data[0].y[2] < frame.y1


def test_a_channel_on_another_page_frames_nothing() -> None:
    values = np.ones((4, 4, 8), np.float32)
    figure = maps.channel_grid_figure(layer(values, 8), [0, 1], channel_statistics(values), 3, True)
    assert figure.layout.shapes == ()


def test_a_click_changes_the_look_of_nothing() -> None:
    points, names = grid(np.ones((4, 4, 8), np.float32)).data
    assert points.selected.marker.opacity == points.unselected.marker.opacity == 0
    assert names.selected.textfont.color == names.unselected.textfont.color == names.textfont.color


def test_five_hundred_and_twelve_channels_are_few_traces_and_one_image() -> None:
    generator = np.random.default_rng(0)
    values = generator.uniform(0, 1, (512, 4, 8)).astype(np.float32)
    figure = grid(values)
    assert len(figure.data) <= 4
    assert len(figure.layout.images) == 1
    assert len(figure.to_json()) < 300_000


def strip(chosen: str = "layer2.1") -> go.Figure:
    summaries = {"stem": np.ones((32, 63), np.float32), "layer2.1": np.ones((16, 32), np.float32)}
    summaries["layer2.1"][0, 0] = 5
    return maps.layer_strip_figure(summaries, chosen, channels={"layer2.1": 128})


def test_the_strip_tells_name_channels_and_shape_of_each_layer() -> None:
    points, names = strip().data
    assert points.customdata == (["stem"], ["layer2.1"])
    assert points.text == ("stem: 32 x 63", "layer2.1: 128 channels of 16 x 32")
    assert names.text == ("stem", "2.1")


def test_each_layer_of_the_strip_is_scaled_to_its_own_maximum() -> None:
    image = shown_image(strip())
    assert image[0, 0].tolist() == YELLOW  # all of the stem is at its maximum
    assert image[127, 256 + 16].tolist() == YELLOW
    assert image[0, 256 + 16].tolist() != YELLOW


def test_the_strip_frames_the_chosen_layer() -> None:
    figure = strip()
    frame = figure.layout.shapes[0]
    assert frame.x0 < figure.data[0].x[1] < frame.x1


@pytest.mark.parametrize(("narrow", "columns", "rows"), [(False, 17, 1), (True, 6, 3)])
def test_seventeen_layers_stand_in_one_row_where_there_is_room(
    narrow: bool, columns: int, rows: int
) -> None:
    summaries = {f"layer1.{i}": np.ones((4, 8), np.float32) for i in range(17)}
    figure = maps.layer_strip_figure(summaries, "layer1.3", narrow)
    points = figure.data[0]
    assert (len(set(points.x)), len(set(points.y))) == (columns, rows)
    assert figure.layout.height == pytest.approx(maps.strip_height_px(17, narrow), abs=4)


def test_stages_are_marked_above_their_layers() -> None:
    names = ("stem", "layer1.0", "layer1.1", "layer2.0")
    figure = maps.layer_strip_figure({n: np.ones((4, 8), np.float32) for n in names}, "stem")
    assert [note.text for note in figure.layout.annotations] == ["layer1", "layer2"]
    middles = figure.data[0].x
    lines = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert [(line.x0 + line.x1) / 2 for line in lines] == [np.mean(middles[1:3]), middles[3]]


def test_a_cell_is_centred_on_its_index_times_the_stride() -> None:
    figure = maps.channel_figure(
        layer(hot(1, 16, 32, (0, 2, 5)), 8), 0, spectrogram(), overlay=False
    )
    (activation,) = figure.data
    assert (activation.y0, activation.dy) == (0, pytest.approx(8))
    assert (activation.x0, activation.dx) == (0, pytest.approx(0.16))
    assert np.argwhere(np.asarray(activation.z) == 2).tolist() == [[2, 5]]
    assert figure.layout.yaxis.range == (-0.5, 127.5)
    assert figure.layout.xaxis.range == (0, 5)


def test_the_pointer_reads_time_frequency_and_activation() -> None:
    (activation,) = maps.channel_figure(
        layer(hot(1, 16, 32, (0, 2, 5)), 8), 0, spectrogram(), overlay=False
    ).data
    assert activation.hovertemplate == (
        "%{x:.2f} s<br>%{customdata:,} Hz<br>activation %{z:.3g}<extra></extra>"
    )
    assert activation.customdata[2][5] == round(FREQUENCY_HZ[16])


def test_the_colour_bar_begins_at_zero_and_prints_the_maximum() -> None:
    values = hot(1, 16, 32, (0, 2, 5)) * np.float32(1.71)
    (activation,) = maps.channel_figure(layer(values, 8), 0, spectrogram(), overlay=False).data
    assert activation.zmin == 0
    assert activation.zmax == pytest.approx(3.42)
    assert activation.colorbar.ticktext == ("0", "1.71", "3.42")
    assert activation.colorbar.title.text == "activation"


def test_the_overlay_lies_over_a_grey_spectrogram_that_does_not_answer_the_pointer() -> None:
    grey, activation = maps.channel_figure(
        layer(hot(1, 16, 32, (0, 2, 5)), 8), 0, spectrogram(), overlay=True
    ).data
    assert grey.hoverinfo == "skip"
    assert grey.showscale is False
    assert activation.colorscale[0][1].endswith(", 0)")


@pytest.mark.parametrize("phone", [False, True])
def test_a_channel_has_the_margins_of_the_sound_figure(phone: bool) -> None:
    channel = maps.channel_figure(
        layer(hot(1, 4, 8, (0, 0, 0)), 32), 0, spectrogram(), overlay=True, phone=phone
    )
    samples = np.ones(80_000, np.float32)
    sound = audio.sound_figure(samples, 16_000, spectrogram(), phone=phone)
    assert channel.layout.margin.l == sound.layout.margin.l
    assert channel.layout.margin.r == sound.layout.margin.r
    assert channel.layout.xaxis.range == sound.layout.xaxis.range


def test_a_channel_is_a_small_message() -> None:
    values = np.random.default_rng(0).uniform(0, 1, (1, 32, 63)).astype(np.float32)
    figure = maps.channel_figure(layer(values, 4), 0, spectrogram(), overlay=True)
    text = figure.to_json()
    assert len(text) < 120_000
    assert json.loads(text)["data"][0]["z"]["dtype"] == "i1"


def test_the_channel_png_shows_the_hot_cell_where_it_belongs() -> None:
    data = maps.channel_png(layer(hot(2, 4, 8, (1, 0, 7)), 32), 1)  # lowest, last
    image = np.asarray(Image.open(BytesIO(data)).convert("RGBA"))
    picture = image[64 : 64 + 512, 96 : 96 + 1024]
    yellow = np.argwhere((picture == YELLOW).all(axis=-1))
    assert yellow.min(axis=0).tolist() == [384, 896]
    assert yellow.max(axis=0).tolist() == [511, 1023]


def test_the_grid_png_holds_every_tile_on_white() -> None:
    data = maps.grid_png(layer(hot(3, 4, 8, (2, 0, 0)), 32), [2, 0, 1], same_scale=True, columns=2)
    image = np.asarray(Image.open(BytesIO(data)).convert("RGBA"))
    assert image[0, 0].tolist() == [255, 255, 255, 255]
    assert image[64 + 127, 24].tolist() == YELLOW
    assert image.shape[1] == 24 + 256 + 16 + 256 + 24
