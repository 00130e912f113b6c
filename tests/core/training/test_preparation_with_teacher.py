"""A session with a teacher and sounds of no class, from its folders to the checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.network import description
from resona_core.training import preparation
from resona_core.training.data.others import KINDS
from resona_core.training.fitting import teaching
from resona_core.training.fitting.recipes import Recipe
from resona_core.training.session import Session
from tests.core.training.toy_teacher import write_toy

RECIPE = TrainConfig(others_share=1 / 3, teacher_epochs=2, batch_size=3)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("teacher") / "toy_as.safetensors")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "_VIEWS", 2)


@pytest.fixture
def collection(
    tmp_path: Path, tone: Callable[..., NDArray], sound_file: Callable[..., bytes]
) -> Path:
    """Five clips of speech and five of game sounds, all tones in truth."""
    folder = tmp_path / "others"
    for kind in ("speech", "game"):
        (folder / kind).mkdir(parents=True)
        for i in range(5):
            (folder / kind / f"{i}.wav").write_bytes(sound_file(tone(700.0 + 100 * i)))
    return folder


def test_a_session_leaves_out_the_fold_of_the_other_sounds_too(
    dataset: Path, collection: Path, toy: Path, tmp_path: Path, tiny_front_end: FrontEndConfig,
    tiny_model: ModelConfig,
) -> None:  # fmt: skip
    recipe = Recipe(tiny_front_end, tiny_model, replace(RECIPE, epochs=1))
    asked = Session(
        dataset, tmp_path / "runs", "toy", validate_on=3, recipe=recipe, device="cpu",
        teacher=toy, others=collection,
    )  # fmt: skip
    prepared = preparation.prepare(asked)
    assert prepared.others is not None
    assert len(prepared.others) == 8  # of ten clips in five folds
    assert sorted(set(prepared.others.targets.tolist())) == [1, 3]
    assert (prepared.plan.teacher, prepared.plan.kinds) == (toy, KINDS)
    assert prepared.plan.model.n_kinds == 4
    info = description.read_info(prepared.run())
    assert (info.teacher, info.kinds, info.labels) == ("toy_as", KINDS, ("dog", "rain", "siren"))
    everything = preparation.prepare(replace(asked, name="all", validate_on=None))
    assert everything.others is not None
    assert len(everything.others) == 10


def test_a_session_without_either_asks_for_neither(
    dataset: Path, tmp_path: Path, tiny_front_end: FrontEndConfig, tiny_model: ModelConfig
) -> None:
    recipe = Recipe(tiny_front_end, tiny_model, RECIPE)
    prepared = preparation.prepare(
        Session(dataset, tmp_path / "runs", validate_on=3, recipe=recipe, from_scratch=True)
    )
    assert prepared.others is None
    assert (prepared.plan.teacher, prepared.plan.kinds, prepared.plan.model.n_kinds) == (
        None,
        (),
        0,
    )
