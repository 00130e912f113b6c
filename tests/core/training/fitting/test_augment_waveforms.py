"""What `augment_waveforms` does: every change in its place, on whole batches."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Generator, Tensor

from resona_core.config import TrainConfig
from resona_core.training.fitting import augment

RATE_HZ = 16_000
LENGTH = 16_000


def _random(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def _white(batch: int) -> Tensor:
    return 0.1 * torch.randn(batch, LENGTH, generator=_random(99))


def test_a_step_is_a_pure_function_of_its_seed() -> None:
    sounds, targets = _white(8), torch.eye(8)

    def changed(seed: int) -> augment.Changed:
        return augment.augment_waveforms(sounds, targets, RATE_HZ, TrainConfig(), _random(seed))

    first, again, other = changed(1), changed(1), changed(2)
    for one, same, another in zip(first, again, other, strict=True):
        assert torch.equal(one, same)
        assert not torch.equal(one, another)
    assert first.waveforms.shape == first.undisturbed.shape == (8, LENGTH)
    assert first.targets.shape == (8, 8)


def test_undisturbed_is_the_same_mixture_without_gap_room_filter_and_noise() -> None:
    sounds, targets = _white(8), torch.eye(8)
    calm = TrainConfig(
        gap_probability=0.0, room_probability=0.0, colour_probability=0.0, noise_probability=0.0
    )
    changed = augment.augment_waveforms(sounds, targets, RATE_HZ, calm, _random())
    assert torch.equal(changed.undisturbed, changed.waveforms)
    assert not torch.equal(changed.undisturbed, sounds)
    certain = replace(calm, noise_probability=1.0, mix_probability=0.0, roll=False, speed_range=1.0)
    changed = augment.augment_waveforms(sounds, targets, RATE_HZ, certain, _random())
    torch.testing.assert_close(changed.undisturbed, sounds)
    assert bool((changed.waveforms != sounds).any(dim=1).all())


def test_a_gap_silences_the_mixture_not_one_of_its_sounds() -> None:
    config = TrainConfig(
        gap_probability=1.0, room_probability=0.0, colour_probability=0.0, noise_probability=0.0
    )
    changed = augment.augment_waveforms(_white(8), torch.eye(8), RATE_HZ, config, _random())
    silent = (changed.waveforms == 0).float().mean(dim=1)
    assert 0.19 < float(silent.min()) <= float(silent.max()) < 0.61
    assert not bool((changed.undisturbed == 0).all(dim=1).any())


def test_silence_survives_everything_as_finite_numbers() -> None:
    config = TrainConfig(
        mix_probability=1.0, noise_probability=1.0, gap_probability=1.0, room_probability=1.0,
        colour_probability=1.0, low_pass_probability=1.0,
    )  # fmt: skip
    silence, targets = torch.zeros(4, LENGTH), torch.eye(4)
    changed = augment.augment_waveforms(silence, targets, RATE_HZ, config, _random())
    assert all(bool(part.isfinite().all()) for part in changed)
