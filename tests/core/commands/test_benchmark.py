"""What the bench makes of times: ratios, rates, and a report for people."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from resona_core.commands import bench_ways as ways
from resona_core.commands import benchmark as bench
from resona_core.commands.benchmark import Payload, Report
from resona_core.engine import Engine
from resona_core.errors import RequestError
from resona_core.network import checkpoint, processor
from resona_core.settings import Settings
from resona_core.sound.examples import DEMO_SOUNDS, demo_wav


@pytest.fixture
def engine(weights: str) -> Engine:
    return Engine(Settings(checkpoint=Path(weights)))


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
        payloads={"every channel": Payload(100_000_000, 5_000_000)},
        cold_start_s=2.5,
        peak_mb=190.4,
        agreement=0.75,
    )
    assert report.to_text().splitlines() == [
        "onnxruntime, int8, threads: 2, rounds: 20",
        "instruction sets: AVX2, AVX-512 VNNI",
        "",
        "                              median     p95  ms",
        "decode                           1.2     2.5",
        "",
        "file to classes: 11.2 times faster than the plain implementation",
        "every channel: 5,000 kB packed, 100,000 kB as JSON: 20.0 times smaller",
        "16 windows: 1.30 times the bare runtime",
        "network: 2.29 G multiply-adds a window, at 27% of the rate of a matrix product in int8",
        "first answer of a fresh process: 2.5 s, 190 MB",
        "8 bit and float32: the same class for 75% of sounds",
    ]
    assert json.loads(report.to_json())["payloads"]["every channel"]["packed_bytes"] == 5_000_000
    less = replace(report, instruction_sets=(), of_the_limit=0, peak_mb=None, agreement=None)
    assert less.to_text().splitlines()[1] == "instruction sets: not known"
    assert less.to_text().splitlines()[-2:] == [
        "16 windows: 1.30 times the bare runtime",
        "first answer of a fresh process: 2.5 s",
    ]


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
    assert bench._median_and_p95_ms([0.0012345]) == (1.23, 1.23)
    assert bench._ratio([1.2345], [1]) == 1.23


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


def test_ratios_are_those_of_the_times_and_of_many_files_each_is_told(
    weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round takes 8 s for what the plain way does with a file, and 64 s for ours of 32 files."""
    rate = 1024**3 / ways.multiply_adds(checkpoint.load(Path(weights)))
    took_s = {
        "network, float32": 4.0, "as large a matrix product": rate,
        "16 windows, network": 2.0, "16 windows, engine": 3.0,
        "file to classes": 1.0, "file to classes, 32 files": 64.0, "file to classes, plain": 8.0,
        "file to all layers": 4.0, "file to all layers, plain": 40.0,
    }  # fmt: skip
    asked: list[int] = []

    def timed(timed_ways: dict[str, ways.Way], rounds: int) -> dict[str, list[float]]:
        asked.append(rounds)
        return {name: [took_s.get(name, 1.0)] for name in timed_ways}

    monkeypatch.setattr(bench, "cold_start", lambda *_: (2.5, 190.0))
    monkeypatch.setattr(bench, "_times_s", timed)
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    report = bench.measure(Settings(checkpoint=Path(weights), threads=processor.cores() + 1), 1)
    assert asked == [processor.cores() + 1, 1]
    assert report.speedups == {
        "file to classes": 8, "file to classes, 32 files": 4, "file to all layers": 10,
    }  # fmt: skip
    assert (report.batch_cost, report.of_the_limit) == (1.5, 0.25)
    assert report.stages_ms["file to classes, 32 files"] == (2000, 2000)
    assert report.stages_ms["as large a matrix product"] == (1000, 1000)
    assert (report.threads, report.rounds) == (processor.cores() + 1, 1)
    assert (report.cold_start_s, report.peak_mb, report.agreement) == (2.5, 190, None)
    monkeypatch.setattr(ways, "both_precisions", lambda *_: {})  # as on a GPU
    assert bench.measure(Settings(checkpoint=Path(weights)), 1).of_the_limit == 0


class Answering:
    """Stands for a runtime: gives each sound the class in its place, and keeps what it heard."""

    def __init__(self, classes: list[int]) -> None:
        self._logits = np.eye(3, dtype=np.float32)[classes]
        self.heard: NDArray[np.float32] | None = None

    def pictures(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        self.heard = windows
        return windows

    def run(self, pictures: NDArray[np.float32]) -> SimpleNamespace:
        return SimpleNamespace(logits=self._logits[: len(pictures)])


def test_networks_agree_on_the_sounds_to_which_they_give_one_class(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "DEMO_SOUNDS", DEMO_SOUNDS[:4])
    one, other = Answering([0, 0, 0, 0]), Answering([0, 1, 0, 0])
    assert bench._agreement({"float32": one, "int8": other}, engine) == 0.75  # type: ignore[dict-item]
    assert one.heard is not None
    first = engine.load(demo_wav(DEMO_SOUNDS[0].key)).samples[:16_000]
    np.testing.assert_array_equal(one.heard[0], first)
    assert bench._agreement({"float32": one}, engine) is None  # type: ignore[dict-item]
