"""A session from data set to examined checkpoint, with the toy network on the toy data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from resona_core import checkpoint
from resona_core.config import FRONT_END_16K, FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import ConfigError, DataError
from resona_core.training import session
from resona_core.training.session import Recipe, Session


@pytest.fixture
def toy(
    dataset: Path, tmp_path: Path, tiny_front_end: FrontEndConfig, tiny_model: ModelConfig
) -> Session:
    """Fold 1 is learnt from, three clips a batch; fold 3 is left out."""
    recipe = Recipe(
        tiny_front_end,
        replace(tiny_model, n_classes=7),  # the data decides
        TrainConfig(epochs=2, batch_size=3),
    )
    return Session(
        dataset, tmp_path / "runs", "toy", validate_on=3, recipe=recipe, device="cpu",
        licence="none",
    )  # fmt: skip


def test_a_run_learns_all_folds_but_the_one_left_out(toy: Session) -> None:
    path = session.run(toy)
    assert path == toy.runs / "toy" / "model.safetensors"
    info = checkpoint.read_info(path)
    assert info.folds == (1,)
    assert info.labels == ("dog", "rain", "siren")
    assert info.model.n_classes == 3
    assert (info.data, info.licence) == (toy.data.name, "none")


def test_it_is_told_after_each_epoch_that_the_run_can_be_resumed(toy: Session) -> None:
    steps: list[int] = []

    def note() -> None:
        state = torch.load(toy.runs / "toy" / "last.pt", weights_only=True)
        steps.append(state["step"])

    session.run(toy, stored=note)
    assert steps == [1, 2]  # one batch an epoch


def test_the_examination_is_of_the_fold_left_out(toy: Session) -> None:
    report = session.examine(toy, session.run(toy))
    assert (report["trained_on_folds"], report["folds"], report["clips"]) == ([1], [3], 3)
    assert report["accuracy"] == pytest.approx(sum(report["per_class"].values()) / 3, abs=1e-3)


def test_without_a_fold_left_out_there_is_nothing_to_examine(toy: Session) -> None:
    everything = replace(toy, validate_on=None)
    assert session.examine(everything, Path("never read")) == {}


def test_leaving_out_the_only_fold_is_refused(toy: Session) -> None:
    with pytest.raises(DataError, match="Fold 3 is to be left out and no other"):
        session.run(replace(toy, folds=(3,)))


def test_cross_validation_leaves_out_each_fold_once(toy: Session) -> None:
    runs = session.one_for_each_fold(replace(toy, folds=(1, 2, 3)))
    assert [(run.name, run.validate_on) for run in runs] == [
        ("toy-fold1", 1), ("toy-fold2", 2), ("toy-fold3", 3),
    ]  # fmt: skip
    assert {run.folds for run in runs} == {(1, 2, 3)}


def test_cross_validation_of_one_fold_is_refused(toy: Session) -> None:
    with pytest.raises(DataError, match="two folds or more, not 1"):
        session.one_for_each_fold(replace(toy, folds=(1,)))


def test_the_summary_gives_mean_and_deviation_as_counted_by_hand() -> None:
    report = {"clips": 400, "standard_error": 0.024, "top_3_accuracy": 0.85}
    reports = [report | {"folds": [1], "accuracy": 0.6}, report | {"folds": [2], "accuracy": 0.64}]
    first, _, last = session.summary(reports).splitlines()
    assert first == "fold 1: 60.0% +- 2.4% of 400 clips, in the top 3: 85.0%"
    assert last == "mean of 2 folds: 62.0%, standard deviation between them 2.8%"
    assert session.summary(reports[:1]) == first


@pytest.mark.parametrize(("works", "name"), [(True, "cuda"), (False, "cpu")])
def test_the_gpu_is_used_where_there_is_one(
    works: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: works)
    assert session.best_device() == name


def test_recipes_have_names() -> None:
    assert session.read_recipe("44k") == Recipe()
    assert session.read_recipe("16k") == Recipe(FRONT_END_16K)


def test_a_runs_own_description_is_a_recipe(toy: Session) -> None:
    session.run(toy)
    recipe = session.read_recipe(str(toy.runs / "toy" / "config.json"))
    assert recipe.training == toy.recipe.training
    assert recipe.model == replace(toy.recipe.model, n_classes=3)
    assert recipe.front_end.n_mels == toy.recipe.front_end.n_mels


def test_a_recipe_may_change_one_number_only(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    path.write_text(json.dumps({"training": {"epochs": 100}}))
    assert session.read_recipe(str(path)) == Recipe(training=TrainConfig(epochs=100))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "is not a JSON object"),
        ("{", "is not a JSON object"),
        ('{"trainign": {}}', "holds trainign; a recipe has front_end, model and training"),
        ('{"training": {"epoch": 3}}', "TrainConfig has no epoch"),
    ],
)
def test_a_recipe_that_cannot_be_read_is_one_sentence(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        session.read_recipe(str(path))


def test_an_unknown_recipe_is_told_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"no recipe '22k'; use 44k, 16k or a JSON file"):
        session.read_recipe("22k")
