"""The widgets of the Explain page's second half: change the sound, and ask again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import PurePath
from typing import Any

import numpy as np
import streamlit as st

from pages._shell import cache, explanations, state, widgets
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.classification import Classification
from resona_core.errors import ResonaError
from resona_core.explain.boxes import Box
from resona_core.explain.editing import SEMITONES, SPEED, Edit, Kind
from resona_core.figures import explanations as figures
from resona_core.results import Spectrogram
from resona_core.words import duration, verdict

_TIME, _BAND = "what_if_time_", "what_if_band_"  # and the sound's key
_SEARCHED = "what_if_searched"  # the key of the sound whose smallest box is looked for
_TRYING = "Trying boxes, the smallest first ..."
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
    now, edits = _edited(sound, state.edits(sound.key))
    clip, picture = cache.clip(now), cache.spectrogram(now)
    st.markdown(
        "Drag a box over the spectrogram, or set its edges; then erase it, or all but it, and the "
        "network hears the sound again."
    )
    _propose(now, picture, clip.duration_s)
    box, chart = _choose_box(picture, clip.duration_s, now.key), f"what_if_box_{now.key}"
    widgets.chart(
        figures.box_figure(picture, clip.duration_s, box, narrow),
        key=chart,
        shows=cache.passage(now),
        alt=f"Mel spectrogram of {now.title}, on which a box can be drawn",
        on_select=partial(_take_box, chart, picture, clip.duration_s, now.key),
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


def _edited(sound: Sound, edits: tuple[Edit, ...]) -> tuple[Sound, tuple[Edit, ...]]:
    """Return the sound as it is now; where the last edit cannot be done, say so and undo it."""
    if not edits:
        return sound, ()
    try:
        return cache.edited(sound, edits), edits
    except ResonaError as error:
        st.warning(literal(str(error)), icon=":material/undo:")
        state.keep_edits(sound.key, edits[:-1])
        return _edited(sound, edits[:-1])


def _propose(now: Sound, picture: Spectrogram, duration_s: float) -> None:
    """Draw the button that finds the smallest box that changes the answer, and set its edges."""
    place = st.empty()
    if st.session_state.get(_SEARCHED) != now.key:
        place.button(
            "Find the smallest box that changes the answer", icon=":material/frame_inspect:",
            key="what_if_find", on_click=_search, args=(now.key,),
        )  # fmt: skip
        return
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, _TRYING)
        st.button("Stop", icon=":material/stop:", key="what_if_stop", on_click=_search, args=("",))
    heard = cache.classification(now)
    window = heard.decisive_window
    start_s = float(heard.window_starts_s[window])

    def told(done: float) -> None:
        bar.progress(done, _TRYING)

    box = explanations.smallest_flip(now, window, told)
    _search("")
    if box is None:
        place.info("No box of up to 60 % of the picture changes the answer.")
        return
    place.success("This is the smallest box whose erasure changes the answer: erase it, and hear.")
    end_s, bands = min(box.end_s + start_s, duration_s), _bands(picture)
    st.session_state[_TIME + now.key] = (round(box.start_s + start_s, 2), round(end_s, 2))
    low, high = np.searchsorted(bands, (box.low_hz, min(box.high_hz, bands[-1])))
    st.session_state[_BAND + now.key] = (bands[low], bands[high])


def _search(key: str) -> None:
    st.session_state[_SEARCHED] = key


def _choose_box(picture: Spectrogram, duration_s: float, key: str) -> Box:
    """Draw the box's edges as two sliders, which the chart's box moves; return the box."""
    bands, whole_s = _bands(picture), round(duration_s, 2)
    with st.container(horizontal=True, gap="large"):
        start_s, end_s = st.slider(
            "Time (s)", 0.0, whole_s, (0.0, whole_s), step=0.01, key=_TIME + key, width="stretch"
        )
        low_hz, high_hz = st.select_slider(
            "Frequency (Hz)", bands, (bands[len(bands) // 2], bands[-1]), key=_BAND + key,
            width="stretch", format_func=lambda hz: f"{hz:,}",
        )  # fmt: skip
    return Box(
        start_s,
        inf if end_s >= whole_s else max(end_s, start_s + 0.01),
        0.0 if low_hz <= bands[0] else float(low_hz),
        inf if high_hz >= bands[-1] else max(float(high_hz), low_hz + 1.0),
    )


def _bands(picture: Spectrogram) -> list[int]:
    return list(dict.fromkeys(round(float(hz)) for hz in picture.frequency_hz))


def _take_box(chart: str, picture: Spectrogram, duration_s: float, key: str) -> None:
    """Let the sliders say what was drawn on the chart."""
    if chart not in st.session_state:  # gone already
        return
    drawn: list[dict[str, Any]] = st.session_state[chart].selection.box
    if not drawn:
        return
    start_s, end_s, low_hz, high_hz = figures.box_of(
        drawn[0]["x"], drawn[0]["y"], picture.frequency_hz, duration_s
    )
    bands = _bands(picture)
    low, high = np.abs(np.subtract.outer((low_hz, high_hz), bands)).argmin(axis=1)
    st.session_state[_TIME + key] = (round(start_s, 2), round(end_s, 2))
    st.session_state[_BAND + key] = (bands[low], bands[high])


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
    return last if value == inf else written(value)
