"""The second half of audio.py's tests: what is not let in, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from socket import AF_UNIX, socket

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import (
    AudioLimitError,
    DamagedAudioError,
    EmptyAudioError,
    NotAudioError,
    ResonaError,
)
from resona_core.settings import Limits
from resona_core.sound import audio

Samples = NDArray[np.float32]
Tone = Callable[..., Samples]
SoundFile = Callable[..., bytes]
Encode = Callable[..., bytes]


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf, 1e11, 3e38])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_of_samples_that_are_no_sound_is_damaged(
    sample: float, channels: int, sound_file: SoundFile
) -> None:
    sounds = np.full((16_000, channels), sample, np.float32)
    with pytest.raises(DamagedAudioError, match=r"not numbers .* far out of range"):
        audio.load(sound_file(sounds, 16_000, "WAV", "FLOAT"), 16_000)


@pytest.mark.parametrize("rate_hz", [10, 999, 768_001])
def test_a_rate_nobody_uses_is_damaged(rate_hz: int, tone: Tone, sound_file: SoundFile) -> None:
    match = f"sample rate of {rate_hz} Hz, 1,000 to 768,000 Hz"
    with pytest.raises(DamagedAudioError, match=match):
        audio.load(sound_file(tone(440.0), rate_hz), 16_000)


@pytest.mark.parametrize("rate_hz", [1_000, 768_000])
def test_the_lowest_and_the_highest_rate_are_heard(
    rate_hz: int, tone: Tone, sound_file: SoundFile
) -> None:
    clip = audio.load(sound_file(tone(100.0, rate_hz), rate_hz), 16_000)
    assert (clip.source_rate_hz, clip.duration_s) == (rate_hz, 1.0)


@pytest.mark.parametrize(
    "data",
    [b"RIFF\x10\0\0\0WAVEnonsense", b"ID3" + bytes(200), b"fLaC" + b"\xff" * 500,
     b"\0\0\0\x18ftypM4A " + bytes(100)],
)  # fmt: skip
def test_what_begins_as_a_sound_and_is_none_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedAudioError, match="begins as a sound file but cannot be decoded"):
        audio.load(data, 16_000)


@pytest.mark.parametrize(
    "data",
    [b"Hello, this is a letter.", b"\x89PNG\r\n\x1a\n" + bytes(500), b"%PDF-1.7\n" + b"x" * 500,
     b"PK\3\4" + bytes(500), b"\0" * 5_000, b"\xff" * 5_000, b"a", bytes(range(256)) * 100],
)  # fmt: skip
def test_what_is_no_sound_is_told_with_the_formats_that_are(data: bytes) -> None:
    with pytest.raises(
        NotAudioError, match=r"letter\.txt is not a sound .* save it as wav, flac, mp3"
    ):
        audio.load(data, 16_000, name="letter.txt")


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
     "ffconcat version 1.0\nfile '{path}'\n",
     "ffconcat version 1.0\nfile 'secret.wav'\n",
     "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 4 RTP/AVP 0\n"],
)  # fmt: skip
def test_a_playlist_opens_neither_files_nor_addresses(
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tone: Tone,
    sound_file: SoundFile,
) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(sound_file(tone(440.0)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotAudioError):
        audio.load(text.format(path=path).encode(), 16_000)


def test_a_film_without_sound_is_told_so(encode: Encode) -> None:
    with pytest.raises(NotAudioError, match=r"holds no sound track .* choose a file with sound"):
        audio.load(encode(None, 0, "mp4", "", "mpeg4"), 16_000)


def test_a_codec_nobody_knows_is_told_as_no_sound_track(tone: Tone, encode: Encode) -> None:
    data = encode(tone(440.0, 48_000), 48_000, "webm", "libopus")
    with pytest.raises(NotAudioError, match="no sound track this program can decode"):
        audio.load(data.replace(b"A_OPUS", b"A_NONE"), 16_000)


def test_a_path_that_is_no_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("text")
    with socket(AF_UNIX) as listening:
        listening.bind("heard")  # a name among files, but no file
    for path in map(Path, ("none.wav", "a.txt/none.wav", "x\0.wav", "heard")):
        with pytest.raises(NotAudioError) as refused:
            audio.load(path, 16_000)
        told = f"{path.name} is not a file; give the path of a sound file."
        assert str(refused.value) == told
    folder = f"^{tmp_path.name} is a folder; give the path of a sound file in it"
    with pytest.raises(NotAudioError, match=folder):
        audio.load(tmp_path, 16_000)


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmptyAudioError, match=r"The sound is empty \(0 bytes\); choose a file"):
        audio.load(b"", 16_000)
    (tmp_path / "a.wav").touch()
    with pytest.raises(EmptyAudioError, match=r"a\.wav is empty"):
        audio.load(tmp_path / "a.wav", 16_000)


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_a_file_without_a_single_sample_to_hear_is_told(frames: int, sound_file: SoundFile) -> None:
    data = sound_file(np.ones(frames, np.float32), 192_000)
    with pytest.raises(EmptyAudioError, match=r"holds no sound.*; choose a longer"):
        audio.load(data, 16_000)


def test_one_sample_is_a_sound(sound_file: SoundFile) -> None:
    clip = audio.load(sound_file(np.ones(1, np.float32)), 16_000)
    assert len(clip.samples) == 1
    assert clip.peak == pytest.approx(1.0, abs=1e-3)


def test_a_file_too_large_is_told_with_the_limit(tone: Tone, sound_file: SoundFile) -> None:
    data = sound_file(tone(440.0, 48_000, 20.0), 48_000)
    audio.load(data, 16_000, Limits(max_bytes=len(data)))
    with pytest.raises(AudioLimitError, match=r"is 1\.9 MB, the limit is 1\.5 MB; cut it"):
        audio.load(data, 16_000, Limits(max_bytes=1_500_000))


def test_a_file_too_long_is_told_with_the_limit(
    tone: Tone, sound_file: SoundFile, encode: Encode
) -> None:
    limits = Limits(max_duration_s=2.0)
    audio.load(sound_file(tone(440.0, 16_000, 2.0)), 16_000, limits)
    for data in (
        sound_file(tone(440.0, 16_000, 3.0)),
        encode(tone(440.0, 48_000, 3.0), 48_000, "mp4", "aac"),  # the header tells
        encode(tone(440.0, 48_000, 3.0), 48_000, "adts", "aac"),  # found while decoding
    ):
        with pytest.raises(
            AudioLimitError, match=r"lasts (3|more than 2) s, the limit is 2 s; cut"
        ):
            audio.load(data, 16_000, limits)


def _mutated(data: bytes, random: np.random.Generator) -> bytes:
    """Return `data` with a few bytes changed, mostly near the start, and now and then cut."""
    changed = bytearray(data)
    reach = min(len(data), int(random.choice([64, 256, 2_000, len(data)])))
    for position in random.integers(0, reach, random.integers(1, 8)):
        changed[position] = random.choice([0, 255, random.integers(256)])
    return bytes(changed[: random.integers(len(data))] if random.random() < 0.2 else changed)


# soundfile's callback prints, instead of telling libsndfile, when a header asks for a place < 0.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored from cffi callback:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    ("container", "codec"),
    [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("FLAC", "PCM_16"),
     ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_24"),
     ("mp4", "aac"), ("adts", "aac"), ("webm", "libopus")],
)  # fmt: skip
def test_whatever_bytes_change_it_is_a_sound_or_an_error_of_ours(
    container: str, codec: str, tone: Tone, sound_file: SoundFile, encode: Encode
) -> None:
    write = encode if container.islower() else sound_file
    data = write(tone(1_000.0, 48_000, 0.3), 48_000, container, codec)
    random = np.random.default_rng(len(data))
    limits = Limits(max_duration_s=20.0)
    for _ in range(60):
        try:
            clip = audio.load(_mutated(data, random), 16_000, limits)
        except ResonaError:
            continue
        assert np.isfinite(clip.samples).all()
        assert 0 < clip.duration_s <= 20.1
