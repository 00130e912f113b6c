"""What the address carries: keys, never labels, so that a link outlives a change of words.

A widget that binds itself to the address writes its labels there, drops what it does not know,
and forgets its value while another page is shown. So the address is carried by text fields that
nobody sees, on every page; widgets take their values from them and give them back.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

_FIELDS = ("sound", "part", "k", "layer", "channel", "order", "why", "by", "run", "pair", "compare")


def draw() -> None:
    """Draw the fields; before this, or in a callback, :func:`change` may change them."""
    with st.container(key="address"):
        for name in _FIELDS:
            st.text_input(name, key=name, bind="query-params")


def said(name: str) -> str:
    """Return what the address says under `name`, whatever that is; "" for nothing."""
    return str(st.session_state.get(name) or "")


def change(name: str, text: str) -> None:
    """Let the address say `text`."""
    st.session_state[name] = text


def follow(name: str, widget: str, value: object) -> Callable[[], None]:
    """Give a widget about to be drawn its `value`; return what carries its choice back."""
    st.session_state[widget] = value

    def carry_back() -> None:
        if widget in st.session_state:  # else it is gone already
            chosen = st.session_state[widget]
            change(name, "" if chosen is None else str(chosen))

    return carry_back
