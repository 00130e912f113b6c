"""What given draws make of a clip, beside what one works out by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from resona_core.config import TrainConfig
from resona_core.training.fitting import augment

RATE_HZ = 16_000
ALMOST_1 = 1 - 2**-24  # the largest that is drawn


def _random() -> Generator:
    return torch.Generator().manual_seed(0)


def _drawn(monkeypatch: pytest.MonkeyPatch, *draws: float) -> None:
    """Have these drawn where a number between 0 and 1 is, the last one ever after."""
    coming: Iterator[float] = iter(draws)

    def uniform(shape: tuple[int, ...], *_: object) -> Tensor:
        return torch.full(shape, next(coming, draws[-1]))

    monkeypatch.setattr(augment, "_uniform", uniform)


def _noise(batch: int = 1, length: int = RATE_HZ) -> Tensor:
    return torch.randn(batch, length, generator=_random(), dtype=torch.float64)


def test_a_faster_loop_is_read_between_its_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 1.5 on in steps of 1.5: 1.5, 3, 4.5, 6, 7.5 (between the last and the first) ..."""
    _drawn(monkeypatch, ALMOST_1, 1.5 / 8)
    squares = torch.arange(8.0).square()[None]
    read = augment.roll_and_speed(squares, TrainConfig(speed_range=1.5), _random())
    expected = torch.tensor([[2.5, 9, 20.5, 36, 24.5, 1, 6.5, 16]])
    torch.testing.assert_close(read, expected, atol=1e-4, rtol=0)


def test_the_shortest_gap_is_a_fifth_and_no_sample_more(monkeypatch: pytest.MonkeyPatch) -> None:
    _drawn(monkeypatch, 0.0)
    heard = augment.silence_part(torch.ones(1, 10), 1.0, _random())
    assert heard.tolist() == [[0.0] * 2 + [1.0] * 8]


@pytest.mark.parametrize(
    ("draw", "decay_s", "below_db"), [(0.0, 0.1, 0.0), (0.5, 0.12**0.5, 10.0), (ALMOST_1, 1.2, 20)]
)
def test_a_room_falls_by_60_db_in_its_time_and_lies_below_the_sound(
    draw: float, decay_s: float, below_db: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drawn(monkeypatch, draw)
    click = torch.zeros(200, RATE_HZ, dtype=torch.float64)
    click[:, 0] = 1.0
    echoes = augment.reverberate(click, RATE_HZ, 1.0, _random())[:, 1:].square()
    assert -10 * float(echoes.sum(dim=1).log10().mean()) == pytest.approx(below_db, abs=0.05)
    step = round(decay_s * RATE_HZ / 20)  # the sound falls by 3 dB in it
    levels_db = 10 * echoes[:, : 14 * step].reshape(200, 14, step).sum(dim=(0, 2)).log10()
    assert np.polyfit(range(14), levels_db, 1)[0] == pytest.approx(-3, abs=0.03)


@pytest.mark.parametrize(("draw", "cutoff_hz"), [(0.0, 2_000), (0.5, 4_000), (ALMOST_1, 8_000)])
def test_a_low_pass_falls_by_10_db_a_hundredth_to_100_db(
    draw: float, cutoff_hz: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drawn(monkeypatch, draw)
    config = TrainConfig(colour_probability=1.0, equaliser_db=0.0, low_pass_probability=1.0)
    sound = _noise()
    dull = augment.colour(sound, RATE_HZ, config, _random())
    gain_db = 20 * (torch.fft.rfft(dull) / torch.fft.rfft(sound)).abs().log10()[0]
    for share, expected_db in ((0.5, 0), (1, 0), (1.05, -50), (1.1, -100), (1.3, -100)):
        if (hz := round(share * cutoff_hz)) <= 8_000:
            assert float(gain_db[hz]) == pytest.approx(expected_db, abs=0.02)


@pytest.mark.parametrize(("draw", "gain_db"), [(0.0, -6.0), (0.75, 3.0), (ALMOST_1, 6.0)])
def test_the_equaliser_reaches_its_decibels_both_ways(
    draw: float, gain_db: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drawn(monkeypatch, draw)
    config = TrainConfig(colour_probability=1.0, equaliser_db=6.0, low_pass_probability=0.0)
    sound = _noise()
    expected = sound * 10 ** (gain_db / 20)
    torch.testing.assert_close(
        augment.colour(sound, RATE_HZ, config, _random()), expected, atol=1e-5, rtol=1e-5
    )


def test_the_equaliser_reaches_from_0_hz_to_half_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points that rise evenly make a gain that rises evenly, from end to end."""
    monkeypatch.setattr(
        augment, "_uniform", lambda shape, *_: torch.linspace(0, 1, shape[-1]).expand(shape)
    )
    config = TrainConfig(colour_probability=1.0, equaliser_db=6.0, low_pass_probability=0.0)
    click = torch.zeros(1, RATE_HZ, dtype=torch.float64)
    click[:, 0] = 1.0
    spectrum = torch.fft.rfft(augment.colour(click, RATE_HZ, config, _random())[0])
    np.testing.assert_allclose(20 * spectrum.abs().log10(), np.linspace(-6, 6, 8_001), atol=1e-3)


@pytest.mark.parametrize(
    ("draw", "snr_db", "slope"), [(0.0, 0.0, 0.0), (0.5, 30.0, -0.5), (ALMOST_1, 60.0, -1.0)]
)
def test_the_weakest_noise_is_pink_60_db_below_the_sound(
    draw: float, snr_db: float, slope: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drawn(monkeypatch, draw)
    sound = _noise(8)
    noise = augment.add_noise(sound, 1.0, _random()) - sound
    found_db = 10 * (sound.square().mean(dim=1) / noise.square().mean(dim=1)).log10()
    np.testing.assert_allclose(found_db, snr_db, atol=1e-3)
    power = torch.fft.rfft(noise).abs().square().mean(dim=0)
    octaves = [float(power[n : 2 * n].mean().log2()) for n in (125, 250, 500, 1_000, 2_000, 4_000)]
    assert np.polyfit(range(6), octaves, 1)[0] == pytest.approx(slope, abs=0.03)


@pytest.mark.parametrize(("draw", "share"), [(0.0, 0.001), (1.0, 0.999)])
def test_a_mixture_holds_at_least_a_thousandth_of_either(
    draw: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augment, "_beta", lambda count, *_: torch.full((count, 1), draw))
    sounds = torch.ones(3, 100)
    mixing = augment.draw_mixing(sounds, TrainConfig(mix_probability=1.0), _random())
    torch.testing.assert_close(mixing.share, torch.full((3, 1), share))
    torch.testing.assert_close(mixing.amplitude, torch.full((3, 1), share))  # as loud


@pytest.mark.parametrize(
    ("draw", "bins", "frames"),
    [
        (0.0, [], []),
        (0.5, list(range(27, 35)), list(range(57, 62))),  # 8 from 27.75 on, 5 from 57.25 on
        (ALMOST_1, list(range(46, 62)), list(range(108, 118))),  # 16 from just under 47 on
    ],
)
def test_masks_reach_from_nothing_to_their_greatest_width(
    draw: float, bins: list[int], frames: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _drawn(monkeypatch, draw)
    config = TrainConfig(frequency_mask_bins=16, time_mask_frames=10)
    covered = augment.mask_pictures(torch.ones(1, 1, 64, 120), config, _random())[0, 0] == 0
    assert torch.nonzero(covered.all(dim=1)).flatten().tolist() == bins
    assert torch.nonzero(covered.all(dim=0)).flatten().tolist() == frames


def test_a_batch_of_one_is_changed_too() -> None:
    config = TrainConfig(colour_probability=1.0, equaliser_db=6.0)
    one = _noise().float()
    for changed in (
        augment.colour(one, RATE_HZ, config, _random()),
        augment.add_noise(one, 1.0, _random()),
        augment.reverberate(one, RATE_HZ, 1.0, _random()),
    ):
        assert not torch.allclose(changed, one, rtol=1e-4)


def test_where_no_clip_is_chosen_all_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _drawn(monkeypatch, 0.0)
    sounds = _noise(2)  # half a clip is to be changed: none
    config = TrainConfig(colour_probability=0.25)
    assert augment.colour(sounds, RATE_HZ, config, _random()) is sounds
    assert augment.add_noise(sounds, 0.25, _random()) is sounds
    assert augment.reverberate(sounds, RATE_HZ, 0.25, _random()) is sounds


def test_what_has_no_probability_never_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    _drawn(monkeypatch, 0.0)  # the least that is drawn
    sounds = _noise(3)
    assert torch.equal(augment.silence_part(sounds, 0.0, _random()), sounds)
    mixing = augment.draw_mixing(sounds, TrainConfig(mix_probability=0.0), _random())
    assert torch.equal(mixing.of(sounds), sounds)
