"""Dashboard and HTTP service in one process, on one engine: the dashboard at /, the rest at /api.

``streamlit run hosting.py``, or ``uvicorn hosting:app``.
"""

import streamlit as st
from starlette.routing import Mount

from pages._shell import cache, site
from resona_core.serve.api import create_app

app = st.App(
    site.SCRIPT, lifespan=site.warmed, routes=[Mount("/api", app=create_app(cache.engine))]
)
