"""Listen: what is this sound, and how sure is the network?"""

from functools import partial
from pathlib import Path

import streamlit as st

from pages._shell import browser, cache, playhead, sound_choice, state, widgets
from pages._shell.clicks import clickable_chart
from pages._shell.text import literal
from pages._widgets import listen as listen_widgets
from resona_core.figures import audio as figures
from resona_core.words import duration

if sound_choice.invited():
    sound_choice.invite()
sound = sound_choice.current_sound()

narrow = browser.is_narrow()

# What comes has its place before it is there, so that nothing moves when it arrives.
new = state.begins("listen", sound.key)
head = st.empty() if new else st.container()
if new:
    listen_widgets.show_wait(head.container(gap="xxsmall"), sound)
player = widgets.place(40, new)
picture = widgets.place(figures.SOUND_HEIGHT_PX, new)
st.caption(playhead.help_text(narrow))
course, told, below = st.container(), st.container(), st.container()

clip = cache.clip(sound)
change = widgets.play(sound, player)
answer = cache.classification(sound)
listen_widgets.show_verdict(head.container(gap="xxsmall"), sound, clip, answer)

with told:
    widgets.show_warnings(answer)
with below:
    bars_column, next_column = st.columns([3, 2], gap="large")
    with next_column:
        window = widgets.choose_window(answer, with_whole=True)
        with st.container(horizontal=True):
            if st.button("What each layer sees", icon=":material/grid_view:"):
                st.switch_page(Path(__file__).with_name("feature_maps.py"))
            if st.button("Why this answer?", icon=":material/troubleshoot:"):
                st.switch_page(Path(__file__).with_name("explain.py"))
        count = listen_widgets.choose_count(len(answer.labels))
    with bars_column:
        listen_widgets.show_bars(answer, window, count)
    with st.container(gap="xxsmall"):
        if kinds := listen_widgets.kinds_in_words(answer, window):
            st.caption(kinds)
        st.caption(listen_widgets.facts(clip, answer))
        if change:
            st.caption(literal(change))

chosen = answer.decisive_window if window is None else window
start_s = float(answer.window_starts_s[chosen])
with course:
    if answer.n_windows > 1 and not answer.nothing_to_hear:
        clickable_chart(
            figures.timeline_figure(
                answer, [prediction.label for prediction in answer.top(3)], chosen, narrow
            ),
            key="listen_timeline",
            on_click=partial(widgets.take_window, answer),
            alt="Probability of the most probable classes over time",
        )
widgets.chart(
    figures.sound_figure(
        clip.samples,
        clip.sample_rate_hz,
        cache.spectrogram(sound),
        window=None if window is None else (start_s, start_s + answer.window_s),
        phone=narrow,
    ),
    key="listen_sound",
    into=picture,
    shows=cache.passage(sound),
    alt=f"Waveform and mel spectrogram of {sound.title}, {duration(clip.duration_s)}",
)
