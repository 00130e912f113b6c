"""Sizes that were never filled in, and what stands there for FFmpeg."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest
from numpy.typing import NDArray

from resona_core.sound.headers import UNKNOWN_FROM, filled_in

W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0O\x8e\xdb\x8a"


def _rf64(told: int) -> bytes:
    sizes = struct.pack("<qqqI", told, told, told, 0)
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    head = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + sizes + form
    return head + b"data\xff\xff\xff\xff"


def _w64(told: int) -> bytes:
    """Return a head whose chunk of sound counts its own 24 bytes too."""
    fields = struct.pack("<q", 999) + b"wave" + bytes(60)
    return b"riff" + bytes(12) + fields + W64_DATA + struct.pack("<q", told + 24)


def _aiff(told: int, channels: int = 2, bits: int = 16) -> bytes:
    """Return a head whose chunk of sound counts eight bytes of its own too."""
    common = b"COMM" + struct.pack(">IhIh", 18, channels, 777, bits) + bytes(10)
    return b"FORM\0\0\0\x63AIFC" + common + b"SSND" + struct.pack(">III", told + 8, 0, 0)


def _sizes(kind: str, head: bytes) -> tuple[int, ...]:
    """Return what a head says of the whole file, of the sound and, if it does, of its frames."""
    form, places = {
        "RF64": ("<q", (20, 28, 36)),
        "W64": ("<q", (16, len(head) - 8)),
        "AIFF": (">I", (4, len(head) - 12, 22)),
    }[kind]
    return tuple(size for place in places for size in struct.unpack_from(form, head, place))


@pytest.mark.parametrize(
    ("told", "held", "is_unknown"),
    [(-1, 200, True), (0, 200, True), (1, 200, False), (200, 200, False), (201, 200, False),
     (UNKNOWN_FROM - 1, 200, False), (UNKNOWN_FROM, 200, True),
     (UNKNOWN_FROM, UNKNOWN_FROM, False), (UNKNOWN_FROM + 1, UNKNOWN_FROM, True),
     (0, 1, True), (0, 0, False)],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["RF64", "W64", "AIFF"])
def test_a_size_is_filled_in_where_it_cannot_be_meant(
    kind: str, told: int, held: int, is_unknown: bool
) -> None:
    head = {"RF64": _rf64(told), "W64": _w64(told), "AIFF": _aiff(told)}[kind]
    n_bytes = len(head) + held
    found = filled_in(io.BytesIO(head + b"sound"), n_bytes).read(999)
    right = {
        "RF64": (n_bytes - 8, held, 0),
        "W64": (n_bytes, held + 24),
        "AIFF": (n_bytes - 8, held + 8, held // 4),
    }
    assert _sizes(kind, found[:-5]) == (right[kind] if is_unknown else _sizes(kind, head))
    assert found.endswith(b"sound")


@pytest.mark.parametrize(
    ("channels", "bits", "frames"),
    [(1, 8, 600), (1, 9, 300), (2, 8, 300), (1, 16, 300), (1, 24, 200), (3, 12, 100), (0, 16, 600)],
)
def test_the_frames_of_an_unfinished_aiff_are_counted(
    channels: int, bits: int, frames: int
) -> None:
    head = _aiff(0, channels, bits)
    found = filled_in(io.BytesIO(head), len(head) + 600).read(999)
    assert _sizes("AIFF", found) == (len(head) + 592, 608, frames)


def test_an_aiff_of_more_than_four_gigabytes_is_told_as_large_as_one_can_be() -> None:
    head = _aiff(0, channels=2)
    found = filled_in(io.BytesIO(head), len(head) + 2**33).read(999)
    assert _sizes("AIFF", found) == (2**32 - 1, 2**32 - 1, 2**31)


@pytest.mark.parametrize("kind", ["RF64", "W64", "AIFF"])
def test_a_head_that_breaks_off_anywhere_is_left_as_it_is(kind: str) -> None:
    head = {"RF64": _rf64(0), "W64": _w64(0), "AIFF": _aiff(0)}[kind]
    for end in range(len(head) + 1):
        assert filled_in(io.BytesIO(head[:end]), end).read(999) == head[:end]


@pytest.mark.parametrize(("bits", "subtype"), [(16, "PCM_16"), (24, "PCM_24"), (12, "PCM_16")])
@pytest.mark.parametrize("kind", ["W64", "AIFF"])
def test_what_is_filled_in_is_what_a_finished_file_says(
    kind: str, bits: int, subtype: str, noise: NDArray, sound_file: Callable[..., bytes]
) -> None:
    data = bytearray(sound_file(noise[:2_000].reshape(-1, 2), 16_000, kind, subtype))
    if kind == "AIFF":
        struct.pack_into(">h", data, data.index(b"COMM") + 14, bits)
        places = {4: 4, data.index(b"COMM") + 10: 4, data.index(b"SSND") + 4: 4}
    else:
        places = {16: 8, data.index(b"data\xf3\xac") + 16: 8}
    finished = bytes(data)
    assert filled_in(io.BytesIO(finished), len(finished)).read(99_999) == finished
    for at, length in places.items():
        data[at : at + length] = bytes(length)
    assert filled_in(io.BytesIO(data), len(data)).read(99_999) == finished


@pytest.mark.parametrize(
    ("kind", "lost"), [("RF64", b"data"), ("W64", b"data"), ("AIFF", b"SSND"), ("AIFF", b"COMM")]
)
def test_where_a_chunk_is_missing_nothing_is_filled_in(
    kind: str, lost: bytes, noise: NDArray, sound_file: Callable[..., bytes]
) -> None:
    data = bytearray(sound_file(noise[:2_000], 16_000, kind, "PCM_16"))
    sizes = {
        "RF64": {20: 16}, "W64": {16: 8, data.find(b"data\xf3") + 16: 8},
        "AIFF": {4: 4, data.find(b"SSND") + 4: 4},
    }  # fmt: skip
    for at, length in sizes[kind].items():
        data[at : at + length] = bytes(length)
    whole = filled_in(io.BytesIO(data), len(data)).read(99_999)
    assert whole != data  # the size of the sound has never been filled in
    at = data.index(lost)
    data[at : at + 4] = b"lost"
    assert filled_in(io.BytesIO(data), len(data)).read(99_999) == data
