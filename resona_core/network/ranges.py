"""What the 8-bit network needs beside the weights: how far each of its values reaches.

A few kB of JSON beside the checkpoint, measured on training clips by ``calibrate``. They belong to
one file of weights and name it by its digest, as a masker does.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resona_core.config import ModelConfig
from resona_core.errors import CheckpointError
from resona_core.network.layers import layer_infos
from resona_core.network.weights import Weights, weight_shapes
from resona_core.whole import whole_file

CURE = "make one with `python -m resona_core calibrate --data ESC-50`"

SOUNDS = ("siren", "crow", "mouse_click", "vacuum_cleaner")
"""The synthesised sounds by which an 8-bit network is tried; see ``trial.py``."""


@dataclass(frozen=True)
class Ranges:
    """The ranges of a network's values, and what else its 8-bit form needs.

    Attributes
    ----------
    weights : str
        Digest of the weights they belong to.
    folds : tuple of int
        The folds of the clips they were measured on.
    clips : int
        How many clips.
    temperature : float
        Divides the 8-bit network's logits before the softmax.
    values : mapping of str to (float, float)
        The smallest and the largest number of each value in `quantised_values`.
    checks : mapping of str to tuple of float
        What the float32 network answers to `SOUNDS`: each class's probability.
    """

    weights: str
    folds: tuple[int, ...]
    clips: int
    temperature: float
    values: Mapping[str, tuple[float, float]]
    checks: Mapping[str, tuple[float, ...]]

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_text(json.dumps(dataclasses.asdict(self)) + "\n", encoding="utf-8")


def ranges_path(checkpoint: Path) -> Path:
    """Return where the ranges of a checkpoint lie: beside it.

    Examples
    --------
    >>> ranges_path(Path("runs/mine/model.safetensors")).as_posix()
    'runs/mine/model.int8.json'
    """
    return checkpoint.with_suffix(".int8.json")


def quantised_values(model: ModelConfig) -> tuple[str, ...]:
    """Return the names, in the graph, of all values that become 8-bit numbers."""
    shapes, names = weight_shapes(model), ["picture", "stem.relu"]
    for layer in layer_infos(model)[1:]:
        names += [f"{layer.name}.relu1", f"{layer.name}.conv2"]
        names += [f"{layer.name}.shortcut"] * (f"{layer.name}.shortcut.0.weight" in shapes)
        names += [layer.name]
    return tuple(names)


def read_ranges(path: Path, model: ModelConfig) -> Ranges:
    """Read what :meth:`Ranges.save` wrote, for a network of this shape.

    Raises
    ------
    CheckpointError
        If there is none, or it is damaged or of another network.
    """
    if not path.is_file():
        raise CheckpointError(
            f"The 8-bit network needs the ranges of its values, and there are none at {path}; "
            f"{CURE}."
        )
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        found = Ranges(
            weights=str(given["weights"]),
            folds=tuple(int(fold) for fold in given["folds"]),
            clips=int(given["clips"]),
            temperature=float(given["temperature"]),
            values={name: (float(a), float(b)) for name, (a, b) in given["values"].items()},
            checks={name: tuple(map(float, row)) for name, row in given["checks"].items()},
        )
        if not _fits(found, model):
            raise ValueError
    except (LookupError, TypeError, ValueError, AttributeError):
        raise CheckpointError(f"{path.name} holds no ranges of such a network; {CURE}.") from None
    return found


def check_belongs(ranges: Ranges, weights: Weights, path: Path) -> None:
    """Raise CheckpointError unless the ranges, read from `path`, are of these weights."""
    if (found := weights.digest()) != ranges.weights:
        raise CheckpointError(
            f"{path.name} was measured with the weights {ranges.weights}, and these are {found}; "
            f"{CURE}."
        )


def _fits(ranges: Ranges, model: ModelConfig) -> bool:
    """Tell whether there is a range for each value, and each is one."""
    numbers = [*ranges.values.values(), *ranges.checks.values()]
    return (
        set(ranges.values) == set(quantised_values(model))
        and all(math.isfinite(number) for row in numbers for number in row)
        and all(low < high for low, high in ranges.values.values())
        and set(ranges.checks) == set(SOUNDS)
        and all(len(row) == model.n_classes for row in ranges.checks.values())
        and 0 < ranges.temperature < math.inf
    )
