"""A bounded waiting line: so many work, so many wait, the rest is turned away at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from resona_core.serve.api.errors import BusyError


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
                f"{self.inside} requests are already in progress or waiting, the limit is "
                f"{self._most}; try again in a moment."
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
        has_turn = gone = False

        async def watch_the_client() -> None:
            nonlocal gone
            while (await request.receive())["type"] != "http.disconnect":
                pass
            gone = True
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(watch_the_client)
            await self._turns.acquire()  # lets the watcher begin, even where a turn is free
            has_turn = True
            group.cancel_scope.cancel()
        if gone:
            if has_turn:
                self._turns.release()
            raise ClientDisconnect
