"""When a recording began: read where a recorder wrote it down, never guessed.

    GUANO's Timestamp -> the file's name -> BWF's date and time of origination

The first that tells it, in this order, is believed: GUANO's is by definition the beginning, a
name such as 20240131_053000.WAV is given by the recorder, and what a broadcast file is dated by
may be the day of its editing.

Sources: GUANO 1.0 (chunk ``guan``); EBU Tech 3285, "Specification of the Broadcast Wave Format"
(chunk ``bext``); the names that AudioMoth and Song Meter give; ISO 8601 for all others.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

from resona_core.beginning import Beginning
from resona_core.sound.headers import RF64, View, filled_in

_WRITTEN = re.compile(
    r"""(?<!\d)
    (?P<year>(?:19|20)\d\d)(?P<dash>[-_.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)
    (?P<between>[T_ -]|[ ]at[ ])
    (?P<hour>\d\d)(?P<colon>[-_.:]?)(?P<minute>\d\d)(?P=colon)(?P<second>\d\d)
    (?:\.(?P<fraction>\d{1,6}))?
    (?:(?P<utc>Z)|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d))?
    (?!\d)""",
    re.VERBOSE,
)
_CLOCK_NOT_SET = {date(1970, 1, 1), date(1980, 1, 1)}  # where the clocks of recorders start
_FURTHEST = timedelta(hours=14)  # from UTC
_QUARTERS = ("00", "15", "30", "45")  # minutes of all offsets from it
_MOST_CHUNKS = 1_000
_LONGEST_CHUNK = 65_536


def beginning_of(source: bytes | Path, name: str = "") -> Beginning | None:
    """Return when a recording began, where its own data or its name tells; otherwise None.

    Parameters
    ----------
    source : bytes or Path
        A whole sound file.
    name : str, optional
        What the file was called; the path's name by default.
    """
    chunks = _chunks(source)
    fields = _guano_fields(chunks.get(b"guan", b""))
    told = {
        "GUANO": _moment(_WRITTEN.fullmatch(fields.get("Timestamp", "").replace(" ", "T"))),
        "file name": _named(name or (source.name if isinstance(source, Path) else "")),
        "BWF": _broadcast(chunks.get(b"bext", b"")),
    }
    slowed = _expansion(fields.get("TE", ""))
    return next((Beginning(at, said_by, slowed) for said_by, at in told.items() if at), None)


def _named(name: str) -> datetime | None:
    """Return the one moment that a name tells; of two, neither says which is the beginning."""
    found = _WRITTEN.finditer(re.split(r"[/\\]", name)[-1])
    moments = {moment for each in found if (moment := _moment(each))}
    return moments.pop() if len(moments) == 1 else None


def _moment(found: re.Match[str] | None) -> datetime | None:
    """Return the date and time that was found, if there is such a one."""
    if found is None:
        return None
    year, month, day = (int(found[part]) for part in ("year", "month", "day"))
    hour, minute, second = (int(found[part]) for part in ("hour", "minute", "second"))
    microsecond = int((found["fraction"] or "").ljust(6, "0"))
    try:
        moment = datetime(year, month, day, hour, minute, second, microsecond, _zone(found))
    except ValueError:
        return None
    return None if moment.date() in _CLOCK_NOT_SET else moment


def _zone(found: re.Match[str]) -> timezone | None:
    """Return the offset from UTC, if one is told.

    Behind other forms than that of ISO 8601 four digits may be a number: 20240131_053000-0001.
    """
    if found["utc"]:
        return UTC
    if not found["sign"] or found["between"] != "T" or found["minutes"] not in _QUARTERS:
        return None
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    if offset > _FURTHEST:
        return None
    return timezone(-offset if found["sign"] == "-" else offset)


def _guano_fields(chunk: bytes) -> dict[str, str]:
    """Return the fields of a GUANO chunk, one a line, "Key: value"."""
    lines = chunk.decode("utf-8", "replace").split("\n")
    pairs = (line.partition(":") for line in lines)
    return {key.strip(" \t\r\0"): value.strip(" \t\r\0") for key, _, value in pairs}


def _expansion(text: str) -> float:
    """Return GUANO's factor of time expansion; 1 where there is none."""
    return float(text) if re.fullmatch(r"\d{1,3}(\.\d+)?", text) and float(text) else 1.0


def _broadcast(chunk: bytes) -> datetime | None:
    """Return a BWF chunk's OriginationDate and OriginationTime, parted by any of -_:. or blanks."""
    text = chunk[320:338].decode("ascii", "replace")
    day, time = re.sub(r"[_:. ]", "-", text[:10]), re.sub(r"[-_. ]", ":", text[10:])
    return _moment(_WRITTEN.fullmatch(f"{day}T{time}"))


def _chunks(source: bytes | Path) -> dict[bytes, bytes]:
    """Return the chunks that may tell, of a WAV file."""
    n_bytes = source.stat().st_size if isinstance(source, Path) else len(source)
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        view = filled_in(file, n_bytes)
        return {
            name: view.peek(place, min(size, _LONGEST_CHUNK))
            for name, place, size in islice(_chunk_places(view, n_bytes), _MOST_CHUNKS)
            if name in (b"guan", b"bext")
        }


def _chunk_places(view: View, n_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name, where its content begins, and its size in bytes.

    Behind sound whose length was never filled in nothing can be found.
    """
    if view.peek(0, 4) not in (b"RIFF", *RF64) or view.peek(8, 4) != b"WAVE":
        return
    place = 12
    while place + 8 <= n_bytes:
        name, size = struct.unpack("<4sI", view.peek(place, 8))
        if name == b"data":
            if view.peek(0, 4) in RF64:
                size = int.from_bytes(view.peek(28, 8), "little")
            elif not size:
                return
        yield name, place + 8, size
        place += 8 + size + size % 2
