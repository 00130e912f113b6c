from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from resona_core.errors import CheckpointError
from resona_core.network import checkpoint, description
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo


@pytest.fixture
def saved(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> Path:
    path = tmp_path / "new folder" / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return path


def test_the_description_survives_the_way_through_json(tiny_info: CheckpointInfo) -> None:
    assert CheckpointInfo.from_json(tiny_info.to_json()) == tiny_info


def test_the_description_is_read_without_the_weights(
    saved: Path, tiny_info: CheckpointInfo
) -> None:
    assert description.read_info(saved) == tiny_info


def test_the_rebuilt_classifier_gives_the_same_answers(
    saved: Path, tiny_classifier: Classifier
) -> None:
    windows = torch.randn(2, 16_000)
    rebuilt = checkpoint.load(saved)
    torch.testing.assert_close(rebuilt(windows), tiny_classifier(windows), atol=0.02, rtol=0.01)


def test_the_weights_are_stored_at_half_precision_and_come_back_exactly(
    saved: Path, tiny_classifier: Classifier
) -> None:
    rebuilt = checkpoint.load(saved).network.state_dict()
    for name, tensor in tiny_classifier.network.state_dict().items():
        stored = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(rebuilt[name], stored), name
        assert rebuilt[name].dtype == tensor.dtype


def test_saving_what_was_loaded_changes_nothing(saved: Path, tmp_path: Path) -> None:
    first = checkpoint.load(saved)
    again = tmp_path / "again.safetensors"
    checkpoint.save(again, first.info, first.network.state_dict())
    for name, tensor in checkpoint.load(again).network.state_dict().items():
        assert torch.equal(tensor, first.network.state_dict()[name])


def test_the_folders_above_a_checkpoint_are_made(
    tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier
) -> None:
    path = tmp_path / "runs" / "mine" / "model.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    assert description.read_info(path) == tiny_info


def test_a_loaded_classifier_is_ready_to_serve(saved: Path) -> None:
    classifier = checkpoint.load(saved)
    assert not classifier.training
    assert not any(p.requires_grad for p in classifier.parameters())


def test_the_temperature_divides_the_logits(tiny_classifier: Classifier) -> None:
    # exp(2 / 2) : exp(0) : exp(0), the temperature of the toy being 2
    e = 2.718281828
    expected = torch.tensor([[e, 1.0, 1.0]]) / (e + 2)
    given = tiny_classifier.probabilities(torch.tensor([[2.0, 0.0, 0.0]]))
    torch.testing.assert_close(given, expected)


def _changed(info: CheckpointInfo, **changes: Any) -> str:
    values = json.loads(info.to_json()) | changes
    return json.dumps({key: value for key, value in values.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema_version": 99}, "has schema version 99, this program reads 1; use the program's"),
        ({"schema_version": None}, "has schema version None"),
        ({"labels": None}, "missing or unknown fields: labels"),
        ({"colour": 1, "model": None}, "missing or unknown fields: colour, model"),
        ({"model": {"depth": 3}}, "configuration is not usable: ModelConfig has no depth"),
        ({"front_end": {"n_mels": 0}}, "configuration is not usable: FrontEndConfig.n_mels is 0"),
        ({"front_end": {"bits": 8}}, r"FrontEndConfig has no bits; .*, or train from its weights"),
        ({"training": 5}, "configuration is not usable"),
        ({"labels": ["dog"]}, "names 1 classes, its network has 3"),
        ({"kinds": ["known", "other"]}, "names 2 kinds, its network has 0"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    tiny_info: CheckpointInfo, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(CheckpointError, match=told):
        CheckpointInfo.from_json(_changed(tiny_info, **changes))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "3", "null"])
def test_a_description_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="description cannot be read; download the file"):
        CheckpointInfo.from_json(text)


def test_a_description_without_the_newer_keys_gets_their_defaults(
    tiny_info: CheckpointInfo,
) -> None:
    old = _changed(tiny_info, folds=None, temperature=None, scores=None)
    info = CheckpointInfo.from_json(old)
    assert (info.folds, info.temperature, info.scores) == ((), 1.0, {})


def test_the_kinds_survive_the_way_through_a_file(
    tmp_path: Path, tiny_classifier: Classifier, with_kinds: Callable[..., Classifier]
) -> None:
    strange = with_kinds(tiny_classifier, [0.25, 0.25, 0.25, 0.25])
    path = tmp_path / "strange.safetensors"
    checkpoint.save(path, replace(strange.info, known_floor=0.3), strange.network.state_dict())
    loaded = checkpoint.load(path)
    assert loaded.info.kinds == ("known", "speech", "music", "other")
    assert loaded.info.known_floor == 0.3
    assert torch.equal(loaded.network.kinds.bias, strange.network.kinds.bias.half().float())


def test_a_missing_file_is_told_with_the_way_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*none.* set RESONA_CHECKPOINT"):
        checkpoint.load(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\xff" * 64])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"other\.safetensors is not a safetensors file"):
        checkpoint.load(path)


def test_a_truncated_file_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"is not a safetensors file .* download it again"):
        checkpoint.load(saved)


def test_weights_without_a_description_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="weights without Resona's description"):
        description.read_info(path)


def test_the_front_end_comes_from_the_description(
    tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier
) -> None:
    path = tmp_path / "finer.safetensors"
    finer = replace(tiny_info.front_end, hop_length=160)
    info = replace(tiny_info, front_end=finer)
    checkpoint.save(path, info, tiny_classifier.network.state_dict())
    assert checkpoint.load(path).front_end.config == finer


def test_weights_that_are_no_numbers_are_neither_written_nor_read(
    tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier
) -> None:
    path = tmp_path / "broken.safetensors"
    weights = tiny_classifier.network.state_dict()
    for bad in (float("nan"), 1e6):  # fp16 ends at 65,504
        with pytest.raises(CheckpointError, match=r"broken.*: the weights fc\.bias are no numbers"):
            checkpoint.save(path, tiny_info, weights | {"fc.bias": torch.full((3,), bad)})
    assert list(tmp_path.iterdir()) == []
    checkpoint.save(path, tiny_info, weights)
    tensors = load_file(path)
    tensors["fc.bias"][0] = float("nan")
    with safe_open(path, framework="pt") as file:
        save_file(tensors, path, metadata=file.metadata())
    with pytest.raises(CheckpointError, match=r"broken.*: the weights fc\.bias are no numbers"):
        checkpoint.load(path)


def test_a_web_server_can_read_what_was_written(saved: Path) -> None:
    plain = saved.with_name("plain")
    plain.touch()  # with the rights that any new file gets here
    assert saved.stat().st_mode == plain.stat().st_mode
