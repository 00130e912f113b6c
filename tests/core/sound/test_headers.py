"""What is read of a header, byte by byte, in files written by hand."""

from __future__ import annotations

import io
import struct
from types import SimpleNamespace

import pytest

from resona_core.sound import headers
from resona_core.sound.headers import UNKNOWN_FROM, View, breaks_off

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
    large = b"RF64" + bytes(24) + struct.pack("<q", 2**33) + bytes(30) + b"data" + b"\xff" * 4
    assert headers._sound_bytes(view(large), len(large)) == 2**33


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


@pytest.mark.parametrize(
    ("bits_per_s", "behind", "promised_s"),
    [(32_000, 2**20, 0.0), (32_000, 2**20 + 1, None), (0, 2**20, None), (None, 2**20, None)],
)
def test_no_bytes_are_no_time_where_little_follows_and_their_rate_is_known(
    bits_per_s: int | None, behind: int, promised_s: float | None
) -> None:
    context = SimpleNamespace(name="pcm_s16le", bit_rate=bits_per_s)
    track = SimpleNamespace(codec_context=context, duration=None)
    container = SimpleNamespace(format=SimpleNamespace(name="wav"))
    data = bytes(1_000) + b"data" + bytes(4 + behind)
    found = headers.promised_s(container, track, view(data), 1_008)  # type: ignore[arg-type]
    assert found == promised_s


@pytest.mark.parametrize(
    ("kind", "codec", "told_s", "behind", "promised_s"),
    [
        ("aiff", "pcm_s16be", 3.5, 0, 3.5),
        ("aiff", "pcm_s16be", None, 0, None),
        ("aiff", "pcm_s16be", (UNKNOWN_FROM - 1) / 4_000, 0, (UNKNOWN_FROM - 1) / 4_000),
        ("aiff", "pcm_s16be", UNKNOWN_FROM / 4_000, 0, None),
        ("aiff", "pcm_s16be", 0.0, 2**20, 0.0),
        ("aiff", "pcm_s16be", 0.0, 2**20 + 1, None),
        ("au", "pcm_s16be", 0.0, 2**20 - 100, 0.0),  # wherever it begins
        ("au", "pcm_s16be", 0.0, 2**20 - 99, None),
        ("flac", "flac", UNKNOWN_FROM / 4_000, 0, UNKNOWN_FROM / 4_000),  # counts no bytes
        ("mov", "aac", 0.0, 2**20 + 1, 0.0),
        ("aac", "aac", 3.5, 0, None),  # FFmpeg's guess
        ("mp3", "mp3float", 3.7, 0, None),
        ("mp3", "mp3float", 3.456, 0, 3.456),  # 96 frames of 1,152, as the first one counts
        ("flac", "mp3float", 3.456, 0, 3.456),
    ],
)
def test_what_a_header_says_in_time_is_believed_where_it_is_no_guess(
    kind: str, codec: str, told_s: float | None, behind: int, promised_s: float | None
) -> None:
    context = SimpleNamespace(name=codec, bit_rate=32_000, sample_rate=32_000)
    milliseconds = None if told_s is None else told_s * 1_000
    track = SimpleNamespace(codec_context=context, duration=milliseconds, time_base=1 / 1_000)
    container = SimpleNamespace(format=SimpleNamespace(name=f"{kind},other"))
    data = bytes(8) + b"Xing" + bytes(4) + (96).to_bytes(4, "big") + bytes(80 + behind)
    begins = None if kind == "au" else 100
    found = headers.promised_s(container, track, view(data), begins)  # type: ignore[arg-type]
    assert found == (None if promised_s is None else pytest.approx(promised_s))


@pytest.mark.parametrize(
    ("duration", "n_streams", "promised_s"),
    [(3_500_000, 1, 3.5), (3_500_000, 2, None), (None, 1, None), (0, 1, None)],
)
def test_a_matroska_file_promises_its_only_track_s_length(
    duration: int | None, n_streams: int, promised_s: float | None
) -> None:
    context = SimpleNamespace(name="flac", bit_rate=None)
    track = SimpleNamespace(codec_context=context, duration=7, time_base=1)
    container = SimpleNamespace(
        format=SimpleNamespace(name="matroska,webm"), duration=duration, streams=[track] * n_streams
    )
    assert headers.promised_s(container, track, view(b""), None) == promised_s  # type: ignore[arg-type]


@pytest.mark.parametrize(("mark", "place"), [(b"Xing", 8), (b"Info", 8), (b"VBRI", 14)])
@pytest.mark.parametrize(("rate_hz", "frame"), [(44_100, 1_152), (32_000, 1_152), (24_000, 576)])
def test_an_mp3_s_frames_are_counted_by_its_first(
    mark: bytes, place: int, rate_hz: int, frame: int
) -> None:
    count = bytes(36) + (mark + bytes(place - 4) + (70_000).to_bytes(4, "big")) + bytes(2_000)
    decoy = b"Xing" + bytes(2**21 + 2 * 2**14 + 3 * 2**7 + 4 - 4)  # in a tag of so many bytes
    for first in (count, b"ID3\4\0\x40\1\2\3\4" + decoy + count):
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
    for before in (b"", first):
        assert not breaks_off(view(before + last), len(before + last))
        for kept in {4, 5, 26, 27, 28, len(last) // 2, len(last) - 1}:
            if 4 <= kept < len(last):
                cut = before + last[:kept]
                assert breaks_off(view(cut), len(cut))
    other = b"other" + first + last[:-1]
    assert not breaks_off(view(other), len(other))
