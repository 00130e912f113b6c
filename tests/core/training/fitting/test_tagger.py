"""The tagger against its authors' answers, its table counted by hand, and its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from resona_core.training.fitting.tagger import (
    AudioTagger,
    TaggerFrontEnd,
    load_tagger,
    resample_cyclic,
)
from tests.conftest import ROOT
from tests.core.training.toy_teacher import toy_tagger

TEACHER = ROOT.parent / "shared" / "data" / "teacher"

# kernel, expanded, out, squeeze-excitation at width 1: the paper's table 1
TABLE = (
    (3, 16, 16, 0), (3, 64, 24, 0), (3, 72, 24, 0), (5, 72, 40, 1), (5, 120, 40, 1),
    (5, 120, 40, 1), (3, 240, 80, 0), (3, 200, 80, 0), (3, 184, 80, 0), (3, 184, 80, 0),
    (3, 480, 112, 1), (3, 672, 112, 1), (5, 672, 160, 1), (5, 960, 160, 1), (5, 960, 160, 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def published() -> Path:
    """The published weights of mn04_as, with their answers; skips without them."""
    if not (TEACHER / "mn04_as.safetensors").is_file():
        pytest.skip("no weights of mn04_as next to the repository")
    return TEACHER


@pytest.fixture(scope="module")
def check(published: Path) -> dict[str, Tensor]:
    """A chirp, and what its authors' program makes of it."""
    with np.load(published / "mn04_check.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]).float() for name in arrays.files}


def _sine(frequency_hz: float, rate_hz: int, duration_s: float = 1.0) -> Tensor:
    time_s = torch.arange(round(duration_s * rate_hz)).double() / rate_hz
    return torch.sin(2 * torch.pi * frequency_hz * time_s).float()[None]


def _noise(batch: int, length: int) -> Tensor:
    return torch.randn(batch, length, generator=torch.Generator().manual_seed(7))


def test_the_front_end_makes_the_authors_picture_of_a_chirp(check: dict[str, Tensor]) -> None:
    pictures = TaggerFrontEnd(32_000)(check["waveform"][None])
    assert pictures.shape == (1, 1, 128, 500)
    # stored in 16 bits: numbers of 2 to 4 are a 512th apart
    torch.testing.assert_close(pictures[0, 0], check["mel"], atol=0.002, rtol=0)


def test_features_and_tags_of_a_chirp_are_those_of_the_authors_network(
    published: Path, check: dict[str, Tensor]
) -> None:
    tagger = load_tagger(published / "mn04_as.safetensors")
    features, tags = tagger(TaggerFrontEnd(32_000)(check["waveform"][None]))
    torch.testing.assert_close(features[0], check["features"], atol=1e-4, rtol=0)
    torch.testing.assert_close(tags[0], check["logits"], atol=1e-4, rtol=0)


def test_from_another_rate_the_network_hears_the_same(
    published: Path, check: dict[str, Tensor]
) -> None:
    tagger = load_tagger(published / "mn04_as.safetensors")
    raised = resample_cyclic(check["waveform"][None], 32_000, 44_100)
    assert raised.shape == (1, 220_500)
    features, _ = tagger(TaggerFrontEnd(44_100)(raised))
    torch.testing.assert_close(features[0], check["features"], atol=1e-3, rtol=0)


def test_the_published_weights_hold_the_numbers_their_readme_counts(published: Path) -> None:
    weights = load_file(published / "mn04_as.safetensors")
    # 983,599 parameters, the means and variances of 4,920 channels, 46 counters
    assert sum(tensor.numel() for tensor in weights.values()) == 993_485
    assert 993_485 == 983_599 + 2 * 4_920 + 46


def _eighths(channels: float) -> int:
    """The nearest multiple of 8, or the next if that is more than 10 % less; at least 8."""
    near = max(8, 8 * int(channels / 8 + 0.5))
    return near if near >= 0.9 * channels else near + 8


def _count_parameters(width: float) -> int:
    def normalised(weights: int, channels: int) -> int:
        return weights + 2 * channels  # a gain and a bias each

    came = _eighths(16 * width)
    total = normalised(9 * came, came)
    for kernel, *row, squeeze in TABLE:
        wide, out = (_eighths(width * channels) for channels in row)
        if wide != came:
            total += normalised(came * wide, wide)
        total += normalised(kernel**2 * wide, wide)
        if squeeze:
            few = _eighths(wide / 4)
            total += wide * few + few + few * wide + wide
        total += normalised(wide * out, out)
        came = out
    features, hidden = 6 * came, _eighths(1_280 * width)
    total += normalised(came * features, features)
    return total + features * hidden + hidden + hidden * 527 + 527


@pytest.mark.parametrize(
    ("width", "n_features", "n_parameters", "millions"),
    [(0.4, 384, 983_599, 0.98), (1.0, 960, 4_876_831, 4.88), (4.0, 3_840, 68_427_303, 68.43)],
)
def test_each_width_has_the_published_number_of_parameters(
    width: float, n_features: int, n_parameters: int, millions: float
) -> None:
    with torch.device("meta"):  # shapes without memory
        tagger = AudioTagger(width)
    assert (tagger.n_features, tagger.n_tags) == (n_features, 527)
    counted = sum(parameter.numel() for parameter in tagger.parameters())
    assert counted == n_parameters == _count_parameters(width)
    assert round(counted / 1e6, 2) == millions


def test_channels_are_rounded_to_eights_but_never_a_tenth_down() -> None:
    with torch.device("meta"):
        tagger = AudioTagger(0.4)
    outs = [
        weight.shape[0]
        for name, weight in tagger.state_dict().items()
        if name.startswith("features.") and weight.ndim == 4
    ]
    # 6.4 -> 8; 25.6 -> 24 (6 % down); 9.6 -> 8 would be 17 % down -> 16; 28.8 -> 32
    assert outs[:6] == [8, 8, 8, 24, 24, 16]
    assert tagger.features[3].block[0][0].out_channels == 32


def test_each_squeeze_is_to_a_quarter_and_scales_by_a_sigmoid() -> None:
    with torch.device("meta"):
        squeeze = AudioTagger(1.0).features[15].block[2]
    assert squeeze.conc_se_layers[0]["fc1"].weight.shape == (240, 960)
    squeeze = next(layer for layer in toy_tagger().modules() if hasattr(layer, "conc_se_layers"))
    last = squeeze.conc_se_layers[0]["fc2"]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, np.log(3.0))  # a sigmoid of 3/4, a hard one of .683
    x = _noise(2, 8 * 30).reshape(2, 8, 5, 6)
    torch.testing.assert_close(squeeze(x), 0.75 * x)


def test_every_parameter_receives_a_gradient() -> None:
    tagger = toy_tagger().requires_grad_(True)
    pictures = TaggerFrontEnd(16_000)(_noise(2, 16_000))
    features, tags = tagger(pictures)
    assert (features.shape, tags.shape) == ((2, 96), (2, 527))
    (features.square().mean() + tags.square().mean()).backward()
    without = [n for n, p in tagger.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def _kaldi(frequency_hz: float) -> float:
    return 1_127.0 * float(np.log(1 + frequency_hz / 700.0))


@pytest.mark.parametrize(
    ("frequency_hz", "rate_hz"),
    [(1_000.0, 16_000), (4_000.0, 16_000), (1_000.0, 32_000), (12_000.0, 32_000),
     (1_000.0, 44_100), (12_000.0, 44_100)],
)  # fmt: skip
def test_a_tone_lights_the_bank_that_holds_it(frequency_hz: float, rate_hz: int) -> None:
    pictures = TaggerFrontEnd(rate_hz)(_sine(frequency_hz, rate_hz))
    assert pictures.shape == (1, 1, 128, 100)
    # 128 triangles share 0 to 15 kHz: their peaks lie 1/129 of that apart in Kaldi's mels
    expected = round(_kaldi(frequency_hz) / (_kaldi(15_000.0) / 129)) - 1
    assert int(pictures[0, 0, :, 50].argmax()) == expected


def test_kaldis_mel_of_a_kilohertz_is_about_a_thousand() -> None:
    # ln(17/7) = .8873; 1127 * .8873 = 1000; ln(1 + 150/7) = 3.1107 -> 3505.8; / 129 = 27.18
    assert _kaldi(1_000.0) == pytest.approx(1_000.0, abs=0.1)
    assert round(1_000.0 / 27.18) - 1 == 36
    assert int(TaggerFrontEnd(32_000)(_sine(1_000.0, 32_000))[0, 0, :, 50].argmax()) == 36


def test_silence_is_the_floor_as_counted_by_hand() -> None:
    pictures = TaggerFrontEnd(32_000)(torch.zeros(1, 32_000))
    # (ln 1e-5 + 4.5) / 5 = (-11.513 + 4.5) / 5
    torch.testing.assert_close(pictures, torch.full((1, 1, 128, 100), -1.4026), atol=1e-4, rtol=0)


def test_the_level_matters_and_ten_times_the_amplitude_adds_what_it_must() -> None:
    front_end, noise = TaggerFrontEnd(32_000), 100 * _noise(1, 32_000)  # far above the floor
    louder = front_end(10 * noise) - front_end(noise)
    # a hundredfold power: ln(100) / 5 = .921
    torch.testing.assert_close(louder, torch.full_like(louder, 0.92103), atol=5e-4, rtol=0)


def test_pre_emphasis_weakens_low_tones() -> None:
    front_end = TaggerFrontEnd(32_000)
    low, high = (float(front_end(_sine(f, 32_000)).max()) for f in (200.0, 8_000.0))
    assert high > low + 1.0  # |1 - .97 e^-iw|^2 is .0023 and 1.94


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(44_100, 32_000), (16_000, 32_000), (22_050, 32_000)]
)
def test_a_sine_of_whole_periods_keeps_frequency_and_amplitude(from_hz: int, to_hz: int) -> None:
    for frequency_hz in (440.0, min(from_hz, to_hz) / 2 - 1):  # the last below half the rate
        resampled = resample_cyclic(0.7 * _sine(frequency_hz, from_hz), from_hz, to_hz)
        torch.testing.assert_close(resampled, 0.7 * _sine(frequency_hz, to_hz), atol=1e-5, rtol=0)


def test_what_the_new_rate_cannot_hold_is_cut_and_not_folded_back() -> None:
    both = _sine(1_000.0, 44_100) + _sine(17_000.0, 44_100)
    resampled = resample_cyclic(both, 44_100, 32_000)
    torch.testing.assert_close(resampled, _sine(1_000.0, 32_000), atol=1e-4, rtol=0)


def test_equal_rates_leave_the_sound_alone() -> None:
    sound = _noise(2, 1_000)
    assert resample_cyclic(sound, 32_000, 32_000) is sound


def test_five_seconds_from_44100_hz_are_160000_samples() -> None:
    assert resample_cyclic(torch.zeros(3, 220_500), 44_100, 32_000).shape == (3, 160_000)


def test_the_toy_of_these_tests_tells_sounds_apart(tone: Callable[..., NDArray]) -> None:
    sounds = torch.stack([torch.from_numpy(tone(f)) for f in (300.0, 5_000.0)])
    low, high = toy_tagger()(TaggerFrontEnd(16_000)(sounds))[0]
    assert float((low - high).abs().mean()) > 0.1
