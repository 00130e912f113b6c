"""``resona explain`` and ``resona edit``, called in this process with a toy network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from modal import exception as modal_errors
from PIL import Image
from tqdm import tqdm

from resona_core.__main__ import main
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.remote import ModalService
from tests.modal_service import FakeService


@pytest.fixture
def wav(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Path:
    path = tmp_path / "tone.wav"
    path.write_bytes(sound_file(tone(1_000, 16_000, 2.0), 16_000))
    return path


def _classified(path: Path, weights: str, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    assert main(["classify", str(path), "--json", "--checkpoint", weights]) == 0
    predictions = json.loads(capsys.readouterr().out)["predictions"]
    return {p["label"]: p["probability"] for p in predictions}


def test_progress_is_told_in_hundredths(
    wav: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tqdm] = []

    def shown(**options: Any) -> tqdm:
        bars.append(tqdm(file=StringIO(), **options | {"disable": False}))
        return bars[-1]

    monkeypatch.setattr("tqdm.tqdm", shown)
    command = ["explain", str(wav), "--method", "occlusion", "--output", str(tmp_path / "why")]
    assert main([*command, "--checkpoint", weights]) == 0
    (bar,) = bars
    assert (bar.n, bar.total) == (100, 100)


def test_what_is_not_asked_for_is_the_first_window_as_strongly_as_usual(
    defaults: Callable[[str], dict[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert defaults("explain") == {"window": 0, "strength": 1}
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "keep less or more of the sound, 0.25 to 4 (default: 1)" in told


def test_the_method_is_that_of_the_weights_or_the_one_that_looks_at_a_layer(
    wav: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resona_core.explain.explanation.default_method", lambda _: "energy")
    command = ["explain", str(wav), "--checkpoint", weights, "--output", str(tmp_path / "why")]
    asked = [([], "energy"), (["--layer", "stem"], "grad-cam"), (["--method", "random"], "random")]
    for options, method in asked:
        assert main([*command, *options]) == 0
        assert json.loads((tmp_path / "why" / "explanation.json").read_text())["method"] == method


@pytest.mark.parametrize("method", ["grad-cam", "occlusion"])
def test_explain_writes_what_classify_answers_for_each_part(
    method: str, wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "why"
    command = ["explain", str(wav), "--method", method, "--target", "siren", "--window", "1"]
    assert main([*command, "--output", str(folder), "--checkpoint", weights]) == 0
    printed = capsys.readouterr().out
    told = json.loads((folder / "explanation.json").read_text())
    assert printed.startswith(f"siren: {told['summary']}")
    assert (told["method"], told["window"], told["target"]) == (method, 1, "siren")
    for part in ("kept", "rest"):
        answer = _classified(folder / f"{part}.wav", weights, capsys)
        assert answer.get("siren", 0.0) == pytest.approx(told["probabilities"][part], abs=1e-4)
    kept, rest = (soundfile.read(folder / f"{part}.wav")[0] for part in ("kept", "rest"))
    heard, _ = soundfile.read(wav)
    np.testing.assert_allclose(kept + rest, heard[8_000:24_000], atol=1e-4)
    assert np.load(folder / "explanation.npz")["mask"].shape == (32, 51)
    with Image.open(folder / "explanation.png") as picture:
        assert picture.width > 1_000


def test_what_cannot_be_explained_is_one_sentence(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["explain", str(wav), "--output", str(tmp_path / "why"), "--checkpoint", weights]
    for options, sentence in (
        (["--target", "unicorn"], "error: The network does not know the class 'unicorn'"),
        (["--strength", "9"], "error: The strength is 9"),
        (["--layer", "layer9"], "error: There is no layer layer9"),
    ):
        assert main([*command, *options]) == 1
        assert capsys.readouterr().err.startswith(sentence)
    assert not (tmp_path / "why").exists()
    (tmp_path / "taken").write_text("a file")
    assert main([*command[:2], "--output", str(tmp_path / "taken"), "--checkpoint", weights]) == 1
    assert "taken" in capsys.readouterr().err


def test_edit_writes_the_sound_without_its_boxes_and_says_both_answers(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "edited.wav"
    boxes = ["0.5:1.0", "1.4:1.6,800:1200"]
    command = ["edit", str(wav), "--erase", *boxes, "--output", str(output)]
    assert main([*command, "--checkpoint", weights]) == 0
    before, after, told = capsys.readouterr().out.splitlines()
    assert before.startswith("before ")
    assert after.startswith("after ")
    assert told == str(output)
    samples, rate_hz = soundfile.read(output)
    assert (len(samples), rate_hz) == (32_000, 16_000)
    assert np.abs(samples[9_600:14_400]).max() < 1e-3
    assert np.abs(samples[23_300:24_700]).max() < 0.02
    assert np.abs(samples[:6_000]).max() == pytest.approx(0.5, abs=0.01)


def test_the_three_most_probable_classes_are_told_before_and_after(
    tmp_path: Path, tiny_info: CheckpointInfo, tone: Callable[..., np.ndarray],
    sound_file: Callable[..., bytes], capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """By a network that answers 0.4, 0.3, 0.2 and 0.1; of what it cannot hear, none."""
    info = replace(
        tiny_info, model=replace(tiny_info.model, n_classes=4), labels=tuple("abcd"), temperature=1
    )
    four = Classifier(info)
    with torch.no_grad():
        four.network.fc.weight.zero_()
        four.network.fc.bias.copy_(torch.tensor([0.4, 0.3, 0.2, 0.1]).log())
    weights, wav, output = (tmp_path / name for name in ("x.safetensors", "x.wav", "y.wav"))
    checkpoint.save(weights, info, four.network.state_dict())
    wav.write_bytes(sound_file(tone(1_000, 44_100) + tone(15_000, 44_100), 44_100))
    command = ["edit", str(wav), "--erase", ":,:8000", "--output", str(output)]
    assert main([*command, "--checkpoint", str(weights)]) == 0
    before, after, _ = capsys.readouterr().out.splitlines()
    assert before.startswith("before ")
    assert before.endswith(" (A 40 %, B 30 %, C 20 %)")
    assert after == "after  Too high for this network"


def test_both_read_a_pipe(
    wav: Path, weights: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for i, command in enumerate((["explain", "-"], ["edit", "-", "--erase", "0.5:1"])):
        output = tmp_path / f"result{i}.wav"  # of explain: a folder
        asked = [*command, "--output", str(output), "--checkpoint", weights]
        done = subprocess.run(
            [sys.executable, "-m", "resona_core", *asked], input=wav.read_bytes(), check=False
        )
        assert done.returncode == 0, capfd.readouterr().err
        assert output.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--erase", "nonsense"], "error: 'nonsense' is no box; write START:END,LOW:HIGH"),
        (["--keep", "2:3"], "error: The box begins at 2 s, the sound ends at 2 s"),
        (["--erase", ":"], "error: Nothing would be left of the sound"),
    ],
)
def test_what_cannot_be_edited_is_one_sentence_and_nothing_is_written(
    options: list[str], sentence: str, wav: Path, weights: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output = tmp_path / "edited.wav"
    assert main(["edit", str(wav), *options, "--output", str(output), "--checkpoint", weights]) == 1
    assert capsys.readouterr().err.startswith(sentence)
    assert not output.exists()


def test_neither_command_writes_over_a_sound(
    wav: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.wav"
    wav.rename(kept)
    before = kept.read_bytes()
    explain = ["explain", str(kept), "--output", str(tmp_path), "--checkpoint", weights, "--force"]
    assert main(explain) == 1
    assert "is what this command reads" in capsys.readouterr().err
    other = tmp_path / "other.wav"
    other.write_bytes(before)
    edit = ["edit", str(kept), "--erase", "0.5:1", "--output", str(other), "--checkpoint", weights]
    assert main(edit) == 1
    assert "write over it with --force" in capsys.readouterr().err
    assert kept.read_bytes() == other.read_bytes() == before
    assert main([*edit, "--force"]) == 0
    assert other.read_bytes() != before


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("explain a.wav", "--output"),
        ("edit a.wav --erase 1:2", "--output"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"


def test_an_edit_erases_or_keeps(lacks: Callable[[str], str]) -> None:
    told = "one of the arguments --erase --keep is required"
    assert lacks("edit a.wav --output b.wav") == told


def test_the_network_on_modal_explains_as_this_computer_does(
    wav: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    service = FakeService(Path(weights))
    monkeypatch.setattr(ModalService, "call", lambda _, *asked, **how: service.call(*asked, **how))
    told = {}
    for backend in ("local", "modal"):
        folder = tmp_path / backend
        command = ["explain", str(wav), "--method", "grad-cam", "--window", "1", "--backend"]
        assert main([*command, backend, "--output", str(folder), "--checkpoint", weights]) == 0
        told[backend] = json.loads((folder / "explanation.json").read_text())
        told[backend].pop("seconds")
    assert [method for method, _ in service.calls] == ["explain"]  # of the second command
    assert told["modal"] == told["local"]
    sounds = [(tmp_path / name / "kept.wav").read_bytes() for name in told]
    assert sounds[0] == sounds[1]


def test_modal_out_of_reach_writes_no_explanation(
    wav: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def refuse(*_: object, **__: object) -> object:
        raise modal_errors.AuthError("Token missing.")

    monkeypatch.setattr(ModalService, "call", refuse)
    command = ["explain", str(wav), "--backend", "modal", "--output", str(tmp_path / "why")]
    assert main([*command, "--checkpoint", weights]) == 1
    assert "Modal does not know this computer" in capsys.readouterr().err
    assert not (tmp_path / "why").exists()
