"""The command for long recordings: timeline."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from resona_core.commands import Add, add_checkpoint, add_track, engine_of, print_warnings
from resona_core.errors import RequestError, ResonaError
from resona_core.tables import to_audacity, to_csv, to_json, to_raven
from resona_core.timeline import Report, Rules
from resona_core.words import began_in_words, none_in_words, seconds

if TYPE_CHECKING:
    from resona_core.engine import Engine

_ENDINGS = {"csv": ".csv", "json": ".json", "audacity": ".txt", "raven": ".selections.txt"}
_ALONE = {"audacity": "Audacity labels", "raven": "Raven selections"}  # a file for each recording


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
        metavar="DIR",
        help="write one file per recording to this folder (default: print)",
    )
    add_track(one)
    add_checkpoint(one)


def timeline(options: argparse.Namespace) -> int:
    """List the events in long recordings; a file that cannot be read does not stop the others."""
    rules = Rules(options.threshold, options.smooth, options.top)
    files = _recordings(options.files)
    _check_output(files, options)
    engine = engine_of(options)
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
        if options.format in _ALONE and len(files) > 1:
            raise RequestError(
                f"{_ALONE[options.format]} of {len(files)} recordings would run together when "
                "printed; give a folder for them with --output."
            )
        return
    name, count = Counter(file.name for file in files).most_common(1)[0]
    if count > 1:
        raise RequestError(
            f"{count} recordings are called {name}, and their results would overwrite each other; "
            "ask for them one at a time, with different folders as --output."
        )
    options.output.mkdir(parents=True, exist_ok=True)


def _hear(engine: Engine, file: Path, rules: Rules, options: argparse.Namespace) -> Report:
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
    told = [found, none_in_words(report), began_in_words(report)]
    print(f"{output}: {', '.join(filter(None, told))}")


def _text(report: Report, kind: str, header: bool = True) -> str:
    if kind == "csv":
        return to_csv([report], header)
    return {"json": to_json, "audacity": to_audacity, "raven": to_raven}[kind](report)
