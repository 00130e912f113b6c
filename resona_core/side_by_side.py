"""Files that this computer hears side by side: one is decoded while another is in the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from resona_core.network.processor import cores
from resona_core.settings import Settings

T = TypeVar("T")
R = TypeVar("R")


def for_many(chosen: Settings) -> Settings:
    """Return the settings under which many files are heard fastest: one core for each.

    Two passes on one thread each take less time than two, one after the other, on both. What is
    set by hand stays, and so does a GPU.
    """
    if chosen.threads or chosen.concurrency > 1 or chosen.device != "cpu":
        return chosen
    return replace(chosen, threads=1, concurrency=cores())


def in_order(
    work: Callable[[T], R], items: Iterable[T], at_a_time: int
) -> Generator[R, None, None]:
    """Yield what `work` gives for each item, in their order, some being worked on at a time.

    Of what has been worked out, little more than that is held until it is asked for.
    """
    begun: deque[Future[R]] = deque()
    with ThreadPoolExecutor(at_a_time) as pool:
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) > at_a_time:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for one in begun:
                one.cancel()
