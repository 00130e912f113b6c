"""The ONNX file, read as a stranger would: with onnx and onnxruntime alone."""

import json
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from resona_core.network.checkpoint import Classifier
from resona_core.network.export import OPSET, to_onnx


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


def test_the_metadata_is_enough_to_go_from_sound_to_label(
    model: onnx.ModelProto, tiny_classifier: Classifier
) -> None:
    found = {one.key: one.value for one in model.metadata_props}
    assert json.loads(found["labels"]) == ["dog", "rain", "siren"]
    assert json.loads(found["front_end"]) == tiny_classifier.info.front_end.to_dict()
    assert float(found["temperature"]) == 2.0
    assert json.loads(found["folds"]) == [1, 2, 3]


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
