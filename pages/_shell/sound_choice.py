"""The choice of the current sound: an example, a file, a recording; and the welcome above it.

The address says which it is: an example's key, or "own:" and a name. A sound of one's own is
known to one visit only; where it is asked for and not there, that is said.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages._shell import address, cache, state, widgets
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.settings import settings
from resona_core.sound.examples import DEMO_SOUNDS, demo_sound

_SOURCES = ("Example", "Upload", "Record")
_FIRST = DEMO_SOUNDS[0].key
_TITLES = {demo.key: demo.title for demo in DEMO_SOUNDS}
_KEYS = {title: key for key, title in _TITLES.items()} | {key: key for key in _TITLES}
_OWN = "own:"
_ARRIVED = "_arrived"
_INVITED = {
    "siren": ":material/e911_emergency:",
    "rain": ":material/rainy:",
    "crow": ":material/raven:",
}
"""The sounds to press on a first visit; the one already shown is not among them."""


def choose_sound(invites: bool = False) -> None:
    """Draw the choice of the current sound.

    With `invites`, the page draws the place for a file itself as long as :func:`invited`.
    """
    asked = _asked()
    st.session_state.setdefault("source", "Upload" if asked.startswith(_OWN) else "Example")
    source = st.segmented_control(
        "Your sound", _SOURCES, required=True, key="source", width="stretch", on_change=_switch,
        persist_state="session",
    )  # fmt: skip
    if source == "Example":
        _choose_example(asked)
    if source == "Record":
        _record()
    if not (invites and invited()):
        # Always there, for what is dropped elsewhere in the window.
        with st.container(key="upload_shown" if source == "Upload" else "upload_hidden"):
            _upload()
            _describe("Upload", "Drop a sound file here. Until then, the last sound is shown.")


def current_sound() -> Sound:
    """Return the sound a page is about; if the address asks for another, say so and stop."""
    asked = _asked()
    if asked in _KEYS:
        return cache.example(_KEYS[asked])
    own = state.kept_sound(asked.removeprefix(_OWN)) if asked.startswith(_OWN) else None
    if own is None:
        _say_missing(asked)
        st.stop()
    return own


def wanted() -> str:
    """Return the name of the own sound that the address asks for and the server lost; or ""."""
    asked = _asked()
    name = asked.removeprefix(_OWN)
    return name if asked.startswith(_OWN) and state.kept_sound(name) is None else ""


def invited() -> bool:
    """Tell whether to offer sounds on the page: to who is new, or whose sound is not there."""
    asked = _asked()
    new = not state.has_chosen() and not address.said("sound")
    return new or bool(wanted()) or not (asked.startswith(_OWN) or asked in _KEYS)


def invite() -> None:
    """Say in a line what Resona does; draw sounds to press and a place for one's own."""
    st.markdown(
        "**What is this sound, and what does a neural network hear in it?** "
        "Press one, or drop your own anywhere in the window."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        for key, icon in _INVITED.items():
            st.button(_TITLES[key], icon=icon, key=f"press_{key}", on_click=_choose, args=(key,))
        _upload()


def _asked() -> str:
    return address.said("sound") or _FIRST


def _say_missing(asked: str) -> None:
    """Say what the address asks for, that it is not there, and how to go on."""
    st.title("This sound is not here", anchor=False)
    if asked.startswith(_OWN):
        st.warning(
            f"The server does not have **{literal(asked.removeprefix(_OWN))}**. A sound of your "
            "own is kept for one visit only: the page was loaded again, the server was started "
            "again, or the link comes from someone else. Drop the file again, or record again.",
            icon=":material/history_toggle_off:",
        )
    else:
        st.warning(
            f"The link asks for an example called **{literal(asked)}**. There are "
            f"{', '.join(title.lower() for title in _TITLES.values())}: choose one under "
            "Your sound.",
            icon=":material/link_off:",
        )


def _choose(asked: str, source: str = "Example") -> None:
    """Make `asked` the current sound."""
    address.change("sound", "" if asked == _FIRST else asked)
    st.session_state["source"] = source
    state.choose()


def _switch() -> None:
    """Go to the latest sound of the chosen source, if there is one."""
    source = str(st.session_state["source"])
    state.choose()
    if latest := state.latest(source, _FIRST if source == "Example" else ""):
        address.change("sound", "" if latest == _FIRST else latest)


def _choose_example(asked: str) -> None:
    if asked in _KEYS:
        st.session_state["example"] = _KEYS[asked]
        state.keep_latest("Example", _KEYS[asked])
    key = st.selectbox(
        "Example", list(_TITLES), format_func=_TITLES.__getitem__, key="example",
        index=list(_TITLES).index(_FIRST) if asked in _KEYS else None,
        placeholder="Choose one", on_change=lambda: _choose(st.session_state["example"]),
    )  # fmt: skip
    if key is not None:
        st.caption(demo_sound(key).description)


def _upload() -> None:
    key = state.upload_key()
    file = st.file_uploader(
        "Upload a sound", type=widgets.SOUND_TYPES, key=key, label_visibility="collapsed",
        max_upload_size=widgets.megabytes(settings().limits),
        on_change=lambda: _take("Upload", key),
    )  # fmt: skip
    if file is not None and state.is_new(file.file_id):  # it came while another page was opened
        st.session_state[_ARRIVED] = file
        st.rerun()


def _record() -> None:
    st.audio_input(
        "Record a sound", sample_rate=48_000, key="record", label_visibility="collapsed",
        on_change=lambda: _take("Record", "record"),
    )  # fmt: skip
    _describe("Record", "Press the microphone to record. Until then, the last sound is shown.")


def _take(source: str, key: str) -> None:
    """Make what has arrived in a widget the current sound, unless it is gone already."""
    file = st.session_state.get(key)
    if file is not None:
        _keep(source, file)


def take_arrived() -> None:
    """Make a file that no callback took the current sound; before any widget is drawn."""
    if _ARRIVED in st.session_state:
        _keep("Upload", st.session_state.pop(_ARRIVED))


def _keep(source: str, file: UploadedFile) -> None:
    state.keep_taken(file.file_id)
    name = file.name if source == "Upload" else "recording.wav"
    state.keep_sound(Sound.from_bytes(name, file.getvalue()))
    state.keep_latest(source, _OWN + name)
    _choose(_OWN + name, source)


def _describe(source: str, hint: str) -> None:
    latest = state.latest(source).removeprefix(_OWN)
    st.caption(f"Latest: {literal(latest)}" if latest else hint)
