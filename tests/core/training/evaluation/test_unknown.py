from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from resona_core.network.checkpoint import Classifier
from resona_core.training.data.clips import ClipSet
from resona_core.training.evaluation import unknown
from resona_core.training.evaluation.unknown import Scores, energy, scores, unknown_report


def _scores(n: int, mean: float, seed: int) -> Scores:
    generator = np.random.default_rng(seed)
    return Scores(
        known=1 / (1 + np.exp(-generator.normal(mean, 1, n))),
        energy=generator.normal(mean, 1, n),
        probability=generator.normal(mean, 1, n),
    )


def test_energy_is_the_logarithm_of_the_sum_of_exponentials() -> None:
    logits = np.log([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]])
    np.testing.assert_allclose(energy(logits, 1.0), np.log([6.0, 12.0]), rtol=1e-6)
    np.testing.assert_allclose(energy(logits * 2, 2.0), np.log([6.0, 12.0]), rtol=1e-6)


def test_known_sounds_are_told_from_others_by_every_measure() -> None:
    rows = unknown_report(_scores(200, 4.0, 1), {"speech": _scores(100, 0.0, 2)}, 0.5)
    assert [row.score for row in rows] == ["known", "energy", "probability"]
    for row in rows:
        assert (row.sounds, row.known, row.unknown) == ("speech", 200, 100)
        assert row.auroc_low <= row.auroc <= row.auroc_high
        assert row.auroc > 0.95
        assert row.fpr95 < 0.2


def test_the_same_sounds_cannot_be_told_apart() -> None:
    same = _scores(300, 2.0, 3)
    for row in unknown_report(same, {"music": same}, 0.5):
        assert row.auroc == 0.5
        assert row.auroc_low < 0.5 < row.auroc_high
        assert row.fpr95 == 0.95


def test_what_is_called_none_of_the_classes_is_counted_at_the_floor() -> None:
    known = Scores(np.array([0.9, 0.8, 0.7, 0.5]), np.arange(4.0), np.arange(4.0))
    other = Scores(np.array([0.1, 0.6]), np.arange(2.0), np.arange(2.0))
    first, *rest = unknown_report(known, {"speech": other}, 0.7)
    assert (first.known_called_none, first.unknown_called_none) == (0.25, 1.0)
    assert all(row.known_called_none is None for row in rest)


def test_a_network_that_has_not_learnt_it_has_no_probability_of_being_known(
    tiny_classifier: Classifier,
) -> None:
    clips = ClipSet(torch.randint(-9_999, 9_999, (3, 16_000)).short(), torch.arange(3))
    found = scores(tiny_classifier, clips)
    assert list(found.named()) == ["energy", "probability"]
    with torch.inference_mode():
        logits = tiny_classifier(clips.waveforms.float()).numpy()
    temperature = tiny_classifier.info.temperature
    np.testing.assert_allclose(found.energy, energy(logits, temperature), rtol=1e-4)


def test_each_clip_is_known_and_probable_by_its_own_measure(
    tiny_classifier: Classifier, with_kinds: Callable[..., Classifier],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(unknown, "_BATCH", 2)
    strange = with_kinds(tiny_classifier, [0.1, 0.2, 0.6, 0.1])
    clips = ClipSet(torch.randint(-9_999, 9_999, (5, 16_000)).short(), torch.arange(5))
    found = scores(strange, clips)
    assert list(found.named()) == ["known", "energy", "probability"]
    np.testing.assert_allclose(found.named()["known"], [0.1] * 5, rtol=1e-5)
    with torch.inference_mode():
        most = strange.probabilities(strange(clips.waveforms / 32_767)).amax(dim=1)
    np.testing.assert_allclose(found.probability, most, rtol=1e-4)
    assert len(found.energy) == 5
