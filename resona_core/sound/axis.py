"""Decoded frames -> blocks on the file's own time axis, as a player shows it.

What a file's time stamps leave out (packets that were lost, a track that begins late, frames
that could not be decoded) is silence, so that everything else is heard when it was.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from resona_core.sound.notices import Notices

Block = NDArray[np.float32]

BLOCK_S = 0.5
TOLERANCE_S = 0.03
"""Containers round time stamps, and those of Vorbis are off by a short block."""

_NEW_PART_S = 0.1  # stamps that go back further begin a new part, which follows the last


class Axis:
    """Where the next frame of a sound belongs.

    Parameters
    ----------
    rate_hz : int
    longest_s : float
        Stamps further from the beginning are not believed.
    notices : Notices
        Is told what is missing.
    """

    def __init__(self, rate_hz: int, longest_s: float, notices: Notices) -> None:
        self._rate_hz = rate_hz
        self._longest = longest_s * rate_hz
        self._notices = notices
        self._shift = 0
        self._begin: int | None = 0
        self._any_decoded = False
        self.n_frames = 0

    def begin_before(self, frame: int) -> None:
        """Begin with what comes first, at `frame` at the latest."""
        self._begin = frame

    def place(self, block: Block, at_s: float | None, damaged: bool) -> Iterator[Block]:
        """Yield the silence that comes before `block`, (frame, channel), and what is new in it.

        Parameters
        ----------
        at_s : float or None
            Where its time stamp puts it; None: right behind the last.
        damaged : bool
            Something in between could not be decoded.
        """
        stamp = None if at_s is None else round(at_s * self._rate_hz) + self._shift
        if self._begin is not None:
            self.n_frames, self._begin = min(max(0, stamp or 0), self._begin), None
        ahead = 0 if stamp is None else stamp - self.n_frames
        new_part = ahead < -_NEW_PART_S * self._rate_hz
        if new_part or self.n_frames + ahead > self._longest:
            self._shift -= ahead
        elif ahead > (0 if damaged and self._any_decoded else TOLERANCE_S * self._rate_hz):
            yield from self._silence(ahead, block.shape[1], damaged)
        elif ahead < -TOLERANCE_S * self._rate_hz:
            block = block[-ahead:]
        self.n_frames += len(block)
        self._any_decoded = True
        yield block

    def _silence(self, n_frames: int, channels: int, damaged: bool) -> Iterator[Block]:
        start_s, end_s = self.n_frames / self._rate_hz, (self.n_frames + n_frames) / self._rate_hz
        if self._any_decoded:
            spans = self._notices.undecoded if damaged else self._notices.missing
            spans.add(start_s, end_s)
        else:
            self._notices.late_s = end_s
        size = round(BLOCK_S * self._rate_hz)
        for first in range(0, n_frames, size):
            silence = np.zeros((min(size, n_frames - first), channels), np.float32)
            self.n_frames += len(silence)
            yield silence


def evened(pieces: Iterator[Block], size: int) -> Iterator[Block]:
    """Put pieces of any length together into blocks of `size` frames; the last may be shorter."""
    waiting: list[Block] = []
    n_waiting = 0
    for piece in pieces:
        waiting.append(piece)
        n_waiting += len(piece)
        if n_waiting >= size:
            joined = np.concatenate(waiting)
            whole = len(joined) - len(joined) % size
            for first in range(0, whole, size):
                yield joined[first : first + size]
            waiting, n_waiting = [joined[whole:]], len(joined) - whole
    if n_waiting:
        yield np.concatenate(waiting)
