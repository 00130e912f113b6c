"""``python -m resona_core timeline``, called in this process with a toy network."""

import csv
import io
import json
import os
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


def test_equal_names_of_a_card_mirror_their_folders(
    recording: Path, ask: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, out = tmp_path / "card", tmp_path / "out"
    for name in ("A/night.flac", "B/night.flac", "B/._night.flac"):
        (card / name).parent.mkdir(parents=True, exist_ok=True)
        (card / name).write_bytes(recording.read_bytes())
    wanted = {Path("A/night.flac.csv"), Path("B/night.flac.csv")}
    for given in ([card], [card / "A", card / "B"], [card / "A" / "night.flac", card / "B"]):
        assert ask(*given, "--output", out) == 0
        assert {path.relative_to(out) for path in out.rglob("*.csv")} == wanted
    assert "left out: names that begin with a dot (1)" in capsys.readouterr().err


def test_a_bad_place_for_a_result_ends_none_of_the_others(
    recording: Path, ask: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    long = recording.with_name("n" * 251 + ".wav")
    taken = recording.with_name("taken.flac")
    for path in (long, taken):
        path.write_bytes(recording.read_bytes())
    out.mkdir()
    (out / "taken.flac.csv").write_text("my notes")
    assert ask(long, taken, recording, recording, "--output", out) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{out / 'night.flac.csv'}: ")
    note, too_long, notes = captured.err.splitlines()
    assert note == "note: asked for more than once, heard once: 1."
    assert too_long.startswith("error: ")
    assert too_long.endswith(
        "cannot be written (File name too long); give another place for the result."
    )
    assert "taken.flac.csv is there already and is no table of events; " in notes
    assert (out / "taken.flac.csv").read_text() == "my notes"
    assert sorted(path.name for path in out.iterdir()) == ["night.flac.csv", "taken.flac.csv"]
    assert ask(taken, "--output", out, "--force") == 0
    assert (out / "taken.flac.csv").read_text().startswith("file,start_s,")


@pytest.mark.parametrize("kind", ["csv", "json", "audacity"])
def test_results_are_written_over_results(
    kind: str, recording: Path, ask: Callable[..., int], tmp_path: Path
) -> None:
    for _ in range(2):
        assert ask(recording, "--format", kind, "--output", tmp_path / "out") == 0


def test_a_file_in_place_of_the_folder_is_told(
    recording: Path, ask: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    before = recording.read_bytes()
    assert ask(recording, "--output", recording) == 1
    told = f"error: {recording} is a file; give a folder for the results, there or to be made.\n"
    assert capsys.readouterr().err == told
    assert recording.read_bytes() == before


def test_a_name_that_is_no_utf_8_is_heard_printed_and_written_as_it_is(
    recording: Path,
    ask: Callable[..., int],
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.flac")
    odd.write_bytes(recording.read_bytes())
    bad = tmp_path / os.fsdecode(b"bad\xe9.flac")
    bad.write_text("not sound")
    assert ask(bad, odd, recording) == 1
    printed, told = capfdbinary.readouterr()
    assert bytes(odd) + b",0.000," in printed
    assert bytes(recording) + b",0.000," in printed
    assert told.startswith(b"error: " + bytes(bad) + b" is not a sound")
    assert ask(odd, recording, "--output", tmp_path / "out") == 0
    printed, _ = capfdbinary.readouterr()
    written = tmp_path / "out" / os.fsdecode(b"caf\xe9.flac.csv")
    assert printed.startswith(bytes(written) + b": ")
    assert bytes(odd) + b",0.000," in written.read_bytes()
    assert ask(odd, "--format", "json") == 0
    printed, _ = capfdbinary.readouterr()
    assert os.fsencode(json.loads(printed)["file"]) == bytes(odd)


def test_standard_input_is_heard(
    recording: Path,
    ask: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for options in ([], ["--output", tmp_path / "out"]):
        with recording.open("rb") as file:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
            assert ask("-", *options) == 0
    first, *_ = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["file"], first["start_s"]) == ("standard input", "0.000")
    assert (tmp_path / "out" / "standard-input.csv").is_file()


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
