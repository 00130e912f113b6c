"""Commands about explanations as such: make the masker, measure every method."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import DATA_HELP, Add, add_checkpoint, fold_list, settings_of
from resona_core.commands.clip_journal import ClipJournal
from resona_core.commands.loading import loading
from resona_core.commands.outputs import (
    EXPLANATION_BENCH,
    MASKER,
    add_force,
    check_folder_of,
    check_output,
)
from resona_core.commands.printing import say
from resona_core.errors import RequestError
from resona_core.explain.explanation import METHODS, Method, masker_path
from resona_core.training.evaluation.explained import CONDITIONS
from resona_core.training.fitting.run_folder import write_json

if TYPE_CHECKING:
    from resona_core.explain.masker import MaskerInfo
    from resona_core.network.checkpoint import Classifier
    from resona_core.network.description import CheckpointInfo
    from resona_core.training.data.clip_table import ClipTable
    from resona_core.training.data.clips import ClipSet
    from resona_core.training.evaluation.explained import (
        ClipCondition,
        Faithfulness,
        FaithfulnessTable,
    )
    from resona_core.training.explanation_bench import Ear, ExplanationBench

_EPOCHS = 3


def add_to(add: Add) -> None:
    """Add the commands."""
    one = add("train-masker", train_masker)
    _add_data(one)
    one.add_argument(
        "--folds", type=fold_list, metavar="1,2,3",
        help="folds to learn from (default: those the weights have learnt)",
    )  # fmt: skip
    one.add_argument("--epochs", type=int, default=_EPOCHS, metavar="N",
                     help=f"number of epochs (default: {_EPOCHS})")  # fmt: skip
    one.add_argument(
        "--output", type=Path, metavar="X.safetensors",
        help="file to write (default: beside the weights, where they look for it)",
    )  # fmt: skip
    one = add("explain-bench", explain_bench)
    _add_data(one)
    one.add_argument(
        "--folds", type=fold_list, required=True, metavar="N", help="folds to explain clips of"
    )
    one.add_argument("--clips", type=int, default=60, metavar="K", help="how many (default: 60)")
    one.add_argument(
        "--methods", type=_methods, default=("mask", *(m for m in METHODS if m != "mask")),
        metavar="NAME,NAME", help="methods; chance keeps as much as the first one (default: all)",
    )  # fmt: skip
    one.add_argument(
        "--judge", type=Path, metavar="FILE",
        help="weights of an EfficientAT network, whose ear judges the parts; it learns the classes "
        "from the other folds (default: none)",
    )  # fmt: skip
    one.add_argument(
        "--condition", choices=CONDITIONS, help="clips as they are, or with a fifth of another "
        "mixed in (default: first the one, then the other)",
    )  # fmt: skip
    one.add_argument(
        "--output", type=Path, metavar="X.json",
        help="also write every figure; stopped, the same command goes on",
    )  # fmt: skip


def _add_data(one: argparse.ArgumentParser) -> None:
    one.add_argument("--data", required=True, type=Path, metavar="PATH", help=DATA_HELP)
    one.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")
    add_force(one)
    add_checkpoint(one)


def train_masker(options: argparse.Namespace) -> int:
    """Train the masker of the method "mask" for a network's weights (minutes)."""
    with loading():
        from resona_core.explain.masker import (
            MaskerInfo,
            save_masker,
            weights_digest,
        )
        from resona_core.network import checkpoint
        from resona_core.training.data.clips import load_clips
        from resona_core.training.fitting.masker import learn_masker
    weights = settings_of(options).checkpoint
    output = options.output or masker_path(weights)
    check_output(output, MASKER, [options.data, weights], options.force)
    check_folder_of(output)
    if options.epochs < 1:
        raise RequestError(f"The masker cannot learn for {options.epochs} epochs; give 1 or more.")
    classifier = checkpoint.load(weights)
    table = _table(options.data, classifier.info)
    folds = options.folds or tuple(sorted(set(classifier.info.folds) & set(table.table["fold"])))
    clips = load_clips(table.folds(folds or table.learnable_folds), classifier.info.front_end)
    masker = learn_masker(classifier, clips, options.epochs, options.seed)
    info = MaskerInfo(
        weights=weights_digest(classifier.network),
        folds=folds or table.learnable_folds,
        learnt=" ".join(_digests(clips)),
        epochs=options.epochs,
        seed=options.seed,
    )
    save_masker(output, masker, info)
    print(output)
    return 0


def explain_bench(options: argparse.Namespace) -> int:
    """Measure how faithful and how honest each method's explanations are (minutes to hours).

    With --output, what is stopped goes on where it was when the same command is given again.
    """
    with loading():
        from resona_core.explain.faithfulness import table
        from resona_core.explain.masker import load_masker
        from resona_core.network import checkpoint
        from resona_core.training.data.clips import load_clips
        from resona_core.training.explanation_bench import ExplanationBench
    weights = settings_of(options).checkpoint
    if options.output:
        check_output(options.output, EXPLANATION_BENCH, [options.data, weights], options.force)
        check_folder_of(options.output)
    classifier = checkpoint.load(weights)
    masker, info = load_masker(masker_path(weights), classifier.network)
    all_clips = _table(options.data, classifier.info)
    clips = load_clips(_some(all_clips.folds(options.folds), options), classifier.info.front_end)
    found = _about(options, classifier, info, clips)
    say("note", _learnt(found, clips, classifier.info))
    with _journal(options, found, clips) as journal:
        ear = _ear(all_clips, options, classifier.info) if options.judge else None
        bench = ExplanationBench(classifier, masker, ear, options.seed)
        for condition in [options.condition] if options.condition else CONDITIONS:
            measured = _measured(bench, clips, condition, found, journal)
            print(f"{condition}, {len(clips)} clips\n\n{table(measured.methods)}\n", flush=True)
            found = replace(found, tables=(*found.tables, measured))
        if options.output:
            write_json(options.output, found.to_dict())
    journal.forget()
    return 0


def _about(
    options: argparse.Namespace, classifier: Classifier, masker: MaskerInfo, clips: ClipSet
) -> Faithfulness:
    """Return what is measured, of what and on what; nothing is measured yet."""
    from resona_core.explain.masker import weights_digest
    from resona_core.training.evaluation.explained import Faithfulness

    return Faithfulness(
        clips=len(clips),
        folds=options.folds,
        seed=options.seed,
        weights=weights_digest(classifier.network),
        tables=(),
        checkpoint=classifier.info.name,
        methods=options.methods,
        judge=options.judge.name if options.judge else "",
        learnt=_count(clips, classifier.info.learnt),
        masker_learnt=_count(clips, masker.learnt),
    )


def _journal(options: argparse.Namespace, found: Faithfulness, clips: ClipSet) -> ClipJournal:
    """Return what an earlier call has measured of the same, beside the file to write."""
    told = ("weights", "checkpoint", "clips", "seed", "judge", "learnt", "masker_learnt")
    same = {name: getattr(found, name) for name in told}
    same |= {"folds": _listed(found.folds), "methods": _listed(found.methods)}
    same |= {"data": hashlib.sha256(" ".join(_digests(clips)).encode()).hexdigest()[:12]}
    path = options.output.with_suffix(".clips.jsonl") if options.output else None
    journal = ClipJournal(path, same)
    if journal.found:
        say("note", f"{len(journal.found)} clips were measured before; the rest is measured now.")
    return journal


def _measured(
    bench: ExplanationBench,
    clips: ClipSet,
    condition: ClipCondition,
    found: Faithfulness,
    journal: ClipJournal,
) -> FaithfulnessTable:
    """Measure all clips in a condition that the journal lacks; return the figures of all."""
    from tqdm import tqdm

    from resona_core.explain.faithfulness import figures
    from resona_core.training.evaluation.explained import FaithfulnessTable
    from resona_core.training.explanation_bench import mixtures

    mixed = mixtures(clips, range(len(clips)), condition == "contaminated", found.seed)
    names = [f"{condition} {number}" for number in range(len(clips))]
    bar = tqdm(names, condition, unit="clip", file=sys.stderr)
    for name, mixture in zip(bar, mixed, strict=True):
        if name not in journal.found:
            trials = bench.trials(mixture, found.methods)
            journal.add(name, {method: trial.values() for method, trial in trials.items()})
    of_clips = [journal.found[name] for name in names]
    return FaithfulnessTable(
        condition,
        {
            method: figures([each[method] for each in of_clips], found.seed)
            for method in of_clips[0]
        },
    )


def _table(data: Path, info: CheckpointInfo) -> ClipTable:
    """Return the dataset's clips in folds, their targets counted in the network's classes."""
    from resona_core.training.data.clip_table import ClipTable, read_table

    found = read_table(data).divided()
    if unknown := sorted(set(found.labels) - set(info.labels)):
        raise RequestError(
            f"The checkpoint does not know the class {', '.join(unknown)}; give the data it was "
            "trained on, or its own weights by --checkpoint."
        )
    targets = found.table["label"].map(info.labels.index)
    return ClipTable(found.table.assign(target=targets), info.labels)


def _some(clips: ClipTable, options: argparse.Namespace) -> ClipTable:
    """Return as many clips as asked for: of every class equally many, as far as that goes."""
    from resona_core.training.data.clip_table import ClipTable

    if options.clips < 1:
        raise RequestError(f"{options.clips} clips cannot be explained; give 1 or more.")
    shuffled = clips.table.sample(frac=1, random_state=options.seed)
    turn = shuffled.groupby("label").cumcount()
    order = turn.sort_values(kind="stable").index[: options.clips]
    return ClipTable(shuffled.loc[order], clips.labels)


def _count(clips: ClipSet, learnt: str) -> int | None:
    """Return how many of the clips are among those that were learnt from; None: not known."""
    return len(set(_digests(clips)) & set(learnt.split())) if learnt else None


def _learnt(found: Faithfulness, clips: ClipSet, network: CheckpointInfo) -> str:
    """Say which of the clips network and masker have learnt from."""
    from resona_core.training.evaluation.learnt import unlearnt

    told = f"of {found.clips} clips the masker has learnt {found.masker_learnt}"
    if found.learnt is not None:
        return f"{told}, the network {found.learnt}."
    assert clips.table is not None
    return f"{told}; {unlearnt(clips.table, network).warning or 'of the network it is not known.'}"


def _listed(parts: Sequence[object]) -> str:
    return ",".join(map(str, parts))


def _digests(clips: ClipSet) -> list[str]:
    assert clips.table is not None
    return sorted(clips.table.table["digest"])


def _ear(clips: ClipTable, options: argparse.Namespace, info: CheckpointInfo) -> Ear:
    """Return what a tagger hears that has learnt the classes from the folds not asked for."""
    from torch.nn import functional as F  # noqa: N812 - torch's own convention

    from resona_core.training.data.clips import load_clips
    from resona_core.training.fitting.tagger import load_tagger
    from resona_core.training.fitting.teaching import Teacher, learn_ear

    others = [fold for fold in sorted(set(clips.table["fold"])) if fold not in options.folds]
    if not others:
        raise RequestError("No fold is left for the judge to learn from; leave one out of --folds.")
    heard = load_clips(clips.folds(others), info.front_end)
    teacher = Teacher(load_tagger(options.judge), len(info.labels), info.front_end.sample_rate_hz)
    targets = F.one_hot(heard.targets, len(info.labels)).float()
    return learn_ear(teacher, heard.waveforms, targets, info.training).hears


def _methods(text: str) -> tuple[Method, ...]:
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in METHODS]:
        raise argparse.ArgumentTypeError(
            f"there is no method {', '.join(unknown)}; the methods are {', '.join(METHODS)}"
        )
    return tuple(dict.fromkeys(wanted))  # type: ignore[arg-type] # each is one of METHODS
