"""The PNG files, read as a person reads them: where ticks, colours and pictures lie."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from resona_core.explain.explanation import Explanation, Question
from resona_core.figures import downloads
from resona_core.results import LayerMaps, Spectrogram

INK, WHITE, VIOLET, YELLOW = [31, 41, 51], [255, 255, 255], [68, 1, 84], [253, 231, 37]
LEFT, TOP, WIDTH, HEIGHT = 96, 64, 1024, 512  # where the picture lies on the page


def layer(time_s: NDArray[np.float64], n_channels: int = 1) -> LayerMaps:
    """Rows at 100, 200, 300 and 400 Hz; the first channel is at its maximum in one cell."""
    maps = np.zeros((n_channels, 4, len(time_s)), np.float32)
    maps[:, 0, 0] = 2 * (1 + np.arange(n_channels))
    return LayerMaps("layer2.0", maps, np.array([100.0, 200, 300, 400]), time_s)


def pixels(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def inked(line: NDArray[np.uint8]) -> list[int]:
    """Return where a line of pixels has the colour of the ticks."""
    return np.flatnonzero((line == INK).all(axis=-1)).tolist()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[float, float]]:
    """Every text that is written, and where."""
    texts: dict[str, tuple[float, float]] = {}
    write = downloads._write

    def note(pen: object, at: tuple[float, float], text: str, *rest: object) -> None:
        texts[text] = at
        write(pen, at, text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(downloads, "_write", note)
    return texts


def test_a_frequency_tick_stands_at_the_middle_of_its_row(
    written: dict[str, tuple[float, float]],
) -> None:
    page = pixels(downloads.channel_png(layer(np.arange(8) * 0.5), 0))
    ticks = inked(page[:, LEFT - 3])
    assert ticks == pytest.approx([TOP + 2.5 * 128, TOP + 3.5 * 128], abs=1)  # 200 and 100 Hz
    for text, tick in zip(("200", "100"), ticks, strict=True):
        x, y = written[text]
        assert x < LEFT - 6
        assert y == pytest.approx(tick, abs=1)
    assert written["Hz"][1] < TOP


def test_a_time_tick_stands_at_the_middle_of_its_column(
    written: dict[str, tuple[float, float]],
) -> None:
    page = pixels(downloads.channel_png(layer(np.arange(8) * 0.5, n_channels=5), 4))
    ticks = inked(page[TOP + HEIGHT + 3])
    every_half_second = [LEFT + (i + 0.5) * 128 for i in range(8)]
    assert ticks == pytest.approx(every_half_second, abs=1)
    labels = ("0.5", "1", "1.5", "2", "2.5", "3", "3.5")  # after 0, which the colour bar has too
    for text, tick in zip(labels, ticks[1:], strict=True):
        x, y = written[text]
        assert x == pytest.approx(tick, abs=1)
        assert y > TOP + HEIGHT + 6
    assert written["time (s)"] == (LEFT + WIDTH / 2, TOP + HEIGHT + 42)


def test_cells_that_do_not_begin_at_zero_have_their_ticks_where_their_time_is() -> None:
    late = layer(0.25 + np.arange(4) * 0.5)  # middles at 0.25, 0.75, 1.25 and 1.75 s
    ticks = inked(pixels(downloads.channel_png(late, 0))[TOP + HEIGHT + 3])
    assert ticks == pytest.approx([LEFT + i * 256 for i in range(4)], abs=1)  # 0, 0.5, 1, 1.5 s


def test_one_column_has_one_tick() -> None:
    page = pixels(downloads.channel_png(layer(np.zeros(1)), 0))
    assert inked(page[TOP + HEIGHT + 3]) == pytest.approx([LEFT + WIDTH / 2], abs=1)


def test_the_colour_bar_runs_from_zero_below_to_the_maximum_above(
    written: dict[str, tuple[float, float]],
) -> None:
    page = pixels(downloads.channel_png(layer(np.arange(8) * 0.5, n_channels=3), 2))
    right_of_picture = page[:, LEFT + WIDTH + 34]
    assert right_of_picture[TOP].tolist() == YELLOW
    assert right_of_picture[TOP + HEIGHT - 1].tolist() == VIOLET
    assert right_of_picture[TOP + HEIGHT + 1].tolist() == WHITE
    assert page[TOP + 9, LEFT + WIDTH + 10].tolist() == WHITE  # a gap beside the picture
    assert written["6"][1] == TOP
    assert written["activation"][1] < TOP
    assert written["layer2.0, channel 2"][0] == LEFT


def test_the_numbers_stand_under_the_middles_of_their_tiles(
    written: dict[str, tuple[float, float]],
) -> None:
    page = pixels(downloads.grid_png(layer(np.arange(8) * 0.5, 5), [4, 1, 3], False, columns=2))
    # tiles of 256 by 128 pixels, 16 apart, 36 px of room for a number under each
    middles = {"4": (24 + 128, 64), "1": (24 + 272 + 128, 64), "3": (24 + 128, 64 + 164)}
    for text, (x, top) in middles.items():
        assert written[text][0] == x
        assert top + 128 < written[text][1] < top + 164 - 18
        assert page[top + 127, x - 127].tolist() == YELLOW  # each on its own scale
        assert page[top - 1, x].tolist() == page[top + 128, x].tolist() == WHITE
    assert page.shape[:2] == (64 + 128 + 36 + 128 + 36, 24 + 256 + 16 + 256 + 24)


@pytest.mark.parametrize(
    ("same_scale", "told"),
    [(True, "same scale, 0 to 10"), (False, "each scaled to its own maximum")],
)
def test_the_heading_says_what_is_shown_and_on_which_scale(
    same_scale: bool, told: str, written: dict[str, tuple[float, float]]
) -> None:
    downloads.grid_png(layer(np.arange(8) * 0.5, 5), [4, 1], same_scale)
    assert f"layer2.0, 2 of 5 channels; {told}" in written


def test_on_one_scale_the_quieter_channel_is_darker() -> None:
    page = pixels(downloads.grid_png(layer(np.arange(8) * 0.5, 5), [4, 0], True))
    assert page[64 + 127, 24].tolist() == YELLOW
    assert page[64 + 127, 24 + 272].tolist() not in (YELLOW, VIOLET)


def test_an_explanation_shows_the_sound_in_grey_and_what_is_kept_in_colour(
    written: dict[str, tuple[float, float]],
) -> None:
    decibels = np.array([[-80.0, -80.0], [0.0, 0.0]], np.float32)  # loud: the upper row
    picture = Spectrogram(decibels, np.array([100.0, 200.0]), np.array([0.0, 1.0]))
    mask = np.array([[0.0, 0.0], [0.0, 1.0]], np.float32)
    nothing = np.zeros(4, np.float32)
    why = Explanation(
        Question(target="sea_waves", layer="layer4.2"), picture, mask, 4, nothing + 1, nothing,
        nothing, {"full": 0.8, "kept": 0.4, "rest": 0.2}, {}, {}, 0.1,
    )  # fmt: skip
    page = pixels(downloads.explanation_png(why))
    kept, loud, quiet = page[TOP + 1, LEFT + WIDTH - 1], page[TOP + 1, LEFT], page[TOP + 400, LEFT]
    assert loud.tolist() == [255, 255, 255]
    assert quiet.tolist() == [1, 1, 1]
    assert kept[0] > kept[2] + 100  # a yellow
    assert written["Why sea waves? By grad-cam at layer4.2"][0] == LEFT
    assert why.summary() in written
