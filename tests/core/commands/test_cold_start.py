"""What a fresh process takes: its time, and what it says last that it weighed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from resona_core.commands import cold_start as cold

WORDS = "import sys; print('an answer'); print('a warning', {!r}, file=sys.stderr, sep='\\n')"


@pytest.mark.parametrize(("said", "weight_mb"), [("190.4", 190.4), ("none", None)])
def test_it_is_timed_to_its_end_and_weighed(
    said: str, weight_mb: float | None, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    clock_s = iter([100.0, 102.3456])
    monkeypatch.setattr(cold, "perf_counter", lambda: next(clock_s))
    monkeypatch.setattr(cold, "_WEIGHED", WORDS.format(said))
    assert cold.cold_start(Path("toy.safetensors"), b"RIFF") == (2.35, weight_mb)
    assert capfd.readouterr() == ("", "")


def test_it_is_asked_about_the_sound_by_these_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "import sys; from pathlib import Path; _, command, sound, *rest = sys.argv; "
    right = "(command, rest) == ('classify', ['--checkpoint', 'toy.safetensors']) and "
    read = "Path(sound).read_bytes() == b'RIFF'"
    monkeypatch.setattr(cold, "_WEIGHED", f"{asked}print(int({right}{read}), file=sys.stderr)")
    assert cold.cold_start(Path("toy.safetensors"), b"RIFF")[1] == 1


def test_a_process_that_fails_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold, "_WEIGHED", "import sys; print(190.4, file=sys.stderr); sys.exit(1)")
    with pytest.raises(subprocess.CalledProcessError):
        cold.cold_start(Path("toy.safetensors"), b"RIFF")
