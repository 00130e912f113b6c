"""What one visitor's session remembers, each key with its type, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

import streamlit as st

from pages._shell.hearing import Hearing
from pages._shell.sound import Sound
from resona_core.explain.editing import Edit
from resona_core.settings import settings

_CHOSEN = "_chosen"
_SHOWN = "_shown"
_SOUNDS = "_sounds"
_LATEST = "_latest"
_UPLOAD = "_upload"
_TAKEN = "_taken"
_MOST_SOUNDS = 3  # each may be as large as an upload
_ANSWERED = "_answered"
_MODAL_TROUBLE = "_modal_trouble"
BACKEND = "backend"  # the switch in the sidebar
_HEARINGS = "_hearings"
_DRAW = "_draw"
_EDITS = "_edits"


@dataclass(frozen=True)
class Answered:
    """Who gave the latest answer, on which device, and how long it took, in seconds."""

    backend: str
    device: str
    seconds: float


def choose() -> None:
    """Remember that the visitor has chosen a sound."""
    st.session_state[_CHOSEN] = True


def has_chosen() -> bool:
    """Tell whether the visitor has chosen a sound."""
    return bool(st.session_state.get(_CHOSEN))


def begins(page: str, key: str) -> bool:
    """Tell whether `page` now shows something else, `key`, than when it was last drawn."""
    shown = st.session_state.setdefault(_SHOWN, {})
    before: object = shown.get(page)
    shown[page] = key
    return before != key


def keep_sound(sound: Sound) -> None:
    """Remember a sound of the visitor's own, and the few before it."""
    sounds = st.session_state.setdefault(_SOUNDS, {})
    sounds.pop(sound.name, None)
    sounds[sound.name] = sound
    for oldest in list(sounds)[:-_MOST_SOUNDS]:
        del sounds[oldest]


def kept_sound(name: str) -> Sound | None:
    """Return the visitor's own sound of that name, the latest if there were several."""
    sound = st.session_state.get(_SOUNDS, {}).get(name)
    return sound if isinstance(sound, Sound) else None


def keep_latest(source: str, asked: str) -> None:
    """Remember what the address says for the latest sound from `source`."""
    st.session_state.setdefault(_LATEST, {})[source] = asked


def latest(source: str, default: str = "") -> str:
    """Return what the address says for the latest sound from `source`."""
    return str(st.session_state.get(_LATEST, {}).get(source, default))


def upload_key() -> str:
    """Return the key of this visit's uploader.

    A browser that finds the server started again keeps what its widgets hold, by their keys;
    the new visit's is another, so that the uploader shows no file that is gone.
    """
    return str(st.session_state.setdefault(_UPLOAD, f"upload_{token_hex(4)}"))


def is_new(file_id: str) -> bool:
    """Tell whether a file that an uploader holds has not been taken yet."""
    return file_id not in st.session_state.get(_TAKEN, ())


def keep_taken(file_id: str) -> None:
    """Remember that it has been taken."""
    st.session_state.setdefault(_TAKEN, set()).add(file_id)


def keep_hearings(source: str, hearings: Sequence[Hearing]) -> None:
    """Remember the long recordings from `source`, and what is known of them."""
    st.session_state.setdefault(_HEARINGS, {})[source] = tuple(hearings)


def kept_hearings(source: str) -> tuple[Hearing, ...]:
    """Return the long recordings from `source`."""
    return tuple(st.session_state.get(_HEARINGS, {}).get(source, ()))


def wanted_backend() -> str:
    """Return the backend that the visitor, or else the settings, chose: "local" or "modal".

    Where the settings take the choice from the visitor, nothing in their session brings it back.
    """
    chosen = st.session_state.get(BACKEND) if settings().modal_switch else None
    return str(chosen or settings().backend)


def backend() -> str:
    """Return the backend to ask: the one wanted, unless Modal has failed this visitor."""
    return "local" if modal_trouble() else wanted_backend()


def modal_trouble() -> str:
    """Return why Modal gave no answer; empty when nothing is wrong."""
    return str(st.session_state.get(_MODAL_TROUBLE, ""))


def leave_modal(trouble: str) -> None:
    """Ask this computer from now on, because of `trouble`."""
    st.session_state[_MODAL_TROUBLE] = trouble


def return_to_modal() -> None:
    """Forget that Modal has failed."""
    st.session_state.pop(_MODAL_TROUBLE, None)


def keep_answered(answered: Answered) -> None:
    """Remember who gave the latest answer."""
    st.session_state[_ANSWERED] = answered


def forget_answered() -> None:
    """Begin a run of a page, which may ask nothing."""
    st.session_state.pop(_ANSWERED, None)


def answered() -> Answered | None:
    """Return who gave the latest answer to this run of the page, if it asked."""
    kept = st.session_state.get(_ANSWERED)
    return kept if isinstance(kept, Answered) else None


def edits(key: str) -> tuple[Edit, ...]:
    """Return what the visitor has changed on the sound of that key, in order."""
    return tuple(st.session_state.get(_EDITS, {}).get(key, ()))


def keep_edits(key: str, changed: Sequence[Edit]) -> None:
    """Remember them."""
    st.session_state.setdefault(_EDITS, {})[key] = tuple(changed)


def draw() -> int:
    """Return which draw of the augmentations is looked at: 0 first."""
    return int(st.session_state.get(_DRAW, 0))


def draw_again() -> None:
    """Go on to the next draw."""
    st.session_state[_DRAW] = draw() + 1
