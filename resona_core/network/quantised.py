"""The network in 8 bit: a quarter of the bytes, and faster where the CPU has VNNI.

Activations become uint8 and weights int8 (U8S8, which x86 multiplies fastest), each weight channel
with a scale of its own. Convolutions and sums compute in 8 bit; the mean at the end and the last
layers, a thousandth of the work, stay float32.

Source: Wu et al., "Integer Quantization for Deep Learning Inference", 2020; ranges from the
minimum and maximum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from resona_core.network.description import CheckpointInfo
from resona_core.network.export import (
    EMBEDDING,
    KINDS,
    LOGITS,
    OPSET,
    Floats,
    Graph,
    geometry,
    model_of,
    slots,
    value,
    whole,
    write_network,
)
from resona_core.network.ranges import Ranges

FULL, NARROW = 127, 64
"""The largest weight. Processors without VNNI add two products in 16 bits, which 255 x 64 x 2 just
fit: there, larger weights would silently change the answer."""

_LARGEST_BIAS = np.float32(2**30)  # biases are int32


def to_int8_onnx(
    info: CheckpointInfo, weights: Mapping[str, Floats], ranges: Ranges, largest: int
) -> onnx.ModelProto:
    """Return the 8-bit network as a complete ONNX model of free batch size.

    It has the inputs, outputs and metadata of :func:`~resona_core.network.export.to_onnx`, without
    the layers, and with a temperature of its own.
    """
    return whole(*int8_graph(info, weights, ranges, largest))


def int8_graph(
    info: CheckpointInfo, weights: Mapping[str, Floats], ranges: Ranges, largest: int
) -> tuple[onnx.ModelProto, dict[str, NDArray[Any]]]:
    """Return the 8-bit graph with empty places for its constants, and these by name.

    Parameters
    ----------
    info : CheckpointInfo
    weights : mapping of str to ndarray
        A checkpoint's.
    ranges : Ranges
        Of these weights.
    largest : int
        The largest 8-bit weight: :data:`FULL` or :data:`NARROW`.
    """
    graph = _Int8Graph(weights, ranges, largest)
    write_network(graph, info.model)
    outputs = [value(LOGITS, len(info.labels)), value(EMBEDDING, info.model.channels[-1])]
    outputs += [value(KINDS, len(info.kinds))] if info.kinds else []
    model = model_of(info, graph.nodes, outputs, OPSET, ranges.temperature)
    model.graph.initializer.extend(slots(graph.constants))
    return model, graph.constants


class _Int8Graph(Graph):
    """Writes each value as 8-bit numbers and back (Q, DQ), which runtimes compute in 8 bit."""

    def __init__(self, weights: Mapping[str, Floats], ranges: Ranges, largest: int) -> None:
        super().__init__(weights)
        self._ranges, self._largest = ranges.values, largest
        self._scales: dict[str, np.float32] = {}  # of what each node reads

    def start(self, picture: str) -> str:
        """Return the picture in 8 bit."""
        return self._quantised(picture, picture)

    def convolution(self, x: str, convolution: str, norm: str, name: str, stride: int) -> str:
        """Add a convolution of 8-bit numbers; what is rectified next is not rounded before."""
        weight, bias = self.folded(convolution, norm)
        scales = np.abs(weight).max(axis=(1, 2, 3)) / np.float32(self._largest)
        least = np.abs(bias) / (self._scales[x] * _LARGEST_BIAS)  # of a channel without weights
        scales = np.maximum(scales, np.maximum(least, np.finfo(np.float32).tiny))
        integers = np.rint(weight / scales[:, None, None, None]).astype(np.int8)
        of_bias = scales * self._scales[x]
        inputs = [
            x,
            self._stored(f"{name}.weight", integers, scales, np.zeros(len(scales), np.int8)),
            self._stored(f"{name}.bias", np.rint(bias / of_bias).astype(np.int32), of_bias),
        ]
        found = self.add("Conv", inputs, f"{name}.exact", **geometry(weight, stride))
        return self._quantised(found, name) if name in self._ranges else found

    def relu(self, x: str, name: str) -> str:
        """Round to 8-bit numbers from 0 on, which rectifies."""
        return self._quantised(x, name)

    def total(self, x: str, y: str, name: str) -> str:
        """Add two values; as 8-bit numbers from 0 on, they are rectified."""
        return self._quantised(self.add("Add", [x, y], f"{name}.sum"), name)

    def largest(self, x: str, name: str) -> str:
        """Add the stem's pooling: of the 8-bit numbers themselves."""
        return self._quantised(super().largest(x, f"{name}.exact"), name, like="stem.relu")

    def _quantised(self, x: str, name: str, like: str = "") -> str:
        """Add the way to 8-bit numbers and back, on the range of a value."""
        low, high = self._ranges[like or name]
        low, high = min(low, 0.0), max(high, 0.0)
        scale = np.float32((high - low) / 255)
        zero = np.uint8(round(-low / float(scale)))
        scale_and_zero = [
            self.constant(f"{name}.scale", np.array(scale)),
            self.constant(f"{name}.zero", np.array(zero)),
        ]
        numbers = self.add("QuantizeLinear", [x, *scale_and_zero], f"{name}.int8")
        found = self.add("DequantizeLinear", [numbers, *scale_and_zero], f"{name}.again")
        self._scales[found] = scale
        return found

    def _stored(self, name: str, whole: NDArray[Any], scales: Floats, *zero: NDArray[Any]) -> str:
        """Add constants that are stored as whole numbers, one scale a channel."""
        inputs = [self.constant(f"{name}.int", whole), self.constant(f"{name}.scale", scales)]
        inputs += [self.constant(f"{name}.zero", each) for each in zero]
        return self.add("DequantizeLinear", inputs, name, axis=0)
