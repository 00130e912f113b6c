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
    """Load the network beside the first visitor; torch is loaded for the first who needs it."""
    Thread(target=cache.warm, daemon=True).start()
    yield


def site() -> st.App:
    """Return the dashboard without anything beside it."""
    return st.App(SCRIPT, lifespan=warmed)
