"""``python -m resona_core timeline``, called in this process with a toy network."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resona_core.__main__ import main
from resona_core.settings import RECORDING_LIMITS, Settings

SoundFile = Callable[..., bytes]


@pytest.fixture
def recording(tmp_path: Path, noise: np.ndarray, sound_file: SoundFile) -> Path:
    path = tmp_path / "night.flac"
    path.write_bytes(sound_file(noise, 44_100, "FLAC"))
    return path


@pytest.fixture
def ask(weights: str) -> Callable[..., int]:
    """A function that runs the command with a threshold the toy network reaches."""

    def run(*arguments: str | Path) -> int:
        words = [str(argument) for argument in arguments]
        return main(["timeline", *words, "--checkpoint", weights, "--threshold", "0.1"])

    return run


def test_csv_has_one_header_for_all_recordings(
    recording: Path, ask: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(recording, recording) == 0
    captured = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    assert len(rows) >= 2
    assert {row["file"] for row in rows} == {str(recording)}
    assert rows[0]["start_s"] == "0.000"
    assert max(float(row["end_s"]) for row in rows) == 5.0
    assert captured.err == ""  # a bar only where somebody looks


def test_what_is_none_of_the_classes_is_told_apart(
    recording: Path, strange_weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["timeline", str(recording), "--checkpoint", strange_weights, "--threshold", "0.1"]
    assert main([*command, "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["events"] == []
    (stretch,) = record["none_of_the_classes"]
    assert (stretch["start_s"], stretch["end_s"], stretch["kind"]) == (0.0, 5.0, "music")
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    told = "0 events in 5.0 s, 100 % none of the 3, mostly music"
    assert capsys.readouterr().out.strip().endswith(told)


def test_a_bad_recording_is_one_line_and_the_others_go_on(
    recording: Path, tmp_path: Path, ask: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not sound")
    assert ask(bad, tmp_path / "missing.wav", recording, "--format", "json") == 1
    captured = capsys.readouterr()
    (record,) = [json.loads(line) for line in captured.out.splitlines()]
    assert record["file"] == str(recording)
    assert (record["threshold"], record["duration_s"], record["windows"]) == (0.1, 5.0, 9)
    errors = captured.err.splitlines()
    assert [name in line for name, line in zip(("bad", "missing"), errors, strict=True)] == [
        True
    ] * 2


def test_a_label_track_goes_to_standard_output_for_one_recording_only(
    recording: Path, ask: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(recording, "--format", "audacity") == 0
    columns = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert columns
    assert all(float(start) < float(end) for start, end, _ in columns)
    assert {label for *_, label in columns} <= {"dog", "rain", "siren"}


@pytest.mark.parametrize(
    ("kind", "what"), [("audacity", "Audacity labels"), ("raven", "Raven selections")]
)
def test_tables_without_names_are_printed_for_one_recording_only(
    kind: str, what: str, recording: Path, ask: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert ask(recording, recording, "--format", kind) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"error: {what} of 2 recordings would run together when printed; give")


def test_raven_gets_a_selection_table(
    recording: Path, ask: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(recording, "--format", "raven") == 0
    header, *rows = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert header[:5] == ["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"]
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert {tuple(row[5:7]) for row in rows} == {("20.0", "8000.0")}
    assert {row[7] for row in rows} <= {"dog", "rain", "siren"}


def test_the_time_of_day_is_in_every_table_where_the_name_tells_it(
    recording: Path, ask: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = recording.rename(tmp_path / "GARDEN_20240131_053000.flac")
    assert ask(named) == 0
    (first, *_) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["start_time"], first["time_from"]) == ("2024-01-31T05:30:00.000", "file name")
    assert ask(named, "--format", "json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["began"]["time"] == record["events"][0]["start_time"] == first["start_time"]
    assert ask(named, "--format", "raven") == 0
    assert "\t2024/01/31\t05:30:00.000\t" in capsys.readouterr().out
    assert ask(named, "--output", tmp_path / "out") == 0
    told = "in 5.0 s, began 2024-01-31 05:30:00 (file name, time zone not known)\n"
    assert capsys.readouterr().out.endswith(told)


def test_a_recording_that_is_too_long_names_its_setting(
    recording: Path, ask: Callable[..., int], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    short = Settings(recording_limits=replace(RECORDING_LIMITS, max_duration_s=2))
    monkeypatch.setattr("resona_core.commands.settings", lambda: short)
    assert ask(recording) == 1
    assert "or set RESONA_MAX_RECORDING_S higher." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("csv", "csv"), ("json", "json"), ("audacity", "txt"), ("raven", "selections.txt")],
)
def test_a_folder_is_heard_into_another_folder(
    kind: str, ending: str, recording: Path, ask: Callable[..., int], tmp_path: Path
) -> None:
    (recording.parent / "notes.txt").write_text("no sound, and not asked for")
    output = tmp_path / "new" / "results"
    assert ask(recording.parent, "--format", kind, "--output", output) == 0
    (written,) = output.iterdir()
    assert written.name == f"night.flac.{ending}"
    assert written.stat().st_size > 0


def test_results_that_would_overwrite_each_other_are_refused(
    recording: Path, ask: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(recording, recording, "--output", tmp_path / "out") == 1
    assert "2 recordings are called night.flac" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_rules_and_hop_are_options(
    recording: Path, ask: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--format", "json", "--smooth", "2", "--top", "1", "--hop", "1")
    assert ask(recording, *options) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["smooth_s"], record["top"], record["windows"]) == (2.0, 1, 5)
    assert len({event["label"] for event in record["events"]}) == 1
    assert ask(recording, "--top", "0") == 1
    assert "0 classes were asked for" in capsys.readouterr().err
    assert ask(recording, "--hop", "9") == 1
    assert "ask for 0.1 to 1 s" in capsys.readouterr().err


def test_what_the_listener_must_know_is_told_and_written(
    recording: Path, ask: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.flac"
    cut.write_bytes(recording.read_bytes()[:250_000])
    assert ask(cut, recording, "--format", "json") == 0
    captured = capsys.readouterr()
    told, nothing = (json.loads(line)["warnings"] for line in captured.out.splitlines())
    assert nothing == []
    assert captured.err.splitlines() == [f"warning: {cut}: {told[0]}"]
    assert told[0].startswith("The file breaks off after ")
    assert " of 5.0 s; " in told[0]
