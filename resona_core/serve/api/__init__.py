"""The engine over HTTP: ``uvicorn --factory resona_core.serve.api:create_app``, or mounted.

::

    request -> envelope -> token -> place in line -> upload -> turn -> Engine -> answer

Sounds come as they are, as multipart, or as JSON with base64 or a ``data:`` URI; answers are JSON,
npz or packed maps, a recording's are lines of JSON while it is heard; refusals are problems
(RFC 9457).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI
from starlette.concurrency import run_in_threadpool

from resona_core import __version__
from resona_core.engine import Engine
from resona_core.serve.api import errors
from resona_core.serve.api.envelope import Envelope
from resona_core.serve.api.routes import metrics_route, open_routes, problems, routes, sound_routes
from resona_core.serve.api.service import Service, check_token
from resona_core.settings import Settings
from resona_core.settings import settings as environment

__all__ = ["create_app"]

_DESCRIPTION = """See, hear and question what a neural network hears.

```bash
curl -F file=@rain.wav http://127.0.0.1:8000/v1/classify
curl -T rain.wav -X POST -H 'Content-Type: audio/wav' http://127.0.0.1:8000/v1/classify
curl -F file=@rain.wav 'http://127.0.0.1:8000/v1/feature-maps?layer=layer2.1&format=npz' -o maps.npz
```

Every response carries `X-Request-ID` and `Server-Timing`; errors are problem documents (RFC 9457).
"""


def create_app(
    engine: Engine | Callable[[], Engine] | None = None, settings: Settings | None = None
) -> FastAPI:
    """Build the service.

    Parameters
    ----------
    engine : Engine or callable, optional
        Who answers, or a function that returns it, called when it is first needed; an engine
        on `settings` by default.
    settings : Settings, optional
        Limits, token, places; the environment's by default.
    """
    chosen = settings or environment()
    if engine is None:
        service = Service(lambda: Engine(chosen), chosen)
    else:
        service = Service(engine if callable(engine) else lambda: engine, chosen)
    app = FastAPI(
        title="Resona", version=__version__, description=_DESCRIPTION, lifespan=_load_first
    )
    app.state.service = service
    app.add_middleware(Envelope, metrics=service.metrics)
    errors.install(app)
    app.include_router(open_routes)
    guarded = APIRouter()
    for router in (sound_routes, routes, metrics_route):
        guarded.include_router(router)
    if chosen.api.token:
        app.include_router(guarded, dependencies=[Depends(check_token)], responses=problems(401))
    else:
        app.include_router(guarded)
    return app


@asynccontextmanager
async def _load_first(app: FastAPI) -> AsyncIterator[None]:
    """Load the network before the first request; mounted apps, which are not told, do it then."""
    await run_in_threadpool(app.state.service.engine)
    yield
