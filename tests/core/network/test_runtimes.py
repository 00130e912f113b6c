"""The compiled runtime against torch, and what happens where it cannot be had."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resona_core.config import ModelConfig
from resona_core.engine import Engine
from resona_core.errors import RequestError, SettingsError
from resona_core.network import checkpoint, runtimes, spectrogram
from resona_core.network.checkpoint import CheckpointInfo, Classifier
from resona_core.network.runtimes import Array, Outputs
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


def pictures(classifier: Classifier, count: int = 3) -> Tensor:
    front_end = classifier.info.front_end
    shape = (count, 1, front_end.n_mels, front_end.n_frames)
    return torch.from_numpy(np.random.default_rng(0).normal(0, 1, shape).astype(np.float32))


def both(classifier: Classifier, seen: Tensor) -> Iterator[tuple[str, Array, Array]]:
    """Yield every output's name, its values compiled, and in torch."""
    compiled: Outputs = runtimes.OnnxRuntime(classifier, threads=1).run(seen, None)
    reference: Outputs = runtimes.TorchRuntime(classifier.network).run(seen, None)
    assert list(compiled.layers) == list(reference.layers) == list(classifier.network.layer_names)
    yield "logits", compiled.logits, reference.logits
    assert (compiled.kinds is None) == (reference.kinds is None)
    if compiled.kinds is not None and reference.kinds is not None:
        yield "kinds", compiled.kinds, reference.kinds
    for name, values in compiled.layers.items():
        yield name, values, reference.layers[name]


def test_every_output_of_the_compiled_network_is_that_of_torch(classifier: Classifier) -> None:
    for name, compiled, reference in both(classifier, pictures(classifier)):
        assert compiled.shape == reference.shape
        assert np.abs(reference).max() > 0.1, name
        assert np.abs(compiled - reference).max() <= TOLERANCE * np.abs(reference).max(), name


def test_the_torch_runtime_gives_what_the_network_gives(classifier: Classifier) -> None:
    seen = pictures(classifier)
    outputs = runtimes.TorchRuntime(classifier.network).run(seen, ["layer2.1"])
    np.testing.assert_array_equal(outputs.logits, classifier.network(seen))
    embedding = classifier.network.forward_features(seen).mean(dim=(2, 3))
    np.testing.assert_allclose(outputs.kinds, classifier.network.kinds(embedding), atol=1e-5)
    assert list(outputs.layers) == ["layer2.1"]


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_a_network_without_kinds_gives_none(tiny_classifier: Classifier, name: str) -> None:
    outputs = runtimes.start(tiny_classifier.requires_grad_(False), name).run(
        pictures(tiny_classifier), ["stem"]
    )
    assert outputs.kinds is None
    assert list(outputs.layers) == ["stem"]


def test_the_answer_alone_is_the_same_as_with_the_maps(classifier: Classifier) -> None:
    runtime = runtimes.OnnxRuntime(classifier, threads=1)
    alone = runtime.run(pictures(classifier))
    assert alone.layers == {}
    assert alone.kinds is not None
    assert alone.kinds.shape == (3, 2)
    with_one = runtime.run(pictures(classifier), ["layer3.0"])
    assert list(with_one.layers) == ["layer3.0"]
    np.testing.assert_allclose(alone.logits, with_one.logits, rtol=1e-5)


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_an_unknown_layer_is_refused_by_name(classifier: Classifier, name: str) -> None:
    runtime = runtimes.start(classifier, name)
    assert runtime.name == name
    with pytest.raises(RequestError, match=r"no layer layer9\.9; the layers are stem"):
        runtime.run(pictures(classifier), ["stem", "layer9.9"])


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
@pytest.mark.parametrize("wanted", ["auto", "onnxruntime"])
def test_torch_answers_and_says_so_where_the_runtime_is_missing(
    classifier: Classifier,
    package: str,
    wanted: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "resona_core.network.export", raising=False)
    monkeypatch.delattr("resona_core.network.export", raising=False)
    with caplog.at_level(logging.WARNING):
        runtime = runtimes.start(classifier, wanted)
    assert runtime.name == "torch"
    assert "torch answers" in caplog.text
    assert package in caplog.text
    assert runtime.run(pictures(classifier)).logits.shape == (3, 3)


def test_off_the_cpu_only_torch_is_there(classifier: Classifier) -> None:
    elsewhere = classifier.to("meta")
    assert runtimes.start(elsewhere).name == "torch"
    with pytest.raises(SettingsError, match="RESONA_RUNTIME is 'onnxruntime'"):
        runtimes.start(elsewhere, "onnxruntime")


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_pictures_reach_the_runtime_as_the_front_end_gives_them(
    weights: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No copy is made on the way: on a GPU it would go to the CPU and back."""
    engine = Engine(Settings(checkpoint=weights, runtime=name))
    made: list[Tensor] = []
    asked: list[Tensor] = []
    front_end = spectrogram.LogMel.forward
    kind = type(runtimes.start(checkpoint.load(weights), name))
    run = kind.run

    def make(self: spectrogram.LogMel, waveform: Tensor) -> Tensor:
        made.append(front_end(self, waveform))
        return made[-1]

    def ask(self: runtimes.Runtime, pictures: Tensor, layers: object = ()) -> Outputs:
        asked.append(pictures)
        return run(self, pictures, layers)

    monkeypatch.setattr(spectrogram.LogMel, "forward", make)
    monkeypatch.setattr(kind, "run", ask)
    engine.classify(engine.load(demo_wav("siren")))
    assert made
    assert [id(each) for each in made] == [id(each) for each in asked]


@pytest.fixture
def weights(tmp_path: Path, classifier: Classifier) -> Path:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, classifier.info, classifier.network.state_dict())
    return path


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
    if not settings().checkpoint.is_file():
        pytest.skip("the shipped weights are not there")
    classifier = checkpoint.load(settings().checkpoint)
    engine = Engine()
    window = torch.from_numpy(engine.load(demo_wav("siren")).samples)[None]
    for name, compiled, reference in both(classifier, classifier.front_end(window)):
        assert np.abs(compiled - reference).max() <= TOLERANCE * np.abs(reference).max(), name
        if name == "logits":
            softmax = [classifier.probabilities(torch.from_numpy(x)) for x in (compiled, reference)]
            np.testing.assert_allclose(*softmax, atol=1e-4)
