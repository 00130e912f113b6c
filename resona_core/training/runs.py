"""Run folders, read back: what was asked for, how it went, how good it is.

Any of the files that :mod:`resona_core.training.fitting.run_folder` names may be missing: a run
still in training has no evaluation yet. Nothing here loads torch.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resona_core.config import TrainConfig
from resona_core.settings import SHIPPED_CHECKPOINT, SHIPPED_RUNS
from resona_core.training.evaluation.explained import Faithfulness
from resona_core.training.evaluation.records import Report
from resona_core.training.fitting.run_folder import RunFolder, read_json

State = Literal["finished", "training", "stopped"]

_QUIET_S = 900  # an unfinished run whose log is older than this has been stopped


@dataclass(frozen=True, eq=False)
class Curve:
    """One scalar of the log.

    Attributes
    ----------
    steps : ndarray (point,), int64
        Optimiser steps.
    values : ndarray (point,), float64
    times_s : ndarray (point,), float64
        When each was written, in seconds since 1970.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    times_s: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Run:
    """One training, as its folder tells it.

    Attributes
    ----------
    folder : Path
    config, environment, cross_validation : dict
        The JSON files as they are; empty where there is none.
    curves : dict of str to Curve
        By TensorBoard's tag: "train/loss", "held_out/accuracy_averaged" ...
    report : Report or None
        The evaluation.
    faithfulness : Faithfulness or None
        How faithful the explanations are.
    has_weights : bool
        Whether the finished weights lie in the folder.
    """

    folder: Path
    config: dict[str, Any]
    environment: dict[str, Any]
    cross_validation: dict[str, Any]
    curves: dict[str, Curve]
    report: Report | None
    faithfulness: Faithfulness | None
    has_weights: bool

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds it learns from."""
        return tuple(self.config.get("folds", ()))

    @property
    def recipe(self) -> TrainConfig:
        """The recipe; what this program does not know of it is left out.

        Raises
        ------
        ConfigError
            For impossible values.
        """
        return TrainConfig.known_of(self.config.get("training", {}))

    @property
    def epochs(self) -> int | None:
        """Epochs asked for."""
        asked = self.config.get("training", {}).get("epochs")
        return int(asked) if asked else None

    @property
    def epochs_done(self) -> int:
        """Epochs that the log reaches: the loss is written after each."""
        loss = self.curves.get("train/loss")
        return 0 if loss is None else round(self.in_epochs(loss)[-1])

    @property
    def state(self) -> State:
        """Whether it is finished, still training, or has been stopped for a while."""
        if (
            self.has_weights
            or self.report
            or (self.epochs is not None and self.epochs_done >= self.epochs)
        ):
            return "finished"
        written_s = [path.stat().st_mtime for path in RunFolder(self.folder).logs]
        return "training" if time.time() - max(written_s, default=0.0) < _QUIET_S else "stopped"

    @property
    def seconds_an_epoch(self) -> float | None:
        """Median time between two epochs; None before the second."""
        loss = self.curves.get("train/loss")
        return (
            None if loss is None or len(loss.steps) < 2 else float(np.median(np.diff(loss.times_s)))
        )

    def in_epochs(self, curve: Curve) -> NDArray[np.float64]:
        """Return the curve's steps as epochs: the loss is first written after the first."""
        loss = self.curves.get("train/loss")
        return curve.steps / (1 if loss is None else int(loss.steps[0]))

    def last(self, tag: str) -> float | None:
        """Return the latest value of a curve."""
        return float(self.curves[tag].values[-1]) if tag in self.curves else None


def find_runs(
    local: Path, shipped: Path = SHIPPED_RUNS, checkpoint: Path = SHIPPED_CHECKPOINT
) -> dict[str, Path]:
    """Return the run folders there are by name: "shipped/NAME" and NAME of the local ones.

    That of the weights in `checkpoint` comes first, wherever it lies; then the local ones, newest
    first, then those that are shipped. A folder is a run when it holds config.json or a log. A
    folder that is not there has none.
    """
    newest_first = sorted(_inside(local), key=lambda path: path.stat().st_mtime, reverse=True)
    found = {path.name: path for path in newest_first}
    found |= {f"shipped/{path.name}": path for path in sorted(_inside(shipped))}
    loaded = run_of(checkpoint, shipped)
    if RunFolder(loaded).is_run and loaded.resolve() not in map(Path.resolve, found.values()):
        found[str(loaded)] = loaded
    return dict(sorted(found.items(), key=lambda item: item[1].resolve() != loaded.resolve()))


def run_of(checkpoint: Path, shipped: Path = SHIPPED_RUNS) -> Path:
    """Return the folder of the run that made the weights in `checkpoint`; it may not be there."""
    return shipped / "shipped" if checkpoint == SHIPPED_CHECKPOINT else checkpoint.parent


_TWIN = "fold-3-left-out"  # of the shipped weights: the same recipe on fewer folds

_TITLES = {
    "shipped/shipped": "Resona, as it is shipped",
    f"shipped/{_TWIN}": "Resona from scratch, tested on fold 3",
    "shipped/first-version-fold-3-left-out": "First version, tested on fold 3",
    "shipped/first-version-brief-fold-3-left-out": "First version, simple recipe, tested on fold 3",
}


def run_title(name: str) -> str:
    """Return what people call the run that :func:`find_runs` calls `name`.

    Examples
    --------
    >>> run_title("shipped/first-version-fold-3-left-out"), run_title("mine")
    ('First version, tested on fold 3', 'mine')
    """
    return _TITLES.get(name, name)


def _inside(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/") if RunFolder(path).is_run]


def has_log(folder: Path) -> bool:
    """Tell whether a run keeps a TensorBoard log; weights that are an average have none."""
    return bool(RunFolder(folder).logs)


def is_evaluated(folder: Path) -> bool:
    """Tell whether a run has been evaluated."""
    return _evaluation_of(folder).is_file()


def _evaluation_of(folder: Path) -> Path:
    """Return a run's evaluation: of the shipped weights, which know all clips, their twin's."""
    if folder == SHIPPED_RUNS / "shipped":
        folder = SHIPPED_RUNS / _TWIN
    return RunFolder(folder).evaluation


def stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of a run's small files: it changes when one of them does."""
    files = sorted([*folder.glob("*.json"), *RunFolder(folder).logs])
    return tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files)


def read_run(folder: Path) -> Run:
    """Read a run folder.

    Raises
    ------
    DataError
        If one of its files holds something else; the message names it.
    """
    files = RunFolder(folder)
    evaluation = read_json(_evaluation_of(folder))
    faithfulness = read_json(files.faithfulness)
    return Run(
        folder=folder,
        config=read_json(files.config),
        environment=read_json(files.environment),
        cross_validation=read_json(files.cross_validation),
        curves=_curves(folder),
        report=Report.from_dict(evaluation) if evaluation else None,
        faithfulness=Faithfulness.from_dict(faithfulness) if faithfulness else None,
        has_weights=files.model.is_file(),
    )


def _curves(folder: Path) -> dict[str, Curve]:
    """Read all scalars of a TensorBoard log; what a resumed run wrote twice counts once."""
    # Imported here because it takes a quarter of a second, and most pages read no log.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not has_log(folder):
        return {}
    log = EventAccumulator(str(folder), size_guidance={"scalars": 0})  # 0: keep them all
    log.Reload()
    return {tag: _curve(log.Scalars(tag)) for tag in log.Tags()["scalars"]}


def _curve(events: Iterable[Any]) -> Curve:
    rows = [(event.step, event.value, event.wall_time) for event in events]
    steps, values, times_s = zip(*rows, strict=True)
    return Curve(np.array(steps, np.int64), np.array(values, float), np.array(times_s, float))
