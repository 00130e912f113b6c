"""The smallest box whose erasure changes the answer: what the answer hangs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, islice
from math import inf

import numpy as np
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.explain.boxes import Box, erasing
from resona_core.explain.explanation import Told
from resona_core.explain.shaping import shaped
from resona_core.network.front_end import FrontEnd, frequencies_hz, times_s

_BANDS, _SLOTS = 6, 8  # the grid on which boxes lie
_LARGEST = 0.6  # of the picture: what a larger one changes is no wonder
_BATCH = 16
_HEARD = 8  # boxes that change the answer to the picture are heard, this many at most

Floats = NDArray[np.float32]
_Cells = tuple[int, int, int, int]  # first and last row, first and last column, of the picture


def smallest_flip(
    front_end: FrontEnd,
    logits_of: Callable[[Floats], Floats],
    samples: Floats,
    judge: Callable[[Floats], Classification],
    told: Told,
) -> Box | None:
    """Return the smallest box that changes the answer when it is erased from a window.

    All boxes on a grid of 6 bands by 8 slots are tried on the picture, the smallest first; those
    that change the answer there are erased from the sound and heard.

    Parameters
    ----------
    front_end : FrontEnd
    logits_of : callable
        What the network that answers gives, (batch, class), for (batch, 1, mel, frame).
    samples : ndarray (sample,), float32
        The window.
    judge : callable
        Classifies (sample,) as a sound of its own.
    told : callable
        Is given the share of the boxes that are tried; what it raises ends the work.

    Returns
    -------
    Box or None
        None: no box of up to 60 % of the picture does.
    """
    config, picture = front_end.config, front_end(samples[None])
    edges_hz, edges_s = _between(frequencies_hz(config)), _between(times_s(config))
    silence = (-config.top_db - config.mean_db) / config.std_db
    whole = _label(judge(samples))
    flipping = _flipping(logits_of, picture, np.float32(silence), told)
    for top, bottom, left, right in islice(flipping, _HEARD):
        box = Box(edges_s[left], edges_s[right], edges_hz[top], edges_hz[bottom])
        drawn = box.within(inf, inf)  # its edges lie in the window, or have no end
        if _label(judge(shaped(samples, config.sample_rate_hz, erasing([drawn])))) != whole:
            return box
    return None


def _label(answer: Classification) -> str:
    return "".join(prediction.label for prediction in answer.top(1))


def _flipping(
    logits_of: Callable[[Floats], Floats], picture: Floats, silence: np.float32, told: Told
) -> Iterator[_Cells]:
    """Yield the boxes that change the answer when silence fills them, the smallest first."""
    height, width = picture.shape[2:]
    boxes = sorted(_boxes(height, width), key=_area)
    boxes = [box for box in boxes if _area(box) <= _LARGEST * height * width]
    whole = logits_of(picture).argmax()
    for first in range(0, len(boxes), _BATCH):
        some = boxes[first : first + _BATCH]
        patched = np.repeat(picture, len(some), axis=0)
        for one, (top, bottom, left, right) in zip(patched, some, strict=True):
            one[:, top:bottom, left:right] = silence
        answers = logits_of(patched).argmax(axis=1)
        told((first + len(some)) / len(boxes))
        yield from (box for box, answer in zip(some, answers, strict=True) if answer != whole)


def _boxes(height: int, width: int) -> Iterator[_Cells]:
    rows = np.linspace(0, height, _BANDS + 1).round().astype(int).tolist()
    columns = np.linspace(0, width, _SLOTS + 1).round().astype(int).tolist()
    for top, bottom in combinations(rows, 2):
        for left, right in combinations(columns, 2):
            yield top, bottom, left, right


def _area(box: _Cells) -> int:
    top, bottom, left, right = box
    return (bottom - top) * (right - left)


def _between(centres: NDArray[np.float64]) -> list[float]:
    """Return the edges of cells by their centres: halfway, the first at 0, the last without end."""
    halfway = (centres[:-1] + centres[1:]) / 2
    return [0.0, *halfway.tolist(), inf]
