"""What all commands share: how one is added, and which network it uses."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from resona_core.commands.loading import loading
from resona_core.commands.printing import say
from resona_core.settings import Settings, settings

if TYPE_CHECKING:
    from resona_core.engine import Engine

Command = Callable[[argparse.Namespace], int]

DATA_HELP = (
    "folder in ESC-50's layout (audio/ and meta/*.csv), folder with one subfolder of sounds per "
    "class, folder with such folders in train/ and test/, or CSV file with the columns filename, "
    "label and, optionally, fold or split (train, test) and source (the recording a clip was cut "
    "from)"
)


class Add(Protocol):
    """Adds a command to the program; its docstring is the help text."""

    def __call__(self, name: str, command: Command) -> argparse.ArgumentParser:
        """Return the command's own parser."""


def add_checkpoint(to: argparse.ArgumentParser) -> None:
    """Give a command the option to use other weights than the shipped ones."""
    to.add_argument(
        "--checkpoint",
        type=Path,
        metavar="X.safetensors",
        help="weights to use (default: RESONA_CHECKPOINT, or the shipped weights)",
    )


def add_track(to: argparse.ArgumentParser) -> None:
    """Give a command the option to hear another of several sound tracks."""
    to.add_argument(
        "--track", type=int, metavar="N",
        help="which sound track of a film; default: the one marked so, or the first (1)",
    )  # fmt: skip


def print_warnings(file: str, sentences: Iterable[str]) -> None:
    """Print what the listener must know, one line each, where it mixes with no results."""
    for sentence in sentences:
        say("warning", f"{file}: {sentence}")


def add_runs(to: argparse.ArgumentParser) -> None:
    """Give a command the option to keep runs elsewhere."""
    to.add_argument(
        "--runs",
        type=Path,
        metavar="DIR",
        help="folder that holds the runs (default: RESONA_RUNS, or runs)",
    )


def runs_of(options: argparse.Namespace) -> Path:
    """Return the folder of runs asked for, else that of the settings."""
    return options.runs or settings().runs


def engine_of(options: argparse.Namespace, many: bool = False) -> Engine:
    """Return an engine on the checkpoint asked for, for one sound or for `many`."""
    with loading():
        from resona_core.engine import Engine

        chosen = settings_of(options)
        return Engine(for_many(chosen) if many else chosen)


def for_many(chosen: Settings) -> Settings:
    """Return the settings under which many windows are heard fastest: one core for each pass.

    Two passes on one thread each take less time than two, one after the other, on both. What is
    set by hand stays, and so does a GPU.
    """
    from resona_core.network.processor import cores

    if chosen.threads or chosen.concurrency > 1 or chosen.device != "cpu":
        return chosen
    return replace(chosen, threads=1, concurrency=cores())


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings with the checkpoint asked for."""
    chosen = settings()
    return replace(chosen, checkpoint=options.checkpoint or chosen.checkpoint)


def fold_list(text: str) -> tuple[int, ...]:
    """Read folds as the command line takes them: 1,2,3."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} names no folds; write 1,2,3") from None
