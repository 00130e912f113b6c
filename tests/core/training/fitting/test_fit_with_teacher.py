"""A training with a teacher and sounds of no class, from data set to finished weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import CheckpointError, DataError
from resona_core.network import checkpoint, description
from resona_core.training.data.clips import ClipSet
from resona_core.training.data.others import KINDS
from resona_core.training.fitting import fit, teaching
from resona_core.training.fitting.plan import RunPlan
from resona_core.training.fitting.tagger import load_tagger
from tests.core.training.toy_teacher import noises, tones, write_toy

RECIPE = TrainConfig(
    epochs=3, batch_size=6, others_share=1 / 3, teacher_epochs=2, warmup_fraction=0.2,
    ema_decay=0.9, synthetic_share=0.5,
)  # fmt: skip
STEPS = 6  # nine clips, four a step: two steps an epoch


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("teacher") / "toy_as.safetensors")


@pytest.fixture(scope="module")
def clips(tone: Callable[..., NDArray[np.float32]]) -> ClipSet:
    return tones(tone, 9)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "_VIEWS", 2)


def _plan(folder: Path, toy: Path, front_end: FrontEndConfig, model: ModelConfig) -> RunPlan:
    return RunPlan(
        folder=folder, name="taught", training=RECIPE, model=replace(model, n_kinds=len(KINDS)),
        front_end=front_end, labels=("dog", "rain", "siren"), folds=(1, 2), licence="none",
        teacher=toy, kinds=KINDS,
    )  # fmt: skip


@pytest.fixture
def plan(
    tmp_path: Path, toy: Path, tiny_front_end: FrontEndConfig, tiny_model: ModelConfig
) -> RunPlan:
    return _plan(tmp_path / "run", toy, tiny_front_end, tiny_model)


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
    toy: Path,
    clips: ClipSet,
    tiny_front_end: FrontEndConfig,
    tiny_model: ModelConfig,
) -> Path:
    """The folder of a run left alone, held-out clips logged."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teaching, "_VIEWS", 2)
        patch.setattr(fit, "_EVALUATED_EVERY", 1)
        plan = _plan(folder, toy, tiny_front_end, tiny_model)
        fit.fit(plan, clips, clips, "cpu", resume=False, others=noises())
    return folder


def _weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def _assert_same(folder: Path, other: Path) -> None:
    expected, found = _weights(other), _weights(folder)
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


def _assert_logged_alike(folder: Path, other: Path) -> None:
    """Every entry once, at the same step and of the same value, however often it was killed."""
    found, expected = (EventAccumulator(str(each)).Reload() for each in (folder, other))
    assert set(found.Tags()["scalars"]) == set(expected.Tags()["scalars"])
    for tag in expected.Tags()["scalars"]:
        rows = [[(e.step, e.value) for e in log.Scalars(tag)] for log in (found, expected)]
        assert rows[0] == rows[1], tag


def _refuse(*arguments: object, **named: object) -> None:
    raise AssertionError("the teacher has learnt before")


def test_the_folder_holds_the_teacher_and_nothing_half_written(whole: Path) -> None:
    state = torch.load(whole / "teacher.pt", weights_only=True)
    assert state["frozen_layer.weight"].shape == (3, 96 + 527)
    assert state["tuned_layer.weight"].shape == (3, 96)
    assert not list(whole.glob("*.part"))
    assert torch.load(whole / "last.pt", weights_only=True)["step"] == STEPS


def test_config_and_checkpoint_name_the_teacher_and_the_kinds(whole: Path) -> None:
    described = json.loads((whole / "config.json").read_text())
    assert described["teacher"] == "toy_as"
    assert described["kinds"] == ["known", "speech", "music", "other"]
    classifier = checkpoint.load(whole / "model.safetensors")
    assert (classifier.info.teacher, classifier.info.kinds) == ("toy_as", KINDS)
    assert classifier.info.model.n_kinds == 4
    assert "kinds.weight" in classifier.network.state_dict()
    assert not any("map" in name for name in _weights(whole))  # thrown away


def test_the_log_holds_what_was_learnt_beside_the_labels(whole: Path) -> None:
    log = EventAccumulator(str(whole)).Reload()
    assert [event.step for event in log.Scalars("teacher/loss")] == [-2, -1]
    for name in ("loss", "accuracy", "kind_loss", "feature_error", "learning_rate"):
        events = log.Scalars(f"train/{name}")
        assert [event.step for event in events] == [2, 4, 6]
        assert all(event.value >= 0 for event in events)
    assert log.Scalars("train/kind_loss")[0].value > 0.1  # ln 4 = 1.39 before anything is learnt
    assert log.Scalars("train/feature_error")[0].value > 0.1  # 1 for a map that says 0
    taught = log.Scalars("held_out/accuracy_teacher")
    assert [event.step for event in taught] == [0, STEPS]  # a level line over the whole run
    assert taught[0].value == taught[1].value
    assert [e.step for e in log.Scalars("held_out/accuracy_averaged")] == [2, 4, 6]


def test_the_teachers_accuracy_is_that_of_the_stored_teacher(
    whole: Path, toy: Path, clips: ClipSet
) -> None:
    teacher = teaching.Teacher(load_tagger(toy), 3, 16_000).eval()
    teacher.load_state_dict(torch.load(whole / "teacher.pt", weights_only=True))
    right = (teacher.answers(clips.waveforms).argmax(dim=1) == clips.targets).float().mean()
    log = EventAccumulator(str(whole)).Reload()
    assert log.Scalars("held_out/accuracy_teacher")[0].value == pytest.approx(right.item())


def test_resumed_it_remembers_the_teacher_and_ends_with_the_weights_of_a_run_left_alone(
    whole: Path, plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fit.Trainer.store

    def store_and_die(trainer: fit.Trainer, path: Path) -> None:
        store(trainer, path)
        if trainer.step == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit.Trainer, "store", store_and_die)
        patch.setattr(fit, "_EVALUATED_EVERY", 1)
        patch.setattr(fit, "_STORED_EVERY_S", 0.0)
        fit.fit(plan, clips, clips, "cpu", resume=False, others=noises())
    assert not (plan.folder / "model.safetensors").exists()
    torch.manual_seed(12_345)  # another process starts elsewhere
    monkeypatch.setattr(fit, "learn_teacher", _refuse)
    monkeypatch.setattr(fit, "_EVALUATED_EVERY", 1)
    fit.fit(plan, clips, clips, "cpu", resume=True, others=noises())
    _assert_same(plan.folder, whole)
    _assert_logged_alike(plan.folder, whole)
    state = torch.load(plan.folder / "teacher.pt", weights_only=True)
    for name, tensor in torch.load(whole / "teacher.pt", weights_only=True).items():
        assert torch.equal(state[name], tensor), name


def test_killed_in_the_first_epoch_it_remembers_the_teacher_too(
    whole: Path, plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(trainer: fit.Trainer, batch: object) -> Tensor:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit.Trainer, "learn", die)
        fit.fit(plan, clips, clips, "cpu", resume=False, others=noises())
    assert sorted(path.name for path in plan.folder.glob("*.pt")) == ["teacher.pt"]
    monkeypatch.setattr(fit, "learn_teacher", _refuse)
    monkeypatch.setattr(fit, "_EVALUATED_EVERY", 1)
    fit.fit(plan, clips, clips, "cpu", resume=True, others=noises())
    _assert_same(plan.folder, whole)
    _assert_logged_alike(plan.folder, whole)


def test_killed_while_the_teacher_is_written_it_is_learnt_again(
    whole: Path, plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_half(_: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(torch, "save", save_half)
        fit.fit(plan, clips, clips, "cpu", resume=False, others=noises())
    assert not (plan.folder / "teacher.pt").exists()
    monkeypatch.setattr(fit, "_EVALUATED_EVERY", 1)
    fit.fit(plan, clips, clips, "cpu", resume=True, others=noises())
    _assert_same(plan.folder, whole)
    _assert_logged_alike(plan.folder, whole)


def test_another_runs_teacher_is_never_taken_for_its_own(
    whole: Path, plan: RunPlan, clips: ClipSet
) -> None:
    plan.folder.mkdir()
    (plan.folder / "teacher.pt").write_bytes((whole / "teacher.pt").read_bytes())
    with pytest.raises(DataError, match="There is a run in"):
        fit.fit(plan, clips, None, "cpu", resume=False, others=noises())
    with pytest.raises(DataError, match=r"files of a run but no config\.json"):
        fit.fit(plan, clips, None, "cpu", resume=True, others=noises())


def test_resuming_with_another_teacher_is_refused(
    whole: Path, plan: RunPlan, clips: ClipSet, tmp_path: Path
) -> None:
    plan.folder.mkdir()
    (plan.folder / "config.json").write_text((whole / "config.json").read_text())
    other = replace(plan, teacher=write_toy(tmp_path / "other_as.safetensors"))
    with pytest.raises(
        DataError, match='another configuration: teacher is "toy_as" there, "other_as" was'
    ):
        fit.fit(other, clips, None, "cpu", resume=True, others=noises())


def test_a_missing_teacher_is_told_before_anything_is_written(
    plan: RunPlan, clips: ClipSet, tmp_path: Path
) -> None:
    lost = replace(plan, teacher=tmp_path / "lost.pt")
    with pytest.raises(CheckpointError, match=r"There is no teacher at .*lost\.pt"):
        fit.fit(lost, clips, None, "cpu", resume=False, others=noises())
    assert not plan.folder.exists()


def test_only_the_map_and_the_network_learn(plan: RunPlan, clips: ClipSet) -> None:
    trainer = fit.Trainer(plan, clips, "cpu", noises())
    learning = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    own = [*trainer.classifier.network.parameters(), *trainer.map.parameters()]
    assert learning == {id(parameter) for parameter in own}
    assert tuple(trainer.map.weight.shape) == (623, 64)  # from the embedding to all it hears


def test_each_part_of_the_loss_reaches_its_layer(plan: RunPlan, clips: ClipSet) -> None:
    trainer = fit.Trainer(plan, clips, "cpu", noises())
    batch = trainer.batches.make(trainer.batches.order(0)[0], 0)
    layers = (trainer.map, trainer.classifier.network.kinds, trainer.classifier.network.fc)
    before = [layer.weight.detach().clone() for layer in layers]
    losses = trainer.learn(batch)
    assert losses.shape == (len(fit.LOSSES),)
    assert bool((losses[[0, 2, 3]] > 0).all())
    for layer, weight in zip(layers, before, strict=True):
        assert not torch.equal(layer.weight, weight)


def test_the_accuracy_logged_is_of_the_classes_clips_only(
    plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = fit.Trainer(plan, clips, "cpu", noises())
    batch = trainer.batches.make(trainer.batches.order(0)[0], 0)
    with torch.no_grad():
        trainer.classifier.network.fc.weight.zero_()
        trainer.classifier.network.fc.bias.copy_(torch.tensor([0.0, 0.0, 1.0]))
    expected = (batch.targets[:4].argmax(dim=1) == 2).float().mean()  # of four, not six
    assert float(trainer.learn(batch)[1]) == float(expected)


def test_a_teacher_without_other_sounds_and_other_sounds_without_a_teacher_work(
    plan: RunPlan, clips: ClipSet, tiny_model: ModelConfig
) -> None:
    once = replace(RECIPE, epochs=1, teacher_epochs=1)
    alone = replace(plan, training=once, model=tiny_model, kinds=())
    info = description.read_info(fit.fit(alone, clips, None, "cpu", resume=False))
    assert (info.teacher, info.kinds, info.model.n_kinds) == ("toy_as", (), 0)
    untaught = replace(plan, folder=plan.folder.parent / "2", training=once, teacher=None)
    path = fit.fit(untaught, clips, None, "cpu", resume=False, others=noises())
    info = description.read_info(path)
    assert (info.teacher, info.kinds, info.model.n_kinds) == ("", KINDS, 4)
    assert not (untaught.folder / "teacher.pt").exists()
