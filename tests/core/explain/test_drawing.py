"""The steps of the method "mask": by Adam's rule, for the better, and without torch's compiler."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from resona_core.explain.drawing import Adam, Drawing, _rate, _together
from resona_core.explain.masker import Masker
from resona_core.explain.masking import Judge, odds_of, shape_cost, unfaithfulness
from resona_core.network.checkpoint import Classifier


def test_the_steps_are_those_of_torch() -> None:
    sizes = torch.tensor([1e-8, 1e-3, 1.0, 1e3])
    gradients = sizes * torch.randn(20, 3, 4, generator=torch.Generator().manual_seed(0))
    ours, theirs = torch.zeros(3, 4), torch.zeros(3, 4, requires_grad=True)
    adam, reference = Adam(ours), torch.optim.Adam([theirs], betas=(0.8, 0.95))
    for step, gradient in enumerate(gradients):
        reference.param_groups[0]["lr"] = rate = 1 / (1 + step)
        adam.step(gradient, rate)
        theirs.grad = gradient.clone()
        reference.step()
        torch.testing.assert_close(ours, theirs.detach())


def test_the_first_step_is_as_long_as_the_rate_whatever_the_gradient() -> None:
    moved = torch.tensor([1.0, 1.0, 1.0])
    Adam(moved).step(torch.tensor([1e-3, -50.0, 0.0]), 0.25)
    torch.testing.assert_close(moved, torch.tensor([0.75, 1.25, 1.0]), atol=1e-5, rtol=0)


def _cost(judge: Judge, sound: torch.Tensor, mask: np.ndarray, target: int) -> float:
    decibels, wanted = judge.decibels(sound[None]), torch.tensor([target])
    gain = torch.from_numpy(mask)[None, None]
    full = odds_of(judge.sees(decibels)[1], wanted)
    kept, rest = judge.hears(decibels, gain, wanted)
    yes = torch.tensor([True])
    cost = unfaithfulness(full, kept, rest, yes) + shape_cost(
        judge.energy(decibels), gain, yes, price=2.0
    )
    return float(cost.detach())


def test_the_steps_make_the_mask_more_faithful_and_tell_how_far_they_are(
    masker: Masker, tiny_classifier: Classifier
) -> None:
    with torch.no_grad():
        tiny_classifier.network.fc.weight *= 20  # so that it matters to it what is kept
    sound = torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    judge, told = Judge(tiny_classifier), list[float]()
    target = int(judge.sees(judge.decibels(sound[None]))[1].argmax())
    drawing = Drawing(tiny_classifier, masker, nullcontext())
    drawn = drawing.mask(sound, target, told.append, steps=0).numpy()
    moved = drawing.mask(sound, target, told.append).numpy()
    assert drawn.shape == moved.shape == (32, 51)
    assert 0 <= moved.min() <= moved.max() <= 1
    assert _cost(judge, sound, moved, target) < _cost(judge, sound, drawn, target)
    assert told == pytest.approx([step / 14 for step in range(1, 15)])


def test_what_the_last_step_would_make_of_it_is_not_taken(
    masker: Masker, tiny_classifier: Classifier
) -> None:
    """Nothing has told yet whether it is the better."""
    drawing, sound = Drawing(tiny_classifier, masker, nullcontext()), torch.randn(16_000)
    drawn, once = (drawing.mask(sound, 1, lambda done: None, steps) for steps in (0, 1))
    torch.testing.assert_close(once, drawn)


def test_the_steps_shrink_along_half_a_cosine() -> None:
    found = [_rate(step, steps) for step, steps in ((0, 14), (13, 14), (1, 3), (1, 4), (1, 2))]
    assert found == pytest.approx([1.0, 0.3, 0.65, 0.3 + 0.7 * 0.75, 0.3])
    assert _rate(0, 1) == 1


def test_coarse_cells_move_fine_ones_by_what_lies_between_their_middles() -> None:
    drawn = torch.tensor([[[[10.0, 20.0, 30.0, 40.0]]]])
    moved = _together(drawn, torch.tensor([[[[4.0, 8.0]]]]))
    assert moved.flatten().tolist() == [14, 25, 37, 48]


def test_where_the_network_hears_no_difference_a_mask_only_gets_cheaper(
    masker: Masker, tiny_classifier: Classifier
) -> None:
    """It costs area, edges and energy; this one first kept too little of that."""
    with torch.no_grad():
        tiny_classifier.network.fc.weight.zero_()
        tiny_classifier.network.fc.bias.copy_(torch.tensor([3.0, 0.0, 0.0]))
    sound = torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    judge, drawing = Judge(tiny_classifier), Drawing(tiny_classifier, masker, nullcontext())
    energy = judge.energy(judge.decibels(sound[None]))
    drawn, moved = (
        float(shape_cost(energy, mask[None, None], torch.tensor([True]), price=2.0).detach())
        for mask in (drawing.mask(sound, 0, lambda done: None, steps) for steps in (0, 14))
    )
    assert moved < 0.9 * drawn


def test_a_class_that_the_network_does_not_hear_is_drawn_without_any_step(
    masker: Masker, tiny_classifier: Classifier
) -> None:
    with torch.no_grad():
        tiny_classifier.network.fc.bias.copy_(torch.tensor([0.0, 0.0, 20.0]))
    drawing, told = Drawing(tiny_classifier, masker, nullcontext()), list[float]()
    sound = torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    drawn = drawing.mask(sound, 0, told.append)
    assert told == []
    torch.testing.assert_close(drawn, drawing.mask(sound, 0, told.append, steps=0))
    drawing.mask(sound, 2, told.append)
    assert told


def test_an_explanation_does_not_load_the_compiler() -> None:
    code = """
import sys, torch
from resona_core.explain.drawing import Adam
Adam(torch.zeros(1)).step(torch.ones(1), 0.1)
print(sorted({"torch._dynamo", "sympy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
