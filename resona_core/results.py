"""What the engine answers: frozen records, and the words that go with them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

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
    known : ndarray (window,), bool, or None
        Windows that sound like any of the classes; None where nothing measures it.
    """

    labels: tuple[str, ...]
    window_s: float
    window_starts_s: NDArray[np.float64]
    window_probabilities: NDArray[np.float32]
    silent: NDArray[np.bool_]
    known: NDArray[np.bool_] | None = field(default=None, kw_only=True)

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return len(self.silent)

    @property
    def nothing_to_hear(self) -> bool:
        """Whether every window is silent."""
        return bool(self.silent.all())

    @property
    def none_of_the_classes(self) -> bool:
        """Whether the sound, though not silent, resembles no class in any window."""
        return self.known is not None and not self.nothing_to_hear and not self.known.any()

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
class Timeline(Classification):
    """The answer for a recording of hours, or for as much of it as has been heard.

    Attributes
    ----------
    heard_s : float
        How far it has been heard, in seconds.
    total_s : float or None
        How long its header says it is, when it does.
    """

    heard_s: float
    total_s: float | None

    @property
    def centres_s(self) -> NDArray[np.float64]:
        """The middle of each window, (window,), in seconds."""
        return self.window_starts_s + self.window_s / 2

    @property
    def edges_s(self) -> NDArray[np.float64]:
        """Where one window hands over to the next, (window + 1,), in seconds.

        Windows overlap, so each speaks for the time that is nearer to its middle than to any
        other's; the first also for the beginning, and the last up to the end.
        """
        middles = (self.centres_s[:-1] + self.centres_s[1:]) / 2
        return np.concatenate([[0.0], middles, [self.heard_s]])

    def followed_by(self, part: Timeline) -> Timeline:
        """Return this timeline with `part`, what was heard next, at its end."""
        both = (self, part)
        known = [each.known for each in both if each.known is not None]
        return replace(
            part,
            window_starts_s=np.concatenate([each.window_starts_s for each in both]),
            window_probabilities=np.concatenate([each.window_probabilities for each in both]),
            silent=np.concatenate([each.silent for each in both]),
            known=np.concatenate(known) if len(known) == 2 else None,
        )


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


def verdict(top: tuple[Prediction, ...], known: bool = True) -> Verdict:
    """Put the most probable classes into words that claim no more than the numbers do.

    Parameters
    ----------
    top : tuple of Prediction
        At least the best two, best first; empty for silence.
    known : bool
        Whether the sound resembles any class at all.
    """
    if not top:
        return Verdict(
            "Nothing to hear",
            "No part of this sound rises above silence (80 dB under full scale).",
            certain=False,
        )
    best, second = top[0], top[min(1, len(top) - 1)]
    first_name, second_name = in_sentence(best.label), in_sentence(second.label)
    if not known:
        return Verdict(
            "None of the sounds it knows",
            "This does not sound like any of the classes the network has learnt; the nearest is "
            f"{first_name} with {percent(best.probability)}.",
            certain=False,
        )
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
