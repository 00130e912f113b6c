"""A toy network for the door on Modal, and a sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.sound.audio import Clip
from tests.modal_service import RATE_HZ


@pytest.fixture
def weights(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> Path:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return path


@pytest.fixture
def clip() -> Clip:
    samples = np.random.default_rng(0).normal(0, 0.1, 3 * RATE_HZ).astype(np.float32)
    return Clip(samples, RATE_HZ, 44_100, 2, "test")
