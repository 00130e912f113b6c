"""docs/onnx.md: what a stranger is told to run is run, on an example, with the shipped weights."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from numpy.typing import NDArray

from resona_core.__main__ import main
from resona_core.sound.examples import demo_samples
from tests.conftest import ROOT

NODE_MODULES = ROOT / "node_modules"  # npm install --no-save --ignore-scripts onnxruntime-web


def _code(language: str) -> str:
    guide = (ROOT / "docs" / "onnx.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{language}\n(.*?)```", guide, re.DOTALL)
    return str(block)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sound_file: Callable[..., bytes]) -> Path:
    """What the export command leaves, and a siren."""
    directory = tmp_path_factory.mktemp("stranger")
    assert main(["export", "--waveform", "--output", str(directory / "resona.onnx")]) == 0
    siren: NDArray = demo_samples("siren")
    (directory / "siren.wav").write_bytes(sound_file(siren, 44_100, "WAV", "PCM_16"))
    assert {path.name for path in directory.iterdir()} == {
        "resona.onnx", "resona.labels.json", "siren.wav",
    }  # fmt: skip
    return directory


def _answer(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        [*command, "siren.wav"], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def test_the_python_of_the_guide_hears_a_siren(folder: Path) -> None:
    (folder / "ask.py").write_text(_code("python"), encoding="utf-8")
    assert _answer([sys.executable, "ask.py"], folder) == "siren"


@pytest.mark.skipif(
    not (shutil.which("node") and (NODE_MODULES / "onnxruntime-web").is_dir()),
    reason="needs node, and npm install --no-save --ignore-scripts onnxruntime-web",
)
def test_the_javascript_of_the_guide_hears_a_siren(folder: Path) -> None:
    script = _code("javascript").replace("onnxruntime-node", "onnxruntime-web")
    (folder / "ask.mjs").write_text(script, encoding="utf-8")
    (folder / "node_modules").symlink_to(NODE_MODULES)
    assert _answer(["node", "ask.mjs"], folder) == "siren"
