"""``python -m resona_core``, called in this process with a toy network."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from modal import exception as modal_errors

from resona_core.__main__ import main
from resona_core.remote import ModalService
from tests.modal_service import FakeService


@pytest.fixture
def wav(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Path:
    path = tmp_path / "tone.wav"
    path.write_bytes(sound_file(tone(1000, 44_100, 2.6), 44_100))
    return path


def test_classify_prints_one_json_object_a_line(
    wav: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(wav), str(wav), "--json", "--checkpoint", weights]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2
    assert lines[0]["file"] == str(wav)
    assert lines[0]["sample_rate_hz"] == 44_100
    assert lines[0]["duration_s"] == pytest.approx(2.6, abs=0.001)
    assert lines[0]["windows"] == 5
    assert lines[0]["precision"] == "float32"
    probabilities = [p["probability"] for p in lines[0]["predictions"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-3)


def test_classify_tells_a_sound_of_no_class(
    wav: Path, weights: str, strange_weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["classify", str(wav), "--checkpoint", strange_weights]
    assert main(command) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith("None of the 3 sounds it knows: more like music")
    assert len(rest) == 3
    assert main([*command, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["known"], record["kind"]) == (False, "music")
    assert len(record["predictions"]) == 3
    assert main(["classify", str(wav), "--json", "--checkpoint", weights]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["known"], record["kind"]) == (None, None)


def test_a_bad_file_is_one_line_and_the_others_go_on(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not sound")
    files = [str(bad), str(tmp_path / "missing.wav"), str(wav)]
    assert main(["classify", *files, "--json", "--checkpoint", weights]) == 1
    captured = capsys.readouterr()
    assert [json.loads(line)["file"] for line in captured.out.splitlines()] == [str(wav)]
    errors = captured.err.splitlines()
    assert len(errors) == 2
    assert "bad.wav" in errors[0]
    assert "missing.wav" in errors[1]


def test_top_chooses_how_many_classes(
    wav: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(wav), "--top", "2", "--checkpoint", weights]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["classify", str(wav), "--top", "0", "--checkpoint", weights]) == 1
    told = "error: 0 classes were asked for; ask for 1 or more.\n"
    assert capsys.readouterr() == ("", told)


def test_layers_are_listed_with_their_geometry(
    weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["layers", "--checkpoint", weights]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[1:]] == [
        "stem", "layer1.0", "layer2.0", "layer3.0", "layer4.0",
    ]  # fmt: skip
    assert rows[1].split()[1:4] == ["8", "8", "13"]  # 32 mel and 51 frames, each over 4


def test_feature_maps_are_written_with_their_axes(wav: Path, weights: str, tmp_path: Path) -> None:
    output = tmp_path / "maps.npz"
    command = ["feature-maps", str(wav), "--layer", "layer2.0", "--output", str(output)]
    assert main([*command, "--checkpoint", weights]) == 0
    with np.load(output) as file:
        assert file["maps"].shape == (16, 4, 7)
        assert file["frequency_hz"].shape == (4,)
        assert file["time_s"].shape == (7,)
        told = {name: str(file[name]) for name in ("layer", "sound", "window", "network")}
    assert told == {"layer": "layer2.0", "sound": wav.name, "window": "0", "network": "toy"}


def test_a_folder_that_does_not_exist_is_one_sentence(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "nowhere" / "maps.npz")
    command = ["feature-maps", str(wav), "--layer", "stem", "--output", output]
    assert main([*command, "--checkpoint", weights]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_an_unknown_layer_is_one_sentence(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "maps.npz")
    command = ["feature-maps", str(wav), "--layer", "conv1", "--output", output]
    assert main([*command, "--checkpoint", weights]) == 1
    assert "conv1" in capsys.readouterr().err


def test_files_are_classified_on_modal_side_by_side_and_a_bad_one_is_one_line(
    wav: Path,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = FakeService(Path(weights), RuntimeError("CUDA out of memory"))
    monkeypatch.setattr(
        ModalService, "call_each", lambda _, *asked, **how: service.call_each(*asked, **how)
    )
    bad = tmp_path / "bad.wav"
    bad.write_text("not sound")
    files = [str(wav), str(bad), str(wav)]
    assert main(["classify", *files, "--json", "--checkpoint", weights]) == 1
    here = capsys.readouterr().out.splitlines()
    assert service.calls == []
    command = ["classify", *files, "--json", "--checkpoint", weights, "--backend", "modal"]
    assert main(command) == 1
    captured = capsys.readouterr()
    assert len(service.calls) == 2
    assert captured.out.splitlines() == here[1:]  # the first one failed there
    assert "bad.wav" in captured.err
    assert "CUDA out of memory" in captured.err


def test_modal_out_of_reach_is_one_sentence(
    wav: Path,
    weights: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise modal_errors.AuthError("Token missing.")

    monkeypatch.setattr(ModalService, "call_each", refuse)
    command = ["classify", str(wav), "--checkpoint", weights, "--backend", "modal"]
    assert main(command) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "error: Modal does not know this computer; run `modal token new` to log in."
    ]


def test_what_the_listener_must_know_is_one_line_on_standard_error(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(wav.read_bytes()[:150_000])
    sentence = "The file breaks off after 1.7 of 2.6 s; it is heard as far as it goes."
    assert main(["classify", str(cut), str(wav), "--checkpoint", weights]) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [f"warning: {cut}: {sentence}"]
    assert f"{cut}  (1.7 s)" in captured.out
    assert main(["classify", str(cut), "--json", "--checkpoint", weights]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [sentence]


def test_the_same_is_told_from_modal(
    wav: Path,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = FakeService(Path(weights))
    monkeypatch.setattr(
        ModalService, "call_each", lambda _, *asked, **how: service.call_each(*asked, **how)
    )
    cut = tmp_path / "cut.wav"
    cut.write_bytes(wav.read_bytes()[:150_000])
    command = ["classify", str(cut), "--json", "--checkpoint", weights]
    assert main(command) == 0
    here = capsys.readouterr()
    assert main([*command, "--backend", "modal"]) == 0
    assert capsys.readouterr() == here
    assert "breaks off" in here.err


def test_another_track_can_be_asked_for(
    weights: str,
    tmp_path: Path,
    tone: Callable[..., np.ndarray],
    encode: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    film = tmp_path / "film.mkv"
    tracks = [np.zeros(48_000, np.float32), tone(440.0, 48_000, 1.0)]
    film.write_bytes(encode(tracks, 48_000, "matroska", "flac", default=0))
    for track, silent in (("1", True), ("2", False)):
        command = ["classify", str(film), "--json", "--track", track, "--checkpoint", weights]
        assert main(command) == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out)["nothing_to_hear"] is silent
        assert captured.err.count("The file holds 2 sound tracks") == 1
    assert main(["classify", str(film), "--track", "3", "--checkpoint", weights]) == 1
    assert "has no sound track 3; it has 2" in capsys.readouterr().err


def test_a_fragment_prints_how_short_it_is(
    weights: str, tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = tmp_path / "click.wav"
    path.write_bytes(sound_file(tone(440.0, 16_000, 0.02)))
    assert main(["classify", str(path), "--checkpoint", weights]) == 0
    first, *bars = capsys.readouterr().out.splitlines()
    assert first == f"{path}  (0.02 s)  Too short to judge"
    assert len(bars) == 3


def test_a_folder_is_classified_with_all_below_it(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tmp_path / "card"
    for name in ("A/one.wave", "B/two.WAV", "B/._two.WAV", "B/notes.txt"):
        (card / name).parent.mkdir(parents=True, exist_ok=True)
        (card / name).write_bytes(wav.read_bytes())
    assert main(["classify", str(card), "--json", "--checkpoint", weights]) == 0
    captured = capsys.readouterr()
    heard = [json.loads(line)["file"] for line in captured.out.splitlines()]
    assert heard == [str(card / "A" / "one.wave"), str(card / "B" / "two.WAV")]
    assert captured.err == (
        f"note: {card}: sound files: 2; left out: names that begin with a dot (1), "
        "other kinds (1: 1 .txt).\n"
    )
    assert main(["classify", str(card / "*" / "one.*"), "--json", "--checkpoint", weights]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(card / "A" / "one.wave")
    (tmp_path / "none").mkdir()
    assert main(["classify", str(tmp_path / "none"), "--checkpoint", weights]) == 1
    assert "holds no sound files; give another folder" in capsys.readouterr().err


def test_pipes_of_the_shell_are_classified_and_one_that_is_empty_is_a_line(
    wav: Path, weights: str
) -> None:
    command = f"{sys.executable} -m resona_core classify --json --checkpoint {weights}"
    ended = subprocess.run(
        ["bash", "-c", f"cat {wav} | {command} - <(cat {wav}) <(true) -"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    records = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [record["duration_s"] for record in records] == [2.6, 2.6]
    assert records[0]["file"] == "standard input"
    assert records[1]["file"].startswith("/dev/fd/")
    empty, read = ended.stderr.splitlines()
    assert empty.startswith("error: /dev/fd/")
    assert read == "error: standard input is empty (0 bytes); choose a file that holds sound."
    assert ended.returncode == 1


def test_odd_names_are_printed_as_they_are_and_end_no_other(
    wav: Path, weights: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    names = (b"caf\xe9.wav", b"two\nlines.wav", "\u96e8.wav".encode(), b"-dash.wav")
    odd = [tmp_path / os.fsdecode(name) for name in names]
    for path in odd:
        path.write_bytes(wav.read_bytes())
    files = [str(tmp_path / ("n" * 256)), *map(str, odd)]
    assert main(["classify", "--top", "1", "--checkpoint", weights, "--", *files]) == 1
    printed, told = capfdbinary.readouterr()
    heard = [line.partition(b"  (")[0] for line in printed.splitlines()[::2]]
    assert heard == [bytes(path).replace(b"\n", b"\\n") for path in odd]
    (line,) = told.splitlines()
    assert line.endswith(
        b"cannot be read (File name too long); check the disk and your permission."
    )
