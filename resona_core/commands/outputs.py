"""Where results go: each to a place of its own, over nothing that is not of their kind, whole.

A command never writes over what it reads. What else lies where it would write is replaced if it
is of the same kind, or if --force is given.
"""

from __future__ import annotations

import argparse
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from resona_core.commands.inputs import Input
from resona_core.commands.printing import AS_GIVEN, say
from resona_core.errors import OutputError
from resona_core.whole import whole_file

_HEAD_BYTES = 512


@dataclass(frozen=True)
class Kind:
    """A kind of file that a command writes.

    Attributes
    ----------
    name : str
        For messages.
    begins : bytes
        What such a file begins with, a regular expression.
    """

    name: str
    begins: bytes

    def is_of(self, path: Path) -> bool:
        """Tell whether a file is of this kind, or empty."""
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        return not head or re.match(self.begins, head, re.DOTALL) is not None


FEATURE_MAPS = Kind("feature maps", rb"PK\x03\x04.{26}maps\.npy")
NETWORK = Kind("network in ONNX", rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]")
LABELS = Kind("labels of a network", rb'\{\s*"labels"')
PICTURE = Kind("picture in PNG", rb"\x89PNG")
MASK = Kind("mask of an explanation", rb"PK\x03\x04.{26}mask\.npy")
EXPLANATION_BENCH = Kind("measurement of explanations", rb'\{\s*"clips"')
MASKER = Kind("masker", rb'.{8}\{"__metadata__":\{"resona-masker"')
RANGES = Kind("ranges of a network", rb'\{\s*"weights"')
EXPLANATION = Kind("explanation", rb'\{\s*"window"')
PART = Kind("part of a sound in WAV", rb"RIFF.{4}WAVE")
EDITED = Kind("sound that may be lost", rb"(?!)")
"""No sound is written over another, whoever made it, unless that is said."""
WEIGHTS = Kind("weights of Resona", rb'.{8}\{"__metadata__":\{"resona"')
ANSWERS = Kind("answers", b"")
"""Gone on with line by line, and refused there if it holds anything else."""
EVALUATION = Kind("evaluation", rb'\{\s*(\}|"(accuracy|checkpoint)")')
CROSS_VALIDATION = Kind("cross-validation", rb'\{\s*(\}|"folds")')
EVENTS = {
    "csv": Kind("table of events", rb"file,start_s,end_s,"),
    "json": Kind("events in JSON", rb'\{"file": '),
    "audacity": Kind("labels for Audacity", rb"\d+\.\d+\t\d+\.\d+\t"),
    "raven": Kind("selection table", rb"Selection\t"),
}
"""By the names of `timeline --format`."""


def add_force(to: argparse.ArgumentParser) -> None:
    """Give a command that writes a file the option to write over one of another kind."""
    to.add_argument(
        "--force",
        action="store_true",
        help="write over a file of another kind too; never over what is read",
    )


def check_output(path: Path, kind: Kind, read: Iterable[Path | None], force: bool) -> None:
    """Refuse to write over what is read, and over what is of another kind.

    Parameters
    ----------
    path : Path
        Where a result is to be written.
    kind : Kind
        What it will be.
    read : iterable of Path or None
        The files and folders that the command reads.
    force : bool
        Write over any file that is not read.

    Raises
    ------
    OutputError
        With what is there, and how to cure it.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise OutputError(f"{path} is a folder; give the name of a file to write.")
        if not stat.S_ISREG(mode):
            return
        own = kind.is_of(path)
        inputs = [given for given in read if given is not None and _is_there(given)]
        if any(path.samefile(given) for given in inputs):
            raise OutputError(f"{path} is what this command reads; give another file to write.")
        inside = not own and any(_holds(given, path) for given in inputs)
    except FileNotFoundError:
        return
    except OSError as error:
        raise unwritable(path, error) from None
    if inside:
        raise OutputError(f"{path} is among what this command reads; give another file to write.")
    if not (own or force):
        raise OutputError(
            f"{path} is there already and is no {kind.name}; give another file to write, or "
            "write over it with --force."
        )


def check_folder_of(path: Path) -> None:
    """Refuse to write to a folder that is not there, before there is anything to write.

    Raises
    ------
    OutputError
        If it is not there.
    """
    if not path.parent.is_dir():
        raise OutputError(
            f"There is no folder {path.parent} for {path.name}; make it, or give another place."
        )


def make_folder(folder: Path) -> None:
    """Make the folder for results, if it is not there.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(
            f"{folder} is a file; give a folder for the results, there or to be made."
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from None


def write_output(path: Path, content: bytes | str) -> None:
    """Write a result, whole or not at all; its folder is made if need be.

    Raises
    ------
    OutputError
        If it cannot be written: a full disk, a name that is too long.
    """
    data = content.encode("utf-8", AS_GIVEN) if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise unwritable(path, error) from None


def with_places(inputs: Sequence[Input]) -> list[Input]:
    """Return what is to be heard, each once, with places that are all different.

    Where two recordings have one name, results mirror the folders of all of them, from the one
    that they have in common.

    Raises
    ------
    OutputError
        If they have no folder in common.
    """
    once = {_parent(one) / one.path.name: one for one in inputs}
    if len(once) < len(inputs):
        say("note", f"asked for more than once, heard once: {len(inputs) - len(once)}.")
    distinct = list(once.values())
    if _first_double(distinct) is None:
        return distinct
    with suppress(ValueError):  # on two drives of Windows
        common = os.path.commonpath([_parent(one) for one in distinct])
        distinct = [
            Input(one.path, _parent(one).relative_to(common) / one.below.name) for one in distinct
        ]
    if double := _first_double(distinct):
        raise OutputError(
            f"{double} would be the place of two results; ask for these recordings one at a time, "
            "with different folders as --output."
        )
    return distinct


def _parent(one: Input) -> Path:
    return one.path.parent.resolve()


def _first_double(inputs: Sequence[Input]) -> Path | None:
    (place, count), *_ = Counter(one.below for one in inputs).most_common(1)
    return place if count > 1 else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, told when it is opened
        return False


def _holds(folder: Path, path: Path) -> bool:
    return folder.resolve() in path.resolve().parents


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return what is said where a result cannot be written: a full disk, no permission."""
    return OutputError(
        f"{path} cannot be written ({error.strerror or error}); give another place for the result."
    )
