"""The front end without torch: waveform windows -> normalised log-mel pictures.

The only place that turns mel parameters into numbers: the filters and the axes that
:class:`~resona_core.network.spectrogram.LogMel`, which training and explanations differentiate,
takes too. Answers and charts are computed here.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from resona_core import results
from resona_core.config import FrontEndConfig
from resona_core.sound import audio
from resona_core.sound.audio import Clip
from resona_core.sound.fourier import rfft

Floats = NDArray[np.float32]

TINY_POWER = 1e-20  # keeps log10 finite on digital silence
_FRAMES = 32  # transformed at a time; of 4 to 64, 16 and more are equally fast


class FrontEnd:
    """Log-mel spectrogram, in decibels below the loudest cell of each window.

    Parameters
    ----------
    config : FrontEndConfig
        Sample rate, window, mel range, dynamic range and the stored statistics.
    """

    def __init__(self, config: FrontEndConfig) -> None:
        self.config = config
        self._mel = _MelBank(config)
        self._hann = hann(config.n_fft)

    def __call__(self, waveforms: Floats) -> Floats:
        """Return the network's input, (batch, 1, mel, frame), for (batch, sample) waveforms."""
        config = self.config
        pictures = np.stack([self.decibels(waveform) for waveform in waveforms])
        pictures -= np.float32(config.mean_db)
        pictures /= np.float32(config.std_db)
        return pictures[:, None]

    def decibels(self, waveform: Floats) -> Floats:
        """Return the mel spectrogram in dB re its own maximum.

        Parameters
        ----------
        waveform : ndarray (sample,), float32, any scale
            Sound at ``config.sample_rate_hz``; a constant offset is removed.

        Returns
        -------
        ndarray (mel, frame), in [-top_db, 0] dB
        """
        mel = self._mel_power(waveform - waveform.mean())  # (frame, mel)
        shares = mel.T / max(mel.max(), np.float32(TINY_POWER))
        floor = np.float32(10 ** (-self.config.top_db / 10))
        decibels: Floats = np.float32(10) * np.log10(np.maximum(shares, floor))
        return decibels

    def _mel_power(self, waveform: Floats) -> Floats:
        """Return the mel power of centred Hann windows, (frame, mel); the ends are reflected.

        A few frames at a time: what lies between stays in the processor's cache.
        """
        config = self.config
        padded = np.pad(waveform, config.n_fft // 2, mode="reflect")
        pieces = sliding_window_view(padded, config.n_fft)[:: config.hop_length]
        mel = np.empty((len(pieces), config.n_mels), np.float32)
        for first in range(0, len(pieces), _FRAMES):
            spectrum = rfft(pieces[first : first + _FRAMES] * self._hann)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            mel[first : first + _FRAMES] = self._mel(power)
        return mel

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
        decibels = self.decibels(samples)
        times = times_s(self.config, decibels.shape[1])
        return results.Spectrogram(decibels, frequencies_hz(self.config), times)


class _MelBank:
    """Sums powers under the mel filters, of which no more than two reach any frequency.

    A matrix product would be mostly of zeros, and the threads that NumPy's takes for it spin on
    after it: the network then waits for its processor.
    """

    def __init__(self, config: FrontEndConfig) -> None:
        filters, edges_hz = mel_filters(config), mel_to_hz(_mel_edges(config))
        bins_hz = np.linspace(0, config.sample_rate_hz / 2, filters.shape[1])
        starts = np.searchsorted(bins_hz, edges_hz)  # of what lies between two edges
        self._bins = slice(starts[0], starts[-1])
        self._starts = np.minimum(starts[:-1] - starts[0], starts[-1] - starts[0] - 1)
        self._empty = np.diff(starts) == 0
        between = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        padded = np.pad(filters[:, self._bins], ((1, 1), (0, 0)))
        columns = np.arange(len(between))
        self._falling, self._rising = padded[between, columns], padded[between + 1, columns]

    def __call__(self, power: Floats) -> Floats:
        """Return (frame, mel) for (frame, bin)."""
        power = power[:, self._bins]
        rising, falling = (
            np.add.reduceat(power * weights, self._starts, axis=1)
            for weights in (self._rising, self._falling)
        )
        rising[:, self._empty] = falling[:, self._empty] = 0
        mel: Floats = rising[:, :-1] + falling[:, 1:]
        return mel


def mel_filters(config: FrontEndConfig) -> Floats:
    """Return the weight of each frequency in each mel bin, (mel, bin).

    The filters are Slaney's (linear below 1 kHz, logarithmic above, equal area), as in
    librosa; with the HTK scale from 0 Hz, at 44.1 kHz and 1024 samples, one of 128 filters
    would be empty.
    """
    edges_hz = mel_to_hz(_mel_edges(config))
    bins_hz = np.linspace(0, config.sample_rate_hz / 2, config.n_fft // 2 + 1)
    widths_hz = np.diff(edges_hz)[:, None]
    rising = (bins_hz - edges_hz[:-2, None]) / widths_hz[:-1]
    falling = (edges_hz[2:, None] - bins_hz) / widths_hz[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (edges_hz[2:] - edges_hz[:-2])[:, None]).astype(np.float32)


def hann(size: int) -> Floats:
    """Return the periodic Hann window, (size,)."""
    return np.hanning(size + 1)[:-1].astype(np.float32)


def frequencies_hz(config: FrontEndConfig) -> NDArray[np.float64]:
    """Return the centre frequency of each mel bin, (mel,), in Hz."""
    return mel_to_hz(_mel_edges(config)[1:-1])


def times_s(config: FrontEndConfig, n_frames: int | None = None) -> NDArray[np.float64]:
    """Return the time of each frame's centre, (frame,), in seconds from the window's start."""
    count = config.n_frames if n_frames is None else n_frames
    return np.arange(count) * config.hop_length / config.sample_rate_hz


def _mel_edges(config: FrontEndConfig) -> NDArray[np.float64]:
    low, high = hz_to_mel(np.array([config.f_min_hz, config.f_max_hz]))
    return np.linspace(low, high, config.n_mels + 2)


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
