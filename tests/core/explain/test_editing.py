from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from resona_core.errors import AudioLimitError, NotAudioError, RequestError
from resona_core.explain.boxes import Box
from resona_core.explain.editing import edited
from resona_core.settings import Limits

Samples = NDArray[np.float32]
RATE_HZ = 22_050


@pytest.fixture
def two_tones(tone: Callable[..., Samples], sound_file: Callable[..., bytes]) -> bytes:
    """Two channels: 500 Hz in the left one, 4 kHz in the right one; a second."""
    both = np.stack([tone(500.0, RATE_HZ), tone(4_000.0, RATE_HZ)], axis=1)
    return sound_file(both, RATE_HZ, "FLAC")


def _read(data: bytes) -> tuple[Samples, int]:
    return soundfile.read(io.BytesIO(data), dtype="float32")


def test_rate_channels_and_length_stay(two_tones: bytes) -> None:
    samples, rate_hz = _read(edited(two_tones, [Box(0.4, 0.6)], erase=True))
    assert (samples.shape, rate_hz) == ((RATE_HZ, 2), RATE_HZ)
    assert np.abs(samples[round(0.46 * RATE_HZ) : round(0.54 * RATE_HZ)]).max() < 1e-3
    assert np.abs(samples[: round(0.3 * RATE_HZ)]).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("erase", "left"), [(True, 1), (False, 0)])
def test_what_is_in_the_boxes_is_erased_or_kept(erase: bool, left: int, two_tones: bytes) -> None:
    samples, _ = _read(edited(two_tones, [Box(high_hz=2_000.0)], erase))
    peaks = np.abs(samples[2_000:-2_000]).max(axis=0)
    assert peaks[left] == pytest.approx(0.5, abs=0.01)
    assert peaks[1 - left] < 2e-3


@pytest.mark.parametrize(
    ("boxes", "erase", "sentence"),
    [
        ([], True, "There is no box"),
        ([Box()], True, "Nothing would be left of the sound; erase less of it"),
        ([Box(1.0, 2.0)], True, "begins at 1 s, the sound ends at 1 s"),
        ([Box(low_hz=12_000.0)], True, "begins at 12000 Hz, the sound ends at 11025 Hz"),
    ],
)
def test_what_cannot_be_edited_is_refused(
    boxes: list[Box], erase: bool, sentence: str, two_tones: bytes
) -> None:
    with pytest.raises(RequestError, match=sentence):
        edited(two_tones, boxes, erase)


def test_only_silence_is_not_kept(
    tone: Callable[..., Samples], sound_file: Callable[..., bytes]
) -> None:
    data = sound_file(np.concatenate([tone(500.0), np.zeros(16_000, np.float32)]))
    with pytest.raises(RequestError, match="Nothing would be left of the sound; keep a part in"):
        edited(data, [Box(1.5, 2.0)], erase=False)


def test_the_limits_of_sounds_hold(two_tones: bytes, tmp_path: Path) -> None:
    with pytest.raises(AudioLimitError):
        edited(two_tones, [Box(0.4, 0.6)], True, Limits(max_duration_s=0.5))
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(NotAudioError, match=r"text\.wav"):
        edited(tmp_path / "text.wav", [Box(0.4, 0.6)], True)
