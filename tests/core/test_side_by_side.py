"""Files heard side by side: in order, a few at a time, and stopped at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from resona_core.commands import side_by_side
from resona_core.commands.side_by_side import for_many, in_order
from resona_core.settings import Settings


def test_two_are_worked_on_at_a_time_and_come_in_their_order() -> None:
    together = Barrier(2, timeout=20)  # passes only where two are at work

    def work(item: int) -> int:
        together.wait()
        return item * item

    assert list(in_order(work, range(6), 2)) == [0, 1, 4, 9, 16, 25]


def test_little_is_begun_before_it_is_asked_for() -> None:
    begun: list[int] = []
    answers = in_order(lambda item: begun.append(item) or item, range(100), 2)  # type: ignore[func-returns-value]
    assert next(answers) == 0
    assert len(begun) <= 3


def test_what_fails_ends_it_and_the_rest_is_not_begun() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 1:
            raise ValueError("one")
        return item

    answers = in_order(work, range(50), 1)
    with pytest.raises(ValueError, match="one"):
        list(answers)
    assert len(begun) <= 4


def test_many_files_get_a_core_each_unless_it_is_set_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(side_by_side, "cores", lambda: 6)
    plain = Settings(checkpoint=Path("x"))
    assert for_many(plain) == replace(plain, threads=1, concurrency=6)
    for chosen in ({"threads": 2}, {"concurrency": 3}, {"device": "cuda"}):
        set_by_hand = replace(plain, **chosen)  # type: ignore[arg-type]
        assert for_many(set_by_hand) == set_by_hand
