"""The containers of `modal run train_modal.py`, run here: no account, no network, the toy data."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.torch import load_file

import cloud.training as training
from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import DataError
from resona_core.network import description
from resona_core.training import preparation
from resona_core.training.cross_validation import Outcome
from resona_core.training.fitting import fit
from resona_core.training.fitting.recipes import Recipe
from resona_core.training.session import Session

pytestmark = pytest.mark.filterwarnings("ignore:The .* function is executing locally:UserWarning")


@pytest.fixture(autouse=True)
def volume(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A Volume that counts its commits, and runs `at_commit` in each."""
    made = SimpleNamespace(commits=0, at_commit=lambda: None)

    def commit() -> None:
        made.commits += 1
        made.at_commit()

    made.commit = commit
    monkeypatch.setattr(training, "volume", made)
    return made


@pytest.fixture
def toy(
    tmp_path: Path,
    tone: Callable[..., NDArray[np.float32]],
    sound_file: Callable[..., bytes],
    tiny_front_end: FrontEndConfig,
    tiny_model: ModelConfig,
) -> Session:
    """Two classes in two folds, four clips of a tone each; fold 2 is left out."""
    data = tmp_path / "data"
    (data / "audio").mkdir(parents=True)
    (data / "meta").mkdir()
    lines = ["filename,fold,target,category"]
    for i in range(8):
        target, name = i % 2, f"{i}.wav"
        (data / "audio" / name).write_bytes(sound_file(tone(300 + 2000 * target + 10 * i)))
        lines.append(f"{name},{1 + i // 4},{target},{('low', 'high')[target]}")
    (data / "meta" / "toy.csv").write_text("\n".join(lines))
    recipe = Recipe(tiny_front_end, tiny_model, TrainConfig(epochs=3, batch_size=2))
    return Session(data, tmp_path / "runs", "toy", validate_on=2, recipe=recipe)


def train(what: Session) -> Outcome:
    outcome = Outcome.from_json(training.train.local(what.to_json()))
    if isinstance(outcome, DataError):
        raise outcome
    return outcome


def test_a_session_travels_as_text_from_any_system(toy: Session) -> None:
    what = replace(toy, without=("dog",), initial=Path("runs/a/model.safetensors"), seed=3)
    assert Session.from_json(what.to_json()) == what
    there = json.loads(replace(toy, data=PureWindowsPath("/store/data")).to_json())  # type: ignore[arg-type]
    assert there["data"] == "/store/data"


def test_training_stores_its_state_rarely_and_leaves_none(
    toy: Session, volume: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "_STORED_EVERY_S", 0.0)
    monkeypatch.setattr(training, "_STORED_EVERY", 2)
    outcome = train(toy)
    assert volume.commits == 3  # the second epoch, the last, the finished weights
    info = description.read_info(toy.runs / "toy" / "model.safetensors")
    assert (info.folds, info.training.seed) == ((1,), outcome.seed)
    assert outcome.report is not None
    assert (outcome.report.folds, outcome.report.clips) == ((2,), 4)
    assert not (toy.runs / "toy" / "last.pt").exists()


def test_a_run_that_has_finished_is_evaluated_and_not_trained_again(toy: Session) -> None:
    first = train(toy)
    model = toy.runs / "toy" / "model.safetensors"
    written = model.stat().st_mtime_ns
    assert train(toy) == first
    assert model.stat().st_mtime_ns == written


def test_a_preempted_training_goes_on_from_the_last_commit(
    toy: Session, volume: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def preempt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_STORED_EVERY", 1)
    undisturbed = load_file(preparation.prepare(replace(toy, name="undisturbed")).run())
    volume.at_commit = preempt
    with pytest.raises(KeyboardInterrupt):
        train(toy)
    volume.at_commit = lambda: None
    train(toy)
    assert volume.commits == 4  # one before the preemption, two epochs, the finished weights
    resumed = load_file(toy.runs / "toy" / "model.safetensors")
    for name, tensor in undisturbed.items():
        np.testing.assert_array_equal(resumed[name], tensor)


def test_what_the_user_has_to_cure_is_returned_and_so_not_tried_again(toy: Session) -> None:
    with pytest.raises(DataError, match="Fold 9 has no clips"):
        train(replace(toy, folds=(1, 9)))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"data": Path("/store/data/none")}, "data/none"),
        ({"folds": (1, 7)}, "Fold 7 has no clips"),
        ({"validate_on": 8}, "Fold 8 has no clips"),
        ({"without": ("dog",)}, "no class 'dog'"),
        ({"initial": Path("/store/runs/none.safetensors")}, "runs/none.safetensors"),
        ({"teacher": Path("/store/none.pt")}, "none.pt"),
        ({"others": Path("/store/none")}, "none"),
        ({"name": "a/b"}, "cannot be called 'a/b'"),
    ],
)
def test_what_cannot_be_trained_is_told_on_the_cpu(
    wrong: dict[str, object], told: str, toy: Session
) -> None:
    what = replace(toy, **wrong)  # type: ignore[arg-type] # each field with its own type
    sentence = training.make_ready.local([toy.to_json(), what.to_json()])
    assert told in sentence
    assert "/store" not in sentence


def test_a_run_of_another_kind_is_told_on_the_cpu_and_the_same_is_gone_on_with(
    toy: Session,
) -> None:
    assert training.make_ready.local([toy.to_json()]) == ""
    train(toy)
    assert training.make_ready.local([toy.to_json()]) == ""
    longer = replace(toy, recipe=toy.recipe.lasting(4))
    told = training.make_ready.local([longer.to_json()])
    assert "training.epochs is 3 there, 4 was asked for" in told


@pytest.mark.parametrize(
    ("name", "is_there", "fetched"),
    [("ESC-50", False, True), ("ESC-50", True, False), ("mine", False, False)],
)
def test_only_esc50_is_fetched_and_only_where_it_is_missing(
    name: str, is_there: bool, fetched: bool, tmp_path: Path, volume: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch, toy: Session,
) -> None:  # fmt: skip
    folder, asked = tmp_path / name, list[Path]()
    if is_there:
        folder.mkdir()
    monkeypatch.setattr("resona_core.training.data.download.download_esc50", asked.append)
    monkeypatch.setattr(preparation, "check", lambda session: None)
    training.make_ready.local([replace(toy, data=folder).to_json()])
    assert (asked == [folder], volume.commits == 1) == (fetched, fetched)
