"""Widgets that more than one page draws: the player, the window, the facts."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages._shell import address, cache, playhead
from pages._shell.playhead import Passage
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.classification import Classification
from resona_core.figures import theme
from resona_core.settings import Limits

WHOLE_SOUND = "Whole sound"

SOUND_TYPES = ("audio", "video", "w64", "wv", "tta", "ape", "mpc", "caf", "tak", "shn", "voc")
"""What uploaders offer: what browsers know as sound or film, and what they do not."""


def chart(
    figure: go.Figure,
    key: str,
    alt: str,
    into: DeltaGenerator | None = None,
    shows: Passage | None = None,
    **options: Any,
) -> None:
    """Draw a figure in the colours of the visitor's theme; `options` as ``st.plotly_chart``.

    While a player of what it `shows` plays, a line moves over it.
    """
    if shows is not None:
        playhead.mark(figure, shows)
    theme.ink(figure, dark=st.context.theme.type == "dark")
    options.setdefault("config", theme.PLOTLY_CONFIG)
    (into or st).plotly_chart(figure, key=key, alt=alt, theme=None, **options)


def play(sound: Sound, into: DeltaGenerator) -> str:
    """Draw a player; return in words what had to be changed, "" for the file as it came."""
    played = cache.playable(sound)
    here = playhead.player(Passage(sound.key), into=into)
    here.audio(played.data, format=played.media_type, alt=f"Player for {sound.title}")
    return played.change


def show_warnings(answer: Classification) -> None:
    """Draw what the listener must know of the sound, quietly; nothing where there is nothing."""
    if answer.warnings:
        st.warning("  \n".join(map(literal, answer.warnings)), icon=":material/info:")


def choose_window(answer: Classification, with_whole: bool) -> int | None:
    """Let the user choose a window of a longer sound; None for the whole.

    A sound of one window needs no choice: that one, or None where the whole is offered. The
    address says where the window begins, in seconds.
    """
    if answer.n_windows == 1:
        return None if with_whole else 0
    starts = [_seconds(start) for start in answer.window_starts_s]
    titles = dict(zip(starts, _window_names(answer), strict=True))
    asked = address.said("part")
    asked = {title: start for start, title in titles.items()}.get(asked, asked)  # earlier links
    surest = starts[answer.decisive_window]
    if asked and asked != WHOLE_SOUND and asked not in titles:
        st.caption(f"The link asks for a part that begins at {literal(asked)} s; there is none.")
    options = [*([""] if with_whole else []), *starts]
    value = asked if asked in titles else "" if with_whole else surest
    carry_back = address.follow("part", "window", value)
    chosen = st.selectbox(
        "Part of the sound", options, key="window", on_change=carry_back,
        format_func=lambda start: titles[start] if start else WHOLE_SOUND,
        help=f"The network classifies windows of {answer.window_s:g} s.",
    )  # fmt: skip
    if not answer.nothing_to_hear:
        st.caption(f"Most confident: {titles[surest]}")
    return starts.index(chosen) if chosen in titles else None


def take_window(answer: Classification, clicked: list[int]) -> None:
    """Choose the window whose marker was clicked."""
    (window,) = clicked
    address.change("part", _seconds(answer.window_starts_s[window]))


def _seconds(start_s: float) -> str:
    return f"{start_s:.1f}"


def _window_names(answer: Classification) -> list[str]:
    return [f"{start:.1f} to {start + answer.window_s:.1f} s" for start in answer.window_starts_s]


def megabytes(limits: Limits) -> int:
    """Return the largest upload in the unit of Streamlit's uploader."""
    return max(1, limits.max_bytes // 1_000_000)


def place(height_px: int, empty: bool) -> DeltaGenerator:
    """Reserve a place for what will be drawn; while it is `empty`, something of its height."""
    here = st.container()
    return here.skeleton(height=height_px) if empty else here
