"""The command line: ``python -m resona_core COMMAND``; every command takes ``--help``."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from resona_core.errors import ResonaError
from resona_core.labels import spoken
from resona_core.results import percent, verdict

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 when something could not be done, 2 for wrong usage."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        status = command(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ResonaError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def classify(options: argparse.Namespace) -> int:
    """Name the sound in each file; go on after a bad one."""
    engine = _engine(options)
    status = 0
    for file in options.files:
        try:
            clip = engine.load(file, str(file))
            answer = engine.classify(clip)
            top = answer.top(options.top)
        except ResonaError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
            continue
        if options.json:
            record = {
                "file": str(file),
                "duration_s": round(clip.duration_s, 3),
                "sample_rate_hz": clip.source_rate_hz,
                "windows": answer.n_windows,
                "nothing_to_hear": answer.nothing_to_hear,
                "predictions": [asdict(p) | {"probability": round(p.probability, 6)} for p in top],
            }
            print(json.dumps(record), flush=True)
        else:
            print(f"{file}  ({clip.duration_s:.1f} s)  {verdict(answer.top(2)).headline}")
            for prediction in top:
                print(f"  {percent(prediction.probability):>7}  {spoken(prediction.label)}")
    return status


def layers(options: argparse.Namespace) -> int:
    """List the layers that can be pictured."""
    engine = _engine(options)
    header = ("layer", "channels", "height", "width", "parameters", "receptive field")
    print("{:<10}{:>9}{:>8}{:>7}{:>12}   {}".format(*header))
    for layer in engine.layers():
        field = f"{layer.receptive_field_mels} mel x {layer.receptive_field_s:.2f} s"
        print(
            f"{layer.name:<10}{layer.channels:>9}{layer.height:>8}{layer.width:>7}"
            f"{layer.parameters:>12,}   {field}"
        )
    return 0


def feature_maps(options: argparse.Namespace) -> int:
    """Write one layer's maps with their axes as .npz."""
    engine = _engine(options)
    clip = engine.load(options.file)
    maps = engine.feature_maps(clip, options.window, [options.layer])[options.layer]
    options.output.write_bytes(maps.to_npz())
    channels, height, width = maps.maps.shape
    print(f"{options.output}: {channels} channels of {height} x {width} (mel x frame)")
    return 0


def train(options: argparse.Namespace) -> int:
    """Train a network on a dataset in ESC-50's layout."""
    from resona_core.config import FRONT_END_16K, FrontEndConfig, ModelConfig, TrainConfig
    from resona_core.training import data, fit

    table = data.read_table(options.data)
    folds = options.folds or tuple(sorted(set(table.table["fold"])))
    seen = tuple(fold for fold in folds if fold != options.validate_on)
    front_end = FRONT_END_16K if options.front_end == "16k" else FrontEndConfig()
    clips = data.load_clips(table.folds(seen), front_end)
    front_end = fit.measure_front_end(clips, front_end)
    held_out = None
    if options.validate_on is not None:
        held_out = data.load_clips(table.folds([options.validate_on]), front_end)
    recipe = TrainConfig(seed=options.seed)
    plan = fit.RunPlan(
        folder=options.runs / options.name,
        name=options.name,
        training=replace(recipe, epochs=options.epochs) if options.epochs else recipe,
        model=ModelConfig(n_classes=len(table.labels)),
        front_end=front_end,
        labels=table.labels,
        folds=seen,
        data=options.data_name or str(options.data.name),
        licence=options.licence,
    )
    path = fit.fit(plan, clips, held_out, options.device or fit.best_device(), options.resume)
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
    report = {
        "checkpoint": classifier.info.name,
        "trained_on_folds": list(classifier.info.folds),
        "folds": list(options.folds),
        "clips": len(result.labels),
        "accuracy": round(result.accuracy, 4),
        "standard_error": round(result.standard_error, 4),
        "top_3_accuracy": round(result.top_k_accuracy(3), 4),
        "per_class": {label: round(share, 4) for label, share in result.per_class().items()},
    }
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


def _engine(options: argparse.Namespace) -> Any:
    from resona_core.engine import Engine
    from resona_core.settings import settings

    chosen = settings()
    return Engine(replace(chosen, checkpoint=options.checkpoint or chosen.checkpoint))


def _load_checkpoint(options: argparse.Namespace) -> Any:
    from resona_core import checkpoint
    from resona_core.settings import settings

    return checkpoint.load(options.checkpoint or settings().checkpoint)


def _folds(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m resona_core", description="See, hear and question what a network hears."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        made.set_defaults(command=command)
        return made

    def add_checkpoint(to: argparse.ArgumentParser) -> None:
        to.add_argument("--checkpoint", type=Path, help="a .safetensors file; default: shipped")

    _add_questions(add, add_checkpoint)
    _add_training(add, add_checkpoint)
    return parser


def _add_questions(
    add: Callable[[str, Command], argparse.ArgumentParser],
    add_checkpoint: Callable[[argparse.ArgumentParser], None],
) -> None:
    one = add("classify", classify)
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    one.add_argument("--top", type=int, default=3, metavar="K", help="classes to print (3)")
    one.add_argument("--json", action="store_true", help="one JSON object a line")
    add_checkpoint(one)
    add_checkpoint(add("layers", layers))
    one = add("feature-maps", feature_maps)
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("--layer", required=True, help="a name that `layers` prints")
    one.add_argument("--window", type=int, default=0, help="which 5 s of a longer sound (0)")
    one.add_argument("--output", required=True, type=Path, metavar="X.npz")
    add_checkpoint(one)


def _add_training(
    add: Callable[[str, Command], argparse.ArgumentParser],
    add_checkpoint: Callable[[argparse.ArgumentParser], None],
) -> None:
    one = add("train", train)
    one.add_argument("--data", required=True, type=Path, help="folder with audio/ and meta/*.csv")
    one.add_argument("--folds", type=_folds, metavar="1,2,3", help="default: all there are")
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


if __name__ == "__main__":
    sys.exit(main())
