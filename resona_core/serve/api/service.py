"""What the routes share: the engine, loaded when first needed, and the way of a sound to it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from resona_core.engine import Engine
from resona_core.serve.api.errors import TokenError
from resona_core.serve.api.line import WaitingLine
from resona_core.serve.api.metrics import Metrics
from resona_core.serve.api.uploads import Upload, read_sound
from resona_core.settings import Settings
from resona_core.sound.audio import Clip

Question = Callable[[Engine, Clip], Response]


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

    def _answer(self, upload: Upload, track: int | None, question: Question) -> Response:
        engine = self.engine()
        return question(engine, engine.load(upload.data, upload.name, track))


async def service_of(request: Request) -> Service:
    """Return the service of the app that got `request`."""
    service: Service = request.app.state.service
    return service


Asked = Annotated[Service, Depends(service_of)]
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
