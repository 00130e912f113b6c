"""What the network hears in a sound: window by window, and on the whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from resona_core.beginning import Beginning
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
        Windows with nothing to hear, or nothing that the network can.
    kinds : tuple of str
        What a network tells apart that also learnt sounds of no class: first, that a sound is
        of any of the classes, then kinds of all others; empty: it does not.
    window_kinds : ndarray (window, kind) or None
        The probability of each kind, zeros for a silent window; None without kinds.
    known_floor : float, 0 to 1
        With less probability of the first kind, a sound is none of the classes.
    beyond : ndarray (window,), bool, or None
        Windows that are silent only because what sounds in them lies above what the network
        hears; None: not asked.
    heard_s : float or None
        How long the sound is, or how far it has been heard, in seconds; None: not known.
    warnings : tuple of str
        What the listener must know, a sentence each: what happened, what was done about it.
    precision : str
        The numbers that the network computed with: "float32" or "int8"; "": not known.
    """

    labels: tuple[str, ...]
    window_s: float
    window_starts_s: NDArray[np.float64]
    window_probabilities: NDArray[np.float32]
    silent: NDArray[np.bool_]
    kinds: tuple[str, ...] = field(default=(), kw_only=True)
    window_kinds: NDArray[np.float32] | None = field(default=None, kw_only=True)
    known_floor: float = field(default=0.5, kw_only=True)
    beyond: NDArray[np.bool_] | None = field(default=None, kw_only=True)
    heard_s: float | None = field(default=None, kw_only=True)
    warnings: tuple[str, ...] = field(default=(), kw_only=True)
    precision: str = field(default="", kw_only=True)

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return len(self.silent)

    @property
    def nothing_to_hear(self) -> bool:
        """Whether every window is silent."""
        return bool(self.silent.all())

    def too_high(self, window: int | None = None) -> bool:
        """Tell whether all that sounds, here or in a window, is above what the network hears."""
        if self.beyond is None:
            return False
        if window is not None:
            self.check_window(window)
            return bool(self.beyond[window])
        return self.nothing_to_hear and bool(self.beyond.any())

    @property
    def known(self) -> NDArray[np.bool_] | None:
        """Whether each window sounds like any of the classes, (window,); None: not measured."""
        if self.window_kinds is None:
            return None
        return ~self.silent & (self.window_kinds[:, 0] >= self.known_floor)

    @property
    def strange(self) -> NDArray[np.bool_]:
        """Whether each window sounds, but like none of the classes, (window,)."""
        known = self.known
        return np.zeros(self.n_windows, bool) if known is None else ~self.silent & ~known

    def kind_probabilities(self, window: int | None = None) -> NDArray[np.float32] | None:
        """Return the probability of each kind, (kind,), of the clip or of one window.

        The clip's is the mean over the windows that sound, as its classes' is: a minute of
        speech stays speech, though one window be taken for a crow. None for silence, and where
        nothing measures it.

        Raises
        ------
        RequestError
            If the window does not exist.
        """
        sounding = ~self.silent
        if window is not None:
            self.check_window(window)
            sounding = sounding & (np.arange(self.n_windows) == window)
        if self.window_kinds is None or not sounding.any():
            return None
        mean: NDArray[np.float32] = self.window_kinds[sounding].mean(axis=0)
        return mean

    def is_known(self, window: int | None = None) -> bool | None:
        """Tell whether the clip, or one window, is of any of the classes; None: not measured."""
        probabilities = self.kind_probabilities(window)
        return None if probabilities is None else bool(probabilities[0] >= self.known_floor)

    def kind(self, window: int | None = None) -> str | None:
        """Return what a clip, or a window, of no class is more like; None for all others."""
        probabilities = self.kind_probabilities(window)
        if probabilities is None or self.is_known(window):
            return None
        return self.kinds[1 + int(probabilities[1:].argmax())]

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

    def followed_by(self, part: Self) -> Self:
        """Return this answer with `part`, for what was heard next, at its end."""
        kinds = [each.window_kinds for each in (self, part) if each.window_kinds is not None]
        beyond = [each.beyond for each in (self, part) if each.beyond is not None]
        return replace(
            part,
            window_starts_s=np.concatenate([self.window_starts_s, part.window_starts_s]),
            window_probabilities=np.concatenate(
                [self.window_probabilities, part.window_probabilities]
            ),
            silent=np.concatenate([self.silent, part.silent]),
            window_kinds=np.concatenate(kinds) if len(kinds) == 2 else None,
            beyond=np.concatenate(beyond) if len(beyond) == 2 else None,
        )


@dataclass(frozen=True, eq=False)
class Timeline(Classification):
    """The answer for a recording of hours, or for as much of it as has been heard.

    Attributes
    ----------
    heard_s : float
        How far it has been heard, in seconds.
    total_s : float or None
        How long its header says it is, when it does.
    began : Beginning or None
        When it was recorded, where its name or its own data tells.
    heard_hz : (float, float)
        The lowest and the highest frequency that the network hears of it; zeros: not known.
    """

    heard_s: float = field()
    total_s: float | None
    began: Beginning | None = field(default=None, kw_only=True)
    heard_hz: tuple[float, float] = field(default=(0.0, 0.0), kw_only=True)

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
