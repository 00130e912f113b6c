"""A small trained network that draws the mask: what of a picture a class rests on.

It sees what the classifier sees of the whole sound, a layer of each stage, and the class that is
asked about; it never sees the gradients of the sound at hand, so it cannot draw a mask that fools
the classifier. It belongs to the weights it was trained with, and names them by their digest.

Source: Paissan et al., "Listenable maps for audio classifiers", ICML 2024 (a decoder on the
classifier's layers, trained to be faithful). Ours differs: the class is an input of its own, in the
form of its row of the last layer, and the mask is drawn over the mel picture.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.config import ModelConfig
from resona_core.errors import CheckpointError, RequestError
from resona_core.network.model import AudioResNet
from resona_core.network.weights import digest_of
from resona_core.whole import whole_file

_HEADER_KEY = "resona-masker"
_WIDTH = 64  # channels within
_CODE = 32  # numbers that stand for a class
_STEEPNESS, _MIDDLE = 4.0, 0.5  # of the mask that Grad-CAM gives, from which the masker starts


@dataclass(frozen=True)
class MaskerInfo:
    """What a masker's file says about it.

    Attributes
    ----------
    weights : str
        Digest of the classifier's weights it belongs to; see :func:`weights_digest`.
    folds : tuple of int
        The folds it was trained on.
    learnt : str
        Digests of the clips it learnt from, as in a checkpoint.
    epochs, seed : int
        Of its training.
    """

    weights: str
    folds: tuple[int, ...]
    learnt: str
    epochs: int
    seed: int

    def to_json(self) -> str:
        """Return what stands in the file's header."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> MaskerInfo:
        """Read a header; raise ValueError or TypeError for any other text."""
        values = json.loads(text)
        return cls(**{**values, "folds": tuple(values["folds"])})


class Masker(nn.Module):
    """Draws masks for one architecture of classifier, whatever its classes.

    Parameters
    ----------
    model : ModelConfig
        Of the classifier.
    """

    def __init__(self, model: ModelConfig) -> None:
        super().__init__()
        self.layers = stage_ends(model)
        self.code = nn.Linear(model.channels[-1], _CODE)
        self.views = nn.ModuleList(nn.Conv2d(n, _WIDTH, 1) for n in model.channels)
        self.scales = nn.ModuleList(nn.Linear(_CODE, _WIDTH) for _ in model.channels)
        self.mixes = nn.ModuleList(
            nn.Conv2d(_WIDTH + (stage == 0), _WIDTH, 3, padding=1)
            for stage in range(len(model.channels))
        )
        self.last = nn.Conv2d(_WIDTH, 1, 1)
        for parameter in self.last.parameters():  # at first it draws Grad-CAM
            nn.init.zeros_(parameter)

    def forward(self, stages: list[Tensor], rows: Tensor) -> Tensor:
        """Return the mask's log-odds on the cells of the first stage.

        Parameters
        ----------
        stages : list of Tensor (batch, channel, mel, frame)
            The outputs of `layers`.
        rows : Tensor (batch, channel of the last stage)
            The asked classes' rows of the classifier's last layer.

        Returns
        -------
        Tensor (batch, 1, mel, frame)
        """
        rows = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-9)
        shape = stages[0].shape[2:]
        seen = _to_size(class_map(stages[-1], rows), shape)
        code = F.relu(self.code(rows * rows.shape[1] ** 0.5))
        x: Tensor | None = None
        for stage in reversed(range(len(stages))):
            scale = self.scales[stage](code)[:, :, None, None]
            view = self.views[stage](torch.log1p(stages[stage])) * (1 + scale)
            x = view if x is None else view + _to_size(x, view.shape[2:])
            inner = torch.cat([x, seen], dim=1) if stage == 0 else x
            x = x + F.relu(self.mixes[stage](F.relu(inner)))
        assert x is not None
        log_odds: Tensor = _STEEPNESS * (seen - _MIDDLE) + self.last(x)
        return log_odds


def stage_ends(model: ModelConfig) -> tuple[str, ...]:
    """Return the last layer of each stage.

    Examples
    --------
    >>> stage_ends(ModelConfig(blocks=(3, 4, 6, 3)))
    ('layer1.2', 'layer2.3', 'layer3.5', 'layer4.2')
    """
    return tuple(f"layer{stage}.{count - 1}" for stage, count in enumerate(model.blocks, start=1))


def class_map(last: Tensor, rows: Tensor) -> Tensor:
    """Return Grad-CAM at the last layer, (batch, 1, mel, frame), 0 to 1.

    After the last layer the network only averages and weighs, so the gradient is the class's row.
    """
    found = torch.einsum("bcmf,bc->bmf", last, rows)[:, None].clamp_min(0)
    return found / found.amax(dim=(2, 3), keepdim=True).clamp_min(1e-9)


def _to_size(x: Tensor, shape: torch.Size) -> Tensor:
    return F.interpolate(x, size=tuple(shape), mode="bilinear", align_corners=False)


def weights_digest(network: nn.Module) -> str:
    """Return 12 hexadecimal digits that name a network's or masker's weights, as fp16."""
    return digest_of(
        {
            name: tensor.detach().cpu().half().numpy()
            for name, tensor in network.state_dict().items()
            if tensor.is_floating_point()
        }
    )


def save_masker(path: Path, masker: Masker, info: MaskerInfo) -> None:
    """Write a masker as fp16, with `info` in the header."""
    tensors = {name: tensor.half().contiguous() for name, tensor in masker.state_dict().items()}
    header = {_HEADER_KEY: info.to_json()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        part.write_bytes(to_bytes(tensors, metadata=header))


def load_masker(path: Path, network: AudioResNet) -> tuple[Masker, MaskerInfo]:
    """Read the masker of a network, in eval mode, float32, on its device.

    Raises
    ------
    RequestError
        If there is none.
    CheckpointError
        If the file is none, or it belongs to other weights.
    """
    cure = "make one with `python -m resona_core train-masker`"
    if not path.is_file():
        raise RequestError(
            f"The method mask needs a masker trained with these weights, and there is none at "
            f"{path}; {cure}, or ask another method."
        )
    try:
        with safe_open(path, framework="pt") as file:
            info = MaskerInfo.from_json((file.metadata() or {})[_HEADER_KEY])
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        found = weights_digest(network)
        if info.weights != found:
            raise CheckpointError(
                f"{path.name} was trained with the weights {info.weights}, and these are {found}; "
                f"{cure}, or ask another method."
            )
        masker = Masker(network.config)
        masker.load_state_dict(weights)
    except (SafetensorError, LookupError, TypeError, ValueError, RuntimeError):
        raise CheckpointError(
            f"{path.name} is no masker that this version of the program reads; {cure}."
        ) from None
    device = network.fc.weight.device
    return masker.to(device).eval().requires_grad_(False), info
