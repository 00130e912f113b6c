"""The widgets of the Listen page: the verdict, the bars, the parts of a longer sound, the facts."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages._shell import address, widgets
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.classification import Classification
from resona_core.figures import audio as figures
from resona_core.labels import spoken
from resona_core.sound.audio import Clip
from resona_core.words import CLAIMS, claim, duration, percent, verdict

AMPLIFIED_DBFS = -40.0
"""A sound whose peak is lower is drawn much louder than it is, and that is said."""


def show_wait(head: DeltaGenerator, sound: Sound) -> None:
    """Draw, in the shape of a verdict, that one is coming."""
    head.caption(literal(sound.title))
    head.title("Listening ...", anchor=False)
    head.caption("The network is hearing the sound.")


def show_verdict(head: DeltaGenerator, sound: Sound, clip: Clip, answer: Classification) -> None:
    """Draw the answer large, how far to trust it beside it, its reason below."""
    head.caption(f"{literal(sound.title)}  ·  {duration(clip.duration_s)}")
    summary, best = verdict(answer), answer.top(1)
    line = head.container(horizontal=True, vertical_alignment="center", gap="small")
    if best and answer.is_known() is not False and best[0].probability >= CLAIMS[-1][0]:
        name, share = spoken(best[0].label), percent(best[0].probability)
        line.title(f"{literal(name)} :primary[{share}]", anchor=False, width="content")
        line.badge(
            claim(best[0].probability),
            icon=":material/check_circle:" if summary.certain else ":material/help:",
            color="green" if summary.certain else "orange",
        )
    else:
        line.title(literal(summary.headline), anchor=False, width="content")
    head.caption(literal(summary.reason))


def show_bars(answer: Classification, window: int | None, count: int) -> None:
    """Draw the most probable classes; grey for a sound of none of them."""
    top = answer.top(count, window)
    if not top:
        st.info("Nothing to hear in this part.", icon=":material/volume_off:")
        return
    widgets.chart(
        figures.top_k_figure(
            top,
            certain=verdict(answer, window).certain,
            known=answer.is_known(window) is not False,
        ),
        key="listen_bars",
        alt="Most probable classes: "
        + ", ".join(f"{spoken(p.label)} {percent(p.probability)}" for p in top),
        config={"staticPlot": False, "displayModeBar": False},
    )


def choose_count(n_classes: int) -> int:
    """Let the user choose how many classes are shown."""
    most = min(10, n_classes)
    if most <= 2:
        return most
    asked = address.said("k")
    count = min(max(2, int(asked)), most) if asked.isdecimal() else min(5, most)
    carry_back = address.follow("k", "listen_k", count)
    return st.slider("Classes shown", 2, most, key="listen_k", on_change=carry_back)


def facts(clip: Clip, answer: Classification) -> str:
    """Return the facts in a line: rates, channels, duration, windows, level."""
    channels = {1: "mono", 2: "stereo"}.get(clip.channels, f"{clip.channels} channels")
    windows = f"{answer.n_windows} window" + "s" * (answer.n_windows > 1)
    silent, strange = int(answer.silent.sum()), int(answer.strange.sum())
    if silent:
        windows += f", {silent} silent"
    if strange and answer.n_windows > 1:
        windows += f", {strange} none of the {len(answer.labels)}"
    return "  ·  ".join(
        [
            f"{clip.source_rate_hz / 1000:g} kHz {channels}, {clip.encoding}",
            f"analysed at {clip.sample_rate_hz / 1000:g} kHz mono",
            duration(clip.duration_s),
            windows,
            _level(clip),
        ]
    )


def _level(clip: Clip) -> str:
    if not clip.peak:
        return "digital silence"
    level = f"peak {clip.peak_dbfs:.1f} dBFS"
    if clip.peak_dbfs < AMPLIFIED_DBFS:
        return f"{level}, drawn {-clip.peak_dbfs:.0f} dB louder"
    return level


def kinds_in_words(answer: Classification, window: int | None) -> str:
    """Return how probable it is that the sound, or a window, is known, and what else; or ""."""
    probabilities = answer.kind_probabilities(window)
    if probabilities is None:
        return ""
    names = (f"One of the {len(answer.labels)}", *answer.kinds[1:])
    return "  ·  ".join(
        f"{name}: {percent(float(probability))}"
        for name, probability in zip(names, probabilities, strict=True)
    )
