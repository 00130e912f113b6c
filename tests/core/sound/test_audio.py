from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.errors import RequestError
from resona_core.sound import audio

Samples = NDArray[np.float32]
Tone = Callable[..., Samples]
SoundFile = Callable[..., bytes]
Encode = Callable[..., bytes]

# container and subtype, for soundfile; how far a codec may change the amplitude of a sine
WRITTEN = [
    ("WAV", "PCM_U8", 0.01), ("WAV", "PCM_16", 1e-3), ("WAV", "PCM_24", 1e-3),
    ("WAV", "PCM_32", 1e-3), ("WAV", "FLOAT", 1e-3), ("WAV", "DOUBLE", 1e-3),
    ("WAVEX", "PCM_16", 1e-3), ("FLAC", "PCM_16", 1e-3), ("FLAC", "PCM_24", 1e-3),
    ("AIFF", "PCM_16", 1e-3), ("OGG", "VORBIS", 0.05), ("OGG", "OPUS", 0.05),
    ("MP3", "MPEG_LAYER_III", 0.05),
]  # fmt: skip
# container and codecs, for FFmpeg
ENCODED = [
    ("mp4", "aac", None), ("adts", "aac", None), ("webm", "libopus", None),
    ("matroska", "flac", None), ("mp4", "aac", "mpeg4"), ("webm", "libopus", "libvpx"),
]  # fmt: skip


def _sine(samples: Samples, sample_rate_hz: int) -> tuple[float, float]:
    """Return frequency in Hz and amplitude of the strongest sine in the middle half second."""
    middle = samples[sample_rate_hz // 4 :][: sample_rate_hz // 2]
    window = np.hanning(len(middle))
    spectrum = np.abs(np.fft.rfft(middle * window))
    loudest = int(spectrum.argmax())
    return loudest * sample_rate_hz / len(middle), float(2 * spectrum[loudest] / window.sum())


@pytest.mark.parametrize(("container", "subtype", "tolerance"), WRITTEN)
def test_a_sine_survives_every_format_soundfile_writes(
    container: str, subtype: str, tolerance: float, tone: Tone, sound_file: SoundFile
) -> None:
    clip = audio.load(sound_file(tone(1_000.0, 48_000), 48_000, container, subtype), 16_000)
    assert _sine(clip.samples, 16_000) == pytest.approx((1_000.0, 0.5), rel=tolerance)
    assert clip.duration_s == pytest.approx(1.0, abs=0.05)
    assert (clip.sample_rate_hz, clip.source_rate_hz, clip.channels) == (16_000, 48_000, 1)
    assert clip.encoding.startswith(f"{container.removesuffix('EX')}, ")
    assert clip.samples.dtype == np.float32


@pytest.mark.parametrize(("container", "codec", "video"), ENCODED)
def test_a_sine_survives_every_format_ffmpeg_writes(
    container: str, codec: str, video: str | None, tone: Tone, encode: Encode
) -> None:
    data = encode(tone(1_000.0, 48_000), 48_000, container, codec, video)
    clip = audio.load(data, 16_000)
    assert _sine(clip.samples, 16_000) == pytest.approx((1_000.0, 0.5), rel=0.05)
    assert clip.duration_s == pytest.approx(1.0, abs=0.05)
    assert (clip.source_rate_hz, clip.channels) == (48_000, 1)
    assert clip.encoding.lower().endswith(codec.removeprefix("lib"))


@pytest.mark.parametrize("source_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("wanted_hz", [16_000, 44_100])
def test_a_sine_survives_every_usual_rate(
    source_hz: int, wanted_hz: int, tone: Tone, sound_file: SoundFile
) -> None:
    clip = audio.load(sound_file(tone(1_000.0, source_hz), source_hz), wanted_hz)
    assert len(clip.samples) == wanted_hz
    assert _sine(clip.samples, wanted_hz) == pytest.approx((1_000.0, 0.5), rel=2e-3)


def test_what_lies_above_half_the_new_rate_does_not_come_back_as_something_else(
    tone: Tone, sound_file: SoundFile
) -> None:
    clip = audio.load(sound_file(tone(10_000.0, 48_000), 48_000), 16_000)
    assert np.abs(clip.samples[1_000:-1_000]).max() < 1e-3


def test_at_the_same_rate_the_samples_arrive_as_they_are(
    noise: Samples, sound_file: SoundFile
) -> None:
    data = sound_file(noise[:16_000], 16_000, "WAV", "FLOAT")
    np.testing.assert_array_equal(audio.load(data, 16_000).samples, noise[:16_000])


@pytest.mark.parametrize("channels", [2, 6, 8])
def test_channels_are_averaged(channels: int, tone: Tone, sound_file: SoundFile) -> None:
    sounds = np.stack([tone(1_000.0, peak=0.1 * i) for i in range(channels)], axis=1)
    clip = audio.load(sound_file(sounds), 16_000)
    np.testing.assert_allclose(clip.samples, sounds.mean(axis=1), atol=1e-3)
    assert clip.channels == channels


def test_the_channels_of_a_compressed_film_are_averaged(tone: Tone, encode: Encode) -> None:
    stereo = np.stack([tone(1_000.0, 48_000, peak=0.4), np.zeros(48_000, np.float32)], axis=1)
    clip = audio.load(encode(stereo, 48_000, "mp4", "aac", "mpeg4"), 16_000)
    assert _sine(clip.samples, 16_000) == pytest.approx((1_000.0, 0.2), rel=0.05)
    assert clip.channels == 2


def test_a_path_gives_what_its_bytes_give(
    tmp_path: Path, tone: Tone, sound_file: SoundFile
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(sound_file(tone(440.0)))
    np.testing.assert_array_equal(
        audio.load(path, 16_000).samples, audio.load(path.read_bytes(), 16_000).samples
    )


def test_a_long_sound_is_put_together_from_its_blocks(
    noise: Samples, sound_file: SoundFile
) -> None:
    sounds = np.stack([noise, -noise[::-1]], axis=1)  # 220,500 frames: seven blocks
    clip = audio.load(sound_file(sounds, 44_100, "WAV", "FLOAT"), 44_100)
    np.testing.assert_allclose(clip.samples, sounds.mean(axis=1), atol=1e-6)


def test_a_silent_track_beside_one_that_sounds_is_noted(tone: Tone, encode: Encode) -> None:
    sounds = [np.zeros(16_000, np.float32), np.zeros(16_000, np.float32), tone(1_000.0)]
    for tracks, sounding in ((sounds, 3), (sounds[:2], None), (sounds[1:], 2), (sounds[2:], None)):
        clip = audio.load(encode(tracks, 16_000, "matroska", "pcm_s16le", default=0), 16_000)
        assert clip.notices.sounding_track == sounding


def test_a_tag_in_a_foreign_alphabet_does_not_matter(tone: Tone, encode: Encode) -> None:
    data = encode(tone(1_000.0), 16_000, "mp4", "aac", None, movflags="use_metadata_tags")
    name = data.index(b"Lavf")  # the encoder's name, stored as a tag
    latin = data[:name] + "äöüß".encode("latin-1") + data[name + 4 :]
    assert audio.load(latin, 16_000).duration_s == pytest.approx(1.0, abs=0.1)


def test_a_clip_tells_its_length_and_peak() -> None:
    clip = audio.Clip(np.array([0.1, -0.5, 0.2, 0.0], np.float32), 2, 8, 1, "WAV")
    assert clip.duration_s == 2.0
    assert clip.peak == 0.5
    assert clip.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    silent = audio.Clip(np.zeros(4, np.float32), 2, 8, 1, "WAV")
    assert silent.peak_dbfs == float("-inf")


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (np.zeros(5, np.int16), r"int16 of shape \(5,\), but must be some float32"),
        (np.zeros((5, 2), np.float32), r"float32 of shape \(5, 2\), but must be"),
        (np.zeros(0, np.float32), r"of shape \(0,\), but must be some"),
        (np.array([0.0, np.nan], np.float32), "no numbers"),
    ],
)
def test_a_clip_of_something_else_is_refused(samples: Samples, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        audio.Clip(samples, 16_000, 16_000, 1, "mine")


def test_a_clip_s_windows_are_numbered_from_nought(tiny_front_end: FrontEndConfig) -> None:
    samples = np.arange(27_200, dtype=np.float32)  # of 16,000 a second: 1.7 s
    clip = audio.Clip(samples, 16_000, 16_000, 1, "WAV")
    for number, start in enumerate([0, 8_000, 11_200]):
        window = audio.window_of(clip, number, tiny_front_end)
        np.testing.assert_array_equal(window, samples[start : start + 16_000])
    for number in (-1, 3):
        told = f"There is no window {number}; the sound has windows 0 to 2."
        with pytest.raises(RequestError, match=f"^{re.escape(told)}$"):
            audio.window_of(clip, number, tiny_front_end)


def test_a_clip_of_another_rate_is_not_heard_too_fast(tiny_front_end: FrontEndConfig) -> None:
    clip = audio.Clip(np.zeros(9, np.float32), 44_100, 44_100, 1, "WAV")
    told = re.escape(
        "The clip is at 44,100 Hz, the network hears 16,000 Hz; let Engine.load((samples, rate)) "
        "change the rate."
    )
    with pytest.raises(RequestError, match=f"^{told}$"):
        audio.window_of(clip, 0, tiny_front_end)
    with pytest.raises(RequestError, match=f"^{told}$"):
        audio.clip_windows(clip, tiny_front_end)


def test_real_clips_last_five_seconds_and_keep_to_full_scale(esc50: Path) -> None:
    for path in sorted((esc50 / "audio").iterdir())[::200]:
        clip = audio.load(path, 44_100)
        assert clip.duration_s == pytest.approx(5.0, abs=0.01)
        assert 0.05 < clip.peak <= 1.0


def test_a_real_clip_at_another_rate_is_what_scipy_makes_of_it(esc50: Path) -> None:
    for path in sorted((esc50 / "audio").iterdir())[::200]:
        original, reduced = audio.load(path, 44_100).samples, audio.load(path, 16_000).samples
        reference = scipy.signal.resample_poly(original, 160, 441)  # 44,100 * 160 / 441 = 16,000
        assert len(reduced) == len(reference)
        below = 6_000 * len(reduced) // 16_000  # Hz, where neither filter has begun to fall
        expected, found = (np.fft.rfft(sound)[:below] for sound in (reference, reduced))
        assert np.linalg.norm(found - expected) < 0.01 * np.linalg.norm(expected)
