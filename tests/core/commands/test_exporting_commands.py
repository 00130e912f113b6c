"""Export and calibration, as people call them: with files, words and refusals."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tqdm import tqdm

from resona_core.__main__ import main
from resona_core.network.checkpoint import Classifier
from resona_core.network.export_waveform import PROBABILITIES
from resona_core.network.ranges import ranges_path
from resona_core.training.data.clip_table import read_table

LABELS = ("dog", "rain", "siren")


@pytest.fixture
def dataset(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Path:
    """Folds 1 and 4, nine clips each; the toy network says it was trained on 1, 2 and 3."""
    folder = tmp_path / "clips"
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    with (folder / "meta" / "toy.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "fold", "target", "category"])
        for i in range(18):
            (folder / "audio" / f"{i}.wav").write_bytes(sound_file(tone(300 + 350 * i)))
            writer.writerow([f"{i}.wav", 1 if i < 9 else 4, i % 3, LABELS[i % 3]])
    return folder


def test_export_writes_what_the_network_answers(
    weights: str, tmp_path: Path, tiny_classifier: Classifier, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "toy.onnx"
    assert main(["export", "--output", str(output), "--checkpoint", weights]) == 0
    assert f"{output}: 0." in capsys.readouterr().out
    session = onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["name"] == "toy"
    picture = torch.randn(2, 1, 32, 51)
    (logits,) = session.run(["logits"], {"picture": picture.numpy()})
    expected = tiny_classifier.network(picture).detach()
    np.testing.assert_allclose(logits, expected, rtol=2e-2, atol=2e-2)  # weights are stored fp16


@pytest.fixture
def calibrated(weights: str, dataset: Path) -> str:
    """The path of the toy network, with its ranges beside it."""
    assert main(["calibrate", "--data", str(dataset), "--checkpoint", weights]) == 0
    return weights


def test_ranges_are_measured_on_training_clips_and_8_bit_compared_on_the_others(
    weights: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--data", str(dataset), "--checkpoint", weights]) == 0
    path = ranges_path(Path(weights))
    told = capsys.readouterr()
    agreement = re.search(r"same class as float32 for ([\d.]+)% of 9 unseen clips", told.out)
    assert agreement and float(agreement[1]) > 60
    kilobytes = path.stat().st_size / 1000
    assert told.out.endswith(f"{path}: {kilobytes:.1f} kB, from 9 training clips\n")
    assert json.loads(path.read_text())["folds"] == [1]
    assert main(["calibrate", "--data", str(dataset), "--checkpoint", weights]) == 0  # over its own


def test_int8_is_a_quarter_and_keeps_the_metadata(
    calibrated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    for form, output in (([], whole), (["--int8"], small)):
        assert main(["export", *form, "--output", str(output), "--checkpoint", calibrated]) == 0
        told = capsys.readouterr().out.strip()
        assert told.endswith(", 8 bits" if form else ", float32")
    assert small.stat().st_size < whole.stat().st_size / 2
    model = onnx.load(small)
    kinds = {weight.data_type for weight in model.graph.initializer}
    assert {onnx.TensorProto.INT8, onnx.TensorProto.UINT8} <= kinds
    found = {one.key: one.value for one in model.metadata_props}
    assert json.loads(found["labels"]) == list(LABELS)
    ranges = json.loads(ranges_path(Path(calibrated)).read_text())
    assert float(found["temperature"]) == ranges["temperature"]
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_outputs()] == ["logits", "embedding"]


def test_int8_keeps_the_kinds(dataset: Path, tmp_path: Path, strange_weights: str) -> None:
    small = tmp_path / "small.onnx"
    own = ["--checkpoint", strange_weights]
    assert main(["calibrate", "--data", str(dataset), *own]) == 0
    assert main(["export", "--int8", "--output", str(small), *own]) == 0
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    found = json.loads(session.get_modelmeta().custom_metadata_map["kinds"])
    picture = np.random.default_rng(0).normal(0, 1, (2, 1, 32, 51)).astype(np.float32)
    (kinds,) = session.run(["kinds"], {"picture": picture})
    assert found[int(kinds[0].argmax())] == "music"
    np.testing.assert_allclose(np.exp(kinds), [[0.1, 0.2, 0.6, 0.1]] * 2, rtol=1e-3)


def test_the_whole_listener_has_an_8_bit_form_too(
    calibrated: str, tmp_path: Path, tone: Callable[..., object]
) -> None:
    heard = np.stack([tone(300.0), tone(3_000.0)]).astype(np.float32)
    answers = []
    for number, form in enumerate(([], ["--int8"])):
        output = tmp_path / f"{number}.onnx"
        command = ["export", "--waveform", *form, "--output", str(output)]
        assert main([*command, "--checkpoint", calibrated]) == 0
        session = onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"])
        answers += session.run([PROBABILITIES], {"waveform": heard})
    assert np.abs(answers[0] - answers[1]).max() < 0.05
    assert np.abs(answers[0] - answers[1]).max() > 0


def test_progress_is_told_from_nothing_to_all(
    weights: str, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tqdm] = []

    def shown(**options: Any) -> tqdm:
        bars.append(tqdm(**options | {"disable": False, "file": io.StringIO()}))
        return bars[-1]

    monkeypatch.setattr("tqdm.tqdm", shown)
    output = str(tmp_path / "ranges.json")
    own = ["--data", str(dataset), "--checkpoint", weights, "--output", output]
    assert main(["calibrate", *own]) == 0
    (bar,) = [one for one in bars if one.desc == "ranges"]
    assert (bar.n, bar.total) == (1, 1)
    assert Path(output).is_file()
    assert not ranges_path(Path(weights)).exists()


def test_without_a_fold_that_is_new_nothing_is_claimed(
    weights: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = dataset / "meta" / "toy.csv"
    table.write_text(table.read_text().replace(",4,", ",2,"))
    assert main(["calibrate", "--data", str(dataset), "--checkpoint", weights]) == 0
    told = capsys.readouterr()
    assert "from 18 training clips" in told.out
    assert "no unseen fold" in told.err
    assert "accuracy" not in told.out


def test_without_training_clips_nothing_is_calibrated(
    weights: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = dataset / "meta" / "toy.csv"
    table.write_text(table.read_text().replace(",1,", ",4,"))
    assert 1 not in set(read_table(dataset).table["fold"])
    assert main(["calibrate", "--data", str(dataset), "--checkpoint", weights]) == 1
    (message,) = capsys.readouterr().err.splitlines()
    assert re.search(r"trained on \(1, 2, 3\)", message)
    assert not ranges_path(Path(weights)).exists()


def test_int8_without_ranges_is_one_sentence(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "small.onnx"
    assert main(["export", "--int8", "--output", str(output), "--checkpoint", weights]) == 1
    (message,) = capsys.readouterr().err.splitlines()
    assert "needs the ranges of its values" in message
    assert "calibrate --data" in message
    assert not output.exists()


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("export", "--output"),
        ("calibrate", "--data"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"
