from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import RequestError
from resona_core.explain.boxes import Box, erasing, keeping
from resona_core.explain.shaping import shaped


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("0.5:1.2,500:4000", Box(0.5, 1.2, 500, 4000)),
        ("2:", Box(2.0, inf, 0.0, inf)),
        (":.5", Box(0.0, 0.5, 0.0, inf)),
        (":,8000:", Box(0.0, inf, 8000.0, inf)),
        (" 1 : 2 , : 300 ", Box(1.0, 2.0, 0.0, 300.0)),
    ],
)
def test_a_box_is_read_and_what_is_left_out_is_the_sounds_own(text: str, box: Box) -> None:
    assert Box.read(text) == box


@pytest.mark.parametrize("text", ["", "1", "1-2", "a:b", "1:2,3", "1:2,3:4,5:6", "-1:2", "1:2;3:4"])
def test_what_is_no_box_is_told_how_one_is_written(text: str) -> None:
    with pytest.raises(RequestError, match=r"is no box; write START:END,LOW:HIGH in seconds"):
        Box.read(text)


@pytest.mark.parametrize(
    ("text", "unit"), [("1:1", "1 to 1 s"), ("2:1", "2 to 1 s"), (":,300:200", "300 to 200 Hz")]
)
def test_a_box_of_no_size_is_refused(text: str, unit: str) -> None:
    with pytest.raises(RequestError, match=f"from {unit} has no size"):
        Box.read(text)


def test_a_box_outside_the_sound_is_refused() -> None:
    with pytest.raises(RequestError, match="begins at 5 s, the sound ends at 5 s"):
        Box(5.0, 6.0).within(5.0, 22_050.0)
    with pytest.raises(RequestError, match="begins at 9000 Hz, the sound ends at 8000 Hz"):
        Box(low_hz=9_000.0).within(5.0, 8_000.0)
    with pytest.raises(RequestError, match="begins at 8000 Hz, the sound ends at 8000 Hz"):
        Box(low_hz=8_000.0).within(5.0, 8_000.0)


def test_a_box_that_reaches_an_edge_of_the_sound_goes_on_beyond_it() -> None:
    assert Box(4.9, 9.0, 0.0, 21_000.0).within(5.0, 22_050.0) == Box(4.9, inf, -inf, 21_000.0)
    assert Box(0.1, 4.9, 0.5, 22_049.0).within(5.0, 22_050.0) == Box(0.1, 4.9, 0.5, 22_049.0)
    assert Box(0.0, 4.0, 1.0, 22_050.0).within(5.0, 22_050.0) == Box(-inf, 4.0, 1.0, inf)


def test_a_box_covers_what_lies_on_its_start_and_not_what_lies_on_its_end() -> None:
    box = Box(1.0, 2.0, 100.0, 200.0)
    inside = box.covers(np.array([99.0, 100.0, 199.0, 200.0]), np.array([0.9, 1.0, 1.9, 2.0]))
    assert inside.tolist() == [[row and column for column in (False, True, True, False)]
                               for row in (False, True, True, False)]  # fmt: skip


def test_several_boxes_erase_or_keep_what_lies_in_any_of_them() -> None:
    boxes = [Box(0.0, 1.0, 0.0, 100.0), Box(2.0, inf, 200.0, inf)]
    frequency_hz, time_s = np.array([50.0, 250.0]), np.array([0.5, 1.5, 2.5])
    kept = keeping(boxes)(frequency_hz, time_s)
    assert kept.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert (erasing(boxes)(frequency_hz, time_s) + kept).tolist() == np.ones((2, 3)).tolist()


def test_erasing_the_one_of_two_sounds_in_its_box_leaves_the_other(
    tone: Callable[..., NDArray[np.float32]],
) -> None:
    """A tone at 500 Hz throughout, and in the middle 0.4 s of noise above 3 kHz."""
    rate_hz = 16_000
    hiss = np.random.default_rng(0).normal(0, 0.2, rate_hz).astype(np.float32)
    hiss = shaped(hiss, rate_hz, keeping([Box(0.3, 0.7, 3_000.0)]))
    melody = tone(500.0)
    without_hiss = shaped(melody + hiss, rate_hz, erasing([Box(0.25, 0.75, 2_500.0, inf)]))
    without_tone = shaped(melody + hiss, rate_hz, erasing([Box(high_hz=1_500.0)]))
    inner = slice(800, -800)
    np.testing.assert_allclose(without_hiss[inner], melody[inner], atol=5e-3)
    np.testing.assert_allclose(without_tone[inner], hiss[inner], atol=5e-3)
