"""A sound changed by hand, to be heard and classified again: "and what if ...?"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import RequestError
from resona_core.explain.boxes import Box, erasing, keeping
from resona_core.explain.explanation import wav
from resona_core.explain.shaping import shaped
from resona_core.settings import Limits
from resona_core.sound.opening import open_sound

Kind = Literal["erase", "keep", "harmonic", "percussive", "faster", "slower", "higher", "lower"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SPEED = 1.25  # of what is faster; slower is as much the other way
SEMITONES = 4  # up or down

_NOTHING_LEFT = 1e-4  # of the peak: 80 dB below it lie only traces of what was erased

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Edit:
    """One change.

    Attributes
    ----------
    kind : Kind
        Erase the boxes, or all but them; only the steady tones or only the strokes; a quarter
        faster or slower at the same pitch; a third higher or lower at the same speed.
    boxes : tuple of Box
        For "erase" and "keep", at least one; in seconds and Hz of the sound before this change.

    Raises
    ------
    RequestError
        For a kind that does not exist, and for boxes missing.
    """

    kind: Kind
    boxes: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise RequestError(f"There is no edit {self.kind!r}; choose of {', '.join(KINDS)}.")
        if self.kind in ("erase", "keep") and not self.boxes:
            raise RequestError("There is no box; draw at least one.")


def edited(
    source: bytes | Path,
    edits: Sequence[Edit],
    limits: Limits | None = None,
    name: str = "",
    track: int | None = None,
) -> bytes:
    """Return `source` after all `edits` as a WAV file of 32-bit floats, at its own rate.

    Parameters
    ----------
    source : bytes or Path
        A whole sound file.
    edits : sequence of Edit
        Each changes what the one before it left.
    limits, name, track
        As for :func:`resona_core.sound.audio.load`.

    Raises
    ------
    RequestError
        For a box outside the sound, and where nothing would be left.
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
        As :func:`resona_core.sound.audio.load`.
    """
    with open_sound(source, limits, name, track) as sound:
        samples, rate_hz = np.concatenate(list(sound.blocks())), sound.rate_hz
    loudest = np.ptp(samples)
    for edit in edits:
        samples = changed(samples, rate_hz, edit)
        if np.ptp(samples) <= _NOTHING_LEFT * loudest:
            raise RequestError(
                "Nothing would be left of the sound; "
                + ("erase less of it." if edit.kind == "erase" else "keep a part that sounds.")
            )
    return wav(samples, rate_hz)


def changed(samples: Floats, rate_hz: int, edit: Edit) -> Floats:
    """Return (sample, channel) after one edit."""
    if edit.kind in ("erase", "keep"):
        drawn = [box.within(len(samples) / rate_hz, rate_hz / 2) for box in edit.boxes]
        return shaped(samples, rate_hz, erasing(drawn) if edit.kind == "erase" else keeping(drawn))
    import librosa.effects as effects  # seconds to import, for who needs it

    match edit.kind:
        case "harmonic":
            out = effects.harmonic(samples.T)
        case "percussive":
            out = effects.percussive(samples.T)
        case "faster" | "slower":
            rate = SPEED if edit.kind == "faster" else 1 / SPEED
            out = effects.time_stretch(samples.T, rate=rate)
        case _:
            steps = SEMITONES if edit.kind == "higher" else -SEMITONES
            out = effects.pitch_shift(samples.T, sr=rate_hz, n_steps=steps)
    return np.ascontiguousarray(out.T, dtype=np.float32)
