"""Commands that make the network fast and portable: export, bench."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from resona_core.commands import Add, add_checkpoint
from resona_core.commands.loading import loading
from resona_core.commands.outputs import (
    LABELS,
    NETWORK,
    add_force,
    check_folder_of,
    check_output,
    write_output,
)
from resona_core.errors import DataError
from resona_core.settings import settings
from resona_core.whole import whole_file


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("export", export)
    one.add_argument("--output", required=True, type=Path, metavar="X.onnx", help="file to write")
    add_force(one)
    form = one.add_mutually_exclusive_group()
    form.add_argument(
        "--waveform", action="store_true",
        help="with the front end: waveform in, probabilities out; writes X.labels.json beside it",
    )  # fmt: skip
    form.add_argument("--int8", action="store_true", help="quantise to 8 bits (needs --calibrate)")
    one.add_argument(
        "--calibrate", type=Path, metavar="PATH",
        help="the data it was trained on, of which 300 clips set the ranges of the 8 bits",
    )  # fmt: skip
    add_checkpoint(one)
    one = add("bench", bench)
    one.add_argument(
        "--rounds",
        type=int,
        default=20,
        metavar="N",
        help="repetitions of each stage (default: 20)",
    )
    one.add_argument("--json", action="store_true", help="print one JSON object")
    add_checkpoint(one)
    one = add("bench-training", bench_training)
    one.add_argument(
        "--recipe", default="resona", metavar="NAME|X.toml", help="recipe (default: resona)"
    )
    one.add_argument(
        "--rounds", type=int, default=10, metavar="N", help="batches to time (default: 10)"
    )
    one.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda if available")
    one.add_argument("--json", action="store_true", help="print one JSON object")


def export(options: argparse.Namespace) -> int:
    """Export the network to ONNX, with labels and front-end parameters in the metadata."""
    output: Path = options.output
    labels = output.with_suffix(".labels.json")
    weights = options.checkpoint or settings().checkpoint
    read = [weights, options.calibrate]
    check_folder_of(output)
    check_output(output, NETWORK, read, options.force)
    if options.waveform:
        check_output(labels, LABELS, read, options.force)
    with loading():
        from resona_core.network.export import OPSET, to_onnx
        from resona_core.network.export_waveform import (
            WAVEFORM_OPSET,
            labels_json,
            to_waveform_onnx,
        )
        from resona_core.network.weights import Weights
    stored = Weights(weights)
    opset, report = WAVEFORM_OPSET if options.waveform else OPSET, "float32"
    if options.int8:
        with whole_file(output) as part:
            report = _export_int8(weights, options.calibrate, part)
    else:
        written = to_waveform_onnx if options.waveform else to_onnx
        model = written(stored.info, stored)
        write_output(output, model.SerializeToString())
    if options.waveform:
        write_output(labels, labels_json(stored.info) + "\n")
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB, ONNX opset {opset}, {report}")
    return 0


def _export_int8(weights: Path, data: Path | None, output: Path) -> str:
    """Write the file in 8 bits; return its accuracy in words."""
    if data is None:
        raise DataError(
            "8-bit quantisation is calibrated on real clips; give a folder in ESC-50's layout with "
            "--calibrate."
        )
    from resona_core.network import checkpoint
    from resona_core.training import quantisation
    from resona_core.training.data.clip_table import read_table

    classifier = checkpoint.load(weights)
    table, folds = read_table(data).divided(), classifier.info.folds
    chosen = quantisation.calibration_clips(table, folds)
    quantisation.quantise(weights, classifier, chosen, output)
    report = f"8 bits, calibrated on {len(chosen.table)} training clips"
    unseen = quantisation.unseen_clips(table, folds)
    if unseen is None:
        return f"{report}; the data holds no unseen fold to compare on"
    result = quantisation.compare(output, classifier, unseen)
    return (
        f"{report}; predicts the same class as float32 for {result.agreement:.1%} of "
        f"{result.clips} unseen clips; accuracy {result.accuracy:.1%} "
        f"(float32: {result.reference_accuracy:.1%})"
    )


def bench(options: argparse.Namespace) -> int:
    """Time each stage from file to packed answer, and compare with a plain implementation."""
    with loading():
        from resona_core.commands.benchmark import measure
    chosen = settings()
    weights = options.checkpoint or chosen.checkpoint
    report = measure(replace(chosen, checkpoint=weights), options.rounds)
    print(report.to_json() if options.json else report.to_text())
    return 0


def bench_training(options: argparse.Namespace) -> int:
    """Time training, and compare with the network alone on batches prepared beforehand."""
    with loading():
        from resona_core.training.fitting import throughput
        from resona_core.training.fitting.recipes import read_recipe
        from resona_core.training.preparation import best_device
    recipe = read_recipe(options.recipe)
    found = throughput.measure(recipe, options.device or best_device(), options.rounds)
    print(found.to_json() if options.json else found.to_text())
    return 0
