from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

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
    assert played.change.endswith("You hear the decoded sound as WAV.")
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
    assert f"{came.peak_dbfs:.1f} dB quieter" in played.change
    went = load(played.data, 44_100)
    np.testing.assert_allclose(went.samples, came.samples / came.peak, atol=1e-4)


def test_a_rate_no_browser_plays_is_changed(tone: Tone, sound_file: File) -> None:
    data = sound_file(tone(440, 384_000), 384_000)
    played = playable(data, peak=0.5)
    assert "384,000 samples a second" in played.change
    assert load(played.data, 16_000).source_rate_hz == 48_000
