"""docs/own-sounds.md: its commands, one after the other, on a few synthesised sounds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from resona_core.__main__ import main
from resona_core.network import description
from resona_core.training.fitting import fit
from resona_core.training.fitting.fit import Trainer
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "own-sounds.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)[3:] for line in re.findall(r"^python -m resona_core .+$", GUIDE, re.MULTILINE)
]


@pytest.fixture
def machines(
    tmp_path: Path, tone: Callable[..., np.ndarray], sound_file: Callable[..., bytes]
) -> Path:
    """Six pumps and six fans of two seconds, and one more of each for later."""
    for pitch_hz, label in ((300.0, "pump"), (2_000.0, "fan")):
        for i in range(7):
            folder = tmp_path / ("later" if i == 6 else "machines") / label
            folder.mkdir(parents=True, exist_ok=True)
            sound = tone(pitch_hz + 10 * i, 16_000, 2.0)
            (folder / f"{1 if i == 6 else i}.wav").write_bytes(sound_file(sound, 16_000))
    return tmp_path


def test_every_step_of_the_guide_works(
    machines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(machines)
    store = Trainer.store

    def store_and_stop(trainer: Trainer, path: Path) -> None:  # Ctrl-C after the first epoch
        store(trainer, path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit.Trainer, "store", store_and_stop)
        assert main(COMMANDS[0]) == 130
    assert "learns from 10 clips of 2 classes" in capsys.readouterr().err
    names = [command[0] for command in COMMANDS[1:]]
    assert names == ["finish", "evaluate", "evaluate", "classify", "export"]
    for command in COMMANDS[1:]:
        assert main(command) == 0, command
    told = capsys.readouterr().out
    assert "(2 clips of the test split)" in told
    assert description.read_info(Path("runs/machines/model.safetensors")).labels == ("fan", "pump")
    session = onnxruntime.InferenceSession("machines.onnx", providers=["CPUExecutionProvider"])
    (sound,) = session.get_inputs()
    answers = session.run(None, {"waveform": np.zeros((1, sound.shape[1]), np.float32)})
    assert [answer.shape for answer in answers] == [(1, 2)]
