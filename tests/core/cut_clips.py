"""How short a sound may be: ``python -m tests.core.cut_clips --data ESC-50 --fold 3``.

Clips are cut to their loudest stretch of each length, and asked about; what is printed is how
many are still given their class.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from resona_core.engine import Engine
from resona_core.sound.audio import Clip
from resona_core.training.data.layouts import list_clips

LENGTHS_S = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


def loudest(clip: Clip, length_s: float) -> Clip:
    """Return the stretch of that length with the most power, to a hundredth of a second."""
    n_samples = min(len(clip.samples), round(length_s * clip.sample_rate_hz))
    energy = np.concatenate([[0.0], np.cumsum(clip.samples.astype(np.float64) ** 2)])
    starts = np.arange(0, len(clip.samples) - n_samples + 1, clip.sample_rate_hz // 100)
    start = int(starts[np.argmax(energy[starts + n_samples] - energy[starts])])
    return replace(clip, samples=clip.samples[start : start + n_samples])


def main() -> None:
    """Print a line for each length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fold", type=int, default=3)
    parser.add_argument("--clips", type=int, default=100)
    options = parser.parse_args()
    engine = Engine()
    listed = list_clips(options.data)
    rows = listed[listed["fold"] == options.fold]
    rows = rows.iloc[:: max(1, len(rows) // options.clips)].head(options.clips)
    clips = [(engine.load(row.path), row.label) for row in rows.itertuples()]
    for length_s in LENGTHS_S:
        tops = [(engine.classify(loudest(clip, length_s)).top(1), label) for clip, label in clips]
        right = sum(bool(top) and top[0].label == label for top, label in tops)
        print(f"{length_s:g} s: {right} of {len(clips)} clips are given their class", flush=True)


if __name__ == "__main__":
    main()
