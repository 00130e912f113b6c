"""How fast to learn at each step, and the average of what has been learnt."""

from __future__ import annotations

import math

import torch
from torch import nn

from resona_core.config import TrainConfig


def learning_rate_at(step: int, total: int, config: TrainConfig) -> float:
    """Return the learning rate of `step`: one cycle, a cosine up and a longer cosine down.

    Source: Smith & Topin, "Super-convergence", 2018; starts at 1/25 of the peak and ends at
    1/1000 of it.
    """
    warmup = max(1, round(total * config.warmup_fraction))
    if step < warmup:
        low, progress = 1 / 25, (1 - math.cos(math.pi * step / warmup)) / 2
    else:
        low = 1e-3
        progress = (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup))) / 2
    return config.peak_learning_rate * (low + (1 - low) * progress)


@torch.no_grad()
def move_average(averaged: nn.Module, current: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights towards the current ones; copy the counters.

    Early on the average forgets faster than `decay` says: it would be of random weights.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    pairs = list(zip(averaged.state_dict().values(), current.state_dict().values(), strict=True))
    floats = [(average, now) for average, now in pairs if average.is_floating_point()]
    torch._foreach_lerp_([a for a, _ in floats], [c for _, c in floats], weight)
    for average, now in pairs:
        if not average.is_floating_point():
            average.copy_(now)
