from __future__ import annotations

import json
import platform
import re
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional as F  # noqa: N812

from resona_core.config import TrainConfig
from resona_core.settings import settings
from resona_core.training.fitting.commit import git_commit
from resona_core.training.fitting.confusion_picture import confusion_picture
from resona_core.training.fitting.journal import Journal, confusion_counts, write_environment
from resona_core.training.fitting.run_folder import RunFolder

LABELS = ("dog", "rain", "siren")
TARGETS = torch.tensor([0, 0, 1, 1])
LOGITS = torch.tensor([[2.0, 0, 0], [0, 3.0, 0], [0, 1.0, 0], [0, 1.0, 0]])  # 3 of 4 right


def _read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def test_an_epoch_is_a_curve_for_each_loss_and_one_for_the_rate(tmp_path: Path) -> None:
    with Journal(RunFolder(tmp_path), 0) as written:
        for step in (10, 20):
            losses = {"loss": step / 10, "accuracy": 0.5, "kind_loss": 0.25}
            written.epoch(step, losses, learning_rate=1e-3)
    log = _read(tmp_path)
    assert [(e.step, e.value) for e in log.Scalars("train/loss")] == [(10, 1.0), (20, 2.0)]
    assert [e.value for e in log.Scalars("train/kind_loss")] == [0.25, 0.25]
    assert log.Scalars("train/learning_rate")[1].value == pytest.approx(1e-3)
    assert set(log.Tags()["scalars"]) == {
        "train/loss",
        "train/accuracy",
        "train/kind_loss",
        "train/learning_rate",
    }


def test_the_teacher_has_a_curve_of_its_epochs_and_a_level_line_of_its_accuracy(
    tmp_path: Path,
) -> None:
    with Journal(RunFolder(tmp_path), 0) as written:
        for step in (-2, -1):
            written.teacher(step, -1 / step)
        written.teacher_held_out([0, 40], LOGITS.softmax(dim=1), TARGETS)
    log = _read(tmp_path)
    assert [(e.step, e.value) for e in log.Scalars("teacher/loss")] == [(-2, 0.5), (-1, 1.0)]
    level = log.Scalars("held_out/accuracy_teacher")
    assert [(e.step, e.value) for e in level] == [(0, 0.75), (40, 0.75)]


def test_a_teacher_as_right_as_half_its_logits_say_has_a_temperature_of_2(tmp_path: Path) -> None:
    """Sure by 9 to 1 and right 3 times of 4, which is 3 to 1, the root of it."""
    sure = torch.tensor([0.9, 0.1, 0.0]).repeat(4, 1)
    with Journal(RunFolder(tmp_path), 0) as written:
        written.teacher_held_out([0, 40], sure, torch.tensor([0, 0, 0, 1]))
    level = _read(tmp_path).Scalars("held_out/temperature_teacher")
    assert [e.step for e in level] == [0, 40]
    assert [e.value for e in level] == pytest.approx([2.0, 2.0], rel=0.01)


def test_held_out_loss_and_accuracy_are_those_of_the_logits(tmp_path: Path) -> None:
    with Journal(RunFolder(tmp_path), 0) as written:
        written.held_out(5, "averaged", LOGITS, TARGETS)
    log = _read(tmp_path)
    assert log.Scalars("held_out/accuracy_averaged")[0].value == 0.75
    expected = F.cross_entropy(LOGITS, TARGETS).item()
    assert log.Scalars("held_out/loss_averaged")[0].value == pytest.approx(expected)


def test_what_stands_at_the_first_step_or_after_it_is_written_anew(tmp_path: Path) -> None:
    for first_step, value in ((-3, 1.0), (21, 2.0)):
        with Journal(RunFolder(tmp_path), first_step) as written:
            for step in (-3, -2, -1):
                if step >= first_step:
                    written.teacher(step, value)
            for step in (10, 20, 30):
                if step >= first_step:
                    written.epoch(step, {"loss": value}, 0.0)
    log = _read(tmp_path)
    events = log.Scalars("train/loss")
    assert [(e.step, e.value) for e in events] == [(10, 1.0), (20, 1.0), (30, 2.0)]
    assert [(e.step, e.value) for e in log.Scalars("teacher/loss")] == [
        (-3, 1.0),
        (-2, 1.0),
        (-1, 1.0),
    ]


def test_a_teacher_that_learns_again_has_its_epochs_once(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        with Journal(RunFolder(tmp_path), -2) as written:
            written.teacher(-2, value)
            written.teacher(-1, value)
    events = _read(tmp_path).Scalars("teacher/loss")
    assert [(e.step, e.value) for e in events] == [(-2, 2.0), (-1, 2.0)]


def test_the_first_batch_and_the_confusions_are_pictures(tmp_path: Path) -> None:
    with Journal(RunFolder(tmp_path), 0) as written:
        written.batch(1, torch.randn(16, 1, 32, 40))
        written.result(2, TrainConfig(), LABELS, LOGITS, TARGETS)
    pictures = _read(tmp_path)
    assert set(pictures.Tags()["images"]) == {"train/spectrograms", "held_out/confusion"}
    image = pictures.Images("held_out/confusion")[0]
    drawn = confusion_picture(LABELS, np.array([[1, 1, 0], [0, 2, 0], [0, 0, 0]]))
    assert np.array_equal(np.asarray(Image.open(BytesIO(image.encoded_image_string))), drawn)


def test_a_picture_shows_the_mean_as_grey_and_the_lowest_frequency_at_the_bottom(
    tmp_path: Path,
) -> None:
    levels = torch.tensor([-9.0, -3.0, -1.5, 0.0, 1.5, 3.0, 9.0])  # standard deviations
    with Journal(RunFolder(tmp_path), 0) as written:
        written.batch(1, levels[:, None].expand(12, 1, 7, 5))
    (image,) = _read(tmp_path).Images("train/spectrograms")
    drawn = np.asarray(Image.open(BytesIO(image.encoded_image_string)))
    assert drawn.shape == (7, 8 * 5, 3)  # eight examples beside each other
    assert (drawn == drawn[:, :1, :1]).all()
    np.testing.assert_allclose(drawn[:, 0, 0], [255, 255, 191, 127, 64, 0, 0], atol=1)


def test_every_class_that_occurs_has_its_accuracy(tmp_path: Path) -> None:
    with Journal(RunFolder(tmp_path), 0) as written:
        written.result(2, TrainConfig(), LABELS, LOGITS, TARGETS)
    pictures = _read(tmp_path)
    assert pictures.Scalars("held_out_class/dog")[0].value == 0.5
    assert pictures.Scalars("held_out_class/rain")[0].value == 1.0
    assert "held_out_class/siren" not in pictures.Tags()["scalars"]
    (accuracy,) = pictures.Scalars("held_out/accuracy")  # beside the hyperparameters
    assert (accuracy.step, accuracy.value) == (2, 0.75)


def test_the_recipe_stands_in_tensorboards_table_of_runs(tmp_path: Path) -> None:
    with Journal(RunFolder(tmp_path), 0) as written:
        written.hyperparameters(7, TrainConfig(), {"held_out/accuracy": 0.5})
    log = _read(tmp_path)
    tables = {"experiment", "session_start_info", "session_end_info"}
    assert set(log.PluginTagToContent("hparams")) == {f"_hparams_/{name}" for name in tables}
    (accuracy,) = log.Scalars("held_out/accuracy")
    assert (accuracy.step, accuracy.value) == (7, 0.5)


def test_confusions_are_counted_true_class_by_answer() -> None:
    counts = confusion_counts(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]


def test_the_environment_says_which_program_on_which_machine(tmp_path: Path) -> None:
    write_environment(RunFolder(tmp_path), torch.device("cpu"))
    found = json.loads((tmp_path / "environment.json").read_text())
    assert found["python"] == platform.python_version()
    assert found["torch"] == torch.__version__.split("+")[0]
    assert found["device"] == "cpu"
    about = Path("/proc/cpuinfo")  # Linux
    told = re.search("model name\\s*: (.+)", about.read_text() if about.exists() else "")
    assert found["cpu"] == (told[1].strip() if told else platform.processor())
    assert found["threads"] == str(torch.get_num_threads())


def test_a_resumed_run_keeps_its_first_environment(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text("{}")
    write_environment(RunFolder(tmp_path), torch.device("cpu"))
    assert (tmp_path / "environment.json").read_text() == "{}"


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_git(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    assert git_commit() == ""


def test_outside_a_checkout_the_settings_name_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = subprocess.run

    def elsewhere(command: list[str], **options: bool) -> object:
        return run([*command[:2], str(tmp_path), *command[3:]], **options)

    monkeypatch.setattr(subprocess, "run", elsewhere)
    assert git_commit() == ""
    monkeypatch.setenv("RESONA_GIT_COMMIT", "0123abc")
    settings.cache_clear()
    try:
        assert git_commit() == "0123abc"
    finally:
        settings.cache_clear()
