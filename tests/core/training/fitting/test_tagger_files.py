"""What a tagger's file may be, and what each other file is told."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from resona_core.errors import CheckpointError
from resona_core.training.fitting.tagger import (
    load_tagger,
)
from tests.core.training.toy_teacher import toy_tagger, write_toy


def test_a_pt_file_reads_the_same_as_safetensors(tmp_path: Path) -> None:
    safe = load_tagger(write_toy(tmp_path / "toy.safetensors"))
    torch.save(toy_tagger().state_dict(), tmp_path / "toy.pt")
    pickled = load_tagger(tmp_path / "toy.pt")
    assert safe.n_features == pickled.n_features == 96  # the width follows from the shapes
    for name, tensor in safe.state_dict().items():
        assert torch.equal(pickled.state_dict()[name], tensor), name


def test_what_is_read_only_answers(tmp_path: Path) -> None:
    tagger = load_tagger(write_toy(tmp_path / "toy.safetensors"))
    assert not tagger.training
    assert not any(parameter.requires_grad for parameter in tagger.parameters())


def test_a_missing_file_is_told_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"^There is no teacher at .*x\.pt; give its \.safet"):
        load_tagger(tmp_path / "x.pt")


@pytest.mark.parametrize("name", ["file.pt", "file.safetensors"])
@pytest.mark.parametrize(
    "content", [b"hello there\n", b"", b"Not Found", b"PK\x03\x04" + bytes(50)]
)
def test_a_file_of_something_else_is_told_in_one_sentence(
    content: bytes, name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError) as raised:
        load_tagger(tmp_path / name)
    assert str(raised.value) == (
        f"{name} is not a plain weights file and was not read; download it again."
    )


def _with_another_shape(state: dict[str, Tensor]) -> object:
    return state | {"classifier.5.bias": torch.zeros(50)}


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {"fc.weight": torch.zeros(2, 2)},
        lambda state: {key: value for key, value in state.items() if "features.3." not in key},
        _with_another_shape,
        lambda state: list(state.values()),
        lambda state: {"features.16.0.weight": 3},
        lambda state: {"features.16.0.weight": torch.zeros(3)},
    ],
    ids=["other keys", "a layer missing", "other classes", "a list", "a number", "a vector"],
)
def test_another_network_is_refused_in_one_sentence(
    change: Callable[[dict[str, Tensor]], object], tmp_path: Path
) -> None:
    torch.save(change(toy_tagger().state_dict()), tmp_path / "other.pt")
    with pytest.raises(CheckpointError) as raised:
        load_tagger(tmp_path / "other.pt")
    assert str(raised.value) == (
        "other.pt does not hold a network of EfficientAT's mn family; "
        "give mn04_as, mn10_as or another of it."
    )


def test_another_network_is_refused_from_safetensors_too(tmp_path: Path) -> None:
    save_file({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"other\.safetensors does not hold a network of Eff"):
        load_tagger(tmp_path / "other.safetensors")


class _Code:
    """Runs when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("write", [torch.save, lambda code, path: path.write_bytes(code)])
def test_code_in_a_file_is_refused_and_does_not_run(
    write: Callable[..., object], tmp_path: Path
) -> None:
    trace, path = tmp_path / "ran", tmp_path / "evil.pt"
    code = _Code(trace)
    write(code if write is torch.save else pickle.dumps(code), path)
    with pytest.raises(CheckpointError, match=r"evil\.pt is not a plain weights file"):
        load_tagger(path)
    assert not trace.exists()
    if write is not torch.save:
        pickle.loads(path.read_bytes())
        assert trace.exists()  # it would have run
