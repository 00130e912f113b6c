"""The steps of the method "mask": Adam's, which load nothing."""

from __future__ import annotations

import subprocess
import sys

import torch

from resona_core.explain.drawing import Adam


def test_the_steps_are_those_of_torch() -> None:
    gradients = torch.randn(20, 3, 4, generator=torch.Generator().manual_seed(0))
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


def test_an_explanation_does_not_load_the_compiler() -> None:
    code = """
import sys, torch
from resona_core.explain.drawing import Adam
Adam(torch.zeros(1)).step(torch.ones(1), 0.1)
print(sorted({"torch._dynamo", "sympy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
