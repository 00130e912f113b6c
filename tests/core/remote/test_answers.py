"""The door on Modal, with a stand-in for Modal: it answers as this computer does."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from modal import exception as modal_errors

from resona_core.door import Door
from resona_core.engine import Engine
from resona_core.errors import NotAudioError, RequestError
from resona_core.explain.explanation import Question
from resona_core.remote import RemoteEngine
from resona_core.remote.waiting import Wanted
from resona_core.settings import Settings
from resona_core.sound.audio import Clip
from tests.modal_service import RATE_HZ, far_engine


def test_it_answers_as_this_computer_does(weights: Path, clip: Clip) -> None:
    far, _ = far_engine(weights)
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


def test_shares_and_pictures_are_those_of_this_computer(weights: Path, clip: Clip) -> None:
    far, service = far_engine(weights)
    near = Engine(Settings(checkpoint=weights))
    np.testing.assert_allclose(
        far.channel_shares(clip, "rain", "layer3.0", 2),
        near.channel_shares(clip, "rain", "layer3.0", 2),
        rtol=1e-5,
    )
    assert [method for method, _ in service.calls] == ["channel_shares"]
    for window in (None, 4):
        here, there = near.spectrogram(clip, window), far.spectrogram(clip, window)
        np.testing.assert_array_equal(there.decibels, here.decibels)
        np.testing.assert_array_equal(there.time_s, here.time_s)
    np.testing.assert_array_equal(far.window(clip, 3), near.window(clip, 3))
    assert far.layers() == near.layers()
    assert len(service.calls) == 1  # the pictures, windows and descriptions are from here


def test_explanations_are_those_of_this_computer(weights: Path, clip: Clip) -> None:
    far, service = far_engine(weights, modal_errors.ConnectionError("gone"))  # tried again
    near = Engine(Settings(checkpoint=weights))
    question = Question(2, "rain", "integrated-gradients", strength=2.0)
    why, expected = far.explain(clip, question), near.explain(clip, question)
    assert why.question == expected.question == question
    np.testing.assert_allclose(why.mask, expected.mask, atol=1e-5)
    for part in ("heard", "kept", "rest"):
        np.testing.assert_allclose(getattr(why, part), getattr(expected, part), atol=1e-5)
    assert why.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
    assert (why.answers, why.verdicts) == (expected.answers, expected.verdicts)
    assert why.energy_kept == pytest.approx(expected.energy_kept, abs=1e-4)
    assert [method for method, _ in service.calls] == ["explain"] * 2
    (sound, _) = service.calls[0][1]
    assert len(sound) < 4 * RATE_HZ + 1_000  # the one window
    assert far.explain(clip).question == near.explain(clip).question
    assert far.device == "a far GPU"


def test_the_smallest_box_is_that_of_this_computer(weights: Path, clip: Clip) -> None:
    far, service = far_engine(weights)
    near = Engine(Settings(checkpoint=weights))
    assert far.smallest_flip(clip, 1) == near.smallest_flip(clip, 1)
    assert [method for method, _ in service.calls] == ["smallest_flip"]


def test_who_waits_is_asked_now_and_then_and_hears_of_no_progress(
    weights: Path, clip: Clip
) -> None:
    far, service = far_engine(weights)
    told, heard, answer = list[float](), Event(), service.call

    def late(*asked: Any, wanted: Wanted) -> bytes:
        wanted.reached()
        assert heard.wait(60)
        return answer(*asked, wanted=wanted)

    def tell(done: float) -> None:
        told.append(done)
        heard.set()

    service.call = late  # type: ignore[method-assign]
    far.smallest_flip(clip, 1, tell)
    assert set(told) == {0}


def test_what_cannot_be_explained_is_refused_as_here(weights: Path, clip: Clip) -> None:
    far, service = far_engine(weights)
    with pytest.raises(RequestError, match="no window 9; the sound has windows 0 to 4"):
        far.explain(clip, Question(window=9))
    assert service.calls == []
    with pytest.raises(RequestError, match="does not know the class 'unicorn'"):
        far.explain(clip, Question(target="unicorn"))
    with pytest.raises(RequestError, match="needs a masker trained with these weights"):
        far.explain(clip, Question(method="mask"))


def test_a_recording_gets_the_answers_of_this_computer_a_few_windows_a_question(
    weights: Path, noise: Any, sound_file: Any
) -> None:
    data = sound_file(np.concatenate([noise, 0 * noise, noise]), 44_100, "FLAC")  # 15 s
    far, service = far_engine(weights, modal_errors.ConnectionError("gone"))  # tried again
    near = Engine(Settings(checkpoint=weights))
    for answer, expected in zip(far.timeline(data), near.timeline(data), strict=True):
        np.testing.assert_array_equal(answer.window_starts_s, expected.window_starts_s)
        np.testing.assert_array_equal(answer.silent, expected.silent)
        np.testing.assert_allclose(
            answer.window_probabilities, expected.window_probabilities, atol=1e-6
        )
        assert (answer.heard_s, answer.total_s) == (expected.heard_s, expected.total_s)
    assert answer.n_windows == 29
    assert [method for method, _ in service.calls] == ["hear"] * 3
    (first,) = service.calls[0][1]
    assert len(first) < 4 * 8.5 * RATE_HZ + 1_300  # 16 windows half over each other: 8.5 s
    with pytest.raises(RequestError, match=r"ask for 0\.1 to 1 s"):
        next(far.timeline(data, hop_s=2.0))
    with pytest.raises(NotAudioError, match=r"night\.wav"):
        next(far.timeline(b"no sound at all, only words" * 9, "night.wav"))


def test_of_a_long_clip_only_the_window_asked_for_travels(weights: Path, clip: Clip) -> None:
    far, service = far_engine(weights)
    far.feature_maps(clip, 2, ["stem"])
    far.channel_shares(clip, "dog", "stem", 1)
    for _, (data, *_) in service.calls:
        assert len(data) < 4 * RATE_HZ + 1_000
    with pytest.raises(RequestError, match="no window 9; the sound has windows 0 to 4"):
        far.feature_maps(clip, 9)
    assert len(service.calls) == 2


def test_both_engines_answer_all_that_the_door_asks(weights: Path) -> None:
    far, _ = far_engine(weights)
    near = Engine(Settings(checkpoint=weights))
    questions = [name for name in vars(Door) if not name.startswith("_")]
    assert len(questions) == 12
    for name in questions:
        assert hasattr(far, name)
        assert hasattr(near, name)
        if callable(getattr(near, name)):
            asked = [
                inspect.signature(getattr(kind, name)) for kind in (Door, Engine, RemoteEngine)
            ]
            assert asked[0] == asked[1] == asked[2], name


def test_the_door_itself_loads_no_torch() -> None:
    code = "import sys, resona_core.door; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_the_layers_asked_for_travel(weights: Path, clip: Clip) -> None:
    far, _ = far_engine(weights)
    assert list(far.feature_maps(clip, 0, ["stem", "layer2.0"])) == ["stem", "layer2.0"]


def test_it_decodes_here_as_this_computer_does(weights: Path, sound_file: Any, tone: Any) -> None:
    data = sound_file(tone(440, 44_100, 0.5), 44_100)
    far, service = far_engine(weights)
    near = Engine(Settings(checkpoint=weights))
    np.testing.assert_array_equal(far.load(data).samples, near.load(data).samples)
    assert service.calls == []


def test_the_device_is_known_after_the_first_answer(weights: Path, clip: Clip) -> None:
    far, _ = far_engine(weights)
    assert far.device == "device not known yet"
    far.classify(clip)
    assert far.device == "a far GPU"
