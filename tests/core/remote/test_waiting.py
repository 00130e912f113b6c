"""How long is waited, what is said meanwhile, and that the thread that asks learns of the end."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from time import monotonic, sleep

import pytest

from resona_core.errors import RemoteConnectionError, RemoteTimeoutError
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
