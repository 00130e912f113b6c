from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from resona_core.config import TrainConfig
from resona_core.training.fitting import augment

RATE_HZ = 16_000
LENGTH = 16_000


def _random(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def _white(batch: int, length: int = LENGTH) -> Tensor:
    return 0.1 * torch.randn(batch, length, generator=_random(99))


def _sine(frequency_hz: float, length: int = LENGTH) -> Tensor:
    return torch.sin(2 * torch.pi * frequency_hz * torch.arange(length).double() / RATE_HZ).float()


@pytest.mark.parametrize("speed_range", [1.0, 0.0])
def test_without_roll_and_speed_a_clip_is_left_alone(speed_range: float) -> None:
    config = TrainConfig(roll=False, speed_range=speed_range)
    sounds = _white(3)
    torch.testing.assert_close(augment.roll_and_speed(sounds, config, _random()), sounds)


def test_a_rolled_clip_is_the_same_loop_from_another_place() -> None:
    sounds = _sine(1.0).repeat(20, 1)  # one period: the start is the phase
    rolled = augment.roll_and_speed(sounds, TrainConfig(speed_range=1.0), _random())
    starts = []
    for row in rolled.double().numpy():
        spectrum = np.fft.rfft(row)
        start = (np.angle(spectrum[1]) + np.pi / 2) % (2 * np.pi) / (2 * np.pi) * LENGTH
        expected = np.sin(2 * np.pi * (np.arange(LENGTH) + start) / LENGTH)
        np.testing.assert_allclose(row, expected, atol=1e-3)
        starts.append(start / LENGTH)
    assert min(starts) < 0.2
    assert max(starts) > 0.8


def test_the_end_of_a_rolled_clip_is_followed_by_its_beginning() -> None:
    sounds = torch.linspace(0, 1, LENGTH).repeat(10, 1)
    rolled = augment.roll_and_speed(sounds, TrainConfig(speed_range=1.0), _random())
    falls = (rolled.diff(dim=1) < 0).sum(dim=1)  # the one place where the ramp starts again
    assert bool((falls <= 2).all())  # two, when that place falls between two samples
    torch.testing.assert_close(rolled.mean(dim=1), torch.full((10,), 0.5), atol=1e-3, rtol=0)


def test_speed_stays_in_its_range_both_ways() -> None:
    config = TrainConfig(speed_range=1.15)
    out = augment.roll_and_speed(_sine(1_000.0).repeat(64, 1), config, _random())
    window = torch.hann_window(LENGTH)
    speed = torch.fft.rfft(out * window).abs().argmax(dim=1) / 1_000.0  # bins of 1 Hz
    assert 1 / 1.151 < float(speed.min()) < 0.9
    assert 1.1 < float(speed.max()) < 1.151
    assert float(speed.log().mean()) == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize(("probability", "silenced"), [(0.0, 0), (1.0, 200)])
def test_a_gap_is_one_stretch_of_a_fifth_to_three_fifths(probability: float, silenced: int) -> None:
    out = augment.silence_part(torch.ones(200, 1_000), probability, _random())
    silent = out == 0
    share = silent.float().mean(dim=1)
    touched = share > 0
    assert int(touched.sum()) == silenced
    if silenced:
        assert 0.199 <= float(share.min()) < 0.25
        assert 0.55 < float(share.max()) <= 0.601
    changes = (silent != silent.roll(1, dims=1)).sum(dim=1)
    assert set(changes.tolist()) <= {0, 2}
    assert bool((out[~silent] == 1).all())


def _gain_db(config: TrainConfig, batch: int) -> np.ndarray:
    """Return what `colour` does to white noise, in dB, (batch, bin)."""
    sounds = _white(batch)
    out = augment.colour(sounds, RATE_HZ, config, _random())
    gain = np.abs(np.fft.rfft(out.double().numpy())) / np.abs(np.fft.rfft(sounds.double().numpy()))
    return 20 * np.log10(gain)


def test_colour_without_strength_changes_nothing() -> None:
    config = TrainConfig(colour_probability=1.0, equaliser_db=0.0, low_pass_probability=0.0)
    np.testing.assert_allclose(_gain_db(config, 4), 0.0, atol=0.05)


def test_the_equaliser_is_smooth_and_within_its_decibels() -> None:
    gain_db = _gain_db(
        TrainConfig(colour_probability=1.0, equaliser_db=6.0, low_pass_probability=0.0), 16
    )
    assert np.abs(gain_db).max() < 6.1
    assert np.abs(gain_db).max() > 5.0
    slope = np.abs(gain_db[:, 100:] - gain_db[:, :-100])  # dB over 100 Hz
    assert slope.max() < 12 * 100 / (8_000 / 7) + 0.05  # at most 12 dB between two of 8 points


def test_the_low_pass_kills_what_lies_above_its_cut_off() -> None:
    gain_db = _gain_db(
        TrainConfig(colour_probability=1.0, equaliser_db=0.0, low_pass_probability=1.0), 32
    )
    frequency_hz = np.fft.rfftfreq(LENGTH, 1 / RATE_HZ)
    cutoffs = []
    for row in gain_db:
        cutoff_hz = frequency_hz[row > -1.0].max()
        assert np.abs(row[frequency_hz < 0.99 * cutoff_hz]).max() < 0.1
        beyond = row[frequency_hz > 1.11 * cutoff_hz]
        assert beyond.size == 0 or beyond.max() < -70
        cutoffs.append(cutoff_hz)
    assert 1_990 < min(cutoffs) < 3_000
    assert max(cutoffs) > 6_000


def test_clips_not_chosen_are_neither_coloured_nor_made_noisy() -> None:
    sounds = _white(64)
    config = TrainConfig(colour_probability=0.25)
    for out in (
        augment.colour(sounds, RATE_HZ, config, _random()),
        augment.add_noise(sounds, 0.25, _random()),
    ):
        same = (out == sounds).all(dim=1)
        assert 0.5 < float(same.float().mean()) < 0.95


def test_noise_is_added_at_0_to_60_db_and_between_white_and_pink() -> None:
    sounds = _sine(1_000.0).repeat(100, 1)
    noise = (augment.add_noise(sounds, 1.0, _random()) - sounds).double()
    snr_db = 10 * torch.log10(0.5 / noise.square().mean(dim=1))  # a sine's power is 1/2
    assert -0.1 < float(snr_db.min()) < 10
    assert 50 < float(snr_db.max()) < 60.1
    spectrum = np.abs(np.fft.rfft(noise.numpy())) ** 2
    octaves = np.stack([spectrum[:, n : 2 * n].mean(axis=1) for n in (125, 500, 2_000)], axis=1)
    slope = np.log2(octaves[:, 2] / octaves[:, 0]) / 4  # of the power, over four octaves
    assert -1.15 < slope.min() < -0.8
    assert -0.2 < slope.max() < 0.15


def test_no_noise_is_added_at_probability_0() -> None:
    assert torch.equal(augment.add_noise(_white(4), 0.0, _random()), _white(4))


@pytest.fixture
def half_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "_beta", lambda count, *_: torch.full((count, 1), 0.5))


@pytest.mark.usefixtures("half_shares")
def test_two_equally_loud_sounds_at_half_share_are_their_sum_at_equal_power() -> None:
    sounds = torch.stack([_sine(100.0 * (i + 1)) for i in range(8)])
    mixing = augment.draw_mixing(sounds, TrainConfig(mix_probability=1.0), _random())
    mixed, targets = mixing.of(sounds), mixing.targets(torch.eye(8))
    partners = mixing.other.tolist()
    assert sorted(partners) == list(range(8))
    assert sum(row != other for row, other in enumerate(partners)) > 4
    for row, other in enumerate(partners):
        torch.testing.assert_close(mixed[row], (sounds[row] + sounds[other]) / 2**0.5)
        expected = (torch.eye(8)[row] + torch.eye(8)[other]) / 2
        torch.testing.assert_close(targets[row], expected)


@pytest.mark.parametrize("quieter_db", [0.0, 20.0, 40.0])
def test_in_a_mixture_each_sound_is_as_loud_as_its_target_says(quieter_db: float) -> None:
    gains = 10 ** (-quieter_db / 20 * torch.arange(6) / 5)
    sounds = torch.stack([_sine(100.0 * (i + 1)) for i in range(6)]) * gains[:, None]
    mixing = augment.draw_mixing(sounds, TrainConfig(mix_probability=1.0), _random())
    mixed, targets = mixing.of(sounds), mixing.targets(torch.eye(6))
    for row, other in enumerate(mixing.other.tolist()):
        if other == row:
            continue
        amplitude = torch.fft.rfft(mixed[row]).abs() * 2 / LENGTH
        own, others = amplitude[100 * (row + 1)], amplitude[100 * (other + 1)]
        share = float(targets[row, row])
        assert float(own / others) == pytest.approx(share / (1 - share), rel=0.01)
        assert float(targets[row, other]) == pytest.approx(1 - share)


def test_mixing_leaves_targets_that_sum_to_one_and_the_unchosen_alone() -> None:
    sounds, one_hot = _white(64, 400), torch.eye(64)
    mixing = augment.draw_mixing(sounds, TrainConfig(mix_probability=0.5), _random())
    mixed, targets = mixing.of(sounds), mixing.targets(one_hot)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(64))
    alone = (mixed == sounds).all(dim=1)
    assert 16 < int(alone.sum()) < 48
    assert torch.equal(targets[alone], one_hot[alone])
    assert torch.equal(alone, (mixing.amplitude == 1).flatten())
    assert torch.equal(alone, (mixing.share == 1).flatten())


def test_the_share_of_a_mixture_is_even_between_0_and_1() -> None:
    share = augment._beta(4_000, 1.0, _random(), torch.device("cpu")).flatten()
    for quantile in (0.1, 0.5, 0.9):
        assert float(share.quantile(quantile)) == pytest.approx(quantile, abs=0.03)


def test_shares_that_are_all_or_nothing_are_numbers_too() -> None:
    share = augment._beta(4_000, 1e-3, _random(), torch.device("cpu"))
    assert 0 <= float(share.min()) <= float(share.max()) <= 1


def test_masks_cover_whole_bands_and_stretches_with_exactly_0() -> None:
    pictures = torch.ones(100, 1, 64, 120)
    config = TrainConfig(frequency_mask_bins=16, time_mask_frames=16)
    out = augment.mask_pictures(pictures, config, _random())
    covered = out[:, 0] == 0
    bands, stretches = covered.all(dim=2), covered.all(dim=1)
    assert torch.equal(covered, bands[:, :, None] | stretches[:, None, :])
    assert bool((out[:, 0][~covered] == 1).all())
    for lines in (bands, stretches):
        counts = lines.sum(dim=1)
        assert 20 < int(counts.max()) <= 32  # two masks of up to 16
        assert int(counts.min()) < 10


def test_a_short_picture_loses_at_most_a_quarter_to_each_time_mask() -> None:
    config = TrainConfig(frequency_masks=0, time_masks=1, time_mask_frames=50)
    out = augment.mask_pictures(torch.ones(200, 1, 4, 43), config, _random())
    assert int((out[:, 0, 0] == 0).sum(dim=1).max()) == 10


def test_without_masks_a_picture_is_left_alone() -> None:
    config = TrainConfig(frequency_masks=0, time_masks=0)
    picture = torch.randn(2, 1, 16, 20)
    assert torch.equal(augment.mask_pictures(picture, config, _random()), picture)


def _click(batch: int) -> Tensor:
    clicks = torch.zeros(batch, LENGTH)
    clicks[:, 0] = 1.0
    return clicks


def test_a_room_keeps_the_sound_and_adds_echoes_that_die_away() -> None:
    heard = augment.reverberate(_click(200), RATE_HZ, 1.0, _random()).double()
    torch.testing.assert_close(heard[:, 0], torch.ones(200).double(), atol=0.1, rtol=0)
    echoes = heard[:, 1:].square()
    below_db = -10 * echoes.sum(dim=1).log10()
    assert -0.5 < float(below_db.min()) < 3
    assert 17 < float(below_db.max()) < 20.5
    half_energy_s = (echoes.cumsum(1) < echoes.sum(1, keepdim=True) / 2).sum(1) / RATE_HZ
    # energy falls by 60 dB in the decay time, so half of it has come after 0.05 of that time
    assert 0.003 < float(half_energy_s.min()) < 0.01
    assert 0.04 < float(half_energy_s.max()) < 0.08


def test_echoes_of_the_end_are_heard_at_the_beginning_of_the_loop() -> None:
    late = _click(50).roll(-100, dims=1)
    heard = augment.reverberate(late, RATE_HZ, 1.0, _random())
    assert bool((heard[:, :800].square().sum(dim=1) > 1e-4).all())


def test_rooms_come_with_their_probability_and_without_one_nothing_is_drawn() -> None:
    random = _random()
    before = random.get_state()
    sounds = _white(400, 400)
    assert torch.equal(augment.reverberate(sounds, RATE_HZ, 0.0, random), sounds)
    assert torch.equal(random.get_state(), before)
    changed = (augment.reverberate(sounds, RATE_HZ, 0.25, random) != sounds).any(dim=1)
    assert 70 < int(changed.sum()) < 130


@pytest.mark.parametrize(("batch", "counts"), [(8, {2}), (2, {0, 1}), (6, {1, 2})])
def test_a_quarter_of_a_batch_is_changed_as_evenly_as_whole_clips_allow(
    batch: int, counts: set[int]
) -> None:
    random, sounds = _random(), _white(batch, 400)
    changed = [
        int((augment.add_noise(sounds, 0.25, random) != sounds).any(dim=1).sum())
        for _ in range(400)
    ]
    assert set(changed) == counts
    assert sum(changed) / 400 == pytest.approx(batch / 4, abs=0.08)
