"""How long is waited for Modal, and how what is given up is taken back.

A thread asks in our place: Modal's client alone waits a minute for a network that is not there.
The thread tells when Modal has taken the question; from then on a GPU may take its time to
start. It learns when nobody waits any more, and takes the question back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

from resona_core.errors import RemoteTimeoutError
from resona_core.remote.failures import explained

T = TypeVar("T")

_TAKEN_BACK_S = 3.0  # for the thread to take its question back


class NoLongerWantedError(Exception):
    """Raised in the thread that asks, when nobody waits for the answer any more."""


@dataclass(frozen=True)
class Patience:
    """How long is waited, in seconds, and when a word is said about it.

    Attributes
    ----------
    reach_s : float
        Until Modal has taken the question.
    answer_s : float
        From then on, or from the answer before, until the next.
    told : callable, optional
        Is given a sentence, once, when a GPU does not answer at once.
    told_after_s : float
    waiting : callable, optional
        Is called several times a second meanwhile; what it raises ends the wait.
    """

    reach_s: float
    answer_s: float
    told: Callable[[str], None] | None = None
    told_after_s: float = 4.0
    waiting: Callable[[], None] | None = None


class Wanted:
    """What the thread that asks is told, and tells."""

    def __init__(self) -> None:
        self._given_up, self.taken = Event(), Event()

    def check(self) -> None:
        """Go on only if somebody waits.

        Raises
        ------
        NoLongerWantedError
            If nobody does.
        """
        if self._given_up.is_set():
            raise NoLongerWantedError

    def reached(self) -> None:
        """Tell that Modal is there and has taken the question."""
        self.taken.set()

    def give_up(self) -> None:
        """Wait no longer."""
        self._given_up.set()


def in_time(ask: Callable[[Wanted], Iterator[T]], patience: Patience) -> Iterator[T]:
    """Yield what `ask` yields, in time; whoever stops listening takes the question back.

    Raises
    ------
    RemoteError
        When time is up, and for whatever `ask` raises, as
        :func:`~resona_core.remote.failures.explained` puts it.
    """
    arrived: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()
    wanted = Wanted()

    def wait_for_all() -> None:
        try:
            for answer in ask(wanted):
                arrived.put((answer,))
            arrived.put(None)
        except BaseException as error:  # told on the side that asked; also a cancellation
            arrived.put(error)

    thread = Thread(target=wait_for_all, name="resona-modal", daemon=True)
    thread.start()
    waiter = _Waiter(patience, wanted)
    try:
        while (item := waiter.next(arrived)) is not None:
            if isinstance(item, BaseException):
                raise explained(item) from item
            yield item[0]
    finally:
        wanted.give_up()
        if wanted.taken.is_set():
            thread.join(_TAKEN_BACK_S)


class _Waiter:
    """The side that waits."""

    def __init__(self, patience: Patience, wanted: Wanted) -> None:
        self._patience, self._wanted = patience, wanted
        self._quiet = patience.told is None

    def next(self, arrived: SimpleQueue[T]) -> T:
        """Return the next that arrives."""
        patience, start_s = self._patience, monotonic()
        taken = self._wanted.taken.is_set()
        limit_s = patience.answer_s if taken else patience.reach_s
        while True:
            if not taken and self._wanted.taken.is_set():
                taken, start_s, limit_s = True, monotonic(), patience.answer_s
            passed_s = monotonic() - start_s
            if passed_s >= limit_s:
                raise RemoteTimeoutError(_too_late(taken, patience))
            if taken and passed_s >= patience.told_after_s:
                self._tell()
            try:
                item = arrived.get(timeout=min(limit_s - passed_s, 0.2))
            except Empty:
                if patience.waiting is not None:
                    patience.waiting()
                continue
            self._wanted.reached()
            return item

    def _tell(self) -> None:
        if self._patience.told is not None and not self._quiet:
            self._patience.told(
                "Modal has the question and starts a GPU for it, which may take a minute ..."
            )
        self._quiet = True


def _too_late(taken: bool, patience: Patience) -> str:
    if not taken:
        return (
            f"Modal gave no sign within {patience.reach_s:g} s; check this computer's connection "
            "to the internet, or set RESONA_MODAL_TIMEOUT_S higher."
        )
    return (
        f"Modal has the question, but no GPU answered within {patience.answer_s:g} s; try again in "
        "a minute, or set RESONA_MODAL_START_S higher."
    )
