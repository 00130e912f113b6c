"""How good probabilities are: calibration, and telling the known from the unknown.

Numbers in, numbers out: this page knows no network and no clip.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import rankdata

from resona_core.training.evaluation.records import Bin, CalibrationScores

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]

N_BINS = 15
_REPETITIONS, _SEED = 1000, 0  # of what is drawn again and again, the same way every time


def calibration(probabilities: Floats, targets: Integers) -> CalibrationScores:
    """Measure probabilities (clip, class) against the true classes (clip,)."""
    true = probabilities[np.arange(len(targets)), targets]
    one_hot = np.eye(probabilities.shape[1])[targets]
    confidence, correct = _confidence(probabilities, targets)
    return CalibrationScores(
        nll=float(-np.log(np.maximum(true, 1e-12)).mean()),
        brier=float(((probabilities - one_hot) ** 2).sum(axis=1).mean()),
        ece=expected_calibration_error(confidence, correct),
        mean_confidence=float(confidence.mean()),
    )


def expected_calibration_error(confidence: Floats, correct: NDArray[np.bool_]) -> float:
    """Return the mean gap between confidence and accuracy over equally wide bins.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3.
    """
    return sum(
        entry.count * abs(entry.accuracy - entry.confidence)
        for entry in reliability_bins(confidence, correct)
    ) / len(confidence)


def reliability_bins(confidence: Floats, correct: NDArray[np.bool_]) -> list[Bin]:
    """Sort clips into `N_BINS` equally wide bins of confidence; empty bins are left out."""
    index = np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    return [
        Bin(
            low=i / N_BINS,
            high=(i + 1) / N_BINS,
            count=int((index == i).sum()),
            confidence=float(confidence[index == i].mean()),
            accuracy=float(correct[index == i].mean()),
        )
        for i in np.unique(index)
    ]


def ece_noise_floor(confidence: Floats) -> float:
    """Return the mean ECE of a perfectly calibrated classifier with these confidences.

    Its answers are right by draws with exactly the stated probability; what remains is the
    error of counting so few clips.
    """
    generator = np.random.default_rng(_SEED)
    draws = generator.random((_REPETITIONS, len(confidence))) < confidence
    return float(np.mean([expected_calibration_error(confidence, draw) for draw in draws]))


def fit_temperature(logits: Floats, targets: Integers) -> float:
    """Return the temperature, 0.1 to 10, under which `logits` (clip, class) have least NLL.

    Source: Guo et al., 2017, section 4.2.
    """
    return matching_temperature(logits, np.eye(logits.shape[1])[targets])


def matching_temperature(logits: Floats, probabilities: Floats) -> float:
    """Return the temperature, 0.1 to 10, that brings `logits` nearest to `probabilities`.

    Both are (clip, class); near is what has the least cross-entropy.
    """

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-(scaled * probabilities).sum(axis=1).mean())

    bounds = (math.log(0.1), math.log(10.0))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def cross_fitted_temperatures(
    logits: Floats, targets: Integers, groups: NDArray[np.object_], n_parts: int = 5
) -> NDArray[np.float64]:
    """Return a temperature for each clip, fitted on the clips of the other parts.

    Clips of one group (one source recording) are always in the same part, so no clip is
    measured with a temperature that its own recording helped to choose; where there is no
    other recording, it is 1.
    """
    _, index = np.unique(groups, return_inverse=True)
    part = index % n_parts
    temperatures = np.ones(len(targets))
    for i in np.unique(part):
        others = part != i
        if others.any():  # a single recording has nobody to choose for it
            temperatures[~others] = fit_temperature(logits[others], targets[others])
    return temperatures


def auroc(known: Floats, unknown: Floats) -> float:
    """Return the chance that a known clip scores above an unknown one, ties counting half.

    Source: the Mann-Whitney statistic, which is the area under the ROC curve.
    """
    ranks = rankdata(np.concatenate([known, unknown]))[: len(known)]
    pairs = len(known) * len(unknown)
    return float((ranks.sum() - len(known) * (len(known) + 1) / 2) / pairs)


def fpr_at_95(known: Floats, unknown: Floats) -> float:
    """Return the share of unknown clips taken for known when 95 % of the known ones are."""
    return float((unknown >= np.quantile(known, 0.05)).mean())


def bootstrap_interval(
    measure: Callable[[Floats, Floats], float], known: Floats, unknown: Floats
) -> tuple[float, float]:
    """Return the 95 % percentile interval of `measure` under resampling of both sets."""
    generator = np.random.default_rng(_SEED)
    values = [
        measure(generator.choice(known, len(known)), generator.choice(unknown, len(unknown)))
        for _ in range(_REPETITIONS)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _confidence(
    probabilities: Floats, targets: Integers
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    return probabilities.max(axis=1), np.asarray(probabilities.argmax(axis=1) == targets)
