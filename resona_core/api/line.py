"""A bounded waiting line: so many work, so many wait, the rest is turned away at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
from anyio.abc import TaskGroup
from fastapi import Request
from starlette.requests import ClientDisconnect

from resona_core.api.errors import BusyError


class WaitingLine:
    """Places for requests of one event loop.

    A request holds a place from its first byte, so that uploads are bounded too, and a turn
    while it works.

    Parameters
    ----------
    working, waiting : int
        How many may work at a time, and how many may wait for that.
    """

    def __init__(self, working: int, waiting: int) -> None:
        self._most = working + waiting
        self._most_working = working
        self._turns = anyio.Semaphore(working)
        self.inside = 0

    @property
    def working(self) -> int:
        """Requests that work right now."""
        return self._most_working - self._turns.value

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place.

        Raises
        ------
        BusyError
            If all are taken.
        """
        if self.inside >= self._most:
            raise BusyError(
                f"{self.inside} requests are being answered or wait already, {self._most} are "
                "allowed; try again in a moment."
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    @asynccontextmanager
    async def turn(self, request: Request) -> AsyncIterator[None]:
        """Wait for a turn and hold it; `request` must have been read to its end.

        Raises
        ------
        ClientDisconnect
            If the client leaves before its turn comes.
        """
        await self._wait(request)
        try:
            yield
        finally:
            self._turns.release()

    async def _wait(self, request: Request) -> None:
        has_turn = False
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_gone, request, group)
            await self._turns.acquire()
            has_turn = True
            group.cancel_scope.cancel()
        if not has_turn:
            raise ClientDisconnect


async def _cancel_when_gone(request: Request, group: TaskGroup) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    group.cancel_scope.cancel()
