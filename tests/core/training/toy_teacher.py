"""Toys of the tests of teaching: a tagger whose features tell sounds apart, a stub, two recipes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from resona_core.config import TrainConfig
from resona_core.training.data.clips import ClipSet
from resona_core.training.fitting.tagger import AudioTagger, TaggerFrontEnd
from resona_core.training.fitting.teaching import Lesson

RATE_HZ = 16_000
TONES_HZ = (300.0, 1_200.0, 5_000.0)

MIXED = TrainConfig(batch_size=6, others_share=1 / 3, mix_probability=0.6, seed=5)
PLAIN = TrainConfig(
    batch_size=6, others_share=1 / 3, label_smoothing=0.0, mix_probability=0.0, roll=False,
    speed_range=1.0, colour_probability=0.0, noise_probability=0.0, gap_probability=0.0,
    room_probability=0.0, frequency_masks=0, time_masks=0, synthetic_share=0.0, seed=5,
)  # fmt: skip


class Stub(nn.Module):
    """A teacher that says the same of all but a batch's last two, and notes what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Tensor] = []

    def forward(self, waveforms: Tensor) -> Lesson:
        self.heard.append(waveforms.clone())
        probabilities = torch.tensor([0.2, 0.3, 0.5]).repeat(len(waveforms), 1)
        probabilities[-2:] = 1 / 3
        return Lesson(probabilities, torch.arange(7.0).repeat(len(waveforms), 1))


def toy_tagger() -> AudioTagger:
    """Return a tenth of the width with random weights, the same every time.

    Its batch normalisations know the statistics of noises of many levels: with those of a fresh
    network every layer would be fainter than the one before, and all sounds alike.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tagger = AudioTagger(0.1)
        levels = torch.logspace(-3, 0, 8)[:, None]
        pictures = TaggerFrontEnd(RATE_HZ)(levels * torch.randn(8, RATE_HZ))
        for layer in tagger.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 1.0
        with torch.no_grad():
            tagger.train()(pictures)
        for layer in tagger.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 0.01
    return tagger.eval().requires_grad_(False)


def write_toy(path: Path) -> Path:
    """Write the toy's weights as safetensors."""
    save_file(toy_tagger().state_dict(), path)
    return path


def tones(
    tone: Callable[..., NDArray[np.float32]], count: int = 9, duration_s: float = 1.0
) -> ClipSet:
    """Return clips of three tones in turn, in some noise."""
    targets = torch.arange(count) % 3
    sounds = torch.stack(
        [torch.from_numpy(tone(TONES_HZ[i], RATE_HZ, duration_s)) for i in targets]
    )
    return ClipSet(_int16(sounds + 0.02 * _white(sounds.shape, seed=1)), targets)


def noises(count: int = 6) -> ClipSet:
    """Return clips of a second of no class: white noise, of the kinds 1 to 3 in turn."""
    return ClipSet(_int16(0.3 * _white((count, RATE_HZ), seed=2)), torch.arange(count) % 3 + 1)


def _white(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _int16(sounds: Tensor) -> Tensor:
    return (sounds.clamp(-1, 1) * 20_000).short()
