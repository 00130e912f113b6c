"""Folds for a dataset that names none: every class in each, no recording in two."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import DataError


def split_folds(
    labels: Sequence[str], sources: Sequence[str], n_folds: int, seed: int
) -> NDArray[np.int64]:
    """Return each clip's fold, whatever the order of the clips.

    Class by class, the recordings with most clips come first, and each goes to the fold with
    the fewest clips of the class, then the fewest of all. Recordings of one size are drawn in
    an order that `seed` decides.

    Parameters
    ----------
    labels, sources : sequence of str (clip,)
        The class of each clip, and the recording it was cut from.
    n_folds : int
    seed : int

    Returns
    -------
    ndarray (clip,), 1 to `n_folds`

    Raises
    ------
    DataError
        If a class has fewer recordings than there are folds.
    """
    clips_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # source -> label -> clips
    sources_of: defaultdict[str, set[str]] = defaultdict(set)
    for label, source in zip(labels, sources, strict=True):
        clips_of[source][label] += 1
        sources_of[label].add(source)
    _check_enough(labels, sources_of, n_folds)
    draw = random.Random(seed)
    held = [Counter[str]() for _ in range(n_folds)]  # fold -> label -> clips
    fold_of: dict[str, int] = {}
    for label in sorted(sources_of):
        waiting = sorted(sources_of[label] - fold_of.keys())
        draw.shuffle(waiting)
        for source in sorted(waiting, key=lambda name: -clips_of[name][label]):
            fold = min(range(n_folds), key=lambda i: (held[i][label], held[i].total()))
            held[fold] += clips_of[source]
            fold_of[source] = fold
    return np.array([fold_of[source] + 1 for source in sources])


def _check_enough(
    labels: Sequence[str], sources_of: defaultdict[str, set[str]], n_folds: int
) -> None:
    scarcest = min(sorted(sources_of), key=lambda label: len(sources_of[label]))
    if len(sources_of[scarcest]) < n_folds:
        n_sources = len(sources_of[scarcest])
        raise DataError(
            f"The class {scarcest} has {Counter(labels)[scarcest]} clips from {n_sources} "
            f"recording{'s' * (n_sources != 1)}, too few for {n_folds} folds; add more, "
            "or give a CSV whose column fold assigns the clips."
        )
