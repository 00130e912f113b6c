"""The smallest box whose erasure changes the answer: what the answer hangs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import combinations, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.classification import Classification
from resona_core.explain.boxes import Box, erasing
from resona_core.explain.explanation import Told
from resona_core.explain.shaping import shaped
from resona_core.network.checkpoint import Classifier
from resona_core.network.front_end import frequencies_hz, times_s

_BANDS, _SLOTS = 6, 8  # the grid on which boxes lie
_LARGEST = 0.6  # of the picture: what a larger one changes is no wonder
_BATCH = 16
_HEARD = 8  # boxes that change the answer to the picture are heard, this many at most

Floats = NDArray[np.float32]
_Cells = tuple[int, int, int, int]  # first and last row, first and last column, of the picture


def smallest_flip(
    classifier: Classifier,
    turn: AbstractContextManager[object],
    samples: Floats,
    judge: Callable[[Floats], Classification],
    told: Told,
) -> Box | None:
    """Return the smallest box that changes the answer when it is erased from a window.

    All boxes on a grid of 6 bands by 8 slots are tried on the picture, the smallest first; those
    that change the answer there are erased from the sound and heard.

    Parameters
    ----------
    classifier : Classifier
    turn : context manager
        Entered for each pass.
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
    front_end, rate_hz = classifier.front_end, classifier.info.front_end.sample_rate_hz
    with turn, torch.no_grad():
        picture = front_end(torch.from_numpy(samples)[None].to(front_end.filters.device))
    edges_hz = _between(frequencies_hz(front_end.config))
    edges_s = _between(times_s(front_end.config))
    whole = _label(judge(samples))
    for top, bottom, left, right in islice(_flipping(classifier, turn, picture, told), _HEARD):
        box = Box(edges_s[left], edges_s[right], edges_hz[top], edges_hz[bottom])
        drawn = box.within(len(samples) / rate_hz, rate_hz / 2)
        if _label(judge(shaped(samples, rate_hz, erasing([drawn])))) != whole:
            return box
    return None


def _label(answer: Classification) -> str:
    return "".join(prediction.label for prediction in answer.top(1))


def _flipping(
    classifier: Classifier, turn: AbstractContextManager[object], picture: Tensor, told: Told
) -> Iterator[_Cells]:
    """Yield the boxes that change the answer to the picture, the smallest first."""
    height, width = picture.shape[2:]
    boxes = sorted(_boxes(height, width), key=_area)
    boxes = [box for box in boxes if _area(box) <= _LARGEST * height * width]
    config = classifier.front_end.config
    silence = (-config.top_db - config.mean_db) / config.std_db
    with turn, torch.no_grad():
        whole = int(classifier.network(picture).argmax())
    for first in range(0, len(boxes), _BATCH):
        some = boxes[first : first + _BATCH]
        patched = picture.repeat(len(some), 1, 1, 1)
        for one, (top, bottom, left, right) in zip(patched, some, strict=True):
            one[:, top:bottom, left:right] = silence
        with turn, torch.no_grad():
            answers = classifier.network(patched).argmax(dim=1).tolist()
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
    return [0.0, *halfway.tolist(), float("inf")]
