"""An answer loads no torch, nor anything else that takes a second to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from resona_core.sound.examples import demo_wav

SLOW = ("torch", "torchaudio", "scipy", "librosa", "pandas", "matplotlib")

ENGINE = """
from resona_core import Engine
from resona_core.settings import Settings
engine = Engine(Settings(checkpoint=Path(sys.argv[1]), cache=Path(sys.argv[3])))
sound = Path(sys.argv[2])
clip = engine.load(sound)
assert abs(engine.classify(clip).probabilities.sum() - 1) < 1e-5
assert engine.spectrogram(clip).decibels.max() == 0
assert len(engine.feature_maps(clip)) == len(engine.layers())
*_, heard = engine.timeline(sound)
assert heard.n_windows == 9
"""
COMMAND = """
from resona_core.__main__ import main
assert main(["classify", sys.argv[2], "--json", "--checkpoint", sys.argv[1]]) == 0
"""


@pytest.mark.parametrize("code", [ENGINE, COMMAND], ids=["engine", "command line"])
def test_an_answer_loads_no_torch(weights: str, tmp_path: Path, code: str) -> None:
    sound = tmp_path / "siren.wav"
    sound.write_bytes(demo_wav("siren"))
    loaded = "; print([name for name in sys.argv[4:] if name in sys.modules], file=sys.stderr)"
    script = f"import sys\nfrom pathlib import Path\n{code}\npass{loaded}"
    paths = [weights, str(sound), str(tmp_path / "cache")]
    for _ in range(2):  # compiled, then read from the cache
        done = subprocess.run(
            [sys.executable, "-c", script, *paths, *SLOW], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr.strip()) == (0, "[]")
