"""The engine on recordings: piece by piece, the same answers as for a whole clip."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.beginning import Beginning
from resona_core.engine import Engine
from resona_core.errors import AudioLimitError, RequestError
from resona_core.settings import RECORDING_LIMITS, Limits, Settings
from tests.modal_service import far_engine

Samples = NDArray[np.float32]
Tone = Callable[..., Samples]
SoundFile = Callable[..., bytes]


@pytest.fixture
def engine(weights: str) -> Engine:
    """Three classes, windows of one second."""
    return Engine(Settings(checkpoint=Path(weights)))


@pytest.fixture
def half_a_minute(noise: Samples, sound_file: SoundFile) -> bytes:
    """Noise with ten seconds of silence in its middle, stereo at 44.1 kHz."""
    sound = np.concatenate([noise, noise, np.zeros(441_000, np.float32), noise, noise])
    return sound_file(np.stack([sound, sound / 2], axis=1), 44_100, "FLAC")


def test_a_recording_gets_the_answers_of_a_clip(engine: Engine, half_a_minute: bytes) -> None:
    clip = engine.classify(engine.load(half_a_minute))
    *_, heard = engine.timeline(half_a_minute)
    np.testing.assert_array_equal(heard.window_starts_s, clip.window_starts_s)
    np.testing.assert_array_equal(heard.silent, clip.silent)
    np.testing.assert_allclose(heard.window_probabilities, clip.window_probabilities, atol=1e-6)
    assert heard.labels == clip.labels
    assert 15 < heard.silent.sum() < 25
    assert (heard.heard_s, heard.total_s) == (30.0, 30.0)


def test_a_recording_gets_the_kinds_of_a_clip(strange_weights: str, half_a_minute: bytes) -> None:
    asked = Engine(Settings(checkpoint=Path(strange_weights)))
    clip = asked.classify(asked.load(half_a_minute))
    *_, heard = asked.timeline(half_a_minute)
    np.testing.assert_array_equal(heard.window_kinds, clip.window_kinds)
    np.testing.assert_array_equal(heard.strange, ~heard.silent)
    assert heard.window_kinds is not None
    np.testing.assert_allclose(heard.window_kinds[0], [0.1, 0.2, 0.6, 0.1], atol=1e-3)
    assert (heard.kind(), heard.kinds) == ("music", ("known", "speech", "music", "other"))


def test_results_grow_as_they_come(engine: Engine, half_a_minute: bytes) -> None:
    heard = list(engine.timeline(half_a_minute))
    assert [each.n_windows for each in heard] == [16, 32, 48, 59]
    assert heard[0].heard_s == 8.5  # 15 hops of half a second, and a window
    np.testing.assert_array_equal(
        heard[-1].window_probabilities[:16], heard[0].window_probabilities
    )
    assert np.diff([each.edges_s[-1] for each in heard]).min() > 0


def test_a_recording_shorter_than_a_window_is_one_window(
    engine: Engine, tone: Tone, sound_file: SoundFile
) -> None:
    (heard,) = engine.timeline(sound_file(tone(440.0, duration_s=0.4)))
    assert heard.n_windows == 1
    assert heard.edges_s.tolist() == [0, 0.4]


def test_the_hop_can_be_chosen_within_a_window(engine: Engine, half_a_minute: bytes) -> None:
    *_, heard = engine.timeline(half_a_minute, hop_s=1.0)
    np.testing.assert_allclose(np.diff(heard.window_starts_s), 1.0)
    for hop_s in (0.05, 1.5, float("nan")):
        with pytest.raises(RequestError, match=r"ask for 0\.1 to 1 s"):
            next(engine.timeline(half_a_minute, hop_s=hop_s))


def test_who_asks_no_more_leaves_no_file_open(
    engine: Engine, half_a_minute: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "night.flac"
    path.write_bytes(half_a_minute)
    heard = engine.timeline(path)
    assert next(heard).n_windows == 16
    assert path in _open_files()
    heard.close()
    gc.collect()
    assert path not in _open_files()


def _open_files() -> list[Path]:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("this system does not list its open files")
    return [link.readlink() for link in folder.iterdir() if link.is_symlink()]


def test_recordings_have_limits_of_their_own(
    weights: str, tone: Tone, sound_file: SoundFile
) -> None:
    limits = Limits(max_duration_s=1.0)
    data = sound_file(tone(440.0, duration_s=3.0))
    short = Engine(Settings(checkpoint=Path(weights), limits=limits))
    *_, heard = short.timeline(data)
    assert heard.heard_s == 3.0
    strict = Engine(replace(short.settings, recording_limits=limits))
    with pytest.raises(AudioLimitError, match=r"night\.wav lasts 3 s, the limit is 1 s"):
        next(strict.timeline(data, "night.wav"))


def test_a_path_may_weigh_anything_and_an_upload_may_not(
    weights: str, tone: Tone, sound_file: SoundFile, tmp_path: Path
) -> None:
    path = tmp_path / "night.wav"
    path.write_bytes(sound_file(tone(440.0, duration_s=3.0)))
    small = replace(RECORDING_LIMITS, max_bytes=1000)
    engine = Engine(Settings(checkpoint=Path(weights), recording_limits=small))
    for source in (path, str(path)):
        *_, heard = engine.timeline(source)
        assert heard.heard_s == 3.0
    with path.open("rb") as file:
        for held in (path.read_bytes(), file):
            with pytest.raises(AudioLimitError, match="or set RESONA_MAX_RECORDING_BYTES higher"):
                next(engine.timeline(held))


def test_a_night_of_twelve_hours_may_be_heard_by_default() -> None:
    assert Settings().recording_limits.max_duration_s >= 12 * 3600 + 60


def test_when_it_began_and_what_is_heard_of_it_is_told_with_every_part(
    weights: str, half_a_minute: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "20240131_053000.flac"
    path.write_bytes(half_a_minute)
    near, (far, _) = Engine(Settings(checkpoint=Path(weights))), far_engine(Path(weights))
    for door in (near, far):
        for source, name in ((path, ""), (half_a_minute, path.name), (path, str(path))):
            for heard in door.timeline(source, name):
                assert heard.began == Beginning(datetime(2024, 1, 31, 5, 30), "file name")
                assert heard.heard_hz == (20.0, 8_000.0)
        assert next(door.timeline(half_a_minute)).began is None


def test_no_more_is_heard_than_the_recording_holds(
    engine: Engine, tone: Tone, sound_file: SoundFile
) -> None:
    *_, heard = engine.timeline(sound_file(tone(440.0, 8_000, 2.0), 8_000))
    assert heard.heard_hz == (20.0, 4_000.0)


def test_a_recording_that_breaks_off_is_heard_to_there_and_told_at_its_end(
    engine: Engine, tone: Tone, sound_file: SoundFile
) -> None:
    data = sound_file(tone(440.0, 48_000, 30.0), 48_000, "MP3", "MPEG_LAYER_III")
    first, *_, last = engine.timeline(data[: len(data) // 2])
    assert (first.heard_s, first.warnings) == (8.5, ())
    assert last.heard_s == pytest.approx(15, abs=0.2)
    (told,) = last.warnings
    assert told == (
        f"The file breaks off after {last.heard_s:.1f} of 30.0 s; it is heard as far as it goes."
    )


def test_a_recording_is_heard_as_a_clip_is(
    engine: Engine, tone: Tone, sound_file: SoundFile
) -> None:
    """A second of silence, three of channels that cancel, two above the network's range."""
    low, high = tone(440.0, 48_000, 3.0), tone(20_000.0, 48_000, 2.0)
    left = np.concatenate([np.zeros(48_000, np.float32), low, high])
    right = np.concatenate([np.zeros(48_000, np.float32), -low, high])
    data = sound_file(np.stack([left, right], axis=1), 48_000, "WAV", "FLOAT")
    clip = engine.classify(engine.load(data))
    *_, heard = engine.timeline(data)
    assert heard.warnings == clip.warnings
    assert [sentence.split()[1] for sentence in heard.warnings] == ["channels", "of"]
    np.testing.assert_array_equal(heard.silent, clip.silent)
    np.testing.assert_array_equal(heard.beyond, clip.beyond)
    assert heard.silent.tolist() == [True, *[False] * 7, *[True] * 3]
    assert heard.beyond is not None
    assert heard.beyond.tolist() == [*[False] * 8, *[True] * 3]


def test_a_silent_track_beside_one_with_sound_is_told_in_the_end(
    engine: Engine, tone: Tone, encode: Callable[..., bytes]
) -> None:
    tracks = [np.zeros(144_000, np.float32), tone(440.0, 48_000, 3.0)]
    data = encode(tracks, 48_000, "matroska", "flac", default=0)
    *_, heard = engine.timeline(data)
    assert heard.nothing_to_hear
    assert heard.warnings == (
        "The file holds 2 sound tracks; track 1 is heard, which is silent; track 2 has sound.",
    )
    *_, other = engine.timeline(data, track=2)
    assert not other.nothing_to_hear
