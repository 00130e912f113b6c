"""What every request gets, whatever becomes of it: an id, a duration, a count, an answer."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resona_core.serve.api.errors import INTERNAL, problem
from resona_core.serve.api.metrics import Metrics

_LOG = logging.getLogger(__name__)
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CLIENT_GONE = 499  # nginx's number, only for the count: nobody is left to read it


class Envelope:
    """ASGI middleware around everything else.

    Adds X-Request-ID and Server-Timing to each response, counts it, and turns what nobody
    caught into a problem that tells the request's id and nothing more.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        status = _CLIENT_GONE

        async def send_signed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                elapsed_ms = 1000 * (time.perf_counter() - started)
                headers["Server-Timing"] = f"total;dur={elapsed_ms:.1f}"
            await send(message)

        try:
            await self._app(scope, receive, send_signed)
        except ClientDisconnect:
            _LOG.info("request %s: the client left", request_id)
        except Exception:
            _LOG.exception("request %s failed", request_id)
            if status != _CLIENT_GONE:  # the answer has begun; only breaking off is honest
                raise
            answer = problem(Request(scope), 500, INTERNAL)
            await answer(scope, receive, send_signed)
        finally:
            self._metrics.observe(_route(scope), status, time.perf_counter() - started)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "none")
