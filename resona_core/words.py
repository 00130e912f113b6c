"""What people read, in one vocabulary: the verdict, numbers as text, what a layer responds to.

Results are data; only this module puts them into sentences. "Sound" is what the user brought,
"window" a part of it, "class" what the network can name it as.
"""

from __future__ import annotations

from dataclasses import dataclass

from resona_core.classification import Classification, Prediction
from resona_core.labels import in_sentence
from resona_core.timeline import Report

CLAIMS = ((0.9, "Almost certainly"), (0.7, "Probably"), (0.5, "More likely than not"))
"""The least probability of each wording, the boldest first."""

UNSURE = "Unsure"
"""The wording below all of :data:`CLAIMS`."""

_LAYER_MEANINGS = {
    "stem": "Edges: onsets, steady tones, bursts of noise.",
    "layer1": "Strokes: short tones, clicks and textures, still sharp in time and pitch.",
    "layer2": "Shapes: chirps, harmonics side by side, rhythms of a few strokes.",
    "layer3": "Parts of sounds: a bark, a tick, a roar, wherever they occur.",
    "layer4": "Whole sounds: close to the classes the network can name.",
}


@dataclass(frozen=True)
class Verdict:
    """The answer in words: a headline, a reason, and whether it is worth trusting."""

    headline: str
    reason: str
    certain: bool


def verdict(answer: Classification, window: int | None = None) -> Verdict:
    """Put an answer, or that for one window, into words that claim no more than its numbers do.

    Raises
    ------
    RequestError
        If the window does not exist.
    """
    top = answer.top(2, window)
    if not top:
        return Verdict(
            "Nothing to hear",
            "No part of this sound rises above silence (80 dB below full scale).",
            certain=False,
        )
    if answer.is_known(window) is False:
        return _none_of_them(answer, window, in_sentence(top[0].label))
    return _most_probable(top)


def _none_of_them(answer: Classification, window: int | None, nearest: str) -> Verdict:
    """Say that a sound is of no class, and what it rather is, where that has a name."""
    kind, probabilities = answer.kind(window), answer.kind_probabilities(window)
    assert probabilities is not None
    rather = "" if kind in (None, "other") else f": rather {kind}"
    reason = (
        f"The probability that it is one of them is {percent(float(probabilities[0]))}; "
        f"the nearest would be {nearest}."
    )
    headline = f"None of the {len(answer.labels)} sounds it knows{rather}"
    return Verdict(headline, reason, certain=False)


def _most_probable(top: tuple[Prediction, ...]) -> Verdict:
    """Say which class it is, as surely as its probability allows."""
    best, second = top[0], top[min(1, len(top) - 1)]
    first_name, second_name = in_sentence(best.label), in_sentence(second.label)
    runner_up = f"next comes {second_name} with {percent(second.probability)}"
    for least, claim in CLAIMS:
        if best.probability >= least:
            reason = f"The network gives it {percent(best.probability)}; {runner_up}."
            return Verdict(f"{claim} {first_name}", reason, certain=least >= 0.7)
    return Verdict(
        f"{UNSURE}: {first_name} or {second_name}",
        f"No class reaches one half: {first_name} has {percent(best.probability)}, {runner_up}.",
        certain=False,
    )


def claim(probability: float) -> str:
    """Return the wording that a probability, 0 to 1, allows: "Probably"."""
    return next((words for least, words in CLAIMS if probability >= least), UNSURE)


def none_in_words(report: Report) -> str:
    """Say how much is none of the classes: "12 % none of the 50, mostly speech"; "" for nothing."""
    if not report.stretches:
        return ""
    length_s = dict.fromkeys(report.timeline.kinds[1:], 0.0)
    for stretch in report.stretches:
        length_s[stretch.kind] += stretch.end_s - stretch.start_s
    kind, total_s = max(length_s, key=length_s.__getitem__), sum(length_s.values())
    mostly = f", mostly {kind}" if kind != "other" and length_s[kind] > total_s / 2 else ""
    n_classes = len(report.timeline.labels)
    return f"{percent(total_s / report.timeline.heard_s)} none of the {n_classes}{mostly}"


def percent(share: float) -> str:
    """Write a share for people: "93 %", "0.4 %", "< 0.1 %"; never 100 % for less than all."""
    value = 100 * share
    if value >= 99.5:
        return "> 99 %" if share < 1 else "100 %"
    if value >= 9.95:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 0.1 else "< 0.1 %"


def duration(seconds: float) -> str:
    """Write a length for people: 0.001 -> "1 ms", 5 -> "5.0 s", 600 -> "10:00.0"."""
    if seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms"
    return f"{seconds:.1f} s" if seconds < 99.95 else clock(seconds)


def clock(seconds: float) -> str:
    """Write a time as one reads it from a recorder: 12.5 -> "0:12.5", 3723 -> "1:02:03.0"."""
    tenths = round(10 * seconds)
    hours, minutes = divmod(tenths // 600, 60)
    rest = f"{tenths % 600 // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def layer_meaning(name: str) -> str:
    """Say what a layer such as "layer2.1" tends to respond to; "" for one without a sentence."""
    return _LAYER_MEANINGS.get(name.split(".")[0], "")
