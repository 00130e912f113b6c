"""A recording piece by piece, heard by something that only notes what it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.beginning import Beginning
from resona_core.classification import Classification
from resona_core.config import FrontEndConfig
from resona_core.errors import AudioLimitError, RequestError
from resona_core.settings import Limits
from resona_core.sound.audio import Window
from resona_core.sound.recording import BATCH, hear_recording

Tone = Callable[..., NDArray[np.float32]]
SoundFile = Callable[..., bytes]
FRONT_END = FrontEndConfig(
    sample_rate_hz=16_000, window_s=1.0, n_fft=1024, hop_length=320, n_mels=32, f_max_hz=8_000.0
)


class Listener:
    """Answers every window with the same two probabilities."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, batches: Iterable[Sequence[Window]]) -> Iterator[Classification]:
        return map(self.hear, batches)

    def hear(self, windows: Sequence[Window]) -> Classification:
        self.batches.append(len(windows))
        starts_s = np.array([window.start for window in windows]) / 16_000
        shares = np.tile(np.float32([0.75, 0.25]), (len(windows), 1))
        silent = np.array([window.silent for window in windows])
        return Classification(("rain", "dog"), 1.0, starts_s, shares, silent)


@pytest.fixture
def ten_seconds(tone: Tone, sound_file: SoundFile) -> bytes:
    return sound_file(tone(440.0, 16_000, 10.0))


def test_half_a_window_is_the_hop_and_sixteen_windows_are_a_pass(ten_seconds: bytes) -> None:
    listener = Listener()
    first, last = hear_recording(ten_seconds, FRONT_END, listener, Limits())
    assert listener.batches == [BATCH, 3]
    assert (first.n_windows, first.heard_s, first.total_s) == (16, 8.5, 10.0)
    assert (last.n_windows, last.heard_s, last.total_s) == (19, 10.0, 10.0)
    np.testing.assert_allclose(last.window_starts_s, np.arange(19) * 0.5)


@pytest.mark.parametrize(("hop_s", "n_windows"), [(1.0, 10), (0.25, 37), (0.1, 91)])
def test_another_hop_may_be_asked_for_from_a_tenth_of_a_second_to_a_window(
    hop_s: float, n_windows: int, ten_seconds: bytes
) -> None:
    *_, heard = hear_recording(ten_seconds, FRONT_END, Listener(), Limits(), hop_s=hop_s)
    np.testing.assert_allclose(heard.window_starts_s, np.arange(n_windows) * hop_s)


@pytest.mark.parametrize("hop_s", [0.099, 1.001, 0.0, -1.0, float("nan")])
def test_a_hop_that_would_leave_gaps_or_never_end_is_refused(
    hop_s: float, ten_seconds: bytes
) -> None:
    with pytest.raises(RequestError, match=r"ask for 0\.1 to 1 s, the length of a window"):
        list(hear_recording(ten_seconds, FRONT_END, Listener(), Limits(), hop_s=hop_s))


@pytest.mark.parametrize(("rate_hz", "highest_hz"), [(8_000, 4_000.0), (44_100, 8_000.0)])
def test_what_is_told_of_a_recording_is_what_the_file_says(
    rate_hz: int, highest_hz: float, tone: Tone, sound_file: SoundFile
) -> None:
    data = sound_file(tone(440.0, rate_hz, 2.2), rate_hz)
    name = "20240131_053000.wav"
    (heard,) = hear_recording(data, FRONT_END, Listener(), Limits(), name)
    assert heard.heard_hz == (FRONT_END.f_min_hz, highest_hz)
    assert (heard.heard_s, heard.total_s) == (2.2, pytest.approx(2.2))
    assert heard.began == Beginning(datetime(2024, 1, 31, 5, 30), "file name")
    assert heard.beyond is not None
    assert heard.beyond.tolist() == [False] * 4
    assert heard.warnings == ()


def test_bytes_are_weighed_and_a_path_is_not(ten_seconds: bytes, tmp_path: Path) -> None:
    limits, path = Limits(max_bytes=1_000), tmp_path / "a.wav"
    path.write_bytes(ten_seconds)
    *_, heard = hear_recording(path, FRONT_END, Listener(), limits)
    assert heard.heard_s == 10.0
    with pytest.raises(AudioLimitError):
        next(hear_recording(ten_seconds, FRONT_END, Listener(), limits))


def test_a_silent_recording_tells_of_a_track_that_sounds(
    tone: Tone, encode: Callable[..., bytes]
) -> None:
    silence, sound = np.zeros(32_000, np.float32), tone(440.0, 16_000, 2.0)
    beside = "The file holds 2 sound tracks; track 1 is heard"
    for tracks, told in (
        ([silence, sound], [f"{beside}.", f"{beside}, which is silent; track 2 has sound."]),
        ([silence, silence], [f"{beside}.", f"{beside}."]),
        ([sound, silence], [f"{beside}."]),
        ([silence], [None]),
    ):
        data = encode(tracks, 16_000, "matroska", "pcm_s16le", default=0)
        heard = list(hear_recording(data, FRONT_END, Listener(), Limits()))
        assert [next(iter(each.warnings), None) for each in heard] == told
