"""Widgets that more than one page draws: the current sound, the window, downloads."""

from __future__ import annotations

import mimetypes
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages._shell import address, browser, cache, state
from pages._shell.sound import Sound
from resona_core.classification import Classification
from resona_core.figures import theme
from resona_core.settings import Limits, settings
from resona_core.sound.audio import FORMATS, Clip
from resona_core.sound.examples import DEMO_SOUNDS, demo_sound
from resona_core.words import percent

WHOLE_SOUND = "Whole sound"
_SOURCES = ("Example", "Upload", "Record")


def sidebar() -> None:
    """Draw the sidebar: which sound, and where the network runs."""
    state.forget_answered()
    with st.sidebar:
        address.draw()
        _choose_sound()
        _choose_backend()
        browser.prepare()


def describe_network() -> None:
    """Draw under the sidebar's choices, after the page: which network answered, where, how fast."""
    with st.sidebar:
        info = cache.engine().info
        rate_khz = info.front_end.sample_rate_hz / 1000
        name = f":material/neurology: {info.name}, {len(info.labels)} classes, {rate_khz:g} kHz"
        st.caption(f"{name}  \n{_who_answers()}")
        if trouble := state.modal_trouble():
            sentence = f"Modal did not answer, so the network runs on this computer. {trouble}"
            st.warning(sentence, icon=":material/cloud_off:")
            st.button("Try Modal again", on_click=state.return_to_modal, key="modal_again")


def current_sound() -> Sound:
    """Return the sound the page is about; without one, say what to do and stop the page."""
    sound = state.kept_sound()
    if sound is None:
        st.info("Choose an example, upload a file or record a sound in the sidebar.")
        st.stop()
    return sound


def chart(
    figure: go.Figure, key: str, alt: str, into: DeltaGenerator | None = None, **options: Any
) -> None:
    """Draw a figure in the colours of the visitor's theme; `options` as ``st.plotly_chart``."""
    theme.ink(figure, dark=st.context.theme.type == "dark")
    options.setdefault("config", theme.PLOTLY_CONFIG)
    (into or st).plotly_chart(figure, key=key, alt=alt, theme=None, **options)


def play(sound: Sound) -> None:
    """Draw a player for the file exactly as it came."""
    media_type = mimetypes.guess_type(sound.name)[0] or "audio/wav"
    st.audio(sound.data, format=media_type, alt=f"Player for {sound.title}")


def choose_window(answer: Classification, with_whole: bool) -> int | None:
    """Let the user choose a window of a longer sound; None for the whole.

    A sound of one window needs no choice: that one, or None where the whole is offered.
    """
    if answer.n_windows == 1:
        return None if with_whole else 0
    names = _window_names(answer)
    surest = names[answer.decisive_window]
    chosen = st.selectbox(
        "Part of the sound",
        [WHOLE_SOUND, *names] if with_whole else names,
        index=0 if with_whole else answer.decisive_window,
        key="part" if with_whole else "window",
        help=f"The network classifies windows of {answer.window_s:g} s.",
        bind="query-params",
    )
    if not answer.nothing_to_hear:
        st.caption(f"Most confident: {surest}")
    return names.index(chosen) if chosen in names else None


def take_window(answer: Classification, clicked: list[int]) -> None:
    """Choose the window whose marker was clicked."""
    (window,) = clicked
    st.session_state["part"] = _window_names(answer)[window]


def _window_names(answer: Classification) -> list[str]:
    return [f"{start:.1f} to {start + answer.window_s:.1f} s" for start in answer.window_starts_s]


def facts(clip: Clip, answer: Classification) -> str:
    """Return the facts in a line: rates, channels, duration, windows, level."""
    channels = {1: "mono", 2: "stereo"}.get(clip.channels, f"{clip.channels} channels")
    analysed = f"analysed at {clip.sample_rate_hz / 1000:g} kHz mono"
    windows = f"{answer.n_windows} window" + "s" * (answer.n_windows > 1)
    silent, strange = int(answer.silent.sum()), int(answer.strange.sum())
    if silent:
        windows += f", {silent} silent"
    if strange and answer.n_windows > 1:
        windows += f", {strange} none of the {len(answer.labels)}"
    return "  ·  ".join(
        [
            f"{clip.source_rate_hz / 1000:g} kHz {channels}, {clip.encoding}",
            analysed,
            f"{clip.duration_s:.1f} s",
            windows,
            f"peak {clip.peak_dbfs:.1f} dBFS" if clip.peak else "digital silence",
        ]
    )


def kinds_in_words(answer: Classification, window: int | None) -> str:
    """Return how probable it is that the sound, or a window, is known, and what else; or ""."""
    probabilities = answer.kind_probabilities(window)
    if probabilities is None:
        return ""
    names = (f"One of the {len(answer.labels)}", *answer.kinds[1:])
    return "  ·  ".join(
        f"{name}: {percent(float(probability))}"
        for name, probability in zip(names, probabilities, strict=True)
    )


def megabytes(limits: Limits) -> int:
    """Return the largest upload in the unit of Streamlit's uploader."""
    return max(1, limits.max_bytes // 1_000_000)


def on_a_phone() -> bool:
    """Tell whether the browser calls itself mobile."""
    return "Mobi" in st.context.headers.get("User-Agent", "")


def _choose_sound() -> None:
    source = st.segmented_control(
        "Sound", _SOURCES, default="Example", required=True, key="source", width="stretch",
        persist_state="session",
    )  # fmt: skip
    sound = {"Example": _example, "Upload": _upload, "Record": _record}[source or "Example"]()
    if sound is not None:
        state.keep_sound(str(source), sound)


def _example() -> Sound:
    key = st.selectbox(
        "Example",
        [demo.key for demo in DEMO_SOUNDS],
        format_func=lambda key: demo_sound(key).title,
        key="sound",
        bind="query-params",
    )
    demo = demo_sound(key)
    st.caption(demo.description)
    return Sound.from_bytes(f"{demo.key}.wav", cache.demo(key), demo.key)


def _upload() -> Sound | None:
    file = st.file_uploader(
        "Upload a sound", type=list(FORMATS), key="upload", label_visibility="collapsed",
        max_upload_size=megabytes(cache.engine().settings.limits),
    )  # fmt: skip
    if file is not None:
        return state.received("Upload", file.file_id, file.name, file)
    return _kept("Upload", "Drop a sound file here. Until then, the last sound is shown.")


def _record() -> Sound | None:
    file = st.audio_input(
        "Record a sound", sample_rate=48_000, key="record", label_visibility="collapsed"
    )
    if file is not None:
        return state.received("Record", file.file_id, "recording.wav", file)
    return _kept("Record", "Press the microphone to record. Until then, the last sound is shown.")


def _kept(source: str, hint: str) -> Sound | None:
    sound = state.kept_sound(source)
    st.caption(f"Current sound: {sound.title}" if sound else hint)
    return sound


def _choose_backend() -> None:
    names = {"local": "This computer", "modal": "Modal"}
    st.segmented_control(
        "Run the network on", list(names), format_func=lambda backend: names[backend],
        default=settings().backend, required=True, key=state.BACKEND, width="stretch",
        on_change=state.return_to_modal, persist_state="session",
        help="Modal: a cloud GPU in your account there. The sound is sent to it.",
    )  # fmt: skip


def _who_answers() -> str:
    last = state.answered()
    if last is not None and last.backend == "modal":
        place, device = ":material/cloud: runs on Modal", last.device
    else:  # also what a page computes without asking: long recordings, other pictures
        place, device = ":material/computer: runs on this computer", cache.engine().device
    took = f", answered in {last.seconds:.2g} s" if last else ""
    return f"{place} ({device}){took}"
