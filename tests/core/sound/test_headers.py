"""What is read of a header, byte by byte, in files written by hand."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from numpy.typing import NDArray

from resona_core.sound import headers
from resona_core.sound.headers import UNKNOWN_FROM, View, breaks_off, filled_in

BYTES = bytes(range(100))


def view(data: bytes) -> View:
    return View(io.BytesIO(data))


def test_a_view_begins_anywhere_with_other_first_bytes() -> None:
    seen = View(io.BytesIO(BYTES), 5, b"ABCD")
    assert (seen.tell(), seen.n_bytes) == (0, 95)
    assert [seen.read(2), seen.read(4), seen.read(1)] == [b"AB", b"CD" + BYTES[9:11], BYTES[11:12]]
    assert (seen.seek(-2, 2), seen.read(9), seen.read(9)) == (93, BYTES[98:], b"")
    assert (seen.seek(3), seen.read(2), seen.seek(1, 1), seen.tell()) == (
        3,
        b"D" + BYTES[9:10],
        6,
        6,
    )
    assert (seen.peek(0, 6), seen.n_bytes, seen.tell()) == (b"ABCD" + BYTES[9:11], 95, 6)
    assert seen.onwards(10).read(3) == BYTES[15:18]


@pytest.mark.parametrize("stride", [4, 5, 8, 1 << 20])
def test_a_mark_is_found_wherever_it_stands(stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "_STRIDE_BYTES", stride)
    for place in range(30):
        seen = view(b"m" * place + b"mark" + b"m" * (26 - place))
        assert [seen.find(b"mark", start) for start in (0, place)] == [place, place]
        assert seen.find(b"mark", place + 1) is None
        assert seen.tell() == 0


def _rf64(told: int, n_bytes: int) -> bytes:
    sizes = struct.pack("<qqqI", told, told, told, 0)
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    head = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + sizes + form
    return head + b"data\xff\xff\xff\xff" + bytes(n_bytes)


@pytest.mark.parametrize(
    ("told", "is_unknown"),
    [(-1, True), (0, True), (1, False), (200, False), (201, False), (UNKNOWN_FROM - 1, False),
     (UNKNOWN_FROM, True)],
)  # fmt: skip
def test_a_size_is_filled_in_where_it_cannot_be_meant(told: int, is_unknown: bool) -> None:
    data = _rf64(told, 200)
    found = filled_in(io.BytesIO(data), len(data)).read(len(data))
    sizes = struct.unpack_from("<qqq", found, 20)
    assert sizes == ((len(data) - 8, 200, 0) if is_unknown else (told, told, told))
    assert found[:20] + found[44:] == data[:20] + data[44:]
    empty = _rf64(0, 0)  # holds nothing that could be told
    assert filled_in(io.BytesIO(empty), len(empty)).read(999) == empty


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


@pytest.mark.parametrize(
    ("size", "held", "believed"),
    [
        (0, 10, True),  # it ends with the file, or little follows
        (0, 2**20 + 1, False),
        (1, 2**40, True),
        (UNKNOWN_FROM - 1, 0, True),
        (UNKNOWN_FROM, UNKNOWN_FROM, True),
        (UNKNOWN_FROM, UNKNOWN_FROM - 1, False),
        (UNKNOWN_FROM, UNKNOWN_FROM + 2**20, True),
        (UNKNOWN_FROM, UNKNOWN_FROM + 2**20 + 1, False),
    ],
)
def test_a_size_as_large_as_unknown_is_believed_where_the_file_ends_with_it(
    size: int, held: int, believed: bool
) -> None:
    assert headers._believed(size, held) is believed


@pytest.mark.parametrize(
    ("before", "promised"),
    [
        (b"data" + struct.pack("<I", 300), 300),
        (b"data" + struct.pack(">qI", 304, 7), 300),  # CAF
        (headers._W64_DATA + struct.pack("<q", 324), 300),
        (b"LIST" + struct.pack("<I", 300), None),
    ],
)
def test_the_sound_s_own_chunk_promises_its_bytes(before: bytes, promised: int | None) -> None:
    for ahead in (bytes(24 - len(before)), bytes(60)):  # nothing more before it, and much
        assert (
            headers._sound_bytes(view(ahead + before + b"sound"), len(ahead + before)) == promised
        )
    large = _rf64(2**33, 10)
    assert headers._sound_bytes(view(large), len(large) - 10) == 2**33


@pytest.mark.parametrize(
    ("kind", "codec", "chunk", "promised_s"),
    [
        ("wav", "pcm_s16le", b"data" + struct.pack("<I", 800), 0.2),
        ("wav", "adpcm_ms", b"data" + struct.pack("<I", 800), 0.2),
        ("wav", "pcm_s16le", b"data" + struct.pack("<I", 0), 0.0),  # and the file ends with it
        ("wav", "pcm_s16le", b"LIST" + struct.pack("<I", 800), None),  # says nothing of the sound
        ("caf", "pcm_s16le", b"data" + struct.pack(">qI", 804, 7), 0.2),
        ("caf", "alac", b"data" + struct.pack(">qI", 804, 7), None),
    ],
)
def test_a_chunk_of_bytes_promises_its_time_at_the_rate_of_its_bits(
    kind: str, codec: str, chunk: bytes, promised_s: float | None
) -> None:
    context = SimpleNamespace(name=codec, bit_rate=32_000, sample_rate=2_000)
    track = SimpleNamespace(codec_context=context, duration=None, time_base=None)
    container = SimpleNamespace(format=SimpleNamespace(name=kind))
    data = bytes(20) + chunk + bytes(900)
    found = headers.promised_s(container, track, view(data), 20 + len(chunk))  # type: ignore[arg-type]
    assert found == (None if promised_s is None else pytest.approx(promised_s))


@pytest.mark.parametrize(("mark", "place"), [(b"Xing", 8), (b"Info", 8), (b"VBRI", 14)])
@pytest.mark.parametrize(("rate_hz", "frame"), [(44_100, 1_152), (32_000, 1_152), (24_000, 576)])
def test_an_mp3_s_frames_are_counted_by_its_first(
    mark: bytes, place: int, rate_hz: int, frame: int
) -> None:
    count = bytes(36) + (mark + bytes(place - 4) + (70_000).to_bytes(4, "big")) + bytes(2_000)
    decoy = b"Xing" + bytes(2_200 - 4)  # in a tag of 2,200 bytes: 17 * 128 + 24
    for first in (count, b"ID3\4\0\0\0\0\x11\x18" + decoy + count):
        for n_frames, counted in ((70_000, True), (70_003.9, True), (69_996.1, True),
                                  (70_004.1, False), (69_995.9, False)):  # fmt: skip
            told_s = n_frames * frame / rate_hz
            assert headers._counted(view(first), told_s, rate_hz) is counted
    assert not headers._counted(view(bytes(3_000)), 0.0, rate_hz)


def _page(*lengths: int) -> bytes:
    return b"OggS" + bytes(22) + bytes([len(lengths), *lengths]) + b"s" * sum(lengths)


@pytest.mark.parametrize("last", [_page(255, 3), _page(0), _page(), _page(*[255] * 255)])
def test_an_ogg_file_breaks_off_within_its_last_page(last: bytes) -> None:
    first = _page(*[255] * 255)
    assert not breaks_off(view(first + last), len(first + last))
    for kept in {4, 5, 26, 27, 28, len(last) // 2, len(last) - 1}:
        if 4 <= kept < len(last):
            cut = first + last[:kept]
            assert breaks_off(view(cut), len(cut))
    other = b"other" + first + last[:-1]
    assert not breaks_off(view(other), len(other))
