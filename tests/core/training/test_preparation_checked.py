"""What is refused before anything expensive begins, and for want of room."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from resona_core.errors import CheckpointError, DataError
from resona_core.labels import ESC50_LABELS
from resona_core.network.model import AudioResNet
from resona_core.settings import SHIPPED_CHECKPOINT
from resona_core.training import preparation
from resona_core.training.fitting.plan import describe
from resona_core.training.session import Session


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (lambda toy: replace(toy, validate_on=7), DataError, "7"),
        (lambda toy: replace(toy, folds=(1, 8)), DataError, "8"),
        (lambda toy: replace(toy, validate_on=1, folds=(1,)), DataError, "Fold 1 is held out"),
        (lambda toy: replace(toy, initial=toy.data / "none"), CheckpointError, "none"),
        (lambda toy: replace(toy, others=toy.data / "gone"), DataError, "gone"),
        (lambda toy: replace(toy, teacher=toy.data / "lost.pt"), CheckpointError, "lost.pt"),
    ],
)
def test_what_training_would_refuse_is_refused_without_reading_a_clip(
    change: Callable[[Session], Session], error: type[Exception], told: str, toy: Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def read(*_: object, **__: object) -> None:
        raise AssertionError("a clip was read")

    monkeypatch.setattr(preparation, "load_clips", read)
    preparation.check(toy)
    preparation.check(replace(toy, validate_on=None))
    with pytest.raises(error, match=told):
        preparation.check(change(toy))


OWN_LABELS = ("dog", "kettle")


@pytest.mark.parametrize(
    ("labels", "in_meta", "from_scratch", "shipped"),
    [
        (ESC50_LABELS, True, False, False),  # the shipped weights are made of these clips
        (("dog", "rain"), True, False, False),
        (("dog", "rain"), False, False, True),
        (OWN_LABELS, True, False, True),
        (OWN_LABELS, False, False, True),
        (OWN_LABELS, False, True, False),
    ],
)
def test_training_starts_from_the_shipped_weights_but_for_the_clips_they_were_made_of(
    labels: tuple[str, ...], in_meta: bool, from_scratch: bool, shipped: bool, tmp_path: Path
) -> None:
    if in_meta:
        (tmp_path / "meta").mkdir()
    session = Session(tmp_path, tmp_path / "runs", from_scratch=from_scratch)
    expected = SHIPPED_CHECKPOINT if shipped else None
    assert preparation._initial(session, labels) == expected
    own = replace(session, initial=tmp_path / "own.safetensors", from_scratch=False)
    assert preparation._initial(own, labels) == tmp_path / "own.safetensors"


def test_where_a_run_lies_already_it_must_be_the_same(toy: Session) -> None:
    toy = replace(toy, resume=True)
    toy.folder.create(json.loads(describe(preparation.prepare(toy).plan).to_json()))
    preparation.check(toy)
    other = replace(toy, seed=5)
    with pytest.raises(DataError, match=r"another configuration: training\.seed is 0 there, 5 was"):
        preparation.check(other)


@pytest.mark.parametrize(("spare", "is_enough"), [(0, True), (-1, False)])
def test_a_run_needs_room_for_34_bytes_a_weight(
    spare: int, is_enough: bool, toy: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two states of 16 bytes a weight (weight, average, two moments), and the model in 16 bits."""
    model = replace(toy.recipe.model, n_classes=3)
    n_weights = sum(parameter.numel() for parameter in AudioResNet(model).parameters())
    asked: list[Path] = []

    def disk_usage(path: Path) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(free=(2 * 16 + 2) * n_weights + spare)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    if is_enough:
        preparation.prepare(toy)
    else:
        needed = f"{34 * n_weights / 1e6:,.0f}"
        told = rf"has {needed} MB free, and the run needs up to {needed}; make room"
        with pytest.raises(DataError, match=told):
            preparation.prepare(toy)
    assert asked == [toy.data]  # the runs' own folder is not there yet


def test_a_place_that_is_a_file_is_refused_before_the_first_epoch(toy: Session) -> None:
    toy.runs.write_text("not a folder")
    with pytest.raises(DataError, match=r"^Nothing can be written to .*runs; choose another place"):
        preparation.prepare(toy)
