"""Commands that make networks: download, train, cross-validate."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import DATA_HELP, Add, fold_list

if TYPE_CHECKING:
    from resona_core.training.fitting.recipes import Recipe
    from resona_core.training.session import Session


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("download", download)
    one.add_argument("--output", type=Path, default=Path("data/ESC-50"),
                     help="folder to make (data/ESC-50)")  # fmt: skip
    one.add_argument("--url", help="another address of the archive")
    one.add_argument("--sha256", default="", help="the archive's checksum, if you know it")
    one = add("train", train)
    _add_session(one)
    one.add_argument("--validate-on", type=int, metavar="FOLD", help="left out, only logged")
    one = add("cross-validate", cross_validate)
    _add_session(one)
    one.add_argument("--output", type=Path, metavar="X.json", help="write the result as JSON")


def _add_session(one: argparse.ArgumentParser) -> None:
    """Give a command everything that one training needs to know."""
    one.add_argument("--data", required=True, type=Path, help=DATA_HELP)
    one.add_argument("--skip-unreadable", action="store_true", help="leave out damaged files")
    one.add_argument("--folds", type=fold_list, metavar="1,2,3", help="default: all there are")
    one.add_argument(
        "--without", type=_words, default=(), metavar="CLASS,CLASS",
        help="classes to leave out, to measure how unknown sounds are told",
    )  # fmt: skip
    one.add_argument(
        "--teacher", type=Path, metavar="FILE",
        help="weights of an EfficientAT network (mn04_as ...), .safetensors or .pt, to learn from",
    )  # fmt: skip
    one.add_argument(
        "--others", type=Path, metavar="DIR", help="sounds of none of the classes, to learn as such"
    )
    start = one.add_mutually_exclusive_group()
    start.add_argument(
        "--initial", type=Path, metavar="X.safetensors",
        help="weights to start from; default: none for ESC-50, the shipped ones for other sounds",
    )  # fmt: skip
    start.add_argument("--from-scratch", action="store_true", help="start from no weights")
    one.add_argument(
        "--recipe", metavar="NAME|X.toml",
        help="default: resona, with the front end of the weights it starts from, if any",
    )  # fmt: skip
    one.add_argument("--epochs", type=int, help="default: the recipe's")
    one.add_argument("--name", default="run", help="name of the run's folder (run)")
    one.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (runs)")
    one.add_argument(
        "--seed", type=int, help="default: the recipe's, or one more than that of the first weights"
    )
    one.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where it works")
    one.add_argument("--resume", action="store_true", help="go on with the run of this name")
    one.add_argument("--data-name", help="what the checkpoint says it was trained on")
    one.add_argument("--licence", default="", help="default: that of the first weights")


def download(options: argparse.Namespace) -> int:
    """Fetch ESC-50 (CC BY-NC 3.0, about 600 MB), or go on with fetching it."""
    from resona_core.training.data.download import ESC50_URL, download_esc50

    download_esc50(options.output, options.url or ESC50_URL, options.sha256)
    print(f"{options.output}\npython -m resona_core train --data {options.output}")
    return 0


def train(options: argparse.Namespace) -> int:
    """Train a network on ESC-50 or on sounds of your own."""
    print(f"{_run(_session(options))}\ntensorboard --logdir {options.runs}")
    return 0


def cross_validate(options: argparse.Namespace) -> int:
    """Train on all folds but one and test on that one, each in turn; no epoch is chosen."""
    from resona_core.network import checkpoint
    from resona_core.training import session
    from resona_core.training.data.clips import read_table

    folds = options.folds or tuple(sorted(set(read_table(options.data).table["fold"])))
    reports, seeds = [], set()
    for one in session.one_for_each_fold(replace(_session(options), folds=folds)):
        model = _run(one)
        seeds.add(checkpoint.read_info(model).training.seed)
        if report := session.examine(one, model):
            reports.append(report)
        print(session.summary(reports[-1:]), flush=True)
    result = session.cross_validation(reports) | {
        "recipe": options.recipe or "resona", "seeds": sorted(seeds)
    }  # fmt: skip
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    print(session.summary(reports).splitlines()[-1])
    return 0


def _session(options: argparse.Namespace) -> Session:
    from resona_core.training.session import Session

    return Session(
        data=options.data,
        runs=options.runs,
        name=options.name,
        folds=options.folds or (),
        validate_on=getattr(options, "validate_on", None),
        recipe=_recipe(options),
        own_front_end=options.recipe is not None,
        initial=options.initial,
        from_scratch=options.from_scratch,
        seed=options.seed,
        teacher=options.teacher,
        others=options.others,
        without=options.without,
        skip_unreadable=options.skip_unreadable,
        device=options.device or "",
        resume=options.resume,
        data_name=options.data_name or "",
        licence=options.licence,
    )


def _run(one: Session) -> Path:
    """Train, after saying which weights it starts from."""
    from resona_core.training import session

    prepared = session.prepare(one)
    if prepared.initial_name:
        print(f"starts from the weights of {prepared.initial_name}", file=sys.stderr)
    return prepared.run()


def _recipe(options: argparse.Namespace) -> Recipe:
    """Return the recipe asked for, with the epochs asked for."""
    from resona_core.training.fitting.recipes import read_recipe

    recipe = read_recipe(options.recipe or "resona")
    epochs = options.epochs or recipe.training.epochs
    return replace(recipe, training=replace(recipe.training, epochs=epochs))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
