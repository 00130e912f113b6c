"""What stands around every page: name and mark, where the network runs, the readable width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from pages._shell import cache, state
from resona_core.settings import settings

_ASSETS = Path(__file__).parents[2] / "assets"
_ICON = str(_ASSETS / "icon.svg")
WIDTH_PX = 1280
"""Wider, a line of text and a chart are no longer read at a glance."""


def begin() -> None:
    """Begin a run: the browser's tab and the mark above the menu."""
    st.set_page_config(page_title="Resona", page_icon=_ICON, layout="wide")
    st.logo(str(_ASSETS / "resona.svg"), size="large")


def name_tab(title: str) -> None:
    """Call the browser's tab after the page."""
    st.set_page_config(page_title=f"{title} · Resona", page_icon=_ICON)


@contextmanager
def column() -> Iterator[None]:
    """Draw what is inside in the middle of the window, at most so wide that one can read it."""
    with st.container(horizontal_alignment="center"), st.container(width=WIDTH_PX):
        yield


def choose_backend() -> None:
    """Draw the choice where the network runs, unless the settings leave none."""
    if not settings().modal_switch:
        return
    names = {"local": "This computer", "modal": "Modal"}
    st.segmented_control(
        "Run the network on", list(names), format_func=lambda backend: names[backend],
        default=settings().backend, required=True, key=state.BACKEND, width="stretch",
        on_change=state.return_to_modal, persist_state="session",
        help="Modal: a cloud GPU in your account there. The sound is sent to it.",
    )  # fmt: skip


def describe_network() -> None:
    """Draw under the sidebar's choices, after the page: which network answered, where, how fast."""
    info = cache.engine().info
    rate_khz = info.front_end.sample_rate_hz / 1000
    name = f":material/neurology: {info.name}, {len(info.labels)} classes, {rate_khz:g} kHz"
    st.caption(f"{name}  \n{_who_answers()}")
    if trouble := state.modal_trouble():
        sentence = f"Modal did not answer, so the network runs on this computer. {trouble}"
        st.warning(sentence, icon=":material/cloud_off:")
        st.button("Try Modal again", on_click=state.return_to_modal, key="modal_again")


def _who_answers() -> str:
    last = state.answered()
    if last is not None and last.backend == "modal":
        place, device = ":material/cloud: runs on Modal", last.device
    else:  # also what a page computes without asking: long recordings, other pictures
        here = cache.engine()
        device = f"{here.device}, answers in {here.precision}"
        place = ":material/computer: runs on this computer"
    took = f", answered in {last.seconds:.2g} s" if last else ""
    return f"{place} ({device}){took}"
