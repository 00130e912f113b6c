"""Questions about answers: which part of a sound decides, and what becomes of it without a part."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from resona_core.commands import (
    Add,
    add_checkpoint,
    add_track,
    engine_of,
    print_warnings,
    settings_of,
)
from resona_core.commands.inputs import Input
from resona_core.commands.loading import loading
from resona_core.commands.many import add_backend, door_of, is_on_modal
from resona_core.commands.outputs import (
    EDITED,
    EXPLANATION,
    MASK,
    PART,
    PICTURE,
    add_force,
    check_folder_of,
    check_output,
    make_folder,
    write_output,
)
from resona_core.commands.printing import one_line
from resona_core.explain.explanation import METHODS, STRENGTHS

_FILES = {
    "explanation.png": PICTURE, "explanation.npz": MASK, "kept.wav": PART, "rest.wav": PART,
    "explanation.json": EXPLANATION,
}  # fmt: skip


def add_to(add: Add) -> None:
    """Add the commands."""
    one = add("explain", explain)
    one.add_argument("file", type=Path, metavar="FILE", help="sound file, or - for standard input")
    one.add_argument(
        "--method", choices=METHODS,
        help="how to explain (default: mask where the weights have a masker, else grad-cam)",
    )  # fmt: skip
    one.add_argument(
        "--target", default="", metavar="CLASS", help="class to explain (default: the answer)"
    )
    one.add_argument(
        "--layer", default="", metavar="NAME",
        help="layer that grad-cam looks at (default: the last one)",
    )  # fmt: skip
    one.add_argument(
        "--window", type=int, default=0, metavar="N",
        help="window of a longer sound, counted from 0 (default: 0)",
    )  # fmt: skip
    one.add_argument(
        "--strength", type=float, default=1.0, metavar="X",
        help=f"keep less or more of the sound, {STRENGTHS[0]:g} to {STRENGTHS[1]:g} (default: 1)",
    )  # fmt: skip
    one.add_argument(
        "--output", required=True, type=Path, metavar="DIR",
        help="folder for explanation.png, .npz and .json, kept.wav and rest.wav",
    )  # fmt: skip
    add_force(one)
    add_backend(one)
    add_track(one)
    add_checkpoint(one)
    one = add("edit", edit)
    one.add_argument("file", type=Path, metavar="FILE", help="sound file, or - for standard input")
    form = "box on the spectrogram, in seconds and Hz; several are allowed, ends can be left out"
    which = one.add_mutually_exclusive_group(required=True)
    for name, verb in (("--erase", "silence what is in it"), ("--keep", "silence all else")):
        which.add_argument(name, nargs="+", metavar="START:END,LOW:HIGH", help=f"{form}: {verb}")
    one.add_argument("--output", required=True, type=Path, metavar="X.wav", help="file to write")
    add_force(one)
    add_track(one)
    add_checkpoint(one)


def explain(options: argparse.Namespace) -> int:
    """Show which part of a sound its class rests on, and what the network makes of that part."""
    from tqdm import tqdm

    from resona_core.explain.explanation import Question, default_method, wav
    from resona_core.figures.downloads import explanation_png

    of_weights = default_method(settings_of(options).checkpoint)
    method = options.method or ("grad-cam" if options.layer else of_weights)
    question = Question(options.window, options.target, method, options.layer, options.strength)
    for name, kind in _FILES.items():
        check_output(options.output / name, kind, [options.file], options.force)
    if not is_on_modal(options):
        with loading():
            from resona_core.explain import explaining  # noqa: F401 - loads torch now, not at work
    engine, file = door_of(options), Input.of(options.file)
    clip = engine.load(file.source, file.name, options.track)
    print_warnings(file.name, clip.notices.sentences())
    with tqdm(total=100, desc=method, leave=False, disable=None) as bar:
        why = engine.explain(clip, question, lambda done: bar.update(100 * done - bar.n))
    make_folder(options.output)
    results: dict[str, bytes | str] = {
        "explanation.png": explanation_png(why),
        "explanation.npz": why.to_npz(),
        "kept.wav": wav(why.kept, why.sample_rate_hz),
        "rest.wav": wav(why.rest, why.sample_rate_hz),
        "explanation.json": json.dumps(why.to_dict(), indent=2, allow_nan=False),
    }
    for name, content in results.items():
        write_output(options.output / name, content)
    print(f"{why.question.target}: {why.summary()}\n{one_line(str(options.output))}")
    return 0


def edit(options: argparse.Namespace) -> int:
    """Silence boxes on a sound's spectrogram, or all but them, and classify what is left."""
    from resona_core.explain.boxes import Box
    from resona_core.explain.editing import Edit, edited
    from resona_core.labels import spoken
    from resona_core.sound.sources import as_file
    from resona_core.words import percent, verdict

    boxes = tuple(Box.read(text) for text in options.erase or options.keep)
    change = Edit("erase" if options.erase else "keep", boxes)
    read = [options.file, settings_of(options).checkpoint]
    check_output(options.output, EDITED, read, options.force)
    check_folder_of(options.output)
    engine, file = engine_of(options), Input.of(options.file)
    source = as_file(file.source, engine.settings.limits, file.name)  # a pipe is read only once
    before = engine.load(source, file.name, options.track)
    print_warnings(file.name, before.notices.sentences())
    data = edited(source, [change], engine.settings.limits, file.name, options.track)
    write_output(options.output, data)
    for when, clip in (("before", before), ("after", engine.load(data, options.output.name))):
        answer = engine.classify(clip)
        top = ", ".join(f"{spoken(p.label)} {percent(p.probability)}" for p in answer.top(3))
        print(f"{when:<7}{verdict(answer).headline}{f' ({top})' if top else ''}")
    print(one_line(str(options.output)))
    return 0
