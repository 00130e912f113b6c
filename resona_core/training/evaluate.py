"""The examination: a classifier's answers on clips it has not learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.checkpoint import CheckpointInfo, Classifier
from resona_core.errors import DataError
from resona_core.training.data import ClipSet, ClipTable, load_clips, to_float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` found.

    Attributes
    ----------
    paths, labels : tuple of str
        The clips and their true classes.
    classes : tuple of str
        The classifier's classes.
    probabilities : ndarray (clip, class)
    """

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each clip's most probable class is its true one, (clip,)."""
        guessed = np.array(self.classes)[self.probabilities.argmax(axis=1)]
        return np.asarray(guessed == np.array(self.labels))

    @property
    def accuracy(self) -> float:
        """Share of clips answered right."""
        return float(self.correct.mean())

    @property
    def standard_error(self) -> float:
        """Sampling error of the accuracy, sqrt(p (1 - p) / n)."""
        return float(np.sqrt(self.accuracy * (1 - self.accuracy) / len(self.labels)))

    def top_k_accuracy(self, k: int) -> float:
        """Share of clips whose true class is among the `k` most probable."""
        true = np.array([self.classes.index(label) for label in self.labels])
        best = np.argsort(-self.probabilities, axis=1)[:, :k]
        return float((best == true[:, None]).any(axis=1).mean())

    def per_class(self) -> dict[str, float]:
        """Share answered right of each class that occurs, in the classifier's order."""
        labels, correct = np.array(self.labels), self.correct
        return {c: float(correct[labels == c].mean()) for c in self.classes if c in labels}

    def report(self, info: CheckpointInfo, folds: Sequence[int]) -> dict[str, Any]:
        """Return what JSON can hold of the examination of `info`'s network on `folds`."""
        return {
            "checkpoint": info.name,
            "trained_on_folds": list(info.folds),
            "folds": list(folds),
            "clips": len(self.labels),
            "accuracy": round(self.accuracy, 4),
            "standard_error": round(self.standard_error, 4),
            "top_3_accuracy": round(self.top_k_accuracy(3), 4),
            "per_class": {label: round(share, 4) for label, share in self.per_class().items()},
        }


def evaluate(classifier: Classifier, clips: ClipTable) -> Evaluation:
    """Classify the first window of every clip.

    Raises
    ------
    DataError
        If a clip's class is unknown to the classifier, or a clip cannot be read.
    """
    classes = classifier.info.labels
    if unknown := sorted(set(clips.labels) - set(classes)):
        raise DataError(f"The checkpoint does not know the class {', '.join(unknown)}.")
    probabilities = predict(classifier, load_clips(clips, classifier.info.front_end))
    return Evaluation(
        paths=tuple(Path(p).name for p in clips.table["path"]),
        labels=tuple(clips.table["label"]),
        classes=classes,
        probabilities=probabilities.numpy(),
    )


@torch.inference_mode()
def predict(classifier: Classifier, clips: ClipSet, batch_size: int = 32) -> Tensor:
    """Return probabilities (clip, class) on the CPU, for whole windows."""
    device = classifier.front_end.filters.device
    parts = [
        classifier.probabilities(classifier(to_float(waveforms.to(device)))).cpu()
        for waveforms in torch.split(clips.waveforms, batch_size)
    ]
    return torch.cat(parts)
