from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.config import FrontEndConfig
from resona_core.explain.boxes import Box
from resona_core.explain.flipping import smallest_flip
from resona_core.network.front_end import FrontEnd

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
