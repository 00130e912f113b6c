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
from resona_core.explain.editing import Edit, Kind, edited
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
    samples, rate_hz = _read(edited(two_tones, [Edit("erase", (Box(0.4, 0.6),))]))
    assert (samples.shape, rate_hz) == ((RATE_HZ, 2), RATE_HZ)
    assert np.abs(samples[round(0.46 * RATE_HZ) : round(0.54 * RATE_HZ)]).max() < 1e-3
    assert np.abs(samples[: round(0.3 * RATE_HZ)]).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("kind", "left"), [("erase", 1), ("keep", 0)])
def test_what_is_in_the_boxes_is_erased_or_kept(kind: Kind, left: int, two_tones: bytes) -> None:
    samples, _ = _read(edited(two_tones, [Edit(kind, (Box(high_hz=2_000.0),))]))
    peaks = np.abs(samples[2_000:-2_000]).max(axis=0)
    assert peaks[left] == pytest.approx(0.5, abs=0.01)
    assert peaks[1 - left] < 2e-3


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        (Box(), "Nothing would be left of the sound; erase less of it"),
        (Box(1.0, 2.0), "begins at 1 s, the sound ends at 1 s"),
        (Box(low_hz=12_000.0), "begins at 12000 Hz, the sound ends at 11025 Hz"),
    ],
)
def test_what_cannot_be_erased_is_refused(box: Box, sentence: str, two_tones: bytes) -> None:
    with pytest.raises(RequestError, match=sentence):
        edited(two_tones, [Edit("erase", (box,))])


def test_an_edit_without_a_box_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(RequestError, match="There is no box"):
        Edit("keep")
    with pytest.raises(RequestError, match="There is no edit 'louder'; choose of erase, keep"):
        Edit("louder")  # type: ignore[arg-type]


def test_each_edit_changes_what_the_one_before_it_left(two_tones: bytes) -> None:
    samples, _ = _read(
        edited(two_tones, [Edit("faster"), Edit("erase", (Box(0.0, 0.4),))])  # of 0.8 s
    )
    assert len(samples) == pytest.approx(0.8 * RATE_HZ, abs=2)
    assert np.abs(samples[: round(0.35 * RATE_HZ)]).max() < 1e-3
    assert np.abs(samples[round(0.5 * RATE_HZ) : round(0.7 * RATE_HZ)]).max() > 0.4


def _pitch_hz(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE_HZ / len(samples))


@pytest.mark.parametrize(
    ("kind", "length", "pitch"),
    [
        ("faster", 1 / 1.25, 1.0),
        ("slower", 1.25, 1.0),
        ("higher", 1.0, 2 ** (4 / 12)),
        ("lower", 1.0, 2 ** (-4 / 12)),
    ],
)
def test_speed_and_pitch_are_changed_one_without_the_other(
    kind: Kind, length: float, pitch: float, two_tones: bytes
) -> None:
    samples, rate_hz = _read(edited(two_tones, [Edit(kind)]))
    assert rate_hz == RATE_HZ
    assert len(samples) == pytest.approx(length * RATE_HZ, rel=0.01)
    for channel, tone_hz in zip(samples.T, (500.0, 4_000.0), strict=True):
        assert _pitch_hz(channel) == pytest.approx(tone_hz * pitch, rel=0.02)


@pytest.mark.parametrize(("kind", "tone_stays"), [("harmonic", True), ("percussive", False)])
def test_tones_are_harmonic_and_clicks_percussive(
    kind: Kind, tone_stays: bool, tone: Callable[..., Samples], sound_file: Callable[..., bytes]
) -> None:
    clicks = np.zeros(RATE_HZ, np.float32)
    clicks[2_000::4_000] = 0.9
    samples, _ = _read(
        edited(sound_file(tone(500.0, RATE_HZ, peak=0.1) + clicks, RATE_HZ), [Edit(kind)])
    )
    assert (np.abs(samples[6_000]) < 0.45) == tone_stays
    between = samples[6_500:9_500]
    assert (np.abs(between).max() > 0.05) == tone_stays


def test_only_silence_is_not_kept(
    tone: Callable[..., Samples], sound_file: Callable[..., bytes]
) -> None:
    data = sound_file(np.concatenate([tone(500.0), np.zeros(16_000, np.float32)]))
    with pytest.raises(RequestError, match="Nothing would be left of the sound; keep a part that"):
        edited(data, [Edit("keep", (Box(1.5, 2.0),))])


def test_the_limits_of_sounds_hold(two_tones: bytes, tmp_path: Path) -> None:
    with pytest.raises(AudioLimitError):
        edited(two_tones, [Edit("harmonic")], Limits(max_duration_s=0.5))
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(NotAudioError, match=r"text\.wav"):
        edited(tmp_path / "text.wav", [Edit("harmonic")])


@pytest.mark.parametrize("share", [2e-4, 5e-5])
def test_what_is_80_db_softer_than_the_sound_was_is_nothing(
    share: float, tone: Callable[..., Samples], sound_file: Callable[..., bytes]
) -> None:
    """A loud second and a soft one, of which the loud one is erased."""
    both = np.concatenate([tone(500.0), share * tone(500.0)])
    data, edit = sound_file(both, subtype="FLOAT"), Edit("erase", (Box(0.0, 1.2),))
    if share < 1e-4:
        with pytest.raises(RequestError, match="Nothing would be left of the sound; erase less"):
            edited(data, [edit])
    else:
        samples, _ = _read(edited(data, [edit]))
        assert np.ptp(samples) == pytest.approx(2 * 0.5 * share, rel=0.05)


def test_of_silence_nothing_is_left(sound_file: Callable[..., bytes]) -> None:
    with pytest.raises(RequestError, match="Nothing would be left of the sound"):
        edited(sound_file(np.zeros(16_000, np.float32)), [Edit("erase", (Box(0.0, 0.1),))])
