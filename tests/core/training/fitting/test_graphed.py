"""What is given to a recorded function and what it returns, with a stand-in for the recording."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from resona_core.training.fitting.graphed import Graphed


class _Sum:
    """A function that answers in the same place when it is recorded and when it is replayed."""

    def __init__(self) -> None:
        self.asked: list[tuple[Tensor | None, ...]] = []
        self.answer = torch.zeros(2)

    def __call__(self, *tensors: Tensor | None) -> Tensor:
        self.asked.append(tensors)
        return self.replay()

    def replay(self) -> Tensor:
        return self.answer.copy_(sum(part for part in self.asked[0] if part is not None))


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> _Sum:
    function = _Sum()
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: function)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph: nullcontext())
    return function


def test_a_recorded_function_is_given_every_calls_numbers(function: _Sum) -> None:
    graphed = Graphed(function, torch.ones(2), None, torch.ones(2))
    for first, second in ((2.0, 3.0), (10.0, 20.0)):
        given = torch.full((2,), first), None, torch.full((2,), second)
        assert graphed(*given).tolist() == [first + second] * 2
    assert len(function.asked) == 1  # it is recorded once and then replayed


def test_examples_stay_as_they_are(function: _Sum) -> None:
    example = torch.ones(2)
    Graphed(function, example)(torch.zeros(2))
    assert example.tolist() == [1, 1]


def test_as_many_are_given_as_were_recorded(function: _Sum) -> None:
    graphed = Graphed(function, torch.ones(2), None)
    with pytest.raises(ValueError, match="shorter"):
        graphed(torch.ones(2))
