"""What one visitor's session remembers, each key with its type, in one place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import streamlit as st

_ROUTED = "_routed"
_ASKED_PAGE = "_asked_page"
_SOUNDS = "_sounds"
_DRAW = "_draw"


@dataclass(frozen=True)
class Sound:
    """The file in hand, exactly as it came.

    `key` names its content; `demo` is the demo sound's key, or None for the user's own;
    `file_id` is Streamlit's name for an upload.
    """

    name: str
    data: bytes
    key: str
    demo: str | None = None
    file_id: str = ""

    @classmethod
    def from_bytes(
        cls, name: str, data: bytes, demo: str | None = None, file_id: str = ""
    ) -> Sound:
        """Wrap a file's bytes."""
        return cls(name, data, hashlib.sha256(data).hexdigest()[:16], demo, file_id)


def keep_sound(source: str, sound: Sound) -> None:
    """Remember `sound` as the one in hand, and as the latest from `source`."""
    st.session_state.setdefault(_SOUNDS, {}).update({source: sound, "": sound})


def kept_sound(source: str = "") -> Sound | None:
    """Return the latest sound from `source`; without a source, the one in hand."""
    sound = st.session_state.get(_SOUNDS, {}).get(source)
    return sound if isinstance(sound, Sound) else None


def received(source: str, file_id: str, name: str, file: BytesIO) -> Sound:
    """Return the sound in an uploaded file; its bytes are read and hashed only once."""
    known = kept_sound(source)
    if known is not None and known.file_id == file_id:
        return known
    return Sound.from_bytes(name, file.getvalue(), file_id=file_id)


@contextmanager
def routed() -> Iterator[None]:
    """Mark that app.py runs the page."""
    st.session_state[_ROUTED] = True
    try:
        yield
    finally:
        st.session_state[_ROUTED] = False


def is_routed() -> bool:
    """Tell whether app.py runs the page."""
    return bool(st.session_state.get(_ROUTED, False))


def ask_page(name: str) -> None:
    """Remember the page that was opened without app.py."""
    st.session_state[_ASKED_PAGE] = name


def take_asked_page() -> str | None:
    """Return that page once."""
    name = st.session_state.pop(_ASKED_PAGE, None)
    return str(name) if name else None


def draw() -> int:
    """Return which draw of the augmentations is looked at: 0 first."""
    return int(st.session_state.get(_DRAW, 0))


def draw_again() -> None:
    """Go on to the next draw."""
    st.session_state[_DRAW] = draw() + 1
