"""Resona: see, hear and question what a neural network hears.

The way of a sound through the package::

    bytes -> audio -> spectrogram -> model -> results -> figures | JSON | files

:class:`Engine` is the one door; the pages, the command line and every other caller go
through it. It is imported when it is first asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers read it; the command line begins before it loads typing
if TYPE_CHECKING:
    from typing import Any

    from resona_core.engine import Engine

__all__ = ["Engine"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from resona_core.engine import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
