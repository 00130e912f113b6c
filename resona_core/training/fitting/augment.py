"""What training does to clips so that the network learns the sound and not the recording.

    waveforms -> roll, speed -> mixing -> gap -> room -> equaliser, low-pass -> noise
    pictures  -> frequency and time masks

Sounds are mixed before they are disturbed, as sounds that meet one microphone in one room are: a
dull or half silent mixture then is as frequent as the probabilities say.

Every function takes a generator and whole batches; nothing here keeps state, so a step is
a pure function of its seed. Levels are free: the front end ignores them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from resona_core.config import TrainConfig

_EQUALISER_POINTS = 8


class Changed(NamedTuple):
    """What :func:`augment_waveforms` makes of a batch.

    Attributes
    ----------
    waveforms : Tensor (batch, sample)
    targets : Tensor (batch, class)
    undisturbed : Tensor (batch, sample)
        The same mixture of the same stretches, without gaps, rooms, filters and noise.
    """

    waveforms: Tensor
    targets: Tensor
    undisturbed: Tensor


def augment_waveforms(
    waveforms: Tensor,
    targets: Tensor,
    sample_rate_hz: int,
    config: TrainConfig,
    generator: Generator,
) -> Changed:
    """Return changed and mixed sounds with their soft targets.

    Parameters
    ----------
    waveforms : Tensor (batch, sample), float in [-1, 1]
    targets : Tensor (batch, class), rows that sum to 1
    """
    cut = roll_and_speed(waveforms, config, generator)
    mixing = draw_mixing(cut, config, generator)
    mixed = mixing.of(cut)
    changed = silence_part(mixed, config.gap_probability, generator)
    changed = reverberate(changed, sample_rate_hz, config.room_probability, generator)
    changed = colour(changed, sample_rate_hz, config, generator)
    changed = add_noise(changed, config.noise_probability, generator)
    return Changed(changed, mixing.targets(targets), mixed)


def roll_and_speed(waveforms: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Read each clip as a loop: from anywhere, a little faster or slower.

    Speed is linear interpolation.
    """
    batch, length = waveforms.shape
    device = waveforms.device
    log_speed = math.log(max(1.0, config.speed_range))
    speed = torch.exp((2 * _uniform((batch, 1), generator, device) - 1) * log_speed)
    start = torch.zeros(batch, 1, device=device)
    if config.roll:
        start = _uniform((batch, 1), generator, device) * length
    position = (start + torch.arange(length, device=device) * speed).remainder(length)
    left = position.floor().long().clamp_max(length - 1)
    fraction = position - left
    right = (left + 1).remainder(length)
    return waveforms.gather(1, left) * (1 - fraction) + waveforms.gather(1, right) * fraction


def silence_part(waveforms: Tensor, probability: float, generator: Generator) -> Tensor:
    """Silence a stretch of a fifth to three fifths of some clips, anywhere (cyclic)."""
    batch, length = waveforms.shape
    device = waveforms.device
    chosen = _chosen(batch, probability, generator, device)
    start = _uniform((batch, 1), generator, device)
    share = 0.2 + 0.4 * _uniform((batch, 1), generator, device)
    time = torch.arange(length, device=device) / length
    return waveforms * ~(chosen & ((time - start).remainder(1.0) < share))


def reverberate(
    waveforms: Tensor, sample_rate_hz: int, probability: float, generator: Generator
) -> Tensor:
    """Let some clips sound in a room: the sound itself and a decaying tail of echoes.

    The tail is white noise that falls by 60 dB in 0.1 to 1.2 s (drawn evenly on a logarithmic
    scale) and has 0 to 20 dB less energy than the direct sound; cyclic, as the clips are loops.

    Source: Moorer, "About this reverberation business", 1979 (noise that decays, as a room).
    """
    if probability == 0:
        return waveforms  # and no draw: the recipes without rooms draw as they always did
    length, device = waveforms.shape[1], waveforms.device
    rows = _rows(len(waveforms), probability, generator, device)
    n_rows = len(rows)
    if n_rows == 0:
        return waveforms
    decay_s = 0.1 * 12 ** _uniform((n_rows, 1), generator, device)
    time_s = torch.arange(length, device=device) / sample_rate_hz
    tail = torch.randn(n_rows, length, generator=generator, device=device)
    tail = tail * 10 ** (-3 * time_s / decay_s)
    below_db = 20 * _uniform((n_rows, 1), generator, device)
    room = tail * 10 ** (-below_db / 20) / tail.square().sum(dim=1, keepdim=True).sqrt()
    room[:, 0] = 1.0  # the direct sound
    in_room = waveforms.clone()
    spectrum = torch.fft.rfft(waveforms[rows]) * torch.fft.rfft(room)
    in_room[rows] = torch.fft.irfft(spectrum, n=length)
    return in_room


def colour(
    waveforms: Tensor, sample_rate_hz: int, config: TrainConfig, generator: Generator
) -> Tensor:
    """Filter some clips: a smooth random equaliser, and for some of them a steep low-pass.

    The cut-off is drawn evenly on a logarithmic scale between 2 kHz and half the rate.
    """
    length, device = waveforms.shape[1], waveforms.device
    rows = _rows(len(waveforms), config.colour_probability, generator, device)
    n_rows, n_bins = len(rows), length // 2 + 1
    if n_rows == 0:
        return waveforms
    points = 2 * _uniform((n_rows, 1, _EQUALISER_POINTS), generator, device) - 1
    gain_db = torch.nn.functional.interpolate(
        points * config.equaliser_db, n_bins, mode="linear", align_corners=True
    ).squeeze(1)  # (row, bin)
    frequency_hz = torch.linspace(0, sample_rate_hz / 2, n_bins, device=device)
    octaves = math.log2(sample_rate_hz / 2 / 2000.0)
    cutoff_hz = 2000.0 * 2 ** (octaves * _uniform((n_rows, 1), generator, device))
    beyond_db = (1000.0 * (frequency_hz / cutoff_hz - 1)).clamp(0, 100)  # by 10 % above
    low_pass = _chosen(n_rows, config.low_pass_probability, generator, device)
    gain_db = gain_db - beyond_db * low_pass
    coloured = waveforms.clone()
    spectrum = torch.fft.rfft(waveforms[rows]) * 10 ** (gain_db / 20)
    coloured[rows] = torch.fft.irfft(spectrum, n=length)
    return coloured


def add_noise(waveforms: Tensor, probability: float, generator: Generator) -> Tensor:
    """Add noise between white and pink, 0 to 60 dB under the sound's power, to some clips."""
    length, device = waveforms.shape[1], waveforms.device
    rows = _rows(len(waveforms), probability, generator, device)
    n_rows = len(rows)
    if n_rows == 0:
        return waveforms
    white = torch.randn(n_rows, length, generator=generator, device=device)
    slope = _uniform((n_rows, 1), generator, device) / 2  # amplitude ~ 1/f^slope
    bins = torch.arange(1, length // 2 + 2, device=device)
    noise = torch.fft.irfft(torch.fft.rfft(white) * bins**-slope, n=length)
    snr_db = 60.0 * _uniform((n_rows, 1), generator, device)
    gain = _rms(waveforms[rows]) / _rms(noise) * 10 ** (-snr_db / 20)
    noisy = waveforms.clone()
    noisy[rows] += noise * gain
    return noisy


class Mixing(NamedTuple):
    """Which clips of a batch are mixed with which others, and how.

    Attributes
    ----------
    other : Tensor (batch,), int64
        The clip that each is mixed with.
    amplitude : Tensor (batch, 1), 0 to 1
        What is left of the clip's own; 1 where it stays alone.
    share : Tensor (batch, 1), 0 to 1
        The clip's own share of the target.
    """

    other: Tensor
    amplitude: Tensor
    share: Tensor

    def of(self, waveforms: Tensor) -> Tensor:
        """Return the mixtures, (batch, sample)."""
        p = self.amplitude
        return (p * waveforms + (1 - p) * waveforms[self.other]) / torch.sqrt(p**2 + (1 - p) ** 2)

    def targets(self, targets: Tensor) -> Tensor:
        """Return the mixtures' targets, (batch, class)."""
        return self.share * targets + (1 - self.share) * targets[self.other]


def draw_mixing(waveforms: Tensor, config: TrainConfig, generator: Generator) -> Mixing:
    """Draw how to mix some clips with others so that the target says what one hears.

    Source: Tokozume et al., "Learning from Between-class Examples for Deep Sound
    Recognition", ICLR 2018, equation 2, with the clips' r.m.s. for the loudness and
    r ~ Beta(mix_beta, mix_beta).
    """
    batch = len(waveforms)
    device = waveforms.device
    other = torch.randperm(batch, generator=generator, device=device)
    share = _beta(batch, config.mix_beta, generator, device).clamp(1e-3, 1 - 1e-3)
    rms = _rms(waveforms)
    p = 1 / (1 + rms / rms[other] * (1 - share) / share)
    chosen = _chosen(batch, config.mix_probability, generator, device)
    alone = torch.ones_like(share)
    return Mixing(other, torch.where(chosen, p, alone), torch.where(chosen, share, alone))


def mask_pictures(pictures: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Cover bands of mel bins and stretches of frames with the training mean, which is 0.

    Source: Park et al., "SpecAugment", 2019; time warping left out.
    """
    _, _, n_mels, n_frames = pictures.shape
    frames = min(config.time_mask_frames, n_frames // 4)
    covered = _bands(
        pictures, n_mels, config.frequency_masks, config.frequency_mask_bins, generator
    )
    silent = _bands(pictures, n_frames, config.time_masks, frames, generator)
    return pictures.masked_fill(covered[:, None, :, None] | silent[:, None, None, :], 0.0)


def _bands(pictures: Tensor, length: int, count: int, widest: int, generator: Generator) -> Tensor:
    """Return (batch, length), true inside `count` random bands of up to `widest` cells."""
    batch, device = len(pictures), pictures.device
    width = _uniform((batch, count, 1), generator, device) * (widest + 1)
    start = _uniform((batch, count, 1), generator, device) * (length - width)
    cell = torch.arange(length, device=device)
    inside = (cell >= start.floor()) & (cell < start.floor() + width.floor())
    return inside.any(dim=1)


def _rms(waveforms: Tensor) -> Tensor:
    return waveforms.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-6)


def _beta(count: int, b: float, generator: Generator, device: torch.device) -> Tensor:
    """Draw (count, 1) from Beta(b, b), as the share of two Gamma draws."""
    shape = torch.full((2, count, 1), b, device=device)
    first, second = torch._standard_gamma(shape, generator=generator)
    share: Tensor = first / (first + second)  # torch draws no 0
    return share


def _uniform(shape: tuple[int, ...], generator: Generator, device: torch.device) -> Tensor:
    return torch.rand(shape, generator=generator, device=device)


def _chosen(batch: int, probability: float, generator: Generator, device: torch.device) -> Tensor:
    return _uniform((batch, 1), generator, device) < probability


def _rows(batch: int, probability: float, generator: Generator, device: torch.device) -> Tensor:
    """Draw which clips to change: each with this probability, as even a count as that allows.

    A GPU plans its Fourier transforms anew for every count that it has not met.
    """
    count = int(batch * probability + _uniform((1,), generator, device).item())
    return torch.randperm(batch, generator=generator, device=device)[:count]
