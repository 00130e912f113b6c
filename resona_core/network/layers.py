"""The layers as users read about them: size, receptive field, meaning."""

from __future__ import annotations

from collections.abc import Iterable

from resona_core.config import FrontEndConfig
from resona_core.network.model import LayerInfo
from resona_core.results import LayerDescription
from resona_core.words import layer_meaning


def describe(
    layers: Iterable[LayerInfo], front_end: FrontEndConfig
) -> tuple[LayerDescription, ...]:
    """Return what each layer is on one window of this front end, in their order."""
    return tuple(_describe(layer, front_end) for layer in layers)


def _describe(layer: LayerInfo, front_end: FrontEndConfig) -> LayerDescription:
    step_s = front_end.hop_length / front_end.sample_rate_hz
    return LayerDescription(
        name=layer.name,
        channels=layer.channels,
        height=-(-front_end.n_mels // layer.stride),
        width=-(-front_end.n_frames // layer.stride),
        parameters=layer.parameters,
        receptive_field_mels=layer.receptive_field,
        receptive_field_s=(layer.receptive_field - 1) * step_s
        + front_end.n_fft / front_end.sample_rate_hz,
        meaning=layer_meaning(layer.name),
    )
