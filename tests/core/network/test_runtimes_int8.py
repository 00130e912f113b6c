"""The network in 8 bit answers as in float32, or float32 answers and says why."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from resona_core.engine import Engine
from resona_core.errors import SettingsError
from resona_core.network import checkpoint, compiled, export, processor, quantised, trial
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.network.front_end import FrontEnd
from resona_core.network.ranges import SOUNDS, Ranges, quantised_values, ranges_path, read_ranges
from resona_core.network.runtimes import softmax
from resona_core.network.weights import Weights
from resona_core.settings import Settings
from resona_core.sound.examples import demo_samples, demo_wav

Floats = NDArray[np.float32]

TEMPERATURE = 1.5  # of the 8-bit network; 2 of the one in float32


@pytest.fixture
def options(tmp_path: Path, uneven_classifier: Classifier) -> Settings:
    """A calibrated network, asked for in 8 bit."""
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, uneven_classifier.info, uneven_classifier.network.state_dict())
    _measured(Weights(path)).save(ranges_path(path))
    return Settings(checkpoint=path, cache=tmp_path / "cache", precision="int8")


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Synthesise each sound of the trial once for all tests."""
    monkeypatch.setattr(trial, "demo_samples", _synthesised)


@cache
def _synthesised(key: str) -> Floats:
    return demo_samples(key)


def _pictures(info: CheckpointInfo) -> Floats:
    return FrontEnd(info.front_end)(trial.windows(info.front_end))


def _measured(weights: Weights) -> Ranges:
    info, names = weights.info, quantised_values(weights.info.model)
    model = export.whole(*export.graph_and_weights(info, weights, names[1:]))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    seen = _pictures(info)
    values = [seen, *session.run(names[1:], {"picture": seen})]
    (logits,) = session.run(["logits"], {"picture": seen})
    rows = softmax(logits / np.float32(info.temperature)).astype(float).tolist()
    return Ranges(
        weights=weights.digest(),
        folds=(1,),
        clips=len(seen),
        temperature=TEMPERATURE,
        values={
            name: (float(value.min()), float(value.max()))
            for name, value in zip(names, values, strict=True)
        },
        checks={key: tuple(row) for key, row in zip(SOUNDS, rows, strict=True)},
    )


def _answer(options: Settings) -> Floats:
    engine = Engine(options)
    answer = engine.classify(engine.load(demo_wav("siren")))
    assert answer.precision == engine.precision
    return answer.window_probabilities


def test_answers_are_in_8_bit_and_maps_in_float32(options: Settings) -> None:
    small, exact = Engine(options), Engine(replace(options, precision="float32"))
    assert (small.precision, exact.precision) == ("int8", "float32")
    clip = small.load(demo_wav("crow"))
    found, expected = small.classify(clip), exact.classify(clip)
    assert (found.precision, expected.precision) == ("int8", "float32")
    assert 0 < np.abs(found.probabilities - expected.probabilities).max() < 0.2
    maps, reference = small.feature_maps(clip), exact.feature_maps(clip)
    assert list(maps) == list(reference) == list(small.layer_names)
    np.testing.assert_array_equal(maps["layer4.0"].maps, reference["layer4.0"].maps)


def test_what_is_tried_is_what_would_be_answered(
    options: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[Floats, Any]] = []
    monkeypatch.setattr(trial, "check", lambda *about: tried.append(about))
    engine = Engine(options)
    ((found, expected),) = tried
    assert tuple(expected) == SOUNDS
    for key, row in zip(SOUNDS, found, strict=True):
        answer = engine.classify(engine.load(demo_wav(key))).window_probabilities[0]
        np.testing.assert_allclose(row, answer, atol=0.01)  # of samples of 16 bits


def test_the_temperature_is_the_8_bit_networks_own(
    options: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "check", lambda found, expected: None)
    path = ranges_path(options.checkpoint)
    warm = _answer(options)
    ranges = read_ranges(path, Weights(options.checkpoint).info.model)
    replace(ranges, temperature=TEMPERATURE * 2).save(path)
    cool = _answer(options)
    ratios = [float(np.log(answer[0, 0] / answer[0, 1])) for answer in (warm, cool)]
    assert ratios[0] == pytest.approx(2 * ratios[1], rel=1e-3)
    assert abs(ratios[0]) > 0.01


@pytest.mark.parametrize(
    ("fast", "has_ranges", "precision"),
    [(True, True, "int8"), (True, False, "float32"), (False, True, "float32")],
)
def test_8_bit_is_taken_where_the_processor_is_made_for_it_and_ranges_are_there(
    options: Settings, fast: bool, has_ranges: bool, precision: str,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(processor, "has_fast_int8", lambda: fast)
    # 127 would saturate where the tests run without VNNI; what is chosen is tested below.
    monkeypatch.setattr(quantised, "FULL", quantised.NARROW)
    monkeypatch.setattr(trial, "passes_s", lambda *ways: [0.007, 0.018])
    if not has_ranges:
        ranges_path(options.checkpoint).unlink()
    assert Engine(replace(options, precision="auto")).precision == precision
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("x86", "fast", "largest"), [(True, False, 64), (True, True, 127), (False, False, 127)]
)
def test_weights_are_narrow_where_products_would_saturate(
    options: Settings, x86: bool, fast: bool, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "is_x86", lambda: x86)
    monkeypatch.setattr(processor, "has_fast_int8", lambda: fast)
    asked: list[int] = []
    made = quantised.int8_graph

    def graph(info: Any, weights: Any, ranges: Any, chosen: int) -> Any:
        asked.append(chosen)
        return made(info, weights, ranges, quantised.NARROW)

    monkeypatch.setattr(quantised, "int8_graph", graph)
    assert Engine(options).precision == "int8"
    assert asked == [largest]


def _other_weights(path: Path) -> None:
    ranges = json.loads(path.read_text())
    path.write_text(json.dumps(ranges | {"weights": "0123456789ab"}))


def _one_value_less(path: Path) -> None:
    ranges = json.loads(path.read_text())
    del ranges["values"]["layer2.0.shortcut"]
    path.write_text(json.dumps(ranges))


def _other_sounds(path: Path) -> None:
    ranges = json.loads(path.read_text())
    path.write_text(json.dumps(ranges | {"checks": {}}))


def _no_numbers(path: Path) -> None:
    ranges = json.loads(path.read_text())
    ranges["values"]["stem.relu"] = [0.0, float("nan")]
    path.write_text(json.dumps(ranges))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (Path.unlink, "needs the ranges of its values, and there are none at"),
        (_other_weights, "was measured with the weights 0123456789ab, and these are"),
        (_one_value_less, "holds no ranges of such a network"),
        (_other_sounds, "holds no ranges of such a network"),
        (_no_numbers, "holds no ranges of such a network"),
        (lambda path: path.write_text("[]"), "holds no ranges of such a network"),
        (lambda path: path.write_bytes(b"\xff{"), "holds no ranges of such a network"),
    ],
)
def test_ranges_that_cannot_be_used_are_told_and_float32_answers(
    options: Settings, harm: Any, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    harm(ranges_path(options.checkpoint))
    with caplog.at_level(logging.WARNING):
        engine = Engine(options)
    assert engine.precision == "float32"
    (told,) = caplog.messages
    assert sentence in told
    assert "calibrate --data" in told
    assert told.endswith("Meanwhile float32 answers.")


@pytest.mark.parametrize("wrong", ["another class", "no numbers"])
def test_a_network_that_fails_the_trial_is_told_and_float32_answers(
    options: Settings, wrong: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened = compiled._session

    class Wrong:
        """A session on a processor that computes something else."""

        def __init__(self, session: Any) -> None:
            self._session = session

        def run(self, names: list[str], inputs: dict[str, Floats]) -> list[Floats]:
            (logits,) = self._session.run(names, inputs)
            best = logits.argmax(axis=1)
            logits[np.arange(len(best)), best] -= np.nan if wrong == "no numbers" else 20
            return [logits]

    expected = _answer(replace(options, precision="float32"))
    with monkeypatch.context() as faked, caplog.at_level(logging.WARNING):
        faked.setattr(compiled, "_session", lambda *about: Wrong(opened(*about)))
        assert Engine(options).precision == "float32"
    (told,) = caplog.messages
    assert "On this processor the 8-bit network's probabilities are off by" in told
    assert "set RESONA_PRECISION to float32" in told
    assert [folder.name[:8] for folder in options.cache.iterdir()] == ["float32-"]
    np.testing.assert_array_equal(_answer(replace(options, precision="float32")), expected)
    assert Engine(options).precision == "int8"  # it was the session, not the network


@pytest.mark.parametrize(("precision", "answers"), [("auto", "float32"), ("int8", "int8")])
def test_where_8_bit_is_slower_float32_answers_unless_8_bit_is_asked_for_by_name(
    options: Settings, precision: str, answers: str,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(processor, "has_fast_int8", lambda: True)
    monkeypatch.setattr(quantised, "FULL", quantised.NARROW)
    monkeypatch.setattr(trial, "passes_s", lambda *ways: [0.025, 0.018])
    assert Engine(replace(options, precision=precision)).precision == answers
    slow = (
        "On this processor a matrix product takes 25.0 ms in 8 bit and 18.0 ms in float32; set "
        "RESONA_PRECISION to float32. Meanwhile float32 answers."
    )
    assert caplog.messages == [slow] * (precision == "auto")


@pytest.mark.parametrize("chosen", [{"runtime": "torch"}, {"device": "cuda"}])
def test_8_bit_without_the_runtime_that_computes_it_is_refused(
    options: Settings, chosen: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(SettingsError, match="RESONA_PRECISION is 'int8', which ONNX Runtime"):
        Engine(replace(options, **chosen))  # type: ignore[arg-type]
