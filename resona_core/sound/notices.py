"""What the listener must know of a sound: facts as they are found, and one sentence for each.

The facts are gathered while a file is decoded; every sentence about a sound is written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from resona_core.words import seconds

WORTH_TELLING_S = 0.1
"""Shorter losses of the file's end, and shorter delays, are the codecs' own."""

_MOST_DB = 100.0  # beyond, only rounding is left


@dataclass
class Spans:
    """Stretches of the same kind: how many, how long in all, where the first begins; seconds."""

    count: int = 0
    total_s: float = 0.0
    first_s: float = 0.0
    last_end_s: float = -1.0
    most_db: float = 0.0

    def add(self, start_s: float, end_s: float, loss_db: float = 0.0) -> None:
        """Add a stretch; one that touches or overlaps the last makes that longer."""
        if not self.count:
            self.first_s = start_s
        if not self.count or start_s > self.last_end_s + 1e-3:
            self.count += 1
        self.total_s += max(0.0, end_s - max(start_s, self.last_end_s))
        self.last_end_s = max(self.last_end_s, end_s)
        self.most_db = max(self.most_db, min(loss_db, _MOST_DB))

    @property
    def places(self) -> str:
        """Say where each begins: "at 5.0 s", "in 3 places, the first at 5.0 s"."""
        first = f"at {seconds(self.first_s)}"
        return first if self.count == 1 else f"in {self.count} places, the first {first}"

    @property
    def stretch(self) -> str:
        """Say from where to where: "from 0.0 s to 5.0 s", "for 5.0 s in 3 places, ..."."""
        if self.count == 1:
            return f"from {seconds(self.first_s)} to {seconds(self.last_end_s)}"
        return f"for {seconds(self.total_s)} {self.places}"


@dataclass
class Notices:
    """What happened to one sound on its way to the network.

    Attributes
    ----------
    late_s : float
        How long after the file's beginning its sound begins.
    missing, undecoded : Spans
        What the time stamps say is not there, and what is there and could not be decoded.
    cancelled : Spans
        Where the mean of the channels is far weaker than the channels themselves.
    above : Spans
        Where most of the sound lies above what the network hears.
    highest_hz : float
        The highest frequency the network hears.
    ends_s, promised_s : float or None
        Where a file ends before its end, and how long it says it is, when it does.
    tracks, track : int
        Sound tracks of the file, and the one that is heard, counted from 1.
    sounding_track : int or None
        Another track that sounds, while the one heard does not.
    """

    late_s: float = 0.0
    missing: Spans = field(default_factory=Spans)
    undecoded: Spans = field(default_factory=Spans)
    cancelled: Spans = field(default_factory=Spans)
    above: Spans = field(default_factory=Spans)
    highest_hz: float = float("inf")
    ends_s: float | None = None
    promised_s: float | None = None
    tracks: int = 1
    track: int = 1
    sounding_track: int | None = None

    def sentences(self) -> tuple[str, ...]:
        """Return what is known so far, a sentence each."""
        return tuple(self._sentences())

    def _sentences(self) -> Iterator[str]:
        if self.tracks > 1:
            yield self._which_track()
        if self.late_s >= WORTH_TELLING_S:
            begins = f"The sound begins {seconds(self.late_s)} into the file"
            yield f"{begins}; silence stands before it."
        if self.missing.count:
            yield (
                f"{seconds(self.missing.total_s)} of sound are missing {self.missing.places}; "
                "silence stands in."
            )
        if self.undecoded.count:
            yield (
                f"{seconds(self.undecoded.total_s)} could not be decoded {self.undecoded.places}; "
                "silence stands in."
            )
        if self.ends_s is not None:
            of = "" if self.promised_s is None else f" of {seconds(self.promised_s)}"
            ends = seconds(self.ends_s) if not of else seconds(self.ends_s).removesuffix(" s")
            yield f"The file breaks off after {ends}{of}; it is heard as far as it goes."
        if self.cancelled.count:
            yield (
                f"The channels cancel each other out {self.cancelled.stretch}: their mean is "
                f"{self.cancelled.most_db:.0f} dB weaker than the loudest of them, which is heard "
                "there instead."
            )
        if self.above.count:
            yield (
                f"Most of the sound lies above the {self.highest_hz / 1000:g} kHz that the network "
                f"hears {self.above.stretch}: what is left is {self.above.most_db:.0f} dB weaker."
            )

    def _which_track(self) -> str:
        heard = f"The file holds {self.tracks} sound tracks; track {self.track} is heard"
        if self.sounding_track is None:
            return f"{heard}."
        return f"{heard}, which is silent; track {self.sounding_track} has sound."
