"""Where a session may be written: names, room, runs that are there, runs that were stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from resona_core.errors import DataError
from resona_core.network import checkpoint, description
from resona_core.training import preparation
from resona_core.training.fitting.finish import finish
from resona_core.training.session import Session


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\\b"])
def test_a_name_that_is_no_folders_is_refused_before_anything_is_read(
    name: str, toy: Session
) -> None:
    nowhere = replace(toy, name=name, data=Path("never read"))
    with pytest.raises(
        DataError, match=r"The run cannot be called .*; give a name without slashes"
    ):
        preparation.prepare(nowhere)


@pytest.mark.parametrize(("free", "told"), [(1_499_999, "1"), (1_500_001, "2")])
def test_a_disk_too_full_is_told_before_the_first_epoch(
    free: int, told: str, toy: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(DataError, match=rf"has {told} MB free, and the run needs up to \d+; make"):
        preparation.prepare(toy)
    assert not toy.runs.exists()


def test_a_place_that_is_a_file_is_told(toy: Session) -> None:
    toy.runs.write_text("a file")
    with pytest.raises(DataError, match=r"Nothing can be written to .*runs; choose another place"):
        preparation.prepare(toy)


def test_a_run_may_take_the_place_of_another(toy: Session) -> None:
    preparation.prepare(toy).run()
    own = toy.runs / "toy" / "notes.txt"
    own.write_text("mine")
    with pytest.raises(DataError, match=r"There is a run in .*--overwrite"):
        preparation.prepare(toy)
    other = replace(toy, overwrite=True, recipe=toy.recipe.lasting(1))
    path = preparation.prepare(other).run()
    assert description.read_info(path).training.epochs == 1
    assert len(list((toy.runs / "toy").glob("events.*"))) == 1
    assert own.read_text() == "mine"


def test_a_run_whose_clips_have_changed_is_not_gone_on_with(
    toy: Session, sound_file: Callable[..., bytes], noise: NDArray[np.float32]
) -> None:
    preparation.prepare(toy).run()
    (toy.data / "audio" / "1-dog.wav").write_bytes(sound_file(noise))
    with pytest.raises(DataError, match="1 of its clips have gone and 1 are new"):
        preparation.prepare(replace(toy, resume=True)).run()


def test_a_stopped_run_is_finished_as_it_is(toy: Session) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preparation.prepare(toy).run(stored=stop)
    path = finish(toy.folder)
    info = description.read_info(path)
    assert info.validation == "Stopped after 1 steps, before its 2 epochs ended."
    state = torch.load(toy.folder.last, weights_only=True)["averaged"]
    weights = checkpoint.load(path).network.state_dict()
    torch.testing.assert_close(weights["fc.bias"], state["network.fc.bias"].half().float())
    assert finish(toy.folder) == path  # what is finished stays


def test_what_never_began_cannot_be_finished(toy: Session) -> None:
    with pytest.raises(DataError, match=r"There is no stopped run in .*toy; name one that has a"):
        finish(toy.folder)
