"""The door on Modal, with a stand-in for Modal: each way it can fail is one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from modal import exception as modal_errors

from resona_core import wire
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
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.remote import RemoteEngine
from resona_core.remote.waiting import Wanted
from resona_core.settings import Settings
from resona_core.sound import audio
from resona_core.sound.audio import Clip
from tests.modal_service import RATE_HZ, FakeService, far_engine

FAILURES = [
    (
        ModuleNotFoundError("No module named 'modal'", name="modal"),
        NotInstalledError,
        "pip install",
    ),
    (modal_errors.AuthError("Token missing."), NotLoggedInError, "modal token new"),
    (modal_errors.PermissionDeniedError("no"), NotLoggedInError, "modal token new"),
    (modal_errors.NotFoundError("Lookup failed"), NotDeployedError, "modal deploy"),
    (modal_errors.ResourceExhaustedError("quota"), RemoteBusyError, "in a minute"),
    (modal_errors.FunctionTimeoutError("120 s"), RemoteTimeoutError, "shorter sound"),
    (modal_errors.ConnectionError("gone"), RemoteConnectionError, "connection to the internet"),
    (modal_errors.ServiceError("unavailable"), RemoteConnectionError, "connection"),
    (ConnectionResetError("reset"), RemoteConnectionError, "connection"),
    (asyncio.CancelledError(), RemoteConnectionError, "connection"),
    (modal_errors.ClientClosed(1), RemoteConnectionError, "connection"),
    (
        modal_errors.ConflictError("The client version 1.6.4 is too old."),
        NotInstalledError,
        r"\(The client version 1\.6\.4 is too old\).*pip install --upgrade modal",
    ),
    (modal_errors.VersionError("old"), NotInstalledError, "--upgrade modal"),
    (modal_errors.RemoteError("crashed"), RemoteAnswerError, "RemoteError: crashed"),
    (RuntimeError("CUDA out of memory"), RemoteAnswerError, "CUDA out of memory"),
]


@pytest.mark.parametrize(("failure", "kind", "cure"), FAILURES)
def test_each_failure_has_its_kind_and_its_cure(
    failure: BaseException, kind: type[RemoteError], cure: str, weights: Path, clip: Clip
) -> None:
    far, _ = far_engine(weights, failure, failure)
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
    far, service = far_engine(weights, *[failure] * 5)
    with pytest.raises(RemoteError):
        far.feature_maps(clip)
    assert len(service.calls) == times


def test_a_connection_lost_once_is_not_noticed(weights: Path, clip: Clip) -> None:
    far, _ = far_engine(weights, modal_errors.ConnectionError("gone"))
    assert far.classify(clip).n_windows == 5


def test_what_the_network_refuses_comes_back_as_it_is(weights: Path, clip: Clip) -> None:
    far, service = far_engine(weights)
    with pytest.raises(RequestError, match=r"no layer layer9\.9"):
        far.feature_maps(clip, 0, ["layer9.9"])
    with pytest.raises(RequestError, match="unicorn"):
        far.channel_shares(clip, "unicorn", "stem")
    assert len(service.calls) == 2


def test_another_network_there_is_refused(
    weights: Path,
    clip: Clip,
    tmp_path: Path,
    tiny_info: CheckpointInfo,
    tiny_classifier: Classifier,
) -> None:
    other = tmp_path / "other.safetensors"
    info = replace(tiny_info, folds=(1,))
    checkpoint.save(other, info, tiny_classifier.network.state_dict())
    far = RemoteEngine(Settings(checkpoint=weights), FakeService(other))
    asks = (
        lambda: far.classify(clip),
        lambda: far.channel_shares(clip, "dog", "stem"),
        lambda: next(far.timeline(_wav(clip))),
    )
    for ask in asks:
        with pytest.raises(NotDeployedError, match=r"another network than this computer's toy"):
            ask()


def test_a_missing_checkpoint_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors"):
        RemoteEngine(Settings(checkpoint=tmp_path / "none.safetensors"))


class Silent:
    """A service that never answers; after `first`, when it is asked many questions."""

    def __init__(self, *first: bytes) -> None:
        self.first, self.end = first, Event()

    def call(self, method: str, *arguments: Any, wanted: Wanted) -> bytes:
        self.end.wait()
        return b""

    def call_each(
        self, method: str, arguments: Iterable[tuple[Any, ...]], *, wanted: Wanted,
        ordered: bool = True,
    ) -> Iterator[bytes | Exception]:  # fmt: skip
        yield from self.first
        while not self.end.wait(0.01):
            wanted.check()


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
    far, service = far_engine(weights, RuntimeError("CUDA out of memory"))
    first, second, third = far.classify_each([clip, short, clip])
    assert isinstance(first, RemoteAnswerError)
    assert not isinstance(second, Exception)
    assert not isinstance(third, Exception)
    assert (second.n_windows, third.n_windows) == (1, 5)
    assert [method for method, _ in service.calls] == ["hear"] * 3


def test_silence_among_many_ends_too(weights: Path, clip: Clip) -> None:
    windows, _ = audio.clip_windows(clip, FakeService(weights).engine.info.front_end)
    silent = Silent(FakeService(weights).call("hear", wire.pack_windows(windows), wanted=Wanted()))
    far = RemoteEngine(Settings(checkpoint=weights, modal_start_s=0.05), silent)
    answers = far.classify_each([clip, clip])
    assert not isinstance(next(answers), Exception)
    with pytest.raises(RemoteTimeoutError):
        next(answers)
    silent.end.set()


def _wav(clip: Clip) -> bytes:
    return wire.pack_clip(clip)
