"""The sound in a request, counted as it arrives, never more than allowed.

It comes as it is (``audio/*``, ``video/*``, ``application/octet-stream``), as a part named file
of a form, or in JSON, as base64 or as a ``data:`` URI.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from email.message import Message
from urllib.parse import unquote_to_bytes

import anyio
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from resona_core.errors import RequestError
from resona_core.serve.api.errors import MediaTypeError, SlowUploadError
from resona_core.serve.api.schemas import SoundInJson
from resona_core.settings import SOUND_LIMITS, Limits
from resona_core.sound.decoding import too_large

LONGEST_UPLOAD_S = 120.0
"""How long is waited for a sound; longer in proportion where more than a usual one may come."""

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
        For another kind of body, and one that takes longer than :data:`LONGEST_UPLOAD_S` allows.
    AudioLimitError
        As soon as more arrives, or is announced, than a sound may weigh.
    RequestError, RequestValidationError
        If the body does not hold a file, or not in the form it claims.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    read = _READERS.get(kind) or _READERS.get(kind.split("/")[0] + "/*")
    if read is None:
        raise MediaTypeError(
            f"The body is of type {kind or 'nothing'}; send the file as audio/* or "
            "application/octet-stream, multipart/form-data with a part named file, or "
            "application/json with audio_data."
        )
    longest_s = LONGEST_UPLOAD_S * max(1, limits.max_bytes / SOUND_LIMITS.max_bytes)
    try:
        with anyio.fail_after(longest_s):
            return await read(request, limits)
    except TimeoutError:
        raise SlowUploadError(
            f"The sound did not arrive within {longest_s:g} s; send a smaller file."
        ) from None


async def _as_it_is(request: Request, limits: Limits) -> Upload:
    chunks = [chunk async for chunk in _counted(request, limits.max_bytes, limits)]
    return Upload(_told_name(request), b"".join(chunks))


def _told_name(request: Request) -> str:
    """Return the file's name from Content-Disposition (RFC 6266), without folders; "" for none."""
    header = Message()
    sent = request.headers.get("content-disposition", "")
    header["content-disposition"] = sent.encode("latin-1").decode("utf-8", "replace")
    return _without_folders(header.get_filename(""))


def _without_folders(name: str) -> str:
    return re.split(r"[/\\]", name)[-1][-_LONGEST_NAME:]


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
        return Upload(_without_folders(file.filename or ""), await file.read())
    finally:
        await form.close()


async def _from_json(request: Request, limits: Limits) -> Upload:
    most = limits.max_bytes * 4 // 3 + _WRAPPING_BYTES  # base64 writes 3 bytes as 4
    body = b"".join([chunk async for chunk in _counted(request, most, limits)])
    return Upload(_told_name(request), await run_in_threadpool(_decoded, body))


_READERS = {
    "audio/*": _as_it_is,
    "video/*": _as_it_is,
    "application/octet-stream": _as_it_is,
    "multipart/form-data": _from_form,
    "application/json": _from_json,
}


def _decoded(body: bytes) -> bytes:
    try:
        text = SoundInJson.model_validate_json(body).audio_data
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_input=False)]
        ) from None
    return _from_data_uri(text) if text[:5].lower() == "data:" else _from_base64(text)


def _from_data_uri(text: str) -> bytes:
    """Return the bytes that a ``data:[TYPE][;base64],DATA`` address holds (RFC 2397)."""
    head, comma, data = text.partition(",")
    if not comma:
        raise RequestError(
            "audio_data is a data: URI without a comma; send data:audio/wav;base64, and the file's "
            "bytes in base64 behind it."
        )
    held = unquote_to_bytes(data)
    return _from_base64(held) if head.lower().endswith(";base64") else held


def _from_base64(text: str | bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        reason = str(error).rstrip(".")
        raise RequestError(
            f"audio_data is not base64 ({reason}); send the file's bytes encoded as RFC 4648 "
            "says, padded, without line breaks, alone or in a data: URI."
        ) from None


async def _counted(request: Request, most: int, limits: Limits) -> AsyncGenerator[bytes, None]:
    """Yield the body's chunks, and stop at the first byte beyond `most`."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        _check(int(announced), most, limits)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        _check(received, most, limits)
        yield chunk


def _check(n_bytes: int, most: int, limits: Limits) -> None:
    if n_bytes > most:
        raise too_large("The request is too large", limits)
