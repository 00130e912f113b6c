"""What is refused at once by what a header promises, and which track is not silent."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import AudioLimitError
from resona_core.settings import Limits
from resona_core.sound.opening import open_sound, track_with_sound

Samples = NDArray[np.float32]
RATE_HZ = 16_000
TWO_SECONDS = Limits(max_duration_s=2.0)


def is_refused_at_once(data: bytes) -> bool:
    try:
        with open_sound(data, TWO_SECONDS):
            return False
    except AudioLimitError:
        return True


# 16 bits a sample: 256,000 a second; of 4 s, 99 % are 1,013,760 bits, or 126,720 bytes
@pytest.mark.parametrize(("n_bytes", "refused"), [(126_720, True), (126_718, False)])
def test_a_wav_that_promises_too_much_is_refused_if_its_bytes_could_hold_99_percent_of_it(
    n_bytes: int, refused: bool, sound_file: Callable[..., bytes]
) -> None:
    whole = sound_file(np.full(4 * RATE_HZ, 0.1, np.float32), RATE_HZ, "WAV", "PCM_16")
    assert is_refused_at_once(whole[:n_bytes]) is refused


def test_a_wav_whose_promise_its_limit_allows_is_opened(sound_file: Callable[..., bytes]) -> None:
    whole = sound_file(np.full(2 * RATE_HZ, 0.1, np.float32), RATE_HZ, "WAV", "PCM_16")
    assert not is_refused_at_once(whole)


@pytest.mark.parametrize(("share", "refused"), [(0.98, True), (1.0, True), (1.03, False)])
def test_a_compressed_sound_is_believed_to_need_500_bits_a_second(
    share: float, refused: bool, noise: Samples, sound_file: Callable[..., bytes]
) -> None:
    data = bytearray(sound_file(noise[:1_600], RATE_HZ, "FLAC", "PCM_16"))
    promised_s = share * 8 * len(data) / 500
    assert promised_s > 2.0
    # STREAMINFO (RFC 9639): its bytes 14 to 17 end the 36 bits that count the samples
    struct.pack_into(">I", data, 8 + 14, round(promised_s * RATE_HZ))
    assert is_refused_at_once(bytes(data)) is refused


def steps(levels: list[int]) -> Samples:
    """Return two seconds of these levels in turn, in steps of 16 bits."""
    return (np.resize(levels, 2 * RATE_HZ) / 2**15).astype(np.float32)


QUIET = steps([0, 3])  # what dither makes of silence: 1.5 steps up and down
LOUDER = steps([0, 4])
OFFSET = np.stack([steps([16_384]), steps([-16_384])], axis=1)  # two channels, neither moves


@pytest.mark.parametrize(
    ("sounds", "track"),
    [([OFFSET, QUIET, LOUDER], 3), ([LOUDER, QUIET], 1), ([QUIET, OFFSET], None)],
)
def test_a_track_has_sound_that_moves_by_more_than_dither(
    sounds: list[Samples], track: int | None, encode: Callable[..., bytes]
) -> None:
    data = encode(sounds, RATE_HZ, "matroska", "pcm_s16le", default=0)
    with open_sound(data) as opened:
        assert opened.notices.tracks == len(sounds)
        assert track_with_sound(opened, data) == track


def test_a_damaged_track_between_does_not_hide_one_with_sound(
    encode: Callable[..., bytes],
) -> None:
    no_numbers = np.full(RATE_HZ, np.nan, np.float32)
    data = encode([0 * QUIET, no_numbers, LOUDER], RATE_HZ, "matroska", "pcm_f32le", default=0)
    with open_sound(data) as opened:
        assert track_with_sound(opened, data) == 3


def test_where_no_track_is_marked_the_first_is_heard(encode: Callable[..., bytes]) -> None:
    data = encode([LOUDER, QUIET], RATE_HZ, "avi", "pcm_s16le")
    with open_sound(data) as opened:
        assert (opened.notices.track, opened.notices.tracks) == (1, 2)


@pytest.mark.parametrize(
    ("container", "codec", "encoding"),
    [("mp4", "aac", "MP4, AAC"), ("matroska", "pcm_s16le", "Matroska, PCM signed 16-bit"),
     ("asf", "libmp3lame", "WMA, MP3"), ("mov", "pcm_s16be", "MP4, PCM signed 16-bit")],
)  # fmt: skip
def test_a_promise_counts_from_the_beginning_of_the_file(
    container: str, codec: str, encoding: str, noise: Samples, encode: Callable[..., bytes]
) -> None:
    data = encode(noise[:88_200], 44_100, container, codec, late_s=3.0)
    with open_sound(data) as opened:
        assert opened.encoding == encoding
        if container != "asf":  # FFmpeg's guess
            assert opened.duration_s == pytest.approx(5.0, abs=0.06)
