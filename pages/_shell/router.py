"""The page table, and the frame around every page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages._shell import address, browser, frame, sound_choice, state
from pages._shell.text import literal
from resona_core.errors import ResonaError

_PAGES = Path(__file__).parents[1]


@dataclass(frozen=True)
class PageEntry:
    """A page in the menu: `name` is its file and its address.

    `about_a_sound` tells whether the sidebar offers the choice of one there.
    """

    name: str
    title: str
    icon: str
    question: str
    about_a_sound: bool = False


PAGES = (
    PageEntry("listen", "Listen", ":material/hearing:", "What is this sound?", True),
    PageEntry(
        "feature_maps", "Feature maps", ":material/grid_view:", "What does each layer see?", True
    ),
    PageEntry(
        "explain", "Explain", ":material/troubleshoot:", "Why this answer, and what if?", True
    ),
    PageEntry(
        "recordings", "Recordings", ":material/graphic_eq:",
        "What happens when in a long recording?",
    ),
    PageEntry(
        "training", "Training", ":material/model_training:",
        "How was it trained, and how good is it?",
    ),
)  # fmt: skip


def run_page() -> None:
    """Draw the frame and the page that was asked for; say what a user can cure in a sentence."""
    frame.begin()
    first = PAGES[0]
    pages = {
        entry.name: st.Page(
            _PAGES / f"{entry.name}.py",
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
    if page is also:
        st.switch_page(pages[first.name], query_params=_parameters())
    entry = next(each for each in PAGES if pages[each.name] is page)
    frame.name_tab(entry.title)
    state.forget_answered()
    sound_choice.take_arrived()
    with st.sidebar:
        address.draw()
        if entry.about_a_sound:
            sound_choice.choose_sound(invites=entry is first)
        frame.choose_backend()
        network = st.container()
        browser.prepare(wanted=sound_choice.wanted() if entry.about_a_sound else "")
    try:
        with frame.column():
            page.run()
    except ResonaError as error:
        st.error(literal(str(error)), icon=":material/error:")
    finally:
        with network:
            frame.describe_network()


def _nothing() -> None:
    """Stand in for a page that is left before it is drawn."""


def _parameters() -> dict[str, list[str]]:
    """Return the address's parameters with all values of each: a link may name several runs."""
    return {key: st.query_params.get_all(key) for key in st.query_params}
