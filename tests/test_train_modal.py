"""What runs on Modal, run here: no account, no network, the toy network on the toy data."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import modal
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.torch import load_file

import train_modal
from resona_core import remote, wire
from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.engine import Engine
from resona_core.errors import RequestError
from resona_core.network import checkpoint
from resona_core.network.checkpoint import CheckpointInfo, Classifier
from resona_core.remote import RemoteEngine
from resona_core.settings import settings
from resona_core.sound.audio import Clip
from resona_core.training import preparation
from resona_core.training.fitting.recipes import Recipe
from resona_core.training.session import Session

WITHOUT_NETWORK = """
import socket
def refuse(*_): raise OSError("no network in this test")
socket.socket.connect = socket.getaddrinfo = refuse
import sys, train_modal
assert "torch" not in sys.modules
print(train_modal.app.name)
"""
HOW_CLOSED = """
import modal
asked, real = [], modal.asgi_app
modal.asgi_app = lambda **options: asked.append(options) or real(**options)
import train_modal
print(asked)
"""
SERVED = """
import sys, train_modal
from starlette.testclient import TestClient
with TestClient(getattr(train_modal, sys.argv[1]).local()) as client:
    assert client.get("/_stcore/health").text == "ok"
    print(client.get("/api/v1/health").headers["content-type"].split(";")[0])
"""
LOCALLY = "ignore:The train function is executing locally:UserWarning"


def _python(script: str, home: Path, *arguments: str, **settings: str) -> str:
    """Run a script where there is no account; return what it prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MODAL_")}
    environment |= {"HOME": str(home), "MODAL_CONFIG_PATH": str(home / "none.toml")} | settings
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=environment, cwd=train_modal.ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_can_be_imported_without_account_network_and_torch(tmp_path: Path) -> None:
    assert _python(WITHOUT_NETWORK, tmp_path) == remote.APP


@pytest.mark.parametrize(("setting", "closed"), [("", True), ("1", False)])
def test_the_dashboard_is_open_and_the_api_only_on_request(
    setting: str, closed: bool, tmp_path: Path
) -> None:
    asked = _python(HOW_CLOSED, tmp_path, RESONA_MODAL_OPEN=setting)
    assert asked == str([{}, {"requires_proxy_auth": closed}])


@pytest.mark.parametrize(
    ("site", "answer"),
    [("dashboard", "text/html"), ("service", "application/json")],  # the page, the API
)
def test_the_open_site_is_the_dashboard_alone(
    site: str, answer: str, weights: Path, tmp_path: Path
) -> None:
    assert _python(SERVED, tmp_path, site).splitlines()[-1] == answer


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
        self.network = train_modal.Network()

    def call(self, method: str, *arguments: Any) -> bytes:
        answer: bytes = getattr(self.network, method).local(*arguments)
        return answer

    def call_each(self, method: str, arguments: Any) -> Iterator[bytes]:
        return (self.call(method, *each) for each in arguments)


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
    assert far.device == "cpu"


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
        def call(self, method: str, *arguments: Any) -> bytes:
            asked.append(method)
            return super().call(method, *arguments)  # refuses parameters it does not know

    far = RemoteEngine(settings(), Noting())
    far.classify(clip)
    far.feature_maps(clip)
    far.channel_shares(clip, "dog", "stem")
    next(far.timeline(wire.pack_clip(clip)))
    assert train_modal.app.name == remote.APP
    deployed = train_modal.app.registered_classes[remote.NETWORK]()
    assert all(isinstance(getattr(deployed, method), modal.Function) for method in asked)
    assert not hasattr(deployed, "unheard_of")


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A Volume that counts its commits, and runs `at_commit` in each."""
    made = SimpleNamespace(commits=0, at_commit=lambda: None)

    def commit() -> None:
        made.commits += 1
        made.at_commit()

    made.commit = commit
    monkeypatch.setattr(train_modal, "volume", made)
    return made


@pytest.fixture
def toy(
    tmp_path: Path,
    tone: Callable[..., NDArray[np.float32]],
    sound_file: Callable[..., bytes],
    tiny_front_end: FrontEndConfig,
    tiny_model: ModelConfig,
) -> Session:
    """Two classes in two folds, four clips of a tone each; fold 2 is left out."""
    data = tmp_path / "data"
    (data / "audio").mkdir(parents=True)
    (data / "meta").mkdir()
    lines = ["filename,fold,target,category"]
    for i in range(8):
        target, name = i % 2, f"{i}.wav"
        (data / "audio" / name).write_bytes(sound_file(tone(300 + 2000 * target + 10 * i)))
        lines.append(f"{name},{1 + i // 4},{target},{('low', 'high')[target]}")
    (data / "meta" / "toy.csv").write_text("\n".join(lines))
    recipe = Recipe(tiny_front_end, tiny_model, TrainConfig(epochs=3, batch_size=2))
    return Session(data, tmp_path / "runs", "toy", validate_on=2, recipe=recipe)


@pytest.mark.filterwarnings(LOCALLY)
def test_training_commits_what_it_stores_and_evaluates_the_fold_left_out(
    toy: Session, volume: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resona_core.training.fitting.fit._STORED_EVERY_S", 0.0)
    outcome = train_modal.train.local(toy)
    assert volume.commits == 4  # each epoch, however short, and the finished weights
    info = checkpoint.read_info(toy.runs / "toy" / "model.safetensors")
    assert (info.folds, info.training.seed) == ((1,), outcome.seed)
    assert (outcome.report.folds, outcome.report.clips) == ((2,), 4)
    assert pickle.loads(pickle.dumps(outcome)) == outcome  # as it travels


@pytest.mark.filterwarnings(LOCALLY)
def test_a_preempted_training_goes_on_from_the_last_commit(
    toy: Session, volume: SimpleNamespace
) -> None:
    def preempt() -> None:
        raise KeyboardInterrupt

    undisturbed = load_file(preparation.prepare(replace(toy, name="undisturbed")).run())
    volume.at_commit = preempt
    with pytest.raises(KeyboardInterrupt):
        train_modal.train.local(toy)
    volume.at_commit = lambda: None
    train_modal.train.local(toy)
    assert volume.commits == 4  # one before the preemption, two epochs, the finished weights
    resumed = load_file(toy.runs / "toy" / "model.safetensors")
    for name, tensor in undisturbed.items():
        np.testing.assert_array_equal(resumed[name], tensor)


@pytest.mark.filterwarnings("ignore:The fetch_data function is executing locally:UserWarning")
@pytest.mark.parametrize(
    ("name", "is_there", "fetched"),
    [("ESC-50", False, True), ("ESC-50", True, False), ("mine", False, False)],
)
def test_only_esc50_is_fetched_and_only_where_it_is_missing(
    name: str, is_there: bool, fetched: bool, tmp_path: Path, volume: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder, asked = tmp_path / name, []
    if is_there:
        folder.mkdir()
    monkeypatch.setattr("resona_core.training.data.download.download_esc50", asked.append)
    train_modal.fetch_data.local(folder)
    assert (asked == [folder], volume.commits == 1) == (fetched, fetched)
