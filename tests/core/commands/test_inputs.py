"""What is heard of folders, patterns and pipes; nothing here is decoded."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from resona_core.commands.inputs import Input, find_inputs
from resona_core.errors import RequestError
from resona_core.sound.formats import FORMATS


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def _names(folder: Path, *given: Path) -> list[str]:
    inputs, _ = find_inputs(given or [folder])
    return [one.path.relative_to(folder).as_posix() for one in inputs]


def test_a_card_is_heard_with_all_below_it_and_what_is_left_out_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tmp_path / "card"
    _touch(card, "z.flac", "A/20240501_220000.WAV", "B/20240501_220000.WAV", "B/deep/er/one.oga")
    _touch(card, "A/._20240501_220000.WAV", ".Trashes/old.wav", ".hidden", "B/CONFIG.TXT")
    _touch(card, "B/notes.txt", "A/thumb.jpg", "A/README")
    assert _names(card) == [
        "z.flac", "A/20240501_220000.WAV", "B/20240501_220000.WAV", "B/deep/er/one.oga",
    ]  # fmt: skip
    assert capsys.readouterr().err.splitlines() == [
        f"note: {card}: sound files: 4; left out: names that begin with a dot (3), "
        "other kinds (4: 2 .txt, 1 without an ending, 1 .jpg)."
    ]


def test_every_ending_of_the_decoder_is_heard_in_any_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _touch(tmp_path, *(f"x.{ending}" for ending in FORMATS))
    _touch(tmp_path, *(f"y.{ending.upper()}" for ending in FORMATS))
    inputs, status = find_inputs([tmp_path])
    assert (len(inputs), status) == (2 * len(FORMATS), 0)
    assert capsys.readouterr().err == ""


def test_of_many_other_kinds_five_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _touch(tmp_path, "x.wav", *(f"{i}.e{i}" for i in range(5)))
    find_inputs([tmp_path])
    assert "other kinds (5: 1 .e0, 1 .e1, 1 .e2, 1 .e3, 1 .e4)." in capsys.readouterr().err
    _touch(tmp_path, "5.e5", "6.e6")
    find_inputs([tmp_path])
    assert "other kinds (7: 1 .e0, 1 .e1, 1 .e2, 1 .e3, 1 .e4, ...)." in capsys.readouterr().err


def test_a_folder_without_sounds_is_an_error_that_says_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, texts, sounds = (tmp_path / name for name in ("empty", "texts", "sounds"))
    empty.mkdir()
    _touch(texts, "a.txt")
    _touch(sounds, "x.wav")
    inputs, status = find_inputs([empty, texts, sounds])
    assert ([one.path for one in inputs], status) == ([sounds / "x.wav"], 1)
    assert capsys.readouterr().err.splitlines() == [
        f"error: {empty} holds no sound files; give another folder.",
        f"error: {texts} holds no sound files, only other kinds (1: 1 .txt); give another folder.",
    ]


def test_a_folder_that_cannot_be_opened_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    _touch(tmp_path, "a/x.wav", "locked/y.wav", "z/z.wav")
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", refuse)
    inputs, status = find_inputs([tmp_path])
    assert ([one.path.name for one in inputs], status) == (["x.wav", "z.wav"], 1)
    told = f"error: {tmp_path / 'locked'} cannot be opened (Permission denied).\n"
    assert capsys.readouterr().err == told
    assert find_inputs([tmp_path / "locked"]) == ([], 1)  # of which nobody says that it is empty
    assert capsys.readouterr().err == told


def test_links_lead_to_other_folders_and_in_no_circle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _touch(tmp_path, "card/x.wav", "card/zoo/z.wav", "disk/y.wav")
    (tmp_path / "card" / "disk").symlink_to(tmp_path / "disk")
    (tmp_path / "card" / "up").symlink_to(tmp_path / "card")
    assert _names(tmp_path / "card") == ["x.wav", "disk/y.wav", "zoo/z.wav"]
    assert "left out: folders linked to again (1)." in capsys.readouterr().err


def test_pipes_and_broken_links_in_a_folder_are_left_out_and_never_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _touch(tmp_path, "x.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "broken.wav").symlink_to(tmp_path / "gone.wav")
    assert _names(tmp_path) == ["x.wav"]
    told = "left out: pipes, devices and broken links (2)."
    assert told in capsys.readouterr().err


def test_a_pattern_that_the_shell_left_as_it_is_is_expanded(tmp_path: Path) -> None:
    _touch(tmp_path, "b.wav", "a.wav", "c.flac", ".d.wav", "deep/e.wav")
    assert _names(tmp_path, tmp_path / "*.wav") == ["a.wav", "b.wav"]
    assert _names(tmp_path, tmp_path / "**" / "?.wav") == ["a.wav", "b.wav", "deep/e.wav"]
    assert _names(tmp_path, tmp_path / "d*") == ["deep/e.wav"]
    assert _names(tmp_path, tmp_path / "*.mp3") == ["*.mp3"]  # told when it is opened


def test_a_name_that_looks_like_a_pattern_is_a_name_first(tmp_path: Path) -> None:
    _touch(tmp_path, "take[1].wav", "take1.wav", "what?.wav")
    assert _names(tmp_path, tmp_path / "take[1].wav") == ["take[1].wav"]
    assert _names(tmp_path, tmp_path / "what?.wav") == ["what?.wav"]


def test_places_are_those_below_what_was_asked_for(tmp_path: Path) -> None:
    _touch(tmp_path, "card/A/x.wav", "y.wav")
    inputs, _ = find_inputs([tmp_path / "card", tmp_path / "y.wav"])
    assert [one.below.as_posix() for one in inputs] == ["A/x.wav", "y.wav"]


def test_standard_input_is_read_unless_it_is_the_keyboard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = Input.of(Path("-"))
    assert (one.name, one.below) == ("standard input", Path("standard-input"))
    text = io.TextIOWrapper(io.BytesIO(b"RIFF"))
    monkeypatch.setattr("sys.stdin", text)
    assert one.source is text.buffer
    monkeypatch.setattr(text, "isatty", lambda: True, raising=False)
    for keyboard_or_closed in (text, None):
        monkeypatch.setattr("sys.stdin", keyboard_or_closed)
        with pytest.raises(RequestError, match="pipe a sound into this command"):
            _ = one.source
    assert Input.of(tmp_path).source == tmp_path
