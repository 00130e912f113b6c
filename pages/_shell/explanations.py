"""Explanations, for all sessions: each asked for once, of the backend chosen in the sidebar.

They are no questions of :mod:`pages._shell.cache`, for they take long, tell how far they are, and
can be stopped. If Modal does not answer, this computer does, and the sidebar says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from pages._shell import cache, state
from pages._shell.sound import Sound
from pages._shell.state import Answered
from resona_core.door import Door
from resona_core.errors import RemoteError
from resona_core.explain.boxes import Box
from resona_core.explain.explanation import Explanation, Question, Told

T = TypeVar("T")
_Key = tuple[str, str, Question]  # the backend, the sound, and what is asked of it
_MOST_KEPT = 16  # some 3 MB each


class Explanations:
    """The latest explanations; each visitor is told how far their own has come."""

    def __init__(self) -> None:
        self._kept: dict[_Key, tuple[Explanation, Answered]] = {}

    def of(self, sound: Sound, question: Question, told: Told) -> Explanation:
        """Return the answer to a question about a sound; what `told` raises ends the work."""
        kept = self._kept.get(_key(sound, question))  # once: another session may drop it any time
        if kept is None:
            kept = _asked(lambda door: door.explain(cache.clip(sound), question, told))
            self._kept[_key(sound, question)] = kept  # where Modal has failed, under another key
            for oldest in list(self._kept)[:-_MOST_KEPT]:
                self._kept.pop(oldest, None)
        why, answered = kept
        state.keep_answered(answered)
        return why

    def has(self, sound: Sound, question: Question) -> bool:
        """Tell whether the answer is there already."""
        return _key(sound, question) in self._kept


@st.cache_resource(show_spinner=False)
def explanations() -> Explanations:
    """Return the one store of explanations."""
    return Explanations()


def smallest_flip(sound: Sound, window: int, told: Told) -> Box | None:
    """Return the smallest box whose erasure changes the answer; what `told` raises ends it."""
    box, answered = _asked(lambda door: door.smallest_flip(cache.clip(sound), window, told))
    state.keep_answered(answered)
    return box


def _key(sound: Sound, question: Question) -> _Key:
    return state.backend(), sound.key, question


def _asked(ask: Callable[[Door], T]) -> tuple[T, Answered]:
    """Ask the chosen backend; where Modal fails, say so and ask this computer."""
    backend = state.backend()
    door: Door = cache.modal_engine() if backend == "modal" else cache.engine()
    start_s = time.perf_counter()
    try:
        with cache.said_while_waiting(backend):
            answer = ask(door)
    except RemoteError as error:
        state.leave_modal(str(error))
        return _asked(ask)
    return answer, Answered(backend, door.device, time.perf_counter() - start_s)
