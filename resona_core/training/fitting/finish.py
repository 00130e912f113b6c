"""A run that was stopped -> a model of what it had learnt by then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from resona_core.errors import DataError
from resona_core.network import checkpoint
from resona_core.network.description import CheckpointInfo
from resona_core.training.fitting.run_folder import RunFolder
from resona_core.training.fitting.state import read_state


def finish(folder: RunFolder) -> Path:
    """Make a model of what a stopped run has learnt so far, and return its path.

    Raises
    ------
    DataError
        If nothing has been stored of it, or that is damaged.
    CheckpointError
        If its configuration is of another version.
    """
    if folder.model.is_file():
        return folder.model
    if not (folder.last.is_file() and folder.config.is_file()):
        raise DataError(f"There is no stopped run in {folder.path}; name one that has a last.pt.")
    state = read_state(folder.last, torch.device("cpu"))
    info = CheckpointInfo.from_json(folder.config.read_text(encoding="utf-8"))
    own = "network."
    weights = {
        name.removeprefix(own): tensor
        for name, tensor in state["averaged"].items()
        if name.startswith(own)
    }
    told = f"Stopped after {state['step']} steps, before its {info.training.epochs} epochs ended."
    checkpoint.save(folder.model, replace(info, validation=told), weights)
    return folder.model
