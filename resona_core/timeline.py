"""What happens when in a recording: probabilities over time -> events.

Pure functions of a :class:`Timeline`: another threshold or smoothing asks no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray

from resona_core.classification import Timeline
from resona_core.errors import RequestError

Floats = NDArray[np.float32]

SHORTEST_S = 0.3
"""Shorter sounds are too short to judge: of ESC-50's clips of fold 3, cut to their loudest 0.1,
0.2, 0.3 and 0.5 s, 29, 54, 71 and 83 % are given their class by the shipped weights, which have
learnt them whole (``python -m tests.core.cut_clips --data ESC-50 --fold 3 --clips 120``)."""


@dataclass(frozen=True)
class Event:
    """A stretch in which one class stays at the threshold or above.

    Times in seconds from the recording's start; `probability` is the highest reached.
    """

    start_s: float
    end_s: float
    label: str
    probability: float


@dataclass(frozen=True)
class Stretch:
    """A stretch that sounds like none of the classes; `kind` is what it is more like.

    Times in seconds from the recording's start.
    """

    start_s: float
    end_s: float
    kind: str


@dataclass(frozen=True)
class Rules:
    """What counts as an event.

    Attributes
    ----------
    threshold : float, above 0 to 1
        The least probability.
    smooth_s : float, >= 0
        Length of the moving average over the windows, in seconds; 0: none.
    top : int or None, >= 1
        Only the classes that rise highest, so many; None: all.

    Raises
    ------
    RequestError
        For a value out of range.
    """

    threshold: float = 0.5
    smooth_s: float = 0.0
    top: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise RequestError(f"The threshold is {self.threshold:g}; choose above 0, up to 1.")
        if not 0 <= self.smooth_s < float("inf"):
            raise RequestError(f"The smoothing is {self.smooth_s:g} s; choose 0 s or more.")
        if self.top is not None and self.top < 1:
            raise RequestError(f"{self.top} classes were asked for; ask for 1 or more.")


def smoothed(timeline: Timeline, smooth_s: float) -> Floats:
    """Return each window's mean with its neighbours, (window, class).

    A neighbour counts when its middle lies within half of `smooth_s` of the window's own; at
    both ends there are fewer. A window that is silent or none of the classes counts with
    probability 0 for every class; so does one that is none of them after smoothing, so that an
    event and a stretch of none never meet.
    """
    heard = timeline.window_probabilities * ~timeline.strange[:, None]
    strange = _is_strange(timeline, other_kinds(timeline, smooth_s))
    return _averaged(timeline, heard, smooth_s) * ~strange[:, None]


def other_kinds(timeline: Timeline, smooth_s: float) -> Floats:
    """Return the probability of each kind but the first, (window, kind - 1), smoothed alike.

    The sum over the kinds is the probability of none of the classes. A silent window counts
    with 0; where nothing measures the kinds there are none.
    """
    if timeline.window_kinds is None:
        return np.zeros((timeline.n_windows, 0), np.float32)
    return _averaged(timeline, timeline.window_kinds[:, 1:], smooth_s)


def _is_strange(timeline: Timeline, others: Floats) -> NDArray[np.bool_]:
    """Tell which windows are none of the classes, (window,), from :func:`other_kinds`."""
    return np.asarray(others.sum(axis=1) > 1 - timeline.known_floor)


def _averaged(timeline: Timeline, values: Floats, smooth_s: float) -> Floats:
    """Return each window's mean with its neighbours, (window, column), for :func:`smoothed`."""
    centres_s = timeline.centres_s
    reach_s = smooth_s / 2 + 1e-9  # so that a neighbour exactly there counts
    first = np.searchsorted(centres_s, centres_s - reach_s)
    end = np.searchsorted(centres_s, centres_s + reach_s, side="right")
    total = np.cumsum(values, axis=0, dtype=np.float64)
    total = np.concatenate([np.zeros((1, total.shape[1])), total])
    return ((total[end] - total[first]) / (end - first)[:, None]).astype(np.float32)


def rising_highest(probabilities: Floats, top: int | None = None) -> list[int]:
    """Return the classes by their highest probability (window, class), the highest first."""
    return [int(i) for i in np.argsort(-probabilities.max(axis=0), kind="stable")[:top]]


def in_order_of_time(
    timeline: Timeline, probabilities: Floats, columns: Iterable[int], events: Iterable[Event]
) -> list[int]:
    """Return classes in the order in which they are heard.

    First those with events, by the start of the first; then the others, by the time of their
    highest probability (window, class).
    """
    starts: dict[str, float] = {}
    for event in events:
        starts[event.label] = min(event.start_s, starts.get(event.label, event.start_s))
    peaks = timeline.centres_s[probabilities.argmax(axis=0)]

    def moment(column: int) -> tuple[bool, float]:
        start_s = starts.get(timeline.labels[column])
        return start_s is None, float(peaks[column]) if start_s is None else start_s

    return sorted(columns, key=moment)


def told_apart(names: Sequence[str]) -> list[str]:
    """Return the names, each different: a second "night.wav" becomes "night (2).wav".

    Examples
    --------
    >>> told_apart(["night.wav", "day.wav", "night.wav"])
    ['night.wav', 'day.wav', 'night (2).wav']
    """
    given: list[str] = []
    for name in names:
        stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
        candidates = chain([name], (f"{stem} ({number}){dot}{ending}" for number in count(2)))
        taken = {*given, *(other for other in names if other != name)}
        given.append(next(candidate for candidate in candidates if candidate not in taken))
    return given


def find_events(timeline: Timeline, rules: Rules) -> tuple[Event, ...]:
    """Return the events in the order of their starts, the more probable first.

    An event is as many windows in a row as hold the threshold after smoothing. It reaches
    from where the first of them takes over from the window before to where the last hands
    over to the next (:attr:`Timeline.edges_s`). A sound shorter than `SHORTEST_S` has none.
    """
    if timeline.heard_s < SHORTEST_S:
        return ()
    probabilities = smoothed(timeline, rules.smooth_s)
    edges_s = timeline.edges_s
    found = [
        Event(
            start_s=float(edges_s[first]),
            end_s=float(edges_s[end]),
            label=timeline.labels[column],
            probability=float(probabilities[first:end, column].max()),
        )
        for column in rising_highest(probabilities, rules.top)
        for first, end in _runs(probabilities[:, column] >= rules.threshold)
    ]
    return tuple(sorted(found, key=lambda event: (event.start_s, -event.probability)))


def find_stretches(timeline: Timeline, smooth_s: float) -> tuple[Stretch, ...]:
    """Return in order where a recording is none of the classes; a change of kind begins anew.

    Smoothing is that of the events: it closes short gaps, and short stretches vanish. A sound
    shorter than `SHORTEST_S` has none.
    """
    if timeline.heard_s < SHORTEST_S:
        return ()
    others = other_kinds(timeline, smooth_s)
    strange = _is_strange(timeline, others)
    edges_s = timeline.edges_s
    found = [
        Stretch(float(edges_s[first]), float(edges_s[end]), kind)
        for column, kind in enumerate(timeline.kinds[1:])
        for first, end in _runs(strange & (others.argmax(axis=1) == column))
    ]
    return tuple(sorted(found, key=lambda stretch: stretch.start_s))


def _runs(held: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and end (exclusive) of each run of True."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]])))
    return [(int(first), int(end)) for first, end in changes.reshape(-1, 2)]


@dataclass(frozen=True, eq=False)
class Report:
    """The events of one recording, and what is none of its classes, for :mod:`resona_core.tables`.

    Attributes
    ----------
    file : str
        The recording's name.
    timeline : Timeline
    rules : Rules
        By which the events were found.
    """

    file: str
    timeline: Timeline
    rules: Rules

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What was found; a page and each download ask for it again."""
        return find_events(self.timeline, self.rules)

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """Where it sounds like none of the classes."""
        return find_stretches(self.timeline, self.rules.smooth_s)
