"""The ways that the bench compares must answer the same question."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor, nn

from resona_core.commands import bench_ways as ways
from resona_core.commands import benchmark as bench
from resona_core.commands.benchmark import Payload, Report
from resona_core.engine import Engine
from resona_core.errors import RequestError
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.serve.packing import unpack_maps
from resona_core.settings import Settings
from resona_core.sound.examples import demo_wav

Tone = Callable[..., NDArray[np.float32]]
SoundFile = Callable[..., bytes]


@pytest.fixture
def engine(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> Engine:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return Engine(Settings(checkpoint=path))


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


def test_the_report_for_people_states_the_ratios() -> None:
    report = Report(
        runtime="onnxruntime",
        precision="int8",
        instruction_sets=("AVX2", "AVX-512 VNNI"),
        threads=2,
        rounds=20,
        stages_ms={"decode": (1.25, 2.5)},
        speedups={"file to classes": 11.25},
        batch_cost=1.3,
        multiply_adds=2_290_000_000,
        of_the_limit=0.274,
        payloads={"every channel": Payload(10_000_000, 500_000)},
        cold_start_s=2.5,
        peak_mb=190.4,
        agreement=0.75,
    )
    text = report.to_text()
    assert "onnxruntime, int8, threads: 2, rounds: 20" in text
    assert "instruction sets: AVX2, AVX-512 VNNI" in text
    assert "first answer of a fresh process: 2.5 s, 190 MB" in text
    assert "8 bit and float32: the same class for 75% of sounds" in text
    assert "file to classes: 11.2 times faster than the plain" in text
    assert "2.29 G multiply-adds a window, at 27% of the rate of a matrix product in int8" in text
    assert "500 kB packed, 10,000 kB as JSON: 20.0 times smaller" in text
    assert "1.30 times the bare runtime" in text
    assert json.loads(report.to_json())["payloads"]["every channel"]["packed_bytes"] == 500_000


def test_the_multiply_adds_are_those_of_the_convolutions_and_the_last_layer(
    tiny_classifier: Classifier,
) -> None:
    network, counted = tiny_classifier.network, 0

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal counted
        counted += output[0].numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    assert ways.multiply_adds(tiny_classifier) == counted > 0


def test_a_way_is_timed_once_a_round_after_one_that_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0, 100, 101, 200, 203])  # of the first pass only the start is read
    monkeypatch.setattr(bench, "perf_counter", lambda: next(clock))
    calls: list[int] = []
    assert bench._times_s({"way": lambda: calls.append(1)}, rounds=2) == {"way": [1, 3]}
    assert len(calls) == 3


def test_times_are_told_in_milliseconds_by_their_median_and_the_slow_end() -> None:
    times_s = [i / 1000 for i in range(1, 22)]  # 1 to 21 ms
    assert bench._median_and_p95_ms(times_s) == (11, 20)
    assert bench._ratio([2, 9, 4], [1, 3, 1]) == 3  # the median of 2, 3 and 4


def test_payloads_are_every_channel_or_one_picture_a_layer(engine: Engine) -> None:
    maps = engine.feature_maps(engine.load(demo_wav("siren")))
    payloads = bench._payloads(maps)
    assert list(payloads) == ["every channel", "one picture a layer"]
    every, one = payloads.values()
    assert every.packed_bytes == len(ways.packed_maps(engine, demo_wav("siren")))
    assert every.json_bytes > 5 * one.json_bytes  # 8 to 64 channels a layer and its axes
    for payload in (every, one):
        assert payload.json_bytes > payload.packed_bytes


def test_no_round_is_refused() -> None:
    with pytest.raises(RequestError, match="0 rounds were asked for; ask for 1 or more"):
        bench.measure(Settings(), 0)
