from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from resona_core.errors import DataError
from resona_core.training.fitting.state import read_state, write_state

CPU = torch.device("cpu")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_state({"step": 3, "weights": torch.ones(2)}, tmp_path / "last.pt")
    state = read_state(tmp_path / "last.pt", CPU)
    assert state["step"] == 3
    assert state["weights"].tolist() == [1.0, 1.0]
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("failed writing")]
)
def test_a_full_disk_is_told_and_keeps_what_was_there(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_state({"step": 3}, tmp_path / "last.pt")

    def fill(_: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(torch, "save", fill)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_234_567_890))
    with pytest.raises(DataError, match=r"last\.pt could not be written \(.*; 1,235 MB are free\)"):
        write_state({"step": 4}, tmp_path / "last.pt")
    assert read_state(tmp_path / "last.pt", CPU)["step"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("data", [b"", b"half", b"PK\3\4"])
def test_a_damaged_state_is_one_sentence(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(data)
    with pytest.raises(DataError, match=r"last\.pt is damaged and was not read; delete it, and"):
        read_state(tmp_path / "last.pt", CPU)


class _Code:
    """Runs when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_state_does_not_run(tmp_path: Path) -> None:
    torch.save({"step": _Code(tmp_path / "ran")}, tmp_path / "last.pt")
    with pytest.raises(DataError, match=r"last\.pt is damaged and was not read"):
        read_state(tmp_path / "last.pt", CPU)
    assert not (tmp_path / "ran").exists()
