"""What each change to the training clips looks and sounds like, on one sound."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from resona_core.config import FrontEndConfig, TrainConfig
from resona_core.network.front_end import frequencies_hz, times_s
from resona_core.network.spectrogram import LogMel
from resona_core.results import Spectrogram
from resona_core.training.fitting import augment

Floats = NDArray[np.float32]
_ALWAYS, _NEVER = 1.0, 0.0


@dataclass(frozen=True, eq=False)
class Example:
    """One change, done to a sound.

    Attributes
    ----------
    name, meaning : str
        Its name, and what it does in one sentence.
    share : float or None
        How many of the training clips are changed so, 0 to 1; None where that says nothing.
    samples : ndarray (sample,), float32
        To be heard; its level is the sound's own, and never above full scale.
    sample_rate_hz : int
    picture : Spectrogram
        What the network is shown.
    """

    name: str
    meaning: str
    share: float | None
    samples: Floats
    sample_rate_hz: int
    picture: Spectrogram

    def to_wav(self) -> bytes:
        """Return the sound as a 16-bit PCM WAV file."""
        file = io.BytesIO()
        soundfile.write(file, self.samples, self.sample_rate_hz, subtype="PCM_16", format="WAV")
        return file.getvalue()


Apply = Callable[[Tensor, Generator], Tensor]  # (2, sample) -> (2, sample)


@dataclass(frozen=True)
class _Change:
    name: str
    meaning: str
    share: float | None
    apply: Apply = lambda both, _: both
    masks: bool = False


@torch.inference_mode()
def examples(
    samples: Floats, partner: Floats, front_end: FrontEndConfig, recipe: TrainConfig, seed: int
) -> tuple[Example, ...]:
    """Return the sound as it is, each change of the recipe alone, and all of them by chance.

    Alone, a change is certain; how far it goes is drawn as in training.

    Parameters
    ----------
    samples, partner : ndarray (sample,), full scale -1 to 1
        One window of the sound, and one of the sound to mix it with.
    front_end : FrontEndConfig
        Its rate is that of both sounds.
    recipe : TrainConfig
    seed : int
        The same seed draws the same changes.
    """
    log_mel = LogMel(front_end)
    both = torch.from_numpy(np.stack([samples, partner]).astype(np.float32))
    rate_hz = front_end.sample_rate_hz
    changes = (_ORIGINAL, *_changes(rate_hz, recipe), _all_together(rate_hz, recipe))
    return tuple(
        _example(change, both, log_mel, recipe, Generator().manual_seed(1_000 * seed + index))
        for index, change in enumerate(changes)
    )


def _example(
    change: _Change, both: Tensor, log_mel: LogMel, recipe: TrainConfig, generator: Generator
) -> Example:
    sound = change.apply(both, generator)[0]
    decibels = log_mel.decibels(sound[None])[0]
    if change.masks:
        everywhere = torch.ones_like(decibels)[None, None]
        covered = augment.mask_pictures(everywhere, recipe, generator)[0, 0] == 0  # (mel, frame)
        decibels = decibels.masked_fill(covered, log_mel.config.mean_db)
        sound = _without(sound, covered, log_mel)
    picture = Spectrogram(
        decibels.numpy(), frequencies_hz(log_mel.config), times_s(log_mel.config, decibels.shape[1])
    )
    heard = (sound / sound.abs().max().clamp_min(1.0)).numpy()
    rate_hz = log_mel.config.sample_rate_hz
    return Example(change.name, change.meaning, change.share, heard, rate_hz, picture)


_ORIGINAL = _Change("Original", "The current sound, as the network receives it.", None)


def _changes(rate_hz: int, recipe: TrainConfig) -> tuple[_Change, ...]:
    """Return each change alone, and certain."""
    mixing = replace(recipe, mix_probability=_ALWAYS)
    coloured = replace(recipe, colour_probability=_ALWAYS)
    bright = replace(coloured, low_pass_probability=_NEVER)
    dark = replace(coloured, low_pass_probability=_ALWAYS, equaliser_db=0.0)
    fastest = max(1.0, recipe.speed_range)
    return (
        _Change(
            "Mixed", "Two sounds in a random proportion; the target is the same proportion of both "
            "classes.", recipe.mix_probability,
            lambda both, generator: _mixed(both, mixing, generator),
        ),
        _Change(
            "Rolled, faster or slower", "Looped from a random point, at "
            f"{1 / fastest:.2f} to {fastest:.2f} times the speed.", _ALWAYS,
            lambda both, generator: augment.roll_and_speed(both, recipe, generator),
        ),
        _Change(
            "Gap", "20 to 60 % of the clip is silenced.", recipe.gap_probability,
            lambda both, generator: augment.silence_part(both, _ALWAYS, generator),
        ),
        _Change(
            "Room", "Echoes that decay within 0.1 to 1.2 s, 0 to 20 dB below the sound.",
            recipe.room_probability,
            lambda both, generator: augment.reverberate(both, rate_hz, _ALWAYS, generator),
        ),
        _Change(
            "Equaliser", f"A smooth random gain over frequency, up to {recipe.equaliser_db:g} dB "
            "either way, as from another microphone.", recipe.colour_probability,
            lambda both, generator: augment.colour(both, rate_hz, bright, generator),
        ),
        _Change(
            "Low-pass", "Everything above a random frequency is removed, as in an old recording or "
            "on a telephone.", recipe.colour_probability * recipe.low_pass_probability,
            lambda both, generator: augment.colour(both, rate_hz, dark, generator),
        ),
        _Change(
            "Noise", "White to pink noise, 0 to 60 dB below the sound.",
            recipe.noise_probability,
            lambda both, generator: augment.add_noise(both, _ALWAYS, generator),
        ),
        _Change(
            "Masks", "Random frequency bands and time spans are replaced by the mean level; in the "
            "audio they are silent.", _ALWAYS, masks=True,
        ),
    )  # fmt: skip


def _all_together(rate_hz: int, recipe: TrainConfig) -> _Change:
    """Return one draw as in training: each change with its own probability."""

    def apply(both: Tensor, generator: Generator) -> Tensor:
        return augment.augment_waveforms(both, torch.eye(2), rate_hz, recipe, generator).waveforms

    meaning = "One random draw as in training: each change with its own probability."
    return _Change("All together", meaning, None, apply, masks=True)


def _mixed(both: Tensor, recipe: TrainConfig, generator: Generator) -> Tensor:
    """Mix the two sounds; mixing shuffles its batch, so draw until the first meets the second."""
    while True:
        mixing = augment.draw_mixing(both, recipe, generator)
        if mixing.other[0] == 1:
            return mixing.of(both)


def _without(samples: Tensor, covered: Tensor, log_mel: LogMel) -> Tensor:
    """Take the covered cells (mel, frame) out of a sound, with its own phase for the rest."""
    n_fft, hop_length = log_mel.config.n_fft, log_mel.config.hop_length
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(samples, n_fft, hop_length, window=window, return_complex=True)
    bins_hz = np.fft.rfftfreq(n_fft, 1 / log_mel.config.sample_rate_hz)
    mels = np.interp(bins_hz, frequencies_hz(log_mel.config), np.arange(len(covered))).round()
    kept = spectrum * ~covered[torch.from_numpy(mels.astype(np.int64))]
    return torch.istft(kept, n_fft, hop_length, window=window, length=len(samples))
