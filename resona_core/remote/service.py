"""How Modal is asked: its client, behind the two questions that the rest of the program puts.

Whatever it raises is explained by :func:`resona_core.remote.failures.explained`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Protocol

from resona_core.deployment import APP, NETWORK
from resona_core.errors import NotDeployedError
from resona_core.remote.waiting import NoLongerWantedError, Wanted

Arguments = tuple[Any, ...]

_CHECKED_EVERY_S = 1.0  # whether anyone still waits
_PACE_S = 0.05
_IN_FLIGHT = 64  # questions of many that are under way at a time
_BATCH_TIMEOUT_S = 3600  # a batch of long recordings
_IDLE_S = 20  # before a container that nobody asks any more is let go


class Service(Protocol):
    """The network on Modal, its methods by name; raises whatever Modal's client raises."""

    def call(self, method: str, *arguments: Any, wanted: Wanted) -> bytes:
        """Return one answer."""

    def call_each(
        self, method: str, arguments: Iterable[Arguments], *, wanted: Wanted, ordered: bool = True
    ) -> Iterator[bytes | Exception]:
        """Yield the answers to many questions, which run side by side.

        They come in the order of the questions, or as they are ready.
        """


class ModalService:
    """The network as deployed by ``modal deploy train_modal.py``.

    Parameters
    ----------
    containers : int, optional
        Ask a pool of its own, of at most so many containers, one question at a time in each;
        by default those that answer everyone.
    """

    def __init__(self, containers: int | None = None) -> None:
        self._containers = containers
        self._network: Any = None  # looked up once, until something fails
        self._in_flight = 2 * containers if containers else _IN_FLIGHT

    def call(self, method: str, *arguments: Any, wanted: Wanted) -> bytes:
        """Return one answer; where nobody waits for it any more, take the question back."""
        try:
            asked = getattr(self._looked_up(), method).spawn(*arguments)
            wanted.reached()
            try:
                return _answer(asked, wanted)
            except NoLongerWantedError:
                asked.cancel()
                raise
        except Exception:
            self._network = None  # it may have been deployed anew
            raise

    def call_each(
        self, method: str, arguments: Iterable[Arguments], *, wanted: Wanted, ordered: bool = True
    ) -> Iterator[bytes | Exception]:
        """Yield the answers to many questions, as many at a time as there is room for."""
        try:
            function = getattr(self._looked_up(), method)
            wanted.reached()
            pace = _Pace(arguments, self._in_flight, wanted)
            for answer in function.starmap(
                pace.questions(), order_outputs=ordered, return_exceptions=True
            ):
                pace.answered += 1
                yield answer
        except Exception:
            self._network = None
            raise

    def _looked_up(self) -> Any:
        """Return the network's handle; hydrated, so that its methods need no look-up."""
        if self._network is None:
            import modal

            network = modal.Cls.from_name(APP, NETWORK)
            if self._containers:
                network = network.with_options(
                    max_containers=self._containers, retries=1, timeout=_BATCH_TIMEOUT_S,
                    scaledown_window=_IDLE_S,
                ).with_concurrency(max_inputs=1)  # fmt: skip
            self._network = network.hydrate()()
        return self._network


def _answer(asked: Any, wanted: Wanted) -> bytes:
    """Return what a spawned call gives, looking up now and then whether anyone waits."""
    while True:
        try:
            answer: bytes = asked.get(timeout=_CHECKED_EVERY_S)
            return answer
        except TimeoutError:  # Python's own, not Modal's: not yet
            wanted.check()


class _Pace:
    """Questions, let in as others are answered: what is to be sent is not all read at once.

    Modal's client takes from the iterator as fast as it can; an asynchronous one may wait.
    """

    def __init__(self, arguments: Iterable[Arguments], in_flight: int, wanted: Wanted) -> None:
        self._arguments, self._in_flight, self._wanted = arguments, in_flight, wanted
        self.answered = 0

    async def questions(self) -> AsyncIterator[Arguments]:
        """Yield each when there is room; end when all are answered, or nobody waits."""
        asked = 0
        for one in self._arguments:
            yield one
            asked += 1
            await self._until(lambda: asked - self.answered < self._in_flight)  # noqa: B023
        await self._until(lambda: self.answered >= asked)

    async def _until(self, there_is_room: Callable[[], bool]) -> None:
        self._wanted.check()
        while not there_is_room():
            await asyncio.sleep(_PACE_S)
            self._wanted.check()


def volume_files(folder: str, wanted: Wanted) -> Iterator[str]:
    """Yield the paths of all files under a folder of the Volume.

    Raises
    ------
    NotDeployedError
        If it is not there.
    """
    import modal
    from modal.types import FileEntryType

    try:
        for entry in modal.Volume.from_name(APP).iterdir(folder, recursive=True):
            wanted.reached()
            wanted.check()
            if entry.type is FileEntryType.FILE:
                yield entry.path
    except modal.exception.NotFoundError:
        raise NotDeployedError(
            f"There is no {folder} on Modal's Volume {APP!r}; `modal volume ls {APP}` lists what "
            f"there is, `modal volume put {APP} FOLDER {folder}` brings it."
        ) from None
