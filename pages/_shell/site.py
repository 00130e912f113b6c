"""The dashboard as an ASGI application, for servers that ask for one."""

from pathlib import Path

import streamlit as st


def site() -> st.App:
    """Return the dashboard without anything beside it."""
    return st.App(Path(__file__).parents[2] / "app.py")
