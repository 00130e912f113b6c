"""The engine and its answers, computed once for each sound and shared by all sessions.

The key is the sound's content; the underscored arguments only carry it. Everything cached
is treated as read-only. Every cache is bounded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages._shell.state import Sound
from resona_core.audio import Clip, window_at, window_starts
from resona_core.config import TrainConfig
from resona_core.engine import Engine
from resona_core.results import Classification, LayerMaps, Spectrogram
from resona_core.sounds import demo_wav
from resona_core.training import preview, runs
from resona_core.training.preview import Example
from resona_core.training.runs import Run

Shares = NDArray[np.float32]


@st.cache_resource(show_spinner="Loading the network ...")
def engine() -> Engine:
    """Return the one engine of this process."""
    return Engine()


@st.cache_resource(max_entries=32, show_spinner="Synthesising the sound ...")
def demo(key: str) -> bytes:
    """Return a demo sound as a WAV file."""
    return demo_wav(key)


@st.cache_resource(max_entries=16, show_spinner="Decoding the sound ...", show_time=True)
def _clip(key: str, _sound: Sound) -> Clip:
    return engine().load(_sound.data, _sound.name)


@st.cache_resource(max_entries=64, show_spinner="Listening ...", show_time=True)
def _classification(key: str, _clip: Clip) -> Classification:
    return engine().classify(_clip)


@st.cache_resource(max_entries=32, show_spinner="Drawing the spectrogram ...")
def _spectrogram(key: str, window: int | None, _clip: Clip) -> Spectrogram:
    return engine().spectrogram(_clip, window)


@st.cache_resource(max_entries=32, show_spinner="Looking at every layer ...")
def _feature_maps(key: str, window: int, _clip: Clip) -> dict[str, LayerMaps]:
    return engine().feature_maps(_clip, window)


@st.cache_resource(max_entries=256, show_spinner="Asking every channel for its share ...")
def _channel_shares(key: str, window: int, label: str, layer: str, _clip: Clip) -> Shares:
    return engine().channel_shares(_clip, label, layer, window)


@st.cache_resource(max_entries=32, show_spinner="Reading the run ...")
def _run(folder: Path, stamp: object) -> Run:
    return runs.read_run(folder)


@st.cache_resource(max_entries=8, show_spinner="Changing the sound as training does ...")
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
    return _classification(sound.key, clip(sound))


def spectrogram(sound: Sound, window: int | None = None) -> Spectrogram:
    """Return the picture of the whole sound, or of one window."""
    return _spectrogram(sound.key, window, clip(sound))


def feature_maps(sound: Sound, window: int) -> dict[str, LayerMaps]:
    """Return all layers' maps for one window."""
    return _feature_maps(sound.key, window, clip(sound))


def channel_shares(sound: Sound, window: int, label: str, layer: str) -> Shares:
    """Return each channel's share in the logit of `label`."""
    return _channel_shares(sound.key, window, label, layer, clip(sound))


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
