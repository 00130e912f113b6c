"""The command line: ``resona COMMAND`` or ``python -m resona_core COMMAND``; each takes --help."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from resona_core import __version__
from resona_core.commands import (
    Command,
    evaluation,
    explaining,
    questions,
    recordings,
    serving,
    training,
)
from resona_core.errors import ResonaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 when something could not be done, 2 for wrong usage."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        status = command(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ResonaError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m resona_core", description="See, hear and question what a network hears."
    )
    parser.add_argument("--version", action="version", version=f"Resona {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        made.set_defaults(command=command)
        return made

    for room in (questions, explaining, recordings, training, evaluation, serving):
        room.add_to(add)
    return parser


if __name__ == "__main__":
    sys.exit(main())
