"""What `timeline` is asked for and not asked for, and what it says meanwhile."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tqdm import tqdm

from resona_core.__main__ import main
from resona_core.commands import recordings
from resona_core.commands.many import door_of
from resona_core.door import Door
from resona_core.timeline import Report


@pytest.fixture
def recording(tmp_path: Path, noise: np.ndarray, sound_file: Callable[..., bytes]) -> Path:
    path = tmp_path / "night.flac"
    path.write_bytes(sound_file(noise, 44_100, "FLAC"))
    return path


@pytest.fixture
def ask(weights: str) -> Callable[..., int]:
    """A function that runs the command with a toy network."""
    return lambda *words: main(["timeline", *map(str, words), "--checkpoint", weights])


def test_progress_is_told_in_seconds_of_the_recording(
    recording: Path, ask: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tqdm] = []

    def shown(**options: Any) -> tqdm:
        bars.append(tqdm(file=io.StringIO(), **options | {"disable": False}))
        return bars[-1]

    monkeypatch.setattr(recordings, "tqdm", shown)
    assert ask(recording) == 0
    (bar,) = bars
    assert (bar.desc, bar.n, bar.total) == ("night.flac", 5, 5)


def test_what_is_not_asked_for_is_told(defaults: Callable[[str], dict[str, float]]) -> None:
    assert defaults("timeline") == {"threshold": 0.5, "smooth": 0, "containers": 10}


def test_of_a_recording_many_windows_are_heard_at_a_time(
    recording: Path, ask: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def noted(options: Any, many: bool = False) -> Door:
        asked.append(many)
        return door_of(options, many)

    monkeypatch.setattr(recordings, "door_of", noted)
    assert ask(recording) == 0
    assert asked == [True]


def test_a_recording_is_printed_before_the_next_is_heard(
    recording: Path, ask: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    written, there, hear = io.BytesIO(), list[int](), recordings._hear

    def noted(*asked: Any) -> Report:
        there.append(written.getvalue().count(b"\n"))
        return hear(*asked)

    monkeypatch.setattr(recordings, "_hear", noted)
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written))  # as a pipe, which is no terminal
    assert ask(recording, recording, "--format", "json") == 0
    assert there == [0, 1]


def test_no_force_writes_over_another_recording_that_is_heard(
    recording: Path, ask: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    other = out / "night.flac.csv"  # a strange name for a sound, but it is one
    out.mkdir()
    other.write_bytes(recording.read_bytes())
    assert ask(recording, other, "--output", out, "--force") == 1
    told = f"error: {other} is what this command reads; give another file to write.\n"
    assert capsys.readouterr().err == told
    assert other.read_bytes() == recording.read_bytes()
    assert (out / "night.flac.csv.csv").is_file()
