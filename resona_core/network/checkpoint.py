"""One file that rebuilds a classifier: safetensors weights with a JSON description inside.

:mod:`resona_core.network.description` and :mod:`resona_core.network.weights` read it without
torch; here it becomes torch's network, and is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from resona_core.errors import CheckpointError
from resona_core.network.description import HEADER_KEY, CheckpointInfo
from resona_core.network.model import AudioResNet
from resona_core.network.spectrogram import LogMel
from resona_core.network.weights import Weights
from resona_core.whole import whole_file


class Classifier(nn.Module):
    """Front end and network in one: waveform windows in, logits out."""

    def __init__(self, info: CheckpointInfo, network: AudioResNet | None = None) -> None:
        super().__init__()
        self.info = info
        self.front_end = LogMel(info.front_end)
        self.network = network or AudioResNet(info.model)

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (window, class), before the temperature, for (window, sample)."""
        logits: Tensor = self.network(self.front_end(windows))
        return logits

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return softmax(logits / temperature), (window, class)."""
        return torch.softmax(logits.float() / self.info.temperature, dim=-1)


def save(path: Path, info: CheckpointInfo, weights: Mapping[str, Tensor]) -> None:
    """Write `weights` of an :class:`AudioResNet` as fp16, with `info` in the header.

    Raises
    ------
    CheckpointError
        If some are no numbers, or beyond what fp16 holds.
    """
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().cpu()
        for name, tensor in weights.items()
    }
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise CheckpointError(
                f"{path.name}: the weights {name} are no numbers (NaN or infinite); the training "
                "failed: train again."
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        part.write_bytes(to_bytes(tensors, metadata={HEADER_KEY: info.to_json()}))


def load(path: Path, device: torch.device | str = "cpu") -> Classifier:
    """Rebuild the classifier, in eval mode, float32.

    Raises
    ------
    CheckpointError
        As :class:`resona_core.network.weights.Weights`.
    """
    weights = Weights(path)
    network = AudioResNet(weights.info.model, empty=True)
    expected = network.state_dict()
    network.load_state_dict(
        {name: torch.from_numpy(weights[name]).to(expected[name].dtype) for name in weights},
        assign=True,
    )
    return Classifier(weights.info, network).to(device).eval().requires_grad_(False)
