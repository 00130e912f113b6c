"""What only a GPU does: recorded steps, and batches made while it learns from others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.training.data.others import KINDS
from resona_core.training.fitting.fit import Trainer
from resona_core.training.fitting.plan import RunPlan
from tests.core.training.toy_teacher import noises, tones, write_toy

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

RECIPE = TrainConfig(epochs=4, batch_size=6, others_share=1 / 3, synthetic_share=0.5)


@pytest.fixture
def trainer(
    tmp_path: Path,
    tone: Callable[..., NDArray[np.float32]],
    tiny_front_end: FrontEndConfig,
    tiny_model: ModelConfig,
) -> Callable[[], Trainer]:
    """A function that makes the same trainer every time."""
    plan = RunPlan(
        tmp_path, "toy", RECIPE, replace(tiny_model, n_kinds=len(KINDS)), tiny_front_end,
        ("dog", "rain", "siren"), (1,), kinds=KINDS,
        teacher=write_toy(tmp_path / "toy.safetensors"),
    )  # fmt: skip

    def make() -> Trainer:
        made = Trainer(plan, tones(tone, 9), "cuda", noises())
        assert made.teacher is not None
        made.teacher.eval().requires_grad_(False)
        made.classifier.train()
        return made

    return make


def _epoch(trainer: Trainer, number: int) -> Tensor:
    torch.manual_seed(number)
    steps = [trainer.learn(batch) for batch in trainer.batches.of_epoch(number, trainer.step)]
    return torch.stack(steps).cpu()


def test_a_recorded_step_learns_what_an_unrecorded_one_learns(
    trainer: Callable[[], Trainer],
) -> None:
    plain, recorded = trainer(), trainer()
    torch.testing.assert_close(_epoch(recorded, 0), _epoch(plain, 0), rtol=1e-3, atol=1e-3)
    recorded.record()
    for number in (1, 2):
        torch.testing.assert_close(
            _epoch(recorded, number), _epoch(plain, number), rtol=1e-2, atol=1e-2
        )


def test_batches_made_ahead_are_those_made_in_turn(trainer: Callable[[], Trainer]) -> None:
    batches = trainer().batches
    ahead = list(batches.of_epoch(1, step=2))
    for step, (batch, indices) in enumerate(zip(ahead, batches.order(1), strict=True), start=2):
        for part, expected in zip(batch, batches.make(indices, step), strict=True):
            torch.testing.assert_close(part, expected)
