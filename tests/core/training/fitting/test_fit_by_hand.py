"""What one step's loss is made of, and in which epochs a run evaluates and stores, by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resona_core.config import FrontEndConfig, ModelConfig
from resona_core.errors import DataError
from resona_core.training.data.clips import ClipSet
from resona_core.training.data.others import KINDS
from resona_core.training.fitting import fit
from resona_core.training.fitting.batches import Batch
from resona_core.training.fitting.journal import Journal
from resona_core.training.fitting.plan import RunPlan
from resona_core.training.fitting.run_folder import RunFolder
from tests.core.training.toy_teacher import PLAIN, noises, tones, write_toy


@pytest.fixture(scope="module")
def clips(tone: Callable[..., NDArray[np.float32]]) -> ClipSet:
    return tones(tone, 9)


@pytest.fixture
def plan(tmp_path: Path, tiny_front_end: FrontEndConfig, tiny_model: ModelConfig) -> RunPlan:
    return RunPlan(
        folder=tmp_path / "run", name="toy", training=replace(PLAIN, batch_size=4),
        model=tiny_model, front_end=tiny_front_end, labels=("dog", "rain", "siren"), folds=(1,),
    )  # fmt: skip


def test_each_loss_weighs_what_the_recipe_says(
    plan: RunPlan, clips: ClipSet, tmp_path: Path, tiny_model: ModelConfig
) -> None:
    """Layers of zeros say the same of every sound: even odds, and numbers of 0."""
    config = replace(PLAIN, batch_size=6, kind_weight=0.25, feature_weight=3.0)
    plan = replace(
        plan, training=config, model=replace(tiny_model, n_kinds=len(KINDS)), kinds=KINDS,
        teacher=write_toy(tmp_path / "toy.safetensors"),
    )  # fmt: skip
    trainer = fit.Trainer(plan, clips, "cpu", noises())
    network, learnt = trainer.classifier.network, trainer.map
    assert isinstance(learnt, nn.Linear)
    for layer in (network.fc, network.kinds, learnt):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    n_numbers = learnt.out_features
    numbers = torch.arange(6.0 * n_numbers).reshape(6, -1) / 1_000
    targets = torch.tensor([[1.0, 0, 0]] * 3 + [[0, 1.0, 0]] + [[1 / 3, 1 / 3, 1 / 3]] * 2)
    kinds = torch.tensor([[1.0, 0, 0, 0]] * 4 + [[0, 0.5, 0, 0.5]] * 2)
    loss, accuracy, kind, feature = trainer.learn(
        Batch(torch.randn(6, 1, 32, 51), targets, kinds, numbers)
    ).tolist()
    assert (loss, kind) == (pytest.approx(np.log(3)), pytest.approx(np.log(4)))
    assert accuracy == 0.75  # the first class of three is said of all; one of four is another's
    assert feature == pytest.approx(float(numbers.square().mean()))
    # of a cross-entropy a bias' gradient is what is said less what is so; of squares twice that
    torch.testing.assert_close(network.fc.bias.grad, 1 / 3 - targets.mean(dim=0))
    torch.testing.assert_close(network.kinds.bias.grad, 0.25 * (0.25 - kinds.mean(dim=0)))
    expected = 3.0 * 2 * (0 - numbers.mean(dim=0)) / n_numbers
    torch.testing.assert_close(learnt.bias.grad, expected)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that learn nothing, and so take no time."""

    def learn(trainer: fit.Trainer, batch: Batch) -> Tensor:
        trainer.step += 1
        return torch.zeros(len(fit.LOSSES))

    monkeypatch.setattr(fit.Trainer, "learn", learn)


@pytest.mark.parametrize(
    ("epochs", "at"),
    [(4, []), (11, [5, 10]), (149, list(range(5, 149, 5))), (150, list(range(6, 151, 6)))],
)
def test_held_out_clips_are_asked_every_fifth_epoch_or_25_times_in_a_long_run(
    idle: None, epochs: int, at: list[int], plan: RunPlan, clips: ClipSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[int] = []
    monkeypatch.setattr(
        fit.Trainer, "_log_held_out", lambda trainer, *_: asked.append(trainer.step // 2) or 0.5
    )
    monkeypatch.setattr(
        fit.Batches, "make", lambda *_: Batch(torch.zeros(1, 1, 32, 51), *[None] * 3)
    )  # type: ignore[arg-type]
    long = replace(plan, training=replace(plan.training, epochs=epochs))
    fit.fit(long, clips, clips, "cpu", resume=False)
    assert asked == at  # of two steps an epoch


@pytest.mark.parametrize(
    ("every", "epoch_s", "at"),
    [
        (1, 60.0, [1, 2, 3, 4, 5, 6, 7]),
        (1, 59.0, [1, 3, 5, 7]),  # no sooner than a minute after the last time
        (3, 60.0, [3, 6, 7]),  # and the last epoch always
        (3, 1.0, [3, 7]),
    ],
)
def test_a_run_is_stored_when_it_is_due_and_a_minute_has_gone_by(
    idle: None, every: int, epoch_s: float, at: list[int], plan: RunPlan, clips: ClipSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    stored, told, trainers = list[int](), list[int](), list[fit.Trainer]()

    def store(trainer: fit.Trainer, path: Path) -> None:
        assert path.name == "last.pt"
        trainers.append(trainer)
        stored.append(trainer.step // 2)

    monkeypatch.setattr(fit.Trainer, "store", store)
    clock_s = iter(np.arange(100) * epoch_s)
    monkeypatch.setattr(fit, "monotonic", lambda: next(clock_s))
    seven = replace(plan, training=replace(plan.training, epochs=7), stored_every=every)
    fit.fit(seven, clips, None, "cpu", resume=False, stored=lambda: told.append(stored[-1]))
    assert stored == told == at


def test_what_a_run_logs_anew_begins_after_its_last_step_or_with_its_teachers_first_epoch(
    plan: RunPlan, clips: ClipSet, tmp_path: Path
) -> None:
    alone = fit.Trainer(plan, clips, "cpu")
    assert alone.first_entry() == 0
    alone.step = 6
    assert alone.first_entry() == 7
    taught = fit.Trainer(
        replace(plan, teacher=write_toy(tmp_path / "toy.safetensors")), clips, "cpu"
    )
    assert taught.first_entry() == -20  # the recipe's epochs of a teacher
    taught.folder.path.mkdir()
    taught.folder.teacher.touch()
    assert taught.first_entry() == 0


def test_clips_of_one_batch_are_enough(idle: None, plan: RunPlan, clips: ClipSet) -> None:
    four = ClipSet(clips.waveforms[:4], clips.targets[:4])
    plan = replace(plan, training=replace(plan.training, epochs=1))
    assert fit.fit(plan, four, None, "cpu", resume=False).is_file()


def test_a_finished_run_is_neither_trained_again_nor_replaced(
    idle: None, plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(plan, training=replace(plan.training, epochs=1))
    path = fit.fit(plan, clips, None, "cpu", resume=False)
    RunFolder(plan.folder).forget_state()
    before = path.stat()
    monkeypatch.delattr(fit.Trainer, "run")
    assert fit.fit(plan, clips, None, "cpu", resume=True) == path
    with pytest.raises(DataError, match="holds a run with another configuration: name is"):
        fit.fit(replace(plan, name="other"), clips, None, "cpu", resume=True)
    with pytest.raises(DataError, match="There is a run in"):
        fit.fit(plan, clips, None, "cpu", resume=False)
    assert path.stat() == before


def _train_from(epoch: int, plan: RunPlan, clips: ClipSet, device: str = "cpu") -> None:
    """Train to the end of the fourth epoch, of two steps each."""
    trainer = fit.Trainer(replace(plan, training=replace(plan.training, epochs=4)), clips, "cpu")
    trainer.step, trainer.device = 2 * epoch, torch.device(device)
    with Journal(RunFolder(plan.folder), 0) as journal:
        trainer.run(journal, None, lambda: None)


@pytest.mark.parametrize("epoch", [0, 2])
def test_the_batch_that_is_shown_is_the_first_that_is_learnt_from(
    idle: None, epoch: int, plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[list[int], int]] = []
    make = fit.Batches.make

    def note(batches: fit.Batches, indices: Tensor, step: int) -> Batch:
        made.append((indices.tolist(), step))
        return make(batches, indices, step)

    monkeypatch.setattr(fit.Batches, "make", note)
    _train_from(epoch, plan, clips)
    assert made[0] == made[1]
    assert [step for _, step in made[1:]] == list(range(2 * epoch, 8))


@pytest.mark.parametrize(
    ("device", "epoch", "recorded"), [("cuda", 0, [1]), ("cuda", 2, [3]), ("cpu", 0, [])]
)
def test_a_step_is_recorded_on_a_gpu_once_it_has_learnt_for_an_epoch(
    idle: None, device: str, epoch: int, recorded: list[int], plan: RunPlan, clips: ClipSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    found: list[int] = []
    monkeypatch.setattr(fit.Trainer, "record", lambda trainer: found.append(trainer.step // 2))
    _train_from(epoch, plan, clips, device)  # of which nothing is asked
    assert found == recorded


def test_each_epoch_of_each_seed_draws_its_dropout_anew_and_as_before_when_resumed(
    plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def learn(trainer: fit.Trainer, batch: Batch) -> Tensor:
        if trainer.step % 2 == 0:  # an epoch's first
            drawn.append(torch.initial_seed())
        trainer.step += 1
        return torch.zeros(len(fit.LOSSES))

    monkeypatch.setattr(fit.Trainer, "learn", learn)
    for seed in (0, 1):
        _train_from(0, replace(plan, training=replace(plan.training, seed=seed)), clips)
    assert len(set(drawn)) == len(drawn) == 2 * 4
    _train_from(2, replace(plan, training=replace(plan.training, seed=1)), clips)
    assert drawn[8:] == drawn[6:8]


def test_of_losses_that_are_no_numbers_the_first_is_told(
    plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learn(trainer: fit.Trainer, batch: Batch) -> Tensor:
        trainer.step += 1
        return torch.full((len(fit.LOSSES),), 0.5 if trainer.step < 6 else float("inf"))

    monkeypatch.setattr(fit.Trainer, "learn", learn)
    small = replace(plan, training=replace(plan.training, batch_size=2, epochs=3))
    with pytest.raises(DataError, match="not a number at step 6 of 12;"):  # four an epoch
        fit.fit(small, clips, None, "cpu", resume=False)
