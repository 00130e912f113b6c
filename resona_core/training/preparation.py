"""A session carried out: read the clips, settle what they decide, train, evaluate."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from resona_core.config import FrontEndConfig, ModelConfig
from resona_core.errors import DataError
from resona_core.labels import ESC50_LABELS
from resona_core.network import checkpoint, description
from resona_core.network.model import AudioResNet
from resona_core.settings import SHIPPED_CHECKPOINT
from resona_core.training.cross_validation import Outcome
from resona_core.training.data.clip_table import ClipTable, read_table
from resona_core.training.data.clips import ClipSet, load_clips
from resona_core.training.data.others import KINDS, read_others
from resona_core.training.data.statistics import measure_front_end
from resona_core.training.evaluation.evaluate import evaluate
from resona_core.training.evaluation.records import Report
from resona_core.training.evaluation.report import evaluation_report
from resona_core.training.fitting.fit import fit
from resona_core.training.fitting.origin import Origin, read_origin
from resona_core.training.fitting.plan import RunPlan, describe
from resona_core.training.fitting.tagger import load_tagger
from resona_core.training.session import Session
from resona_core.words import folds_text

_BYTES_PER_WEIGHT = 34  # its state twice, while one is written over the other, and the model


@dataclass(frozen=True, eq=False)
class Prepared:
    """A session's plan, the clips it learns from, and those it leaves out."""

    session: Session
    plan: RunPlan
    clips: ClipSet
    held_out: ClipSet | None
    others: ClipSet | None
    initial_name: str  # of the weights it starts from; empty: none

    def to_text(self) -> str:
        """Say in a line or two what is learnt from what."""
        counts = Counter(self.plan.labels[i] for i in self.clips.targets.tolist())
        most, fewest = max(counts.values()), min(counts.values())
        each = f"{most} of each" if most == fewest else f"{fewest} to {most} of each"
        text = (
            f"learns from {len(self.clips):,} clips of {len(counts)} classes, {each}, in "
            f"{folds_text(self.plan.folds)}, {self.plan.front_end.window_s:g} s of every clip"
        )
        if self.held_out is not None:
            text += f"; {len(self.held_out):,} clips are held out"
        if self.others is not None:
            text += f"; and from {len(self.others):,} sounds of no class"
        return text + (
            f"\nstarts from the weights of {self.initial_name}" * bool(self.initial_name)
        )

    def train_and_evaluate(self, stored: Callable[[], None] | None = None) -> Outcome:
        """Train as :meth:`run` does; evaluate the weights on the held-out fold, if there is one."""
        report = evaluate_held_out(self.session, self.run(stored))
        return Outcome(report, self.plan.training.seed)

    def run(self, stored: Callable[[], None] | None = None) -> Path:
        """Train, and return the path of the finished checkpoint.

        Parameters
        ----------
        stored : callable, optional
            Called after each epoch, when the run can be resumed from what is on disk.

        Raises
        ------
        DataError
            If there is a run of this name that is not to be resumed, or that differs.
        """
        device, resume = self.session.device or best_device(), self.session.resume
        return fit(self.plan, self.clips, self.held_out, device, resume, stored, self.others)


def prepare(session: Session) -> Prepared:
    """Read the clips and settle what the data and the first weights decide.

    Raises
    ------
    DataError
        If the data cannot be used, no fold is left to learn from, or there is a run of this name
        that is not to be resumed.
    CheckpointError
        If the weights to start from cannot be read, or their front end, where it is kept, is
        that of another version of this program.
    """
    if not (session.resume or session.overwrite):
        session.folder.refuse_if_taken()
    table = _table(session)
    seen = _seen(session, table)
    initial = _initial(session, table.labels)
    start = read_origin(initial) if initial else None
    kept = description.read_info(initial) if initial and not session.own_front_end else None
    recipe = session.recipe
    front_end = kept.front_end if kept else recipe.front_end
    clips = _load(session, table, seen, front_end)
    _refuse_missing(table.labels, clips)
    others = _others(session, front_end)
    model = _model(recipe.model, start, len(table.labels), len(KINDS) if others else 0)
    _check_room(session.folder.path, model)
    if session.overwrite:
        session.folder.clear()
    plan = RunPlan(
        folder=session.folder.path,
        name=session.name,
        training=replace(
            recipe.training,
            batch_size=min(recipe.training.batch_size, len(clips)),
            seed=_seed(session, start),
        ),
        model=model,
        front_end=front_end if kept else measure_front_end(clips, front_end),
        labels=table.labels,
        folds=seen,
        data=session.data_name or session.data.resolve().name,
        licence=session.licence or (start.licence if start else ""),
        initial=initial,
        teacher=session.teacher,
        kinds=KINDS if others else (),
        learnt=_learnt(start, clips, others),
        stored_every=session.stored_every,
    )
    left_out = session.validate_on
    held_out = None if left_out is None else _load(session, table, [left_out], front_end)
    return Prepared(session, plan, clips, held_out, others, start.name if start else "")


def check(session: Session) -> None:
    """Refuse, on any computer, what training would refuse on an expensive one.

    Where a run of this name lies already, that takes reading all clips, to tell whether it is
    the same.

    Raises
    ------
    DataError, CheckpointError
        As :func:`prepare` and :meth:`Prepared.run` would.
    """
    if session.folder.is_taken:
        plan = prepare(session).plan
        session.folder.resume(json.loads(describe(plan).to_json()))
        return
    table = _table(session)
    left_out = [] if session.validate_on is None else [session.validate_on]
    table.folds([*_seen(session, table), *left_out])
    if (initial := _initial(session, table.labels)) is not None:
        read_origin(initial)
    if session.others is not None:
        read_others(session.others)
    if session.teacher is not None:
        load_tagger(session.teacher)


def _table(session: Session) -> ClipTable:
    """Return the clips of all classes that are not left out."""
    return read_table(session.data).divided().without(session.without)


def _load(
    session: Session, table: ClipTable, folds: Collection[int], front_end: FrontEndConfig
) -> ClipSet:
    """Return the clips of these folds, in memory."""
    clips = table.folds(folds)
    return load_clips(clips, front_end, skip_unreadable=session.skip_unreadable)


def _check_room(folder: Path, model: ModelConfig) -> None:
    """Refuse a place that cannot be written to, or has too little room, before the first epoch."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise DataError(f"Nothing can be written to {there}; choose another place with --runs.")
    network = AudioResNet(model, empty=True)
    needed = _BYTES_PER_WEIGHT * sum(weights.numel() for weights in network.parameters())
    if (free := shutil.disk_usage(there).free) < needed:
        raise DataError(
            f"{there} has {free / 1e6:,.0f} MB free, and the run needs up to {needed / 1e6:,.0f}; "
            "make room, or choose another place with --runs."
        )


def _refuse_missing(labels: Sequence[str], clips: ClipSet) -> None:
    """Refuse classes of which no clip is left to learn from."""
    present = set() if clips.table is None else set(clips.table.table["label"])
    if missing := [label for label in labels if label not in present]:
        raise DataError(
            f"No clip of {', '.join(missing)} is left to learn from, in these folds and with "
            "something to hear; add some, or leave the class out (--without)."
        )


def _learnt(start: Origin | None, *sets: ClipSet | None) -> str:
    """Return the digests of all clips learnt from, now or by the weights to start from."""
    found = set(start.learnt.split()) if start else set()
    for clips in sets:
        if clips is not None and clips.table is not None:
            found |= set(clips.table.table["digest"])
    return " ".join(sorted(found))


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
    return _load(session, table, folds, front_end)


def _seed(session: Session, start: Origin | None) -> int:
    """Return what all draws start from: what was asked for, or a number not used before."""
    if session.seed is not None:
        return session.seed
    return start.seed + 1 if start else session.recipe.training.seed


def _seen(session: Session, table: ClipTable) -> tuple[int, ...]:
    """Return the folds to learn from."""
    folds = session.folds or table.learnable_folds
    if seen := tuple(fold for fold in folds if fold != session.validate_on):
        return seen
    raise DataError(
        f"Fold {session.validate_on} is held out and no other is left to train on; add more to "
        "--folds."
    )


def _initial(session: Session, labels: Sequence[str]) -> Path | None:
    """Return the weights to start from; not the shipped ones for the clips they were made of."""
    is_esc50 = (session.data / "meta").is_dir() and set(labels) <= set(ESC50_LABELS)
    if session.initial or session.from_scratch or is_esc50:
        return session.initial
    return SHIPPED_CHECKPOINT


def evaluate_held_out(session: Session, model: Path) -> Report | None:
    """Return the report of `model` on the fold that `session` leaves out; without one, nothing.

    The weights are those of the last epoch, so the fold has had no say in them.
    """
    if session.validate_on is None:
        return None
    classifier = checkpoint.load(model, session.device or best_device())
    clips = _table(session).folds([session.validate_on])
    answers = evaluate(classifier, clips, session.skip_unreadable)
    return evaluation_report(classifier.info, answers)


def all_folds(session: Session) -> tuple[int, ...]:
    """Return the folds asked for, or all that the data holds."""
    return session.folds or _table(session).learnable_folds


def best_device() -> str:
    """Return "cuda" where it works, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"
