"""The little that the browser must do itself: drops, the width, the last sound, the line."""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_KEY = "browser_window"
_window = st.components.v2.component(
    "resona_window", js=(_HERE / "window.js").read_text(encoding="utf-8")
)
_playhead = st.components.v2.component(
    "resona_playhead", js=(_HERE / "playhead.js").read_text(encoding="utf-8")
)


def prepare(wanted: str = "") -> None:
    """Draw what cannot be seen: the style, the ear for the window, the line over charts.

    If the browser has kept a sound called `wanted`, it gives it back to the uploader.
    """
    st.html(_HERE / "style.css")
    _playhead(key="browser_playhead")
    _window(key=_KEY, data={"narrow": is_narrow(), "wanted": wanted}, on_narrow_change=_nothing)


def is_narrow() -> bool:
    """Tell whether a chart has no room beside it; before it is measured, whether on a phone."""
    measured = st.session_state.get(_KEY, {}).get("narrow")
    if measured is None:
        return "Mobi" in st.context.headers.get("User-Agent", "")
    return bool(measured)


def _nothing() -> None:
    """Stand for what happens when the width changes: the page is drawn again, no more."""
