from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import welch

from resona_core.config import FrontEndConfig, TrainConfig
from resona_core.training.fitting.preview import Example, examples

Samples = NDArray[np.float32]
FRONT_END = FrontEndConfig(sample_rate_hz=16_000, n_fft=1024, hop_length=512, f_max_hz=8_000.0)
RATE_HZ = FRONT_END.sample_rate_hz
RECIPE = TrainConfig()


@pytest.fixture(scope="module")
def sound() -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, 80_000).astype(np.float32)


@pytest.fixture(scope="module")
def partner(tone: Callable[..., Samples]) -> Samples:
    return tone(1_000, RATE_HZ, 5.0)


def drawn(sound: Samples, partner: Samples, seed: int = 0, **recipe: float) -> dict[str, Example]:
    found = examples(sound, partner, FRONT_END, replace(RECIPE, **recipe), seed)
    return {example.name: example for example in found}


def test_the_original_is_the_sound_itself(sound: Samples, partner: Samples) -> None:
    original = drawn(sound, partner)["Original"]
    np.testing.assert_array_equal(original.samples, sound)
    assert original.picture.decibels.shape == (128, 157)  # 80,000 / 512 + 1
    assert original.picture.decibels.max() == 0
    assert original.picture.frequency_hz.shape == (128,)
    np.testing.assert_allclose(original.picture.time_s, np.arange(157) * 0.032)


def test_every_change_keeps_length_and_range_and_does_something(
    sound: Samples, partner: Samples
) -> None:
    found = drawn(10 * sound, partner)
    original = found.pop("Original")
    assert len(found) == 9
    for example in found.values():
        assert example.samples.shape == sound.shape
        assert np.abs(example.samples).max() <= 1
        assert example.picture.decibels.shape == original.picture.decibels.shape
        assert not np.array_equal(example.picture.decibels, original.picture.decibels)


def test_the_same_seed_draws_the_same_and_another_does_not(
    sound: Samples, partner: Samples
) -> None:
    first, again, other = (drawn(sound, partner, seed) for seed in (3, 3, 4))
    for name in first:
        np.testing.assert_array_equal(first[name].samples, again[name].samples)
        same = np.array_equal(first[name].samples, other[name].samples)
        assert same == (name == "Original")


@pytest.mark.parametrize("seed", range(5))
def test_the_partner_is_always_heard_in_the_mix(
    sound: Samples, partner: Samples, seed: int
) -> None:
    mixed = drawn(sound, partner, seed, mix_beta=50.0)["Mixed"].samples
    assert np.corrcoef(mixed, partner)[0, 1] > 0.5


def test_a_gap_silences_a_fifth_to_three_fifths(sound: Samples, partner: Samples) -> None:
    silent = (drawn(sound, partner)["Gap"].samples == 0).mean()
    assert 0.2 <= silent <= 0.6


def test_the_low_pass_leaves_the_lows_and_takes_the_highs(sound: Samples, partner: Samples) -> None:
    found = drawn(sound, partner)
    power = {
        name: welch(found[name].samples, RATE_HZ, nperseg=1_000)[1]  # 16 Hz a bin
        for name in ("Original", "Low-pass")
    }
    change_db = 10 * np.log10(power["Low-pass"] / power["Original"])
    assert change_db[-5:].max() < -50
    spectra = [np.abs(np.fft.rfft(found[name].samples)) for name in power]  # 0.2 Hz a bin
    np.testing.assert_allclose(spectra[1][:9_900], spectra[0][:9_900], rtol=1e-3)  # below 2 kHz


def test_masks_show_the_mean_and_are_silent(sound: Samples, partner: Samples) -> None:
    found = drawn(sound, partner, frequency_masks=0)
    before, masked = found["Original"].picture.decibels, found["Masks"].picture.decibels
    covered = (masked == np.float32(FRONT_END.mean_db)).all(axis=0)
    assert 1 <= covered.sum() <= 2 * RECIPE.time_mask_frames
    np.testing.assert_array_equal(masked[:, ~covered], before[:, ~covered])
    middle = round(np.median(np.flatnonzero(covered))) * FRONT_END.hop_length
    wide = covered.sum() > 8
    heard = found["Masks"].samples
    assert np.abs(heard).max() > 0.1
    assert not wide or np.abs(heard[middle - 100 : middle + 100]).max() < 0.1 * np.abs(heard).max()


def test_without_masks_the_mask_takes_nothing_away(sound: Samples, partner: Samples) -> None:
    found = drawn(sound, partner, frequency_masks=0, time_masks=0)
    np.testing.assert_allclose(found["Masks"].samples, sound, atol=1e-5)


def test_how_often_a_change_happens_is_the_recipes(sound: Samples, partner: Samples) -> None:
    found = drawn(
        sound, partner, mix_probability=0.1, gap_probability=0.2, room_probability=0.3,
        colour_probability=0.5, low_pass_probability=0.8, noise_probability=0.6,
    )  # fmt: skip
    assert {name: example.share for name, example in found.items()} == {
        "Original": None, "Mixed": 0.1, "Rolled, faster or slower": 1, "Gap": 0.2, "Room": 0.3,
        "Equaliser": 0.5, "Low-pass": 0.4, "Noise": 0.6, "Masks": 1, "All together": None,
    }  # fmt: skip


def test_what_a_change_does_is_told_with_the_recipes_numbers(
    sound: Samples, partner: Samples
) -> None:
    told = {n: e.meaning for n, e in drawn(sound, partner, equaliser_db=7.5).items()}
    assert "at 0.80 to 1.25 times the speed" in told["Rolled, faster or slower"]
    assert "up to 7.5 dB either way" in told["Equaliser"]
    unhurried = drawn(sound, partner, speed_range=0.0)["Rolled, faster or slower"]
    assert "at 1.00 to 1.00 times the speed" in unhurried.meaning


def test_alone_a_change_is_certain_however_rare_it_is_in_training(
    sound: Samples, partner: Samples
) -> None:
    never = dict.fromkeys(("mix", "gap", "room", "colour", "low_pass", "noise"), 0.0)
    rare = {f"{name}_probability": share for name, share in never.items()}
    for seed in range(3):
        found = drawn(sound, partner, seed, **rare)
        for name in ("Mixed", "Gap", "Room", "Equaliser", "Low-pass", "Noise"):
            assert not np.allclose(found[name].samples, sound, rtol=1e-5), name


def test_the_equaliser_leaves_all_frequencies_within_its_decibels(
    sound: Samples, partner: Samples
) -> None:
    found = drawn(sound, partner, low_pass_probability=1.0, equaliser_db=6.0)
    spectra = [np.abs(np.fft.rfft(found[name].samples)) for name in ("Original", "Equaliser")]
    change_db = 20 * np.log10(spectra[1][20:-20] / spectra[0][20:-20])
    assert 1 < np.abs(change_db).max() < 6.1


def test_a_masked_band_is_silent_and_the_others_are_as_they_were(
    sound: Samples, partner: Samples
) -> None:
    found = drawn(sound, partner, seed=1, frequency_masks=1, frequency_mask_bins=60, time_masks=0)
    picture = found["Masks"].picture
    covered = (picture.decibels == np.float32(FRONT_END.mean_db)).all(axis=1)
    assert covered.sum() > 8
    hz, before = welch(sound, RATE_HZ, nperseg=1_024)
    _, after = welch(found["Masks"].samples, RATE_HZ, nperseg=1_024)
    change_db = 10 * np.log10(after / before)
    edges_hz = picture.frequency_hz[np.flatnonzero(covered)[[0, -1]]]
    inside = (hz > edges_hz[0] + 50) & (hz < edges_hz[1] - 50)
    outside = (hz < edges_hz[0] - 150) | (hz > edges_hz[1] + 150)
    assert inside.sum() > 2
    assert change_db[inside].max() < -20
    assert np.abs(change_db[outside]).max() < 0.5


def test_silence_can_be_looked_at(partner: Samples) -> None:
    for example in drawn(np.zeros(80_000, np.float32), partner).values():
        assert np.isfinite(example.samples).all()
        assert np.isfinite(example.picture.decibels).all()


def test_the_sound_can_be_played(sound: Samples, partner: Samples) -> None:
    example = drawn(sound, partner)["Original"]
    samples, rate_hz = soundfile.read(BytesIO(example.to_wav()), dtype="float32")
    assert rate_hz == RATE_HZ
    np.testing.assert_allclose(samples, example.samples, atol=1 / 32_768)
