from __future__ import annotations

import math
from collections.abc import Callable

import librosa
import numpy as np
import pytest
import scipy.signal
import torch
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.network.front_end import frequencies_hz, times_s
from resona_core.network.spectrogram import LogMel

NARROW = FrontEndConfig(sample_rate_hz=16_000, n_fft=1024, hop_length=512, f_max_hz=8_000.0)
BRIEF = FrontEndConfig(n_fft=1024, hop_length=512, f_max_hz=22_050.0)
FRONT_ENDS = pytest.mark.parametrize(
    "config", [FrontEndConfig(), BRIEF, NARROW], ids=["ours", "brief", "16 kHz"]
)


def _decibels(config: FrontEndConfig, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return LogMel(config).decibels(torch.from_numpy(samples)[None])[0].numpy()


def _librosa_filters(config: FrontEndConfig) -> NDArray[np.float32]:
    filters: NDArray[np.float32] = librosa.filters.mel(
        sr=config.sample_rate_hz, n_fft=config.n_fft, n_mels=config.n_mels,
        fmin=config.f_min_hz, fmax=config.f_max_hz, htk=False, norm="slaney",
    )  # fmt: skip
    return filters


def _scipy_power(config: FrontEndConfig, samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the power of reflected, centred Hann windows, (bin, frame)."""
    first = math.ceil(config.n_fft / 2 / config.hop_length)  # the first whole slice
    before = first * config.hop_length
    padded = np.pad(samples.astype(np.float64), (before, config.n_fft), mode="reflect")
    window = scipy.signal.get_window("hann", config.n_fft)
    transform = scipy.signal.ShortTimeFFT(window, config.hop_length, config.sample_rate_hz)
    slices = transform.stft(padded, p0=first, p1=first + config.n_frames)
    power: NDArray[np.float64] = np.abs(slices) ** 2
    return power


@FRONT_ENDS
def test_the_power_is_that_of_scipys_fourier_transform(
    config: FrontEndConfig, noise: NDArray[np.float32]
) -> None:
    samples = noise[: config.window_samples]
    reference = _scipy_power(config, samples)
    power = LogMel(config).power(torch.from_numpy(samples)).numpy()
    np.testing.assert_allclose(power, reference, rtol=1e-3, atol=1e-5 * reference.max())


@FRONT_ENDS
def test_the_decibels_are_those_of_librosa(
    config: FrontEndConfig, noise: NDArray[np.float32]
) -> None:
    samples = noise[: config.window_samples]
    mel = _librosa_filters(config) @ _scipy_power(config, samples - samples.mean())
    reference = librosa.power_to_db(mel, ref=np.max, top_db=80.0)
    np.testing.assert_allclose(_decibels(config, samples), reference, atol=0.01)


@FRONT_ENDS
@pytest.mark.parametrize("frequency_hz", [250.0, 1_000.0, 4_000.0])
def test_a_tone_lights_the_bin_that_carries_its_frequency(
    config: FrontEndConfig, frequency_hz: float, tone: Callable[..., NDArray[np.float32]]
) -> None:
    decibels = _decibels(config, tone(frequency_hz, config.sample_rate_hz, 2.0))
    labels_hz = frequencies_hz(config)
    off_hz = np.abs(labels_hz - frequency_hz)
    resolution_hz = config.sample_rate_hz / config.n_fft  # coarser than mel bins under 1 kHz
    assert off_hz[decibels.mean(axis=1).argmax()] <= max(off_hz.min(), resolution_hz)


@FRONT_ENDS
def test_a_click_lights_the_frame_that_carries_its_time(config: FrontEndConfig) -> None:
    samples = np.zeros(config.window_samples, np.float32)
    samples[round(1.5 * config.sample_rate_hz)] = 1.0
    seconds = times_s(config)
    loudest = int(_decibels(config, samples).mean(axis=0).argmax())
    assert abs(seconds[loudest] - 1.5) <= config.hop_length / config.sample_rate_hz / 2
    assert len(seconds) == config.n_frames


@FRONT_ENDS
def test_a_window_becomes_a_picture_of_the_promised_size(config: FrontEndConfig) -> None:
    pictures = LogMel(config)(torch.randn(2, config.window_samples))
    assert pictures.shape == (2, 1, config.n_mels, config.n_frames)


def test_the_filters_are_no_weights_that_a_file_would_hold() -> None:
    assert "filters" not in LogMel(NARROW).state_dict()


def test_the_level_of_a_recording_does_not_matter(noise: NDArray[np.float32]) -> None:
    front_end = LogMel(NARROW)
    loud = torch.from_numpy(noise[:80_000])[None]
    torch.testing.assert_close(front_end(loud * 0.1), front_end(loud), atol=1e-4, rtol=0)


def test_a_constant_offset_does_not_matter(noise: NDArray[np.float32]) -> None:
    front_end = LogMel(NARROW)
    sound = torch.from_numpy(noise[:80_000])[None]
    torch.testing.assert_close(front_end(sound + 0.5), front_end(sound), atol=2e-3, rtol=0)


def test_decibels_reach_from_the_loudest_cell_eighty_down(
    tone: Callable[..., NDArray[np.float32]],
) -> None:
    decibels = _decibels(NARROW, tone(1_000.0))
    assert decibels.max() == 0.0
    assert decibels.min() == pytest.approx(-80.0)


def test_silence_is_the_floor_everywhere() -> None:
    np.testing.assert_allclose(_decibels(NARROW, np.zeros(16_000, np.float32)), -80.0)


def test_every_window_of_a_batch_has_its_own_loudest_cell(noise: NDArray[np.float32]) -> None:
    front_end = LogMel(NARROW)
    quiet, loud = torch.from_numpy(noise[:32_000]).reshape(2, -1) * torch.tensor([[0.01], [1.0]])
    together = front_end(torch.stack([quiet, loud]))
    torch.testing.assert_close(together[:1], front_end(quiet[None]))
    torch.testing.assert_close(together[1:], front_end(loud[None]))


def test_normalising_takes_off_the_mean_and_divides_by_the_deviation() -> None:
    front_end = LogMel(FrontEndConfig(mean_db=-40.0, std_db=10.0))
    decibels = torch.tensor([[[-80.0, -40.0], [-30.0, 0.0]]])
    expected = torch.tensor([[[[-4.0, 0.0], [1.0, 4.0]]]])
    torch.testing.assert_close(front_end.normalise(decibels), expected)


@FRONT_ENDS
def test_the_loudest_samples_that_audio_lets_in_still_make_a_picture(
    config: FrontEndConfig, noise: NDArray[np.float32]
) -> None:
    front_end = LogMel(config)
    sound = torch.from_numpy(noise[: config.window_samples])[None]
    loudest = sound / sound.abs().max() * 0.99e10
    torch.testing.assert_close(front_end(loudest), front_end(sound), atol=1e-3, rtol=0)
