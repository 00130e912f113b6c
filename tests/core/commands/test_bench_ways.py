"""The ways that the bench compares must answer the same question."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resona_core.commands import bench_ways as ways
from resona_core.engine import Engine
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.serve.packing import unpack_maps
from resona_core.settings import Settings
from resona_core.sound.examples import demo_wav

Tone = Callable[..., NDArray[np.float32]]
SoundFile = Callable[..., bytes]


@pytest.fixture
def engine(weights: str) -> Engine:
    return Engine(Settings(checkpoint=Path(weights)))


def test_the_plain_way_and_ours_give_the_same_classes(
    engine: Engine, tone: Tone, sound_file: SoundFile
) -> None:
    wav = sound_file(tone(440.0, 16_000, 1.0))  # one window
    plain = json.loads(ways.plain_classes(checkpoint.load(engine.settings.checkpoint), wav))
    ours = json.loads(ways.our_classes(engine, wav))
    assert list(ours) == list(plain)
    assert list(ours.values()) == pytest.approx(list(plain.values()), abs=1e-4)


def test_of_many_files_each_is_answered(engine: Engine) -> None:
    wav = demo_wav("siren")
    answers = ways.many_files(engine.settings, wav)()
    assert answers == [ways.our_classes(engine, wav)] * 32


def test_the_plain_way_and_ours_give_the_same_maps(engine: Engine) -> None:
    wav = demo_wav("siren")
    plain = json.loads(ways.plain_maps(checkpoint.load(engine.settings.checkpoint), wav))
    maps = unpack_maps(ways.packed_maps(engine, wav))
    assert list(maps) == list(plain) == list(engine.layer_names)
    for name, layer in maps.items():
        exact = np.array(plain[name])
        peak = exact.max(axis=(1, 2), keepdims=True)
        assert (np.abs(layer.maps - exact) <= peak / 500 + 1e-5).all()


def test_the_batch_is_sixteen_windows(engine: Engine) -> None:
    clip = engine.load(demo_wav("siren"))
    assert engine.classify(ways.clip_of_windows(clip, 16_000)).n_windows == 16


def test_the_multiply_adds_are_those_of_the_convolutions_and_the_last_layer(
    tiny_classifier: Classifier, capsys: pytest.CaptureFixture[str]
) -> None:
    network, counted = tiny_classifier.network, 0

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal counted
        counted += output[0].numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    assert ways.multiply_adds(tiny_classifier) == counted > 0
    assert capsys.readouterr() == ("", "")


def test_both_ways_name_the_five_most_probable_classes(
    tiny_info: CheckpointInfo, tmp_path: Path, tone: Tone, sound_file: SoundFile
) -> None:
    torch.manual_seed(0)
    info = replace(tiny_info, model=replace(tiny_info.model, n_classes=7), labels=tuple("abcdefg"))
    seven = Classifier(info).eval()
    checkpoint.save(tmp_path / "seven.safetensors", info, seven.network.state_dict())
    engine = Engine(Settings(checkpoint=tmp_path / "seven.safetensors"))
    wav = sound_file(tone(440.0, 16_000, 1.0))
    plain = json.loads(ways.plain_classes(seven, wav))
    assert len(plain) == 5
    assert list(plain.values()) == sorted(plain.values(), reverse=True)
    assert list(json.loads(ways.our_classes(engine, wav))) == list(plain)


def test_each_step_gives_what_the_next_takes(engine: Engine) -> None:
    wav = demo_wav("siren")
    (exact,) = ways.both_precisions(engine.settings, engine).values()
    steps = ways.steps(engine, exact, wav)
    decoded, resampled, picture, outputs, packed = (step() for step in steps.values())
    assert decoded.sample_rate_hz == 44_100  # type: ignore[attr-defined]
    np.testing.assert_allclose(resampled, engine.load(wav).samples, atol=1e-6)
    assert picture.shape == (1, 1, 32, 51)  # type: ignore[attr-defined]
    assert list(outputs.layers) == list(engine.layer_names)  # type: ignore[attr-defined]
    assert packed == ways.packed_maps(engine, wav)
    (network,) = ways.networks({"float32": exact}, engine, wav).items()
    assert network[0] == "network, float32"
    np.testing.assert_array_equal(network[1]().logits, outputs.logits)  # type: ignore[attr-defined]


def test_only_processors_have_two_precisions(engine: Engine) -> None:
    assert list(ways.both_precisions(engine.settings, engine)) == ["float32"]  # without ranges
    assert ways.both_precisions(replace(engine.settings, device="cuda"), engine) == {}


def test_the_bare_runtime_gets_the_windows_of_the_engine(engine: Engine) -> None:
    (exact,) = ways.both_precisions(engine.settings, engine).values()
    bare, whole = (way() for way in ways.batches(engine, exact, demo_wav("siren")))
    logits = np.concatenate([some.logits for some in bare])  # type: ignore[attr-defined]
    assert whole.n_windows == len(logits) == 16  # type: ignore[attr-defined]
    expected = np.exp(logits / 2)  # the toy's temperature
    np.testing.assert_allclose(
        whole.window_probabilities,  # type: ignore[attr-defined]
        expected / expected.sum(axis=1, keepdims=True),
        atol=1e-5,
    )
