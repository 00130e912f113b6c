"""What `classify` and `feature-maps` are not told, and cannot do without."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from resona_core.__main__ import main
from resona_core.commands import questions


def test_what_is_not_asked_for_is_told(defaults: Callable[[str], dict[str, float]]) -> None:
    assert defaults("classify") == {"top": 3, "containers": 10}
    assert defaults("feature-maps") == {"window": 0}


def test_several_files_are_heard_side_by_side(
    weights: str, tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes],
    asked_for_many: Callable[[ModuleType], list[bool]],
) -> None:  # fmt: skip
    asked = asked_for_many(questions)
    wav = tmp_path / "tone.wav"
    wav.write_bytes(sound_file(tone(440.0)))
    for files in ([str(wav)], [str(wav)] * 2):
        assert main(["classify", *files, "--checkpoint", weights]) == 0
    assert asked == [False, True]


def test_a_line_of_json_is_there_before_the_next_file_is_heard(
    weights: str, tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    wav = tmp_path / "tone.wav"
    wav.write_bytes(sound_file(tone(440.0)))
    written, there, heard_here = io.BytesIO(), list[int](), questions._heard_here

    def noted(*asked: Any) -> Iterator[Any]:
        for one in heard_here(*asked):
            there.append(written.getvalue().count(b"\n"))
            yield one

    monkeypatch.setattr(questions, "_heard_here", noted)
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written))  # as a pipe, which is no terminal
    assert main(["classify", str(wav), str(wav), "--json", "--checkpoint", weights]) == 0
    assert there == [0, 1]


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("feature-maps a.wav --output b.npz", "--layer"),
        ("feature-maps a.wav --layer stem", "--output"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"
