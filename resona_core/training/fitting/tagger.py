"""A network that tags AudioSet's 527 kinds of sound: the teacher of :mod:`.teaching`.

MobileNetV3 of any width, with the front end it was learnt with. The weights are EfficientAT's
(MIT licence), read from the file that its authors publish or from safetensors.

Source: Schmid et al., "Efficient large-scale audio tagging via transformer-to-CNN knowledge
distillation", ICASSP 2023; Howard et al., "Searching for MobileNetV3", 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchaudio.compliance.kaldi import get_mel_banks
from torchaudio.transforms import Spectrogram

from resona_core.errors import CheckpointError

SAMPLE_RATE_HZ = 32_000
_PRE_EMPHASIS = 0.97
_NO_WARPING = (100.0, -500.0, 1.0)  # of the vocal tract: by 1, between Kaldi's usual limits
_N_TAGS = 527
_WIDEST = 160  # channels of the last stage at width 1


class _Block(NamedTuple):
    """One row of the architecture's table, at width 1."""

    kernel: int
    expanded: int
    channels: int
    squeeze: bool
    hard: bool  # hardswish, not ReLU
    stride: int


_BLOCKS = (
    _Block(3, 16, 16, False, False, 1),
    _Block(3, 64, 24, False, False, 2),
    _Block(3, 72, 24, False, False, 1),
    _Block(5, 72, 40, True, False, 2),
    _Block(5, 120, 40, True, False, 1),
    _Block(5, 120, 40, True, False, 1),
    _Block(3, 240, 80, False, True, 2),
    _Block(3, 200, 80, False, True, 1),
    _Block(3, 184, 80, False, True, 1),
    _Block(3, 184, 80, False, True, 1),
    _Block(3, 480, 112, True, True, 1),
    _Block(3, 672, 112, True, True, 1),
    _Block(5, 672, 160, True, True, 2),
    _Block(5, 960, 160, True, True, 1),
    _Block(5, 960, 160, True, True, 1),
)


class TaggerFrontEnd(nn.Module):
    """Waveforms of any rate -> the pictures the tagger was learnt with.

    Pre-emphasis, 25 ms windows every 10 ms, 128 Kaldi mel banks up to 15 kHz, logarithm. It was
    learnt on clips at full scale, and the level matters.

    Parameters
    ----------
    sample_rate_hz : int
        Of the waveforms it will be given.
    """

    filters: Tensor

    def __init__(self, sample_rate_hz: int) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        self.power = Spectrogram(
            n_fft=1024,
            win_length=800,
            hop_length=320,
            window_fn=lambda n: torch.hann_window(n, periodic=False),
        )
        banks, _ = get_mel_banks(128, 1024, SAMPLE_RATE_HZ, 0.0, 15_000.0, *_NO_WARPING)
        self.register_buffer("filters", nn.functional.pad(banks, (0, 1)), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return (batch, 1, 128, frame), a frame every 10 ms, for (batch, sample)."""
        sound = resample_cyclic(waveform, self.sample_rate_hz, SAMPLE_RATE_HZ)
        sound = sound[:, 1:] - _PRE_EMPHASIS * sound[:, :-1]
        mel = torch.matmul(self.filters, self.power(sound))  # (batch, mel, frame)
        pictures = (torch.log(mel + 1e-5) + 4.5) / 5.0
        return pictures[:, None]


def resample_cyclic(waveform: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Return (batch, sample) at another rate, by cutting or padding the spectrum of the loop."""
    if from_hz == to_hz:
        return waveform
    length = waveform.shape[1]
    wanted = round(length * to_hz / from_hz)
    spectrum = torch.fft.rfft(waveform)[:, : wanted // 2 + 1]
    resampled: Tensor = torch.fft.irfft(spectrum, n=wanted) * (wanted / length)
    return resampled


class AudioTagger(nn.Module):
    """MobileNetV3-Large for one-channel pictures, named as in EfficientAT's files.

    Parameters
    ----------
    width : float
        Multiplies every layer's channels, which are then rounded to multiples of 8.
    """

    def __init__(self, width: float) -> None:
        super().__init__()
        channels = _rounded(16 * width)
        layers: list[nn.Module] = [_convolution(1, channels, 3, 2, nn.Hardswish())]
        for row in _BLOCKS:
            layers.append(_InvertedResidual(channels, row, width))
            channels = _rounded(row.channels * width)
        self.n_features, self.n_tags = 6 * channels, _N_TAGS
        layers.append(_convolution(channels, self.n_features, 1, 1, nn.Hardswish()))
        self.features = nn.Sequential(*layers)
        hidden = _rounded(1280 * width)
        self.classifier = nn.Sequential(
            nn.Identity(), nn.Identity(), nn.Linear(self.n_features, hidden), nn.Hardswish(),
            nn.Dropout(0.2), nn.Linear(hidden, _N_TAGS),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features (batch, `n_features`) and the logits of the tags (batch, 527)."""
        features = self.features(pictures).mean(dim=(2, 3))
        return features, self.classifier(features)


class _InvertedResidual(nn.Module):
    """Widen, filter each channel by itself, weigh the channels, narrow; and a way around."""

    def __init__(self, channels_in: int, row: _Block, width: float) -> None:
        super().__init__()
        expanded, channels = _rounded(row.expanded * width), _rounded(row.channels * width)
        activation = nn.Hardswish if row.hard else nn.ReLU
        layers: list[nn.Module] = []
        if expanded != channels_in:
            layers.append(_convolution(channels_in, expanded, 1, 1, activation()))
        layers.append(
            _convolution(expanded, expanded, row.kernel, row.stride, activation(), groups=expanded)
        )
        if row.squeeze:
            layers.append(_SqueezeExcitation(expanded))
        layers.append(_convolution(expanded, channels, 1, 1, None))
        self.block = nn.Sequential(*layers)
        self.is_residual = row.stride == 1 and channels_in == channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, mel, frame) to the row's channels and stride."""
        inner: Tensor = self.block(x)
        return x + inner if self.is_residual else inner


class _SqueezeExcitation(nn.Module):
    """Scale every channel by what the means of all of them suggest.

    The list around the one member keeps the names of the published weights.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = _rounded(channels / 4)
        layers = {"fc1": nn.Linear(channels, squeezed), "fc2": nn.Linear(squeezed, channels)}
        self.conc_se_layers = nn.ModuleList([nn.ModuleDict(layers)])

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, mel, frame) to the same shape."""
        inner = self.conc_se_layers[0]
        assert isinstance(inner, nn.ModuleDict)
        means = x.mean(dim=(2, 3))
        scale = torch.sigmoid(inner["fc2"](torch.relu(inner["fc1"](means))))
        return x * scale[:, :, None, None]


def load_tagger(path: Path) -> AudioTagger:
    """Read weights, .safetensors or the published .pt; the width follows from their shapes.

    Raises
    ------
    CheckpointError
        If the file is missing, is neither, or holds another network.
    """
    weights = _read(path)
    try:
        tagger = AudioTagger(weights["features.16.0.weight"].shape[1] / _WIDEST)
        tagger.load_state_dict(dict(weights))
    except (LookupError, TypeError, AttributeError, RuntimeError):  # whatever else was stored
        raise CheckpointError(
            f"{path.name} does not hold a network of EfficientAT's mn family; "
            "give mn04_as, mn10_as or another of it."
        ) from None
    return tagger.eval().requires_grad_(False)


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"There is no teacher at {path}; give its .safetensors or .pt file.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return weights
    except Exception:  # the bytes of another file lead the unpickler to errors of any kind
        raise CheckpointError(
            f"{path.name} is not a plain weights file and was not read; download it again."
        ) from None


def _convolution(
    channels_in: int, channels: int, kernel: int, stride: int, activation: nn.Module | None,
    groups: int = 1,
) -> nn.Sequential:  # fmt: skip
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01),
    ]
    return nn.Sequential(*layers, *([activation] if activation else []))


def _rounded(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8 and no more than a tenth down."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
