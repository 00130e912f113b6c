"""The dashboard as an ASGI application, which loads the network before anyone comes.

The script that draws is not app.py: next to the folder ``pages/``, Streamlit would show a
menu of file names until the script has run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import streamlit as st

from pages._shell import cache

SCRIPT = Path(__file__).with_name("dashboard.py")


@asynccontextmanager
async def warmed(app: st.App) -> AsyncIterator[None]:
    """Import torch before anyone is served, then load the network beside the first visitor.

    The import holds Python's lock again and again: beside a visitor, it would delay every file
    that the browser asks for, and the menu with them.
    """
    import torch  # noqa: F401

    Thread(target=cache.warm, daemon=True).start()
    yield


def site() -> st.App:
    """Return the dashboard without anything beside it."""
    return st.App(SCRIPT, lifespan=warmed)
