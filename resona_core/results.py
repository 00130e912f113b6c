"""What the engine answers: frozen records, and the words that go with them."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from resona_core.errors import RequestError
from resona_core.labels import in_sentence


def energy(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """Return how strongly anything known is heard, (window,): logsumexp(logits / temperature).

    Source: Liu et al., "Energy-based Out-of-distribution Detection", 2020, equation 4 with the
    sign turned and without the factor before the logarithm, so that more means better known.
    """
    return np.asarray(logsumexp(logits / temperature, axis=-1), dtype=np.float32)


@dataclass(frozen=True)
class Prediction:
    """One class and its probability, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, eq=False)
class Classification:
    """The answer for one clip: per window, and averaged over the windows that sound.

    Attributes
    ----------
    labels : tuple of str
        The classes.
    window_s : float
        Length of a window in seconds.
    window_starts_s : ndarray (window,)
        Where each window begins, in seconds.
    window_probabilities : ndarray (window, class)
        Zeros for a silent window.
    silent : ndarray (window,), bool
        Windows with nothing to hear.
    """

    labels: tuple[str, ...]
    window_s: float
    window_starts_s: NDArray[np.float64]
    window_probabilities: NDArray[np.float32]
    silent: NDArray[np.bool_]

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return len(self.silent)

    @property
    def nothing_to_hear(self) -> bool:
        """Whether every window is silent."""
        return bool(self.silent.all())

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Mean over the windows that sound, (class,); zeros when none does."""
        sounding = max(1, int((~self.silent).sum()))
        mean: NDArray[np.float32] = self.window_probabilities.sum(axis=0) / sounding
        return mean

    def top(self, k: int, window: int | None = None) -> tuple[Prediction, ...]:
        """Return the `k` most probable classes of the clip, or of one window; none in silence.

        Raises
        ------
        RequestError
            If `k` is below 1 or the window does not exist.
        """
        if k < 1:
            raise RequestError(f"{k} classes were asked for; ask for 1 to {len(self.labels)}.")
        if window is None:
            silent, probabilities = self.nothing_to_hear, self.probabilities
        else:
            self.check_window(window)
            silent, probabilities = bool(self.silent[window]), self.window_probabilities[window]
        if silent:
            return ()
        best = np.argsort(-probabilities, kind="stable")[:k]
        return tuple(Prediction(self.labels[i], float(probabilities[i])) for i in best)

    def check_window(self, window: int) -> None:
        """Raise RequestError unless `window` is one of the clip's."""
        if not 0 <= window < self.n_windows:
            raise RequestError(
                f"There is no window {window}; the sound has windows 0 to {self.n_windows - 1}."
            )

    @property
    def decisive_window(self) -> int:
        """The window in which the clip's answer is most probable; 0 in silence."""
        return int(self.window_probabilities[:, int(self.probabilities.argmax())].argmax())


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


@dataclass(frozen=True, eq=False)
class WindowAnswer:
    """Everything one pass gives for one window.

    Attributes
    ----------
    probabilities : ndarray (class,), zeros for a silent window
    maps : dict of str to LayerMaps
        The layers that were asked for.
    """

    probabilities: NDArray[np.float32]
    maps: dict[str, LayerMaps]


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


def verdict(top: tuple[Prediction, ...]) -> Verdict:
    """Put the most probable classes into words that claim no more than the numbers do.

    Parameters
    ----------
    top : tuple of Prediction
        At least the best two, best first; empty for silence.
    """
    if not top:
        return Verdict(
            "Nothing to hear",
            "No part of this sound rises above silence (80 dB under full scale).",
            certain=False,
        )
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
