"""What the tests share: synthesised sounds, a network of toy size, the way to real recordings."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.network.model import AudioResNet
from resona_core.sound import fourier

Samples = NDArray[np.float32]

ROOT = Path(__file__).parents[1]
TINY_FRONT_END = FrontEndConfig(
    sample_rate_hz=16_000, window_s=1.0, n_fft=1024, hop_length=320, n_mels=32, f_max_hz=8_000.0
)
TINY_MODEL = ModelConfig(n_classes=3, blocks=(1, 1, 1, 1), channels=(8, 16, 32, 64))
KINDS = ("known", "speech", "music", "other")

torch.set_num_threads(1)
_CACHE = tempfile.mkdtemp(prefix="resona-tests-")  # no test fills the user's
os.environ["XDG_CACHE_HOME"] = _CACHE
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
os.environ["RESONA_PRECISION"] = "float32"  # whatever the processor; 8 bit is asked for by name
fourier._calls = count(fourier._FEW)  # one transform for all tests: two differ in their last bits


def _tone(
    frequency_hz: float, sample_rate_hz: int = 16_000, duration_s: float = 1.0, peak: float = 0.5
) -> Samples:
    time = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    return (peak * np.sin(2 * np.pi * frequency_hz * time)).astype(np.float32)


def _sound_file(
    samples: Samples,
    sample_rate_hz: int = 16_000,
    container: str = "WAV",
    subtype: str | None = None,
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate_hz, format=container, subtype=subtype)
    return file.getvalue()


@pytest.fixture(scope="session")
def tone() -> Callable[..., Samples]:
    """A function that returns a sine: (frequency_hz, sample_rate_hz, duration_s, peak)."""
    return _tone


@pytest.fixture(scope="session")
def sound_file() -> Callable[..., bytes]:
    """A function that returns a file's bytes: (samples, sample_rate_hz, container, subtype)."""
    return _sound_file


@pytest.fixture(scope="session")
def noise() -> Samples:
    """Five seconds of white noise at 44.1 kHz, always the same."""
    return np.random.default_rng(0).normal(0, 0.1, 220_500).astype(np.float32)


@pytest.fixture(scope="session")
def tiny_front_end() -> FrontEndConfig:
    return TINY_FRONT_END


@pytest.fixture(scope="session")
def tiny_model() -> ModelConfig:
    return TINY_MODEL


@pytest.fixture(scope="session")
def tiny_info() -> CheckpointInfo:
    return CheckpointInfo(
        name="toy",
        front_end=TINY_FRONT_END,
        model=TINY_MODEL,
        labels=("dog", "rain", "siren"),
        training=TrainConfig(),
        folds=(1, 2, 3),
        scores={"accuracy": 0.5},
        temperature=2.0,
    )


@pytest.fixture
def tiny_classifier(tiny_info: CheckpointInfo) -> Classifier:
    """A fresh untrained classifier, in eval mode, the same weights every time."""
    torch.manual_seed(0)
    return Classifier(tiny_info).eval()


def _with_kinds(classifier: Classifier, shares: Sequence[float]) -> Classifier:
    info = classifier.info
    model = replace(info.model, n_kinds=len(KINDS))
    network = AudioResNet(model)
    network.load_state_dict(classifier.network.state_dict(), strict=False)
    with torch.no_grad():
        network.kinds.weight.zero_()
        network.kinds.bias.copy_(torch.tensor(shares).log())
    return Classifier(replace(info, model=model, kinds=KINDS), network).eval()


@pytest.fixture(scope="session")
def with_kinds() -> Callable[[Classifier, Sequence[float]], Classifier]:
    """A function that adds a layer of kinds which answers every sound alike: with `shares`."""
    return _with_kinds


@pytest.fixture
def strange_weights(
    tmp_path: Path, tiny_classifier: Classifier, with_kinds: Callable[..., Classifier]
) -> str:
    """The path of a toy network that takes every sound for music, and for known by a tenth."""
    strange = with_kinds(tiny_classifier, [0.1, 0.2, 0.6, 0.1])
    path = tmp_path / "strange.safetensors"
    checkpoint.save(path, strange.info, strange.network.state_dict())
    return str(path)


def _real_data(folder: str) -> Path | None:
    """Return `folder` next to the repository, if it lies there."""
    path = ROOT.parent / "shared" / "data" / folder
    return path if (path / "meta").is_dir() else None


@pytest.fixture(scope="session")
def esc50() -> Path:
    """A folder in ESC-50's layout with real recordings; skips without one."""
    given = os.environ.get("RESONA_ESC50")
    path = Path(given) if given else _real_data("esc50")
    if path is None:
        pytest.skip("no real recordings: set RESONA_ESC50 to a folder in ESC-50's layout")
    return path
