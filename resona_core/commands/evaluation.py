"""Commands that evaluate networks, average them and release them: evaluate, average, release."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import DATA_HELP, Add, add_checkpoint, add_runs, fold_list, runs_of
from resona_core.commands.evaluation_text import report_text
from resona_core.commands.loading import loading
from resona_core.commands.outputs import (
    EVALUATION,
    WEIGHTS,
    add_force,
    check_folder_of,
    check_output,
)
from resona_core.errors import DataError, RequestError
from resona_core.settings import settings
from resona_core.training.fitting.run_folder import RunFolder, read_json, write_json

if TYPE_CHECKING:
    from resona_core.network.checkpoint import Classifier
    from resona_core.network.description import CheckpointInfo
    from resona_core.training.data.clip_table import ClipTable
    from resona_core.training.evaluation.records import Unknown


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    _add_evaluate(add("evaluate", evaluate))
    _add_average(add("average", average))
    _add_release(add("release", release))


def _add_evaluate(one: argparse.ArgumentParser) -> None:
    one.add_argument("--data", required=True, type=Path, metavar="PATH", help=DATA_HELP)
    one.add_argument(
        "--folds",
        type=fold_list,
        metavar="1,2,3",
        help="folds to evaluate on (default: what the data keeps for a test, or all)",
    )
    one.add_argument(
        "--robustness",
        action="store_true",
        help="also evaluate on altered clips: quieter, noisy, band-limited, MP3 ...",
    )
    one.add_argument(
        "--unknown",
        action="store_true",
        help="measure how well sounds of none of the classes are detected: clips of classes left "
        "out of training, and those of --others",
    )
    one.add_argument(
        "--others",
        type=Path,
        metavar="DIR",
        help="sounds of none of the classes, for --unknown; from the same folds",
    )
    one.add_argument("--skip-unreadable", action="store_true", help="skip damaged files")
    one.add_argument("--json", action="store_true", help="print one JSON object")
    one.add_argument("--output", type=Path, metavar="X.json", help="also write the JSON to a file")
    add_force(one)
    add_checkpoint(one)


def _add_average(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "models",
        nargs="+",
        type=Path,
        metavar="X.safetensors",
        help="weights of a finished run",
    )
    one.add_argument(
        "--name", default="average", metavar="NAME", help="name of the new run (default: average)"
    )
    add_runs(one)


def _add_release(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--model",
        required=True,
        type=Path,
        metavar="X.safetensors",
        help="weights of a finished run",
    )
    known = one.add_mutually_exclusive_group()
    known.add_argument(
        "--scores",
        type=Path,
        metavar="X.json",
        help="output of `evaluate` for the same recipe on a held-out fold (default: none; the "
        "checkpoint then says that it has not been evaluated)",
    )
    known.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        metavar="T",
        help="what to divide the logits by (default: 1, or the one in --scores)",
    )
    one.add_argument("--name", required=True, metavar="NAME", help="name shown to users")
    one.add_argument(
        "--output", required=True, type=Path, metavar="X.safetensors", help="file to write"
    )
    add_force(one)


def evaluate(options: argparse.Namespace) -> int:
    """Evaluate weights on clips they have not learnt from."""
    weights = options.checkpoint or settings().checkpoint
    if options.output:
        check_folder_of(options.output)
        read = [weights, options.data, options.others]
        check_output(options.output, EVALUATION, read, options.force)
    with loading():
        from resona_core.network import checkpoint
        from resona_core.training.evaluation.evaluate import evaluate_conditions
        from resona_core.training.evaluation.learnt import unlearnt
        from resona_core.training.evaluation.report import evaluation_report
        from resona_core.training.evaluation.robustness import CONDITIONS
    classifier = checkpoint.load(weights)
    test = unlearnt(_asked(options), classifier.info)
    if test.warning:
        print(f"warning: {test.warning}", file=sys.stderr)
    clips = test.clips
    strangers = set(clips.labels) - set(classifier.info.labels) if options.unknown else set()
    known = clips.only(set(clips.labels) - strangers) if strangers else clips
    groups = _groups(options, clips, strangers, classifier.info) if options.unknown else {}
    conditions = list(CONDITIONS) if options.robustness else ["clean"]
    skip = options.skip_unreadable
    answers = evaluate_conditions(classifier, known, conditions, skip)
    report = evaluation_report(
        classifier.info,
        answers["clean"],
        answers if options.robustness else None,
        _unknown(classifier, known, groups, skip) if groups else (),
        test.learnt,
    )
    print(json.dumps(report.to_dict()) if options.json else report_text(report), flush=True)
    if options.output:
        write_json(options.output, report.to_dict())
    return 0


def _asked(options: argparse.Namespace) -> ClipTable:
    """Return the clips of the folds asked for, else those that the data keeps for a test."""
    from resona_core.training.data.clip_table import read_table

    table = read_table(options.data)
    return table.divided().folds(options.folds) if options.folds else table.tested()


def _unknown(
    classifier: Classifier, known: ClipTable, groups: dict[str, ClipTable], skip_unreadable: bool
) -> tuple[Unknown, ...]:
    from resona_core.training.data.clips import load_clips
    from resona_core.training.evaluation.unknown import Scores, scores, unknown_report

    def scored(table: ClipTable) -> Scores:
        clips = load_clips(table, classifier.info.front_end, skip_unreadable=skip_unreadable)
        return scores(classifier, clips)

    others = {name: scored(table) for name, table in groups.items()}
    return unknown_report(scored(known), others, classifier.info.known_floor)


def _groups(
    options: argparse.Namespace, clips: ClipTable, strangers: set[str], info: CheckpointInfo
) -> dict[str, ClipTable]:
    """Return the sounds of none of the checkpoint's classes, by group."""
    from resona_core.training.data.clip_table import ClipTable
    from resona_core.training.data.others import read_others
    from resona_core.training.evaluation.learnt import unlearnt

    groups = {"unknown classes": clips.only(strangers)} if strangers else {}
    if options.others is not None:
        others = read_others(options.others)
        others = others.folds(options.folds) if options.folds else others
        others = unlearnt(others, info).clips
        kinds = others.table["label"]
        groups |= {
            kind: ClipTable(others.table[kinds == kind], others.labels)
            for kind in others.labels
            if (kinds == kind).any()
        }
    if not groups:
        raise DataError(
            "The checkpoint knows every class of the data; --unknown needs one trained with "
            "`train --without CLASS,CLASS`, or sounds of none of the classes (--others DIR)."
        )
    return groups


def average(options: argparse.Namespace) -> int:
    """Average the weights that several parts of one training ended with."""
    with loading():
        from resona_core.network import checkpoint
        from resona_core.network.averaging import average as mean_of
    folder, cure = RunFolder(runs_of(options) / options.name), "choose another --name"
    folder.refuse_if_taken(cure)
    classifier = mean_of(options.models)
    info = replace(classifier.info, name=options.name)
    folder.create(json.loads(info.to_json()), cure)
    checkpoint.save(folder.model, info, classifier.network.state_dict())
    print(folder.model)
    return 0


def release(options: argparse.Namespace) -> int:
    """Write a finished run's weights for release, with the scores of an evaluation."""
    check_output(options.output, WEIGHTS, [options.model, options.scores], options.force)
    if not 0 < options.temperature < math.inf:
        raise RequestError(
            f"The temperature is {options.temperature:g}, but it divides the logits; "
            "give a number above 0."
        )
    with loading():
        from resona_core.network import checkpoint
    classifier = checkpoint.load(options.model)
    if options.scores is None:
        info = _unevaluated(classifier.info, options.temperature)
    else:
        info = _evaluated(classifier.info, options.scores)
    info = replace(info, name=options.name)
    checkpoint.save(options.output, info, classifier.network.state_dict())
    print(options.output)
    return 0


def _unevaluated(info: CheckpointInfo, temperature: float) -> CheckpointInfo:
    """Say of weights that no score is known of them."""
    return replace(
        info,
        validation=f"These weights, trained on folds {_listed(info.folds)}, have not been "
        "evaluated on held-out clips.",
        scores={},
        temperature=temperature,
    )


def _evaluated(info: CheckpointInfo, file: Path) -> CheckpointInfo:
    """Give weights the scores and the temperature of the same recipe on a fold it had not seen."""
    from resona_core.training.evaluation.records import Report

    if not file.is_file():
        raise DataError(f"There is no file {file}; write it with `evaluate --output`.")
    try:
        scores = Report.from_dict(read_json(file))
    except DataError:
        raise DataError(f"{file} holds no evaluation; write it with `evaluate --output`.") from None
    if scores.calibration is None or scores.top_3_accuracy is None:
        raise DataError(f"{file} holds no calibration; write it with `evaluate --output`.")
    return replace(
        info,
        validation=(
            f"The same recipe trained on folds {_listed(scores.trained_on_folds)} and tested "
            f"on fold {_listed(scores.folds)}; these weights, trained on folds "
            f"{_listed(info.folds)}, have not been tested themselves."
        ),
        scores={
            key: round(getattr(scores, key), 4)
            for key in ("accuracy", "standard_error", "top_3_accuracy")
        },
        temperature=round(scores.calibration.temperature, 4),
    )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
