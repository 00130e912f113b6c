"""Commands that ask a trained network: classify, layers, feature-maps."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from resona_core.classification import Classification
from resona_core.commands import (
    Add,
    add_checkpoint,
    add_track,
    engine_of,
    print_warnings,
    settings_of,
)
from resona_core.commands.inputs import FILES_HELP, Input, find_inputs
from resona_core.commands.loading import loading
from resona_core.commands.many import add_many, answer_files, is_on_modal, told
from resona_core.commands.outputs import (
    FEATURE_MAPS,
    add_force,
    check_folder_of,
    check_output,
    write_output,
)
from resona_core.commands.printing import one_line, say
from resona_core.errors import ResonaError
from resona_core.labels import spoken
from resona_core.records import Task, classification_record
from resona_core.side_by_side import in_order
from resona_core.words import percent, seconds, verdict

if TYPE_CHECKING:
    from resona_core.sound.audio import Clip

Heard: TypeAlias = "tuple[Clip, Classification] | ResonaError"

_SIDE_BY_SIDE = 16  # files asked about on Modal at a time; they are all in memory


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("classify", classify)
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help=FILES_HELP)
    one.add_argument(
        "--output", type=Path, metavar="X.jsonl",
        help="write a line of JSON for each file, as it is answered; go on with what is there. "
        "FILE may then be a folder, or with --backend modal volume:FOLDER",
    )  # fmt: skip
    one.add_argument(
        "--top", type=int, default=3, metavar="K", help="number of classes to print (default: 3)"
    )
    one.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_many(one)
    add_track(one)
    add_checkpoint(one)
    add_checkpoint(add("layers", layers))
    one = add("feature-maps", feature_maps)
    one.add_argument("file", type=Path, metavar="FILE", help="sound file, or - for standard input")
    one.add_argument("--layer", required=True, metavar="NAME", help="layer, as listed by `layers`")
    one.add_argument(
        "--window",
        type=int,
        default=0,
        metavar="N",
        help="window of a longer sound, counted from 0 (default: 0)",
    )
    one.add_argument("--output", required=True, type=Path, metavar="X.npz", help="file to write")
    add_force(one)
    add_track(one)
    add_checkpoint(one)


def classify(options: argparse.Namespace) -> int:
    """Classify sound files; a file that cannot be read does not stop the others."""
    task = Task("classify", options.top, options.track)  # refuses what cannot be asked
    if options.output is not None:
        return answer_files(options, task)
    files, status = find_inputs(options.files)
    if not files:
        return status
    hear = _heard_on_modal if is_on_modal(options) else _heard_here
    for file, heard in hear(files, options):
        if isinstance(heard, ResonaError):
            say("error", heard)
            status = 1
        else:
            _print_answer(options, file.name, *heard)
    return status


def _heard_here(
    files: Sequence[Input], options: argparse.Namespace
) -> Iterator[tuple[Input, Heard]]:
    engine = engine_of(options, many=len(files) > 1)

    def heard(file: Input) -> tuple[Input, Heard]:
        try:
            clip = engine.load(file.source, file.name, options.track)
            return file, (clip, engine.classify(clip))
        except ResonaError as error:
            return file, error

    yield from in_order(heard, files, engine.settings.concurrency)


def _heard_on_modal(
    files: Sequence[Input], options: argparse.Namespace
) -> Iterator[tuple[Input, Heard]]:
    """Decode a few files at a time, then ask about them side by side."""
    with loading():
        from resona_core.remote import RemoteEngine

    engine = RemoteEngine(settings_of(options), told=told)
    waiting = iter(files)
    while some := list(islice(waiting, _SIDE_BY_SIDE)):
        decoded = []
        for file in some:
            try:
                decoded.append((file, engine.load(file.source, file.name, options.track)))
            except ResonaError as error:
                yield file, error
        answers = engine.classify_each([clip for _, clip in decoded]) if decoded else iter(())
        for (file, clip), answer in zip(decoded, answers, strict=True):
            yield file, answer if isinstance(answer, ResonaError) else (clip, answer)


def _print_answer(
    options: argparse.Namespace, file: str, clip: Clip, answer: Classification
) -> None:
    print_warnings(file, answer.warnings)
    if options.json:
        record = classification_record(file, clip, answer, options.top)
        print(json.dumps(record), flush=True)
        return
    words = verdict(answer)
    print(one_line(f"{file}  ({seconds(clip.duration_s)})  {words.headline}"))
    for prediction in answer.top(options.top):
        print(f"  {percent(prediction.probability):>7}  {spoken(prediction.label)}")


def layers(options: argparse.Namespace) -> int:
    """List the layers with their sizes and receptive fields."""
    engine = engine_of(options)
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
    """Write one layer's feature maps and their axes to an .npz file."""
    file = Input.of(options.file)
    check_folder_of(options.output)
    read = [options.file, settings_of(options).checkpoint]
    check_output(options.output, FEATURE_MAPS, read, options.force)
    engine = engine_of(options)
    clip = engine.load(file.source, file.name, options.track)
    print_warnings(file.name, clip.notices.sentences())
    maps = engine.feature_maps(clip, options.window, [options.layer])[options.layer]
    about = {"sound": file.below.name, "window": str(options.window)}
    write_output(options.output, maps.to_npz(**about, network=engine.info.name))
    channels, height, width = maps.maps.shape
    print(f"{options.output}: {channels} channels of {height} x {width} (mel x frame)")
    return 0
