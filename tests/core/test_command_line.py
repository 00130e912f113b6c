"""``python -m resona_core``, called in this process with a toy network."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import resona_core.commands.training as room
from resona_core import checkpoint
from resona_core.__main__ import _parser, main
from resona_core.checkpoint import CheckpointInfo, Classifier
from resona_core.labels import ESC50_LABELS
from resona_core.settings import SHIPPED_CHECKPOINT


@pytest.fixture
def weights(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> str:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return str(path)


@pytest.fixture
def wav(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Path:
    path = tmp_path / "tone.wav"
    path.write_bytes(sound_file(tone(1000, 44_100, 2.6), 44_100))
    return path


def test_classify_prints_one_json_object_a_line(
    wav: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(wav), str(wav), "--json", "--checkpoint", weights]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2
    assert lines[0]["file"] == str(wav)
    assert lines[0]["sample_rate_hz"] == 44_100
    assert lines[0]["duration_s"] == pytest.approx(2.6, abs=0.001)
    assert lines[0]["windows"] == 5
    probabilities = [p["probability"] for p in lines[0]["predictions"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-3)


def test_a_bad_file_is_one_line_and_the_others_go_on(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not sound")
    files = [str(bad), str(tmp_path / "missing.wav"), str(wav)]
    assert main(["classify", *files, "--json", "--checkpoint", weights]) == 1
    captured = capsys.readouterr()
    assert [json.loads(line)["file"] for line in captured.out.splitlines()] == [str(wav)]
    errors = captured.err.splitlines()
    assert len(errors) == 2
    assert "bad.wav" in errors[0]
    assert "missing.wav" in errors[1]


def test_top_chooses_how_many_classes(
    wav: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(wav), "--top", "2", "--checkpoint", weights]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["classify", str(wav), "--top", "0", "--checkpoint", weights]) == 1
    assert "0 classes were asked for" in capsys.readouterr().err


def test_layers_are_listed_with_their_geometry(
    weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["layers", "--checkpoint", weights]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[1:]] == [
        "stem", "layer1.0", "layer2.0", "layer3.0", "layer4.0",
    ]  # fmt: skip
    assert rows[1].split()[1:4] == ["8", "8", "13"]  # 32 mel and 51 frames, each over 4


def test_a_reader_that_has_seen_enough_is_no_error(weights: str) -> None:
    command = f"{sys.executable} -m resona_core layers --checkpoint {weights} | true"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr


def test_feature_maps_are_written_with_their_axes(wav: Path, weights: str, tmp_path: Path) -> None:
    output = tmp_path / "maps.npz"
    command = ["feature-maps", str(wav), "--layer", "layer2.0", "--output", str(output)]
    assert main([*command, "--checkpoint", weights]) == 0
    with np.load(output) as file:
        assert file["maps"].shape == (16, 4, 7)
        assert file["frequency_hz"].shape == (4,)
        assert file["time_s"].shape == (7,)


def test_a_folder_that_does_not_exist_is_one_sentence(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "nowhere" / "maps.npz")
    command = ["feature-maps", str(wav), "--layer", "stem", "--output", output]
    assert main([*command, "--checkpoint", weights]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_an_unknown_layer_is_one_sentence(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "maps.npz")
    command = ["feature-maps", str(wav), "--layer", "conv1", "--output", output]
    assert main([*command, "--checkpoint", weights]) == 1
    assert "conv1" in capsys.readouterr().err


@pytest.fixture
def dataset(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Path:
    """Two classes, two folds, 48 clips of half a second."""
    folder = tmp_path / "data"
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    with (folder / "meta" / "toy.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "fold", "target", "category"])
        for i in range(48):
            name, target = f"{i}.wav", i % 2
            sound = tone(400 * (1 + 2 * target) + 5 * i, 16_000, 0.5)
            (folder / "audio" / name).write_bytes(sound_file(sound, 16_000))
            writer.writerow([name, 1 + (i >= 24), target, ("low", "high")[target]])
    return folder


def test_train_then_evaluate_then_release(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path / "runs"), "--name", "toy"]
    recipe = ["--epochs", "1", "--front-end", "16k", "--device", "cpu", "--validate-on", "2"]
    assert main(["train", "--data", str(dataset), "--from-scratch", *recipe, *runs]) == 0
    model = tmp_path / "runs" / "toy" / "model.safetensors"
    info = checkpoint.read_info(model)
    assert (info.folds, info.initial, info.licence) == ((1,), "", "")
    capsys.readouterr()

    examine = ["evaluate", "--data", str(dataset), "--checkpoint", str(model), "--json"]
    assert main([*examine, "--folds", "2"]) == 0
    report = capsys.readouterr().out
    scores = json.loads(report)
    assert scores["clips"] == 24
    assert scores["per_class"].keys() == {"low", "high"}
    assert scores["accuracy"] == pytest.approx(np.mean(list(scores["per_class"].values())))

    assert main([*examine, "--folds", "1"]) == 0
    assert "was trained on fold 1" in capsys.readouterr().err

    (tmp_path / "scores.json").write_text(report)
    shipped = tmp_path / "shipped.safetensors"
    release = ["release", "--model", str(model), "--scores", str(tmp_path / "scores.json")]
    assert main([*release, "--name", "toy net", "--output", str(shipped)]) == 0
    info = checkpoint.read_info(shipped)
    assert info.name == "toy net"
    assert info.scores["accuracy"] == scores["accuracy"]
    assert "tested once on fold 2" in info.validation


def test_a_wrong_folder_or_fold_is_one_sentence(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(tmp_path)]) == 1
    assert "meta/*.csv" in capsys.readouterr().err
    assert main(["train", "--data", str(dataset), "--folds", "7"]) == 1
    assert "Fold 7 has no clips" in capsys.readouterr().err


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
        monkeypatch.setattr(room, "SHIPPED_CHECKPOINT", weights)
    assert main([*command, "--runs", str(tmp_path / "runs")]) == 0
    assert "starts from the weights of toy" in capsys.readouterr().err
    model = tmp_path / "runs" / "run" / "model.safetensors"
    info = checkpoint.read_info(model)
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
    command = ["train", "--data", str(own_sounds), "--initial", weights, "--front-end", "16k"]
    assert main([*command, "--epochs", "1", "--runs", str(tmp_path / "runs")]) == 0
    front_end = checkpoint.read_info(tmp_path / "runs" / "run" / "model.safetensors").front_end
    assert front_end.window_s == 5.0
    assert front_end.mean_db < -60  # half a second of a tone, then silence at -80 dB


@pytest.mark.parametrize(
    ("labels", "arguments", "initial"),
    [
        (ESC50_LABELS, [], None),
        (("dog", "rain"), [], None),  # ESC-10 is of the same clips
        (("dog", "kettle"), [], SHIPPED_CHECKPOINT),
        (("dog", "kettle"), ["--from-scratch"], None),
        (("dog", "kettle"), ["--initial", "mine.safetensors"], Path("mine.safetensors")),
        (ESC50_LABELS, ["--initial", "mine.safetensors"], Path("mine.safetensors")),
    ],
)
def test_shipped_weights_are_the_start_for_all_but_the_clips_they_know(
    labels: tuple[str, ...], arguments: list[str], initial: Path | None, dataset: Path
) -> None:
    options = _parser().parse_args(["train", "--data", str(dataset), *arguments])
    assert room._initial(options, labels) == initial


def test_own_dogs_and_cats_are_not_taken_for_those_of_esc50(tmp_path: Path) -> None:
    options = _parser().parse_args(["train", "--data", str(tmp_path)])
    assert room._initial(options, ("cat", "dog")) == SHIPPED_CHECKPOINT


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
    assert "1 of 17 clips cannot be read; mend or remove them" in capsys.readouterr().err
    assert main([*command, "--skip-unreadable"]) == 0
    assert "1 of 17 clips cannot be read and are left out" in caplog.text


def test_download_says_what_to_do_next_and_what_went_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = str(tmp_path / "ESC-50")
    monkeypatch.setattr("resona_core.training.download.download_esc50", lambda *_: None)
    assert main(["download", "--output", output]) == 0
    assert f"train --data {output}" in capsys.readouterr().out
    monkeypatch.undo()
    assert main(["download", "--output", output, "--url", "ftp://example.org/"]) == 1
    assert "error: ftp://example.org/ is no web address" in capsys.readouterr().err
