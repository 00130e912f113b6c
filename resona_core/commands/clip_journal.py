"""What is measured clip by clip, over hours: kept in a file until all of it is there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from resona_core.commands.batches import AnswerFile

Figures = Mapping[str, Mapping[str, float]]
"""By the name of the method, and of the figure."""


class ClipJournal:
    """The figures of each clip by the clip's name; stopped, the next one begins with them.

    Parameters
    ----------
    path : Path or None
        Where each is written as it comes; None: nowhere.
    asked : mapping
        What tells this measurement from others.

    Attributes
    ----------
    found : dict of str to dict of str to mapping
        For each clip and method the figures that are known.

    Raises
    ------
    RequestError
        If the file holds something else, or another measurement.
    """

    def __init__(self, path: Path | None, asked: Mapping[str, Any]) -> None:
        self.path = path
        self.found: dict[str, Figures] = {}
        self._file = None if path is None else AnswerFile(path, asked)
        if path is not None:
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                self.found[record["file"]] = record["methods"]

    def add(self, clip: str, figures: Figures) -> None:
        """Take a clip's figures; what is no number is not known, and left out."""
        known = {
            method: {name: float(x) for name, x in each.items() if not math.isnan(x)}
            for method, each in figures.items()
        }
        self.found[clip] = known
        if self._file is not None:
            self._file.write({"file": clip, "methods": known})

    def forget(self) -> None:
        """Delete the file: all is measured, and written elsewhere."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
