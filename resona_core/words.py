"""What people read, in one vocabulary: the verdict, numbers as text, what a layer responds to.

Results are data; only this module puts them into sentences. "Sound" is what the user brought,
"window" a part of it, "class" what the network can name it as.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from resona_core.classification import Classification, Prediction
from resona_core.config import TEST_FOLD
from resona_core.labels import in_sentence
from resona_core.timeline import SHORTEST_S, Report

CLAIMS = ((0.9, "Almost certainly"), (0.7, "Probably"), (0.5, "More likely than not"))
"""The least probability of each wording, the boldest first."""

_WORTH_KEEPING = 0.1  # a share of less confidence says nothing

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
        return _nothing(answer, window)
    if answer.heard_s is not None and answer.heard_s < SHORTEST_S:
        return _too_short(answer.heard_s, top[0])
    if answer.is_known(window) is False:
        return _none_of_them(answer, window, in_sentence(top[0].label))
    return _most_probable(top)


def _nothing(answer: Classification, window: int | None) -> Verdict:
    """Say why there is no class: silence, or a sound that the network cannot hear."""
    if answer.too_high(window):
        reason = "What sounds here lies above what the network hears."
        return Verdict("Too high for this network", reason, certain=False)
    return Verdict("Nothing to hear", "No part of this sound rises above silence.", certain=False)


def _too_short(heard_s: float, best: Prediction) -> Verdict:
    """Say that there is too little of a sound, and what the network would call it."""
    reason = (
        f"The sound lasts {seconds(heard_s)}; below {seconds(SHORTEST_S)} too many answers are "
        f"wrong. This one would be {in_sentence(best.label)}, {percent(best.probability)}."
    )
    return Verdict("Too short to judge", reason, certain=False)


def _none_of_them(answer: Classification, window: int | None, nearest: str) -> Verdict:
    """Say that a sound is of no class, and what it is more like, where that has a name."""
    kind, probabilities = answer.kind(window), answer.kind_probabilities(window)
    assert probabilities is not None
    nature = "" if kind in (None, "other") else f": more like {kind}"
    reason = (
        f"The probability that it is one of them is {percent(float(probabilities[0]))}; "
        f"the nearest would be {nearest}."
    )
    if window is None:
        reason += _part_of_a_class(answer)
    headline = f"None of the {len(answer.labels)} sounds it knows{nature}"
    return Verdict(headline, reason, certain=False)


def _part_of_a_class(answer: Classification) -> str:
    """Say where a sound that is of no class on the whole has a part that is; "" if nowhere."""
    known = answer.known
    assert known is not None
    of_parts = answer.window_probabilities * known[:, None]
    place, number = divmod(int(of_parts.argmax()), len(answer.labels))
    if (best := float(of_parts[place, number])) < CLAIMS[-1][0]:
        return ""
    at, label = clock(answer.window_starts_s[place]), in_sentence(answer.labels[number])
    return f" The part from {at} on is one, though: {label}, {percent(best)}."


def _most_probable(top: tuple[Prediction, ...]) -> Verdict:
    """Say which class it is, as surely as its probability allows."""
    best, second = top
    first_name, second_name = in_sentence(best.label), in_sentence(second.label)
    runner_up = f"next is {second_name} with {percent(second.probability)}"
    for least, claim in CLAIMS:
        if best.probability >= least:
            reason = f"The network gives it {percent(best.probability)}; {runner_up}."
            return Verdict(f"{claim} {first_name}", reason, certain=least >= 0.7)
    return Verdict(
        f"{UNSURE}: {first_name} or {second_name}",
        f"No class reaches 50 %: {first_name} has {percent(best.probability)}, {runner_up}.",
        certain=False,
    )


def claim(probability: float) -> str:
    """Return the wording that a probability, 0 to 1, allows: "Probably"."""
    return next((words for least, words in CLAIMS if probability >= least), UNSURE)


def none_in_words(report: Report) -> str:
    """Say how much is none of the classes: "12 % none of the 50, mostly speech"; "" for nothing."""
    if report.timeline.heard_s < SHORTEST_S:
        return "too short to judge"
    if not report.stretches:
        return ""
    length_s: defaultdict[str, float] = defaultdict(float)
    for stretch in report.stretches:
        length_s[stretch.kind] += stretch.end_s - stretch.start_s
    kind, total_s = max(length_s, key=length_s.__getitem__), sum(length_s.values())
    mostly = f", mostly {kind}" if kind != "other" and length_s[kind] > total_s / 2 else ""
    n_classes = len(report.timeline.labels)
    return f"{percent(total_s / report.timeline.heard_s)} none of the {n_classes}{mostly}"


def began_in_words(report: Report) -> str:
    """Say when a recording began, and what tells it; "" where nothing does."""
    began = report.timeline.began
    if began is None:
        return ""
    zone = f", UTC{began.utc_offset}" if began.utc_offset else ", time zone not known"
    return f"began {began.moment:%Y-%m-%d %H:%M:%S} ({began.source}{zone})"


def counted(number: int, noun: str) -> str:
    """Return a number of things whose plural ends in s.

    Examples
    --------
    >>> counted(1, "event"), counted(0, "event"), counted(1200, "event")
    ('1 event', '0 events', '1,200 events')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """Write a share for people; never 100 % for less than all.

    Examples
    --------
    >>> percent(0.934), percent(0.004), percent(0.0001), percent(0.9999)
    ('93 %', '0.4 %', '< 0.1 %', '> 99 %')
    """
    value = 100 * share
    if value >= 99.5:
        return "> 99 %" if share < 1 else "100 %"
    if value >= 9.95:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 0.1 else "< 0.1 %"


def faithfulness(energy_kept: float, full: float, kept: float, rest: float) -> str:
    """Say what a part of a sound, and the rest of it, do to the probability of a class.

    Examples
    --------
    >>> faithfulness(0.12, full=0.8, kept=0.76, rest=0.02)
    'Keeping this 12 % of the energy keeps 95 % of the confidence; without it 2.5 % is left.'
    >>> faithfulness(0.012, full=0.002, kept=0.98, rest=0.001)
    'The whole is given 0.2 %, this 1.2 % of the energy 98 %, and what is left over 0.1 %.'
    """
    if full < _WORTH_KEEPING:
        return (
            f"The whole is given {percent(full)}, this {percent(energy_kept)} of the energy "
            f"{percent(kept)}, and what is left over {percent(rest)}."
        )
    kept, rest = (part / full for part in (kept, rest))
    return (
        f"Keeping this {percent(energy_kept)} of the energy keeps {percent(kept)} of the "
        f"confidence; without it {percent(rest)} is left."
    )


def duration(length_s: float) -> str:
    """Write a length for people: "1 ms", "0.02 s", "5.0 s", and from 100 s on "10:00.0"."""
    if length_s < 0.00995:
        return f"{1000 * length_s:.2g} ms"
    return seconds(length_s) if length_s < 99.95 else clock(length_s)


def clock(seconds: float) -> str:
    """Write a time as one reads it from a recorder.

    Examples
    --------
    >>> clock(12.5), clock(3723)
    ('0:12.5', '1:02:03.0')
    """
    tenths = round(10 * seconds)
    hours, minutes = divmod(tenths // 600, 60)
    rest = f"{tenths % 600 // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def seconds(value: float) -> str:
    """Write a length of time: "60.0 s", "0.3 s"; below a tenth of a second "0.02 s"."""
    return f"{value:.1g} s" if 0 < value < 0.095 else f"{value:.1f} s"


def layer_meaning(name: str) -> str:
    """Say what a layer such as "layer2.1" tends to respond to; "" for one without a sentence."""
    return _LAYER_MEANINGS.get(name.split(".")[0], "")


def folds_text(folds: Collection[int]) -> str:
    """Name folds: "fold 3", "folds 1, 2, 5"; "the test split" for what the data keeps for it."""
    if set(folds) == {TEST_FOLD}:
        return "the test split"
    return f"fold{'s' * (len(folds) != 1)} {', '.join(map(str, folds))}"


def method_name(method: str) -> str:
    """Name a method of explanation: "Grad-CAM", "Integrated gradients"."""
    return "Grad-CAM" if method == "grad-cam" else method.replace("-", " ").capitalize()
