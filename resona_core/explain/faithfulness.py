"""How faithful explanations are, in figures; and what keeps those figures honest.

The first five are the published ones. A mask that only this network falls for wins all of them, and
so does one that keeps everything; the others show it. Each figure is a mean over clips, and so has
a confidence interval by drawing the clips again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MEANINGS = {
    "AI": "Increase in confidence: the share of clips in whose kept part the class is more certain "
    "than in the whole, in %; more is better.",
    "AD": "Average drop: the share of its probability that the class loses in the kept part, in %; "
    "less is better.",
    "AG": "Average gain: the share of what the probability lacked that it gains in the kept part, "
    "in %; more is better.",
    "FF": "Faithfulness: the probability that the class loses when the kept part is taken away, "
    "-1 to 1; more is better.",
    "Fid-In": "Input fidelity: the share of clips whose kept part gets the same answer as the "
    "whole; more is better.",
    "energy kept": "The share of the sound's energy that the mask keeps: who keeps everything "
    "loses nothing.",
    "area kept": "The share of the spectrogram that the mask keeps.",
    "false class": "How often the mask for a class that is not in the sound makes the network say "
    "it; less is better.",
    "SNR gain": "By how many dB the clip rises over the sound mixed into it; more is better.",
    "ear whole": "How often another network hears the class in the whole sound: what the next two "
    "are to be held against.",
    "ear kept": "How often another network hears the class in the kept part; more is better.",
    "ear rest": "How often another network still hears the class in the rest; less is better.",
    "change": "1 minus the correlation with the mask for random weights, 0 to 2; near 0 the method "
    "never looked at the weights.",
    "seconds": "How long an explanation takes, without hearing the parts.",
}
"""Each figure, in the order of the table, and what it says: for people."""

FIGURES = tuple(MEANINGS)

SEPARATED = "perfect separation"
"""The mask of one who knows what was mixed in: of each cell the share of its energy that is the
clip's. It explains nothing, but says what the figures are worth where nothing is left to guess."""

_DRAWS, _INTERVAL = 1000, (2.5, 97.5)  # %: 95 lie between
_BENT = (-12.0, 12.0)  # binary logarithms of the exponents by which noise is bent


@dataclass(frozen=True)
class Trial:
    """One clip, explained by one method.

    What is not known is NaN, and counts in no mean.

    Attributes
    ----------
    full, kept, rest : ndarray (class,)
        Probabilities for the whole sound, the kept and the left part; of silence all 0.
    target : int
        The class that was explained.
    energy_kept, area_kept : float, 0 to 1
    false_probability : float
        Of another class, which does not sound: in what the mask keeps that was asked for it.
    gain_db : float
        By how much the kept part lifts the wanted sound over the one mixed in.
    ear_whole, ear_kept, ear_rest : float
        1 where an outside ear hears the class in the whole or the part, else 0.
    change : float
        Of the mask, once the network's weights are random; see :func:`change`.
    seconds : float
    """

    full: Floats
    kept: Floats
    rest: Floats
    target: int
    energy_kept: float
    area_kept: float
    false_probability: float = nan
    gain_db: float = nan
    ear_whole: float = nan
    ear_kept: float = nan
    ear_rest: float = nan
    change: float = nan
    seconds: float = nan

    def values(self) -> dict[str, float]:
        """Return what the clip adds to each figure's mean."""
        p, inside, outside = (float(x[self.target]) for x in (self.full, self.kept, self.rest))
        named = (
            100 * increases(self.full, self.kept, self.target), 100 * drop(p, inside),
            100 * gain(p, inside), p - outside,
            float(self.kept.argmax() == self.full.argmax() and self.kept.any()),
            self.energy_kept, self.area_kept,
            nan if np.isnan(self.false_probability) else float(self.false_probability > 0.5),
            self.gain_db, self.ear_whole, self.ear_kept, self.ear_rest, self.change, self.seconds,
        )  # fmt: skip
        return dict(zip(FIGURES, named, strict=True))


def increases(full: Floats, kept: Floats, target: int) -> bool:
    """Tell whether the class is more certain in the kept part: averaged, AI.

    By log-odds: two probabilities near 1 are the same number long before they are equally sure.

    Source: Chattopadhyay et al., "Grad-CAM++", WACV 2018 (increase in confidence).

    Examples
    --------
    >>> increases(np.float32([1.0, 1e-9]), np.float32([1.0, 1e-12]), 0)
    True
    """
    return log_odds(kept, target) > log_odds(full, target)


def log_odds(probabilities: Floats, target: int) -> float:
    """Return the class's log-odds, from all classes' probabilities; of silence minus infinity."""
    own = float(probabilities[target])
    others = float(np.delete(probabilities, target).astype(np.float64).sum())
    return float(np.log(own) - np.log(max(others, 1e-300))) if own > 0 else -np.inf


def drop(p: float, inside: float) -> float:
    """Return the share of its probability that the class loses in the kept part: averaged, AD.

    Source: Chattopadhyay et al., "Grad-CAM++", WACV 2018 (average drop). SpeechBrain's L-MAC
    applies softmax to probabilities first; this is the textbook's form.

    Examples
    --------
    >>> drop(0.5, 0.375), drop(0.5, 0.75)
    (0.25, 0.0)
    """
    return max(0.0, p - inside) / max(p, 1e-12)


def gain(p: float, inside: float) -> float:
    """Return the share of what the class's probability lacked that it gains: averaged, AG.

    Source: Zhang et al., "Opti-CAM", 2024 (average gain).

    Examples
    --------
    >>> gain(0.5, 0.75), gain(0.5, 0.25), gain(1.0, 1.0)
    (0.5, 0.0, 0.0)
    """
    return max(0.0, inside - p) / max(1 - p, 1e-12)


def change(mask: Floats, random: Floats) -> float:
    """Return 1 minus the correlation of two masks: 0 where they are alike, 1 where unrelated.

    Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. Theirs is a rank
    correlation. A mask that does not vary has no correlation: NaN.
    """
    if min(mask.std(), random.std()) < 1e-6:
        return nan
    return 1 - float(np.corrcoef(mask.ravel(), random.ravel())[0, 1])


def gain_db(wanted: Sequence[Floats], other: Sequence[Floats]) -> float:
    """Return by how many dB the wanted sound rose over the other, each given (before, after)."""
    before, after = (
        10 * np.log10(max(float(np.var(a)), 1e-20) / max(float(np.var(b)), 1e-20))
        for a, b in zip(wanted, other, strict=True)
    )
    return float(after - before)


def matched(noise: Floats, power: Floats, wanted: float) -> Floats:
    """Return noise as a mask that keeps a share of something: a method's equal, but blind.

    Parameters
    ----------
    noise : ndarray (mel, frame), 0 to 1
    power : ndarray (mel, frame)
        What is kept counts as the mask times this; ones for the area.
    wanted : float, 0 to 1
        The share that is to be kept; met by bending the noise by a power.
    """
    low, high = _BENT
    for _ in range(40):
        middle = (low + high) / 2
        share = float((noise ** (2.0**middle) * power).sum() / max(float(power.sum()), 1e-20))
        low, high = (middle, high) if share > wanted else (low, middle)
    return np.asarray(noise ** (2.0**low), dtype=np.float32)


@dataclass(frozen=True)
class Figure:
    """A mean over clips, and the interval in which 95 % of the means of clips drawn again lie."""

    mean: float
    low: float
    high: float
    clips: int


def figures(clips: Sequence[Mapping[str, float]], seed: int) -> dict[str, Figure]:
    """Return those of `FIGURES` that any clip adds to.

    Parameters
    ----------
    clips : sequence of mapping
        What each clip adds, as :meth:`Trial.values` has it; what is missing is not known.
    seed : int
        Of the interval. Source: Efron, "Bootstrap methods", 1979 (percentiles).
    """
    columns = {name: np.array([each.get(name, nan) for each in clips]) for name in FIGURES}
    known = {name: column[~np.isnan(column)] for name, column in columns.items()}
    return {name: _figure(column, seed) for name, column in known.items() if len(column)}


def _figure(column: NDArray[np.float64], seed: int) -> Figure:
    drawn = np.random.default_rng(seed).integers(len(column), size=(_DRAWS, len(column)))
    means = column[drawn].mean(axis=1)
    low, high = np.percentile(means, _INTERVAL)
    return Figure(float(column.mean()), float(low), float(high), len(column))


def table(found: Mapping[str, Mapping[str, Figure]]) -> str:
    """Return a row a method and a column a figure, with intervals, as Markdown."""
    names = [name for name in FIGURES if any(name in each for each in found.values())]
    head = ["method", *names]
    rows = [head]
    for method, each in found.items():
        cells = (cell(each[name]) if name in each else "-" for name in names)
        rows.append([method, *cells])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines)


def cell(figure: Figure) -> str:
    """Return a figure as a table has it.

    Examples
    --------
    >>> cell(Figure(0.8421, 0.7, 0.9, clips=60))
    '0.84 (0.7 to 0.9)'
    >>> cell(Figure(-1e-17, -2e-5, 0.0014, clips=60))
    '0 (0 to 0.001)'
    """
    return f"{_short(figure.mean)} ({_short(figure.low)} to {_short(figure.high)})"


def _short(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 10 else f"{round(number, 3) + 0.0:.2g}"  # never -0
