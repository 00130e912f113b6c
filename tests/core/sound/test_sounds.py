import numpy as np
import pytest
import torch
from scipy.signal import find_peaks

from resona_core.errors import RequestError
from resona_core.labels import ESC50_LABELS
from resona_core.network import checkpoint
from resona_core.settings import SHIPPED_CHECKPOINT
from resona_core.sound import audio
from resona_core.sound.examples import (
    DEMO_SOUNDS,
    SAMPLE_RATE_HZ,
    demo_samples,
    demo_sound,
    demo_wav,
    objects,
    signals,
)
from resona_core.sound.windows import window_at

KEYS = [sound.key for sound in DEMO_SOUNDS]


@pytest.fixture(scope="module")
def samples():
    return {key: demo_samples(key) for key in KEYS}


@pytest.fixture(scope="module")
def classifier():
    if not SHIPPED_CHECKPOINT.is_file():
        pytest.skip(f"the shipped checkpoint {SHIPPED_CHECKPOINT.name} is not there yet")
    return checkpoint.load(SHIPPED_CHECKPOINT)


def spectrum_peaks_hz(piece):
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
    peaks, _ = find_peaks(power, height=power.max() * 1e-4)
    return peaks * SAMPLE_RATE_HZ / len(piece)


def envelope(clip, block=441):
    return np.sqrt((clip[: len(clip) // block * block].reshape(-1, block) ** 2).mean(axis=1))


def test_there_are_at_least_14_sounds_with_keys_and_titles_of_their_own():
    assert len(DEMO_SOUNDS) >= 14
    assert len(set(KEYS)) == len(DEMO_SOUNDS)
    assert len({sound.title for sound in DEMO_SOUNDS}) == len(DEMO_SOUNDS)


def test_every_label_is_one_of_the_50_classes():
    assert {sound.label for sound in DEMO_SOUNDS} <= set(ESC50_LABELS)


def test_every_description_is_one_sentence_that_fits_a_line():
    assert all(sound.description.endswith(".") for sound in DEMO_SOUNDS)
    assert all(20 < len(sound.description) <= 100 for sound in DEMO_SOUNDS)


@pytest.mark.parametrize("key", KEYS)
def test_a_sound_is_5_s_of_finite_float32_that_neither_clips_nor_is_silent(key, samples):
    clip = samples[key]
    assert clip.shape == (5 * 44_100,)
    assert clip.dtype == np.float32
    assert np.isfinite(clip).all()
    assert 0.65 <= np.abs(clip).max() <= 0.9
    assert np.sqrt(np.mean(clip.astype(float) ** 2)) > 0.005


@pytest.mark.parametrize("key", KEYS)
def test_a_sound_begins_and_ends_without_a_click(key, samples):
    ends = np.concatenate([samples[key][:40], samples[key][-40:]])
    assert np.abs(ends).max() < 0.01


@pytest.mark.parametrize("key", KEYS)
def test_the_same_seed_gives_the_same_sound_and_another_seed_another(key):
    synthesise = demo_sound(key).synthesise
    first, again, other = (synthesise(np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_wav_file_is_the_same_at_every_call():
    assert demo_wav("rain") == demo_wav("rain")


def test_a_wav_file_comes_back_through_the_decoder_within_one_16_bit_step(samples):
    clip = audio.load(demo_wav("siren"), SAMPLE_RATE_HZ)
    assert (clip.source_rate_hz, clip.channels) == (44_100, 1)
    assert "16" in clip.encoding
    assert np.abs(clip.samples - samples["siren"]).max() <= 1 / 32_768


def test_an_unknown_key_is_refused_with_the_keys_there_are():
    with pytest.raises(
        RequestError, match=r"no demo sound 'kazoo'; choose one of .*rain"
    ) as caught:
        demo_sound("kazoo")
    assert all(key in str(caught.value) for key in KEYS)
    with pytest.raises(RequestError):
        demo_wav("kazoo")


def test_the_clock_ticks_twice_a_second(samples):
    loudness = envelope(samples["clock_tick"])  # a value every 10 ms
    loudness = loudness - loudness.mean()
    correlation = np.correlate(loudness, loudness, mode="full")[len(loudness) :]
    lag_s = (np.argmax(correlation[10:150]) + 11) * 0.01
    assert lag_s == pytest.approx(1 / objects.TICKS_PER_S, abs=0.011)


def test_the_siren_sweeps_between_its_documented_frequencies(samples):
    frame = 4_096
    pitches_hz = []
    for piece in samples["siren"][frame:-frame].reshape(-1)[: 48 * frame].reshape(48, frame):
        power = np.abs(np.fft.rfft(piece * np.hanning(frame), 4 * frame))
        pitches_hz.append(np.argmax(power) * SAMPLE_RATE_HZ / (4 * frame))
    low_hz, high_hz = signals.SIREN_RANGE_HZ
    assert min(pitches_hz) == pytest.approx(low_hz, rel=0.06)
    assert max(pitches_hz) == pytest.approx(high_hz, rel=0.06)


def test_the_lowest_bell_has_its_hum_prime_minor_third_and_octave(samples):
    peaks_hz = spectrum_peaks_hz(samples["church_bells"])
    for ratio in (0.5, 1.0, 1.2, 2.0):
        assert np.abs(peaks_hz - 330 * ratio).min() < 3


def test_the_alarm_beeps_at_2048_hz_four_times_in_each_second(samples):
    clip = samples["alarm_clock"]
    assert np.abs(spectrum_peaks_hz(clip) - signals.ALARM_HZ).min() < 1
    beeping = envelope(clip) > 0.25
    assert np.count_nonzero(np.diff(beeping.astype(int)) == 1) == 20


def test_the_vacuum_cleaner_hums_at_its_motor_s_speed(samples):
    power = np.abs(np.fft.rfft(samples["vacuum_cleaner"])) ** 2
    frequency_hz = np.fft.rfftfreq(len(samples["vacuum_cleaner"]), 1 / SAMPLE_RATE_HZ)
    near = (frequency_hz > 200) & (frequency_hz < 400)
    assert frequency_hz[near][np.argmax(power[near])] == pytest.approx(290, abs=4)


def test_crickets_sing_in_a_narrow_band_near_4600_hz(samples):
    power = np.abs(np.fft.rfft(samples["crickets"])) ** 2
    frequency_hz = np.fft.rfftfreq(len(samples["crickets"]), 1 / SAMPLE_RATE_HZ)
    band = np.abs(frequency_hz - 4_500) < 600
    assert power[band].sum() > 0.9 * power.sum()


@pytest.mark.parametrize("key", KEYS)
def test_the_shipped_network_puts_the_meant_class_among_its_first_three(key, classifier):
    front_end = classifier.info.front_end
    clip = audio.load(demo_wav(key), front_end.sample_rate_hz)
    window = window_at(clip.samples, 0, front_end.window_samples)
    with torch.inference_mode():
        logits = classifier(torch.from_numpy(window)[None])[0]
    best = [classifier.info.labels[index] for index in logits.topk(3).indices.tolist()]
    assert demo_sound(key).label in best
