"""Sounds read piece by piece; what :func:`resona_core.sound.audio.load` shares is tested there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import AudioError, AudioLimitError, NotAudioError
from resona_core.settings import RECORDING_LIMITS, SOUND_LIMITS, Limits
from resona_core.sound import audio
from resona_core.sound.decoding import too_large
from resona_core.sound.mixing import mono_pieces
from resona_core.sound.opening import open_sound

Samples = NDArray[np.float32]
Tone = Callable[..., Samples]
SoundFile = Callable[..., bytes]
Encode = Callable[..., bytes]


def heard_before_it_fails(
    source: bytes | Path, limits: Limits | None = None
) -> tuple[float, AudioError | None]:
    """Return how many seconds arrive, and the error that ends them."""
    heard = 0
    try:
        with open_sound(source, limits, "night.x") as sound:
            for piece in mono_pieces(sound, 16_000):
                heard += len(piece)
    except AudioError as error:
        return heard / 16_000, error
    return heard / 16_000, None


def test_the_pieces_put_together_are_the_loaded_sound(
    noise: Samples, sound_file: SoundFile
) -> None:
    data = sound_file(np.stack([noise, noise[::-1]], axis=1), 44_100, "FLAC")
    with open_sound(data) as sound:
        pieces = list(mono_pieces(sound, 16_000))
        assert (sound.rate_hz, sound.channels, sound.duration_s) == (44_100, 2, 5.0)
    assert len(pieces) > 5
    np.testing.assert_array_equal(np.concatenate(pieces), audio.load(data, 16_000).samples)


@pytest.mark.parametrize(("container", "codec"), [("FLAC", "PCM_16"), ("mp4", "aac")])
def test_a_file_on_the_disk_is_read_as_its_bytes_are(
    container: str, codec: str, tmp_path: Path, tone: Tone, sound_file: SoundFile, encode: Encode
) -> None:
    write = encode if container.islower() else sound_file
    path = tmp_path / "a sound"
    path.write_bytes(write(tone(440.0, 48_000), 48_000, container, codec))
    with open_sound(path) as on_disk, open_sound(path.read_bytes()) as in_memory:
        pieces = [np.concatenate(list(mono_pieces(s, 16_000))) for s in (on_disk, in_memory)]
        assert on_disk.name == "a sound"
    np.testing.assert_array_equal(*pieces)


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
        ("mp4", "aac"), ("webm", "libopus"), ("matroska", "libmp3lame"),
    ],
)  # fmt: skip
def test_what_a_lossy_codec_returns_beyond_full_scale_is_clipped(
    container: str, codec: str, noise: Samples, sound_file: SoundFile, encode: Encode
) -> None:
    touching = np.sign(noise[:96_000])  # every sample at full scale
    write = encode if container.islower() else sound_file
    with open_sound(write(touching, 48_000, container, codec)) as sound:
        heard = np.concatenate(list(sound.blocks()))
    assert np.abs(heard).max() == 1.0
    assert (np.abs(heard) == 1.0).sum() > 1_000  # it did go beyond


@pytest.mark.parametrize(
    ("container", "codec"), [("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("matroska", "pcm_f32le")]
)
def test_what_a_lossless_file_holds_beyond_full_scale_is_kept(
    container: str, codec: str, tone: Tone, sound_file: SoundFile, encode: Encode
) -> None:
    loud = tone(440.0, 48_000, peak=3.0)
    write = encode if container.islower() else sound_file
    with open_sound(write(loud, 48_000, container, codec)) as sound:
        heard = np.concatenate(list(sound.blocks()))
    np.testing.assert_array_equal(heard[:, 0], loud)


def test_a_wav_called_raw_is_still_a_wav(tmp_path: Path, tone: Tone, sound_file: SoundFile) -> None:
    path = tmp_path / "take.raw"
    path.write_bytes(sound_file(tone(440.0)))
    assert audio.load(path, 16_000).duration_s == 1.0


def test_a_long_recording_is_let_in_by_its_own_limits(tone: Tone, sound_file: SoundFile) -> None:
    data = sound_file(tone(440.0, duration_s=3.0))
    assert heard_before_it_fails(data, Limits(max_duration_s=3.0))[1] is None
    heard_s, error = heard_before_it_fails(data, Limits(max_duration_s=2.9))
    assert isinstance(error, AudioLimitError)
    assert heard_s == 0  # the header tells before anything is decoded
    assert isinstance(heard_before_it_fails(data, Limits(max_bytes=100))[1], AudioLimitError)


def test_a_recording_whose_header_is_silent_is_stopped_at_the_limit(
    tone: Tone, encode: Encode
) -> None:
    data = encode(tone(440.0, 48_000, 4.0), 48_000, "adts", "aac")
    heard_s, error = heard_before_it_fails(data, Limits(max_duration_s=2.0))
    assert isinstance(error, AudioLimitError)
    assert str(error) == "night.x lasts more than 2 s, the limit is 2 s; cut out a shorter part."
    assert 1.5 < heard_s <= 2.0
    _, error = heard_before_it_fails(data, replace(SOUND_LIMITS, max_duration_s=2.0))
    assert str(error).endswith(
        "; cut out a shorter part, or ask for its timeline (on the pages: Recordings), which takes "
        "hours."
    )
    _, error = heard_before_it_fails(data, replace(RECORDING_LIMITS, max_duration_s=2.0))
    assert str(error).endswith("; cut out a shorter part, or set RESONA_MAX_RECORDING_S higher.")


def test_what_weighs_too_much_is_told_with_the_limit_and_its_cures() -> None:
    told = [str(too_large("a.wav is 60.0 MB", each)) for each in (SOUND_LIMITS, Limits())]
    assert told == [
        "a.wav is 60.0 MB, the limit is 50 MB; cut it shorter or save it in a compressed format, "
        "or ask for its timeline (on the pages: Recordings), which takes hours.",
        "a.wav is 60.0 MB, the limit is 50 MB; cut it shorter or save it in a compressed format.",
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(NotAudioError, match=r"night\.wav is not a file"),
        open_sound(tmp_path / "night.wav"),
    ):
        pass
