"""A few synthesised sounds that tell whether an 8-bit network answers as it should, and faster.

Some processors round or saturate where others do not; what they answer to sounds whose answer in
float32 is known tells, whatever their make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.errors import CheckpointError
from resona_core.network.ranges import SOUNDS
from resona_core.sound import audio
from resona_core.sound.examples import SAMPLE_RATE_HZ, demo_samples

Floats = NDArray[np.float32]

_PASSES = 10
_SIZE = 512  # of the matrices
MOST = 0.2
"""Where the probability of a class is off by more, 8 bit does not compute as it should."""


def windows(front_end: FrontEndConfig, sounds: Iterable[str] = SOUNDS) -> Floats:
    """Return the first window of each sound, (sound, sample)."""
    clips = [
        audio.load((demo_samples(key), SAMPLE_RATE_HZ), front_end.sample_rate_hz) for key in sounds
    ]
    return np.stack([audio.window_of(clip, 0, front_end) for clip in clips])


def check(found: Floats, expected: Mapping[str, Sequence[float]]) -> None:
    """Compare what was answered, (sound, class), with each sound's answer in float32.

    Raises
    ------
    CheckpointError
        If a probability is off by more than :data:`MOST`, or is none.
    """
    off = np.abs(found - np.array(list(expected.values()), np.float32)).max()
    if not off <= MOST:  # NaN too
        raise CheckpointError(
            f"On this processor the 8-bit network's probabilities are off by {off:.2f}, where "
            f"{MOST:g} is allowed; set RESONA_PRECISION to float32."
        )


def check_faster(threads: int) -> None:
    """Compare what the network is made of, matrix products, in 8 bit and in float32.

    The network itself in both would take some hundred megabytes more, once.

    Raises
    ------
    CheckpointError
        If 8 bit is the slower.
    """
    from resona_core.network.product import matrix_product

    ways = (matrix_product(precision, threads, _SIZE) for precision in ("int8", "float32"))
    in_8_bit_s, in_float32_s = passes_s(*ways)
    if in_8_bit_s > in_float32_s:
        raise CheckpointError(
            f"On this processor a matrix product takes {in_8_bit_s * 1e3:.1f} ms in 8 bit and "
            f"{in_float32_s * 1e3:.1f} ms in float32; set RESONA_PRECISION to float32."
        )


def passes_s(*ways: Callable[[], object]) -> list[float]:
    """Return the least time of several passes of each way, in turn.

    Whatever else a machine does makes passes longer, never shorter.
    """
    times_s: list[list[float]] = [[] for _ in ways]
    for _ in range(_PASSES):
        for way, kept in zip(ways, times_s, strict=True):
            start = perf_counter()
            way()
            kept.append(perf_counter() - start)
    return [min(kept) for kept in times_s]
