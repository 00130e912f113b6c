"""Commands that make and examine networks: train, evaluate, release."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from resona_core.commands import Add, add_checkpoint
from resona_core.labels import spoken


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("train", train)
    one.add_argument("--data", required=True, type=Path, help="folder with audio/ and meta/*.csv")
    one.add_argument("--folds", type=_folds, metavar="1,2,3", help="default: all there are")
    one.add_argument("--initial", type=Path, metavar="X.safetensors", help="weights to start from")
    one.add_argument("--validate-on", type=int, metavar="FOLD", help="left out, only logged")
    one.add_argument("--epochs", type=int, help="default: the recipe's")
    one.add_argument("--front-end", choices=("44k", "16k"), default="44k", help="sample rate (44k)")
    one.add_argument("--name", default="run", help="name of the run's folder (run)")
    one.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (runs)")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where it works")
    one.add_argument("--resume", action="store_true", help="go on with the run of this name")
    one.add_argument("--data-name", help="what the checkpoint says it was trained on")
    one.add_argument("--licence", default="", help="what the checkpoint says of its use")
    one = add("evaluate", evaluate)
    one.add_argument("--data", required=True, type=Path, help="folder with audio/ and meta/*.csv")
    one.add_argument("--folds", required=True, type=_folds, metavar="1,2,3")
    one.add_argument("--json", action="store_true", help="one JSON object")
    add_checkpoint(one)
    one = add("release", release)
    one.add_argument("--model", required=True, type=Path, help="a finished run's .safetensors")
    one.add_argument("--scores", required=True, type=Path, help="what `evaluate --json` printed")
    one.add_argument("--name", required=True, help="the name users see")
    one.add_argument("--output", required=True, type=Path)


def train(options: argparse.Namespace) -> int:
    """Train a network on a dataset in ESC-50's layout."""
    from resona_core.config import TrainConfig
    from resona_core.training import session

    recipe = TrainConfig(seed=options.seed)
    if options.epochs:
        recipe = replace(recipe, epochs=options.epochs)
    path = session.run(
        session.Session(
            data=options.data,
            runs=options.runs,
            name=options.name,
            folds=options.folds or (),
            validate_on=options.validate_on,
            recipe=session.Recipe(session.FRONT_ENDS[options.front_end], training=recipe),
            initial=options.initial,
            device=options.device or "",
            resume=options.resume,
            data_name=options.data_name or "",
            licence=options.licence,
        )
    )
    print(f"{path}\ntensorboard --logdir {options.runs}")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Examine a checkpoint on chosen folds."""
    from resona_core.training import data
    from resona_core.training.evaluate import evaluate as examine

    classifier = _load_checkpoint(options)
    overlap = sorted(set(options.folds) & set(classifier.info.folds))
    if overlap:
        print(
            f"warning: the checkpoint was trained on fold {', '.join(map(str, overlap))}; "
            "this is no test.",
            file=sys.stderr,
        )
    result = examine(classifier, data.read_table(options.data).folds(options.folds))
    report = result.report(classifier.info, options.folds)
    print(json.dumps(report) if options.json else _report_text(report))
    return 0


def release(options: argparse.Namespace) -> int:
    """Copy a finished run's weights to where they are shipped, with another run's scores."""
    from resona_core import checkpoint

    classifier = checkpoint.load(options.model)
    scores = json.loads(options.scores.read_text())
    info = replace(
        classifier.info,
        name=options.name,
        validation=(
            f"The same recipe trained on folds {_listed(scores['trained_on_folds'])} and tested "
            f"once on fold {_listed(scores['folds'])}; these weights are trained on folds "
            f"{_listed(classifier.info.folds)} for the same number of epochs."
        ),
        scores={key: scores[key] for key in ("accuracy", "standard_error", "top_3_accuracy")},
    )
    checkpoint.save(options.output, info, classifier.network.state_dict())
    print(options.output)
    return 0


def _report_text(report: dict[str, Any]) -> str:
    lines = [
        f"{report['accuracy']:.1%} +- {report['standard_error']:.1%} of {report['clips']} clips "
        f"(fold {_listed(report['folds'])}); in the top 3: {report['top_3_accuracy']:.1%}"
    ]
    worst_first = sorted(report["per_class"].items(), key=lambda item: item[1])
    return "\n".join(lines + [f"  {share:>5.0%}  {spoken(name)}" for name, share in worst_first])


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _load_checkpoint(options: argparse.Namespace) -> Any:
    from resona_core import checkpoint
    from resona_core.settings import settings

    return checkpoint.load(options.checkpoint or settings().checkpoint)


def _folds(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
