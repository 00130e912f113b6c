"""Which numbers a device multiplies fastest, and a copy of the network that uses them."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from resona_core.network.model import AudioResNet, ResidualBlock


def has_fast_bf16(device: torch.device) -> bool:
    """Tell whether bf16 pays: on GPUs and CPUs that multiply it; elsewhere it is slower.

    Asked, not timed: a run that goes on must take the precision it began with.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # older ones emulate it
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def fast_copy(network: AudioResNet) -> AudioResNet:
    """Return a copy with its norms folded, in bf16 where that pays: for many passes in a row.

    Its answers differ from the network's in the third digit; gradients pass through it.
    """
    copy = deepcopy(network).eval().requires_grad_(False)
    for module in copy.modules():
        if isinstance(module, ResidualBlock):
            _fold(module, "conv1", "bn1")
            _fold(module, "conv2", "bn2")
            if isinstance(module.shortcut, nn.Sequential):
                _fold(module.shortcut, "0", "1")
    _fold(copy.stem, "0", "1")
    if has_fast_bf16(copy.fc.weight.device):
        copy = copy.bfloat16()
    return copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return] # untyped


def _fold(parent: nn.Module, convolution: str, norm: str) -> None:
    """Fold a norm's scale and offset into the convolution before it."""
    conv, bn = parent.get_submodule(convolution), parent.get_submodule(norm)
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d)
    setattr(parent, convolution, fuse_conv_bn_eval(conv, bn).requires_grad_(False))
    setattr(parent, norm, nn.Identity())
