"""How long is waited, what is said meanwhile, and that the thread that asks learns of the end."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty
from threading import Event, current_thread
from time import monotonic, sleep

import pytest

from resona_core.errors import RemoteConnectionError, RemoteTimeoutError
from resona_core.remote import waiting
from resona_core.remote.waiting import NoLongerWantedError, Patience, Wanted, in_time


def test_a_gpu_that_starts_is_waited_for_longer_than_a_network_that_is_not_there() -> None:
    def slow(wanted: Wanted) -> Iterator[str]:
        wanted.reached()
        sleep(0.5)
        yield "answer"

    told: list[str] = []
    patience = Patience(reach_s=0.1, answer_s=30.0, told=told.append, told_after_s=0.1)
    assert list(in_time(slow, patience)) == ["answer"]
    (sentence,) = told  # once
    assert "starts a GPU" in sentence


def test_a_quick_answer_needs_no_word() -> None:
    told: list[str] = []
    patience = Patience(5.0, 5.0, told.append, told_after_s=1.0)
    assert list(in_time(lambda wanted: iter("ab"), patience)) == ["a", "b"]
    assert told == []


class Clock:
    """Time that goes on only while something is waited for, and a queue that stays empty."""

    def __init__(self, taken_s: float, wanted: Wanted) -> None:
        self.now_s = 0.0
        self.looked = 0  # how often the one who waits was asked whether to go on
        self._taken_s, self._wanted = taken_s, wanted

    def __call__(self) -> float:
        return self.now_s

    def get(self, timeout: float) -> str:
        assert 0 < timeout <= 0.25
        self.now_s = round(self.now_s + timeout, 6)
        if self.now_s >= self._taken_s:
            self._wanted.reached()
        raise Empty

    def look(self) -> None:
        self.looked += 1


@pytest.mark.parametrize(
    ("taken_s", "ends_s", "told_s", "words"),
    [
        (99.0, 1.0, [], "Modal gave no sign within 1 s"),
        (0.5, 0.6 + 3, [0.6 + 2], "no GPU answered within 3 s"),
        (0.0, 3.0, [2.0], "no GPU answered within 3 s"),
    ],
)
def test_each_wait_lasts_as_long_as_it_may_and_a_word_is_said_once(
    taken_s: float, ends_s: float, told_s: list[float], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether Modal has taken the question is seen every 0.2 s: of 0.5 s at 0.6 s."""
    wanted, told = Wanted(), list[float]()
    clock = Clock(taken_s, wanted)
    if taken_s == 0:
        wanted.reached()
    monkeypatch.setattr(waiting, "monotonic", clock)
    patience = Patience(
        1.0, 3.0, lambda _: told.append(clock.now_s), told_after_s=2.0, waiting=clock.look
    )
    with pytest.raises(RemoteTimeoutError, match=words):
        waiting._Waiter(patience, wanted).next(clock)  # type: ignore[arg-type]
    assert clock.now_s == pytest.approx(ends_s)
    assert told == pytest.approx(told_s)
    assert clock.looked >= 5 * ends_s - 0.01


def test_the_thread_that_asks_does_not_keep_the_program_alive() -> None:
    def ask(wanted: Wanted) -> Iterator[bool]:
        yield current_thread().daemon

    assert list(in_time(ask, Patience(30.0, 30.0))) == [True]


def test_what_is_given_up_is_taken_back_at_once() -> None:
    taken_back = Event()

    def never(wanted: Wanted) -> Iterator[str]:
        wanted.reached()
        try:
            while True:
                sleep(0.01)
                wanted.check()
        except NoLongerWantedError:
            taken_back.set()
            raise
        yield ""

    with pytest.raises(RemoteTimeoutError, match=r"within 0\.2 s.*RESONA_MODAL_START_S"):
        list(in_time(never, Patience(30.0, 0.2)))
    assert taken_back.is_set()  # before the error was seen


def test_who_waits_can_be_asked_to_stop_and_the_question_is_taken_back() -> None:
    taken_back = Event()

    def never(wanted: Wanted) -> Iterator[str]:
        wanted.reached()
        try:
            while True:
                sleep(0.01)
                wanted.check()
        except NoLongerWantedError:
            taken_back.set()
            raise
        yield ""

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(in_time(never, Patience(30.0, 30.0, waiting=stop)))
    assert taken_back.is_set()


def test_who_stops_listening_takes_the_rest_back() -> None:
    wanted_there: list[Wanted] = []

    def endless(wanted: Wanted) -> Iterator[int]:
        wanted_there.append(wanted)
        while True:
            wanted.check()
            sleep(0.01)
            yield 1

    answers = in_time(endless, Patience(30.0, 30.0))
    next(answers)
    answers.close()  # as a stop by the keyboard does
    with pytest.raises(NoLongerWantedError):
        wanted_there[0].check()


def test_a_stop_by_the_keyboard_is_no_failure_of_modal() -> None:
    answers = in_time(lambda wanted: iter([1, 2]), Patience(30.0, 30.0))
    next(answers)
    with pytest.raises(KeyboardInterrupt):
        answers.throw(KeyboardInterrupt)  # type: ignore[attr-defined] # a generator


def test_a_failure_there_is_told_here_as_our_own() -> None:
    def lost(wanted: Wanted) -> Iterator[int]:
        raise ConnectionResetError("gone")
        yield 1

    start_s = monotonic()
    with pytest.raises(RemoteConnectionError, match="connection to the internet"):
        list(in_time(lost, Patience(30.0, 30.0)))
    assert monotonic() - start_s < 10
