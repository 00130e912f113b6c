"""What one training is to be: its way to another computer, and the names it may have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import DataError
from resona_core.training.fitting.recipes import Recipe
from resona_core.training.session import Session

WHOLE = Session(
    Path("data/ESC-50"), Path("runs"), "mine", folds=(1, 2, 5), validate_on=3,
    recipe=Recipe(FrontEndConfig(n_mels=64), ModelConfig(channels=(8, 8, 8, 8)), TrainConfig(9)),
    own_front_end=True, initial=Path("weights/a.safetensors"), from_scratch=True, seed=7,
    teacher=Path("b.safetensors"), others=Path("data/other"), without=("rain",),
    skip_unreadable=True, device="cuda", resume=True, overwrite=True, stored_every=2,
    data_name="my sounds", licence="CC0",
)  # fmt: skip


@pytest.mark.parametrize("sent", [WHOLE, Session(Path("data"), Path("runs"))])
def test_a_session_arrives_as_it_was_sent(sent: Session) -> None:
    assert Session.from_json(sent.to_json()) == sent


def test_paths_of_windows_arrive_as_paths() -> None:
    sent = replace(WHOLE, data=PureWindowsPath(r"data\ESC-50"))  # type: ignore[arg-type]
    assert Session.from_json(sent.to_json()) == WHOLE


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b"])
def test_a_name_must_be_that_of_a_folder(name: str) -> None:
    with pytest.raises(DataError, match=r"^The run cannot be called .*; give a name without slash"):
        _ = replace(WHOLE, name=name).folder
    assert WHOLE.folder.path == Path("runs/mine")
