"""What only the tests of commands share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from types import ModuleType

import pytest

from resona_core.__main__ import main
from resona_core.commands.program import parser
from resona_core.engine import Engine


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
def asked_for_many(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], list[bool]]:
    """A function that notes of each engine which a module of commands asks for: is it for many?"""

    def asked_for_many(module: ModuleType) -> list[bool]:
        asked: list[bool] = []
        engine_of = module.engine_of

        def noted(options: argparse.Namespace, many: bool = False) -> Engine:
            asked.append(many)
            engine: Engine = engine_of(options, many)
            return engine

        monkeypatch.setattr(module, "engine_of", noted)
        return asked

    return asked_for_many


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
