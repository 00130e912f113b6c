"""Torch's network is made once, when somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from resona_core.errors import CheckpointError, SettingsError
from resona_core.network.on_demand import OnDemand
from resona_core.settings import Settings


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_all_threads_get_one_network_that_is_ready_to_answer(weights: str) -> None:
    classifier = OnDemand(Settings(checkpoint=Path(weights)))
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: classifier(), range(16)))
    assert all(each is given[0] for each in given)
    assert not given[0].training
    assert given[0].info.name == "toy"


@pytest.mark.parametrize(("asked", "threads"), [(0, 1), (2, 2)])
def test_it_computes_with_as_many_threads_as_are_asked_for(
    asked: int, threads: int, weights: str
) -> None:
    torch.set_num_threads(1)
    OnDemand(Settings(checkpoint=Path(weights), threads=asked))()
    assert torch.get_num_threads() == threads


def test_weights_that_are_not_there_are_missed_when_they_are_asked_for(tmp_path: Path) -> None:
    classifier = OnDemand(Settings(checkpoint=tmp_path / "none.safetensors"))
    for _ in range(2):
        with pytest.raises(CheckpointError, match="There is no checkpoint at"):
            classifier()


def test_cuda_must_be_there_from_the_start(weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Settings(checkpoint=Path(weights), device="cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match=r"there is no CUDA device; use cpu\.$"):
        OnDemand(options)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    OnDemand(options)
