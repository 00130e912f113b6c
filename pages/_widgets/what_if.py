"""The widgets of the Explain page's second half: change the sound, and ask again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import Any

import numpy as np
import streamlit as st

from pages._shell import cache, state, widgets
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.classification import Classification
from resona_core.errors import ResonaError
from resona_core.explain.boxes import Box
from resona_core.explain.editing import SEMITONES, SPEED, Edit, Kind
from resona_core.figures import explanations as figures
from resona_core.results import Spectrogram
from resona_core.words import duration, verdict

_TIME, _BAND = "what_if_time", "what_if_band"
_WHOLE: dict[Kind, tuple[str, str, str]] = {
    "harmonic": ("Steady tones only", ":material/horizontal_rule:", "The harmonic part"),
    "percussive": ("Strokes only", ":material/more_vert:", "The percussive part"),
    "faster": ("Faster", ":material/fast_forward:", f"{SPEED:g} times, at the same pitch"),
    "slower": ("Slower", ":material/slow_motion_video:", f"1/{SPEED:g} times, at the same pitch"),
    "higher": ("Higher", ":material/arrow_upward:", f"{SEMITONES} semitones, at the same speed"),
    "lower": ("Lower", ":material/arrow_downward:", f"{SEMITONES} semitones, at the same speed"),
}


def show(sound: Sound, before: Classification, narrow: bool) -> None:
    """Draw the sound as it is now, what can be done to it, and both answers."""
    st.header("What if?", anchor=False)
    edits = state.edits(sound.key)
    now = _edited(sound, edits)
    clip, picture = cache.clip(now), cache.spectrogram(now)
    st.markdown(
        "Drag a box over the spectrogram, or set its edges; then erase it, or all but it, and the "
        "network hears the sound again."
    )
    box = _choose_box(picture, clip.duration_s, now.key)
    widgets.chart(
        figures.box_figure(picture, clip.duration_s, box, narrow),
        key=f"what_if_box_{now.key}",
        shows=cache.passage(now),
        alt=f"Mel spectrogram of {now.title}, on which a box can be drawn",
        on_select=partial(_take_box, f"what_if_box_{now.key}", picture, clip.duration_s),
        selection_mode="box",
    )
    with st.container(horizontal=True):
        for edit, title, icon in (
            (Edit("erase", (box,)), "Erase the box", ":material/ink_eraser:"),
            (Edit("keep", (box,)), "Keep only the box", ":material/crop:"),
        ):
            st.button(
                title, icon=icon, key=f"what_if_{edit.kind}", on_click=_do, args=(sound.key, edit),
            )  # fmt: skip
        for kind, (title, icon, about) in _WHOLE.items():
            st.button(
                title, icon=icon, key=f"what_if_{kind}", help=about, on_click=_do,
                args=(sound.key, Edit(kind)),
            )  # fmt: skip
    if edits:
        _show_result(sound, now, before, edits)


def _edited(sound: Sound, edits: tuple[Edit, ...]) -> Sound:
    """Return the sound as it is now; where the last edit cannot be done, say so and undo it."""
    if not edits:
        return sound
    try:
        return cache.edited(sound, edits)
    except ResonaError as error:
        st.warning(literal(str(error)), icon=":material/undo:")
        state.keep_edits(sound.key, edits[:-1])
        return _edited(sound, edits[:-1])


def _choose_box(picture: Spectrogram, duration_s: float, key: str) -> Box:
    """Draw the box's edges as two sliders, which the chart's box moves; return the box."""
    bands = [round(float(hz)) for hz in picture.frequency_hz]
    if state.begins("what_if", key):
        st.session_state[_TIME] = (0.0, round(duration_s, 2))
        st.session_state[_BAND] = (bands[len(bands) // 2], bands[-1])
    with st.container(horizontal=True, gap="large"):
        st.slider("Time (s)", 0.0, round(duration_s, 2), step=0.01, key=_TIME, width="stretch")
        st.select_slider(
            "Frequency (Hz)", bands, key=_BAND, width="stretch", format_func=lambda hz: f"{hz:,}"
        )
    start_s, end_s = st.session_state[_TIME]
    low_hz, high_hz = st.session_state[_BAND]
    whole_end, lowest, highest = round(duration_s, 2), bands[0], bands[-1]
    return Box(
        start_s,
        float("inf") if end_s >= whole_end else max(end_s, start_s + 0.01),
        0.0 if low_hz <= lowest else float(low_hz),
        float("inf") if high_hz >= highest else max(float(high_hz), low_hz + 1.0),
    )


def _take_box(key: str, picture: Spectrogram, duration_s: float) -> None:
    """Let the sliders say what was drawn on the chart."""
    drawn: list[dict[str, Any]] = st.session_state[key].selection.box
    if not drawn:
        return
    frequency_hz = picture.frequency_hz
    start_s, end_s, low_hz, high_hz = figures.box_of(
        drawn[0]["x"], drawn[0]["y"], frequency_hz, duration_s
    )
    bands = [round(float(hz)) for hz in frequency_hz]
    low, high = np.abs(np.subtract.outer((low_hz, high_hz), bands)).argmin(axis=1)
    st.session_state[_TIME] = (round(start_s, 2), round(end_s, 2))
    st.session_state[_BAND] = (bands[low], bands[high])


def _do(key: str, edit: Edit) -> None:
    state.keep_edits(key, (*state.edits(key), edit))


def _show_result(sound: Sound, now: Sound, before: Classification, edits: tuple[Edit, ...]) -> None:
    """Draw what was changed, the player, both verdicts, and how each class has changed."""
    after = cache.classification(now)
    st.subheader(f"Before: {literal(verdict(before).headline)}  →  now: "
                 f"{literal(verdict(after).headline)}", anchor=False)  # fmt: skip
    widgets.play(now, st.container())
    left, right = st.columns([3, 2], gap="large")
    with left:
        widgets.chart(
            figures.change_figure(before, after),
            key="what_if_change",
            alt=f"Probabilities before and now: {verdict(before).headline}, then "
            f"{verdict(after).headline}",
            config={"staticPlot": False, "displayModeBar": False},
        )
    with right:
        st.markdown("\n".join(f"{i}. {_told(edit)}" for i, edit in enumerate(edits, start=1)))
        with st.container(horizontal=True):
            st.button(
                "Undo", icon=":material/undo:", key="what_if_undo", on_click=state.keep_edits,
                args=(sound.key, edits[:-1]),
            )  # fmt: skip
            st.button(
                "Start again", icon=":material/restart_alt:", key="what_if_reset",
                on_click=state.keep_edits, args=(sound.key, ()),
            )  # fmt: skip
            st.download_button(
                "Sound", now.data, f"{PurePath(sound.name).stem}-edited.wav", "audio/wav",
                on_click="ignore", icon=":material/download:", help="The edited sound (WAV)",
            )  # fmt: skip


def _told(edit: Edit) -> str:
    """Say what an edit did."""
    if not edit.boxes:
        return _WHOLE[edit.kind][0]
    (box,) = edit.boxes
    verb = "Erased" if edit.kind == "erase" else "Kept only"
    time = f"{duration(box.start_s)} to {_edge(box.end_s, duration, 'the end')}"
    band = f"{box.low_hz:,.0f} Hz to {_edge(box.high_hz, lambda hz: f'{hz:,.0f} Hz', 'the top')}"
    return f"{verb} {time}, {band}"


def _edge(value: float, written: Callable[[float], str], last: str) -> str:
    return last if value == float("inf") else written(value)
