"""The state of a run on disk: whole or not there, whatever happens while it is written."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from resona_core.errors import DataError
from resona_core.whole import whole_file


def write_state(state: Mapping[str, object], path: Path) -> None:
    """Write a state; a kill while writing leaves the old file, or none.

    Raises
    ------
    DataError
        If it cannot be written, as on a full disk.
    """
    try:
        with whole_file(path) as part:
            torch.save(state, part)
    except (OSError, RuntimeError) as error:  # torch's own writer raises the latter
        free = shutil.disk_usage(path.parent).free / 1e6
        raise DataError(
            f"{path} could not be written ({error}; {free:,.0f} MB are free); make room and go on "
            "from the last stored epoch with --resume."
        ) from None


def read_state(path: Path, device: torch.device) -> Mapping[str, Any]:
    """Read what :func:`write_state` wrote.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    try:
        state: Mapping[str, Any] = torch.load(path, map_location=device, weights_only=True)
        return state
    except Exception:  # the bytes of another file lead the unpickler to errors of any kind
        raise DataError(
            f"{path} is damaged and was not read; delete it, and --resume begins again without it."
        ) from None
