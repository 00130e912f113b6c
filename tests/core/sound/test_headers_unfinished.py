"""Files whose header claims what is not so: cut, never finished, or a little off."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import AudioError, AudioLimitError, EmptyAudioError
from resona_core.settings import Limits
from resona_core.sound import audio
from resona_core.sound.opening import open_sound

Samples = NDArray[np.float32]
Encode = Callable[..., bytes]
SoundFile = Callable[..., bytes]
Tone = Callable[..., Samples]

RATE_HZ = 16_000


def wav_with(size: int, held: bytes, behind: bytes = b"") -> bytes:
    """Return a 16-bit mono WAV whose sound chunk claims `size` bytes."""
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    body = b"WAVE" + form + b"data" + struct.pack("<I", size) + held + behind
    return b"RIFF" + struct.pack("<I", min(4 + len(body), 0xFFFFFFFF)) + body


@pytest.fixture
def pcm(tone: Tone) -> bytes:
    """Two seconds, 16 bit."""
    return (tone(440.0, RATE_HZ, 2.0) * 32_767).astype("<i2").tobytes()


@pytest.mark.parametrize(
    "size",
    [0, 0x7F000000, 0x7FFFF000, 0x7FFFFF00, 0x7FFFFFFF, 0x80000000, 0xFFFFFF00, 0xFFFFFFFF],
)
def test_a_wav_whose_length_was_never_filled_in_is_heard_to_its_end(size: int, pcm: bytes) -> None:
    clip = audio.load(wav_with(size, pcm), RATE_HZ)
    assert clip.duration_s == 2.0
    assert clip.peak == pytest.approx(0.5, abs=1e-3)
    assert clip.notices.sentences() == ()


@pytest.mark.parametrize("more", [-36, 2, 36, 1_000])
def test_a_length_a_little_off_is_no_matter(more: int, pcm: bytes) -> None:
    clip = audio.load(wav_with(len(pcm) + more, pcm), RATE_HZ)
    assert clip.duration_s == pytest.approx(2.0, abs=0.002)
    assert clip.notices.sentences() == ()


def test_what_follows_the_sound_of_a_wav_is_not_heard(pcm: bytes) -> None:
    notes = b"LIST" + struct.pack("<I", 4_000) + b"INFO" + b"\x7f" * 3_996
    clip = audio.load(wav_with(len(pcm), pcm, behind=notes), RATE_HZ)
    assert clip.duration_s == 2.0


def _refilled(data: bytes, places: dict[int, bytes]) -> bytes:
    changed = bytearray(data)
    for at, value in places.items():
        changed[at : at + len(value)] = value
    return bytes(changed)


@pytest.mark.parametrize("unknown", [bytes(8), b"\xff" * 8, b"\xff" * 7 + b"\x7f"])
@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_an_rf64_whose_length_was_never_filled_in_is_heard(
    unknown: bytes, kind: bytes, tone: Tone, sound_file: SoundFile
) -> None:
    data = sound_file(tone(440.0, RATE_HZ, 2.0), RATE_HZ, "RF64")
    clip = audio.load(_refilled(data, {0: kind, 20: unknown, 28: unknown, 36: unknown}), RATE_HZ)
    assert clip.duration_s == pytest.approx(2.0, abs=0.01)
    assert clip.notices.sentences() == ()


@pytest.mark.parametrize(
    "unknown", [bytes(8), b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\x17" + bytes(7)]
)
def test_a_w64_whose_length_was_never_filled_in_is_heard(
    unknown: bytes, tone: Tone, sound_file: SoundFile
) -> None:
    data = sound_file(tone(440.0, RATE_HZ, 2.0), RATE_HZ, "W64")
    size = data.index(b"data\xf3\xac") + 16
    clip = audio.load(_refilled(data, {16: unknown, size: unknown}), RATE_HZ)
    assert clip.duration_s == pytest.approx(2.0, abs=0.01)
    assert clip.notices.sentences() == ()


@pytest.mark.parametrize(
    ("form", "frames", "sound"), [(0, 0, 0), (0x7F000050, 0x3F800000, 0x7F000008)]
)
def test_an_aiff_whose_length_was_never_filled_in_is_heard(
    form: int, frames: int, sound: int, tone: Tone, sound_file: SoundFile
) -> None:
    data = sound_file(tone(440.0, RATE_HZ, 2.0), RATE_HZ, "AIFF")
    places = {4: form, data.index(b"COMM") + 10: frames, data.index(b"SSND") + 4: sound}
    unfinished = _refilled(data, {at: struct.pack(">I", value) for at, value in places.items()})
    clip = audio.load(unfinished, RATE_HZ)
    assert clip.duration_s == pytest.approx(2.0, abs=0.01)
    assert clip.notices.sentences() == ()


@pytest.mark.parametrize(
    ("container", "codec"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "PCM_U8"),
     ("WAV", "IMA_ADPCM"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_24"),
     ("CAF", "PCM_16"), ("AU", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III"),
     ("matroska", "flac"), ("webm", "libopus"), ("mp4", "aac")],
)  # fmt: skip
@pytest.mark.parametrize("kept", [0.5, 0.75])
def test_a_file_that_breaks_off_is_heard_as_far_as_it_goes(
    container: str, codec: str, kept: float, tone: Tone, sound_file: SoundFile, encode: Encode,
    tmp_path: Path,
) -> None:  # fmt: skip
    options = {"movflags": "faststart"} if container == "mp4" else {}
    sound = np.random.default_rng(0).normal(0, 0.1, 4 * 48_000).astype(np.float32)
    if container.islower():
        data = encode(sound, 48_000, container, codec, None, **options)
    else:
        data = sound_file(sound, 48_000, container, codec)
    cut = data[: int(kept * len(data))]
    clip = audio.load(cut, 48_000)
    assert clip.duration_s == pytest.approx(4 * kept, abs=0.25)
    assert clip.notices.sentences() == (
        f"The file breaks off after {clip.duration_s:.1f} of 4.0 s; it is heard as far as it goes.",
    )
    path = tmp_path / "cut"
    path.write_bytes(cut)
    on_disk = audio.load(path, 48_000)
    np.testing.assert_array_equal(on_disk.samples, clip.samples)
    assert on_disk.notices == clip.notices


@pytest.mark.parametrize("kind", ["RF64", "W64", "AIFF"])
def test_a_file_that_breaks_off_before_its_sound_is_refused_in_a_sentence(
    kind: str, noise: Samples, sound_file: SoundFile
) -> None:
    data = sound_file(noise[:100], RATE_HZ, kind, "PCM_16")
    for kept in range(12, len(data) - 200 + 1, 2):
        with pytest.raises(AudioError, match=r"^a\.wav (is damaged|holds no sound)"):
            audio.load(data[:kept], RATE_HZ, name="a.wav")


def test_an_ogg_file_that_breaks_off_does_not_know_how_long_it_was(
    noise: Samples, sound_file: SoundFile
) -> None:
    data = sound_file(noise, 44_100, "OGG", "VORBIS")
    clip = audio.load(data[: len(data) // 2], 44_100)
    (told,) = clip.notices.sentences()
    assert told.startswith(f"The file breaks off after {clip.duration_s:.1f} s; ")
    assert 1 < clip.duration_s < 3


@pytest.mark.parametrize(
    ("container", "codec"),
    [("WAV", "PCM_16"), ("AIFF", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
     ("MP3", "MPEG_LAYER_III"), ("W64", "PCM_16"), ("CAF", "ALAC_16"), ("mp4", "aac"),
     ("webm", "libopus"), ("adts", "aac"), ("ogg", "flac"), ("matroska", "libmp3lame")],
)  # fmt: skip
def test_a_whole_file_is_told_nothing_about(
    container: str, codec: str, noise: Samples, sound_file: SoundFile, encode: Encode
) -> None:
    write = encode if container.islower() else sound_file
    assert audio.load(write(noise, 48_000, container, codec), 48_000).notices.sentences() == ()


def test_a_flac_that_does_not_say_how_long_it_is_is_heard(
    noise: Samples, sound_file: SoundFile
) -> None:
    data = bytearray(sound_file(noise, 44_100, "FLAC"))
    data[21] &= 0xF0  # the 36 bits of the number of frames: unknown
    data[22:26] = bytes(4)
    clip = audio.load(bytes(data), 44_100)
    assert clip.duration_s == 5.0
    assert clip.notices.sentences() == ()


def test_a_promise_beyond_the_limit_is_refused_only_where_the_bytes_could_hold_it(
    pcm: bytes, tone: Tone, encode: Encode
) -> None:
    limits = Limits(max_duration_s=60.0)
    hour = 2 * RATE_HZ * 3_600
    clip = audio.load(wav_with(hour, pcm), RATE_HZ, limits)
    assert clip.notices.sentences() == (
        "The file breaks off after 2.0 of 3600.0 s; it is heard as far as it goes.",
    )
    with pytest.raises(AudioLimitError, match="lasts 100 s, the limit is 60 s"):
        audio.load(wav_with(50 * len(pcm), 50 * pcm), RATE_HZ, limits)


@pytest.mark.parametrize("behind", [0, 5_000])
@pytest.mark.parametrize("kind", ["RIFF", "RF64"])
def test_the_length_of_a_night_is_believed_though_others_write_as_much_for_unknown(
    kind: str, behind: int, tone: Tone, sound_file: SoundFile, tmp_path: Path
) -> None:
    path, n_bytes = tmp_path / "night.wav", 0x7F000000 + 64_000
    head = wav_with(n_bytes, b"")
    if kind == "RF64":
        sizes = struct.pack("<QQQI", n_bytes + 72, n_bytes, n_bytes // 2, 0)
        head = b"RF64" + b"\xff" * 4 + b"WAVEds64" + struct.pack("<I", 28) + sizes + head[12:-4]
        head += b"\xff" * 4
    with path.open("wb") as file:  # silence that takes no room
        file.write(head)
        file.truncate(len(head) + n_bytes + behind)
    whole = Limits(max_bytes=2 * n_bytes, max_duration_s=24 * 3_600)
    with open_sound(path, whole) as sound:
        assert sound.duration_s == n_bytes / (2 * RATE_HZ)  # 18 h and a half
    with (
        pytest.raises(AudioLimitError, match="lasts 66,587 s, the limit is 43,200 s"),
        open_sound(path, replace(whole, max_duration_s=12 * 3_600)),
    ):
        pass


def test_many_empty_chunks_are_passed_over(pcm: bytes) -> None:
    empty = b"junk" + bytes(4)
    head = b"RIFF" + bytes(4) + b"WAVE" + empty * 100_000
    clip = audio.load(head + wav_with(len(pcm), pcm)[12:], RATE_HZ)
    assert clip.duration_s == 2.0


def test_a_header_alone_holds_no_sound() -> None:
    with pytest.raises(EmptyAudioError, match=r"a\.wav holds no sound"):
        audio.load(wav_with(0, b""), RATE_HZ, name="a.wav")


@pytest.mark.parametrize("share", [0.97, 1.02])
def test_an_mp3_whose_count_of_frames_is_a_little_off_is_no_matter(
    share: float, noise: Samples, sound_file: SoundFile
) -> None:
    data = sound_file(noise, 44_100, "MP3", "MPEG_LAYER_III")
    count = next(data.index(mark) for mark in (b"Xing", b"Info") if mark in data) + 8
    frames = int(int.from_bytes(data[count : count + 4], "big") * share)
    clip = audio.load(_refilled(data, {count: frames.to_bytes(4, "big")}), 44_100)
    assert clip.duration_s == pytest.approx(5.0, abs=0.1)
    assert clip.notices.sentences() == ()


def test_the_pictures_between_two_mp3_files_are_no_promise(
    noise: Samples, sound_file: SoundFile
) -> None:
    data = sound_file(noise, 44_100, "MP3", "MPEG_LAYER_III")
    picture = b"ID3\4\0\0" + bytes([0, 6, 0, 0]) + bytes(6 * 128 * 128)
    clip = audio.load(picture + data + picture + data, 44_100)
    assert clip.duration_s == pytest.approx(10.0, abs=0.2)
    assert clip.notices.ends_s is None
