"""The weights of a checkpoint as they lie in its file, read one by one; no torch is loaded."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from resona_core.config import ModelConfig
from resona_core.errors import CheckpointError
from resona_core.network.description import CheckpointInfo, read_info

Floats = NDArray[np.float32]


class Weights(Mapping[str, Floats]):
    """The weights of one network by name, as float32; each is read when it is asked for.

    The file is memory-mapped: what is not kept by who asks takes no memory.

    Parameters
    ----------
    path : Path
        A checkpoint.

    Raises
    ------
    CheckpointError
        As :func:`resona_core.network.description.read_info`, and for missing or unknown weights
        and wrong shapes; for NaN when they are asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.info: CheckpointInfo = read_info(path)
        self._file = cast(Any, safe_open(path, framework="np"))
        self._names = tuple(self._file.keys())
        expected = weight_shapes(self.info.model)
        if missing := sorted(set(expected) ^ set(self._names)):
            raise CheckpointError(
                f"{path.name} and the network it describes differ in {len(missing)} weights, "
                f"first {missing[0]}; the file is incomplete or belongs to another network."
            )
        for name, shape in expected.items():
            if (found := tuple(self._file.get_slice(name).get_shape())) != shape:
                raise CheckpointError(
                    f"{path.name}: {name} has shape {found}, the network it describes "
                    f"needs {shape}."
                )

    def __getitem__(self, name: str) -> Floats:
        values: Floats = self._file.get_tensor(name).astype(np.float32)
        if not math.isfinite(values.sum(dtype=np.float64)):
            raise CheckpointError(
                f"{self.path.name}: the weights {name} are no numbers (NaN or infinite); the "
                "training failed, or the file is damaged: train or download it again."
            )
        return values

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def digest(self) -> str:
        """Return 12 hexadecimal digits that name these weights."""
        halves = {name: self._file.get_tensor(name) for name in self if _counts(name)}
        return digest_of(
            {name: half.astype(np.float16, copy=False) for name, half in halves.items()}
        )


def digest_of(halves: Mapping[str, NDArray[np.float16]]) -> str:
    """Return 12 hexadecimal digits that name the weights of a network, given as fp16."""
    digest = hashlib.sha256()
    for name in sorted(halves):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(halves[name]).data)
    return digest.hexdigest()[:12]


def _counts(name: str) -> bool:
    """Tell whether a weight is one that the network computes with."""
    return not name.endswith("num_batches_tracked")


def weight_shapes(model: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight and of each running statistic of an ``AudioResNet``."""
    width = model.channels[0]
    shapes = _convolution("stem.0", "stem.1", width, 1, 7)
    for stage, (count, channels) in enumerate(
        zip(model.blocks, model.channels, strict=True), start=1
    ):
        for block in range(count):
            name = f"layer{stage}.{block}"
            shapes |= _convolution(f"{name}.conv1", f"{name}.bn1", channels, width, 3)
            shapes |= _convolution(f"{name}.conv2", f"{name}.bn2", channels, channels, 3)
            if width != channels or (block == 0 and stage > 1):
                way_around = f"{name}.shortcut"
                shapes |= _convolution(f"{way_around}.0", f"{way_around}.1", channels, width, 1)
            width = channels
    for head, size in {"fc": model.n_classes, "kinds": model.n_kinds}.items():
        if size:
            shapes |= {f"{head}.weight": (size, width), f"{head}.bias": (size,)}
    return shapes


def _convolution(
    convolution: str, norm: str, channels: int, channels_in: int, size: int
) -> dict[str, tuple[int, ...]]:
    per_channel = ("weight", "bias", "running_mean", "running_var")
    return {
        f"{convolution}.weight": (channels, channels_in, size, size),
        **{f"{norm}.{name}": (channels,) for name in per_channel},
        f"{norm}.num_batches_tracked": (),
    }
