"""How much memory an hour takes: ``python -m tests.core.recording_memory``.

A synthesised recording, 48 kHz stereo, is decoded and cut into windows in a process of its
own, without a network, so that what is measured is ours. The peak counts from after the
imports and one second of sound; it is what the system saw, not Python.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile

from resona_core.settings import RECORDING_LIMITS
from resona_core.sound import windows
from resona_core.sound.mixing import mono_pieces
from resona_core.sound.opening import open_sound

RATE_HZ = 48_000


def write_recording(path: Path, minutes: float) -> None:
    """Write noise over a tone, stereo, in the format of the name's ending."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = 0.1 * np.sin(2 * np.pi * 440 * time_s)
    random = np.random.default_rng(0)
    subtype = None if path.suffix == ".mp3" else "PCM_16"
    with soundfile.SoundFile(path, "w", RATE_HZ, 2, subtype) as file:
        for _ in range(round(60 * minutes)):
            file.write(tone[:, None] + random.normal(0, 0.02, (RATE_HZ, 2)))


def hear(source: bytes | Path) -> int:
    """Decode a recording and hold as many windows at a time as the engine does; count them."""
    n_windows = 0
    with open_sound(source, RECORDING_LIMITS, "recording") as sound:
        cut = windows.windows(mono_pieces(sound, 16_000), 80_000)
        while batch := list(islice(cut, 16)):
            n_windows += len(np.stack([window.samples for window in batch]))
    return n_windows


def measure(path: Path, in_memory: bool) -> tuple[float, float, int]:
    """Return the peak in MB above what stood before, the seconds it took, and the windows."""
    first_second = path.with_name("second.wav")
    write_recording(first_second, 1 / 60)
    hear(first_second)
    source = path.read_bytes() if in_memory else path
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s = time.monotonic()
    n_windows = hear(source)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (peak_kb - before_kb) / 1000, time.monotonic() - began_s, n_windows


def measured(path: Path, in_memory: bool = False) -> tuple[float, float, int]:
    """Return the same, measured in a fresh process."""
    command = [sys.executable, "-m", "tests.core.recording_memory", "--measure", str(path)]
    answer = subprocess.run(
        [*command, *["--in-memory"] * in_memory],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    peak_mb, took_s, n_windows = answer.stdout.split()
    return float(peak_mb), float(took_s), int(n_windows)


def main() -> None:
    """Measure each format, from the disk and as an upload in memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--formats", default="wav,flac,mp3", help="wav,flac,mp3")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--in-memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(*measure(options.measure, options.in_memory))
        return
    for ending in options.formats.split(","):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"recording.{ending}"
            write_recording(path, options.minutes)
            for in_memory in (False, True):
                peak_mb, took_s, n_windows = measured(path, in_memory)
                where = "in memory" if in_memory else "on disk"
                size_mb = path.stat().st_size / 1e6
                print(f"{options.minutes:g} min {ending} ({size_mb:.0f} MB, {where}): "
                      f"{peak_mb:.1f} MB more, {n_windows} windows in {took_s:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
