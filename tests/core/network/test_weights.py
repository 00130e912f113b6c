"""The weights as they lie in a file: which there are, what they hold, what names them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from resona_core.config import ModelConfig
from resona_core.errors import CheckpointError
from resona_core.explain.masker import weights_digest
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.network.model import AudioResNet
from resona_core.network.weights import Weights, digest_of, weight_shapes

Written = Callable[[dict[str, Tensor]], Path]


@pytest.fixture
def written(tmp_path: Path, tiny_info: CheckpointInfo) -> Written:
    """A function that stores weights beside the toy's description."""

    def write(weights: dict[str, Tensor]) -> Path:
        checkpoint.save(tmp_path / "toy.safetensors", tiny_info, weights)
        return tmp_path / "toy.safetensors"

    return write


@pytest.mark.parametrize(
    "model",
    [
        ModelConfig(),
        ModelConfig(n_classes=3, blocks=(1, 2), channels=(3, 5), n_kinds=2),
        ModelConfig(n_classes=3, blocks=(2, 2), channels=(4, 4)),  # a way around for its stride
    ],
)
def test_names_and_shapes_are_those_of_the_network(model: ModelConfig) -> None:
    state = AudioResNet(model, empty=True).state_dict()
    assert weight_shapes(model) == {name: tuple(values.shape) for name, values in state.items()}


def test_each_weight_is_read_as_float32(written: Written, tiny_classifier: Classifier) -> None:
    state = tiny_classifier.network.state_dict()
    weights = Weights(written(state))
    assert set(weights) == set(state)
    assert len(weights) == len(state)
    assert "fc.bias" in weights
    assert "fc.colour" not in weights
    for name, values in weights.items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, state[name].half().float().numpy())
    assert weights.info == tiny_classifier.info


def test_weights_that_the_network_has_not_and_those_that_it_lacks_are_named(
    written: Written, tiny_classifier: Classifier
) -> None:
    state = tiny_classifier.network.state_dict()
    less = {name: values for name, values in state.items() if name != "fc.bias"}
    for weights, told in (
        (less, r"^toy\.safetensors and the network .* differ in 1 weights, first fc\.bias; the"),
        (state | {"extra": torch.zeros(1)}, "differ in 1 weights, first extra;"),
        (less | {"extra": torch.zeros(1)}, "differ in 2 weights, first extra;"),
    ):
        with pytest.raises(CheckpointError, match=told):
            Weights(written(weights))


def test_a_weight_of_the_wrong_shape_is_told_with_the_right_one(
    written: Written, tiny_classifier: Classifier
) -> None:
    path = written(tiny_classifier.network.state_dict() | {"fc.bias": torch.zeros(7)})
    with pytest.raises(CheckpointError, match=r"fc\.bias has shape \(7,\), .* needs \(3,\)\.$"):
        Weights(path)


def test_a_weight_that_is_no_number_is_refused_as_soon_as_it_is_asked_for(
    written: Written, tiny_classifier: Classifier
) -> None:
    path = written(tiny_classifier.network.state_dict())
    whole = path.read_bytes()
    path.write_bytes(whole[:-2] + b"\xff\xff")  # the last number of the file: NaN
    weights = Weights(path)
    broken = []
    for name in weights:
        try:
            weights[name]
        except CheckpointError as error:
            broken.append((name, str(error)))
    ((name, told),) = broken
    assert told.startswith(f"toy.safetensors: the weights {name} are no numbers (NaN or infinite)")


def test_a_digest_names_the_numbers_that_the_network_computes_with(
    written: Written, tiny_classifier: Classifier
) -> None:
    state = tiny_classifier.network.state_dict()
    digest = Weights(written(state)).digest()
    assert len(digest) == 12
    assert digest == weights_digest(tiny_classifier.network)
    counter = "stem.1.num_batches_tracked"
    assert Weights(written(state | {counter: torch.tensor(9)})).digest() == digest
    assert Weights(written(state | {"fc.bias": state["fc.bias"] + 1})).digest() != digest


def test_a_digest_is_of_names_and_halves_in_the_order_of_the_names() -> None:
    one, two = np.float16([[1, 2], [3, 4]]), np.float16([5])
    told = hashlib.sha256(b"a" + one.T.tobytes() + b"b" + two.tobytes()).hexdigest()[:12]
    assert digest_of({"b": two, "a": one.T}) == digest_of({"a": one.T, "b": two}) == told


def test_another_description_is_another_network(
    tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier
) -> None:
    wider = replace(tiny_info, model=replace(tiny_info.model, blocks=(1, 1, 1, 2)))
    path = tmp_path / "wider.safetensors"
    checkpoint.save(path, wider, tiny_classifier.network.state_dict())
    with pytest.raises(CheckpointError, match=r"differ in 12 weights, first layer4\.1\.bn1\.bias"):
        Weights(path)
