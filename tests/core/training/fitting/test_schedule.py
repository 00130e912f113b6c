"""The moving average; the learning rate is tested with the loop that follows it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from resona_core.training.fitting.schedule import move_average


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
