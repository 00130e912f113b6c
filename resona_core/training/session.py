"""One training session: a dataset, a recipe and a run's name in, a finished checkpoint out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

from resona_core.config import FrontEndConfig, ModelConfig
from resona_core.errors import DataError
from resona_core.labels import ESC50_LABELS
from resona_core.network import checkpoint
from resona_core.settings import SHIPPED_CHECKPOINT
from resona_core.training.data.clips import ClipSet, ClipTable, load_clips, read_table
from resona_core.training.data.others import KINDS, read_others
from resona_core.training.evaluation.evaluate import evaluate
from resona_core.training.evaluation.records import Report
from resona_core.training.evaluation.report import evaluation_report
from resona_core.training.fitting.fit import fit, measure_front_end
from resona_core.training.fitting.origin import Origin, read_origin
from resona_core.training.fitting.plan import RunPlan
from resona_core.training.fitting.recipes import Recipe


@dataclass(frozen=True)
class Session:
    """What to learn from which clips, and where to write it.

    Attributes
    ----------
    data : Path
        A dataset as :func:`resona_core.training.data.clips.read_table` reads it.
    runs, name : Path, str
        The run is written to the folder `name` in `runs`.
    folds : tuple of int
        The folds to learn from; empty: all there are.
    validate_on : int or None
        A fold to leave out; its accuracy is only logged.
    recipe : Recipe
        The network's shape and the front end give way to those of the weights to start from.
    own_front_end : bool
        Keep the recipe's front end all the same.
    initial : Path or None
        A checkpoint to start from, for every layer that fits; by default none for ESC-50 and
        the shipped one for other sounds.
    from_scratch : bool
        Start from no weights.
    seed : int or None
        Of everything drawn; by default the recipe's, or the one after that of the weights to
        start from, lest the same changes of the same clips be heard again.
    teacher : Path or None
        Weights of an AudioSet tagger to learn from as well.
    others : Path or None
        Sounds of no class, as :func:`resona_core.training.data.others.read_others` reads them; of
        these too the fold `validate_on` is left out.
    without : tuple of str
        Classes to leave out, so that the network can be asked about sounds it has never heard.
    skip_unreadable : bool
        Leave out damaged files.
    device : str
        A torch device; empty: cuda where it works, else cpu.
    resume : bool
        Go on from where the run of this name stopped.
    data_name, licence : str
        What the checkpoint says it was trained on (empty: the folder's name), and of its use
        (empty: that of the weights to start from).
    """

    data: Path
    runs: Path
    name: str = "run"
    folds: tuple[int, ...] = ()
    validate_on: int | None = None
    recipe: Recipe = field(default_factory=Recipe)
    own_front_end: bool = False
    initial: Path | None = None
    from_scratch: bool = False
    seed: int | None = None
    teacher: Path | None = None
    others: Path | None = None
    without: tuple[str, ...] = ()
    skip_unreadable: bool = False
    device: str = ""
    resume: bool = False
    data_name: str = ""
    licence: str = ""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A session's plan, the clips it learns from, and those it leaves out."""

    session: Session
    plan: RunPlan
    clips: ClipSet
    held_out: ClipSet | None
    others: ClipSet | None
    initial_name: str  # of the weights it starts from; empty: none

    def run(self, stored: Callable[[], None] | None = None) -> Path:
        """Train, and return the path of the finished checkpoint.

        Parameters
        ----------
        stored : callable, optional
            Called after each epoch, when the run can be resumed from what is on disk.

        Raises
        ------
        DataError
            If the run to resume differs.
        """
        device, resume = self.session.device or best_device(), self.session.resume
        return fit(self.plan, self.clips, self.held_out, device, resume, stored, self.others)


def prepare(session: Session) -> Prepared:
    """Read the clips and settle what the data and the first weights decide.

    Raises
    ------
    DataError
        If the data cannot be used, or no fold is left to learn from.
    CheckpointError
        If the weights to start from cannot be read, or their front end, where it is kept, is
        that of another version of this program.
    """
    table = read_table(session.data)
    if session.without:
        table = table.only(set(table.labels) - set(session.without))
    seen = _seen(session, table)
    initial = _initial(session, table.labels)
    start = read_origin(initial) if initial else None
    kept = checkpoint.read_info(initial) if initial and not session.own_front_end else None
    recipe = session.recipe
    front_end = kept.front_end if kept else recipe.front_end

    def load(chosen: Sequence[int]) -> ClipSet:
        clips = table.folds(chosen)
        return load_clips(clips, front_end, skip_unreadable=session.skip_unreadable)

    clips, others = load(seen), _others(session, front_end)
    plan = RunPlan(
        folder=session.runs / session.name,
        name=session.name,
        training=replace(
            recipe.training,
            batch_size=min(recipe.training.batch_size, len(clips)),
            seed=_seed(session, start),
        ),
        model=_model(recipe.model, start, len(table.labels), len(KINDS) if others else 0),
        front_end=front_end if kept else measure_front_end(clips, front_end),
        labels=table.labels,
        folds=seen,
        data=session.data_name or session.data.resolve().name,
        licence=session.licence or (start.licence if start else ""),
        initial=initial,
        teacher=session.teacher,
        kinds=KINDS if others else (),
    )
    held_out = None if session.validate_on is None else load([session.validate_on])
    return Prepared(session, plan, clips, held_out, others, start.name if start else "")


def _model(wanted: ModelConfig, start: Origin | None, n_classes: int, n_kinds: int) -> ModelConfig:
    """Return the network's shape from `start`, whose weights must fit, all else as wanted."""
    shape = start.model if start else wanted
    return replace(
        wanted, blocks=shape.blocks, channels=shape.channels, n_classes=n_classes, n_kinds=n_kinds
    )


def _others(session: Session, front_end: FrontEndConfig) -> ClipSet | None:
    """Return the sounds of no class to learn from."""
    if session.others is None:
        return None
    table = read_others(session.others)
    folds = sorted(set(table.table["fold"]) - {session.validate_on})
    return load_clips(table.folds(folds), front_end, skip_unreadable=session.skip_unreadable)


def _seed(session: Session, start: Origin | None) -> int:
    """Return what all draws start from: what was asked for, or a number not used before."""
    if session.seed is not None:
        return session.seed
    return start.seed + 1 if start else session.recipe.training.seed


def _seen(session: Session, table: ClipTable) -> tuple[int, ...]:
    """Return the folds to learn from."""
    folds = session.folds or tuple(sorted(set(table.table["fold"])))
    if seen := tuple(fold for fold in folds if fold != session.validate_on):
        return seen
    raise DataError(
        f"Fold {session.validate_on} is to be left out and no other is to be learnt from; "
        "name more folds."
    )


def _initial(session: Session, labels: Sequence[str]) -> Path | None:
    """Return the weights to start from; not the shipped ones for the clips they were made of."""
    is_esc50 = (session.data / "meta").is_dir() and set(labels) <= set(ESC50_LABELS)
    if session.initial or session.from_scratch or is_esc50:
        return session.initial
    return SHIPPED_CHECKPOINT


def examine(session: Session, model: Path) -> Report | None:
    """Return the report of `model` on the fold that `session` leaves out; without one, nothing.

    The weights are those of the last epoch, so the fold has had no say in them.
    """
    if session.validate_on is None:
        return None
    classifier = checkpoint.load(model, session.device or best_device())
    clips = read_table(session.data).folds([session.validate_on])
    return evaluation_report(classifier.info, evaluate(classifier, clips))


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


def cross_validation(reports: Sequence[Report]) -> dict[str, Any]:
    """Return the mean accuracy of two or more folds' reports, and how far it can be trusted."""
    shares = [report.accuracy for report in reports]
    deviation = stdev(shares)
    return {
        "folds": [
            {"fold": r.folds[0], "accuracy": round(r.accuracy, 4), "clips": r.clips}
            for r in reports
        ],
        "mean": round(mean(shares), 4),
        "standard_deviation": round(deviation, 4),
        "standard_error": round(deviation / math.sqrt(len(shares)), 4),
    }


def summary(reports: Sequence[Report]) -> str:
    """Return one line for each fold's report, and one for the mean of several."""
    lines = [
        f"fold {', '.join(map(str, report.folds))}: {report.accuracy:.1%} "
        f"+- {report.standard_error:.1%} of {report.clips} clips, "
        f"in the top 3: {report.top_3_accuracy:.1%}"
        for report in reports
    ]
    if len(reports) > 1:
        over = cross_validation(reports)
        lines.append(
            f"mean of {len(reports)} folds: {over['mean']:.1%} +- {over['standard_error']:.1%}, "
            f"standard deviation between them {over['standard_deviation']:.1%}"
        )
    return "\n".join(lines)


def best_device() -> str:
    """Return "cuda" where it works, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"
