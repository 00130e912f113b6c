"""What the address carries: keys, never labels, so that a link outlives a change of words.

A widget that binds itself to the address writes its labels there, and lets go of what it does
not know. So what has labels, or may be unknown, is carried by a text field that nobody sees.
"""

from __future__ import annotations

import streamlit as st


def carried(name: str, default: str = "") -> str:
    """Return what the address says under `name`, whatever that is.

    To change it, assign to ``st.session_state[name]`` before this is drawn, or in a callback.
    """
    with st.container(key=f"address_{name}"):
        return st.text_input(name, default, key=name, bind="query-params")
