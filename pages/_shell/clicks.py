"""Charts whose points can be clicked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from zlib import crc32

import plotly.graph_objects as go
import streamlit as st

from resona_core.figures import theme


def clickable_chart(
    figure: go.Figure, key: str, on_click: Callable[[Any], None], config: dict[str, Any], alt: str
) -> None:
    """Draw `figure`; a click on a point calls `on_click` with what the point carries.

    A chart can be clicked while the one that takes its place is under way. Streamlit then looks
    for the selection under the key, which is the new chart's already; so the key names the
    content as well. What a point carries must therefore say all that was chosen. A click that
    comes when the run is over, and the new chart not yet on the screen, is ignored: Streamlit has
    forgotten the old chart by then.
    """
    theme.ink(figure, dark=st.context.theme.type == "dark")
    own_key = f"{key}_{crc32(figure.to_json().encode()):08x}"
    st.plotly_chart(
        figure,
        config=config,
        key=own_key,
        on_select=partial(_take, own_key, on_click),
        selection_mode="points",
        alt=alt,
        theme=None,
    )


def _take(key: str, on_click: Callable[[Any], None]) -> None:
    for point in st.session_state[key].selection.points[:1]:
        on_click(point["customdata"])
