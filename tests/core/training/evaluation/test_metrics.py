from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from resona_core.training.evaluation import metrics

# Four clips, two classes: confidences .9, .8, .6, .7; right, right, wrong, right.
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
TARGETS = np.array([0, 1, 1, 1])


def test_the_figures_are_those_counted_by_hand() -> None:
    found = metrics.calibration(PROBABILITIES, TARGETS)
    assert found.nll == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.7]).mean())
    # Each clip's squared distance counts twice: once for each class.
    assert found.brier == pytest.approx((0.1**2 + 0.2**2 + 0.6**2 + 0.3**2) * 2 / 4)
    assert found.mean_confidence == pytest.approx(0.75)
    # Each clip is alone in its bin: gaps .1, .2, .6, .3.
    assert found.ece == pytest.approx(1.2 / 4)


def test_a_sure_answer_that_is_wrong_costs_much_but_not_infinity() -> None:
    assert 20 < metrics.calibration(np.array([[1.0, 0.0]]), np.array([1])).nll < 30


def test_bins_hold_every_clip_once_and_say_what_came_true() -> None:
    bins = metrics.reliability_bins(
        np.array([0.01, 1.0, 0.99, 2 / 15]), np.array([False, True, False, True])
    )
    assert [b.count for b in bins] == [1, 1, 2]
    assert [b.low for b in bins] == pytest.approx([0, 1 / 15, 14 / 15])
    assert [b.high for b in bins] == pytest.approx([1 / 15, 2 / 15, 1])
    assert bins[-1].accuracy == 0.5
    assert bins[-1].confidence == pytest.approx(0.995)


def test_confidence_of_0_and_what_rounding_makes_of_1_lie_in_the_outermost_bins() -> None:
    lowest, highest = metrics.reliability_bins(np.array([0.0, 1 + 1e-7]), np.array([False, True]))
    assert (lowest.low, lowest.high) == pytest.approx((0, 1 / 15))
    assert (highest.low, highest.high) == pytest.approx((14 / 15, 1))


def test_the_noise_floor_is_the_ece_of_answers_right_as_often_as_claimed() -> None:
    generator = np.random.default_rng(1)
    confidence = generator.uniform(0.3, 1.0, 400)
    simulated = [
        metrics.expected_calibration_error(confidence, generator.random(400) < confidence)
        for _ in range(200)
    ]
    assert metrics.ece_noise_floor(confidence) == pytest.approx(np.mean(simulated), rel=0.1)


def test_the_noise_floor_falls_with_the_root_of_the_number_of_clips() -> None:
    few = metrics.ece_noise_floor(np.full(100, 0.7))
    many = metrics.ece_noise_floor(np.full(10_000, 0.7))
    assert few / many == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_made_the_answers_is_found(temperature: float) -> None:
    generator = np.random.default_rng(2)
    logits = generator.normal(0, 3, (20_000, 5))
    chance = softmax(logits / temperature, axis=1).cumsum(axis=1)
    targets = (generator.random((20_000, 1)) > chance).sum(axis=1)
    assert metrics.fit_temperature(logits, targets) == pytest.approx(temperature, rel=0.03)


def test_answers_that_are_always_right_or_always_wrong_get_the_outermost_temperatures() -> None:
    logits = np.array([[0.1, 0.0], [0.2, 0.0]])
    assert metrics.fit_temperature(logits, np.array([0, 0])) == pytest.approx(0.1, rel=1e-3)
    assert metrics.fit_temperature(logits, np.array([1, 1])) == pytest.approx(10.0, rel=1e-3)


def test_a_temperature_matches_what_another_network_answers() -> None:
    logits = np.random.default_rng(5).normal(0, 3, (200, 5))
    wanted = softmax(logits / 0.6, axis=1)
    assert metrics.matching_temperature(1.5 * logits, wanted) == pytest.approx(0.9, rel=1e-3)


def test_no_clip_is_measured_with_a_temperature_its_own_recording_chose() -> None:
    generator = np.random.default_rng(3)
    logits = generator.normal(0, 1, (60, 4))
    targets = generator.integers(0, 4, 60)
    groups = np.repeat(np.arange(20), 3).astype(object)
    before = metrics.cross_fitted_temperatures(logits, targets, groups)
    logits[:3] *= 50  # the first recording becomes sure of itself
    after = metrics.cross_fitted_temperatures(logits, targets, groups)
    changed = before != after
    assert not changed[:3].any()
    assert changed[3:].any()
    assert len(np.unique(after)) == 5  # recordings are in five parts


def test_scores_that_separate_perfectly_and_not_at_all() -> None:
    low, high = np.arange(10.0), np.arange(10.0) + 20
    assert metrics.auroc(high, low) == 1.0
    assert metrics.auroc(low, high) == 0.0
    assert metrics.auroc(low, low) == 0.5
    assert metrics.fpr_at_95(high, low) == 0.0
    assert metrics.fpr_at_95(low, high) == 1.0


def test_auroc_counts_the_pairs_in_the_right_order() -> None:
    # Of the six pairs the known one is above in five and level in one.
    assert metrics.auroc(np.array([3.0, 1.0]), np.array([0.0, 1.0, 0.5])) == pytest.approx(5.5 / 6)


def test_an_unknown_clip_is_taken_for_known_from_the_least_of_95_percent_on() -> None:
    known = np.arange(21.0)  # of 21, one in twenty lies below 1
    assert metrics.fpr_at_95(known, np.array([0.99, 1.0, 0.5, 20.0])) == 0.5


def test_the_interval_holds_the_figure_and_narrows_with_more_clips() -> None:
    generator = np.random.default_rng(4)

    def interval(n: int) -> tuple[float, float]:
        known, unknown = generator.normal(1, 1, n), generator.normal(0, 1, n)
        low, high = metrics.bootstrap_interval(metrics.auroc, known, unknown)
        assert low < metrics.auroc(known, unknown) < high
        return low, high

    few, many = interval(30), interval(600)
    assert many[1] - many[0] < (few[1] - few[0]) / 2


def test_a_single_recording_is_measured_as_it_is() -> None:
    logits = np.array([[2.0, 0.0], [1.0, 0.5]])
    temperatures = metrics.cross_fitted_temperatures(
        logits, np.array([0, 0]), np.array(["a", "a"], dtype=object)
    )
    assert list(temperatures) == [1.0, 1.0]
