"""The graph that hears waveforms, asked through ONNX Runtime alone."""

from __future__ import annotations

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
from resona_core.network.export import to_onnx
from resona_core.network.export_waveform import labels_json, with_front_end

Samples = NDArray[np.float32]


def _numbers(classifier: Classifier) -> dict[str, NDArray[np.float32]]:
    return {name: tensor.numpy() for name, tensor in classifier.network.state_dict().items()}


def _session(classifier: Classifier) -> onnxruntime.InferenceSession:
    info = classifier.info
    model = with_front_end(to_onnx(info, _numbers(classifier)), info, info.temperature)
    onnx.checker.check_model(model, full_check=True)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


@pytest.fixture
def windows(noise: Samples, tone: Callable[..., Samples]) -> Samples:
    """Noise, a tone, a tone on an offset and faint, half silence, nothing; a second each."""
    half = np.concatenate([noise[:8_000], np.zeros(8_000, np.float32)])
    faint = 0.001 * tone(700.0) + 0.2
    return np.stack([noise[:16_000], tone(700.0), faint, half, np.zeros(16_000, np.float32)])


def test_waveforms_are_answered_as_by_the_network_itself(
    tiny_classifier: Classifier, windows: Samples
) -> None:
    session = _session(tiny_classifier)
    assert [(one.name, one.shape) for one in session.get_inputs()] == [
        ("waveform", ["batch", 16_000])
    ]
    (answers,) = session.run(["probabilities"], {"waveform": windows})
    with torch.inference_mode():
        logits = tiny_classifier(torch.from_numpy(windows))
        expected = tiny_classifier.probabilities(logits).numpy()
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    assert np.ptp(expected[:2], axis=0).max() > 0.01  # the sounds are told apart


def test_kinds_are_answered_too(
    tiny_classifier: Classifier, with_kinds: Callable[..., Classifier], windows: Samples
) -> None:
    assert [one.name for one in _session(tiny_classifier).get_outputs()] == ["probabilities"]
    session = _session(with_kinds(tiny_classifier, [0.1, 0.2, 0.6, 0.1]))
    (kinds,) = session.run(["kind_probabilities"], {"waveform": windows})
    np.testing.assert_allclose(kinds, np.tile([0.1, 0.2, 0.6, 0.1], (5, 1)), atol=1e-4)


def test_the_file_beside_it_says_what_the_graph_cannot(tiny_classifier: Classifier) -> None:
    info = replace(tiny_classifier.info, licence="CC0", known_floor=0.25)
    assert json.loads(labels_json(info)) == {
        "labels": ["dog", "rain", "siren"],
        "sample_rate_hz": 16_000,
        "window_samples": 16_000,
        "kinds": [],
        "known_floor": 0.25,
        "licence": "CC0",
    }
