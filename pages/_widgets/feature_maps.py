"""The widgets of the Feature maps page: layer, order, page, channel, downloads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import cast, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages._shell import address, cache
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.classification import Classification
from resona_core.explain.channels import ChannelStatistics, Order
from resona_core.figures import maps as figures
from resona_core.labels import in_sentence
from resona_core.results import LayerDescription, LayerMaps
from resona_core.words import percent

_ORDER_NAMES = {
    "energy": "Energy",
    "variety": "Variety",
    "share": "Contribution",
    "number": "Number",
}


def show_wait(head: DeltaGenerator, sound: Sound) -> None:
    """Draw, in the shape of the page's head, that something is coming."""
    head.caption(literal(sound.title))
    head.title("Looking into the layers ...", anchor=False)
    head.markdown("The network is hearing the sound.")


def asked_layer(names: Sequence[str]) -> str | None:
    """Return the layer in the address, the first where it names none; None for an unknown one."""
    asked = address.said("layer")
    return asked if asked in names else None if asked else names[0]


def show_head(
    sound: Sound,
    answer: Classification,
    layers: Mapping[str, LayerDescription],
    layer: str | None,
) -> None:
    """Draw the sound and how it was heard, the layer large, and what it tends to respond to."""
    best = answer.top(1)
    heard = "nothing to hear"
    if best and answer.is_known() is False:
        heard = f"none of the {len(answer.labels)} sounds"
    elif best:
        heard = f"heard as {in_sentence(best[0].label)}, {percent(best[0].probability)}"
    st.caption(f"{literal(sound.title)}  ·  {literal(heard)}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if layer is None:
            st.title("This layer is not here", anchor=False)
        else:
            count = layers[layer].channels
            st.title(f"{literal(layer)} :primary[{count} channels]", anchor=False)
        _choose_layer(tuple(layers), layer)
    if layer is None:
        st.warning(
            f"The link asks for the layer **{literal(address.said('layer'))}**, which this network "
            "does not have. Choose one below.",
            icon=":material/link_off:",
        )
    else:
        st.markdown(layer_sentence(layers[layer]))


def layer_sentence(layer: LayerDescription) -> str:
    """Say what a layer tends to respond to, and how much one cell of its pictures sees."""
    sees = f"{layer.receptive_field_s:.2g} s and {layer.receptive_field_mels} mel bins"
    return (
        f"{layer.meaning} One cell sees up to {sees}; a map has {layer.height} × {layer.width} "
        "cells."
    ).strip()


def _choose_layer(names: Sequence[str], layer: str | None) -> None:
    carry_back = address.follow("layer", "feature_maps_layer", layer)

    def choose() -> None:
        carry_back()
        address.change("channel", "")

    st.selectbox(
        "Layer", names, key="feature_maps_layer", on_change=choose, width=160,
        label_visibility="collapsed", placeholder="Layer",
    )  # fmt: skip


def take_layer(clicked: list[str]) -> None:
    """Choose the layer whose picture was clicked."""
    (layer,) = clicked
    address.change("layer", layer)
    address.change("channel", "")


def take_channel(clicked: tuple[str, int]) -> None:
    """Choose the channel whose picture was clicked, and the layer that it was drawn for."""
    layer, channel = clicked
    address.change("layer", layer)
    address.change("channel", str(channel))


def choose_order(has_answer: bool) -> Order:
    """Draw the choice of the channels' order."""
    options = [o for o in get_args(Order) if has_answer or o != "share"]
    asked = address.said("order")
    asked = {name: key for key, name in _ORDER_NAMES.items()}.get(asked, asked)  # earlier links
    carry_back = address.follow(
        "order", "feature_maps_order", asked if asked in options else "energy"
    )
    chosen = st.segmented_control(
        "Sort channels by", options, required=True, key="feature_maps_order",
        format_func=lambda order: _ORDER_NAMES[order], on_change=carry_back,
        label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    return cast(Order, chosen or "energy")


def choose_channel(layer: str, ranking: Sequence[int]) -> tuple[int | None, bool]:
    """Return the channel in the address, by default the first; and whether to overlay it.

    None for a channel that the layer does not have, which is said.
    """
    asked = address.said("channel")
    known = asked.isdecimal() and int(asked) in ranking
    channel = int(asked) if known else None if asked else ranking[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(f"Channel {literal(asked) if channel is None else channel}", anchor=False)
        place = -1 if channel is None else ranking.index(channel)
        _step("Previous channel", "left", ranking, place - 1)
        _step("Next channel", "right", ranking, place + 1)
        overlay = st.segmented_control(
            "Draw", ("Overlay", "Map"), default="Overlay", required=True, persist_state="session",
            key="feature_maps_drawn", label_visibility="collapsed",
        )  # fmt: skip
    if channel is None:
        st.warning(
            f"{literal(layer)} has the channels 0 to {len(ranking) - 1}. Choose one of the "
            "pictures.",
            icon=":material/link_off:",
        )
    return channel, overlay == "Overlay"


def _step(name: str, side: str, ranking: Sequence[int], place: int) -> None:
    inside = 0 <= place < len(ranking)
    st.button(
        f":material/chevron_{side}:", help=name, disabled=not inside, key=f"feature_maps_{side}",
        on_click=address.change, args=("channel", str(ranking[place]) if inside else ""),
    )  # fmt: skip


def choose_shown(ranking: Sequence[int], size: int) -> tuple[list[int], bool]:
    """Return the channels of one page of the grid, and whether they share one scale."""
    pages = [list(ranking[first : first + size]) for first in range(0, len(ranking), size)]
    names = [f"{i * size + 1}-{i * size + len(page)}" for i, page in enumerate(pages)]
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = names[0]
        if len(pages) > 1:
            chosen = st.segmented_control(
                "Rank", names, default=names[0], required=True, key="places",
                persist_state="page", label_visibility="collapsed",
            ) or names[0]  # fmt: skip
        same_scale = st.toggle(
            "Same scale for all",
            key="feature_maps_same_scale",
            help="Off: each channel is scaled to its own maximum.",
            persist_state="session",
        )
    return pages[names.index(chosen) if chosen in names else 0], same_scale


def in_numbers(
    statistics: ChannelStatistics, channel: int, ranking: Sequence[int], order: Order
) -> str:
    """Return one channel's numbers in a line, and its rank in the order it was sorted by."""
    zero = percent(float(statistics.zero_share[channel]))
    parts = [
        f"mean {statistics.mean[channel]:.3g}",
        f"maximum {statistics.maximum[channel]:.3g}",
        f"{zero} of the cells are zero",
    ]
    if order != "number":
        rank = ranking.index(channel) + 1
        parts.append(f"{_ORDER_NAMES[order].lower()} rank {rank} of {len(ranking)}")
    return "  ·  ".join(parts)


def share_sentence(label: str, share: float) -> str:
    """Say what part of the answer a channel is responsible for."""
    sign = "+" if share >= 0 else "-"
    return (
        f"Contribution to {literal(in_sentence(label))}: {sign}{percent(abs(share))} of the total "
        "over all channels (gradient × activation)."
    )


def downloads(
    sound: Sound,
    maps: LayerMaps,
    channel: int,
    shown: Sequence[int],
    same_scale: bool,
    start_s: float,
) -> None:
    """Draw the download buttons: the layer's arrays, and the two pictures."""
    info = cache.engine().info
    about = {
        "sound": sound.name,
        "window": f"{start_s:g} to {start_s + info.front_end.window_s:g} s",
        "network": info.name,
        "front_end": json.dumps(info.front_end.to_dict()),
    }
    name = f"{PurePath(sound.name).stem}-{maps.layer}"
    with st.container(horizontal=True):
        st.download_button(
            "Channel", lambda: figures.channel_png(maps, channel),
            f"{name}-{channel}.png", on_click="ignore", icon=":material/image:",
            help="This channel as a picture (PNG)",
        )  # fmt: skip
        st.download_button(
            "Grid", lambda: figures.grid_png(maps, shown, same_scale),
            f"{name}-grid.png", on_click="ignore", icon=":material/grid_view:",
            help="The channels shown as one picture (PNG)",
        )  # fmt: skip
        st.download_button(
            "Arrays", partial(maps.to_npz, **about), f"{name}.npz", on_click="ignore",
            icon=":material/data_array:",
            help="All channels (NPZ): maps (channel, mel, frame), frequency_hz, time_s",
        )  # fmt: skip
