"""The layers as users read about them: size, receptive field, meaning."""

from __future__ import annotations

from resona_core.config import FrontEndConfig
from resona_core.network.model import LayerInfo
from resona_core.results import LayerDescription
from resona_core.words import layer_meaning


def describe(layer: LayerInfo, front_end: FrontEndConfig) -> LayerDescription:
    """Return what a layer is on one window of this front end."""
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
