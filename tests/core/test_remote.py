"""The door on Modal, with a stand-in for Modal: each way it can fail is one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import modal
import numpy as np
import pytest
from modal import exception as modal_errors

from resona_core import remote
from resona_core.engine import Engine
from resona_core.errors import (
    CheckpointError,
    NotDeployedError,
    NotInstalledError,
    NotLoggedInError,
    RemoteAnswerError,
    RemoteBusyError,
    RemoteConnectionError,
    RemoteError,
    RemoteTimeoutError,
    RequestError,
)
from resona_core.network import checkpoint
from resona_core.network.checkpoint import CheckpointInfo, Classifier
from resona_core.remote import ModalService, RemoteEngine
from resona_core.settings import Settings
from resona_core.sound.audio import Clip
from tests.modal_service import FakeService

RATE_HZ = 16_000


@pytest.fixture
def weights(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> Path:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return path


@pytest.fixture
def clip() -> Clip:
    samples = np.random.default_rng(0).normal(0, 0.1, 3 * RATE_HZ).astype(np.float32)
    return Clip(samples, RATE_HZ, 44_100, 2, "test")


def _engine(weights: Path, *failures: BaseException) -> tuple[RemoteEngine, FakeService]:
    service = FakeService(weights, *failures)
    return RemoteEngine(Settings(checkpoint=weights), service), service


def test_it_answers_as_this_computer_does(weights: Path, clip: Clip) -> None:
    far, _ = _engine(weights)
    near = Engine(Settings(checkpoint=weights))
    answer, expected = far.classify(clip), near.classify(clip)
    assert answer.labels == expected.labels
    np.testing.assert_array_equal(answer.window_starts_s, expected.window_starts_s)
    np.testing.assert_allclose(answer.window_probabilities, expected.window_probabilities)
    maps, expected_maps = far.feature_maps(clip, 2), near.feature_maps(clip, 2)
    assert list(maps) == list(expected_maps)
    for name, layer in expected_maps.items():
        peak = float(layer.maps.max())
        np.testing.assert_allclose(maps[name].maps, layer.maps, rtol=1e-3, atol=1e-6 * peak)
        np.testing.assert_array_equal(maps[name].time_s, layer.time_s)


def test_only_the_layers_asked_for_travel(weights: Path, clip: Clip) -> None:
    far, _ = _engine(weights)
    assert list(far.feature_maps(clip, 0, ["stem", "layer2.0"])) == ["stem", "layer2.0"]


def test_it_decodes_here_as_this_computer_does(weights: Path, sound_file: Any, tone: Any) -> None:
    data = sound_file(tone(440, 44_100, 0.5), 44_100)
    far, service = _engine(weights)
    near = Engine(Settings(checkpoint=weights))
    np.testing.assert_array_equal(far.load(data).samples, near.load(data).samples)
    assert service.calls == []


def test_the_device_is_known_after_the_first_answer(weights: Path, clip: Clip) -> None:
    far, _ = _engine(weights)
    assert far.device == "device not known yet"
    far.classify(clip)
    assert far.device == "a far GPU"


FAILURES = [
    (ModuleNotFoundError("No module named 'modal'", name="modal"), NotInstalledError,
     "pip install"),
    (modal_errors.AuthError("Token missing."), NotLoggedInError, "modal token new"),
    (modal_errors.PermissionDeniedError("no"), NotLoggedInError, "modal token new"),
    (modal_errors.NotFoundError("Lookup failed"), NotDeployedError, "modal deploy"),
    (modal_errors.ResourceExhaustedError("quota"), RemoteBusyError, "in a minute"),
    (modal_errors.FunctionTimeoutError("120 s"), RemoteTimeoutError, "shorter sound"),
    (modal_errors.ConnectionError("gone"), RemoteConnectionError, "connection to the internet"),
    (modal_errors.ServiceError("unavailable"), RemoteConnectionError, "connection"),
    (ConnectionResetError("reset"), RemoteConnectionError, "connection"),
    (asyncio.CancelledError(), RemoteConnectionError, "connection"),
    (modal_errors.RemoteError("crashed"), RemoteAnswerError, "RemoteError: crashed"),
    (RuntimeError("CUDA out of memory"), RemoteAnswerError, "CUDA out of memory"),
]  # fmt: skip


@pytest.mark.parametrize(("failure", "kind", "cure"), FAILURES)
def test_each_failure_has_its_kind_and_its_cure(
    failure: BaseException, kind: type[RemoteError], cure: str, weights: Path, clip: Clip
) -> None:
    far, _ = _engine(weights, failure, failure)
    with pytest.raises(kind, match=cure):
        far.classify(clip)


@pytest.mark.parametrize(
    ("failure", "times"),
    [
        (modal_errors.ConnectionError("gone"), 2),
        (ConnectionResetError("reset"), 2),
        (modal_errors.AuthError("no"), 1),
        (modal_errors.NotFoundError("no"), 1),
        (modal_errors.ResourceExhaustedError("no"), 1),
        (RuntimeError("CUDA out of memory"), 1),
    ],
)
def test_only_a_lost_connection_is_tried_again_and_only_once(
    failure: BaseException, times: int, weights: Path, clip: Clip
) -> None:
    far, service = _engine(weights, *[failure] * 5)
    with pytest.raises(RemoteError):
        far.feature_maps(clip)
    assert len(service.calls) == times


def test_a_connection_lost_once_is_not_noticed(weights: Path, clip: Clip) -> None:
    far, _ = _engine(weights, modal_errors.ConnectionError("gone"))
    assert far.classify(clip).n_windows == 5


def test_what_the_network_refuses_comes_back_as_it_is(weights: Path, clip: Clip) -> None:
    far, service = _engine(weights)
    with pytest.raises(RequestError, match="no window 9; the sound has windows 0 to 4"):
        far.feature_maps(clip, 9)
    assert len(service.calls) == 1


def test_another_network_there_is_refused(
    weights: Path, clip: Clip, tmp_path: Path, tiny_info: CheckpointInfo,
    tiny_classifier: Classifier,
) -> None:  # fmt: skip
    other = tmp_path / "other.safetensors"
    info = replace(tiny_info, folds=(1,))
    checkpoint.save(other, info, tiny_classifier.network.state_dict())
    far = RemoteEngine(Settings(checkpoint=weights), FakeService(other))
    with pytest.raises(NotDeployedError, match=r"another network than this computer's toy"):
        far.classify(clip)


def test_a_missing_checkpoint_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors"):
        RemoteEngine(Settings(checkpoint=tmp_path / "none.safetensors"))


class Silent:
    """A service that never answers; after `first`, when it is asked many questions."""

    def __init__(self, *first: bytes) -> None:
        self.first, self.end = first, Event()

    def call(self, method: str, *arguments: Any) -> bytes:
        self.end.wait()
        return b""

    def call_each(
        self, method: str, arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[bytes | Exception]:
        yield from self.first
        self.end.wait()


def test_silence_ends_after_our_own_time(weights: Path, clip: Clip) -> None:
    silent = Silent()
    far = RemoteEngine(Settings(checkpoint=weights, modal_timeout_s=0.05), silent)
    with pytest.raises(RemoteTimeoutError, match=r"within 0\.05 s.*RESONA_MODAL_TIMEOUT_S"):
        far.classify(clip)
    silent.end.set()


def test_many_clips_are_answered_in_order_and_a_bad_one_does_not_stop_the_others(
    weights: Path, clip: Clip
) -> None:
    short = Clip(clip.samples[:RATE_HZ], RATE_HZ, RATE_HZ, 1, "test")
    far, service = _engine(weights, RuntimeError("CUDA out of memory"))
    first, second, third = far.classify_each([clip, short, clip])
    assert isinstance(first, RemoteAnswerError)
    assert not isinstance(second, Exception)
    assert not isinstance(third, Exception)
    assert (second.n_windows, third.n_windows) == (1, 5)
    assert [method for method, _ in service.calls] == ["classify"] * 3


def test_silence_among_many_ends_too(weights: Path, clip: Clip) -> None:
    silent = Silent(FakeService(weights).call("classify", _wav(clip)))
    far = RemoteEngine(Settings(checkpoint=weights, modal_timeout_s=0.05), silent)
    answers = far.classify_each([clip, clip])
    assert not isinstance(next(answers), Exception)
    with pytest.raises(RemoteTimeoutError):
        next(answers)
    silent.end.set()


def _wav(clip: Clip) -> bytes:
    return remote.wire.pack_clip(clip)


class _Method:
    def remote(self, *arguments: Any) -> bytes:
        return repr(arguments).encode()

    def starmap(
        self, arguments: Iterable[tuple[Any, ...]], return_exceptions: bool
    ) -> Iterable[bytes]:
        assert return_exceptions
        return [self.remote(*each) for each in arguments]


class _Network:
    def __init__(self) -> None:
        self.classify = _Method()


def test_the_deployed_class_is_asked_by_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = []

    def from_name(app: str, name: str) -> type[_Network]:
        looked_up.append((app, name))
        return _Network

    monkeypatch.setattr(modal.Cls, "from_name", from_name)
    service = ModalService()
    assert service.call("classify", b"x", "y") == b"(b'x', 'y')"
    assert list(service.call_each("classify", [(b"x",), (b"z",)])) == [b"(b'x',)", b"(b'z',)"]
    assert set(looked_up) == {(remote.APP, remote.NETWORK)}
