"""Where results go, and what they never write over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resona_core.commands import outputs
from resona_core.commands.inputs import Input
from resona_core.commands.outputs import EVALUATION, EVENTS, check_output, with_places, write_output
from resona_core.errors import OutputError

OWN = '{\n "accuracy": 0.9}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "result.json"


def test_nothing_a_file_of_the_same_kind_or_an_empty_one_may_be_written_over(path: Path) -> None:
    check_output(path, EVALUATION, [], force=False)
    for own in ("", OWN, "{}\n"):
        path.write_text(own)
        check_output(path, EVALUATION, [path.parent, None], force=False)


@pytest.mark.parametrize("foreign", ["RIFF....WAVE", '{"name": "package"}', "text", "\0"])
def test_what_is_of_another_kind_needs_force(foreign: str, path: Path) -> None:
    path.write_text(foreign)
    told = r"result\.json is there already and is no evaluation; give another .* with --force\.$"
    with pytest.raises(OutputError, match=told):
        check_output(path, EVALUATION, [], force=False)
    check_output(path, EVALUATION, [], force=True)


def test_a_folder_for_results_is_made_with_all_above_it_if_it_is_not_there(tmp_path: Path) -> None:
    for _ in range(2):
        outputs.make_folder(tmp_path / "of" / "results")
        assert (tmp_path / "of" / "results").is_dir()


@pytest.mark.parametrize("content", ["RIFF....WAVE", OWN])
@pytest.mark.parametrize("force", [False, True])
def test_what_is_read_is_never_written_over_by_whatever_name(
    content: str, force: bool, path: Path
) -> None:
    path.write_text(content)
    link, twin = path.with_name("link"), path.with_name("twin")
    link.symlink_to(path)
    os.link(path, twin)
    for name in (path, link, twin, path.parent / "." / path.name):
        with pytest.raises(OutputError, match="is what this command reads; give another file"):
            check_output(name, EVALUATION, [path.with_name("other"), path], force)


def test_a_name_too_long_to_be_read_says_nothing_of_the_result(path: Path) -> None:
    path.write_text(OWN)
    check_output(path, EVALUATION, [path.with_name("n" * 256)], force=False)


def test_no_file_of_a_folder_that_is_read_is_written_over_by_force(path: Path) -> None:
    clip = path.parent / "audio" / "1.wav"
    clip.parent.mkdir()
    clip.write_text("RIFF")
    with pytest.raises(OutputError, match="is among what this command reads"):
        check_output(clip, EVALUATION, [path.parent], force=True)


def test_a_folder_is_no_file_to_write(path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder; give the name of a file to write"):
        check_output(path.parent, EVALUATION, [], force=True)
    with pytest.raises(OutputError, match=r"There is no folder .*nowhere for result\.json; make"):
        outputs.check_folder_of(path.parent / "nowhere" / path.name)
    path.touch()
    with pytest.raises(OutputError, match=r"result\.json is a file; give a folder"):
        outputs.make_folder(path)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("csv", "file,start_s,end_s,label,probability\n"),
        ("json", '{"file": "x.wav", "duration_s": 5.0'),
        ("audacity", "0.000000\t5.000000\train\n"),
        ("raven", "Selection\tView\tChannel"),
    ],
)
def test_tables_of_events_are_told_apart(kind: str, content: str, path: Path) -> None:
    path.write_text(content)
    assert [name for name, own in EVENTS.items() if own.is_of(path)] == [kind]


def test_a_result_is_whole_or_not_there_and_its_folder_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(part: Path, data: bytes) -> None:
        with part.open("wb") as file:
            file.write(data[:2])
        raise OSError(28, "No space left on device")

    deep = path.parent / "A" / "B" / "x.csv"
    write_output(deep, "caf\udce9.wav")
    assert deep.read_bytes() == b"caf\xe9.wav"
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"x\.csv cannot be written \(No space left on device\);"):
        write_output(deep, "new")
    assert [p.name for p in deep.parent.iterdir()] == ["x.csv"]
    assert deep.stat().st_size == 8


def test_a_name_too_long_for_a_result_is_told_before_anything_is_heard(path: Path) -> None:
    name = path.with_name("n" * 251 + ".wav.csv")
    with pytest.raises(
        OutputError, match=r"cannot be written \(File name too long\); give another"
    ):
        check_output(name, EVENTS["csv"], [], force=False)
    with pytest.raises(OutputError, match="File name too long"):
        write_output(name, "new")


def _places(*paths: Path | str) -> list[str]:
    return [one.below.as_posix() for one in with_places([Input.of(Path(p)) for p in paths])]


def test_different_names_lie_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert _places("a/one.wav", "/b/two.wav") == ["one.wav", "two.wav"]
    below = Input(Path("card/A/x.wav"), Path("A/x.wav"))
    assert [one.below for one in with_places([below])] == [Path("A/x.wav")]
    assert capsys.readouterr().err == ""


def test_equal_names_mirror_their_folders() -> None:
    assert _places("card/A/x.wav", "card/B/x.wav", "card/C/y.wav") == [
        "A/x.wav", "B/x.wav", "C/y.wav",
    ]  # fmt: skip
    assert _places("x.wav", "B/x.wav") == ["x.wav", "B/x.wav"]
    assert _places("card/A/x.wav", "card/B/../B/x.wav") == ["A/x.wav", "B/x.wav"]


def test_what_is_asked_for_twice_is_heard_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert _places("a/x.wav", "b/../a/x.wav", "a/y.wav") == ["x.wav", "y.wav"]
    assert capsys.readouterr().err == "note: asked for more than once, heard once: 1.\n"


def test_places_that_cannot_be_told_apart_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_two_drives(_: object) -> str:
        raise ValueError("Paths don't have the same drive")

    monkeypatch.setattr(os.path, "commonpath", on_two_drives)
    with pytest.raises(OutputError, match=r"x\.wav would be the place of two results; ask for"):
        _places("a/x.wav", "b/x.wav")
