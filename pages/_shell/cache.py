"""The engine and its answers, computed once for each sound and shared by all sessions.

The key is the sound's content; the underscored arguments only carry it. Everything cached
is treated as read-only. Every cache is bounded.

What the network answers is asked of the backend chosen in the sidebar and kept apart for
each. If Modal does not answer, this computer does, and the sidebar says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages._shell import state
from pages._shell.sound import Sound
from pages._shell.state import Answered
from resona_core.classification import Classification
from resona_core.config import TrainConfig
from resona_core.engine import Engine
from resona_core.errors import RemoteError
from resona_core.remote import RemoteEngine
from resona_core.results import LayerMaps, Spectrogram
from resona_core.sound import audio
from resona_core.sound import examples as sounds
from resona_core.sound.audio import Clip, window_at, window_starts
from resona_core.sound.examples import demo_wav
from resona_core.training import runs
from resona_core.training.fitting import preview
from resona_core.training.fitting.preview import Example
from resona_core.training.runs import Run

T = TypeVar("T")
Shares = NDArray[np.float32]


@st.cache_resource(show_spinner="Loading the network ...")
def engine() -> Engine:
    """Return the one engine of this process."""
    return Engine()


@st.cache_resource(show_spinner=False)
def modal_engine() -> RemoteEngine:
    """Return the same door on Modal; nothing is asked of it yet."""
    return RemoteEngine()


@st.cache_resource(max_entries=32, show_spinner="Synthesising the sound ...")
def demo(key: str) -> bytes:
    """Return a demo sound as a WAV file."""
    return demo_wav(key)


@st.cache_resource(max_entries=16, show_spinner="Decoding the sound ...", show_time=True)
def _clip(key: str, _sound: Sound) -> Clip:
    return engine().load(_sound.data, _sound.name)


@st.cache_resource(max_entries=64, show_spinner="Classifying the sound ...", show_time=True)
def _classification(key: str, backend: str, _clip: Clip) -> tuple[Classification, Answered]:
    return _timed(backend, lambda asked: asked.classify(_clip))


@st.cache_resource(max_entries=32, show_spinner="Computing the spectrogram ...")
def _spectrogram(key: str, window: int | None, _clip: Clip) -> Spectrogram:
    return engine().spectrogram(_clip, window)


@st.cache_resource(max_entries=32, show_spinner="Computing the feature maps ...")
def _feature_maps(
    key: str, backend: str, window: int, _clip: Clip
) -> tuple[dict[str, LayerMaps], Answered]:
    return _timed(backend, lambda asked: asked.feature_maps(_clip, window))


@st.cache_resource(max_entries=256, show_spinner="Computing channel contributions ...")
def _channel_shares(key: str, window: int, label: str, layer: str, _clip: Clip) -> Shares:
    return engine().channel_shares(_clip, label, layer, window)


@st.cache_resource(max_entries=2, show_spinner="Synthesising the recording ...")
def example_recording() -> bytes:
    """Return the example recording as a FLAC file."""
    return sounds.example_recording()


@st.cache_resource(max_entries=16, show_spinner="Extracting the excerpt ...")
def _excerpt(key: str, start_s: float, end_s: float, _recording: Sound) -> bytes:
    limits = engine().settings.recording_limits
    return audio.excerpt(_recording.data, start_s, end_s, limits, _recording.name)


def excerpt(recording: Sound, start_s: float, end_s: float) -> bytes:
    """Return a stretch of a recording as a WAV file."""
    return _excerpt(recording.key, start_s, end_s, recording)


@st.cache_resource(max_entries=32, show_spinner="Reading the run ...")
def _run(folder: Path, stamp: object) -> Run:
    return runs.read_run(folder)


@st.cache_resource(max_entries=8, show_spinner="Augmenting the sound ...")
def _examples(
    key: str, window: int, partner: str, recipe: TrainConfig, seed: int, _clip: Clip
) -> tuple[Example, ...]:
    front_end = engine().info.front_end
    other = engine().load(demo(partner), partner)
    n_samples = front_end.window_samples
    start = window_starts(len(_clip.samples), n_samples)[window]
    heard = window_at(_clip.samples, start, n_samples)
    partner_heard = window_at(other.samples, 0, n_samples)
    return preview.examples(heard, partner_heard, front_end, recipe, seed)


def clip(sound: Sound) -> Clip:
    """Return the decoded sound."""
    return _clip(sound.key, sound)


def classification(sound: Sound) -> Classification:
    """Return the network's answer for every window."""
    heard = clip(sound)
    return _answer(lambda backend: _classification(sound.key, backend, heard))


def spectrogram(sound: Sound, window: int | None = None) -> Spectrogram:
    """Return the picture of the whole sound, or of one window."""
    return _spectrogram(sound.key, window, clip(sound))


def feature_maps(sound: Sound, window: int) -> dict[str, LayerMaps]:
    """Return all layers' maps for one window."""
    heard = clip(sound)
    return _answer(lambda backend: _feature_maps(sound.key, backend, window, heard))


def channel_shares(sound: Sound, window: int, label: str, layer: str) -> Shares:
    """Return each channel's share in the logit of `label`."""
    return _channel_shares(sound.key, window, label, layer, clip(sound))


def _timed(backend: str, ask: Callable[[Engine | RemoteEngine], T]) -> tuple[T, Answered]:
    asked = modal_engine() if backend == "modal" else engine()
    start_s = time.perf_counter()
    answer = ask(asked)
    return answer, Answered(backend, asked.device, time.perf_counter() - start_s)


def _answer(ask: Callable[[str], tuple[T, Answered]]) -> T:
    """Ask the chosen backend; where Modal fails, say so and ask this computer."""
    try:
        answer, answered = ask(state.backend())
    except RemoteError as error:
        state.leave_modal(str(error))
        answer, answered = ask("local")
    state.keep_answered(answered)
    return answer


def run(folder: Path) -> Run:
    """Return what a run folder holds now; it is read again when one of its files changes."""
    return _run(folder, runs.stamp(folder))


def examples(
    sound: Sound, window: int, partner: str, recipe: TrainConfig, seed: int
) -> tuple[Example, ...]:
    """Return one window of the sound, changed in every way of `recipe`.

    `partner` is the key of the demo sound to mix it with.
    """
    return _examples(sound.key, window, partner, recipe, seed, clip(sound))
