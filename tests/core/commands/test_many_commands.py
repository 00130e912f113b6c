"""``classify`` and ``timeline`` of many files into ``answers.jsonl``, here and on Modal."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from resona_core import wire
from resona_core.__main__ import main
from resona_core.commands import many
from resona_core.network import processor
from resona_core.remote import fan_out
from resona_core.remote import service as modal_service
from resona_core.remote.waiting import Wanted
from resona_core.settings import RECORDING_LIMITS, SOUND_LIMITS, Limits
from tests.modal_service import FakeService


@pytest.fixture
def folder(tmp_path: Path, tone: Callable[..., Any], sound_file: Callable[..., bytes]) -> Path:
    """A folder with a sound, another in a folder of its own, a damaged one, and a text."""
    made = tmp_path / "night"
    (made / "later").mkdir(parents=True)
    for name, hz in (("a.wav", 440), ("later/b.flac", 1000)):
        kind = "FLAC" if name.endswith("flac") else "WAV"
        (made / name).write_bytes(sound_file(tone(hz, 16_000, 2.0), 16_000, kind))
    (made / "bad.wav").write_text("not sound, but words")
    (made / "notes.txt").write_text("heard an owl")
    return made


@pytest.fixture
def far(weights: str, monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """A stand-in where Modal would be; remembers how many containers were asked for."""
    service = FakeService(Path(weights))

    class Pool:
        def __init__(self, containers: int) -> None:
            service.containers = containers  # type: ignore[attr-defined]

        def call_each(self, *asked: Any, **how: Any) -> Iterator[bytes | Exception]:
            return service.call_each(*asked, **how)

    monkeypatch.setattr(modal_service, "ModalService", Pool)
    return service


def sent_to(far: FakeService, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes | None]]:
    """Have a service answer with names only, and return what it will be sent."""
    sent: list[tuple[str, bytes | None]] = []

    def answer(question: str, files: list[tuple[str, bytes | None]]) -> bytes:
        sent.extend(files)
        return wire.pack_records([{"file": name} for name, _ in files], 1.0, far.sender)

    monkeypatch.setattr(far, "_answer", answer)
    return sent


def lines(path: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return {record["file"]: record for record in found}


@pytest.mark.parametrize("command", ["classify", "timeline"])
def test_modal_writes_the_lines_that_this_computer_writes(
    command: str, folder: Path, weights: str, far: FakeService, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    asked = [command, str(folder), "--checkpoint", weights]
    assert main([*asked, "--output", str(here)]) == 1  # one file is damaged
    assert f"{here}: 2 answered, 1 failed" in capsys.readouterr().err
    assert far.calls == []
    modal = ["--backend", "modal", "--containers", "3"]
    assert main([*asked, "--output", str(there), *modal]) == 1
    told = capsys.readouterr().err
    n_batches = {"classify": 1, "timeline": 3}[command]
    assert f"about ${n_batches * 2 * 0.000199:.2f} on T4s" in told
    assert [method for method, _ in far.calls] == ["answer"] * n_batches
    assert far.containers == 3  # type: ignore[attr-defined]
    assert lines(here) == lines(there)
    assert set(lines(here)) == {str(folder / n) for n in ("a.wav", "bad.wav", "later/b.flac")}
    assert "bad.wav" in lines(here)[str(folder / "bad.wav")]["error"]


def test_a_line_is_the_answer_of_json_and_what_was_asked(
    folder: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, output = str(folder / "a.wav"), tmp_path / "answers.jsonl"
    assert main(["classify", one, "--checkpoint", weights, "--output", str(output)]) == 0
    (record,) = lines(output).values()
    asked = record.pop("asked")
    assert (asked["command"], asked["top"], len(asked["network"])) == ("classify", 3, 16)
    assert main(["classify", one, "--checkpoint", weights, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == record


@pytest.mark.parametrize(("command", "one_by_one"), [("classify", False), ("timeline", True)])
def test_recordings_are_heard_one_after_the_other_and_sounds_beside_each_other(
    command: str, one_by_one: bool, folder: Path, weights: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Where each takes long, Ctrl-C must not have to wait for those that have begun."""
    threads = []

    def answered(engine: object, task: object, source: object, name: str) -> dict[str, Any]:
        threads.append(threading.current_thread())
        return {"file": name}

    monkeypatch.setattr(many, "answered", answered)
    asked = [command, str(folder), "--checkpoint", weights, "--output", str(tmp_path / "x.jsonl")]
    assert main(asked) == 0
    assert len(threads) == 3
    assert {thread is threading.main_thread() for thread in threads} == {one_by_one}


@pytest.mark.parametrize(
    ("command", "names", "many_at_a_time"),
    [
        ("classify", ["a.wav"], False),
        ("classify", ["a.wav", "a.wav"], False),
        ("classify", ["a.wav", "later/b.flac"], True),
        ("timeline", ["a.wav"], True),
    ],
)
def test_many_windows_are_heard_at_a_time_where_there_are_many(
    command: str, names: list[str], many_at_a_time: bool, folder: Path, weights: str,
    tmp_path: Path, asked_for_many: Callable[[ModuleType], list[bool]],
) -> None:  # fmt: skip
    asked = asked_for_many(many)
    files = [str(folder / name) for name in names]
    output = ["--output", str(tmp_path / "x.jsonl")]
    assert main([command, *files, "--checkpoint", weights, *output]) == 0
    assert asked == [many_at_a_time]


def test_this_computer_answers_for_one_sound_unless_there_are_many(
    weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "cores", lambda: 6)
    options = argparse.Namespace(checkpoint=Path(weights), backend="local")
    assert many.door_of(options).settings.concurrency == 1
    assert many.door_of(options, many=True).settings.concurrency == 6


def test_the_same_command_asks_for_nothing_again_and_another_question_is_refused(
    folder: Path, weights: str, far: FakeService, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output = tmp_path / "answers.jsonl"
    asked = ["classify", str(folder), "--checkpoint", weights, "--output", str(output)]
    main([*asked, "--backend", "modal"])
    before = output.read_bytes()
    main([*asked, "--backend", "modal"])
    main(asked)  # nor on this computer
    assert len(far.calls) == 1
    assert output.read_bytes() == before
    capsys.readouterr()
    assert main([*asked, "--top", "1"]) == 1
    assert "another question (top 3, now 1)" in capsys.readouterr().err


def test_a_folder_of_the_volume_is_listed_and_answered_there(
    weights: str, far: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(folder: str, wanted: Wanted) -> Iterator[str]:
        assert folder == "night/2026"
        yield from ("night/2026/b.wav", "night/2026/notes.txt", "night/2026/a.wav")

    monkeypatch.setattr(modal_service, "volume_files", listed)
    sent = sent_to(far, monkeypatch)
    output = tmp_path / "answers.jsonl"
    asked = ["classify", "volume:night/2026", "--checkpoint", weights, "--output", str(output)]
    assert main([*asked, "--backend", "modal"]) == 0
    assert sent == [("volume:night/2026/a.wav", None), ("volume:night/2026/b.wav", None)]
    assert set(lines(output)) == {name for name, _ in sent}


def test_a_file_of_the_volume_is_answered_whatever_its_ending(
    weights: str, far: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(folder: str, wanted: Wanted) -> Iterator[str]:
        yield folder

    monkeypatch.setattr(modal_service, "volume_files", listed)
    sent = sent_to(far, monkeypatch)
    output = tmp_path / "answers.jsonl"
    asked = ["classify", "volume:night/a.raw", "--checkpoint", weights, "--output", str(output)]
    assert main([*asked, "--backend", "modal"]) == 0
    assert sent == [("volume:night/a.raw", None)]
    assert set(lines(output)) == {"volume:night/a.raw"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["volume:night"], "volume:night lies on Modal; ask for it with --backend modal"),
        (["a.wav", "--top", "0"], "0 classes were asked for; ask for 1 or more"),
        (["a.wav", "--containers", "0"], "0 containers were asked for; ask for 1 or more"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_and_no_file(
    options: list[str], told: str, weights: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output = tmp_path / "answers.jsonl"
    command = ["classify", *options, "--checkpoint", weights, "--output", str(output)]
    assert main(command) == 1
    assert told in capsys.readouterr().err
    assert not output.exists()


def test_a_folder_or_a_sound_is_no_file_of_answers(
    folder: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = folder / "a.wav"
    before = sound.read_bytes()
    for output, told in (
        (folder, f"error: {folder} is a folder; give the name of a file to write."),
        (sound, f"error: {sound} is what this command reads; give another file to write."),
    ):
        asked = ["classify", str(sound), "--checkpoint", weights, "--output", str(output)]
        assert main(asked) == 1
        assert capsys.readouterr().err == f"{told}\n"
    assert sound.read_bytes() == before
    among = folder / "answers.jsonl"  # beside the sounds is a usual place
    asked = ["classify", str(folder / "later"), "--checkpoint", weights, "--output", str(among)]
    assert main(asked) == main(asked) == 0


@pytest.mark.parametrize("backend", ["local", "modal"])
def test_an_empty_folder_fails_the_command_though_the_rest_is_answered(
    backend: str, folder: Path, weights: str, far: FakeService, tmp_path: Path
) -> None:
    empty, output = tmp_path / "empty", tmp_path / "answers.jsonl"
    empty.mkdir()
    asked = ["--checkpoint", weights, "--output", str(output), "--backend", backend]
    one = ["--containers", "1"]  # the fewest there are
    assert main(["classify", str(empty), *asked, *one]) == 1
    assert not output.exists()
    assert main(["classify", str(empty), str(folder / "a.wav"), *asked, *one]) == 1
    assert set(lines(output)) == {str(folder / "a.wav")}
    assert main(["classify", str(folder / "a.wav"), *asked, *one]) == 0


@pytest.mark.parametrize(
    ("command", "limits"), [("classify", SOUND_LIMITS), ("timeline", RECORDING_LIMITS)]
)
def test_recordings_have_limits_of_their_own_on_modal_too(
    command: str, limits: Limits, folder: Path, weights: str, far: FakeService, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    given: list[Limits] = []

    class Noted(fan_out.FanOut):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            given.append(arguments[-1])

    monkeypatch.setattr(fan_out, "FanOut", Noted)
    output = ["--output", str(tmp_path / "x.jsonl"), "--backend", "modal"]
    assert main([command, str(folder / "a.wav"), "--checkpoint", weights, *output]) == 0
    assert given == [limits]


def test_a_stop_says_what_is_written_and_that_it_goes_on(
    folder: Path, weights: str, far: FakeService, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def stopped(*_: Any, **__: Any) -> Iterator[bytes]:
        raise KeyboardInterrupt
        yield b""

    from resona_core.remote.fan_out import FanOut

    monkeypatch.setattr(FanOut, "answers", stopped)
    output = tmp_path / "answers.jsonl"
    command = ["classify", str(folder), "--checkpoint", weights, "--output", str(output)]
    assert main([*command, "--backend", "modal"]) == 130
    told = capsys.readouterr().err.splitlines()
    assert told[1:] == [  # after what of the folder is left out
        f"{output}: 0 answered; about $0.00 on T4s; 3 left, with which the same command goes on",
        "stopped",
    ]
