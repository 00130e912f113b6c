"""The page table, and the way every page is opened.

Because a ``pages/`` folder exists, Streamlit runs a page's file directly when its address is
the first thing a browser asks for. :func:`open_page` notices that app.py is missing around
it, remembers the page and hands over to app.py, which comes back to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages._shell import state
from resona_core.errors import ResonaError


@dataclass(frozen=True)
class PageEntry:
    """A page in the menu: `name` is its file and its address."""

    name: str
    title: str
    icon: str
    question: str


PAGES = (
    PageEntry("listen", "Listen", ":material/hearing:", "What is this sound?"),
    PageEntry("feature_maps", "Feature maps", ":material/grid_view:", "What does each layer see?"),
    PageEntry(
        "recordings", "Recordings", ":material/graphic_eq:",
        "What happens when in a long recording?",
    ),
    PageEntry(
        "training", "Training", ":material/model_training:",
        "How was it trained, and how good is it?",
    ),
)  # fmt: skip


def run_page(before: Callable[[], None], after: Callable[[], None]) -> None:
    """Draw the menu, `before`, the page, `after`; show what a user can cure as one sentence.

    `after` is drawn however the page ends.
    """
    first = PAGES[0]
    pages = {
        entry.name: st.Page(
            f"pages/{entry.name}.py",
            title=entry.title,
            icon=entry.icon,
            help=entry.question,
            url_path=entry.name if entry is not first else "home",
            default=entry is first,
        )
        for entry in PAGES
    }
    # The first page's address is the bare one ("home" only must differ from the other names);
    # its name is to lead there too.
    also = st.Page(_nothing, title=first.title, url_path=first.name, visibility="hidden")
    page = st.navigation([*pages.values(), also])
    asked_for = state.take_asked_page() or (first.name if page is also else None)
    if asked_for:
        st.switch_page(pages[asked_for], query_params=_parameters())
    try:
        with state.routed():
            _run_between(before, page.run, after)
    except ResonaError as error:
        st.error(str(error), icon=":material/error:")


def _nothing() -> None:
    """Stand in for a page that is left before it is drawn."""


def _run_between(
    before: Callable[[], None], page: Callable[[], None], after: Callable[[], None]
) -> None:
    try:
        before()
        page()
    finally:
        after()


def open_page(name: str) -> None:
    """Begin the page `name`; without app.py around it, go there first and come back."""
    if not state.is_routed():
        state.ask_page(name)
        st.switch_page("app.py", query_params=_parameters())


def _parameters() -> dict[str, list[str]]:
    """Return the address's parameters with all values of each: a link may name several runs."""
    return {key: st.query_params.get_all(key) for key in st.query_params}
