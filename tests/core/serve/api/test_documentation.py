"""What /docs promises: its examples hold, and whatever fits it is answered as it says."""

from __future__ import annotations

import base64
import io

import pytest
import schemathesis
import soundfile
from fastapi.testclient import TestClient
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import BaseModel
from schemathesis.specs.openapi.checks import positive_data_acceptance

from resona_core.engine import Engine
from resona_core.serve.api import create_app, schemas

MODELS = [
    model
    for model in vars(schemas).values()
    if isinstance(model, type) and issubclass(model, BaseModel) and model.model_config
]
ENGINES: list[Engine] = []  # filled when the tests run: the addresses are collected before
SERVICE = create_app(lambda: ENGINES[0])
documented = schemathesis.openapi.from_dict(SERVICE.openapi())
documented.app = SERVICE


@pytest.mark.parametrize("model", MODELS)
def test_every_example_is_what_it_is_an_example_of(model: type[BaseModel]) -> None:
    for example in model.model_json_schema()["examples"]:
        assert model.model_validate(example).model_dump(exclude_unset=True) == example


def test_the_example_request_is_a_sound(client: TestClient) -> None:
    alone, in_a_uri = schemas.SoundInJson.model_json_schema()["examples"]
    assert in_a_uri["audio_data"].startswith("data:audio/wav;base64,")
    for example in (alone, in_a_uri):
        answer = client.post("/v1/classify", json=example).json()
        assert answer["sound"]["duration_s"] == pytest.approx(0.004)
        assert answer["sound"]["encoding"] == "WAV, PCM unsigned 8-bit"
    samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(alone["audio_data"])))
    assert (samples.tolist(), rate_hz) == (([0.5] * 4 + [-0.5] * 4) * 4, 8_000)


def test_every_address_that_takes_a_sound_shows_all_its_forms() -> None:
    paths = SERVICE.openapi()["paths"]
    bodies = {path: what["post"]["requestBody"] for path, what in paths.items() if "post" in what}
    assert set(bodies) == {
        f"/v1/{name}" for name in ("classify", "explain", "feature-maps", "spectrogram", "timeline")
    }
    for body in bodies.values():
        assert set(body["content"]) == {
            "multipart/form-data", "application/json", "audio/*", "video/*",
            "application/octet-stream",
        }  # fmt: skip


def test_a_timeline_is_documented_line_by_line() -> None:
    described = SERVICE.openapi()
    (kind,) = described["paths"]["/v1/timeline"]["post"]["responses"]["200"]["content"].items()
    assert kind[0] == "application/jsonl"
    names = [one["$ref"].rpartition("/")[2] for one in kind[1]["schema"]["anyOf"]]
    assert names == ["WindowLine", "EndLine", "ProblemLine"]
    for name in names:
        assert "line" in described["components"]["schemas"][name]["properties"]


def test_the_service_is_built_from_the_environment_and_loads_no_network_yet() -> None:
    assert create_app().state.service._engine is None


@pytest.fixture(scope="module")
def service(tiny_engine: Engine, wav: bytes) -> None:
    """The documented service gets its engine; half of the files sent to it are sounds."""
    ENGINES[:] = [tiny_engine]
    schemathesis.openapi.format("binary", st.just(wav) | st.binary(max_size=64))


@schemathesis.serializer("audio/*", "video/*")
def _as_it_is(ctx: schemathesis.SerializationContext, body: bytes) -> bytes:
    return body


@documented.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@pytest.mark.usefixtures("service")
def test_whatever_is_asked_the_answer_is_one_that_is_documented(case: schemathesis.Case) -> None:
    # What is formally right may still be no sound, or name a layer that is not there.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
