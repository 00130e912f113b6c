"""Frames as they are decoded -> blocks of sound on the file's own time axis.

Nothing here holds a whole sound: memory is a few blocks, whatever a header promises and however
many hours follow. What could not be heard is told in
:class:`~resona_core.sound.notices.Notices`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import AudioLimitError, DamagedAudioError
from resona_core.settings import Limits
from resona_core.sound.axis import BLOCK_S, Axis, Block, evened
from resona_core.sound.frames import Frames
from resona_core.sound.notices import WORTH_TELLING_S, Notices

_LOUDEST = 1e10  # beyond, the power of a Fourier bin leaves float32


@dataclass(eq=False)
class OpenSound:
    """A sound being read: its facts, and its blocks as they are decoded.

    Attributes
    ----------
    name : str
        What messages call it.
    limits : Limits
        How long it may last.
    encoding : str
        What the file holds, for example "WAV, PCM signed 16-bit".
    duration_s : float or None
        How long its header says it is, on the file's own time axis, when it can be believed.
    slack_s : float
        By how much that is often wrong.
    cut : bool
        The file ends in the middle of something.
    notices : Notices
        What the listener must know, as far as it has been decoded.
    """

    name: str
    limits: Limits
    encoding: str
    duration_s: float | None
    slack_s: float
    cut: bool
    notices: Notices
    frames: Frames

    @property
    def rate_hz(self) -> int:
        """Sample rate as it comes in."""
        return self.frames.rate_hz

    @property
    def channels(self) -> int:
        """Channels as they come in."""
        return self.frames.channels

    @property
    def quietest(self) -> float:
        """The peak below which there is only silence: -100 dB, or what dither makes of it."""
        return max(1e-5, 1.5 * 2.0 ** (1 - self.frames.bits))

    def blocks(self, start_s: float = 0.0) -> Iterator[Block]:
        """Yield blocks (frame, channel), float32, of half a second each, the last shorter.

        Can be asked only once.

        Parameters
        ----------
        start_s : float
            Where the first block begins, in seconds; to the nearest frame.

        Raises
        ------
        DamagedAudioError, AudioLimitError
            If nothing in it is sound, or it goes on too long.
        """
        n_frames = round(start_s * self.rate_hz)
        any_sound = any_block = False
        for block in evened(self._placed(n_frames), round(BLOCK_S * self.rate_hz)):
            good = self._sensible(block, n_frames)
            n_frames += len(block)
            if n_frames / self.rate_hz > self.limits.max_duration_s + WORTH_TELLING_S:
                raise too_long(self.name, self.limits)
            any_block, any_sound = True, any_sound or bool(good.any())
            yield block if good.all() else np.where(good[:, None], block, np.float32(0))
        if any_block and not any_sound:
            raise DamagedAudioError(
                f"{self.name} holds nothing but samples that are not numbers (NaN or infinite) or "
                f"far out of range (above {_LOUDEST:g}, where 1 is full scale); export it again."
            )

    def _sensible(self, block: Block, start: int) -> NDArray[np.bool_]:
        """Tell which frames of a block are sound, (frame,); the others are silenced, and told."""
        if float(np.abs(block).max()) < _LOUDEST:  # false for NaN
            return np.ones(len(block), bool)
        good: NDArray[np.bool_] = np.all(np.abs(block) < _LOUDEST, axis=1)
        bad = start + np.flatnonzero(~good)
        self.notices.undecoded.add(bad[0] / self.rate_hz, (bad[-1] + 1) / self.rate_hz)
        return good

    def _placed(self, first: int) -> Iterator[Block]:
        """Yield what is decoded, and silence where nothing was, from frame `first` on."""
        longest_s = min(self.limits.max_duration_s, self.duration_s or float("inf"))
        axis = Axis(self.rate_hz, longest_s + 1, self.notices)
        if first:
            self.frames.seek(first / self.rate_hz - 1)
            axis.begin_before(first)
        for frame in self.frames:
            for block in axis.place(frame.samples, frame.at_s, frame.damaged):
                new = block[max(0, first - (axis.n_frames - len(block))) :]
                if len(new):
                    yield new
        self._note_the_end(axis.n_frames / self.rate_hz)

    def _note_the_end(self, ends_s: float) -> None:
        short = self.duration_s is not None and ends_s < self.duration_s - self.slack_s
        if short or self.cut:
            self.notices.ends_s = ends_s
            self.notices.promised_s = self.duration_s if short else None


def too_long(name: str, limits: Limits, promised_s: float | None = None) -> AudioLimitError:
    """Return the refusal of a sound that lasts longer than it may."""
    most = f"{limits.max_duration_s:,.0f} s"
    lasts = f"more than {most}" if promised_s is None else f"{promised_s:,.0f} s"
    cures = _either("cut out a shorter part", limits.if_longer)
    return AudioLimitError(f"{name} lasts {lasts}, the limit is {most}; {cures}.")


def too_large(what: str, limits: Limits) -> AudioLimitError:
    """Return the refusal of what weighs more than a sound may: "night.wav is 60.0 MB"."""
    cures = _either("cut it shorter or save it in a compressed format", limits.if_larger)
    return AudioLimitError(f"{what}, the limit is {limits.max_bytes / 1e6:g} MB; {cures}.")


def _either(*cures: str) -> str:
    return ", or ".join(filter(None, cures))
