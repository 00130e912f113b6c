"""Listen: what is this sound, and how sure is the network?"""

from functools import partial

import streamlit as st

from pages._shell import cache, router, widgets
from pages._shell.clicks import clickable_chart
from resona_core.figures import audio as figures
from resona_core.figures.theme import PLOTLY_CONFIG
from resona_core.labels import spoken
from resona_core.words import percent, seconds, verdict

router.open_page("listen")

sound = widgets.current_sound()
clip = cache.clip(sound)
answer = cache.classification(sound)
summary = verdict(answer)
phone = widgets.on_a_phone()

st.title(summary.headline, anchor=False)
st.caption(summary.reason)
widgets.play(sound)
widgets.show_warnings(answer)

bars_column, charts_column = st.columns([1, 2], gap="medium")

with bars_column:
    bars = st.container()
    window = widgets.choose_window(answer, with_whole=True)
    k = most = min(10, len(answer.labels))
    if most > 2:
        k = st.slider("Classes shown", 2, most, min(5, most), key="k", bind="query-params")
    top = answer.top(k, window)
    if top:
        bars.plotly_chart(
            figures.top_k_figure(
                top,
                certain=verdict(answer, window).certain,
                known=answer.is_known(window) is not False,
            ),
            config=PLOTLY_CONFIG,
            key="listen_bars",
            alt="Most probable classes: "
            + ", ".join(f"{spoken(p.label)} {percent(p.probability)}" for p in top),
        )
    else:
        bars.info("Nothing to hear in this part.", icon=":material/volume_off:")
    if kinds := widgets.kinds_in_words(answer, window):
        st.caption(kinds)
    st.caption(widgets.facts(clip, answer))

with charts_column:
    spectrogram = cache.spectrogram(sound)
    start_s = None if window is None else float(answer.window_starts_s[window])
    st.plotly_chart(
        figures.sound_figure(
            clip.samples,
            clip.sample_rate_hz,
            spectrogram,
            window=None if start_s is None else (start_s, start_s + answer.window_s),
            phone=phone,
        ),
        config=PLOTLY_CONFIG,
        key="listen_sound",
        alt=f"Waveform and mel spectrogram of {sound.title}, {seconds(clip.duration_s)}",
    )
    if answer.n_windows > 1 and not answer.nothing_to_hear:
        labels = [prediction.label for prediction in answer.top(3)]
        chosen = answer.decisive_window if window is None else window
        clickable_chart(
            figures.timeline_figure(answer, labels, chosen, phone),
            key="listen_timeline",
            on_click=partial(widgets.take_window, answer),
            config=PLOTLY_CONFIG,
            alt="Probability of the most probable classes over time",
        )
