"""Commands that examine networks, average them and ship them: evaluate, average, release."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from resona_core.commands import DATA_HELP, Add, add_checkpoint, fold_list
from resona_core.errors import DataError
from resona_core.labels import spoken
from resona_core.settings import settings


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("evaluate", evaluate)
    one.add_argument("--data", required=True, type=Path, help=DATA_HELP)
    one.add_argument("--folds", required=True, type=fold_list, metavar="1,2,3")
    one.add_argument("--robustness", action="store_true", help="also quieter, noisier, ...")
    one.add_argument(
        "--unknown", action="store_true",
        help="measure how clips of classes it was trained without are told",
    )  # fmt: skip
    one.add_argument("--json", action="store_true", help="one JSON object")
    one.add_argument("--output", type=Path, metavar="X.json", help="write the JSON to a file too")
    add_checkpoint(one)
    one = add("average", average)
    one.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="finished .safetensors")
    one.add_argument("--name", default="average", help="name of the run's folder (average)")
    one.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (runs)")
    one = add("release", release)
    one.add_argument("--model", required=True, type=Path, help="a finished run's .safetensors")
    one.add_argument("--scores", required=True, type=Path, help="what `evaluate --json` printed")
    one.add_argument("--name", required=True, help="the name users see")
    one.add_argument(
        "--tell-unknown", action="store_true",
        help="call sounds of less energy than 95 %% of the known clips none of the classes; worth "
        "it where `evaluate --unknown` finds that most unknown clips have less",
    )  # fmt: skip
    one.add_argument("--output", required=True, type=Path)


def evaluate(options: argparse.Namespace) -> int:
    """Examine a checkpoint on chosen folds."""
    from resona_core import checkpoint
    from resona_core.training import data
    from resona_core.training.evaluate import evaluate_conditions, predict
    from resona_core.training.report import evaluation_report
    from resona_core.training.robustness import CONDITIONS
    from resona_core.training.unknown import unknown_report

    classifier = checkpoint.load(options.checkpoint or settings().checkpoint)
    if overlap := sorted(set(options.folds) & set(classifier.info.folds)):
        print(
            f"warning: the checkpoint was trained on fold {_listed(overlap)}; this is no test.",
            file=sys.stderr,
        )
    clips = data.read_table(options.data).folds(options.folds)
    strangers = set(clips.labels) - set(classifier.info.labels) if options.unknown else set()
    if options.unknown and not strangers:
        raise DataError(
            "The checkpoint knows every class of the data; --unknown needs one that was trained "
            "with `train --without CLASS,CLASS`."
        )
    known = clips.only(set(clips.labels) - strangers) if strangers else clips
    conditions = list(CONDITIONS) if options.robustness else ["clean"]
    answers = evaluate_conditions(classifier, known, conditions)
    clean = answers["clean"]
    report = evaluation_report(classifier.info, clean, answers if options.robustness else None)
    if strangers:
        others = data.load_clips(clips.only(strangers), classifier.info.front_end)
        temperature = report["calibration"]["temperature"]
        logits = predict(classifier, others).numpy()
        report["unknown"] = unknown_report(clean.logits, logits, temperature)
    if options.output:
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report) if options.json else _report_text(report))
    return 0


def average(options: argparse.Namespace) -> int:
    """Make a run of the mean of several checkpoints' weights, trained on from one another."""
    from resona_core import checkpoint

    path = options.runs / options.name / "model.safetensors"
    if path.parent.exists():
        raise DataError(f"There is a run in {path.parent} already; choose another --name.")
    classifier = checkpoint.average(options.models)
    info = replace(classifier.info, name=options.name)
    checkpoint.save(path, info, classifier.network.state_dict())
    path.with_name("config.json").write_text(json.dumps(json.loads(info.to_json()), indent=1))
    print(path)
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
            f"on fold {_listed(scores['folds'])}; these weights, trained on folds "
            f"{_listed(classifier.info.folds)}, have not been tested themselves."
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
    for row in report.get("unknown", []):
        lines.append(
            f"unknown classes told by {row['score']}: AUROC {row['auroc']:.3f} "
            f"({row['auroc_low']:.3f}-{row['auroc_high']:.3f}), FPR95 {row['fpr95']:.1%} "
            f"of {row['unknown']} clips"
        )
    for row in report.get("robustness", []):
        lines.append(f"{row['accuracy']:>7.1%} +- {row['standard_error']:.1%}  {row['condition']}")
    worst_first = sorted(report["per_class"].items(), key=lambda item: item[1])
    return "\n".join(lines + [f"  {share:>5.0%}  {spoken(name)}" for name, share in worst_first])


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
