"""The bench on two tones and a network that hears nothing but them: every figure by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.config import FrontEndConfig
from resona_core.explain.faithfulness import SEPARATED
from resona_core.explain.masker import Masker
from resona_core.network.checkpoint import Classifier
from resona_core.network.front_end import frequencies_hz
from resona_core.training import explanation_bench
from resona_core.training.data.clips import ClipSet
from resona_core.training.explanation_bench import (
    AREA,
    ENERGY,
    ExplanationBench,
    Mixture,
    mixtures,
)

Floats = NDArray[np.float32]
LOW_HZ, HIGH_HZ = 500.0, 4_000.0
LOW, HIGH, NEITHER = 0, 1, 2


def _heard(windows: Tensor) -> Tensor:
    """Return log shares of the energy below and above 2 kHz, and that of neither: 1 %."""
    power = torch.fft.rfft(windows).abs().square()
    edge = 2_000  # Hz, in windows of a second
    low, high = power[:, :edge].sum(1), power[:, edge:].sum(1)
    shares = torch.stack([low, high, 0.01 * (low + high)], dim=1)
    return (shares / (low + high)[:, None]).clamp_min(1e-9).log()


class TwoTones(Classifier):
    """Says by how much energy which of two bands has."""

    def forward(self, windows: Tensor) -> Tensor:
        return _heard(windows)

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=1)


@pytest.fixture
def bench(tiny_classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> ExplanationBench:
    """One whose masks keep what lies below 2 kHz, whatever is asked; the ear hears as it does."""
    classifier = TwoTones(tiny_classifier.info, tiny_classifier.network).eval()
    frequency_hz = frequencies_hz(classifier.front_end.config)
    below = np.tile((frequency_hz < 2_000)[:, None], (1, 51)).astype(np.float32)
    noise = np.random.default_rng(0).random(below.shape).astype(np.float32)
    noise *= 0.3 + 0.7 * below  # so that it matters how much louder one tone is than the other

    def relevance(
        samples: Tensor, target: int, question: explanation_bench.Question, told: object
    ) -> Floats:
        return {"mask": below, "random": noise}.get(question.method, np.ones_like(below))

    def asked(*_: object) -> SimpleNamespace:
        return SimpleNamespace(relevance=relevance)

    monkeypatch.setattr(explanation_bench, "Attribution", asked)
    masker = Masker(tiny_classifier.network.config)
    return ExplanationBench(classifier, masker, ear=lambda sound: _heard(sound).softmax(1))


def test_the_mask_that_keeps_the_low_tone_has_the_figures_worked_out_by_hand(
    bench: ExplanationBench, tone: Callable[..., Floats]
) -> None:
    mixture = Mixture(tone(LOW_HZ, peak=0.4), LOW, tone(HIGH_HZ, peak=0.2), HIGH)
    found = bench.trials(mixture, ["mask", "energy"])
    trial = found["mask"]
    whole = np.array([0.8, 0.2, 0.01]) / 1.01  # energies as 4 to 1
    np.testing.assert_allclose(trial.full, whole, atol=1e-3)
    np.testing.assert_allclose(trial.kept, [1 / 1.01, 0, 0.01 / 1.01], atol=2e-3)
    np.testing.assert_allclose(trial.rest, [0, 1 / 1.01, 0.01 / 1.01], atol=2e-3)
    assert (trial.target, trial.ear_whole, trial.ear_kept, trial.ear_rest) == (LOW, 1, 1, 0)
    assert trial.energy_kept == pytest.approx(0.8, abs=0.01)
    assert trial.gain_db > 25
    assert trial.false_probability == pytest.approx(0.01 / 1.01, abs=1e-3)  # of the one class left
    assert trial.change == pytest.approx(0, abs=1e-6)  # the same mask, whatever the weights
    assert trial.seconds >= 0
    everything = found["energy"].values()
    assert (everything["energy kept"], everything["area kept"]) == pytest.approx((1, 1), abs=1e-3)
    assert everything["FF"] == pytest.approx(whole[LOW], abs=1e-3)  # the rest is silence
    assert everything["SNR gain"] == pytest.approx(0, abs=0.01)
    assert everything["ear rest"] == 0


def test_chance_keeps_as_much_area_and_as_much_energy_as_the_first_method(
    bench: ExplanationBench, tone: Callable[..., Floats]
) -> None:
    mixture = Mixture(tone(LOW_HZ, peak=0.4), LOW, tone(HIGH_HZ, peak=0.2), HIGH)
    found = bench.trials(mixture, ["mask"])
    assert list(found) == ["mask", AREA, ENERGY, SEPARATED]
    assert found[AREA].area_kept == pytest.approx(found["mask"].area_kept, abs=1e-3)
    assert found[ENERGY].energy_kept == pytest.approx(0.8, abs=0.1)
    assert np.isnan(found[AREA].change)


def test_chance_is_as_large_and_as_loud_as_the_first_of_several_methods(
    bench: ExplanationBench, tone: Callable[..., Floats]
) -> None:
    mixture = Mixture(tone(LOW_HZ, peak=0.4), LOW, tone(HIGH_HZ, peak=0.2), HIGH)
    found = bench.trials(mixture, ["mask", "energy"])
    assert found["energy"].area_kept == 1.0
    assert found[AREA].area_kept == pytest.approx(found["mask"].area_kept, abs=1e-3)
    assert found[AREA].area_kept < 0.9


def test_an_explanation_takes_as_long_as_it_takes(
    bench: ExplanationBench, tone: Callable[..., Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 100.5, 200.0, 203.0])
    monkeypatch.setattr(explanation_bench, "perf_counter", lambda: next(clock))
    found = bench.trials(Mixture(tone(LOW_HZ), LOW), ["mask", "energy"])
    assert (found["mask"].seconds, found["energy"].seconds) == (0.5, 3.0)


def test_a_perfect_separation_keeps_the_clip_and_leaves_what_was_mixed_in(
    bench: ExplanationBench, tone: Callable[..., Floats]
) -> None:
    """Its mask is of no method: the classifier of two tones has the last word."""
    mixture = Mixture(tone(HIGH_HZ, peak=0.4), HIGH, tone(LOW_HZ, peak=0.2), LOW)
    found = bench.trials(mixture, ["mask"])
    mask, trial = found["mask"], found[SEPARATED]
    assert (mask.target, mask.ear_whole, mask.ear_kept, mask.ear_rest) == (HIGH, 1, 0, 1)
    assert (trial.target, trial.ear_whole, trial.ear_kept, trial.ear_rest) == (HIGH, 1, 1, 0)
    assert trial.energy_kept == pytest.approx(0.8, abs=0.01)
    assert trial.gain_db > 25
    assert SEPARATED not in bench.trials(Mixture(tone(HIGH_HZ), HIGH), ["mask"])


def test_nobody_judges_what_the_network_takes_for_another_class(
    bench: ExplanationBench, tone: Callable[..., Floats]
) -> None:
    trial = bench.trials(Mixture(tone(HIGH_HZ), LOW), ["mask"])["mask"]
    assert trial.target == HIGH
    assert np.isnan([trial.ear_whole, trial.ear_kept, trial.ear_rest, trial.gain_db]).all()
    assert trial.energy_kept < 1e-3


def test_where_every_class_sounds_no_absent_one_is_asked_about(
    bench: ExplanationBench, tone: Callable[..., Floats]
) -> None:
    mixture = Mixture(tone(LOW_HZ, peak=0.4), HIGH, tone(HIGH_HZ, peak=0.2), NEITHER)
    assert np.isnan(bench.trials(mixture, ["mask"])["mask"].false_probability)


def test_a_mixture_is_four_fifths_of_the_clip_and_a_fifth_of_one_of_another_class(
    tone: Callable[..., Floats],
) -> None:
    sounds = np.stack([tone(LOW_HZ, peak=0.9), tone(HIGH_HZ, peak=0.3), tone(LOW_HZ, peak=0.9)])
    clips = ClipSet(torch.from_numpy((sounds * 32_767).astype(np.int16)), torch.tensor([0, 1, 0]))
    clean, second = mixtures(clips, [2, 1], mixed=False, seed=0)
    assert (second.label, second.other, second.number) == (1, None, 1)
    (mixed,) = mixtures(clips, [2], mixed=True, seed=0)
    assert (clean.label, clean.other) == (0, None)
    np.testing.assert_allclose(clean.heard, sounds[2], atol=1e-4)
    assert (mixed.label, mixed.other_label) == (0, 1)
    assert mixed.other is not None
    np.testing.assert_allclose(mixed.wanted, 0.8 * sounds[2], atol=1e-4)
    np.testing.assert_allclose(mixed.other, 0.2 * 3 * sounds[1], atol=1e-3)
    np.testing.assert_allclose(mixed.heard, mixed.wanted + mixed.other)


def test_without_a_masker_the_other_methods_are_measured(
    tiny_classifier: Classifier, tone: Callable[..., Floats]
) -> None:
    bench = ExplanationBench(tiny_classifier.requires_grad_(False))
    found = bench.trials(Mixture(tone(LOW_HZ), LOW), ["energy"])
    assert list(found) == ["energy", AREA, ENERGY]


def test_real_methods_go_through_the_bench(
    tiny_classifier: Classifier, tiny_front_end: FrontEndConfig, tone: Callable[..., Floats]
) -> None:
    masker = Masker(tiny_classifier.network.config).eval()
    bench = ExplanationBench(tiny_classifier.requires_grad_(False), masker)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bench.trials(Mixture(tone(LOW_HZ), LOW), ["mask", "grad-cam"])
    for trial in found.values():
        assert np.isfinite([trial.energy_kept, trial.area_kept]).all()
        assert np.isnan(trial.ear_kept)


def test_chance_is_as_loud_by_the_power_of_the_picture(
    bench: ExplanationBench, tone: Callable[..., Floats]
) -> None:
    mixture = Mixture(tone(LOW_HZ, peak=0.4), LOW, tone(HIGH_HZ, peak=0.2), HIGH)
    equal = bench.trials(mixture, ["mask"])["mask"]
    mask = bench._blind(mixture, equal)[ENERGY].astype(np.float64)
    with torch.no_grad():
        decibels = bench._classifier.front_end.decibels(torch.from_numpy(mixture.heard)[None])[0]
    power = 10 ** (decibels.double().numpy() / 10)
    assert (mask**2 * power).sum() / power.sum() == pytest.approx(equal.energy_kept, abs=1e-3)
