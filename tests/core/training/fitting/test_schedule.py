"""The learning rate and the moving average."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from resona_core.config import TrainConfig
from resona_core.training.fitting.schedule import learning_rate_at, move_average


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 4e-5),  # 1/25 of the peak
        (10, 5.2e-4),  # half way up: (1/25 + 1) / 2
        (20, 1e-3),  # the peak, after a fifth of the steps
        (60, 5.005e-4),  # half way down: (1 + 1/1000) / 2
        (100, 1e-6),  # 1/1000 of the peak
    ],
)
def test_the_learning_rate_follows_one_cycle(step: int, rate: float) -> None:
    config = TrainConfig(peak_learning_rate=1e-3, warmup_fraction=0.2)
    assert learning_rate_at(step, 100, config) == pytest.approx(rate, rel=1e-6)


def test_the_learning_rate_rises_then_falls() -> None:
    recipe = TrainConfig(warmup_fraction=0.2)
    rates = [learning_rate_at(step, 100, recipe) for step in range(100)]
    assert rates == sorted(rates[:20]) + sorted(rates[20:], reverse=True)


@pytest.mark.parametrize(
    ("total", "shares"),
    [
        (1, [0.04, 1.0]),  # one step to warm up, whatever the fraction
        (2, [0.04, 1.0, 0.001]),
        (3, [0.04, 1.0, 0.5005, 0.001]),  # half way down: (1 + 1/1000) / 2
    ],
)
def test_the_shortest_runs_have_a_learning_rate(total: int, shares: list[float]) -> None:
    config = TrainConfig(peak_learning_rate=2.0)
    rates = [learning_rate_at(step, total, config) for step in range(total + 1)]
    assert rates == pytest.approx([2.0 * share for share in shares])


def test_a_run_that_only_warms_up_ends_at_the_peak() -> None:
    config = TrainConfig(peak_learning_rate=1.0, warmup_fraction=1.0)
    rates = [learning_rate_at(step, 2, config) for step in range(3)]
    assert rates == pytest.approx([0.04, 0.52, 1.0])


def _layer(value: float) -> nn.BatchNorm1d:
    """A layer with weights, running statistics and a counter."""
    layer = nn.BatchNorm1d(2)
    for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
        nn.init.constant_(tensor, value)
    return layer


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        (1, 2 / 11),  # (1 + 1) / (10 + 1)
        (8, 0.5),  # 9 / 18
        (80, 0.9),  # 81 / 90: the last step at which it forgets faster than the decay says
        (1_000, 0.9),
    ],
)
def test_the_average_keeps_what_is_counted_by_hand(step: int, kept: float) -> None:
    averaged, current = _layer(1.0), _layer(3.0)
    move_average(averaged, current, 0.9, step)
    expected = torch.full((2,), kept * 1.0 + (1 - kept) * 3.0)
    for name in ("weight", "bias", "running_mean", "running_var"):
        torch.testing.assert_close(averaged.state_dict()[name], expected)


def test_the_current_weights_stay_as_they_are() -> None:
    averaged, current = _layer(1.0), _layer(3.0)
    move_average(averaged, current, 0.9, 1)
    assert current.weight.tolist() == [3.0, 3.0]


def test_counters_are_copied_and_not_averaged() -> None:
    averaged, current = _layer(1.0), _layer(3.0)
    current(torch.randn(4, 2))
    current(torch.randn(4, 2))
    move_average(averaged, current, 0.999, 1_000)
    assert averaged.num_batches_tracked.dtype == torch.int64
    assert int(averaged.num_batches_tracked) == 2


def test_the_average_of_weights_at_rest_arrives_there() -> None:
    averaged, current = _layer(-5.0), _layer(3.0)
    for step in range(1, 200):
        move_average(averaged, current, 0.9, step)
    torch.testing.assert_close(averaged.weight, current.weight)


def test_the_average_takes_no_gradient_even_of_weights_that_learn() -> None:
    averaged, current = _layer(1.0), _layer(3.0)
    move_average(averaged, current, 0.9, 1)
    assert averaged.weight.grad_fn is None


def test_modules_of_different_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        move_average(nn.Sequential(_layer(1.0), _layer(1.0)), _layer(1.0), 0.9, 1)
