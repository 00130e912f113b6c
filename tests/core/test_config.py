from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import ConfigError


@pytest.mark.parametrize(
    "config",
    [
        FrontEndConfig(),
        FrontEndConfig(sample_rate_hz=16_000, n_fft=1024, hop_length=512, f_max_hz=8_000.0),
        ModelConfig(n_classes=3, blocks=(1, 2), channels=(8, 16)),
        TrainConfig(epochs=3, others_share=0.25, roll=False),
    ],
)
def test_a_config_survives_the_way_through_json(
    config: FrontEndConfig | ModelConfig | TrainConfig,
) -> None:
    text = json.dumps(config.to_dict())
    assert type(config).from_dict(json.loads(text)) == config


def test_a_missing_key_means_the_default() -> None:
    assert ModelConfig.from_dict({"n_classes": 7}) == ModelConfig(n_classes=7)


def test_a_whole_number_from_json_serves_where_a_float_is_wanted() -> None:
    window_s = FrontEndConfig.from_dict({"window_s": 5}).window_s
    assert window_s == 5.0
    assert type(window_s) is float


def test_the_lists_of_json_become_tuples_of_the_right_numbers() -> None:
    blocks = ModelConfig.from_dict({"blocks": [2, 2, 2, 2]}).blocks
    assert blocks == (2, 2, 2, 2)
    assert all(type(count) is int for count in blocks)


def test_an_unknown_key_is_refused_with_the_fields_there_are() -> None:
    with pytest.raises(ConfigError, match=r"ModelConfig has no depth, width; its fields are n_cl"):
        ModelConfig.from_dict({"width": 3, "n_classes": 5, "depth": 9})


@pytest.mark.parametrize("kind", [FrontEndConfig, ModelConfig, TrainConfig])
def test_what_is_no_object_is_refused(kind: type[ModelConfig]) -> None:
    with pytest.raises(ConfigError, match=rf"^{kind.__name__} is 5, but must be an object of its"):
        kind.known_of(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"n_classes": "50"}, r"n_classes is '50', but must be of type int"),
        ({"n_classes": 50.0}, r"n_classes is 50\.0, but must be of type int"),
        ({"n_classes": True}, r"n_classes is True, but must be of type int"),
        ({"dropout": True}, r"dropout is True, but must be of type float"),
        ({"dropout": None}, r"dropout is None, but must be of type float"),
        ({"blocks": "3463"}, r"blocks is '3463', but must be of type tuple\[int, \.\.\.\]"),
        ({"blocks": [3, 4, 6, 1.5]}, r"blocks is 1\.5, but must be of type int"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_the_right_one(
    values: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=r"ModelConfig\." + told):
        ModelConfig.from_dict(values)


@pytest.mark.parametrize(
    ("f_min_hz", "f_max_hz"), [(20.0, 22_051.0), (-1.0, 8_000.0), (500.0, 500.0)]
)
def test_a_mel_range_that_sampling_cannot_hold_is_refused(f_min_hz: float, f_max_hz: float) -> None:
    with pytest.raises(ConfigError, match=r"mel range .* half the sample rate, 22050 Hz"):
        FrontEndConfig(f_min_hz=f_min_hz, f_max_hz=f_max_hz)


def test_a_mel_range_may_fill_all_that_sampling_can_hold() -> None:
    widest = FrontEndConfig(f_min_hz=0.0, f_max_hz=22_050.0)
    assert (widest.f_min_hz, widest.f_max_hz) == (0.0, 22_050.0)


@pytest.mark.parametrize("name", ["window_s", "n_fft", "hop_length", "n_mels", "top_db", "std_db"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_front_end_without_extent_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"FrontEndConfig\.{name} is {value}, must be > 0"):
        FrontEndConfig(**{name: value})


@pytest.mark.parametrize("name", ["window_s", "top_db", "std_db"])
def test_an_extent_between_nothing_and_one_is_enough(name: str) -> None:
    assert getattr(FrontEndConfig(**{name: 0.5}), name) == 0.5


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"blocks": (1, 1)}, "2 block counts and 4 channel counts .* each stage needs one of both"),
        ({"blocks": (), "channels": ()}, "0 block counts and 0 channel counts"),
        ({"blocks": (3, 0, 6, 3)}, "each count must be >= 1"),
        (
            {"channels": (64, 128, 0, 512)},
            r"channels \(64, 128, 0, 512\); .* each count must be >= 1",
        ),
        ({"n_classes": 1}, "1 classes, .* it needs two classes or more"),
        ({"dropout": 1.0}, r"dropout is 1\.0, must be in \[0, 1\)"),
        ({"dropout": -0.1}, r"dropout is -0\.1, must be in \[0, 1\)"),
    ],
)
def test_an_impossible_network_is_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        ModelConfig(**values)


def test_the_smallest_network_tells_two_classes_apart_and_drops_nothing() -> None:
    smallest = ModelConfig(n_classes=2, blocks=(1,), channels=(1,), dropout=0.0)
    assert smallest.to_dict() == {
        "n_classes": 2, "blocks": (1,), "channels": (1,), "dropout": 0.0, "n_kinds": 0,
    }  # fmt: skip
    assert ModelConfig(dropout=0.99).dropout == 0.99


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_training_for_no_time_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"TrainConfig\.{name} is 0, must be >= 1"):
        TrainConfig(**{name: 0})


def test_one_epoch_of_single_clips_is_a_training() -> None:
    shortest = TrainConfig(epochs=1, batch_size=1)
    assert (shortest.epochs, shortest.batch_size) == (1, 1)


def test_a_window_of_five_seconds_has_the_frames_counted_by_hand() -> None:
    assert FrontEndConfig().window_samples == 220_500
    assert FrontEndConfig().n_frames == 251  # 220500 / 882 + 1
    assert FrontEndConfig(hop_length=512).n_frames == 431  # 220500 / 512 = 430.7


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FrontEndConfig().n_mels = 64  # type: ignore[misc]


def test_a_change_that_an_older_recipe_does_not_name_was_not_made_by_it() -> None:
    older = {"epochs": 3, "crop_s": [5.0]}
    assert TrainConfig.known_of(older) == TrainConfig(epochs=3, room_probability=0.0)
    assert TrainConfig.known_of({**older, "room_probability": 0.2}).room_probability == 0.2
