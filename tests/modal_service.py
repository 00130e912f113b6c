"""A stand-in for Modal: the network of a local engine, and failures in the order given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from resona_core import wire
from resona_core.engine import Engine
from resona_core.explain.explanation import Question
from resona_core.records import Task, answered
from resona_core.remote import RemoteEngine
from resona_core.remote.waiting import Wanted
from resona_core.settings import Settings

RATE_HZ = 16_000  # of the toy network


class FakeService:
    """Answers as ``cloud.serving.Network`` does; first raises each of `failures`, once.

    `calls` holds what was asked: the method, and its arguments.
    """

    def __init__(self, checkpoint: Path, *failures: BaseException) -> None:
        self.engine = Engine(Settings(checkpoint=checkpoint, precision="float32"))
        self.sender = wire.Sender.of(self.engine.info, "a far GPU")
        self.failures = list(failures)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def call(self, method: str, *arguments: Any, wanted: Wanted) -> bytes:
        wanted.reached()
        self.calls.append((method, arguments))
        if self.failures:
            raise self.failures.pop(0)
        answers = {
            "feature_maps": self._feature_maps,
            "channel_shares": self._channel_shares,
            "explain": self._explain,
            "smallest_flip": self._smallest_flip,
            "hear": self._hear,
            "answer": self._answer,
        }
        return answers[method](*arguments)

    def call_each(
        self, method: str, arguments: Iterable[tuple[Any, ...]], *, wanted: Wanted,
        ordered: bool = True,
    ) -> Iterator[bytes | Exception]:  # fmt: skip
        for each in arguments:
            wanted.check()
            try:
                yield self.call(method, *each, wanted=wanted)
            except Exception as error:
                yield error

    def _feature_maps(self, data: bytes, name: str, window: int, layers: list[str] | None) -> bytes:
        maps = self.engine.feature_maps(self.engine.load(data, name), window, layers)
        return wire.pack_maps(maps, self.sender)

    def _channel_shares(self, data: bytes, label: str, layer: str) -> bytes:
        shares = self.engine.channel_shares(self.engine.load(data), label, layer)
        return wire.pack_shares(shares, self.sender)

    def _explain(self, data: bytes, question: str) -> bytes:
        why = self.engine.explain(self.engine.load(data), Question.from_json(question))
        return wire.pack_explanation(why, self.sender)

    def _smallest_flip(self, data: bytes) -> bytes:
        return wire.pack_box(self.engine.smallest_flip(self.engine.load(data)), self.sender)

    def _hear(self, windows: bytes) -> bytes:
        answer = self.engine.hear(wire.unpack_windows(windows))
        return wire.pack_classification(answer, self.sender)

    def _answer(self, task: str, files: list[tuple[str, bytes]]) -> bytes:
        asked = Task.from_json(task)
        found = [answered(self.engine, asked, data, name) for name, data in files]
        return wire.pack_records(found, 2.0, self.sender)


def far_engine(checkpoint: Path, *failures: BaseException) -> tuple[RemoteEngine, FakeService]:
    """Return the door on Modal, and the stand-in that answers behind it."""
    service = FakeService(checkpoint, *failures)
    return RemoteEngine(Settings(checkpoint=checkpoint), service), service
