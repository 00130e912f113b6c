"""The sound in a request: multipart or JSON, counted as it arrives, never more than allowed."""

from __future__ import annotations

import binascii
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import anyio
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from resona_core.errors import AudioLimitError, RequestError
from resona_core.serve.api.errors import MediaTypeError, SlowUploadError
from resona_core.serve.api.schemas import SoundInJson
from resona_core.settings import Limits

LONGEST_UPLOAD_S = 120.0
_WRAPPING_BYTES = 65_536  # what boundaries, headers and JSON's own characters may add
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Upload:
    """A sound as it came; `name` is empty when none was given."""

    name: str
    data: bytes


async def read_sound(request: Request, limits: Limits) -> Upload:
    """Read the body of `request` to its end.

    Raises
    ------
    MediaTypeError, SlowUploadError
        For another kind of body, and one that takes longer than :data:`LONGEST_UPLOAD_S`.
    AudioLimitError
        As soon as more arrives, or is announced, than a sound may weigh.
    RequestError, RequestValidationError
        If the body does not hold a file, or not in the form it claims.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    readers = {"multipart/form-data": _from_form, "application/json": _from_json}
    if kind not in readers:
        raise MediaTypeError(
            f"The body is of type {kind or 'nothing'}; send multipart/form-data with a file, "
            "or application/json with audio_data."
        )
    try:
        with anyio.fail_after(LONGEST_UPLOAD_S):
            return await readers[kind](request, limits)
    except TimeoutError:
        raise SlowUploadError(
            f"The sound did not arrive within {LONGEST_UPLOAD_S:g} s; send a smaller file."
        ) from None


async def _from_form(request: Request, limits: Limits) -> Upload:
    body = _counted(request, limits.max_bytes + _WRAPPING_BYTES, limits)
    try:
        form = await MultiPartParser(request.headers, body, max_files=1, max_fields=8).parse()
    except MultiPartException as error:
        raise RequestError(
            f"The multipart body cannot be read ({error.message.rstrip('.')}); send one part "
            "named file."
        ) from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestError("The form holds no file; send the sound as a part named file.")
        return Upload((file.filename or "")[-_LONGEST_NAME:], await file.read())
    finally:
        await form.close()


async def _from_json(request: Request, limits: Limits) -> Upload:
    most = limits.max_bytes * 4 // 3 + _WRAPPING_BYTES  # base64 writes 3 bytes as 4
    body = b"".join([chunk async for chunk in _counted(request, most, limits)])
    return Upload("", await run_in_threadpool(_decoded, body))


def _decoded(body: bytes) -> bytes:
    try:
        text = SoundInJson.model_validate_json(body).audio_data
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_input=False)]
        ) from None
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        reason = str(error).rstrip(".")
        raise RequestError(
            f"audio_data is not base64 ({reason}); send the file's bytes encoded as RFC 4648 "
            "says, padded, without line breaks or a data: prefix."
        ) from None


async def _counted(request: Request, most: int, limits: Limits) -> AsyncGenerator[bytes, None]:
    """Yield the body's chunks, and stop at the first byte beyond `most`."""
    announced = request.headers.get("content-length", "")
    received = int(announced) if announced.isdecimal() else 0
    _check(received, most, limits)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        _check(received, most, limits)
        yield chunk


def _check(n_bytes: int, most: int, limits: Limits) -> None:
    if n_bytes > most:
        raise AudioLimitError(
            f"The request is too large, the limit is {limits.max_bytes / 1e6:g} MB; cut the sound "
            "shorter or save it in a compressed format."
        )
