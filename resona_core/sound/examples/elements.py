"""The parts every demo sound is built from: noise, tones, ringing modes, a room.

Signals inside are float64 arrays (sample,) at :data:`SAMPLE_RATE_HZ`; only
:func:`finish` turns one into the float32 clip that leaves the package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 44_100
DURATION_S = 5.0

Signal = NDArray[np.float64]
Samples = NDArray[np.float32]


def times_s(duration_s: float = DURATION_S) -> Signal:
    """Return the time of each sample, (sample,), in seconds."""
    return np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ


def amplitude(level_db: float) -> float:
    """Return the factor that changes a level by `level_db`."""
    return float(10 ** (level_db / 20))


def noise(
    rng: Generator, spectrum_db: Mapping[float, float], duration_s: float = DURATION_S
) -> Signal:
    """Return Gaussian noise with a given spectrum and an RMS of 1.

    Parameters
    ----------
    rng : Generator
        The source of chance.
    spectrum_db : mapping of Hz (> 0) to dB
        Corners of the power density; straight lines over log frequency join them.
    duration_s : float, > 0
        Length in seconds.
    """
    count = len(times_s(duration_s))
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency_hz = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ), 1e-3)
    corners_hz = np.array(sorted(spectrum_db))
    levels_db = np.array([spectrum_db[corner] for corner in corners_hz])
    gain_db = np.interp(np.log(frequency_hz), np.log(corners_hz), levels_db)
    shaped = np.fft.irfft(spectrum * 10 ** (gain_db / 20), count)
    scaled: Signal = shaped / np.sqrt(np.mean(shaped**2))
    return scaled


def wander(rng: Generator, rate_hz: float, duration_s: float = DURATION_S) -> Signal:
    """Return a smooth random curve, mean 0 and deviation 1, slower than about `rate_hz`."""
    knots = rng.standard_normal(max(4, round(duration_s * rate_hz * 2) + 3))
    position = np.linspace(0, len(knots) - 1, len(times_s(duration_s)))
    index = np.minimum(position.astype(int), len(knots) - 2)
    blend = (1 - np.cos(np.pi * (position - index))) / 2
    curve = knots[index] * (1 - blend) + knots[index + 1] * blend
    scaled: Signal = (curve - curve.mean()) / (curve.std() + 1e-9)
    return scaled


def phase_of(frequency_hz: Signal) -> Signal:
    """Return the phase in radians of a tone whose frequency is `frequency_hz` (sample,)."""
    return 2 * np.pi * np.cumsum(frequency_hz) / SAMPLE_RATE_HZ


def harmonics(phase: Signal, amplitudes: Sequence[float]) -> Signal:
    """Return the sum of harmonics 1, 2, 3 ... of a tone of that `phase` in radians."""
    total = np.zeros_like(phase)
    for order, size in enumerate(amplitudes, start=1):
        total += size * np.sin(order * phase)
    return total


def burst(attack_s: float, decay_s: float, duration_s: float) -> Signal:
    """Return an envelope: a rise over `attack_s`, then a fall by 1/e each `decay_s`."""
    time = times_s(duration_s)
    return np.minimum(time / attack_s, 1) * np.exp(-np.maximum(time - attack_s, 0) / decay_s)


def gate(start_s: float, length_s: float, ramp_s: float, duration_s: float = DURATION_S) -> Signal:
    """Return an envelope that is 1 from `start_s` for `length_s`, with ramps of `ramp_s`."""
    time = times_s(duration_s) - start_s
    rising = np.clip(time / ramp_s, 0, 1)
    falling = np.clip((length_s - time) / ramp_s, 0, 1)
    return np.sin(np.pi / 2 * np.minimum(rising, falling)) ** 2


def ringing(modes: Sequence[tuple[float, float, float]], duration_s: float) -> Signal:
    """Return a struck body: damped tones, each (frequency in Hz, amplitude, decay in s)."""
    frequency_hz, size, decay_s = np.array(modes).T
    step = (2j * np.pi * frequency_hz - 1 / decay_s) / SAMPLE_RATE_HZ  # from sample to sample
    time = times_s(duration_s)
    block = 1 + math.isqrt(len(time))
    # exp(step * n) in blocks: one factor for where a block starts, one for the place within it.
    starts = size * np.exp(np.outer(np.arange(0, len(time), block), step))  # (block, mode)
    within = np.exp(np.outer(step, np.arange(block)))  # (mode, sample)
    total: Signal = (starts @ within).imag.ravel()[: len(time)]
    return total * np.minimum(time / 0.0005, 1)


def place(track: Signal, piece: Signal, start_s: float, gain: float = 1.0) -> None:
    """Add `piece` to `track` in place, from `start_s` on; what hangs over the end is cut."""
    start = round(start_s * SAMPLE_RATE_HZ)
    count = max(0, min(len(piece), len(track) - start))
    track[start : start + count] += gain * piece[:count]


def room(rng: Generator, dry: Signal, decay_s: float, wet: float) -> Signal:
    """Return `dry` with the echo of a room that falls by 1/e each `decay_s`.

    `wet` is the echo's strength: the root of its energy, the direct sound's being 1.
    """
    tail = noise(rng, {100: 0, 2_000: 0, 8_000: -12}, 6 * decay_s) * burst(
        0.004, decay_s, 6 * decay_s
    )
    tail /= np.sqrt(np.sum(tail**2))
    length = len(dry) + len(tail)  # scipy.signal does the same, but takes seconds to load
    echo = np.fft.irfft(np.fft.rfft(dry, length) * np.fft.rfft(tail, length), length)
    return dry + wet * echo[: len(dry)]


def finish(signal: Signal, peak: float = 0.8, fade_s: float = 0.03) -> Samples:
    """Return the clip: no offset, faded at both ends, largest sample at `peak`."""
    centred = signal - signal.mean()
    faded = centred * gate(0, DURATION_S, fade_s)
    clip: Samples = (peak * faded / np.abs(faded).max()).astype(np.float32)
    return clip
