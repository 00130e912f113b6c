"""From windows to an answer: what is shown to the network, and what becomes of what it gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.network.answering import classified
from resona_core.network.description import CheckpointInfo
from resona_core.network.outputs import Outputs
from resona_core.sound.windows import Window

Floats = NDArray[np.float32]
RATE_HZ = 16_000


class Loudness:
    """A network whose logits are 2, 4 and 6 times the first sample; it hears windows one by one."""

    name, precision, temperature = "toy", "int8", 2.0

    def __init__(self, kinds: bool = False) -> None:
        self.kinds, self.shown = kinds, list[list[float]]()

    def __call__(self, windows: Floats) -> Outputs:
        first = windows[:, 0]
        self.shown.append(first.tolist())
        kinds = np.stack([first, np.zeros_like(first)], axis=1) if self.kinds else None
        return Outputs(np.outer(first, np.float32([2, 4, 6])), kinds, {})


def _windows(*levels: float) -> list[Window]:
    """Return a window every half second; a level of 0 is silent."""
    starts = [8_000 * i for i in range(len(levels))]
    return [
        Window(start, start + RATE_HZ, np.full(RATE_HZ, level, np.float32), silent=level == 0)
        for start, level in zip(starts, levels, strict=True)
    ]


def _shares(level: float) -> list[float]:
    """Softmax by hand: of the logits over the temperature."""
    powers = np.exp(level * np.array([1.0, 2, 3]))
    shares: list[float] = (powers / powers.sum()).tolist()
    return shares


def test_each_window_gets_its_own_answer_and_a_silent_one_none(tiny_info: CheckpointInfo) -> None:
    network = Loudness()
    found = classified(_windows(0.0, 1.0, 0.0, -2.0), tiny_info, network, network)  # type: ignore[arg-type]
    assert network.shown == [[1.0, -2.0]]
    expected = [[0, 0, 0], _shares(1.0), [0, 0, 0], _shares(-2.0)]
    np.testing.assert_allclose(found.window_probabilities, expected, atol=1e-6)
    assert found.silent.tolist() == [True, False, True, False]
    assert found.window_starts_s.tolist() == [0, 0.5, 1.0, 1.5]
    assert (found.labels, found.window_s) == (("dog", "rain", "siren"), 1.0)
    assert (found.precision, found.window_kinds, found.kinds) == ("int8", None, ())


def test_four_windows_are_shown_at_once_and_silence_is_not_shown_at_all(
    tiny_info: CheckpointInfo,
) -> None:
    network = Loudness()
    levels = [1.0, 2, 3, 4, 0, 0, 0, 0, 5, 0, 6]
    found = classified(_windows(*levels), tiny_info, network, network)  # type: ignore[arg-type]
    assert network.shown == [[1, 2, 3, 4], [5, 6]]
    assert found.silent.tolist() == [level == 0 for level in levels]
    assert found.window_starts_s.tolist() == [i / 2 for i in range(11)]
    for row, level in zip(found.window_probabilities, levels, strict=True):
        assert row.tolist() == pytest.approx(_shares(level) if level else [0, 0, 0], abs=1e-6)


def test_kinds_are_answered_without_the_temperature(tiny_info: CheckpointInfo) -> None:
    info = replace(
        tiny_info, model=replace(tiny_info.model, n_kinds=2), kinds=("known", "other"),
        known_floor=0.75,
    )  # fmt: skip
    network = Loudness(kinds=True)
    found = classified(_windows(1.0, 0.0), info, network, network)  # type: ignore[arg-type]
    assert found.window_kinds is not None
    known = np.e / (np.e + 1)
    np.testing.assert_allclose(found.window_kinds, [[known, 1 - known], [0, 0]], atol=1e-6)
    assert (found.kinds, found.known_floor) == (("known", "other"), 0.75)
