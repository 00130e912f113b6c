"""Every command that writes a file: over its own former result, over nothing else."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from resona_core.__main__ import main
from resona_core.settings import Settings

FOREIGN = b"RIFF\x24\0\0\0WAVEfmt "


@pytest.fixture
def sounds(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Path:
    """Two folds of three classes; the toy network says it was trained on 1, 2 and 3."""
    folder = tmp_path / "clips"
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    with (folder / "meta" / "toy.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "fold", "target", "category"])
        for i in range(12):
            name, label = f"{i}.wav", ("dog", "rain", "siren")[i % 3]
            (folder / "audio" / name).write_bytes(sound_file(tone(300 + 350 * i)))
            writer.writerow([name, 4 + i // 6, i % 3, label])
    return folder


@pytest.fixture
def commands(sounds: Path, weights: str) -> dict[str, list[str]]:
    """Each command that writes a file, without --output."""
    sound = str(sounds / "audio" / "0.wav")
    trained = ["--checkpoint", weights]
    return {
        "feature-maps": ["feature-maps", sound, "--layer", "stem", *trained],
        "export": ["export", *trained],
        "export --waveform": ["export", "--waveform", *trained],
        "release": ["release", "--model", weights, "--name", "toy"],
        "evaluate": ["evaluate", "--data", str(sounds), "--folds", "4", *trained],
    }


COMMANDS = ["feature-maps", "export", "export --waveform", "release", "evaluate"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_writes_over_its_own_result_and_over_nothing_else_unless_forced(
    name: str,
    commands: dict[str, list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "result"
    command = [*commands[name], "--output", str(output)]
    assert main(command) == 0
    assert main(command) == 0
    own = output.read_bytes()
    output.write_bytes(FOREIGN)
    capsys.readouterr()
    assert main(command) == 1
    assert "result is there already and is no " in capsys.readouterr().err
    assert output.read_bytes() == FOREIGN
    assert main([*command, "--force"]) == 0
    assert len(output.read_bytes()) == len(own)


@pytest.mark.parametrize("command", ["classify", "timeline"])
@pytest.mark.parametrize("content", [FOREIGN, b"a line without an end", b"one\ntwo\n", b"{}"])
def test_answers_are_gone_on_with_in_a_file_of_answers_only(
    command: str, content: bytes, sounds: Path, weights: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    other = tmp_path / "other.jsonl"
    other.write_bytes(content)
    sound = str(sounds / "audio" / "0.wav")
    asked = [command, sound, "--checkpoint", weights, "--output"]
    assert main([*asked, str(other)]) == 1
    assert "is no answer of this program; give another file" in capsys.readouterr().err
    assert other.read_bytes() == content
    assert main([*asked, str(tmp_path / "nowhere" / "x.jsonl")]) == 1
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_writes_over_what_it_reads(
    name: str,
    commands: dict[str, list[str]],
    weights: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read = weights if name != "feature-maps" else commands[name][1]
    before = Path(read).read_bytes()
    for force in ([], ["--force"]):
        assert main([*commands[name], "--output", read, *force]) == 1
        assert "is what this command reads; give another file" in capsys.readouterr().err
    assert Path(read).read_bytes() == before


@pytest.mark.parametrize("command", ["feature-maps", "edit"])
def test_nor_over_the_weights_that_the_settings_name(
    command: str, sounds: Path, weights: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    how = {"feature-maps": ["--layer", "stem"], "edit": ["--erase", "0:0.5"]}[command]
    before = Path(weights).read_bytes()
    monkeypatch.setattr("resona_core.commands.settings", lambda: Settings(checkpoint=Path(weights)))
    sound = str(sounds / "audio" / "0.wav")
    assert main([command, sound, *how, "--output", weights, "--force"]) == 1
    assert "is what this command reads; give another file" in capsys.readouterr().err
    assert Path(weights).read_bytes() == before


def test_the_labels_beside_a_network_are_written_over_nothing_else(
    commands: dict[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "toy.labels.json"
    labels.write_text('{"mine": 1}')
    command = [*commands["export --waveform"], "--output", str(tmp_path / "toy.onnx")]
    assert main(command) == 1
    assert "toy.labels.json is there already and is no " in capsys.readouterr().err
    assert labels.read_text() == '{"mine": 1}'
    assert not (tmp_path / "toy.onnx").exists()


def test_a_table_of_clips_and_a_clip_are_not_written_over(
    commands: dict[str, list[str]], sounds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for read in (sounds / "meta" / "toy.csv", sounds / "audio" / "3.wav"):
        before = read.read_bytes()
        assert main([*commands["evaluate"], "--output", str(read), "--force"]) == 1
        assert "is among what this command reads" in capsys.readouterr().err
        assert read.read_bytes() == before


def test_a_cross_validation_is_refused_its_place_before_it_begins(
    sounds: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "folds.json"
    runs = ["--runs", str(tmp_path / "runs")]
    command = ["cross-validate", "--data", str(sounds), "--initial", weights, *runs, "--output"]
    output.write_text('{"mine": 1}')
    assert main([*command, str(output)]) == 1
    assert "folds.json is there already and is no cross-validation" in capsys.readouterr().err
    assert main([*command, weights, "--force"]) == 1
    assert "is what this command reads" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "nowhere" / "x.json")]) == 1
    assert "There is no folder" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
