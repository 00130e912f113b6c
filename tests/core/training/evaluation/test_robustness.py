from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.training.evaluation import robustness
from resona_core.training.evaluation.robustness import CONDITIONS

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def sound(tone: Callable[..., NDArray[np.float32]]) -> NDArray[np.float32]:
    """Two seconds of 1 kHz and, weaker, 5 kHz."""
    return tone(1_000.0, RATE_HZ, 2.0, peak=0.5) + tone(5_000.0, RATE_HZ, 2.0, peak=0.2)


def _level_db(samples: NDArray[np.float32], frequency_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(20 * np.log10(spectrum[round(frequency_hz * len(samples) / RATE_HZ)] + 1e-9))


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_keeps_length_and_type(name: str, sound: NDArray[np.float32]) -> None:
    original = sound.copy()
    changed = CONDITIONS[name](sound, RATE_HZ)
    assert (changed.shape, changed.dtype) == (sound.shape, np.float32)
    assert (sound == original).all()
    assert (changed == sound).all() == (name == "clean")


def test_quieter_is_twenty_decibels_in_sixteen_bits(sound: NDArray[np.float32]) -> None:
    changed = robustness.quieter(sound, RATE_HZ)
    assert _level_db(sound, 1_000) - _level_db(changed, 1_000) == pytest.approx(20, abs=0.01)
    assert np.allclose(changed * 32_767, (changed * 32_767).round(), atol=1e-2)


def test_quieter_is_the_nearest_of_the_steps_of_sixteen_bits() -> None:
    """A tenth of full scale is 3276.7 steps."""
    samples = np.array([1_000.48, 1_000.52, -1_000.48], np.float32) / np.float32(3_276.7)
    changed = robustness.quieter(samples, RATE_HZ)
    np.testing.assert_allclose(changed, np.array([1_000, 1_001, -1_000]) / 32_767, rtol=1e-6)


@pytest.mark.parametrize("snr_db", [20.0, 10.0])
def test_noise_has_the_stated_ratio_and_is_white(snr_db: float, sound: NDArray[np.float32]) -> None:
    noise = robustness.white_noise(sound, snr_db) - sound
    ratio_db = 10 * np.log10(np.mean(sound**2) / np.mean(noise**2))
    assert ratio_db == pytest.approx(snr_db, abs=0.2)
    power = np.abs(np.fft.rfft(noise)) ** 2
    lower, upper = np.array_split(power, 2)
    assert lower.mean() / upper.mean() == pytest.approx(1, rel=0.1)
    again = robustness.white_noise(sound, snr_db) - sound
    assert (again == noise).all()


def test_every_clip_has_noise_of_its_own(sound: NDArray[np.float32]) -> None:
    louder = sound * np.float32(1.001)
    one, other = (robustness.white_noise(each, 10.0) - each for each in (sound, louder))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


def test_the_telephone_keeps_1_khz_and_loses_5_khz(sound: NDArray[np.float32]) -> None:
    changed = robustness.telephone(sound, RATE_HZ)
    assert _level_db(changed, 1_000) == pytest.approx(_level_db(sound, 1_000), abs=0.1)
    assert _level_db(changed, 5_000) < _level_db(sound, 5_000) - 60


def test_the_telephone_shifts_nothing(tone: Callable[..., NDArray[np.float32]]) -> None:
    heard = tone(1_000.0, RATE_HZ, 2.0)
    changed = robustness.telephone(heard, RATE_HZ)
    np.testing.assert_allclose(changed[500:-500], heard[500:-500], atol=1e-3)


def test_only_the_second_half_is_silenced(sound: NDArray[np.float32]) -> None:
    changed = robustness.first_half(sound, RATE_HZ)
    assert (changed[:RATE_HZ] == sound[:RATE_HZ]).all()
    assert not changed[RATE_HZ:].any()


def test_rolled_twice_is_the_sound_again() -> None:
    ramp = np.arange(8, dtype=np.float32)
    assert robustness.rolled(ramp, RATE_HZ).tolist() == [4, 5, 6, 7, 0, 1, 2, 3]


def test_mp3_changes_the_sound_only_a_little(sound: NDArray[np.float32]) -> None:
    changed = robustness.mp3(sound, RATE_HZ)
    for frequency_hz in (1_000, 5_000):
        assert _level_db(changed, frequency_hz) == pytest.approx(
            _level_db(sound, frequency_hz), abs=1.0
        )


def test_mp3_keeps_what_is_above_full_scale(sound: NDArray[np.float32]) -> None:
    loud = sound * 4
    assert _level_db(robustness.mp3(loud, RATE_HZ), 1_000) == pytest.approx(
        _level_db(loud, 1_000), abs=1.0
    )


def test_silence_comes_back_from_mp3_as_silence() -> None:
    assert not robustness.mp3(np.zeros(RATE_HZ, np.float32), RATE_HZ).any()
