from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import DataError
from resona_core.network import checkpoint
from resona_core.training.data.clips import ClipSet
from resona_core.training.evaluation.evaluate import predict
from resona_core.training.fitting import fit
from resona_core.training.fitting.batches import Batch
from resona_core.training.fitting.plan import RunPlan
from resona_core.training.fitting.schedule import learning_rate_at

RECIPE = TrainConfig(epochs=4, batch_size=4, warmup_fraction=0.2, ema_decay=0.9)


@pytest.fixture
def plan(tmp_path: Path, tiny_front_end: FrontEndConfig, tiny_model: ModelConfig) -> RunPlan:
    return RunPlan(
        folder=tmp_path / "run",
        name="toy",
        training=RECIPE,
        model=tiny_model,
        front_end=tiny_front_end,
        labels=("dog", "rain", "siren"),
        folds=(1, 2),
        licence="none",
    )


@pytest.fixture(scope="module")
def clips(tone: Callable[..., NDArray]) -> ClipSet:
    """Nine clips of a second: three tones, each at three levels of noise."""
    targets = torch.arange(9) % 3
    sounds = [torch.from_numpy(tone((300.0, 1_200.0, 5_000.0)[i])) for i in targets]
    noise = torch.randn(9, 16_000, generator=torch.Generator().manual_seed(1))
    waveforms = torch.stack(sounds) + noise * torch.arange(9)[:, None] / 100
    return ClipSet((waveforms * 20_000).short(), targets)


def _run(plan: RunPlan, clips: ClipSet, resume: bool = False) -> dict[str, Tensor]:
    return load_file(fit.fit(plan, clips, None, "cpu", resume))


def test_a_run_leaves_its_folder_complete(plan: RunPlan, clips: ClipSet) -> None:
    path = fit.fit(plan, clips, None, "cpu", resume=False)
    assert path == plan.folder / "model.safetensors"
    assert (plan.folder / "last.pt").is_file()
    assert not list(plan.folder.glob("*.part"))
    described = json.loads((plan.folder / "config.json").read_text())
    assert described["training"]["epochs"] == 4
    info = checkpoint.load(path).info
    assert (info.labels, info.folds, info.licence) == (plan.labels, (1, 2), "none")
    assert (info.front_end, info.model, info.training) == (plan.front_end, plan.model, RECIPE)


def test_what_is_logged_can_be_read_back(plan: RunPlan, clips: ClipSet) -> None:
    plan = replace(plan, training=replace(RECIPE, epochs=10))
    fit.fit(plan, clips, clips, "cpu", resume=False)
    log = EventAccumulator(str(plan.folder)).Reload()
    assert [event.step for event in log.Scalars("train/loss")] == list(range(2, 22, 2))
    assert log.Scalars("train/learning_rate")[-1].value == pytest.approx(
        learning_rate_at(19, 20, plan.training), rel=1e-5
    )
    assert 0 <= log.Scalars("train/accuracy")[-1].value <= 1
    for name in ("raw", "averaged"):
        accuracies = log.Scalars(f"held_out/accuracy_{name}")
        assert [event.step for event in accuracies] == [10, 20]
        assert all(0 <= event.value <= 1 for event in accuracies)
        assert log.Scalars(f"held_out/loss_{name}")[-1].value > 0
    assert (plan.folder / "environment.json").is_file()


def test_a_run_without_held_out_clips_logs_none(plan: RunPlan, clips: ClipSet) -> None:
    fit.fit(plan, clips, None, "cpu", resume=False)
    tags = EventAccumulator(str(plan.folder)).Reload().Tags()
    assert not any("held_out" in tag for kind in ("scalars", "images") for tag in tags[kind])
    # nor what only a teacher or sounds of no class would give
    assert set(tags["scalars"]) == {"train/loss", "train/accuracy", "train/learning_rate"}


def test_three_tones_are_learnt(plan: RunPlan, clips: ClipSet) -> None:
    recipe = replace(
        RECIPE, epochs=60, batch_size=8, peak_learning_rate=1e-2, speed_range=1.0,
        mix_probability=0.0, gap_probability=0.0, low_pass_probability=0.0, noise_probability=0.25,
        room_probability=0.0, frequency_masks=0,
    )  # fmt: skip
    path = fit.fit(replace(plan, training=recipe), clips, None, "cpu", resume=False)
    answers = predict(checkpoint.load(path), clips).argmax(dim=1)
    assert answers.tolist() == clips.targets.tolist()


def test_the_same_run_twice_gives_the_same_weights(plan: RunPlan, clips: ClipSet) -> None:
    first = _run(plan, clips)
    again = _run(replace(plan, folder=plan.folder.parent / "again"), clips)
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())


@pytest.mark.parametrize("when", ["after storing", "while storing"])
def test_killed_and_resumed_gives_the_weights_of_a_run_left_alone(
    when: str, plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _run(plan, clips)
    killed = replace(plan, folder=plan.folder.parent / "killed")
    store = fit.Trainer.store

    def save_half(_: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    def store_until_killed(trainer: fit.Trainer, path: Path) -> None:
        if trainer.step == 6:  # after the third epoch of two steps
            patch.setattr(torch, "save", save_half)
        store(trainer, path)
        if trainer.step == 4 and when == "after storing":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit.Trainer, "store", store_until_killed)
        patch.setattr(fit, "_STORED_EVERY_S", 0.0)
        fit.fit(killed, clips, None, "cpu", resume=False)
    assert not (killed.folder / "model.safetensors").exists()
    torch.manual_seed(12_345)  # another process starts elsewhere
    assert torch.load(killed.folder / "last.pt", weights_only=True)["step"] == 4
    resumed = _run(killed, clips, resume=True)
    assert set(resumed) == set(whole)
    for name, tensor in whole.items():
        assert torch.equal(resumed[name], tensor), name


def test_resuming_what_never_began_is_beginning(plan: RunPlan, clips: ClipSet) -> None:
    assert (fit.fit(plan, clips, None, "cpu", resume=True)).is_file()


def test_resuming_a_finished_run_changes_nothing(plan: RunPlan, clips: ClipSet) -> None:
    first, again = _run(plan, clips), _run(plan, clips, resume=True)
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())


def test_resuming_another_configuration_is_refused(plan: RunPlan, clips: ClipSet) -> None:
    fit.fit(plan, clips, None, "cpu", resume=False)
    other = replace(plan, training=replace(RECIPE, epochs=5))
    told = r"run holds a run with another configuration: training\.epochs is 4 there, 5 was asked"
    with pytest.raises(DataError, match=told):
        fit.fit(other, clips, None, "cpu", resume=True)


def test_a_run_is_not_begun_over_another(plan: RunPlan, clips: ClipSet) -> None:
    path = fit.fit(plan, clips, None, "cpu", resume=False)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"There is a run in .*run already; .*--resume.*--name"):
        fit.fit(plan, clips, None, "cpu", resume=False)
    assert path.read_bytes() == before


def test_too_few_clips_are_refused_with_the_cure(plan: RunPlan, clips: ClipSet) -> None:
    few = ClipSet(clips.waveforms[:3], clips.targets[:3])
    with pytest.raises(DataError, match=r"3 clips do not fill one batch of 4; add clips or lower"):
        fit.fit(plan, few, None, "cpu", resume=False)


def test_targets_are_smoothed_as_counted_by_hand(plan: RunPlan, clips: ClipSet) -> None:
    trainer = fit.Trainer(plan, clips, "cpu")
    # 0.95 for the true class, and 0.05 spread evenly over all three
    expected = torch.tensor([0.95 + 0.05 / 3, 0.05 / 3, 0.05 / 3])
    torch.testing.assert_close(trainer.batches.targets[0], expected)


def test_every_epoch_takes_each_clip_at_most_once_in_a_new_order(
    plan: RunPlan, clips: ClipSet
) -> None:
    trainer = fit.Trainer(plan, clips, "cpu")
    epochs = [trainer.batches.order(epoch).flatten().tolist() for epoch in range(3)]
    assert [len(set(order)) for order in epochs] == [8, 8, 8]  # two batches of four from nine
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] == trainer.batches.order(0).flatten().tolist()


def test_the_average_moves_as_counted_by_hand(plan: RunPlan, clips: ClipSet) -> None:
    trainer = fit.Trainer(plan, clips, "cpu")
    before = trainer.averaged.network.fc.weight.clone()
    trainer.learn(next(trainer.batches.of_epoch(0, step=0)))
    now = trainer.classifier.network.fc.weight.detach()
    # After step 1 the old average keeps (1 + 1) / (10 + 1) of itself.
    expected = before * 2 / 11 + now * 9 / 11
    torch.testing.assert_close(trainer.averaged.network.fc.weight, expected)
    assert not torch.equal(now, before)
    counters = [
        v for k, v in trainer.averaged.state_dict().items() if k.endswith("num_batches_tracked")
    ]
    assert set(map(int, counters)) == {1}


def test_only_kernels_decay(plan: RunPlan, clips: ClipSet) -> None:
    trainer = fit.Trainer(plan, clips, "cpu")
    decaying, free = trainer.optimizer.param_groups
    assert (decaying["weight_decay"], free["weight_decay"]) == (0.05, 0.0)
    named = dict(trainer.classifier.network.named_parameters())
    kernels = {id(p) for name, p in named.items() if "conv" in name or name.endswith("fc.weight")}
    assert kernels <= {id(p) for p in decaying["params"]}
    assert {id(named["fc.bias"]), id(named["layer1.0.bn1.weight"])} <= {
        id(p) for p in free["params"]
    }
    assert len(decaying["params"]) + len(free["params"]) == len(named)


def test_a_loss_that_is_no_number_stops_the_run_and_spoils_nothing(
    plan: RunPlan, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = fit.Trainer.learn

    def break_down(trainer: fit.Trainer, batch: Batch) -> Tensor:
        losses = learn(trainer, batch)
        return losses * float("nan") if trainer.step == 4 else losses  # of two an epoch

    monkeypatch.setattr(fit.Trainer, "learn", break_down)
    with pytest.raises(DataError, match=r"The loss is not a number at step 4 of 8; nothing of it"):
        fit.fit(plan, clips, None, "cpu", resume=False)
    assert torch.load(plan.folder / "last.pt", weights_only=True)["step"] == 2
    assert not (plan.folder / "model.safetensors").exists()


@pytest.mark.parametrize("held_out", [True, False])
def test_every_run_stands_in_tensorboards_table_of_recipes(
    held_out: bool, plan: RunPlan, clips: ClipSet
) -> None:
    fit.fit(plan, clips, clips if held_out else None, "cpu", resume=False)
    log = EventAccumulator(str(plan.folder)).Reload()
    assert "_hparams_/session_start_info" in log.PluginTagToContent("hparams")
