"""A run that was stopped becomes a model of what it had learnt by then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from resona_core.errors import DataError
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.training.fitting.finish import finish
from resona_core.training.fitting.run_folder import RunFolder
from resona_core.training.fitting.state import write_state


@pytest.fixture
def stopped(tmp_path: Path, tiny_classifier: Classifier) -> RunFolder:
    """A run of 50 epochs that was stopped after seven steps."""
    folder = RunFolder(tmp_path / "toy")
    folder.create(json.loads(tiny_classifier.info.to_json()))
    write_state({"step": 7, "averaged": tiny_classifier.state_dict()}, folder.last)
    return folder


def test_the_averaged_weights_of_the_network_are_the_model(
    stopped: RunFolder, tiny_classifier: Classifier
) -> None:
    path = finish(stopped)
    assert path == stopped.model
    made = checkpoint.load(path)
    assert made.info.validation == "Stopped after 7 steps, before its 50 epochs ended."
    assert made.info.labels == tiny_classifier.info.labels
    for name, weights in tiny_classifier.network.state_dict().items():
        torch.testing.assert_close(made.network.state_dict()[name], weights, atol=1e-3, rtol=1e-3)


def test_what_is_finished_stays(stopped: RunFolder) -> None:
    stopped.model.write_text("as it was")
    assert finish(stopped) == stopped.model
    assert stopped.model.read_text() == "as it was"


@pytest.mark.parametrize("missing", ["last", "config"])
def test_without_a_state_or_a_configuration_there_is_nothing_to_finish(
    missing: str, stopped: RunFolder
) -> None:
    getattr(stopped, missing).unlink()
    with pytest.raises(DataError, match=r"^There is no stopped run in .*toy; name one that has a"):
        finish(stopped)
