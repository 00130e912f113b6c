"""The front end: waveform windows -> normalised log-mel pictures.

The only place that turns mel parameters into numbers. Training and serving run this
same module, and the charts draw exactly what it computes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks
from torchaudio.transforms import Spectrogram

from resona_core import results
from resona_core.config import FrontEndConfig
from resona_core.sound import audio
from resona_core.sound.audio import Clip

TINY_POWER = 1e-20  # keeps log10 finite on digital silence


class LogMel(nn.Module):
    """Log-mel spectrogram, in decibels below the loudest cell of each window.

    The mel filters are Slaney's (linear below 1 kHz, logarithmic above, equal area), as in
    librosa; with the HTK scale from 0 Hz, at 44.1 kHz and 1024 samples, one of 128 filters
    would be empty.

    Parameters
    ----------
    config : FrontEndConfig
        Sample rate, window, mel range, dynamic range and the stored statistics.
    """

    filters: Tensor

    def __init__(self, config: FrontEndConfig) -> None:
        super().__init__()
        self.config = config
        self.power = Spectrogram(n_fft=config.n_fft, hop_length=config.hop_length, power=2.0)
        filters = melscale_fbanks(
            config.n_fft // 2 + 1,
            config.f_min_hz,
            config.f_max_hz,
            config.n_mels,
            config.sample_rate_hz,
            norm="slaney",
            mel_scale="slaney",
        )
        self.register_buffer("filters", filters.T.contiguous(), persistent=False)  # (mel, bin)

    def decibels(self, waveform: Tensor) -> Tensor:
        """Return the mel spectrogram in dB re its own maximum.

        Parameters
        ----------
        waveform : Tensor (batch, sample), float, any scale
            Sound at ``config.sample_rate_hz``; a constant offset is removed.

        Returns
        -------
        Tensor (batch, mel, frame), in [-top_db, 0] dB
        """
        centred = waveform - waveform.mean(dim=-1, keepdim=True)
        mel = torch.matmul(self.filters, self.power(centred))  # (batch, mel, frame)
        loudest = mel.amax(dim=(-2, -1), keepdim=True).clamp_min(TINY_POWER)
        floor = 10 ** (-self.config.top_db / 10)
        return 10.0 * torch.log10((mel / loudest).clamp_min(floor))

    def normalise(self, decibels: Tensor) -> Tensor:
        """Return (batch, 1, mel, frame): zero mean, unit deviation over the training clips."""
        scaled = (decibels - self.config.mean_db) / self.config.std_db
        return scaled.unsqueeze(1)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the network's input, (batch, 1, mel, frame), for (batch, sample) waveforms."""
        return self.normalise(self.decibels(waveform))

    @torch.inference_mode()
    def picture(self, clip: Clip, window: int | None = None) -> results.Spectrogram:
        """Return the picture of the whole clip, or exactly what one window shows, with its axes.

        A clip shorter than a window is pictured with its padding, as the network sees it.

        Raises
        ------
        RequestError
            For a window that does not exist, and a clip of another rate.
        """
        audio.check_rate(clip, self.config)
        samples = clip.samples
        if window is not None or len(samples) < self.config.window_samples:
            samples = audio.window_of(clip, window or 0, self.config)
        waveform = torch.from_numpy(np.ascontiguousarray(samples)).to(self.filters.device)
        decibels = self.decibels(waveform[None])[0].cpu().numpy()
        return results.Spectrogram(decibels, self.frequencies_hz(), self.times_s(decibels.shape[1]))

    def frequencies_hz(self) -> NDArray[np.float64]:
        """Return the centre frequency of each mel bin, (mel,), in Hz."""
        return mel_to_hz(self._mel_edges()[1:-1])

    def times_s(self, n_frames: int | None = None) -> NDArray[np.float64]:
        """Return the time of each frame's centre, (frame,), in seconds from the window's start."""
        count = self.config.n_frames if n_frames is None else n_frames
        return np.arange(count) * self.config.hop_length / self.config.sample_rate_hz

    def _mel_edges(self) -> NDArray[np.float64]:
        low, high = hz_to_mel(np.array([self.config.f_min_hz, self.config.f_max_hz]))
        return np.linspace(low, high, self.config.n_mels + 2)


_LINEAR_HZ_PER_MEL = 200.0 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Hz to Slaney's mel (Auditory Toolbox, 1998): linear to 1 kHz, then logarithmic."""
    linear = np.asarray(frequency_hz, dtype=float) / _LINEAR_HZ_PER_MEL
    above = _BREAK_MEL + np.log(np.maximum(frequency_hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(np.asarray(frequency_hz) < _BREAK_HZ, linear, above)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Slaney's mel to Hz; the inverse of :func:`hz_to_mel`."""
    linear = np.asarray(mel, dtype=float) * _LINEAR_HZ_PER_MEL
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(np.asarray(mel) < _BREAK_MEL, linear, above)
