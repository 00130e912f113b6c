"""``train-masker``, ``explain --method mask`` and ``explain-bench``, with toys."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resona_core.__main__ import main
from resona_core.commands import faithfulness
from resona_core.commands.program import parser
from resona_core.explain.explanation import METHODS
from resona_core.explain.masker import weights_digest
from resona_core.network import checkpoint
from resona_core.training.data.clip_table import read_table
from resona_core.training.evaluation.explained import Faithfulness
from resona_core.training.explanation_bench import ExplanationBench, Mixture
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
    assert "the masker has learnt 0 of 3 clips; the checkpoint was trained on fold 2" in printed.err
    told = Faithfulness.from_dict(json.loads(output.read_text()))
    assert (told.clips, told.folds, told.seed, told.masker_learnt) == (3, (2,), 0, 0)
    assert (told.learnt, told.judge) == (None, "mn.safetensors")
    classifier = checkpoint.load(Path(weights))
    assert (told.checkpoint, told.weights) == ("toy", weights_digest(classifier.network))
    clean, mixed = told.tables
    assert (clean.condition, mixed.condition) == ("clean", "contaminated")
    assert list(clean.methods) == ["mask", "energy", "random, same area", "random, same energy"]
    assert list(mixed.methods) == [*clean.methods, "perfect separation"]
    assert "ear whole" in mixed.methods["perfect separation"]
    figure = mixed.methods["mask"]["FF"]
    assert figure.low <= figure.mean <= figure.high
    assert figure.clips == 3
    same = [clean.methods[name]["area kept"].mean for name in ("mask", "random, same area")]
    assert same[0] == pytest.approx(same[1], abs=1e-3)
    assert [path.name for path in tmp_path.glob("bench*")] == ["bench.json"]


def test_a_measurement_that_was_stopped_goes_on_and_finds_the_same(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    data = ["--data", str(dataset), "--checkpoint", weights]
    assert main(["train-masker", *data, "--folds", "1", "--epochs", "1"]) == 0
    bench = ["explain-bench", *data, "--folds", "2", "--clips", "3", "--methods", "energy,grad-cam"]
    at_once, stopped = tmp_path / "at_once.json", tmp_path / "stopped.json"
    assert main([*bench, "--output", str(at_once)]) == 0

    explain, explained = ExplanationBench.trials, list[int]()

    def until_the_fourth(self: ExplanationBench, mixture: Mixture, methods: Any) -> Any:
        if len(explained) == 4:
            raise KeyboardInterrupt
        explained.append(mixture.number)
        return explain(self, mixture, methods)

    monkeypatch.setattr(ExplanationBench, "trials", until_the_fourth)
    again = [*bench, "--output", str(stopped)]
    assert main(again) == 130
    assert explained == [0, 1, 2, 0]  # all clean ones, and one that is mixed
    assert not stopped.exists()
    other = [*again, "--seed", "1"]
    assert main(other) == 1
    assert "holds answers to another question (seed 0, now 1)" in capsys.readouterr().err
    explained.clear()
    assert main(again) == 0
    assert explained == [1, 2]
    assert "4 clips were measured before" in capsys.readouterr().err
    assert _without_seconds(stopped) == _without_seconds(at_once)
    assert not stopped.with_suffix(".clips.jsonl").exists()


def test_a_masker_is_asked_for_only_where_the_method_mask_is(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "bench.json"
    bench = ["explain-bench", "--data", str(dataset), "--checkpoint", weights, "--folds", "2"]
    few = ["--clips", "2", "--methods", "energy,random", "--condition", "clean"]
    for _ in range(2):  # over its own
        assert main([*bench, *few, "--output", str(output)]) == 0
    assert "masker" not in capsys.readouterr().err
    told = Faithfulness.from_dict(json.loads(output.read_text()))
    assert (told.clips, told.masker_learnt) == (2, None)
    assert list(told.tables[0].methods)[:2] == ["energy", "random"]
    assert main([*bench, "--methods", "energy,mask"]) == 1
    assert "needs a masker trained with these weights" in capsys.readouterr().err


def test_a_measurement_does_not_go_on_with_another_masker(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    data = ["--data", str(dataset), "--checkpoint", weights]
    train = ["train-masker", *data, "--folds", "1", "--epochs", "1", "--force"]
    assert main(train) == 0
    bench = ["explain-bench", *data, "--folds", "2", "--clips", "2", "--methods", "mask"]
    bench += ["--output", str(tmp_path / "bench.json")]
    explain = ExplanationBench.trials

    def only_the_first(self: ExplanationBench, mixture: Mixture, methods: Any) -> Any:
        if mixture.number:
            raise KeyboardInterrupt
        return explain(self, mixture, methods)

    monkeypatch.setattr(ExplanationBench, "trials", only_the_first)
    assert main(bench) == 130
    assert main([*train, "--seed", "1"]) == 0
    capsys.readouterr()
    assert main(bench) == 1
    assert "holds answers to another question (masker " in capsys.readouterr().err


def _without_seconds(file: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(file.read_text())
    for table in told["tables"]:
        for figures in table["methods"].values():
            figures.pop("seconds", None)
    return told


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["train-masker", "--folds", "7"], "error: Fold 7 has no clips"),
        (["explain-bench", "--folds", "2"], "error: The method mask needs a masker trained with"),
        (
            ["explain-bench", "--folds", "2", "--methods", "energy", "--clips", "1"],
            "error: 1 clips cannot be mixed; give 2 or more.",
        ),
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


def test_what_is_not_asked_for_is_every_method_the_masker_first(
    defaults: Callable[[str], dict[str, float]],
) -> None:
    assert defaults("explain-bench") == {"clips": 60, "seed": 0}
    first, *others = parser().parse_args(["explain-bench", "--data", "x", "--folds", "1"]).methods
    assert first == "mask"
    assert sorted([first, *others]) == sorted(METHODS)


def test_of_every_class_equally_many_clips_are_taken_as_far_as_that_goes(dataset: Path) -> None:
    clips = read_table(dataset)

    def taken(count: int, seed: int = 0) -> list[int]:
        some = faithfulness._some(clips, argparse.Namespace(clips=count, seed=seed))
        assert not some.table.index.has_duplicates
        return sorted(some.table["label"].value_counts().tolist())

    assert (taken(2), taken(3), taken(5)) == ([1, 1], [1, 1, 1], [1, 2, 2])
    assert (taken(24), taken(99)) == ([8, 8, 8], [8, 8, 8])


def test_clips_of_one_class_cannot_be_mixed(
    dataset: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = dataset / "meta" / "toy.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text(
        "\n".join([header, *(row for row in rows if row.endswith(("dog", "1,1,rain")))])
    )
    data = ["--data", str(dataset), "--checkpoint", weights, "--methods", "energy"]
    assert main(["explain-bench", *data, "--folds", "2"]) == 1
    told = capsys.readouterr().err
    assert "are of one class, dog, and each is to be mixed with one of another class" in told


def test_a_method_that_does_not_exist_is_wrong_usage(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["explain-bench", "--data", str(dataset), "--folds", "1", "--methods", "guess"])
    assert end.value.code == 2
    assert "there is no method guess; the methods are grad-cam, mask," in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("explain-bench --folds 1", "--data"),
        ("explain-bench --data a", "--folds"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"
