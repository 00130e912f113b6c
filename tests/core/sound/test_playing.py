from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from resona_core.sound.audio import load
from resona_core.sound.playing import Playable, playable

File = Callable[..., bytes]
Tone = Callable[..., np.ndarray]


@pytest.mark.parametrize(
    ("container", "subtype", "media_type"),
    [
        ("WAV", "PCM_16", "audio/wav"),
        ("WAV", "FLOAT", "audio/wav"),
        ("WAV", "ULAW", "audio/wav"),
        ("FLAC", "PCM_24", "audio/flac"),
        ("OGG", "VORBIS", "audio/ogg"),
        ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
    ],
)
def test_what_browsers_play_is_played_as_it_came(
    container: str, subtype: str, media_type: str, tone: Tone, sound_file: File
) -> None:
    data = sound_file(tone(440, 44_100), 44_100, container, subtype)
    assert playable(data, peak=0.5) == Playable(data, media_type)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("AIFF", "PCM_16"), ("WAV", "DOUBLE"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM")],
)
def test_what_they_do_not_play_is_decoded_and_that_is_said(
    container: str, subtype: str, tone: Tone, sound_file: File
) -> None:
    data = sound_file(tone(440, 44_100), 44_100, container, subtype)
    played = playable(data, peak=0.5)
    assert played.change.startswith(f"Browsers do not play {container}, ")
    assert played.change.endswith(". You hear the decoded sound as WAV.")
    came, went = load(data, 16_000), load(played.data, 16_000)
    assert went.encoding == "WAV, PCM signed 16-bit"
    assert went.source_rate_hz == 44_100
    np.testing.assert_allclose(went.samples, came.samples, atol=1e-4)


def test_a_peak_over_full_scale_is_made_to_fit_and_not_cut_off(
    tone: Tone, sound_file: File
) -> None:
    data = sound_file(tone(440, 44_100, peak=1.5), 44_100, "WAV", "FLOAT")
    came = load(data, 44_100)
    played = playable(data, came.peak)
    assert played.change == (
        "You hear the decoded sound as WAV, 3.5 dB quieter, as its peak lies over full scale."
    )
    went = load(played.data, 44_100)
    np.testing.assert_allclose(went.samples, came.samples / came.peak, atol=1e-4)


def test_full_scale_itself_is_played_as_it_came(tone: Tone, sound_file: File) -> None:
    data = sound_file(tone(440, 44_100, peak=1.0), 44_100)
    assert playable(data, peak=1.0) == Playable(data, "audio/wav")
    other = playable(sound_file(np.float32([0, 1, -1]), 44_100, "AIFF"), peak=1.0)
    assert other.change == (
        "Browsers do not play AIFF, PCM signed 16-bit. You hear the decoded sound as WAV."
    )


@pytest.mark.parametrize("rate_hz", [3_000, 192_000])
def test_the_lowest_and_the_highest_rate_of_browsers_are_kept(
    rate_hz: int, tone: Tone, sound_file: File
) -> None:
    data = sound_file(tone(440, rate_hz, 0.1), rate_hz)
    assert playable(data, peak=0.5) == Playable(data, "audio/wav")


@pytest.mark.parametrize(("rate_hz", "written"), [(2_999, "2,999"), (192_001, "192,001")])
def test_a_rate_no_browser_plays_is_changed(
    rate_hz: int, written: str, tone: Tone, sound_file: File
) -> None:
    """A whole turn of a sine each hundredth of a second, at both rates."""
    data = sound_file(np.stack([tone(100, rate_hz), -tone(100, rate_hz)], axis=1), rate_hz)
    played = playable(data, peak=0.5)
    assert played.media_type == "audio/wav"
    assert played.change == (
        f"Browsers do not play {written} samples a second. You hear the decoded sound as WAV."
    )
    sound, rate = soundfile.read(io.BytesIO(played.data))
    assert (rate, len(sound)) == (48_000, 48_000)
    middle = slice(12_000, 36_000)
    np.testing.assert_allclose(sound[middle, 0], tone(100, 48_000)[middle], atol=2e-3)
    np.testing.assert_allclose(sound[middle, 1], -sound[middle, 0], atol=1e-4)


def test_a_kind_no_browser_plays_is_named_before_a_rate(tone: Tone, sound_file: File) -> None:
    played = playable(sound_file(tone(440, 384_000, 0.1), 384_000, "AIFF"), peak=0.5)
    assert played.change.startswith("Browsers do not play AIFF, PCM signed 16-bit. ")
    assert load(played.data, 16_000).source_rate_hz == 48_000
