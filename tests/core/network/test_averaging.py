from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from resona_core.errors import CheckpointError
from resona_core.network import checkpoint
from resona_core.network.averaging import average
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo


@pytest.fixture
def saved(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> Path:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return path


def test_an_average_holds_the_mean_of_all_weights_and_the_folds_of_all(
    saved: Path, tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier
) -> None:
    torch.manual_seed(1)
    other = Classifier(tiny_info)
    moved = tmp_path / "moved.safetensors"
    later = replace(tiny_info, name="later", folds=(7,), learnt="aa bb")
    checkpoint.save(moved, later, other.network.state_dict())
    assert average([saved, saved, moved]).info.name == "later"
    result = average([saved, moved])
    assert result.info == replace(later, folds=(*tiny_info.folds, 7), learnt="aa bb")
    one, two = (checkpoint.load(path).network.state_dict() for path in (saved, moved))
    differing = 0
    for name, tensor in result.network.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (one[name] + two[name]) / 2)
            differing += not torch.equal(one[name], two[name])
    assert differing > 0


def test_an_average_counts_the_batches_of_the_last(
    saved: Path, tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier
) -> None:
    paths = []
    for number in (3, 5, 7):
        weights = tiny_classifier.network.state_dict()
        counters = [name for name in weights if name.endswith("num_batches_tracked")]
        numbered = {name: torch.tensor(number) for name in counters}
        numbered["fc.bias"] = torch.full((3,), float(number))
        paths.append(tmp_path / f"{number}.safetensors")
        checkpoint.save(paths[-1], tiny_info, {**weights, **numbered})
    found = average(paths).network.state_dict()
    assert {int(found[name]) for name in counters} == {7}
    assert found["fc.bias"].tolist() == [5.0] * 3


def test_what_cannot_be_averaged_is_refused_in_one_sentence(
    saved: Path, tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier
) -> None:
    with pytest.raises(CheckpointError, match="1 checkpoint was given; an average needs two"):
        average([saved])
    other = tmp_path / "other.safetensors"
    renamed = replace(tiny_info, labels=tuple(reversed(tiny_info.labels)))
    finer = replace(tiny_info, front_end=replace(tiny_info.front_end, hop_length=160))
    for changed, part in ((renamed, "labels"), (finer, "front end")):
        checkpoint.save(other, changed, tiny_classifier.network.state_dict())
        told = rf"toy\.safetensors differs from .*other\.safetensors in its {part};"
        with pytest.raises(CheckpointError, match=told):
            average([saved, saved, other])
