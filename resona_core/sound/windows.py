"""A sound -> windows of the length the network hears, and what of each it can hear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import log10

import numpy as np
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.sound.fourier import rfft
from resona_core.sound.mixing import Power
from resona_core.sound.notices import Notices

Samples = NDArray[np.float32]

TOLD_DB = 10.0
"""Where what the network can hear of a window is this much weaker than all of it, it is told."""

BEYOND_DB = 30.0
"""From here on, what the network would answer is about the rest: a thousandth of the power."""

_SPECTRUM_SAMPLES = 4096
_PIECES = 16  # at a time: they stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Window:
    """A window of a longer sound.

    Attributes
    ----------
    start : int
        Its first sample, counted in the sound.
    end : int
        Where it ends; for the last one, where the sound ends, which may be before or after.
    samples : ndarray (window_samples,), float32
    silent : bool
        Nothing to hear in it, or nothing that the network can: it gets no class.
    beyond : bool
        It is silent only because what sounds in it lies above what the network hears.
    """

    start: int
    end: int
    samples: Samples
    silent: bool = False
    beyond: bool = False


def is_silent(samples: Samples, quietest: float) -> bool:
    """Tell whether nothing rises above a peak of `quietest`, beside a constant offset."""
    return len(samples) == 0 or float(np.ptp(samples)) < 2 * quietest


def window_starts(
    n_samples: int, window_samples: int, hop_samples: int = 0, loud_end: bool = False
) -> list[int]:
    """Return the first sample of each window: one each hop, the last flush with the end.

    Half a window is the hop unless another is given. Codecs add a few milliseconds: what
    exceeds a window by under a hundredth of its length gets no window of its own, unless it is
    louder than all before it (`loud_end`).
    """
    slack = _slack(window_samples)
    if n_samples <= window_samples + slack:
        return [0, n_samples - window_samples] if loud_end else [0]
    inner = range(0, n_samples - window_samples - slack, hop_samples or window_samples // 2)
    return [*inner, n_samples - window_samples]


def window_at(samples: Samples, start: int, window_samples: int) -> Samples:
    """Return one window, (window_samples,); a short sound is padded with silence at its end.

    Silence is the sound's own mean, so that a recording with an offset ends without a click.
    """
    piece = samples[start : start + window_samples]
    missing = window_samples - len(piece)
    return np.pad(piece, (0, missing), constant_values=piece.mean()) if missing else piece


def has_loud_end(samples: Samples, window_samples: int) -> bool:
    """Tell whether what exceeds a single window is louder than what is in it."""
    if not window_samples < len(samples) <= window_samples + _slack(window_samples):
        return False
    return bool(np.ptp(samples[window_samples:]) > np.ptp(samples[:window_samples]))


def windows_of(samples: Samples, window_samples: int) -> list[Window]:
    """Cut a whole sound into its windows; they share its memory."""
    loud_end = has_loud_end(samples, window_samples)
    return [
        Window(start, start + window_samples, window_at(samples, start, window_samples))
        for start in window_starts(len(samples), window_samples, loud_end=loud_end)
    ]


def windows(
    pieces: Iterable[Samples], window_samples: int, hop_samples: int = 0
) -> Iterator[Window]:
    """Cut a sound that arrives piece by piece into windows, keeping little more than one.

    They are the windows that :func:`window_starts` and :func:`window_at` give for the whole
    sound; each is cut as soon as enough is known to tell that it is not the last.
    """
    hop_samples = hop_samples or window_samples // 2
    enough = window_samples + _slack(window_samples)
    kept = np.zeros(0, np.float32)
    first = start = 0  # of what is kept, of the next window
    for piece in pieces:
        kept = np.concatenate([kept, piece])
        while first + len(kept) > start + enough:
            window = window_at(kept, start - first, window_samples)
            yield Window(start, start + window_samples, window)
            start += hop_samples
        done = max(0, start - hop_samples - first)  # the last window may begin before the next
        kept, first = kept[done:], first + done
    end = first + len(kept)
    last = end - window_samples if start else 0
    if not start and has_loud_end(kept, window_samples):
        yield Window(0, window_samples, window_at(kept, 0, window_samples))
        last = end - window_samples
    yield Window(last, end, window_at(kept, last - first, window_samples))


def _slack(window_samples: int) -> int:
    return window_samples // 100


class Judge:
    """Tells what of each window the network can hear.

    Parameters
    ----------
    front_end : FrontEndConfig
    quietest : float
        The peak below which there is only silence.
    power : Power
        How loud the sound was before its rate was lowered.
    notices : Notices
        Is told where most of the sound lies above what the network hears.
    """

    def __init__(
        self, front_end: FrontEndConfig, quietest: float, power: Power, notices: Notices
    ) -> None:
        self._rate_hz = front_end.sample_rate_hz
        self._highest_hz = front_end.f_max_hz
        self._quietest = quietest
        self._power = power
        self._notices = notices
        notices.highest_hz = self._highest_hz

    def judge(self, window: Window) -> Window:
        """Return the window, marked as silent or beyond where it is."""
        silent = is_silent(window.samples, self._quietest)
        loss_db = self._loss_db(window, silent)
        if loss_db >= TOLD_DB:
            start_s = window.start / self._rate_hz
            self._notices.above.add(start_s, window.end / self._rate_hz, loss_db)
        beyond = loss_db >= BEYOND_DB
        return replace(window, silent=silent or beyond, beyond=beyond)

    def _loss_db(self, window: Window, silent: bool) -> float:
        """Return by how many dB what can be heard is weaker than that and all above it."""
        start_s, length_s = window.start / self._rate_hz, len(window.samples) / self._rate_hz
        came = self._power.between(start_s, start_s + length_s)
        if silent and came <= self._quietest**2 / 2:
            return 0.0
        heard, above = _powers(window.samples, self._rate_hz, self._highest_hz)
        kept = float(np.var(window.samples))
        lost = above + (came - kept if came > 2 * kept else 0.0)
        return 10 * log10(1 + lost / max(heard, 1e-30))


def _powers(samples: Samples, rate_hz: int, highest_hz: float) -> tuple[float, float]:
    """Return the power below `highest_hz` and above it, without what does not change."""
    if highest_hz >= rate_hz / 2:
        return float(np.var(samples)), 0.0
    size = min(_SPECTRUM_SAMPLES, len(samples))
    pieces = samples[: len(samples) // size * size].reshape(-1, size)
    hann, mean = np.hanning(size).astype(np.float32), samples.mean()
    power = np.zeros(size // 2 + 1)
    for first in range(0, len(pieces), _PIECES):
        spectrum = rfft((pieces[first : first + _PIECES] - mean) * hann)
        power += (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=0)
    border = round(highest_hz / rate_hz * size)
    scale = 2 / (size * size * 3 / 8) / len(pieces)  # Parseval's, for Hann's window
    return float(power[1:border].sum() * scale), float(power[border:].sum() * scale)
