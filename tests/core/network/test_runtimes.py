"""The compiled runtime against torch, and what happens where it cannot be had."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from resona_core.config import ModelConfig
from resona_core.engine import Engine
from resona_core.errors import RequestError, SettingsError
from resona_core.network import checkpoint, processor, runtimes
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo, read_info
from resona_core.network.front_end import FrontEnd
from resona_core.network.layers import layer_infos
from resona_core.network.outputs import Array, Runtime
from resona_core.network.runtimes import softmax
from resona_core.settings import Settings, settings
from resona_core.sound.examples import demo_wav

# Rounding of float32 sums of up to 4608 products, through up to 36 convolutions: differences of
# 1e-6 of the largest value were seen; a missing bias or a wrong fold is off by 1e-2 and more.
TOLERANCE = 1e-5


@pytest.fixture
def classifier(tiny_info: CheckpointInfo) -> Classifier:
    """Two blocks in each stage, and normalisations as training leaves them, none neutral."""
    model = ModelConfig(n_classes=3, blocks=(2, 2, 2, 2), channels=(8, 16, 32, 64), n_kinds=2)
    torch.manual_seed(0)
    classifier = Classifier(replace(tiny_info, model=model, kinds=("known", "other")))
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)  # type: ignore[arg-type]
            for tensor in (module.bias.data, module.running_mean):
                nn.init.normal_(tensor, 0, 0.3)  # type: ignore[arg-type]
    return classifier.eval().requires_grad_(False)


@pytest.fixture
def weights(tmp_path: Path, classifier: Classifier) -> Path:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, classifier.info, classifier.network.state_dict())
    return path


def pictures(info: CheckpointInfo, count: int = 3) -> Array:
    shape = (count, 1, info.front_end.n_mels, info.front_end.n_frames)
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


def started(weights: Path, name: str = "auto", **options: Any) -> Runtime:
    chosen = Settings(**{"checkpoint": weights, "runtime": name, "precision": "float32"} | options)
    return runtimes.start(chosen, read_info(weights), lambda: checkpoint.load(weights))


def both(weights: Path, seen: Array) -> Iterator[tuple[str, Array, Array]]:
    """Yield every output's name, its values compiled, and in torch."""
    compiled = started(weights, "onnxruntime").run(seen, None)
    reference = started(weights, "torch").run(torch.from_numpy(seen), None)
    names = [layer.name for layer in layer_infos(read_info(weights).model)]
    assert list(compiled.layers) == list(reference.layers) == names
    yield "logits", compiled.logits, reference.logits
    assert (compiled.kinds is None) == (reference.kinds is None)
    if compiled.kinds is not None and reference.kinds is not None:
        yield "kinds", compiled.kinds, reference.kinds
    for name, values in compiled.layers.items():
        yield name, values, reference.layers[name]


def test_every_output_of_the_compiled_network_is_that_of_torch(weights: Path) -> None:
    for name, compiled, reference in both(weights, pictures(read_info(weights))):
        assert compiled.shape == reference.shape
        assert np.abs(reference).max() > 0.1, name
        assert np.abs(compiled - reference).max() <= TOLERANCE * np.abs(reference).max(), name


def test_the_torch_runtime_gives_what_the_network_gives(weights: Path) -> None:
    seen = torch.from_numpy(pictures(read_info(weights)))
    outputs = started(weights, "torch").run(seen, ["layer2.1"])
    network = checkpoint.load(weights).network
    np.testing.assert_array_equal(outputs.logits, network(seen))
    embedding = network.forward_features(seen).mean(dim=(2, 3))
    np.testing.assert_allclose(outputs.kinds, network.kinds(embedding), atol=1e-5)
    assert list(outputs.layers) == ["layer2.1"]


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_a_network_without_kinds_gives_none(
    tmp_path: Path, tiny_classifier: Classifier, name: str
) -> None:
    path = tmp_path / "plain.safetensors"
    checkpoint.save(path, tiny_classifier.info, tiny_classifier.network.state_dict())
    runtime = started(path, name)
    outputs = runtime.run(runtime.pictures(sound(tiny_classifier.info)), ["stem"])
    assert outputs.kinds is None
    assert list(outputs.layers) == ["stem"]


def sound(info: CheckpointInfo, count: int = 2) -> Array:
    shape = (count, info.front_end.window_samples)
    return np.random.default_rng(1).normal(0, 0.1, shape).astype(np.float32)


def test_both_runtimes_hear_the_same(weights: Path) -> None:
    heard = sound(read_info(weights))
    compiled, reference = started(weights), started(weights, "torch")
    assert (compiled.name, compiled.precision) == ("onnxruntime", "float32")
    assert (reference.name, reference.precision) == ("torch", "float32")
    assert compiled.temperature == reference.temperature == 2.0
    np.testing.assert_allclose(
        compiled.run(compiled.pictures(heard)).logits,
        reference.run(reference.pictures(heard)).logits,
        atol=1e-4,
    )


def test_the_answer_alone_is_the_same_as_with_the_maps(weights: Path) -> None:
    runtime, seen = started(weights), pictures(read_info(weights))
    alone = runtime.run(seen)
    assert alone.layers == {}
    assert alone.kinds is not None
    assert alone.kinds.shape == (3, 2)
    with_one = runtime.run(seen, ["layer3.0"])
    assert list(with_one.layers) == ["layer3.0"]
    np.testing.assert_allclose(alone.logits, with_one.logits, rtol=1e-5)


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_an_unknown_layer_is_refused_by_name(weights: Path, name: str) -> None:
    runtime = started(weights, name)
    assert runtime.name == name
    seen = runtime.pictures(sound(read_info(weights)))
    with pytest.raises(RequestError, match=r"no layer layer9\.9; the layers are stem"):
        runtime.run(seen, ["stem", "layer9.9"])


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
@pytest.mark.parametrize("wanted", ["auto", "onnxruntime"])
def test_torch_answers_and_says_so_where_the_runtime_is_missing(
    weights: Path,
    package: str,
    wanted: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for module in ("export", "compiled"):
        monkeypatch.delitem(sys.modules, f"resona_core.network.{module}", raising=False)
        monkeypatch.delattr(f"resona_core.network.{module}", raising=False)
    with caplog.at_level(logging.WARNING):
        runtime = started(weights, wanted)
    assert runtime.name == "torch"
    assert "torch answers" in caplog.text
    assert package in caplog.text
    assert runtime.run(runtime.pictures(sound(read_info(weights)))).logits.shape == (2, 3)


def test_off_the_cpu_only_torch_is_there(weights: Path) -> None:
    assert started(weights, device="cuda").name == "torch"
    with pytest.raises(SettingsError, match="RESONA_RUNTIME is 'onnxruntime'"):
        started(weights, "onnxruntime", device="cuda")


def test_a_pass_takes_the_threads_that_are_asked_for_or_all_cores() -> None:
    assert runtimes.threads_of(Settings(threads=3)) == 3
    assert runtimes.threads_of(Settings(threads=0)) == processor.cores()


def test_probabilities_are_shares_however_large_the_logits_are() -> None:
    logits = np.float32([[0, 0], [1e4, 1e4 + np.log(3)], [-200, 200]])
    np.testing.assert_allclose(softmax(logits), [[0.5, 0.5], [0.25, 0.75], [0, 1]], atol=1e-3)


def test_the_engine_asks_the_runtime_of_the_settings(weights: Path) -> None:
    compiled = Engine(Settings(checkpoint=weights))
    reference = Engine(Settings(checkpoint=weights, runtime="torch"))
    assert (compiled.runtime, reference.runtime) == ("onnxruntime", "torch")
    clip = compiled.load(demo_wav("siren"))
    np.testing.assert_allclose(
        compiled.classify(clip).window_probabilities,
        reference.classify(clip).window_probabilities,
        atol=1e-5,
    )


def test_the_shipped_weights_answer_alike_compiled_and_in_torch() -> None:
    path = settings().checkpoint
    if not path.is_file():
        pytest.skip("the shipped weights are not there")
    seen = FrontEnd(read_info(path).front_end)(Engine().load(demo_wav("siren")).samples[None])
    for name, compiled, reference in both(path, seen):
        assert np.abs(compiled - reference).max() <= TOLERANCE * np.abs(reference).max(), name
        if name == "logits":
            np.testing.assert_allclose(softmax(compiled), softmax(reference), atol=1e-4)
