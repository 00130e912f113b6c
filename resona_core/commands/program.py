"""The program: its commands, and what becomes of their errors."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from itertools import takewhile

from resona_core import __version__
from resona_core.commands import (
    Command,
    evaluation,
    explaining,
    exporting,
    faithfulness,
    masker,
    questions,
    recordings,
    serving,
    training,
)
from resona_core.commands.printing import let_names_through, say
from resona_core.errors import ResonaError


def run(arguments: Sequence[str]) -> int:
    """Run one command; return 0, or 1 when something could not be done.

    Raises
    ------
    SystemExit
        With 2 for wrong usage, with 0 for --help.
    """
    let_names_through()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    options = _options(arguments)
    command: Command = options.command
    try:
        status = command(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ResonaError, OSError) as error:
        say("error", error)
        return 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    try:
        return parser().parse_args(arguments)
    except SystemExit as end:
        before_names = takewhile(lambda word: word != "--", arguments)
        dashed = next(filter(_may_be_a_name, before_names), None)
        if end.code and dashed:
            say("note", f"a file whose name begins with a dash goes after --, as in: -- {dashed}")
        raise


def _may_be_a_name(word: str) -> bool:
    """Tell whether a word is none of the options, which begin with two dashes, and no number."""
    if word[:1] != "-" or word in ("-", "-h") or word[1:].replace(".", "", 1).isdecimal():
        return False
    return word[1] != "-" or os.path.lexists(word)


def parser() -> argparse.ArgumentParser:
    """Return what reads the words of all commands."""
    program = argparse.ArgumentParser(
        prog="python -m resona_core", description="See, hear and question what a network hears."
    )
    program.add_argument("--version", action="version", version=f"Resona {__version__}")
    commands = program.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        made.set_defaults(command=command)
        return made

    for room in (
        questions,
        explaining,
        masker,
        faithfulness,
        recordings,
        training,
        evaluation,
        exporting,
        serving,
    ):
        room.add_to(add)
    return program
