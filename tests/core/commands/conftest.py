"""What only the tests of commands share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

import pytest

from resona_core.__main__ import main
from resona_core.commands.program import parser


@pytest.fixture
def lacks(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """A function that returns what a command line is told to lack."""

    def lacks(command: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(command.split())
        assert end.value.code == 2
        return capsys.readouterr().err.strip().partition("error: ")[2]

    return lacks


@pytest.fixture
def defaults() -> Callable[[str], dict[str, float]]:
    """A function that returns a command's numbers where none is given, which its help tells."""

    def defaults(command: str) -> dict[str, float]:
        (commands,) = (
            action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
        )
        found = {}
        for option in commands.choices[command]._actions:
            if told := re.search(r"\(default: ([\d.]+)", option.help or ""):
                assert option.default == float(told[1]), option.dest
                found[option.dest] = option.default
        return found

    return defaults
