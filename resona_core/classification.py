"""What the network hears in a sound: window by window, and on the whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import RequestError


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
