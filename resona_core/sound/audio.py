"""Sound in: a file -> mono float32 at the rate the network asks for.

What the user plays is always the file as uploaded; only the network hears the resampled
copy, and :class:`Clip` says which rate came in. A clip is held whole; :mod:`.windows` and
:func:`excerpt` take recordings of hours in a few megabytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.errors import EmptyAudioError, RequestError
from resona_core.settings import Limits
from resona_core.sound.decoding import OpenSound
from resona_core.sound.mixing import Power, mono_pieces
from resona_core.sound.notices import Notices, Spans
from resona_core.sound.opening import open_sound, track_with_sound
from resona_core.sound.sources import Source, as_file
from resona_core.sound.windows import Judge, Window, is_silent, windows_of


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
        What the file holds, for example "WAV, PCM signed 16-bit".
    quietest : float
        The peak below which there is only silence.
    power : Power
        How loud the sound was before its rate was lowered.
    notices : Notices
        What happened to it on its way.
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    source_rate_hz: int
    channels: int
    encoding: str
    quietest: float = 1e-5
    power: Power = field(default_factory=Power)
    notices: Notices = field(default_factory=Notices)

    def __post_init__(self) -> None:
        samples = self.samples
        if samples.ndim != 1 or samples.dtype != np.float32 or not len(samples):
            raise RequestError(
                f"The clip's samples are {samples.dtype} of shape {samples.shape}, but must be "
                "some float32 of shape (sample,); let Engine.load((samples, rate)) make a clip."
            )
        if not np.isfinite(samples).all():
            raise RequestError("The clip holds samples that are no numbers (NaN or infinite).")

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


def load(
    source: Source,
    sample_rate_hz: int,
    limits: Limits | None = None,
    name: str = "",
    track: int | None = None,
) -> Clip:
    """Decode `source`, mix it to mono and resample it.

    Parameters
    ----------
    source : Source
        A path, a whole sound file in any of :data:`~resona_core.sound.formats.FORMATS`, a file
        open for reading, or (samples, rate in Hz).
    sample_rate_hz : int
        The rate wanted.
    limits : Limits, optional
        Largest size and duration.
    name : str, optional
        What messages call the file; the path's name by default.
    track : int, optional
        Which of several sound tracks, counted from 1; by default the one marked so, or the first.

    Raises
    ------
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError, RequestError
        Each with one sentence: what was received, what is allowed, how to cure it.
    """
    source = as_file(source, limits, name)
    with open_sound(source, limits, name, track) as sound:
        power = Power()
        samples = np.concatenate(list(mono_pieces(sound, sample_rate_hz, power)))
        if is_silent(samples, sound.quietest):
            note_silent_track(sound, source)
        return Clip(
            samples, sample_rate_hz, sound.rate_hz, sound.channels, sound.encoding,
            sound.quietest, power, sound.notices,
        )  # fmt: skip


def note_silent_track(sound: OpenSound, source: bytes | Path) -> None:
    """Tell whether another track than the silent one that was heard has sound."""
    if sound.notices.tracks > 1:
        sound.notices.sounding_track = track_with_sound(sound, source)


def clip_windows(clip: Clip, front_end: FrontEndConfig) -> tuple[list[Window], Notices]:
    """Cut a clip into its windows, and tell what of each, and of all, can be heard.

    Raises
    ------
    RequestError
        For a clip of another rate than the front end's.
    """
    check_rate(clip, front_end)
    notices = replace(clip.notices, above=Spans())
    judge = Judge(front_end, clip.quietest, clip.power, notices)
    return list(map(judge.judge, windows_of(clip.samples, front_end.window_samples))), notices


def check_rate(clip: Clip, front_end: FrontEndConfig) -> None:
    """Refuse a clip of another rate: it would be heard too fast or too slow."""
    if clip.sample_rate_hz != front_end.sample_rate_hz:
        raise RequestError(
            f"The clip is at {clip.sample_rate_hz:,} Hz, the network hears "
            f"{front_end.sample_rate_hz:,} Hz; let Engine.load((samples, rate)) change the rate."
        )


def window_of(clip: Clip, window: int, front_end: FrontEndConfig) -> NDArray[np.float32]:
    """Return the clip's window of that number, (window_samples,).

    Raises
    ------
    RequestError
        For a window that does not exist, and a clip of another rate than the front end's.
    """
    check_rate(clip, front_end)
    all_windows = windows_of(clip.samples, front_end.window_samples)
    if not 0 <= window < len(all_windows):
        raise RequestError(
            f"There is no window {window}; the sound has windows 0 to {len(all_windows) - 1}."
        )
    return all_windows[window].samples


def excerpt(
    source: bytes | Path,
    start_s: float,
    end_s: float,
    limits: Limits | None = None,
    name: str = "",
    track: int | None = None,
) -> bytes:
    """Return a stretch of `source` as a 16-bit WAV file, with its own rate and channels.

    Raises
    ------
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
        As :func:`load`; EmptyAudioError also where the sound ends before the stretch begins.
    """
    with open_sound(source, limits, name, track) as sound:
        first, end = round(start_s * sound.rate_hz), round(end_s * sound.rate_hz)
        blocks: list[NDArray[np.float32]] = []
        for block in sound.blocks(start_s):
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
