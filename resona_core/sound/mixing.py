"""Blocks of all channels -> mono at the rate the network asks for.

The channels are averaged, and resampled by soxr (HQ), as they come; only what the average would
lose is heard otherwise. Silence before and after the sound is its own first and last level: a
recording with a constant offset would click at both ends, louder than a quiet sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, gcd, log10

import numpy as np
import soxr
from numpy.typing import NDArray

from resona_core.errors import EmptyAudioError
from resona_core.sound.axis import Block
from resona_core.sound.decoding import OpenSound
from resona_core.sound.notices import Notices

STEP_S = 0.1
"""Resolution in time of :class:`Power`, in seconds."""

_LOST = 10.0  # 10 dB: the mean holds under a tenth of the power unrelated channels would leave
_LOUDER = 4.0  # 6 dB: another channel takes over
_TURN_S = 0.02  # from one mix to another without a click
_LEAD_S = 0.05  # longer than the resampler's filter


class Power:
    """How loud a sound was before its rate was changed.

    Attributes
    ----------
    steps : list of float
        Power times seconds in each :data:`STEP_S`, the sound's level removed; empty where the
        rate was not lowered: then nothing was lost.
    """

    def __init__(self) -> None:
        self.steps: list[float] = []

    def add(self, mono: Block, rate_hz: int) -> None:
        """Add a block that begins at a step."""
        size = round(STEP_S * rate_hz)
        steps = (mono[at : at + size] for at in range(0, len(mono), size))
        self.steps += [float(np.var(step)) * len(step) / rate_hz for step in steps]

    def between(self, start_s: float, end_s: float) -> float:
        """Return the mean power of a stretch, to a step; what is beyond the sound is silent."""
        steps = self.steps[round(start_s / STEP_S) : ceil(end_s / STEP_S - 1e-6)]
        return sum(steps) / (end_s - start_s)


def mono_pieces(sound: OpenSound, rate_hz: int, power: Power | None = None) -> Iterator[Block]:
    """Yield the sound piece by piece, (sample,): channels put together, resampled.

    Pieces differ in length and may be empty; put together they are the whole sound.

    Parameters
    ----------
    power : Power, optional
        Is told how loud the sound was, where its rate is lowered.

    Raises
    ------
    EmptyAudioError, DamagedAudioError, AudioLimitError
        When it shows, which may be only at the end.
    """
    mixed = _mixed(sound)
    if power is not None and sound.rate_hz > rate_hz:
        mixed = _measured(mixed, sound.rate_hz, power)
    n_samples = 0
    for piece in resampled(mixed, sound.rate_hz, rate_hz):
        n_samples += len(piece)
        yield piece
    if n_samples == 0:
        raise EmptyAudioError(f"{sound.name} holds no sound; choose a longer recording.")


def _measured(pieces: Iterator[Block], rate_hz: int, power: Power) -> Iterator[Block]:
    for piece in pieces:
        power.add(piece, rate_hz)
        yield piece


def _mixed(sound: OpenSound) -> Iterator[Block]:
    mixer = Mixer(sound.rate_hz, sound.quietest, sound.notices)
    return map(mixer.mix, sound.blocks())


class Mixer:
    """Puts channels together, block by block.

    Their mean, unless it cancels them, as that of a balanced microphone on a stereo plug does, or
    of ambisonics from behind: channels that have nothing to do with each other leave the sum of
    their powers in their sum; where only a tenth of that is left, the loudest one is heard.

    Parameters
    ----------
    rate_hz : int
    quietest : float
        The peak below which there is only silence.
    notices : Notices
        Is told where the channels cancel.
    """

    def __init__(self, rate_hz: int, quietest: float, notices: Notices) -> None:
        self._rate_hz = rate_hz
        self._quietest_power = quietest**2 / 2  # of a sine that high
        self._notices = notices
        self._alone: int | None = None
        self._n_frames = 0

    def mix(self, block: Block) -> Block:
        """Return the next block, (frame, channel), as mono, (frame,)."""
        if block.shape[1] == 1:
            return block[:, 0]
        before, self._alone = self._alone, self._choice(block)
        mono = _heard(block, self._alone)
        if before != self._alone and self._n_frames:
            n_turn = min(len(mono), round(_TURN_S * self._rate_hz))
            share = np.linspace(0, 1, n_turn, dtype=np.float32)
            old = _heard(block[:n_turn], before)
            mono = np.concatenate([old + share * (mono[:n_turn] - old), mono[n_turn:]])
        self._n_frames += len(block)
        return mono

    def _choice(self, block: Block) -> int | None:
        """Return the channel that is heard alone; None: the mean of all."""
        moved = block - block[0]  # without most of an offset, which would drown a quiet sound
        means = np.full(len(block), 1 / len(block), np.float32) @ moved  # (channel,)
        products = (moved.T @ moved).astype(np.float64) / len(block)  # (channel, channel)
        products -= np.outer(means, means)
        powers = products.diagonal()
        loudest = int(powers.argmax())
        if powers[loudest] <= self._quietest_power:
            return self._alone  # silence decides nothing
        if products.sum() * _LOST >= powers.sum():
            return None
        mean_power = float(np.var(_heard(block, None)))
        loss_db = 10 * log10(powers[loudest] / max(mean_power, 1e-30))
        start_s = self._n_frames / self._rate_hz
        self._notices.cancelled.add(start_s, start_s + len(block) / self._rate_hz, loss_db)
        if self._alone is not None and powers[self._alone] * _LOUDER > powers[loudest]:
            return self._alone
        return loudest


def _heard(block: Block, alone: int | None) -> Block:
    if alone is not None:
        return block[:, alone]
    channels = block.shape[1]
    return block @ np.full(channels, 1 / channels, np.float32)


def resampled(pieces: Iterator[Block], from_hz: int, to_hz: int) -> Iterator[Block]:
    """Yield mono at another rate; at the same rate, exactly what came."""
    if from_hz == to_hz:
        yield from pieces
        return
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    step = from_hz // gcd(from_hz, to_hz)  # so many samples become a whole number of samples
    lead = step * ceil(_LEAD_S * from_hz / step)
    skipped, n_frames, n_samples = lead * to_hz // from_hz, 0, 0
    level: NDArray[np.float32] | None = None
    for piece in pieces:
        if level is None:
            piece = np.concatenate([np.full(lead, piece[0]), piece])
            n_frames -= lead
        n_frames, level = n_frames + len(piece), piece[-1:]
        samples = stream.resample_chunk(piece)
        samples, skipped = samples[skipped:], max(0, skipped - len(samples))
        n_samples += len(samples)
        yield samples
    if level is not None:
        rest = stream.resample_chunk(np.repeat(level, lead), last=True)[skipped:]
        yield rest[: max(0, round(n_frames * to_hz / from_hz) - n_samples)]
