"""The command for long recordings: timeline."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from resona_core.commands import (
    Add,
    add_checkpoint,
    add_track,
    engine_of,
    print_warnings,
    settings_of,
)
from resona_core.commands.many import add_many, answer_files, is_on_modal, told
from resona_core.door import Door
from resona_core.errors import RequestError, ResonaError
from resona_core.records import Question
from resona_core.timeline import Report, Rules, to_audacity, to_csv, to_json
from resona_core.words import none_in_words, seconds

_ENDINGS = {"csv": ".csv", "json": ".json", "audacity": ".txt"}


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    rules = Rules()
    one = add("timeline", timeline)
    one.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="recording, or folder of recordings"
    )
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
    add_many(one)
    add_track(one)
    add_checkpoint(one)


def timeline(options: argparse.Namespace) -> int:
    """List the events in long recordings; a file that cannot be read does not stop the others."""
    rules = Rules(options.threshold, options.smooth, options.top)
    if options.output is not None and options.output.suffix == ".jsonl":
        return answer_files(options, _question(options))
    files = _recordings(options.files)
    _check_output(files, options)
    engine = _door(options)
    if options.output is None and options.format == "csv":
        print(to_csv([]), end="")
    status = 0
    for file in files:
        try:
            report = _hear(engine, file, rules, options)
            print_warnings(report.file, report.timeline.warnings)
            _write(report, options)
        except ResonaError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
    return status


def _question(options: argparse.Namespace) -> Question:
    return Question(
        "timeline", options.top, options.track, options.threshold, options.smooth, options.hop
    )


def _recordings(paths: list[Path]) -> list[Path]:
    """Put the sound files of a folder in its place; what has none is told when it is opened."""
    from resona_core.sound.formats import FORMATS

    files: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else []
        sounds = [file for file in inside if file.suffix[1:].lower() in FORMATS]
        files += sounds or [path]
    return files


def _check_output(files: list[Path], options: argparse.Namespace) -> None:
    if options.output is None:
        if options.format == "audacity" and len(files) > 1:
            raise RequestError(
                f"Audacity labels of {len(files)} recordings would run together when printed; "
                "give a folder for them with --output."
            )
        return
    name, count = Counter(file.name for file in files).most_common(1)[0]
    if count > 1:
        raise RequestError(
            f"{count} recordings are called {name}, and their results would overwrite each other; "
            "ask for them one at a time, with different folders as --output."
        )
    options.output.mkdir(parents=True, exist_ok=True)


def _door(options: argparse.Namespace) -> Door:
    if not is_on_modal(options):
        return engine_of(options)
    from resona_core.remote import RemoteEngine

    return RemoteEngine(settings_of(options), told=told)


def _hear(engine: Door, file: Path, rules: Rules, options: argparse.Namespace) -> Report:
    """Hear one recording to its end, with the progress on a terminal's standard error."""
    with tqdm(desc=file.name, unit=" s", unit_scale=True, leave=False, disable=None) as progress:
        for heard in engine.timeline(file, str(file), options.hop, options.track):
            progress.total = heard.total_s
            progress.update(heard.heard_s - progress.n)
    return Report(str(file), heard, rules)


def _write(report: Report, options: argparse.Namespace) -> None:
    if options.output is None:
        print(_text(report, options.format, header=False), end="", flush=True)
        return
    output = options.output / (Path(report.file).name + _ENDINGS[options.format])
    output.write_text(_text(report, options.format), encoding="utf-8")
    found = f"{len(report.events)} events in {seconds(report.timeline.heard_s)}"
    print(f"{output}: {', '.join(filter(None, [found, none_in_words(report)]))}")


def _text(report: Report, kind: str, header: bool = True) -> str:
    if kind == "csv":
        return to_csv([report], header)
    return to_json(report) if kind == "json" else to_audacity(report)
