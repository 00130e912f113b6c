"""What `evaluate` prints for reading, and what `release` writes into the weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from resona_core.__main__ import main
from resona_core.commands.evaluation_text import report_text
from resona_core.network import description
from resona_core.training.evaluation.records import Report, Unknown
from tests.run_folder import evaluation

MEASURED = {"per_class": {"dog": 1.0, "sea_waves": 0.25, "rain": 0.5}}


def test_an_evaluation_reads_from_the_score_to_the_worst_classes() -> None:
    report = Report.from_dict(evaluation() | MEASURED)
    (row,) = report.unknown
    report = replace(report, unknown=(replace(row, unknown=100),))
    assert report_text(report).splitlines() == [
        "accuracy 91.5% +- 2.0% (200 clips of fold 3), top-3 accuracy 100.0%",
        "temperature 0.800 (cross-fitted), nll 0.900 -> 0.800, brier 0.300 -> 0.280, "
        "ece 0.120 -> 0.040, mean_confidence 0.600 -> 0.700; ECE of perfect calibration 0.036",
        '"Almost certainly": accuracy 95.0% (120 clips)',  # the wording never used is left out
        "unknown classes, score energy: AUROC 0.800 (0.750-0.850), FPR95 60.0% of 100 clips",
        "  91.5% +- 2.0%  clean",
        "  70.0% +- 3.2%  noise at 10 dB",
        "    25%  Sea waves",
        "    50%  Rain",
        "   100%  Dog",
    ]


def test_a_score_that_decides_tells_what_it_rejects() -> None:
    row = Unknown("known", 0.9, 0.85, 0.95, 0.3, "speech", 200, 100, 0.05, 0.8)
    report = replace(Report.from_dict(evaluation()), unknown=(row,))
    assert (
        "speech, score known: AUROC 0.900 (0.850-0.950), FPR95 30.0% of 100 clips; "
        "rejected: 5.0% of the known clips, 80.0% of these"
    ) in report_text(report).splitlines()


def test_released_weights_carry_the_scores_and_the_temperature_of_their_recipe(
    weights: str, tmp_path: Path
) -> None:
    scores, released = tmp_path / "scores.json", tmp_path / "released.safetensors"
    told = evaluation() | {"accuracy": 0.91537, "standard_error": 0.019647}
    told["calibration"]["temperature"] = 0.80456
    scores.write_text(json.dumps(told))
    asked = ["release", "--model", weights, "--name", "ours", "--output", str(released)]
    assert main([*asked, "--scores", str(scores)]) == 0
    info = description.read_info(released)
    before = description.read_info(Path(weights))
    assert info == replace(
        before, name="ours", temperature=0.8046, validation=info.validation,
        scores={"accuracy": 0.9154, "standard_error": 0.0196, "top_3_accuracy": 1.0},
    )  # fmt: skip
    assert "trained on folds 1, 2, 5 and tested on fold 3; these weights, trained on folds" in (
        info.validation
    )


@pytest.mark.parametrize("lacking", ["calibration", "top_3_accuracy"])
def test_scores_without_all_that_is_released_are_refused(
    lacking: str, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, released = tmp_path / "scores.json", tmp_path / "released.safetensors"
    scores.write_text(json.dumps(evaluation() | {lacking: None}))
    asked = ["release", "--model", weights, "--name", "ours", "--output", str(released)]
    assert main([*asked, "--scores", str(scores)]) == 1
    told = f"error: {scores} holds no calibration; write it with `evaluate --output`.\n"
    assert capsys.readouterr().err == told
    assert not released.exists()


@pytest.mark.parametrize("content", ["RIFF, no JSON", "[1, 2]", '{"clips": 3}'])
def test_what_is_no_evaluation_is_refused_with_the_cure(
    tmp_path: Path, weights: str, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    scores, released = tmp_path / "scores.json", tmp_path / "released.safetensors"
    scores.write_text(content)
    asked = ["release", "--model", weights, "--name", "ours", "--output", str(released)]
    assert main([*asked, "--scores", str(scores)]) == 1
    told = f"error: {scores} holds no evaluation; write it with `evaluate --output`.\n"
    assert capsys.readouterr().err == told
    assert not released.exists()


@pytest.mark.parametrize("temperature", ["0", "-1", "inf", "nan"])
def test_a_temperature_that_divides_nothing_is_refused(
    temperature: str, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "released.safetensors"
    asked = ["release", "--model", weights, "--name", "ours", "--output", str(output)]
    assert main([*asked, "--temperature", temperature]) == 1
    assert "give a number above 0" in capsys.readouterr().err
    assert not output.exists()


def test_a_temperature_below_one_is_taken(weights: str, tmp_path: Path) -> None:
    output = tmp_path / "released.safetensors"
    asked = ["release", "--model", weights, "--name", "ours", "--output", str(output)]
    assert main([*asked, "--temperature", "0.5"]) == 0
    assert description.read_info(output).temperature == 0.5


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("evaluate", "--data"),
        ("release --name a --output b", "--model"),
        ("release --model a --output b", "--name"),
        ("release --model a --name b", "--output"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"
