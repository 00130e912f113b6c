"""How far a network's values reach on training clips, and what 8 bit costs.

The ranges are read off real training clips: noise would give ranges that no sound has. What 8 bit
costs is measured on folds the network has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from resona_core.errors import DataError
from resona_core.network import export, quantised, trial
from resona_core.network.front_end import FrontEnd
from resona_core.network.ranges import SOUNDS, Ranges, quantised_values
from resona_core.network.runtimes import softmax
from resona_core.network.weights import Weights
from resona_core.training.data.clip_table import ClipTable
from resona_core.training.data.clips import load_clips, to_float
from resona_core.training.evaluation.metrics import matching_temperature

Floats = NDArray[np.float32]
Told = Callable[[float], None]
"""Is given the share of the work that is done."""

_CALIBRATION_CLIPS = 300
_BATCH = 8


@dataclass(frozen=True)
class Comparison:
    """How the 8-bit network answers beside the float32 network.

    Attributes
    ----------
    clips : int
        Clips that were compared.
    agreement : float
        Share of clips for which both name the same class.
    accuracy, reference_accuracy : float
        Share of clips that the 8-bit, and the float32 network, classify correctly.
    """

    clips: int
    agreement: float
    accuracy: float
    reference_accuracy: float


def calibration_clips(clips: ClipTable, folds: tuple[int, ...]) -> ClipTable:
    """Return up to 300 clips of the training `folds`, drawn the same way every time.

    Raises
    ------
    DataError
        If none of the folds is there.
    """
    present = set(folds) & set(clips.table["fold"])
    if not present:
        raise DataError(
            f"The data contains none of the folds the network was trained on "
            f"({', '.join(map(str, folds)) or 'unknown'}); 8-bit weights are calibrated on "
            "training clips."
        )
    table = clips.folds(present).table
    chosen = table.sample(min(_CALIBRATION_CLIPS, len(table)), random_state=0)
    return ClipTable(chosen, clips.labels)


def unseen_clips(clips: ClipTable, folds: tuple[int, ...]) -> ClipTable | None:
    """Return the clips that are in none of the training `folds`; None when there are none."""
    unseen = set(clips.table["fold"]) - set(folds)
    return clips.folds(unseen) if unseen else None


def measure(weights: Weights, clips: ClipTable, told: Told = lambda done: None) -> Ranges:
    """Measure the ranges of a network's values on training clips, and fit its temperature in 8 bit.

    The 8-bit network gets the temperature under which its probabilities are nearest to those of
    the float32 network.

    Raises
    ------
    DataError
        If a clip cannot be read.
    """
    info, pictures = weights.info, list(_pictures(weights, clips))
    reach, exact, checks = _float32_answers(weights, pictures, lambda done: told(done / 2))
    ranges = Ranges(
        weights=weights.digest(),
        folds=tuple(sorted(int(fold) for fold in set(clips.table["fold"]))),
        clips=len(clips.table),
        temperature=info.temperature,
        values=reach.ranges(),
        checks=checks,
    )
    small = _in_8_bit(weights, ranges)
    found = []
    for number, batch in enumerate(pictures, 1):
        found += small.run([export.LOGITS], {export.PICTURE: batch})
        told((1 + number / len(pictures)) / 2)
    wanted = softmax(exact / np.float32(info.temperature))
    temperature = matching_temperature(np.concatenate(found), wanted)
    return replace(ranges, temperature=round(temperature, 4))


def _float32_answers(
    weights: Weights, pictures: Sequence[Floats], told: Told
) -> tuple[_Reach, Floats, dict[str, tuple[float, ...]]]:
    """Return the reach of each value, the logits (clip, class), and the answers to the checks."""
    info, watched = weights.info, quantised_values(weights.info.model)
    session, reach, logits = _float32(weights, watched), _Reach(watched), []
    for number, batch in enumerate(pictures, 1):
        found, *values = session.run([export.LOGITS, *watched[1:]], {export.PICTURE: batch})
        logits.append(found)
        reach.add(batch, *values)
        told(number / len(pictures))
    known = FrontEnd(info.front_end)(trial.windows(info.front_end))
    (found,) = session.run([export.LOGITS], {export.PICTURE: known})
    rows = softmax(found / np.float32(info.temperature)).astype(float).round(4).tolist()
    checks = {key: tuple(row) for key, row in zip(SOUNDS, rows, strict=True)}
    return reach, np.concatenate(logits), checks


def compare(weights: Weights, ranges: Ranges, clips: ClipTable) -> Comparison:
    """Ask the 8-bit and the float32 network about the same clips.

    Raises
    ------
    DataError
        If a clip cannot be read, or its class is unknown to the network.
    """
    if unknown := set(clips.table["label"]) - set(weights.info.labels):
        raise DataError(f"The network does not know the classes {', '.join(sorted(unknown))}.")
    targets = np.array([weights.info.labels.index(label) for label in clips.table["label"]])
    sessions = (_in_8_bit(weights, ranges), _float32(weights, ()))
    answers: tuple[list[NDArray[np.int64]], ...] = ([], [])
    for batch in _pictures(weights, clips):
        for session, answered in zip(sessions, answers, strict=True):
            (logits,) = session.run([export.LOGITS], {export.PICTURE: batch})
            answered.append(logits.argmax(axis=1))
    own, reference = (np.concatenate(answered) for answered in answers)
    return Comparison(
        len(targets),
        agreement=float((own == reference).mean()),
        accuracy=float((own == targets).mean()),
        reference_accuracy=float((reference == targets).mean()),
    )


class _Reach:
    """The smallest and the largest number of each value so far."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._low, self._high = np.full(len(names), np.inf), np.full(len(names), -np.inf)

    def add(self, *values: Floats) -> None:
        """Widen each range by a batch of its value."""
        self._low = np.minimum(self._low, [each.min() for each in values])
        self._high = np.maximum(self._high, [each.max() for each in values])

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return each range, 0 in it, rounded to what float32 tells apart."""
        low = np.minimum(self._low, 0).astype(np.float32).round(5).tolist()
        high = np.maximum(self._high, 1e-3).astype(np.float32).round(5).tolist()
        return dict(zip(self._names, zip(low, high, strict=True), strict=True))


def _pictures(weights: Weights, clips: ClipTable) -> Iterator[Floats]:
    """Yield what the network sees of each clip, in batches (clip, 1, mel, frame)."""
    front_end = FrontEnd(weights.info.front_end)
    waveforms = load_clips(clips, weights.info.front_end).waveforms
    for first in range(0, len(waveforms), _BATCH):
        yield front_end(to_float(waveforms[first : first + _BATCH]).numpy())


def _float32(weights: Weights, watched: Sequence[str]) -> onnxruntime.InferenceSession:
    model, constants = export.graph_and_weights(weights.info, weights, watched[1:])
    return _session(export.whole(model, constants))


def _in_8_bit(weights: Weights, ranges: Ranges) -> onnxruntime.InferenceSession:
    """Return a session that rounds where the graph says so, and computes in float32 between.

    So it is the same on every processor, whatever short cuts that would take.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = quantised.to_int8_onnx(weights.info, weights, ranges, quantised.FULL)
    return _session(model, options)


def _session(
    model: onnx.ModelProto, options: onnxruntime.SessionOptions | None = None
) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
