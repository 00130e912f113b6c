"""What is written of each of many files, with a door that answers what it is told to."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from resona_core.classification import Classification, Timeline
from resona_core.errors import NotAudioError, RemoteConnectionError, RequestError
from resona_core.records import Task, answered, failed
from resona_core.sound.audio import Clip

ANSWER = Classification(
    labels=("rain", "dog", "siren"),
    window_s=1.0,
    window_starts_s=np.array([0.0, 0.5]),
    window_probabilities=np.array([[2 / 3, 1 / 4, 1 / 12], [0, 0, 0]]),  # type: ignore[arg-type]
    silent=np.array([False, True]),
    warnings=("It is cut.",),
    precision="int8",
)


class Door:
    """Notes what it is asked, and answers about every sound alike."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def load(self, source: object, name: str, track: int | None) -> Clip:
        self.asked.append(("load", source, name, track))
        return Clip(np.ones(26_667, np.float32), 16_000, 44_100, 1, "WAV")

    def classify(self, clip: Clip) -> Classification:
        return ANSWER

    def timeline(self, *asked: object) -> list[Timeline]:
        self.asked.append(("timeline", *asked))
        known = {**vars(ANSWER), "heard_s": 1.5, "total_s": None}
        return [Timeline(**known | {"heard_s": heard_s}) for heard_s in (1.0, 1.5)]


def test_the_record_of_a_sound_has_what_is_known_of_it() -> None:
    door = Door()
    record = answered(door, Task("classify", top=2, track=3), "a path", "a.wav")  # type: ignore[arg-type]
    assert door.asked == [("load", "a path", "a.wav", 3)]
    assert record == {
        "file": "a.wav", "duration_s": 1.667, "sample_rate_hz": 44_100, "windows": 2,
        "nothing_to_hear": False, "known": None, "kind": None,
        "verdict": "More likely than not rain", "warnings": ["It is cut."], "precision": "int8",
        "predictions": [
            {"label": "rain", "probability": 0.666667}, {"label": "dog", "probability": 0.25},
        ],
    }  # fmt: skip


def test_the_record_of_a_recording_is_of_all_that_was_heard() -> None:
    door = Door()
    task = Task("timeline", top=1, track=2, threshold=0.6, smooth_s=0.0, hop_s=0.5)
    record = answered(door, task, "a path", "night.wav")  # type: ignore[arg-type]
    assert door.asked == [("timeline", "a path", "night.wav", 0.5, 2)]
    assert (record["file"], record["duration_s"], record["threshold"]) == ("night.wav", 1.5, 0.6)
    assert [event["label"] for event in record["events"]] == ["rain"]


@pytest.mark.parametrize(
    ("error", "again"),
    [(NotAudioError("no sound"), False), (OSError("no disk"), False),
     (RemoteConnectionError("no line"), True)],
)  # fmt: skip
def test_a_file_without_an_answer_has_its_error(error: Exception, again: bool) -> None:
    def fail(*_: object) -> None:
        raise error

    told = {"file": "a.wav", "error": str(error)} | ({"again": True} if again else {})
    assert failed("a.wav", error) == told
    door = SimpleNamespace(load=fail, timeline=fail)
    for task in (Task("classify", top=1), Task("timeline")):
        assert answered(door, task, "a path", "a.wav") == told  # type: ignore[arg-type]


def test_a_task_travels_without_what_was_left_open() -> None:
    task = Task("timeline", hop_s=0.5)
    assert task.to_dict() == {
        "command": "timeline", "threshold": 0.5, "smooth_s": 0.0, "hop_s": 0.5,
    }  # fmt: skip
    for each in (task, replace(task, top=3, track=1), Task("classify", top=1)):
        assert Task.from_json(each.to_json()) == each


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"command": "classify"}, "No number of classes was asked for; ask for 1 or more"),
        ({"command": "classify", "top": 0}, "0 classes were asked for"),
        ({"command": "timeline", "threshold": 2.0}, "The threshold is 2"),
        ({"command": "timeline", "smooth_s": -1.0}, "The smoothing is -1 s"),
    ],
)
def test_what_is_out_of_range_is_refused_before_any_file(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError, match=told):
        Task(**asked)
