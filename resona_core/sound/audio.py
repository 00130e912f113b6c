"""Sound in: a file -> mono float32 at the rate the network asks for -> windows.

What the user plays is always the file as uploaded; only the network hears the resampled
copy, and :class:`Clip` says which rate came in. A clip is held whole; :func:`windows` and
:func:`excerpt` take recordings of hours in a few megabytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from resona_core.errors import EmptyAudioError, RequestError
from resona_core.settings import Limits
from resona_core.sound.decoding import FORMATS as FORMATS
from resona_core.sound.decoding import checked_blocks, mono_pieces, open_sound

SILENCE_PEAK = 1e-4  # -80 dB re full scale, after removing a constant offset


@dataclass(frozen=True, eq=False)
class Clip:
    """A decoded sound.

    Attributes
    ----------
    samples : ndarray (sample,), float32
        Mono, at `sample_rate_hz`; full scale is +-1.
    sample_rate_hz, source_rate_hz : int
        The rate used, and the rate that came in.
    channels : int
        Channels that came in, averaged into one.
    encoding : str
        What the file holds, for example "WAV, 16 bit PCM".
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    source_rate_hz: int
    channels: int
    encoding: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    @property
    def peak(self) -> float:
        """Largest absolute sample, 1.0 being full scale."""
        return float(np.abs(self.samples).max())

    @property
    def peak_dbfs(self) -> float:
        """Peak in dB re full scale; -inf for digital silence."""
        return float(20 * np.log10(self.peak)) if self.peak > 0 else float("-inf")


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
    """

    start: int
    end: int
    samples: NDArray[np.float32]


def load(
    source: bytes | Path, sample_rate_hz: int, limits: Limits | None = None, name: str = ""
) -> Clip:
    """Decode `source`, mix it to mono and resample it.

    Parameters
    ----------
    source : bytes or Path
        A whole sound file in any of :data:`FORMATS`.
    sample_rate_hz : int
        The rate wanted.
    limits : Limits, optional
        Largest size and duration.
    name : str, optional
        What messages call the file; the path's name by default.

    Raises
    ------
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
        Each with one sentence: what was received, what is allowed, how to cure it.
    """
    with open_sound(source, limits, name) as sound:
        samples = np.concatenate(list(mono_pieces(sound, sample_rate_hz)))
        return Clip(samples, sample_rate_hz, sound.rate_hz, sound.channels, sound.encoding)


def excerpt(
    source: bytes | Path,
    start_s: float,
    end_s: float,
    limits: Limits | None = None,
    name: str = "",
) -> bytes:
    """Return a stretch of `source` as a 16-bit WAV file, with its own rate and channels.

    Raises
    ------
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
        As :func:`load`; EmptyAudioError also where the sound ends before the stretch begins.
    """
    with open_sound(source, limits, name) as sound:
        first, end = round(start_s * sound.rate_hz), round(end_s * sound.rate_hz)
        blocks: list[NDArray[np.float32]] = []
        for block in checked_blocks(sound, first):
            blocks.append(block[: end - first])
            first += len(block)
            if first >= end:
                break
        if not blocks:
            raise EmptyAudioError(f"{sound.name} ends before {start_s:.1f} s; choose another part.")
        file = io.BytesIO()
        stretch = np.concatenate(blocks)
        soundfile.write(file, stretch, sound.rate_hz, subtype="PCM_16", format="WAV")
        return file.getvalue()


def is_silent(samples: NDArray[np.float32]) -> bool:
    """Tell whether nothing rises 80 dB under full scale above a constant offset."""
    return len(samples) == 0 or float(np.ptp(samples)) < 2 * SILENCE_PEAK


def window_starts(n_samples: int, window_samples: int, hop_samples: int = 0) -> list[int]:
    """Return the first sample of each window: one each hop, the last flush with the end.

    Half a window is the hop unless another is given. Codecs add a few milliseconds: what
    exceeds a window by under a fiftieth of its length gets no window of its own.
    """
    slack = _slack(window_samples)
    if n_samples <= window_samples + slack:
        return [0]
    inner = range(0, n_samples - window_samples - slack, hop_samples or window_samples // 2)
    return [*inner, n_samples - window_samples]


def window_at(samples: NDArray[np.float32], start: int, window_samples: int) -> NDArray[np.float32]:
    """Return one window, (window_samples,); a short sound is padded with silence at its end.

    Silence is the sound's own mean, so that a recording with an offset ends without a click.
    """
    piece = samples[start : start + window_samples]
    missing = window_samples - len(piece)
    return np.pad(piece, (0, missing), constant_values=piece.mean()) if missing else piece


def clip_windows(clip: Clip, window_samples: int) -> list[Window]:
    """Cut a whole clip into its windows; they share its memory."""
    return [
        Window(start, start + window_samples, window_at(clip.samples, start, window_samples))
        for start in window_starts(len(clip.samples), window_samples)
    ]


def window_of(clip: Clip, window: int, window_samples: int) -> NDArray[np.float32]:
    """Return the clip's window of that number, (window_samples,).

    Raises
    ------
    RequestError
        For a window that does not exist.
    """
    starts = window_starts(len(clip.samples), window_samples)
    if not 0 <= window < len(starts):
        raise RequestError(
            f"There is no window {window}; the sound has windows 0 to {len(starts) - 1}."
        )
    return window_at(clip.samples, starts[window], window_samples)


def windows(
    pieces: Iterable[NDArray[np.float32]], window_samples: int, hop_samples: int = 0
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
    yield Window(last, end, window_at(kept, last - first, window_samples))


def _slack(window_samples: int) -> int:
    return window_samples // 50
