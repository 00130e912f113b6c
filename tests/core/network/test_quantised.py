"""The graph in 8 bit: its scales and whole numbers by hand, its answers beside torch's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from resona_core.network.checkpoint import Classifier
from resona_core.network.export import Graph, graph_and_weights, whole
from resona_core.network.quantised import FULL, NARROW, int8_graph, to_int8_onnx
from resona_core.network.ranges import Ranges, quantised_values

Floats = NDArray[np.float32]
PICTURES = np.random.default_rng(0).normal(0, 1, (4, 1, 32, 51)).astype(np.float32)
LARGEST = pytest.mark.parametrize("largest", [FULL, NARROW])


def _numbers(classifier: Classifier) -> dict[str, Floats]:
    return {name: tensor.numpy() for name, tensor in classifier.network.state_dict().items()}


def _run(model: onnx.ModelProto, names: list[str]) -> list[Floats]:
    exact = onnxruntime.SessionOptions()
    exact.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), exact, providers=["CPUExecutionProvider"]
    )
    found: list[Floats] = session.run(names, {"picture": PICTURES})
    return found


@pytest.fixture
def measured(uneven_classifier: Classifier) -> Ranges:
    """The ranges of the toy's values on those pictures."""
    info = uneven_classifier.info
    names = quantised_values(info.model)
    model = whole(*graph_and_weights(info, _numbers(uneven_classifier), names[1:]))
    values = [PICTURES, *_run(model, list(names[1:]))]
    reach = {
        name: (float(value.min()), float(value.max()))
        for name, value in zip(names, values, strict=True)
    }
    return Ranges(weights="", folds=(), clips=4, temperature=1.5, values=reach, checks={})


@LARGEST
def test_the_graph_computes_the_network_but_for_its_rounding(
    largest: int, uneven_classifier: Classifier, measured: Ranges
) -> None:
    model = to_int8_onnx(uneven_classifier.info, _numbers(uneven_classifier), measured, largest)
    onnx.checker.check_model(model, full_check=True)
    widths = {one.name: one.type.tensor_type.shape.dim[1].dim_value for one in model.graph.output}
    assert widths == {"logits": 3, "embedding": 64}
    assert {one.key: one.value for one in model.metadata_props}["temperature"] == "1.5"
    (found,) = _run(model, ["logits"])
    expected = uneven_classifier.network(torch.from_numpy(PICTURES)).numpy()
    assert 0 < np.abs(found - expected).max() < 0.05 * np.ptp(expected)


def test_kinds_are_given_too(uneven_classifier: Classifier, measured: Ranges) -> None:
    info = uneven_classifier.info
    info = replace(info, model=replace(info.model, n_kinds=2), kinds=("known", "other"))
    head = {"kinds.weight": np.zeros((2, 64)), "kinds.bias": np.array([0.25, -0.5])}
    numbers = _numbers(uneven_classifier) | {k: np.float32(v) for k, v in head.items()}
    (kinds,) = _run(to_int8_onnx(info, numbers, measured, NARROW), ["kinds"])
    np.testing.assert_allclose(kinds, [[0.25, -0.5]] * 4)


@LARGEST
def test_each_channel_of_the_weights_takes_all_of_its_whole_numbers(
    largest: int, uneven_classifier: Classifier, measured: Ranges
) -> None:
    numbers = _numbers(uneven_classifier)
    _, constants = int8_graph(uneven_classifier.info, numbers, measured, largest)
    for convolution, norm in (("stem.0", "stem.1"), ("layer2.0.conv1", "layer2.0.bn1")):
        name = "stem.conv" if convolution == "stem.0" else convolution
        stored, scales = constants[f"{name}.weight.int"], constants[f"{name}.weight.scale"]
        assert stored.dtype == np.int8
        np.testing.assert_array_equal(np.abs(stored.astype(int)).max(axis=(1, 2, 3)), largest)
        assert constants[f"{name}.weight.zero"].tolist() == [0] * len(stored)
        exact, bias = Graph(numbers).folded(convolution, norm)
        off = np.abs(stored * scales[:, None, None, None] - exact)
        assert (off <= scales[:, None, None, None] * 0.5001).all()
        whole_bias, of_bias = constants[f"{name}.bias.int"], constants[f"{name}.bias.scale"]
        assert whole_bias.dtype == np.int32
        np.testing.assert_allclose(whole_bias * of_bias, bias, atol=0.51 * of_bias.max())


@pytest.mark.parametrize(
    ("reach", "scale", "zero"),
    [
        ((-1.0, 4.0), 5 / 255, 51),  # 0 is a whole number, a fifth of the way up
        ((0.5, 2.0), 2 / 255, 0),  # 0 is always within reach
        ((-3.0, -2.0), 3 / 255, 255),
        ((-0.25, 0.75), 1 / 255, 64),  # 63.75
    ],
)
def test_a_value_s_scale_takes_it_to_whole_numbers_from_0_to_255(
    reach: tuple[float, float], scale: float, zero: int, uneven_classifier: Classifier,
    measured: Ranges,
) -> None:  # fmt: skip
    ranges = replace(measured, values={**measured.values, "layer1.0.conv2": reach})
    numbers = _numbers(uneven_classifier)
    _, constants = int8_graph(uneven_classifier.info, numbers, ranges, FULL)
    assert constants["layer1.0.conv2.scale"] == pytest.approx(scale)
    assert constants["layer1.0.conv2.zero"] == zero
    assert constants["layer1.0.conv2.zero"].dtype == np.uint8


def test_the_maximum_of_the_stem_keeps_the_numbers_it_chooses_from(
    uneven_classifier: Classifier, measured: Ranges
) -> None:
    _, constants = int8_graph(uneven_classifier.info, _numbers(uneven_classifier), measured, FULL)
    for part in ("scale", "zero"):
        assert constants[f"stem.{part}"] == constants[f"stem.relu.{part}"]


def test_a_channel_without_weights_keeps_its_bias(
    uneven_classifier: Classifier, measured: Ranges
) -> None:
    """A bias is counted in steps of the weights' scale, and they have none."""
    numbers = _numbers(uneven_classifier)
    numbers["stem.0.weight"][[2, 3, 4]] = 0
    numbers["stem.1.running_mean"][[2, 3, 4]] = 0
    numbers["stem.1.bias"][[2, 3, 4]] = 1, -0.5, 0
    _, constants = int8_graph(uneven_classifier.info, numbers, measured, FULL)
    assert not constants["stem.conv.weight.int"][[2, 3, 4]].any()
    found = constants["stem.conv.bias.int"] * constants["stem.conv.bias.scale"].astype(float)
    assert found[[2, 3, 4]].tolist() == pytest.approx([1, -0.5, 0])
