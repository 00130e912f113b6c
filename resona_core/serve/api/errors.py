"""What can go wrong, as HTTP says it: one table from error to status, one form for all bodies.

Every refusal is ``application/problem+json`` (RFC 9457). A fault of the program itself says
nothing about the program: the log has it, under the request's id. The errors defined here
are refusals that only a service knows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resona_core.errors import (
    AudioLimitError,
    DamagedAudioError,
    EmptyAudioError,
    NotAudioError,
    RequestError,
    ResonaError,
)
from resona_core.serve.api.schemas import Problem
from resona_core.serve.api.timeline_schemas import ProblemLine

_LOG = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
INTERNAL = "Internal error; the service's log has the details."


class TokenError(ResonaError):
    """The token is missing or wrong."""


class SlowUploadError(ResonaError):
    """The body did not arrive in time."""


class MediaTypeError(ResonaError):
    """The body is of a kind that is not read here."""


class BusyError(ResonaError):
    """The waiting line is full."""


STATUS: dict[type[ResonaError], int] = {
    TokenError: 401,
    SlowUploadError: 408,
    AudioLimitError: 413,
    MediaTypeError: 415,
    NotAudioError: 415,
    EmptyAudioError: 422,
    DamagedAudioError: 422,
    RequestError: 422,
    BusyError: 429,
}
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}}


def install(app: FastAPI) -> None:
    """Make `app` answer every refusal as a problem."""
    app.add_exception_handler(ResonaError, _resona_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    errors: dict[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem as a response.

    Parameters
    ----------
    status : int
        HTTP status, 400 to 599.
    detail : str
        One sentence for the person who asked.
    errors : dict, optional
        Where the request is invalid, and why.
    """
    return Response(
        Problem(errors=errors, **_said(request, status, detail)).model_dump_json(exclude_none=True),
        status,
        {**_HEADERS.get(status, {}), **(headers or {})},
        MEDIA_TYPE,
    )


def last_line(request: Request, error: Exception) -> ProblemLine:
    """Return a problem as the last line of an answer that has begun; log the program's own."""
    status = _status(error)
    if status is None:
        _LOG.error("request %s failed", request.state.request_id, exc_info=error)
        return ProblemLine(**_said(request, 500, INTERNAL))
    return ProblemLine(**_said(request, status, str(error)))


def _said(request: Request, status: int, detail: str) -> dict[str, Any]:
    return {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request.state.request_id,
    }


def _status(error: Exception) -> int | None:
    """Return what HTTP calls an error; None for the service's own faults."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)


def _resona_error(request: Request, error: Exception) -> Response:
    status = _status(error)
    if status is None:  # such as a checkpoint that is not there
        raise error
    return problem(request, status, str(error))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(request, error.status_code, _sentence(request, error), headers=error.headers)


def _sentence(request: Request, error: HTTPException) -> str:
    if error.status_code == 404:
        docs = f"{request.scope.get('root_path', '')}/docs"
        return f"There is nothing at {request.url.path}; {docs} lists what there is."
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{request.url.path} does not accept {request.method}; use {allowed}."
    return error.detail


def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = {".".join(map(str, one["loc"])) or "body": str(one["msg"]) for one in error.errors()}
    detail = "The request is not valid: " + "; ".join(f"{k}: {v}" for k, v in errors.items()) + "."
    return problem(request, 422, detail, errors=errors)
