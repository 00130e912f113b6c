"""The layers: their names, size and receptive field, meaning, their cells' Hz and s.

Importing this loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig, ModelConfig
from resona_core.errors import RequestError
from resona_core.network.front_end import frequencies_hz, times_s
from resona_core.network.weights import weight_shapes
from resona_core.results import LayerDescription, LayerMaps
from resona_core.words import layer_meaning


@dataclass(frozen=True)
class LayerInfo:
    """What is known of a layer before any sound: its geometry on the picture.

    `stride` and `receptive_field` count input cells (mel bins and frames alike).
    """

    name: str
    channels: int
    parameters: int
    stride: int
    receptive_field: int


def layer_infos(model: ModelConfig) -> tuple[LayerInfo, ...]:
    """Return each layer's channels, parameters, stride and receptive field, in order."""
    stride, field = 4, 11  # stem: 7x7/2 sees 7 cells, then 3x3/2 adds 2 steps of 2
    infos = [LayerInfo("stem", model.channels[0], _parameters(model, "stem"), stride, field)]
    for stage, (count, channels) in enumerate(
        zip(model.blocks, model.channels, strict=True), start=1
    ):
        for block in range(count):
            first = 2 if block == 0 and stage > 1 else 1
            field += 2 * stride + 2 * stride * first
            stride *= first
            name = f"layer{stage}.{block}"
            infos.append(LayerInfo(name, channels, _parameters(model, name), stride, field))
    return tuple(infos)


def _parameters(model: ModelConfig, layer: str) -> int:
    """Return how many numbers a layer has learnt, its running statistics not counted."""
    return sum(
        math.prod(shape)
        for name, shape in weight_shapes(model).items()
        if name.startswith(f"{layer}.") and name.endswith((".weight", ".bias"))
    )


def check_layers(wanted: Collection[str], known: Collection[str]) -> None:
    """Raise RequestError unless every layer in `wanted` is one of `known`."""
    if unknown := sorted(set(wanted) - set(known)):
        raise RequestError(
            f"There is no layer {', '.join(unknown)}; the layers are {', '.join(known)}."
        )


def describe(
    layers: Iterable[LayerInfo], front_end: FrontEndConfig
) -> tuple[LayerDescription, ...]:
    """Return what each layer is on one window of this front end, in their order."""
    return tuple(_describe(layer, front_end) for layer in layers)


def _describe(layer: LayerInfo, front_end: FrontEndConfig) -> LayerDescription:
    rate_hz, field = front_end.sample_rate_hz, layer.receptive_field
    sees_s = ((field - 1) * front_end.hop_length + front_end.n_fft) / rate_hz
    return LayerDescription(
        name=layer.name,
        channels=layer.channels,
        height=-(-front_end.n_mels // layer.stride),
        width=-(-front_end.n_frames // layer.stride),
        parameters=layer.parameters,
        receptive_field_mels=min(field, front_end.n_mels),
        receptive_field_s=min(sees_s, front_end.window_s),
        meaning=layer_meaning(layer.name),
    )


def on_axes(layer: LayerInfo, maps: NDArray[np.float32], front_end: FrontEndConfig) -> LayerMaps:
    """Give a layer's cells their Hz and seconds: cell i is centred on input cell i * stride."""
    frequency_hz, time_s = frequencies_hz(front_end), times_s(front_end)
    return LayerMaps(layer.name, maps, frequency_hz[:: layer.stride], time_s[:: layer.stride])
