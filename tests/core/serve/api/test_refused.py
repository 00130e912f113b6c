"""Each refusal: its status, its sentence, and one form for all of them."""

from __future__ import annotations

import base64
import itertools
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient

from resona_core import errors as core_errors
from resona_core.engine import Engine
from resona_core.serve.api import create_app, errors, uploads
from resona_core.settings import SOUND_LIMITS, Limits, Settings

SOUND_PATHS = [f"/v1/{name}" for name in ("classify", "feature-maps", "spectrogram", "timeline")]


def is_problem(response: Any, status: int, words: str) -> bool:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert response.status_code == body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    assert words in body["detail"]
    return True


def upload(client: TestClient, data: bytes, path: str = "/v1/classify") -> Any:
    return client.post(path, files={"file": ("it.wav", data)})


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", 422, "it.wav is empty (0 bytes)"),
        (b"Dear reader, this is no sound.", 415, "it.wav is not a sound"),
        (b"RIFF\x24\x00\x00\x00WAVE", 422, "it.wav"),
    ],
)
def test_a_file_that_is_no_sound(client: TestClient, data: bytes, status: int, words: str) -> None:
    assert is_problem(upload(client, data), status, words)


def test_a_sound_whose_index_is_lost_is_damaged(client: TestClient) -> None:
    assert is_problem(upload(client, b"\0\0\0\x18ftypM4A " + bytes(100)), 422, "it.wav is damaged")


def test_a_track_that_is_not_there(client: TestClient, wav: bytes) -> None:
    refused = client.post("/v1/classify?track=2", files={"file": ("it.wav", wav)})
    assert is_problem(refused, 422, "it.wav has no sound track 2; it has 1")


def test_a_sound_that_lasts_too_long(make_client: Callable[..., TestClient], wav: bytes) -> None:
    client = make_client(limits=replace(SOUND_LIMITS, max_duration_s=1.0))
    assert is_problem(upload(client, wav), 413, "the limit is 1 s; cut out a shorter part, or ask ")
    assert "ask for its timeline" in upload(client, wav).json()["detail"]


def test_a_file_that_is_just_too_large_is_refused_by_its_own_size(
    make_client: Callable[..., TestClient], wav: bytes
) -> None:
    client = make_client(limits=Limits(max_bytes=len(wav) - 1))
    assert is_problem(upload(client, wav), 413, "the limit is 0.07")


def test_an_announced_body_that_is_too_large_is_not_read(
    make_client: Callable[..., TestClient],
) -> None:
    client = make_client(limits=Limits(max_bytes=1000))
    headers = {"content-type": "application/json", "content-length": "1000000"}
    assert is_problem(client.post("/v1/classify", headers=headers), 413, "request is too large")


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=frontier", "audio/wav"]
)
@pytest.mark.parametrize("path", ["/v1/classify", "/v1/timeline"])
def test_a_body_of_unknown_length_is_read_only_up_to_the_limit(
    tiny_engine: Engine, exchange: Any, form: Any, kind: str, path: str
) -> None:
    limits = Limits(max_bytes=100_000)
    settings = replace(tiny_engine.settings, limits=limits, recording_limits=limits)
    app = create_app(tiny_engine, settings)
    body = itertools.chain(form("endless.wav", b"RIFF"), itertools.repeat(bytes(10_000)))

    async def ask() -> tuple[int, int]:
        counted = itertools.count()
        one = exchange(app, (piece for piece, _ in zip(body, counted, strict=False)), kind, path)
        await one()
        return one.status, next(counted)

    status, pieces = anyio.run(ask)
    assert status == 413
    assert pieces < 30


@pytest.mark.parametrize(("usual_sounds", "longest_s"), [(0.5, "0.01"), (1, "0.01"), (3, "0.03")])
def test_a_body_that_does_not_come_is_waited_for_in_proportion_to_what_may_come(
    usual_sounds: float, longest_s: str, tiny_engine: Engine, exchange: Any, form: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(uploads, "LONGEST_UPLOAD_S", 0.01)
    limits = replace(SOUND_LIMITS, max_bytes=int(usual_sounds * SOUND_LIMITS.max_bytes))
    app = create_app(tiny_engine, replace(tiny_engine.settings, limits=limits))

    async def ask() -> tuple[int, bytes]:
        one = exchange(app, [*form("slow.wav", b"RIFF")[:3], None])
        await one()
        return one.status, b"".join(one.pieces)

    status, told = anyio.run(ask)
    assert status == 408
    assert f"The sound did not arrive within {longest_s} s; send a smaller file" in told.decode()
    assert app.state.service.line.inside == 0


@pytest.mark.parametrize("kind", ["audio/wav", "multipart/form-data", "application/json"])
def test_a_sound_of_just_the_limit_may_come_in_any_wrapping(
    kind: str, make_client: Callable[..., TestClient]
) -> None:
    """And of a longer one no more is read than the limit, in base64 four bytes for three."""
    limit = 300_000
    client = make_client(limits=Limits(max_bytes=limit))

    def send(n_bytes: int) -> Any:
        data = b"Dear reader " + bytes(n_bytes - 12)
        if kind == "application/json":
            text = base64.b64encode(data).decode()
            return client.post("/v1/classify", json={"audio_data": text})
        if kind == "audio/wav":  # announced by nobody
            return client.post("/v1/classify", content=iter([data]), headers={"content-type": kind})
        return upload(client, data)

    assert is_problem(send(limit), 415, "is not a sound")
    wrapping = 0 if kind == "audio/wav" else 65_536
    n_bytes = limit + (wrapping * 3 // 4 if kind == "application/json" else wrapping) + 1
    assert is_problem(send(n_bytes), 413, "The request is too large")


def test_a_form_may_hold_eight_other_fields(client: TestClient) -> None:
    for n_fields, status, words in ((8, 415, "not a sound"), (9, 422, "Too many fields")):
        fields = {f"field {i}": "it" for i in range(n_fields)}
        sent = client.post("/v1/classify", data=fields, files={"file": ("it.wav", b"Dear reader")})
        assert is_problem(sent, status, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not base64!", "is not base64"),
        ("UklG\nRg==", "is not base64"),
        ("UklGRg", "is not base64"),
        (
            "data:audio/wav;base64,not base64!",
            "padded, without line breaks, alone or in a data: URI",
        ),
        ("data:audio/wav;base64", "is a data: URI without a comma"),
        ("Ünder", "is not base64"),
        ("", "is empty (0 bytes)"),
    ],
)
def test_base64_must_be_exact(client: TestClient, text: str, words: str) -> None:
    assert is_problem(client.post("/v1/classify", json={"audio_data": text}), 422, words)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b"{}", "body.audio_data"),
        (b'{"audio_data": 1}', "body.audio_data"),
        (b'{"audio_data": "", "name": "x"}', "body.name"),
    ],
)
def test_json_that_is_no_sound_says_where(client: TestClient, body: bytes, place: str) -> None:
    headers = {"content-type": "application/json"}
    response = client.post("/v1/classify", content=body, headers=headers)
    assert is_problem(response, 422, "The request is not valid")
    assert place in response.json()["errors"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"data": {"file": "rain.wav"}, "files": {"other": ("a", b"b")}}, "holds no file"),
        ({"files": {"sound": ("rain.wav", b"RIFF")}}, "part named file"),
        ({"files": [("file", ("a", b"a")), ("file", ("b", b"b"))]}, "Too many files"),
        (
            {"content": b"--", "headers": {"content-type": "multipart/form-data"}},
            "Missing boundary",
        ),
    ],
)
def test_a_form_without_exactly_one_file(
    client: TestClient, request_: dict[str, Any], words: str
) -> None:
    assert is_problem(client.post("/v1/classify", **request_), 422, words)


@pytest.mark.parametrize("path", SOUND_PATHS)
def test_another_kind_of_body(client: TestClient, wav: bytes, path: str) -> None:
    response = client.post(path, content=wav, headers={"content-type": "text/plain"})
    assert is_problem(response, 415, "of type text/plain; send the file as audio/* or application/")
    assert is_problem(client.post(path), 415, "of type nothing")


@pytest.mark.parametrize("path", SOUND_PATHS)
@pytest.mark.parametrize("kind", ["audio/wav", "application/octet-stream"])
def test_a_raw_body_that_is_no_sound_is_called_by_its_name(
    client: TestClient, path: str, kind: str
) -> None:
    headers = {"content-type": kind, "content-disposition": 'attachment; filename="it.wav"'}
    refused = client.post(path, content=b"Dear reader, this is no sound.", headers=headers)
    assert is_problem(refused, 415, "it.wav is not a sound")
    assert is_problem(client.post(path, content=b"", headers=headers), 422, "it.wav is empty")
    del headers["content-disposition"]
    refused = client.post(path, content=b"Dear reader, this is no sound.", headers=headers)
    assert is_problem(refused, 415, "The sound is not a sound")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/classify?top=0", "query.top"),
        ("/v1/classify?top=many", "query.top"),
        ("/v1/feature-maps?layer=layer9.9", "There is no layer layer9.9; the layers are stem"),
        ("/v1/feature-maps?window=4", "There is no window 4; the sound has windows 0 to 3"),
        ("/v1/feature-maps?window=-1", "query.window"),
        ("/v1/feature-maps?format=xml", "query.format"),
        ("/v1/spectrogram?window=4", "There is no window 4"),
    ],
)
def test_what_does_not_exist(client: TestClient, wav: bytes, path: str, words: str) -> None:
    assert is_problem(upload(client, wav, path), 422, words)


def test_an_address_that_does_not_exist(client: TestClient) -> None:
    response = client.get("/v2/classify")
    assert is_problem(response, 404, "nothing at /v2/classify; /docs lists")
    assert response.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at /v2/classify; /docs lists what there is.",
        "request_id": response.headers["x-request-id"],
    }


def test_another_method_is_told_the_right_one(client: TestClient) -> None:
    response = client.get("/v1/classify")
    assert is_problem(response, 405, "does not accept GET; use POST")
    assert response.headers["allow"] == "POST"


def test_a_mistake_of_the_program_is_logged_under_the_requests_id_and_not_told(
    make_client: Callable[..., TestClient],
    tiny_engine: Engine,
    wav: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken:
        info = tiny_engine.info
        load = staticmethod(tiny_engine.load)

        def classify(self, clip: object) -> None:
            raise RuntimeError("the password is rosebud")

    client = make_client(Broken())
    with caplog.at_level(logging.ERROR, logger="resona_core.serve.api"):
        response = upload(client, wav)
    assert is_problem(response, 500, "the service's log has the details")
    assert "rosebud" not in response.text
    assert response.headers["x-request-id"] in caplog.text
    assert "rosebud" in caplog.text


def test_weights_that_are_not_there_are_the_services_fault(tmp_path: Path) -> None:
    app = create_app(settings=Settings(checkpoint=tmp_path / "none.safetensors"))
    response = TestClient(app, raise_server_exceptions=False).get("/v1/health")  # not started
    assert is_problem(response, 500, "the service's log has the details")
    assert str(tmp_path) not in response.text


def test_every_error_about_a_sound_has_a_status() -> None:
    kinds = [*core_errors.AudioError.__subclasses__(), core_errors.RequestError]
    assert {*kinds} < {*errors.STATUS}
