"""Training that starts from a checkpoint's weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.training.fitting.origin import start_from


def test_starting_from_the_same_classes_copies_every_weight(
    tiny_classifier: Classifier, tmp_path: Path
) -> None:
    path = _saved(tiny_classifier, tmp_path)
    other = _another(tiny_classifier.info)
    assert start_from(other, path) == []
    given = load_file(path)
    for name, tensor in other.network.state_dict().items():
        assert torch.equal(tensor.to(given[name].dtype), given[name]), name


def test_starting_from_other_classes_copies_all_but_the_last_layer(
    tiny_classifier: Classifier, tmp_path: Path
) -> None:
    path = _saved(tiny_classifier, tmp_path)
    for labels in (("cat", "rain", "siren"), ("rain", "siren")):  # as many, and fewer
        model = replace(tiny_classifier.info.model, n_classes=len(labels))
        other = _another(replace(tiny_classifier.info, labels=labels, model=model))
        before = other.network.fc.weight.clone()
        assert start_from(other, path) == ["fc.bias", "fc.weight"]
        assert torch.equal(other.network.fc.weight, before)
        given = load_file(path)
        for name, tensor in other.network.state_dict().items():
            if not name.startswith("fc."):
                assert torch.equal(tensor.to(given[name].dtype), given[name]), name


def _saved(classifier: Classifier, folder: Path) -> Path:
    path = folder / "initial.safetensors"
    checkpoint.save(path, classifier.info, classifier.network.state_dict())
    return path


def _another(info: CheckpointInfo) -> Classifier:
    """Return a classifier whose weights, counters too, differ from any fresh one's."""
    classifier = Classifier(info)
    for tensor in classifier.network.state_dict().values():
        tensor.add_(1)
    return classifier
