"""Work done side by side, a few pieces at a time, its results in the order of the pieces."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    work: Callable[[T], R], items: Iterable[T], at_a_time: int
) -> Generator[R, None, None]:
    """Yield what `work` gives for each item, in their order, some being worked on at a time.

    The next items are fetched here meanwhile. Of what has been worked out, little more than is
    at work is held until it is asked for. Where the items fail, what came before is yielded first.
    """
    begun: deque[Future[R]] = deque()
    waiting, failure = iter(items), None
    with ThreadPoolExecutor(at_a_time) as pool:
        try:
            while True:
                try:
                    item = next(waiting)
                except StopIteration:
                    break
                except Exception as error:  # whatever it is, it is raised in its turn
                    failure = error
                    break
                begun.append(pool.submit(work, item))
                if len(begun) > at_a_time:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for one in begun:
                one.cancel()
    if failure:
        raise failure
