"""Which files are read, and which of their tracks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import NotAudioError, RequestError, ResonaError
from resona_core.sound import audio

Samples = NDArray[np.float32]
Encode = Callable[..., bytes]
SoundFile = Callable[..., bytes]
Tone = Callable[..., Samples]

PLAYED = [
    ("wv", "wavpack"), ("tta", "tta"), ("asf", "libmp3lame"), ("ac3", "ac3"), ("eac3", "eac3"),
    ("caf", "alac"), ("au", "pcm_s16be"), ("matroska", "libopus"), ("3gp", "aac"), ("mp2", "mp2"),
    ("ipod", "alac"), ("mpegts", "mp2"), ("avi", "libmp3lame"), ("flv", "libmp3lame"),
    ("voc", "pcm_s16le"), ("w64", "pcm_s24le"),  ("nut", "flac"), ("oga", "flac"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "codec"), PLAYED)
def test_what_every_player_plays_is_heard(
    container: str, codec: str, tone: Tone, encode: Encode
) -> None:
    data = encode(tone(1_000.0, 48_000, 2.0), 48_000, container, codec)
    clip = audio.load(data, 48_000)
    assert clip.duration_s == pytest.approx(2.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(clip.samples[24_000:72_000]))
    assert spectrum.argmax() == 1_000
    assert clip.notices.sentences() == ()


def test_amr_is_heard() -> None:
    """A frame of AMR at 12.2 kbit/s lasts 20 ms in 32 bytes; nothing here can write it."""
    frames = b"".join(bytes([0x3C]) + np.random.default_rng(i).bytes(31) for i in range(50))
    clip = audio.load(b"#!AMR\n" + frames, 16_000)
    assert clip.duration_s == pytest.approx(1.0, abs=0.03)
    assert clip.source_rate_hz == 8_000


@pytest.mark.parametrize(
    "data",
    [
        b"DSD " + (28).to_bytes(8, "little") + bytes(2_000),
        b"FRM8" + (2_000).to_bytes(8, "big") + b"DSD " + bytes(2_000),
        b"GIF89a" + bytes(500),
        b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(2_000),
    ],
)
def test_one_bit_sound_and_pictures_stay_out(data: bytes) -> None:
    with pytest.raises(NotAudioError, match=r"save it as wav, flac, mp3, m4a or ogg"):
        audio.load(data, 16_000)


def test_random_bytes_are_no_sound() -> None:
    for seed in range(40):
        random = np.random.default_rng(seed)
        with pytest.raises(ResonaError):
            audio.load(random.bytes(int(random.integers(10, 60_000))), 16_000)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.txt", "a.aac", "a"])
def test_a_name_changes_nothing(name: str, tmp_path: Path, tone: Tone, encode: Encode) -> None:
    path = tmp_path / name
    for data in (encode(tone(440.0, 48_000), 48_000, "adts", "aac"), b"ID3" + bytes(3_000)):
        path.write_bytes(data)
        results = []
        for source in (path, data):
            try:
                results.append(audio.load(source, 16_000, name="x").duration_s)
            except ResonaError as error:
                results.append(str(error))
        assert results[0] == results[1]


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_of_several_tracks_the_marked_one_is_heard(
    container: str, tone: Tone, encode: Encode
) -> None:
    sounds = [tone(500.0, 48_000, 2.0), tone(1_000.0, 48_000, 2.0), tone(2_000.0, 48_000, 2.0)]
    data = encode(sounds, 48_000, container, "aac", default=1)

    def pitch_hz(clip: audio.Clip) -> int:
        return int(np.abs(np.fft.rfft(clip.samples[24_000:72_000])).argmax())

    clip = audio.load(data, 48_000)
    assert pitch_hz(clip) == 1_000
    assert clip.notices.sentences() == ("The file holds 3 sound tracks; track 2 is heard.",)
    assert pitch_hz(audio.load(data, 48_000, track=3)) == 2_000
    for track in (0, 4):
        with pytest.raises(RequestError, match=rf"no sound track {track}; it has 3"):
            audio.load(data, 48_000, track=track)


def test_a_silent_track_beside_one_with_sound_is_told(tone: Tone, encode: Encode) -> None:
    sounds = [np.zeros(96_000, np.float32), tone(1_000.0, 48_000, 2.0)]
    clip = audio.load(encode(sounds, 48_000, "mp4", "aac", default=0), 48_000)
    assert clip.notices.sentences() == (
        "The file holds 2 sound tracks; track 1 is heard, which is silent; track 2 has sound.",
    )


def test_no_library_writes_lines_of_its_own(
    capfd: pytest.CaptureFixture[str], tone: Tone, sound_file: SoundFile, encode: Encode
) -> None:
    whole = [
        sound_file(tone(440.0), 16_000, container, subtype)
        for container, subtype in (("MP3", "MPEG_LAYER_III"), ("W64", "PCM_16"), ("FLAC", "PCM_16"))
    ]
    for data in (*whole, encode(tone(440.0, 48_000), 48_000, "mp4", "aac")):
        for cut in (data[: len(data) // 2], data[:200] + bytes(100) + data[300:], data[:60]):
            try:
                audio.load(cut, 16_000)
            except ResonaError:
                continue
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize("channels", [1, 2, 6, 7, 8, 9, 16])
@pytest.mark.parametrize(("container", "subtype"), [("OGG", "VORBIS"), ("WAV", "PCM_16")])
def test_as_many_channels_as_there_are_are_heard(
    channels: int, container: str, subtype: str, tone: Tone, sound_file: SoundFile
) -> None:
    """Vorbis' lie in a plane each, PCM's one beside the other."""
    sounds = np.stack([tone(440.0, 48_000, 1.0, 0.5 / (1 + i)) for i in range(channels)], axis=1)
    clip = audio.load(sound_file(sounds, 48_000, container, subtype), 48_000)
    assert clip.channels == channels
    assert len(clip.samples) > 47_800
    np.testing.assert_allclose(clip.samples, sounds.mean(axis=1)[: len(clip.samples)], atol=0.03)
