"""Resona: see, hear and question what a neural network hears.

The way of a sound through the package::

    bytes -> audio -> spectrogram -> model -> results -> figures | JSON | files

:class:`Engine` is the one door; the pages, the command line and every other caller go
through it. It is imported when it is first asked for, and torch with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resona_core.engine import Engine

__all__ = ["Engine"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from resona_core.engine import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
