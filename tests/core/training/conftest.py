"""Data sets of a few synthesised clips, in ESC-50's layout and as a folder for each class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.training.fitting.recipes import Recipe
from resona_core.training.session import Session

FREQUENCIES_HZ = {"dog": 300.0, "rain": 1_200.0, "siren": 5_000.0}


@pytest.fixture
def dataset(
    tmp_path: Path,
    tone: Callable[..., NDArray[np.float32]],
    sound_file: Callable[..., bytes],
) -> Path:
    """Two folds of the classes dog, rain and siren, a second each, listed out of order."""
    (tmp_path / "audio").mkdir()
    (tmp_path / "meta").mkdir()
    lines = ["filename,fold,target,category,take"]
    for fold in (1, 3):
        for target, (label, frequency_hz) in reversed([*enumerate(FREQUENCIES_HZ.items())]):
            name = f"{fold}-{label}.wav"
            (tmp_path / "audio" / name).write_bytes(sound_file(tone(frequency_hz, peak=0.1 * fold)))
            lines.append(f"{name},{fold},{target},{label},A")
    (tmp_path / "meta" / "toy.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def folders(
    tmp_path: Path, tone: Callable[..., NDArray[np.float32]], sound_file: Callable[..., bytes]
) -> Path:
    """Six clips of a tenth of a second in each of the folders cat, dog and owl."""
    directory = tmp_path / "own"
    for pitch, label in enumerate(("owl", "cat", "dog"), start=1):
        (directory / label).mkdir(parents=True)
        for i in range(6):
            data = sound_file(tone(400.0 * pitch + i, duration_s=0.1))
            (directory / label / f"{i}.wav").write_bytes(data)
    return directory


@pytest.fixture
def toy(
    dataset: Path, tmp_path: Path, tiny_front_end: FrontEndConfig, tiny_model: ModelConfig
) -> Session:
    """Fold 1 is learnt from, three clips a batch; fold 3 is left out."""
    recipe = Recipe(
        tiny_front_end,
        replace(tiny_model, n_classes=7),  # the data decides
        TrainConfig(epochs=2, batch_size=3),
    )
    return Session(
        dataset, tmp_path / "runs", "toy", validate_on=3, recipe=recipe, device="cpu",
        licence="none",
    )  # fmt: skip
