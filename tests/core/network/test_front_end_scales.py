"""The mel filters and the axes are librosa's; whole clips and windows are pictured on them."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray
from torchaudio.functional import melscale_fbanks

from resona_core.config import FrontEndConfig
from resona_core.errors import RequestError
from resona_core.network.front_end import (
    FrontEnd,
    frequencies_hz,
    hz_to_mel,
    mel_filters,
    mel_to_hz,
    times_s,
)
from resona_core.sound.audio import Clip

NARROW = FrontEndConfig(sample_rate_hz=16_000, n_fft=1024, hop_length=512, f_max_hz=8_000.0)
BRIEF = FrontEndConfig(n_fft=1024, hop_length=512, f_max_hz=22_050.0)
FRONT_ENDS = pytest.mark.parametrize(
    "config", [FrontEndConfig(), BRIEF, NARROW], ids=["ours", "brief", "16 kHz"]
)


@FRONT_ENDS
def test_the_filters_are_librosas(config: FrontEndConfig) -> None:
    expected = librosa.filters.mel(
        sr=config.sample_rate_hz, n_fft=config.n_fft, n_mels=config.n_mels,
        fmin=config.f_min_hz, fmax=config.f_max_hz, htk=False, norm="slaney",
    )  # fmt: skip
    filters = mel_filters(config)
    assert filters.dtype == np.float32
    np.testing.assert_allclose(filters, expected, atol=1e-6 * expected.max())


@FRONT_ENDS
def test_no_filter_is_empty(config: FrontEndConfig) -> None:
    assert (mel_filters(config).max(axis=1) > 0).all()


def test_the_htk_scale_would_leave_a_filter_empty_at_44_khz() -> None:
    with pytest.warns(UserWarning, match="all zero values"):
        filters = melscale_fbanks(513, 0.0, 22_050.0, 128, 44_100, mel_scale="htk")
    assert bool((filters.amax(dim=0) == 0).any())


def test_mel_and_hertz_are_librosas_and_each_others_inverse() -> None:
    hertz = np.array([0.0, 20.0, 440.0, 999.9, 1_000.0, 1_000.1, 8_000.0, 22_050.0])
    np.testing.assert_allclose(hz_to_mel(hertz), librosa.hz_to_mel(hertz))
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hertz)), hertz, atol=1e-9)
    assert hz_to_mel(np.array([1_000.0]))[0] == pytest.approx(15.0)  # 1000 / (200 / 3)


@FRONT_ENDS
def test_the_labels_of_the_bins_are_librosas(config: FrontEndConfig) -> None:
    edges_hz = librosa.mel_frequencies(
        config.n_mels + 2, fmin=config.f_min_hz, fmax=config.f_max_hz
    )
    np.testing.assert_allclose(frequencies_hz(config), edges_hz[1:-1])


def test_frames_are_a_hop_apart_as_many_as_are_asked_for() -> None:
    np.testing.assert_allclose(times_s(NARROW, 3), [0, 0.032, 0.064])
    np.testing.assert_allclose(times_s(NARROW), np.arange(157) * 0.032)  # 5 s, a frame at each end
    assert len(times_s(NARROW, 0)) == 0


@pytest.mark.parametrize(
    ("length_s", "window", "first_s", "n_frames"),
    [(12.0, None, 0.0, 376), (12.0, 0, 0.0, 157), (12.0, 1, 2.5, 157), (12.0, 3, 7.0, 157),
     (5.0, None, 0.0, 157), (4.9, None, 0.0, 157)],
)  # fmt: skip
def test_a_clip_is_pictured_whole_or_by_the_window_and_a_short_one_with_its_padding(
    length_s: float, window: int | None, first_s: float, n_frames: int, noise: NDArray[np.float32]
) -> None:
    samples = np.tile(noise, 2)[: round(length_s * 16_000)]
    front_end = FrontEnd(NARROW)
    picture = front_end.picture(Clip(samples, 16_000, 16_000, 1, "WAV"), window)
    first = round(first_s * 16_000)
    shown = samples if length_s > 5 and window is None else samples[first : first + 80_000]
    padded = np.pad(shown, (0, max(0, 80_000 - len(shown))), constant_values=shown.mean())
    np.testing.assert_allclose(picture.decibels, front_end.decibels(padded), atol=0.02)
    assert picture.decibels.shape == (128, n_frames)
    assert picture.time_s[-1] == pytest.approx((n_frames - 1) * 0.032)
    np.testing.assert_array_equal(picture.frequency_hz, frequencies_hz(NARROW))


def test_a_window_that_does_not_exist_and_a_clip_of_another_rate_are_not_pictured(
    noise: NDArray[np.float32],
) -> None:
    front_end, samples = FrontEnd(NARROW), noise[:80_000]
    with pytest.raises(RequestError, match="There is no window 1"):
        front_end.picture(Clip(samples, 16_000, 16_000, 1, "WAV"), 1)
    with pytest.raises(RequestError, match="at 8,000 Hz, the network hears 16,000"):
        front_end.picture(Clip(samples, 8_000, 8_000, 1, "WAV"))


def test_the_level_and_an_offset_say_nothing_and_silence_is_the_floor(
    noise: NDArray[np.float32], tone: Callable[..., NDArray[np.float32]]
) -> None:
    front_end = FrontEnd(NARROW)
    heard = noise[:80_000]
    decibels = front_end.decibels(heard)
    assert (decibels.max(), decibels.shape) == (0, (128, 157))
    np.testing.assert_allclose(front_end.decibels(1e-4 * heard), decibels, atol=1e-3)
    np.testing.assert_allclose(front_end.decibels(heard + 0.5), decibels, atol=2e-2)
    assert front_end.decibels(tone(1_000.0)).min() == pytest.approx(-80)
    np.testing.assert_allclose(front_end.decibels(np.zeros(16_000, np.float32)), -80)
