"""What a runtime gives for windows -> a classification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.network.description import CheckpointInfo
from resona_core.network.outputs import Outputs, Runtime
from resona_core.network.runtimes import softmax
from resona_core.sound.windows import Window

Floats = NDArray[np.float32]
Pass = Callable[[Floats], Outputs]
"""Windows (window, sample) -> what the network gives for them."""
AT_ONCE = 4  # windows a pass; 16 take as long a window, and twice the memory


def classified(
    windows: Sequence[Window], info: CheckpointInfo, runtime: Runtime, run: Pass
) -> Classification:
    """Classify windows, a few at a time; the network is not shown silent ones: they get no class.

    `run` passes windows through `runtime`, in turn.
    """
    batches = (windows[first : first + AT_ONCE] for first in range(0, len(windows), AT_ONCE))
    answers = (_at_once(batch, info, runtime, run) for batch in batches)
    return reduce(Classification.followed_by, answers)


def _at_once(
    windows: Sequence[Window], info: CheckpointInfo, runtime: Runtime, run: Pass
) -> Classification:
    silent = np.array([window.silent for window in windows])
    probabilities = np.zeros((len(windows), len(info.labels)), np.float32)
    kinds = np.zeros((len(windows), len(info.kinds)), np.float32) if info.kinds else None
    if not silent.all():
        outputs = run(np.stack([window.samples for window in windows if not window.silent]))
        probabilities[~silent] = softmax(outputs.logits / np.float32(runtime.temperature))
        if kinds is not None:
            assert outputs.kinds is not None
            kinds[~silent] = softmax(outputs.kinds)
    starts = np.array([window.start for window in windows])
    return Classification(
        labels=info.labels,
        window_s=info.front_end.window_s,
        window_starts_s=starts / info.front_end.sample_rate_hz,
        window_probabilities=probabilities,
        silent=silent,
        kinds=info.kinds,
        window_kinds=kinds,
        known_floor=info.known_floor,
        precision=runtime.precision,
    )
