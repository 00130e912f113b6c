from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import ConfigError
from resona_core.training.fitting.recipes import NAMES, Recipe, read_recipe


def test_there_is_ours_and_the_one_to_compare_with() -> None:
    assert NAMES == ("brief", "resona")


def test_ours_is_the_defaults_in_large_batches() -> None:
    large = TrainConfig(batch_size=128, peak_learning_rate=2e-3)
    assert read_recipe("resona") == Recipe(FrontEndConfig(), ModelConfig(), large)


def test_ours_hears_20_hz_to_16_khz_in_frames_of_20_ms() -> None:
    front_end = read_recipe("resona").front_end
    assert (front_end.sample_rate_hz, front_end.window_s) == (44_100, 5.0)
    assert (front_end.n_fft, front_end.hop_length, front_end.n_mels) == (2048, 882, 128)
    assert (front_end.f_min_hz, front_end.f_max_hz) == (20.0, 16_000.0)
    assert front_end.hop_length / front_end.sample_rate_hz == 0.02


def test_the_one_to_compare_with_is_as_published() -> None:
    brief = read_recipe("brief")
    assert brief.front_end == FrontEndConfig(
        sample_rate_hz=44_100, window_s=5.0, n_fft=1024, hop_length=512, n_mels=128,
        f_min_hz=20.0, f_max_hz=22_050.0, top_db=80.0,
    )  # fmt: skip
    assert brief.model == ModelConfig(dropout=0.5)
    training = brief.training
    assert (training.epochs, training.batch_size) == (100, 32)
    assert (training.peak_learning_rate, training.warmup_fraction) == (2e-3, 0.3)
    assert (training.weight_decay, training.label_smoothing) == (0.01, 0.1)
    assert (training.mix_probability, training.mix_beta) == (0.3, 0.2)
    assert (training.frequency_mask_bins, training.time_mask_frames) == (30, 80)
    assert (training.frequency_masks, training.time_masks) == (1, 1)


def test_the_one_to_compare_with_changes_no_sound_and_averages_no_weights() -> None:
    training = read_recipe("brief").training
    assert (training.roll, training.speed_range, training.ema_decay) == (False, 1.0, 0.0)
    for change in ("colour", "noise", "gap", "room"):
        assert getattr(training, f"{change}_probability") == 0.0


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nepochs = 7\n[model]\ndropout = 0.1\n")
    assert read_recipe(str(path)) == Recipe(
        model=ModelConfig(dropout=0.1), training=TrainConfig(epochs=7)
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
    with pytest.raises(ConfigError, match=r"no recipe 'breif'; use brief, resona or"):
        read_recipe("breif")


def test_a_recipe_lasts_an_epoch_or_more() -> None:
    assert read_recipe("resona").lasting(1).training == replace(
        read_recipe("resona").training, epochs=1
    )
    with pytest.raises(ConfigError, match=r"^0 epochs were asked for; ask for 1 or more\.$"):
        read_recipe("resona").lasting(0)
