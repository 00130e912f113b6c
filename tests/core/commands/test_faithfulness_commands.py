"""``train-masker``, ``explain --method mask`` and ``explain-bench``, with toys."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from resona_core.__main__ import main
from tests.core.training.toy_teacher import write_toy


@pytest.fixture
def dataset(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Path:
    """The toy network's three classes, two folds, 24 clips of a second."""
    folder = tmp_path / "data"
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    with (folder / "meta" / "toy.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "fold", "target", "category"])
        for i in range(24):
            sound = tone(400 * (1 + 2 * (i % 3)) + 5 * i, 16_000, 1.0)
            (folder / "audio" / f"{i}.wav").write_bytes(sound_file(sound, 16_000))
            writer.writerow([f"{i}.wav", 1 + (i >= 12), i % 3, ("dog", "rain", "siren")[i % 3]])
    return folder


def test_from_the_masker_by_one_command_to_an_explanation_and_a_table(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(dataset), "--checkpoint", weights]
    assert main(["train-masker", *data, "--folds", "1", "--epochs", "1"]) == 0
    made = Path(weights).with_suffix(".masker.safetensors")
    assert capsys.readouterr().out.strip() == str(made)
    assert made.stat().st_size < 600_000

    sound, why = str(dataset / "audio" / "0.wav"), tmp_path / "why"
    explain = ["explain", sound, "--method", "mask", "--checkpoint", weights, "--output", str(why)]
    assert main(explain) == 0
    assert json.loads((why / "explanation.json").read_text())["method"] == "mask"

    output = tmp_path / "bench.json"
    judge = ["--judge", str(write_toy(tmp_path / "mn.safetensors"))]
    bench = ["explain-bench", *data, "--folds", "2", "--clips", "3", "--methods", "mask,energy"]
    capsys.readouterr()
    assert main([*bench, *judge, "--output", str(output)]) == 0
    printed = capsys.readouterr()
    assert "clean, 3 clips\n\n| method | AI |" in printed.out
    assert "contaminated, 3 clips" in printed.out
    assert "of 3 clips the masker has learnt 0; the checkpoint was trained on fold 2" in printed.err
    told = json.loads(output.read_text())
    assert list(told["clean"]) == ["mask", "energy", "random, same area", "random, same energy"]
    figure = told["contaminated"]["mask"]["FF"]
    assert figure["low"] <= figure["mean"] <= figure["high"]
    assert figure["clips"] == 3
    same = [told["clean"][name]["area kept"]["mean"] for name in ("mask", "random, same area")]
    assert same[0] == pytest.approx(same[1], abs=1e-3)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["train-masker", "--epochs", "0"], "error: The masker cannot learn for 0 epochs"),
        (["train-masker", "--folds", "7"], "error: Fold 7 has no clips"),
        (["explain-bench", "--folds", "2"], "error: The method mask needs a masker trained with"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    command: list[str], sentence: str, dataset: Path, weights: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main([*command, "--data", str(dataset), "--checkpoint", weights]) == 1
    assert capsys.readouterr().err.startswith(sentence)


def test_a_masker_is_not_written_over_other_files(
    dataset: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(dataset), "--checkpoint", weights]
    before = Path(weights).read_bytes()
    assert main(["train-masker", *data, "--output", weights, "--force"]) == 1
    assert "is what this command reads" in capsys.readouterr().err
    assert Path(weights).read_bytes() == before


def test_a_method_that_does_not_exist_is_wrong_usage(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["explain-bench", "--data", str(dataset), "--folds", "1", "--methods", "guess"])
    assert end.value.code == 2
    assert "there is no method guess; the methods are grad-cam, mask," in capsys.readouterr().err
