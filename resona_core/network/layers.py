"""The layers as users read about them: size, receptive field, meaning, their cells' Hz and s."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.network.model import LayerInfo
from resona_core.network.spectrogram import LogMel
from resona_core.results import LayerDescription, LayerMaps
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


def on_axes(layer: str, maps: NDArray[np.float32], stride: int, front_end: LogMel) -> LayerMaps:
    """Give a layer's cells their Hz and seconds: cell i is centred on input cell i * stride."""
    frequency_hz = front_end.frequencies_hz()[::stride][: maps.shape[1]]
    return LayerMaps(layer, maps, frequency_hz, front_end.times_s()[::stride])
