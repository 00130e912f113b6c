"""The trial of an 8-bit network: how far off its answers may be, and how two passes are timed."""

from __future__ import annotations

from itertools import chain, count, repeat

import numpy as np
import pytest

from resona_core.errors import CheckpointError
from resona_core.network import trial

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
