"""The choice of the current sound: an example, a file, a recording; and the welcome above it."""

from __future__ import annotations

import streamlit as st

from pages._shell import cache, state, widgets
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.settings import settings
from resona_core.sound.decoding import FORMATS
from resona_core.sound.examples import DEMO_SOUNDS, demo_sound

_SOURCES = ("Example", "Upload", "Record")
_INVITED = {
    "siren": ":material/e911_emergency:",
    "rain": ":material/rainy:",
    "crow": ":material/raven:",
}
"""The sounds to press on a first visit; the one already shown is not among them."""


def choose_sound(invites: bool = False) -> None:
    """Draw the choice and keep what was chosen as the current sound.

    With `invites`, the page draws the place for a file itself as long as :func:`welcomes`.
    """
    source = st.segmented_control(
        "Your sound", _SOURCES, default="Example", required=True, key="source", width="stretch",
        on_change=state.choose, persist_state="session",
    )  # fmt: skip
    upload = None if invites and welcomes() else _upload(visible=source == "Upload")
    sound = {"Example": _example, "Record": _record}.get(source, lambda: upload)()
    if sound is not None:
        state.keep_sound(source, sound)


def current_sound() -> Sound:
    """Return the sound a page is about; the first example before any was chosen."""
    return state.kept_sound() or cache.example(DEMO_SOUNDS[0].key)


def welcomes() -> bool:
    """Tell whether the visitor is new: has chosen nothing, and followed no link to a sound."""
    return not state.has_chosen() and "sound" not in st.query_params


def welcome() -> None:
    """Say in a line what Resona does; draw sounds to press and a place for one's own."""
    st.markdown(
        "**What is this sound, and what does a neural network hear in it?** "
        "Press one, or drop your own anywhere in the window."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        for key, icon in _INVITED.items():
            st.button(
                demo_sound(key).title, icon=icon, key=f"press_{key}", on_click=_press, args=(key,)
            )
        _uploader()


def _press(key: str) -> None:
    st.session_state["sound"] = key
    state.choose()


def _example() -> Sound:
    key = st.selectbox(
        "Example",
        [demo.key for demo in DEMO_SOUNDS],
        format_func=lambda key: demo_sound(key).title,
        key="sound",
        bind="query-params",
        on_change=state.choose,
    )
    demo = demo_sound(key)
    st.caption(demo.description)
    return cache.example(demo.key)


def _uploader() -> None:
    st.file_uploader(
        "Upload a sound", type=list(FORMATS), key="upload", label_visibility="collapsed",
        max_upload_size=widgets.megabytes(settings().limits), on_change=_take_upload,
    )  # fmt: skip


def _take_upload() -> None:
    state.choose()
    if st.session_state["upload"] is not None:
        st.session_state["source"] = "Upload"


def _upload(visible: bool) -> Sound | None:
    """Draw the place for a file, always there for what is dropped elsewhere in the window."""
    with st.container(key="upload_shown" if visible else "upload_hidden"):
        _uploader()
        file = st.session_state["upload"]
        if file is not None:
            return state.received("Upload", file.file_id, file.name, file)
        return _kept("Upload", "Drop a sound file here. Until then, the last sound is shown.")


def _record() -> Sound | None:
    file = st.audio_input(
        "Record a sound", sample_rate=48_000, key="record", label_visibility="collapsed",
        on_change=state.choose,
    )  # fmt: skip
    if file is not None:
        return state.received("Record", file.file_id, "recording.wav", file)
    return _kept("Record", "Press the microphone to record. Until then, the last sound is shown.")


def _kept(source: str, hint: str) -> Sound | None:
    sound = state.kept_sound(source)
    st.caption(f"Current sound: {literal(sound.title)}" if sound else hint)
    return sound
