"""Commands that make networks: download, train, cross-validate."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import DATA_HELP, Add, add_runs, fold_list, runs_of
from resona_core.commands.loading import loading
from resona_core.commands.outputs import (
    CROSS_VALIDATION,
    add_force,
    check_folder_of,
    check_output,
)
from resona_core.training.fitting.recipes import read_recipe
from resona_core.training.fitting.run_folder import RunFolder
from resona_core.training.session import Session

if TYPE_CHECKING:
    from resona_core.training.cross_validation import Outcome
    from resona_core.training.preparation import Prepared

_OURS = "resona"  # the recipe, unless another is named


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("download", download)
    one.add_argument("--output", type=Path, default=Path("data/ESC-50"),
                     metavar="DIR",
                     help="folder to create (default: data/ESC-50)")  # fmt: skip
    one.add_argument("--url", help="other address of the archive; file:// for one on disk")
    one.add_argument(
        "--sha256",
        default="",
        metavar="HEX",
        help="expected checksum of the archive (default: none)",
    )
    one = add("train", train)
    _add_place(one)
    add_session(one)
    add_validation(one)
    one = add("finish", finish)
    one.add_argument("run", metavar="NAME", help="name of the run's folder")
    add_runs(one)
    one = add("cross-validate", cross_validate)
    _add_place(one)
    add_session(one)
    one.add_argument("--output", type=Path, metavar="X.json", help="also write the result as JSON")
    add_force(one)


def _add_place(one: argparse.ArgumentParser) -> None:
    """Give a command what training on this computer needs to know besides."""
    one.add_argument("--data", required=True, type=Path, metavar="PATH", help=DATA_HELP)
    one.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda if available")
    again = one.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="resume the run of this name")
    again.add_argument(
        "--overwrite", action="store_true", help="begin anew in place of the run of this name"
    )


def add_session(one: argparse.ArgumentParser) -> None:
    """Give a command everything that one training needs to know, wherever it runs."""
    _add_clips(one)
    _add_recipe(one)
    _add_names(one)
    add_runs(one)


def _add_clips(one: argparse.ArgumentParser) -> None:
    group = one.add_argument_group("what to train on")
    group.add_argument(
        "--folds", type=fold_list, metavar="1,2,3", help="folds to use (default: all)"
    )
    group.add_argument("--skip-unreadable", action="store_true", help="skip damaged files")
    group.add_argument(
        "--without",
        type=_words,
        default=(),
        metavar="CLASS,CLASS",
        help="classes to leave out, so that `evaluate --unknown` can test on them (default: none)",
    )
    group.add_argument(
        "--others",
        type=Path,
        metavar="DIR",
        help="sounds of none of the classes, to learn to reject (default: none)",
    )


def _add_recipe(one: argparse.ArgumentParser) -> None:
    group = one.add_argument_group("how to train")
    group.add_argument(
        "--recipe",
        metavar="NAME|X.toml",
        help="recipe (default: resona, with the front end of the initial weights, if any)",
    )
    group.add_argument(
        "--epochs", type=int, metavar="N", help="number of epochs (default: the recipe's)"
    )
    group.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="random seed (default: the recipe's, or one more than that of the initial weights)",
    )
    start = group.add_mutually_exclusive_group()
    start.add_argument(
        "--initial",
        type=Path,
        metavar="X.safetensors",
        help="weights to start from (default: none for ESC-50, the shipped weights for other data)",
    )
    start.add_argument("--from-scratch", action="store_true", help="start from random weights")
    group.add_argument(
        "--teacher",
        type=Path,
        metavar="FILE",
        help="weights of an EfficientAT network, such as mn04_as (.safetensors or .pt), to learn "
        "from (default: none)",
    )


def _add_names(one: argparse.ArgumentParser) -> None:
    group = one.add_argument_group("how to describe it")
    group.add_argument(
        "--name", default="run", metavar="NAME", help="name of the run (default: run)"
    )
    group.add_argument(
        "--data-name",
        default="",
        metavar="TEXT",
        help="name of the data, for the checkpoint (default: that of the folder)",
    )
    group.add_argument(
        "--licence",
        default="",
        metavar="TEXT",
        help="licence, for the checkpoint (default: that of the initial weights)",
    )


def add_validation(one: argparse.ArgumentParser) -> None:
    """Let a command of a single run leave out a fold."""
    one.add_argument(
        "--validate-on",
        type=int,
        metavar="FOLD",
        help="fold to hold out: its accuracy is logged, but no epoch is chosen by it",
    )


def download(options: argparse.Namespace) -> int:
    """Download ESC-50 (CC BY-NC 3.0, about 600 MB)."""
    from resona_core.training.data.download import ESC50_URL, download_esc50

    download_esc50(options.output, options.url or ESC50_URL, options.sha256)
    print(f"{options.output}\npython -m resona_core train --data {options.output}")
    return 0


def train(options: argparse.Namespace) -> int:
    """Train a network on ESC-50 or on your own sounds."""
    one = _session_here(options)
    print(f"{_prepared(one).run()}\ntensorboard --logdir {one.runs}")
    return 0


def finish(options: argparse.Namespace) -> int:
    """Make a model of what a stopped run has learnt so far."""
    with loading():
        from resona_core.training.fitting.finish import finish as finish_run
    print(finish_run(RunFolder(runs_of(options) / options.run)))
    return 0


def cross_validate(options: argparse.Namespace) -> int:
    """Cross-validate a recipe: each fold is held out once; the last epoch counts."""
    if options.output:  # told now, not hours later
        check_folder_of(options.output)
        check_output(options.output, CROSS_VALIDATION, _read_by(options), options.force)
    with loading():
        from resona_core.training import cross_validation, preparation
        from resona_core.training.fitting.run_folder import write_json
    asked = _session_here(options)
    asked = replace(asked, folds=preparation.all_folds(asked))
    found = cross_validation.run_all(
        cross_validation.one_for_each_fold(asked),
        _one_after_the_other,
        asked.runs,
        recipe_name(options),
        lambda text: print(text, flush=True),
    )
    if options.output:
        write_json(options.output, found.record)
    return 0


def _read_by(options: argparse.Namespace) -> list[Path | None]:
    recipe = Path(options.recipe) if options.recipe else None
    return [options.data, options.others, options.initial, options.teacher, recipe]


def _one_after_the_other(sessions: Sequence[Session]) -> Iterator[Outcome]:
    """Train and evaluate runs on this computer."""
    for each in sessions:
        if not (each.resume or each.overwrite):  # told now, not hours later
            each.folder.refuse_if_taken()
    for each in sessions:
        yield _prepared(each).train_and_evaluate()


def _prepared(one: Session) -> Prepared:
    """Prepare a training, and say what it learns from."""
    with loading():
        from resona_core.training import preparation
    prepared = preparation.prepare(one)
    print(prepared.to_text(), file=sys.stderr)
    return prepared


def _session_here(options: argparse.Namespace) -> Session:
    """Return what was asked of this computer."""
    return replace(
        session_of(options),
        device=options.device or "",
        resume=options.resume,
        overwrite=options.overwrite,
    )


def session_of(options: argparse.Namespace) -> Session:
    """Return what was asked for by the options of :func:`add_session`, and --data.

    Raises
    ------
    ConfigError
        If there is no such recipe, or it has no epochs.
    """
    recipe = read_recipe(recipe_name(options))
    return Session(
        data=options.data,
        runs=runs_of(options),
        name=options.name,
        folds=options.folds or (),
        validate_on=getattr(options, "validate_on", None),
        recipe=recipe if options.epochs is None else recipe.lasting(options.epochs),
        own_front_end=options.recipe is not None,
        initial=options.initial,
        from_scratch=options.from_scratch,
        seed=options.seed,
        teacher=options.teacher,
        others=options.others,
        without=options.without,
        skip_unreadable=options.skip_unreadable,
        data_name=options.data_name,
        licence=options.licence,
    )


def recipe_name(options: argparse.Namespace) -> str:
    """Return the name, or file, of the recipe asked for."""
    return options.recipe or _OURS


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))
