from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import DamagedAudioError
from resona_core.sound.containers import check_whole, looks_like_sound

Encode = Callable[..., bytes]


def _riff(promised: int, held: int, before: bytes = b"") -> bytes:
    chunk = b"data" + struct.pack("<I", promised) + bytes(held)
    return b"RIFF" + struct.pack("<I", 0) + b"WAVE" + before + chunk


def _aiff(promised: int, held: int) -> bytes:
    return b"FORM" + bytes(4) + b"AIFF" + b"SSND" + struct.pack(">I", promised) + bytes(held)


def _ogg_page(segments: bytes, held: int) -> bytes:
    return b"OggS" + bytes(22) + bytes([len(segments)]) + segments + bytes(held)


def _webm(size: bytes, held: int) -> bytes:
    return b"\x1aE\xdf\xa3" + b"\x82" + b"ab" + b"\x18S\x80g" + size + bytes(held)


@pytest.mark.parametrize(
    "data",
    [
        _riff(100, 100),
        _riff(100, 120),  # more behind the sound, such as tags
        _riff(0xFFFFFFFF, 100),  # written while streaming
        _riff(100, 100, before=b"LIST" + struct.pack("<I", 3) + b"abc\0"),  # odd, so padded
        b"RIFF" + bytes(4) + b"WAVE",  # no sound at all: the decoder's to tell
        b"RIFF" + bytes(4) + b"AVI " + b"data" + struct.pack("<I", 100),
        _aiff(100, 100),
        _ogg_page(b"\x05\x07", 12),
        _ogg_page(b"\xff\x01", 256),
        _webm(b"\x8a", 10),
        _webm(b"\x01" + bytes(6) + b"\x0a", 10),
        _webm(b"\xff", 10),  # size unknown, in one byte and in eight
        _webm(b"\x01" + b"\xff" * 7, 10),
        b"\x1aE\xdf\xa3\x82abXXXX",  # no segment
        b"\x1aE\xdf\xa3",
        b"anything else",
        b"",
    ],
)
def test_a_file_as_long_as_it_says_passes(data: bytes) -> None:
    check_whole(data, "clip")


@pytest.mark.parametrize(
    ("data", "promised", "held"),
    [
        (_riff(4_000, 1_234), "4,000", "1,234"),
        (_riff(10, 9, before=b"LIST" + struct.pack("<I", 3) + b"abc\0"), "10", "9"),
        (_riff(4_000, 0), "4,000", "0"),  # the file ends with the header
        (_aiff(4_000, 1_234), "4,000", "1,234"),
        (_aiff(4_000, 0), "4,000", "0"),
        (_webm(b"\x8a", 9), "10", "9"),
        (_webm(b"\x01" + bytes(5) + b"\x03\xe8", 9), "1,000", "9"),
    ],
)
def test_a_file_shorter_than_it_says_is_refused_with_both_sizes(
    data: bytes, promised: str, held: str
) -> None:
    with pytest.raises(DamagedAudioError) as caught:
        check_whole(data, "clip.x")
    assert str(caught.value) == (
        f"clip.x is damaged: its header promises {promised} bytes of sound, the file holds {held}; "
        "copy or export it again."
    )


@pytest.mark.parametrize(
    "data",
    [
        _ogg_page(b"\x05\x07", 11),  # the last segment lacks a byte
        _ogg_page(b"\x05\x07", 12) + b"OggS",  # the last header is cut
        _ogg_page(b"\x05\x07", 0)[:-1],  # the last table is cut
    ],
)
def test_an_ogg_stream_that_breaks_off_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedAudioError, match=r"clip\.ogg .* breaks off .* copy it again"):
        check_whole(data, "clip.ogg")


@pytest.mark.parametrize(
    ("container", "subtype"), [("WAV", "PCM_16"), ("AIFF", "PCM_24"), ("OGG", "VORBIS")]
)
def test_a_real_file_passes_whole_and_fails_without_its_end(
    container: str,
    subtype: str,
    tone: Callable[..., NDArray[np.float32]],
    sound_file: Callable[..., bytes],
) -> None:
    data = sound_file(tone(440.0), 16_000, container, subtype)
    check_whole(data, "clip")
    with pytest.raises(DamagedAudioError):
        check_whole(data[:-50], "clip")


def test_a_real_webm_passes_whole_and_fails_without_its_end(
    encode: Encode, tone: Callable[..., NDArray[np.float32]]
) -> None:
    data = encode(tone(440.0, 48_000), 48_000, "webm", "libopus")
    check_whole(data, "clip")
    with pytest.raises(DamagedAudioError):
        check_whole(data[:-50], "clip")


@pytest.mark.parametrize(
    ("data", "sound"),
    [(b"RIFF....WAVE", True), (b"....ftypM4A ", True), (b"ID3\4", True), (b"\x1aE\xdf\xa3", True),
     (b"fLaC", True), (b"hello", False), (b"", False), (b"\x89PNG", False)],
)  # fmt: skip
def test_a_sound_is_known_by_how_it_begins(data: bytes, sound: bool) -> None:
    assert looks_like_sound(data) is sound
