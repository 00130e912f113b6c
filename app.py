"""Resona's dashboard: ``streamlit run app.py``. The pages are in ``pages/``."""

import streamlit as st

from pages._shell import site

app = st.App(site.SCRIPT, lifespan=site.warmed)
