"""How batches are made ahead for a GPU, whose streams have a stand-in: nothing is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from threading import get_ident

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.config import FrontEndConfig
from resona_core.network.spectrogram import LogMel
from resona_core.training.fitting import batches
from resona_core.training.fitting.batches import Batch, Batches
from tests.core.training.toy_teacher import MIXED, Stub, noises, tones


class _Stream:
    """Notes which batches were waited for, and whose memory was kept meanwhile."""

    def __init__(self) -> None:
        self.made, self.awaited, self.kept = 0, list[int](), list[Tensor]()

    def wait_stream(self, other: _Stream) -> None:
        pass

    def record_event(self) -> int:
        self.made += 1
        return self.made

    def wait_event(self, event: int) -> None:
        self.awaited.append(event)


@pytest.fixture
def build(
    tone: Callable[..., NDArray[np.float32]], tiny_front_end: FrontEndConfig
) -> Callable[..., Batches]:
    """A function of a teacher that makes batches of six, four of them of classes."""

    def build(teacher: Stub | None = None) -> Batches:
        front_end, clips = LogMel(tiny_front_end), tones(tone, 25)
        return Batches(MIXED, front_end, 3, clips, noises(), teacher, torch.device("cpu"), False)  # type: ignore[arg-type]

    return build


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> _Stream:
    stream = _Stream()
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(Tensor, "record_stream", lambda part, stream: stream.kept.append(part))
    return stream


def test_a_thread_makes_the_batches_of_a_gpu_in_their_order(
    build: Callable[..., Batches], stream: _Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build()
    expected = list(made.of_epoch(5, step=30))
    assert len(expected) == 6
    threads, make = set[int](), made.make

    def note(indices: Tensor, step: int) -> Batch:
        threads.add(get_ident())
        return make(indices, step)

    monkeypatch.setattr(made, "make", note)
    made.stream = stream  # type: ignore[assignment]
    for number, (ahead, alone) in enumerate(zip(made.of_epoch(5, 30), expected, strict=True), 1):
        assert stream.awaited == list(range(1, number + 1))
        made.worker.submit(int).result()  # when all that was asked for before has been made
        assert stream.made == min(number + 2, 6)  # two ahead
        assert len(stream.kept) == 3 * number  # pictures, targets and kinds; there is no teacher
        for part, other in zip(ahead, alone, strict=True):
            torch.testing.assert_close(part, other, atol=0, rtol=0)
    assert len(threads) == 1
    assert get_ident() not in threads


def test_what_a_thread_cannot_make_is_told(
    build: Callable[..., Batches], stream: _Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(indices: Tensor, step: int) -> Batch:
        raise RuntimeError("out of memory")

    made = build()
    monkeypatch.setattr(made, "make", fail)
    made.stream = stream  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="out of memory"):
        list(made.of_epoch(0, step=0))


def test_what_a_teacher_says_of_a_batch_is_recorded_where_there_is_one(
    build: Callable[..., Batches], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Tensor] = []

    def record(function: Callable[..., object], example: Tensor) -> Callable[..., object]:
        given.append(example)
        return function

    monkeypatch.setattr(batches, "Graphed", record)
    alone, taught = build(), build(Stub())
    alone.record()
    assert given == []
    taught.record()
    assert [tuple(example.shape) for example in given] == [(6, 16_000)]
    assert taught.make(torch.arange(4), step=0).numbers is not None
