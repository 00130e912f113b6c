"""The ONNX file, read as a stranger would: with onnx and onnxruntime alone."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.network.export import OPSET, graph_and_weights, to_onnx


def _numbers(classifier: Classifier) -> dict[str, NDArray[np.float32]]:
    return {name: tensor.numpy() for name, tensor in classifier.network.state_dict().items()}


def _exported(classifier: Classifier) -> onnx.ModelProto:
    return to_onnx(classifier.info, _numbers(classifier))


@pytest.fixture
def model(tiny_classifier: Classifier) -> onnx.ModelProto:
    return _exported(tiny_classifier)


def test_the_file_is_valid_whole_and_of_the_stated_opset(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", OPSET)]
    assert (OPSET, model.ir_version) == (13, 8)  # read by ONNX Runtime 1.11 and later
    assert all(len(weight.raw_data) for weight in model.graph.initializer)


def test_any_number_of_pictures_is_answered_at_once(
    model: onnx.ModelProto, tiny_classifier: Classifier
) -> None:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    assert [one.name for one in session.get_inputs()] == ["picture"]
    names = [one.name for one in session.get_outputs()]
    assert names == ["logits", "embedding", *tiny_classifier.network.layer_names]
    picture = np.random.default_rng(0).normal(0, 1, (5, 1, 32, 51)).astype(np.float32)
    together = session.run(None, {"picture": picture})
    promised = [tuple(one.shape[1:]) for one in session.get_outputs()]
    assert [values.shape for values in together] == [(5, *shape) for shape in promised]
    for values, alone in zip(together, session.run(None, {"picture": picture[2:3]}), strict=True):
        np.testing.assert_allclose(values[2:3], alone, atol=1e-5)


def test_every_output_is_what_torchs_network_computes(uneven: Classifier) -> None:
    session = onnxruntime.InferenceSession(
        _exported(uneven).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    picture = np.random.default_rng(0).normal(0, 1, (2, 1, 34, 49)).astype(np.float32)
    names = [one.name for one in session.get_outputs()]
    found = dict(zip(names, session.run(None, {"picture": picture}), strict=True))
    network = uneven.network
    features, expected = network.forward_intermediates(torch.from_numpy(picture))
    embedding = network.embedding(features)
    expected |= {
        "logits": network.forward_head(features),
        "embedding": embedding,
        "kinds": network.kinds(embedding),
    }
    assert set(found) == set(expected)
    for name, values in expected.items():
        off = np.abs(found[name] - values.numpy()).max()
        assert off <= 1e-5 * float(values.abs().max()), name


@pytest.fixture
def uneven(tiny_info: CheckpointInfo) -> Classifier:
    """Of kinds too, of two blocks in a stage, and with normalisations that do something.

    Half its picture's sides are odd: the stem's maximum reaches beyond the end.
    """
    model = replace(tiny_info.model, blocks=(2, 1, 2, 1), n_kinds=2)
    front_end = replace(tiny_info.front_end, n_mels=34, window_s=0.96)
    torch.manual_seed(0)
    classifier = Classifier(
        replace(tiny_info, front_end=front_end, model=model, kinds=("known", "other"))
    )
    for module in classifier.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                torch.nn.init.uniform_(tensor, 0.5, 1.5)
            torch.nn.init.uniform_(module.running_var[:1], 1e-6, 1e-5)  # where epsilon counts
            for tensor in (module.bias.data, module.running_mean):
                torch.nn.init.normal_(tensor, 0, 0.3)
    return classifier.eval().requires_grad_(False)


def test_values_within_can_be_watched_and_a_layer_is_no_second_output(
    tiny_classifier: Classifier,
) -> None:
    numbers = _numbers(tiny_classifier)
    plain, _ = graph_and_weights(tiny_classifier.info, numbers)
    model, _ = graph_and_weights(
        tiny_classifier.info, numbers, ["stem.relu", "stem", "layer2.0.shortcut"]
    )
    names = [[one.name for one in each.graph.output] for each in (plain, model)]
    assert names[1] == [*names[0], "stem.relu", "layer2.0.shortcut"]


def test_the_graph_has_a_place_for_each_constant_of_its_size(tiny_classifier: Classifier) -> None:
    model, constants = graph_and_weights(tiny_classifier.info, _numbers(tiny_classifier))
    places = {slot.name: slot for slot in model.graph.initializer}
    assert list(places) == list(constants)
    for name, values in constants.items():
        place = places[name]
        assert (tuple(place.dims), place.data_type) == (values.shape, onnx.TensorProto.FLOAT)
        assert not place.raw_data
        about = {one.key: one.value for one in place.external_data}
        assert about == {"location": name, "length": str(4 * values.size)}
    assert len(model.SerializeToString()) < 40_000  # the numbers themselves are 400 kB


def test_the_metadata_is_enough_to_go_from_sound_to_label(
    model: onnx.ModelProto, tiny_classifier: Classifier
) -> None:
    found = {one.key: one.value for one in model.metadata_props}
    assert json.loads(found["labels"]) == ["dog", "rain", "siren"]
    assert json.loads(found["front_end"]) == tiny_classifier.info.front_end.to_dict()
    assert float(found["temperature"]) == 2.0
    assert json.loads(found["folds"]) == [1, 2, 3]
    assert (found["name"], found["probabilities"]) == ("toy", "softmax(logits / temperature)")
    assert model.producer_name == "resona"


def test_a_network_with_kinds_has_one_output_more_and_says_their_names(
    tiny_classifier: Classifier, with_kinds: Callable[..., Classifier]
) -> None:
    plain = {one.key for one in _exported(tiny_classifier).metadata_props}
    assert not {"kinds", "known_floor"} & plain
    model = _exported(with_kinds(tiny_classifier, [0.1, 0.2, 0.6, 0.1]))
    onnx.checker.check_model(model, full_check=True)
    found = {one.key: one.value for one in model.metadata_props}
    assert json.loads(found["kinds"]) == ["known", "speech", "music", "other"]
    assert float(found["known_floor"]) == 0.5
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [one.name for one in session.get_outputs()]
    assert names == ["logits", "embedding", "kinds", *tiny_classifier.network.layer_names]
    picture = np.random.default_rng(0).normal(0, 1, (2, 1, 32, 51)).astype(np.float32)
    (kinds,) = session.run(["kinds"], {"picture": picture})
    np.testing.assert_allclose(np.exp(kinds), [[0.1, 0.2, 0.6, 0.1]] * 2, rtol=1e-5)
