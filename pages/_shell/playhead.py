"""What is heard where: how players and charts of one sound find each other in the browser.

A chart says in its layout which sound it shows and from which second on, a player in the key of
its container which it plays. ``browser/playhead.js`` reads both at each moment, so a figure and
its place in the sound never part.
"""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator


@dataclass(frozen=True)
class Passage:
    """What a player plays, or a time axis shows: a sound, from one of its seconds on.

    Attributes
    ----------
    sound : str
        The key of a :class:`~pages._shell.sound.Sound`.
    start_s : float
        Which second of that sound the player, or the axis, calls 0.
    """

    sound: str
    start_s: float = 0.0


def mark(figure: go.Figure, passage: Passage) -> None:
    """Let a figure say what its time axis, from ``theme.time_axis`` or ``clock_axis``, shows."""
    figure.update_layout(meta={"sound": passage.sound, "start_s": passage.start_s})


def player(
    passage: Passage, name: str = "sound", into: DeltaGenerator | None = None
) -> DeltaGenerator:
    """Return a place for the player of a passage; `name` tells players of the same one apart."""
    key = f"plays_{name}_{round(1000 * passage.start_s)}_{passage.sound}"
    return (into or st).container(key=key)


def help_text(narrow: bool, picture: str = "the picture") -> str:
    """Say what can be done with player and picture; a narrow chart cannot be zoomed."""
    if narrow:
        return f"Tap {picture} to go there."
    return (
        f"Click in {picture} to go there; drag across it to loop a part, double-click to end that. "
        "The space bar plays and pauses."
    )
