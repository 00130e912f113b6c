"""The addresses: what each takes and answers, as /docs shows it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from resona_core import __version__
from resona_core.explain.explanation import STRENGTHS, Method, Question
from resona_core.serve.api import answers, errors, explain_schemas, metrics, recordings, schemas
from resona_core.serve.api.service import Asked, Held
from resona_core.serve.api.timeline_schemas import EndLine, ProblemLine, WindowLine
from resona_core.timeline import Rules

_REASONS = {
    401: "The token is missing or wrong",
    408: "The sound did not arrive in time",
    413: "Larger or longer than this service allows",
    415: "Not a sound, or sent in a form that is not read here",
    422: "Empty or damaged sound, or a parameter that is not valid",
    429: "Too many requests; try again after Retry-After seconds",
    500: "Internal error",
}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_SOUND: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
            "application/json": {"schema": schemas.SoundInJson.model_json_schema()},
            "audio/*": _BYTES,
            "video/*": _BYTES,
            "application/octet-stream": _BYTES,
        },
    }
}
_NPZ = {answers.NPZ: _BYTES}

_FORMATS = "json: bytes in base64; npz: NumPy's float arrays"
Format = Annotated[answers.Form, Query(description=f"{_FORMATS}.")]
MapsFormat = Annotated[
    answers.MapsForm, Query(description=f"{_FORMATS}; packed: the fewest bytes, read as below.")
]
Window = Query(ge=0, description="Window of a longer sound, counted from 0.")
Track = Annotated[
    int | None,
    Query(ge=1, description="Sound track of several, counted from 1; default: the one marked so."),
]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of these refusals."""
    content = {errors.MEDIA_TYPE: {"schema": schemas.Problem.model_json_schema()}}
    return {status: {"description": _REASONS[status], "content": content} for status in statuses}


_FROM_SOUND = problems(408, 413, 415, 422, 429, 500)
open_routes = APIRouter(prefix="/v1", tags=["service"], responses=problems(500))
routes = APIRouter(prefix="/v1", tags=["network"], responses=problems(500))
sound_routes = APIRouter(prefix="/v1", tags=["sound"], responses=_FROM_SOUND)
metrics_route = APIRouter(tags=["service"])


@sound_routes.post("/classify", response_model=schemas.Classification, openapi_extra=_SOUND)
async def classify(
    request: Request,
    service: Asked,
    top: Annotated[int, Query(ge=1, le=1000, description="Number of classes to return.")] = 3,
    track: Track = None,
) -> Response:
    """Classify the sound, as a whole and for each window; it may be none of the classes."""
    return await service.ask(
        request, track, lambda engine, clip: answers.classification(engine, clip, top)
    )


@sound_routes.post(
    "/feature-maps",
    response_model=schemas.FeatureMaps,
    responses={200: {"content": _NPZ | {answers.PACKED: _BYTES}}},
    openapi_extra=_SOUND,
)
async def feature_maps(
    request: Request,
    service: Asked,
    layer: Annotated[
        list[str] | None, Query(description="Names listed by /v1/model; default: all.")
    ] = None,
    window: Annotated[int, Window] = 0,
    track: Track = None,
    format: MapsFormat = "json",  # noqa: A002 - the name users see
) -> Response:
    """Return the feature maps of the chosen layers for one window.

    In npz, the arrays are named `LAYER.maps`, `LAYER.frequency_hz` and `LAYER.time_s`.

    `packed` is half the bytes of json. Every cell is stored in steps of 1/255 of its
    channel's maximum, so it is off by at most half a step. Read `data`, the response's body, so:

    ```python
    import json, zlib
    import numpy as np

    length = int.from_bytes(data[4:8], "little")  # the first four bytes are RMAP
    shapes = json.loads(data[8 : 8 + length])
    body = zlib.decompress(data[8 + length :])
    count = sum(map(sum, shapes.values()))
    scales = np.frombuffer(body, "<f4", count)
    cells = np.frombuffer(body, "u1", offset=4 * count)
    maps = {}
    for layer, (channels, rows, columns) in shapes.items():
        peak, frequency_hz, time_s, scales = np.split(
            scales, np.cumsum([channels, rows, columns])
        )
        steps, cells = np.split(cells, [channels * rows * columns])
        steps = steps.reshape(channels, rows, columns)
        maps[layer] = steps * (peak / 255)[:, None, None]
    ```
    """
    return await service.ask(
        request,
        track,
        lambda engine, clip: answers.feature_maps(engine, clip, window, layer, format),
    )


@sound_routes.post(
    "/spectrogram",
    response_model=schemas.Spectrogram,
    responses={200: {"content": _NPZ}},
    openapi_extra=_SOUND,
)
async def spectrogram(
    request: Request,
    service: Asked,
    window: Annotated[int | None, Window] = None,
    track: Track = None,
    format: Format = "json",  # noqa: A002 - the name users see
) -> Response:
    """Return the log-mel spectrogram of the whole sound, or of one window.

    In npz, the arrays are named `decibels`, `frequency_hz` and `time_s`.
    """
    return await service.ask(
        request, track, lambda engine, clip: answers.spectrogram(engine, clip, window, format)
    )


@sound_routes.post(
    "/explain",
    response_model=explain_schemas.Explanation,
    responses={200: {"content": _NPZ}},
    openapi_extra=_SOUND,
)
async def explain(
    request: Request,
    service: Asked,
    target: Annotated[str, Query(description="Class to explain; default: the answer.")] = "",
    method: Annotated[
        Method,
        Query(description="energy and random ask no network: the others have to surpass them."),
    ] = "grad-cam",
    layer: Annotated[
        str, Query(description="Layer that grad-cam looks at; default: the last one.")
    ] = "",
    strength: Annotated[
        float, Query(ge=STRENGTHS[0], le=STRENGTHS[1], description="Keep less or more of it.")
    ] = 1.0,
    window: Annotated[int, Window] = 0,
    track: Track = None,
    format: Format = "json",  # noqa: A002 - the name users see
) -> Response:
    """Return which part of a window a class rests on, and what the network makes of that part.

    In npz, the arrays are named `mask`, `decibels`, `frequency_hz`, `time_s`, and `heard`, `kept`
    and `rest`: the window, what the mask keeps and what it leaves, at the network's rate.
    """
    question = Question(window, target, method, layer, strength)
    return await service.ask(
        request, track, lambda engine, clip: answers.explanation(engine, clip, question, format)
    )


@sound_routes.post(
    "/timeline",
    response_model=WindowLine | EndLine | ProblemLine,
    response_class=recordings.JSONLines,
    openapi_extra=_SOUND,
)
async def timeline(
    request: Request,
    service: Asked,
    held: Held,
    threshold: Annotated[
        float, Query(gt=0, le=1, description="Least probability of an event.")
    ] = Rules.threshold,
    smooth_s: Annotated[
        float,
        Query(ge=0, allow_inf_nan=False, description="Length of the moving average; 0: none."),
    ] = Rules.smooth_s,
    top: Annotated[
        int | None,
        Query(ge=1, description="Events only of so many classes, which rise highest; all."),
    ] = None,
    hop_s: Annotated[
        float | None,
        Query(gt=0, allow_inf_nan=False, description="Step between windows; default: half of one."),
    ] = None,
    predictions: Annotated[
        int, Query(ge=1, le=1000, description="Number of classes in the line of a window.")
    ] = 3,
    track: Track = None,
) -> Response:
    """Hear a recording of hours: a line of JSON for each window as soon as it has been heard.

    The last line has `"line": "end"` and the events, or `"line": "problem"` where something went
    wrong on the way; without either, the answer has been cut off. The limits are those of
    recordings. To stop, close the connection.
    """
    rules = Rules(threshold, smooth_s, top)
    return await service.stream(
        request,
        held,
        lambda engine, upload: recordings.to_the_end(
            request, recordings.timeline(engine, upload, rules, hop_s, track, predictions)
        ),
    )


@routes.get("/labels")
async def labels(service: Asked) -> schemas.Labels:
    """List the classes the network knows."""
    return answers.labels(await run_in_threadpool(service.engine))


@routes.get("/model")
async def model(service: Asked) -> schemas.Network:
    """Describe the network: origin, licence, scores, front end, layers."""
    return answers.network(await run_in_threadpool(service.engine))


@open_routes.get("/health")
async def health(service: Asked) -> schemas.Health:
    """Report that the service is ready; loads the network on the first call."""
    engine = await run_in_threadpool(service.engine)
    return schemas.Health(status="ok", version=__version__, network=engine.info.name)


@metrics_route.get(
    "/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
async def figures(service: Asked) -> Response:
    """Return metrics for Prometheus."""
    return Response(service.metrics.text(), media_type=metrics.MEDIA_TYPE)
