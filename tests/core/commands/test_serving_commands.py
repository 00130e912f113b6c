"""``export`` and ``bench`` on the command line, with a toy network and synthesised clips."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from resona_core.__main__ import main
from resona_core.network import checkpoint, processor
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.training.data.clip_table import read_table

LABELS = ("dog", "rain", "siren")


@pytest.fixture
def weights(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> str:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return str(path)


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


def test_int8_is_calibrated_on_training_clips_and_compared_on_the_others(
    weights: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    assert main(["export", "--output", str(whole), "--checkpoint", weights]) == 0
    command = ["export", "--int8", "--calibrate", str(dataset), "--output", str(small)]
    assert main([*command, "--checkpoint", weights]) == 0
    printed = capsys.readouterr().out
    assert "calibrated on 9 training clips" in printed
    assert "of 9 unseen clips" in printed
    assert small.stat().st_size < whole.stat().st_size / 2
    model = onnx.load(small)
    kinds = {weight.data_type for weight in model.graph.initializer}
    assert {onnx.TensorProto.INT8, onnx.TensorProto.UINT8} <= kinds
    found = {one.key: one.value for one in model.metadata_props}
    assert json.loads(found["labels"]) == list(LABELS)
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].name == "logits"
    assert len(session.get_outputs()) == 2 + 5


def test_int8_keeps_the_kinds(dataset: Path, tmp_path: Path, strange_weights: str) -> None:
    small = tmp_path / "small.onnx"
    command = ["export", "--int8", "--calibrate", str(dataset), "--output", str(small)]
    assert main([*command, "--checkpoint", strange_weights]) == 0
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    found = json.loads(session.get_modelmeta().custom_metadata_map["kinds"])
    picture = np.random.default_rng(0).normal(0, 1, (2, 1, 32, 51)).astype(np.float32)
    (kinds,) = session.run(["kinds"], {"picture": picture})
    assert found[int(kinds[0].argmax())] == "music"
    np.testing.assert_allclose(np.exp(kinds), [[0.1, 0.2, 0.6, 0.1]] * 2, rtol=0.05)


def test_without_a_fold_that_is_new_nothing_is_claimed(
    weights: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = dataset / "meta" / "toy.csv"
    table.write_text(table.read_text().replace(",4,", ",2,"))
    command = ["export", "--int8", "--calibrate", str(dataset), "--checkpoint", weights]
    assert main([*command, "--output", str(tmp_path / "small.onnx")]) == 0
    printed = capsys.readouterr().out
    assert "calibrated on 18 training clips" in printed
    assert "no unseen fold to compare on" in printed


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([], "calibrated on real clips; give a folder"),
        (["--calibrate", "nowhere"], "nothing at nowhere"),
        (["--calibrate", "clips"], r"trained on \(1, 2, 3\)"),
    ],
)
def test_int8_without_training_clips_is_one_sentence(
    data: list[str],
    sentence: str,
    weights: str,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    table = dataset / "meta" / "toy.csv"
    table.write_text(table.read_text().replace(",1,", ",4,"))
    assert 1 not in set(read_table(dataset).table["fold"])
    command = ["export", "--int8", *data, "--output", "small.onnx", "--checkpoint", weights]
    assert main(command) == 1
    message = capsys.readouterr().err
    assert len(message.splitlines()) == 1
    assert re.search(sentence, message)
    assert not Path("small.onnx").exists()


def test_bench_reports_every_stage_and_ratio(
    weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--rounds", "2", "--json", "--checkpoint", weights]) == 0
    report = json.loads(capsys.readouterr().out)
    stages = {"decode", "resample", "mel", "network", "network and maps", "packing"}
    assert stages < report["stages_ms"].keys()
    for median, late in report["stages_ms"].values():
        assert 0 < median <= late
    assert report["runtime"] == "onnxruntime"
    assert (report["threads"], report["rounds"]) == (processor.cores(), 2)
    assert min(report["speedup"], report["batch_cost"], report["cold_start_s"]) > 0
    for payload in report["payloads"].values():
        assert payload["packed_bytes"] < payload["json_bytes"]


def test_bench_without_a_round_is_refused(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--rounds", "0", "--checkpoint", weights]) == 1
    assert "0 rounds were asked for" in capsys.readouterr().err
