"""The trial of an 8-bit network: how far off its answers may be, and how two passes are timed."""

from __future__ import annotations

from itertools import chain, count, repeat

import numpy as np
import pytest

from resona_core.config import FrontEndConfig
from resona_core.errors import CheckpointError
from resona_core.network import trial
from resona_core.network.ranges import SOUNDS
from resona_core.sound.examples import demo_samples

EXPECTED = {"rain": [0.75, 0.25], "siren": [0.0, 1.0]}


def test_a_probability_may_be_off_by_a_fifth() -> None:
    trial.check(np.float32([[0.5625, 0.4375], [0, 1]]), EXPECTED)
    with pytest.raises(CheckpointError, match=r"are off by 0\.25, where 0\.2 is allowed"):
        trial.check(np.float32([[0.75, 0.25], [0.25, 0.75]]), EXPECTED)


def test_what_is_no_number_is_off() -> None:
    with pytest.raises(CheckpointError, match="are off by nan"):
        trial.check(np.float32([[0.75, np.nan], [0, 1]]), EXPECTED)


def test_both_are_passed_in_turn_and_the_least_time_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    took = {"int8": count(9, -1), "float32": chain([5, 6], repeat(7))}
    clock = [0]
    monkeypatch.setattr(trial, "perf_counter", lambda: clock[0])
    order: list[str] = []

    def way(name: str) -> None:
        order.append(name)
        clock[0] += next(took[name])

    monkeypatch.setattr(trial, "_PASSES", 7)
    assert trial.passes_s(lambda: way("int8"), lambda: way("float32")) == [3, 5]
    assert order == ["int8", "float32"] * 7


def test_8_bit_must_not_be_the_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "passes_s", lambda *ways: [0.0184, 0.0184])
    trial.check_faster(1)
    monkeypatch.setattr(trial, "passes_s", lambda *ways: [1.25, 0.75])
    slow = r"takes 1250\.0 ms in 8 bit and 750\.0 ms in float32; set RESONA_PRECISION to float32\.$"
    with pytest.raises(CheckpointError, match=slow):
        trial.check_faster(1)


def test_8_bit_is_compared_with_float32_by_two_products_of_these_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, int]] = []

    def product(precision: str, threads: int, size: int) -> object:
        asked.append((precision, threads))
        assert size >= 256  # smaller ones tell the overhead
        return lambda: None

    monkeypatch.setattr("resona_core.network.product.matrix_product", product)
    monkeypatch.setattr(trial, "passes_s", lambda *ways: [float(len(list(ways))), 2.0])
    trial.check_faster(3)
    assert asked == [("int8", 3), ("float32", 3)]


def test_a_sound_is_tried_by_its_first_window(tiny_front_end: FrontEndConfig) -> None:
    keys = ("mouse_click", "siren")
    found = trial.windows(FrontEndConfig(window_s=1.0), keys)  # of the synthesised sounds' rate
    np.testing.assert_allclose(found, [demo_samples(key)[:44_100] for key in keys], atol=1e-6)
    assert trial.windows(tiny_front_end, keys).shape == (2, 16_000)
    assert len(trial.windows(tiny_front_end)) == len(SOUNDS) == 4
