"""A sound file with a part erased, or only that part kept, to be heard and classified again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from resona_core.errors import RequestError
from resona_core.explain.boxes import Box, erasing, keeping
from resona_core.explain.explanation import wav
from resona_core.explain.shaping import shaped
from resona_core.settings import Limits
from resona_core.sound.opening import open_sound

_NOTHING_LEFT = 1e-4  # of the peak: 80 dB below it lie only traces of what was erased


def edited(
    source: bytes | Path,
    boxes: Sequence[Box],
    erase: bool,
    limits: Limits | None = None,
    name: str = "",
    track: int | None = None,
) -> bytes:
    """Return `source` as a WAV file of 32-bit floats, with its own rate, channels and length.

    Parameters
    ----------
    source : bytes or Path
        A whole sound file.
    boxes : sequence of Box
        At least one.
    erase : bool
        Silence what lies in any of the boxes; otherwise all that lies in none.
    limits, name, track
        As for :func:`resona_core.sound.audio.load`.

    Raises
    ------
    RequestError
        For no box, a box outside the sound, and where nothing would be left.
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
        As :func:`resona_core.sound.audio.load`.
    """
    if not boxes:
        raise RequestError("There is no box; draw at least one.")
    with open_sound(source, limits, name, track) as sound:
        samples, rate_hz = np.concatenate(list(sound.blocks())), sound.rate_hz
    drawn = [box.within(len(samples) / rate_hz, rate_hz / 2) for box in boxes]
    left = shaped(samples, rate_hz, erasing(drawn) if erase else keeping(drawn))
    if np.ptp(left) <= _NOTHING_LEFT * np.ptp(samples):
        raise RequestError(
            "Nothing would be left of the sound; "
            + ("erase less of it." if erase else "keep a part in which something sounds.")
        )
    return wav(left, rate_hz)
