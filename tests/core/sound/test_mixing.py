"""What becomes of channels, of an offset and of a changed rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import EmptyAudioError
from resona_core.sound import audio
from resona_core.sound.mixing import Mixer, Power, mono_pieces, resampled
from resona_core.sound.notices import Notices
from resona_core.sound.opening import open_sound

Samples = NDArray[np.float32]
SoundFile = Callable[..., bytes]
Tone = Callable[..., Samples]

RATE_HZ = 16_000


def hiss(n_samples: int, level: float, seed: int = 0) -> Samples:
    """Return white noise."""
    return np.random.default_rng(seed).normal(0, level, n_samples).astype(np.float32)


def level_db(samples: Samples) -> float:
    """Return the power beside a constant offset, in dB re full scale."""
    return float(10 * np.log10(samples.var()))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_an_inverted_pair_is_heard_and_told(
    subtype: str, rate_hz: int, tone: Tone, sound_file: SoundFile
) -> None:
    sound = tone(440.0, rate_hz, 2.0)
    pair = np.stack([sound, -sound], axis=1)
    clip = audio.load(sound_file(pair, rate_hz, "WAV", subtype), RATE_HZ)
    assert level_db(clip.samples) == pytest.approx(-9.0, abs=0.1)  # a sine of half full scale
    (told,) = clip.notices.sentences()
    assert told.startswith("The channels cancel each other out from 0.0 s to 2.0 s: their mean is ")
    assert told.endswith(" dB weaker than the loudest of them, which is heard there instead.")


def test_a_balanced_microphone_leaves_more_than_its_hiss(tone: Tone, sound_file: SoundFile) -> None:
    sound = tone(440.0, RATE_HZ, 3.0)
    pair = np.stack([sound + hiss(48_000, 2e-3), 0.9 * -sound + hiss(48_000, 2e-3, 1)], axis=1)
    clip = audio.load(sound_file(pair, RATE_HZ, "WAV", "FLOAT"), RATE_HZ)
    np.testing.assert_array_equal(clip.samples, pair[:, 0])
    assert clip.notices.cancelled.most_db == pytest.approx(26, abs=0.5)  # 0.05 of the louder one


def test_ambisonics_from_behind_are_heard(tone: Tone, sound_file: SoundFile) -> None:
    w = tone(440.0, RATE_HZ, 2.0)
    b_format = np.stack([w, 0 * w, 0 * w, -w], axis=1)
    clip = audio.load(sound_file(b_format), RATE_HZ)
    assert level_db(clip.samples) == pytest.approx(-9.0, abs=0.1)


def _delayed(sound: Samples, n_samples: int) -> Samples:
    return np.concatenate([np.zeros(n_samples, np.float32), sound[:-n_samples]])


@pytest.mark.parametrize("case", ["one silent", "hum in one", "delayed", "alike", "unrelated"])
def test_other_pairs_are_averaged_and_nothing_is_told(
    case: str, tone: Tone, sound_file: SoundFile
) -> None:
    sound = hiss(32_000, 0.1)
    other = {
        "one silent": 0 * sound,
        "hum in one": sound + tone(50.0, RATE_HZ, 2.0),
        "delayed": _delayed(sound, 8),
        "alike": sound,
        "unrelated": hiss(32_000, 0.1, 1),
    }[case]
    pair = np.stack([sound, other], axis=1)
    clip = audio.load(sound_file(pair, RATE_HZ, "WAV", "FLOAT"), RATE_HZ)
    np.testing.assert_allclose(clip.samples, pair.mean(axis=1), atol=1e-7)
    assert clip.notices.sentences() == ()


def test_one_of_eight_channels_is_no_cancelling(tone: Tone, sound_file: SoundFile) -> None:
    channels = np.zeros((32_000, 8), np.float32)
    channels[:, 3] = tone(440.0, RATE_HZ, 2.0)
    clip = audio.load(sound_file(channels), RATE_HZ)
    np.testing.assert_allclose(clip.samples, channels.mean(axis=1), atol=1e-4)
    assert clip.notices.sentences() == ()


def test_channels_that_cancel_for_a_while_make_no_click(tone: Tone, sound_file: SoundFile) -> None:
    """A sine that turns over in one channel from 1 to 2 s."""
    sound = tone(100.0, RATE_HZ, 3.0)
    turned = sound.copy()
    turned[16_000:32_000] *= -1
    pair = np.stack([sound, turned], axis=1)
    clip = audio.load(sound_file(pair, RATE_HZ, "WAV", "FLOAT"), RATE_HZ)
    steepest = np.abs(np.diff(sound)).max()
    assert np.abs(np.diff(clip.samples)).max() < 1.1 * steepest
    assert level_db(clip.samples) == pytest.approx(level_db(sound), abs=0.2)
    (told,) = clip.notices.sentences()
    assert "from 1.0 s to 2.0 s" in told


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("offset", [0.5, -0.1, 0.001])
def test_an_offset_changes_nothing_else(rate_hz: int, offset: float, sound_file: SoundFile) -> None:
    quiet = hiss(2 * rate_hz, 1e-3)
    plain, moved = (
        audio.load(sound_file(sound, rate_hz, "WAV", "FLOAT"), RATE_HZ).samples
        for sound in (quiet, quiet + np.float32(offset))
    )
    np.testing.assert_allclose(moved - offset, plain, atol=2e-6)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
@pytest.mark.parametrize("code", [127, 128, 160])
def test_eight_bits_at_rest_are_silent_wherever_they_rest(
    rate_hz: int, code: int, sound_file: SoundFile
) -> None:
    at_rest = np.full(2 * rate_hz, (code - 128) / 128, np.float32)
    clip = audio.load(sound_file(at_rest, rate_hz, "WAV", "PCM_U8"), RATE_HZ)
    assert np.ptp(clip.samples) < 1e-5


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 48_000, 384_000])
def test_a_changed_rate_moves_nothing(rate_hz: int, sound_file: SoundFile) -> None:
    sound = np.zeros(rate_hz, np.float32)
    sound[rate_hz // 4] = 0.5
    clip = audio.load(sound_file(sound, rate_hz, "WAV", "FLOAT"), RATE_HZ)
    assert len(clip.samples) == RATE_HZ
    assert np.abs(clip.samples).argmax() == pytest.approx(RATE_HZ // 4, abs=1)


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT", "PCM_16"])
def test_peaks_of_minus_81_db_are_sound(subtype: str, tone: Tone, sound_file: SoundFile) -> None:
    data = sound_file(tone(440.0, RATE_HZ, 1.0, 9e-5), RATE_HZ, "WAV", subtype)
    clip = audio.load(data, RATE_HZ)
    assert np.ptp(clip.samples) > 2 * clip.quietest


@pytest.mark.parametrize(("subtype", "step"), [("PCM_16", 2.0**-15), ("PCM_U8", 2.0**-7)])
def test_dither_is_silence(subtype: str, step: float, sound_file: SoundFile) -> None:
    """Triangular dither on digital silence: -1, 0 and 1 of the last bit."""
    codes = np.random.default_rng(0).integers(-1, 2, 32_000)
    clip = audio.load(
        sound_file((codes * step).astype(np.float32), RATE_HZ, "WAV", subtype), RATE_HZ
    )
    assert np.ptp(clip.samples) == pytest.approx(2 * step)
    assert np.ptp(clip.samples) < 2 * clip.quietest


def test_power_is_that_of_the_steps_within_a_stretch() -> None:
    power = Power()
    power.add(np.tile(np.float32([3, 1]), 12), 100)  # 0.24 s: two steps and less than a half
    assert power.steps == pytest.approx([0.1, 0.1, 0.04])
    for start_s, end_s, mean in ((0, 0.2, 1), (0.1, 0.2, 1), (0.1, 0.24, 1), (0.1, 0.5, 0.35)):
        assert power.between(start_s, end_s) == pytest.approx(mean)


@pytest.mark.parametrize(("rate_hz", "n_steps"), [(8_000, 0), (16_000, 0), (16_001, 5)])
def test_power_is_measured_where_the_rate_is_lowered(
    rate_hz: int, n_steps: int, sound_file: SoundFile
) -> None:
    power = Power()
    with open_sound(sound_file(hiss(rate_hz // 2, 0.1), rate_hz)) as sound:
        for _ in mono_pieces(sound, RATE_HZ, power):
            pass
    assert len(power.steps) == n_steps


@pytest.mark.parametrize(
    ("share", "heard"),
    [(0.62, 0.19), (0.635, 1.0)],  # 10 (1 - x)^2 = 1 + x^2 at 0.627
)
def test_channels_cancel_where_a_tenth_of_their_power_is_left(
    share: float, heard: float, tone: Tone
) -> None:
    sound = tone(440.0)
    mixed = Mixer(RATE_HZ, 1e-4, Notices()).mix(np.stack([sound, -share * sound], axis=1))
    np.testing.assert_allclose(mixed, heard * sound, atol=1e-6)


def test_a_single_frame_is_mixed_too() -> None:
    mixed = Mixer(RATE_HZ, 1e-4, Notices()).mix(np.float32([[0.5, 0.25, 0.0]]))
    np.testing.assert_allclose(mixed, [0.25], atol=1e-7)


def test_a_tenth_that_is_left_is_enough() -> None:
    """The levels add up to 1, and their squares to 10."""
    levels = np.float32([2, -2, 1, 0.5, -0.5, 0.5, -0.5])
    sound = np.tile(np.float32([0, 0.5, 0, -0.5]), 64)  # all sums of it are exact
    mixed = Mixer(RATE_HZ, 1e-4, Notices()).mix(np.outer(sound, levels))
    np.testing.assert_allclose(mixed, sound / 7, atol=1e-7)


@pytest.mark.parametrize(
    ("shares", "heard"),
    [((0.65, 0.55, -1.2), 0.65), ((0.55, 0.65, -1.2), -1.2)],  # 5.3 dB louder, and 6.8
)
def test_another_channel_takes_over_where_it_is_6_db_louder(
    shares: tuple[float, ...], heard: float, tone: Tone
) -> None:
    sound, mixer = tone(440.0), Mixer(RATE_HZ, 1e-4, Notices())
    for levels in ((1.0, -0.9, 0.0), shares):
        mixed = mixer.mix(np.outer(sound, np.float32(levels)))
    np.testing.assert_allclose(mixed[320:], heard * sound[320:], atol=1e-6)  # from 20 ms on
    turning = abs(mixed[100:200] - heard * sound[100:200]).max()
    assert (turning > 0.1) == (heard < 0)


def test_a_channel_of_four_times_the_power_takes_over() -> None:
    sound = np.tile(np.float32([0, 0.5, 0, -0.5]), 256)  # all sums of it are exact
    mixer = Mixer(RATE_HZ, 1e-4, Notices())
    for levels in ([1, -1, 0], [1, -2, 1]):
        mixed = mixer.mix(np.outer(sound, np.float32(levels)))
    turn = 1 - 3 * np.linspace(0, 1, 320)  # from one to the other in 20 ms
    np.testing.assert_allclose(mixed[:320], turn * sound[:320], atol=1e-6)
    np.testing.assert_array_equal(mixed[320:], -2 * sound[320:])


def test_quiet_channels_cancel_beside_an_offset_too(tone: Tone) -> None:
    sound = tone(440.0, peak=2e-4)
    pair = np.stack([sound, -sound], axis=1) + np.float32(0.5)
    mixed = Mixer(RATE_HZ, 1e-4, Notices()).mix(pair)
    np.testing.assert_array_equal(mixed, pair[:, 0])


def test_a_click_at_the_very_beginning_hides_no_channels_that_cancel(tone: Tone) -> None:
    sound, click = tone(440.0), np.zeros(RATE_HZ, np.float32)
    click[0] = 0.5
    mixed = Mixer(RATE_HZ, 1e-4, Notices()).mix(np.stack([click, sound, -sound], axis=1))
    np.testing.assert_array_equal(mixed, sound)


def test_silence_and_a_quiet_moment_leave_the_choice_as_it_is(tone: Tone) -> None:
    mixer, pair = Mixer(RATE_HZ, 1e-4, Notices()), np.float32([1.0, -0.9])
    mixer.mix(np.outer(tone(440.0), pair))
    for peak, heard in ((0.99e-4, 1.0), (1.01e-4, 0.5)):  # below and above the quietest
        alike = np.outer(tone(440.0, peak=peak), np.float32([1.0, 0.0]))
        np.testing.assert_allclose(mixer.mix(alike)[320:], heard * alike[320:, 0], atol=1e-9)


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(44_100, 16_000), (8_000, 44_100), (48_000, 16_000)]
)
@pytest.mark.parametrize("n_samples", [1, 2_000, 12_345])
def test_in_pieces_of_any_length_a_rate_is_changed_alike(
    from_hz: int, to_hz: int, n_samples: int
) -> None:
    sound = hiss(n_samples, 0.1) + np.float32(0.5)
    whole = np.concatenate(list(resampled(iter([sound]), from_hz, to_hz)))
    assert len(whole) == round(n_samples * to_hz / from_hz)
    for length in (7, 160, 5_000):
        pieces = (sound[at : at + length] for at in range(0, n_samples, length))
        cut = np.concatenate(list(resampled(pieces, from_hz, to_hz)))
        np.testing.assert_allclose(cut, whole, atol=1e-5)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48_000, 16_000), (8_000, 16_000)])
def test_before_and_after_a_sound_its_own_level_is_heard(from_hz: int, to_hz: int) -> None:
    sound = hiss(999, 0.1)
    around = np.concatenate([np.repeat(sound[:1], 6_000), sound, np.repeat(sound[-1:], 6_000)])
    alone, longer = (
        np.concatenate(list(resampled(iter([each]), from_hz, to_hz))) for each in (sound, around)
    )
    assert len(alone) == 999 * to_hz // from_hz
    np.testing.assert_allclose(alone, longer[6_000 * to_hz // from_hz :][: len(alone)], atol=1e-6)


def test_what_is_too_short_for_a_single_sample_is_no_sound(sound_file: SoundFile) -> None:
    with open_sound(sound_file(np.full(5, 0.5, np.float32), 192_000), name="a.wav") as sound:
        told = r"^a\.wav holds no sound; choose a longer recording\.$"
        with pytest.raises(EmptyAudioError, match=told):
            list(mono_pieces(sound, RATE_HZ))
