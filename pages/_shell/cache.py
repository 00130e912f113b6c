"""The engine and its answers, computed once for each sound and shared by all sessions.

A sound's key is its content. Everything cached is treated as read-only. Every cache is bounded,
and keeps no errors.

What the network answers is asked of the backend chosen in the sidebar and kept apart for
each. If Modal does not answer, this computer does, and the sidebar says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import update_wrapper, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages._shell import state
from pages._shell.playhead import Passage
from pages._shell.sound import Sound
from pages._shell.state import Answered
from resona_core.classification import Classification
from resona_core.config import TrainConfig
from resona_core.door import Door
from resona_core.errors import RemoteError
from resona_core.explain import editing
from resona_core.explain.editing import Edit
from resona_core.results import LayerMaps, Spectrogram
from resona_core.settings import settings
from resona_core.sound import audio, playing
from resona_core.sound import examples as sounds
from resona_core.sound.audio import Clip
from resona_core.sound.examples import DEMO_SOUNDS, demo_wav
from resona_core.sound.playing import Playable

if TYPE_CHECKING:  # they load torch, so only when they are first asked
    from resona_core.engine import Engine
    from resona_core.remote import RemoteEngine
    from resona_core.training.fitting.preview import Example
    from resona_core.training.runs import Run

T = TypeVar("T")
P = ParamSpec("P")
Shares = NDArray[np.float32]

_KEYS: dict[str | type[Any], Callable[[Any], object]] = {
    Sound: lambda sound: sound.key,
    Edit: repr,
    type(Path()): lambda folder: (str(folder), _stamp(folder)),  # a run's, as its files are now
}


def _stamp(folder: Path) -> object:
    from resona_core.training.runs import stamp

    return stamp(folder)


class _Question(Generic[P, T]):
    """A question to the network, its answers cached for each sound and backend.

    Parameters
    ----------
    ask : callable
        Puts it to whoever answers, about a sound.
    options : dict
        What :func:`streamlit.cache_resource` takes.
    """

    def __init__(self, ask: Callable[Concatenate[Door, Sound, P], T], **options: Any) -> None:
        # Streamlit tells caches apart by the wrapped question's name and source.
        @wraps(ask)
        def timed(
            backend: str, sound: Sound, *args: P.args, **kwargs: P.kwargs
        ) -> tuple[T, Answered]:
            asked: Door = modal_engine() if backend == "modal" else engine()
            start_s = time.perf_counter()
            answer = ask(asked, sound, *args, **kwargs)
            return answer, Answered(backend, asked.device, time.perf_counter() - start_s)

        update_wrapper(self, ask)
        self._cached: Any = st.cache_resource(hash_funcs=_KEYS, **options)(timed)

    def __call__(self, sound: Sound, *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the chosen backend; where Modal fails, say so and ask this computer."""
        clip(sound)  # decoded before the clock starts, and by this computer in any case
        backend = state.backend()
        try:
            with said_while_waiting(backend):
                answer, answered = self._cached(backend, sound, *args, **kwargs)
        except RemoteError as error:
            state.leave_modal(str(error))
            answer, answered = self._cached("local", sound, *args, **kwargs)
        state.keep_answered(answered)
        kept: T = answer
        return kept

    def warm(self, sound: Sound, *args: P.args, **kwargs: P.kwargs) -> None:
        """Have the answer of this computer ready; outside of any session."""
        self._cached("local", sound, *args, **kwargs)

    def clear(self) -> None:
        """Forget all answers."""
        self._cached.clear()


def said_while_waiting(backend: str) -> AbstractContextManager[object]:
    """Say, while Modal is asked, why it may take long."""
    if backend != "modal":
        return nullcontext()
    return st.spinner("Modal is asked; where a GPU has to start there, this takes a minute ...")


def _asked_of_the_network(
    **options: Any,
) -> Callable[[Callable[Concatenate[Door, Sound, P], T]], _Question[P, T]]:
    """Make a function of a door and a sound a question about the sound alone."""
    return lambda ask: _Question(ask, **options)


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """Return the one engine of this process."""
    from resona_core.engine import Engine

    return Engine()


@st.cache_resource(show_spinner=False)
def modal_engine() -> RemoteEngine:
    """Return the same door on Modal; nothing is asked of it yet."""
    from resona_core.remote import RemoteEngine

    return RemoteEngine()


@st.cache_resource(max_entries=32, show_spinner=False)
def demo(key: str) -> bytes:
    """Return a demo sound as a WAV file."""
    return demo_wav(key)


@st.cache_resource(max_entries=2, show_spinner="Synthesising the recording ...")
def example_recording() -> bytes:
    """Return the example recording as a FLAC file."""
    return sounds.example_recording()


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=_KEYS)
def clip(sound: Sound) -> Clip:
    """Return the decoded sound."""
    return engine().load(sound.data, sound.name)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def playable(sound: Sound) -> Playable:
    """Return what a browser can play of the sound."""
    return playing.playable(sound.data, clip(sound).peak, settings().limits, sound.name)


@_asked_of_the_network(max_entries=64, show_spinner=False)
def classification(door: Door, sound: Sound) -> Classification:
    """Return the network's answer for every window."""
    return door.classify(clip(sound))


def passage(sound: Sound, window: int | None = None) -> Passage:
    """Return a window of the sound, or all of it, as what is heard there."""
    if window is None:
        return Passage(sound.key)
    return Passage(sound.key, float(classification(sound).window_starts_s[window]))


@_asked_of_the_network(max_entries=8, show_spinner=False)  # some 5 MB each
def feature_maps(door: Door, sound: Sound, window: int) -> dict[str, LayerMaps]:
    """Return all layers' maps for one window."""
    return door.feature_maps(clip(sound), window)


@_asked_of_the_network(max_entries=256, show_spinner=False)
def channel_shares(door: Door, sound: Sound, window: int, label: str, layer: str) -> Shares:
    """Return each channel's share in the logit of `label`."""
    return door.channel_shares(clip(sound), label, layer, window)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=_KEYS)
def spectrogram(sound: Sound, window: int | None = None) -> Spectrogram:
    """Return the picture of the whole sound, or of one window."""
    return engine().spectrogram(clip(sound), window)


@st.cache_resource(max_entries=8, show_spinner="Changing the sound ...", hash_funcs=_KEYS)
def edited(sound: Sound, edits: tuple[Edit, ...]) -> Sound:
    """Return the sound after all edits, as a sound of its own."""
    data = editing.edited(sound.data, edits, settings().limits, sound.name)
    return Sound.from_bytes(f"{Path(sound.name).stem}-edited.wav", data)


@st.cache_resource(max_entries=16, show_spinner="Extracting the excerpt ...", hash_funcs=_KEYS)
def excerpt(recording: Sound, start_s: float, end_s: float) -> bytes:
    """Return a stretch of a recording as a WAV file."""
    limits = engine().settings.recording_limits
    return audio.excerpt(recording.data, start_s, end_s, limits, recording.name)


@st.cache_resource(max_entries=32, show_spinner="Reading the run ...", hash_funcs=_KEYS)
def run(folder: Path) -> Run:
    """Return what a run folder holds now; it is read again when one of its files changes."""
    from resona_core.training import runs

    return runs.read_run(folder)


@st.cache_resource(max_entries=8, show_spinner="Augmenting the sound ...", hash_funcs=_KEYS)
def examples(
    sound: Sound, window: int, partner: str, recipe: TrainConfig, seed: int
) -> tuple[Example, ...]:
    """Return one window of the sound, changed in every way of `recipe`.

    `partner` is the key of the demo sound to mix it with.
    """
    from resona_core.training.fitting import preview

    here = engine()
    heard = here.window(clip(sound), window)
    partner_heard = here.window(here.load(demo(partner), partner), 0)
    return preview.examples(heard, partner_heard, here.info.front_end, recipe, seed)


def example(key: str) -> Sound:
    """Return an example as a sound."""
    return Sound.from_bytes(f"{key}.wav", demo(key), key)


def warm() -> None:
    """Load the network and hear the first example, before the first visitor asks for it."""
    first = example(DEMO_SOUNDS[0].key)
    classification.warm(first)
    spectrogram(first)
