"""What `modal deploy train_modal.py` publishes, run here: no account, no network, a toy network."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import modal
import numpy as np
import pytest
from starlette.testclient import TestClient

import cloud.serving as serving
import train_modal
from resona_core import deployment, records, wire
from resona_core.engine import Engine
from resona_core.errors import NotDeployedError, RequestError
from resona_core.explain.explanation import Question
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.records import Task
from resona_core.remote import RemoteEngine
from resona_core.remote.waiting import Wanted
from resona_core.settings import settings
from resona_core.sound.audio import Clip

pytestmark = pytest.mark.filterwarnings("ignore:The .* function is executing locally:UserWarning")


@pytest.fixture
def weights(
    tmp_path: Path,
    tiny_info: CheckpointInfo,
    tiny_classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """The toy network, as the container's settings name it."""
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    monkeypatch.setenv("RESONA_CHECKPOINT", str(path))
    settings.cache_clear()
    yield path
    settings.cache_clear()


@pytest.fixture
def clip() -> Clip:
    samples = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    return Clip(samples, 16_000, 16_000, 1, "test")


class InProcess:
    """The class that runs on Modal, run in this process."""

    def __init__(self) -> None:
        self.network = serving.Network()

    def call(self, method: str, *arguments: Any, wanted: Wanted) -> bytes:
        answer: bytes = getattr(self.network, method).local(*arguments)
        return answer

    def call_each(
        self, method: str, arguments: Any, *, wanted: Wanted, ordered: bool = True
    ) -> Iterator[bytes]:
        return (self.call(method, *each, wanted=wanted) for each in arguments)


def test_client_and_container_together_answer_as_the_engine_does(weights: Path, clip: Clip) -> None:
    far = RemoteEngine(settings(), InProcess())
    near = Engine(settings())
    expected = near.classify(clip).window_probabilities
    np.testing.assert_allclose(far.classify(clip).window_probabilities, expected)
    (answer,) = far.classify_each([clip])
    assert not isinstance(answer, Exception)
    np.testing.assert_allclose(answer.window_probabilities, expected)
    maps = far.feature_maps(clip, 1, ["layer2.0"])
    assert list(maps) == ["layer2.0"]
    wanted = near.feature_maps(clip, 1, ["layer2.0"])["layer2.0"].maps
    np.testing.assert_allclose(maps["layer2.0"].maps, wanted, rtol=1e-3, atol=1e-6 * wanted.max())
    assert far.device == "cpu, answers in float32"


def test_shares_and_recordings_come_from_the_container_too(weights: Path, clip: Clip) -> None:
    far, near = RemoteEngine(settings(), InProcess()), Engine(settings())
    np.testing.assert_allclose(
        far.channel_shares(clip, "dog", "stem"), near.channel_shares(clip, "dog", "stem"), rtol=1e-5
    )
    *_, heard = far.timeline(wire.pack_clip(clip))
    *_, expected = near.timeline(wire.pack_clip(clip))
    np.testing.assert_allclose(heard.window_probabilities, expected.window_probabilities, atol=1e-6)


def test_a_layer_that_does_not_exist_is_refused_in_the_container(weights: Path, clip: Clip) -> None:
    with pytest.raises(RequestError, match=r"no layer layer9\.9"):
        RemoteEngine(settings(), InProcess()).feature_maps(clip, 0, ["layer9.9"])


@pytest.mark.filterwarnings("ignore:.*registered_classes")
def test_what_is_looked_up_by_name_is_what_is_deployed(weights: Path, clip: Clip) -> None:
    asked: list[str] = []

    class Noting(InProcess):
        def call(self, method: str, *arguments: Any, wanted: Wanted) -> bytes:
            asked.append(method)
            return super().call(method, *arguments, wanted=wanted)  # refuses unknown parameters

    far = RemoteEngine(settings(), Noting())
    far.classify(clip)
    far.feature_maps(clip)
    far.channel_shares(clip, "dog", "stem")
    far.explain(clip)
    far.smallest_flip(clip)
    next(far.timeline(wire.pack_clip(clip)))
    assert train_modal.app.name == deployment.APP
    deployed = train_modal.app.registered_classes[deployment.NETWORK]()
    assert all(isinstance(getattr(deployed, method), modal.Function) for method in asked)
    assert not hasattr(deployed, "unheard_of")


def test_without_a_masker_there_the_cure_is_to_deploy_again(weights: Path, clip: Clip) -> None:
    question, sent = Question(method="mask"), wire.pack_clip(clip)
    with pytest.raises(NotDeployedError, match=r"no masker.*`modal deploy train_modal\.py` again"):
        serving.Network().explain.local(sent, question.to_json())


def test_a_batch_is_answered_from_what_is_sent_and_from_the_volume(
    weights: Path, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reloads = tmp_path / "store", []
    store.mkdir()

    def reload() -> None:  # what was put there after the container started
        reloads.append(1)
        (store / "there.wav").write_bytes(wire.pack_clip(clip))

    monkeypatch.setattr(serving, "STORE", store)
    monkeypatch.setattr(serving, "stored", SimpleNamespace(reload=reload))
    asked = Task("classify", top=2)
    sent = wire.pack_clip(clip)
    files = [("here.wav", sent), ("volume:there.wav", None), ("bad.wav", b"no sound at all")]
    data = serving.Network().answer.local(asked.to_json(), files)
    found, gpu_s, sender = wire.unpack_records(data)
    assert [one["file"] for one in found] == ["here.wav", "volume:there.wav", "bad.wav"]
    near = Engine(settings())
    assert found[0] == records.answered(near, asked, sent, "here.wav")
    assert found[1] == found[0] | {"file": "volume:there.wav"}
    assert "bad.wav" in found[2]["error"]
    assert (reloads, gpu_s > 0) == ([1], True)
    assert sender == wire.Sender.of(near.info, "cpu, answers in float32")


def test_the_api_answers_on_the_network_of_the_container(weights: Path, clip: Clip) -> None:
    with TestClient(serving.Network().api.local()) as client:
        answer = client.post("/v1/classify", files={"file": ("a.wav", wire.pack_clip(clip))})
    assert answer.status_code == 200
    expected = Engine(settings()).classify(clip).top(1)[0].label
    assert answer.json()["predictions"][0]["label"] == expected


def test_the_dashboard_is_served_alone(weights: Path) -> None:
    with TestClient(serving.dashboard.local()) as client:
        assert client.get("/_stcore/health").text == "ok"
        assert client.get("/api/v1/health").headers["content-type"].startswith("text/html")


def test_tensorboard_shows_the_runs_of_the_volume_as_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, looked = [], Event()

    def reload() -> None:
        looked.set()
        raise RuntimeError("there are open files preventing the operation")

    monkeypatch.setattr(subprocess, "Popen", started.append)
    monkeypatch.setattr(serving, "stored", SimpleNamespace(reload=reload))
    monkeypatch.setattr(serving, "_FRESH_S", 0.01)
    serving.tensorboard.local()
    assert looked.wait(10)
    looked.clear()
    assert looked.wait(10)  # an open file does not end the looking
    monkeypatch.setattr(time, "sleep", lambda seconds: Event().wait())  # ends the thread's work
    (command,) = started
    assert command[1:3] == ["-m", "tensorboard.main"]
    assert command[command.index("--logdir") + 1] == "/store/runs"
    assert command[command.index("--port") + 1] == "6006"
