"""Commands that make and examine networks: download, train, evaluate, release."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resona_core.commands import Add, add_checkpoint
from resona_core.labels import spoken

if TYPE_CHECKING:
    from resona_core.training.recipes import Recipe

_DATA_HELP = (
    "ESC-50's layout (audio/ and meta/*.csv), a folder with a folder of sounds for each class, or "
    "a CSV with the columns filename, label and, if known, fold and source (clips of one recording)"
)


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("download", download)
    one.add_argument("--output", type=Path, default=Path("data/ESC-50"),
                     help="folder to make (data/ESC-50)")  # fmt: skip
    one.add_argument("--url", help="another address of the archive")
    one.add_argument("--sha256", default="", help="the archive's checksum, if you know it")
    one = add("train", train)
    one.add_argument("--data", required=True, type=Path, help=_DATA_HELP)
    one.add_argument("--skip-unreadable", action="store_true", help="leave out damaged files")
    one.add_argument("--folds", type=_folds, metavar="1,2,3", help="default: all there are")
    start = one.add_mutually_exclusive_group()
    start.add_argument(
        "--initial", type=Path, metavar="X.safetensors",
        help="weights to start from; default: none for ESC-50, the shipped ones for other sounds",
    )  # fmt: skip
    start.add_argument("--from-scratch", action="store_true", help="start from no weights")
    one.add_argument("--validate-on", type=int, metavar="FOLD", help="left out, only logged")
    one.add_argument("--epochs", type=int, help="default: the recipe's")
    one.add_argument(
        "--front-end", choices=("44k", "16k"), help="default: that of the first weights, else 44k"
    )
    one.add_argument("--name", default="run", help="name of the run's folder (run)")
    one.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (runs)")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where it works")
    one.add_argument("--resume", action="store_true", help="go on with the run of this name")
    one.add_argument("--data-name", help="what the checkpoint says it was trained on")
    one.add_argument("--licence", default="", help="default: that of the first weights")
    one = add("evaluate", evaluate)
    one.add_argument("--data", required=True, type=Path, help=_DATA_HELP)
    one.add_argument("--folds", required=True, type=_folds, metavar="1,2,3")
    one.add_argument("--robustness", action="store_true", help="also quieter, noisier, ...")
    one.add_argument("--json", action="store_true", help="one JSON object")
    one.add_argument("--output", type=Path, metavar="X.json", help="write the JSON to a file too")
    add_checkpoint(one)
    one = add("release", release)
    one.add_argument("--model", required=True, type=Path, help="a finished run's .safetensors")
    one.add_argument("--scores", required=True, type=Path, help="what `evaluate --json` printed")
    one.add_argument("--name", required=True, help="the name users see")
    one.add_argument("--output", required=True, type=Path)


def download(options: argparse.Namespace) -> int:
    """Fetch ESC-50 (CC BY-NC 3.0, about 600 MB), or go on with fetching it."""
    from resona_core.training.download import ESC50_URL, download_esc50

    download_esc50(options.output, options.url or ESC50_URL, options.sha256)
    print(f"{options.output}\npython -m resona_core train --data {options.output}")
    return 0


def train(options: argparse.Namespace) -> int:
    """Train a network on ESC-50 or on sounds of your own."""
    from resona_core.training import session

    prepared = session.prepare(
        session.Session(
            data=options.data,
            runs=options.runs,
            name=options.name,
            folds=options.folds or (),
            validate_on=options.validate_on,
            recipe=_recipe(options),
            own_front_end=options.front_end is not None,
            initial=options.initial,
            from_scratch=options.from_scratch,
            skip_unreadable=options.skip_unreadable,
            device=options.device or "",
            resume=options.resume,
            data_name=options.data_name or "",
            licence=options.licence,
        )
    )
    if prepared.initial_name:
        print(f"starts from the weights of {prepared.initial_name}", file=sys.stderr)
    print(f"{prepared.run()}\ntensorboard --logdir {options.runs}")
    return 0


def _recipe(options: argparse.Namespace) -> Recipe:
    """Return our recipe with the front end, the seed and the epochs asked for."""
    from resona_core.training.recipes import read_recipe

    recipe = read_recipe("resona-16k" if options.front_end == "16k" else "resona")
    epochs = options.epochs or recipe.training.epochs
    return replace(recipe, training=replace(recipe.training, seed=options.seed, epochs=epochs))


def evaluate(options: argparse.Namespace) -> int:
    """Examine a checkpoint on chosen folds."""
    from resona_core.training import data
    from resona_core.training.evaluate import evaluate_conditions
    from resona_core.training.report import evaluation_report
    from resona_core.training.robustness import CONDITIONS

    classifier = _load_checkpoint(options)
    if overlap := sorted(set(options.folds) & set(classifier.info.folds)):
        print(
            f"warning: the checkpoint was trained on fold {_listed(overlap)}; this is no test.",
            file=sys.stderr,
        )
    clips = data.read_table(options.data).folds(options.folds)
    conditions = list(CONDITIONS) if options.robustness else ["clean"]
    answers = evaluate_conditions(classifier, clips, conditions)
    report = evaluation_report(
        classifier.info, answers["clean"], answers if options.robustness else None
    )
    if options.output:
        options.output.write_text(json.dumps(report, indent=1) + "\n")
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
        temperature=scores["calibration"]["temperature"],
    )
    checkpoint.save(options.output, info, classifier.network.state_dict())
    print(options.output)
    return 0


def _report_text(report: dict[str, Any]) -> str:
    """Lay an examination out for reading: scores, calibration, conditions, classes."""
    calibration = report["calibration"]
    before, after = calibration["before"], calibration["after"]
    lines = [
        f"{report['accuracy']:.1%} +- {report['standard_error']:.1%} of {report['clips']} clips "
        f"(fold {_listed(report['folds'])}); in the top 3: {report['top_3_accuracy']:.1%}",
        f"temperature {calibration['temperature']:.3f} (cross-fitted), "
        + ", ".join(f"{key} {before[key]:.3f} -> {after[key]:.3f}" for key in before)
        + f"; ECE of perfect calibration {calibration['ece_noise_floor']:.3f}",
    ]
    for row in report["verdicts"]:
        if row["count"]:
            lines.append(f'"{row["claim"]}": right {row["right"]:.1%} of {row["count"]}')
    for row in report.get("robustness", []):
        lines.append(f"{row['accuracy']:>7.1%} +- {row['standard_error']:.1%}  {row['condition']}")
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
