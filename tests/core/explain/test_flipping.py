from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.config import FrontEndConfig
from resona_core.explain.boxes import Box, erasing
from resona_core.explain.flipping import smallest_flip
from resona_core.explain.shaping import shaped
from resona_core.network.front_end import FrontEnd, frequencies_hz

Floats = NDArray[np.float32]


def middle(pictures: Floats) -> Floats:
    """Say class 0 while a patch of the picture is loud: the third band, slots 3 and 4 of 8."""
    loud = pictures[:, 0, 11:16, 13:25].mean(axis=(1, 2))
    return np.stack([loud + 1, np.zeros_like(loud)], axis=1)


def _answer(label: int) -> Classification:
    shares = np.eye(2, dtype=np.float32)[[label]]
    return Classification(("loud", "quiet"), 1.0, np.zeros(1), shares, np.zeros(1, bool))


@pytest.fixture
def hiss() -> Floats:
    return np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


@pytest.fixture
def flip(tiny_front_end: FrontEndConfig) -> Callable[..., tuple[Box | None, list[float]]]:
    """A function of (samples, judge): the box that is found, and the progress told."""

    def run(samples: Floats, judge: Callable[[Floats], Classification]) -> object:
        told: list[float] = []
        front_end = FrontEnd(tiny_front_end)
        return smallest_flip(front_end, middle, samples, judge, told.append), told

    return run  # type: ignore[return-value]


def test_the_smallest_box_over_what_counts_is_found_and_heard(
    hiss: Floats, flip: Callable[..., tuple[Box | None, list[float]]]
) -> None:
    heard: list[Floats] = []

    def judge(samples: Floats) -> Classification:
        heard.append(samples)
        return _answer(len(heard) - 1)  # another answer as soon as something is erased

    box, told = flip(hiss, judge)
    assert box is not None
    assert (box.start_s, box.end_s) == pytest.approx((0.25, 0.5), abs=0.02)
    assert box.low_hz < 1_500 < box.high_hz < 3_000
    erased = np.abs(heard[1][5_000:7_000] - hiss[5_000:7_000]).max()
    assert erased > 0.05
    np.testing.assert_allclose(heard[1][10_000:], hiss[10_000:], atol=1e-4)
    assert told == sorted(told)


def test_a_box_that_changes_only_the_picture_is_not_proposed(
    hiss: Floats, flip: Callable[..., tuple[Box | None, list[float]]]
) -> None:
    heard: list[Floats] = []

    def judge(samples: Floats) -> Classification:
        heard.append(samples)
        return _answer(0)

    box, _ = flip(hiss, judge)
    assert box is None
    assert len(heard) == 1 + 8  # the sound itself, and the first boxes


def test_where_no_box_changes_anything_all_are_tried(
    hiss: Floats, tiny_front_end: FrontEndConfig
) -> None:
    def same(pictures: Floats) -> Floats:
        return np.tile(np.float32([1, 0]), (len(pictures), 1))

    told: list[float] = []
    front_end = FrontEnd(tiny_front_end)
    assert smallest_flip(front_end, same, hiss, lambda _: _answer(0), told.append) is None
    assert told[-1] == 1
    assert inf not in told


class Watched:
    """Says class 0 unless some cell is silent; keeps which cells were silenced, and their value."""

    def __init__(self, front_end: FrontEnd, samples: Floats, cell: tuple[int, int] | None) -> None:
        self.whole, self.cell = front_end(samples[None])[0, 0], cell
        self.silenced: list[NDArray[np.bool_]] = []
        self.values: set[float] = set()

    def __call__(self, pictures: Floats) -> Floats:
        changed = pictures[:, 0] != self.whole
        self.silenced += [each for each in changed if each.any()]
        self.values |= set(np.unique(pictures[:, 0][changed]).tolist())
        gone = changed[:, *self.cell] if self.cell else np.zeros(len(pictures), bool)
        return np.stack([~gone, gone], axis=1).astype(np.float32)


@pytest.fixture
def even(tiny_front_end: FrontEndConfig) -> FrontEnd:
    """One whose picture, 36 by 48 cells, has 6 bands and 8 slots of 6 cells each."""
    return FrontEnd(replace(tiny_front_end, n_mels=36, window_s=0.94, mean_db=-40.0, std_db=10.0))


def test_all_boxes_of_up_to_three_fifths_of_the_picture_are_tried_the_smallest_first(
    hiss: Floats, even: FrontEnd
) -> None:
    watched, told = Watched(even, hiss[:15_040], None), list[float]()
    assert smallest_flip(even, watched, hiss[:15_040], lambda _: _answer(0), told.append) is None
    areas = [int(cells.sum()) for cells in watched.silenced]
    sides = [(i, j) for i in range(1, 7) for j in range(1, 9) if i * j <= 0.6 * 48]
    expected = [36 * i * j for i, j in sides for _ in range((7 - i) * (9 - j))]
    assert areas == sorted(expected)
    assert len({cells.tobytes() for cells in watched.silenced}) == len(areas)
    assert watched.values == {-4.0}  # 80 dB below the loudest
    assert told == [min(1, done / len(areas)) for done in range(16, len(areas) + 16, 16)]


@pytest.mark.parametrize(
    ("cell", "times", "rows"),
    [
        ((20, 13), (0.23, 0.35), (18, 24)),
        ((0, 0), (0.0, 0.11), (0, 6)),
        ((35, 47), (0.83, inf), (30, 36)),
    ],
)
def test_a_box_ends_halfway_between_its_last_cell_and_the_next(
    cell: tuple[int, int], times: tuple[float, float], rows: tuple[int, int], hiss: Floats,
    even: FrontEnd,
) -> None:  # fmt: skip
    """Frames are 0.02 s apart; the first box is 6 of them long, from the picture's edge on."""
    answers = iter([_answer(0), _answer(1)])
    samples = hiss[:15_040]
    watched = Watched(even, samples, cell)
    box = smallest_flip(even, watched, samples, lambda _: next(answers), lambda _: None)
    assert box is not None
    assert (box.start_s, box.end_s) == pytest.approx(times)
    centres_hz = frequencies_hz(even.config)
    low, high = (
        (centres_hz[row - 1] + centres_hz[row]) / 2 if 0 < row < 36 else edge
        for row, edge in zip(rows, (0.0, inf), strict=True)
    )
    assert (box.low_hz, box.high_hz) == pytest.approx((low, high))


def test_what_is_left_of_the_sound_is_heard_without_the_box(hiss: Floats, even: FrontEnd) -> None:
    """The first band and slot go on beyond the sound's edge: nothing of them leaks back in."""
    heard: list[Floats] = []

    def judge(samples: Floats) -> Classification:
        heard.append(samples)
        return _answer(len(heard) - 1)

    samples = hiss[:15_040]
    box = smallest_flip(even, Watched(even, samples, (0, 0)), samples, judge, lambda _: None)
    whole, left = heard
    assert box is not None
    drawn = Box(-inf, box.end_s, -inf, box.high_hz)
    np.testing.assert_array_equal(whole, samples)
    np.testing.assert_array_equal(left, shaped(samples, 16_000, erasing([drawn])))


def test_what_is_silent_without_the_box_is_another_answer(hiss: Floats, even: FrontEnd) -> None:
    silent = Classification(
        ("loud", "quiet"), 1.0, np.zeros(1), np.zeros((1, 2), np.float32), np.ones(1, bool)
    )
    answers = iter([_answer(0), silent])
    watched = Watched(even, hiss[:15_040], (0, 0))
    assert smallest_flip(even, watched, hiss[:15_040], lambda _: next(answers), lambda _: None)


def test_another_second_best_class_is_no_other_answer(hiss: Floats, even: FrontEnd) -> None:
    def answer(*shares: float) -> Classification:
        row = np.array([shares], np.float32)
        return Classification(("a", "b", "c"), 1.0, np.zeros(1), row, np.zeros(1, bool))

    answers = iter([answer(0.7, 0.2, 0.1), *[answer(0.7, 0.1, 0.2)] * 7, answer(0.1, 0.7, 0.2)])
    samples = hiss[:15_040]
    watched = Watched(even, samples, (0, 0))
    box = smallest_flip(even, watched, samples, lambda _: next(answers), lambda _: None)
    assert box is not None  # the eighth, which is the last that is heard
    assert next(answers, None) is None
