"""What a browser can play: the file as it came, or else the decoded sound as WAV."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from resona_core.settings import Limits
from resona_core.sound.opening import open_sound

_MEDIA_TYPES = {
    "WAV": "audio/wav", "FLAC": "audio/flac", "MP3": "audio/mpeg", "OGG": "audio/ogg",
    "Matroska": "audio/webm", "MP4": "audio/mp4", "AAC": "audio/aac",
}  # fmt: skip
_ENCODINGS = {
    "PCM unsigned 8-bit", "PCM signed 16-bit", "PCM signed 24-bit", "PCM signed 32-bit",
    "PCM 32-bit floating point", "PCM mu-law / G.711 mu-law", "PCM A-law / G.711 A-law",
    "FLAC", "MP3", "Vorbis", "Opus", "libopus Opus", "AAC",
}  # fmt: skip
_RATES_HZ = (3_000, 192_000)
_RATE_FOR_OTHERS_HZ = 48_000


@dataclass(frozen=True)
class Playable:
    """A file that browsers play, its media type, and in words what was changed; "" for nothing."""

    data: bytes
    media_type: str
    change: str = ""


def playable(source: bytes, peak: float, limits: Limits | None = None, name: str = "") -> Playable:
    """Return `source` as browsers play it, which is as it came whenever they can.

    Parameters
    ----------
    source : bytes
        A whole sound file.
    peak : float
        Its largest absolute sample, full scale 1; above that, players would clip it.
    limits : Limits, optional
        Largest size and duration.
    name : str, optional
        What messages call the file.

    Raises
    ------
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
        As :func:`resona_core.sound.audio.load`.
    """
    with open_sound(source, limits, name) as sound:
        container, _, encoding = sound.encoding.partition(", ")
        known = container in _MEDIA_TYPES and encoding in _ENCODINGS
        in_range = _RATES_HZ[0] <= sound.rate_hz <= _RATES_HZ[1]
        if known and in_range and peak <= 1:
            return Playable(source, _MEDIA_TYPES[container])
        samples, rate_hz = np.concatenate(list(sound.blocks())), sound.rate_hz
    if not in_range:
        samples = soxr.resample(samples, rate_hz, _RATE_FOR_OTHERS_HZ)
    data, quieter = _wav(samples, rate_hz if in_range else _RATE_FOR_OTHERS_HZ)
    what = f"{container}, {encoding}" if not known else f"{rate_hz:,} samples a second"
    reason = "" if known and in_range else f"Browsers do not play {what}. "
    return Playable(data, "audio/wav", f"{reason}You hear the decoded sound as WAV{quieter}.")


def _wav(samples: NDArray[np.float32], rate_hz: int) -> tuple[bytes, str]:
    """Return samples (sample, channel) as 16-bit WAV, and in words how they had to be changed."""
    loudest = float(np.abs(samples).max(initial=0))
    file = io.BytesIO()
    fitting = samples / np.float32(max(1, loudest))
    soundfile.write(file, fitting, rate_hz, subtype="PCM_16", format="WAV")
    if loudest <= 1:
        return file.getvalue(), ""
    decibels = 20 * np.log10(loudest)
    return file.getvalue(), f", {decibels:.1f} dB quieter, as its peak lies over full scale"
