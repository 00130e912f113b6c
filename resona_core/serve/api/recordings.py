"""A recording's timeline as lines of JSON: each window as it is heard, then the events."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import JSONResponse

from resona_core.classification import Timeline
from resona_core.engine import Engine
from resona_core.serve.api import answers, errors
from resona_core.serve.api.timeline_schemas import EndLine, WindowLine
from resona_core.serve.api.uploads import Upload
from resona_core.tables import to_record
from resona_core.timeline import Report, Rules

MEDIA_TYPE = "application/jsonl"


class JSONLines(JSONResponse):
    """For the documentation: the schema is that of each line."""

    media_type = MEDIA_TYPE


def timeline(
    engine: Engine,
    upload: Upload,
    rules: Rules,
    hop_s: float | None,
    track: int | None,
    predictions: int,
) -> Generator[bytes]:
    """Yield the lines of the windows, some at a time, then that of the events.

    Raises
    ------
    RequestError, AudioError
        As :meth:`resona_core.engine.Engine.timeline`; where the recording is too long for what
        its header does not say, after many lines.
    """
    told = 0
    for heard in engine.timeline(upload.data, upload.name, hop_s, track):
        new = range(told, heard.n_windows)
        if new:  # an empty piece would end the answer
            yield b"".join(_line(_window(heard, number, predictions)) for number in new)
        told = heard.n_windows
    record = to_record(Report(upload.name, heard, rules))
    yield _line(EndLine(network=engine.info.name, **record))


def to_the_end(request: Request, lines: Generator[bytes]) -> Generator[bytes]:
    """Yield `lines`; what goes wrong after the first of them is the last line."""
    with closing(lines):
        yield next(lines)
        try:
            yield from lines
        except Exception as error:  # nothing else can tell the client any more
            yield _line(errors.last_line(request, error))


def _window(heard: Timeline, number: int, predictions: int) -> WindowLine:
    window = answers.window(heard, number, predictions)
    start_time = heard.began.clock(window.start_s) if heard.began else None
    return WindowLine(**dict(window), start_time=start_time)


def _line(one: BaseModel) -> bytes:
    return one.model_dump_json(by_alias=True).encode() + b"\n"
