"""What only the tests of commands share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resona_core.__main__ import main


@pytest.fixture
def lacks(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """A function that returns what a command line is told to lack."""

    def lacks(command: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(command.split())
        assert end.value.code == 2
        return capsys.readouterr().err.strip().partition("error: ")[2]

    return lacks
