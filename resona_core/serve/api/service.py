"""What the routes share: the engine, loaded when first needed, and the way of a sound to it."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AsyncExitStack
from itertools import chain
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from resona_core.engine import Engine
from resona_core.serve.api import recordings
from resona_core.serve.api.errors import TokenError
from resona_core.serve.api.line import WaitingLine
from resona_core.serve.api.metrics import Metrics
from resona_core.serve.api.uploads import Upload, read_sound
from resona_core.settings import Settings
from resona_core.sound.audio import Clip

Question = Callable[[Engine, Clip], Response]
Lines = Callable[[Engine, Upload], Generator[bytes]]
_AT_ONCE = {"X-Accel-Buffering": "no"}  # a proxy is not to collect what is sent (nginx)


class Service:
    """One app's engine, settings, waiting line and figures.

    Parameters
    ----------
    make_engine : callable
        Called once, when the engine is first needed.
    settings : Settings
        Limits, token, places.
    """

    def __init__(self, make_engine: Callable[[], Engine], settings: Settings) -> None:
        self.settings = settings
        self.line = WaitingLine(settings.api.concurrency, settings.api.waiting)
        self.metrics = Metrics(self.line)
        self._make_engine = make_engine
        self._engine: Engine | None = None
        self._loading = Lock()

    def engine(self) -> Engine:
        """Return the engine; slow at the first call, so never on the event loop."""
        with self._loading:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine

    async def ask(self, request: Request, track: int | None, question: Question) -> Response:
        """Read the sound in `request`, wait for a turn, decode a track and put `question`.

        Raises
        ------
        BusyError
            If the waiting line is full.
        ClientDisconnect
            If the client leaves before its turn; then nothing is decoded.
        """
        with self.line.place():
            upload = await read_sound(request, self.settings.limits)
            async with self.line.turn(request):
                return await run_in_threadpool(self._answer, upload, track, question)

    async def stream(self, request: Request, held: AsyncExitStack, question: Lines) -> Response:
        """Read the recording in `request`, wait for a turn, and send lines as they are found.

        Parameters
        ----------
        held : AsyncExitStack
            From :func:`until_sent`; keeps the place and the turn as long as lines are sent.
        question : callable
            Yields the lines; what it raises before the first is raised here.

        Raises
        ------
        BusyError
            If the waiting line is full.
        ClientDisconnect
            If the client leaves before its turn; then nothing is decoded.
        """
        held.enter_context(self.line.place())
        upload = await read_sound(request, self.settings.recording_limits)
        await held.enter_async_context(self.line.turn(request))
        engine = await run_in_threadpool(self.engine)
        lines = question(engine, upload)
        held.push_async_callback(run_in_threadpool, lines.close)  # the file, too
        first = await run_in_threadpool(next, lines)
        return StreamingResponse(
            chain([first], lines), headers=_AT_ONCE, media_type=recordings.MEDIA_TYPE
        )

    def _answer(self, upload: Upload, track: int | None, question: Question) -> Response:
        engine = self.engine()
        return question(engine, engine.load(upload.data, upload.name, track))


async def until_sent() -> AsyncIterator[AsyncExitStack]:
    """Yield what is left when the answer has been sent, or the client has gone."""
    async with AsyncExitStack() as stack:
        yield stack


async def service_of(request: Request) -> Service:
    """Return the service of the app that got `request`."""
    service: Service = request.app.state.service
    return service


Asked = Annotated[Service, Depends(service_of)]
Held = Annotated[AsyncExitStack, Depends(until_sent)]
_Bearer = HTTPBearer(auto_error=False, description="The value of RESONA_API_TOKEN.")


async def check_token(
    service: Asked, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_Bearer)]
) -> None:
    """Let a request pass that carries the token.

    Raises
    ------
    TokenError
        Without it, or with another one.
    """
    token = given.credentials.encode("latin-1") if given else b""  # headers arrive as latin-1
    if not hmac.compare_digest(token, service.settings.api.token.encode()):
        raise TokenError(
            f"The request carries {'another' if given else 'no'} token; send the header "
            "'Authorization: Bearer TOKEN' with the token this service was started with."
        )
