"""Telling sounds of the known classes from all others.

Measured with held-out classes: a network that never heard them (`train --without`) must give
their clips less energy than clips of the classes it knows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from resona_core.results import energy
from resona_core.training import metrics

KEPT = 0.95  # share of known sounds that must pass as known


def energy_floor(known_logits: NDArray[np.floating], temperature: float) -> float:
    """Return the energy that `KEPT` of the known clips (clip, class) reach.

    The clips must be ones the network has not learnt from.
    """
    return float(np.quantile(energy(known_logits, temperature), 1 - KEPT))


def unknown_report(
    known_logits: NDArray[np.floating], unknown_logits: NDArray[np.floating], temperature: float
) -> list[dict[str, Any]]:
    """Compare scores that should be high for known clips and low for unknown ones.

    Parameters
    ----------
    known_logits, unknown_logits : ndarray (clip, class)
        Of clips the network has not learnt from; the latter of classes it has never heard.
    temperature : float

    Returns
    -------
    list of dict
        For the energy and the greatest probability: area under the ROC curve with its 95 %
        bootstrap interval, and the share of unknown clips that pass when 95 % of the known do.
    """
    of_unknown = _scores(unknown_logits, temperature)
    rows = []
    for name, known in _scores(known_logits, temperature).items():
        unknown = of_unknown[name]
        low, high = metrics.bootstrap_interval(metrics.auroc, known, unknown)
        rows.append(
            {
                "score": name,
                "known": len(known),
                "unknown": len(unknown),
                "auroc": round(metrics.auroc(known, unknown), 4),
                "auroc_low": round(low, 4),
                "auroc_high": round(high, 4),
                "fpr95": round(metrics.fpr_at_95(known, unknown), 4),
            }
        )
    return rows


def _scores(logits: NDArray[np.floating], temperature: float) -> dict[str, NDArray[np.floating]]:
    """Return every score of these clips by its name."""
    return {
        "energy": energy(logits, temperature),
        "probability": softmax(logits / temperature, axis=1).max(axis=1),
    }
