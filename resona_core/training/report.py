"""An examination as one JSON object: what `evaluate` prints, stores, and the pages draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from resona_core.checkpoint import CheckpointInfo
from resona_core.results import CLAIMS
from resona_core.training import metrics
from resona_core.training.evaluate import Evaluation


def evaluation_report(
    info: CheckpointInfo, result: Evaluation, conditions: Mapping[str, Evaluation] | None = None
) -> dict[str, Any]:
    """Return everything worth keeping of an examination.

    Parameters
    ----------
    info : CheckpointInfo
        The classifier's description.
    result : Evaluation
        Its answers on the clips as they are.
    conditions : mapping of str to Evaluation, optional
        Its answers on the same clips, changed; by name.
    """
    report = {
        "checkpoint": info.name,
        "trained_on_folds": list(info.folds),
        "folds": sorted(set(result.folds)),
        "clips": len(result.labels),
        **_scores(result),
        "per_class": {label: round(share, 4) for label, share in result.per_class().items()},
        "labels": list(result.classes),
        "answers": _answers(result),
        "calibration": _calibration(result),
        "verdicts": _verdicts(result),
    }
    if conditions:
        report["robustness"] = [
            {"condition": name} | _scores(answers) for name, answers in conditions.items()
        ]
    return report


def _scores(result: Evaluation) -> dict[str, float]:
    return {
        "accuracy": round(result.accuracy, 4),
        "standard_error": round(result.standard_error, 4),
        "top_3_accuracy": round(result.top_k_accuracy(3), 4),
    }


def _answers(result: Evaluation) -> list[dict[str, Any]]:
    probabilities = _calibrated(result)
    return [
        {
            "file": path,
            "fold": fold,
            "label": label,
            "predicted": result.classes[row.argmax()],
            "probability": round(float(row.max()), 4),
        }
        for path, fold, label, row in zip(
            result.paths, result.folds, result.labels, probabilities, strict=True
        )
    ]


def _calibration(result: Evaluation) -> dict[str, Any]:
    """Judge the probabilities at temperature 1 and, cross-fitted, at the best temperature."""
    targets = result.targets
    before, after = softmax(result.logits, axis=1), _calibrated(result)
    return {
        "temperature": round(metrics.fit_temperature(result.logits, targets), 4),
        "before": metrics.calibration(before, targets).to_dict(),
        "after": metrics.calibration(after, targets).to_dict(),
        "ece_noise_floor": round(metrics.ece_noise_floor(after.max(axis=1)), 4),
        "bins_before": _bins(before, result.correct),
        "bins": _bins(after, result.correct),
    }


def _calibrated(result: Evaluation) -> NDArray[np.floating]:
    """Return probabilities under temperatures that no clip's own recording helped to fit."""
    temperatures = metrics.cross_fitted_temperatures(
        result.logits, result.targets, np.array(result.sources, dtype=object)
    )
    return np.asarray(softmax(result.logits / temperatures[:, None], axis=1))


def _bins(probabilities: NDArray[np.floating], correct: NDArray[np.bool_]) -> list[dict[str, Any]]:
    bins = metrics.reliability_bins(probabilities.max(axis=1), correct)
    return [{key: round(value, 4) for key, value in asdict(entry).items()} for entry in bins]


def _verdicts(result: Evaluation) -> list[dict[str, Any]]:
    """Count how often each wording of the verdict was right."""
    confidence, correct = _calibrated(result).max(axis=1), result.correct
    rows, above = [], np.inf
    for least, claim in (*CLAIMS, (0.0, "Unsure")):
        said = (confidence >= least) & (confidence < above)
        right = round(float(correct[said].mean()), 4) if said.any() else None
        rows.append({"claim": claim, "count": int(said.sum()), "right": right})
        above = least
    return rows
