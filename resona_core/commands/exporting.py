"""Commands that make the network portable and small: export, calibrate."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import DATA_HELP, Add, add_checkpoint, settings_of
from resona_core.commands.loading import loading
from resona_core.commands.outputs import (
    LABELS,
    NETWORK,
    RANGES,
    add_force,
    check_folder_of,
    check_output,
    write_output,
)
from resona_core.commands.printing import say

if TYPE_CHECKING:
    import onnx

    from resona_core.network.weights import Weights
    from resona_core.training.quantisation import Comparison


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("export", export)
    one.add_argument("--output", required=True, type=Path, metavar="X.onnx", help="file to write")
    add_force(one)
    one.add_argument(
        "--waveform", action="store_true",
        help="with the front end: waveform in, probabilities out; writes X.labels.json beside it",
    )  # fmt: skip
    one.add_argument(
        "--int8", action="store_true",
        help="in 8 bit, without the layers; needs the ranges that `calibrate` measures",
    )  # fmt: skip
    add_checkpoint(one)
    one = add("calibrate", calibrate)
    one.add_argument("--data", required=True, type=Path, metavar="PATH", help=DATA_HELP)
    one.add_argument(
        "--output", type=Path, metavar="X.json",
        help="file to write (default: beside the weights, where it is looked for)",
    )  # fmt: skip
    add_force(one)
    add_checkpoint(one)


def export(options: argparse.Namespace) -> int:
    """Export the network to ONNX, with labels and front-end parameters in the metadata."""
    output: Path = options.output
    labels = output.with_suffix(".labels.json")
    weights = settings_of(options).checkpoint
    check_folder_of(output)
    check_output(output, NETWORK, [weights], options.force)
    if options.waveform:
        check_output(labels, LABELS, [weights], options.force)
    with loading():
        from resona_core.network.export_waveform import labels_json
        from resona_core.network.weights import Weights
    stored = Weights(weights)
    model = _exported(stored, options.waveform, options.int8)
    write_output(output, model.SerializeToString())
    if options.waveform:
        write_output(labels, labels_json(stored.info) + "\n")
    size_mb, precision = output.stat().st_size / 1e6, "8 bits" if options.int8 else "float32"
    opset = model.opset_import[0].version
    print(f"{output}: {size_mb:.1f} MB, ONNX opset {opset}, {precision}")
    return 0


def _exported(stored: Weights, waveform: bool, int8: bool) -> onnx.ModelProto:
    from resona_core.network import quantised, ranges
    from resona_core.network.export import to_onnx
    from resona_core.network.export_waveform import with_front_end

    info, temperature = stored.info, stored.info.temperature
    if int8:
        path = ranges.ranges_path(stored.path)
        found = ranges.read_ranges(path, info.model)
        ranges.check_belongs(found, stored, path)
        model = quantised.to_int8_onnx(info, stored, found, quantised.NARROW)
        temperature = found.temperature
    else:
        model = to_onnx(info, stored)
    return with_front_end(model, info, temperature) if waveform else model


def calibrate(options: argparse.Namespace) -> int:
    """Measure on training clips what the network needs to compute in 8 bit (minutes)."""
    from tqdm import tqdm

    with loading():
        from resona_core.network.ranges import ranges_path
        from resona_core.network.weights import Weights
        from resona_core.training import quantisation
        from resona_core.training.data.clip_table import read_table
    weights = settings_of(options).checkpoint
    output = options.output or ranges_path(weights)
    check_output(output, RANGES, [options.data, weights], options.force)
    check_folder_of(output)
    stored = Weights(weights)
    table = read_table(options.data).divided()
    chosen = quantisation.calibration_clips(table, stored.info.folds)
    with tqdm(desc="ranges", total=1.0, disable=None, file=sys.stderr) as progress:
        found = quantisation.measure(
            stored, chosen, lambda done: progress.update(done - progress.n) and None
        )
    found.save(output)
    unseen = quantisation.unseen_clips(table, stored.info.folds)
    if unseen is None:
        say("note", "the data holds no unseen fold on which to compare 8 bits with float32")
    else:
        print(_in_words(quantisation.compare(stored, found, unseen)))
    print(f"{output}: {output.stat().st_size / 1e3:.1f} kB, from {found.clips} training clips")
    return 0


def _in_words(result: Comparison) -> str:
    return (
        f"8 bits predict the same class as float32 for {result.agreement:.1%} of "
        f"{result.clips} unseen clips; accuracy {result.accuracy:.1%} "
        f"(float32: {result.reference_accuracy:.1%})"
    )
