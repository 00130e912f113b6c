"""The evaluation: a classifier's answers on clips it has not learnt from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from resona_core.errors import DataError
from resona_core.network.checkpoint import Classifier
from resona_core.training.data.clip_table import ClipTable
from resona_core.training.data.clips import ClipSet, load_clips, to_float
from resona_core.training.evaluation.robustness import CONDITIONS, Condition

_BATCH = 32


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` found.

    Attributes
    ----------
    paths, labels : tuple of str
        The clips, as the data names them, and their true classes.
    folds : tuple of int
        The fold of each clip.
    sources : tuple of str
        The recording each clip was cut from.
    classes : tuple of str
        The classifier's classes.
    logits : ndarray (clip, class)
        Before the temperature.
    temperature : float
        The classifier's.
    """

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    folds: tuple[int, ...]
    sources: tuple[str, ...]
    classes: tuple[str, ...]
    logits: NDArray[np.float32]
    temperature: float = 1.0

    @property
    def targets(self) -> NDArray[np.intp]:
        """Index of each clip's true class, (clip,)."""
        return np.array([self.classes.index(label) for label in self.labels])

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """What the classifier says, (clip, class)."""
        return np.asarray(softmax(self.logits / self.temperature, axis=1), dtype=np.float32)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each clip's most probable class is its true one, (clip,)."""
        return np.asarray(self.logits.argmax(axis=1) == self.targets)

    @property
    def accuracy(self) -> float:
        """Share of clips classified correctly."""
        return float(self.correct.mean())

    @property
    def standard_error(self) -> float:
        """Sampling error of the accuracy, sqrt(p (1 - p) / n)."""
        return float(np.sqrt(self.accuracy * (1 - self.accuracy) / len(self.labels)))

    def top_k_accuracy(self, k: int) -> float:
        """Share of clips whose true class is among the `k` most probable."""
        best = np.argsort(-self.logits, axis=1)[:, :k]
        return float((best == self.targets[:, None]).any(axis=1).mean())

    def per_class(self) -> dict[str, float]:
        """Accuracy on each class that occurs, in the classifier's order."""
        labels, correct = np.array(self.labels), self.correct
        return {c: float(correct[labels == c].mean()) for c in self.classes if c in labels}


def evaluate(classifier: Classifier, clips: ClipTable, skip_unreadable: bool = False) -> Evaluation:
    """Classify the first window of every clip.

    Parameters
    ----------
    classifier : Classifier
    clips : ClipTable
    skip_unreadable : bool
        Leave out clips that cannot be read, and say so in a warning.

    Raises
    ------
    DataError
        If a clip's class is unknown to the classifier, or a clip cannot be read.
    """
    return evaluate_conditions(classifier, clips, ["clean"], skip_unreadable)["clean"]


def evaluate_conditions(
    classifier: Classifier, clips: ClipTable, conditions: list[str], skip_unreadable: bool = False
) -> dict[str, Evaluation]:
    """Classify every clip as it is heard under each of these names of `CONDITIONS`.

    Raises
    ------
    DataError
        As :func:`evaluate`.
    """
    info = classifier.info
    if unknown := sorted(set(clips.table["label"]) - set(info.labels)):
        raise DataError(f"The checkpoint does not know the class {', '.join(unknown)}.")
    loaded = load_clips(clips, info.front_end, skip_unreadable=skip_unreadable)
    table = (loaded.table or clips).table
    about = partial(
        Evaluation,
        paths=tuple(table["name"]),
        labels=tuple(table["label"]),
        folds=tuple(int(fold) for fold in table["fold"]),
        sources=tuple(str(source) for source in table["source"]),
        classes=info.labels,
        temperature=info.temperature,
    )
    return {
        name: about(logits=_logits_under(CONDITIONS[name], classifier, loaded))
        for name in conditions
    }


@torch.inference_mode()
def predict(classifier: Classifier, clips: ClipSet) -> Tensor:
    """Return logits (clip, class) on the CPU, for whole windows."""
    device = classifier.front_end.filters.device
    parts = [
        classifier(to_float(waveforms.to(device))).float().cpu()
        for waveforms in torch.split(clips.waveforms, _BATCH)
    ]
    return torch.cat(parts)


def _logits_under(
    condition: Condition, classifier: Classifier, clips: ClipSet
) -> NDArray[np.float32]:
    rate_hz = classifier.info.front_end.sample_rate_hz

    def changed(waveform: Tensor) -> Tensor:
        return torch.from_numpy(condition(to_float(waveform).numpy(), rate_hz))

    device = classifier.front_end.filters.device
    parts = []
    with ThreadPoolExecutor() as pool, torch.inference_mode():
        for waveforms in torch.split(clips.waveforms, _BATCH):
            windows = torch.stack(list(pool.map(changed, waveforms)))
            parts.append(classifier(windows.to(device)).float().cpu())
    return torch.cat(parts).numpy()
