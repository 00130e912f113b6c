"""The front end without torch gives what training saw, and torch's gives for explanations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.network.front_end import FrontEnd, hann
from resona_core.network.spectrogram import LogMel
from resona_core.sound.examples import DEMO_SOUNDS, demo_samples

# float32 sums of 2048 products, taken in another order: 0.013 dB were seen, in the faintest cells
# of a sound on an offset, 80 dB below the loudest. A wrong window or padding is off by decibels.
TOLERANCE_DB = 0.02

CONFIGS = pytest.mark.parametrize(
    "config",
    [
        FrontEndConfig(),
        FrontEndConfig(n_fft=1024, hop_length=512, f_max_hz=22_050.0, mean_db=-31.0, std_db=7.0),
        FrontEndConfig(sample_rate_hz=16_000, n_fft=1024, hop_length=512, f_max_hz=8_000.0),
        FrontEndConfig(n_fft=256, hop_length=441, n_mels=64),
        FrontEndConfig(n_fft=64, hop_length=441, f_max_hz=15_800.0),
        FrontEndConfig(n_fft=1024, n_mels=8, f_min_hz=120.0, f_max_hz=990.0),
    ],
    ids=[
        "ours", "brief", "16 kHz", "filters without a frequency", "the last of them, too",
        "below 1 kHz",
    ],
)  # fmt: skip


@CONFIGS
@pytest.mark.parametrize("key", ["siren", "rain", "alarm_clock", "mouse_click"])
def test_every_cell_is_that_of_torchs_front_end(config: FrontEndConfig, key: str) -> None:
    assert key in [sound.key for sound in DEMO_SOUNDS]
    samples = demo_samples(key)[: config.window_samples] + np.float32(0.1)
    windows = np.stack([samples, 0.01 * samples[::-1]]).astype(np.float32)
    found, expected = FrontEnd(config)(windows), LogMel(config)(torch.from_numpy(windows)).numpy()
    assert found.shape == expected.shape == (2, 1, config.n_mels, config.n_frames)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= TOLERANCE_DB / config.std_db


@CONFIGS
def test_silence_and_the_loudest_sound_let_in_are_those_of_torchs(
    config: FrontEndConfig, noise: NDArray[np.float32]
) -> None:
    loud = noise[: config.window_samples]
    windows = np.stack([np.zeros_like(loud), loud / np.abs(loud).max() * np.float32(0.99e10)])
    found, expected = FrontEnd(config)(windows), LogMel(config)(torch.from_numpy(windows)).numpy()
    np.testing.assert_allclose(found, expected, atol=TOLERANCE_DB / config.std_db)


def test_the_window_is_torchs_periodic_one() -> None:
    np.testing.assert_allclose(hann(2048), torch.hann_window(2048).numpy(), atol=1e-6)
    assert hann(4).tolist() == [0.0, 0.5, 1.0, 0.5]
