"""When a recording began, and the time of day it was at any moment of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Beginning:
    """When a recording began, and what says so.

    Attributes
    ----------
    moment : datetime
        With its offset from UTC where that is told; otherwise on the recorder's own clock.
    source : str
        What tells it: "GUANO", "file name" or "BWF".
    slowed : float, > 0
        How many times slower than it happened a recording plays: the time expansion of some bat
        detectors; 1 for all others.
    """

    moment: datetime
    source: str
    slowed: float = 1.0

    def after(self, at_s: float) -> datetime:
        """Return the moment that is heard `at_s` seconds into the file, to the millisecond."""
        return self.moment + timedelta(milliseconds=round(1000 * at_s / self.slowed))

    def clock(self, at_s: float) -> str:
        """Write that moment as ISO 8601 does, with the offset from UTC where it is known.

        Examples
        --------
        >>> Beginning(datetime(2024, 1, 31, 23, 59, 58), "file name").clock(2.5)
        '2024-02-01T00:00:00.500'
        """
        return self.after(at_s).isoformat(timespec="milliseconds")

    @property
    def utc_offset(self) -> str | None:
        """The offset from UTC, "+02:00"; None where it is not known."""
        offset = f"{self.moment:%z}"
        return f"{offset[:3]}:{offset[3:]}" if offset else None
