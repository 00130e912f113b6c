"""The way of sounds of one's own: ``train``, then ``classify``, with a toy network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resona_core.__main__ import main
from resona_core.labels import ESC50_LABELS
from resona_core.network import checkpoint, description
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.settings import SHIPPED_CHECKPOINT
from resona_core.training import preparation
from resona_core.training.session import Session


@pytest.fixture
def own_sounds(
    tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]
) -> Path:
    """A folder of eight clips of half a second for each of two classes."""
    directory = tmp_path / "machines"
    for pitch, label in enumerate(("Pump_7", "fan")):
        (directory / label).mkdir(parents=True)
        for i in range(8):
            sound = tone(400 * (1 + 2 * pitch) + 5 * i, 16_000, 0.5)
            (directory / label / f"{i}.wav").write_bytes(sound_file(sound, 16_000))
    return directory


@pytest.mark.parametrize("start", ["the weights named", "the shipped weights"])
def test_sounds_of_ones_own_are_learnt_from_other_weights_and_answered(
    start: str,
    own_sounds: Path,
    tiny_info: CheckpointInfo,
    tiny_classifier: Classifier,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = tmp_path / "licensed.safetensors"
    licensed = replace(tiny_info, licence="CC-BY-NC-3.0")
    checkpoint.save(weights, licensed, tiny_classifier.network.state_dict())
    command = ["train", "--data", str(own_sounds), "--epochs", "1", "--device", "cpu"]
    if start == "the weights named":
        command += ["--initial", str(weights)]
    else:
        monkeypatch.setattr(preparation, "SHIPPED_CHECKPOINT", weights)
    assert main([*command, "--runs", str(tmp_path / "runs")]) == 0
    assert "starts from the weights of toy" in capsys.readouterr().err
    model = tmp_path / "runs" / "run" / "model.safetensors"
    info = description.read_info(model)
    assert (info.labels, info.initial, info.data) == (("Pump_7", "fan"), "toy", "machines")
    assert info.folds == (1, 2, 3, 4, 5)
    assert info.model == replace(tiny_info.model, n_classes=2)
    assert info.front_end == tiny_info.front_end  # its mean and deviation too
    assert info.licence == "CC-BY-NC-3.0"  # what is made of weights is under their terms

    sound = str(own_sounds / "fan" / "0.wav")
    assert main(["classify", sound, "--checkpoint", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split("%")[1].strip() for line in lines[1:]} == {"Pump 7", "Fan"}


def test_a_front_end_asked_for_is_measured_on_the_clips(
    own_sounds: Path, weights: str, tmp_path: Path
) -> None:
    command = ["train", "--data", str(own_sounds), "--initial", weights, "--recipe", "resona"]
    assert main([*command, "--epochs", "1", "--runs", str(tmp_path / "runs")]) == 0
    front_end = description.read_info(tmp_path / "runs" / "run" / "model.safetensors").front_end
    assert front_end.window_s == 5.0
    assert front_end.mean_db < -60  # half a second of a tone, then silence at -80 dB


def test_ten_clips_are_one_batch(own_sounds: Path, weights: str, tmp_path: Path) -> None:
    for path in own_sounds.glob("*/[567].wav"):
        path.unlink()
    command = ["train", "--data", str(own_sounds), "--initial", weights, "--epochs", "1"]
    assert main([*command, "--runs", str(tmp_path / "runs")]) == 0
    info = description.read_info(tmp_path / "runs" / "run" / "model.safetensors")
    assert info.training.batch_size == 10


MINE = Path("mine.safetensors")


@pytest.mark.parametrize(
    ("labels", "asked", "initial"),
    [
        (ESC50_LABELS, {}, None),
        (("dog", "rain"), {}, None),  # ESC-10 is of the same clips
        (("dog", "kettle"), {}, SHIPPED_CHECKPOINT),
        (("dog", "kettle"), {"from_scratch": True}, None),
        (("dog", "kettle"), {"initial": MINE}, MINE),
        (ESC50_LABELS, {"initial": MINE}, MINE),
    ],
)
def test_shipped_weights_are_the_start_for_all_but_the_clips_they_know(
    labels: tuple[str, ...], asked: dict[str, Any], initial: Path | None, tmp_path: Path
) -> None:
    (tmp_path / "meta").mkdir()  # ESC-50's layout
    assert preparation._initial(Session(tmp_path, tmp_path, **asked), labels) == initial


def test_own_dogs_and_cats_are_not_taken_for_those_of_esc50(tmp_path: Path) -> None:
    assert preparation._initial(Session(tmp_path, tmp_path), ("cat", "dog")) == SHIPPED_CHECKPOINT


def test_damaged_files_stop_training_unless_they_may_be_skipped(
    own_sounds: Path,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copy(own_sounds / "fan" / "7.wav", own_sounds / "fan" / "8.wav")
    (own_sounds / "fan" / "0.wav").write_text("not sound")
    command = ["train", "--data", str(own_sounds), "--initial", weights, "--epochs", "1"]
    command += ["--runs", str(tmp_path / "runs")]
    assert main(command) == 1
    assert "1 of 17 clips cannot be read; repair or remove them" in capsys.readouterr().err
    assert main([*command, "--skip-unreadable"]) == 0
    assert "1 of 17 clips cannot be read and are left out" in caplog.text


def test_download_says_what_to_do_next_and_what_went_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = str(tmp_path / "ESC-50")
    monkeypatch.setattr("resona_core.training.data.download.download_esc50", lambda *_: None)
    assert main(["download", "--output", output]) == 0
    assert f"train --data {output}" in capsys.readouterr().out
    monkeypatch.undo()
    assert main(["download", "--output", output, "--url", "no-address"]) == 1
    assert "error: no-address could not be downloaded" in capsys.readouterr().err


def test_any_folder_of_known_classes_is_a_test_however_small(
    own_sounds: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path / "runs")]
    command = ["train", "--data", str(own_sounds), "--initial", weights, "--epochs", "1"]
    assert main([*command, *runs]) == 0
    assert "learns from 16 clips of 2 classes, 8 of each, in folds 1, 2" in capsys.readouterr().err
    later = tmp_path / "later"
    (later / "fan").mkdir(parents=True)
    for name in ("0.wav", "1.wav"):
        shutil.copy(own_sounds / "fan" / name, later / "fan")
    data = (later / "fan" / "1.wav").read_bytes()
    (later / "fan" / "1.wav").write_bytes(data[:44] + data[46:] + b"\0\0")  # another recording
    evaluate = ["evaluate", "--checkpoint", str(tmp_path / "runs" / "run" / "model.safetensors")]
    assert main([*evaluate, "--data", str(later), "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == (
        "warning: the checkpoint has learnt from 1 of 2 clips; these are left out.\n"
    )
    report = json.loads(told.out)
    assert (report["clips"], report["learnt"], report["folds"]) == (1, 0, [0])
    assert [answer["file"] for answer in report["answers"]] == ["fan/1.wav"]
    assert main([*evaluate, "--data", str(later)]) == 0
    assert "(1 clips of the test split)" in capsys.readouterr().out
