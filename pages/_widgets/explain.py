"""The widgets of the Explain page's first half: the question, its answer, and what one hears."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import PurePath

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages._shell import address, cache, explanations, playhead, widgets
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.classification import Classification
from resona_core.explain.explanation import (
    METHODS,
    STRENGTHS,
    Explanation,
    Method,
    Question,
    default_method,
    level_matched,
    wav,
)
from resona_core.figures import explanations as figures
from resona_core.figures.downloads import explanation_png
from resona_core.labels import in_sentence, spoken
from resona_core.settings import settings
from resona_core.words import method_name, percent

_METHOD_HELP = """
- **Grad-CAM**: where a layer's channels that raise the class are active. At once, and coarse.
- **Mask**: what a small network, trained with these weights, would keep, moved a little so that the
  kept part keeps the answer and the rest does not.
- **Integrated gradients**: which cells raise the class on the way from silence to this sound.
- **Occlusion**: what the class loses when one patch after another is silenced.
- **Energy** and **Random** ask no network: the loudest cells, and any. A method that does no better
  than these two has explained nothing.

None of them proves what the network thinks: they say what it takes to keep its answer. A part that
keeps it with little energy may be the sound itself, or a trick that only this network falls for:
listen to it.
"""
_SLOW: tuple[Method, ...] = ("integrated-gradients", "occlusion")
_PARTS = {"full": "The whole window", "kept": "What is kept", "rest": "What is left over"}
_ASKING = "Asking the network ..."
_GO = "explain_go"  # the slow question that the visitor has started


def show_silence(head: DeltaGenerator, sound: Sound) -> None:
    """Say that there is no answer to ask about."""
    head.caption(literal(sound.title))
    head.title("Nothing to hear, so nothing to explain", anchor=False)
    head.markdown("Choose another part, or another sound.")


def ask(head: DeltaGenerator, sound: Sound, answer: Classification, window: int) -> Question:
    """Draw the question: which class, by which method, at which layer, how much is kept."""
    ranked = [p.label for p in answer.top(len(answer.labels), window)]
    asked = address.said("why")
    target = asked if asked in ranked else ranked[0]
    share = float(answer.window_probabilities[window, answer.labels.index(target)])
    with head:
        st.caption(literal(sound.title))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.title(
                f"Why {literal(in_sentence(target))}? :primary[{percent(share)}]",
                anchor=False, width="content",
            )  # fmt: skip
            carry_back = address.follow("why", "explain_target", target)
            st.selectbox(
                "Ask about another class", ranked, format_func=spoken, key="explain_target",
                on_change=carry_back, width=220, label_visibility="collapsed",
            )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        method = _choose_method()
        layer = _choose_layer(cache.engine().layer_names) if method == "grad-cam" else ""
        strength = st.slider(
            "Keep more", *STRENGTHS, value=1.0, step=0.25, key="explain_strength", width=200,
            persist_state="session", format="%.2g",
            help="Each cell's relevance times this, at most all of it, is kept.",
        )  # fmt: skip
    return Question(window, target, method, layer, strength)


def _choose_method() -> Method:
    asked = address.said("by")
    usual = default_method(settings().checkpoint)
    method = next((m for m in METHODS if m == asked), usual)
    carry_back = address.follow("by", "explain_method", method)
    st.segmented_control(
        "Method", METHODS, format_func=method_name, required=True,
        key="explain_method", on_change=carry_back, help=_METHOD_HELP, wrap=True,
    )  # fmt: skip
    return method


def _choose_layer(names: Sequence[str]) -> str:
    chosen = st.selectbox(
        "Layer", names, index=len(names) - 1, key="explain_layer", persist_state="session",
        width=140,
    )  # fmt: skip
    return str(chosen)


def answered(sound: Sound, question: Question) -> Explanation | None:
    """Return the explanation; a slow one only once it has been started, and it can be stopped."""
    kept = explanations.explanations()
    slow = question.method in _SLOW and not kept.has(sound, question)
    if not slow:
        with st.spinner(_ASKING):
            return kept.of(sound, question, lambda done: None)
    if st.session_state.get(_GO) != (sound.key, question):
        st.button(
            f"Explain by {method_name(question.method).lower()}", type="primary",
            icon=":material/play_arrow:", key="explain_start", on_click=_start,
            args=((sound.key, question),),
        )  # fmt: skip
        st.caption("This method asks the network many times, which takes some seconds.")
        return None
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, _ASKING)
        st.button("Stop", icon=":material/stop:", key="explain_stop", on_click=_start, args=(None,))

    def told(done: float) -> None:
        bar.progress(done, _ASKING)

    why = kept.of(sound, question, told)
    place.empty()
    return why


def _start(key: tuple[str, Question] | None) -> None:
    st.session_state[_GO] = key


def show(sound: Sound, why: Explanation, duration_s: float, narrow: bool) -> None:
    """Draw the mask over the spectrogram, the three sounds with their answers, the downloads."""
    passage = cache.passage(sound, why.question.window)
    st.markdown(f"**{why.summary()}**")
    widgets.chart(
        figures.mask_figure(why, duration_s, narrow),
        key="explain_mask",
        shows=passage,
        alt=f"What speaks for {spoken(why.question.target)}, over the spectrogram. {why.summary()}",
    )
    st.caption(playhead.help_text(narrow))
    columns = st.columns(3, gap="medium")
    for column, (part, title) in zip(columns, _PARTS.items(), strict=True):
        with column, playhead.player(passage, part):
            _show_part(why, part, title)
    name = f"{PurePath(sound.name).stem}-{why.question.method}"
    with st.container(horizontal=True):
        st.download_button(
            "Picture", lambda: explanation_png(why), f"{name}.png", on_click="ignore",
            icon=":material/image:", help="The mask over the spectrogram (PNG)",
        )  # fmt: skip
        st.download_button(
            "Mask", why.to_npz, f"{name}.npz", on_click="ignore", icon=":material/data_array:",
            help="mask (mel, frame), frequency_hz, time_s, decibels (NPZ)",
        )  # fmt: skip
        for part, samples in (("kept", why.kept), ("rest", why.rest)):
            st.download_button(
                _PARTS[part], partial(wav, samples, why.sample_rate_hz),
                f"{name}-{part}.wav", on_click="ignore", icon=":material/download:",
                key=f"explain_download_{part}", help="At its own level, 32-bit float (WAV)",
            )  # fmt: skip


def _show_part(why: Explanation, part: str, title: str) -> None:
    """Draw one of the sounds: its player, its probability of the class, its answer."""
    samples = {"full": why.heard, "kept": why.kept, "rest": why.rest}[part]
    matched, gain_db = level_matched(samples, why.heard)
    energy = why.energy_kept if part == "kept" else None
    share = "" if energy is None else f" · {percent(energy)} of the energy"
    probability = percent(why.probabilities[part])
    st.markdown(
        f"**{title}**{share}  \n{literal(spoken(why.question.target))} :primary[{probability}]"
    )
    if not why.answers[part]:
        st.caption("Nothing to hear.")
        return
    st.audio(wav(matched, why.sample_rate_hz), format="audio/wav", alt=f"Player: {title.lower()}")
    louder = f", played {gain_db:.0f} dB louder" if gain_db >= 1 else ""
    st.caption(literal(why.verdicts[part] + louder))
