"""Resona's dashboard: ``streamlit run app.py``. Only the router; the pages are in ``pages/``."""

import streamlit as st

from pages._shell import router, widgets

st.set_page_config(page_title="Resona", page_icon="assets/icon.svg", layout="wide")
st.logo("assets/resona.svg", size="large")
router.run_page(before=widgets.sidebar, after=widgets.describe_network)
