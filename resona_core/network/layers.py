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
