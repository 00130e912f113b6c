"""The layers' geometry, as counted by hand, on a small picture."""

from __future__ import annotations

import numpy as np
import pytest

from resona_core.config import FrontEndConfig, ModelConfig
from resona_core.errors import RequestError
from resona_core.network.layers import LayerInfo, check_layers, describe, layer_infos, on_axes
from resona_core.words import layer_meaning

SMALL = FrontEndConfig(
    sample_rate_hz=1_000, window_s=0.9, n_fft=64, hop_length=20, n_mels=20, f_max_hz=500.0
)  # 900 samples: 46 frames


def test_the_34_layers_see_as_many_cells_as_the_published_ones() -> None:
    """Each 3x3 convolution sees 2 steps of its input's stride more; the stem 7 + 2 * 2."""
    infos = layer_infos(ModelConfig())
    assert [(info.name, info.stride, info.receptive_field) for info in infos] == [
        ("stem", 4, 11),
        ("layer1.0", 4, 27), ("layer1.1", 4, 43), ("layer1.2", 4, 59),
        ("layer2.0", 8, 83), ("layer2.1", 8, 115), ("layer2.2", 8, 147), ("layer2.3", 8, 179),
        ("layer3.0", 16, 227), ("layer3.1", 16, 291), ("layer3.2", 16, 355),
        ("layer3.3", 16, 419), ("layer3.4", 16, 483), ("layer3.5", 16, 547),
        ("layer4.0", 32, 643), ("layer4.1", 32, 771), ("layer4.2", 32, 899),
    ]  # fmt: skip


def test_channels_and_parameters_are_those_of_each_layer() -> None:
    infos = layer_infos(ModelConfig(n_classes=2, blocks=(1, 2), channels=(3, 5), n_kinds=2))
    expected = [
        ("stem", 3, 7 * 7 * 3 + 2 * 3),
        ("layer1.0", 3, 2 * (9 * 3 * 3 + 2 * 3)),
        ("layer2.0", 5, 9 * 3 * 5 + 9 * 5 * 5 + 3 * 5 + 3 * 2 * 5),  # and a way around, 1x1
        ("layer2.1", 5, 2 * (9 * 5 * 5 + 2 * 5)),
    ]
    assert [(info.name, info.channels, info.parameters) for info in infos] == expected


def test_only_layers_that_there_are_may_be_asked_for() -> None:
    check_layers([], ["stem"])
    check_layers(["b", "a"], ["a", "b", "c"])
    with pytest.raises(RequestError, match=r"^There is no layer x, z; the layers are a, b\.$"):
        check_layers({"z", "a", "x"}, ["a", "b"])


def test_a_layer_is_described_on_one_window() -> None:
    layers = [LayerInfo("stem", 3, 153, 4, 11), LayerInfo("layer4.1", 7, 99, 8, 60)]
    near, far = describe(layers, SMALL)
    assert (near.name, near.channels, near.parameters) == ("stem", 3, 153)
    assert near.meaning == layer_meaning("stem") != far.meaning
    # 20 mels and 46 frames, every fourth and every eighth, begun ones counted
    assert [(each.height, each.width) for each in (near, far)] == [(5, 12), (3, 6)]
    # 11 frames span 10 steps of 20 samples, and a Fourier window of 64
    assert (near.receptive_field_mels, near.receptive_field_s) == (11, pytest.approx(0.264))
    assert (far.receptive_field_mels, far.receptive_field_s) == (20, 0.9)  # the whole window


def test_every_cell_is_centred_on_the_input_cell_that_its_stride_leads_to() -> None:
    maps = np.zeros((3, 5, 12), np.float32)
    cells = on_axes(LayerInfo("stem", 3, 153, 4, 11), maps, SMALL)
    every = on_axes(LayerInfo("input", 1, 0, 1, 1), np.zeros((1, 20, 46), np.float32), SMALL)
    assert (cells.layer, cells.maps is maps) == ("stem", True)
    np.testing.assert_array_equal(cells.frequency_hz, every.frequency_hz[[0, 4, 8, 12, 16]])
    np.testing.assert_allclose(cells.time_s, np.arange(12) * 0.08)
    assert (len(every.frequency_hz), len(every.time_s)) == (20, 46)
