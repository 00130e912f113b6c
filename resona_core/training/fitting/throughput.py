"""How many clips a second training learns from, beside the network alone.

The network alone learns from one ready-made batch again and again; what training needs more is
spent on changing, mixing and picturing the clips. Both are measured in turn, batch by batch, so
that their ratio compares neighbours in time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import torch

from resona_core.errors import RequestError
from resona_core.training.data.clips import ClipSet
from resona_core.training.fitting.fit import Trainer
from resona_core.training.fitting.journal import environment
from resona_core.training.fitting.plan import RunPlan
from resona_core.training.fitting.recipes import Recipe


@dataclass(frozen=True)
class Throughput:
    """What :func:`measure` found; medians over the rounds."""

    device: str
    cpu: str
    threads: str
    batch_size: int
    training_clips_per_s: float
    network_clips_per_s: float

    @property
    def share(self) -> float:
        """Training's speed as a share of the network's alone."""
        return self.training_clips_per_s / self.network_clips_per_s

    def to_json(self) -> str:
        """Return the figures as one JSON object."""
        return json.dumps(asdict(self) | {"share": round(self.share, 3)})

    def to_text(self) -> str:
        """Return the figures for reading."""
        return (
            f"training {self.training_clips_per_s:.1f} clips/s, the network alone "
            f"{self.network_clips_per_s:.1f} clips/s ({self.share:.0%}); batches of "
            f"{self.batch_size} on {self.device}, {self.threads} threads, {self.cpu}"
        )


def measure(recipe: Recipe, device: str, rounds: int) -> Throughput:
    """Train on noise for `rounds` batches, and as many of the network alone.

    Raises
    ------
    RequestError
        If `rounds` is below 1.
    """
    if rounds < 1:
        raise RequestError(f"{rounds} rounds were asked for; ask for 1 or more.")
    trainer, clips = _trainer(recipe, device)
    batch = trainer.batches.make(clips, 0)
    training, network = [], []
    for _ in range(rounds + 1):  # the first is to warm up
        started = _now(trainer.device)
        trainer.learn(trainer.batches.make(clips, trainer.step))
        between = _now(trainer.device)
        trainer.learn(batch)
        training.append(between - started)
        network.append(_now(trainer.device) - between)
    about, size = environment(trainer.device), len(clips)
    return Throughput(
        device=about["device"],
        cpu=about["cpu"],
        threads=about["threads"],
        batch_size=size,
        training_clips_per_s=round(size / median(training[1:]), 2),
        network_clips_per_s=round(size / median(network[1:]), 2),
    )


def _trainer(recipe: Recipe, device: str) -> tuple[Trainer, torch.Tensor]:
    """Return a trainer that knows a batch of noise, and its indices."""
    size, n_classes = recipe.training.batch_size, recipe.model.n_classes
    noise = torch.randn(size, recipe.front_end.window_samples) * 3_000
    clips = ClipSet(noise.short(), torch.arange(size) % n_classes)
    labels = tuple(str(i) for i in range(n_classes))
    plan = RunPlan(Path(), "", recipe.training, recipe.model, recipe.front_end, labels, ())
    trainer = Trainer(plan, clips, device)
    trainer.classifier.train()
    return trainer, torch.arange(size, device=trainer.device)


def _now(device: torch.device) -> float:
    """Return the time in seconds, when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()
