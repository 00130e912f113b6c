"""What training does to clips, on the current sound: the choices, and a card for each change."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._shell import state, widgets
from pages._shell.sound import Sound
from resona_core.figures.theme import TILES_CONFIG
from resona_core.figures.training import picture_figure
from resona_core.sound.examples import DEMO_SOUNDS, demo_sound
from resona_core.training.fitting.preview import Example
from resona_core.words import percent

_COLUMNS = 3


def choose_partner(sound: Sound) -> str:
    """Draw the choice of the sound to mix with: any example but the current one."""
    keys = [demo.key for demo in DEMO_SOUNDS if demo.key != sound.demo]
    return st.selectbox(
        "Mix with",
        keys,
        format_func=lambda key: demo_sound(key).title,
        key="partner",
        bind="query-params",
    )


def draw_again() -> int:
    """Draw the button for the next draw; return the number of this one."""
    st.button("Draw again", icon=":material/casino:", on_click=state.draw_again)
    return state.draw()


def show_examples(examples: Sequence[Example]) -> None:
    """Draw the changed sounds, three in a row."""
    for first in range(0, len(examples), _COLUMNS):
        for column, example in zip(st.columns(_COLUMNS), examples[first:], strict=False):
            with column.container(border=True, height="stretch"):
                _example(example)


def _example(example: Example) -> None:
    st.markdown(f"**{example.name}**")
    duration_s = len(example.samples) / example.sample_rate_hz
    widgets.chart(
        picture_figure(example.picture, duration_s),
        config=TILES_CONFIG,
        key=f"training_{example.name}",
        alt=f"Mel spectrogram: {example.name.lower()}",
    )
    st.audio(example.to_wav(), alt=f"Player: {example.name.lower()}")
    often = "" if example.share is None else f" In training: {_often(example.share)}."
    st.caption(example.meaning + often)


def _often(share: float) -> str:
    if share >= 1:
        return "every clip"
    return f"{percent(share)} of clips" if share else "never in this recipe"
