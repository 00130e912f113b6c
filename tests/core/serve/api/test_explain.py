from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient

from resona_core.engine import Engine
from resona_core.explain.explanation import Question


def ask(client: TestClient, query: str, data: bytes) -> dict[str, object]:
    sent = {"file": ("x.wav", data, "audio/wav")}
    response = client.post(f"/v1/explain?{query}", files=sent)
    return {"status": response.status_code, **response.json()}


def test_it_is_explained_as_the_engine_explains(
    client: TestClient, tiny_engine: Engine, wav: bytes
) -> None:
    answer = ask(client, "target=rain&method=occlusion&window=2&strength=2", wav)
    question = Question(2, "rain", "occlusion", strength=2.0)
    expected = tiny_engine.explain(tiny_engine.load(wav), question)
    for name in ("window", "target", "method", "layer", "strength", "answers", "verdicts"):
        assert answer[name] == expected.to_dict()[name]
    assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
    assert answer["energy_kept"] == pytest.approx(expected.energy_kept, abs=1e-3)
    steps = np.frombuffer(base64.b64decode(str(answer["mask"])), np.uint8)
    np.testing.assert_allclose(
        steps.reshape(answer["shape"]) / 255, expected.mask, atol=0.502 / 255
    )
    assert len(answer["frequency_hz"]) == answer["shape"][0]  # type: ignore[arg-type, index]


def test_npz_has_the_sounds_too(client: TestClient, wav: bytes) -> None:
    sent = {"file": ("x.wav", wav, "audio/wav")}
    content = client.post("/v1/explain?method=energy&format=npz", files=sent).content
    arrays = np.load(io.BytesIO(content))
    np.testing.assert_allclose(arrays["kept"] + arrays["rest"], arrays["heard"], atol=1e-6)
    assert arrays["mask"].shape == (len(arrays["frequency_hz"]), len(arrays["time_s"]))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("target=unicorn", "does not know the class 'unicorn'"),
        ("layer=layer9", "no layer layer9"),
        ("method=energy&layer=stem", "The method energy looks at no layer"),
        ("window=9", "There is no window 9"),
        ("method=mask", "The method mask needs a masker trained with these weights"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    query: str, sentence: str, client: TestClient, wav: bytes
) -> None:
    answer = ask(client, query, wav)
    assert answer["status"] == 422
    assert sentence in str(answer["detail"])


@pytest.mark.parametrize("query", ["method=guess", "strength=9", "strength=nan"])
def test_what_is_no_question_is_not_valid(query: str, client: TestClient, wav: bytes) -> None:
    assert ask(client, query, wav)["status"] == 422
