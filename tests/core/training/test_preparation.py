"""A session from data set to evaluated checkpoint, with the toy network on the toy data."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from resona_core.errors import CheckpointError, DataError
from resona_core.network import checkpoint, description
from resona_core.training import preparation
from resona_core.training.data.clip_table import read_table
from resona_core.training.fitting.origin import Origin, read_origin
from resona_core.training.fitting.recipes import Recipe
from resona_core.training.session import Session


def test_a_run_learns_all_folds_but_the_one_left_out(toy: Session) -> None:
    path = preparation.prepare(toy).run()
    assert path == toy.runs / "toy" / "model.safetensors"
    info = description.read_info(path)
    assert info.folds == (1,)
    assert info.labels == ("dog", "rain", "siren")
    assert info.model.n_classes == 3
    assert (info.data, info.licence) == (toy.data.name, "none")


def test_the_checkpoint_notes_what_it_and_its_start_have_learnt(toy: Session) -> None:
    table = read_table(toy.data).table
    digests = {fold: set(table["digest"][table["fold"] == fold]) for fold in (1, 3)}
    first = preparation.prepare(toy).run()
    assert description.read_info(first).learnt_digests == digests[1]
    second = replace(toy, name="second", initial=first, folds=(3,), validate_on=None)
    info = description.read_info(preparation.prepare(second).run())
    assert (info.folds, info.learnt_digests) == ((3,), digests[1] | digests[3])


def test_it_says_what_it_learns_from(toy: Session) -> None:
    text = preparation.prepare(toy).to_text()
    assert text == (
        "learns from 3 clips of 3 classes, 1 of each, in fold 1, 1 s of every clip; "
        "3 clips are held out"
    )


def test_it_says_of_how_few_and_how_many_clips_of_each_class(toy: Session) -> None:
    listing = toy.data / "meta" / "toy.csv"
    more = "\n3-dog.wav,1,0,dog,A\n3-siren.wav,1,2,siren,A"
    kept = [line for line in listing.read_text().splitlines() if ",3," not in line]
    listing.write_text("\n".join(kept) + more)
    text = preparation.prepare(replace(toy, validate_on=None)).to_text()
    assert text == "learns from 5 clips of 3 classes, 1 to 2 of each, in fold 1, 1 s of every clip"


def test_a_class_of_silence_is_no_class(toy: Session, sound_file: Callable[..., bytes]) -> None:
    for fold in (1, 3):
        silence = sound_file(np.zeros(8_000, np.float32))
        (toy.data / "audio" / f"{fold}-rain.wav").write_bytes(silence)
    with pytest.raises(DataError, match=r"^No clip of rain is left to learn from, in these folds"):
        preparation.prepare(toy)


def test_what_the_data_keeps_for_a_test_is_not_learnt(toy: Session) -> None:
    listing = toy.data / "meta" / "toy.csv"
    listing.write_text(listing.read_text().replace(".wav,3,", ".wav,0,"))
    assert preparation.prepare(replace(toy, validate_on=None)).plan.folds == (1,)


def test_it_is_told_after_each_epoch_that_the_run_can_be_resumed(toy: Session) -> None:
    steps: list[int] = []

    def note() -> None:
        state = torch.load(toy.runs / "toy" / "last.pt", weights_only=True)
        steps.append(state["step"])

    preparation.prepare(toy).run(stored=note)
    assert steps == [1, 2]  # one batch an epoch


def test_the_evaluation_is_of_the_fold_left_out(toy: Session) -> None:
    report = preparation.evaluate_held_out(toy, preparation.prepare(toy).run())
    assert report is not None
    assert (report.trained_on_folds, report.folds, report.clips) == ((1,), (3,), 3)
    assert report.accuracy == pytest.approx(sum(report.per_class.values()) / 3, abs=1e-3)


def test_without_a_fold_left_out_there_is_nothing_to_evaluate(toy: Session) -> None:
    everything = replace(toy, validate_on=None)
    assert preparation.evaluate_held_out(everything, Path("never read")) is None


def test_weights_to_start_from_bring_network_front_end_and_licence(toy: Session) -> None:
    first = preparation.prepare(toy).run()
    second = replace(toy, name="second", initial=first, licence="", recipe=Recipe())
    prepared = preparation.prepare(second)
    start = description.read_info(first)
    assert prepared.initial_name == "toy"
    assert prepared.plan.front_end == start.front_end
    assert prepared.plan.model == start.model
    assert prepared.plan.licence == "none"


def test_the_recipes_front_end_can_be_kept_all_the_same(toy: Session) -> None:
    first = preparation.prepare(toy).run()
    longer = replace(toy.recipe.front_end, hop_length=400)
    second = replace(
        toy,
        name="second",
        initial=first,
        own_front_end=True,
        recipe=replace(toy.recipe, front_end=longer),
    )
    assert preparation.prepare(second).plan.front_end.hop_length == 400


def _rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Return a copy of a checkpoint with another description."""
    with safe_open(path, framework="pt") as file:
        description = json.loads(file.metadata()["resona"])
    change(description)
    copy = path.with_name("rewritten.safetensors")
    save_file(load_file(path), copy, metadata={"resona": json.dumps(description)})
    return copy


def _grow_old(description: dict[str, Any]) -> None:
    """Add what this program does not know, as another version of it may write."""
    description["front_end"]["pre_emphasis"] = 0.97
    description["training"]["crop_s"] = [5.0]
    description["model"]["squeeze"] = True
    description["microphone"] = "old"


def test_an_older_programs_weights_are_a_start_with_the_recipes_front_end(toy: Session) -> None:
    first = preparation.prepare(replace(toy, seed=4)).run()
    old = _rewritten(first, _grow_old)
    origin = read_origin(old)
    learnt = description.read_info(first).learnt
    assert origin == Origin("toy", "none", ("dog", "rain", "siren"), origin.model, 4, learnt)
    assert origin.model == description.read_info(first).model
    longer = replace(toy.recipe.front_end, hop_length=400)
    second = replace(
        toy, name="second", initial=old, own_front_end=True, licence="",
        recipe=Recipe(longer, replace(toy.recipe.model, blocks=(2, 2, 2, 2)), toy.recipe.training),
    )  # fmt: skip
    info = description.read_info(preparation.prepare(second).run())
    assert (info.initial, info.licence, info.training.seed) == ("toy", "none", 5)
    assert info.model == origin.model
    assert info.front_end.hop_length == 400


def test_an_older_programs_front_end_is_refused_with_the_cure(toy: Session) -> None:
    old = _rewritten(preparation.prepare(toy).run(), _grow_old)
    with pytest.raises(CheckpointError, match="unknown fields: microphone; it was written by"):
        preparation.prepare(replace(toy, name="second", initial=old))
    old = _rewritten(old, lambda description: description.pop("microphone"))
    told = r"FrontEndConfig has no pre_emphasis; .*, or train from its weights with `--recipe`"
    with pytest.raises(CheckpointError, match=told):
        preparation.prepare(replace(toy, name="second", initial=old))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda described: described.pop("training"), r"does not state its training; start from"),
        (
            lambda described: described.update(model=5),
            r"cannot be used as initial weights: ModelConfig is 5",
        ),
        (
            lambda described: described.update(labels=5),
            r"cannot be used as initial weights: 'int' object",
        ),
    ],
)
def test_weights_that_say_too_little_are_no_start(
    change: Callable[[dict[str, Any]], object], told: str, toy: Session
) -> None:
    bare = _rewritten(preparation.prepare(toy).run(), change)
    with pytest.raises(CheckpointError, match=rf"rewritten\.safetensors {told}"):
        preparation.prepare(replace(toy, name="second", initial=bare, own_front_end=True))


def test_leaving_out_the_only_fold_is_refused(toy: Session) -> None:
    with pytest.raises(DataError, match="Fold 3 is held out and no other"):
        preparation.prepare(replace(toy, folds=(3,)))


@pytest.mark.parametrize(("works", "name"), [(True, "cuda"), (False, "cpu")])
def test_the_gpu_is_used_where_there_is_one(
    works: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: works)
    assert preparation.best_device() == name


def test_the_device_asked_for_is_used_or_else_the_best(
    toy: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[str] = []

    def fit(plan: object, clips: object, held_out: object, device: str, *_: object) -> Path:
        devices.append(device)
        return Path("model.safetensors")

    def load(path: Path, device: str) -> None:
        devices.append(device)
        raise CheckpointError("there is no GPU here")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(preparation, "fit", fit)
    monkeypatch.setattr(checkpoint, "load", load)
    for device in ("cpu", ""):
        with pytest.raises(CheckpointError, match="there is no GPU here"):
            preparation.prepare(replace(toy, device=device)).train_and_evaluate()
    assert devices == ["cpu", "cpu", "cuda", "cuda"]


def test_a_run_that_goes_on_hears_other_changes_of_the_clips(toy: Session) -> None:
    first = preparation.prepare(toy).run()
    goes_on = replace(toy, name="second", initial=first)
    assert description.read_info(first).training.seed == 0
    assert preparation.prepare(goes_on).plan.training.seed == 1
    assert preparation.prepare(replace(goes_on, seed=0)).plan.training.seed == 0


def test_a_run_of_the_same_name_is_told_before_a_clip_is_read(toy: Session) -> None:
    toy.folder.create({"name": "toy"})
    with pytest.raises(DataError, match=r"There is a run in .*toy already; resume it"):
        preparation.prepare(replace(toy, data=Path("nowhere")))


def test_classes_left_out_are_neither_learnt_nor_evaluated(toy: Session) -> None:
    outcome = preparation.prepare(replace(toy, without=("rain",))).train_and_evaluate()
    assert outcome.report is not None
    assert (outcome.report.labels, outcome.report.clips) == (("dog", "siren"), 2)
    assert outcome.seed == 0


def test_damaged_clips_that_may_be_skipped_are_not_evaluated(toy: Session) -> None:
    (toy.data / "audio" / "3-rain.wav").write_text("not sound")
    with pytest.raises(DataError, match="1 of 3 clips cannot be read"):
        preparation.prepare(toy)
    outcome = preparation.prepare(replace(toy, skip_unreadable=True)).train_and_evaluate()
    assert outcome.report is not None
    assert [answer.file for answer in outcome.report.answers] == ["3-siren.wav", "3-dog.wav"]


def test_all_folds_are_those_asked_for_or_those_of_the_data(toy: Session) -> None:
    assert preparation.all_folds(toy) == (1, 3)
    assert preparation.all_folds(replace(toy, folds=(1, 2))) == (1, 2)
