"""One training session: a dataset, a recipe and a run's name in, a finished checkpoint out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

from resona_core import checkpoint
from resona_core.checkpoint import CheckpointInfo
from resona_core.config import FRONT_END_16K, FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import ConfigError, DataError
from resona_core.training import data
from resona_core.training.evaluate import evaluate
from resona_core.training.fit import RunPlan, fit, measure_front_end

FRONT_ENDS = {"44k": FrontEndConfig(), "16k": FRONT_END_16K}
"""Front ends by the name that the command line calls them."""


@dataclass(frozen=True)
class Recipe:
    """How to learn: the front end, the network, the training.

    What the data decides is filled in later: the classes, the mean and the deviation.
    """

    front_end: FrontEndConfig = field(default_factory=FrontEndConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainConfig = field(default_factory=TrainConfig)


@dataclass(frozen=True)
class Session:
    """What to learn from which clips, and where to write it.

    Attributes
    ----------
    data : Path
        A folder in ESC-50's layout.
    runs, name : Path, str
        The run is written to the folder `name` in `runs`.
    folds : tuple of int
        The folds to learn from; empty: all there are.
    validate_on : int or None
        A fold to leave out; its accuracy is only logged.
    initial : Path or None
        A checkpoint to start from, for every layer that fits.
    device : str
        A torch device; empty: cuda where it works, else cpu.
    resume : bool
        Go on from where the run of this name stopped.
    data_name, licence : str
        What the checkpoint says it was trained on (empty: the folder's name), and of its use.
    """

    data: Path
    runs: Path
    name: str = "run"
    folds: tuple[int, ...] = ()
    validate_on: int | None = None
    recipe: Recipe = field(default_factory=Recipe)
    initial: Path | None = None
    device: str = ""
    resume: bool = False
    data_name: str = ""
    licence: str = ""


def run(session: Session, stored: Callable[[], None] | None = None) -> Path:
    """Train, and return the path of the finished checkpoint.

    Parameters
    ----------
    session : Session
        What to learn.
    stored : callable, optional
        Called after each epoch, when the run can be resumed from what is on disk.

    Raises
    ------
    DataError
        If the data cannot be used, no fold is left, or the run to resume differs.
    """
    table = data.read_table(session.data)
    folds = session.folds or tuple(sorted(set(table.table["fold"])))
    seen = tuple(fold for fold in folds if fold != session.validate_on)
    if not seen:
        raise DataError(
            f"Fold {session.validate_on} is to be left out and no other is to be learnt from; "
            "name more folds."
        )
    clips = data.load_clips(table.folds(seen), session.recipe.front_end)
    front_end = measure_front_end(clips, session.recipe.front_end)
    held_out = None
    if session.validate_on is not None:
        held_out = data.load_clips(table.folds([session.validate_on]), front_end)
    plan = RunPlan(
        folder=session.runs / session.name,
        name=session.name,
        training=session.recipe.training,
        model=replace(session.recipe.model, n_classes=len(table.labels)),
        front_end=front_end,
        labels=table.labels,
        folds=seen,
        data=session.data_name or session.data.name,
        licence=session.licence,
        initial=session.initial,
    )
    return fit(plan, clips, held_out, session.device or best_device(), session.resume, stored)


def examine(session: Session, model: Path) -> dict[str, Any]:
    """Return the report of `model` on the fold that `session` leaves out; without one, nothing.

    The weights are those of the last epoch, so the fold has had no say in them.
    """
    if session.validate_on is None:
        return {}
    classifier = checkpoint.load(model, session.device or best_device())
    folds = [session.validate_on]
    result = evaluate(classifier, data.read_table(session.data).folds(folds))
    return result.report(classifier.info, folds)


def one_for_each_fold(session: Session) -> list[Session]:
    """Return the runs of a cross-validation: each leaves out one of the session's folds.

    Raises
    ------
    DataError
        If there are fewer than two folds.
    """
    if len(session.folds) < 2:
        raise DataError(
            f"Cross-validation needs two folds or more, not {len(session.folds)}; name them."
        )
    return [
        replace(session, name=f"{session.name}-fold{fold}", validate_on=fold)
        for fold in session.folds
    ]


def summary(reports: Sequence[dict[str, Any]]) -> str:
    """Return one line for each fold's report, and the mean of several with its deviation."""
    lines = [
        f"fold {', '.join(map(str, report['folds']))}: {report['accuracy']:.1%} "
        f"+- {report['standard_error']:.1%} of {report['clips']} clips, "
        f"in the top 3: {report['top_3_accuracy']:.1%}"
        for report in reports
    ]
    if len(reports) > 1:
        shares = [report["accuracy"] for report in reports]
        lines.append(
            f"mean of {len(shares)} folds: {mean(shares):.1%}, "
            f"standard deviation between them {stdev(shares):.1%}"
        )
    return "\n".join(lines)


def best_device() -> str:
    """Return "cuda" where it works, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def read_recipe(name_or_file: str) -> Recipe:
    """Return the recipe called "44k" or "16k", or the one in a JSON file.

    The file holds any of the keys front_end, model and training, each with any of its fields;
    a run's own ``config.json`` is such a file.

    Raises
    ------
    ConfigError
        If there is no such recipe or file, or it holds something unknown.
    """
    if name_or_file in FRONT_ENDS:
        return Recipe(FRONT_ENDS[name_or_file])
    path = Path(name_or_file)
    if not path.is_file():
        raise ConfigError(
            f"There is no recipe {name_or_file!r}; use {', '.join(FRONT_ENDS)} or a JSON file "
            "such as a run's config.json."
        )
    try:
        values = dict(json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise ConfigError(f"{path} is not a JSON object; see a run's config.json.") from None
    known = {"schema_version", *(known.name for known in fields(CheckpointInfo))}
    if unknown := sorted(set(values) - known):
        raise ConfigError(
            f"{path} holds {', '.join(unknown)}; a recipe has front_end, model and training."
        )
    return Recipe(
        FrontEndConfig.from_dict(values.get("front_end", {})),
        ModelConfig.from_dict(values.get("model", {})),
        TrainConfig.from_dict(values.get("training", {})),
    )
