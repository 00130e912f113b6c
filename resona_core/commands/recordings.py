"""The command for long recordings: timeline."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from resona_core.commands import (
    Add,
    add_checkpoint,
    add_track,
    print_warnings,
)
from resona_core.commands.inputs import FILES_HELP, Input, find_inputs
from resona_core.commands.many import add_many, answer_files, door_of
from resona_core.commands.outputs import (
    EVENTS,
    add_force,
    check_output,
    make_folder,
    with_places,
    write_output,
)
from resona_core.commands.printing import one_line, say
from resona_core.door import Door
from resona_core.errors import RequestError, ResonaError
from resona_core.records import Task
from resona_core.tables import to_audacity, to_csv, to_json, to_raven
from resona_core.timeline import Report, Rules
from resona_core.words import began_in_words, counted, none_in_words, seconds

_ENDINGS = {"csv": ".csv", "json": ".json", "audacity": ".txt", "raven": ".selections.txt"}
_ALONE = {"audacity": "Audacity labels", "raven": "Raven selections"}  # a file for each recording


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    rules = Rules()
    one = add("timeline", timeline)
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help=FILES_HELP)
    one.add_argument(
        "--format", choices=_ENDINGS, default="csv", help="output format (default: csv)"
    )
    one.add_argument("--threshold", type=float, default=rules.threshold, metavar="P",
                     help="minimum probability of an event (default: 0.5)")  # fmt: skip
    one.add_argument("--smooth", type=float, default=rules.smooth_s, metavar="SECONDS",
                     help="length of the moving average (default: 0, no smoothing)")  # fmt: skip
    one.add_argument(
        "--top",
        type=int,
        metavar="K",
        help="keep only the K classes with the highest peaks (default: all)",
    )
    one.add_argument("--hop", type=float, metavar="SECONDS",
                     help="step between windows (default: half a window)")  # fmt: skip
    one.add_argument(
        "--output",
        type=Path,
        metavar="DIR|X.jsonl",
        help="write one file per recording to this folder, or, for a name that ends in .jsonl, a "
        "line of JSON for each as it is heard, and go on with what is there (default: print)",
    )
    add_force(one)
    add_many(one)
    add_track(one)
    add_checkpoint(one)


def timeline(options: argparse.Namespace) -> int:
    """List the events in long recordings; a file that cannot be read does not stop the others."""
    rules = Rules(options.threshold, options.smooth, options.top)
    if options.output is not None and options.output.suffix == ".jsonl":
        return answer_files(options, _task(options))
    files, status = find_inputs(options.files)
    if not files:
        return status
    files = _placed(files, options)
    engine = door_of(options, many=True)
    if options.output is None and options.format == "csv":
        print(to_csv([]), end="")
    for file in files:
        try:
            output = _output(file, files, options)
            report = _hear(engine, file, rules, options)
            print_warnings(report.file, report.timeline.warnings)
            _write(report, output, options)
        except ResonaError as error:
            say("error", error)
            status = 1
    return status


def _task(options: argparse.Namespace) -> Task:
    return Task(
        "timeline", options.top, options.track, options.threshold, options.smooth, options.hop
    )


def _placed(files: list[Input], options: argparse.Namespace) -> list[Input]:
    """Return the recordings with different places for their results, if there are any."""
    if options.output is None:
        if options.format in _ALONE and len(files) > 1:
            raise RequestError(
                f"{_ALONE[options.format]} of {len(files)} recordings would run together when "
                "printed; give a folder for them with --output."
            )
        return files
    files = with_places(files)
    make_folder(options.output)
    return files


def _output(file: Input, files: list[Input], options: argparse.Namespace) -> Path | None:
    """Return where a recording's result goes, if anywhere; refused before hours of hearing."""
    if options.output is None:
        return None
    path: Path = options.output / file.below
    path = path.with_name(path.name + _ENDINGS[options.format])
    read = files if options.force else [file]
    check_output(path, EVENTS[options.format], [one.path for one in read], options.force)
    return path


def _hear(engine: Door, file: Input, rules: Rules, options: argparse.Namespace) -> Report:
    """Hear one recording to its end, with the progress on a terminal's standard error."""
    name = file.path.name
    with tqdm(desc=name, unit=" s", unit_scale=True, leave=False, disable=None) as progress:
        for heard in engine.timeline(file.source, file.name, options.hop, options.track):
            progress.total = heard.total_s
            progress.update(heard.heard_s - progress.n)
    return Report(file.name, heard, rules)


def _write(report: Report, output: Path | None, options: argparse.Namespace) -> None:
    if output is None:
        print(_text(report, options.format, header=False), end="", flush=True)
        return
    write_output(output, _text(report, options.format))
    found = f"{counted(len(report.events), 'event')} in {seconds(report.timeline.heard_s)}"
    told = [found, none_in_words(report), began_in_words(report)]
    print(one_line(f"{output}: {', '.join(filter(None, told))}"))


def _text(report: Report, kind: str, header: bool = True) -> str:
    if kind == "csv":
        return to_csv([report], header)
    return {"json": to_json, "audacity": to_audacity, "raven": to_raven}[kind](report)
