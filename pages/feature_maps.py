"""Feature maps: what does each layer see?"""

from functools import partial

import streamlit as st

from pages._shell import browser, cache, sound_choice, widgets
from pages._widgets import feature_maps as feature_widgets
from resona_core.explain.channels import channel_order, channel_statistics, layer_summary
from resona_core.figures import maps as figures
from resona_core.figures.theme import PLOTLY_CONFIG, TILES_CONFIG
from resona_core.labels import in_sentence
from resona_core.words import percent

sound = sound_choice.current_sound()
answer = cache.classification(sound)
phone = browser.is_narrow()

st.title("What each layer sees", anchor=False)
window = widgets.choose_window(answer, with_whole=False) or 0
all_maps = cache.feature_maps(sound, window)
layers = {layer.name: layer for layer in cache.engine().layers()}

layer = feature_widgets.choose_layer(tuple(layers))
st.plotly_chart(
    figures.layer_strip_figure(
        {name: layer_summary(seen.maps) for name, seen in all_maps.items()},
        layer,
        columns=4 if phone else 9,
        channels={name: info.channels for name, info in layers.items()},
    ),
    config=TILES_CONFIG,
    key="feature_maps_strip",
    on_select=partial(feature_widgets.take_click, "feature_maps_strip", "layer"),
    selection_mode="points",
    alt=f"A small picture of each of the {len(layers)} layers",
)
st.markdown(feature_widgets.layer_sentence(layers[layer]))

maps = all_maps[layer]
statistics = channel_statistics(maps.maps)
best = answer.top(1, window)
order = feature_widgets.choose_order(has_answer=bool(best))
share = cache.channel_shares(sound, window, best[0].label, layer) if order == "share" else None
ranking = channel_order(statistics, order, share)

grid_column, channel_column = st.columns([1, 1], gap="medium")

with channel_column:
    channel = feature_widgets.choose_channel(len(ranking), default=int(ranking[0]))

with grid_column:
    shown = feature_widgets.choose_page(ranking, 32 if phone else 64)
    same_scale = st.toggle(
        "Same scale for all channels",
        key="feature_maps_same_scale",
        help="Off: each channel is scaled to its own maximum.",
        persist_state="session",
    )
    st.plotly_chart(
        figures.channel_grid_figure(
            maps.maps, shown, statistics, channel, same_scale, columns=4 if phone else 8
        ),
        config=TILES_CONFIG,
        key="feature_maps_grid",
        on_select=partial(feature_widgets.take_click, "feature_maps_grid", "channel"),
        selection_mode="points",
        alt=f"{len(shown)} of {len(ranking)} channels of {layer} as pictures",
    )
    st.caption(figures.grid_caption(statistics))

with channel_column:
    overlay = st.toggle("Overlay on spectrogram", value=True, key="feature_maps_overlay",
                        persist_state="session")  # fmt: skip
    st.plotly_chart(
        figures.channel_figure(
            maps, channel, cache.spectrogram(sound, window), overlay, phone, answer.window_s
        ),
        config=PLOTLY_CONFIG,
        key="feature_maps_channel",
        alt=f"Activation of channel {channel} of {layer} over time and frequency",
    )
    st.caption(
        f"Channel {channel}. Cells are drawn at their true position, so deep layers do not reach "
        "the edge."
    )
    feature_widgets.show_statistics(statistics, channel)
    if share is not None:
        st.caption(
            f"Contribution to {in_sentence(best[0].label)}: "
            f"{'+' if share[channel] >= 0 else '-'}{percent(abs(float(share[channel])))} "
            "of the total over all channels (gradient × activation)."
        )
    feature_widgets.downloads(maps, channel, shown, same_scale)
