"""Questions put to the engine that leave something open, and what gives the maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.engine import Engine
from resona_core.errors import RequestError
from resona_core.explain.explanation import Question
from resona_core.settings import Settings
from resona_core.sound.audio import Clip


@pytest.fixture
def engine(weights: str) -> Engine:
    """Three classes, windows of one second, compiled."""
    return Engine(Settings(checkpoint=Path(weights), runtime="onnxruntime"))


@pytest.fixture
def clip(tone: Callable[..., NDArray[np.float32]]) -> Clip:
    return Clip(tone(440.0, 16_000, 2.0), 16_000, 16_000, 1, "test")


def test_what_is_left_open_is_the_first_windows_most_probable_class(
    engine: Engine, clip: Clip
) -> None:
    why = engine.explain(clip)
    (best,) = engine.classify(clip).top(1, 0)
    assert (why.question.window, why.question.target) == (0, best.label)
    assert why.question.method == "grad-cam"


def test_what_is_asked_is_answered(engine: Engine, clip: Clip) -> None:
    asked = Question(1, engine.info.labels[-1], "energy", strength=2.0)
    assert engine.explain(clip, asked).question == asked


def test_maps_come_from_what_answers_where_that_computes_in_float32(
    engine: Engine, clip: Clip
) -> None:
    assert engine.precision == "float32"
    assert engine._exact is engine._runtime


def test_maps_come_from_another_network_in_float32_where_8_bit_answers(
    engine: Engine, clip: Clip
) -> None:
    expected = engine.feature_maps(clip)
    other = Engine(engine.settings)
    other.precision = "int8"  # as on a processor made for it
    assert (other._exact is other._runtime, other._exact.precision) == (False, "float32")
    for name, layer in other.feature_maps(clip).items():
        np.testing.assert_allclose(layer.maps, expected[name].maps, atol=1e-5)


def test_without_settings_it_has_those_of_the_environment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resona_core.engine.settings", lambda: engine.settings)
    assert Engine().info == engine.info


def test_a_class_that_is_unknown_is_named(engine: Engine, clip: Clip) -> None:
    with pytest.raises(RequestError, match=r"^The network does not know the class 'unicorn'\.$"):
        engine.channel_shares(clip, "unicorn", "stem")
