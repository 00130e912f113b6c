"""The time of day at any moment of a recording, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from resona_core.beginning import Beginning


def _began(zone: tzinfo | None = None, slowed: float = 1.0) -> Beginning:
    return Beginning(datetime(2024, 1, 31, 23, 59, 58, tzinfo=zone), "GUANO", slowed)


@pytest.mark.parametrize(
    ("at_s", "slowed", "clock"),
    [
        (0, 1, "2024-01-31T23:59:58.000"),
        (2.5, 1, "2024-02-01T00:00:00.500"),
        (0.0004, 1, "2024-01-31T23:59:58.000"),
        (0.0006, 1, "2024-01-31T23:59:58.001"),
        (3_600, 1, "2024-02-01T00:59:58.000"),
        (25, 10, "2024-02-01T00:00:00.500"),  # ten times slower than it happened
    ],
)
def test_a_moment_is_told_to_the_millisecond(at_s: float, slowed: float, clock: str) -> None:
    assert _began(slowed=slowed).clock(at_s) == clock


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        (None, None),
        (UTC, "+00:00"),
        (timezone(timedelta(hours=5, minutes=45)), "+05:45"),
        (timezone(-timedelta(hours=3, minutes=30)), "-03:30"),
    ],
)
def test_the_offset_from_utc_is_told_where_it_is_known(
    zone: tzinfo | None, offset: str | None
) -> None:
    began = _began(zone)
    assert began.utc_offset == offset
    assert began.clock(0) == f"2024-01-31T23:59:58.000{offset or ''}"
    assert began.after(2).tzinfo is zone
