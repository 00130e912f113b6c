"""Files heard side by side: in order, a few at a time, and stopped at once."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Event

import pytest

from resona_core.side_by_side import in_order


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


def test_the_next_item_is_fetched_while_one_is_worked_on() -> None:
    fetched = Event()

    def items() -> Iterator[int]:
        yield 0
        fetched.set()
        yield 1

    assert list(in_order(lambda _: fetched.wait(20), items(), 1)) == [True, True]


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


class _Failing:
    """One item, a failure, and an item after it."""

    def __init__(self) -> None:
        self._steps = iter([1, OSError("the disk is gone"), 2])

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        return int(step)


def test_what_comes_after_a_failure_of_the_items_is_not_worked_on() -> None:
    begun: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        list(in_order(begun.append, _Failing(), 2))
    assert begun == [1]


def test_where_the_items_end_in_a_failure_what_came_before_is_yielded_first() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the disk is gone")

    answers = in_order(lambda item: item * 10, items(), 2)
    assert [next(answers), next(answers)] == [10, 20]
    with pytest.raises(OSError, match="the disk is gone"):
        next(answers)
