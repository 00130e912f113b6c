"""What every response carries, who may ask, and what is counted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from types import SimpleNamespace

import anyio
import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from resona_core.serve.api import envelope
from resona_core.serve.api.line import WaitingLine
from resona_core.serve.api.metrics import Metrics

OPEN = ["/v1/health", "/docs", "/openapi.json"]
GUARDED = ["/v1/labels", "/v1/model", "/metrics"]


@pytest.mark.parametrize("path", ["/v1/health", "/nowhere", "/v1/classify"])
def test_every_response_has_an_id_and_a_duration(client: TestClient, path: str) -> None:
    first, second = client.get(path), client.get(path)
    assert re.fullmatch(r"[0-9a-f]{32}", first.headers["x-request-id"])
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert re.fullmatch(r"total;dur=\d+\.\d", first.headers["server-timing"])


def test_the_duration_is_told_in_milliseconds_and_counted_in_seconds(
    make_client: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that goes on by 12.5 s whenever it is asked: at the start, the answer, the end."""
    clock_s = itertools.count(100.0, 12.5)
    monkeypatch.setattr(envelope, "time", SimpleNamespace(perf_counter=lambda: next(clock_s)))
    client = make_client()
    assert client.get("/v1/health").headers["server-timing"] == "total;dur=12500.0"
    counted = client.get("/metrics").text
    assert 'resona_request_seconds_sum{route="/v1/health"} 25.0' in counted


async def _unread() -> Message:
    raise AssertionError("there is no body to read")


@pytest.mark.parametrize("begun", [False, True])
def test_what_nobody_caught_is_a_problem_or_breaks_off_an_answer_that_has_begun(
    begun: bool,
) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("the password is rosebud")

    sent: list[Message] = []

    async def ask() -> None:
        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        await envelope.Envelope(broken, metrics)(scope, _unread, send)

    metrics = Metrics(WaitingLine(1, 1))
    if begun:
        with pytest.raises(RuntimeError, match="rosebud"):
            anyio.run(ask)
    else:
        anyio.run(ask)
    status = 200 if begun else 500
    assert [one["status"] for one in sent if one["type"] == "http.response.start"] == [status]
    assert f'route="none",status="{status}"}} 1.0' in metrics.text().decode()
    assert b"rosebud" not in b"".join(one.get("body", b"") for one in sent)


def test_what_is_no_request_is_not_counted() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def send(message: Message) -> None:
        raise AssertionError("there is nobody to answer")

    metrics, scope = Metrics(WaitingLine(1, 1)), {"type": "lifespan"}
    anyio.run(envelope.Envelope(app, metrics), scope, _unread, send)
    assert seen == [{"type": "lifespan"}]
    assert "resona_requests_total{" not in metrics.text().decode()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("client-42_a.b", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("two words", False),
        ("a;b", False),
        ("", False),
    ],
)
def test_an_incoming_id_is_kept_only_if_it_is_sane(
    client: TestClient, given: str, kept: bool
) -> None:
    answered = client.get("/v1/health", headers={"x-request-id": given}).headers["x-request-id"]
    assert (answered == given) is kept


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", "Bearer ", "Basic rosebud", "rosebud"]
)
def test_without_the_token_nothing_is_told(
    make_client: Callable[..., TestClient], path: str, authorization: str | None
) -> None:
    client = make_client(token="rosebud")
    headers = {"authorization": authorization} if authorization else {}
    response = client.get(path, headers=headers)
    assert response.status_code == response.json()["status"] == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"
    sent = (authorization or "").startswith("Bearer ") and authorization != "Bearer "
    told = f"The request carries {'another' if sent else 'no'} token; send the header"
    assert response.json()["detail"].startswith(told)


def test_without_the_token_a_sound_is_not_read(
    make_client: Callable[..., TestClient], wav: bytes
) -> None:
    client = make_client(token="rosebud")
    assert client.post("/v1/classify", files={"file": ("a.wav", wav)}).status_code == 401
    assert client.post("/v1/classify", content=b"no form at all").status_code == 401


@pytest.mark.parametrize("token", ["rosebud", "schlüssel"])
def test_with_the_token_everything_is_open(
    make_client: Callable[..., TestClient], wav: bytes, token: str
) -> None:
    client = make_client(token=token)
    headers = {"authorization": f"Bearer {token}".encode()}
    assert [client.get(path, headers=headers).status_code for path in GUARDED] == [200] * 3
    files = {"file": ("a.wav", wav)}
    assert client.post("/v1/classify", files=files, headers=headers).status_code == 200


@pytest.mark.parametrize("path", OPEN)
def test_health_and_documentation_need_no_token(
    make_client: Callable[..., TestClient], path: str
) -> None:
    assert make_client(token="rosebud").get(path).status_code == 200


def test_the_documentation_says_where_a_token_is_needed(
    make_client: Callable[..., TestClient],
) -> None:
    with_token, without = (
        make_client(token=token).get("/openapi.json").json()["paths"] for token in ("rosebud", "")
    )
    assert with_token["/v1/classify"]["post"]["security"] == [{"HTTPBearer": []}]
    assert "401" in with_token["/v1/classify"]["post"]["responses"]
    assert "security" not in with_token["/v1/health"]["get"]
    assert "security" not in without["/v1/classify"]["post"]


def test_the_token_stands_in_no_representation_of_the_settings(
    make_client: Callable[..., TestClient],
) -> None:
    assert "rosebud" not in repr(make_client(token="rosebud").app.state.service.settings)


def test_requests_are_counted_by_route_and_status_in_each_app_alone(
    make_client: Callable[..., TestClient],
) -> None:
    first, second = make_client(), make_client()
    for path in ("/v1/health", "/v1/health", "/nowhere/1", "/nowhere/2"):
        first.get(path)
    text = first.get("/metrics").text
    assert 'resona_requests_total{route="/v1/health",status="200"} 2.0' in text
    assert 'resona_requests_total{route="none",status="404"} 2.0' in text
    assert 'resona_request_seconds_count{route="/v1/health"} 2.0' in text
    assert "resona_working 0.0" in text
    assert "/v1/health" not in second.get("/metrics").text
