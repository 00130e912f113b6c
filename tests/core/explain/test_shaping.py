from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.explain import shaping
from resona_core.explain.shaping import mask_gain, shaped

Floats = NDArray[np.float64]


def _everything(frequency_hz: Floats, time_s: Floats) -> NDArray[np.float32]:
    return np.ones((len(frequency_hz), len(time_s)), np.float32)


def _above_2_khz(frequency_hz: Floats, time_s: Floats) -> NDArray[np.float32]:
    return np.repeat((frequency_hz > 2_000)[:, None], len(time_s), axis=1).astype(np.float32)


@pytest.mark.parametrize("n_samples", [1, 300, 16_000, 50_001])
@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_a_gain_of_one_changes_nothing(n_samples: int, rate_hz: int) -> None:
    samples = np.random.default_rng(0).normal(size=n_samples).astype(np.float32)
    np.testing.assert_allclose(shaped(samples, rate_hz, _everything), samples, atol=1e-5)


def test_a_band_is_taken_out_and_the_other_stays(tone: Callable[..., NDArray[np.float32]]) -> None:
    low, high = tone(500.0), tone(4_000.0)
    left = shaped(low + high, 16_000, _above_2_khz)
    inner = slice(1_000, -1_000)
    np.testing.assert_allclose(left[inner], high[inner], atol=2e-3)


def test_a_long_sound_is_shaped_as_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(0).normal(size=40_000).astype(np.float32)

    def later_is_softer(frequency_hz: Floats, time_s: Floats) -> Floats:
        return np.tile(np.clip(1 - time_s / 3, 0, 1), (len(frequency_hz), 1))

    whole = shaped(samples, 16_000, later_is_softer)
    monkeypatch.setattr(shaping, "_PIECE_FRAMES", 30)
    np.testing.assert_allclose(shaped(samples, 16_000, later_is_softer), whole, atol=1e-5)


def test_each_channel_is_shaped_alone(tone: Callable[..., NDArray[np.float32]]) -> None:
    both = np.stack([tone(500.0), tone(4_000.0)], axis=1)
    left = shaped(both, 16_000, _above_2_khz)
    assert left.shape == both.shape
    assert np.abs(left[1_000:-1_000, 0]).max() < 2e-3
    assert np.abs(left[1_000:-1_000, 1]).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("rate_hz", "size"), [(44_100, 2048), (22_050, 1024), (8_000, 512), (100, 16)]
)
def test_the_gain_is_asked_for_stretches_of_a_twentieth_of_a_second(
    rate_hz: int, size: int
) -> None:
    """46 ms, rounded to a power of two and to no less than 16 samples; a quarter apart."""
    asked: list[tuple[Floats, Floats]] = []

    def gain(frequency_hz: Floats, time_s: Floats) -> NDArray[np.float32]:
        asked.append((frequency_hz, time_s))
        return _everything(frequency_hz, time_s)

    shaped(np.ones(10 * size, np.float32), rate_hz, gain)
    ((frequency_hz, time_s),) = asked
    np.testing.assert_allclose(frequency_hz, np.arange(size // 2 + 1) * rate_hz / size)
    np.testing.assert_allclose(np.diff(time_s), size / 4 / rate_hz)
    assert time_s[0] < 0
    assert time_s[-1] >= 10 * size / rate_hz


def test_a_mask_is_read_between_the_centres_of_its_cells_and_kept_beyond_them() -> None:
    mask = np.float32([[0, 1, 0.5], [0.5, 0.5, 0.5], [0.5, 0, 0], [1, 1, 0]])
    gain = mask_gain(mask, np.array([100.0, 200, 400, 500]), np.array([1.0, 3, 4]))
    at = gain(np.array([0.0, 100, 150, 300, 475, 900]), np.array([-1.0, 1, 2, 3.5, 9]))
    expected = [
        [0, 0, 0.5, 0.75, 0.5],
        [0, 0, 0.5, 0.75, 0.5],
        [0.25, 0.25, 0.5, 0.625, 0.5],
        [0.5, 0.5, 0.375, 0.25, 0.25],
        [0.875, 0.875, 0.8125, 0.375, 0],
        [1, 1, 1, 0.5, 0],
    ]
    np.testing.assert_allclose(at, expected)
