"""The file of ranges: what it holds, and what is none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resona_core.config import ModelConfig
from resona_core.errors import CheckpointError
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.ranges import (
    SOUNDS,
    Ranges,
    check_belongs,
    quantised_values,
    ranges_path,
    read_ranges,
)
from resona_core.network.weights import Weights

MODEL = ModelConfig(n_classes=2, blocks=(1, 2), channels=(3, 5))
RANGES = Ranges(
    weights="0123456789ab",
    folds=(1, 2),
    clips=7,
    temperature=1.5,
    values=dict.fromkeys(quantised_values(MODEL), (-1.0, 2.0)),
    checks=dict.fromkeys(SOUNDS, (0.25, 0.75)),
)


def test_every_sum_and_every_input_of_a_convolution_becomes_whole_numbers() -> None:
    """A block of another width or stride has a convolution on its way around."""
    assert quantised_values(MODEL) == (
        "picture", "stem.relu",
        "layer1.0.relu1", "layer1.0.conv2", "layer1.0",
        "layer2.0.relu1", "layer2.0.conv2", "layer2.0.shortcut", "layer2.0",
        "layer2.1.relu1", "layer2.1.conv2", "layer2.1",
    )  # fmt: skip


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    path = ranges_path(tmp_path / "new" / "folders" / "mine.safetensors")
    assert path.name == "mine.int8.json"
    for ranges in (replace(RANGES, clips=1), RANGES):  # the second time the folder is there
        ranges.save(path)
        assert read_ranges(path, MODEL) == ranges


def test_without_a_file_the_cure_is_told(tmp_path: Path) -> None:
    told = r"there are none at .*x\.json; make one with `python -m resona_core calibrate"
    with pytest.raises(CheckpointError, match=told):
        read_ranges(tmp_path / "x.json", MODEL)


@pytest.mark.parametrize(
    "harm",
    [
        lambda given: given.update(temperature=0.0),
        lambda given: given.update(temperature=-1.0),
        lambda given: given.update(temperature=math.inf),
        lambda given: given.update(clips="many"),
        lambda given: given.pop("weights"),
        lambda given: given["values"].pop("layer2.0.shortcut"),
        lambda given: given["values"].update(more=[0, 1]),
        lambda given: given["values"].update(picture=[1.0, 1.0]),
        lambda given: given["values"].update(picture=[1.0, 0.0]),
        lambda given: given["values"].update(picture=[0.0, math.inf]),
        lambda given: given["values"].update(picture=[0.0]),
        lambda given: given["checks"].pop("crow"),
        lambda given: given["checks"].update(crow=[0.5, 0.25, 0.25]),
        lambda given: given["checks"].update(crow=[0.5, math.nan]),
    ],
)
def test_what_does_not_fit_the_network_is_no_ranges(
    harm: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    path = tmp_path / "mine.int8.json"
    RANGES.save(path)
    given = json.loads(path.read_text())
    harm(given)
    path.write_text(json.dumps(given))
    with pytest.raises(CheckpointError, match=r"^mine\.int8\.json holds no ranges of such a netw"):
        read_ranges(path, MODEL)


def test_a_temperature_below_1_and_a_range_below_0_are_ranges(tmp_path: Path) -> None:
    values = {**RANGES.values, "picture": (-3.0, -2.5)}
    ranges = replace(RANGES, temperature=0.5, values=values)
    ranges.save(tmp_path / "x.json")
    assert read_ranges(tmp_path / "x.json", MODEL) == ranges


def test_ranges_belong_to_the_weights_they_name(
    tmp_path: Path, tiny_classifier: Classifier
) -> None:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_classifier.info, tiny_classifier.network.state_dict())
    weights = Weights(path)
    check_belongs(replace(RANGES, weights=weights.digest()), weights, path)
    told = rf"measured with the weights 0123456789ab, and these are {weights.digest()}; make one"
    with pytest.raises(CheckpointError, match=told):
        check_belongs(RANGES, weights, path)
