"""What each address answers, held against the engine asked directly."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import numpy as np
import pytest
from fastapi.testclient import TestClient

from resona_core import __version__
from resona_core.engine import Engine
from resona_core.serve.packing import pack_maps, unpack_maps
from resona_core.settings import Settings
from resona_core.sound.audio import Clip

JSON_WITHOUT_SOUND = (b"application/json", b'{"audio_data": "bm8gc291bmQsIG9ubHkgd29yZHM="}')


@pytest.fixture
def clip(tiny_engine: Engine, wav: bytes) -> Clip:
    return tiny_engine.load(wav)


def post(client: TestClient, path: str, wav: bytes) -> Any:
    response = client.post(path, files={"file": ("noise.wav", wav)})
    assert response.status_code == 200, response.text
    return response


def decoded(text: str, shape: list[int]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape).astype(np.float64)


def test_classify_answers_what_the_engine_answers(
    client: TestClient, tiny_engine: Engine, wav: bytes, clip: Clip
) -> None:
    answer = post(client, "/v1/classify?top=2", wav).json()
    expected = tiny_engine.classify(clip)
    assert [p["label"] for p in answer["predictions"]] == [p.label for p in expected.top(2)]
    assert [p["probability"] for p in answer["predictions"]] == pytest.approx(
        [p.probability for p in expected.top(2)]
    )
    assert [w["start_s"] for w in answer["windows"]] == pytest.approx([0, 0.5, 1.0, 1.2])
    assert answer["windows"][3]["predictions"][0]["label"] == expected.top(1, 3)[0].label
    told = client.get("/v1/model").json()
    assert (answer["precision"], told["precision"]) == ("float32", "float32")
    assert told["runtime"] == "onnxruntime"
    assert answer["sound"] == {
        "duration_s": 2.2,
        "source_rate_hz": 16_000,
        "sample_rate_hz": 16_000,
        "channels": 1,
        "encoding": "WAV, PCM signed 16-bit",
    }


@pytest.mark.parametrize(
    ("path", "parameter", "allowed", "refused"),
    [
        ("classify", "top", [1, 1000], [0, 1001]),
        ("classify", "track", [1], [0]),
        ("feature-maps", "window", [0, 3], [-1]),
        ("timeline", "threshold", [1e-9, 1], [0, 1.01]),
        ("timeline", "smooth_s", [0], [-0.01, "inf"]),
        ("timeline", "top", [1], [0]),
        ("timeline", "hop_s", [0.5], [0, -0.5, "inf", "nan"]),
        ("timeline", "predictions", [1, 1000], [0, 1001]),
    ],
)
def test_a_number_has_the_limits_that_are_documented(
    path: str, parameter: str, allowed: list[float], refused: list[float], client: TestClient,
    wav: bytes,
) -> None:  # fmt: skip
    for value in allowed:
        post(client, f"/v1/{path}?{parameter}={value}", wav)
    for value in refused:
        told = client.post(f"/v1/{path}?{parameter}={value}", files={"file": ("a.wav", wav)})
        assert told.status_code == 422
        assert f"query.{parameter}" in told.json()["detail"], value


def test_what_is_not_asked_for_is_as_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    defaults = {
        path.removeprefix("/v1/"): {
            one["name"]: one["schema"]["default"]
            for one in methods["post"].get("parameters", [])
            if "default" in one["schema"]
        }
        for path, methods in paths.items()
        if "post" in methods
    }
    assert defaults["classify"] == {"top": 3}
    assert defaults["feature-maps"] == {"window": 0, "format": "json"}
    assert defaults["timeline"] == {"threshold": 0.5, "smooth_s": 0, "predictions": 3}
    assert defaults["explain"] | {"strength": 1, "window": 0} == defaults["explain"]
    limits = {one["name"]: one["schema"] for one in paths["/v1/explain"]["post"]["parameters"]}
    assert (limits["strength"]["minimum"], limits["strength"]["maximum"]) == (0.25, 4)


def test_a_sound_of_no_class_is_told_as_a_whole_and_window_by_window(
    client: TestClient, make_client: Callable[..., TestClient], strange_weights: str, wav: bytes
) -> None:
    strange = make_client(Engine(Settings(checkpoint=Path(strange_weights))))
    answer = post(strange, "/v1/classify", wav).json()
    assert (answer["known"], answer["kind"]) == (False, "music")
    assert answer["verdict"]["headline"] == "None of the 3 sounds it knows: more like music"
    assert [(one["known"], one["kind"]) for one in answer["windows"]] == [(False, "music")] * 4
    assert strange.get("/v1/model").json()["kinds"] == ["known", "speech", "music", "other"]
    unmeasured = post(client, "/v1/classify", wav).json()
    assert (unmeasured["known"], unmeasured["windows"][0]["kind"]) == (None, None)
    assert client.get("/v1/model").json()["kinds"] == []


def test_base64_in_json_is_answered_like_a_file(client: TestClient, wav: bytes) -> None:
    body = {"audio_data": base64.b64encode(wav).decode()}
    in_json = client.post("/v1/classify", json=body).json()
    assert in_json == post(client, "/v1/classify", wav).json()


@pytest.mark.parametrize(
    "kind", ["audio/wav", "audio/x-flac; rate=16000", "VIDEO/webm", "application/octet-stream"]
)
def test_a_raw_body_is_answered_like_a_file(client: TestClient, wav: bytes, kind: str) -> None:
    raw = client.post("/v1/classify", content=wav, headers={"content-type": kind}).json()
    assert raw == post(client, "/v1/classify", wav).json()


@pytest.mark.parametrize("form", ["base64", "percent"])
@pytest.mark.parametrize("head", ["data:audio/wav", "DATA:", "data:application/octet-stream;x=y"])
def test_a_data_uri_is_answered_like_a_file(
    client: TestClient, wav: bytes, head: str, form: str
) -> None:
    data = f"{head},{quote_from_bytes(wav)}"
    if form == "base64":
        data = f"{head};base64,{base64.b64encode(wav).decode()}"
    in_json = client.post("/v1/classify", json={"audio_data": data}).json()
    assert in_json == post(client, "/v1/classify", wav).json()


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b'attachment; filename="it.wav"', "it.wav"),
        (b"inline; filename=it.wav", "it.wav"),
        (b"attachment; filename*=UTF-8''R%C3%A4uber.wav", "Räuber.wav"),
        ('attachment; filename="Räuber.wav"'.encode(), "Räuber.wav"),
        (b'attachment; filename="/home/me/it.wav"', "it.wav"),
        (b'attachment; filename="C:\\\\me\\\\it.wav"', "it.wav"),
        (b"attachment", "The sound"),
    ],
)
def test_a_body_is_called_what_its_header_says(client: TestClient, sent: bytes, name: str) -> None:
    for kind, body in ((b"audio/wav", b"no sound, only words"), JSON_WITHOUT_SOUND):
        headers = [(b"content-type", kind), (b"content-disposition", sent)]
        refused = client.post("/v1/classify", content=body, headers=headers)
        assert refused.json()["detail"].startswith(f"{name} is not a sound")


def test_a_part_of_a_form_is_called_without_its_folders(client: TestClient) -> None:
    long = 100 * "x" + ".wav"  # of which the end is told, with the ending
    names = {"/home/me/it.wav": "it.wav", "C:\\me\\it.wav": "it.wav", long: long[-80:]}
    for sent, name in names.items():
        refused = client.post("/v1/classify", files={"file": (sent, b"no sound, only words")})
        assert refused.json()["detail"].startswith(f"{name} is not a sound")


def test_silence_has_no_class(client: TestClient, sound_file: Callable[..., bytes]) -> None:
    answer = post(client, "/v1/classify", sound_file(np.zeros(16_000, np.float32))).json()
    assert answer["nothing_to_hear"]
    assert answer["predictions"] == []
    assert answer["verdict"]["headline"] == "Nothing to hear"


def test_maps_in_json_are_within_half_a_step_of_the_engines(
    client: TestClient, tiny_engine: Engine, wav: bytes, clip: Clip
) -> None:
    layers = ["layer3.0", "stem"]
    query = "&".join(f"layer={layer}" for layer in layers)
    answer = post(client, f"/v1/feature-maps?window=2&{query}", wav).json()
    assert [one["layer"] for one in answer["layers"]] == ["stem", "layer3.0"]
    for one in answer["layers"]:
        expected = tiny_engine.feature_maps(clip, 2)[one["layer"]]
        scale = np.array(one["scale"])[:, None, None]
        error = np.abs(decoded(one["maps"], one["shape"]) * scale - expected.maps)
        assert (error <= 0.501 * scale).all()
        np.testing.assert_allclose(one["frequency_hz"], expected.frequency_hz)
        np.testing.assert_allclose(one["time_s"], expected.time_s)


def test_without_a_choice_all_layers_are_answered(
    client: TestClient, tiny_engine: Engine, wav: bytes
) -> None:
    answer = post(client, "/v1/feature-maps", wav).json()
    assert [one["layer"] for one in answer["layers"]] == list(tiny_engine.layer_names)


def test_maps_in_npz_are_the_engines(
    client: TestClient, tiny_engine: Engine, wav: bytes, clip: Clip
) -> None:
    response = post(client, "/v1/feature-maps?layer=layer2.0&format=npz", wav)
    assert response.headers["content-type"] == "application/zip"
    arrays = np.load(io.BytesIO(response.content))
    expected = tiny_engine.feature_maps(clip, 0, ["layer2.0"])["layer2.0"]
    np.testing.assert_array_equal(arrays["layer2.0.maps"], expected.maps)
    np.testing.assert_array_equal(arrays["layer2.0.frequency_hz"], expected.frequency_hz)
    np.testing.assert_array_equal(arrays["layer2.0.time_s"], expected.time_s)


def test_packed_maps_are_read_as_the_documentation_says(
    client: TestClient, tiny_engine: Engine, wav: bytes, clip: Clip
) -> None:
    """Of all layers, as no layer is named, and byte for byte what the bench weighs."""
    response = post(client, "/v1/feature-maps?window=2&format=packed", wav)
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.content == pack_maps(tiny_engine.feature_maps(clip, 2))
    path = client.get("/openapi.json").json()["paths"]["/v1/feature-maps"]["post"]
    assert "application/octet-stream" in path["responses"]["200"]["content"]
    (reader,) = re.findall(r"```python\n(.*?)```", path["description"], re.DOTALL)
    names: dict[str, Any] = {"data": response.content}
    exec(reader, names)
    expected = tiny_engine.feature_maps(clip, 2)
    assert list(names["maps"]) == list(expected) == list(tiny_engine.layer_names)
    for layer, maps in names["maps"].items():
        peak = expected[layer].maps.max(axis=(1, 2), keepdims=True)
        assert (np.abs(maps - expected[layer].maps) <= peak * (1 / 510 + 1e-6)).all()
    np.testing.assert_allclose(names["time_s"], expected[layer].time_s, rtol=1e-6)


def test_one_layer_can_be_packed_alone(client: TestClient, wav: bytes) -> None:
    packed = post(client, "/v1/feature-maps?layer=stem&format=packed", wav).content
    assert list(unpack_maps(packed)) == ["stem"]


@pytest.mark.parametrize(("query", "window"), [("", None), ("?window=1", 1)])
def test_the_spectrogram_is_within_half_a_step_of_the_engines(
    client: TestClient, tiny_engine: Engine, wav: bytes, clip: Clip, query: str, window: int | None
) -> None:
    answer = post(client, f"/v1/spectrogram{query}", wav).json()
    expected = tiny_engine.spectrogram(clip, window)
    decibels = answer["offset_db"] + answer["scale_db"] * decoded(
        answer["decibels"], answer["shape"]
    )
    np.testing.assert_allclose(decibels, expected.decibels, atol=0.501 * answer["scale_db"])
    np.testing.assert_allclose(answer["frequency_hz"], expected.frequency_hz)
    np.testing.assert_allclose(answer["time_s"], expected.time_s)


def test_the_spectrogram_in_npz_is_the_engines(
    client: TestClient, tiny_engine: Engine, wav: bytes, clip: Clip
) -> None:
    arrays = np.load(io.BytesIO(post(client, "/v1/spectrogram?format=npz", wav).content))
    expected = tiny_engine.spectrogram(clip)
    np.testing.assert_array_equal(arrays["decibels"], expected.decibels)
    assert set(arrays) == {"decibels", "frequency_hz", "time_s"}


def test_labels_come_in_the_networks_order_as_people_say_them(client: TestClient) -> None:
    assert client.get("/v1/labels").json()["labels"] == [
        {"label": "dog", "spoken": "Dog", "group": "Animals"},
        {"label": "rain", "spoken": "Rain", "group": "Natural soundscapes"},
        {"label": "siren", "spoken": "Siren", "group": "Exterior"},
    ]


def test_the_model_tells_its_front_end_and_layers(client: TestClient, tiny_engine: Engine) -> None:
    answer = client.get("/v1/model").json()
    assert answer["front_end"] == tiny_engine.info.front_end.to_dict()
    assert [layer["name"] for layer in answer["layers"]] == list(tiny_engine.layer_names)
    assert answer["scores"] == {"accuracy": 0.5}


def test_health_names_version_and_network(client: TestClient) -> None:
    assert client.get("/v1/health").json() == {
        "status": "ok",
        "version": __version__,
        "network": "toy",
    }


def test_what_the_listener_must_know_is_in_the_answer(client: TestClient, wav: bytes) -> None:
    assert post(client, "/v1/classify", wav).json()["warnings"] == []
    cut = post(client, "/v1/classify", wav[: len(wav) // 2]).json()
    assert cut["warnings"] == [
        "The file breaks off after 1.1 of 2.2 s; it is heard as far as it goes."
    ]
    assert len(cut["predictions"]) > 0
