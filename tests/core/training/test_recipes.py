from __future__ import annotations

from pathlib import Path

import pytest

from resona_core.config import FRONT_END_16K, FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import ConfigError
from resona_core.training.recipes import NAMES, Recipe, read_recipe


def test_there_is_ours_and_the_one_to_compare_with() -> None:
    assert NAMES == (
        "brief", "brief-16k", "resona", "resona-16k", "resona-16k-fine", "resona-16k-first",
        "resona-16k-mixed", "resona-16k-wide",
    )  # fmt: skip


def test_ours_is_the_defaults() -> None:
    assert read_recipe("resona") == Recipe(FrontEndConfig(), ModelConfig(), TrainConfig())


def test_ours_for_16_khz_differs_in_the_front_end_alone() -> None:
    assert read_recipe("resona-16k") == Recipe(FRONT_END_16K)


def test_the_one_to_compare_with_is_as_published() -> None:
    brief = read_recipe("brief")
    assert brief.front_end == FrontEndConfig()
    training = brief.training
    assert (training.epochs, training.mix_probability, training.mix_beta) == (100, 0.3, 0.2)
    assert (training.frequency_mask_bins, training.time_mask_frames) == (30, 80)
    assert (training.frequency_masks, training.time_masks) == (1, 1)


def test_its_time_mask_lasts_as_long_at_16_khz() -> None:
    def seconds(recipe: Recipe) -> float:
        front_end = recipe.front_end
        step_s = front_end.hop_length / front_end.sample_rate_hz
        return recipe.training.time_mask_frames * step_s

    assert seconds(read_recipe("brief-16k")) == pytest.approx(
        seconds(read_recipe("brief")), abs=0.016
    )


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nepochs = 7\n[model]\ndropout = 0.3\n")
    assert read_recipe(str(path)) == Recipe(
        model=ModelConfig(dropout=0.3), training=TrainConfig(epochs=7)
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("epochs = 7", r"holds epochs; a recipe has \[front_end\], \[model\] and \[training\]\."),
        ("[training]\nepoch = 7", r"TrainConfig has no epoch; its fields are epochs,"),
        ("[training]\nepochs = 'many'", r"TrainConfig\.epochs is 'many'"),
        ("[training", r"is not a TOML file: "),
    ],
)
def test_what_is_wrong_is_said(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        read_recipe(str(path))


def test_a_recipe_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no recipe 'breif'; use brief, brief-16k, resona,"):
        read_recipe("breif")
