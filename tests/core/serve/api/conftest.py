"""The service on a network of toy size, and one request by hand, without a client library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from resona_core.engine import Engine
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.serve.api import create_app
from resona_core.settings import ApiSettings, Settings
from resona_core.sound.audio import Clip

Samples = Any
FORM = "multipart/form-data; boundary=frontier"


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny_info: CheckpointInfo) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    checkpoint.save(path, tiny_info, Classifier(tiny_info).network.state_dict())
    return path


@pytest.fixture(scope="session")
def tiny_engine(tiny_checkpoint: Path) -> Engine:
    """A network of 3 classes that hears 1 s at a time."""
    return Engine(Settings(checkpoint=tiny_checkpoint))


@pytest.fixture(scope="session")
def wav(noise: Samples, sound_file: Callable[..., bytes]) -> bytes:
    """2.2 s of noise at 16 kHz: four windows of 1 s."""
    return sound_file(noise[: round(2.2 * 16_000)])


@pytest.fixture
def make_client(tiny_engine: Engine) -> Iterator[Callable[..., TestClient]]:
    """A function that starts a service: (engine, limits, recording_limits, **api settings)."""
    clients = []

    def make(
        engine: Any = None, limits: Any = None, recording_limits: Any = None, **api: Any
    ) -> TestClient:
        settings = replace(tiny_engine.settings, api=ApiSettings(**api))
        settings = replace(
            settings,
            limits=limits or settings.limits,
            recording_limits=recording_limits or settings.recording_limits,
        )
        app = create_app(engine or Engine(settings), settings)
        clients.append(TestClient(app, raise_server_exceptions=False))
        return clients[-1].__enter__()

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: Callable[..., TestClient], tiny_engine: Engine) -> TestClient:
    """A service with the defaults."""
    return make_client(tiny_engine)


class PatientEngine:
    """The toy engine, but nothing is decoded before `may_go` is set."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.info = engine.info
        self.heard: list[str] = []
        self.may_go = threading.Event()

    def load(self, data: bytes, name: str, track: int | None) -> Clip:
        self.heard.append(name)
        assert self.may_go.wait(60)
        return self._engine.load(data, name, track)

    def classify(self, clip: Clip) -> Any:
        return self._engine.classify(clip)


class Exchange:
    """One POST by hand: the client can send slowly, leave, or never send.

    Parameters
    ----------
    app : FastAPI
        The service.
    body : iterator of bytes
        Taken piece by piece, as the service asks for more; None in it: nothing comes any more.
    kind : str
        The content type.
    path : str
        The address.
    """

    def __init__(
        self,
        app: FastAPI,
        body: Iterable[bytes | None],
        kind: str = FORM,
        path: str = "/v1/classify",
    ) -> None:
        self._app = app
        self._body = iter(body)
        self._kind = kind
        self._path = path
        self.pieces: list[bytes] = []
        self._sent = False
        self.leaves = anyio.Event()
        self.status: int | None = None
        self.headers: dict[str, str] = {}

    async def __call__(self) -> None:
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": self._path, "raw_path": self._path.encode(), "root_path": "",
            "query_string": b"", "headers": [(b"content-type", self._kind.encode())],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if not self._sent:
            piece = next(self._body, b"")
            self._sent = not piece
            if piece is not None:
                return {"type": "http.request", "body": piece, "more_body": piece != b""}
        if not self.leaves.is_set():
            await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {key.decode(): value.decode() for key, value in message["headers"]}
        elif message.get("body"):
            self.pieces.append(message["body"])


def _form(name: str, data: bytes) -> list[bytes]:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    return [b"--frontier\r\n", f"{head}\r\n\r\n".encode(), data, b"\r\n--frontier--"]


@pytest.fixture
def patient(tiny_engine: Engine) -> PatientEngine:
    return PatientEngine(tiny_engine)


@pytest.fixture(scope="session")
def exchange() -> type[Exchange]:
    """One request by hand: (app, body in pieces, content type)."""
    return Exchange


@pytest.fixture(scope="session")
def form() -> Callable[[str, bytes], list[bytes]]:
    """A function that returns a multipart body in pieces: (name, data)."""
    return _form
