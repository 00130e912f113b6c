"""The method "mask": the trained masker draws, a few steps of optimisation move it a little.

Steps alone, from any start, end in masks that the network takes for the class and no other
listener does. Here they move cells of a quarter of a second at most, and only where the network
says the class of the whole sound: a class that it does not hear is never argued into the sound.

Their number, their rates and the price of energy (:func:`~resona_core.explain.masking.shape_cost`)
were chosen by what this prints, on clips that neither the masker nor the judge has learnt from::

    explain-bench --folds 5 --clips 30 --seed 12 --condition contaminated --methods mask --judge ...

Without steps, the outside ear finds the class too often in the rest. The higher the price, the more
often it does so with them; at 12 it also finds it less often in what is kept. At 1 or 0 more than
0.8 of the energy is kept.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import cos, pi

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.explain.explanation import Told
from resona_core.explain.masker import Masker
from resona_core.explain.masking import ABSENT, Judge, odds_of, shape_cost, unfaithfulness
from resona_core.network.checkpoint import Classifier

STEPS = 14
_CELLS = (8, 16)  # that the steps move: rows, columns
_RATES = (1.0, 0.3)  # of the first and the last step
_EPSILON = 1e-8  # Adam's, against a division by zero
_PRICE = 2.0  # of keeping all the energy
_SURER = 3.0  # log-odds by which the kept part should exceed the whole


class Drawing:
    """Draws masks for a classifier.

    Parameters
    ----------
    classifier : Classifier
        In eval mode; never changed.
    masker : Masker
        Of its weights.
    turn : context manager
        Entered for each pass and left between them.
    """

    def __init__(
        self, classifier: Classifier, masker: Masker, turn: AbstractContextManager[object]
    ) -> None:
        self._masker, self._judge, self._turn = masker, Judge(classifier), turn

    def mask(self, samples: Tensor, target: int, told: Told, steps: int = STEPS) -> Tensor:
        """Return the mask for one window (sample,), (mel, frame), 0 to 1.

        The best of what the masker drew and what each step but the last made of it.
        """
        judge, wanted = self._judge, torch.tensor([target], device=self._judge.device)
        with self._turn, torch.no_grad():
            decibels = judge.decibels(samples[None])
            stages, logits = judge.sees(decibels)
            drawn = self._masker([stage.float() for stage in stages], judge.rows(wanted))
        full, energy = odds_of(logits, wanted), judge.energy(decibels)
        moved = torch.zeros(1, 1, *_CELLS, device=judge.device, requires_grad=True)
        best, least = moved.detach().clone(), torch.inf
        adam = Adam(moved)
        for step in range(steps if float(full) > ABSENT else 0):
            with self._turn, torch.enable_grad():
                mask = judge.mask(decibels, _together(drawn, moved))
                cost = self._cost(decibels, energy, mask, wanted, full)
                (gradient,) = torch.autograd.grad(cost, moved)
                if float(cost.detach()) < least:
                    best, least = moved.detach().clone(), float(cost.detach())
                adam.step(gradient, _rate(step, steps))
            told((step + 1) / steps)
        return judge.mask(decibels, _together(drawn, best))[0, 0]

    def _cost(
        self, decibels: Tensor, energy: Tensor, mask: Tensor, wanted: Tensor, full: Tensor
    ) -> Tensor:
        """Return how unfaithful and how large a mask is."""
        sounds = torch.ones_like(wanted, dtype=torch.bool)
        kept, rest = self._judge.hears(decibels, mask, wanted)
        faults = unfaithfulness(full, kept, rest, sounds, _SURER)
        return (faults + shape_cost(energy, mask, sounds, _PRICE)).sum()


class Adam:
    """Moves one tensor by Adam's rule, as :class:`torch.optim.Adam` does.

    That one loads torch's compiler as soon as it is made: a second and a hundred megabytes, which
    a first explanation would wait for.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
    """

    def __init__(self, moved: Tensor, betas: tuple[float, float] = (0.8, 0.95)) -> None:
        self._moved, self._betas, self._steps = moved, betas, 0
        self._mean, self._square = torch.zeros_like(moved), torch.zeros_like(moved)

    @torch.no_grad()
    def step(self, gradient: Tensor, rate: float) -> None:
        """Move against the gradient; `rate` is about the length of the step."""
        self._steps += 1
        of_mean, of_square = self._betas
        self._mean.lerp_(gradient, 1 - of_mean)
        self._square.lerp_(gradient.square(), 1 - of_square)
        mean = self._mean / (1 - of_mean**self._steps)
        square = self._square / (1 - of_square**self._steps)
        self._moved -= rate * mean / (square.sqrt() + _EPSILON)


def _together(drawn: Tensor, moved: Tensor) -> Tensor:
    """Return the masker's log-odds, moved by those of coarser cells."""
    fine = F.interpolate(moved, drawn.shape[2:], mode="bilinear", align_corners=False)
    return drawn + fine


def _rate(step: int, steps: int) -> float:
    high, low = _RATES
    return low + (high - low) * (1 + cos(pi * step / max(1, steps - 1))) / 2
