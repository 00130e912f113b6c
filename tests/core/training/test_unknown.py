from __future__ import annotations

import numpy as np
import pytest

from resona_core.results import energy
from resona_core.training.unknown import energy_floor, unknown_report


def _logits(n: int, strength: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(0, 1, (n, 5)) + strength * np.eye(5)[np.arange(n) % 5]


def test_energy_is_the_logarithm_of_the_sum_of_exponentials() -> None:
    logits = np.log([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]])
    np.testing.assert_allclose(energy(logits, 1.0), np.log([6.0, 12.0]), rtol=1e-6)
    np.testing.assert_allclose(energy(logits * 2, 2.0), np.log([6.0, 12.0]), rtol=1e-6)


def test_nineteen_of_twenty_known_clips_reach_the_floor() -> None:
    logits = _logits(400, 3.0, 0)
    floor = energy_floor(logits, 0.7)
    assert (energy(logits, 0.7) >= floor).sum() == 380


def test_louder_answers_for_known_sounds_are_told_from_quiet_ones() -> None:
    rows = unknown_report(_logits(200, 6.0, 1), _logits(100, 0.0, 2), 1.0)
    assert [row["score"] for row in rows] == ["energy", "probability"]
    for row in rows:
        assert (row["known"], row["unknown"]) == (200, 100)
        assert row["auroc_low"] <= row["auroc"] <= row["auroc_high"]
        assert row["auroc"] > 0.9
        assert row["fpr95"] < 0.5


def test_sounds_alike_cannot_be_told_apart() -> None:
    for row in unknown_report(_logits(300, 2.0, 3), _logits(300, 2.0, 4), 1.0):
        assert row["auroc_low"] < 0.5 < row["auroc_high"]
        assert row["fpr95"] == pytest.approx(0.95, abs=0.05)
