"""What the program does with any command: names, dashes, help."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resona_core.__main__ import main
from resona_core.commands import program


def _usage(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    "words",
    [
        ("classify", "-dash.wav"),
        ("classify", "rain.wav", "-dash.wav", "--top", "-1"),
        ("timeline", "--format", "json", "-dash.wav"),
        ("feature-maps", "-dash.wav", "--layer", "stem", "--output", "x.npz"),
    ],
)
def test_a_name_with_a_leading_dash_makes_the_usage_say_how(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    *_, last = _usage(capsys, *words)
    assert last == "note: a file whose name begins with a dash goes after --, as in: -- -dash.wav"


def test_so_does_one_with_two_dashes_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--dash.wav").touch()
    *_, last = _usage(capsys, "classify", "--dash.wav")
    assert last.endswith("-- --dash.wav")


def test_other_wrong_usage_speaks_of_no_dash(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("classify",), ("classify", "-", "--top", "-1", "--bogus"), ("--", "-x.wav")):
        assert not any("dash" in line for line in _usage(capsys, *words))


@pytest.mark.parametrize(
    ("word", "may_be"),
    [
        ("-x.wav", True), ("-1.2.3", True), ("-1.wav", True), ("-hh", True),
        ("-1", False), ("-.5", False), ("-0.5", False), ("-", False), ("-h", False),
        ("x.wav", False), ("1", False), ("--json", False), ("--there.wav", True),
        ("--gone.wav", False),
    ],
)  # fmt: skip
def test_a_word_with_a_dash_may_be_a_name_if_it_is_no_option_and_no_number(
    word: str, may_be: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--there.wav").touch()
    Path("x.wav").touch()
    assert program._may_be_a_name(word) is may_be


def test_help_lists_every_command_and_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert listed >= {
        "classify", "layers", "feature-maps", "explain", "edit", "train-masker", "explain-bench",
        "timeline", "download", "train", "finish", "cross-validate", "evaluate", "average",
        "release", "export", "calibrate", "bench", "bench-training",
    }  # fmt: skip


def test_what_could_not_be_done_is_status_1_and_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone.safetensors"
    assert (
        main(["release", "--model", str(gone), "--name", "x", "--output", str(tmp_path / "y")]) == 1
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "gone.safetensors" in line


def test_a_reader_that_has_seen_enough_is_no_error(weights: str) -> None:
    command = f"{sys.executable} -m resona_core layers --checkpoint {weights} | true"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("", "COMMAND"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"
