"""Charts whose points can be clicked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from zlib import crc32

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages._shell.widgets import chart


def clickable_chart(
    figure: go.Figure,
    key: str,
    on_click: Callable[[Any], None],
    alt: str,
    into: DeltaGenerator | None = None,
    **options: Any,
) -> None:
    """Draw `figure`; a click on a point calls `on_click` with what the point carries.

    A chart can be clicked while the one that takes its place is under way. Streamlit then looks
    for the selection under the key, which is the new chart's already; so the key names the
    content as well. What a point carries must therefore say all that was chosen. A click that
    comes when the run is over, and the new chart not yet on the screen, is ignored: Streamlit has
    forgotten the old chart by then.
    """
    own_key = f"{key}_{crc32(figure.to_json().encode()):08x}"
    chart(
        figure,
        own_key,
        alt,
        into,
        on_select=partial(_take, own_key, on_click),
        selection_mode="points",
        **options,
    )


def _take(key: str, on_click: Callable[[Any], None]) -> None:
    if key in st.session_state:  # else the chart is gone already
        for point in st.session_state[key].selection.points[:1]:
            on_click(point["customdata"])
