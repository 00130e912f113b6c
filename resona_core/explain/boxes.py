"""Boxes on a spectrogram: stretches of time and bands of frequency, to be erased or kept."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import RequestError
from resona_core.explain.shaping import Gain

_FORM = "START:END,LOW:HIGH in seconds and Hz; an end left out is the sound's own"


@dataclass(frozen=True)
class Box:
    """A stretch of time and a band of frequency; by default all of both.

    Attributes
    ----------
    start_s, end_s : float
        In seconds from the sound's start.
    low_hz, high_hz : float

    Raises
    ------
    RequestError
        If it has no size, or one of its edges is no number.
    """

    start_s: float = 0.0
    end_s: float = math.inf
    low_hz: float = 0.0
    high_hz: float = math.inf

    def __post_init__(self) -> None:
        for low, high, unit in (
            (self.start_s, self.end_s, "s"),
            (self.low_hz, self.high_hz, "Hz"),
        ):
            if not low < high:  # NaN too
                raise RequestError(
                    f"The box from {low:g} to {high:g} {unit} has no size; its end must lie above "
                    "its start."
                )

    @classmethod
    def read(cls, text: str) -> Box:
        """Read a box as the command line takes it.

        Raises
        ------
        RequestError
            For any other text.

        Examples
        --------
        >>> Box.read("0.5:1.2,500:4000")
        Box(start_s=0.5, end_s=1.2, low_hz=500.0, high_hz=4000.0)
        >>> Box.read(":,8000:")
        Box(start_s=0.0, end_s=inf, low_hz=8000.0, high_hz=inf)
        """
        number = r"\s*(\d+(?:\.\d*)?|\.\d+)?\s*"
        match = re.fullmatch(f"{number}:{number}(?:,{number}:{number})?", text)
        if match is None:
            raise RequestError(f"{text!r} is no box; write {_FORM}.")
        start, end, low, high = match.groups()
        return cls(
            float(start or 0), float(end or math.inf), float(low or 0), float(high or math.inf)
        )

    def within(self, duration_s: float, highest_hz: float) -> Box:
        """Return the box on a sound of that length and range.

        Where it reaches an edge of the sound it goes on beyond: what leaks over the edge in a
        spectrum belongs to it too.

        Raises
        ------
        RequestError
            If none of it lies in the sound.
        """
        if self.start_s >= duration_s:
            raise RequestError(
                f"The box begins at {self.start_s:g} s, the sound ends at {duration_s:g} s; "
                "draw it on the sound."
            )
        if self.low_hz >= highest_hz:
            raise RequestError(
                f"The box begins at {self.low_hz:g} Hz, the sound ends at {highest_hz:g} Hz; "
                "draw it on the sound."
            )
        return Box(
            self.start_s if self.start_s > 0 else -math.inf,
            self.end_s if self.end_s < duration_s else math.inf,
            self.low_hz if self.low_hz > 0 else -math.inf,
            self.high_hz if self.high_hz < highest_hz else math.inf,
        )

    def covers(
        self, frequency_hz: NDArray[np.float64], time_s: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return which cells lie inside, (bin, frame)."""
        rows = (self.low_hz <= frequency_hz) & (frequency_hz < self.high_hz)
        columns = (self.start_s <= time_s) & (time_s < self.end_s)
        return rows[:, None] & columns


def erasing(boxes: Sequence[Box]) -> Gain:
    """Return the gain that silences what lies in any of the boxes."""
    keeps = keeping(boxes)
    return lambda frequency_hz, time_s: 1 - keeps(frequency_hz, time_s)


def keeping(boxes: Sequence[Box]) -> Gain:
    """Return the gain that silences what lies in none of the boxes."""

    def gain(
        frequency_hz: NDArray[np.float64], time_s: NDArray[np.float64]
    ) -> NDArray[np.floating]:
        inside = np.zeros((len(frequency_hz), len(time_s)), bool)
        for box in boxes:
            inside |= box.covers(frequency_hz, time_s)
        return inside.astype(np.float32)

    return gain
