"""When a recording began: told by its name or by its own data, and never guessed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from resona_core.beginning import Beginning
from resona_core.sound.began import beginning_of

SILENCE = bytes(320)
FORM = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
DATA = b"data" + struct.pack("<I", len(SILENCE)) + SILENCE


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def wav(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def guano(*lines: str) -> bytes:
    return chunk(b"guan", "\n".join(["GUANO|Version: 1.0", *lines]).encode())


def bext(day: bytes, time: bytes) -> bytes:
    return chunk(b"bext", bytes(320) + day + time + bytes(264))


def told(data: bytes, name: str = "") -> tuple[str, str] | None:
    began = beginning_of(data, name)
    return began and (began.clock(0), began.source)


@pytest.mark.parametrize(
    ("name", "began"),
    [
        ("20240131_053000.WAV", "2024-01-31T05:30:00.000"),  # AudioMoth
        ("20240131_053000T.WAV", "2024-01-31T05:30:00.000"),  # AudioMoth, triggered
        ("24F319045ED3A2B1_20240131_053000.WAV", "2024-01-31T05:30:00.000"),
        ("S4A01234_20240131_053000.wav", "2024-01-31T05:30:00.000"),  # Song Meter
        ("SMU-0001_20240131_053000_000.wav", "2024-01-31T05:30:00.000"),
        ("2024-01-31T05:30:00.flac", "2024-01-31T05:30:00.000"),
        ("garden 2024-01-31 05-30-00.mp3", "2024-01-31T05:30:00.000"),
        ("Recording 2024-01-31 at 05.30.00.m4a", "2024-01-31T05:30:00.000"),
        ("2024_01_31_05_30_00.wav", "2024-01-31T05:30:00.000"),
        ("20240131T053000Z.wav", "2024-01-31T05:30:00.000+00:00"),
        ("20240131T053000+1000_site.flac", "2024-01-31T05:30:00.000+10:00"),
        ("2024-01-31T05:30:00.25-03:30.wav", "2024-01-31T05:30:00.250-03:30"),
        ("20240131T053000+1400.wav", "2024-01-31T05:30:00.000+14:00"),  # the furthest there is
        ("20240131T053000-1415.wav", "2024-01-31T05:30:00.000"),
        ("cards/20230101_000000/20240131_053000.WAV", "2024-01-31T05:30:00.000"),
        ("C:\\cards\\20240131_053000.WAV", "2024-01-31T05:30:00.000"),
        ("20240131_053000-0001.wav", "2024-01-31T05:30:00.000"),  # a number, no offset
        ("20240131_053000-0100.wav", "2024-01-31T05:30:00.000"),
        ("20240131_053000_20240131_053000.wav", "2024-01-31T05:30:00.000"),
        ("20240229_235959.wav", "2024-02-29T23:59:59.000"),
    ],
)
def test_a_name_tells_it(name: str, began: str) -> None:
    assert told(wav(FORM, DATA), name) == (began, "file name")
    assert told(b"no sound, only a name", name) == (began, "file name")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "night.wav",
        "ZOOM0001.WAV",
        "20240131.wav",  # a day
        "20240131_0530.wav",  # no seconds
        "20240231_053000.wav",  # no such day
        "20230229_053000.wav",
        "20241331_053000.wav",
        "20240131_243000.wav",
        "20240131_056100.wav",
        "120240131_053000.wav",  # longer numbers
        "20240131_0530001.wav",
        "20240131053000.wav",
        "00240131_053000.wav",
        "19700101_000012.WAV",  # a clock that was never set
        "20240131_053000_20240131_060000.wav",  # which of them?
    ],
)
def test_a_name_that_does_not_is_not_believed(name: str) -> None:
    assert told(wav(FORM, DATA), name) is None


def test_a_path_tells_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "20240131_053000.wav"
    path.write_bytes(wav(FORM, DATA))
    assert beginning_of(path) == Beginning(datetime(2024, 1, 31, 5, 30), "file name")


@pytest.mark.parametrize(
    ("written", "began"),
    [
        ("2012-03-29T03:58:01+04:00", "2012-03-29T03:58:01.000+04:00"),
        ("2012-03-29T03:58:01-07:00", "2012-03-29T03:58:01.000-07:00"),
        ("2012-03-29T03:58:01Z", "2012-03-29T03:58:01.000+00:00"),
        ("2012-03-29T03:58:01.123456", "2012-03-29T03:58:01.123"),
        ("2012-03-29 03:58:01", "2012-03-29T03:58:01.000"),
    ],
)
@pytest.mark.parametrize("behind", [True, False])
def test_guano_tells_it_before_or_behind_the_sound(written: str, began: str, behind: bool) -> None:
    fields = guano(f"Timestamp:  {written}  \r", "Note: Timestamp: 1999-01-01T00:00:00")
    chunks = (DATA, fields) if behind else (fields, DATA)
    assert told(wav(FORM, chunk(b"odd ", b"123"), *chunks)) == (began, "GUANO")


@pytest.mark.parametrize("written", ["", "2012-03-29", "2012-13-29T03:58:01", "yesterday"])
def test_guano_without_a_moment_tells_nothing(written: str) -> None:
    assert told(wav(FORM, DATA, guano(f"Timestamp: {written}"))) is None


def test_time_expansion_is_guanos_own_whoever_tells_the_moment() -> None:
    began = beginning_of(wav(FORM, DATA, guano("TE: 10")), "20240131_053000.wav")
    assert began == Beginning(datetime(2024, 1, 31, 5, 30), "file name", 10.0)
    for nothing in ("0", "", "-1", "fast"):
        began = beginning_of(wav(FORM, DATA, guano(f"TE: {nothing}")), "20240131_053000.wav")
        assert began == Beginning(datetime(2024, 1, 31, 5, 30), "file name")


@pytest.mark.parametrize(
    ("day", "time"), [(b"2024-01-31", b"05:30:00"), (b"2024_01_31", b"05-30-00"),
                      (b"2024:01:31", b"05.30.00"), (b"2024 01 31", b"05 30 00")]
)  # fmt: skip
def test_a_broadcast_chunk_tells_it(day: bytes, time: bytes) -> None:
    assert told(wav(bext(day, time), FORM, DATA)) == ("2024-01-31T05:30:00.000", "BWF")


@pytest.mark.parametrize(
    ("day", "time"), [(bytes(10), bytes(8)), (b"2024-01-31", bytes(8)),
                      (b"31-01-2024", b"05:30:00"), (b"2024-02-30", b"05:30:00"),
                      (b"0000-00-00", b"00:00:00")]
)  # fmt: skip
def test_a_broadcast_chunk_that_was_not_filled_in_tells_nothing(day: bytes, time: bytes) -> None:
    assert told(wav(bext(day, time), FORM, DATA)) is None


def test_guano_is_believed_before_the_name_and_the_name_before_broadcast() -> None:
    fields, edited = guano("Timestamp: 2012-03-29T03:58:01"), bext(b"2020-05-06", b"07:08:09")
    everything = wav(edited, FORM, DATA, fields)
    assert told(everything, "20240131_053000.wav") == ("2012-03-29T03:58:01.000", "GUANO")
    without = wav(edited, FORM, DATA)
    assert told(without, "20240131_053000.wav") == ("2024-01-31T05:30:00.000", "file name")
    assert told(without, "night.wav") == ("2020-05-06T07:08:09.000", "BWF")


def test_chunks_of_an_rf64_file_are_found_behind_its_sound(
    sound_file: Callable[..., bytes],
) -> None:
    data = sound_file(np.zeros(160, np.float32), 16_000, "RF64")
    assert told(data + guano("Timestamp: 2012-03-29T03:58:01")) is not None


@pytest.mark.parametrize("size", [0, 0x7F000000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_behind_sound_of_unknown_length_nothing_is_looked_for(size: int) -> None:
    fields = guano("Timestamp: 2012-03-29T03:58:01")
    assert told(wav(FORM, b"data" + struct.pack("<I", size) + fields)) is None


def test_guano_is_found_behind_a_night_of_sound(tmp_path: Path) -> None:
    """As many bytes as some programs write for "unknown"."""
    path, n_bytes = tmp_path / "night.wav", 0x7F000000 + 64_000
    with path.open("wb") as file:  # silence that takes no room
        file.write(b"RIFF" + bytes(4) + b"WAVE" + FORM + b"data" + struct.pack("<I", n_bytes))
        file.seek(n_bytes, 1)
        file.write(guano("Timestamp: 2012-03-29T03:58:01"))
    began = beginning_of(path)
    assert began == Beginning(datetime(2012, 3, 29, 3, 58, 1), "GUANO")


def test_chunks_are_looked_for_in_wav_files_only() -> None:
    data = wav(FORM, DATA, guano("Timestamp: 2012-03-29T03:58:01"))
    assert told(data) == ("2012-03-29T03:58:01.000", "GUANO")
    assert told(data.replace(b"WAVE", b"AVI ")) is None
    assert told(data.replace(b"RIFF", b"LIST")) is None


def test_many_empty_chunks_are_not_all_read() -> None:
    empty = chunk(b"junk", b"")
    fields = guano("Timestamp: 2012-03-29T03:58:01")
    assert told(wav(FORM, *[empty] * 900, fields)) is not None
    assert told(wav(FORM, *[empty] * 1_100, fields)) is None


@pytest.mark.parametrize("cut", [0, 3, 11, 12, 19, 40, 44])
def test_a_file_that_breaks_off_anywhere_is_no_matter(cut: int) -> None:
    assert told(wav(FORM, DATA)[:cut], "night.wav") is None
