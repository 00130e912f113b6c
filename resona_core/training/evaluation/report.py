"""An evaluation's answers -> its report: scores, calibration, reliability of the verdicts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from resona_core.network.description import CheckpointInfo
from resona_core.training.evaluation import metrics
from resona_core.training.evaluation.evaluate import Evaluation
from resona_core.training.evaluation.records import (
    Answer,
    Calibration,
    ClaimCheck,
    Condition,
    Report,
    Unknown,
)
from resona_core.words import CLAIMS, UNSURE


def evaluation_report(
    info: CheckpointInfo,
    result: Evaluation,
    conditions: Mapping[str, Evaluation] | None = None,
    unknown: tuple[Unknown, ...] = (),
    learnt: int | None = None,
) -> Report:
    """Return everything worth keeping of an evaluation.

    Parameters
    ----------
    info : CheckpointInfo
        The classifier's description.
    result : Evaluation
        Its answers on the clips as they are.
    conditions : mapping of str to Evaluation, optional
        Its answers on the same clips, changed; by name.
    unknown : tuple of Unknown
        How it tells sounds of no class.
    learnt : int, optional
        How many of the clips the classifier had learnt from; unknown by default.
    """
    return Report(
        accuracy=result.accuracy,
        standard_error=result.standard_error,
        clips=len(result.labels),
        checkpoint=info.name,
        folds=tuple(sorted(set(result.folds))),
        trained_on_folds=info.folds,
        learnt=learnt,
        top_3_accuracy=result.top_k_accuracy(3),
        labels=result.classes,
        per_class=result.per_class(),
        answers=_answers(result),
        calibration=_calibration(result),
        verdicts=_verdicts(result),
        robustness=tuple(
            Condition(name, given.accuracy, given.standard_error, given.top_k_accuracy(3))
            for name, given in (conditions or {}).items()
        ),
        unknown=unknown,
    )


def _answers(result: Evaluation) -> tuple[Answer, ...]:
    rows = zip(result.paths, result.labels, _calibrated(result), result.folds, strict=True)
    return tuple(
        Answer(path, label, result.classes[row.argmax()], float(row.max()), fold)
        for path, label, row, fold in rows
    )


def _calibration(result: Evaluation) -> Calibration:
    """Judge the probabilities at temperature 1 and, cross-fitted, at the best temperature."""
    targets, correct = result.targets, result.correct
    before, after = softmax(result.logits, axis=1), _calibrated(result)
    return Calibration(
        temperature=metrics.fit_temperature(result.logits, targets),
        before=metrics.calibration(before, targets),
        after=metrics.calibration(after, targets),
        ece_noise_floor=metrics.ece_noise_floor(after.max(axis=1)),
        bins=tuple(metrics.reliability_bins(after.max(axis=1), correct)),
        bins_before=tuple(metrics.reliability_bins(before.max(axis=1), correct)),
    )


def _calibrated(result: Evaluation) -> NDArray[np.floating]:
    """Return probabilities under temperatures that no clip's own recording helped to fit."""
    temperatures = metrics.cross_fitted_temperatures(
        result.logits, result.targets, np.array(result.sources, dtype=object)
    )
    return np.asarray(softmax(result.logits / temperatures[:, None], axis=1))


def _verdicts(result: Evaluation) -> tuple[ClaimCheck, ...]:
    """Return the accuracy of each wording of the verdict."""
    confidence, correct = _calibrated(result).max(axis=1), result.correct
    rows, above = [], np.inf
    for least, claim in (*CLAIMS, (0.0, UNSURE)):
        said = (confidence >= least) & (confidence < above)
        right = float(correct[said].mean()) if said.any() else None
        rows.append(ClaimCheck(claim, int(said.sum()), right))
        above = least
    return tuple(rows)
