"""What one run is to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.network.description import CheckpointInfo
from resona_core.training.fitting.origin import read_origin


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
    stored_every: int = 1  # epochs


def describe(plan: RunPlan) -> CheckpointInfo:
    """Return what the checkpoint will say of itself; config.json says it from the beginning.

    Raises
    ------
    CheckpointError
        If the weights to start from cannot be read.
    """
    return CheckpointInfo(
        name=plan.name, front_end=plan.front_end, model=plan.model, labels=plan.labels,
        training=plan.training, data=plan.data, licence=plan.licence, folds=plan.folds,
        initial=read_origin(plan.initial).name if plan.initial else "",
        teacher=plan.teacher.stem if plan.teacher else "", kinds=plan.kinds, learnt=plan.learnt,
    )  # fmt: skip
