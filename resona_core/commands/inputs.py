"""What `classify` and `timeline` hear: files, folders with all below them, patterns, pipes."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from resona_core.commands.printing import say
from resona_core.errors import NotAudioError, RequestError, ResonaError
from resona_core.sound.formats import FORMATS

if TYPE_CHECKING:
    from resona_core.sound.sources import Source

FILES_HELP = "sound file, folder of sound files, pattern such as '*.wav', or - for standard input"

_ENDINGS_TOLD = 5
_DOT, _LINKED, _NO_FILE = (
    "names that begin with a dot",
    "folders linked to again",
    "pipes, devices and broken links",
)
LeftOut: TypeAlias = "Counter[str]"  # what was left out: a reason from above, or an ending


@dataclass(frozen=True)
class Input:
    """Something to hear.

    Attributes
    ----------
    path : Path
        As it was given or found; "-" is standard input.
    below : Path
        Its place below what was asked for; its name where the file itself was.
    """

    path: Path
    below: Path

    @classmethod
    def of(cls, path: Path) -> Input:
        """Return a file that was asked for itself."""
        return cls(path, Path("standard-input" if str(path) == "-" else path.name))

    @property
    def name(self) -> str:
        """What messages and results call it."""
        return "standard input" if str(self.path) == "-" else str(self.path)

    @property
    def source(self) -> Source:
        """What the engine takes.

        Raises
        ------
        RequestError
            If it is the keyboard, or closed.
        """
        if str(self.path) != "-":
            return self.path
        if sys.stdin is None or sys.stdin.isatty():
            raise RequestError("- is standard input; pipe a sound into this command.")
        return sys.stdin.buffer


def find_inputs(given: Iterable[Path]) -> tuple[list[Input], int]:
    """Return all that is to be heard, and 1 if anything could not be found, else 0.

    What could not be found, and what of a folder is left out, is told in a line each.
    """
    found: list[Input] = []
    status = 0
    for path in given:
        for one in _expanded(path):
            if isinstance(one, ResonaError):
                say("error", one)
                status = 1
            else:
                found.append(one)
    return found, status


def _expanded(path: Path) -> Iterator[Input | ResonaError]:
    for one in _matching(path):
        if stat.S_ISDIR(_mode(one)):
            yield from _in_folder(one)
        else:
            yield Input.of(one)


def _matching(path: Path) -> list[Path]:
    """Return what a pattern matches that the shell left as it is, as on Windows."""
    pattern = str(path)
    if not glob.has_magic(pattern) or os.path.lexists(path):
        return [path]
    # Path.glob would also find names that begin with a dot, which no shell does.
    return [Path(name) for name in sorted(glob.glob(pattern, recursive=True))] or [path]  # noqa: PTH207


def _in_folder(folder: Path) -> Iterator[Input | ResonaError]:
    """Yield the sound files in a folder and below, and tell what is left out."""
    errors: list[OSError] = []
    left_out: LeftOut = Counter()
    n_sounds = 0
    for path in _sounds(folder, left_out, errors):
        n_sounds += 1
        yield Input(path, path.relative_to(folder))
    for error in errors:
        yield NotAudioError(f"{error.filename} cannot be opened ({error.strerror}).")
    told = _told(left_out)
    if not (n_sounds or errors):
        held = f", only {told}" if told else ""
        yield NotAudioError(f"{folder} holds no sound files{held}; give another folder.")
    elif told:
        say("note", f"{folder}: sound files: {n_sounds}; left out: {told}.")


def _sounds(folder: Path, left_out: LeftOut, errors: list[OSError]) -> Iterator[Path]:
    """Yield files whose ending is a sound's; count the others, and go round in no circle."""
    seen: set[tuple[int, int]] = set()
    for here, folders, files in os.walk(folder, onerror=errors.append, followlinks=True):
        place = Path(here).stat()
        if (place.st_dev, place.st_ino) in seen:
            left_out[_LINKED] += 1
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        left_out[_DOT] += sum(name.startswith(".") for name in folders + files)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(here, name) for name in sorted(files) if not name.startswith(".")):
            reason = _reason_against(path)
            if reason is None:
                yield path
            else:
                left_out[reason] += 1


def _reason_against(path: Path) -> str | None:
    ending = path.suffix.lower()
    if ending[1:] not in FORMATS:
        return ending
    return None if stat.S_ISREG(_mode(path)) else _NO_FILE


def _mode(path: Path) -> int:
    """Return the bits that say what a path is; none of them where there is nothing."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0  # told when it is opened


def _told(left_out: LeftOut) -> str:
    """Say what was left out: "names that begin with a dot (2), other kinds (3: 2 .txt, 1 .jpg)"."""
    reasons = [f"{why} ({left_out[why]})" for why in (_DOT, _LINKED, _NO_FILE) if left_out[why]]
    endings = Counter({e: n for e, n in left_out.items() if e not in (_DOT, _LINKED, _NO_FILE)})
    if endings:
        common = [f"{n} {e or 'without an ending'}" for e, n in endings.most_common(_ENDINGS_TOLD)]
        more = ["..."] if len(endings) > _ENDINGS_TOLD else []
        reasons.append(f"other kinds ({endings.total()}: {', '.join(common + more)})")
    return ", ".join(reasons)
