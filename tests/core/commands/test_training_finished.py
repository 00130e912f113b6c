"""``finish``, and what a command line asks of a training."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from resona_core.__main__ import main
from resona_core.commands import training
from resona_core.commands.training import add_session, add_validation, recipe_name, session_of
from resona_core.errors import DataError
from resona_core.network import description
from resona_core.network.checkpoint import Classifier
from resona_core.training.data import download
from resona_core.training.fitting.recipes import read_recipe
from resona_core.training.fitting.run_folder import RunFolder
from resona_core.training.fitting.state import write_state
from resona_core.training.session import Session


def test_a_stopped_run_is_finished_by_its_name(
    tmp_path: Path, tiny_classifier: Classifier, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path / "runs" / "toy")
    folder.create(json.loads(tiny_classifier.info.to_json()))
    write_state({"step": 7, "averaged": tiny_classifier.state_dict()}, folder.last)
    assert main(["finish", "toy", "--runs", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out == f"{folder.model}\n"
    assert description.read_info(folder.model).validation.startswith("Stopped after 7 steps")


def test_the_address_of_esc50_is_known_and_another_can_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(download, "download_esc50", lambda *how: asked.append(how))
    other = ["--output", "there", "--url", "file:///x.zip", "--sha256", "0123"]
    assert main(["download"]) == main(["download", *other]) == 0
    assert asked == [
        (Path("data/ESC-50"), download.ESC50_URL, ""), (Path("there"), "file:///x.zip", "0123"),
    ]  # fmt: skip
    assert capsys.readouterr().out.splitlines()[2:] == [
        "there", "python -m resona_core train --data there",
    ]  # fmt: skip


def test_a_cross_validation_is_not_written_over_its_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("{}")
    command = ["cross-validate", "--data", str(tmp_path / "data"), "--recipe", str(recipe)]
    assert main([*command, "--output", str(recipe), "--force"]) == 1
    assert "mine.toml is what this command reads" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["resume", "overwrite"])
def test_a_run_of_a_name_that_is_taken_is_resumed_or_begun_anew(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def prepared(one: Session) -> SimpleNamespace:
        return SimpleNamespace(train_and_evaluate=lambda: begun.append(one.name))

    monkeypatch.setattr(training, "_prepared", prepared)
    RunFolder(tmp_path / "second").create({})
    sessions = [Session(Path("mine"), tmp_path, name) for name in ("first", "second")]
    with pytest.raises(DataError, match="second already"):
        list(training._one_after_the_other(sessions))
    assert begun == []
    list(training._one_after_the_other([replace(one, **{how: True}) for one in sessions]))
    assert begun == ["first", "second"]


def asked(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_session(parser)
    add_validation(parser)
    parsed = parser.parse_args([*options, "--runs", "runs"])
    parsed.data = Path("mine")
    return parsed


def test_what_is_not_asked_for_is_our_recipe_on_all_folds() -> None:
    assert recipe_name(asked()) == "resona"
    assert session_of(asked()) == Session(
        Path("mine"), Path("runs"), "run", recipe=read_recipe("resona")
    )


def test_the_device_may_be_left_to_the_computer() -> None:
    options = asked()
    options.resume, options.overwrite = False, True
    for given, device in ((None, ""), ("cpu", "cpu")):
        options.device = given
        session = training._session_here(options)
        assert (session.device, session.resume, session.overwrite) == (device, False, True)


@pytest.mark.parametrize("folds", ["one", "1,", ""])
def test_what_names_no_folds_is_wrong_usage(folds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--data", "mine", "--folds", folds])
    assert ended.value.code == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.endswith(f"error: argument --folds: '{folds}' names no folds; write 1,2,3")


def test_what_is_asked_for_is_in_the_session() -> None:
    options = asked(
        "--recipe", "brief", "--epochs", "3", "--folds", "1,4", "--validate-on", "4", "--seed", "0",
        "--without", "dog, rain", "--from-scratch", "--skip-unreadable", "--name", "toy",
        "--teacher", "mn.pt", "--others", "more", "--data-name", "Mine", "--licence", "MIT",
    )  # fmt: skip
    assert session_of(options) == Session(
        Path("mine"), Path("runs"), "toy", folds=(1, 4), validate_on=4, seed=0,
        recipe=read_recipe("brief").lasting(3), own_front_end=True, from_scratch=True,
        without=("dog", "rain"), skip_unreadable=True, teacher=Path("mn.pt"), others=Path("more"),
        data_name="Mine", licence="MIT",
    )  # fmt: skip
