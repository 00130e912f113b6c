"""The layers as users read about them: size, receptive field, meaning."""

from __future__ import annotations

from functools import lru_cache

from resona_core.config import FrontEndConfig, ModelConfig
from resona_core.network.model import AudioResNet, LayerInfo
from resona_core.results import LayerDescription
from resona_core.words import layer_meaning


@lru_cache(maxsize=8)
def describe(model: ModelConfig, front_end: FrontEndConfig) -> tuple[LayerDescription, ...]:
    """Return what each layer is on one window, in the order of execution; needs no weights."""
    infos = AudioResNet(model, empty=True).layer_infos()
    return tuple(_describe(info, front_end) for info in infos)


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
