"""A stand-in for Modal: the network of a local engine, and failures in the order given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from resona_core import wire
from resona_core.engine import Engine
from resona_core.settings import Settings


class FakeService:
    """Answers as ``train_modal.Network`` does; first raises each of `failures`, once.

    `calls` holds what was asked: the method, and its arguments.
    """

    def __init__(self, checkpoint: Path, *failures: BaseException) -> None:
        self.engine = Engine(Settings(checkpoint=checkpoint))
        self.sender = wire.Sender.of(self.engine.info, "a far GPU")
        self.failures = list(failures)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def call(self, method: str, *arguments: Any) -> bytes:
        self.calls.append((method, arguments))
        if self.failures:
            raise self.failures.pop(0)
        if method == "classify":
            return self._classify(*arguments)
        assert method == "feature_maps"
        return self._feature_maps(*arguments)

    def call_each(
        self, method: str, arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[bytes | Exception]:
        for each in arguments:
            try:
                yield self.call(method, *each)
            except Exception as error:
                yield error

    def _classify(self, data: bytes, name: str = "") -> bytes:
        answer = self.engine.classify(self.engine.load(data, name))
        return wire.pack_classification(answer, self.sender)

    def _feature_maps(self, data: bytes, name: str, window: int, layers: list[str] | None) -> bytes:
        maps = self.engine.feature_maps(self.engine.load(data, name), window, layers)
        return wire.pack_maps(maps, self.sender)
