"""How far one step moves a teacher's copy, and what each part of a teacher draws from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.config import TrainConfig
from resona_core.training.data.clips import ClipSet
from resona_core.training.fitting import teaching
from resona_core.training.fitting.teaching import Teacher, learn_ear, learn_teacher
from tests.core.training.toy_teacher import RATE_HZ, tones, toy_tagger

RECIPE = TrainConfig(batch_size=12, speed_range=1.0)


@pytest.fixture(scope="module")
def clips(tone: Callable[..., NDArray[np.float32]]) -> ClipSet:
    return tones(tone, 12, duration_s=0.375)


@pytest.fixture
def targets(clips: ClipSet) -> Tensor:
    return F.one_hot(clips.targets, 3).float()


@pytest.fixture
def teacher() -> Teacher:
    torch.manual_seed(0)  # of its linear layers
    return Teacher(toy_tagger(), 3, RATE_HZ)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What linear layers are fitted to; none is."""
    numbers: list[Tensor] = []
    monkeypatch.setattr(
        teaching, "_fit_logistic", lambda _, heard, *__, **___: numbers.append(heard)
    )
    return numbers


def test_the_first_step_moves_weights_by_the_rate_and_the_new_layers_by_three_times_that(
    teacher: Teacher, clips: ClipSet, targets: Tensor, fitted: list[Tensor]
) -> None:
    config = replace(RECIPE, teacher_epochs=1, teacher_learning_rate=0.025, weight_decay=0.0)
    layers = (teacher.tuned.features[16][0], teacher.tuned_layer)
    before = [layer.weight.detach().clone() for layer in layers]
    learn_teacher(teacher, clips.waveforms, targets, config, fast_bf16=False)
    # It begins at 1/25 of the rate, Adam's first step is as long, and of the average that was
    # there before it 2/11 are left.
    for layer, weight, times in zip(layers, before, (1, 3), strict=True):
        moved = (layer.weight.detach() - weight).abs()
        assert float(moved.median()) == pytest.approx(times * 0.001 * 9 / 11, rel=0.01)


def test_every_view_and_every_epoch_draws_from_a_source_of_its_own(
    teacher: Teacher, clips: ClipSet, targets: Tensor, fitted: list[Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sources: list[int] = []
    generator = teaching._Views.generator

    def note(views: teaching._Views, seed: int) -> Generator:
        made = generator(views, seed)
        sources.append(made.initial_seed())
        return made

    monkeypatch.setattr(teaching._Views, "generator", note)
    config = replace(RECIPE, teacher_epochs=3)
    learn_teacher(teacher, clips.waveforms, targets, config, fast_bf16=False)
    assert len(sources) == len(set(sources)) == 6 + 3


def test_an_ear_learns_from_each_clip_as_it_is_and_mixed_once(
    teacher: Teacher, clips: ClipSet, targets: Tensor, fitted: list[Tensor]
) -> None:
    ear = learn_ear(teacher, clips.waveforms, targets, RECIPE)
    assert [len(numbers) for numbers in fitted] == [2 * 12]
    assert not any(module.training for module in ear.modules())
    assert not any(parameter.requires_grad for parameter in ear.parameters())


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps(
    teacher: Teacher, clips: ClipSet, targets: Tensor, fitted: list[Tensor]
) -> None:
    nn.init.zeros_(teacher.tuned_layer.weight)
    nn.init.zeros_(teacher.tuned_layer.bias)
    config = replace(RECIPE, batch_size=4, teacher_epochs=2, teacher_learning_rate=0.0)
    told: list[tuple[int, float]] = []
    learn_teacher(
        teacher, clips.waveforms, targets, config, False, lambda *epoch: told.append(epoch)
    )
    even = pytest.approx(np.log(3))  # a layer that says the same of all
    assert told == [(0, even), (1, even)]


def test_the_rates_of_the_copy_are_one_cycle_over_all_of_its_epochs(
    teacher: Teacher, clips: ClipSet, targets: Tensor, fitted: list[Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[tuple[int, int, float]] = []

    def note(step: int, total: int, config: TrainConfig) -> float:
        asked.append((step, total, config.peak_learning_rate))
        return 0.0

    monkeypatch.setattr(teaching, "learning_rate_at", note)
    config = replace(RECIPE, batch_size=6, teacher_epochs=3, teacher_learning_rate=0.5)
    learn_teacher(teacher, clips.waveforms, targets, config, fast_bf16=False)
    assert sorted(set(asked)) == [(step, 6, 0.5) for step in range(6)]  # of two steps an epoch
