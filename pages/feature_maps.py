"""Feature maps: what does each layer see?"""

import streamlit as st

from pages._shell import browser, cache, playhead, sound_choice, state, widgets
from pages._shell.clicks import clickable_chart
from pages._shell.playhead import Passage
from pages._widgets import feature_maps as feature_widgets
from resona_core.explain.channels import channel_order, channel_statistics, layer_summary
from resona_core.figures import maps as figures
from resona_core.figures.theme import TILES_CONFIG

sound = sound_choice.current_sound()
narrow = browser.is_narrow()
new = state.begins("feature_maps", sound.key)
head = st.empty() if new else st.container()
if new:
    feature_widgets.show_wait(head.container(gap="xxsmall"), sound)
part, player = st.container(), widgets.place(40, new)
strip = widgets.place(figures.strip_height_px(17, narrow), new)
body = st.container()
if new:
    body = body.empty()
    body.skeleton(height=560)

widgets.play(sound, player)
answer = cache.classification(sound)
with part:
    widgets.show_warnings(answer)
    window = widgets.choose_window(answer, with_whole=False) or 0
start_s = float(answer.window_starts_s[window])
all_maps = cache.feature_maps(sound, window)
layers = {layer.name: layer for layer in cache.engine().layers()}
layer = feature_widgets.asked_layer(tuple(layers))
with head.container(gap="xxsmall"):
    feature_widgets.show_head(sound, answer, layers, layer)

clickable_chart(
    figures.layer_strip_figure(
        {name: layer_summary(seen.maps) for name, seen in all_maps.items()},
        layer or "",
        narrow,
        channels={name: info.channels for name, info in layers.items()},
    ),
    key="feature_maps_strip",
    on_click=feature_widgets.take_layer,
    into=strip,
    config=TILES_CONFIG,
    alt=f"A small picture of each of the {len(layers)} layers",
)
if layer is None:
    body.empty()
    st.stop()

maps = all_maps[layer]
statistics = channel_statistics(maps.maps)
best = answer.top(1, window)
with body.container():
    grid_column, channel_column = st.columns([1, 1], gap="medium")
with grid_column:
    order = feature_widgets.choose_order(has_answer=bool(best))
share = cache.channel_shares(sound, window, best[0].label, layer) if order == "share" else None
ranking = [int(channel) for channel in channel_order(statistics, order, share)]
with channel_column:
    channel, overlay = feature_widgets.choose_channel(layer, ranking)

with grid_column:
    shown, same_scale = feature_widgets.choose_shown(ranking, 32 if narrow else 64)
    clickable_chart(
        figures.channel_grid_figure(
            maps, shown, statistics, channel, same_scale, columns=4 if narrow else 8
        ),
        key="feature_maps_grid",
        on_click=feature_widgets.take_channel,
        config=TILES_CONFIG,
        alt=f"{len(shown)} of {len(ranking)} channels of {layer} as pictures",
    )

if channel is not None:
    with channel_column:
        widgets.chart(
            figures.channel_figure(
                maps, channel, cache.spectrogram(sound, window), overlay, narrow, answer.window_s
            ),
            key="feature_maps_channel",
            shows=Passage(sound.key, start_s),
            alt=f"Activation of channel {channel} of {layer} over time and frequency",
        )
        st.caption(playhead.help_text(narrow))
        st.caption(feature_widgets.in_numbers(statistics, channel, ranking, order))
        if share is not None:
            st.caption(feature_widgets.share_sentence(best[0].label, float(share[channel])))
        feature_widgets.downloads(sound, maps, channel, shown, same_scale, start_s)
