"""What training does to clips so that the network learns the sound and not the recording.

    waveforms -> roll, speed, crop -> gap -> room -> equaliser, low-pass -> noise -> mixing
    pictures  -> frequency and time masks

Every function takes a generator and whole batches; nothing here keeps state, so a step is
a pure function of its seed. Levels are free: the front end ignores them.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from resona_core.config import TrainConfig

_ENERGY_BLOCK = 400  # samples: the grain in which a crop looks for sound
_EQUALISER_POINTS = 8


def augment_waveforms(
    waveforms: Tensor,
    targets: Tensor,
    n_samples: int,
    sample_rate_hz: int,
    config: TrainConfig,
    generator: Generator,
) -> tuple[Tensor, Tensor]:
    """Return changed and mixed sounds with their soft targets.

    Parameters
    ----------
    waveforms : Tensor (batch, sample), float in [-1, 1]
    targets : Tensor (batch, class), rows that sum to 1
    n_samples : int
        Length of the result; shorter than the clips, it is a crop around some sound.

    Returns
    -------
    waveforms : Tensor (batch, n_samples)
    targets : Tensor (batch, class)
    """
    cut = roll_speed_crop(waveforms, n_samples, config, generator)
    cut = silence_part(cut, config.gap_probability, generator)
    cut = reverberate(cut, sample_rate_hz, config.room_probability, generator)
    cut = colour(cut, sample_rate_hz, config, generator)
    cut = add_noise(cut, config.noise_probability, generator)
    return mix(cut, targets, config, generator)


def roll_speed_crop(
    waveforms: Tensor, n_samples: int, config: TrainConfig, generator: Generator
) -> Tensor:
    """Read each clip as a loop: from anywhere, a little faster or slower, for n_samples.

    A full-length result may start anywhere; a shorter one starts so that a moment drawn in
    proportion to the clip's amplitude falls inside it. Speed is linear interpolation.
    """
    batch, length = waveforms.shape
    device = waveforms.device
    log_speed = math.log(config.speed_range) if config.speed_range > 1 else 0.0
    speed = torch.exp((2 * _uniform((batch, 1), generator, device) - 1) * log_speed)
    start = torch.zeros(batch, 1, device=device)
    if n_samples < length:
        moment = _sounding_moment(waveforms, generator)
        start = moment - _uniform((batch, 1), generator, device) * n_samples * speed
    elif config.roll:
        start = _uniform((batch, 1), generator, device) * length
    position = (start + torch.arange(n_samples, device=device) * speed).remainder(length)
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
    rows = _chosen(len(waveforms), probability, generator, device).flatten()
    n_rows = int(rows.sum())
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
    rows = _chosen(len(waveforms), config.colour_probability, generator, device).flatten()
    n_rows, n_bins = int(rows.sum()), length // 2 + 1
    if n_rows == 0:
        return waveforms
    points = 2 * _uniform((n_rows, 1, _EQUALISER_POINTS), generator, device) - 1
    gain_db = torch.nn.functional.interpolate(
        points * config.equaliser_db, n_bins, mode="linear", align_corners=True
    ).squeeze(1)  # (row, bin)
    frequency_hz = torch.linspace(0, sample_rate_hz / 2, n_bins, device=device)
    octaves = math.log2(sample_rate_hz / 2 / 2000.0)
    cutoff_hz = 2000.0 * 2 ** (octaves * _uniform((n_rows, 1), generator, device))
    beyond = (frequency_hz / cutoff_hz - 1).clamp(0, 1) * 1000.0  # dB: 100 dB by 10 % above
    low_pass = _chosen(n_rows, config.low_pass_probability, generator, device)
    gain_db = gain_db - beyond.clamp_max(100.0) * low_pass
    coloured = waveforms.clone()
    spectrum = torch.fft.rfft(waveforms[rows]) * 10 ** (gain_db / 20)
    coloured[rows] = torch.fft.irfft(spectrum, n=length)
    return coloured


def add_noise(waveforms: Tensor, probability: float, generator: Generator) -> Tensor:
    """Add noise between white and pink, 0 to 60 dB under the sound's power, to some clips."""
    length, device = waveforms.shape[1], waveforms.device
    rows = _chosen(len(waveforms), probability, generator, device).flatten()
    n_rows = int(rows.sum())
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


def mix(
    waveforms: Tensor, targets: Tensor, config: TrainConfig, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Mix some clips with others of the batch so that the target says what one hears.

    Source: Tokozume et al., "Learning from Between-class Examples for Deep Sound
    Recognition", ICLR 2018, equation 2, with the clips' r.m.s. for the loudness and
    r ~ Beta(mix_beta, mix_beta).
    """
    batch = len(waveforms)
    device = waveforms.device
    other = torch.randperm(batch, generator=generator, device=device)
    share = _beta(batch, config.mix_beta, generator, device).clamp(1e-3, 1 - 1e-3)
    difference_db = 20 * torch.log10(_rms(waveforms) / _rms(waveforms[other]))
    p = 1 / (1 + 10 ** (difference_db / 20) * (1 - share) / share)
    mixed = (p * waveforms + (1 - p) * waveforms[other]) / torch.sqrt(p**2 + (1 - p) ** 2)
    chosen = _chosen(batch, config.mix_probability, generator, device)
    soft = share * targets + (1 - share) * targets[other]
    return torch.where(chosen, mixed, waveforms), torch.where(chosen, soft, targets)


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


def _sounding_moment(waveforms: Tensor, generator: Generator) -> Tensor:
    """Return one sample index per clip, (batch, 1), drawn in proportion to amplitude."""
    blocks = waveforms.unfold(1, _ENERGY_BLOCK, _ENERGY_BLOCK).square().mean(-1).sqrt()
    index = torch.multinomial(blocks + 1e-6, 1, generator=generator)
    return index.float() * _ENERGY_BLOCK


def _rms(waveforms: Tensor) -> Tensor:
    return waveforms.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-6)


def _beta(count: int, b: float, generator: Generator, device: torch.device) -> Tensor:
    """Draw (count, 1) from Beta(b, b), as the share of two Gamma draws."""
    shape = torch.full((2, count, 1), b, device=device)
    first, second = torch._standard_gamma(shape, generator=generator)
    share: Tensor = first / (first + second).clamp_min(1e-12)
    return share


def _uniform(shape: tuple[int, ...], generator: Generator, device: torch.device) -> Tensor:
    return torch.rand(shape, generator=generator, device=device)


def _chosen(batch: int, probability: float, generator: Generator, device: torch.device) -> Tensor:
    return _uniform((batch, 1), generator, device) < probability
