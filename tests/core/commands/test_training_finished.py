"""``finish``, and what a command line asks of a training."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from resona_core.__main__ import main
from resona_core.commands.training import add_session, add_validation, recipe_name, session_of
from resona_core.network import description
from resona_core.network.checkpoint import Classifier
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
