"""The third part of audio.py's tests: windows cut from a stream, and stretches to play."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from resona_core.errors import EmptyAudioError
from resona_core.sound import audio, windows
from resona_core.sound.mixing import mono_pieces
from resona_core.sound.opening import open_sound

Samples = NDArray[np.float32]
Tone = Callable[..., Samples]
SoundFile = Callable[..., bytes]
Encode = Callable[..., bytes]


def pieces_of(samples: Samples, length: int) -> Iterator[Samples]:
    for start in range(0, len(samples), length):
        yield samples[start : start + length]
    yield samples[:0]


@pytest.mark.parametrize("hop", [0, 30, 50, 100])
@pytest.mark.parametrize("length", [1, 7, 49, 50, 51, 1000])
@pytest.mark.parametrize(
    "n_samples", [1, 99, 100, 102, 103, 130, 150, 151, 152, 153, 199, 200, 250, 998]
)
def test_windows_of_a_stream_are_those_of_the_whole_sound(
    n_samples: int, length: int, hop: int
) -> None:
    samples = np.arange(n_samples, dtype=np.float32)
    cut = list(windows.windows(pieces_of(samples, length), 100, hop))
    assert [window.start for window in cut] == windows.window_starts(n_samples, 100, hop)
    for window in cut:
        np.testing.assert_array_equal(window.samples, windows.window_at(samples, window.start, 100))
    assert [window.end for window in cut[:-1]] == [window.start + 100 for window in cut[:-1]]
    assert cut[-1].end == n_samples


@pytest.mark.parametrize("source_hz", [8_000, 44_100, 48_000])
def test_a_click_is_found_at_its_time_however_late(source_hz: int, sound_file: SoundFile) -> None:
    """Clicks every 2.7 s for five minutes: no drift, none lost or moved at a border."""
    clicks_s = np.arange(0.5, 300, 2.7)
    sound = np.zeros(300 * source_hz, np.float32)
    sound[np.round(clicks_s * source_hz).astype(int)] = 0.9
    data = sound_file(sound, source_hz, "FLAC")
    with open_sound(data) as opened:
        found_s: set[float] = set()
        for window in windows.windows(mono_pieces(opened, 16_000), 80_000):
            peaks = np.flatnonzero(window.samples > 0.6 * window.samples.max())
            inner = peaks[(peaks > 10) & (peaks < 79_990)]  # a click cut in two has no peak
            found_s |= {(window.start + int(peak)) / 16_000 for peak in inner}
    distance_s = np.abs(clicks_s[:, None] - sorted(found_s))
    assert distance_s.min(axis=1).max() <= 1.5 / 16_000  # every click is found
    assert distance_s.min(axis=0).max() <= 1.5 / 16_000  # and nothing else


def test_memory_does_not_grow_with_the_recording(sound_file: SoundFile) -> None:
    """The whole at 16 kHz would be 19 MB; recording_memory.py measures an hour."""
    five_minutes = np.random.default_rng(0).normal(0, 0.1, 300 * 16_000).astype(np.float32)
    data = sound_file(five_minutes, 16_000, "FLAC")
    del five_minutes
    tracemalloc.start()
    try:
        with open_sound(data) as sound:
            n_windows = sum(1 for _ in windows.windows(mono_pieces(sound, 16_000), 80_000))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n_windows == 119
    assert peak_bytes < 5e6


@pytest.mark.parametrize(
    ("container", "codec"),
    [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
     ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_24"), ("mp4", "aac"), ("adts", "aac"),
     ("webm", "libopus")],
)  # fmt: skip
def test_a_stretch_is_what_the_whole_sound_holds_there(
    container: str, codec: str, noise: Samples, sound_file: SoundFile, encode: Encode
) -> None:
    write = encode if container.islower() else sound_file
    sounds = np.stack([noise[:192_000], noise[-192_000:]], axis=1)  # 4 s, each channel its own
    data = write(sounds, 48_000, container, codec)
    with open_sound(data) as sound:
        whole = np.concatenate(list(sound.blocks()))
    stretch, rate_hz = soundfile.read(io.BytesIO(audio.excerpt(data, 1.7, 2.9)))
    assert rate_hz == 48_000
    assert stretch.shape == (57_600, 2)
    np.testing.assert_allclose(stretch, whole[81_600:139_200], atol=2e-3)


def test_a_stretch_ends_with_the_sound_and_does_not_begin_after_it(
    tone: Tone, sound_file: SoundFile
) -> None:
    data = sound_file(tone(440.0, 16_000, 2.0))
    stretch, _ = soundfile.read(io.BytesIO(audio.excerpt(data, 1.5, 9.0)))
    assert len(stretch) == 8_000
    with pytest.raises(EmptyAudioError, match=r"night\.wav ends before 2\.5 s"):
        audio.excerpt(data, 2.5, 3.0, name="night.wav")


def test_a_stretch_louder_than_full_scale_does_not_wrap_around(
    tone: Tone, sound_file: SoundFile
) -> None:
    data = sound_file(3 * tone(440.0), 16_000, "WAV", "FLOAT")
    stretch, _ = soundfile.read(io.BytesIO(audio.excerpt(data, 0, 1)))
    loud = np.clip(3 * tone(440.0), -1, 1)
    np.testing.assert_allclose(stretch, loud, atol=1e-3)
