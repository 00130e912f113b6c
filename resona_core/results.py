"""What else the engine answers: pictures, layers, and the words for a classification."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from resona_core.classification import Classification, Prediction
from resona_core.labels import in_sentence


def energy(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """Return how strongly anything known is heard, (window,): logsumexp(logits / temperature).

    Source: Liu et al., "Energy-based Out-of-distribution Detection", 2020, equation 4 with the
    sign turned and without the factor before the logarithm, so that more means better known.
    """
    return np.asarray(logsumexp(logits / temperature, axis=-1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """A log-mel picture with its axes.

    Attributes
    ----------
    decibels : ndarray (mel, frame), dB re its own maximum
    frequency_hz : ndarray (mel,), rising
    time_s : ndarray (frame,), centres of the frames
    """

    decibels: NDArray[np.float32]
    frequency_hz: NDArray[np.float64]
    time_s: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """A layer's output for one window, on the sound's own axes.

    Attributes
    ----------
    layer : str
        Its name.
    maps : ndarray (channel, mel, frame), float32, >= 0
    frequency_hz : ndarray (mel,)
        Centre frequency of each row; row 0 is the lowest.
    time_s : ndarray (frame,)
        Centre of each column, in seconds from the window's start.
    """

    layer: str
    maps: NDArray[np.float32]
    frequency_hz: NDArray[np.float64]
    time_s: NDArray[np.float64]

    def to_npz(self) -> bytes:
        """Return an .npz file with the arrays maps, frequency_hz and time_s."""
        file = io.BytesIO()
        np.savez_compressed(
            file, maps=self.maps, frequency_hz=self.frequency_hz, time_s=self.time_s
        )
        return file.getvalue()


@dataclass(frozen=True)
class LayerDescription:
    """A layer as users read about it.

    `height` and `width` are the cells of one window (mel, frame). The receptive field is
    what one cell can see: `receptive_field_s` seconds by `receptive_field_mels` mel bins;
    it may be larger than the picture.
    """

    name: str
    channels: int
    height: int
    width: int
    parameters: int
    receptive_field_mels: int
    receptive_field_s: float
    meaning: str


@dataclass(frozen=True)
class Verdict:
    """The answer in words: a headline, a reason, and whether it is worth trusting."""

    headline: str
    reason: str
    certain: bool


CLAIMS = ((0.9, "Almost certainly"), (0.7, "Probably"), (0.5, "More likely than not"))
"""The least probability of each wording, the boldest first."""


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
            "No part of this sound rises above silence (80 dB under full scale).",
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
        f"Unsure: {first_name} or {second_name}",
        f"No class reaches one half: {first_name} has {percent(best.probability)}, {runner_up}.",
        certain=False,
    )


def percent(share: float) -> str:
    """Write a share for people: "93 %", "0.4 %", "< 0.1 %"; never 100 % for less than all."""
    value = 100 * share
    if value >= 99.5:
        return "> 99 %" if share < 1 else "100 %"
    if value >= 9.95:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 0.1 else "< 0.1 %"
