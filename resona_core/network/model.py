"""The network: a 34-layer residual net that looks at one log-mel picture.

Attributes stand in the order of execution. Nothing here uses forward hooks: one model
serves many threads, and :meth:`AudioResNet.forward_intermediates` hands out any of the
17 named layers without shared state.

Source: He et al., "Deep Residual Learning for Image Recognition", 2015 (ResNet-34), with one
input channel, and dropout before the last linear layer.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.config import ModelConfig
from resona_core.network.layers import LayerInfo, check_layers, layer_infos


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a way around them: ``relu(x' + conv(relu(conv(x))))``."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels_in, mel, frame) to (batch, channels_out, mel/s, frame/s)."""
        inner = F.relu(self.bn1(self.conv1(x)), inplace=True)
        inner = self.bn2(self.conv2(inner))
        return F.relu(inner + self.shortcut(x), inplace=True)


class AudioResNet(nn.Module):
    """ResNet-34 for one-channel pictures.

    Parameters
    ----------
    config : ModelConfig
        Blocks and channels per stage, classes, dropout.
    empty : bool
        Make the shapes only, on the "meta" device: stored weights are to be put in their place.
    """

    def __init__(self, config: ModelConfig | None = None, empty: bool = False) -> None:
        super().__init__()
        self.config = config or ModelConfig()
        with torch.device("meta") if empty else nullcontext():
            self._build(self.config)
        if not empty:
            self._initialise()

    def _build(self, config: ModelConfig) -> None:
        """Make the layers in the order of execution."""
        width = config.channels[0]
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        for stage, (count, channels) in enumerate(
            zip(config.blocks, config.channels, strict=True), start=1
        ):
            blocks = [
                ResidualBlock(width, channels, stride=1 if stage == 1 else 2)
                if i == 0
                else ResidualBlock(channels, channels, stride=1)
                for i in range(count)
            ]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
            width = channels
        self.dropout = nn.Dropout(config.dropout)
        self.fc = nn.Linear(width, config.n_classes)
        if config.n_kinds:
            self.kinds = nn.Linear(width, config.n_kinds)

    def _initialise(self) -> None:
        """Kaiming for convolutions; each block starts as the identity (zero last gain)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, ResidualBlock):
                nn.init.zeros_(module.bn2.weight)

    def _layers(self) -> dict[str, nn.Module]:
        """Return the named layers in the order of execution."""
        layers: dict[str, nn.Module] = {"stem": self.stem}
        for stage, count in enumerate(self.config.blocks, start=1):
            sequence = self.get_submodule(f"layer{stage}")
            layers |= {f"layer{stage}.{i}": sequence.get_submodule(str(i)) for i in range(count)}
        return layers

    @property
    def layer_names(self) -> tuple[str, ...]:
        """``stem``, ``layer1.0`` ... ``layer4.2``: everything that can be pictured."""
        return tuple(self._layers())

    def forward_intermediates(
        self, x: Tensor, names: Collection[str] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run the trunk and keep the outputs of chosen layers.

        Parameters
        ----------
        x : Tensor (batch, 1, mel, frame)
            Normalised log-mel pictures.
        names : collection of str, optional
            Layer names; all of them when None.

        Returns
        -------
        features : Tensor (batch, channel, mel, frame)
            The last layer's output.
        intermediates : dict of str to Tensor (batch, channel, mel, frame), each >= 0

        Raises
        ------
        RequestError
            If a name is not one of :attr:`layer_names`.
        """
        layers = self._layers()
        wanted = layers if names is None else names
        check_layers(wanted, layers)
        kept: dict[str, Tensor] = {}
        for name, layer in layers.items():
            x = layer(x)
            if name in wanted:
                kept[name] = x
        return x, kept

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the last layer's output, (batch, channel, mel, frame)."""
        return self.forward_intermediates(x, ())[0]

    def embedding(self, features: Tensor) -> Tensor:
        """Return the numbers before the last layer, (batch, 512): each channel's average."""
        return F.adaptive_avg_pool2d(features, 1).flatten(1)

    def forward_head(self, features: Tensor) -> Tensor:
        """Return logits (batch, class) for :meth:`forward_features`' output."""
        logits: Tensor = self.fc(self.dropout(self.embedding(features)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, class) for (batch, 1, mel, frame) pictures."""
        return self.forward_head(self.forward_features(x))

    def layer_infos(self) -> tuple[LayerInfo, ...]:
        """Return each layer's channels, parameters, stride and receptive field, in order."""
        return layer_infos(self.config)
