"""Dashboard and HTTP service in one process, on one engine: the dashboard at /, the rest at /api.

``streamlit run hosting.py``, or ``uvicorn hosting:app``.
"""

from pathlib import Path

import streamlit as st
from starlette.routing import Mount

from pages._shell import cache
from resona_core.serve.api import create_app

app = st.App(
    Path(__file__).with_name("app.py"), routes=[Mount("/api", app=create_app(cache.engine))]
)
