"""What of a sound the network can hear: frequencies, and the last few milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.sound import audio, mixing, windows
from resona_core.sound.notices import Notices
from resona_core.sound.windows import Window

Samples = NDArray[np.float32]
SoundFile = Callable[..., bytes]
Tone = Callable[..., Samples]

FRONT_END = FrontEndConfig(
    sample_rate_hz=44_100, window_s=1.0, n_fft=2048, hop_length=882, n_mels=64, f_max_hz=16_000.0
)


def heard(sound: Samples, rate_hz: int, sound_file: SoundFile) -> tuple[list[Window], Notices]:
    """Return the windows of a sound as the network gets them, and what is told of it."""
    clip = audio.load(sound_file(sound, rate_hz, "WAV", "FLOAT"), FRONT_END.sample_rate_hz)
    return audio.clip_windows(clip, FRONT_END)


@pytest.mark.parametrize(
    ("tone_hz", "rate_hz"),
    [(30_000, 96_000), (23_000, 48_000), (18_000, 48_000), (18_000, 44_100), (60_000, 384_000)],
)
def test_a_whistle_above_the_network_is_told_as_that(
    tone_hz: int, rate_hz: int, tone: Tone, sound_file: SoundFile
) -> None:
    sound = tone(tone_hz, rate_hz, 2.0) + np.float32(1e-4) * tone(1_000.0, rate_hz, 2.0)
    cut, notices = heard(sound, rate_hz, sound_file)
    assert all(window.beyond and window.silent for window in cut)
    (told,) = notices.sentences()
    assert told.startswith(
        "Most of the sound lies above the 16 kHz that the network hears from 0.0 s to 2.0 s: "
    )
    assert notices.above.most_db > 50


def test_short_calls_above_it_are_told_too(sound_file: SoundFile) -> None:
    """Bats: 5 ms in every 100."""
    rate_hz = 250_000
    sound = np.zeros(2 * rate_hz, np.float32)
    call = 0.5 * np.hanning(1_250) * np.sin(2 * np.pi * 45_000 * np.arange(1_250) / rate_hz)
    for start in range(0, len(sound), rate_hz // 10):
        sound[start : start + 1_250] = call
    cut, _ = heard(sound, rate_hz, sound_file)
    assert all(window.beyond for window in cut)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_a_sound_with_as_much_above_as_below_is_heard(
    rate_hz: int, tone: Tone, sound_file: SoundFile
) -> None:
    sound = tone(1_000.0, rate_hz, 2.0, 0.3) + tone(19_000.0, rate_hz, 2.0, 0.3)
    cut, notices = heard(sound, rate_hz, sound_file)
    assert not any(window.silent for window in cut)
    assert notices.sentences() == ()


def test_twenty_db_more_above_than_below_is_told_and_heard(
    tone: Tone, sound_file: SoundFile
) -> None:
    sound = tone(1_000.0, 96_000, 2.0, 0.05) + tone(30_000.0, 96_000, 2.0, 0.5)
    cut, notices = heard(sound, 96_000, sound_file)
    assert not any(window.silent for window in cut)
    assert notices.above.most_db == pytest.approx(20, abs=0.5)


def test_rumble_below_the_network_is_nothing_above_it(tone: Tone, sound_file: SoundFile) -> None:
    sound = tone(5.0, 48_000, 2.0) + tone(1_000.0, 48_000, 2.0, 0.005)
    cut, notices = heard(sound, 48_000, sound_file)
    assert not any(window.silent for window in cut)
    assert notices.sentences() == ()


@pytest.mark.parametrize("length_s", [0.1, 0.3, 1.0, 1.7])
def test_a_short_sound_is_not_taken_for_a_weak_one(
    length_s: float, tone: Tone, sound_file: SoundFile
) -> None:
    cut, notices = heard(tone(1_000.0, 96_000, length_s), 96_000, sound_file)
    assert not any(window.silent for window in cut)
    assert notices.sentences() == ()


def test_silence_stays_silence(sound_file: SoundFile) -> None:
    cut, notices = heard(np.zeros(192_000, np.float32), 96_000, sound_file)
    assert all(window.silent and not window.beyond for window in cut)
    assert notices.sentences() == ()


def test_what_is_told_is_told_once_however_often_it_is_asked(
    tone: Tone, sound_file: SoundFile
) -> None:
    clip = audio.load(sound_file(tone(30_000.0, 96_000, 2.0), 96_000), FRONT_END.sample_rate_hz)
    first, second = (audio.clip_windows(clip, FRONT_END)[1] for _ in range(2))
    assert first == second
    assert clip.notices.sentences() == ()


@pytest.mark.parametrize("more", [0.006, 0.02, 0.05, 0.1])
def test_the_last_moment_is_heard_or_silent(more: float, sound_file: SoundFile) -> None:
    """Silence for a window and 5 ms, then noise to the end."""
    sound = np.zeros(round((1 + more) * 44_100), np.float32)
    sound[44_320:] = np.random.default_rng(0).normal(0, 0.3, len(sound) - 44_320)
    cut, _ = heard(sound, 44_100, sound_file)
    assert not all(window.silent for window in cut)


@pytest.mark.parametrize("end", [1.0, 0.0])
def test_a_codec_s_few_milliseconds_get_no_window_of_their_own(end: float) -> None:
    sound = np.ones(1_010, np.float32)
    sound[::2] = -1
    sound[1_000:] *= end
    assert [window.start for window in windows.windows_of(sound, 1_000)] == [0]
    assert [window.start for window in windows.windows(iter([sound]), 1_000)] == [0]
    sound[1_005] = 3
    for cut in (windows.windows_of(sound, 1_000), windows.windows(iter([sound]), 1_000)):
        first, last = cut
        assert (first.start, first.end, last.start, last.end) == (0, 1_000, 10, 1_010)
        np.testing.assert_array_equal(first.samples, sound[:1_000])
        np.testing.assert_array_equal(last.samples, sound[10:])


@pytest.mark.parametrize(
    ("n_samples", "starts"),
    [(10_000, [0]), (10_100, [0]), (10_101, [0, 101]), (15_100, [0, 5_100]),
     (15_101, [0, 5_000, 5_101]), (20_100, [0, 5_000, 10_100])],
)  # fmt: skip
def test_more_than_a_hundredth_of_a_window_is_heard_in_one_of_its_own(
    n_samples: int, starts: list[int]
) -> None:
    assert windows.window_starts(n_samples, 10_000) == starts


@pytest.mark.parametrize(
    ("samples", "silent"),
    [
        ([], True),
        ([0.0, 0.0], True),
        ([0.3, 0.3], True),  # a constant offset makes no sound
        ([0.3, 0.3001], True),
        ([-9e-5, 9e-5], True),
        ([-1.1e-4, 1.1e-4], False),
    ],
)
def test_silence_is_what_stays_below_a_peak(samples: list[float], silent: bool) -> None:
    assert windows.is_silent(np.array(samples, np.float32), 1e-4) is silent


@pytest.mark.parametrize(
    ("n_samples", "starts"),
    [
        (0, [0]),
        (7, [0]),
        (10, [0]),
        (11, [0, 1]),
        (15, [0, 5]),
        (16, [0, 5, 6]),
        (30, [0, 5, 10, 15, 20]),
    ],
)
def test_windows_of_ten_overlap_by_half_and_end_with_the_sound(
    n_samples: int, starts: list[int]
) -> None:
    assert windows.window_starts(n_samples, 10) == starts


def test_a_window_is_a_piece_padded_with_its_own_mean_at_its_end() -> None:
    samples = np.arange(1, 6, dtype=np.float32)
    np.testing.assert_array_equal(windows.window_at(samples, 1, 3), [2, 3, 4])
    np.testing.assert_array_equal(windows.window_at(samples, 3, 4), [4, 5, 4.5, 4.5])
    assert windows.window_at(samples, 3, 4).dtype == np.float32


@pytest.mark.parametrize(("peak", "silent"), [(0.24, True), (0.25, False), (0.26, False)])
def test_silence_is_what_rises_on_neither_side_of_its_middle(peak: float, silent: bool) -> None:
    swing = np.array([0.5 - peak, 0.5 + peak], np.float32)
    assert windows.is_silent(swing, 0.25) is silent
    assert windows.is_silent(swing[:0], 0.25)


def judged(low: float, high: float, came: float, quietest: float = 1e-4) -> tuple[Window, Notices]:
    """Judge sines of these powers, 1.1 and 18.3 kHz, on an offset; `came` was the sound's power."""
    bin_hz = 44_100 / 4_096
    time_s = np.arange(44_100) / 44_100
    sines = (np.sin(2 * np.pi * bin_hz * n * time_s) for n in (100, 1_700))
    parts = ((2 * power) ** 0.5 * sine for power, sine in zip((low, high), sines, strict=True))
    samples = 0.3 + sum(parts)
    power, notices = mixing.Power(), Notices()
    power.steps = [came * mixing.STEP_S] * 10
    judge = windows.Judge(FRONT_END, quietest, power, notices)
    return judge.judge(Window(0, 44_100, np.float32(samples))), notices


@pytest.mark.parametrize(
    ("low", "high", "came", "loss_db"),
    [
        (0.01, 0.089, 0.0, 0.0),  # of ten parts of power one is heard: told from 10 dB on
        (0.01, 0.091, 0.0, 10.04),
        (0.01, 0.0, 0.099, 0.0),
        (0.01, 0.0, 0.101, 10.04),  # what was lost with the rate, which was 9.1 parts
        (0.01, 0.08, 0.09 * 1.9, 0.0),  # not twice what came: nothing was lost
        (0.01, 0.08, 0.09 * 2.1, 12.76),
        (1e-4, 0.0989, 0.0, 29.96),
        (1e-4, 0.1011, 0.0, 30.05),
        (0.0, 0.0, 4.9e-9, 0.0),  # less than a sine of the quietest peak
    ],
)  # fmt: skip
def test_a_tenth_of_the_power_heard_is_told_and_a_thousandth_is_beyond(
    low: float, high: float, came: float, loss_db: float
) -> None:
    window, notices = judged(low, high, came)
    assert notices.above.most_db == pytest.approx(loss_db, abs=0.01)
    assert window.beyond is (loss_db > 30)
    assert window.silent is (loss_db > 30 or low == high == 0)


def test_what_was_louder_than_silence_and_is_gone_is_beyond() -> None:
    window, notices = judged(0.0, 0.0, 5.1e-9)
    assert window.beyond
    assert notices.highest_hz == 16_000


def test_where_nothing_at_all_is_left_of_a_sound_it_is_beyond() -> None:
    power = mixing.Power()
    power.steps = [0.01 * mixing.STEP_S] * 10
    window = windows.Judge(FRONT_END, 1e-4, power, Notices()).judge(
        Window(0, 44_100, np.zeros(44_100, np.float32))
    )
    assert window.beyond
    assert window.silent


def test_above_half_the_rate_there_is_nothing_that_is_not_heard() -> None:
    """Not even what turns over from one sample to the next, at exactly half the rate."""
    samples = np.tile(np.float32([1, -1]), 8_000)
    assert windows._powers(samples, 16_000, 8_000.0) == (1.0, 0.0)


def test_the_deepest_tone_is_heard_with_all_its_power() -> None:
    """Two turns in 4,096 samples, of 100,000: what does not fill another piece is left out."""
    tone = np.float32(0.2 * np.sin(2 * np.pi * 2 * np.arange(100_000) / 4_096))
    heard, above = windows._powers(tone, 44_100, 16_000.0)
    assert heard == pytest.approx(0.02, rel=1e-3)
    assert above == pytest.approx(0, abs=1e-9)
