"""The masker of the method "mask" is made: ``train-masker``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import DATA_HELP, Add, add_checkpoint, fold_list, settings_of
from resona_core.commands.loading import loading
from resona_core.commands.outputs import MASKER, add_force, check_folder_of, check_output
from resona_core.errors import RequestError
from resona_core.explain.explanation import masker_path

if TYPE_CHECKING:
    from resona_core.network.description import CheckpointInfo
    from resona_core.training.data.clip_table import ClipTable
    from resona_core.training.data.clips import ClipSet

_EPOCHS = 3


def add_to(add: Add) -> None:
    """Add the command."""
    one = add("train-masker", train_masker)
    add_data(one)
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


def add_data(one: argparse.ArgumentParser) -> None:
    """Give a command the options which clips it learns from or explains."""
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
    table = table_of(options.data, classifier.info)
    folds = options.folds or tuple(sorted(set(classifier.info.folds) & set(table.table["fold"])))
    clips = load_clips(table.folds(folds or table.learnable_folds), classifier.info.front_end)
    masker = learn_masker(classifier, clips, options.epochs, options.seed)
    info = MaskerInfo(
        weights=weights_digest(classifier.network),
        folds=folds or table.learnable_folds,
        learnt=" ".join(digests(clips)),
        epochs=options.epochs,
        seed=options.seed,
    )
    save_masker(output, masker, info)
    print(output)
    return 0


def table_of(data: Path, info: CheckpointInfo) -> ClipTable:
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


def digests(clips: ClipSet) -> list[str]:
    """Return what names each clip by its content, sorted."""
    assert clips.table is not None
    return sorted(clips.table.table["digest"])
