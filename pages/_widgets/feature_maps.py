"""The widgets of the Feature maps page: layer, order, page, channel, downloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from resona_core.explain.channels import ChannelStatistics, Order
from resona_core.figures import maps as figures
from resona_core.results import LayerDescription, LayerMaps
from resona_core.words import percent

_ORDER_NAMES = {
    "energy": "Energy",
    "variety": "Variety",
    "share": "Contribution",
    "number": "Number",
}


def choose_layer(names: Sequence[str]) -> str:
    """Draw the layer menu; the address carries the choice."""
    return st.selectbox("Layer", names, key="layer", bind="query-params", on_change=_forget_channel)


def take_layer(clicked: list[str]) -> None:
    """Choose the layer whose picture was clicked."""
    (st.session_state["layer"],) = clicked
    _forget_channel()


def take_channel(clicked: tuple[str, int]) -> None:
    """Choose the channel whose picture was clicked, and the layer that it was drawn for."""
    st.session_state["layer"], st.session_state["channel"] = clicked


def layer_sentence(layer: LayerDescription) -> str:
    """Say a layer's shape, its receptive field, and what it tends to respond to."""
    sees = f"{layer.receptive_field_s:.2g} s and {layer.receptive_field_mels} mel bins"
    return (
        f"**{layer.name}**: {layer.channels} channels of {layer.height} × {layer.width} cells "
        f"(frequency × time). One cell sees up to {sees} (its receptive field). "
        f"{layer.meaning}"
    )


def choose_order(has_answer: bool) -> Order:
    """Draw the choice of the channels' order."""
    options = [o for o in get_args(Order) if has_answer or o != "share"]
    chosen = st.segmented_control(
        "Sort channels by", options, default="energy", required=True, key="order",
        format_func=lambda order: _ORDER_NAMES[order], bind="query-params",
        help="Activation: how strongly a channel responds. Energy: its mean square. Variety: its "
        "variance. Contribution: gradient × activation for the most probable class.",
    )  # fmt: skip
    return cast(Order, chosen or "energy")


def choose_page(ranking: NDArray[np.intp], size: int) -> list[int]:
    """Return the channels of one page of the grid, at most `size`, in their order."""
    channels = [int(channel) for channel in ranking]
    pages = [channels[first : first + size] for first in range(0, len(channels), size)]
    if len(pages) == 1:
        return pages[0]
    names = [f"{i * size + 1}-{i * size + len(page)}" for i, page in enumerate(pages)]
    chosen = st.segmented_control(
        "Rank", names, default=names[0], required=True, key="places",
        persist_state="page", wrap=True,
    )  # fmt: skip
    return pages[names.index(chosen) if chosen in names else 0]


def choose_channel(n_channels: int, default: int) -> int:
    """Return the channel typed, clicked or in the address, else `default`."""
    if (st.session_state.get("channel") or 0) >= n_channels:
        _forget_channel()
    chosen = st.number_input(
        f"Channel (0 to {n_channels - 1})", 0, n_channels - 1, value=None, key="channel",
        placeholder=f"{default} (rank 1), or click a picture",
        bind="query-params",
    )  # fmt: skip
    return default if chosen is None else int(chosen)


def show_statistics(statistics: ChannelStatistics, channel: int) -> None:
    """Draw one channel's mean, maximum and share of zero cells."""
    with st.container(horizontal=True, gap="large"):
        st.metric("Mean", f"{statistics.mean[channel]:.3g}", width="content")
        st.metric("Maximum", f"{statistics.maximum[channel]:.3g}", width="content")
        zero = percent(float(statistics.zero_share[channel]))
        st.metric("Zero cells", zero, width="content")


def downloads(maps: LayerMaps, channel: int, shown: Sequence[int], same_scale: bool) -> None:
    """Draw the download buttons: the layer's arrays, and the two pictures."""
    with st.container(horizontal=True):
        st.download_button(
            "Arrays (NPZ)",
            maps.to_npz,
            f"{maps.layer}.npz",
            on_click="ignore",
            icon=":material/data_array:",
            help="Arrays: maps (channel, mel, frame), frequency_hz, time_s",
        )
        st.download_button(
            "Channel (PNG)",
            lambda: figures.channel_png(maps, channel),
            f"{maps.layer}-{channel}.png",
            on_click="ignore",
            icon=":material/image:",
        )
        st.download_button(
            "Grid (PNG)",
            lambda: figures.grid_png(maps, shown, same_scale),
            f"{maps.layer}-grid.png",
            on_click="ignore",
            icon=":material/grid_view:",
        )


def _forget_channel() -> None:
    st.session_state["channel"] = None
