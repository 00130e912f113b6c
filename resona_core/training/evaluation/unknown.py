"""Telling sounds of the known classes from all others.

Measured with sounds that the network has not learnt from: held-out clips of its classes, of
classes it never heard (`train --without`), and of no class at all (`--others`), whose sources
were held out too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from resona_core.network.checkpoint import Classifier
from resona_core.training.data.clips import ClipSet, to_float
from resona_core.training.evaluation import metrics
from resona_core.training.evaluation.records import Unknown

Floats = NDArray[np.floating]

_BATCH = 32


@dataclass(frozen=True, eq=False)
class Scores:
    """How well known each clip looks, by every measure; more means better known.

    Attributes
    ----------
    known : ndarray (clip,), 0 to 1, or None
        Probability that it is of any class; None for a network that has not learnt it.
    energy : ndarray (clip,)
        :func:`energy`.
    probability : ndarray (clip,), 0 to 1
        That of the most probable class.
    """

    known: Floats | None
    energy: Floats
    probability: Floats

    def named(self) -> dict[str, Floats]:
        """Return those there are, by name."""
        scores = {"energy": self.energy, "probability": self.probability}
        return scores if self.known is None else {"known": self.known} | scores


def energy(logits: Floats, temperature: float) -> NDArray[np.float32]:
    """Return how strongly anything known is heard, (window,): logsumexp(logits / temperature).

    Source: Liu et al., "Energy-based Out-of-distribution Detection", 2020, equation 4 with the
    sign turned and without the factor before the logarithm, so that more means better known.
    """
    return np.asarray(logsumexp(logits / temperature, axis=-1), dtype=np.float32)


@torch.inference_mode()
def scores(classifier: Classifier, clips: ClipSet) -> Scores:
    """Ask how well known the first window of every clip looks."""
    device = classifier.front_end.filters.device
    network, parts = classifier.network, []
    for waveforms in torch.split(clips.waveforms, _BATCH):
        pictures = classifier.front_end(to_float(waveforms.to(device)))
        parts.append(network.embedding(network.forward_features(pictures)))
    embedding = torch.cat(parts)
    logits = network.fc(embedding).float().cpu().numpy()
    known = None
    if classifier.info.kinds:
        known = network.kinds(embedding).softmax(dim=1)[:, 0].float().cpu().numpy()
    temperature = classifier.info.temperature
    probability = softmax(logits / temperature, axis=1).max(axis=1)
    return Scores(known, energy(logits, temperature), probability)


def unknown_report(
    known: Scores, others: Mapping[str, Scores], known_floor: float
) -> tuple[Unknown, ...]:
    """Compare known clips with each group of others, by every measure.

    Parameters
    ----------
    known : Scores
        Of clips of the classes that the network has not learnt from.
    others : mapping of str to Scores
        Of sounds of none of its classes, by the name of their group.
    known_floor : float, 0 to 1
        The probability of being known below which a sound is rejected as none of the classes.
    """
    return tuple(
        _compared(group, name, high, other.named()[name], known_floor)
        for group, other in others.items()
        for name, high in known.named().items()
    )


def _compared(
    group: str, score: str, known: Floats, unknown: Floats, known_floor: float
) -> Unknown:
    low, high = metrics.bootstrap_interval(metrics.auroc, known, unknown)
    decides = score == "known"
    return Unknown(
        score=score,
        auroc=metrics.auroc(known, unknown),
        auroc_low=low,
        auroc_high=high,
        fpr95=metrics.fpr_at_95(known, unknown),
        sounds=group,
        known=len(known),
        unknown=len(unknown),
        known_called_none=float((known < known_floor).mean()) if decides else None,
        unknown_called_none=float((unknown < known_floor).mean()) if decides else None,
    )
