"""``bench`` on the command line, with a toy network and synthesised clips."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from resona_core.__main__ import main
from resona_core.commands import benchmark
from resona_core.network import checkpoint, processor
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.settings import Settings, settings
from resona_core.training import preparation
from resona_core.training.fitting import throughput

LABELS = ("dog", "rain", "siren")


@pytest.fixture
def weights(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> str:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return str(path)


def test_bench_reports_every_stage_and_ratio(
    weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--rounds", "2", "--json", "--checkpoint", weights]) == 0
    report = json.loads(capsys.readouterr().out)
    stages = {"decode", "resample", "mel", "network, float32", "network and maps", "packing"}
    assert stages < report["stages_ms"].keys()
    product = report["stages_ms"].pop("as large a matrix product")  # as the toy, which is none
    assert 0 <= product[0] <= product[1] < 1
    for median, late in report["stages_ms"].values():
        assert 0 < median <= late
    assert report["runtime"] == "onnxruntime"
    assert (report["precision"], report["agreement"]) == ("float32", None)
    assert "network, float32" in report["stages_ms"]
    assert 50 < report["peak_mb"] < 1000
    assert (report["threads"], report["rounds"]) == (processor.cores(), 2)
    ratios = [*report["speedups"].values(), report["batch_cost"]]
    assert len(ratios) == 4
    assert 0 <= report["of_the_limit"] < 1
    assert min(*ratios, report["multiply_adds"], report["cold_start_s"]) > 0
    for payload in report["payloads"].values():
        assert payload["packed_bytes"] < payload["json_bytes"]


def test_bench_without_a_round_is_refused(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--rounds", "0", "--checkpoint", weights]) == 1
    assert "0 rounds were asked for" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "rounds"), [("bench", 20), ("bench-training", 10)])
def test_as_many_rounds_are_taken_as_the_help_says(
    command: str, rounds: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[object, ...]] = []

    def measure(*how: object) -> SimpleNamespace:
        asked.append(how)
        return SimpleNamespace(to_text=lambda: "for reading", to_json=lambda: "{}")

    monkeypatch.setattr(benchmark, "measure", measure)
    monkeypatch.setattr(throughput, "measure", measure)
    assert main([command]) == main([command, "--json", "--rounds", "3"]) == 0
    assert [how[-1] for how in asked] == [rounds, 3]
    assert capsys.readouterr().out == "for reading\n{}\n"
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"(default: {rounds})" in capsys.readouterr().out


def test_weights_and_device_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def measure(first: object, second: object, rounds: int = 0) -> SimpleNamespace:
        asked.append(first.checkpoint if isinstance(first, Settings) else second)
        return SimpleNamespace(to_text=lambda: "for reading")

    monkeypatch.setattr(benchmark, "measure", measure)
    monkeypatch.setattr(throughput, "measure", measure)
    monkeypatch.setattr(preparation, "best_device", lambda: "cuda")
    for options in ([], ["--checkpoint", "mine.safetensors"]):
        assert main(["bench", *options]) == 0
    for options in ([], ["--device", "cpu"]):
        assert main(["bench-training", *options]) == 0
    assert asked == [settings().checkpoint, Path("mine.safetensors"), "cuda", "cpu"]
