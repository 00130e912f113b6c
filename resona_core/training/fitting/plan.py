"""What one run is to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig


@dataclass(frozen=True)
class RunPlan:
    """What one run is to do: folder, recipe, network, and the clips it may see."""

    folder: Path
    name: str
    training: TrainConfig
    model: ModelConfig
    front_end: FrontEndConfig
    labels: tuple[str, ...]
    folds: tuple[int, ...]
    data: str = ""
    licence: str = ""
    initial: Path | None = None  # a checkpoint to start from, for every layer that fits
    teacher: Path | None = None  # an AudioSet tagger to learn from as well
    kinds: tuple[str, ...] = ()  # of sounds of no class, the first being those of the classes
    learnt: str = ""  # digests of all clips that it and the first weights learn from
