"""Hearing long recordings a little at a time, while the visitor goes on using the page.

A run of the page draws what is known, hears a little more and asks for the next run. What
has been heard, and the decoder's place in the file, stay here between the runs, so a
moved slider interrupts nothing and another page only makes a pause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from pages._shell.sound import Sound
from resona_core.classification import Timeline
from resona_core.errors import ResonaError


@dataclass(eq=False)
class Hearing:
    """One recording being heard.

    Attributes
    ----------
    recording : Sound
    answers : iterator of Timeline
        From :meth:`resona_core.engine.Engine.timeline`.
    timeline : Timeline or None
        What is known so far.
    error : str
        Why it cannot be heard, or not to its end.
    finished : bool
        Nothing more will come.
    spent_s : float
        Time spent on it, in seconds.
    """

    recording: Sound
    answers: Iterator[Timeline]
    timeline: Timeline | None = None
    error: str = ""
    finished: bool = False
    spent_s: float = 0.0
    _turn: Lock = field(default_factory=Lock)  # Streamlit may start a run before the last ends

    def go_on(self, for_s: float) -> None:
        """Hear more for about `for_s` seconds, at least one step."""
        with self._turn:
            began_s = monotonic()
            while not self.finished:
                self._step()
                if monotonic() - began_s >= for_s:
                    break
            self.spent_s += monotonic() - began_s

    def _step(self) -> None:
        try:
            self.timeline = next(self.answers)
        except StopIteration:
            self.finished = True
        except ResonaError as error:
            self.error, self.finished = str(error), True

    @property
    def share(self) -> float:
        """How much has been heard, 0 to 1; 0 while its length is unknown."""
        if self.finished:
            return 1.0
        if self.timeline is None or not self.timeline.total_s:
            return 0.0
        return min(1.0, self.timeline.heard_s / self.timeline.total_s)


def share_heard(hearings: Sequence[Hearing]) -> float:
    """Return how much of all the recordings has been heard, 0 to 1, by their bytes."""
    sizes = [len(hearing.recording.data) for hearing in hearings]
    heard = sum(size * each.share for size, each in zip(sizes, hearings, strict=True))
    return heard / max(1, sum(sizes))


def time_left_s(hearings: Sequence[Hearing]) -> float | None:
    """Return how many seconds the rest will take at the pace so far; None before one is known."""
    share = share_heard(hearings)
    spent_s = sum(hearing.spent_s for hearing in hearings)
    return spent_s * (1 - share) / share if share else None
