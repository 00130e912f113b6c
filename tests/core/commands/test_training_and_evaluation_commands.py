"""Commands that make and evaluate networks, from one end to the other."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from resona_core.__main__ import main
from resona_core.commands.outputs import CROSS_VALIDATION, check_output
from resona_core.network import description
from resona_core.settings import settings
from resona_core.training.evaluation import robustness
from resona_core.training.fitting.run_folder import RunFolder
from resona_core.training.runs import find_runs, read_run


@pytest.fixture
def dataset(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Path:
    """Three classes, two folds, 48 clips of half a second."""
    folder = tmp_path / "data"
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    with (folder / "meta" / "toy.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "fold", "target", "category"])
        for i in range(48):
            name, target = f"{i}.wav", i % 3
            sound = tone(400 * (1 + 2 * target) + 5 * i, 16_000, 0.5)
            (folder / "audio" / name).write_bytes(sound_file(sound, 16_000))
            writer.writerow([name, 1 + (i >= 24), target, ("low", "middle", "high")[target]])
    return folder


def test_train_then_evaluate_then_release(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    runs = ["--runs", str(tmp_path / "runs"), "--name", "toy"]
    recipe = ["--epochs", "1", "--recipe", "resona", "--device", "cpu", "--validate-on", "2"]
    assert main(["train", "--data", str(dataset), "--from-scratch", *recipe, *runs]) == 0
    model = tmp_path / "runs" / "toy" / "model.safetensors"
    info = description.read_info(model)
    assert (info.folds, info.initial, info.licence) == ((1,), "", "")
    capsys.readouterr()

    evaluate = ["evaluate", "--data", str(dataset), "--checkpoint", str(model), "--json"]
    assert main([*evaluate, "--folds", "2"]) == 0
    report = capsys.readouterr().out
    scores = json.loads(report)
    assert scores["clips"] == 24
    assert scores["per_class"].keys() == {"low", "middle", "high"}
    assert scores["accuracy"] == pytest.approx(
        np.mean(list(scores["per_class"].values())), abs=1e-4
    )

    assert scores["robustness"] == []
    monkeypatch.setattr(robustness, "CONDITIONS", {"clean": None, "20 dB quieter": None})
    assert main([*evaluate, "--folds", "2", "--robustness"]) == 0
    clean, quieter = json.loads(capsys.readouterr().out)["robustness"]
    assert (clean["condition"], quieter["condition"]) == ("clean", "20 dB quieter")
    assert clean["accuracy"] == scores["accuracy"]

    assert main([*evaluate, "--folds", "1"]) == 0
    assert "has learnt from all 24 clips" in capsys.readouterr().err

    (tmp_path / "scores.json").write_text(report)
    shipped = tmp_path / "shipped.safetensors"
    release = ["release", "--model", str(model), "--scores", str(tmp_path / "scores.json")]
    assert main([*release, "--name", "toy net", "--output", str(shipped)]) == 0
    info = description.read_info(shipped)
    assert info.name == "toy net"
    assert info.scores["accuracy"] == scores["accuracy"]
    assert "tested on fold 2" in info.validation
    assert info.temperature == scores["calibration"]["temperature"]

    average = ["average", str(model), str(shipped), *runs[:2], "--name"]
    assert main([*average, "toy"]) == 1
    assert "toy already; choose another --name.\n" in capsys.readouterr().err
    assert main([*average, "mean"]) == 0
    mean = find_runs(tmp_path / "runs", tmp_path / "none")["mean"]
    assert (read_run(mean).state, read_run(mean).folds) == ("finished", (1,))
    assert description.read_info(mean / "model.safetensors").name == "mean"


def test_a_wrong_folder_or_fold_is_one_sentence(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(tmp_path)]) == 1
    assert "meta/*.csv" in capsys.readouterr().err
    assert main(["train", "--data", str(dataset), "--folds", "7"]) == 1
    assert "Fold 7 has no clips" in capsys.readouterr().err


def test_cross_validation_tests_on_each_fold_in_turn(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "folds.json"
    command = ["cross-validate", "--data", str(dataset), "--initial", weights, "--epochs", "1"]
    place = ["--runs", str(tmp_path / "runs"), "--name", "toy", "--output", str(output)]
    assert main([*command, "--device", "cpu", *place]) == 0
    printed = capsys.readouterr().out
    check_output(output, CROSS_VALIDATION, [], force=False)  # it may be written over
    found = json.loads(output.read_text())
    assert [row["fold"] for row in found["folds"]] == [1, 2]
    shares = []
    for row, trained_on in zip(found["folds"], (2, 1), strict=True):
        model = tmp_path / "runs" / f"toy-fold{row['fold']}" / "model.safetensors"
        assert description.read_info(model).folds == (trained_on,)
        evaluate = ["evaluate", "--data", str(dataset), "--checkpoint", str(model), "--json"]
        assert main([*evaluate, "--folds", str(row["fold"])]) == 0
        shares.append(json.loads(capsys.readouterr().out)["accuracy"])
        assert row == {"fold": row["fold"], "accuracy": shares[-1], "clips": 24}
    assert found["mean"] == pytest.approx(np.mean(shares), abs=1e-4)
    assert found["standard_error"] == pytest.approx(np.std(shares, ddof=1) / 2**0.5, abs=1e-4)
    assert (found["recipe"], found["seeds"]) == ("resona", [1])
    assert f"mean of 2 folds: accuracy {np.mean(shares):.1%}" in printed
    for run in map(read_run, (tmp_path / "runs").iterdir()):
        assert run.cross_validation == found
        assert run.report is not None
    assert main([*command, "--device", "cpu", *place[:4]]) == 1
    assert "toy-fold1 already" in capsys.readouterr().err


def test_cross_validation_says_at_once_that_a_later_folds_name_is_taken(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder(tmp_path / "toy-fold2").create({})
    command = ["cross-validate", "--data", str(dataset), "--runs", str(tmp_path), "--name", "toy"]
    assert main(command) == 1
    assert "toy-fold2 already; resume it" in capsys.readouterr().err
    assert not (tmp_path / "toy-fold1").exists()


def test_cross_validation_evaluates_only_the_classes_it_has_learnt(
    dataset: Path, weights: str, tmp_path: Path
) -> None:
    command = ["cross-validate", "--data", str(dataset), "--initial", weights, "--epochs", "1"]
    place = ["--runs", str(tmp_path / "runs"), "--output", str(tmp_path / "folds.json")]
    (dataset / "audio" / "47.wav").write_text("not sound")
    command += ["--without", "middle", "--skip-unreadable", "--device", "cpu"]
    assert main([*command, *place]) == 0
    found = json.loads((tmp_path / "folds.json").read_text())["folds"]
    assert [row["clips"] for row in found] == [16, 15]


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--without", "midle"], "no class 'midle' to leave out; the nearest are middle."),
        (["--epochs", "0"], "0 epochs were asked for; ask for 1 or more."),
    ],
)
@pytest.mark.parametrize("command", ["train", "cross-validate"])
def test_what_cannot_be_meant_is_refused_before_training(
    command: str, option: list[str], told: str, dataset: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main([command, "--data", str(dataset), "--runs", str(tmp_path / "runs"), *option]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_runs_are_kept_where_the_setting_says(
    dataset: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONA_RUNS", str(tmp_path / "elsewhere"))
    settings.cache_clear()
    try:
        train = ["train", "--data", str(dataset), "--initial", weights, "--epochs", "1"]
        assert main([*train, "--device", "cpu", "--folds", "1"]) == 0
        model = tmp_path / "elsewhere" / "run" / "model.safetensors"
        assert main(["average", str(model), str(model)]) == 0
    finally:
        settings.cache_clear()
    assert sorted(path.name for path in model.parents[1].iterdir()) == ["average", "run"]


def test_weights_without_scores_are_released_as_such(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "shipped.safetensors"
    release = ["release", "--model", weights, "--name", "bare", "--output", str(output)]
    assert main(release) == 0
    info = description.read_info(output)
    assert "have not been evaluated on held-out clips" in info.validation
    assert (info.name, info.scores, info.temperature) == ("bare", {}, 1.0)
    assert main([*release, "--temperature", "0.8"]) == 0
    assert description.read_info(output).temperature == 0.8
    for wrong in ("0", "-1", "nan", "inf"):
        assert main([*release, f"--temperature={wrong}"]) == 1
        assert f"The temperature is {wrong}, but" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*release, "--temperature", "1", "--scores", "scores.json"])
    assert "--scores: not allowed with argument --temperature" in capsys.readouterr().err
    assert main([*release, "--scores", str(tmp_path / "none.json")]) == 1
    assert "There is no file" in capsys.readouterr().err


def test_classes_left_out_of_training_measure_how_unknown_sounds_are_detected(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", "--data", str(dataset), "--initial", weights, "--epochs", "1"]
    place = ["--runs", str(tmp_path), "--device", "cpu", "--folds", "1"]
    assert main([*train, *place, "--without", "middle"]) == 0
    model = tmp_path / "run" / "model.safetensors"
    assert description.read_info(model).labels == ("low", "high")
    capsys.readouterr()
    evaluate = ["evaluate", "--data", str(dataset), "--folds", "2", "--checkpoint", str(model)]
    assert main([*evaluate, "--unknown", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["clips"] == 16
    for row in report["unknown"]:
        assert (row["known"], row["unknown"]) == (16, 8)
        assert 0 <= row["auroc_low"] <= row["auroc"] <= row["auroc_high"] <= 1
    assert main([*evaluate, "--unknown"]) == 0
    assert "unknown classes, score energy: AUROC" in capsys.readouterr().out
    assert main(evaluate) == 1
    assert "does not know the class middle" in capsys.readouterr().err


def _write_others(folder: Path, dataset: Path) -> Path:
    """Ten recordings of no class, two of a source, told as three kinds."""
    (folder / "audio").mkdir(parents=True)
    with (folder / "meta.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "kind", "source"])
        for i in range(30):
            name = f"other-{i}.wav"
            samples, rate_hz = soundfile.read(dataset / "audio" / f"{i}.wav")
            soundfile.write(folder / "audio" / name, samples / 2, rate_hz)
            writer.writerow([name, ("speech", "singing", "game")[i % 3], f"source {i // 2}"])
    return folder


def test_sounds_of_no_class_are_learnt_and_evaluated_on_sources_left_out(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = ["--others", str(_write_others(tmp_path / "others", dataset))]
    train = ["train", "--data", str(dataset), "--initial", weights, "--epochs", "1", *others]
    assert main([*train, "--runs", str(tmp_path), "--device", "cpu", "--validate-on", "2"]) == 0
    model = tmp_path / "run" / "model.safetensors"
    assert description.read_info(model).kinds == ("known", "speech", "music", "other")
    capsys.readouterr()
    evaluate = ["evaluate", "--data", str(dataset), "--folds", "2", "--checkpoint", str(model)]
    assert main([*evaluate, "--unknown", *others, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["unknown"]
    assert [row["sounds"] for row in rows] == ["speech"] * 3 + ["music"] * 3 + ["other"] * 3
    assert [row["score"] for row in rows[:3]] == ["known", "energy", "probability"]
    assert sum(row["unknown"] for row in rows[::3]) < 30  # those of the fold left out
    assert all(row["known"] == 24 for row in rows)
    assert 0 <= rows[0]["known_called_none"] <= 1
    assert main([*evaluate, "--unknown", *others]) == 0
    assert "speech, score known: AUROC" in capsys.readouterr().out


def test_a_network_that_knows_every_class_cannot_measure_it(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", "--data", str(dataset), "--initial", weights, "--epochs", "1"]
    assert main([*train, "--runs", str(tmp_path), "--device", "cpu", "--folds", "1"]) == 0
    model = str(tmp_path / "run" / "model.safetensors")
    evaluate = ["evaluate", "--data", str(dataset), "--folds", "2", "--checkpoint", model]
    assert main([*evaluate, "--unknown"]) == 1
    assert "knows every class of the data; --unknown needs one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("train", "--data"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"
