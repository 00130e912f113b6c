"""The tagger's picture and its network, worked out once more from their definitions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.training.fitting.tagger import AudioTagger, TaggerFrontEnd
from tests.core.training.fitting.test_tagger import TABLE
from tests.core.training.toy_teacher import toy_tagger

HALVING = (2, 4, 7, 13)  # the rows of the paper's table 1 whose stride is 2
HARD_FROM = 7  # the first row with hardswish


def _noise(length: int) -> Tensor:
    return torch.randn(1, length, generator=torch.Generator().manual_seed(7))


def test_a_frame_is_25_ms_around_its_time_in_128_banks_up_to_15_khz() -> None:
    sound = _noise(9_600)
    picture = TaggerFrontEnd(32_000)(sound)[0, 0, :, 12]
    samples = sound[0].double().numpy()
    emphasised = samples[1:] - 0.97 * samples[:-1]
    frame = emphasised[12 * 320 - 400 : 12 * 320 + 400]  # a frame every 10 ms
    power = np.abs(np.fft.rfft(frame * np.hanning(800), 1_024)) ** 2

    def mel(frequency_hz: np.ndarray | float) -> np.ndarray:
        return 1_127 * np.log(1 + np.asarray(frequency_hz) / 700)

    edges, bins = np.linspace(0, mel(15_000), 130), mel(np.arange(513) * 31.25)
    for bank, (left, centre, right) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
        level = np.minimum(rising, falling).clip(0) @ power
        expected = (np.log(level + 1e-5) + 4.5) / 5
        np.testing.assert_allclose(picture[bank], expected, atol=1e-4, err_msg=f"bank {bank}")


def test_the_banks_are_made_anew_and_not_stored() -> None:
    assert "filters" not in TaggerFrontEnd(32_000).state_dict()


def _normalised(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Filter without a bias, then what has been normal becomes 0 and 1, then gain and bias."""
    mean, variance, gain, bias = (
        state[f"{name}.1.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (variance + 0.001).sqrt() * gain + bias


def _convolved(
    state: dict[str, Tensor], name: str, x: Tensor, stride: int = 1, alone: bool = False
) -> Tensor:
    weight = state[f"{name}.0.weight"]
    x = F.conv2d(
        x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=len(weight) if alone else 1
    )
    return _normalised(state, name, x)


def _row(state: dict[str, Tensor], number: int, x: Tensor) -> Tensor:
    """Widen where there is something to widen to, filter, weigh, narrow; and around it."""
    block, squeeze = f"features.{number}.block", TABLE[number - 1][3]
    activation = F.relu if number < HARD_FROM else F.hardswish
    stride, layer, inner = 2 if number in HALVING else 1, 0, x
    if f"{block}.{2 + squeeze}.0.weight" in state:
        inner, layer = activation(_convolved(state, f"{block}.0", inner)), 1
    inner = activation(_convolved(state, f"{block}.{layer}", inner, stride, alone=True))
    if squeeze:
        name = f"{block}.{layer + 1}.conc_se_layers.0"
        few = F.relu(F.linear(inner.mean((2, 3)), *_linear(state, f"{name}.fc1")))
        weights = F.linear(few, *_linear(state, f"{name}.fc2")).sigmoid()
        inner = inner * weights[:, :, None, None]
    inner = _convolved(state, f"{block}.{layer + 1 + squeeze}", inner)
    return x + inner if inner.shape == x.shape else inner


def _linear(state: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return state[f"{name}.weight"], state[f"{name}.bias"]


def test_features_and_tags_are_those_of_the_papers_table() -> None:
    tagger, pictures = toy_tagger(), TaggerFrontEnd(32_000)(_noise(16_000))
    state = tagger.state_dict()
    x = F.hardswish(_convolved(state, "features.0", pictures, stride=2))
    for number in range(1, 16):
        x = _row(state, number, x)
    assert x.shape == (1, 16, 4, 2)  # halved five times: of 128 banks and 50 frames
    expected = F.hardswish(_convolved(state, "features.16", x)).mean((2, 3))
    hidden = F.hardswish(F.linear(expected, *_linear(state, "classifier.2")))
    features, tags = tagger(pictures)
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=1e-4)
    tags_expected = F.linear(hidden, *_linear(state, "classifier.5"))
    torch.testing.assert_close(tags, tags_expected, atol=1e-4, rtol=1e-4)


def test_a_layer_learns_what_is_normal_by_a_hundredth_a_step() -> None:
    tagger = AudioTagger(0.1).train()
    pictures = torch.randn(2, 1, 64, 32, generator=torch.Generator().manual_seed(7))
    tagger(pictures)
    first, normalised = tagger.features[0][0], tagger.features[0][1]
    expected = 0.01 * first(pictures).mean((0, 2, 3))  # of 0
    torch.testing.assert_close(normalised.running_mean, expected)
