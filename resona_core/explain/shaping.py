"""A sound with parts of its spectrum made softer: what an explanation keeps, what a box erases.

The spectrum of each short stretch is multiplied by a gain and turned back with the phase it had, so
what is kept and what is left over add up to the sound again, sample for sample.

Source: Griffin & Lim, "Signal estimation from modified short-time Fourier transform", 1984 (the
inverse by least squares; no phase is estimated).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resona_core.results import Spectrogram

if TYPE_CHECKING:
    from scipy.signal import ShortTimeFFT

Floats = NDArray[np.float32]
Gain = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.floating]]
"""Frequencies in Hz (bin,) and times in seconds (frame,) -> 0 to 1, (bin, frame)."""

_STRETCH_S = 0.046
_PIECE_FRAMES = 2048  # at a time: 24 s, some 70 MB a channel


def shaped(samples: Floats, rate_hz: int, gain: Gain) -> Floats:
    """Return the sound with `gain` on its spectrum.

    Parameters
    ----------
    samples : ndarray (sample,) or (sample, channel), float32
    rate_hz : int
    gain : Gain
        Is asked for times from a little before the sound to a little after.

    Returns
    -------
    ndarray like `samples`
    """
    if samples.ndim == 2:
        channels = [shaped(channel, rate_hz, gain) for channel in samples.T]
        return np.stack(channels, axis=1)
    from scipy.signal import ShortTimeFFT  # most of a second, which no menu has to wait for

    size = 2 ** max(4, round(np.log2(_STRETCH_S * rate_hz)))
    transform = ShortTimeFFT.from_window(
        "hann", rate_hz, nperseg=size, noverlap=size - size // 4, fft_mode="onesided"
    )
    step = _PIECE_FRAMES * transform.hop
    out = np.empty(len(samples), np.float32)
    for start in range(0, len(samples), step):
        first, end = max(0, start - size), min(len(samples), start + step + size)
        piece = _shaped_piece(samples[first:end], transform, gain, first / rate_hz)
        out[start : start + step] = piece[start - first : start - first + step]
    return out


def _shaped_piece(
    piece: Floats, transform: ShortTimeFFT, gain: Gain, start_s: float
) -> NDArray[np.float64]:
    """Shape a stretch; its first and last window's length are not those of the whole sound."""
    missing = max(0, transform.m_num - len(piece))
    padded = np.pad(piece.astype(np.float64), (0, missing))
    spectrum = transform.stft(padded)
    times_s = start_s + transform.t(len(padded))
    inverse = transform.istft(spectrum * gain(transform.f, times_s), k1=len(padded))
    return np.asarray(inverse[: len(piece)], dtype=np.float64)


def mask_gain(mask: Floats, frequency_hz: NDArray[np.float64], time_s: NDArray[np.float64]) -> Gain:
    """Return the gain that a mask on the mel picture's axes stands for.

    Between two mel bins' centres it is interpolated, as the triangular filters between them weigh
    the frequencies; beyond the first and the last it stays as it is there.

    Parameters
    ----------
    mask : ndarray (mel, frame), 0 to 1
    frequency_hz : ndarray (mel,), rising
        The centres of the mel bins.
    time_s : ndarray (frame,), rising
        The centres of the frames.
    """

    def gain(at_hz: NDArray[np.float64], at_s: NDArray[np.float64]) -> NDArray[np.floating]:
        rows = np.interp(at_hz, frequency_hz, np.arange(len(frequency_hz)))
        columns = np.interp(at_s, time_s, np.arange(len(time_s)))
        return _between(_between(mask, rows).T, columns).T

    return gain


def kept_by(mask: Floats, picture: Spectrogram, samples: Floats, rate_hz: int) -> Floats:
    """Return what a mask (mel, frame) over the picture of a sound keeps of it, (sample,)."""
    return shaped(samples, rate_hz, mask_gain(mask, picture.frequency_hz, picture.time_s))


def _between(table: NDArray[np.floating], at: NDArray[np.float64]) -> NDArray[np.floating]:
    """Return rows of (row, column) at fractional positions, (position, column)."""
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, len(table) - 1)
    share = (at - below)[:, None]
    between: NDArray[np.floating] = table[below] * (1 - share) + table[above] * share
    return between
