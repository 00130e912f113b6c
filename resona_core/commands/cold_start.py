"""What the first answer of a fresh process takes: time and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

_WEIGHED = """
import sys
from pathlib import Path
from resona_core.__main__ import main
status = main()
try:  # not what getrusage tells, which counts the process that started this one
    told = Path("/proc/self/status").read_text().split()
    print(int(told[told.index("VmHWM:") + 1]) / 1e3, file=sys.stderr)
except OSError:
    print("none", file=sys.stderr)
sys.exit(status)
"""


def cold_start(weights: Path, wav: bytes) -> tuple[float, float | None]:
    """Time one answer of a fresh process, its imports and its end included; weigh it, in MB.

    None where the kernel does not tell it.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        path.write_bytes(wav)
        asked = ["classify", str(path), "--checkpoint", str(weights)]
        start = perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _WEIGHED, *asked], check=True, capture_output=True, text=True
        )
        weight = done.stderr.split()[-1]
        return round(perf_counter() - start, 2), None if weight == "none" else float(weight)
